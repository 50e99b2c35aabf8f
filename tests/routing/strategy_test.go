package routing

import (
	"fmt"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

// counted asks n times and counts who answered.
func (s *stage) counted(t *testing.T, n int, body string) map[string]int {
	t.Helper()
	by := map[string]int{}
	for range n {
		by[s.chat(t, body).outcome()]++
	}
	return by
}

// hasShare fails the test unless a provider got its share of n draws, within four standard
// deviations.
func hasShare(t *testing.T, got, n int, share float64) {
	t.Helper()
	mean, bound := float64(n)*share, 4*math.Sqrt(float64(n)*share*(1-share))
	if math.Abs(float64(got)-mean) > bound {
		t.Errorf("got %d of %d, want %.0f +- %.0f", got, n, mean, bound)
	}
}

func TestTargets_stand_in_the_order_of_their_strategy(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}, {name: c, @c}]
models:
  - {name: listed, strategy: priority, targets: [{provider: b}, {provider: a}]}
  - {name: numbered, strategy: priority, targets: [{provider: b, priority: 2}, {provider: a, priority: 1}]}
  - {name: weightless, targets: [{provider: b, weight: 0}, {provider: a}]}
  - name: cheap
    strategy: cheapest
    targets:
      - {provider: c}
      - {provider: a, price: {input: 1, output: 10}}
      - {provider: b, price: {input: 10, output: 1}}
  - {name: usual, strategy: cheapest, targets: [{provider: a, price: {input: 1, output: 1.1}}, {provider: b, price: {input: 1.5, output: 1}}]}
  - {name: canary, targets: [{provider: a}, {provider: b, canary_percent: 100}]}
  - {name: idle, targets: [{provider: a}, {provider: b, canary_percent: 0}]}
`)
	long := `{"model":"cheap","max_tokens":1,"messages":[{"role":"user","content":"` + strings.Repeat("four", 1000) + `"}]}`
	prompt := func(tokens int) string {
		return `{"model":"usual","messages":[{"role":"user","content":"` + strings.Repeat("four", tokens) + `"}]}`
	}
	tests := []struct{ why, body, provider string }{
		{"priority, as listed", chatOf("listed"), "b"},
		{"the smaller number first", chatOf("numbered"), "a"},
		{"weight 0 last", chatOf("weightless"), "a"},
		{"cheapest for a long answer", chatOf("cheap", `"max_tokens":1000`), "b"},
		{"cheapest for a long prompt", long, "a"},
		{"cheapest when the answer counts as 500 tokens", prompt(99), "b"},
		{"cheapest when the prompt outweighs 500 tokens", prompt(101), "a"},
		{"a canary of 100 percent", chatOf("canary"), "b"},
		{"a canary of 0 percent", chatOf("idle"), "a"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			for range 5 {
				answeredBy(t, s.chat(t, test.body), test.provider)
			}
		})
	}
	t.Run("what comes last is for when the others fail", func(t *testing.T) {
		s.failed(500, "a")
		for _, model := range []string{"weightless", "numbered", "idle"} {
			answeredBy(t, s.chat(t, chatOf(model)), "b")
		}
		s.failed(500, "b")
		answeredBy(t, s.chat(t, chatOf("cheap")), "c")
		s.well("a")
		answeredBy(t, s.chat(t, chatOf("canary")), "a")
	})
}

func TestWeights_and_canaries_get_their_share(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}]
models:
  - {name: weighted, targets: [{provider: a, weight: 4}, {provider: b}]}
  - {name: canary, targets: [{provider: a}, {provider: b, canary_percent: 20}]}
`)
	const calls = 300
	for _, model := range []string{"weighted", "canary"} {
		by := s.counted(t, calls, chatOf(model))
		hasShare(t, by["b"], calls, 0.2)
		if by["a"]+by["b"] != calls {
			t.Errorf("%s: %v", model, by)
		}
	}
}

// gated is a provider whose answers wait.
type gated struct {
	release chan struct{} // a value for each answer; closed, all go on
}

func (s *stage) gate(names ...string) *gated {
	g := &gated{make(chan struct{})}
	for _, name := range names {
		s.up[name].Handle(func(w http.ResponseWriter, r *http.Request, request *harness.Request) {
			select {
			case <-g.release:
				answer(w, request, name)
			case <-r.Context().Done():
			}
		})
	}
	return g
}

// later makes a call that is not waited for.
func (s *stage) later(t *testing.T, d harness.Door, k kind, body string, header ...string) <-chan harness.Answer {
	t.Helper()
	done := make(chan harness.Answer, 1)
	go func() { done <- send(t.Context(), d, k, body, header...) }()
	return done
}

func (s *stage) busy(t *testing.T, target string) int {
	t.Helper()
	return s.target(t, target).Busy
}

func TestLeast_busy_goes_by_running_calls_per_weight(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}]
models: [{name: m, strategy: least_busy, targets: [{provider: a, weight: 4}, {provider: b, weight: 1}]}]
`)
	g := s.gate("a", "b")
	var running []<-chan harness.Answer
	for n := range 3 {
		running = append(running, s.later(t, s.REST(), single, chatOf("m")))
		eventually(t, "a call to run at a", func() bool { return s.busy(t, "a") == n+1 })
	}
	// The fourth is as welcome at either; with the fifth both have what they should.
	for n := range 2 {
		running = append(running, s.later(t, s.REST(), single, chatOf("m")))
		eventually(t, "a call to run", func() bool { return s.busy(t, "a")+s.busy(t, "b") == 4+n })
	}
	if a, b := s.busy(t, "a"), s.busy(t, "b"); a != 4 || b != 1 {
		t.Errorf("a runs %d calls and b %d, want 4 and 1", a, b)
	}
	close(g.release)
	for _, done := range running {
		if r := <-done; r.Err != nil || r.Failure != nil {
			t.Errorf("%+v", r)
		}
		s.Receipt(t)
	}
}

func TestLeast_latency_prefers_who_was_fast_and_measures_who_is_new(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}]
models: [{name: m, strategy: least_latency, targets: [{provider: a}, {provider: b}]}]
`)
	s.up["a"].Handle(func(w http.ResponseWriter, _ *http.Request, r *harness.Request) {
		time.Sleep(100 * time.Millisecond) // the latency that is measured
		answer(w, r, "a")
	})
	for _, k := range []kind{single, streamed} {
		for range 2 {
			s.ask(t, s.REST(), k, chatOf("m"))
		}
	}
	if s.asked("a") != 1 {
		t.Errorf("the slow one was asked %d times until it was known, want once", s.asked("a"))
	}
	before := s.asked("a")
	for range 6 {
		answeredBy(t, s.chat(t, chatOf("m")), "b")
	}
	s.wants(t, "a", before)
	if a, b := s.target(t, "a").LatencyMS, s.target(t, "b").LatencyMS; a < 90 || b >= a || b <= 0 {
		t.Errorf("the status says %v ms and %v ms", a, b)
	}
}

func TestSticky_calls_stay_where_they_are(t *testing.T) {
	const yaml = `
providers: [{name: a, @a}, {name: b, @b}, {name: c, @c}]
models:
  - {name: session, strategy: sticky, sticky: {by: [session], header: X-Conversation}, targets: [{provider: a}, {provider: b}, %[1]s]}
  - {name: user, strategy: sticky, targets: [{provider: a}, {provider: b}, %[1]s]}
  - {name: key, strategy: sticky, sticky: {by: [key]}, targets: [{provider: a}, {provider: b}, %[1]s]}
  - {name: prompt, strategy: sticky, sticky: {by: [prompt], prompt_bytes: 100B}, targets: [{provider: a}, {provider: b}, %[1]s]}
  - {name: canary, strategy: sticky, sticky: {by: [user]}, targets: [{provider: a}, {provider: b, canary_percent: 50}]}
`
	s := start(t, fmt.Sprintf(yaml, "{provider: c}"))
	grpc, rest := s.door(t, "grpc"), s.REST()
	turn := 0
	prompt := func(model, begin string) string {
		turn++
		return fmt.Sprintf(`{"model":%q,"messages":[{"role":"system","content":"%s %s"},{"role":"user","content":"turn %d"}]}`, model, begin, strings.Repeat("x", 100), turn)
	}
	tests := []struct {
		why  string
		call func(d harness.Door, key string) result
	}{
		{"session", func(d harness.Door, key string) result {
			return s.ask(t, d, single, chatOf("session"), "x-conversation", key)
		}},
		{"user", func(d harness.Door, key string) result {
			return s.ask(t, d, single, chatOf("user", `"user":"`+key+`"`))
		}},
		{"safety identifier before user", func(d harness.Door, key string) result {
			turn++
			return s.ask(t, d, single, chatOf("user", fmt.Sprintf(`"user":"%d","safety_identifier":"%s"`, turn, key)))
		}},
		{"the usual session header before user", func(d harness.Door, key string) result {
			turn++
			return s.ask(t, d, single, chatOf("user", fmt.Sprintf(`"user":"%d"`, turn)), "x-session-id", key)
		}},
		{"key", func(d harness.Door, key string) result {
			return s.ask(t, d, single, chatOf("key"), "authorization", "Bearer "+key)
		}},
		{"prompt", func(d harness.Door, key string) result { return s.ask(t, d, single, prompt("prompt", key)) }},
		{"prompt cache key", func(d harness.Door, key string) result {
			turn++
			return s.ask(t, d, single, chatOf("prompt", `"prompt_cache_key":"`+key+`"`))
		}},
		{"in the canary or out of it", func(d harness.Door, key string) result {
			return s.ask(t, d, single, chatOf("canary", `"user":"`+key+`"`))
		}},
	}
	const keys = 12
	place := map[string]string{}
	for _, test := range tests {
		by := map[string]int{}
		for key := range keys {
			name := fmt.Sprintf("key-%d", key)
			first := test.call(rest, name).outcome()
			by[first]++
			place[test.why+name] = first
			for _, d := range []harness.Door{rest, grpc} {
				if again := test.call(d, name).outcome(); again != first {
					t.Errorf("%s: %s went to %s, then through %s to %s", test.why, name, first, d.Name, again)
				}
			}
		}
		if len(by) < 2 || by["a"]+by["b"]+by["c"] != 2*keys/2 {
			t.Errorf("%s: all keys went to the same place: %v", test.why, by)
		}
	}
	// Replicas agree.
	replica := start(t, fmt.Sprintf(yaml, "{provider: c}"))
	for key := range keys {
		name := fmt.Sprintf("key-%d", key)
		if got := replica.chat(t, chatOf("user", `"user":"`+name+`"`)).outcome(); got != place["user"+name] {
			t.Errorf("%s goes to %s here and to %s at a replica", name, place["user"+name], got)
		}
	}
	s.reload(t, fmt.Sprintf(yaml, "{provider: c, weight: 0}"))
	moved := 0
	for _, test := range tests {
		for key := range keys {
			name := fmt.Sprintf("key-%d", key)
			was, now := place[test.why+name], test.call(rest, name).outcome()
			if was != now && was != "c" || now == "c" {
				t.Errorf("%s: %s moved from %s to %s when c left", test.why, name, was, now)
			}
			if was != now {
				moved++
			}
		}
	}
	if moved == 0 {
		t.Error("nothing was at c")
	}
}
