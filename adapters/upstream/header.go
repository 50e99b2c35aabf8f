package upstream

import (
	"cmp"
	"fmt"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
)

// CheckHeader tells whether the configuration may set a header: not when it is none,
// and not when it belongs to the connection, which is ours. The error names the header
// and never shows the value. "Host" may be set and becomes the request's.
func CheckHeader(name, value string) error {
	switch {
	case !validFieldName(name):
		return fmt.Errorf("%q is no header name", name)
	case !validFieldValue(value):
		return fmt.Errorf("the value of %q holds a character that no HTTP header can carry", name)
	}
	switch textproto.CanonicalMIMEHeaderKey(name) {
	case "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Keep-Alive", "Te", "Trailer", "Accept-Encoding":
		return fmt.Errorf("%q belongs to the connection and cannot be set", name)
	}
	return nil
}

// replaceHeaders puts headers of the configuration in the place of all others of the
// same name. The host among them is returned, because it is no header to net/http.
func replaceHeaders(all http.Header, configured adapters.Header) (host string, err error) {
	for i, f := range configured {
		if err := CheckHeader(f.Name, f.Value); err != nil {
			return "", err
		}
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		if name == "Host" {
			host = f.Value
			continue
		}
		again := slices.ContainsFunc(configured[:i], func(earlier adapters.Field) bool {
			return strings.EqualFold(earlier.Name, f.Name)
		})
		if !again {
			delete(all, name)
		}
		all[name] = append(all[name], f.Value)
	}
	return host, nil
}

// returnedHeader reduces a provider's headers to those that may reach the caller, and to
// the dialect's own.
func returnedHeader(header http.Header, own func(string) bool) adapters.Header {
	var out adapters.Header
	for name, values := range header {
		// Most names are not returned; their first letter says so without a copy.
		if c := name[0] | 0x20; own == nil && c != 'r' && c != 'x' && c != 'o' {
			continue
		}
		lower := strings.ToLower(name)
		if !adapters.ReturnedResponseHeader(lower) && (own == nil || !own(lower)) || ofConnection(header, name) {
			continue
		}
		for _, value := range values {
			out.Add(lower, value)
		}
	}
	sortHeader(out)
	return out
}

// ofConnection tells whether the provider calls a header one for this connection
// alone.
//
// Source: RFC 9110, section 7.6.1.
func ofConnection(header http.Header, name string) bool {
	for _, line := range header["Connection"] {
		for option := range strings.SplitSeq(line, ",") {
			if strings.EqualFold(strings.TrimSpace(option), name) {
				return true
			}
		}
	}
	return false
}

func sortHeader(h adapters.Header) {
	slices.SortFunc(h, func(a, b adapters.Field) int {
		return cmp.Or(strings.Compare(a.Name, b.Name), strings.Compare(a.Value, b.Value))
	})
}

func validFieldName(name string) bool {
	for i := range len(name) {
		b := name[i]
		letter := 'a' <= b && b <= 'z' || 'A' <= b && b <= 'Z' || '0' <= b && b <= '9'
		if !letter && !strings.ContainsRune("!#$%&'*+-.^_`|~", rune(b)) {
			return false
		}
	}
	return name != ""
}

func validFieldValue(value string) bool {
	for i := range len(value) {
		if b := value[i]; b < ' ' && b != '\t' || b == 0x7f {
			return false
		}
	}
	return true
}
