package server_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
)

func TestServer_lists_the_default_providers_models_first_and_hides_an_unasked_sandbox(t *testing.T) {
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	h := start(t, "providers: ["+a.provider("a")+", "+b.provider("b")+"]\nrouting: {default_provider: b}\n")
	status, body := h.get(t, h.http+"/v1/models")
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil || status != http.StatusOK {
		t.Fatalf("status %d, %v: %s", status, err, body)
	}
	var ids []string
	for _, m := range list.Data {
		ids = append(ids, m.ID)
	}
	if want := []string{"m", "a/m"}; !slices.Equal(ids, want) {
		t.Errorf("got %q, want %q", ids, want)
	}
	if _, text := h.chat(t, "anything"); text != "from b" {
		t.Errorf("the default provider: %q", text)
	}
}

func TestServer_spares_a_target_that_fails_and_no_other(t *testing.T) {
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	h := start(t, "providers: ["+a.provider("a")+", "+b.provider("b")+`]
models:
  - {name: first, targets: [{provider: a, model: one}]}
  - {name: second, targets: [{provider: a, model: two}]}
  - {name: both, targets: [{provider: a, model: one}, {provider: b, priority: 1}]}
breaker: {min_calls: 2, failure_ratio: 1, cool_down: 1h}
`)
	a.broken.Store(true)
	for range 2 {
		if status, _ := h.chat(t, "first"); status < 500 {
			t.Fatalf("a broken provider: %d", status)
		}
	}
	a.broken.Store(false)
	if status, code := h.chat(t, "first"); status != http.StatusServiceUnavailable || code != "circuit_open" {
		t.Errorf("the target that failed: %d %q", status, code)
	}
	for _, model := range []string{"second", "a/three", "b/m", "sandbox/echo"} {
		if status, text := h.chat(t, model); status != http.StatusOK {
			t.Errorf("%s: %d %q", model, status, text)
		}
	}
	if _, text := h.chat(t, "both"); text != "from b" {
		t.Errorf("with another target: %q", text)
	}
	_, metrics := h.get(t, h.admin+"/metrics")
	for _, want := range []string{`sluice_target_circuit_state{target="a/one"} 2`, `sluice_target_circuit_state{target="a/two"} 0`} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if !strings.Contains(h.log.String(), "circuit breaker changed") {
		t.Error("the log does not tell of the breaker")
	}
}

func TestServer_does_not_spare_a_target_with_a_key_of_its_own_for_the_providers_keys(t *testing.T) {
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	a.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Authorization") != "Bearer sk-own" {
			w.WriteHeader(http.StatusUnauthorized)
			return
		}
		a.serve(w, r)
	})
	h := start(t, fmt.Sprintf(`
providers: [{name: a, kind: openai, base_url: %q, api_keys: [sk-one, sk-two]}, %s]
models:
  - name: fast
    targets:
      - {provider: a, model: m, headers: {Authorization: Bearer sk-own}}
      - {provider: b, model: m, priority: 1}
`, a.URL, b.provider("b")))
	if status, _ := h.chat(t, "a/other"); status < 400 {
		t.Fatalf("keys that are refused: %d", status)
	}
	if _, text := h.chat(t, "fast"); text != "from a" {
		t.Errorf("while the provider's keys rest: %q, want the target that needs none of them", text)
	}
}

func TestServer_spares_a_target_that_hangs(t *testing.T) {
	a := newUpstream(t, "a")
	a.hangs.Store(true)
	h := start(t, "providers: ["+a.provider("a")+`]
routing: {timeouts: {attempt: 50ms}, retries: {max_attempts: 1}}
breaker: {min_calls: 5, cool_down: 1h}
`)
	for range 5 {
		if status, code := h.chat(t, "a/m"); status != http.StatusGatewayTimeout {
			t.Fatalf("a target that hangs: %d %q", status, code)
		}
	}
	if status, code := h.chat(t, "a/m"); status != http.StatusServiceUnavailable || code != "circuit_open" {
		t.Errorf("after five timeouts: %d %q", status, code)
	}
	if _, metrics := h.get(t, h.admin+"/metrics"); !strings.Contains(metrics, `sluice_target_circuit_state{target="a"} 2`) {
		t.Error("/metrics does not show the open circuit")
	}
}

func TestServer_never_spares_the_sandbox(t *testing.T) {
	// A target without a model is the provider with whatever model was asked for.
	h := start(t, "models: [{name: \"any*\", targets: [{provider: sandbox}]}]\nbreaker: {min_calls: 1}\n")
	for range 3 {
		if status, _ := h.chat(t, "sandbox/error-500"); status < 500 {
			t.Fatalf("a model that is to fail: %d", status)
		}
	}
	if status, text := h.chat(t, "sandbox/echo"); status != http.StatusOK {
		t.Errorf("a healthy model: %d %q", status, text)
	}
}

func TestServer_bounds_requests_by_the_configuration(t *testing.T) {
	h := start(t, "limits: {max_request_bytes: 1KiB}\n")
	resp, err := h.client.Post(h.http+"/v1/chat/completions", "application/json",
		strings.NewReader(`{"model":"sandbox/echo","messages":[{"role":"user","content":"`+strings.Repeat("x", 2000)+`"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusRequestEntityTooLarge {
		t.Errorf("status %d", resp.StatusCode)
	}
}

func TestServer_lets_pages_of_this_machine_call_and_others_only_when_told(t *testing.T) {
	preflight := func(h *house, origin string) string {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodOptions, h.http+"/v1/chat/completions", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Origin", origin)
		req.Header.Set("Access-Control-Request-Method", "POST")
		req.Header.Set("Access-Control-Request-Headers", "content-type")
		resp, err := h.client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		return resp.Header.Get("Access-Control-Allow-Origin")
	}
	usual, told := start(t, ""), start(t, "cors: {origins: [\"https://*.example.com\"]}\n")
	tests := []struct {
		house   *house
		origin  string
		allowed bool
	}{
		{usual, "http://localhost:5173", true},
		{usual, "http://127.0.0.1", true},
		{usual, "https://localhost.example.com", false},
		{usual, "https://evil.example", false},
		{told, "https://app.example.com", true},
		{told, "http://localhost:5173", false},
	}
	for _, test := range tests {
		if got := preflight(test.house, test.origin); (got != "") != test.allowed {
			t.Errorf("%s: Access-Control-Allow-Origin is %q", test.origin, got)
		}
	}
}

func TestReload_closes_the_old_providers_after_their_last_call(t *testing.T) {
	a := newUpstream(t, "a")
	h := start(t, "providers: ["+a.provider("a")+"]\n")
	_, rest := h.stream(t, "a/m")
	if err := h.Reload(parse(t, freePorts)); err != nil {
		t.Fatal(err)
	}
	if n := a.open.Load(); n != 1 {
		t.Fatalf("%d connections while the call runs, want 1", n)
	}
	close(a.finish)
	if text, err := rest(); err != nil || !strings.Contains(text, "[DONE]") {
		t.Errorf("got %q, %v", text, err)
	}
	eventually(t, "the connections of the old plan are closed", func() bool { return a.open.Load() == 0 })
}

func TestReload_fails_no_call(t *testing.T) {
	a := newUpstream(t, "a")
	plans := []string{
		"providers: [" + a.provider("a") + "]\nmodels: [{name: fast, targets: [{provider: a, model: m}]}]\n",
		"models: [{name: fast, targets: [{provider: sandbox, model: echo}]}]\n",
	}
	h := start(t, plans[0])
	var callers sync.WaitGroup
	done := make(chan struct{})
	for range 4 {
		callers.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				if status, text := h.chat(t, "fast"); status != http.StatusOK {
					t.Errorf("%d %s", status, text)
					return
				}
			}
		})
	}
	for i := range 50 {
		if err := h.Reload(parse(t, freePorts+plans[i%2])); err != nil {
			t.Error(err)
		}
	}
	close(done)
	callers.Wait()
}
