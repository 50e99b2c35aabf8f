package dispatch

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

// step is what a scripted target does with one attempt.
type step struct {
	err    error
	hang   bool // until the attempt's context ends
	chunks int  // sent before err or the end
	wait   time.Duration
}

func failure(kind adapters.Kind, status int) step {
	return step{err: &adapters.Error{Kind: kind, Provider: "p", Status: status}}
}

// script runs one call over targets "a", "b", ... whose steps are given in order of
// attempts, and returns who was asked.
func script(ctx context.Context, p Policy, targets int, steps ...step) (asked, got string, o Outcome, err error) {
	var list []Target
	for i := range targets {
		list = append(list, Target{Provider: adapters.Provider{Name: string(rune('a' + i))}, Model: "m"})
	}
	n := 0
	o, err = Stream(ctx, p, list, Request{}, func(Outcome) {}, func(c string, _ bool) error { got += c; return nil }, func(string) {},
		func(ctx context.Context, at int, _ *adapters.Call, send func(string) error) error {
			s := steps[min(n, len(steps)-1)]
			n++
			asked += list[at].Provider.Name
			for range s.chunks {
				if err := send("."); err != nil {
					return err
				}
			}
			if s.wait > 0 && !wait(ctx, s.wait) {
				return ctx.Err()
			}
			if s.hang {
				<-ctx.Done()
				return ctx.Err()
			}
			return s.err
		})
	return asked, got, o, err
}

func TestStream_tries_again_by_kind_and_only_before_the_first_chunk(t *testing.T) {
	ok := step{chunks: 1}
	refused := step{err: &adapters.Error{Kind: adapters.KindUnavailable, Provider: "p", Unsent: true}}
	tests := map[string]struct {
		targets int
		steps   []step
		asked   string
		reason  sluicev1.ErrorReason
	}{
		"first answers":                            {2, []step{ok}, "a", 0},
		"5xx moves on":                             {2, []step{failure(adapters.KindUnavailable, 500), ok}, "ab", 0},
		"overload moves on":                        {2, []step{failure(adapters.KindOverloaded, 503), ok}, "ab", 0},
		"429 moves on":                             {2, []step{failure(adapters.KindRateLimited, 429), ok}, "ab", 0},
		"a refused key moves on":                   {2, []step{failure(adapters.KindAuth, 401), ok}, "ab", 0},
		"an open circuit moves on":                 {2, []step{failure(adapters.KindCircuitOpen, 0), ok}, "ab", 0},
		"garbage moves on":                         {2, []step{failure(adapters.KindProtocol, 200), ok}, "ab", 0},
		"an invalid request does not":              {2, []step{failure(adapters.KindInvalid, 400)}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST},
		"filtered content does not":                {2, []step{failure(adapters.KindContentFiltered, 400)}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTENT_FILTERED},
		"our own defect does not":                  {2, []step{{err: errors.New("boom")}}, "a", sluicev1.ErrorReason_ERROR_REASON_INTERNAL},
		"the last target's 500 is not multiplied":  {1, []step{failure(adapters.KindUnavailable, 500)}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE},
		"the last target's 429 is not multiplied":  {1, []step{failure(adapters.KindRateLimited, 429)}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED},
		"a refused connection is tried again":      {1, []step{refused, ok}, "aa", 0},
		"a connection that broke may have done it": {1, []step{failure(adapters.KindUnavailable, 0)}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE},
		"attempts are bounded":                     {1, []step{refused}, "aaa", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE},
		"attempts are bounded over targets":        {5, []step{refused}, "abc", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE},
		"spared targets cost no attempt":           {5, []step{failure(adapters.KindCircuitOpen, 0), failure(adapters.KindCircuitOpen, 0), failure(adapters.KindCircuitOpen, 0), failure(adapters.KindUnsupported, 0), ok}, "abcde", 0},
		"never after the first chunk":              {2, []step{{chunks: 1, err: refused.err}, ok}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE},
		"the real failure is told, not the spared": {2, []step{failure(adapters.KindOverloaded, 503), failure(adapters.KindCircuitOpen, 0)}, "ab", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_OVERLOADED},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, got, o, err := script(t.Context(), Policy{}, test.targets, test.steps...)
				if asked != test.asked || len(o.Attempts) != len(asked) {
					t.Errorf("asked %q, %d attempts noted, want %q", asked, len(o.Attempts), test.asked)
				}
				if strings.Count(got, ".") > 1 {
					t.Errorf("two answers were spliced: %q", got)
				}
				if reason := fault.From(err); (err == nil) != (test.reason == 0) || err != nil && reason.Reason != test.reason {
					t.Errorf("got %v, want %v", err, test.reason)
				}
			})
		})
	}
}

func TestStream_holds_its_deadlines(t *testing.T) {
	const timeout = sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT
	tests := map[string]struct {
		policy Policy
		steps  []step
		asked  string
		took   time.Duration
		reason sluicev1.ErrorReason
	}{
		"an attempt that hangs moves on":            {Policy{AttemptTimeout: time.Second}, []step{{hang: true}, {chunks: 1}}, "ab", time.Second, 0},
		"all attempts together":                     {Policy{AttemptTimeout: 2 * time.Second, TotalTimeout: 3 * time.Second}, []step{{hang: true}}, "ab", 3 * time.Second, timeout},
		"the default bounds a hang":                 {Policy{}, []step{{hang: true}}, "a", DefaultTotalTimeout, timeout},
		"a running stream is not cut by a deadline": {Policy{AttemptTimeout: time.Second, TotalTimeout: time.Second}, []step{{chunks: 1, wait: time.Hour}}, "a", time.Hour, 0},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				start := time.Now()
				asked, _, _, err := script(t.Context(), test.policy, 2, test.steps...)
				if took := time.Since(start); asked != test.asked || took != test.took {
					t.Errorf("asked %q in %v, want %q in %v", asked, took, test.asked, test.took)
				}
				if (err == nil) != (test.reason == 0) || err != nil && fault.From(err).Reason != test.reason {
					t.Errorf("got %v, want %v", err, test.reason)
				}
			})
		})
	}
}

func TestStream_tells_the_callers_own_end_as_such(t *testing.T) {
	for name, test := range map[string]struct {
		end    func(context.Context) (context.Context, context.CancelFunc)
		reason sluicev1.ErrorReason
	}{
		"cancelled": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			ctx, cancel := context.WithCancel(ctx)
			time.AfterFunc(time.Second, cancel)
			return ctx, cancel
		}, sluicev1.ErrorReason_ERROR_REASON_CANCELED},
		"deadline": {func(ctx context.Context) (context.Context, context.CancelFunc) {
			return context.WithTimeout(ctx, time.Second)
		}, sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := test.end(t.Context())
				defer cancel()
				start := time.Now()
				asked, _, _, err := script(ctx, Policy{}, 2, step{hang: true})
				if fault.From(err).Reason != test.reason || asked != "a" || time.Since(start) != time.Second {
					t.Errorf("asked %q, got %v after %v, want %v after 1s and no other attempt", asked, err, time.Since(start), test.reason)
				}
			})
		})
	}
}

func TestStream_ends_when_the_caller_takes_no_more(t *testing.T) {
	gone := errors.New("broken pipe")
	targets := []Target{{Provider: adapters.Provider{Name: "a"}}, {Provider: adapters.Provider{Name: "b"}}}
	asked := 0
	_, err := Stream(t.Context(), Policy{}, targets, Request{}, func(Outcome) {}, func(string, bool) error { return gone }, func(string) {},
		func(_ context.Context, _ int, _ *adapters.Call, send func(string) error) error {
			asked++
			return send("x")
		})
	if asked != 1 || fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED || !errors.Is(err, gone) {
		t.Errorf("asked %d times, got %v", asked, err)
	}
}
