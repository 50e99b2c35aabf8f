package keyring

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// fake is a provider that answers by the key that a call brings.
type fake struct {
	mu sync.Mutex
	// answer says what becomes of a call with a key for a model. Guarded by mu.
	answer func(key, model string) error
	// got holds the keys that came. Guarded by mu.
	got []string
}

func (f *fake) call(c *adapters.Call) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.got = append(f.got, c.Key.Reveal())
	if f.answer == nil {
		return nil
	}
	return f.answer(c.Key.Reveal(), c.Model)
}

func (f *fake) will(answer func(key, model string) error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.answer = answer
}

// taken returns the keys that came, and forgets them.
func (f *fake) taken() []string {
	f.mu.Lock()
	defer f.mu.Unlock()
	got := f.got
	f.got = nil
	return got
}

func (f *fake) Chat(_ context.Context, c *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	return &sluicev1.ChatCompletion{Id: "answer"}, f.call(c)
}

func (f *fake) StreamChat(_ context.Context, c *adapters.Call, _ *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	if err := send(new(sluicev1.ChatCompletionChunk)); err != nil {
		return err
	}
	return f.call(c)
}

func (f *fake) Embed(_ context.Context, c *adapters.Call, _ *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	return &sluicev1.CreateEmbeddingsResponse{Model: "answer"}, f.call(c)
}

func (f *fake) List(_ context.Context, c *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	return &sluicev1.ListModelsResponse{Object: "answer"}, f.call(c)
}

func (f *fake) Get(_ context.Context, c *adapters.Call) (*sluicev1.Model, error) {
	return &sluicev1.Model{Id: "answer"}, f.call(c)
}

func named(name string, weight int) Key {
	return Key{Name: name, Value: adapters.NewSecret("sk-" + name), Weight: weight}
}

// bed is a ring around a fake provider.
type bed struct {
	*fake

	ring     *Ring
	provider adapters.Provider
}

func newBed(keys ...Key) *bed {
	f := &fake{}
	ring := New("p", keys, Settings{})
	return &bed{f, ring, ring.Wrap(adapters.Provider{Name: "p", Chat: f, Embed: f, Models: f})}
}

func (b *bed) chat(model string) error {
	_, err := b.provider.Chat.Chat(context.Background(), &adapters.Call{Model: model}, new(sluicev1.ChatCompletionRequest))
	return err
}

// fails makes one key fail, and all others succeed.
func fails(key string, failure error) func(string, string) error {
	return func(got, _ string) error {
		if got == "sk-"+key {
			return failure
		}
		return nil
	}
}

func refused(kind adapters.Kind, status int) *adapters.Error {
	return &adapters.Error{Kind: kind, Provider: "p", Status: status, Message: "no"}
}

func limited(wait time.Duration) *adapters.Error {
	return &adapters.Error{
		Kind: adapters.KindRateLimited, Provider: "p", Status: 429, RetryAfter: wait,
		Envelope: envelope("Rate limit reached", "rate_limit_exceeded"),
		Header:   adapters.Header{{Name: "retry-after", Value: "20"}, {Name: "x-ratelimit-remaining-requests", Value: "0"}},
	}
}

func envelope(message, code string) *sluicev1.ErrorEnvelope {
	return &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{Message: message, Code: &sluicev1.Error_CodeString{CodeString: code}}}
}

func asError(t *testing.T, err error) *adapters.Error {
	t.Helper()
	var e *adapters.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *adapters.Error", err)
	}
	return e
}

func (b *bed) wantReady(t *testing.T, model string, in time.Duration) {
	t.Helper()
	until, ok := b.ring.Ready(model)
	switch {
	case ok != (in == 0):
		t.Errorf("%s is ready: %t", model, ok)
	case !ok && time.Until(until) != in:
		t.Errorf("%s is back in %s, want %s", model, time.Until(until), in)
	case ok && !until.IsZero():
		t.Errorf("%s is ready and back at %s", model, until)
	}
}
