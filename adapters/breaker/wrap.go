package breaker

import (
	"context"
	"errors"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Wrap returns the provider with its chat and its embeddings behind the breaker.
// Everything else is as it was: what the provider does not offer stays nil, and
// listing models, which says nothing about its health, passes always.
//
// A call that fails after its context ended counts by [context.Cause] when that is an
// [*adapters.Error], as for a timeout of the attempt; otherwise the caller left, and it
// says nothing about the target.
//
// A refused call is an [*adapters.Error] of [adapters.KindCircuitOpen], with the time
// until the next probe as RetryAfter.
//
// Several providers may share a breaker, one after the other or at the same time. A
// reload wraps the target's new provider with the breaker that it has, so that what is
// known of the target stays known; calls that still run through the old provider count
// as ever.
func (b *Breaker) Wrap(p adapters.Provider) adapters.Provider {
	if p.Chat != nil {
		p.Chat = &chatter{b, p.Name, p.Chat}
	}
	if p.Embed != nil {
		p.Embed = &embedder{b, p.Name, p.Embed}
	}
	return p
}

type chatter struct {
	breaker  *Breaker
	provider string
	next     adapters.Chatter
}

func (c *chatter) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (completion *sluicev1.ChatCompletion, err error) {
	admitted, err := c.breaker.allow(c.provider, call)
	if err != nil {
		return nil, err
	}
	outcome := error(errPanicked)
	defer func() { admitted.end(outcome) }()
	completion, err = c.next.Chat(ctx, call, req)
	outcome = admitted.timed(admitted.blame(ctx, err))
	return completion, err
}

// StreamChat counts a stream when it ends: one that opens well and breaks is a
// failure, and so is one whose first chunk was slow, however it ends.
//
// A probe does not keep everybody else out for as long as that: its first chunk decides.
// Late, it is the probe's failure, and all that the stream counts for. In time, it is its
// success, and if the stream breaks later, that counts as the failure of one more call.
func (c *chatter) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	admitted, err := c.breaker.allow(c.provider, call)
	if err != nil {
		return err
	}
	end := admitted.end
	outcome := error(errPanicked)
	defer func() { end(outcome) }()
	var begun, slow bool
	var refused error
	err = c.next.StreamChat(ctx, call, req, func(chunk *sluicev1.ChatCompletionChunk) error {
		if !begun {
			begun, slow = true, admitted.slow()
			switch { // before send, which waits for the caller
			case admitted.probe && slow:
				admitted.done(errSlow)
				end = func(error) {}
			case admitted.probe:
				admitted.done(nil)
				end = c.breaker.recant
			}
		}
		refused = send(chunk)
		return refused
	})
	outcome = admitted.blame(ctx, err)
	if refused != nil && errors.Is(err, refused) {
		outcome = aside{err}
	}
	switch {
	case !begun:
		outcome = admitted.timed(outcome)
	case slow && judge(outcome) != failure:
		outcome = errSlow
	}
	return err
}

type embedder struct {
	breaker  *Breaker
	provider string
	next     adapters.Embedder
}

func (e *embedder) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (response *sluicev1.CreateEmbeddingsResponse, err error) {
	admitted, err := e.breaker.allow(e.provider, call)
	if err != nil {
		return nil, err
	}
	outcome := error(errPanicked)
	defer func() { admitted.end(outcome) }()
	response, err = e.next.Embed(ctx, call, req)
	outcome = admitted.timed(admitted.blame(ctx, err))
	return response, err
}
