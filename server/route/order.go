package route

import (
	"cmp"
	"math"
	"slices"
)

// Strategy says which target of the same priority comes first.
type Strategy string

// The strategies. With each, targets of weight 0 come after the others of their
// priority.
const (
	// StrategyWeighted draws by weight. It is that of the empty strategy, too.
	StrategyWeighted Strategy = "weighted"
	// StrategyPriority keeps the order of the configuration.
	StrategyPriority Strategy = "priority"
	// StrategyLeastLatency takes the shortest time to the first token, multiplied by the
	// calls that the target would then run. A target whose time is not known comes first
	// while it is idle, so that it is measured; while it runs calls it counts as the
	// fastest of its priority, so that not all calls go there until its first answer.
	StrategyLeastLatency Strategy = "least_latency"
	// StrategyLeastBusy takes the fewest running calls per weight, the new one counted.
	StrategyLeastBusy Strategy = "least_busy"
	// StrategyCheapest takes the lowest estimated price of the call, see
	// [AssumedOutputTokens].
	StrategyCheapest Strategy = "cheapest"
	// StrategySticky sends what has a key in common to the same target: each gets a share
	// of the keys by its weight, and keys move only when their target leaves, a new one
	// takes its share, or weights change.
	StrategySticky Strategy = "sticky"
)

var strategies = []Strategy{StrategyWeighted, StrategyPriority, StrategyLeastLatency, StrategyLeastBusy, StrategyCheapest, StrategySticky}

// AssumedOutputTokens is the length of an answer that its caller does not bound, for
// [StrategyCheapest]. It only has to be of the usual size: what is compared are sums of
// the prices of prompt and answer.
const AssumedOutputTokens = 500

// candidate is a target of an entry that can serve the call.
type candidate struct {
	at     int // in the entry's targets
	weight int
	key    float64 // the smallest comes first
	cost   float64 // for the strategy cheapest
	health Health
}

// order puts the candidates, which stand as in e, in order of preference, health aside:
// the canary whose share the call falls into, the ordinary targets by priority and
// strategy, the other canaries.
func (e *entry) order(list []candidate, q *Query, random func() float64) {
	ordinary := 0
	for ordinary < len(list) && list[ordinary].at < e.ordinary {
		ordinary++
	}
	var key uint64
	sticky := false
	if e.strategy == StrategySticky {
		key, sticky = e.sticky.key(q)
	}
	if canaries := list[ordinary:]; len(canaries) > 0 {
		var point float64
		if sticky {
			point = fraction(mix(key ^ e.salt))
		} else {
			point = random()
		}
		if own := e.own(canaries, point); own >= 0 {
			first := canaries[own]
			copy(list[1:ordinary+own+1], list[:ordinary+own])
			list[0] = first
			list = list[1:]
		}
	}
	for group := list[:ordinary]; len(group) > 0; {
		end := 1
		for end < len(group) && e.targets[group[end].at].Priority == e.targets[group[0].at].Priority {
			end++
		}
		if end > 1 {
			e.sort(group[:end], random, key, sticky)
		}
		group = group[end:]
	}
}

// sort puts candidates of the same priority in order.
func (e *entry) sort(group []candidate, random func() float64, key uint64, sticky bool) {
	switch {
	case e.strategy == StrategyPriority: // as they stand
	case e.strategy == StrategySticky && sticky:
		for i := range group {
			group[i].key = rank(key, e.marks[group[i].at], group[i].weight)
		}
	default:
		shuffle(group, random)
	}
	switch e.strategy {
	case StrategyLeastLatency:
		latencies(group)
	case StrategyLeastBusy:
		for i := range group {
			group[i].key = float64(group[i].health.Busy+1) / float64(max(group[i].weight, 1))
		}
	case StrategyCheapest:
		for i := range group {
			group[i].key = group[i].cost
		}
	default:
	}
	slices.SortStableFunc(group, func(a, b candidate) int {
		if (a.weight == 0) != (b.weight == 0) {
			return cmp.Compare(b.weight, a.weight)
		}
		return cmp.Compare(a.key, b.key)
	})
}

// shuffle draws without replacement by weight. Those of weight 0 keep their order
// behind the others.
func shuffle(group []candidate, random func() float64) {
	total := 0.0
	for i := range group {
		total += float64(group[i].weight)
	}
	for ; len(group) > 1 && total > 0; group = group[1:] {
		point := random() * total
		pick := -1
		for i := range group {
			if group[i].weight == 0 {
				continue
			}
			pick = i // the last one when rounding leaves something of point
			if point -= float64(group[i].weight); point < 0 {
				break
			}
		}
		chosen := group[pick]
		total -= float64(chosen.weight)
		copy(group[1:pick+1], group[:pick])
		group[0] = chosen
	}
}

func latencies(group []candidate) {
	fastest := math.Inf(1)
	for i := range group {
		if known := group[i].health.Latency; known > 0 {
			fastest = min(fastest, known)
		}
	}
	if math.IsInf(fastest, 1) {
		fastest = 1 // nothing is known of any: what they run decides
	}
	for i := range group {
		h := &group[i].health
		switch {
		case h.Latency > 0:
			group[i].key = h.Latency * float64(h.Busy+1)
		case h.Busy > 0:
			group[i].key = fastest * float64(h.Busy+1)
		default:
			group[i].key = 0
		}
	}
}

// cost is that of the call in millionths of a US dollar.
func (t *Target) cost(q *Query) float64 {
	p, ok := t.price()
	if !ok {
		return math.Inf(1)
	}
	output := q.OutputTokens
	if output <= 0 {
		output = AssumedOutputTokens
	}
	return float64(max(q.PromptTokens, 0))*p.Input + float64(output)*p.Output
}
