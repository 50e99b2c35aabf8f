package docs_test

import (
	"io"
	"io/fs"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/gen/openapi"

	"github.com/sluice-ai/sluice/server/edge/docs"
)

func get(t *testing.T, method, path string, header ...string) *http.Response {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), method, path, nil)
	for i := 0; i+1 < len(header); i += 2 {
		r.Header.Set(header[i], header[i+1])
	}
	w := httptest.NewRecorder()
	docs.New(openapi.JSON).ServeHTTP(w, r)
	return w.Result()
}

func body(t *testing.T, response *http.Response) string {
	t.Helper()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHandler_serves_each_file_with_its_type(t *testing.T) {
	for path, contentType := range map[string]string{
		"/docs":           "text/html; charset=utf-8",
		"/docs/main.js":   "text/javascript; charset=utf-8",
		"/docs/style.css": "text/css; charset=utf-8",
		"/docs/icon.svg":  "image/svg+xml",
		"/openapi.json":   "application/json",
	} {
		response := get(t, http.MethodGet, path)
		if response.StatusCode != http.StatusOK || response.Header.Get("Content-Type") != contentType {
			t.Errorf("%s: %d %q", path, response.StatusCode, response.Header.Get("Content-Type"))
		}
		if body(t, response) == "" {
			t.Errorf("%s is empty", path)
		}
		head := get(t, http.MethodHead, path)
		if head.StatusCode != http.StatusOK || head.ContentLength != response.ContentLength || body(t, head) != "" {
			t.Errorf("HEAD %s: %d, %d bytes", path, head.StatusCode, head.ContentLength)
		}
	}
}

func TestHandler_serves_the_document_unchanged(t *testing.T) {
	if body(t, get(t, http.MethodGet, "/openapi.json")) != string(openapi.JSON) {
		t.Error("/openapi.json differs from the document")
	}
}

func TestHandler_redirects_the_trailing_slash(t *testing.T) {
	response := get(t, http.MethodGet, "/docs/")
	location, err := response.Location()
	if err != nil || response.StatusCode != http.StatusPermanentRedirect || location.Path != "../docs" {
		t.Errorf("%d to %v, %v", response.StatusCode, location, err)
	}
}

func TestHandler_answers_304_to_the_current_etag(t *testing.T) {
	etag := get(t, http.MethodGet, "/openapi.json").Header.Get("ETag")
	if !regexp.MustCompile(`^"[0-9a-f]+"$`).MatchString(etag) {
		t.Fatalf("etag %q", etag)
	}
	if status := get(t, http.MethodGet, "/openapi.json", "If-None-Match", etag).StatusCode; status != http.StatusNotModified {
		t.Errorf("status %d for the current etag", status)
	}
	if status := get(t, http.MethodGet, "/openapi.json", "If-None-Match", `"old"`).StatusCode; status != http.StatusOK {
		t.Errorf("status %d for another etag", status)
	}
	if other := get(t, http.MethodGet, "/docs").Header.Get("ETag"); other == etag {
		t.Error("two files have one etag")
	}
}

func TestHandler_refuses_other_paths_and_methods(t *testing.T) {
	for _, path := range []string{"/", "/docs/none.js", "/docs/page/main.js", "/docs/../docs.go", "/docs/index.html"} {
		if status := get(t, http.MethodGet, "http://sluice.test"+path).StatusCode; status != http.StatusNotFound {
			t.Errorf("%s: %d", path, status)
		}
	}
	for _, path := range []string{"/docs", "/docs/", "/openapi.json"} {
		response := get(t, http.MethodPost, path)
		if response.StatusCode != http.StatusMethodNotAllowed || response.Header.Get("Allow") != "GET, HEAD" {
			t.Errorf("POST %s: %d, Allow %q", path, response.StatusCode, response.Header.Get("Allow"))
		}
	}
}

func TestHandler_forbids_foreign_and_inline_code(t *testing.T) {
	for _, path := range []string{"/docs", "/docs/main.js", "/openapi.json", "/docs/none"} {
		header := get(t, http.MethodGet, path).Header
		policy := header.Get("Content-Security-Policy")
		for _, directive := range []string{"default-src 'none'", "script-src 'self'", "style-src 'self'", "connect-src 'self'", "frame-ancestors 'none'"} {
			if !strings.Contains(policy, directive) {
				t.Errorf("%s: policy %q lacks %s", path, policy, directive)
			}
		}
		if strings.Contains(policy, "unsafe") || header.Get("X-Content-Type-Options") != "nosniff" {
			t.Errorf("%s: policy %q, options %q", path, policy, header.Get("X-Content-Type-Options"))
		}
	}
}

// The policy blocks these silently in a browser, so they are looked for here.
func TestPage_holds_nothing_that_the_policy_blocks(t *testing.T) {
	forbidden := map[string]*regexp.Regexp{
		"an inline script or style": regexp.MustCompile(`<script>|<style|\sstyle="|\son[a-z]+="|javascript:|\.style\.|setAttribute\("style"`),
		"code from text":            regexp.MustCompile(`innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function`),
		"a foreign address":         regexp.MustCompile(`(?:src|href|import|from|url)[\s=(]+["']?(?:https?:)?//`),
		"a kept secret":             regexp.MustCompile(`localStorage|sessionStorage|indexedDB|document\.cookie`),
	}
	files := 0
	err := fs.WalkDir(os.DirFS("page"), ".", func(file string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		files++
		text, err := os.ReadFile(filepath.Join("page", file))
		for what, pattern := range forbidden {
			if found := pattern.Find(text); found != nil {
				t.Errorf("%s holds %s: %q", file, what, found)
			}
		}
		return err
	})
	if err != nil || files == 0 {
		t.Error(files, err)
	}
}

// Every address that the page and its modules name must be served.
func TestPage_names_only_files_that_are_served(t *testing.T) {
	queue := []string{"/docs"}
	seen := map[string]bool{"/docs": true}
	reference := regexp.MustCompile(`(?:src|href)="([a-z./]+)"|from "\./([a-z]+\.js)"|fetch\("([a-z.]+)"\)`)
	for len(queue) > 0 {
		path := queue[0]
		queue = queue[1:]
		response := get(t, http.MethodGet, path)
		if response.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, response.StatusCode)
		}
		if path == "/openapi.json" {
			continue
		}
		for _, match := range reference.FindAllStringSubmatch(body(t, response), -1) {
			next := "/" + match[1] + match[3]
			if match[2] != "" {
				next = "/docs/" + match[2]
			}
			if !seen[next] {
				seen[next] = true
				queue = append(queue, next)
			}
		}
	}
	for _, path := range []string{"/docs/main.js", "/docs/sse.js", "/docs/style.css", "/openapi.json"} {
		if !seen[path] {
			t.Errorf("the page does not lead to %s", path)
		}
	}
}

func TestPage_modules(t *testing.T) {
	node, err := exec.LookPath("node")
	if err != nil {
		t.Skip("node is not installed: the page's modules are not tested")
	}
	files, err := filepath.Glob("testdata/*.test.mjs")
	if err != nil || len(files) == 0 {
		t.Fatal(files, err)
	}
	output, err := exec.CommandContext(t.Context(), node, append([]string{"--test"}, files...)...).CombinedOutput()
	if err != nil {
		t.Errorf("%v\n%s", err, output)
	}
}
