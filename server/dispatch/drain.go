package dispatch

import (
	"context"
	"sync"
	"time"
)

// drain keeps the attempt that runs when the caller leaves going, for a while at most.
type drain struct {
	most   time.Duration
	caller <-chan struct{} // closed when the caller's context ended
	cancel context.CancelFunc
	stop   func() bool // of begin
	unstop func() bool // of cancel
	once   sync.Once
	timer  *time.Timer // set once
}

// keepOn returns a context with the values of caller that ends most after the caller left:
// when its context ends, or begin is called, and at once when stop ends. Call end when the last attempt is over.
func keepOn(caller, stop context.Context, most time.Duration) (context.Context, *drain) {
	running, cancel := context.WithCancel(context.WithoutCancel(caller))
	d := &drain{most: most, caller: caller.Done(), cancel: cancel, unstop: func() bool { return true }}
	if stop != nil {
		d.unstop = context.AfterFunc(stop, cancel)
	}
	d.stop = context.AfterFunc(caller, d.begin)
	return running, d
}

// begin starts the time that is left.
func (d *drain) begin() {
	d.once.Do(func() { d.timer = time.AfterFunc(d.most, d.cancel) })
}

// end releases everything.
func (d *drain) end() {
	d.stop()
	d.unstop()
	d.once.Do(func() {}) // waits for a begin that runs
	if d.timer != nil {
		d.timer.Stop()
	}
	d.cancel()
}
