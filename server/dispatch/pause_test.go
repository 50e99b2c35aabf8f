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

// Each pause lies between the bounds; both are drawn often enough to be seen.
func TestUnary_pauses_before_a_repetition(t *testing.T) {
	const ms = time.Millisecond
	limited := func(after time.Duration) step {
		return fails(adapters.Error{Kind: adapters.KindRateLimited, Status: 429, RetryAfter: after})
	}
	refused := fails(adapters.Error{Kind: adapters.KindUnavailable, Unsent: true})
	for name, test := range map[string]struct {
		policy      Policy
		deadline    time.Duration
		targets     int
		steps       []step
		asked       string
		least, most []time.Duration // before each attempt
	}{
		"doubling, from the defaults": {
			Policy{MaxAttempts: 8},
			0, 1,
			[]step{refused},
			"aaaaaaaa",
			[]time.Duration{0, 50 * ms, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1000 * ms, 1000 * ms},
			[]time.Duration{0, 100 * ms, 200 * ms, 400 * ms, 800 * ms, 1600 * ms, 2000 * ms, 2000 * ms},
		},
		"as configured": {
			Policy{MaxAttempts: 4, FirstPause: 10 * ms, MaxPause: 15 * ms},
			0, 1,
			[]step{refused},
			"aaaa",
			[]time.Duration{0, 5 * ms, 7 * ms, 7 * ms},
			[]time.Duration{0, 10 * ms, 15 * ms, 15 * ms},
		},
		"none between targets": {
			Policy{}, 0, 2, []step{limited(time.Second), {}}, "ab", []time.Duration{0, 0}, []time.Duration{0, 0},
		},
		"what the target asks for, never less": {
			Policy{Repeat: RepeatRefused},
			0, 1,
			[]step{limited(3 * time.Second), {}},
			"aa",
			[]time.Duration{0, 3 * time.Second},
			[]time.Duration{0, 3300 * ms},
		},
		"not longer than the longest wait": {Policy{Repeat: RepeatRefused}, 0, 1, []step{limited(10*time.Second + 1)}, "a", []time.Duration{0}, []time.Duration{0}},
		"as long as the longest wait": {
			Policy{Repeat: RepeatRefused, MaxWait: time.Second},
			0, 1,
			[]step{limited(time.Second), {}},
			"aa",
			[]time.Duration{0, time.Second},
			[]time.Duration{0, 1100 * ms},
		},
		"not beyond the caller's deadline": {Policy{Repeat: RepeatRefused}, 3 * time.Second, 1, []step{limited(3 * time.Second)}, "a", []time.Duration{0}, []time.Duration{0}},
		"within the caller's deadline": {
			Policy{Repeat: RepeatRefused},
			3 * time.Second, 1,
			[]step{limited(2900 * ms), {}},
			"aa",
			[]time.Duration{0, 2900 * ms},
			[]time.Duration{0, 2950 * ms},
		},
		"not beyond the total": {Policy{Repeat: RepeatRefused, TotalTimeout: 2 * time.Second}, 0, 1, []step{limited(2 * time.Second)}, "a", []time.Duration{0}, []time.Duration{0}},
		"the target that is ready first": {
			Policy{Repeat: RepeatRefused},
			0, 2,
			[]step{limited(5 * time.Second), limited(time.Second), {}},
			"abb",
			[]time.Duration{0, 0, time.Second},
			[]time.Duration{0, 0, 1100 * ms},
		},
		"the time that another attempt took counts": {
			Policy{Repeat: RepeatRefused},
			0, 2,
			[]step{limited(time.Second), {err: limited(8 * time.Second).err, wait: 5 * time.Second}, {}},
			"aba",
			[]time.Duration{0, 0, 5 * time.Second},
			[]time.Duration{0, 0, 5100 * ms},
		},
		"a benched target says when": {
			Policy{Repeat: RepeatRefused},
			0, 1,
			[]step{fails(adapters.Error{Kind: adapters.KindRateLimited, Unsent: true, RetryAfter: 2 * time.Second}), {}},
			"aa",
			[]time.Duration{0, 2 * time.Second},
			[]time.Duration{0, 2200 * ms},
		},
	} {
		t.Run(name, func(t *testing.T) {
			for range 20 {
				synctest.Test(t, func(t *testing.T) {
					ctx := t.Context()
					if test.deadline > 0 {
						var cancel context.CancelFunc
						ctx, cancel = context.WithTimeout(ctx, test.deadline)
						defer cancel()
					}
					got := scene{policy: test.policy, windows: make([]int64, test.targets), steps: test.steps}.run(ctx)
					if got.asked != test.asked {
						t.Fatalf("asked %q, want %q: %v", got.asked, test.asked, got.err)
					}
					before := time.Duration(0)
					for i, at := range got.at {
						if pause := at - before; pause < test.least[i] || pause > test.most[i] {
							t.Errorf("%v before attempt %d, want %v to %v", pause, i+1, test.least[i], test.most[i])
						}
						before = at
					}
					if ctx.Err() != nil {
						t.Error("the caller waited to the end")
					}
				})
			}
		})
	}
}

func TestUnary_ends_in_a_pause_when_the_caller_leaves(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithCancel(t.Context())
		time.AfterFunc(time.Second, cancel)
		start, budget := time.Now(), NewBudget(0, 1)
		got := scene{
			policy: Policy{Repeat: RepeatRefused}, request: Request{Budget: budget}, windows: make([]int64, 1),
			steps: []step{fails(adapters.Error{Kind: adapters.KindRateLimited, RetryAfter: 5 * time.Second})},
		}.run(ctx)
		if fault.From(got.err).Reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED || got.asked != "a" || time.Since(start) != time.Second {
			t.Errorf("asked %q, %v after %v", got.asked, got.err, time.Since(start))
		}
		if budget.extra != 0 {
			t.Error("an attempt that never was has been paid for")
		}
	})
}
