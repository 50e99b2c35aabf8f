package routing

import (
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

func (s *stage) state(t *testing.T, target string) string {
	t.Helper()
	return s.target(t, target).State
}

func TestA_breaker_opens_cools_down_probes_and_closes(t *testing.T) {
	s := start(t, two+"breaker: {min_calls: 3, failure_ratio: 1, cool_down: 150ms, probes: 1}\nrouting: {default_provider: a}\n")
	s.failed(500, "a")
	for n := range 3 {
		if state := s.state(t, "a"); state != "closed" {
			t.Errorf("%s after %d failures", state, n)
		}
		failedFor(t, s.chat(t, chatOf("a/x")), "upstream_unavailable")
	}
	s.metric(t, `sluice_target_circuit_state{target="a"} 2`)
	shown := s.target(t, "a")
	if shown.State != "open" || shown.Until == nil || shown.Calls != 3 || shown.Failures != 3 || !shown.Spared {
		t.Errorf("the status says %+v", shown)
	}
	r := s.chat(t, chatOf("a/x"))
	failedFor(t, r, "circuit_open")
	if r.Header.Get("Retry-After") == "" || r.Failure.Status != http.StatusServiceUnavailable || r.attempts() != "0" || r.tried() != "a/x=circuit_open" {
		t.Errorf("%d, Retry-After %q, %s attempts, tried %q", r.Failure.Status, r.Header.Get("Retry-After"), r.attempts(), r.tried())
	}
	s.metric(t, `sluice_target_spared_total{gen_ai_provider_name="a",reason="circuit_open"} 1`)
	// Routes that have another target do not even try.
	r = s.chat(t, chatOf("m"))
	answeredBy(t, r, "b")
	if r.attempts() != "1" || r.tried() != "" {
		t.Errorf("%s attempts, tried %q", r.attempts(), r.tried())
	}
	s.wants(t, "a", 3)

	// A probe that fails opens it anew.
	eventually(t, "the end of the cool-down", func() bool { return s.state(t, "a") == "half_open" })
	s.metric(t, `sluice_target_circuit_state{target="a"} 1`)
	failedFor(t, s.chat(t, chatOf("a/x")), "upstream_unavailable")
	if state := s.state(t, "a"); state != "open" {
		t.Errorf("%s after a probe that failed", state)
	}
	s.wants(t, "a", 4)

	// While a probe is under way nobody else is let through; its success closes.
	eventually(t, "the end of the cool-down", func() bool { return s.state(t, "a") == "half_open" })
	g := s.gate("a")
	probe := s.later(t, s.REST(), single, chatOf("a/x"))
	s.up["a"].Next(t)
	failedFor(t, s.chat(t, chatOf("a/x")), "circuit_open")
	answeredBy(t, s.chat(t, chatOf("m")), "b")
	close(g.release)
	answeredBy(t, result{Answer: <-probe, receipt: s.Receipt(t)}, "a")
	if state := s.state(t, "a"); state != "closed" {
		t.Errorf("%s after a probe that succeeded", state)
	}
	s.metric(t, `sluice_target_circuit_state{target="a"} 0`)
	answeredBy(t, s.chat(t, chatOf("m")), "a")
	if n := strings.Count(s.Log(), "circuit breaker changed"); n != 5 {
		t.Errorf("the log tells of %d changes, want 5", n)
	}
}

func TestAs_many_probes_as_configured_must_succeed(t *testing.T) {
	s := start(t, "providers: [{name: a, @a}]\nbreaker: {min_calls: 2, cool_down: 20ms, probes: 2}\n")
	s.failed(500, "a")
	for range 2 {
		s.chat(t, chatOf("a/x"))
	}
	eventually(t, "the end of the cool-down", func() bool { return s.state(t, "a") == "half_open" })
	s.well("a")
	for _, want := range []string{"half_open", "closed"} {
		answeredBy(t, s.chat(t, chatOf("a/x")), "a")
		if state := s.state(t, "a"); state != want {
			t.Errorf("%s, want %s", state, want)
		}
	}
}

func TestA_breaker_counts_what_is_the_targets_fault(t *testing.T) {
	brokenOff := harness.EventsWithoutEnd(chunk("x", ""))
	tests := []struct {
		why   string
		kind  kind
		reply harness.Reply
		state string
	}{
		{"500", single, failing(500), "open"},
		{"503", single, failing(503), "open"},
		{"a timeout", single, silent, "open"},
		{"a broken connection", single, harness.Reply{Silent: true, End: harness.EndCut}, "open"},
		{"nonsense", single, harness.JSON(200, "hello"), "open"},
		{"a stream that breaks off", streamed, brokenOff, "open"},
		{"a stream that hangs", streamed, harness.Reply{Header: brokenOff.Header, Pieces: brokenOff.Pieces, End: harness.EndHang}, "open"},
		{"400", single, failing(400), "closed"},
		{"401", single, failing(401), "closed"},
		{"403", single, failing(403), "closed"},
		{"404", single, failing(404), "closed"},
		{"409", single, failing(409), "closed"},
		{"429", single, failing(429), "closed"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := start(t, "providers: [{name: a, @a, timeouts: {first_byte: 60ms, idle: 60ms}}]\nbreaker: {min_calls: 3}\nrouting: {retries: {same_target: never}}\n")
			s.up["a"].Answer(test.reply)
			for range 3 {
				if r := s.ask(t, s.REST(), test.kind, chatOf("a/x")); r.Failure == nil {
					t.Fatal(r.outcome())
				}
			}
			if state := s.state(t, "a"); state != test.state {
				t.Errorf("the breaker is %s, want %s", state, test.state)
			}
		})
	}
}

func TestA_breaker_goes_by_the_share_of_failures_within_its_window(t *testing.T) {
	s := start(t, "providers: [{name: a, @a}]\nbreaker: {min_calls: 4, failure_ratio: 0.5, window: 1s}\nrouting: {retries: {same_target: never}}\n")
	call := func(status int) {
		if s.well("a"); status != 0 {
			s.failed(status, "a")
		}
		s.chat(t, chatOf("a/x"))
	}
	for _, status := range []int{500, 0, 500} { // fewer than min_calls
		call(status)
	}
	if state := s.state(t, "a"); state != "closed" {
		t.Fatalf("%s by too few calls", state)
	}
	eventually(t, "the window to forget", func() bool { return s.target(t, "a").Calls == 0 })
	for _, status := range []int{0, 0, 0, 500, 500} {
		call(status)
	}
	if state := s.state(t, "a"); state != "closed" {
		t.Fatalf("%s by two of five", state)
	}
	call(500)
	if shown := s.target(t, "a"); shown.State != "open" || shown.Failures != 3 || shown.Calls != 6 {
		t.Errorf("three of six: %+v", shown)
	}
}

func TestA_slow_answer_counts_as_a_failure_and_reaches_its_caller(t *testing.T) {
	for _, k := range []kind{single, streamed} {
		s := start(t, "providers: [{name: a, @a}]\nbreaker: {min_calls: 2, slow_call: 10ms}\n")
		s.up["a"].Handle(func(w http.ResponseWriter, _ *http.Request, r *harness.Request) {
			time.Sleep(30 * time.Millisecond) // slow by configuration
			answer(w, r, "a")
		})
		for range 2 {
			answeredBy(t, s.ask(t, s.REST(), k, chatOf("a/x")), "a")
		}
		if state := s.state(t, "a"); state != "open" {
			t.Errorf("%s: %s after two slow answers", k, state)
		}
	}
}

func TestEach_target_has_its_breaker_and_other_models_share_one(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}]
models:
  - {name: one, targets: [{provider: a, model: x}]}
  - {name: also-one, targets: [{provider: a, model: x}]}
  - {name: two, targets: [{provider: a, model: y}]}
breaker: {min_calls: 2}
`)
	s.failed(500, "a")
	for range 2 {
		s.chat(t, chatOf("one"))
		s.chat(t, chatOf("a/u"))
	}
	for range 3 {
		s.chat(t, chatOf("sandbox/error-500"))
	}
	s.well("a")
	for model, want := range map[string]string{
		"one": "circuit_open", "also-one": "circuit_open", "a/x": "circuit_open", "a/u": "circuit_open", "a/v": "circuit_open",
		"two": "a", "a/y": "a", "sandbox/echo": "sandbox",
	} {
		if got := s.chat(t, chatOf(model)).outcome(); got != want {
			t.Errorf("%s: %s, want %s", model, got, want)
		}
	}
	if state := s.state(t, "sandbox"); state != "off" {
		t.Errorf("the sandbox has a breaker that is %s", state)
	}
}

func TestWithout_breakers_every_call_is_sent(t *testing.T) {
	s := start(t, "providers: [{name: a, @a}]\n"+unguarded)
	s.failed(500, "a")
	for range 15 {
		failedFor(t, s.chat(t, chatOf("a/x")), "upstream_unavailable")
	}
	if state := s.state(t, "a"); state != "off" {
		t.Errorf("the status says %s", state)
	}
}

func TestHealth_checks_spare_a_provider_and_bring_it_back(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a, health_check: {interval: 20ms, timeout: 50ms, failures: 2}}, {name: b, @b}]
models: [{name: m, targets: [{provider: a}, {provider: b, priority: 1}]}, {name: alone, targets: [{provider: a}]}]
`)
	up := func() string {
		if up := s.status(t).Providers[0].Up; up != nil {
			return fmt.Sprint(*up)
		}
		return "not known"
	}
	answeredBy(t, s.chat(t, chatOf("m")), "a")
	if s.status(t).Providers[1].Up != nil {
		t.Error("the status knows the health of a provider without checks")
	}
	for _, how := range []harness.Reply{failing(500), silent} {
		s.up["a"].Answer(how)
		eventually(t, "the provider to be down", func() bool { return up() == "false" })
		if !s.target(t, "a").Spared {
			t.Error("the status does not say that a is spared")
		}
		answeredBy(t, s.chat(t, chatOf("m")), "b")
		s.wants(t, "a", 0)
		s.well("a")
		eventually(t, "the provider to be up", func() bool { return up() == "true" })
		answeredBy(t, s.chat(t, chatOf("m")), "a")
	}
	// When everything is spared, calls are tried all the same.
	s.up["a"].Handle(func(w http.ResponseWriter, _ *http.Request, r *harness.Request) {
		if r.Method == http.MethodGet {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		answer(w, r, "a")
	})
	eventually(t, "the provider to be down", func() bool { return up() == "false" })
	answeredBy(t, s.chat(t, chatOf("alone")), "a")
	if n := strings.Count(s.Log(), "health check changed"); n < 5 {
		t.Errorf("the log tells of %d changes", n)
	}
}
