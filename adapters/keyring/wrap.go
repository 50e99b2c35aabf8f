package keyring

import (
	"cmp"
	"context"
	"errors"
	"slices"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Wrap returns the provider with all of its calls using the ring's keys: it sets Key
// and KeyName of each [adapters.Call]. What the provider does not offer stays nil.
//
// A failure that another key may mend comes back with OtherKey. When every key is left
// alone, the call fails without being sent, as [adapters.KindRateLimited] with the
// provider's last answer and the time until the first key is back, or as the kind by
// which the keys were refused. A stream is judged when it ends.
//
// A call whose target has a credential of its own, among its headers, passes as it is:
// what the provider says of that one is not about the keys.
func (r *Ring) Wrap(p adapters.Provider) adapters.Provider {
	if len(r.keys) == 0 {
		return p
	}
	if p.Chat != nil {
		p.Chat = &chatter{r, p.Chat}
	}
	if p.Embed != nil {
		p.Embed = &embedder{r, p.Embed}
	}
	if p.Models != nil {
		p.Models = &lister{r, p.Models}
	}
	if p.Count != nil {
		p.Count = &counter{r, p.Count}
	}
	return p
}

// listing stands for a model where a call is for none.
const listing = "(models)"

// HasCredential tells whether a target's headers bring a credential, so that its calls use
// none of the ring's keys. It goes by the names of the headers, see
// [adapters.CredentialHeaders].
func HasCredential(header adapters.Header) bool {
	return slices.ContainsFunc(header, func(f adapters.Field) bool {
		return slices.Contains(adapters.CredentialHeaders, strings.ToLower(f.Name))
	})
}

// use runs a call with a key.
func (r *Ring) use(call *adapters.Call, model string, do func() error) error {
	if HasCredential(call.TargetHeader) {
		return do()
	}
	taken, err := r.take(cmp.Or(call.Model, model))
	if err != nil {
		return err
	}
	call.Key, call.KeyName = taken.Value, taken.Name
	err = do()
	failure, _ := errors.AsType[*adapters.Error](err)
	return r.settle(taken, err, failure)
}

type chatter struct {
	ring *Ring
	next adapters.Chatter
}

func (c *chatter) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (completion *sluicev1.ChatCompletion, err error) {
	err = c.ring.use(call, req.GetModel(), func() (err error) {
		completion, err = c.next.Chat(ctx, call, req)
		return err
	})
	return completion, err
}

func (c *chatter) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	if HasCredential(call.TargetHeader) {
		return c.next.StreamChat(ctx, call, req, send)
	}
	taken, err := c.ring.take(cmp.Or(call.Model, req.GetModel()))
	if err != nil {
		return err
	}
	call.Key, call.KeyName = taken.Value, taken.Name
	var refused error
	err = c.next.StreamChat(ctx, call, req, func(chunk *sluicev1.ChatCompletionChunk) error {
		refused = send(chunk)
		return refused
	})
	if refused != nil && errors.Is(err, refused) {
		// The receiver's word, not the provider's.
		return err
	}
	failure, _ := errors.AsType[*adapters.Error](err)
	return c.ring.settle(taken, err, failure)
}

type embedder struct {
	ring *Ring
	next adapters.Embedder
}

func (e *embedder) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (response *sluicev1.CreateEmbeddingsResponse, err error) {
	err = e.ring.use(call, req.GetModel(), func() (err error) {
		response, err = e.next.Embed(ctx, call, req)
		return err
	})
	return response, err
}

type lister struct {
	ring *Ring
	next adapters.Lister
}

func (l *lister) List(ctx context.Context, call *adapters.Call) (models *sluicev1.ListModelsResponse, err error) {
	err = l.ring.use(call, listing, func() (err error) {
		models, err = l.next.List(ctx, call)
		return err
	})
	return models, err
}

func (l *lister) Get(ctx context.Context, call *adapters.Call) (model *sluicev1.Model, err error) {
	err = l.ring.use(call, listing, func() (err error) {
		model, err = l.next.Get(ctx, call)
		return err
	})
	return model, err
}

type counter struct {
	ring *Ring
	next adapters.Counter
}

func (c *counter) CountTokens(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (count *sluicev1.TokenCount, err error) {
	err = c.ring.use(call, req.GetModel(), func() (err error) {
		count, err = c.next.CountTokens(ctx, call, req)
		return err
	})
	return count, err
}
