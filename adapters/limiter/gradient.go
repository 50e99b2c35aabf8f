package limiter

import (
	"cmp"
	"math"
	"time"
)

// How an adaptive limit moves.
const (
	// initialLimit is what most providers serve to a fresh key without trouble.
	initialLimit = 20

	// tolerance is how much slower than usual calls may be before the limit shrinks.
	// Times to a first token scatter by about their own mean, and the recent average of
	// such times by a quarter of it: below 1.5 chance alone would shrink the limit.
	tolerance = 1.5
	// minGradient keeps one bad moment from taking more than half.
	minGradient = 0.5
	// maxStep is the share of the way to its new value that the limit goes with one
	// call, and stepPerRound that which it goes with a round of calls, as many as the
	// limit. The answer to a step comes a round later: more than the whole way in a
	// round would swing.
	maxStep      = 0.2
	stepPerRound = 1.0
	// usedShare of the limit must be in use for it to grow. It is well above the half
	// below which use is light: else a steady load would let the limit grow until the
	// same load is light, and what slows it down would pass for usual.
	usedShare = 0.8
	// shrink is what an overload leaves of the limit. It counts once per round: what
	// was under way when the limit shrank fails for the same reason.
	shrink = 0.9

	// recentStep averages about the last 20 calls: enough to smooth their scatter, few
	// enough to answer within a round of the initial limit.
	recentStep = 0.1
	// usualStep averages about the last 40 calls of a light moment.
	usualStep = 0.05
	// heldStep is as recentStep.
	heldStep = 0.1

	// probeRounds is how many rounds of slow calls without a light moment pass before one
	// is made. At 20 it costs a target that has more room than the limit a few per cent
	// of its calls.
	probeRounds = 20
	// probeCalls is how many light calls end it: with usualStep they move the usual
	// latency by 40 %.
	probeCalls = 10
	// probeGives is how many places are taken away with each call that ends, until half
	// is left: callers go on being admitted meanwhile, at half the pace.
	probeGives = 0.5
)

// gradient finds how many calls a target can run at once. It compares how long calls
// take of late with how long they usually take: when they take longer, they wait for
// each other at the target, and the limit shrinks in proportion; when they do not, it
// grows by its square root, as long as it is used.
//
// The usual latency is learned only from calls that began while at most half of the
// limit was in use. Under a load that stays, an average of all calls would take the
// target's queue for usual and let the limit creep up without end. When latency holds
// the limit down and such light moments do not come by themselves, the gradient makes
// one now and then: it may be that the target has become slower for good.
//
// Streams, whole answers and embeddings have latencies of their own, so that a change
// of their mix is not taken for load. It has no lock of its own, and its outcome
// depends on nothing but what it observes.
type gradient struct {
	limit, most float64
	latencies   [shapes]struct{ recent, usual average }

	// shrunkAt is when an overload last shrank the limit; -1: never. Calls that began
	// before do not shrink it again.
	shrunkAt time.Duration
	// heavyCalls and lightCalls count since the last light moment.
	heavyCalls, lightCalls int
	probing                bool
	// probeBound stands in for the limit while probing.
	probeBound float64
}

func newGradient(most int) *gradient {
	g := &gradient{limit: float64(min(initialLimit, most)), most: float64(most), shrunkAt: -1}
	for i := range g.latencies {
		g.latencies[i].recent.step = recentStep
		g.latencies[i].usual.step = usualStep
	}
	return g
}

// places is the limit in whole calls.
func (g *gradient) places() int { return int(g.limit) }

// half is up to how many calls count as light use.
func (g *gradient) half() int { return max(int(g.limit)/2, 1) }

// used tells whether so many calls make use of the limit.
func (g *gradient) used(running int) bool { return float64(running) >= usedShare*float64(g.places()) }

// bound is how many calls may run at this moment.
func (g *gradient) bound() int {
	if g.probing {
		return max(min(int(g.probeBound), g.places()), g.half())
	}
	return g.places()
}

// observe learns from a call that ends as one of running.
func (g *gradient) observe(p place, r result, running int, now time.Duration) {
	switch r.verdict {
	case silent:
	case overload:
		if p.since > g.shrunkAt {
			g.shrunkAt = now
			g.set(g.limit * shrink)
		}
	case success:
		g.learn(p.light, r.shape, float64(cmp.Or(r.firstToken, now)-p.since), running)
	}
}

func (g *gradient) learn(light bool, s shape, latency float64, running int) {
	l := &g.latencies[s]
	l.recent.add(latency)
	if light || l.usual.count == 0 {
		l.usual.add(latency)
	}
	ratio := 1.0
	if l.recent.value > 0 {
		ratio = min(max(l.usual.value*tolerance/l.recent.value, minGradient), 1)
	}
	g.probe(light, ratio < 1)
	aim := g.limit*ratio + math.Sqrt(g.limit)
	if aim > g.limit && (g.probing || !g.used(running)) {
		return // who does not use it cannot know that there is more
	}
	g.set(g.limit + (aim-g.limit)*min(maxStep, stepPerRound/g.limit))
}

// probe counts light calls, and makes room for some when there were none for long while
// latency held the limit down.
func (g *gradient) probe(light, slow bool) {
	if light {
		g.lightCalls++
	} else if slow {
		g.heavyCalls++
	}
	switch {
	case g.lightCalls >= probeCalls:
		g.probing, g.lightCalls, g.heavyCalls = false, 0, 0
	case g.probing:
		g.probeBound = max(g.probeBound-probeGives, float64(g.half()))
	case g.heavyCalls >= probeRounds*g.places():
		g.probing, g.probeBound, g.lightCalls = true, g.limit, 0
	}
}

func (g *gradient) set(limit float64) { g.limit = min(max(limit, 1), g.most) }

// warmUp is 1/step of the slowest average; beyond it the count does not matter.
const warmUp = 1 / min(recentStep, usualStep, heldStep)

// average is an exponentially weighted one. Until it has seen 1/step values it is the
// plain mean of them, so that the first does not weigh for long.
type average struct {
	value, step float64
	count       int
}

func (a *average) add(v float64) {
	step := a.step
	if a.count < warmUp {
		a.count++
		step = max(step, 1/float64(a.count))
	}
	a.value += (v - a.value) * step
}
