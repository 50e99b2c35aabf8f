package limiter

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func failed(kind adapters.Kind) error { return &adapters.Error{Kind: kind, Provider: "p"} }

func wrapped(s Settings) (*Limiter, *target, adapters.Provider) {
	g := &target{}
	l := New("p/m", s)
	return l, g, l.Wrap(adapters.Provider{Name: "p", Chat: g, Embed: g, Models: g})
}

func chat(ctx context.Context, p adapters.Provider, caller string) error {
	_, err := p.Chat.Chat(ctx, &adapters.Call{Caller: caller}, nil)
	return err
}

// begin starts a call and returns when it runs, waits or ended.
func begin(ctx context.Context, p adapters.Provider, caller string) <-chan error {
	outcome := make(chan error, 1)
	go func() { outcome <- chat(ctx, p, caller) }()
	synctest.Wait()
	return outcome
}

func saturated(t *testing.T, err error) *adapters.Error {
	t.Helper()
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok || e.Kind != adapters.KindSaturated || !e.Unsent || e.Provider != "p" || !strings.Contains(e.Message, "p/m") {
		t.Fatalf("%v, want saturated, unsent, of p, that names p/m", err)
	}
	if e.RetryAfter < time.Second || e.RetryAfter%time.Second != 0 {
		t.Errorf("RetryAfter is %s, want whole seconds from 1", e.RetryAfter)
	}
	return e
}

func TestLimiter_without_settings_bounds_nothing_and_counts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g, p := wrapped(Settings{})
		g.hold = make(chan struct{})
		for range 100 {
			begin(t.Context(), p, "")
		}
		if got, want := l.Snapshot(), (Snapshot{Running: 100}); got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		close(g.hold)
	})
}

func TestLimiter_never_exceeds_its_bound(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g, p := wrapped(Settings{Max: 7, Queue: 50, QueueTimeout: 30 * time.Millisecond})
		g.takes, g.chunks = time.Millisecond, 2
		var all sync.WaitGroup
		var outcomes [3]atomic.Int64
		for n := range 100 {
			r := rand.New(rand.NewPCG(uint64(n), 1))
			all.Go(func() {
				for range 50 {
					ctx, cancel := context.WithTimeout(t.Context(), time.Duration(r.IntN(40))*time.Millisecond)
					call := &adapters.Call{Caller: fmt.Sprint(r.IntN(5))}
					var err error
					if r.IntN(2) == 0 {
						_, err = p.Embed.Embed(ctx, call, nil)
					} else {
						err = p.Chat.StreamChat(ctx, call, nil, func(*sluicev1.ChatCompletionChunk) error { return nil })
					}
					cancel()
					switch {
					case err == nil:
						outcomes[0].Add(1)
					case adapters.KindOf(err) == adapters.KindSaturated:
						outcomes[1].Add(1)
					case errors.Is(err, context.DeadlineExceeded):
						outcomes[2].Add(1)
					default:
						t.Errorf("%v", err)
					}
				}
			})
		}
		all.Wait()
		if high := g.highest.Load(); high > 7 || high < 2 {
			t.Errorf("%d calls ran at once, want at most 7", high)
		}
		for i, name := range []string{"served", "saturated", "left"} {
			if outcomes[i].Load() == 0 {
				t.Errorf("no call was %s: the test tests nothing", name)
			}
		}
		want := Snapshot{Limit: 7, QueueSize: 50, Refused: uint64(outcomes[1].Load())}
		if got := l.Snapshot(); got != want {
			t.Errorf("at rest: %+v, want %+v", got, want)
		}
	})
}

func TestLimiter_serves_callers_in_turn_and_each_in_order(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, p := wrapped(Settings{Max: 1, Queue: 2000})
		g.hold = make(chan struct{})
		begin(t.Context(), p, "first")
		for range 1000 {
			begin(t.Context(), p, "flood")
		}
		for _, caller := range []string{"a", "b", "a", "b", "c", "a"} {
			begin(t.Context(), p, caller)
		}
		for range 9 {
			g.hold <- struct{}{}
			synctest.Wait()
		}
		want := []string{"first", "flood", "a", "b", "c", "flood", "a", "b", "flood", "a"}
		if !slices.Equal(g.callers, want) {
			t.Errorf("served %v, want %v", g.callers, want)
		}
		// One who comes again stands behind those who wait.
		begin(t.Context(), p, "b")
		for range 2 {
			g.hold <- struct{}{}
			synctest.Wait()
		}
		if got := g.callers[len(want):]; !slices.Equal(got, []string{"flood", "b"}) {
			t.Errorf("then %v, want flood and b", got)
		}
		close(g.hold)
	})
}

func TestLimiter_refuses_when_the_queue_is_full(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for _, queue := range []int{0, 3} {
			l, g, p := wrapped(Settings{Max: 2, Queue: queue})
			g.hold = make(chan struct{})
			for range 2 + queue {
				begin(t.Context(), p, "a")
			}
			saturated(t, chat(t.Context(), p, "a"))
			want := Snapshot{Running: 2, Limit: 2, Waiting: queue, QueueSize: queue, Refused: 1}
			if got := l.Snapshot(); got != want {
				t.Errorf("%+v, want %+v", got, want)
			}
			close(g.hold)
			synctest.Wait()
			if got := l.Snapshot(); got.Running != 0 || got.Waiting != 0 {
				t.Errorf("at rest: %+v", got)
			}
		}
	})
}

func TestLimiter_makes_room_in_a_full_queue_for_who_has_little_in_it(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g, p := wrapped(Settings{Max: 1, Queue: 4})
		g.hold = make(chan struct{})
		begin(t.Context(), p, "flood")
		var flood []<-chan error
		for range 4 {
			flood = append(flood, begin(t.Context(), p, "flood"))
		}
		begin(t.Context(), p, "a")
		saturated(t, <-flood[3])
		begin(t.Context(), p, "a")
		saturated(t, <-flood[2])
		// Two of each now: nobody has fewer.
		saturated(t, chat(t.Context(), p, "a"))
		saturated(t, chat(t.Context(), p, "flood"))
		// One who has none takes the place of the newest of the line that came last.
		begin(t.Context(), p, "b")
		if got := l.Snapshot(); got.Waiting != 4 || got.Refused != 5 {
			t.Errorf("%+v, want 4 waiting and 5 refused", got)
		}
		close(g.hold)
		synctest.Wait()
		slices.Sort(g.callers)
		if want := []string{"a", "b", "flood", "flood", "flood"}; !slices.Equal(g.callers, want) {
			t.Errorf("served %v, want %v", g.callers, want)
		}
	})
}

func TestLimiter_displaces_nobody_when_that_only_turns_the_difference_round(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, p := wrapped(Settings{Max: 1, Queue: 3})
		g.hold = make(chan struct{})
		for _, caller := range []string{"a", "a", "a", "b"} {
			begin(t.Context(), p, caller)
		}
		saturated(t, chat(t.Context(), p, "b"))
		close(g.hold)
		synctest.Wait()
		if want := []string{"a", "a", "a", "b"}; len(g.callers) != len(want) {
			t.Errorf("served %v, want %v in some order", g.callers, want)
		}
	})
}

func TestLimiter_refuses_who_waited_too_long(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		for name, c := range map[string]struct{ set, want time.Duration }{
			"as set":     {300 * time.Millisecond, 300 * time.Millisecond},
			"by default": {0, DefaultQueueTimeout},
		} {
			l, g, p := wrapped(Settings{Max: 1, Queue: 5, QueueTimeout: c.set})
			g.hold = make(chan struct{})
			begin(t.Context(), p, "a")
			start := time.Now()
			saturated(t, chat(t.Context(), p, "a"))
			if took := time.Since(start); took != c.want {
				t.Errorf("%s: refused after %s, want %s", name, took, c.want)
			}
			if got := l.Snapshot(); got.Waiting != 0 || got.Refused != 1 {
				t.Errorf("%s: %+v, want an empty queue and one refusal", name, got)
			}
			close(g.hold)
		}
	})
}

// abandonedBy checks that a call ended because its caller left, and that the target never
// heard of it.
func abandonedBy(t *testing.T, err, cause error) {
	t.Helper()
	if e, ok := errors.AsType[*adapters.Error](err); !ok || e.Kind != adapters.KindCanceled || !e.Unsent || !errors.Is(err, cause) {
		t.Errorf("%v, want canceled, not sent, because of %v", err, cause)
	}
}

func TestLimiter_lets_who_leaves_out_of_the_queue_at_once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g, p := wrapped(Settings{Max: 1, Queue: 2})
		g.hold = make(chan struct{})
		begin(t.Context(), p, "a")
		ctx, cancel := context.WithCancel(t.Context())
		leaver, stayer := begin(ctx, p, "b"), begin(t.Context(), p, "c")
		cancel()
		abandonedBy(t, <-leaver, context.Canceled)
		if got := l.Snapshot(); got.Waiting != 1 || got.Refused != 0 {
			t.Errorf("%+v, want one waiting and none refused", got)
		}
		abandonedBy(t, chat(ctx, p, "b"), context.Canceled) // a call that comes with an ended context
		g.hold <- struct{}{}
		g.hold <- struct{}{}
		if err := <-stayer; err != nil || !slices.Equal(g.callers, []string{"a", "c"}) {
			t.Errorf("%v, served %v, want a and c", err, g.callers)
		}
	})
}

func TestLimiter_lets_who_is_gone_out_of_the_queue_although_the_context_goes_on(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g, p := wrapped(Settings{Max: 1, Queue: 10, QueueTimeout: time.Minute})
		g.hold = make(chan struct{})
		begin(t.Context(), p, "a")
		gone, outcome := make(chan struct{}), make(chan error, 1)
		go func() {
			_, err := p.Chat.Chat(t.Context(), &adapters.Call{Caller: "b", Gone: gone}, nil)
			outcome <- err
		}()
		synctest.Wait()
		close(gone)
		synctest.Wait()
		abandonedBy(t, <-outcome, context.Canceled)
		if got := l.Snapshot(); got.Waiting != 0 || got.Refused != 0 {
			t.Errorf("%+v, want nobody waiting and nobody refused", got)
		}
		close(g.hold)
	})
}

func TestLimiter_waits_no_longer_than_the_context(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, p := wrapped(Settings{Max: 1, Queue: 2})
		g.hold = make(chan struct{})
		begin(t.Context(), p, "a")

		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		abandonedBy(t, chat(ctx, p, "a"), context.DeadlineExceeded)
		attempt, cancelAttempt := context.WithTimeoutCause(t.Context(), time.Second, failed(adapters.KindTimeout))
		defer cancelAttempt()
		saturated(t, chat(attempt, p, "a"))
		close(g.hold)
	})
}

func TestLimiter_passes_on_a_place_that_comes_too_late(t *testing.T) {
	// The place and the end of the context come at the same moment, in both orders.
	synctest.Test(t, func(t *testing.T) {
		for range 100 {
			l, g, p := wrapped(Settings{Max: 1, Queue: 2})
			g.hold = make(chan struct{})
			begin(t.Context(), p, "a")
			ctx, cancel := context.WithCancel(t.Context())
			late, next := begin(ctx, p, "b"), begin(t.Context(), p, "c")
			go cancel()
			close(g.hold)
			if err := <-late; err != nil && !errors.Is(err, context.Canceled) {
				t.Errorf("%v", err)
			}
			if err := <-next; err != nil {
				t.Errorf("the next one: %v", err)
			}
			synctest.Wait()
			if got := l.Snapshot(); got.Running != 0 || got.Waiting != 0 {
				t.Fatalf("%+v, want nobody", got)
			}
		}
	})
}

func TestLimiter_advises_by_how_long_places_are_held_and_how_many_wait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, p := wrapped(Settings{Max: 2, Queue: 4, QueueTimeout: time.Minute})
		g.takes = 3 * time.Second
		if err := chat(t.Context(), p, "a"); err != nil {
			t.Fatal(err)
		}
		var last <-chan error
		for range 6 {
			last = begin(t.Context(), p, "a")
		}
		// The fifth place to come free, of 2 that are held for 3 s each: 7.5 s.
		if got := saturated(t, chat(t.Context(), p, "a")).RetryAfter; got != 8*time.Second {
			t.Errorf("told to wait %s, want 8s", got)
		}
		if err := <-last; err != nil {
			t.Error(err)
		}
	})
}

func TestLimiter_never_advises_more_than_a_minute(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, g, p := wrapped(Settings{Max: 1})
		g.takes = time.Hour
		_ = chat(t.Context(), p, "a")
		last := begin(t.Context(), p, "a")
		if got := saturated(t, chat(t.Context(), p, "a")).RetryAfter; got != time.Minute {
			t.Errorf("told to wait %s, want 1m", got)
		}
		<-last
	})
}

func BenchmarkLimiter(b *testing.B) {
	for name, s := range map[string]Settings{"fixed": {Max: 100}, "adaptive": {Adaptive: true}} {
		b.Run(name, func(b *testing.B) {
			l := New("p/m", s)
			ctx := b.Context()
			b.ReportAllocs()
			for b.Loop() {
				p, err := l.take(ctx, "p", &adapters.Call{Caller: "caller"})
				if err != nil {
					b.Fatal(err)
				}
				l.give(p, result{verdict: success})
			}
		})
	}
	b.Run("queue of 1000 callers", func(b *testing.B) {
		var q queue
		names := make([]string, 1000)
		for i := range names {
			names[i] = fmt.Sprint(i)
			q.push(names[i])
		}
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			q.push(names[i%len(names)])
			q.pop()
		}
	})
}
