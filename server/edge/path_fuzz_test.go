package edge

import (
	"bufio"
	"encoding/json"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

// FuzzPath sends any path through the door. Whatever it is: it asks for nothing or for
// the one thing that every other reader of paths would read in it, and what comes back
// quotes at most a short and harmless piece of it.
func FuzzPath(f *testing.F) {
	for _, target := range []string{
		"/", "/v1", "/v1/", "/v1/models", "/v1/models/far/m", "/v1/models/far%2Fm", "/v1/models/far/..", "/v1/models/far/%2e%2e/x", "/v1/models/far//x",
		"/v1/../v1/models", "/v1%2Fmodels", "/v1/models?x=%zz", "/openai/v1/models", "/openai%2Fmodels", "/openai", "/openai/deep/models/m", "//v1/models",
		"/v1/models/%00", "/v1/models/%5c..%5c", "/v1/models/\\", "/v1/models/%ff", "/v1/models/a%0d%0aset-cookie:x", "/docs/../v1/models", "*", "http://other/v1/models",
		"/sluice.v1.ModelsService/ListModels", "/v1/chat/completions/", "/v1/models/" + strings.Repeat("a/", 200),
	} {
		for method := range methods {
			f.Add(target, uint8(method))
		}
	}
	provider := &far{}
	table, err := route.New(nil, []string{"far"}, "far", route.Path{Prefix: "/openai", Provider: "far"}, route.Path{Prefix: "/openai/deep", Provider: "far"})
	if err != nil {
		f.Fatal(err)
	}
	service := gateway.New(&gateway.Plan{
		Routes:          table,
		Providers:       map[string]adapters.Provider{"far": {Name: "far", Chat: provider, Embed: provider, Models: provider}},
		Listed:          []string{"far"},
		DefaultProvider: "far",
	}, usage.Sinks{}, slog.New(slog.DiscardHandler))
	f.Cleanup(service.Close)
	door := New(Config{}, service).HTTP()

	f.Fuzz(func(t *testing.T, target string, method uint8) {
		verb := methods[int(method)%len(methods)]
		r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(verb + " " + target + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n\r\n")))
		if err != nil {
			return // net/http answers that itself
		}
		r = r.WithContext(t.Context())
		provider.mu.Lock()
		provider.calls = nil
		provider.mu.Unlock()
		w := httptest.NewRecorder()
		door.ServeHTTP(w, r)

		if w.Code >= http.StatusInternalServerError {
			t.Errorf("%s %q: %d %s", verb, target, w.Code, w.Body)
		}
		decoded := r.URL.Path
		for _, call := range provider.seen() {
			if cleaned := path.Clean(decoded); cleaned != strings.TrimSuffix(decoded, "/") || strings.ContainsAny(decoded, "\\\x00\r\n\x7f") || !utf8.ValidString(decoded) {
				t.Errorf("%s %q asked the provider", verb, target)
			}
			if !strings.HasSuffix(decoded, call.Model) {
				t.Errorf("%s %q asked for the model %q", verb, target, call.Model)
			}
		}
		if w.Code < http.StatusBadRequest {
			return
		}
		if w.Body.Len() > 2048 {
			t.Errorf("%s %q: %d bytes of error", verb, target, w.Body.Len())
		}
		if strings.Contains(w.Header().Get("Content-Type"), "json") && w.Body.Len() > 0 && !json.Valid(w.Body.Bytes()) {
			t.Errorf("%s %q: %s", verb, target, w.Body)
		}
		if w.Code == http.StatusMethodNotAllowed && w.Header().Get("Allow") == "" {
			t.Errorf("%s %q: 405 without Allow", verb, target)
		}
		for name, values := range w.Header() {
			for _, value := range values {
				if strings.ContainsFunc(value, func(c rune) bool { return c < 0x20 || c == 0x7f }) {
					t.Errorf("%s %q: header %s is %q", verb, target, name, value)
				}
			}
		}
	})
}

var methods = []string{http.MethodGet, http.MethodHead, http.MethodPost, http.MethodPut, http.MethodOptions}
