package keyring

import (
	"fmt"
	"strconv"
	"time"

	"google.golang.org/protobuf/proto"

	"github.com/sluice-ai/sluice/adapters"
)

// maxKeptBytes bounds the provider's answer that is kept to be shown again.
const maxKeptBytes = 4 << 10

// bench is why and until when a key is left alone. The zero value: it is not.
type bench struct {
	until time.Time
	// probed is until when somebody else's call tries the key, after the bench.
	probed time.Time
	since  time.Time
	reason adapters.Kind
	// refused and limited count in a row, for the doubling.
	refused, limited int
	// era counts the benches.
	era uint64
	// answer is what the provider said, for a rate limit.
	answer *adapters.Error
}

// holds tells whether the key is left alone.
func (b *bench) holds(now time.Time) bool { return b.end().After(now) }

// end says when it is over.
func (b *bench) end() time.Time {
	if b.probed.After(b.until) {
		return b.probed
	}
	return b.until
}

// put leaves the key alone for a time, and never shortens one.
func (b *bench) put(now time.Time, wait time.Duration, reason adapters.Kind, answer *adapters.Error) {
	b.era++
	if until := now.Add(wait); until.After(b.until) {
		b.until = until
	}
	b.probed, b.since, b.reason, b.answer = time.Time{}, now, reason, answer
}

// probe lets one call use a key that comes back: the others leave it alone until that
// one has succeeded, or for some time.
func (b *bench) probe(now time.Time) {
	if b != nil && !b.until.IsZero() {
		b.probed = now.Add(probeFor)
	}
}

// clear forgets the bench.
func (b *bench) clear() { *b = bench{era: b.era} }

// doubled returns the nth wait, the first being 0.
func doubled(first, most time.Duration, n int) time.Duration {
	for ; n > 0 && first < most; n-- {
		first *= 2
	}
	return min(first, most)
}

// settle learns from the end of a call. The error that it returns is the one that the
// caller gets.
func (r *Ring) settle(l lease, err error, failure *adapters.Error) error {
	if err == nil {
		r.praise(l)
		return nil
	}
	if failure == nil {
		return err
	}
	switch failure.Kind {
	case adapters.KindAuth, adapters.KindPermission, adapters.KindRateLimited:
	default:
		// Says nothing about the key.
		return err
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	r.blame(l, failure, now)
	m := r.models[l.model]
	if m.blocking(l.key, now) == nil || !r.otherReady(l.key, m, now) {
		return err
	}
	again := *failure
	again.OtherKey = true
	return &again
}

// praise makes a key that succeeded as good as new, unless it was benched since.
func (r *Ring) praise(l lease) {
	if l.era == 0 && l.modelEra == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if l.bench.era == l.era {
		l.bench.clear()
	}
	if b := r.models[l.model].of(l.key); b != nil && b.era == l.modelEra {
		delete(r.models[l.model].benches, l.key)
		if len(r.models[l.model].benches) == 0 {
			delete(r.models, l.model)
		}
	}
}

// blame benches a key for what the provider said of it. A refusal of the only key
// benches nothing: waiting does not mend it, and the provider's own answer is the
// better one. Nor does a 403 bench the last key that is left for the model: some
// providers refuse a prompt that way, and one caller's must not cost all others the
// model.
func (r *Ring) blame(l lease, failure *adapters.Error, now time.Time) {
	s, only := r.settings, len(r.keys) == 1
	switch {
	case failure.Kind == adapters.KindAuth && !only:
		if b := &l.bench; b.era == l.era {
			b.put(now, doubled(s.RefusedFor, s.RefusedAtMost, b.refused), failure.Kind, nil)
			b.refused++
		}
	case failure.Kind == adapters.KindPermission:
		if !r.otherReady(l.key, r.models[l.model], now) {
			return
		}
		if b := r.benchOf(l.key, l.model, now); b.era == l.modelEra {
			b.put(now, doubled(s.RefusedFor, s.RefusedAtMost, b.refused), failure.Kind, nil)
			b.refused++
		}
	case failure.Kind != adapters.KindRateLimited:
	case adapters.OutOfQuota(failure.Envelope) && !only:
		l.bench.put(now, max(s.QuotaFor, min(failure.RetryAfter, s.WaitAtMost)), failure.Kind, kept(failure))
	case failure.RetryAfter > 0:
		r.benchOf(l.key, l.model, now).put(now, min(failure.RetryAfter, s.WaitAtMost), failure.Kind, kept(failure))
	case !only:
		if b := r.benchOf(l.key, l.model, now); b.era == l.modelEra {
			b.put(now, doubled(s.LimitedFor, s.LimitedAtMost, b.limited), failure.Kind, kept(failure))
			b.limited++
		}
	}
}

// kept returns what is shown again of an answer, without what is large.
func kept(failure *adapters.Error) *adapters.Error {
	answer := &adapters.Error{Status: failure.Status, Header: failure.Header, Envelope: failure.Envelope}
	if proto.Size(answer.Envelope) > maxKeptBytes {
		answer.Envelope = nil
	}
	return answer
}

// refusal is the error of a call for which there is no key. It is told as a rate limit
// if any key is back by waiting alone, with what the provider said last.
func (r *Ring) refusal(m *model, now time.Time) error {
	var first time.Time
	var told *bench
	for _, k := range r.keys {
		b := m.blocking(k, now)
		if end := b.end(); first.IsZero() || end.Before(first) {
			first = end
		}
		limited := b.reason == adapters.KindRateLimited
		switch toldLimited := told != nil && told.reason == adapters.KindRateLimited; {
		case told == nil, limited && !toldLimited, limited == toldLimited && b.since.After(told.since):
			told = b
		}
	}
	left := first.Sub(now)
	seconds := strconv.FormatInt(int64((left+time.Second-1)/time.Second), 10)
	failure := &adapters.Error{Kind: told.reason, Provider: r.provider, Unsent: true, RetryAfter: left}
	if told.reason != adapters.KindRateLimited {
		failure.Message = fmt.Sprintf("the provider refused every key for this; the first is tried again in %s s", seconds)
		return failure
	}
	failure.Message = fmt.Sprintf("the provider asked to wait for another %s s", seconds)
	failure.Status, failure.Envelope = told.answer.Status, told.answer.Envelope
	failure.Header = told.answer.Header
	failure.Header.Set("retry-after", seconds)
	if failure.Header.Get("retry-after-ms") != "" {
		failure.Header.Set("retry-after-ms", strconv.FormatInt(int64((left+time.Millisecond-1)/time.Millisecond), 10))
	}
	return failure
}
