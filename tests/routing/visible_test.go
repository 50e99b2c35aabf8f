package routing

import (
	"encoding/json"
	"reflect"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

// kinds are the calls with a body for each.
var kinds = map[kind]func(model string) string{
	single:   func(model string) string { return chatOf(model) },
	streamed: func(model string) string { return chatOf(model) },
	embedded: embeddingOf,
}

const three = `
providers: [{name: a, @a}, {name: b, @b}, {name: c, @c}]
models: [{name: m, strategy: priority, targets: [{provider: a, model: one}, {provider: b, model: two}, {provider: c}]}]
`

func TestEvery_answer_says_who_answered_and_what_was_tried(t *testing.T) {
	s := start(t, three+unguarded)
	type want struct{ provider, model, attempts, tried, outcomes string }
	tests := []struct {
		why    string
		script func()
		want   want
	}{
		{"at once", func() { s.well("a") }, want{"a", "one", "1", "", ""}},
		{
			"by the third", func() { s.failed(500, "a"); s.failed(429, "b"); s.well("c") },
			want{"c", "m", "3", "a/one=upstream_unavailable(500), b/two=upstream_rate_limited(429)", "unavailable rate_limited ok"},
		},
		{
			"by none", func() { s.failed(500, "a", "b", "c") },
			want{"c", "m", "3", "a/one=upstream_unavailable(500), b/two=upstream_unavailable(500), c/m=upstream_unavailable(500)", "unavailable unavailable unavailable"},
		},
		{"for the caller's own error", func() { s.failed(400, "a") }, want{"a", "one", "1", "a/one=upstream_invalid_request(400)", "invalid"}},
	}
	for _, test := range tests {
		test.script()
		for _, d := range s.Doors(t) {
			for k, body := range kinds {
				t.Run(test.why+" "+d.Name+" "+string(k), func(t *testing.T) {
					r := s.ask(t, d, k, body("m"))
					var outcomes []string
					for _, a := range r.receipt.Attempts {
						outcomes = append(outcomes, a.Outcome)
					}
					got := want{r.provider(), r.Header.Get("X-Sluice-Model"), r.attempts(), r.tried(), strings.Join(outcomes, " ")}
					if got != test.want {
						t.Errorf("got %+v, want %+v", got, test.want)
					}
					if id := r.Header.Get("X-Sluice-Request-Id"); id == "" || id != r.receipt.ID {
						t.Errorf("x-sluice-request-id is %q, the receipt's %q", id, r.receipt.ID)
					}
				})
			}
		}
	}
}

func TestErrors_of_gRPC_and_Connect_list_the_attempts(t *testing.T) {
	s := start(t, three+unguarded)
	s.failed(500, "a")
	s.failed(429, "b")
	s.up["c"].Answer(harness.JSON(200, "nonsense"))
	want := []harness.Tried{
		{Provider: "a", Model: "one", Reason: "upstream_unavailable", Status: 500},
		{Provider: "b", Model: "two", Reason: "upstream_rate_limited", Status: 429},
		{Provider: "c", Model: "m", Reason: "upstream_protocol", Status: 200},
	}
	for _, d := range s.Doors(t) {
		for k, body := range kinds {
			r := s.ask(t, d, k, body("m"))
			failedFor(t, r, "upstream_protocol")
			if r.Failure == nil {
				continue
			}
			if !d.IsREST() && !reflect.DeepEqual(r.Failure.Attempts, want) {
				t.Errorf("%s %s: the detail lists %+v, want %+v", d.Name, k, r.Failure.Attempts, want)
			}
			// A message of Sluice's own ends with what was tried.
			if end := "; tried a/one: upstream_unavailable, b/two: upstream_rate_limited, c/m: upstream_protocol"; !strings.HasSuffix(r.Failure.Error.GetMessage(), end) {
				t.Errorf("%s %s: the message is %q", d.Name, k, r.Failure.Error.GetMessage())
			}
		}
	}
}

func TestThe_caller_gets_the_error_that_says_most(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b, concurrency: {max: 1, queue: 0}}]
models: [{name: m, strategy: priority, targets: [{provider: a}, {provider: b}]}]
`+unguarded)
	s.failed(500, "a")
	g := s.gate("b")
	running := s.later(t, s.REST(), single, chatOf("b/x"))
	s.up["b"].Next(t)
	r := s.chat(t, chatOf("m"))
	failedFor(t, r, "upstream_unavailable")
	if r.attempts() != "1" || r.tried() != "a/m=upstream_unavailable(500), b/m=target_saturated" || r.Failure.Error.GetMessage() != "status 500" {
		t.Errorf("%s attempts, tried %q, %q", r.attempts(), r.tried(), r.Failure.Error.GetMessage())
	}
	close(g.release)
	<-running
	s.Receipt(t)
}

func TestThe_receipt_holds_every_attempt(t *testing.T) {
	s := start(t, three+unguarded)
	s.failed(500, "a")
	s.up["b"].Answer(harness.Reply{Silent: true, End: harness.EndCut})
	s.chat(t, chatOf("m"))
	for line := range strings.Lines(s.Log()) {
		var receipt struct {
			Message  string           `json:"msg"`
			Route    string           `json:"route"`
			Attempts []map[string]any `json:"attempts"`
		}
		if err := json.Unmarshal([]byte(line), &receipt); err != nil {
			t.Fatal(err)
		}
		if receipt.Message != "call" {
			continue
		}
		if len(receipt.Attempts) != 3 || receipt.Route != "m" {
			t.Fatalf("the receipt is %s", line)
		}
		for _, a := range receipt.Attempts {
			if took, ok := a["duration_ms"].(float64); !ok || took < 0 {
				t.Errorf("an attempt has no time: %v", a)
			}
		}
	}
	for _, name := range []string{"a", "b", "c"} {
		errorType := map[string]string{"a": "unavailable", "b": "unavailable", "c": ""}[name]
		s.metric(t, `gen_ai_client_operation_duration_seconds_count{error_type="`+errorType+`",gen_ai_operation_name="chat",gen_ai_provider_name="`+name+`"} 1`)
	}
}
