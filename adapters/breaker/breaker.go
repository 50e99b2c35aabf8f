// Package breaker spares a target that fails: after too many failures its calls
// are refused at once for a while, then a few are let through to see whether it is
// well again.
//
// There is one breaker per target, around any provider. It knows error kinds and
// no HTTP, retries or routes.
package breaker

import (
	"cmp"
	"errors"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// DefaultFailureRatio of the calls in the window opens the breaker: above it, most
	// callers are better served by another target.
	DefaultFailureRatio = 0.5
	// DefaultMinCalls keeps two or three failures of a quiet hour from opening it.
	DefaultMinCalls = 10
	// DefaultWindow is long enough to hold DefaultMinCalls of slow calls and short
	// enough that a recovered target is not judged by its past.
	DefaultWindow = 30 * time.Second
	// DefaultOpenFor is the order of a provider's restart or failover.
	DefaultOpenFor = 15 * time.Second
	// DefaultProbes is one because every probe is a real caller's call.
	DefaultProbes = 1

	// windowBuckets is how finely the window rolls.
	windowBuckets = 10
	// probeWait is what callers are told while probes are under way: nobody knows how
	// long those take.
	probeWait = time.Second
)

// Settings of a breaker. The zero value of a field means its default.
type Settings struct {
	// FailureRatio above 0 and up to 1: the share of failures among the calls that
	// count, from which on the breaker opens.
	FailureRatio float64
	// MinCalls is how many calls must count in the window before it can open.
	MinCalls uint32
	// Window is how far back calls count.
	Window time.Duration
	// OpenFor is how long an open breaker refuses all calls.
	OpenFor time.Duration
	// Probes is how many calls an open breaker then lets through at a time, and how
	// many must succeed in a row to close it.
	Probes uint32
}

// State of a breaker.
type State int

// The states. Closed is the usual one: calls pass.
const (
	Closed State = iota
	HalfOpen
	Open
)

// String returns the state in snake case, as logs and metrics use it.
func (s State) String() string {
	switch s {
	case Closed:
		return "closed"
	case HalfOpen:
		return "half_open"
	case Open:
		return "open"
	}
	return fmt.Sprintf("state(%d)", int(s))
}

var states = map[gobreaker.State]State{
	gobreaker.StateClosed:   Closed,
	gobreaker.StateHalfOpen: HalfOpen,
	gobreaker.StateOpen:     Open,
}

// Breaker watches one target. It is safe for concurrent use.
type Breaker struct {
	circuit *gobreaker.TwoStepCircuitBreaker[struct{}]
	// reopens is when an open breaker lets probes through, in Unix nanoseconds.
	reopens atomic.Int64
	// state is the circuit's as of its last change, for those who must not wait for
	// its lock or move it on.
	state atomic.Int32
}

// New returns a closed breaker for a target. onChange, which may be nil, is told of
// every change of state; it is called with the breaker locked, so it must be quick
// and must not call the breaker.
func New(target string, s Settings, onChange func(target string, from, to State)) *Breaker {
	ratio := cmp.Or(s.FailureRatio, DefaultFailureRatio)
	minCalls := cmp.Or(s.MinCalls, DefaultMinCalls)
	window := cmp.Or(s.Window, DefaultWindow)
	openFor := cmp.Or(s.OpenFor, DefaultOpenFor)
	b := &Breaker{}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         target,
		MaxRequests:  cmp.Or(s.Probes, DefaultProbes),
		Interval:     window,
		BucketPeriod: max(window/windowBuckets, 1),
		Timeout:      openFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			counted := c.TotalSuccesses + c.TotalFailures
			return counted >= minCalls && float64(c.TotalFailures) >= ratio*float64(counted)
		},
		OnStateChange: func(name string, from, to gobreaker.State) {
			b.state.Store(int32(states[to]))
			if to == gobreaker.StateOpen {
				b.reopens.Store(time.Now().Add(openFor).UnixNano())
			}
			if onChange != nil {
				onChange(name, states[from], states[to])
			}
		},
		IsExcluded:   func(err error) bool { return judge(err) == ignored },
		IsSuccessful: func(err error) bool { return judge(err) == success },
	})
	return b
}

// State returns the state at this moment.
func (b *Breaker) State() State { return states[b.circuit.State()] }

// last returns the state as of the last change.
func (b *Breaker) last() State { return State(b.state.Load()) }

// recant counts the failure of a call whose success was counted before its end. An
// open breaker takes none, nor does one half-open whose probes are all under way:
// those decide.
func (b *Breaker) recant(outcome error) {
	if judge(outcome) != failure || b.last() == Open {
		return
	}
	if done, err := b.circuit.Allow(); err == nil {
		done(outcome)
	}
}

// allow asks for a call. done takes its outcome, once.
func (b *Breaker) allow(provider string) (done func(error), err error) {
	done, err = b.circuit.Allow()
	if err == nil {
		return done, nil
	}
	wait := probeWait
	if errors.Is(err, gobreaker.ErrOpenState) {
		wait = max(time.Until(time.Unix(0, b.reopens.Load())), 0)
	}
	return nil, &adapters.Error{
		Kind:       adapters.KindCircuitOpen,
		Provider:   provider,
		Message:    "the provider failed repeatedly and is not asked for the moment",
		RetryAfter: wait,
		Cause:      err,
	}
}
