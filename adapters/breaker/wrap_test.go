package breaker

import (
	"context"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func TestBreaker_blames_the_target_when_the_time_of_an_attempt_runs_out(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(&adapters.Error{Kind: adapters.KindTimeout, Provider: "p"})
	calls := map[string]func(adapters.Provider) error{
		"chat": func(p adapters.Provider) error {
			_, err := p.Chat.Chat(ctx, &adapters.Call{}, nil)
			return err
		},
		"a stream": func(p adapters.Provider) error {
			return p.Chat.StreamChat(ctx, &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return nil })
		},
		"embeddings": func(p adapters.Provider) error {
			_, err := p.Embed.Embed(ctx, &adapters.Call{}, nil)
			return err
		},
	}
	for name, call := range calls {
		t.Run(name, func(t *testing.T) {
			b, g, p := wrapped(quick)
			g.err = context.Canceled
			for range 2 {
				if err := call(p); err != g.err { //nolint:errorlint // it must be the error itself
					t.Fatalf("%v, want the target's error", err)
				}
			}
			if b.State() != Open {
				t.Errorf("the breaker is %s after two timeouts, want open", b.State())
			}
			b, g, p = wrapped(quick)
			g.err = &adapters.Error{Kind: adapters.KindSaturated, Provider: "p", Unsent: true}
			for range 2 {
				_ = call(p) // the time ran out in a queue inside
			}
			if b.State() != Closed {
				t.Errorf("the breaker is %s after two calls that never reached the target, want closed", b.State())
			}
		})
	}
}

func TestBreaker_lets_callers_in_while_a_probe_streams_on(t *testing.T) {
	tests := map[string]struct {
		ends     error
		failures int // that still open the breaker after the probe's end
	}{
		"a probe that ends well":    {nil, 2},
		"a probe that breaks late":  {failed(adapters.KindProtocol, 200), 1},
		"a probe whose caller left": {context.Canceled, 2},
	}
	for name, c := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, g, p := wrapped(Settings{FailureRatio: 1, MinCalls: 2, Window: time.Minute, OpenFor: time.Second})
				open(t, b, g, p)
				time.Sleep(time.Second + 1)
				hold := make(chan struct{})
				g.chunks, g.hold, g.err = 2, hold, c.ends
				probe := make(chan error, 1)
				go func() {
					probe <- p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return nil })
				}()
				synctest.Wait()
				if b.State() != Closed {
					t.Errorf("the breaker is %s while the probe streams, want closed", b.State())
				}
				close(hold)
				if err := <-probe; err != c.ends { //nolint:errorlint // it must be the error itself
					t.Errorf("the probe: %v, want %v", err, c.ends)
				}
				if b.State() != Closed {
					t.Fatalf("the breaker is %s after the probe, want closed", b.State())
				}
				g.hold, g.err = nil, sick
				for n := 1; b.State() == Closed; n++ {
					if _ = chat(p); (b.State() == Open) != (n == c.failures) {
						t.Fatalf("the breaker is %s after %d failures, want it open after %d", b.State(), n, c.failures)
					}
				}
			})
		})
	}
}

func TestBreaker_probes_with_a_stream_that_breaks_before_its_first_chunk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(quick)
		open(t, b, g, p)
		time.Sleep(quick.OpenFor + 1)
		g.err = sick
		err := p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return nil })
		if err != sick || b.State() != Open { //nolint:errorlint // it must be the error itself
			t.Errorf("%v, %s: want the target's error and a breaker open", err, b.State())
		}
	})
}

func TestWrap_loses_and_adds_no_capability(t *testing.T) {
	b, g, _ := wrapped(quick)
	closed := false
	p := b.Wrap(adapters.Provider{Name: "p", Models: g, Close: func() error { closed = true; return nil }})
	if p.Name != "p" || p.Chat != nil || p.Embed != nil || p.Models != adapters.Lister(g) || p.Close == nil {
		t.Errorf("the provider became %+v", p)
	}
	if err := p.Close(); err != nil || !closed {
		t.Errorf("Close: %v, %t", err, closed)
	}
	if p := b.Wrap(adapters.Provider{Chat: g, Embed: g}); p.Chat == nil || p.Embed == nil || p.Models != nil || p.Close != nil {
		t.Errorf("the provider became %+v", p)
	}
}

func TestWrap_guards_embeddings_and_passes_models(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(quick)
		g.err = sick
		for range 5 {
			if _, err := p.Models.List(t.Context(), &adapters.Call{}); err != sick { //nolint:errorlint // it must be the error itself
				t.Fatalf("models: %v", err)
			}
		}
		if b.State() != Closed {
			t.Fatal("listing models opened the breaker")
		}
		for range 2 {
			if _, err := p.Embed.Embed(t.Context(), &adapters.Call{}, nil); err != sick { //nolint:errorlint // it must be the error itself
				t.Fatalf("embeddings: %v", err)
			}
		}
		if _, err := p.Embed.Embed(t.Context(), &adapters.Call{}, nil); adapters.KindOf(err) != adapters.KindCircuitOpen {
			t.Errorf("embeddings: %v, want circuit_open", err)
		}
		err := p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return nil })
		if adapters.KindOf(err) != adapters.KindCircuitOpen {
			t.Errorf("a stream: %v, want circuit_open", err)
		}
		if _, err := p.Models.List(t.Context(), &adapters.Call{}); err != sick { //nolint:errorlint // it must be the error itself
			t.Errorf("models of an open target: %v", err)
		}
	})
}
