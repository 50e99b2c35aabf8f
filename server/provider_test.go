package server_test

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
)

// What the file says of a provider's dialect, and of members that it cannot express,
// reaches the adapter: a provider that speaks OpenAI's dialect is configuration only.
func TestServer_speaks_a_providers_dialect_as_the_file_has_it(t *testing.T) {
	var asked atomic.Pointer[string]
	far := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		text := r.Header.Get("X-Key") + " " + string(body)
		asked.Store(&text)
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi","thoughts":"hm"},"finish_reason":"stop"}]}`)
	}))
	defer far.Close()
	const dialect = `dialect: {seed: random_seed, reasoning: thoughts, unsupported: [logit_bias], key_header: x-key}}`
	h := start(t, `providers:
  - {name: strict, kind: custom, base_url: "`+far.URL+`", api_keys: [k], `+dialect+`
  - {name: lax, kind: custom, base_url: "`+far.URL+`", api_keys: [k], unsupported_params: drop, `+dialect+`
`)
	ask := func(model, choice string) (int, string) {
		t.Helper()
		asked.Store(nil)
		request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, h.http+"/v1/chat/completions",
			strings.NewReader(`{"model":"`+model+`","messages":[{"role":"user","content":"Hi"}],"seed":7,"logit_bias":{"1":2}}`))
		if err != nil {
			t.Fatal(err)
		}
		request.Header.Set("Content-Type", "application/json")
		if choice != "" {
			request.Header.Set("X-Sluice-Unsupported-Params", choice)
		}
		response, err := h.client.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		body, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(body)
	}
	if status, body := ask("strict/m", ""); status != http.StatusBadRequest || !strings.Contains(body, `logit_bias`) || asked.Load() != nil {
		t.Errorf("a member that it cannot express: %d %s", status, body)
	}
	for model, choice := range map[string]string{"lax/m": "", "strict/m": "drop"} {
		status, body := ask(model, choice)
		if status != http.StatusOK || !strings.Contains(body, `"reasoning_content":"hm"`) {
			t.Errorf("%s: %d %s", model, status, body)
		}
		sent := asked.Load()
		if sent == nil || !strings.HasPrefix(*sent, "k ") || !strings.Contains(*sent, `"random_seed":7`) || strings.Contains(*sent, "logit_bias") {
			t.Errorf("%s: the provider got %v", model, sent)
		}
	}
}
