package shed

import (
	"runtime/metrics"
	"sync/atomic"
	"time"
)

const (
	// shedPercent of the limit may be taken by what cannot be freed. What is left is all
	// that the garbage collector has to work with: at 85 % it runs each time a sixth
	// more is allocated, and soon after it would do little else.
	//
	// Not the memory in use as a whole: garbage is in there, which the runtime lets grow
	// up to the limit in everyday operation. Measured with GOGC=400 and 80 MiB in use
	// of 256: above 95 % in three of four moments.
	shedPercent = 85
	// readEvery bounds the cost of reading. Memory does not fill up faster than this by
	// the calls that come between two readings.
	readEvery = 100 * time.Millisecond
)

// The metrics, as runtime/metrics names them.
const (
	total = iota
	heapObjects
	heapFree
	heapUnused
	heapReleased
	heapLive
)

var metricNames = [...]string{
	total:        "/memory/classes/total:bytes",
	heapObjects:  "/memory/classes/heap/objects:bytes",
	heapFree:     "/memory/classes/heap/free:bytes",
	heapUnused:   "/memory/classes/heap/unused:bytes",
	heapReleased: "/memory/classes/heap/released:bytes",
	heapLive:     "/gc/heap/live:bytes",
}

// memory knows whether the process is short of it, as of the last reading.
type memory struct {
	limit uint64
	epoch time.Time
	// next is when to read again, in nanoseconds since epoch. Who moves it reads.
	next  atomic.Int64
	full  atomic.Bool
	taken func() uint64
}

func newMemory(limit uint64) *memory {
	return &memory{limit: limit, epoch: time.Now(), taken: taken}
}

// short tells whether the process has no memory for more calls.
func (m *memory) short() bool {
	now := time.Since(m.epoch)
	if next := m.next.Load(); int64(now) >= next && m.next.CompareAndSwap(next, int64(now+readEvery)) {
		m.full.Store(m.taken() > m.limit/100*shedPercent)
	}
	return m.full.Load()
}

// taken returns the bytes that cannot be freed: what the last collection found alive,
// stacks, and the runtime's own.
func taken() uint64 {
	var samples [len(metricNames)]metrics.Sample
	for i, name := range metricNames {
		samples[i].Name = name
	}
	metrics.Read(samples[:])
	v := func(i int) uint64 { return samples[i].Value.Uint64() }
	// The heap apart from its stacks, by the classes that add up to the total.
	heap := v(heapObjects) + v(heapFree) + v(heapUnused) + v(heapReleased)
	return v(total) - min(heap, v(total)) + v(heapLive)
}
