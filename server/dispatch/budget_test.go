package dispatch

import (
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// However calls and failures come, in no span of the window are there more further
// attempts than the budget says, and one is refused only when there would be.
func TestBudget_holds_in_every_window(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for seed := range uint64(200) {
			random := rand.New(rand.NewPCG(seed, 1))
			ratio, free := []float64{0, 0.05, 0.2, 1, 3}[random.IntN(5)], random.IntN(4)
			b := NewBudget(ratio, free)
			start := time.Now()
			var calls, extra []time.Duration // when each was
			for range 400 {
				switch now := time.Since(start); random.IntN(5) {
				case 0:
					time.Sleep(time.Duration(random.Int64N(int64(3 * time.Second))))
				case 1, 2:
					b.Deposit()
					calls = append(calls, now)
				case 3:
					// What a look at all that ever happened says.
					oldest := now.Truncate(time.Second) - 9*time.Second
					most := ratio*float64(since(calls, oldest)) + float64(10*free)
					allowed := b.Withdraw()
					if want := float64(since(extra, oldest)+1) <= most; allowed != want {
						t.Fatalf("seed %d: allowed %t with %d of %v", seed, allowed, since(extra, oldest), most)
					}
					if allowed {
						extra = append(extra, now)
					}
				case 4:
					if since(extra, now.Truncate(time.Second)) > 0 { // given back in the same second
						b.giveBack(b.newest)
						extra = extra[:len(extra)-1]
					}
				}
			}
		}
	})
}

func since(times []time.Duration, oldest time.Duration) (n int) {
	for _, at := range times {
		if at >= oldest {
			n++
		}
	}
	return n
}

func TestBudget_forgets(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(0.5, 0)
		if b.Withdraw() {
			t.Error("an empty budget gave")
		}
		for range 4 {
			b.Deposit()
		}
		for n, want := range []bool{true, true, false} {
			if b.Withdraw() != want {
				t.Errorf("%d of four calls: %t", n+1, !want)
			}
		}
		bucket := b.newest
		time.Sleep(5 * time.Second)
		b.giveBack(bucket)
		if !b.Withdraw() || b.Withdraw() {
			t.Error("want the one that was given back")
		}
		for _, rest := range []time.Duration{10 * time.Second, time.Hour} {
			time.Sleep(rest)
			if b.Withdraw() {
				t.Errorf("calls still count after %v", rest)
			}
		}
		b.Deposit()
		b.Deposit()
		if !b.Withdraw() || b.Withdraw() {
			t.Error("want one of two calls after a long rest")
		}
	})
}

func TestBudget_of_nobody_allows_everything(t *testing.T) {
	var b *Budget
	b.Deposit()
	if !b.Withdraw() {
		t.Error("refused")
	}
	b.giveBack(0)
}

func TestBudget_gives_nothing_back_for_what_is_forgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := NewBudget(1, 0)
		b.Deposit()
		bucket, ok := b.withdraw()
		if !ok {
			t.Fatal("an attempt of one call was refused")
		}
		time.Sleep(budgetBuckets * budgetBucket) // it waits for a place, and gets none
		b.Deposit()
		if !b.Withdraw() {
			t.Fatal("the attempt of another call was refused")
		}
		b.giveBack(bucket)
		if b.Withdraw() {
			t.Error("the budget gave two attempts for one call: what was given back was another's")
		}
	})
}

func TestBudget_is_safe_for_concurrent_use(t *testing.T) {
	b := NewBudget(1, 0)
	var all sync.WaitGroup
	for range 8 {
		all.Go(func() {
			for range 100 {
				b.Deposit()
				if bucket, ok := b.withdraw(); ok {
					b.giveBack(bucket)
				}
			}
		})
	}
	all.Wait()
	if b.extra != 0 || b.calls > 800 {
		t.Errorf("%d extra of %d", b.extra, b.calls)
	}
}

func TestUnary_spends_the_budget(t *testing.T) {
	down := failure(adapters.KindUnavailable, 500)
	open := fails(adapters.Error{Kind: adapters.KindCircuitOpen})
	for name, test := range map[string]struct {
		free    int
		targets int
		steps   []step
		asked   string
		spent   bool
		calls   int
		extra   int
	}{
		"a call that succeeds":                   {0, 2, []step{{}}, "a", false, 1, 0},
		"failover":                               {1, 2, []step{down, {}}, "ab", false, 1, 1},
		"failover without budget":                {0, 2, []step{down, {}}, "a", true, 1, 0},
		"the first that is asked is free":        {0, 2, []step{open, {}}, "ab", false, 1, 0},
		"a refusal on this side is given back":   {1, 3, []step{down, open, {}}, "abc", false, 1, 1},
		"a call that reached nobody is no call":  {0, 2, []step{open}, "ab", false, 0, 0},
		"a failure that ends the call, no spent": {0, 2, []step{failure(adapters.KindInvalid, 400)}, "a", false, 1, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := NewBudget(0, test.free)
				got := scene{request: Request{Budget: b}, windows: make([]int64, test.targets), steps: test.steps}.run(t.Context())
				if got.asked != test.asked || got.outcome.BudgetSpent != test.spent || b.calls != test.calls || b.extra != test.extra {
					t.Errorf("asked %q, spent %t, %d calls, %d extra", got.asked, got.outcome.BudgetSpent, b.calls, b.extra)
				}
			})
		})
	}
}

// An outage of everything costs the targets 1 + ratio times the calls, whatever the
// attempts and the policy.
func TestUnary_does_not_amplify_an_outage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, asked := NewBudget(0.2, 0), strings.Builder{}
		for range 1000 {
			asked.WriteString(scene{
				policy: Policy{MaxAttempts: 10, Repeat: RepeatFailed, FirstPause: 1}, request: Request{Budget: b},
				windows: make([]int64, 3), steps: []step{failure(adapters.KindUnavailable, 500)},
			}.run(t.Context()).asked)
			time.Sleep(10 * time.Millisecond)
		}
		if n := asked.Len(); n < 1150 || n > 1200 {
			t.Errorf("%d attempts for 1000 calls, want at most 1200", n)
		}
	})
}
