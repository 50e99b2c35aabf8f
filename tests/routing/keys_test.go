package routing

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"

	"github.com/sluice-ai/sluice/server"
)

// refuseKeys lets provider a answer by the key of a call; without an entry it is well.
func (s *stage) refuseKeys(replies map[string]harness.Reply) {
	s.up["a"].Handle(func(w http.ResponseWriter, _ *http.Request, r *harness.Request) {
		reply, ok := replies[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]
		if !ok {
			answer(w, r, "a")
			return
		}
		for _, field := range reply.Header {
			w.Header().Set(field[0], field[1])
		}
		w.WriteHeader(reply.Status)
		_, _ = w.Write(reply.Pieces[0])
	})
}

func (s *stage) keysSent() map[string]int {
	by := map[string]int{}
	for _, r := range s.up["a"].Requests() {
		by[strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer ")]++
	}
	return by
}

func (s *stage) benched(t *testing.T, key string) []server.BenchStatus {
	t.Helper()
	for _, k := range s.status(t).Providers[0].Keys {
		if k.Name == key {
			return k.Benched
		}
	}
	t.Fatalf("the status has no key %s", key)
	return nil
}

// weighted has a key that is only for when the other rests.
const weighted = `
providers:
  - {name: a, @a, keys: [{name: main, key: secret-main}, {name: spare, key: secret-spare, weight: 0}]}
  - {name: b, @b}
models:
  - {name: m, targets: [{provider: a, model: x}]}
  - {name: n, targets: [{provider: a, model: y}]}
  - {name: both, targets: [{provider: a, model: x}, {provider: b, priority: 1}]}
`

func TestKeys_are_used_by_weight(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a, api_keys: [first], keys: [{key: second, weight: 3}, {key: third, weight: 0}]}]
models: [{name: m, targets: [{provider: a}]}]
`)
	const calls = 80
	for range calls {
		answeredBy(t, s.chat(t, chatOf("m")), "a")
	}
	by := s.keysSent()
	hasShare(t, by["first"], calls, 0.25)
	if by["first"]+by["second"] != calls {
		t.Errorf("%v", by)
	}
	var names []string
	for _, key := range s.status(t).Providers[0].Keys {
		names = append(names, key.Name)
	}
	if got := strings.Join(names, " "); got != "key-1 key-2 key-3" {
		t.Errorf("the status names the keys %q", got)
	}
}

func TestA_key_that_is_refused_rests_and_its_call_goes_on_with_another(t *testing.T) {
	for _, k := range []kind{single, streamed, embedded} {
		t.Run(string(k), func(t *testing.T) {
			s := start(t, weighted)
			s.refuseKeys(map[string]harness.Reply{"secret-main": failing(http.StatusUnauthorized)})
			body := chatOf("m")
			if k == embedded {
				body = `{"model":"m","input":"x"}`
			}
			r := s.ask(t, s.REST(), k, body)
			answeredBy(t, r, "a")
			if r.attempts() != "2" || r.tried() != "a/x=upstream_unauthenticated(401)" {
				t.Errorf("%s attempts, tried %q", r.attempts(), r.tried())
			}
			got, _ := json.Marshal(r.receipt.Attempts)
			const want = `[{"provider":"a","model":"x","outcome":"auth","status":401,"key":"main","hedge":false},{"provider":"a","model":"x","outcome":"ok","status":200,"key":"spare","hedge":false}]`
			if string(got) != want {
				t.Errorf("the receipt has %s, want %s", got, want)
			}
			for range 3 {
				answeredBy(t, s.ask(t, s.REST(), k, strings.Replace(body, `"m"`, `"n"`, 1)), "a")
			}
			if by := s.keysSent(); by["secret-main"] != 1 || by["secret-spare"] != 4 {
				t.Errorf("the keys were used %v: the refused one must rest for every model", by)
			}
			if b := s.benched(t, "main"); len(b) != 1 || b[0].Reason != "auth" || b[0].Model != "" {
				t.Errorf("the status says %+v", b)
			}
			if strings.Contains(s.Log(), "secret-") {
				t.Error("the log shows a key")
			}
		})
	}
}

func TestA_key_whose_rate_is_used_up_rests_for_that_model_alone(t *testing.T) {
	s := start(t, weighted)
	s.refuseKeys(map[string]harness.Reply{"secret-main": failing(http.StatusTooManyRequests, [2]string{"Retry-After", "60"})})
	r := s.chat(t, chatOf("m"))
	answeredBy(t, r, "a")
	if r.attempts() != "2" || r.tried() != "a/x=upstream_rate_limited(429)" {
		t.Errorf("%s attempts, tried %q", r.attempts(), r.tried())
	}
	if b := s.benched(t, "main"); len(b) != 1 || b[0].Reason != "rate_limited" || b[0].Model != "x" {
		t.Errorf("the status says %+v", b)
	}
	answeredBy(t, s.chat(t, chatOf("m")), "a")
	if by := s.keysSent(); by["secret-main"] != 1 {
		t.Errorf("a resting key was used: %v", by)
	}
	s.well("a")
	answeredBy(t, s.chat(t, chatOf("n")), "a")
	if by := s.keysSent(); by["secret-main"] != 1 {
		t.Errorf("another model does not use the key: %v", by)
	}
}

func TestA_key_whose_provider_does_not_say_for_how_long_rests_for_a_second_then_two(t *testing.T) {
	s := start(t, weighted)
	s.refuseKeys(map[string]harness.Reply{"secret-main": failing(http.StatusTooManyRequests)})
	for _, most := range []time.Duration{time.Second, 2 * time.Second} {
		before := time.Now()
		answeredBy(t, s.chat(t, chatOf("m")), "a")
		b := s.benched(t, "main")
		if len(b) != 1 || b[0].Until.Before(before.Add(most)) || b[0].Until.After(time.Now().Add(most)) {
			t.Fatalf("the status says %+v, want %s from %s", b, most, before)
		}
		if most == time.Second {
			eventually(t, "the key to come back", func() bool { return len(s.benched(t, "main")) == 0 })
		}
	}
	if n := s.keysSent()["secret-main"]; n != 2 {
		t.Errorf("the key was used %d times", n)
	}
}

func TestWhile_all_keys_rest_calls_go_elsewhere_or_get_the_providers_own_answer(t *testing.T) {
	s := start(t, weighted)
	s.up["a"].Answer(failing(http.StatusTooManyRequests, [2]string{"Retry-After", "60"}, [2]string{"X-Request-Id", "of-a"}))
	failedFor(t, s.chat(t, chatOf("m")), "upstream_rate_limited")
	s.wants(t, "a", 2)
	for _, d := range s.Doors(t) {
		r := s.ask(t, d, single, chatOf("m"))
		failedFor(t, r, "upstream_rate_limited")
		if r.Failure != nil && (r.Failure.Status != http.StatusTooManyRequests || r.Failure.Error.GetMessage() != "status 429" || r.attempts() != "0") {
			t.Errorf("%s: %+v after %s attempts", d.Name, r.Failure, r.attempts())
		}
		if wait := r.Header.Get("Retry-After"); d.IsREST() && wait != "60" && wait != "59" {
			t.Errorf("Retry-After: %q", wait)
		}
	}
	r := s.chat(t, chatOf("both"))
	answeredBy(t, r, "b")
	if r.attempts() != "1" || r.tried() != "" {
		t.Errorf("a resting target was asked before a healthy one: %s attempts, tried %q", r.attempts(), r.tried())
	}
	if !s.target(t, "a/x").Spared {
		t.Error("the status does not say that a/x is spared")
	}
	s.wants(t, "a", 2)
}

func TestA_single_key_is_benched_only_by_Retry_After(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a, api_keys: [only]}]
models: [{name: m, targets: [{provider: a}]}]
routing: {retries: {same_target: never}}
`)
	for _, status := range []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusTooManyRequests} {
		s.failed(status, "a")
		for range 3 {
			if r := s.chat(t, chatOf("m")); r.Failure == nil || r.Failure.Status != status {
				t.Errorf("%d: %s", status, r.outcome())
			}
		}
		s.wants(t, "a", 3)
	}
	s.up["a"].Answer(failing(http.StatusTooManyRequests, [2]string{"Retry-After", "60"}))
	for range 3 {
		failedFor(t, s.chat(t, chatOf("m")), "upstream_rate_limited")
	}
	s.wants(t, "a", 1)
}
