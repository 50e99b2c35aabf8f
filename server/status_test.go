package server_test

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/server"
)

// status asks the admin listener.
func (h *house) status(t *testing.T) *server.Status {
	t.Helper()
	s, err := server.AskStatus(t.Context(), strings.TrimPrefix(h.admin, "http://"), server.Operator{})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// target returns the only target of that name.
func target(t *testing.T, s *server.Status, name string) *server.TargetStatus {
	t.Helper()
	var found []*server.TargetStatus
	for i := range s.Targets {
		if s.Targets[i].Target == name {
			found = append(found, &s.Targets[i])
		}
	}
	if len(found) != 1 {
		t.Fatalf("%d targets %s in %+v", len(found), name, s.Targets)
	}
	return found[0]
}

// The shape is what dashboards and scripts rely on: a change here breaks them.
const statusShape = `{
	"version": "1.2.3", "at": "2026-11-20T12:00:00Z", "started": "2026-11-20T11:59:00Z", "uptime_seconds": 60.5, "ready": true,
	"config": {"source": "sluice.yml", "reloaded_at": null},
	"running_calls": 1, "max_calls": 2,
	"providers": [{
		"name": "a", "kind": "openai", "up": null, "concurrency": null,
		"keys": [{"name": "key-1", "benched": [{"model": "m", "reason": "rate_limited", "until": "2026-11-20T12:00:00Z"}]}]
	}],
	"targets": [{
		"target": "a/m", "routes": ["fast"], "state": "open", "until": "2026-11-20T12:00:00Z", "calls": 10, "failures": 5,
		"busy": 3, "latency_ms": 1.5, "p95_ms": 2.5,
		"concurrency": {"running": 3, "limit": 4, "waiting": 5, "queue": 6, "refused": 7}, "spared": true
	}]
}`

func TestStatus_keeps_its_shape(t *testing.T) {
	at := time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)
	got, err := json.Marshal(server.Status{
		Version: "1.2.3", At: at, Started: at.Add(-time.Minute), UptimeSeconds: 60.5, Ready: true,
		Config: server.ConfigStatus{Source: "sluice.yml"}, RunningCalls: 1, MaxCalls: 2,
		Providers: []server.ProviderStatus{{Name: "a", Kind: "openai", Keys: []server.KeyStatus{
			{Name: "key-1", Benched: []server.BenchStatus{{Model: "m", Reason: "rate_limited", Until: at}}},
		}}},
		Targets: []server.TargetStatus{{
			Target: "a/m", Routes: []string{"fast"}, State: "open", Until: &at, Calls: 10, Failures: 5, Busy: 3, LatencyMS: 1.5, P95MS: 2.5,
			Concurrency: &server.ConcurrencyStatus{Running: 3, Limit: 4, Waiting: 5, Queue: 6, Refused: 7}, Spared: true,
		}},
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := strings.NewReplacer("\n", "", "\t", "", ": ", ":", ", ", ",").Replace(statusShape); string(got) != want {
		t.Errorf("got\n%s\nwant\n%s", got, want)
	}
}

func TestStatus_shows_what_is_in_force(t *testing.T) {
	a := newUpstream(t, "a")
	text := "providers: [" + a.provider("a") + `]
models:
  - {name: fast, targets: [{provider: a, model: m}]}
  - {name: smart, targets: [{provider: a, model: m}, {provider: sandbox}]}
`
	h := start(t, text)
	s := h.status(t)
	if s.Version != "1.2.3" || !s.Ready || s.Config.Source != "sluice.yml" || s.Config.ReloadedAt != nil || s.MaxCalls <= 0 ||
		s.Started.IsZero() || s.At.Before(s.Started) || s.UptimeSeconds < 0 {
		t.Errorf("got %+v", s)
	}
	var names []string
	for _, target := range s.Targets {
		names = append(names, target.Target+" "+target.State+" "+strings.Join(target.Routes, ","))
	}
	if want := []string{"a closed ", "a/m closed fast,smart", "sandbox off smart"}; !slices.Equal(names, want) {
		t.Errorf("targets are %q, want %q", names, want)
	}
	if p := s.Providers[0]; p.Name != "a" || p.Kind != "openai" || p.Up != nil || p.Concurrency != nil || len(p.Keys) != 1 || len(p.Keys[0].Benched) != 0 {
		t.Errorf("the provider: %+v", p)
	}
	_, rest := h.stream(t, "fast")
	if s = h.status(t); s.RunningCalls != 1 || target(t, s, "a/m").Busy != 1 {
		t.Errorf("while a call runs: %d calls, %+v", s.RunningCalls, target(t, s, "a/m"))
	}
	if err := h.Reload(parse(t, freePorts+text)); err != nil {
		t.Fatal(err)
	}
	if s = h.status(t); s.Config.ReloadedAt == nil || s.Config.ReloadedAt.Before(s.Started) || s.Config.ReloadedAt.After(s.At) {
		t.Errorf("after a reload: %+v", s)
	}
	close(a.finish)
	if _, err := rest(); err != nil {
		t.Error(err)
	}
	eventually(t, "no call runs", func() bool { return h.status(t).RunningCalls == 0 })
	if got := target(t, h.status(t), "a/m"); got.Calls != 1 || got.Failures != 0 || got.LatencyMS <= 0 {
		t.Errorf("after a call: %+v", got)
	}
}

func TestStatus_shows_an_open_breaker_and_until_when(t *testing.T) {
	a := newUpstream(t, "a")
	a.broken.Store(true)
	h := start(t, "providers: ["+a.provider("a")+`]
models: [{name: fast, targets: [{provider: a, model: m}]}]
routing: {retries: {max_attempts: 1}}
breaker: {min_calls: 2, failure_ratio: 1, cool_down: 1h}
`)
	for range 2 {
		h.chat(t, "fast")
	}
	s := h.status(t)
	got := target(t, s, "a/m")
	if got.State != "open" || got.Calls != 2 || got.Failures != 2 || !got.Spared || got.Until == nil {
		t.Fatalf("got %+v", got)
	}
	if left := got.Until.Sub(s.At); left <= 59*time.Minute || left > time.Hour {
		t.Errorf("it opens in %s", left)
	}
	if other := target(t, s, "a"); other.State != "closed" || other.Spared || other.Until != nil {
		t.Errorf("the provider's other models: %+v", other)
	}
}

func TestStatus_names_benched_keys_and_never_shows_them(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.WriteHeader(http.StatusUnauthorized)
	}))
	defer upstream.Close()
	const providers = "providers: [{name: a, kind: openai, base_url: %q, api_keys: [sk-secret-one], keys: [{key: sk-secret-two, name: second}]}]\n"
	h := start(t, fmt.Sprintf(providers, upstream.URL))
	h.chat(t, "a/m")
	s := h.status(t)
	keys := s.Providers[0].Keys
	if len(keys) != 2 || keys[0].Name != "key-1" || keys[1].Name != "second" {
		t.Fatalf("keys are %+v", keys)
	}
	for _, key := range keys {
		if len(key.Benched) != 1 || key.Benched[0].Reason != "auth" || !key.Benched[0].Until.After(s.At) {
			t.Errorf("key %s: %+v", key.Name, key.Benched)
		}
	}
	if !target(t, s, "a").Spared {
		t.Error("a provider without a key that works is not spared")
	}
	if _, body := h.get(t, h.admin+"/status"); strings.Contains(body, "secret") || !strings.Contains(body, `"second"`) {
		t.Errorf("/status: %s", body)
	}
	// Somebody mends the address: what the wrong one said of the keys is void.
	right := newUpstream(t, "a")
	if err := h.Reload(parse(t, freePorts+fmt.Sprintf(providers, right.URL))); err != nil {
		t.Fatal(err)
	}
	if status, text := h.chat(t, "a/m"); text != "from a" {
		t.Errorf("after the address was mended: %d %q", status, text)
	}
}

func TestStatus_shows_limits_of_routes_and_providers(t *testing.T) {
	a := newUpstream(t, "a")
	entry := strings.TrimSuffix(a.provider("a"), "}") + ", concurrency: {max: 9}}"
	h := start(t, "providers: ["+entry+`]
models:
  - {name: few, targets: [{provider: a, model: m, concurrency: {max: 2, queue: 5}}]}
  - {name: many, targets: [{provider: a, model: m}]}
`)
	_, rest := h.stream(t, "few")
	s := h.status(t)
	if c := s.Providers[0].Concurrency; c == nil || c.Running != 1 || c.Limit != 9 {
		t.Errorf("the provider's limit: %+v", c)
	}
	seen := 0
	for _, got := range s.Targets {
		switch c := got.Concurrency; {
		case got.Target != "a/m":
		case slices.Equal(got.Routes, []string{"few"}):
			seen++
			if c == nil || *c != (server.ConcurrencyStatus{Running: 1, Limit: 2, Queue: 5}) {
				t.Errorf("few: %+v", c)
			}
		case slices.Equal(got.Routes, []string{"many"}):
			seen++
			if c != nil {
				t.Errorf("many: %+v", c)
			}
		}
	}
	if seen != 2 {
		t.Errorf("targets are %+v", s.Targets)
	}
	close(a.finish)
	_, _ = rest()
}

func TestStatus_shows_what_health_checks_find(t *testing.T) {
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusInternalServerError)
	}))
	defer upstream.Close()
	well := newUpstream(t, "b")
	check := ", health_check: {interval: 5ms, failures: 2}}"
	h := start(t, fmt.Sprintf("providers: [{name: a, kind: openai, base_url: %q%s, %s%s]\n", upstream.URL, check, strings.TrimSuffix(well.provider("b"), "}"), check))
	up := func(i int) bool { return *h.status(t).Providers[i].Up }
	eventually(t, "the provider is down", func() bool { return !up(0) })
	if !up(1) {
		t.Error("the other one is down, too")
	}
	if s := h.status(t); !target(t, s, "a").Spared || target(t, s, "b").Spared {
		t.Errorf("targets are %+v", s.Targets)
	}
}

func TestAskStatus_gives_up_on_who_does_not_answer(t *testing.T) {
	mute, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // takes connections, says nothing
	if err != nil {
		t.Fatal(err)
	}
	defer mute.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
	defer cancel()
	if _, err := server.AskStatus(ctx, mute.Addr().String(), server.Operator{}); err == nil || !strings.HasPrefix(err.Error(), mute.Addr().String()+" does not answer") {
		t.Errorf("got %v", err)
	}
}

func TestAdmin_says_what_there_is(t *testing.T) {
	h := start(t, "")
	status, body := h.get(t, h.admin+"/")
	if status != http.StatusOK {
		t.Fatalf("/: %d", status)
	}
	for line := range strings.Lines(body) {
		path, ok := strings.CutPrefix(line, "GET ")
		if !ok {
			continue
		}
		path, _, _ = strings.Cut(path, " ")
		if status, _ := h.get(t, h.admin+path); status != http.StatusOK {
			t.Errorf("%s: %d", path, status)
		}
	}
	if strings.Count(body, "GET /") != 5 {
		t.Errorf("got\n%s", body)
	}
	if status, _ := h.get(t, h.admin+"/no-such"); status != http.StatusNotFound {
		t.Errorf("/no-such: %d", status)
	}
	resp, err := h.client.Get(h.admin + "/status")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if kind := resp.Header.Get("Content-Type"); kind != "application/json" || resp.Header.Get("Cache-Control") != "no-store" {
		t.Errorf("/status is %q", kind)
	}
}
