package breaker

import (
	"errors"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// brisk takes answers after a second as failures.
var brisk = Settings{FailureRatio: 1, MinCalls: 2, Window: time.Minute, OpenFor: 5 * time.Second, SlowCall: time.Second}

func TestSlowCall_counts_late_answers_as_failures_and_hands_them_out(t *testing.T) {
	invalid := failed(adapters.KindInvalid, 400)
	limited := failed(adapters.KindRateLimited, 429)
	embed := func(p adapters.Provider) error {
		_, err := p.Embed.Embed(t.Context(), &adapters.Call{}, nil)
		return err
	}
	tests := map[string]struct {
		call   func(adapters.Provider) error
		target target
		limit  time.Duration
		want   State
	}{
		"a late answer":                       {chat, target{thinks: time.Second + 1}, time.Second, Open},
		"an answer in time":                   {chat, target{thinks: time.Second}, time.Second, Closed},
		"late embeddings":                     {embed, target{thinks: time.Second + 1}, time.Second, Open},
		"a late refusal":                      {chat, target{thinks: time.Second + 1, err: invalid}, time.Second, Open},
		"a late rate limit":                   {chat, target{thinks: time.Second + 1, err: limited}, time.Second, Closed},
		"a late first chunk":                  {stream, target{thinks: time.Second + 1, chunks: 2}, time.Second, Open},
		"a late first chunk, a broken end":    {stream, target{thinks: time.Second + 1, chunks: 2, err: sick}, time.Second, Open},
		"a late first chunk, then no opinion": {stream, target{thinks: time.Second + 1, chunks: 1, err: limited}, time.Second, Open},
		"a first chunk in time, a late end":   {stream, target{thinks: time.Second, chunks: 1, drips: time.Minute}, time.Second, Closed},
		"a late end without any chunk":        {stream, target{thinks: time.Second + 1}, time.Second, Open},
		"off":                                 {chat, target{thinks: time.Hour}, 0, Closed},
		"off for a stream":                    {stream, target{thinks: time.Hour, chunks: 1}, 0, Closed},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s := brisk
				s.SlowCall = test.limit
				b, g, p := wrapped(s)
				*g = test.target
				for n := range 2 {
					if b.State() != Closed {
						t.Fatalf("the breaker is %s after %d calls: one counted twice", b.State(), n)
					}
					if err := test.call(p); !errors.Is(err, test.target.err) {
						t.Fatalf("%v, want what the target said", err)
					}
				}
				if b.State() != test.want {
					t.Errorf("the breaker is %s, want %s", b.State(), test.want)
				}
			})
		})
	}
}

func TestSlowCall_counts_a_stream_at_its_end(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := brisk
		s.MinCalls = 1
		b, g, p := wrapped(s)
		g.thinks, g.chunks, g.hold = 2*time.Second, 1, make(chan struct{})
		ended := make(chan error, 1)
		go func() { ended <- stream(p) }()
		time.Sleep(3 * time.Second)
		if b.State() != Closed {
			t.Errorf("the breaker is %s while the stream runs", b.State())
		}
		close(g.hold)
		if err := <-ended; err != nil || b.State() != Open {
			t.Errorf("%v, %s: want a stream that ends and a breaker open", err, b.State())
		}
	})
}

func TestSlowCall_counts_a_stream_that_its_late_caller_left(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := brisk
		s.MinCalls = 1
		b, g, p := wrapped(s)
		g.thinks, g.chunks = 2*time.Second, 1
		gone := errors.New("gone")
		err := p.Chat.StreamChat(t.Context(), &adapters.Call{}, nil, func(*sluicev1.ChatCompletionChunk) error { return gone })
		if !errors.Is(err, gone) || b.State() != Open {
			t.Errorf("%v, %s: want the error of send and a breaker open", err, b.State())
		}
	})
}

func TestSlowCall_fails_a_probe_at_its_first_chunk_and_once(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(brisk)
		open(t, b, g, p)
		time.Sleep(brisk.OpenFor + 1)
		g.thinks, g.chunks, g.hold = 2*time.Second, 1, make(chan struct{})
		probe := make(chan error, 1)
		go func() { probe <- stream(p) }()
		time.Sleep(time.Second)
		if b.State() != HalfOpen {
			t.Fatalf("the breaker is %s before the probe's first chunk", b.State())
		}
		time.Sleep(time.Second + 1)
		if b.State() != Open {
			t.Fatalf("the breaker is %s after the probe's late first chunk", b.State())
		}
		// The next probe closes it; the end of the first says nothing any more.
		time.Sleep(brisk.OpenFor)
		next := &target{}
		if err := chat(b.Wrap(adapters.Provider{Name: "p", Chat: next})); err != nil || b.State() != Closed {
			t.Fatalf("the next probe: %v, %s", err, b.State())
		}
		g.err = sick
		close(g.hold)
		if err := <-probe; err != sick { //nolint:errorlint // it must be the error itself
			t.Errorf("the probe: %v", err)
		}
		if s := b.Snapshot(); s.State != Closed || s.Failures != 0 {
			t.Errorf("after the end of the failed probe: %+v", s)
		}
	})
}

func TestSlowCall_opens_again_by_a_slow_single_answer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(brisk)
		open(t, b, g, p)
		time.Sleep(brisk.OpenFor + 1)
		g.thinks = 2 * time.Second
		if err := chat(p); err != nil || b.State() != Open {
			t.Errorf("%v, %s: want an answer and a breaker open", err, b.State())
		}
	})
}

func TestBreaker_counts_calls_that_take_longer_than_its_window(t *testing.T) {
	timeout := failed(adapters.KindTimeout, 0)
	for name, call := range map[string]func(adapters.Provider) error{"chat": chat, "a stream": stream} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := New("p/m", quick, nil)
				results := make(chan error, 2)
				for range 2 {
					g := &target{chunks: 1, thinks: 3 * quick.Window, err: timeout}
					p := b.Wrap(adapters.Provider{Name: "p", Chat: g})
					go func() { results <- call(p) }()
				}
				for range 2 {
					if err := <-results; err != timeout { //nolint:errorlint // it must be the error itself
						t.Fatal(err)
					}
				}
				if b.State() != Open {
					t.Errorf("the breaker is %s after two calls that hung", b.State())
				}
			})
		})
	}
}

func TestBreaker_does_not_count_a_long_call_of_before_it_opened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := quick
		s.MinCalls, s.OpenFor = 1, time.Second
		b, g, p := wrapped(s)
		old := &target{hold: make(chan struct{}), err: sick}
		ended := make(chan error, 1)
		go func() { ended <- chat(b.Wrap(adapters.Provider{Name: "p", Chat: old})) }()
		synctest.Wait()
		g.err = sick
		_ = chat(p)
		time.Sleep(s.OpenFor + 1)
		g.err = nil
		if err := chat(p); err != nil || b.State() != Closed {
			t.Fatalf("%v, %s: want a probe that closes it", err, b.State())
		}
		time.Sleep(s.Window)
		close(old.hold)
		<-ended
		if s := b.Snapshot(); s.State != Closed || s.Failures != 0 {
			t.Errorf("an old call counted: %+v", s)
		}
	})
}
