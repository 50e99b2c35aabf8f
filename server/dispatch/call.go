package dispatch

import (
	"context"
	"errors"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// call is one call on its way through its targets. One goroutine uses it, that of the
// caller; an attempt beside another touches nothing but itself.
type call struct {
	policy  Policy
	targets []Target
	request Request
	// try makes one attempt. It leaves a single answer in the attempt.
	try    func(ctx context.Context, a *attempt) error
	stream bool
	hedges bool
	ends   time.Time // by the policy's total
	drain  *drain    // nil: the caller's leaving ends the attempt
	gone   *SendError

	outcome Outcome
	asked   int // attempts that reached a target
	past    history
	best    error // that says most, see [says]
	// The usual call has one attempt, so that one lies here.
	first   attempt
	account [1]Attempt
}

func newCall(p Policy, targets []Target, r Request, try func(context.Context, *attempt) error) *call {
	p.setDefaults()
	if r.RepeatsItself {
		p.Repeat = min(p.Repeat, RepeatUnsent)
	}
	now := time.Now()
	c := &call{policy: p, targets: targets, request: r, try: try, ends: now.Add(p.TotalTimeout)}
	c.first.start = now
	c.outcome.Answered = -1
	c.outcome.Attempts = c.account[:0]
	return c
}

func (p *Policy) setDefaults() {
	if p.MaxAttempts <= 0 {
		p.MaxAttempts = DefaultMaxAttempts
	}
	if p.TotalTimeout <= 0 {
		p.TotalTimeout = DefaultTotalTimeout
	}
	if p.FirstPause <= 0 {
		p.FirstPause = DefaultFirstPause
	}
	if p.MaxPause <= 0 {
		p.MaxPause = DefaultMaxPause
	}
	if p.MaxWait <= 0 {
		p.MaxWait = DefaultMaxWait
	}
}

var errNoTarget = errors.New("dispatch: a call without a target")

// run makes attempts until one answers or the rules say that no other helps. It returns
// the one that answered, which there may be beside an error: that of a stream that broke,
// or of the caller's leaving.
func (c *call) run(ctx context.Context) (*attempt, error) {
	if len(c.targets) == 0 {
		return nil, c.fault(ctx, errNoTarget)
	}
	running := ctx
	if c.policy.Drain > 0 {
		running, c.drain = keepOn(ctx, c.policy.Stop, c.policy.Drain)
		defer c.drain.end()
	}
	if c.hedges {
		c.request.Hedge.Deposit()
	}
	c.past.untried = 1
	a := &c.first
	// Attempts that nobody was asked for cost nothing, so that the turns are bounded, too.
	for turns := len(c.targets) + 2*c.policy.MaxAttempts; ; turns-- {
		answered := c.turn(ctx, running, a)
		if answered != nil && answered.err == nil && c.gone == nil && (c.drain == nil || ctx.Err() == nil) {
			return answered, nil
		}
		if answered != nil || c.left(ctx) || turns == 0 {
			return answered, c.end(ctx)
		}
		at, pause, ok := c.again(ctx)
		if !ok {
			return nil, c.end(ctx)
		}
		a = &attempt{at: at}
		// Before the pause: who has no budget learns the failure at once.
		if !c.withdraw(a) {
			c.outcome.BudgetSpent = true
			return nil, c.end(ctx)
		}
		if !wait(ctx, pause) {
			c.giveBack(a)
			return nil, c.end(ctx)
		}
	}
}

// turn makes one attempt, and one beside it if that is due. It returns the one that
// answered or whose stream has begun.
func (c *call) turn(ctx, running context.Context, a *attempt) *attempt {
	a.target = &c.targets[a.at]
	if delay, ok := c.hedgeDelay(a); ok {
		return c.race(ctx, running, a, delay)
	}
	a.run(running, c)
	return c.settle(a)
}

// settle enters an attempt that ended. It returns the attempt if it answered or its stream
// has begun.
func (c *call) settle(a *attempt) *attempt {
	if !a.committed {
		c.outcome.Attempts = append(c.outcome.Attempts, Attempt{})
	}
	last := len(c.outcome.Attempts) - 1
	c.outcome.Attempts[last] = a.account()
	if a.committed || asked(a.err) {
		c.count(a)
	} else {
		c.giveBack(a)
	}
	if a.err != nil {
		c.failed(a)
	}
	if a.err != nil && !a.committed {
		return nil
	}
	c.outcome.Answered = last
	c.outcome.Reply = a.call.Reply
	return a
}

// count notes that a target was asked, once per attempt.
func (c *call) count(a *attempt) {
	if a.counted {
		return
	}
	a.counted = true
	if c.asked++; c.asked == 1 {
		c.request.Budget.deposit(a.start.Add(a.took))
	}
}

// withdraw asks the budget for an attempt. Only the first that reaches a target is free.
func (c *call) withdraw(a *attempt) bool {
	if c.asked == 0 {
		return true
	}
	bucket, ok := c.request.Budget.withdraw()
	if ok {
		a.paid, a.bucket = c.request.Budget, bucket
	}
	return ok
}

func (c *call) giveBack(a *attempt) { a.paid.giveBack(a.bucket) }

// failed draws the consequences of a failure.
func (c *call) failed(a *attempt) {
	if c.best == nil || says(a.err) >= says(c.best) {
		c.best = a.err
	}
	c.past.add(c, a)
}

// left tells whether there is nobody to answer any more.
func (c *call) left(ctx context.Context) bool { return c.gone != nil || ctx.Err() != nil }

// leave notes that the caller's send failed. It returns what to tell the adapter.
func (c *call) leave(err error) error {
	c.gone = &SendError{err}
	if c.drain == nil {
		return c.gone
	}
	c.drain.begin()
	return nil
}

// end makes the error of a call that is over.
func (c *call) end(ctx context.Context) error {
	switch {
	case c.gone != nil:
		return c.fault(ctx, c.gone)
	case c.best != nil:
		return c.fault(ctx, c.best)
	}
	return c.fault(ctx, ctx.Err())
}

// asked tells whether an attempt that ended with err reached out to its target. One that
// was refused on this side costs none of the attempts, or it would hide a healthy target
// behind it.
func asked(err error) bool {
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok {
		return true
	}
	switch e.Kind {
	case adapters.KindCircuitOpen, adapters.KindSaturated, adapters.KindUnsupported:
		return false
	case adapters.KindRateLimited, adapters.KindAuth, adapters.KindPermission, adapters.KindCanceled:
		return !e.Unsent // every key is benched, or the caller left in the queue
	default:
		return true
	}
}

// wait pauses; false when the caller left meanwhile.
func wait(ctx context.Context, pause time.Duration) bool {
	if pause <= 0 {
		return true
	}
	timer := time.NewTimer(pause)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-ctx.Done():
		return false
	}
}
