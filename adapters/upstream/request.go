package upstream

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
)

// Request is what an adapter sends.
type Request struct {
	Method string
	// Path goes behind the base URL. It begins with a slash; what came from a caller
	// is escaped (see [PathSegment]).
	Path string
	// Query is a raw query string without "?". What cannot stand in one is escaped.
	Query string
	// Header holds the caller's headers, with lower-case names. Those of the settings
	// and the adapter's own win.
	Header adapters.Header
	// Accept is the content type that the adapter reads.
	Accept string
	// ContentType is the type of Body.
	ContentType string
	// Body is sent from memory, with its length. It must not change any more: the
	// transport may read it after the call returned. Empty: no body.
	Body []byte
}

// PathSegment escapes an id as one segment of a path. It refuses those that no
// escape keeps from being read as a step up or an empty segment.
func PathSegment(id string) (segment string, ok bool) {
	// A server that decodes %2F before it tidies the path would step up from within.
	for part := range strings.SplitSeq(id, "/") {
		if part == "." || part == ".." {
			return "", false
		}
	}
	if id == "" {
		return "", false
	}
	return url.PathEscape(id), true
}

func (c *Client) newRequest(ctx context.Context, r *Request) (*http.Request, error) {
	target := *c.base
	target.RawPath = c.base.RawPath + r.Path
	path, err := url.PathUnescape(target.RawPath)
	if err != nil {
		return nil, err
	}
	target.Path = path
	if r.Query != "" {
		if target.RawQuery != "" {
			target.RawQuery += "&"
		}
		target.RawQuery += queryEscape(r.Query)
	}

	header := make(http.Header, len(r.Header)+len(c.header)+3)
	for _, f := range r.Header {
		if !validFieldName(f.Name) || !validFieldValue(f.Value) {
			return nil, c.Refusal(adapters.KindInvalid, fmt.Sprintf("header %q holds a character that HTTP does not allow", f.Name))
		}
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		header[name] = append(header[name], f.Value)
	}
	if r.Accept != "" {
		header["Accept"] = []string{r.Accept}
	}
	if r.ContentType != "" {
		header["Content-Type"] = []string{r.ContentType}
	}
	if len(c.keys) > 0 {
		// Modulo on the unsigned counter stays in range when it wraps.
		c.dialect.Authorize(header, c.keys[(c.turn.Add(1)-1)%uint64(len(c.keys))])
	}
	maps.Copy(header, c.header)

	request := &http.Request{
		Method: r.Method,
		URL:    &target,
		Host:   c.host,
		Header: header,
	}
	if body := r.Body; len(body) > 0 {
		request.ContentLength = int64(len(body))
		request.Body = io.NopCloser(bytes.NewReader(body))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	return request.WithContext(ctx), nil
}

// addHeaders takes the operator's headers into every request.
func (c *Client) addHeaders(headers adapters.Header) error {
	own := map[string]bool{}
	for _, f := range headers {
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		switch {
		case !validFieldName(f.Name):
			return fmt.Errorf("%q is no header name", f.Name)
		case !validFieldValue(f.Value):
			return fmt.Errorf("the value of %q holds a character that no HTTP header can carry", f.Name)
		}
		switch name {
		case "Host":
			c.host = f.Value
			continue
		case "Connection", "Content-Length", "Transfer-Encoding", "Upgrade", "Keep-Alive", "Te", "Trailer", "Accept-Encoding":
			return fmt.Errorf("%q belongs to the connection and cannot be set", f.Name)
		}
		if !own[name] {
			own[name] = true
			c.header.Del(name)
		}
		c.header[name] = append(c.header[name], f.Value)
	}
	return nil
}

// queryEscape escapes the bytes that would end a query string or a request line,
// and leaves everything else, escapes included, as it is.
func queryEscape(query string) string {
	clean := func(b byte) bool { return b > ' ' && b < 0x7f && b != '#' }
	for i := 0; i < len(query); i++ {
		if clean(query[i]) {
			continue
		}
		var out strings.Builder
		out.WriteString(query[:i])
		for ; i < len(query); i++ {
			if clean(query[i]) {
				out.WriteByte(query[i])
			} else {
				fmt.Fprintf(&out, "%%%02X", query[i])
			}
		}
		return out.String()
	}
	return query
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
