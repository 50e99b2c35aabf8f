package gateway

import (
	"context"
	"errors"
	"sync"
)

// running are the calls that can be cut off. It costs every call less than a context of the
// service's own would, that each had to listen to.
type running struct {
	mu    sync.Mutex // guards what follows
	calls map[*ticket]struct{}
	cut   bool
}

var errCutOff = errors.New("gateway: the service was cut off")

// enter adds a call until it leaves.
func (r *running) enter(t *ticket) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.cut {
		t.cancel(errCutOff)
		return
	}
	if r.calls == nil {
		r.calls = make(map[*ticket]struct{})
	}
	r.calls[t] = struct{}{}
}

func (r *running) leave(t *ticket) {
	r.mu.Lock()
	delete(r.calls, t)
	r.mu.Unlock()
	t.cancel(context.Canceled)
}

// cutOff ends all, and returns how many there were.
func (r *running) cutOff() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.cut = true
	for t := range r.calls {
		t.cancel(errCutOff)
	}
	return len(r.calls)
}
