package limiter

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// target is a provider whose next outcome a test sets.
type target struct {
	err    error
	panics bool
	// chunks are sent, as long as takes apart, before a stream ends.
	chunks int
	// takes is how long an answer lasts.
	takes time.Duration
	// hold, when set, keeps calls until it is closed or gives them a value each.
	hold chan struct{}

	mu      sync.Mutex
	callers []string // in the order of their calls
	running atomic.Int64
	highest atomic.Int64
}

func (g *target) answer(call *adapters.Call) error {
	defer g.running.Add(-1)
	for n := g.running.Add(1); ; {
		high := g.highest.Load()
		if n <= high || g.highest.CompareAndSwap(high, n) {
			break
		}
	}
	g.mu.Lock()
	g.callers = append(g.callers, call.Caller)
	g.mu.Unlock()
	if g.hold != nil {
		<-g.hold
	}
	if g.takes > 0 {
		time.Sleep(g.takes)
	}
	if g.panics {
		panic("defect")
	}
	return g.err
}

func (g *target) Chat(_ context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	return new(sluicev1.ChatCompletion), g.answer(call)
}

func (g *target) StreamChat(_ context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	for range g.chunks {
		time.Sleep(g.takes)
		if err := send(new(sluicev1.ChatCompletionChunk)); err != nil {
			return err
		}
	}
	return g.answer(call)
}

func (g *target) Embed(_ context.Context, call *adapters.Call, _ *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	return new(sluicev1.CreateEmbeddingsResponse), g.answer(call)
}

func (g *target) List(context.Context, *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	return new(sluicev1.ListModelsResponse), nil
}

func (g *target) Get(context.Context, *adapters.Call) (*sluicev1.Model, error) {
	return new(sluicev1.Model), nil
}

func TestLimiter_keeps_what_a_provider_offers(t *testing.T) {
	g := &target{}
	p := New("p/m", Settings{Max: 1}).Wrap(adapters.Provider{Name: "p", Models: g})
	if p.Chat != nil || p.Embed != nil || p.Models != adapters.Lister(g) {
		t.Errorf("%+v", p)
	}
}

func TestLimiter_holds_the_place_of_a_stream_until_it_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g, p := wrapped(Settings{Max: 1})
		g.chunks, g.takes, g.hold = 3, time.Second, make(chan struct{})
		ended := make(chan error)
		go func() {
			ended <- p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return nil })
		}()
		for range 4 {
			time.Sleep(time.Second)
			synctest.Wait()
			if got := l.Snapshot().Running; got != 1 {
				t.Fatalf("%d running while the stream does", got)
			}
			saturated(t, chat(t.Context(), p, ""))
		}
		close(g.hold)
		if err := <-ended; err != nil || l.Snapshot().Running != 0 {
			t.Errorf("%v, %+v", err, l.Snapshot())
		}
	})
}

func TestLimiter_gives_the_place_back_however_a_call_ends(t *testing.T) {
	gone := errors.New("the caller's connection broke")
	sends := func(err error) func(*sluicev1.ChatCompletionChunk) error {
		return func(*sluicev1.ChatCompletionChunk) error { return err }
	}
	calls := map[string]func(adapters.Provider) error{
		"a chat": func(p adapters.Provider) error { return chat(t.Context(), p, "") },
		"a stream": func(p adapters.Provider) error {
			return p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, sends(nil))
		},
		"a stream whose receiver fails": func(p adapters.Provider) error {
			if err := p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, sends(gone)); err != gone { //nolint:errorlint // it must be the error itself
				t.Errorf("%v, want that of send", err)
			}
			return nil
		},
		"an embedding": func(p adapters.Provider) error {
			_, err := p.Embed.Embed(t.Context(), &adapters.Call{}, nil)
			return err
		},
	}
	for name, call := range calls {
		l, g, p := wrapped(Settings{Max: 1})
		g.chunks = 1
		for _, panics := range []bool{false, true, false} {
			g.panics = panics
			func() {
				defer func() { _ = recover() }()
				if err := call(p); err != nil {
					t.Errorf("%s: %v", name, err)
				}
			}()
			if got := l.Snapshot().Running; got != 0 {
				t.Fatalf("%s: %d running at rest, panics %t", name, got, panics)
			}
		}
	}
}
