package limiter

import (
	"context"
	"errors"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Wrap returns the provider with its chat and its embeddings behind the limiter.
// Everything else is as it was: what the provider does not offer stays nil, and
// listing models takes no place. Several providers may share a limiter.
//
// A call without a place waits while the queue has room. Callers, whom
// [adapters.Call.Caller] tells apart, take turns, and each one's calls are served in
// their order; so a caller with a thousand calls in the queue does not delay the first
// of another. When the queue is full, a newcomer displaces the newest call of the
// caller with the most calls in it, if its own caller has at least two fewer; so a
// flood does not lock others out.
//
// A refused call is an [*adapters.Error] of [adapters.KindSaturated], Unsent, with an
// estimate of whole seconds, 1 to 60, as RetryAfter: when the queue is full, the call
// waited too long or was displaced, or its context ended in the queue with an
// [*adapters.Error] as cause (the time for the attempt). When the caller left before the
// call had a place, it is one of [adapters.KindCanceled], Unsent, with the context's error
// as Cause.
//
// A stream holds its place until it ends.
func (l *Limiter) Wrap(p adapters.Provider) adapters.Provider {
	if p.Chat != nil {
		p.Chat = &chatter{l, p.Name, p.Chat}
	}
	if p.Embed != nil {
		p.Embed = &embedder{l, p.Name, p.Embed}
	}
	return p
}

// shape is a form of call. Each has latencies of its own.
type shape uint8

const (
	whole shape = iota
	stream
	embedding
	shapes // how many there are
)

// result is what the end of a call says about the target's load.
type result struct {
	shape   shape
	verdict verdict
	// firstToken is when it came, on the limiter's clock. 0: it did not, or the answer
	// came whole; then the end of the call stands in.
	firstToken time.Duration
}

type verdict uint8

const (
	// silent says nothing either way: the caller left, the request was bad, the adapter
	// panicked.
	silent verdict = iota
	success
	overload
)

// judge says what the error of a call means for the target's load.
func judge(ctx context.Context, err error) verdict {
	if err == nil {
		return success
	}
	e, ok := errors.AsType[*adapters.Error](err)
	if ctx.Err() != nil {
		// What an adapter says after the context ended may be the echo of that. The cause
		// says whether the time for the attempt ran out or the caller left.
		e, ok = errors.AsType[*adapters.Error](context.Cause(ctx))
	}
	if !ok {
		return silent
	}
	switch e.Kind {
	case adapters.KindOverloaded, adapters.KindTimeout:
		return overload
	case adapters.KindRateLimited:
		if e.Unsent {
			return silent // its keys are benched: the target was not asked
		}
		return overload
	default:
		return silent
	}
}

type chatter struct {
	limiter  *Limiter
	provider string
	next     adapters.Chatter
}

func (c *chatter) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (completion *sluicev1.ChatCompletion, err error) {
	held, err := c.limiter.take(ctx, c.provider, call)
	if err != nil {
		return nil, err
	}
	r := result{shape: whole}
	defer func() { c.limiter.give(held, r) }() // also when the adapter panics
	completion, err = c.next.Chat(ctx, call, req)
	r.verdict = judge(ctx, err)
	return completion, err
}

func (c *chatter) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	held, err := c.limiter.take(ctx, c.provider, call)
	if err != nil {
		return err
	}
	r := result{shape: stream}
	defer func() { c.limiter.give(held, r) }()
	var refused error
	started := false
	err = c.next.StreamChat(ctx, call, req, func(chunk *sluicev1.ChatCompletionChunk) error {
		if !started {
			started = true
			r.firstToken = c.limiter.now()
		}
		refused = send(chunk)
		return refused
	})
	if refused == nil { // else the error is the receiver's, whatever it looks like
		r.verdict = judge(ctx, err)
	}
	return err
}

type embedder struct {
	limiter  *Limiter
	provider string
	next     adapters.Embedder
}

func (e *embedder) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (response *sluicev1.CreateEmbeddingsResponse, err error) {
	held, err := e.limiter.take(ctx, e.provider, call)
	if err != nil {
		return nil, err
	}
	r := result{shape: embedding}
	defer func() { e.limiter.give(held, r) }()
	response, err = e.next.Embed(ctx, call, req)
	r.verdict = judge(ctx, err)
	return response, err
}
