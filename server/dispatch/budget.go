package dispatch

// Budget bounds attempts beyond the first by the share of a route's calls, so that
// they cannot make an outage worse. Safe for concurrent use.
type Budget struct {
	ratio        float64
	minPerSecond int
}

// NewBudget returns a budget of ratio further attempts per call, and minPerSecond in any
// case.
func NewBudget(ratio float64, minPerSecond int) *Budget {
	return &Budget{ratio: ratio, minPerSecond: minPerSecond}
}
