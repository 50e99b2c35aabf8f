package route

import "fmt"

// share is the part of all calls, as numbers in [0, 1), that is a canary's own.
type share struct{ from, to float64 }

// shares lays the canaries' shares side by side, beginning with 0.
func shares(canaries []Target) ([]share, error) {
	var list []share
	sum := 0.0
	for i := range canaries {
		percent := *canaries[i].Canary
		if !(percent >= 0 && percent <= 100) { // NaN, too
			return nil, fmt.Errorf("canary of %v percent: 0 to 100 are possible", percent)
		}
		list = append(list, share{sum / 100, (sum + percent) / 100})
		sum += percent
	}
	// Percentages as 33.3 have no exact binary form.
	if sum > 100+1e-9 {
		return nil, fmt.Errorf("canaries of %v percent together: at most 100 are possible", sum)
	}
	return list, nil
}

// own returns the place in canaries, whose number is that of e, of the one that the
// call tries first; -1 when it is none's. The share of a canary that cannot serve the
// call is not taken over by the next, so that sticky calls stay where they are.
func (e *entry) own(canaries []candidate, point float64) int {
	for i := range canaries {
		if s := e.shares[canaries[i].at-e.ordinary]; point >= s.from && point < s.to {
			return i
		}
	}
	return -1
}
