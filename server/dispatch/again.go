package dispatch

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// then is what follows from a failure.
type then int

const (
	// end: another target would say the same, or would do it twice.
	end then = iota
	// next: another target may answer. It is asked at once.
	next
	// larger: a target may answer whose context window is larger than that of the one
	// that failed, both being known.
	larger
)

// never is more than any policy repeats.
const never = RepeatFailed + 1

// rules say for each kind of failure what follows, and by which policies the same target
// may be asked again after every other had its turn: when it answered or may have worked
// on the call, and when it never got it ([adapters.Error.Unsent]). Three things stand
// above them:
//
//   - after the first chunk of a stream, or when the caller left, the call ends;
//   - a failure with [adapters.Error.OtherKey] of a kind that goes on is followed by the
//     same target at once;
//   - for a target whose keys are all benched (RateLimited, unsent), only a stated
//     RetryAfter is waited for;
//   - a used-up quota ([adapters.OutOfQuota]) is not waited for.
var rules = [...]struct {
	then     then
	answered Repeat
	unsent   Repeat
}{
	adapters.KindInternal:        {end, never, never},
	adapters.KindInvalid:         {end, never, never},
	adapters.KindTooLarge:        {end, never, never},
	adapters.KindConflict:        {end, never, never},
	adapters.KindContentFiltered: {end, never, never},
	adapters.KindCanceled:        {end, never, never},
	adapters.KindContextWindow:   {larger, never, never},
	adapters.KindNotFound:        {next, never, never},
	adapters.KindAuth:            {next, never, never},
	adapters.KindPermission:      {next, never, never},
	adapters.KindUnsupported:     {next, never, never},
	adapters.KindCircuitOpen:     {next, never, never},
	adapters.KindSaturated:       {next, never, never},
	adapters.KindRateLimited:     {next, RepeatRefused, RepeatRefused},
	adapters.KindOverloaded:      {next, RepeatRefused, RepeatRefused},
	adapters.KindUnavailable:     {next, RepeatFailed, RepeatUnsent},
	adapters.KindTimeout:         {next, RepeatFailed, RepeatUnsent},
	adapters.KindProtocol:        {next, RepeatFailed, never},
}

// history is what the failures of a call say about its targets.
type history struct {
	over bool // no other attempt helps
	// untried is the first target that did not have its turn.
	untried int
	// same is the target to ask again at once, with another key, if sameKnown.
	same      int
	sameKnown bool
	// window is what the context window of a target must exceed, if windowKnown.
	window      int64
	windowKnown bool
	targets     []past
}

// past is what is known of a target that failed.
type past struct {
	tries      int // that reached it
	repeatable bool
	// pause is to be kept from failed on; stated when the provider asked for it, else
	// it is ours.
	pause  time.Duration
	stated bool
	failed time.Time
}

// add notes the failure of an attempt.
func (h *history) add(c *call, a *attempt) {
	e, ok := errors.AsType[*adapters.Error](a.err)
	if !ok || e.Kind < 0 || int(e.Kind) >= len(rules) || rules[e.Kind].then == end {
		h.over = true
		return
	}
	rule := rules[e.Kind]
	if rule.then == larger {
		h.window, h.windowKnown = max(h.window, a.target.ContextWindow), true
		if a.target.ContextWindow <= 0 {
			h.over = true
		}
	}
	if e.OtherKey {
		h.same, h.sameKnown = a.at, true
	}
	if h.targets == nil {
		h.targets = make([]past, len(c.targets))
	}
	p := &h.targets[a.at]
	if asked(e) {
		p.tries++
	}
	from := rule.answered
	if e.Unsent {
		from = rule.unsent
	}
	benched := e.Unsent && e.Kind == adapters.KindRateLimited
	p.repeatable = c.policy.Repeat >= from && e.RetryAfter <= c.policy.MaxWait && (!benched || e.RetryAfter > 0) &&
		!adapters.OutOfQuota(e.Envelope)
	p.failed = time.Now()
	if p.pause, p.stated = e.RetryAfter, e.RetryAfter > 0; !p.stated {
		p.pause = c.policy.backoff(p.tries)
	}
}

// backoff is the longest pause after the nth attempt at a target, n from 1.
func (p *Policy) backoff(n int) time.Duration {
	pause := min(p.FirstPause, p.MaxPause)
	for ; n > 1 && pause < p.MaxPause; n-- {
		pause = min(2*pause, p.MaxPause)
	}
	return pause
}

// takes tells whether a target's context window may hold the call.
func (h *history) takes(t *Target) bool { return !h.windowKnown || t.ContextWindow > h.window }

// fresh returns the next target that did not have its turn; false when all had.
func (h *history) fresh(targets []Target) (at int, ok bool) {
	for at = h.untried; at < len(targets); at++ {
		if h.takes(&targets[at]) {
			return at, true
		}
	}
	return 0, false
}

// again says where to try next, and after which pause. Each target has its turn; then
// those that may be asked again follow, the one first that may be soonest, the first of
// equal ones. A pause that leaves no time for an attempt is not begun.
func (c *call) again(ctx context.Context) (at int, pause time.Duration, ok bool) {
	h := &c.past
	if h.over || c.asked >= c.policy.MaxAttempts {
		return 0, 0, false
	}
	now := time.Now()
	left := c.ends.Sub(now)
	if deadline, bounded := ctx.Deadline(); bounded {
		left = min(left, deadline.Sub(now))
	}
	if left <= 0 {
		return 0, 0, false
	}
	if h.sameKnown {
		h.sameKnown = false
		return h.same, 0, true
	}
	if at, ok = h.fresh(c.targets); ok {
		h.untried = at + 1
		return at, 0, true
	}
	for i := range h.targets {
		p := &h.targets[i]
		remaining := max(p.pause-now.Sub(p.failed), 0)
		if !p.repeatable || !h.takes(&c.targets[i]) || remaining >= left || ok && remaining >= pause {
			continue
		}
		at, pause, ok = i, remaining, true
	}
	if !ok {
		return 0, 0, false
	}
	return at, h.targets[at].jitter(pause, left), true
}

// jitter spreads callers that failed together: a pause of ours is up to half of it
// shorter, one that the provider asked for up to a tenth of it longer, but never for
// more than half of the time that is left after it.
func (p *past) jitter(remaining, left time.Duration) time.Duration {
	if p.stated {
		return remaining + upTo(min(p.pause/10, (left-remaining)/2))
	}
	return max(remaining-upTo(p.pause/2), 0)
}

// upTo draws evenly from 0 to most.
func upTo(most time.Duration) time.Duration {
	return rand.N(max(most, 0) + 1) //nolint:gosec // G404: jitter, not a secret
}
