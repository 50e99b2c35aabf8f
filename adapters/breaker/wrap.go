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
// A refused call is an [*adapters.Error] of [adapters.KindCircuitOpen], with the time
// until the next probe as RetryAfter. Several providers may share a breaker.
func (b *Breaker) Wrap(p adapters.Provider) adapters.Provider {
	if p.Chat != nil {
		p.Chat = &chatter{b, p.Name, p.Chat}
	}
	if p.Embed != nil {
		p.Embed = &embedder{b, p.Name, p.Embed}
	}
	return p
}

// errPanicked is the outcome of a call that did not return.
var errPanicked = &adapters.Error{Kind: adapters.KindInternal, Message: "the adapter panicked"}

type chatter struct {
	breaker  *Breaker
	provider string
	next     adapters.Chatter
}

func (c *chatter) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (completion *sluicev1.ChatCompletion, err error) {
	done, err := c.breaker.allow(c.provider)
	if err != nil {
		return nil, err
	}
	outcome := error(errPanicked)
	defer func() { done(outcome) }()
	completion, err = c.next.Chat(ctx, call, req)
	outcome = blame(ctx, err)
	return completion, err
}

// StreamChat counts a stream when it ends: one that opens well and breaks is a
// failure.
func (c *chatter) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	done, err := c.breaker.allow(c.provider)
	if err != nil {
		return err
	}
	outcome := error(errPanicked)
	defer func() { done(outcome) }()
	var refused error
	err = c.next.StreamChat(ctx, call, req, func(chunk *sluicev1.ChatCompletionChunk) error {
		refused = send(chunk)
		return refused
	})
	outcome = blame(ctx, err)
	if refused != nil && errors.Is(err, refused) {
		outcome = aside{err}
	}
	return err
}

type embedder struct {
	breaker  *Breaker
	provider string
	next     adapters.Embedder
}

func (e *embedder) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (response *sluicev1.CreateEmbeddingsResponse, err error) {
	done, err := e.breaker.allow(e.provider)
	if err != nil {
		return nil, err
	}
	outcome := error(errPanicked)
	defer func() { done(outcome) }()
	response, err = e.next.Embed(ctx, call, req)
	outcome = blame(ctx, err)
	return response, err
}

// blame sets an error aside that came after the caller left: what an adapter says
// then may be the echo of that.
func blame(ctx context.Context, err error) error {
	if err != nil && ctx.Err() != nil {
		return aside{err}
	}
	return err
}
