package resilience

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/live"
)

const (
	rate         = 150 // calls per second
	coolDown     = 2 * time.Second
	budget       = 0.2
	minPerSecond = 10
	// budgetWindow is over how long a budget may even out its floor.
	budgetWindow = 10 * time.Second
	// breakerWindow is the default of breaker.window: a provider that was well for so long
	// has the most successes to outweigh.
	breakerWindow = 30 * time.Second
	baselineTime  = 5 * time.Second
	sickTime      = 10 * time.Second
	stuckCalls    = 300
)

// fleet is five providers: three that share a route, one with a route of its own, and
// one that takes calls hostage.
type fleet struct {
	shared       [3]*provider
	other, stuck *provider
}

func newFleet(t *testing.T) *fleet {
	t.Helper()
	f := &fleet{other: newProvider(t), stuck: newProvider(t)}
	for i := range f.shared {
		f.shared[i] = newProvider(t)
	}
	return f
}

func (f *fleet) configuration(more string) string {
	var s strings.Builder
	s.WriteString("providers:\n")
	for i, p := range f.shared {
		fmt.Fprintf(&s, "  - {name: p%d, kind: openai, base_url: %q, timeouts: {first_byte: 1s}}\n", i, p.url)
	}
	fmt.Fprintf(&s, "  - {name: other, kind: openai, base_url: %q}\n  - {name: stuck, kind: openai, base_url: %q}\n", f.other.url, f.stuck.url)
	s.WriteString("models:\n  - {name: shared, targets: [{provider: p0}, {provider: p1}, {provider: p2}]}\n")
	s.WriteString("  - {name: other, targets: [{provider: other}]}\n  - {name: stuck, targets: [{provider: stuck}]}\n")
	fmt.Fprintf(&s, "routing: {retries: {budget: %g, min_per_second: %d}}\n", budget, minPerSecond)
	return s.String() + more
}

// asked is how often the shared providers were asked, together.
func (f *fleet) asked() int64 {
	return f.shared[0].asked.Load() + f.shared[1].asked.Load() + f.shared[2].asked.Load()
}

// within fails the test when more attempts reached the providers than the budget allows.
func within(t *testing.T, r *result, attempts int64, took time.Duration) (allowed int64) {
	t.Helper()
	seconds := int64((took + budgetWindow) / time.Second)
	allowed = int64(float64(r.calls)*(1+budget)) + minPerSecond*seconds
	if attempts > allowed {
		t.Errorf("%d attempts reached the providers for %d calls, want at most %d", attempts, r.calls, allowed)
	}
	if attempts < int64(r.calls-r.failed) {
		t.Errorf("%d attempts cannot have answered %d calls", attempts, r.calls-r.failed)
	}
	return allowed
}

func TestOne_of_three_targets_fails(t *testing.T) {
	live.Require(t)
	f := newFleet(t)
	g := live.Start(t, f.configuration(fmt.Sprintf("breaker: {cool_down: %s}\n", coolDown)))
	shared := newLoad(t, g.HTTP, "shared", rate)
	shared.run(t, time.Second) // connections

	baseline := shared.run(t, breakerWindow)
	noFailures(t, baseline)
	reportf("all three targets well", baseline, "")

	f.shared[0].set(failing)
	before, start := f.asked(), time.Now()
	sick := shared.run(t, sickTime)
	attempts := f.asked() - before
	noFailures(t, sick)
	keepsP99(t, baseline, sick, 1.5)
	allowed := within(t, sick, attempts, time.Since(start))
	reportf("one of three fails every call", sick, "attempts %d, allowed %d, p99 %.2f x", attempts, allowed, ratio(sick, baseline))
}

func TestTraffic_returns_to_a_target_that_is_well_again(t *testing.T) {
	live.Require(t)
	f := newFleet(t)
	g := live.Start(t, f.configuration(fmt.Sprintf("breaker: {cool_down: %s}\n", coolDown)))
	shared := newLoad(t, g.HTTP, "shared", rate)
	f.shared[0].set(failing) // from the start, so that its breaker opens at once
	noFailures(t, shared.run(t, time.Second))
	before := f.shared[0].asked.Load()
	// Past the first probe, which fails, so that nearly a whole cool-down is left.
	spared := shared.run(t, coolDown*3/4)
	noFailures(t, spared)
	if n := f.shared[0].asked.Load() - before; n > int64(spared.calls)/3/2 {
		t.Errorf("a provider that fails every call got %d of %d calls", n, spared.calls)
	}

	f.shared[0].set(well)
	returned, after := f.healing(t, shared)
	noFailures(t, after)
	reportf("a failing target is well again", after, "half of its share after %.1f s, allowed %.1f s", returned.Seconds(), (coolDown + time.Second).Seconds())
	if returned > coolDown+time.Second {
		t.Errorf("traffic returned after %v, want %v", returned, coolDown+time.Second)
	}
}

// healing loads the route and tells when the first provider got back half of its fair
// share of a second. What is measured is when that second began.
func (f *fleet) healing(t *testing.T, l load) (returned time.Duration, r *result) {
	t.Helper()
	const step = 100 * time.Millisecond
	var counts []int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		r = l.run(t, coolDown+4*time.Second)
	}()
	ticker := time.NewTicker(step)
	defer ticker.Stop()
	counts = append(counts, f.shared[0].asked.Load())
	for running := true; running; {
		select {
		case <-ticker.C:
			counts = append(counts, f.shared[0].asked.Load())
		case <-done:
			running = false
		}
	}
	const fair = rate / 3
	for i := 0; i+10 < len(counts); i++ {
		if counts[i+10]-counts[i] >= fair/2 {
			return time.Duration(i) * step, r
		}
	}
	return time.Hour, r
}

func ratio(a, b *result) float64 {
	return float64(a.percentile(0.99)) / float64(b.percentile(0.99))
}

// together runs two loads at once.
func together(t *testing.T, a, b load, duration time.Duration) (x, y *result) {
	t.Helper()
	var running sync.WaitGroup
	running.Go(func() { x = a.run(t, duration) })
	running.Go(func() { y = b.run(t, duration) })
	running.Wait()
	return x, y
}

func TestOne_of_three_targets_hangs(t *testing.T) {
	live.Require(t)
	f := newFleet(t)
	g := live.Start(t, f.configuration(fmt.Sprintf("breaker: {cool_down: %s}\n", coolDown)))
	shared, other := newLoad(t, g.HTTP, "shared", rate), newLoad(t, g.HTTP, "other", 50)
	together(t, shared, other, time.Second)

	calm, otherCalm := together(t, shared, other, baselineTime)
	noFailures(t, calm)
	noFailures(t, otherCalm)
	f.shared[0].set(hung)
	before, start := f.asked(), time.Now()
	sick, otherSick := together(t, shared, other, sickTime)
	attempts := f.asked() - before
	noFailures(t, otherSick)
	keepsP99(t, otherCalm, otherSick, 1.5)
	allowed := within(t, sick, attempts, time.Since(start))
	reportf("all well: another route", otherCalm, "")
	reportf("one of three hangs: another route", otherSick, "p99 %.2f x", ratio(otherSick, otherCalm))
	reportf("one of three hangs: its own route", sick, "attempts %d, allowed %d", attempts, allowed)
}

func TestCalls_that_hang_at_one_provider_slow_no_other(t *testing.T) {
	live.Require(t)
	f := newFleet(t)
	g := live.Start(t, f.configuration(""))
	other := newLoad(t, g.HTTP, "other", rate)
	other.run(t, time.Second)
	calm := other.run(t, baselineTime)
	noFailures(t, calm)

	f.stuck.set(hung)
	stuck := newLoad(t, g.HTTP, "stuck", 1)
	var hanging sync.WaitGroup
	for range stuckCalls {
		hanging.Go(func() { _ = stuck.call() })
	}
	waitFor(t, "all hanging calls to reach the provider", func() bool { return f.stuck.running.Load() == stuckCalls })
	during := other.run(t, baselineTime)
	noFailures(t, during)
	keepsP99(t, calm, during, 2)
	if n := f.stuck.running.Load(); n != stuckCalls {
		t.Errorf("%d calls hang at the end, want %d", n, stuckCalls)
	}
	reportf("nothing hangs", calm, "")
	reportf(fmt.Sprintf("%d calls hang at another provider", stuckCalls), during, "p99 %.2f x", ratio(during, calm))
	f.stuck.release()
	hanging.Wait()
}

func TestRetries_keep_to_their_budget_when_everything_fails(t *testing.T) {
	live.Require(t)
	f := newFleet(t)
	for _, p := range f.shared {
		p.set(failing)
	}
	g := live.Start(t, f.configuration("breaker: {enabled: false}\n"))
	shared := newLoad(t, g.HTTP, "shared", 200)
	start := time.Now()
	r := shared.run(t, baselineTime)
	attempts := f.asked()
	if r.failed != r.calls {
		t.Errorf("%d of %d calls were answered, by nobody", r.calls-r.failed, r.calls)
	}
	allowed := within(t, r, attempts, time.Since(start))
	if attempts <= int64(r.calls) {
		t.Errorf("%d attempts for %d calls: nothing was tried again", attempts, r.calls)
	}
	reportf("all three fail, no breaker", r, "attempts %d, allowed %d, without a budget %d", attempts, allowed, 3*r.calls)
}

// waitFor waits for a condition.
func waitFor(t *testing.T, what string, met func() bool) {
	t.Helper()
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(15 * time.Second); !met(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited for %s in vain", what)
		}
	}
}
