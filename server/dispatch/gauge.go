package dispatch

import (
	"math"
	"slices"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// latencySpan is for how long a sample weighs: those of the last half minute
	// dominate, but no fewer than the last latencySamples or so.
	latencySpan    = 30 * time.Second
	latencySamples = 10
	// latencyHalfLife is after how long without a sample a latency counts for half of
	// itself. A target that was slow and is therefore asked no more so comes into
	// question again.
	latencyHalfLife = 30 * time.Second

	// quantileSamples are remembered; below quantileLeast they say nothing.
	quantileSamples = 128
	quantileLeast   = 20
)

// Gauge knows how a target has been doing lately. The zero value is ready to use; a nil
// one knows nothing. Safe for concurrent use.
type Gauge struct {
	busy atomic.Int64

	mu      sync.Mutex // guards what follows
	latency float64    // in nanoseconds, as of last
	last    time.Time
	recent  [quantileSamples]time.Duration
	samples int // ever; the latest lies at (samples-1) % quantileSamples
}

// Busy is how many attempts run.
func (g *Gauge) Busy() int {
	if g == nil {
		return 0
	}
	return int(g.busy.Load())
}

// Latency is the usual time to the first chunk of streams, and of single answers as a
// whole: a moving average over successes. It halves with every 30 s that bring none.
// 0: not known.
func (g *Gauge) Latency() time.Duration {
	if g == nil {
		return 0
	}
	g.mu.Lock()
	latency, last := g.latency, g.last
	g.mu.Unlock()
	if last.IsZero() {
		return 0
	}
	return time.Duration(latency * math.Exp2(-float64(time.Since(last))/float64(latencyHalfLife)))
}

// Quantile is the time that the share q, from 0 to 1, of the latest 128 single answers
// did not exceed. False when there were fewer than 20.
func (g *Gauge) Quantile(q float64) (time.Duration, bool) {
	if g == nil {
		return 0, false
	}
	g.mu.Lock()
	recent, n := g.recent, min(g.samples, quantileSamples)
	g.mu.Unlock()
	if n < quantileLeast {
		return 0, false
	}
	slices.Sort(recent[:n])
	return recent[min(max(int(math.Ceil(q*float64(n)))-1, 0), n-1)], true
}

func (g *Gauge) begin() {
	if g != nil {
		g.busy.Add(1)
	}
}

// end is the end of an attempt that began.
func (g *Gauge) end(a *attempt, stream bool) {
	if g == nil {
		return
	}
	g.busy.Add(-1)
	if a.err == nil && !stream {
		g.answered(a.start.Add(a.took), a.took, true)
	}
}

// answered enters the time that a single answer took, or a stream to its first chunk.
func (g *Gauge) answered(now time.Time, took time.Duration, single bool) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	if single {
		g.remember(took)
	}
	weight := 1.0
	if !g.last.IsZero() {
		weight = max(1-math.Exp(-float64(now.Sub(g.last))/float64(latencySpan)), 1.0/latencySamples)
	}
	g.latency += weight * (float64(took) - g.latency)
	g.last = now
}

// tookLonger enters a single answer that was not waited for any longer.
func (g *Gauge) tookLonger(took time.Duration) {
	if g == nil {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	g.remember(took)
}

func (g *Gauge) remember(took time.Duration) {
	g.recent[g.samples%quantileSamples] = took
	g.samples++
}
