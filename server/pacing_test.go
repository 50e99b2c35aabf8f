package server

import (
	"runtime"
	"testing"
)

func TestGCPercentFor_goes_by_what_the_collector_looks_at(t *testing.T) {
	const mib = 1 << 20
	for name, test := range map[string]struct {
		live, scannable uint64
		want            int
	}{
		"nothing lives":                 {0, 0, gcPercent},
		"a small heap":                  {4 * mib, 2 * mib, gcPercent},
		"a large heap of objects":       {400 * mib, 400 * mib, gcPercent},
		"half objects, half text":       {400 * mib, 200 * mib, gcPercent / 2},
		"an answer of 48 MiB in one":    {50 * mib, 2 * mib, 32},
		"large answers, many at a time": {1000 * mib, 10 * mib, gcLeastPercent},
	} {
		if got := gcPercentFor(test.live, test.scannable); got != test.want {
			t.Errorf("%s: %d, want %d", name, got, test.want)
		}
	}
}

func TestAfterEachCollection_is_called_again_and_again(t *testing.T) {
	calls := make(chan struct{})
	stop := make(chan struct{})
	defer close(stop)
	afterEachCollection(func() {
		select {
		case calls <- struct{}{}:
		case <-stop:
		}
	})
	for i := range 3 {
		for called := false; !called; {
			runtime.GC()
			select {
			case <-calls:
				called = true
			case <-t.Context().Done():
				t.Fatalf("called %d times", i)
			default:
			}
		}
	}
}
