// Package limiter bounds how many calls a target, or a whole provider, runs at once.
// What exceeds the bound waits in a queue in which callers take turns.
//
// There is one limiter per target or provider, around any [adapters.Provider]. It
// knows error kinds and the clock, and no HTTP, retries or routes.
package limiter

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math"
	"sync"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// DefaultQueueTimeout is the order of a short answer: who waits longer is better
	// served by another target.
	DefaultQueueTimeout = 5 * time.Second
	// DefaultAdaptiveMax bounds an adaptive limit for which nothing else is set. It is
	// far above what one target serves to one gateway, so it only stops a runaway.
	DefaultAdaptiveMax = 1000

	// minAdvice and maxAdvice bound what refused callers are told: less than a second
	// makes them hammer, and beyond a minute an estimate from the present is worth
	// nothing.
	minAdvice = time.Second
	maxAdvice = time.Minute
)

// Settings of a limiter. The zero value bounds nothing.
type Settings struct {
	// Max is how many calls run at once. 0: no bound, or [DefaultAdaptiveMax] with
	// Adaptive.
	Max int
	// Adaptive finds the bound, from 1 to Max, from how latency changes under load.
	Adaptive bool
	// Queue is how many calls may wait. 0: none.
	Queue int
	// QueueTimeout is how long a call may wait. 0: [DefaultQueueTimeout].
	QueueTimeout time.Duration
}

// Snapshot is a limiter at one moment.
type Snapshot struct {
	// Running is how many calls hold a place.
	Running int
	// Limit is how many may. 0: no bound. While an adaptive one is probed, fewer may.
	Limit int
	// Waiting is how many calls are in the queue.
	Waiting int
	// QueueSize is how many may be.
	QueueSize int
	// Refused counts the calls that got no place, since the start: the queue was full,
	// they waited too long, or they were displaced. Callers who left are not among them.
	Refused uint64
}

// Limiter bounds the calls of one target. It is safe for concurrent use.
type Limiter struct {
	target       string
	queueSize    int
	queueTimeout time.Duration
	// epoch is where the limiter's clock starts; time since it is cheaper than time.Now.
	epoch time.Time

	mu      sync.Mutex // guards all below
	running int
	// bound is how many may run at this moment.
	bound   int
	waiting queue
	refused uint64
	// held is for how long a place is usually taken, for estimates.
	held average
	// gradient moves bound. Nil when that is fixed.
	gradient *gradient
}

// New returns a limiter for a target, whose name is for messages.
func New(target string, s Settings) *Limiter {
	l := &Limiter{
		target:       target,
		queueSize:    s.Queue,
		queueTimeout: cmp.Or(s.QueueTimeout, DefaultQueueTimeout),
		epoch:        time.Now(),
		bound:        cmp.Or(s.Max, math.MaxInt),
		held:         average{step: heldStep},
	}
	if s.Adaptive {
		l.gradient = newGradient(cmp.Or(s.Max, DefaultAdaptiveMax))
		l.bound = l.gradient.bound()
	}
	return l
}

// Snapshot returns how the limiter is at this moment.
func (l *Limiter) Snapshot() Snapshot {
	l.mu.Lock()
	defer l.mu.Unlock()
	limit := l.bound
	if limit == math.MaxInt {
		limit = 0
	}
	if l.gradient != nil {
		limit = l.gradient.places()
	}
	return Snapshot{Running: l.running, Limit: limit, Waiting: l.waiting.count, QueueSize: l.queueSize, Refused: l.refused}
}

// place is the right to run one call. Whoever got it gives it back, once.
type place struct {
	// since is when it was taken, on the limiter's clock.
	since time.Duration
	// light says that little of the limit was in use then.
	light bool
}

func (l *Limiter) now() time.Duration { return time.Since(l.epoch) }

// take gets a place, after waiting for it if need be. Errors are as [Limiter.Wrap] says.
func (l *Limiter) take(ctx context.Context, provider string, call *adapters.Call) (place, error) {
	l.mu.Lock()
	if l.running < l.bound && l.waiting.count == 0 {
		light := l.occupy()
		l.mu.Unlock()
		return place{since: l.now(), light: light}, nil
	}
	if err := ctx.Err(); err != nil {
		l.mu.Unlock()
		return place{}, abandoned(provider, err)
	}
	if l.waiting.count >= l.queueSize && !l.displace(call.Caller) {
		l.mu.Unlock()
		return place{}, l.refuse(provider, "the queue is full")
	}
	w := l.waiting.push(call.Caller)
	l.mu.Unlock()
	queued := l.now()
	defer func() { call.Waited += l.now() - queued }()
	return l.wait(ctx, provider, call.Gone, w)
}

// displace makes room in a full queue for a caller who has at least two fewer waiting
// than the caller with the most: the newest of that one goes. With a difference of one
// the two would displace each other for ever.
func (l *Limiter) displace(caller string) bool {
	longest := l.waiting.longestLine()
	if longest == nil || l.waiting.of(caller)+1 >= longest.count {
		return false
	}
	w := longest.tail
	l.waiting.remove(w)
	w.settle(displaced)
	return true
}

// wait returns when w has a place or never will.
func (l *Limiter) wait(ctx context.Context, provider string, gone <-chan struct{}, w *waiter) (place, error) {
	timeout := time.NewTimer(l.queueTimeout)
	defer timeout.Stop()
	var left error
	select {
	case <-w.settled:
	case <-ctx.Done():
	case <-gone:
		left = context.Canceled
	case <-timeout.C:
	}
	l.mu.Lock()
	left, outcome := cmp.Or(ctx.Err(), left), w.state
	switch {
	case outcome == queued:
		l.waiting.remove(w)
	case outcome == admitted && left != nil:
		// It got the place as it left: on to the next.
		l.running--
		l.admit()
	}
	l.mu.Unlock()

	if left != nil {
		if _, ours := errors.AsType[*adapters.Error](context.Cause(ctx)); ours {
			return place{}, l.refuse(provider, "the time for the attempt passed in the queue")
		}
		return place{}, abandoned(provider, left)
	}
	switch outcome {
	case admitted:
		return place{since: l.now(), light: w.light}, nil
	case displaced:
		return place{}, l.refuse(provider, "the queue is full and other callers have fewer calls in it")
	default:
		return place{}, l.refuse(provider, fmt.Sprintf("no place came free within %s", l.queueTimeout))
	}
}

// abandoned is the error of a call whose caller left before it had a place: its target
// never heard of it, which the context's error alone would not say.
func abandoned(provider string, left error) *adapters.Error {
	return &adapters.Error{
		Kind: adapters.KindCanceled, Provider: provider, Message: "the caller left while the call waited for a place",
		Unsent: true, Cause: left,
	}
}

// give gives a place back and tells how the call went.
func (l *Limiter) give(p place, r result) {
	now := l.now()
	l.mu.Lock()
	l.held.add(float64(now - p.since))
	if l.gradient != nil {
		l.gradient.observe(p, r, l.running, now)
		l.bound = l.gradient.bound()
	}
	l.running--
	l.admit()
	l.mu.Unlock()
}

// occupy takes a free place and tells whether little of the limit is in use.
func (l *Limiter) occupy() (light bool) {
	l.running++
	return l.gradient != nil && l.running <= l.gradient.half()
}

// admit hands free places to those whose turn it is.
func (l *Limiter) admit() {
	for l.running < l.bound && l.waiting.count > 0 {
		w := l.waiting.pop()
		w.light = l.occupy()
		w.settle(admitted)
	}
}

// refuse counts and describes a refusal. It takes the lock itself, so that no text is
// made under it.
func (l *Limiter) refuse(provider, why string) *adapters.Error {
	l.mu.Lock()
	l.refused++
	running, waiting, advice := l.running, l.waiting.count, l.advice()
	l.mu.Unlock()
	return &adapters.Error{
		Kind:       adapters.KindSaturated,
		Provider:   provider,
		Message:    fmt.Sprintf("%s runs %d calls and %d of at most %d wait for a place: %s", l.target, running, waiting, l.queueSize, why),
		Unsent:     true,
		RetryAfter: advice,
	}
}

// advice estimates in whole seconds when one place more than those who wait need comes
// free.
func (l *Limiter) advice() time.Duration {
	estimate := l.held.value * float64(l.waiting.count+1) / float64(l.bound)
	seconds := time.Duration(math.Ceil(min(estimate, float64(maxAdvice))/float64(time.Second))) * time.Second
	return max(seconds, minAdvice)
}
