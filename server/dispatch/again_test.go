package dispatch

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

// scene is one call over targets "a", "b", ... whose attempts go by the steps in order,
// the last of which stays.
type scene struct {
	policy  Policy
	request Request
	windows []int64 // of the targets, as many as there are
	steps   []step
}

// scened is what came of it.
type scened struct {
	asked   string
	at      []time.Duration // of each attempt, since the start
	outcome Outcome
	err     error
}

func (s scene) run(ctx context.Context) (got scened) {
	start := time.Now()
	targets := make([]Target, len(s.windows))
	for i, window := range s.windows {
		targets[i] = Target{Provider: adapters.Provider{Name: string(rune('a' + i))}, Model: "m", ContextWindow: window}
	}
	_, got.outcome, got.err = Unary(ctx, s.policy, targets, s.request, func(ctx context.Context, at int, _ *adapters.Call) (*string, error) {
		step := s.steps[min(len(got.at), len(s.steps)-1)]
		got.asked += targets[at].Provider.Name
		got.at = append(got.at, time.Since(start))
		if step.hang {
			<-ctx.Done()
			return nil, ctx.Err()
		}
		if step.wait > 0 && !wait(ctx, step.wait) {
			return nil, ctx.Err()
		}
		return new(string), step.err
	})
	return got
}

func fails(e adapters.Error) step {
	e.Provider = "p"
	return step{err: &e}
}

// Every kind, under every policy: which of two targets are asked when both fail the same
// way, and four attempts are allowed. The rule is that of docs/routing.md, "Attempts".
func TestUnary_tries_again_by_kind_and_policy(t *testing.T) {
	const (
		all  = "a"    // no other helps
		each = "ab"   // another may help, the same does not
		more = "abab" // all four
	)
	type asked [4]string // by RepeatNever, RepeatUnsent, RepeatRefused, RepeatFailed
	for _, test := range []struct {
		kind             adapters.Kind
		answered, unsent asked
	}{
		{adapters.KindInternal, asked{all, all, all, all}, asked{all, all, all, all}},
		{adapters.KindInvalid, asked{all, all, all, all}, asked{all, all, all, all}},
		{adapters.KindTooLarge, asked{all, all, all, all}, asked{all, all, all, all}},
		{adapters.KindConflict, asked{all, all, all, all}, asked{all, all, all, all}},
		{adapters.KindContentFiltered, asked{all, all, all, all}, asked{all, all, all, all}},
		{adapters.KindCanceled, asked{all, all, all, all}, asked{all, all, all, all}},
		{adapters.KindContextWindow, asked{all, all, all, all}, asked{all, all, all, all}}, // no window is known
		{adapters.KindNotFound, asked{each, each, each, each}, asked{each, each, each, each}},
		{adapters.KindAuth, asked{each, each, each, each}, asked{each, each, each, each}},
		{adapters.KindPermission, asked{each, each, each, each}, asked{each, each, each, each}},
		{adapters.KindUnsupported, asked{each, each, each, each}, asked{each, each, each, each}},
		{adapters.KindCircuitOpen, asked{each, each, each, each}, asked{each, each, each, each}},
		{adapters.KindSaturated, asked{each, each, each, each}, asked{each, each, each, each}},
		{adapters.KindRateLimited, asked{each, each, more, more}, asked{each, each, each, each}},
		{adapters.KindOverloaded, asked{each, each, more, more}, asked{each, each, more, more}},
		{adapters.KindUnavailable, asked{each, each, each, more}, asked{each, more, more, more}},
		{adapters.KindTimeout, asked{each, each, each, more}, asked{each, more, more, more}},
		{adapters.KindProtocol, asked{each, each, each, more}, asked{each, each, each, each}},
	} {
		for repeat := RepeatNever; repeat <= RepeatFailed; repeat++ {
			for _, unsent := range []bool{false, true} {
				synctest.Test(t, func(t *testing.T) {
					got := scene{
						policy: Policy{MaxAttempts: 4, Repeat: repeat}, windows: []int64{0, 0},
						steps: []step{fails(adapters.Error{Kind: test.kind, Unsent: unsent})},
					}.run(t.Context())
					want := test.answered[repeat+1]
					if unsent {
						want = test.unsent[repeat+1]
					}
					if got.asked != want || len(got.outcome.Attempts) != len(want) || got.outcome.Answered != -1 {
						t.Errorf("%v, unsent %t, repeat %d: asked %q, want %q; %+v", test.kind, unsent, repeat, got.asked, want, got.outcome)
					}
					if got.err == nil {
						t.Errorf("%v: no error", test.kind)
					}
				})
			}
		}
	}
	if len(rules) != int(adapters.KindSaturated)+1 {
		t.Errorf("%d rules for %d kinds", len(rules), adapters.KindSaturated+1)
	}
	got := scene{windows: []int64{0, 0}, steps: []step{fails(adapters.Error{Kind: adapters.Kind(99)})}}.run(t.Context())
	if got.asked != "a" {
		t.Errorf("a kind of the future: asked %q", got.asked)
	}
}

func TestUnary_chooses_the_next_target(t *testing.T) {
	ok := step{}
	long := fails(adapters.Error{Kind: adapters.KindContextWindow, Status: 400})
	busy := fails(adapters.Error{Kind: adapters.KindOverloaded, Status: 503})
	limited := fails(adapters.Error{Kind: adapters.KindRateLimited, Status: 429})
	otherKey := fails(adapters.Error{Kind: adapters.KindRateLimited, Status: 429, OtherKey: true})
	// OpenAI's guide "Error codes": waiting does not end this 429.
	quota := fails(adapters.Error{Kind: adapters.KindRateLimited, Status: 429, Envelope: &sluicev1.ErrorEnvelope{
		Error: &sluicev1.Error{Code: &sluicev1.Error_CodeString{CodeString: "insufficient_quota"}},
	}})
	open := fails(adapters.Error{Kind: adapters.KindCircuitOpen})
	full := fails(adapters.Error{Kind: adapters.KindSaturated, Unsent: true})
	benched := fails(adapters.Error{Kind: adapters.KindAuth, Unsent: true})
	refused := fails(adapters.Error{Kind: adapters.KindUnavailable, Unsent: true})
	for name, test := range map[string]struct {
		policy  Policy
		windows []int64
		steps   []step
		asked   string
		reason  sluicev1.ErrorReason
	}{
		"a used-up quota is not waited for":                   {Policy{Repeat: RepeatFailed}, []int64{0}, []step{quota}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED},
		"but another target is asked":                         {Policy{}, []int64{0, 0}, []step{quota, ok}, "ab", 0},
		"a longer prompt goes to a larger window":             {Policy{}, []int64{8, 8, 0, 4, 16}, []step{long, ok}, "ae", 0},
		"and to a larger one still":                           {Policy{}, []int64{8, 16, 12, 32}, []step{long, long, ok}, "abd", 0},
		"of an unknown window nothing is larger":              {Policy{}, []int64{0, 16}, []step{long}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTEXT_WINDOW},
		"no larger one is left":                               {Policy{}, []int64{16, 8, 0}, []step{long}, "a", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTEXT_WINDOW},
		"a smaller one is not repeated either":                {Policy{Repeat: RepeatRefused, MaxAttempts: 5}, []int64{8, 16, 32}, []step{busy, long, busy, ok}, "abcc", 0},
		"another key of the same target is asked first":       {Policy{}, []int64{0, 0}, []step{otherKey, ok}, "aa", 0},
		"then the next target":                                {Policy{}, []int64{0, 0}, []step{otherKey, limited, ok}, "aab", 0},
		"other keys cost attempts":                            {Policy{}, []int64{0, 0}, []step{otherKey}, "aaa", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED},
		"other keys are asked whatever is repeated":           {Policy{Repeat: RepeatNever}, []int64{0}, []step{otherKey, ok}, "aa", 0},
		"a target that was spared is not asked again":         {Policy{Repeat: RepeatFailed}, []int64{0, 0}, []step{open, refused, ok}, "abb", 0},
		"a full one neither":                                  {Policy{Repeat: RepeatFailed}, []int64{0, 0}, []step{full, refused, ok}, "abb", 0},
		"refusals on this side cost no attempts":              {Policy{MaxAttempts: 1}, []int64{0, 0, 0, 0}, []step{open, full, benched, ok}, "abcd", 0},
		"the last failure of a target decides":                {Policy{Repeat: RepeatRefused, MaxAttempts: 9}, []int64{0, 0}, []step{limited, limited, failure(adapters.KindProtocol, 200), limited, limited, ok}, "ababbb", 0},
		"a repeated target may refuse for good":               {Policy{Repeat: RepeatRefused}, []int64{0}, []step{limited, failure(adapters.KindInvalid, 400)}, "aa", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST},
		"a provider's answer is told, not a later refusal":    {Policy{}, []int64{0, 0, 0}, []step{busy, full, open}, "abc", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_OVERLOADED},
		"of answers the later is told":                        {Policy{}, []int64{0, 0}, []step{busy, limited}, "ab", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED},
		"a refusal that passes is told, not one that stays":   {Policy{}, []int64{0, 0}, []step{open, failure(adapters.KindUnsupported, 0)}, "ab", sluicev1.ErrorReason_ERROR_REASON_CIRCUIT_OPEN},
		"a failure that is nobody's ends the call":            {Policy{}, []int64{0, 0}, []step{{err: context.Canceled}}, "a", sluicev1.ErrorReason_ERROR_REASON_CANCELED},
		"a target may be tried many times, and then it is it": {Policy{MaxAttempts: 10}, []int64{0}, []step{refused}, "aaaaaaaaaa", sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := scene{policy: test.policy, windows: test.windows, steps: test.steps}.run(t.Context())
				if got.asked != test.asked || len(got.outcome.Attempts) != len(test.asked) {
					t.Errorf("asked %q, noted %d, want %q", got.asked, len(got.outcome.Attempts), test.asked)
				}
				if (got.err == nil) != (test.reason == 0) || got.err != nil && fault.From(got.err).Reason != test.reason {
					t.Errorf("got %v, want %v", got.err, test.reason)
				}
			})
		})
	}
}

func TestUnary_does_not_multiply_what_the_caller_repeats(t *testing.T) {
	for name, test := range map[string]struct {
		repeat Repeat
		fails  step
		asked  string
	}{
		"a refusal":           {RepeatFailed, failure(adapters.KindRateLimited, 429), "a"},
		"a failure":           {RepeatFailed, failure(adapters.KindUnavailable, 500), "a"},
		"what was never sent": {RepeatFailed, fails(adapters.Error{Kind: adapters.KindUnavailable, Unsent: true}), "aaa"},
		"nothing at all":      {RepeatNever, fails(adapters.Error{Kind: adapters.KindUnavailable, Unsent: true}), "a"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := scene{
					policy: Policy{Repeat: test.repeat}, request: Request{RepeatsItself: true},
					windows: make([]int64, 1), steps: []step{test.fails},
				}.run(t.Context())
				if got.asked != test.asked {
					t.Errorf("asked %q, want %q", got.asked, test.asked)
				}
			})
		})
	}
}

// Refusals on this side are free, so that something else must end a call that meets
// nothing but those.
func TestUnary_never_spins(t *testing.T) {
	for name, e := range map[string]adapters.Error{
		"a bench that always ends soon": {Kind: adapters.KindRateLimited, Unsent: true, RetryAfter: 1},
		"a key that is never there":     {Kind: adapters.KindAuth, Unsent: true, OtherKey: true},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				got := scene{policy: Policy{Repeat: RepeatFailed}, windows: make([]int64, 2), steps: []step{fails(e)}}.run(t.Context())
				if n := len(got.asked); n < 3 || n > 2+2*DefaultMaxAttempts+1 {
					t.Errorf("%d attempts", n)
				}
			})
		})
	}
}
