package breaker

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
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
	// chunks are sent before a stream ends.
	chunks int
	calls  int
	// hold, when set, keeps calls until it is closed.
	hold chan struct{}
	// thinks is the time before an answer or the first chunk; drips that after the last.
	thinks, drips time.Duration
}

func (g *target) answer() error {
	time.Sleep(g.thinks)
	return g.end()
}

func (g *target) end() error {
	g.calls++
	if g.hold != nil {
		<-g.hold
	}
	if g.panics {
		panic("defect")
	}
	return g.err
}

func (g *target) Chat(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	return new(sluicev1.ChatCompletion), g.answer()
}

func (g *target) StreamChat(_ context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	time.Sleep(g.thinks)
	for range g.chunks {
		if err := send(new(sluicev1.ChatCompletionChunk)); err != nil {
			return err
		}
	}
	time.Sleep(g.drips)
	return g.end()
}

func (g *target) Embed(context.Context, *adapters.Call, *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	return new(sluicev1.CreateEmbeddingsResponse), g.answer()
}

func (g *target) List(context.Context, *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	return new(sluicev1.ListModelsResponse), g.answer()
}

func (g *target) Get(context.Context, *adapters.Call) (*sluicev1.Model, error) {
	return new(sluicev1.Model), g.answer()
}

func failed(kind adapters.Kind, status int) error {
	return &adapters.Error{Kind: kind, Provider: "p", Status: status}
}

var sick = failed(adapters.KindUnavailable, 500)

// quick opens after two failures of at least two calls.
var quick = Settings{FailureRatio: 0.5, MinCalls: 2, Window: 10 * time.Second, OpenFor: 5 * time.Second}

func wrapped(s Settings) (*Breaker, *target, adapters.Provider) {
	g := &target{}
	b := New("p/m", s, nil)
	return b, g, b.Wrap(adapters.Provider{Name: "p", Chat: g, Embed: g, Models: g})
}

func chat(p adapters.Provider) error {
	_, err := p.Chat.Chat(context.Background(), &adapters.Call{}, nil)
	return err
}

func stream(p adapters.Provider) error {
	return p.Chat.StreamChat(context.Background(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return nil })
}

func open(t *testing.T, b *Breaker, g *target, p adapters.Provider) {
	t.Helper()
	g.err = sick
	for range 2 {
		if err := chat(p); err != sick { //nolint:errorlint // it must be the error itself
			t.Fatalf("%v, want the target's error", err)
		}
	}
	if b.State() != Open {
		t.Fatalf("the breaker is %s after two failures, want open", b.State())
	}
	g.err = nil
}

func TestBreaker_opens_after_failures_and_closes_after_a_good_probe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var changes []string
		g := &target{}
		b := New("p/m", quick, func(target string, from, to State) {
			changes = append(changes, fmt.Sprintf("%s: %s to %s", target, from, to))
		})
		p := b.Wrap(adapters.Provider{Name: "p", Chat: g})
		open(t, b, g, p)

		time.Sleep(2 * time.Second)
		calls := g.calls
		var e *adapters.Error
		if err := chat(p); !errors.As(err, &e) || e.Kind != adapters.KindCircuitOpen || e.Provider != "p" || e.Message == "" {
			t.Fatalf("%v, want circuit_open", err)
		}
		if !e.Unsent {
			t.Error("the refusal does not say that nothing was sent")
		}
		if e.RetryAfter != 3*time.Second {
			t.Errorf("RetryAfter is %s, want 3s", e.RetryAfter)
		}
		if g.calls != calls {
			t.Error("an open breaker asked the target")
		}

		time.Sleep(3*time.Second + 1)
		if b.State() != HalfOpen {
			t.Fatalf("the breaker is %s, want half-open", b.State())
		}
		if err := chat(p); err != nil || b.State() != Closed {
			t.Errorf("after a good probe: %v, %s", err, b.State())
		}
		want := []string{"p/m: closed to open", "p/m: open to half_open", "p/m: half_open to closed"}
		if !slices.Equal(changes, want) {
			t.Errorf("changes are %q, want %q", changes, want)
		}
	})
}

func TestBreaker_opens_again_after_a_bad_probe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(quick)
		open(t, b, g, p)
		time.Sleep(quick.OpenFor + 1)
		g.err = sick
		if err := chat(p); err != sick || b.State() != Open { //nolint:errorlint // it must be the error itself
			t.Errorf("after a bad probe: %v, %s", err, b.State())
		}
		time.Sleep(quick.OpenFor - time.Second)
		if b.State() != Open {
			t.Errorf("the breaker is %s before its time", b.State())
		}
	})
}

func TestBreaker_lets_only_its_probes_through(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := quick
		s.Probes = 2
		b, g, p := wrapped(s)
		open(t, b, g, p)
		time.Sleep(s.OpenFor + 1)
		g.hold = make(chan struct{})
		var probes sync.WaitGroup
		for range 2 {
			// One after the other: the target's count has no lock.
			probes.Go(func() {
				if err := chat(p); err != nil {
					t.Errorf("a probe: %v", err)
				}
			})
			synctest.Wait()
		}
		var e *adapters.Error
		if err := chat(p); !errors.As(err, &e) || e.Kind != adapters.KindCircuitOpen || e.RetryAfter <= 0 {
			t.Errorf("the third call: %v, want circuit_open with a wait", err)
		}
		close(g.hold)
		probes.Wait()
		if b.State() != Closed {
			t.Errorf("the breaker is %s after two good probes", b.State())
		}
	})
}

func TestBreaker_judges_by_kind(t *testing.T) {
	judged := make(map[adapters.Kind]bool)
	unsent := func(kind adapters.Kind, step adapters.Step) error {
		return &adapters.Error{Kind: kind, Provider: "p", Unsent: true, Step: step}
	}
	for _, c := range []struct {
		name string
		err  error
		want verdict
	}{
		{"no error", nil, success},
		{"unavailable", failed(adapters.KindUnavailable, 502), failure},
		{"not reached", failed(adapters.KindUnavailable, 0), failure},
		{"overloaded", failed(adapters.KindOverloaded, 503), failure},
		{"timeout", failed(adapters.KindTimeout, 0), failure},
		{"not connected in time", unsent(adapters.KindTimeout, adapters.StepConnect), failure},
		{"not connected", unsent(adapters.KindUnavailable, 0), failure},
		{"no first token in time", &adapters.Error{Kind: adapters.KindTimeout, Step: adapters.StepFirstToken, Status: 200}, failure},
		{"protocol", failed(adapters.KindProtocol, 200), failure},
		{"wrapped", fmt.Errorf("in a wrap: %w", sick), failure},
		{"invalid", failed(adapters.KindInvalid, 400), success},
		{"invalid, not sent", failed(adapters.KindInvalid, 0), ignored},
		{"not found", failed(adapters.KindNotFound, 404), success},
		{"conflict", failed(adapters.KindConflict, 409), success},
		{"too large", failed(adapters.KindTooLarge, 413), success},
		{"content filtered", failed(adapters.KindContentFiltered, 400), success},
		{"context window", failed(adapters.KindContextWindow, 400), success},
		{"context window, not asked", unsent(adapters.KindContextWindow, 0), ignored},
		{"saturated", unsent(adapters.KindSaturated, 0), ignored},
		{"all keys rate limited", unsent(adapters.KindRateLimited, 0), ignored},
		{"all keys refused", unsent(adapters.KindAuth, 0), ignored},
		{"auth", failed(adapters.KindAuth, 401), ignored},
		{"permission", failed(adapters.KindPermission, 403), ignored},
		{"rate limited", failed(adapters.KindRateLimited, 429), ignored},
		{"unsupported", failed(adapters.KindUnsupported, 0), ignored},
		{"canceled", failed(adapters.KindCanceled, 0), ignored},
		{"internal", failed(adapters.KindInternal, 0), ignored},
		{"circuit open", failed(adapters.KindCircuitOpen, 0), ignored},
		{"a kind of the future", failed(adapters.Kind(99), 500), ignored},
		{"the caller left", context.Canceled, ignored},
		{"the caller's deadline", context.DeadlineExceeded, ignored},
		{"of send", aside{sick}, ignored},
	} {
		if got := judge(c.err); got != c.want {
			t.Errorf("%s: %d, want %d", c.name, got, c.want)
		}
		judged[adapters.KindOf(c.err)] = true
	}
	for kind := adapters.Kind(0); !strings.HasPrefix(kind.String(), "kind("); kind++ {
		if !judged[kind] {
			t.Errorf("%s does not stand in this table", kind)
		}
	}
}

func TestBreaker_opens_at_its_ratio_and_not_below(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(Settings{FailureRatio: 0.5, MinCalls: 10, Window: time.Minute, OpenFor: time.Second})
		one := func(err error) {
			g.err = err
			_ = chat(p)
		}
		for range 6 {
			one(nil)
		}
		for range 5 {
			one(sick) // at most 5 of 11
		}
		// What counts neither way must not add up to the volume.
		for range 20 {
			one(failed(adapters.KindRateLimited, 429))
		}
		if b.State() != Closed {
			t.Fatalf("the breaker is %s at 5 failures of 11", b.State())
		}
		if one(sick); b.State() != Open {
			t.Errorf("the breaker is %s at 6 failures of 12", b.State())
		}
	})
}

func TestBreaker_opens_for_a_target_that_just_died_whatever_it_did_before(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(Settings{FailureRatio: 0.5, MinCalls: 10, Window: time.Minute, OpenFor: time.Second})
		for range 1000 {
			_ = chat(p)
		}
		fail := func(n int) {
			g.err = sick
			for range n {
				_ = chat(p)
			}
			g.err = nil
		}
		fail(9)
		_ = chat(p)
		if fail(9); b.State() != Closed {
			t.Fatalf("the breaker is %s after twice 9 failures in a row of a thousand calls", b.State())
		}
		if fail(1); b.State() != Open {
			t.Errorf("the breaker is %s after 10 failures in a row", b.State())
		}
	})
}

func TestBreaker_needs_its_volume(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(Settings{})
		g.err = sick
		for range DefaultMinCalls - 1 {
			_ = chat(p)
		}
		if b.State() != Closed {
			t.Fatalf("the breaker is %s one call below its volume", b.State())
		}
		if _ = chat(p); b.State() != Open {
			t.Errorf("the breaker is %s at its volume", b.State())
		}
	})
}

func TestBreaker_forgets_what_is_older_than_its_window(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(quick)
		g.err = sick
		_ = chat(p)
		time.Sleep(quick.Window + time.Second)
		if _ = chat(p); b.State() != Closed {
			t.Errorf("the breaker is %s: a failure of long ago counted", b.State())
		}
		time.Sleep(quick.Window / 2)
		if _ = chat(p); b.State() != Open {
			t.Errorf("the breaker is %s after two failures in the window", b.State())
		}
	})
}

func TestBreaker_counts_a_stream_when_it_ends(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(quick)
		g.chunks, g.err = 3, failed(adapters.KindProtocol, 200)
		for range 2 {
			sent := 0
			err := p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error {
				sent++
				return nil
			})
			if err != g.err || sent != 3 { //nolint:errorlint // it must be the error itself
				t.Fatalf("%v after %d chunks, want the target's error after 3", err, sent)
			}
		}
		if b.State() != Open {
			t.Errorf("the breaker is %s after streams that broke", b.State())
		}
	})
}

func TestBreaker_does_not_blame_the_target_for_its_callers(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(quick)
		g.chunks = 1
		for range 10 {
			// Even when the receiver's error looks like the target's.
			err := p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return sick })
			if err != sick { //nolint:errorlint // it must be the error itself
				t.Fatalf("%v, want that of send", err)
			}
		}
		gone, cancel := context.WithCancel(t.Context())
		cancel()
		g.err = sick
		for range 10 {
			_, _ = p.Chat.Chat(gone, &adapters.Call{}, nil)
			_, _ = p.Embed.Embed(gone, &adapters.Call{}, nil)
		}
		if b.State() != Closed {
			t.Errorf("the breaker is %s", b.State())
		}
	})
}

func TestBreaker_stays_half_open_when_a_probe_says_nothing(t *testing.T) {
	for name, err := range map[string]error{"canceled": context.Canceled, "rate limited": failed(adapters.KindRateLimited, 429)} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b, g, p := wrapped(quick)
				open(t, b, g, p)
				time.Sleep(quick.OpenFor + 1)
				g.err = err
				for range 3 {
					if got := chat(p); got != err || b.State() != HalfOpen { //nolint:errorlint // it must be the error itself
						t.Fatalf("%v, %s: want the probe's error and a breaker half-open", got, b.State())
					}
				}
				g.err = nil
				if err := chat(p); err != nil || b.State() != Closed {
					t.Errorf("%v, %s: want a probe that closes it", err, b.State())
				}
			})
		})
	}
}

func TestBreaker_survives_a_panic_of_the_adapter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(quick)
		open(t, b, g, p)
		time.Sleep(quick.OpenFor + 1)
		g.panics = true
		func() {
			defer func() {
				if recover() == nil {
					t.Error("the panic was swallowed")
				}
			}()
			_ = chat(p)
		}()
		g.panics = false
		// The probe's place is free again.
		if err := chat(p); err != nil || b.State() != Closed {
			t.Errorf("%v, %s", err, b.State())
		}
	})
}
