package dispatch

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// attempt is one try at one target. One goroutine uses it, beside its timer's.
type attempt struct {
	at     int
	target *Target
	call   adapters.Call
	hedge  bool
	paid   *Budget // where it was withdrawn; nil: nowhere
	bucket int64   // of paid

	// What expire reads; changed only while the timer is stopped.
	start  time.Time
	limit  limit
	within time.Duration
	total  time.Duration // the policy's
	cancel context.CancelCauseFunc

	timer     *time.Timer
	committed bool
	counted   bool
	first     time.Duration
	took      time.Duration
	answer    any
	err       error
}

// limit is the bound that an attempt meets first.
type limit int

const (
	limitFirstToken limit = iota // Timeouts.FirstToken
	limitAttempt                 // Policy.AttemptTimeout
	limitTarget                  // Timeouts.Total
	limitRest                    // Timeouts.Total, of a stream that has begun
	limitCall                    // Policy.TotalTimeout
)

// run tries once. A panic of the adapter is a failure like any other, of
// [adapters.KindInternal].
//
// When a bound ends it, the cause of its context is the [*adapters.Error] that it
// returns, so that a breaker below can tell it from the caller's leaving, and count it.
// But when the bound is that of the whole call and others had used up more than half of
// it, nobody knows how this target would have done: then the cause is a spentError,
// which says nothing about the target.
func (a *attempt) run(ctx context.Context, c *call) {
	ctx, a.cancel = context.WithCancelCause(ctx)
	t := a.target
	a.call = adapters.Call{
		Model: t.Model, Header: c.request.Header, TargetHeader: t.Header, Query: c.request.Query, Caller: c.request.Caller,
		Unsupported: t.Unsupported,
		Timeouts:    adapters.Timeouts{Connect: t.Timeouts.Connect, FirstByte: t.Timeouts.FirstByte, Idle: t.Timeouts.Idle},
	}
	if c.drain != nil {
		a.call.Gone = c.drain.caller
	}
	if a.start.IsZero() {
		a.start = time.Now()
	}
	a.bound(c)
	t.Gauge.begin()
	a.timer = time.AfterFunc(a.within, a.expire)
	defer func() {
		if value := recover(); value != nil {
			a.err = Panicked(t.Provider.Name, value)
		}
		a.timer.Stop()
		a.cancel(nil)
		a.took = time.Since(a.start)
		t.Gauge.end(a, c.stream)
	}()
	a.err = a.explain(ctx, c.try(ctx, a))
}

// bound sets the bound that comes first. Of equal ones that which names the target's
// part counts.
func (a *attempt) bound(c *call) {
	t := &a.target.Timeouts
	a.total = c.policy.TotalTimeout
	a.within, a.limit = c.ends.Sub(a.start), limitCall
	for _, b := range [...]struct {
		after time.Duration
		limit limit
	}{{t.Total, limitTarget}, {c.policy.AttemptTimeout, limitAttempt}, {t.FirstToken, limitFirstToken}} {
		if b.after > 0 && b.after <= a.within && (c.stream || b.limit != limitFirstToken) {
			a.within, a.limit = b.after, b.limit
		}
	}
}

// expire ends the attempt because its time ran out.
func (a *attempt) expire() {
	failure := &adapters.Error{Kind: adapters.KindTimeout, Provider: a.target.Provider.Name}
	within := a.within.Round(time.Millisecond)
	switch a.limit {
	case limitFirstToken:
		failure.Step = adapters.StepFirstToken
		failure.Message = fmt.Sprintf("no first token within %s", within)
	case limitRest:
		failure.Message = fmt.Sprintf("the answer did not end within %s", within)
	case limitCall:
		failure.Message = fmt.Sprintf("no answer before the time for the whole call, %s, ran out", a.total)
		if a.within < a.total/2 {
			a.cancel(&spentError{failure})
			return
		}
	case limitAttempt, limitTarget:
		failure.Message = fmt.Sprintf("no answer within %s", within)
	}
	a.cancel(failure)
}

// spentError ends an attempt for which too little of the call's time was left to say
// anything about its target. It holds the failure and does not unwrap to it.
type spentError struct{ failure *adapters.Error }

// Error returns the failure's text.
func (s *spentError) Error() string { return s.failure.Error() }

// explain returns what an attempt is to be remembered by, given what the adapter returned:
// once our bound ended it, that is the reason, and what the adapter says is its echo. Not
// so what never reached the target, as a call that waited for its turn all the time.
func (a *attempt) explain(ctx context.Context, err error) error {
	if err == nil || ctx.Err() == nil {
		return err
	}
	unsent := !asked(err)
	if _, gone := errors.AsType[*SendError](err); gone || unsent && adapters.KindOf(err) != adapters.KindCanceled {
		return err
	}
	cause := context.Cause(ctx)
	if errors.Is(cause, errBeaten) && !unsent {
		return a.beaten(err)
	}
	late, ok := errors.AsType[*adapters.Error](cause)
	if spent, half := errors.AsType[*spentError](cause); half {
		late, ok = spent.failure, true
	}
	if !ok {
		return err
	}
	told := *late
	told.Cause = err
	return &told
}

// commit notes that the answer has begun: from here on there is no other attempt, and no
// bound but the target's own for all of an answer. It fails when the attempt's time ran
// out just then; nothing has been sent, so that another one may be made.
func (c *call) commit(running context.Context, a *attempt) error {
	if !a.timer.Stop() {
		<-running.Done()
		return context.Cause(running)
	}
	a.committed = true
	a.first = time.Since(a.start)
	a.took = a.first
	a.target.Gauge.answered(a.start.Add(a.first), a.first, false)
	c.count(a)
	c.outcome.Answered = len(c.outcome.Attempts)
	c.outcome.Attempts = append(c.outcome.Attempts, a.account())
	c.outcome.Reply = a.call.Reply
	if total := a.target.Timeouts.Total; total > 0 {
		a.limit, a.within = limitRest, total
		a.timer.Reset(total - a.first)
	}
	return nil
}

func (a *attempt) account() Attempt {
	return Attempt{
		Provider: a.target.Provider.Name, Model: a.target.Model, Key: a.call.KeyName,
		Err: a.err, Start: a.start, Duration: a.took, FirstToken: a.first, Hedge: a.hedge,
	}
}

// PanicError is the cause of a failure that was a panic of an adapter. Its value may quote
// a prompt, so only its type is kept.
type PanicError struct {
	// Type is that of the panic's value, as Go prints it.
	Type string
	// Stack is where it came from.
	Stack []byte
}

// Panicked returns the failure that a recovered panic of a provider's adapter is. Call
// it in the deferred function that recovered.
func Panicked(provider string, value any) error {
	return &adapters.Error{
		Kind: adapters.KindInternal, Provider: provider, Message: "internal error",
		Cause: &PanicError{Type: fmt.Sprintf("%T", value), Stack: debug.Stack()},
	}
}

// Error tells the type.
func (p *PanicError) Error() string { return "panic of type " + p.Type }
