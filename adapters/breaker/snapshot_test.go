package breaker

import (
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

func TestSpared_says_until_when_and_lets_probes_come(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := quick
		s.Probes = 2
		b, g, p := wrapped(s)
		if until, spared := b.Spared(); spared || !until.IsZero() {
			t.Errorf("closed: %s, %t", until, spared)
		}
		open(t, b, g, p)
		opened := time.Now()
		time.Sleep(s.OpenFor)
		if until, spared := b.Spared(); !spared || !until.Equal(opened.Add(s.OpenFor)) {
			t.Errorf("open: %s, %t, want until %s", until, spared, opened.Add(s.OpenFor))
		}
		time.Sleep(time.Nanosecond)
		if until, spared := b.Spared(); spared || !until.IsZero() {
			t.Errorf("its time is over: %s, %t", until, spared)
		}
		g.hold = make(chan struct{})
		var probes sync.WaitGroup
		for n := range 2 {
			if _, spared := b.Spared(); spared {
				t.Errorf("spared although only %d of 2 probes run", n)
			}
			probes.Go(func() { _ = chat(p) })
			synctest.Wait()
		}
		if until, spared := b.Spared(); !spared || !until.IsZero() {
			t.Errorf("all probes under way: %s, %t", until, spared)
		}
		close(g.hold)
		probes.Wait()
		if _, spared := b.Spared(); spared || b.State() != Closed {
			t.Errorf("closed again: %t, %s", spared, b.State())
		}
	})
}

func TestSpared_frees_the_place_of_a_probe_that_told_nothing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(quick)
		open(t, b, g, p)
		time.Sleep(quick.OpenFor + 1)
		g.err = failed(adapters.KindRateLimited, 429)
		for range 3 {
			_ = chat(p)
			if _, spared := b.Spared(); spared || b.State() != HalfOpen {
				t.Fatalf("%t, %s: want a free place for a probe", spared, b.State())
			}
		}
	})
}

func TestSpared_costs_nothing_while_closed_or_open(t *testing.T) {
	b, g, p := wrapped(quick)
	for _, name := range []string{"closed", "open"} {
		if name == "open" {
			open(t, b, g, p)
		}
		if n := testing.AllocsPerRun(100, func() { b.Spared() }); n > 0 {
			t.Errorf("%s: %g allocations", name, n)
		}
	}
}

func TestSnapshot_shows_the_window_and_what_opened_it(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b, g, p := wrapped(Settings{FailureRatio: 0.5, MinCalls: 3, Window: time.Minute, OpenFor: 5 * time.Second})
		check := func(want Snapshot) {
			t.Helper()
			want.Target = "p/m"
			if got := b.Snapshot(); got.State != want.State || got.Calls != want.Calls || got.Failures != want.Failures ||
				got.Target != want.Target || !got.Until.Equal(want.Until) {
				t.Errorf("got %+v\nwant %+v", got, want)
			}
		}
		check(Snapshot{})
		_ = chat(p)
		g.err = failed(adapters.KindRateLimited, 429) // counts neither way
		_ = chat(p)
		g.err = sick
		_ = chat(p)
		check(Snapshot{Calls: 2, Failures: 1})
		_ = chat(p)
		check(Snapshot{State: Open, Calls: 3, Failures: 2, Until: time.Now().Add(5 * time.Second)})
		time.Sleep(5*time.Second + 1)
		check(Snapshot{State: HalfOpen, Calls: 3, Failures: 2})
		// Looking takes no probe away.
		g.err = nil
		if err := chat(p); err != nil {
			t.Fatal(err)
		}
		check(Snapshot{})
	})
}

func TestWrap_again_serves_a_new_provider_while_calls_of_the_old_one_run(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := New("p/m", quick, nil)
		old, fresh := &target{hold: make(chan struct{}), err: sick}, &target{err: sick}
		before := b.Wrap(adapters.Provider{Name: "p", Chat: old})
		ended := make(chan error, 1)
		go func() { ended <- chat(before) }()
		synctest.Wait()
		after := b.Wrap(adapters.Provider{Name: "p", Chat: fresh})
		if err := chat(after); err != sick || fresh.calls != 1 { //nolint:errorlint // it must be the error itself
			t.Fatalf("the new provider: %v after %d calls", err, fresh.calls)
		}
		close(old.hold)
		if err := <-ended; err != sick || old.calls != 1 { //nolint:errorlint // it must be the error itself
			t.Fatalf("the old provider: %v after %d calls", err, old.calls)
		}
		// Both failures count for the one target.
		if err := chat(after); adapters.KindOf(err) != adapters.KindCircuitOpen {
			t.Errorf("%v, want circuit_open", err)
		}
	})
}

func TestBreaker_can_be_asked_while_calls_change_it(t *testing.T) {
	b := New("p/m", Settings{MinCalls: 1, Window: time.Millisecond, OpenFor: 20 * time.Microsecond, SlowCall: time.Hour}, nil)
	var everybody sync.WaitGroup
	for n := range 4 {
		g := &target{chunks: 1}
		p := b.Wrap(adapters.Provider{Name: "p", Chat: g})
		everybody.Go(func() {
			for i := range 500 {
				if g.err = nil; (i+n)%3 == 0 {
					g.err = sick
				}
				_, _ = chat(p), stream(p)
				if until, spared := b.Spared(); !until.IsZero() && !spared {
					t.Error("a time until which nobody is spared")
				}
				if s := b.Snapshot(); s.Failures > s.Calls || s.State != Open && !s.Until.IsZero() {
					t.Errorf("a snapshot of no moment: %+v", s)
				}
			}
		})
	}
	everybody.Wait()
}

func BenchmarkSpared(b *testing.B) {
	circuit := New("p/m", Settings{}, nil)
	b.ReportAllocs()
	for b.Loop() {
		circuit.Spared()
	}
}
