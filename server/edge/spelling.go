package edge

import (
	"net/http"
	"net/url"
	"strings"
	"unicode/utf8"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// A path has one spelling here. %-encoded characters are decoded once, by net/url, and
// what several readers would read differently names nothing: it is refused, not cleaned,
// because whoever stands in front may have cleaned it differently, or not at all.

// misspelt says what makes a path ambiguous, "" when nothing does. Encoded slashes are
// another matter, see [encodedSlash].
func misspelt(u *url.URL) string {
	raw := u.RawPath
	if raw == "" {
		raw = u.Path
	}
	switch {
	case strings.Contains(raw, "//"):
		return "it has two slashes in a row"
	case strings.Contains(u.Path, "/.") && hasDotSegment(u.Path):
		return `it has a "." or ".." between slashes`
	case !utf8.ValidString(u.Path):
		return "it is no UTF-8"
	}
	for i := range len(u.Path) {
		switch c := u.Path[i]; {
		case c < 0x20 || c == 0x7f:
			return "it has a control character"
		case c == '\\':
			return "it has a backslash"
		}
	}
	return ""
}

// hasDotSegment tells whether a decoded path has one, encoded or not: clients take "%2e"
// for a dot as well (WHATWG URL standard, "double-dot URL path segment").
func hasDotSegment(path string) bool {
	for segment := range strings.SplitSeq(path, "/") {
		if segment == "." || segment == ".." {
			return true
		}
	}
	return false
}

// encodedSlash returns where in the decoded path the first slash stands that was sent as
// %2F, negative when none was.
func encodedSlash(u *url.URL) int {
	decoded := 0
	for raw := u.RawPath; raw != ""; decoded++ { // empty where every slash was sent as one
		if raw[0] != '%' {
			raw = raw[1:]
			continue
		}
		if strings.HasPrefix(raw, "%2F") || strings.HasPrefix(raw, "%2f") {
			return decoded
		}
		raw = raw[min(3, len(raw)):]
	}
	return -1
}

// checkSpelling returns why no path is spelt as that of r, nil when it may be. A slash
// may be encoded within an id alone: anywhere else it is none to those who compare
// paths as they were sent.
func (d *httpDoor) checkSpelling(r *http.Request) *fault.Error {
	why := misspelt(r.URL)
	if at := encodedSlash(r.URL); why == "" && at >= 0 && at < d.idStart(r.URL.Path) {
		why = "it has an encoded slash outside of an id"
	}
	if why == "" {
		return nil
	}
	under, rest, _ := d.rest.service.Prefix(r.URL.Path)
	if under == "" {
		rest = r.URL.Path
	}
	if meant := meantPath(rest); meant != "" && misspelt(&url.URL{Path: meant}) == "" {
		return unknownPath(r, under)
	}
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND, "unknown path %s: %s", visible(r.URL.EscapedPath(), maxShownBytes), why)
}

// idStart returns where the id begins in a decoded path, its length when it has none.
func (d *httpDoor) idStart(path string) int {
	at := place{endpoint: find(path), path: path}
	if at.endpoint == nil {
		if under, rest, ok := d.rest.service.Prefix(path); ok {
			at = placeUnder(under, rest)
		}
	}
	if at.endpoint == nil || !strings.HasSuffix(at.endpoint.path, "/") {
		return len(path)
	}
	return len(path) - (len(at.path) - len(prefix) - len(at.endpoint.path))
}
