package dispatch

import (
	"context"
	"errors"
	"sync/atomic"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// hedgeQuantile is when a second attempt joins where the policy does not say: one call
// in twenty is slower.
const hedgeQuantile = 0.95

// errBeaten ends the attempt that lost. It is no [*adapters.Error], so that a breaker does
// not hold it against the target.
var errBeaten = errors.New("the attempt beside it answered first")

// hedgeDelay tells whether a second attempt may join this one, and when. Only the first
// that reaches a target has one.
func (c *call) hedgeDelay(a *attempt) (time.Duration, bool) {
	if !c.hedges || c.asked > 0 || c.policy.MaxAttempts < 2 {
		return 0, false
	}
	if c.policy.HedgeDelay > 0 {
		return c.policy.HedgeDelay, true
	}
	return a.target.Gauge.Quantile(hedgeQuantile)
}

// race runs the attempt and, when it takes longer than delay, a second one beside it: at
// the next target, or the same when no other is left. The first answer wins and the other
// attempt is ended. It returns when both are over.
func (c *call) race(ctx, running context.Context, first *attempt, delay time.Duration) *attempt {
	second := &attempt{at: first.at, hedge: true}
	if at, ok := c.past.fresh(c.targets); ok {
		second.at = at
	}
	second.target = &c.targets[second.at]
	firstContext, firstCancel := context.WithCancelCause(running)
	secondContext, secondCancel := context.WithCancelCause(running)
	defer firstCancel(nil)
	defer secondCancel(nil)

	var winner atomic.Pointer[attempt]
	over := make(chan struct{})
	started := false // read after over
	timer := time.AfterFunc(delay, func() {
		defer close(over)
		if ctx.Err() != nil || secondContext.Err() != nil {
			return
		}
		var ok bool
		if second.bucket, ok = c.request.Hedge.withdraw(); !ok {
			return
		}
		started, second.paid = true, c.request.Hedge
		second.run(secondContext, c)
		if second.err == nil && winner.CompareAndSwap(nil, second) {
			firstCancel(errBeaten)
		}
	})
	first.run(firstContext, c)
	if first.err == nil && winner.CompareAndSwap(nil, first) {
		secondCancel(errBeaten)
	}
	if timer.Stop() {
		return c.settle(first)
	}
	<-over
	if !started {
		return c.settle(first)
	}
	c.past.untried = max(c.past.untried, second.at+1)
	switch winner.Load() {
	case first:
		second.outrun()
	case second:
		if adapters.KindOf(first.err) == adapters.KindCanceled {
			// Answers that are cut at this quantile must not make it look smaller.
			first.target.Gauge.tookLonger(first.took)
		}
		first.outrun()
	}
	won := c.settle(first)
	if also := c.settle(second); also != nil {
		won = also
	}
	return won
}

// outrun takes its answer from an attempt that had one, but too late.
func (a *attempt) outrun() {
	if a.err == nil {
		a.err = a.beaten(nil)
	}
}

// beaten is the error of an attempt that another one outran.
func (a *attempt) beaten(cause error) error {
	return &adapters.Error{
		Kind: adapters.KindCanceled, Provider: a.target.Provider.Name, Message: errBeaten.Error(), Cause: cause,
	}
}
