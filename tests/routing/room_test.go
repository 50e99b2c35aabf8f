package routing

import (
	"fmt"
	"net/http"
	"testing"
	"time"

	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/tests/harness"

	"github.com/sluice-ai/sluice/server"
)

// bounded is a provider, or a target, that runs one call at a time.
func bounded(atProvider bool, more string) string {
	bound := ", concurrency: {max: 1, " + more + "}"
	provider, target := bound, ""
	if !atProvider {
		provider, target = "", bound
	}
	return `
providers: [{name: a, @a` + provider + `}, {name: b, @b}]
models:
  - {name: m, targets: [{provider: a` + target + `}]}
  - {name: n, targets: [{provider: a` + target + `}]}
  - {name: both, targets: [{provider: a` + target + `}, {provider: b, priority: 1}]}
`
}

// room is how the status shows the bound.
func (s *stage) room(t *testing.T, atProvider bool) server.ConcurrencyStatus {
	t.Helper()
	shown := s.status(t)
	if atProvider {
		if c := shown.Providers[0].Concurrency; c != nil {
			return *c
		}
	}
	for _, target := range shown.Targets {
		if len(target.Routes) == 1 && target.Routes[0] == "m" && target.Concurrency != nil {
			return *target.Concurrency
		}
	}
	t.Fatalf("the status shows no bound: %+v", shown)
	return server.ConcurrencyStatus{}
}

func bothPlaces(t *testing.T, test func(t *testing.T, atProvider bool)) {
	t.Helper()
	for _, atProvider := range []bool{true, false} {
		t.Run(map[bool]string{true: "at the provider", false: "at the target"}[atProvider], func(t *testing.T) { test(t, atProvider) })
	}
}

func TestA_full_target_is_passed_over_or_refuses(t *testing.T) {
	bothPlaces(t, func(t *testing.T, atProvider bool) {
		s := start(t, bounded(atProvider, "queue: 0")+"limits: {max_concurrent_calls: 50}\n")
		g := s.gate("a")
		running := s.later(t, s.REST(), single, chatOf("m"))
		s.up["a"].Next(t)
		for _, d := range s.Doors(t) {
			for _, k := range []kind{single, streamed} {
				r := s.ask(t, d, k, chatOf("m"))
				failedFor(t, r, "target_saturated")
				if r.Failure != nil && (r.Failure.Status != http.StatusServiceUnavailable || r.attempts() != "0" || r.tried() != "a/m=target_saturated") {
					t.Errorf("%s: %+v, %s attempts, tried %q", d.Name, r.Failure, r.attempts(), r.tried())
				}
				if d.IsREST() && r.Header.Get("Retry-After") == "" {
					t.Errorf("%s: no Retry-After", d.Name)
				}
			}
		}
		if room := s.room(t, atProvider); room.Running != 1 || room.Limit != 1 || room.Queue != 0 || room.Refused != 12 {
			t.Errorf("the status says %+v", room)
		}
		s.wants(t, "a", 1)
		if atProvider {
			// Its bound is over all models, and for calls that name it.
			failedFor(t, s.chat(t, chatOf("a/other")), "target_saturated")
			r := s.chat(t, chatOf("both"))
			answeredBy(t, r, "b")
			if r.attempts() != "1" || r.tried() != "a/both=target_saturated" {
				t.Errorf("%s attempts, tried %q", r.attempts(), r.tried())
			}
		} else {
			// Each entry has its own.
			other := s.later(t, s.REST(), single, chatOf("n"))
			s.up["a"].Next(t)
			g.release <- struct{}{}
			g.release <- struct{}{}
			for range 2 {
				s.Receipt(t)
			}
			if r := <-other; r.Failure != nil {
				t.Errorf("another entry: %+v", r.Failure)
			}
		}
		close(g.release)
		if r := <-running; r.Failure != nil || r.Err != nil {
			t.Errorf("the running call: %+v", r)
		}
		if atProvider {
			s.Receipt(t)
		}
	})
}

func TestWho_finds_a_target_full_waits_for_a_place_or_for_the_time_to_run_out(t *testing.T) {
	bothPlaces(t, func(t *testing.T, atProvider bool) {
		s := start(t, bounded(atProvider, "queue: 1, queue_timeout: 80ms"))
		g := s.gate("a")
		first := s.later(t, s.REST(), single, chatOf("m"))
		s.up["a"].Next(t)
		r := s.chat(t, chatOf("m"))
		failedFor(t, r, "target_saturated")
		if r.took < 80*time.Millisecond || r.took > 5*time.Second {
			t.Errorf("it waited %s", r.took)
		}
		s.reload(t, bounded(atProvider, "queue: 1, queue_timeout: 20s"))
		close(g.release) // the one that runs by the old configuration
		<-first
		s.Receipt(t)
		g = s.gate("a")
		first = s.later(t, s.REST(), single, chatOf("m"))
		s.up["a"].Next(t)
		second := s.later(t, s.door(t, "grpc"), streamed, chatOf("m"))
		eventually(t, "a call to wait", func() bool { return s.room(t, atProvider).Waiting == 1 })
		close(g.release)
		for _, done := range []<-chan harness.Answer{first, second} {
			if r := <-done; r.Failure != nil || r.Err != nil {
				t.Errorf("%+v", r)
			}
			s.Receipt(t)
		}
	})
}

func TestCallers_who_wait_take_turns(t *testing.T) {
	bothPlaces(t, func(t *testing.T, atProvider bool) {
		s := start(t, bounded(atProvider, "queue: 3, queue_timeout: 20s"))
		g := s.gate("a")
		call := func(caller, content string) <-chan harness.Answer {
			return s.later(t, s.REST(), single, `{"model":"m","messages":[{"role":"user","content":"`+content+`"}]}`, "authorization", "Bearer "+caller)
		}
		calls := []<-chan harness.Answer{call("zero", "0")}
		s.up["a"].Next(t)
		for n := range 3 {
			calls = append(calls, call("alice", fmt.Sprintf("alice %d", n+1)))
			eventually(t, "a call to wait", func() bool { return s.room(t, atProvider).Waiting == n+1 })
		}
		// The queue is full: a newcomer takes the place of the last call of who has most.
		calls = append(calls, call("bob", "bob 1"))
		if r := <-calls[3]; r.Failure == nil || r.Failure.Reason != "target_saturated" {
			t.Errorf("the last call of who has most waiting: %+v", r)
		}
		// The same caller's next one finds no place.
		if r := <-call("alice", "alice 4"); r.Failure == nil || r.Failure.Reason != "target_saturated" {
			t.Errorf("one more of the same caller: %+v", r)
		}
		var order []string
		for range 3 {
			g.release <- struct{}{}
			content, _ := harness.At(s.up["a"].Next(t).Body, "messages", 0, "content")
			order = append(order, string(content))
		}
		close(g.release)
		if got := fmt.Sprint(order); got != `["alice 1" "bob 1" "alice 2"]` {
			t.Errorf("served in the order %s", got)
		}
		for _, at := range []int{0, 1, 2, 4} {
			if r := <-calls[at]; r.Failure != nil || r.Err != nil {
				t.Errorf("call %d: %+v", at, r)
			}
		}
		for range 6 {
			s.Receipt(t)
		}
	})
}

func TestAn_adaptive_bound_grows_and_shrinks_up_to_its_maximum(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a, concurrency: {max: 8, adaptive: true}}, {name: b, @b, concurrency: {adaptive: true}}]
models: [{name: m, targets: [{provider: a}]}]
`+unguarded)
	answeredBy(t, s.chat(t, chatOf("m")), "a")
	shown := s.status(t).Providers
	before := shown[0].Concurrency
	if before == nil || before.Limit < 1 || before.Limit > 8 || shown[1].Concurrency == nil || shown[1].Concurrency.Limit > 1000 {
		t.Fatalf("the status says %+v", shown)
	}
	s.failed(503, "a")
	for range 20 {
		s.chat(t, chatOf("m"), "x-stainless-retry-count", "0")
	}
	after := s.status(t).Providers[0].Concurrency
	if after.Limit >= before.Limit || after.Limit < 1 {
		t.Errorf("the bound was %d, and is %d after the target said that it is overloaded", before.Limit, after.Limit)
	}
}

func TestBeyond_all_of_its_calls_Sluice_refuses_more(t *testing.T) {
	s := start(t, "providers: [{name: a, @a}]\nlimits: {max_concurrent_calls: 1}\n")
	g := s.gate("a")
	running := s.later(t, s.REST(), single, chatOf("a/m"))
	s.up["a"].Next(t)
	if shown := s.status(t); shown.RunningCalls != 1 || shown.MaxCalls != 1 {
		t.Errorf("the status says %d of %d calls", shown.RunningCalls, shown.MaxCalls)
	}
	for _, d := range s.Doors(t) {
		for _, k := range []kind{single, streamed} {
			r := s.ask(t, d, k, chatOf("a/m"))
			failedFor(t, r, "overloaded")
			if f := r.Failure; f != nil && (f.Status != http.StatusServiceUnavailable || f.Code != codes.OK && f.Code != codes.Unavailable) {
				t.Errorf("%s: %+v", d.Name, f)
			}
			if d.IsREST() && r.Header.Get("Retry-After") != "1" {
				t.Errorf("Retry-After: %q", r.Header.Get("Retry-After"))
			}
		}
	}
	conn, err := grpc.NewClient(s.GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, err = sluicev1.NewEmbeddingsServiceClient(conn).CreateEmbeddings(t.Context(),
		&sluicev1.CreateEmbeddingsRequest{Model: "a/m", Input: &sluicev1.CreateEmbeddingsRequest_Text{Text: "x"}})
	s.Receipt(t)
	told := false
	for _, detail := range status.Convert(err).Details() {
		if info, ok := detail.(*errdetails.RetryInfo); ok && info.GetRetryDelay().AsDuration() == time.Second {
			told = true
		}
	}
	if status.Code(err) != codes.Unavailable || !told {
		t.Errorf("%v, with RetryInfo of a second: %t", err, told)
	}
	s.wants(t, "a", 1)
	close(g.release)
	if r := <-running; r.Failure != nil || r.Err != nil {
		t.Errorf("the running call: %+v", r)
	}
	s.Receipt(t)
	answeredBy(t, s.chat(t, chatOf("a/m")), "a")
}
