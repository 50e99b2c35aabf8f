// Package dispatch carries one call to one of several targets: it tries them in
// order, decides by the kind of a failure whether and where to try again, holds the
// deadlines, and turns a provider's failure into the caller's fault.
//
// It knows neither how targets were chosen nor what the providers speak.
package dispatch

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"runtime/debug"
	"slices"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Target is one place to try.
type Target struct {
	// Provider is what serves; its capabilities may be wrapped by a breaker, a limiter
	// and a keyring.
	Provider adapters.Provider
	// Model is the provider's id of the model.
	Model string
	// Header is sent to this target in place of headers of the same name.
	Header adapters.Header
	// Timeouts bound the steps of an attempt.
	Timeouts Timeouts
	// ContextWindow is how many tokens its model takes. 0: not known.
	ContextWindow int64
	// Gauge hears of its attempts. Nil: nobody does.
	Gauge *Gauge
}

// Timeouts bound the steps of an attempt at a target. A zero field is no bound, or the
// provider's own.
type Timeouts struct {
	// Connect, FirstByte and Idle go to the provider, see [adapters.Timeouts].
	Connect, FirstByte, Idle time.Duration
	// FirstToken is until the first chunk of a stream.
	FirstToken time.Duration
	// Total is until the end of the answer, of streams, too.
	Total time.Duration
}

// Policy bounds the attempts of a call. A zero field means its default.
type Policy struct {
	// MaxAttempts bounds the attempts of one call over all targets. Default 3.
	MaxAttempts int
	// AttemptTimeout bounds one attempt: a single answer as a whole, a stream until
	// its first chunk. Default: none but the total.
	AttemptTimeout time.Duration
	// TotalTimeout bounds all attempts and pauses: a single answer as a whole, a
	// stream until its first chunk. Default 10 minutes, as in OpenAI's SDKs.
	TotalTimeout time.Duration
	// Repeat says what is tried again at the same target. The zero value is
	// [RepeatUnsent].
	Repeat Repeat
	// FirstPause is the pause before the first repetition at a target; it doubles with
	// each, up to MaxPause. A random part of up to a half is taken off. Defaults 100 ms
	// and 2 s.
	FirstPause, MaxPause time.Duration
	// MaxWait bounds the pause that a provider asks for. Default 10 s.
	MaxWait time.Duration
	// Drain is how long an answer goes on whose caller left, so that its end is heard.
	// 0: it ends at once.
	Drain time.Duration
	// HedgeDelay is when a second attempt joins the first, of calls whose Request says
	// that they may. 0: at the 95th percentile of the target's recent answers.
	HedgeDelay time.Duration
}

// Repeat says what may be tried again at a target that was tried before.
type Repeat int

// The choices; each includes the one before.
const (
	// RepeatUnsent repeats what never reached the target.
	RepeatUnsent Repeat = iota
	// RepeatRefused also repeats what the target refused for lack of capacity.
	RepeatRefused
	// RepeatFailed also repeats other failures, which may have cost tokens.
	RepeatFailed
	// RepeatNever repeats nothing.
	RepeatNever Repeat = -1
)

// Defaults of [Policy].
const (
	DefaultMaxAttempts  = 3
	DefaultTotalTimeout = 10 * time.Minute
	DefaultFirstPause   = 100 * time.Millisecond
	DefaultMaxPause     = 2 * time.Second
	DefaultMaxWait      = 10 * time.Second
)

// The pause before attempt n+1 at the same target is drawn evenly from half to the
// whole of firstPause * 2^(n-1), at most maxPause. Source: the official OpenAI SDKs wait
// 0.5 s to 8 s; a gateway nearer to the provider waits less.
const (
	firstPause = 100 * time.Millisecond
	maxPause   = 2 * time.Second
)

// Attempt is the account of one call to a target.
type Attempt struct {
	Provider, Model string
	// Key names the provider's key that was used; empty when there was no choice.
	Key string
	// Err is nil when the attempt succeeded, else what came of it.
	Err error
	// Start is when the attempt began.
	Start    time.Time
	Duration time.Duration
	// FirstToken is from Start to the first chunk of a stream; 0 when there was none.
	FirstToken time.Duration
	// Hedge says that it ran beside another one.
	Hedge bool
}

// Outcome is what happened on the way, whether the call succeeded or not.
type Outcome struct {
	// Attempts in order of their start; empty when no target could be tried.
	Attempts []Attempt
	// Answered is the place in Attempts of the one that answered, or whose stream had
	// begun; -1 when none did.
	Answered int
	// Reply is that of the attempt that answered.
	Reply adapters.Reply
}

// Request is what stays the same over all attempts.
type Request struct {
	// Header and Query go to each provider, see [adapters.Call].
	Header adapters.Header
	Query  string
	// Caller see [adapters.Call].
	Caller string
	// RepeatsItself says that the caller tries failed calls again of its own accord, as
	// the official OpenAI SDKs do: what a target answered is then not repeated there.
	RepeatsItself bool
	// Budget is asked for every attempt but the first. Nil: none is refused.
	Budget *Budget
	// Hedge is asked for an attempt beside another. Nil: there is none.
	Hedge *Budget
}

// Unary runs op against the targets in order until one answers. Errors are
// [fault.Error]s, see [Fault].
func Unary[T any](ctx context.Context, p Policy, targets []Target, r Request, op func(ctx context.Context, at int, call *adapters.Call) (T, error)) (T, Outcome, error) {
	var answer T
	outcome, err := run(ctx, p, targets, r, func(ctx context.Context, at int, call *adapters.Call, _ func() Outcome) error {
		var err error
		answer, err = op(ctx, at, call)
		return err
	})
	if err != nil {
		var zero T
		return zero, outcome, err
	}
	return answer, outcome, nil
}

// Stream runs op against the targets in order until one sends its first chunk; after
// that there is no other attempt, and the stream ends as it ends. began is called
// before the first chunk goes to send, with the attempts so far, of which the last is the
// one that runs. send also hears whether another chunk is at
// hand already. Errors are [fault.Error]s; an error of send becomes the fault that it
// holds, else CANCELED with a [SendError] as its cause.
func Stream[C any](ctx context.Context, p Policy, targets []Target, r Request, began func(Outcome), send func(chunk C, more bool) error,
	op func(ctx context.Context, at int, call *adapters.Call, send func(C) error) error,
) (Outcome, error) {
	return run(ctx, p, targets, r, func(ctx context.Context, at int, call *adapters.Call, commit func() Outcome) error {
		first := true
		return op(ctx, at, call, func(chunk C) error {
			if first {
				first = false
				began(commit())
			}
			if err := send(chunk, call.More); err != nil {
				return &SendError{err}
			}
			return nil
		})
	})
}

// SendError wraps an error of the caller's own send, on its way through an adapter: the
// caller is gone.
type SendError struct{ Err error }

// Error returns the wrapped error's text.
func (e *SendError) Error() string { return "send: " + e.Err.Error() }

// Unwrap returns the door's error.
func (e *SendError) Unwrap() error { return e.Err }

// run is the loop of attempts. try gets commit, which it calls when bytes are about
// to reach the caller: from then on no deadline of ours and no other attempt.
func run(ctx context.Context, p Policy, targets []Target, r Request, try func(context.Context, int, *adapters.Call, func() Outcome) error) (Outcome, error) {
	if p.MaxAttempts <= 0 {
		p.MaxAttempts = DefaultMaxAttempts
	}
	if p.TotalTimeout <= 0 {
		p.TotalTimeout = DefaultTotalTimeout
	}
	outcome := Outcome{Answered: -1}
	var failed failures
	ends := time.Now().Add(p.TotalTimeout)
	for n, at := 0, 0; n < p.MaxAttempts; {
		a := attempt{at: at, target: targets[at], timeout: time.Until(ends)}
		if p.AttemptTimeout > 0 {
			a.timeout = min(a.timeout, p.AttemptTimeout)
		}
		a.before = outcome.Attempts
		err := a.run(ctx, r, try)
		outcome.Attempts = append(outcome.Attempts, a.account(err))
		if err == nil || a.committed {
			outcome.Answered = len(outcome.Attempts) - 1
		}
		if err == nil {
			outcome.Reply = a.call.Reply
			return outcome, nil
		}
		failed.add(err)
		if a.committed || ctx.Err() != nil {
			break
		}
		if asked(err) {
			n++
		}
		next, pause, ok := again(err, at, len(targets), n)
		if !ok || time.Until(ends) <= pause || !wait(ctx, pause) {
			break
		}
		at = next
	}
	return outcome, Fault(ctx, failed.best())
}

// attempt is one try at one target.
type attempt struct {
	at        int
	before    []Attempt
	first     time.Duration
	target    Target
	start     time.Time
	timeout   time.Duration
	call      adapters.Call
	committed bool
	took      time.Duration
}

// run tries once. When our deadline ends it, the cause of the context is the timeout
// that is returned, so that a breaker below can tell it from the caller's leaving. A
// panic of the adapter is a failure like any other, of [adapters.KindInternal].
func (a *attempt) run(ctx context.Context, r Request, try func(context.Context, int, *adapters.Call, func() Outcome) error) (err error) {
	late := adapters.Error{
		Kind: adapters.KindTimeout, Provider: a.target.Provider.Name,
		Message: "no answer within " + a.timeout.Round(time.Millisecond).String(),
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	timer := time.AfterFunc(a.timeout, func() { cancel(&late) })
	defer timer.Stop()
	a.call = adapters.Call{
		Model: a.target.Model, Header: r.Header, TargetHeader: a.target.Header, Query: r.Query, Caller: r.Caller,
		Timeouts: adapters.Timeouts{Connect: a.target.Timeouts.Connect, FirstByte: a.target.Timeouts.FirstByte, Idle: a.target.Timeouts.Idle},
	}
	a.start = time.Now()
	defer func() {
		if value := recover(); value != nil {
			err = Panicked(a.target.Provider.Name, value)
		}
		a.took = time.Since(a.start)
	}()
	err = try(ctx, a.at, &a.call, func() Outcome { timer.Stop(); return a.commit() })
	if timeout, ok := errors.AsType[*adapters.Error](context.Cause(ctx)); err != nil && ok && timeout == &late {
		return &adapters.Error{Kind: late.Kind, Provider: late.Provider, Message: late.Message, Cause: err}
	}
	return err
}

// commit notes that the answer has begun, and returns what happened until now.
func (a *attempt) commit() Outcome {
	a.committed = true
	a.took = time.Since(a.start)
	a.first = a.took
	return Outcome{Attempts: append(slices.Clone(a.before), a.account(nil)), Answered: len(a.before), Reply: a.call.Reply}
}

func (a *attempt) account(err error) Attempt {
	return Attempt{
		Provider: a.target.Provider.Name, Model: a.target.Model, Key: a.call.KeyName,
		Err: err, Start: a.start, Duration: a.took, FirstToken: a.first,
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

// again says where to try next after err at target at, and after which pause.
//
// The official SDKs retry 408, 409, 429 and 5xx by themselves, so a call that reached
// the last target is not repeated there: it would multiply. Only one that never
// reached it (a refused connection) is.
func again(err error, at, targets, n int) (next int, pause time.Duration, ok bool) {
	e, answered := errors.AsType[*adapters.Error](err)
	if !answered {
		return 0, 0, false
	}
	switch e.Kind {
	case adapters.KindInvalid, adapters.KindTooLarge, adapters.KindConflict, adapters.KindContentFiltered,
		adapters.KindCanceled, adapters.KindInternal:
		return 0, 0, false
	default: // whatever may be different at another target
	}
	if at+1 < targets {
		return at + 1, 0, true
	}
	if !e.Unsent {
		return 0, 0, false
	}
	return at, backoff(n), true
}

// asked tells whether the target heard of the attempt. One that is spared or cannot
// do it costs none of the attempts, or it would hide a healthy one behind it.
func asked(err error) bool {
	kind := adapters.KindOf(err)
	return kind != adapters.KindCircuitOpen && kind != adapters.KindUnsupported
}

// backoff is the pause after n attempts, n from 1.
func backoff(n int) time.Duration {
	pause := min(firstPause<<min(n-1, 10), maxPause)
	return pause/2 + rand.N(pause/2) //nolint:gosec // G404: jitter, not a secret
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

// failures keeps the error that tells the caller most: the last one, but an answer
// or a real failure before "the circuit is open".
type failures struct{ err error }

func (f *failures) add(err error) {
	if f.err != nil && adapters.KindOf(err) == adapters.KindCircuitOpen {
		return
	}
	f.err = err
}

func (f *failures) best() error { return f.err }

// reasons maps what happened at a provider to what the caller is told. An upstream
// 401 keeps its status and body, but its reason says that the key is ours.
var reasons = map[adapters.Kind]sluicev1.ErrorReason{
	adapters.KindInternal:        sluicev1.ErrorReason_ERROR_REASON_INTERNAL,
	adapters.KindInvalid:         sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST,
	adapters.KindAuth:            sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAUTHENTICATED,
	adapters.KindPermission:      sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PERMISSION_DENIED,
	adapters.KindNotFound:        sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_NOT_FOUND,
	adapters.KindConflict:        sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONFLICT,
	adapters.KindTooLarge:        sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TOO_LARGE,
	adapters.KindRateLimited:     sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED,
	adapters.KindOverloaded:      sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_OVERLOADED,
	adapters.KindUnavailable:     sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE,
	adapters.KindTimeout:         sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT,
	adapters.KindCanceled:        sluicev1.ErrorReason_ERROR_REASON_CANCELED,
	adapters.KindContentFiltered: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTENT_FILTERED,
	adapters.KindProtocol:        sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL,
	adapters.KindUnsupported:     sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED,
	adapters.KindCircuitOpen:     sluicev1.ErrorReason_ERROR_REASON_CIRCUIT_OPEN,
	adapters.KindContextWindow:   sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTEXT_WINDOW,
	adapters.KindSaturated:       sluicev1.ErrorReason_ERROR_REASON_TARGET_SATURATED,
}
