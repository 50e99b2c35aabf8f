package routing

import (
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

const hedged = `
providers: [{name: a, @a}, {name: b, @b}]
models:
  - {name: m, targets: [{provider: a}, {provider: b, priority: 1}], hedge: {enabled: true, delay: 20ms, budget: 1, max_output_tokens: 100}}
  - {name: half, targets: [{provider: a}, {provider: b, priority: 1}], hedge: {enabled: true, delay: 20ms, budget: 0.5}}
  - {name: usual, targets: [{provider: a}, {provider: b, priority: 1}], hedge: {enabled: true, budget: 1}}
  - {name: off, targets: [{provider: a}, {provider: b, priority: 1}]}
`

func embeddingOf(model string) string { return `{"model":"` + model + `","input":"x"}` }

var silent = harness.Reply{Silent: true, End: harness.EndHang}

func TestA_slow_call_is_sent_a_second_time_and_the_first_answer_wins(t *testing.T) {
	s := start(t, hedged)
	tests := []struct {
		why  string
		kind kind
		body string
	}{
		{"embeddings", embedded, embeddingOf("m")},
		{"a short chat", single, chatOf("m", `"max_tokens":100`)},
		{"a short chat by the newer bound", single, chatOf("m", `"max_completion_tokens":100,"max_tokens":1000`)},
	}
	for _, d := range []harness.Door{s.REST(), s.door(t, "grpc")} {
		for _, test := range tests {
			s.up["a"].Answer(silent)
			r := s.ask(t, d, test.kind, test.body)
			answeredBy(t, r, "b")
			harness.Within(t, harness.Patience, s.up["a"].Next(t).Gone, "the end of the call that lost")
			a := r.receipt.Attempts
			if len(a) != 2 || a[0].Hedge || a[0].Outcome != "canceled" || !a[1].Hedge || a[1].Outcome != "ok" || r.attempts() != "2" {
				t.Errorf("%s, %s: %s attempts, the receipt has %+v", d.Name, test.why, r.attempts(), a)
			}
		}
	}
	if state := s.target(t, "a"); state.Failures != 0 {
		t.Errorf("the call that lost counts against its target: %+v", state)
	}
}

func TestThe_first_call_may_win_as_well(t *testing.T) {
	s := start(t, hedged)
	g := s.gate("a")
	s.up["b"].Answer(silent)
	done := s.later(t, s.REST(), embedded, embeddingOf("m"))
	beaten := s.up["b"].Next(t)
	g.release <- struct{}{}
	r := result{Answer: <-done, receipt: s.Receipt(t)}
	answeredBy(t, r, "a")
	harness.Within(t, harness.Patience, beaten.Gone, "the end of the call that lost")
}

func TestOther_calls_are_not_sent_twice(t *testing.T) {
	s := start(t, hedged)
	tests := []struct {
		why  string
		kind kind
		body string
	}{
		{"a chat without a bound", single, chatOf("m")},
		{"a long chat", single, chatOf("m", `"max_tokens":101`)},
		{"a stream", streamed, chatOf("m", `"max_tokens":10`)},
		{"a route without hedge", embedded, embeddingOf("off")},
		{"the first call of a budget of a half", embedded, embeddingOf("half")},
		{"a target whose usual time is not known", embedded, embeddingOf("usual")},
	}
	for _, test := range tests {
		s.well("b")
		g := s.gate("a")
		done := s.later(t, s.REST(), test.kind, test.body)
		s.up["a"].Next(t)
		time.Sleep(60 * time.Millisecond) // three times the delay, in which nothing must happen
		s.wants(t, "b", 0)
		close(g.release)
		r := result{Answer: <-done, receipt: s.Receipt(t)}
		if answeredBy(t, r, "a"); r.attempts() != "1" {
			t.Errorf("%s: %s attempts", test.why, r.attempts())
		}
	}
	// The second call has the half of two.
	s.up["a"].Answer(silent)
	answeredBy(t, s.ask(t, s.REST(), embedded, embeddingOf("half")), "b")
}

func TestWithout_a_delay_the_95th_percentile_of_20_answers_is_it(t *testing.T) {
	s := start(t, hedged)
	for range 20 {
		answeredBy(t, s.ask(t, s.REST(), embedded, embeddingOf("usual")), "a")
	}
	if p95 := s.target(t, "a").P95MS; p95 <= 0 {
		t.Errorf("the status says p95 %v", p95)
	}
	s.up["a"].Answer(silent)
	answeredBy(t, s.ask(t, s.REST(), embedded, embeddingOf("usual")), "b")
}
