package routing

import (
	"context"
	"net/http"
	"testing"
	"time"

	"google.golang.org/grpc/codes"

	"github.com/sluice-ai/sluice/tests/harness"
)

func TestWhat_follows_from_a_failure_depends_on_its_kind(t *testing.T) {
	coded := func(status int, code string) harness.Reply {
		return harness.JSON(status, `{"error":{"message":"m","type":"t","param":null,"code":"`+code+`"}}`)
	}
	cut := harness.Reply{Header: [][2]string{{"Content-Type", "application/json"}}, Pieces: [][]byte{[]byte(`{"id":`)}, End: harness.EndCut}
	tests := []struct {
		why    string
		reply  harness.Reply
		next   bool
		reason string
	}{
		{"400", failing(400), false, "upstream_invalid_request"},
		{"409", failing(409), false, "upstream_conflict"},
		{"413", failing(413), false, "upstream_too_large"},
		{"422", failing(422), false, "upstream_invalid_request"},
		{"refused content", coded(400, "content_filter"), false, "upstream_content_filtered"},
		{"a prompt that is too long, without configured windows", coded(400, "context_length_exceeded"), false, "upstream_context_window"},
		{"401", failing(401), true, "upstream_unauthenticated"},
		{"403", failing(403), true, "upstream_permission_denied"},
		{"404 of the model", coded(404, "model_not_found"), true, "upstream_not_found"},
		{"404 of whatever", failing(404), true, "upstream_not_found"},
		{"408", failing(408), true, "upstream_timeout"},
		{"429", failing(429), true, "upstream_rate_limited"},
		{"500", failing(500), true, "upstream_unavailable"},
		{"502", failing(502), true, "upstream_unavailable"},
		{"503", failing(503), true, "upstream_overloaded"},
		{"529", failing(529), true, "upstream_overloaded"},
		{"a redirect", harness.JSON(302, "", [2]string{"Location", "/elsewhere"}), true, "upstream_protocol"},
		{"an answer that breaks off", cut, true, "upstream_protocol"},
		{"no answer", harness.Reply{Silent: true, End: harness.EndCut}, true, "upstream_unavailable"},
		{"nonsense", harness.JSON(200, "hello"), true, "upstream_protocol"},
	}
	s := start(t, two+"routing: {retries: {same_target: never}}\n"+unguarded)
	for _, test := range tests {
		for _, k := range []kind{single, streamed} {
			t.Run(test.why+" "+string(k), func(t *testing.T) {
				s.up["a"].Answer(test.reply)
				s.well("b")
				r := s.ask(t, s.REST(), k, chatOf("m"))
				if test.next {
					answeredBy(t, r, "b")
					if len(r.receipt.Attempts) != 2 || r.attempts() != "2" {
						t.Errorf("%s attempts, receipt %+v", r.attempts(), r.receipt.Attempts)
					}
					s.failed(500, "b")
					failedFor(t, s.ask(t, s.REST(), k, chatOf("a/m")), test.reason)
					return
				}
				failedFor(t, r, test.reason)
				s.wants(t, "b", 0)
				if r.provider() != "a" || r.Failure == nil || r.Failure.Status != test.reply.Status {
					t.Fatalf("%s: %+v", r.provider(), r.Failure)
				}
				if err := harness.SameJSON(test.reply.Pieces[0], r.Body); err != nil {
					t.Errorf("the provider's error changed: %v", err)
				}
			})
		}
	}
}

func TestA_prompt_that_is_too_long_goes_to_a_larger_window(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}, {name: c, @c}, {name: d, @d}]
models:
  - name: m
    strategy: priority
    targets: [{provider: a, context_window: 100}, {provider: b, context_window: 100}, {provider: d}, {provider: c, context_window: 101}]
  - {name: largest, strategy: priority, targets: [{provider: a, context_window: 100}, {provider: b, context_window: 50}, {provider: d}]}
`+unguarded)
	s.up["a"].Answer(harness.JSON(400, `{"error":{"message":"long","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}`))
	r := s.chat(t, chatOf("m"))
	answeredBy(t, r, "c")
	if r.tried() != "a/m=upstream_context_window(400)" {
		t.Errorf("tried %q", r.tried())
	}
	failedFor(t, s.chat(t, chatOf("largest")), "upstream_context_window")
	s.wants(t, "b", 0)
	s.wants(t, "d", 0)
}

func TestAttempts_are_bounded_over_all_targets(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}, {name: c, @c}]
models: [{name: m, strategy: priority, targets: [{provider: a}, {provider: b}, {provider: c}]}]
routing: {retries: {max_attempts: 2}}
`)
	s.failed(500, "a", "b")
	for _, d := range s.Doors(t) {
		r := s.ask(t, d, single, chatOf("m"))
		failedFor(t, r, "upstream_unavailable")
		if r.attempts() != "2" || r.provider() != "b" {
			t.Errorf("%s: %s attempts, the last at %s", d.Name, r.attempts(), r.provider())
		}
	}
	s.wants(t, "c", 0)
}

func TestThe_same_target_is_asked_again_for_what_is_configured(t *testing.T) {
	refused := harness.RefusedURL(t)
	tests := []struct {
		value string
		// How often each is tried: what cannot be connected to, 503, 429, 500.
		unsent, overloaded, limited, failed string
	}{
		{"never", "1", "1", "1", "1"},
		{"unsent", "3", "1", "1", "1"},
		{"refused", "3", "3", "3", "1"},
		{"failed", "3", "3", "3", "3"},
	}
	for _, test := range tests {
		t.Run(test.value, func(t *testing.T) {
			s := start(t, `
providers: [{name: a, @a}, {name: gone, kind: openai, base_url: "`+refused+`"}]
routing: {retries: {same_target: `+test.value+`, first_pause: 1ms, max_pause: 1ms}}
`+unguarded)
			doors := []harness.Door{s.REST(), s.door(t, "grpc")}
			check := func(what, model, want string, header ...string) {
				for _, d := range doors {
					for _, k := range []kind{single, streamed} {
						if r := s.ask(t, d, k, chatOf(model), header...); r.attempts() != want || r.Failure == nil {
							t.Errorf("%s of %s by %s: %s attempts, want %s", what, k, d.Name, r.attempts(), want)
						}
					}
				}
			}
			check("no connection", "gone/m", test.unsent)
			for status, want := range map[int]string{503: test.overloaded, 429: test.limited, 500: test.failed} {
				s.failed(status, "a")
				check(http.StatusText(status), "a/m", want)
				// Callers that repeat by themselves get no more than "unsent".
				check("by an SDK, "+http.StatusText(status), "a/m", "1", "x-stainless-retry-count", "0")
			}
			check("by an SDK, no connection", "gone/m", test.unsent, "x-stainless-retry-count", "1")
		})
	}
}

func TestPauses_double_up_to_their_bound(t *testing.T) {
	run := func(pauses string) time.Duration {
		s := start(t, "providers: [{name: a, @a}]\nrouting: {retries: {"+pauses+"}}\n"+unguarded)
		s.failed(503, "a")
		r := s.chat(t, chatOf("a/m"))
		if r.attempts() != "3" {
			t.Errorf("%s: %s attempts", pauses, r.attempts())
		}
		return r.took
	}
	// At least half of 40 ms and of 80 ms.
	if took := run("first_pause: 40ms"); took < 60*time.Millisecond {
		t.Errorf("three attempts took %s, want 60ms at least", took)
	}
	// Two pauses of the default bound would take two seconds at least.
	if took := run("first_pause: 40s, max_pause: 5ms"); took > 1500*time.Millisecond {
		t.Errorf("three attempts took %s in spite of max_pause", took)
	}
}

func TestWhat_a_provider_asks_to_wait_is_waited(t *testing.T) {
	const wait = 120 * time.Millisecond
	s := start(t, `
providers: [{name: a, @a}, {name: keyed, @keyed, api_keys: [one]}]
routing: {retries: {first_pause: 0ms, max_wait: 500ms}}
`+unguarded)
	tests := []struct {
		why    string
		reply  harness.Reply
		waited bool
	}{
		{"retry-after-ms of a 429", failing(429, [2]string{"retry-after-ms", "120"}), true},
		{"retry-after-ms of a 503", failing(503, [2]string{"retry-after-ms", "120"}), true},
		{"the reset of a rate", failing(429, [2]string{"x-ratelimit-remaining-requests", "0"}, [2]string{"x-ratelimit-reset-requests", "120ms"}), true},
		{"the reset of a rate on a 503", failing(503, [2]string{"x-ratelimit-remaining-requests", "0"}, [2]string{"x-ratelimit-reset-requests", "120ms"}), false},
	}
	for _, test := range tests {
		for _, name := range []string{"a", "keyed"} {
			s.up[name].Answer(test.reply, harness.JSON(200, completion(name)))
			r := s.chat(t, chatOf(name+"/m"))
			answeredBy(t, r, name)
			if r.attempts() != "2" || (r.took >= wait) != test.waited {
				t.Errorf("%s of %s: %s attempts in %s", test.why, name, r.attempts(), r.took)
			}
		}
	}
	t.Run("but no longer than max_wait", func(t *testing.T) {
		s.up["a"].Answer(failing(429, [2]string{"Retry-After", "1"}))
		r := s.chat(t, chatOf("a/m"))
		failedFor(t, r, "upstream_rate_limited")
		if r.attempts() != "1" || r.took > 900*time.Millisecond || r.Header.Get("Retry-After") != "1" {
			t.Errorf("%s attempts in %s, Retry-After %q", r.attempts(), r.took, r.Header.Get("Retry-After"))
		}
	})
}

func TestNo_pause_outlasts_the_time_that_is_left(t *testing.T) {
	s := start(t, "providers: [{name: a, @a}]\n"+unguarded)
	s.up["a"].Answer(failing(429, [2]string{"Retry-After", "3"}))
	for _, name := range []string{"grpc", "grpc on the HTTP port", "connect", "grpc-web"} {
		ctx, cancel := context.WithTimeout(t.Context(), 2*time.Second)
		r := s.askWithin(ctx, t, s.door(t, name), single, chatOf("a/m"))
		cancel()
		failedFor(t, r, "upstream_rate_limited")
		if r.took >= 1500*time.Millisecond || r.attempts() != "1" {
			t.Errorf("%s: %s attempts in %s", name, r.attempts(), r.took)
		}
	}
	bounded := start(t, "providers: [{name: a, @a}]\nrouting: {timeouts: {total: 2s}}\n"+unguarded)
	bounded.up["a"].Answer(failing(429, [2]string{"Retry-After", "3"}))
	if r := bounded.chat(t, chatOf("a/m")); r.took >= 1500*time.Millisecond || r.attempts() != "1" || r.receipt.Reason != "upstream_rate_limited" {
		t.Errorf("%s after %s attempts in %s", r.receipt.Reason, r.attempts(), r.took)
	}
}

func TestA_callers_deadline_ends_the_call_and_says_nothing_about_the_target(t *testing.T) {
	s := start(t, "providers: [{name: a, @a}]\nbreaker: {min_calls: 1}\n")
	s.up["a"].Answer(harness.Reply{Silent: true, End: harness.EndHang})
	for _, name := range []string{"grpc", "connect", "grpc-web"} {
		for _, k := range []kind{single, streamed} {
			d := s.door(t, name)
			ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
			answer := send(ctx, d, k, chatOf("a/m"))
			cancel()
			if answer.Failure == nil || answer.Failure.Code != codes.DeadlineExceeded {
				t.Errorf("%s %s: %+v", name, k, answer)
			}
			harness.Within(t, harness.Patience, s.up["a"].Next(t).Gone, "the end of the provider's work")
			if r := s.Receipt(t); r.Reason != "deadline_exceeded" && r.Reason != "canceled" {
				t.Errorf("%s %s: the receipt says %q", name, k, r.Reason)
			}
		}
	}
	if state := s.target(t, "a").State; state != "closed" {
		t.Errorf("the breaker is %s", state)
	}
}

func TestFurther_attempts_stay_within_their_budget(t *testing.T) {
	tests := []struct {
		retries  string
		answered int // of ten calls whose first attempt fails
	}{
		{"budget: 0, min_per_second: 0", 0},
		{"budget: 0.5, min_per_second: 0", 5},
		{"budget: 1, min_per_second: 0", 10},
		{"budget: 0, min_per_second: 1", 10},
	}
	for _, test := range tests {
		t.Run(test.retries, func(t *testing.T) {
			s := start(t, two+"routing: {retries: {"+test.retries+"}}\n"+unguarded)
			s.failed(500, "a")
			for range 10 {
				r := s.chat(t, chatOf("m"))
				if answered := r.Failure == nil; answered == r.receipt.BudgetSpent {
					t.Errorf("%s, and the receipt says that the budget is spent: %t", r.outcome(), r.receipt.BudgetSpent)
				}
			}
			s.wants(t, "a", 10)
			s.wants(t, "b", test.answered)
			if test.answered == 0 {
				s.metric(t, `sluice_retries_denied_total{gen_ai_provider_name="a"} 10`)
			}
		})
	}
}
