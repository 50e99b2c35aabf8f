package breaker

import (
	"context"
	"errors"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/sluice-ai/sluice/adapters"
)

// admission is a call that the breaker let through. Its outcome is counted once.
type admission struct {
	breaker *Breaker
	done    func(error)
	begun   time.Duration // the breaker's age
	call    *adapters.Call
	waited  time.Duration // what the call had waited before
	era     uint64
	probe   bool
}

// allow asks for a call.
func (b *Breaker) allow(provider string, call *adapters.Call) (admission, error) {
	done, err := b.circuit.Allow()
	if err == nil {
		return admission{breaker: b, done: done, begun: b.age(), call: call, waited: call.Waited, era: b.era.Load(), probe: b.last() == HalfOpen}, nil
	}
	wait := probeWait
	if errors.Is(err, gobreaker.ErrOpenState) {
		wait = max(time.Until(b.until()), 0)
	}
	return admission{}, &adapters.Error{
		Kind:       adapters.KindCircuitOpen,
		Provider:   provider,
		Message:    "the provider failed repeatedly and is not asked for the moment",
		Unsent:     true,
		RetryAfter: wait,
		Cause:      err,
	}
}

// end counts the outcome of a call.
//
// The circuit counts a call in the part of the window in which it began and forgets it
// with that, so that a call of more than a window would never count: timeouts of a
// target that hangs, streams that break late. A long call counts as of its end instead,
// unless the breaker changed meanwhile: then it is of the past.
func (a *admission) end(outcome error) {
	b := a.breaker
	if b.age()-a.begun >= b.bucket && b.last() == Closed && b.era.Load() == a.era {
		if done, err := b.circuit.Allow(); err == nil {
			done(outcome)
			return
		}
	}
	a.done(outcome)
}

// slow tells whether an answer that begins now comes too late.
func (a *admission) slow() bool {
	limit := a.breaker.settings.SlowCall
	return limit > 0 && a.breaker.age()-a.begun-a.queued() > limit
}

// queued is how long the call stood in a queue between here and the target, which says
// nothing about the target.
func (a *admission) queued() time.Duration { return a.call.Waited - a.waited }

// blame returns the error to judge. What an adapter says after the context ended may
// be the echo of that: then the cause of the end counts, if it is an [*adapters.Error]
// (the time for the attempt ran out), and otherwise nothing, because the caller left. Nor
// does a time that passed in a queue for its greater part.
func (a *admission) blame(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	if adapters.KindOf(err) == adapters.KindSaturated { // it waited for a place, not for the target
		return err
	}
	cause, ok := errors.AsType[*adapters.Error](context.Cause(ctx))
	if !ok || 2*a.queued() > a.breaker.age()-a.begun {
		return aside{err}
	}
	return cause
}

// timed returns the outcome of a call that was answered now, in one piece.
func (a *admission) timed(outcome error) error {
	if judge(outcome) == success && a.slow() {
		return errSlow
	}
	return outcome
}

// recant counts the failure of a call whose success was counted before its end. An
// open breaker takes none, nor does one half-open whose probes are all under way:
// those decide.
func (b *Breaker) recant(outcome error) {
	if judge(outcome) != failure || b.last() == Open {
		return
	}
	if done, err := b.circuit.Allow(); err == nil {
		done(outcome)
	}
}

var (
	// errPanicked is the outcome of a call that did not return.
	errPanicked = &adapters.Error{Kind: adapters.KindInternal, Message: "the adapter panicked"}
	// errSlow is the outcome of a call whose answer came too late to be a success.
	errSlow = &adapters.Error{Kind: adapters.KindTimeout, Step: adapters.StepFirstToken, Message: "the answer came late"}
)
