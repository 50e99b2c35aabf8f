package limiter

import (
	"context"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// site is a simulated target: so many workers, each busy with one call for as long as
// work says, and a line before them. What Sluice sends too much waits there.
type site struct {
	mu      sync.Mutex
	workers int
	busy    int
	line    []chan struct{}
	work    func() time.Duration
	served  int
	fails   error
}

func (s *site) Chat(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	s.mu.Lock()
	if s.fails != nil {
		defer s.mu.Unlock()
		return nil, s.fails
	}
	if s.busy >= s.workers {
		turn := make(chan struct{})
		s.line = append(s.line, turn)
		s.mu.Unlock()
		<-turn
		s.mu.Lock()
	} else {
		s.busy++
	}
	work := s.work()
	s.mu.Unlock()
	time.Sleep(work)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.served++
	s.busy--
	s.next()
	return new(sluicev1.ChatCompletion), nil
}

func (s *site) next() {
	for len(s.line) > 0 && s.busy < s.workers {
		s.busy++
		close(s.line[0])
		s.line = s.line[1:]
	}
}

func (s *site) StreamChat(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest, func(*sluicev1.ChatCompletionChunk) error) error {
	return nil
}

func (s *site) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
	s.next()
}

func always(d time.Duration) func() time.Duration { return func() time.Duration { return d } }

// scattered draws times whose deviation is their mean, as times to a first token have.
func scattered(mean time.Duration) func() time.Duration {
	r := rand.New(rand.NewPCG(1, 2))
	return func() time.Duration { return time.Duration(r.ExpFloat64()*float64(mean)) + 1 }
}

// crowd calls without pause, each caller one call at a time, until it is stopped.
func crowd(t *testing.T, callers int, s *site, settings Settings) (l *Limiter, stop func()) {
	ctx, stop := context.WithCancel(t.Context())
	l = New("p/m", settings)
	p := l.Wrap(adapters.Provider{Name: "p", Chat: s})
	for range callers {
		go func() {
			for ctx.Err() == nil {
				if _, err := p.Chat.Chat(ctx, &adapters.Call{}, nil); err != nil {
					time.Sleep(100 * time.Millisecond)
				}
			}
		}()
	}
	return l, stop
}

// over watches a limiter for a while: the bounds between which its limit was, and the
// calls that the target served per second.
func over(d time.Duration, l *Limiter, s *site) (low, high int, rate float64) {
	s.mu.Lock()
	before := s.served
	s.mu.Unlock()
	low = l.Snapshot().Limit
	for range d / (50 * time.Millisecond) {
		time.Sleep(50 * time.Millisecond)
		limit := l.Snapshot().Limit
		low, high = min(low, limit), max(high, limit)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return low, high, float64(s.served-before) / d.Seconds()
}

// busy is a limiter that 60 callers keep busy, whatever its limit.
var busy = Settings{Adaptive: true, Queue: 100, QueueTimeout: time.Minute}

func TestGradient_settles_where_the_target_is_full_and_not_far_above(t *testing.T) {
	// The tolerance and the root of the limit make 20 of 10; the rest is swing, which the
	// order of goroutines decides. A limit that creeps is found at 75, where 60 callers use
	// 80 % of it.
	const most = 60
	for name, work := range map[string]func() time.Duration{
		"steady answers":    always(100 * time.Millisecond),
		"scattered answers": scattered(100 * time.Millisecond),
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := &site{workers: 10, work: work}
				l, stop := crowd(t, 60, s, busy)
				over(10*time.Second, l, s)
				// Long enough for a limit that creeps to get anywhere.
				low, high, rate := over(10*time.Minute, l, s)
				if low < 8 || high > most {
					t.Errorf("the limit was between %d and %d, want 8 to %d for a capacity of 10", low, high, most)
				}
				if rate < 97 {
					t.Errorf("%.1f calls per second, want at least 97 of the 100 that the target can do", rate)
				}
				stop()
				drain(l)
			})
		})
	}
}

func TestGradient_follows_the_capacity_up_and_down(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{workers: 10, work: always(100 * time.Millisecond)}
		l, stop := crowd(t, 60, s, busy)
		over(10*time.Second, l, s)
		s.set(func() { s.workers = 40 })
		over(10*time.Second, l, s)
		if low, _, rate := over(10*time.Second, l, s); low < 40 || rate < 390 {
			t.Errorf("with a capacity of 40: a limit down to %d and %.0f calls per second, want at least 40 and 390", low, rate)
		}
		s.set(func() { s.workers = 10 })
		over(10*time.Second, l, s)
		if low, high, rate := over(10*time.Second, l, s); low < 8 || high > 35 || rate < 95 {
			t.Errorf("with a capacity of 10 again: a limit of %d to %d and %.0f calls per second, want 8 to 35 and 95", low, high, rate)
		}
		stop()
		drain(l)
	})
}

func TestGradient_learns_that_a_target_became_slower_for_good(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{workers: 10, work: always(100 * time.Millisecond)}
		l, stop := crowd(t, 60, s, busy)
		over(10*time.Second, l, s)
		s.set(func() { s.work = always(500 * time.Millisecond) })
		over(time.Minute, l, s)
		if low, high, rate := over(time.Minute, l, s); low < 8 || high > 35 || rate < 19 {
			t.Errorf("a limit of %d to %d and %.1f calls per second, want 8 to 35 and 19 of 20", low, high, rate)
		}
		stop()
		drain(l)
	})
}

func TestGradient_is_not_fooled_by_chance(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{workers: 1000, work: scattered(100 * time.Millisecond)}
		l, stop := crowd(t, 150, s, Settings{Adaptive: true, Queue: 1000, QueueTimeout: time.Minute})
		over(20*time.Second, l, s)
		low, high, _ := over(2*time.Minute, l, s)
		if low < 120 {
			t.Errorf("the limit fell to %d at a target that has room for 1000", low)
		}
		if high > 200 {
			t.Errorf("the limit rose to %d, and 150 calls at once is all there was", high)
		}
		stop()
		drain(l)
	})
}

func TestGradient_shrinks_once_for_calls_that_an_overload_hits_together(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		tests := map[string]struct {
			err  error
			want int
		}{
			"overloaded":                 {failed(adapters.KindOverloaded), 18},
			"timed out":                  {failed(adapters.KindTimeout), 18},
			"rate limited":               {failed(adapters.KindRateLimited), 18},
			"its keys are benched":       {&adapters.Error{Kind: adapters.KindRateLimited, Unsent: true}, 20},
			"unavailable":                {failed(adapters.KindUnavailable), 20},
			"refused by a breaker":       {failed(adapters.KindCircuitOpen), 20},
			"refused by another limiter": {failed(adapters.KindSaturated), 20},
			"the caller left":            {context.Canceled, 20},
		}
		for name, c := range tests {
			l, g, p := wrapped(Settings{Adaptive: true})
			g.hold, g.takes, g.err = make(chan struct{}), time.Second, c.err
			var calls sync.WaitGroup
			for range 20 {
				calls.Go(func() { _ = chat(t.Context(), p, "") })
			}
			synctest.Wait()
			close(g.hold)
			calls.Wait()
			if got := l.Snapshot().Limit; got != c.want {
				t.Errorf("%s: the limit is %d, want %d", name, got, c.want)
			}
		}
	})
}

func TestGradient_takes_the_cause_when_the_time_of_an_attempt_ran_out(t *testing.T) {
	l, g, p := wrapped(Settings{Adaptive: true})
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(failed(adapters.KindTimeout))
	g.err = context.Canceled
	_ = chat(ctx, p, "")
	if got := l.Snapshot().Limit; got != 18 {
		t.Errorf("the limit is %d, want 18", got)
	}
}

func TestGradient_stays_within_its_bounds_and_comes_back(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{workers: 100, work: always(10 * time.Millisecond), fails: failed(adapters.KindOverloaded)}
		l, stop := crowd(t, 50, s, Settings{Adaptive: true, Max: 15, Queue: 100})
		if got := New("p/m", Settings{Adaptive: true, Max: 15}).Snapshot().Limit; got != 15 {
			t.Errorf("the limit starts at %d, want its most, 15", got)
		}
		if low, _, _ := over(time.Minute, l, s); low != 1 {
			t.Errorf("the limit fell to %d at a target that refuses everything, want 1", low)
		}
		s.set(func() { s.fails = nil })
		over(10*time.Second, l, s)
		if low, high, _ := over(10*time.Second, l, s); low != 15 || high != 15 {
			t.Errorf("the limit is %d to %d after the target is well, want 15", low, high)
		}
		stop()
		drain(l)
	})
}

func TestGradient_does_not_grow_while_unused(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := &site{workers: 100, work: always(10 * time.Millisecond)}
		l, stop := crowd(t, 5, s, Settings{Adaptive: true})
		if low, high, _ := over(time.Minute, l, s); low != 20 || high != 20 {
			t.Errorf("the limit went from %d to %d with 5 calls at once, want 20", low, high)
		}
		stop()
		drain(l)
	})
}

func TestGradient_does_not_take_a_change_of_mix_for_load(t *testing.T) {
	g := newGradient(1000)
	now := time.Duration(0)
	observe := func(s shape, took time.Duration, light bool) {
		now += took
		g.observe(place{since: now - took, light: light}, result{shape: s, verdict: success}, initialLimit, now)
	}
	for range 50 {
		observe(embedding, 100*time.Millisecond, true)
	}
	before := g.places()
	for range 50 {
		observe(whole, 10*time.Second, false)
		observe(embedding, 100*time.Millisecond, false)
	}
	if got := g.places(); got < before {
		t.Errorf("the limit fell from %d to %d when long answers came among embeddings", before, got)
	}
}

func TestGradient_measures_a_stream_to_its_first_token(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		l, g, p := wrapped(Settings{Adaptive: true})
		g.chunks, g.takes = 10, 100*time.Millisecond
		call := func(send error) {
			_ = p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return send })
		}
		call(nil)
		want := average{value: float64(100 * time.Millisecond), step: recentStep, count: 1}
		if got := l.gradient.latencies[stream].recent; got != want {
			t.Errorf("%+v, want %+v", got, want)
		}
		// What the receiver says is not the target's, whatever it looks like.
		call(failed(adapters.KindOverloaded))
		if got := l.Snapshot().Limit; got != initialLimit {
			t.Errorf("the limit is %d after the receiver failed, want %d", got, initialLimit)
		}
	})
}

// drain waits until nobody holds a place or waits for one.
func drain(l *Limiter) {
	for s := l.Snapshot(); s.Running+s.Waiting > 0; s = l.Snapshot() {
		time.Sleep(time.Second)
	}
	synctest.Wait()
}
