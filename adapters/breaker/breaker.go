// Package breaker spares a target that fails: after too many failures its calls
// are refused at once for a while, then a few are let through to see whether it is
// well again.
//
// There is one breaker per target, around any provider. It knows error kinds and
// no HTTP, retries or routes. It may outlive the provider that it was first put around:
// see [Breaker.Wrap].
package breaker

import (
	"cmp"
	"fmt"
	"sync/atomic"
	"time"

	"github.com/sony/gobreaker/v2"
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

// Settings of a breaker. The zero value of a field means its default. Settings can be
// compared with ==.
type Settings struct {
	// FailureRatio above 0 and up to 1: the share of failures among the calls that
	// count, from which on the breaker opens.
	FailureRatio float64
	// MinCalls is how many calls must count in the window before it can open. As many
	// failures in a row open it whatever their share.
	MinCalls uint32
	// Window is how far back calls count.
	Window time.Duration
	// OpenFor is how long an open breaker refuses all calls.
	OpenFor time.Duration
	// Probes is how many calls an open breaker then lets through at a time, and how
	// many must succeed in a row to close it.
	Probes uint32
	// SlowCall is how long a single answer, or the first chunk of a stream, may take. A
	// later one reaches the caller, but counts as a failure. 0: however slow, an answer
	// is a success.
	SlowCall time.Duration
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
	target   string
	settings Settings
	circuit  *gobreaker.TwoStepCircuitBreaker[struct{}]
	probes   uint32
	bucket   time.Duration // the part of the window that is forgotten at once
	born     time.Time     // what durations below count from, so that no change of the clock matters

	// reopens is when an open breaker lets probes through, as a duration since born.
	reopens atomic.Int64
	// state is the circuit's as of its last change, for those who must not wait for
	// its lock or move it on. era counts the changes.
	state atomic.Int32
	era   atomic.Uint64
	// tripped holds the calls (high half) and failures (low half) that opened it last.
	tripped atomic.Uint64
}

// New returns a closed breaker for a target.
//
// onChange, which may be nil, is told of every change of state. It is called with the
// breaker locked, so it must be quick and must not call the breaker. It is kept for as
// long as the breaker, which may be longer than the provider that it is first put
// around: it must not refer to anything that a reload replaces.
func New(target string, s Settings, onChange func(target string, from, to State)) *Breaker {
	ratio := cmp.Or(s.FailureRatio, DefaultFailureRatio)
	minCalls := cmp.Or(s.MinCalls, DefaultMinCalls)
	window := cmp.Or(s.Window, DefaultWindow)
	openFor := cmp.Or(s.OpenFor, DefaultOpenFor)
	b := &Breaker{
		target:   target,
		settings: s,
		probes:   cmp.Or(s.Probes, DefaultProbes),
		bucket:   max(window/windowBuckets, 1),
		born:     time.Now(),
	}
	b.circuit = gobreaker.NewTwoStepCircuitBreaker[struct{}](gobreaker.Settings{
		Name:         target,
		MaxRequests:  b.probes,
		Interval:     window,
		BucketPeriod: b.bucket,
		Timeout:      openFor,
		ReadyToTrip: func(c gobreaker.Counts) bool {
			counted := c.TotalSuccesses + c.TotalFailures
			// A target that just died must not live on what it did earlier in the window.
			dead := c.ConsecutiveFailures >= minCalls
			if !dead && (counted < minCalls || float64(c.TotalFailures) < ratio*float64(counted)) {
				return false
			}
			b.tripped.Store(uint64(counted)<<32 | uint64(c.TotalFailures))
			return true
		},
		OnStateChange: func(name string, from, to gobreaker.State) {
			if to == gobreaker.StateOpen {
				b.reopens.Store(int64(b.age() + openFor)) // before the state, which tells to look at it
			}
			b.state.Store(int32(states[to]))
			b.era.Add(1)
			if onChange != nil {
				onChange(name, states[from], states[to])
			}
		},
		IsExcluded:   func(err error) bool { return judge(err) == ignored },
		IsSuccessful: func(err error) bool { return judge(err) == success },
	})
	return b
}

// State returns the state at this moment. An open breaker whose time is over becomes
// half-open by this, as by a call.
func (b *Breaker) State() State { return states[b.circuit.State()] }

// Spared tells whether a call would be refused: while the breaker is open, until then,
// and while all probes of a half-open one are under way, for a time that nobody knows
// (until is zero). Routing asks it for every call, so that it usually costs one atomic
// read.
func (b *Breaker) Spared() (until time.Time, spared bool) {
	switch b.last() {
	case Closed:
		return time.Time{}, false
	case Open:
		if until := b.until(); time.Now().Before(until) {
			return until, true
		}
	case HalfOpen:
	}
	switch b.State() {
	case Open: // at the very end of its time, or by a probe that failed just now
		return b.until(), true
	case HalfOpen:
		c := b.circuit.Counts()
		return time.Time{}, c.Requests >= c.TotalExclusions+b.probes
	case Closed:
	}
	return time.Time{}, false
}

// Snapshot is how a breaker is at one moment, for people.
type Snapshot struct {
	Target string
	State  State
	// Calls are those that counted in the window, Failures those of them that failed.
	// Unless the breaker is closed, they are the ones that opened it.
	Calls, Failures uint32
	// Until is when an open breaker lets probes through. Zero for any other.
	Until time.Time
}

// Snapshot describes the breaker. It moves the breaker on as [Breaker.State] does and no
// further: none of its probes is taken.
func (b *Breaker) Snapshot() Snapshot {
	s := Snapshot{Target: b.target, State: b.State()}
	if s.State == Closed {
		c := b.circuit.Counts()
		s.Calls, s.Failures = c.TotalSuccesses+c.TotalFailures, c.TotalFailures
		return s
	}
	tripped := b.tripped.Load()
	s.Calls, s.Failures = uint32(tripped>>32), uint32(tripped)
	if s.State == Open {
		s.Until = b.until()
	}
	return s
}

// last returns the state as of the last change.
func (b *Breaker) last() State { return State(b.state.Load()) }

func (b *Breaker) age() time.Duration { return time.Since(b.born) }

// until is when an open breaker lets probes through.
func (b *Breaker) until() time.Time { return b.born.Add(time.Duration(b.reopens.Load())) }
