package edge

import (
	"net/url"
	"path"
	"strings"
	"testing"
	"unicode/utf8"
)

// FuzzSpelling holds that a path that is let through is its own normal form for every
// reader: RFC 3986, section 5.2.4 (path.Clean), merging slashes, and decoding once.
func FuzzSpelling(f *testing.F) {
	for _, seed := range []string{
		"/v1/models/far%2Fm", "/v1/models/..%2f..", "//v1//models", "/v1/./x", "/v1/%2e%2e/x", "/a%00", `/a\b`, "/a%5cb",
		"/%ff", "/v1/models/a%252Fb", "/v1/models/...", "/a/", "/", "*", "/a?b=//../%2F", "http://h//x", "/%2F", "/v1/models/%2F%2F",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, target string) {
		u, err := url.ParseRequestURI(target)
		if err != nil || u.Host != "" || !strings.HasPrefix(u.Path, "/") {
			return
		}
		at := encodedSlash(u)
		if at >= len(u.Path) || at >= 0 && u.Path[at] != '/' {
			t.Fatalf("the encoded slash of %q is at %d of %q", target, at, u.Path)
		}
		if raw, _, _ := strings.Cut(target, "?"); (at >= 0) != strings.Contains(strings.ToLower(raw), "%2f") {
			t.Fatalf("the encoded slash of %q is at %d", target, at)
		}
		if misspelt(u) != "" {
			return
		}
		if strings.ContainsAny(u.Path, "\x00\r\n\t\\\x7f") || !utf8.ValidString(u.Path) {
			t.Errorf("%q passes as %q", target, u.Path)
		}
		if clean := path.Clean(u.Path); at < 0 && clean != u.Path && clean+"/" != u.Path {
			t.Errorf("%q passes as %q, which others read as %q", target, u.Path, clean)
		}
		for segment := range strings.SplitSeq(u.Path, "/") {
			if segment == "." || segment == ".." {
				t.Errorf("%q passes as %q", target, u.Path)
			}
		}
	})
}
