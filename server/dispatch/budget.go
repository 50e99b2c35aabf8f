package dispatch

import (
	"sync"
	"time"
)

const (
	// budgetBuckets of budgetBucket each are how far back a budget counts: long enough
	// that a quiet second does not stop retries, short enough that an outage soon shows.
	budgetBuckets = 10
	budgetBucket  = time.Second
)

// Budget bounds attempts beyond the first by the share of a route's calls, so that they
// cannot make an outage worse: within the last 10 seconds there are at most
//
//	ratio * calls + 10 * minPerSecond
//
// of them. Time passes in steps of a second, so that the last 10 seconds are between 9 and
// 10. Nil allows everything. Safe for concurrent use.
type Budget struct {
	ratio float64
	free  float64 // what the window allows without any call
	epoch time.Time

	mu      sync.Mutex // guards what follows
	newest  int64      // the number of the current bucket since epoch
	buckets [budgetBuckets]struct{ calls, extra int }
	calls   int // sums over the buckets
	extra   int
}

// NewBudget returns a budget of ratio further attempts per call, and minPerSecond in any
// case.
func NewBudget(ratio float64, minPerSecond int) *Budget {
	return &Budget{ratio: ratio, free: float64(minPerSecond) * budgetBuckets, epoch: time.Now()}
}

// Deposit counts a call.
func (b *Budget) Deposit() { b.deposit(time.Now()) }

func (b *Budget) deposit(now time.Time) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.turn(now)
	b.calls++
	b.buckets[at].calls++
}

// Withdraw counts a further attempt; false when that would be too many, and nothing is
// counted.
func (b *Budget) Withdraw() bool {
	_, ok := b.withdraw()
	return ok
}

// withdraw is [Budget.Withdraw], and says for giveBack in which bucket the attempt counts.
func (b *Budget) withdraw() (bucket int64, ok bool) {
	if b == nil {
		return 0, true
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	at := b.turn(time.Now())
	if float64(b.extra+1) > b.ratio*float64(b.calls)+b.free {
		return 0, false
	}
	b.extra++
	b.buckets[at].extra++
	return b.newest, true
}

// giveBack takes back an attempt that withdraw counted in the bucket, once. One that has
// grown too old to count, as after a long wait for a place, is left alone: it must not
// take another's with it.
func (b *Budget) giveBack(bucket int64) {
	if b == nil {
		return
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	b.turn(time.Now())
	if b.newest-bucket < budgetBuckets {
		b.buckets[bucket%budgetBuckets].extra--
		b.extra--
	}
}

// turn drops the buckets that are too old at the time and returns the place of the
// current one.
func (b *Budget) turn(at time.Time) int {
	now := int64(at.Sub(b.epoch) / budgetBucket)
	for range min(now-b.newest, budgetBuckets) {
		b.newest++
		old := &b.buckets[b.newest%budgetBuckets]
		b.calls -= old.calls
		b.extra -= old.extra
		old.calls, old.extra = 0, 0
	}
	b.newest = max(b.newest, now)
	return int(b.newest % budgetBuckets)
}
