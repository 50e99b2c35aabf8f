package dispatch

import (
	"context"
	"math"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

func TestGauge_averages_what_came_lately(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gauge{}
		if g.Latency() != 0 {
			t.Error("a latency before the first answer")
		}
		g.answered(time.Now(), time.Second, false)
		if g.Latency() != time.Second {
			t.Errorf("one answer of 1s: %v", g.Latency())
		}
		// Many at once: the last ten or so count.
		for range 10 {
			g.answered(time.Now(), 3*time.Second, false)
		}
		if l := g.Latency(); l < 2*time.Second || l > 2500*time.Millisecond {
			t.Errorf("ten of 3s after one of 1s: %v", l)
		}
		// Few: those of the last half minute or so.
		time.Sleep(2 * time.Minute)
		g.answered(time.Now(), 100*time.Millisecond, false)
		if l := g.Latency(); l > 200*time.Millisecond {
			t.Errorf("after two minutes and one of 100ms: %v", l)
		}
	})
}

func TestGauge_forgets_a_target_that_was_slow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := &Gauge{}
		g.answered(time.Now(), 8*time.Second, false)
		for _, want := range []time.Duration{4 * time.Second, 2 * time.Second, time.Second} {
			time.Sleep(30 * time.Second)
			if got := g.Latency(); math.Abs(float64(got-want)) > float64(time.Millisecond) {
				t.Errorf("%v, want %v", got, want)
			}
		}
	})
}

func TestGauge_knows_quantiles_of_the_latest_answers(t *testing.T) {
	g := &Gauge{}
	for i := range 19 {
		g.answered(time.Now(), time.Duration(i+1), true)
	}
	if _, ok := g.Quantile(0.5); ok {
		t.Error("19 answers say something")
	}
	g.answered(time.Now(), 20, true)
	for q, want := range map[float64]time.Duration{0: 1, 0.5: 10, 0.95: 19, 0.951: 20, 1: 20} {
		if got, ok := g.Quantile(q); !ok || got != want {
			t.Errorf("quantile %v: %d, %t, want %d", q, got, ok, want)
		}
	}
	for range 128 {
		g.answered(time.Now(), time.Minute, true)
	}
	g.answered(time.Now(), 1, false) // a stream
	if got, _ := g.Quantile(0); got != time.Minute {
		t.Errorf("the least of the latest 128: %v", got)
	}
}

func TestGauge_of_nobody_knows_nothing(t *testing.T) {
	var g *Gauge
	g.begin()
	g.end(&attempt{}, false)
	g.answered(time.Now(), 1, true)
	g.tookLonger(1)
	if _, ok := g.Quantile(0.5); ok || g.Busy() != 0 || g.Latency() != 0 {
		t.Error("it does")
	}
}

func TestGauge_hears_of_attempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		single, streamed, failed := &Gauge{}, &Gauge{}, &Gauge{}
		var none Policy
		_, _, _ = Unary(t.Context(), none, []Target{{Gauge: failed}, {Gauge: single}}, Request{}, func(_ context.Context, at int, _ *adapters.Call) (*int, error) {
			time.Sleep(time.Second)
			if at == 0 {
				if failed.Busy() != 1 || single.Busy() != 0 {
					t.Error("the first is not the one that is busy")
				}
				return nil, failure(adapters.KindUnavailable, 500).err
			}
			return new(int), nil
		})
		_, err := Stream(t.Context(), none, []Target{{Gauge: streamed}}, Request{}, func(Outcome) {}, func(int, bool) error { return nil }, nil,
			func(_ context.Context, _ int, _ *adapters.Call, send func(int) error) error {
				time.Sleep(2 * time.Second)
				if err := send(1); err != nil {
					return err
				}
				if streamed.Latency() != 2*time.Second || streamed.Busy() != 1 {
					t.Errorf("%v, %d busy at the first chunk", streamed.Latency(), streamed.Busy())
				}
				time.Sleep(time.Minute)
				return nil
			})
		if err != nil || single.Latency() == 0 || single.samples != 1 || failed.Latency() != 0 || streamed.samples != 0 {
			t.Errorf("%v; %v, %v, %v", err, single.Latency(), failed.Latency(), streamed.samples)
		}
		if single.Busy()+streamed.Busy()+failed.Busy() != 0 {
			t.Error("somebody is still busy")
		}
	})
}
