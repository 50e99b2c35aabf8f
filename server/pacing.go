package server

import (
	"runtime"
	"runtime/debug"
	"runtime/metrics"
)

const (
	// gcPercent lets the heap grow to five times what lives before it is collected. Go's
	// default of 100 is made for programs that hold much; a gateway holds little and
	// allocates much. The soft memory limit keeps it safe: near it, Go collects more
	// often whatever the percentage is.
	gcPercent = 400
	// gcHeadroom is how much garbage there may be in any case: what gcPercent grants the
	// smallest heap that Go collects, 4 MiB.
	gcHeadroom = 16 << 20
	// gcLeastPercent keeps a heap that is nothing but large texts from being collected all
	// the time.
	gcLeastPercent = 25
)

// gcPercentFor returns how far a heap may grow, in percent of what lives in it: by gcPercent
// of what the collector has to look at. A text takes much room and no looking at, be it an
// answer of 50 MB: collecting it at once costs nothing, and waiting for four more would cost
// 200 MB.
func gcPercentFor(live, scannable uint64) int {
	headroom := max(scannable*gcPercent/100, gcHeadroom)
	return int(min(max(headroom*100/max(live, 1), gcLeastPercent), gcPercent))
}

// paceCollector keeps the collector at [gcPercentFor] from now on.
func paceCollector() {
	debug.SetGCPercent(gcPercent)
	percent := gcPercent
	found := []metrics.Sample{{Name: "/gc/heap/live:bytes"}, {Name: "/gc/scan/heap:bytes"}}
	afterEachCollection(func() {
		metrics.Read(found)
		wanted := gcPercentFor(found[0].Value.Uint64(), found[1].Value.Uint64())
		// Setting it stops the world for a moment: what is near enough stays.
		if wanted*5 < percent*4 || wanted*4 > percent*5 {
			percent = wanted
			debug.SetGCPercent(percent)
		}
	})
}

// afterEachCollection calls a function after each collection, one call at a time: that is
// when what nobody holds is found to be gone.
func afterEachCollection(do func()) {
	type nobodys struct{ self *int } // a pointer, so that it shares its memory with nothing else
	runtime.AddCleanup(&nobodys{new(int)}, func(do func()) {
		do()
		afterEachCollection(do)
	}, do)
}
