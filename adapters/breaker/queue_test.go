package breaker_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/breaker"
	"github.com/sluice-ai/sluice/adapters/limiter"
)

// steady answers each call after the same time, or at the end of its context.
type steady struct {
	adapters.Chatter

	takes time.Duration
}

func (s steady) Chat(ctx context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	timer := time.NewTimer(s.takes)
	defer timer.Stop()
	select {
	case <-timer.C:
		return new(sluicev1.ChatCompletion), nil
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// A provider's limiter stands below the breakers of its targets: what calls wait in its
// queue is Sluice's doing.
func TestBreaker_does_not_hold_a_queue_against_the_target(t *testing.T) {
	for name, test := range map[string]struct {
		settings breaker.Settings
		attempt  time.Duration // the time for each
		takes    time.Duration
		want     breaker.State
	}{
		"a quick target with a long queue":  {breaker.Settings{MinCalls: 4, SlowCall: 2 * time.Second}, time.Hour, 800 * time.Millisecond, breaker.Closed},
		"a slow target":                     {breaker.Settings{MinCalls: 4, SlowCall: 2 * time.Second}, time.Hour, 3 * time.Second, breaker.Open},
		"time that passed in the queue":     {breaker.Settings{MinCalls: 4}, 5 * time.Second, 800 * time.Millisecond, breaker.Closed},
		"time that passed at a hung target": {breaker.Settings{MinCalls: 1}, 5 * time.Second, time.Hour, breaker.Open},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := breaker.New("p/m", test.settings, nil)
				places := limiter.New("p", limiter.Settings{Max: 1, Queue: 100, QueueTimeout: time.Hour})
				p := b.Wrap(places.Wrap(adapters.Provider{Name: "p", Chat: steady{takes: test.takes}}))
				var all sync.WaitGroup
				for range 12 {
					all.Go(func() {
						ctx, cancel := context.WithTimeoutCause(t.Context(), test.attempt, &adapters.Error{Kind: adapters.KindTimeout, Provider: "p"})
						defer cancel()
						_, _ = p.Chat.Chat(ctx, &adapters.Call{}, nil)
					})
				}
				all.Wait()
				if got := b.State(); (got == breaker.Closed) != (test.want == breaker.Closed) { // it may have reopened since
					t.Errorf("the breaker is %s, want %s", got, test.want)
				}
			})
		})
	}
}
