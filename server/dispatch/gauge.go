package dispatch

import "time"

// Gauge knows how a target has been doing lately. The zero value is ready to use. Safe
// for concurrent use.
type Gauge struct{}

// Busy is how many attempts run.
func (g *Gauge) Busy() int { return 0 }

// Latency is the usual time to the first token, or of a single answer. 0: not known.
func (g *Gauge) Latency() time.Duration { return 0 }
