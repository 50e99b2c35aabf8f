// Package dispatch carries one call to one of several targets: it tries them in
// order, decides by the kind of a failure whether and where to try again, holds the
// deadlines, and turns a provider's failure into the caller's fault.
//
// It knows neither how targets were chosen nor what the providers speak.
package dispatch

import (
	"context"
	"time"

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
	// Unsupported says what becomes of members that the target cannot express.
	Unsupported adapters.Unsupported
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
	// Total is until the end of the answer, of streams, too: one that has begun is cut,
	// and ends with an error.
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
	// Repeat says what is tried again at a target that failed, once every target had its
	// turn. The zero value is [RepeatUnsent].
	Repeat Repeat
	// FirstPause is the pause before the first repetition at a target; it doubles with
	// each, up to MaxPause. A random part of up to a half is taken off. Defaults 100 ms
	// and 2 s.
	FirstPause, MaxPause time.Duration
	// MaxWait bounds the pause that a provider asks for; one that asks for more is not
	// tried again. Default 10 s.
	MaxWait time.Duration
	// Drain is how long an attempt goes on whose caller left, so that its end is heard.
	// 0: it ends at once.
	Drain time.Duration
	// Stop ends attempts that go on without their caller. Nil: nothing but Drain does.
	Stop context.Context //nolint:containedctx // it lives as long as who makes calls
	// HedgeDelay is when a second attempt joins the first, of calls whose Request says
	// that they may. 0: at the 95th percentile of the target's recent answers, see
	// [Gauge.Quantile]; not at all while that is not known.
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
)

// RepeatNever repeats nothing.
const RepeatNever Repeat = -1

// Defaults of [Policy].
const (
	DefaultMaxAttempts  = 3
	DefaultTotalTimeout = 10 * time.Minute
	DefaultFirstPause   = 100 * time.Millisecond
	DefaultMaxPause     = 2 * time.Second
	DefaultMaxWait      = 10 * time.Second
)

// Attempt is the account of one call to a target.
type Attempt struct {
	Provider, Model string
	// Key names the provider's key that was used; empty when there was no choice.
	Key string
	// Err is nil when the attempt succeeded, else what came of it: an [*adapters.Error],
	// a [*SendError], or the context's error when the caller left. An attempt that lost
	// to one beside it has an error of [adapters.KindCanceled], even if it had an answer.
	Err error
	// Start is when the attempt began.
	Start    time.Time
	Duration time.Duration
	// FirstToken is from Start to the first chunk of a stream; 0 when there was none.
	FirstToken time.Duration
	// Hedge says that it was sent beside another one, as the second.
	Hedge bool
}

// Asked tells whether the target heard of the attempt. Otherwise it was refused on this
// side, by a breaker, a limiter, or for want of a key or a capability, or its caller left
// while it waited for a place.
func (a *Attempt) Asked() bool { return a.Err == nil || asked(a.Err) }

// Outcome is what happened on the way, whether the call succeeded or not.
type Outcome struct {
	// Attempts in order of their start; empty when no target could be tried.
	Attempts []Attempt
	// Answered is the place in Attempts of the one that answered, or whose stream had
	// begun; -1 when none did.
	Answered int
	// BudgetSpent says that [Request.Budget] refused a further attempt.
	BudgetSpent bool
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
	// Budget is asked for every attempt but the first, those beside another excepted.
	// Nil: none is refused.
	Budget *Budget
	// Hedge is asked for an attempt beside the first one, see [Policy.HedgeDelay]. Nil:
	// there is none. Streams have none in any case.
	Hedge *Budget
}

// Unary runs op against the targets in order until one answers. When [Request.Hedge]
// lets a second attempt join the first, op runs in two goroutines at a time; it never
// runs after Unary returned. Errors are [fault.Error]s, see [Fault].
//
// When the caller left and [Policy.Drain] let the attempt go on to its answer, that is
// returned beside the error, so that it can be accounted for.
func Unary[T any](ctx context.Context, p Policy, targets []Target, r Request, op func(ctx context.Context, at int, call *adapters.Call) (T, error)) (T, Outcome, error) {
	c := newCall(p, targets, r, func(ctx context.Context, a *attempt) error {
		answer, err := op(ctx, a.at, &a.call)
		if err == nil {
			a.answer = answer
		}
		return err
	})
	c.hedges = r.Hedge != nil
	answered, err := c.run(ctx)
	var answer T
	if answered != nil {
		answer, _ = answered.answer.(T)
	}
	return answer, c.outcome, err
}

// Stream runs op against the targets in order until one sends its first chunk; after
// that there is no other attempt, and the stream ends as it ends. began is called
// before the first chunk goes to send, with the attempts so far, of which the last is
// the one that runs; it must not keep them. send also hears whether another chunk is at
// hand already.
//
// An error of send means that the caller is gone, as the end of ctx does. Without
// [Policy.Drain] the attempt ends. With it the attempt goes on: send and began are not
// called any more, drained, which may be nil, gets each further chunk, and the end of
// the attempt stands in the outcome, while the error is that of the caller's leaving.
//
// Errors are [fault.Error]s; an error of send becomes the fault that it holds, else
// CANCELED with a [SendError] as its cause.
func Stream[C any](ctx context.Context, p Policy, targets []Target, r Request,
	began func(Outcome), send func(chunk C, more bool) error, drained func(chunk C),
	op func(ctx context.Context, at int, call *adapters.Call, send func(C) error) error,
) (Outcome, error) {
	var c *call
	c = newCall(p, targets, r, func(running context.Context, a *attempt) error {
		return op(running, a.at, &a.call, func(chunk C) error {
			gone := c.drain != nil && c.left(ctx)
			if !a.committed {
				if err := c.commit(running, a); err != nil {
					return err
				}
				if !gone {
					began(c.outcome)
				}
			}
			if gone {
				if drained != nil {
					drained(chunk)
				}
				return nil
			}
			if err := send(chunk, a.call.More); err != nil {
				return c.leave(err)
			}
			return nil
		})
	})
	c.stream = true
	_, err := c.run(ctx)
	return c.outcome, err
}

// SendError wraps an error of the caller's own send, on its way through an adapter: the
// caller is gone.
type SendError struct{ Err error }

// Error returns the wrapped error's text.
func (e *SendError) Error() string { return "send: " + e.Err.Error() }

// Unwrap returns the door's error.
func (e *SendError) Unwrap() error { return e.Err }
