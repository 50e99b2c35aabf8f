package dispatch

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

// lane is how a target behaves: it answers, or fails with err, after takes; or panics.
type lane struct {
	takes  time.Duration
	err    error
	panics bool
}

// hedged runs one call whose second attempt joins after a second, by the lane of each
// attempt in order of start. It returns the number of the attempt that answered, from 1.
func hedged(ctx context.Context, p Policy, r Request, targets int, lanes ...lane) (answer int, asked string, o Outcome, causes []error, err error) {
	started := make(chan int, 1)
	started <- 0
	who := make(chan string, 16)
	ended := make([]error, len(lanes))
	answer, o, err = Unary(ctx, p, make([]Target, targets), r, func(ctx context.Context, at int, _ *adapters.Call) (int, error) {
		n := <-started
		started <- n + 1
		who <- string(rune('a' + at))
		l := lanes[n]
		if l.panics {
			panic("adapter")
		}
		if !wait(ctx, l.takes) {
			ended[n] = context.Cause(ctx)
			return 0, ctx.Err()
		}
		return n + 1, l.err
	})
	close(who)
	for at := range who {
		asked += at
	}
	return answer, asked, o, ended, err
}

func TestUnary_hedges(t *testing.T) {
	const s = time.Second
	down := failure(adapters.KindUnavailable, 500).err
	invalid := failure(adapters.KindInvalid, 400).err
	open := failure(adapters.KindCircuitOpen, 0).err
	for name, test := range map[string]struct {
		attempts int // the most that are allowed; 0: 3
		budget   int
		targets  int
		lanes    []lane
		answer   int
		asked    string
		took     time.Duration
		hedge    int // the place of the second attempt; 0: there was none
		reason   sluicev1.ErrorReason
		spent    int
	}{
		"the first answers in time":                      {0, 1, 2, []lane{{takes: s / 2}}, 1, "a", s / 2, 0, 0, 0},
		"the first wins":                                 {0, 1, 2, []lane{{takes: 3 * s}, {takes: 3 * s}}, 1, "ab", 3 * s, 1, 0, 1},
		"the second wins":                                {0, 1, 2, []lane{{takes: 9 * s}, {takes: s}}, 2, "ab", 2 * s, 1, 0, 1},
		"at the same target when there is one":           {0, 1, 1, []lane{{takes: 9 * s}, {takes: s}}, 2, "aa", 2 * s, 1, 0, 1},
		"no budget":                                      {0, 0, 2, []lane{{takes: 9 * s}}, 1, "a", 9 * s, 0, 0, 0},
		"no second attempt is allowed":                   {1, 1, 2, []lane{{takes: 9 * s}}, 1, "a", 9 * s, 0, 0, 0},
		"the first fails, the second is waited for":      {0, 1, 2, []lane{{takes: 2 * s, err: down}, {takes: 3 * s}}, 2, "ab", 4 * s, 1, 0, 1},
		"the second fails, the first is waited for":      {0, 1, 2, []lane{{takes: 5 * s}, {err: down}}, 1, "ab", 5 * s, 1, 0, 1},
		"both fail, and the usual goes on":               {0, 1, 3, []lane{{takes: 2 * s, err: down}, {takes: 3 * s, err: down}, {takes: s}}, 3, "abc", 5 * s, 1, 0, 1},
		"both fail, and attempts are used up":            {2, 1, 3, []lane{{takes: 2 * s, err: down}, {takes: 3 * s, err: down}}, 0, "ab", 4 * s, 1, sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE, 1},
		"both fail, one for good":                        {0, 1, 3, []lane{{takes: 2 * s, err: down}, {takes: 3 * s, err: invalid}}, 0, "ab", 4 * s, 1, sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST, 1},
		"the first fails before the second":              {0, 1, 2, []lane{{takes: s / 2, err: down}, {takes: 9 * s}}, 2, "ab", s/2 + 9*s, 0, 0, 0},
		"a second that is refused on this side is free":  {2, 1, 3, []lane{{takes: 2 * s, err: down}, {err: open}, {takes: s}}, 3, "abc", 3 * s, 1, 0, 0},
		"a second that panics harms nobody":              {0, 1, 2, []lane{{takes: 2 * s}, {panics: true}}, 1, "ab", 2 * s, 1, 0, 1},
		"a first that was refused does not use the turn": {0, 1, 3, []lane{{err: open}, {takes: 9 * s}, {takes: s}}, 3, "abc", 2 * s, 2, 0, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) { // fails if a goroutine outlives it
				hedge, retries := NewBudget(0, 0), NewBudget(0, 9)
				hedge.free = float64(test.budget)
				start := time.Now()
				answer, asked, o, causes, err := hedged(t.Context(), Policy{HedgeDelay: s, MaxAttempts: test.attempts}, Request{Hedge: hedge, Budget: retries}, test.targets, test.lanes...)
				if took := time.Since(start); answer != test.answer || asked != test.asked || took != test.took {
					t.Errorf("answer of %d, asked %q, in %v; want %d, %q, %v: %v", answer, asked, took, test.answer, test.asked, test.took, err)
				}
				if (err == nil) != (test.reason == 0) || err != nil && fault.From(err).Reason != test.reason {
					t.Errorf("got %v, want %v", err, test.reason)
				}
				if o.Answered != test.answer-1 || len(o.Attempts) != len(test.asked) || hedge.extra != test.spent || hedge.calls != 1 || retries.calls != 1 {
					t.Errorf("%+v; %d of the hedges', %d calls, %d calls", o, hedge.extra, hedge.calls, retries.calls)
				}
				for i, a := range o.Attempts {
					if a.Hedge != (test.hedge > 0 && i == test.hedge) {
						t.Errorf("attempt %d: hedge %t", i, a.Hedge)
					}
					if (a.Err == nil) != (i == o.Answered) {
						t.Errorf("attempt %d: %v", i, a.Err)
					}
				}
				// The breaker below must not hold it against the one that lost.
				for i, cause := range causes {
					if cause == nil {
						continue
					}
					if _, blamed := errors.AsType[*adapters.Error](cause); blamed {
						t.Errorf("attempt %d is blamed: %v", i, cause)
					}
					if adapters.KindOf(o.Attempts[i].Err) != adapters.KindCanceled {
						t.Errorf("attempt %d: %v", i, o.Attempts[i].Err)
					}
				}
			})
		})
	}
}

// The second answer came, too, but too late.
func TestUnary_takes_the_first_answer_of_two(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer, o, err := Unary(t.Context(), Policy{HedgeDelay: time.Second}, make([]Target, 2), Request{Hedge: NewBudget(0, 1)}, func(_ context.Context, at int, _ *adapters.Call) (int, error) {
			time.Sleep(time.Duration(3-at) * time.Second) // whatever the context says
			return at + 1, nil
		})
		if err != nil || answer == 0 || o.Answered != answer-1 || adapters.KindOf(o.Attempts[2-answer].Err) != adapters.KindCanceled || o.Attempts[answer-1].Err != nil {
			t.Errorf("answer of %d, %v, %+v", answer, err, o)
		}
	})
}

func TestUnary_hedges_at_the_targets_95th_percentile(t *testing.T) {
	for name, test := range map[string]struct {
		known int
		asked string
	}{"known": {100, "ab"}, "not known": {19, "a"}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &Gauge{}
				for i := range test.known {
					g.answered(time.Now(), time.Duration(i+1)*time.Millisecond, true)
				}
				asked, second := make(chan string, 2), time.Duration(0)
				start := time.Now()
				_, o, err := Unary(t.Context(), Policy{}, []Target{{Gauge: g}, {}}, Request{Hedge: NewBudget(0, 1)}, func(ctx context.Context, at int, _ *adapters.Call) (int, error) {
					asked <- string(rune('a' + at))
					if at == 1 {
						second = time.Since(start)
						return 2, nil
					}
					if !wait(ctx, time.Second) {
						return 0, ctx.Err()
					}
					return 1, nil
				})
				close(asked)
				got := ""
				for at := range asked {
					got += at
				}
				if err != nil || got != test.asked || len(o.Attempts) != len(got) {
					t.Errorf("asked %q: %v", got, err)
				}
				if got == "ab" && second != 95*time.Millisecond {
					t.Errorf("after %v", second)
				}
				// What was cut at the quantile counts as an answer of at least that.
				if most, _ := g.Quantile(1); got == "ab" && g.samples != 101 || got == "ab" && most != 100*time.Millisecond {
					t.Errorf("%d answers, up to %v", g.samples, most)
				}
				if g.Busy() != 0 {
					t.Error("still busy")
				}
			})
		})
	}
}

// Only what was cut short is entered as longer than it took: an answer that came too late
// has entered itself, and a failure says nothing about the time of answers.
func TestUnary_enters_the_time_of_the_first_attempt_once(t *testing.T) {
	for name, test := range map[string]struct {
		err  error
		want int
	}{
		"it failed":    {failure(adapters.KindUnavailable, 500).err, 0},
		"it was cut":   {nil, 1},
		"it came late": {nil, 1},
		"it gave up":   {context.Canceled, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				g := &Gauge{}
				answer, _, err := Unary(t.Context(), Policy{HedgeDelay: time.Second}, []Target{{Gauge: g}, {}}, Request{Hedge: NewBudget(0, 1)}, func(ctx context.Context, at int, _ *adapters.Call) (int, error) {
					switch {
					case at == 1:
						time.Sleep(2 * time.Second)
						return 2, nil
					case test.err != nil:
						time.Sleep(2 * time.Second)
						return 0, test.err
					case name == "it came late":
						time.Sleep(5 * time.Second) // whatever the context says
						return 1, nil
					}
					<-ctx.Done()
					return 0, ctx.Err()
				})
				if err != nil || answer != 2 || g.samples != test.want {
					t.Errorf("answer of %d, %v, %d samples, want %d", answer, err, g.samples, test.want)
				}
			})
		})
	}
}

func TestUnary_hedges_nothing_unless_the_request_says_so(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		answer, asked, _, _, err := hedged(t.Context(), Policy{HedgeDelay: time.Second}, Request{}, 2, lane{takes: time.Minute})
		if err != nil || answer != 1 || asked != "a" {
			t.Errorf("%d, %q, %v", answer, asked, err)
		}
	})
}

func TestUnary_ends_both_attempts_when_the_caller_leaves(t *testing.T) {
	for _, after := range []time.Duration{time.Second / 2, 5 * time.Second} {
		synctest.Test(t, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), after)
			defer cancel()
			start := time.Now()
			_, asked, o, _, err := hedged(ctx, Policy{HedgeDelay: time.Second}, Request{Hedge: NewBudget(0, 1)}, 3, lane{takes: time.Hour}, lane{takes: time.Hour})
			if fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED || time.Since(start) != after || len(o.Attempts) != len(asked) || len(asked) > 2 {
				t.Errorf("%v after %v, asked %q, %+v", err, time.Since(start), asked, o)
			}
		})
	}
}

// A caller who left gets no second attempt, though the first goes on.
func TestUnary_hedges_nothing_while_it_drains(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), time.Second/2)
		defer cancel()
		answer, asked, o, _, err := hedged(ctx, Policy{HedgeDelay: time.Second, Drain: time.Minute}, Request{Hedge: NewBudget(0, 1)}, 2, lane{takes: 5 * time.Second})
		if answer != 1 || asked != "a" || o.Answered != 0 || fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED {
			t.Errorf("%d, %q, %v, %+v", answer, asked, err, o)
		}
	})
}
