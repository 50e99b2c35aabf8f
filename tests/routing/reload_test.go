package routing

import (
	"fmt"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

// reloadable is a configuration with what a test changes.
func reloadable(headerOfA, breaker, models string) string {
	return fmt.Sprintf(`
providers: [{name: a, @a, api_keys: [first, second], headers: {X-Team: %s}}, {name: b, @b}]
models: [{name: m, targets: [{provider: a, model: x}]}%s]
breaker: {min_calls: 2, cool_down: 1h%s}
`, headerOfA, models, breaker)
}

func TestA_reload_keeps_what_is_known_of_unchanged_targets(t *testing.T) {
	tests := []struct {
		why, next, state string
	}{
		{"nothing changed", reloadable("red", "", ""), "open"},
		{"another model is new", reloadable("red", "", ", {name: n, targets: [{provider: b}]}"), "open"},
		{"the target got another place", reloadable("red", "", ", {name: n, targets: [{provider: a, model: x, weight: 5}]}"), "open"},
		{"the provider changed", reloadable("blue", "", ""), "closed"},
		{"the breakers' settings changed", reloadable("red", ", probes: 2", ""), "closed"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			s := start(t, reloadable("red", "", ""))
			s.failed(500, "a")
			for range 2 {
				failedFor(t, s.chat(t, chatOf("m")), "upstream_unavailable")
			}
			if state := s.state(t, "a/x"); state != "open" {
				t.Fatalf("the breaker is %s", state)
			}
			s.well("a")
			s.reload(t, test.next)
			if state := s.state(t, "a/x"); state != test.state {
				t.Errorf("the breaker is %s, want %s", state, test.state)
			}
			want := map[string]string{"open": "circuit_open", "closed": "a"}[test.state]
			if got := s.chat(t, chatOf("m")).outcome(); got != want {
				t.Errorf("%s, want %s", got, want)
			}
			s.metric(t, fmt.Sprintf(`sluice_target_circuit_state{target="a/x"} %d`, map[string]int{"open": 2, "closed": 0}[test.state]))
			if s.status(t).Config.ReloadedAt == nil {
				t.Error("the status does not tell of the reload")
			}
		})
	}
}

func TestA_reload_keeps_benches_of_keys(t *testing.T) {
	s := start(t, reloadable("red", "", ""))
	s.refuseKeys(map[string]harness.Reply{"first": failing(401)})
	for range 2 {
		answeredBy(t, s.chat(t, chatOf("m")), "a")
	}
	if n := s.keysSent()["first"]; n != 1 {
		t.Fatalf("the refused key was used %d times", n)
	}
	s.reload(t, reloadable("red", "", ", {name: n, targets: [{provider: b}]}"))
	for range 3 {
		answeredBy(t, s.chat(t, chatOf("m")), "a")
	}
	if n := s.keysSent()["first"]; n != 1 {
		t.Errorf("the refused key was used %d times", n)
	}
}

func TestA_reload_leaves_running_calls_as_they_are(t *testing.T) {
	const yaml = "providers: [{name: a, @a}, {name: b, @b}]\nmodels: [{name: m, targets: [{provider: %s}]}]\n"
	s := start(t, fmt.Sprintf(yaml, "a"))
	for _, d := range s.Doors(t) {
		s.reload(t, fmt.Sprintf(yaml, "a"))
		g := s.gate("a")
		running := s.later(t, d, streamed, chatOf("m"))
		s.up["a"].Next(t)
		s.reload(t, fmt.Sprintf(yaml, "b"))
		answeredBy(t, s.ask(t, d, streamed, chatOf("m")), "b")
		close(g.release)
		r := result{Answer: <-running, receipt: s.Receipt(t)}
		answeredBy(t, r, "a")
		if text(r) != "from a" {
			t.Errorf("%s: %q", d.Name, text(r))
		}
	}
}

func TestA_reload_keeps_the_queue_of_those_who_wait(t *testing.T) {
	const yaml = `
providers: [{name: a, @a, concurrency: {max: 1, queue: 5, queue_timeout: 20s}}]
models: [{name: m, targets: [{provider: a}]}%s]
`
	s := start(t, fmt.Sprintf(yaml, ""))
	g := s.gate("a")
	calls := []<-chan harness.Answer{s.later(t, s.REST(), single, chatOf("m"))}
	s.up["a"].Next(t)
	s.reload(t, fmt.Sprintf(yaml, ", {name: n, targets: [{provider: a}]}"))
	calls = append(calls, s.later(t, s.REST(), single, chatOf("m")))
	eventually(t, "a call to wait for one of the old configuration", func() bool { return s.status(t).Providers[0].Concurrency.Waiting == 1 })
	close(g.release)
	for _, done := range calls {
		if r := <-done; r.Failure != nil || r.Err != nil {
			t.Errorf("%+v", r)
		}
		s.Receipt(t)
	}
}

func TestA_configuration_that_cannot_be_taken_up_changes_nothing(t *testing.T) {
	s := start(t, two)
	for _, yaml := range []string{
		"providers: [{name: a, @a}]\nmodels: [{name: m, targets: [{provider: nobody}]}]\n",
		two + "limits: {max_concurrent_calls: 7}\n",
		"models: [{name: m, targets: [{provider: sandbox, parameters: {set: {model: other}}}]}]\n",
	} {
		if err := s.Reload(s.fill(t, yaml)); err == nil {
			t.Errorf("%s was taken up", yaml)
		}
		answeredBy(t, s.chat(t, chatOf("m")), "a")
	}
}
