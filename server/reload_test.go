package server_test

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/server"
)

func TestReload_serves_new_calls_by_the_new_plan_and_running_ones_by_the_old(t *testing.T) {
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	route := func(u *upstream, extra string) string {
		return "providers: [" + u.provider("p") + "]\nmodels: [{name: fast, targets: [{provider: p, model: m}]}" + extra + "]\n"
	}
	h := start(t, route(a, ", {name: old, targets: [{provider: p, model: gone}]}"))
	_, rest := h.stream(t, "fast")
	if _, text := h.chat(t, "fast"); text != "from a" {
		t.Fatalf("before: %q", text)
	}
	if err := h.Reload(parse(t, freePorts+route(b, ""))); err != nil {
		t.Fatal(err)
	}
	if _, text := h.chat(t, "fast"); text != "from b" {
		t.Errorf("after: %q", text)
	}
	if status, code := h.chat(t, "old"); status != http.StatusNotFound {
		t.Errorf("a name that is gone: %d %q", status, code)
	}
	close(a.finish)
	if text, err := rest(); err != nil || !strings.Contains(text, "[DONE]") {
		t.Errorf("the running stream: %q, %v", text, err)
	}
	_, metrics := h.get(t, h.admin+"/metrics")
	if strings.Contains(metrics, `target="p/gone"`) || !strings.Contains(metrics, `target="p/m"`) {
		t.Error("/metrics shows the breakers of the old plan")
	}
}

func TestReload_keeps_what_targets_that_did_not_change_have_learnt(t *testing.T) {
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	plan := func(u *upstream, extra string) string {
		return "providers: [" + u.provider("a") + "]\nbreaker: {min_calls: 1}\nmodels: [{name: kept, targets: [{provider: a, model: m}]}" + extra + "]\n"
	}
	h := start(t, plan(a, ", {name: old, targets: [{provider: a, model: gone}]}"))
	var rests []func() (string, error)
	for _, model := range []string{"kept", "old"} {
		_, rest := h.stream(t, model)
		rests = append(rests, rest)
	}
	if err := h.Reload(parse(t, freePorts+plan(a, ""))); err != nil {
		t.Fatal(err)
	}
	// Calls of the old plan break: that concerns the target that is still there.
	a.broken.Store(true)
	close(a.finish)
	for _, rest := range rests {
		if text, _ := rest(); strings.Contains(text, "[DONE]") {
			t.Fatalf("a stream ended well: %q", text)
		}
	}
	// A receipt is written after the breaker heard of its call.
	eventually(t, "both calls are accounted for", func() bool { return len(h.log.calls(t)) == 2 })
	_, metrics := h.get(t, h.admin+"/metrics")
	if strings.Contains(metrics, `target="a/gone"`) || !strings.Contains(metrics, `sluice_target_circuit_state{target="a/m"} 2`) {
		t.Error("/metrics shows a target that is gone, or not the breaker of the one that is there")
	}
	if status, text := h.chat(t, "kept"); status != http.StatusServiceUnavailable {
		t.Errorf("a spared target: %d %q", status, text)
	}
	// A change elsewhere leaves the breaker open; the same name at another address is
	// another target.
	if err := h.Reload(parse(t, freePorts+plan(a, ", {name: more, targets: [{provider: sandbox, model: echo}]}"))); err != nil {
		t.Fatal(err)
	}
	if status, text := h.chat(t, "kept"); status != http.StatusServiceUnavailable {
		t.Errorf("a spared target after a reload: %d %q", status, text)
	}
	if err := h.Reload(parse(t, freePorts+plan(b, ""))); err != nil {
		t.Fatal(err)
	}
	if _, text := h.chat(t, "kept"); text != "from b" {
		t.Errorf("another address: %q", text)
	}
	if _, metrics := h.get(t, h.admin+"/metrics"); !strings.Contains(metrics, `sluice_target_circuit_state{target="a/m"} 0`) {
		t.Error("/metrics shows the breaker of the old address")
	}
}

func TestReload_refuses_what_needs_a_restart_and_changes_nothing(t *testing.T) {
	h := start(t, "models: [{name: fast, targets: [{provider: sandbox, model: echo}]}]\n")
	before := h.Config()
	err := h.Reload(parse(t, "listen: {http: 127.0.0.1:1, grpc: off, admin: 127.0.0.1:0}\nlimits: {max_request_bytes: 1MiB}\ncors: {origins: [\"*\"]}\nlog: {format: json}\n"))
	if err == nil {
		t.Fatal("accepted")
	}
	want := []string{
		"sluice.yml:1:16: listen.http: a change needs a restart",
		"sluice.yml:1:35: listen.grpc: a change needs a restart",
		"sluice.yml:2:29: limits.max_request_bytes: a change needs a restart",
		"sluice.yml:4:15: log.format: a change needs a restart",
		"sluice.yml:3:8: cors.origins: a change needs a restart",
	}
	if got := err.Error(); got != strings.Join(want, "\n") {
		t.Errorf("got\n%s\nwant\n%s", got, strings.Join(want, "\n"))
	}
	if h.Config() != before {
		t.Error("the configuration changed")
	}
	if status, _ := h.chat(t, "fast"); status != http.StatusOK {
		t.Errorf("a call: %d", status)
	}
}

// docs/config.md says which limits need a restart: these do not.
func TestReload_takes_new_bounds_of_answers(t *testing.T) {
	const pieces, piece = 100, 1 << 10
	chunk := `{"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"` + strings.Repeat("x", piece) + `"},"finish_reason":null}]}`
	whole := `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("x", pieces*piece) + `","refusal":null},"logprobs":null,"finish_reason":"stop"}]}`
	u := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if body, _ := io.ReadAll(r.Body); strings.Contains(string(body), `"stream":true`) {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, strings.Repeat("data: "+chunk+"\n\n", pieces)+"data: [DONE]\n\n")
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, whole)
	}))
	t.Cleanup(u.Close)
	text := "providers: [{name: p, kind: openai, base_url: \"" + u.URL + "\", api_keys: [k]}]\n"
	h := start(t, text)
	ask := func() (status int, code, stream string) {
		status, code = h.chat(t, "p/m")
		_, rest := h.stream(t, "p/m")
		stream, err := rest()
		if err != nil {
			t.Error(err)
		}
		return status, code, stream
	}
	if status, _, stream := ask(); status != http.StatusOK || !strings.HasSuffix(stream, "[DONE]\n\n") {
		t.Errorf("before: %d, %d bytes of events", status, len(stream))
	}
	if err := h.Reload(parse(t, freePorts+text+"limits: {max_answer_bytes: 64KiB, max_stream_bytes: 65KiB}\n")); err != nil {
		t.Fatal(err)
	}
	if status, code, stream := ask(); status != http.StatusBadGateway || code != "upstream_protocol" || !strings.Contains(stream, "exceeds 66560 bytes") || strings.Contains(stream, "[DONE]") {
		t.Errorf("after: %d %.100s, %d bytes of events", status, code, len(stream))
	}
}

func TestReload_changes_the_level_of_the_log(t *testing.T) {
	h := start(t, "")
	if err := h.Reload(parse(t, freePorts+"log: {level: warn}\n")); err != nil {
		t.Fatal(err)
	}
	if h.level.Level() != slog.LevelWarn {
		t.Errorf("got %v", h.level.Level())
	}
	if status, _ := h.chat(t, "sandbox/echo"); status != http.StatusOK {
		t.Fatalf("a call: %d", status)
	}
	if calls := h.log.calls(t); len(calls) != 0 {
		t.Errorf("a call was logged: %v", calls)
	}
}

func TestReload_is_refused_while_stopping(t *testing.T) {
	h := start(t, "")
	if err := h.Stop(t.Context()); err != nil {
		t.Fatal(err)
	}
	if err := h.Reload(parse(t, freePorts)); err == nil {
		t.Error("accepted")
	}
}

func TestServer_keeps_keys_out_of_logs_metrics_and_errors(t *testing.T) {
	u := newUpstream(t, "a")
	h := start(t, "log: {level: debug}\nproviders: ["+u.provider("a")+"]\nrouting: {retries: {max_attempts: 1}}\n")
	u.Close()
	status, body := h.chat(t, "a/m")
	if status < 500 {
		t.Errorf("status %d", status)
	}
	_, metrics := h.get(t, h.admin+"/metrics")
	if all := h.log.String() + metrics + body; strings.Contains(all, "sk-upstream-secret") {
		t.Errorf("the key is in %s", all)
	}
	if len(h.log.calls(t)) != 1 {
		t.Errorf("no receipt: %s", h.log)
	}
}

func TestTakeInventory_names_what_can_be_called_and_who_failed(t *testing.T) {
	u := newUpstream(t, "a")
	u.Close()
	c := parse(t, "providers: ["+u.provider("a")+"]\nmodels: [{name: \"gpt*\", targets: [{provider: a}, {provider: sandbox, model: echo}]}]\n")
	got, err := server.TakeInventory(t.Context(), c, "1")
	if err != nil {
		t.Fatal(err)
	}
	if len(got.Routes) != 1 || strings.Join(got.Routes[0].Targets, " ") != "a/* sandbox/echo" {
		t.Errorf("routes: %+v", got.Routes)
	}
	if len(got.Failed) != 1 || got.Failed[0].Provider != "a" || strings.Contains(got.Failed[0].Error, "sk-") {
		t.Errorf("failed: %+v", got.Failed)
	}
	if len(got.Models) == 0 || !strings.HasPrefix(got.Models[0].ID, "sandbox/") {
		t.Errorf("models: %+v", got.Models)
	}
}
