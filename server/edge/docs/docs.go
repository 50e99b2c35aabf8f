// Package docs serves the page on which people read and try the REST surface, and
// the OpenAPI document that the page is drawn from.
//
// The page is static, loads nothing from elsewhere and keeps a key that is typed
// into it in memory only. This package knows no routes, keys or configuration: it
// shows the document that it is given.
package docs

import (
	"bytes"
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"fmt"
	"io/fs"
	"net/http"
	"path"
	"time"
)

//go:embed page
var page embed.FS

// No inline script or style, nothing from another origin, no frames.
const contentSecurityPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; " +
	"img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// contentTypes are the kinds of files in page; the operating system's table is not
// asked, because it differs.
var contentTypes = map[string]string{
	".html": "text/html; charset=utf-8",
	".css":  "text/css; charset=utf-8",
	".js":   "text/javascript; charset=utf-8",
	".svg":  "image/svg+xml",
}

// asset is one response body, never changed after New.
type asset struct {
	body        []byte
	contentType string
	etag        string
}

type handler struct {
	assets map[string]asset // by URL path
}

// New returns a handler for GET and HEAD of /docs, of the page's files below it and
// of /openapi.json, which is the given document. /docs/ redirects to /docs; any
// other path is 404, any other method 405. The document must be JSON and not change
// afterwards. Safe for concurrent use.
func New(openAPI []byte) http.Handler {
	h := &handler{assets: map[string]asset{
		"/openapi.json": newAsset(openAPI, "application/json"),
	}}
	err := fs.WalkDir(page, "page", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		body, err := page.ReadFile(file)
		if err != nil {
			return err
		}
		contentType, ok := contentTypes[path.Ext(file)]
		if !ok {
			return fmt.Errorf("no content type for %s", file)
		}
		url := "/docs/" + path.Base(file)
		if path.Base(file) == "index.html" {
			url = "/docs"
		}
		h.assets[url] = newAsset(body, contentType)
		return nil
	})
	if err != nil {
		panic("docs: " + err.Error()) // the files are part of the binary: a defect of the build
	}
	return h
}

func newAsset(body []byte, contentType string) asset {
	sum := sha256.Sum256(body)
	return asset{body: body, contentType: contentType, etag: `"` + hex.EncodeToString(sum[:16]) + `"`}
}

func (h *handler) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := w.Header()
	header.Set("Content-Security-Policy", contentSecurityPolicy)
	header.Set("X-Content-Type-Options", "nosniff")
	header.Set("Referrer-Policy", "no-referrer")
	a, found := h.assets[r.URL.Path]
	redirect := r.URL.Path == "/docs/"
	switch {
	case !found && !redirect:
		http.Error(w, "not found", http.StatusNotFound)
	case r.Method != http.MethodGet && r.Method != http.MethodHead:
		header.Set("Allow", "GET, HEAD")
		http.Error(w, "method not allowed", http.StatusMethodNotAllowed)
	case redirect:
		// Relative, so that it also holds behind a proxy that serves Sluice below a path.
		header.Set("Location", "../docs")
		w.WriteHeader(http.StatusPermanentRedirect)
	default:
		header.Set("Content-Type", a.contentType)
		header.Set("ETag", a.etag)
		header.Set("Cache-Control", "no-cache") // keep, but ask whether it is current
		http.ServeContent(w, r, "", time.Time{}, bytes.NewReader(a.body))
	}
}
