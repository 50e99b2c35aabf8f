// Package shed decides whether Sluice may take another call at all, before memory or
// file descriptors run out under those that run.
//
// It knows no call, no caller and no target: it counts, and reads the memory in use.
package shed

import (
	"cmp"
	"math"
	"runtime/debug"
	"sync/atomic"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

const (
	// retryAfter is what refused callers are told. Calls end all the time, and another
	// replica may have room now.
	retryAfter = time.Second

	// spareFiles stay free for listeners, idle connections, logs and the file of
	// configuration.
	spareFiles = 256
	// filesPerCall are the caller's connection and the provider's.
	filesPerCall = 2
	// leastCalls is allowed however few files are: most calls share connections.
	leastCalls = 64
	// unknownFilesCalls is the bound on systems that do not tell theirs.
	unknownFilesCalls = 10_000
)

// Settings of a shedder. The zero value of a field means what the system allows.
type Settings struct {
	// MaxCalls is how many calls run at once. 0: half of the files that the process may
	// have open beyond 256, at least 64; 10000 where the system does not say.
	MaxCalls int
	// MemoryLimit in bytes, of which calls are refused from [Shedder] on. 0: the soft
	// limit of the Go runtime at the time of [New], if it has one; without one memory
	// refuses no call. A limit of one's own only makes sense below that one.
	MemoryLimit uint64
}

// Shedder counts the calls that run. It is safe for concurrent use.
//
// It refuses more than [Shedder.Max] of them, and any new one while what cannot be
// freed fills more than 85 % of the memory limit.
type Shedder struct {
	running atomic.Int64
	most    int64
	memory  *memory // nil without a limit
}

// New returns a shedder without calls. Set the runtime's memory limit before.
func New(s Settings) *Shedder {
	limit := s.MemoryLimit
	if limit == 0 {
		if soft := debug.SetMemoryLimit(-1); soft != math.MaxInt64 {
			limit = uint64(soft)
		}
	}
	shedder := &Shedder{most: int64(cmp.Or(s.MaxCalls, callsFor(openFiles())))}
	if limit != 0 {
		shedder.memory = newMemory(limit)
	}
	return shedder
}

// MaxConnections is how many connections callers may hold, so that as many files are
// left for those of providers. It does not depend on settings: a bound of calls says
// nothing about connections that wait for their next call.
func MaxConnections() int { return callsFor(openFiles()) }

// callsFor returns how many calls fit in as many open files; 0 files: not known.
func callsFor(files uint64) int {
	if files == 0 {
		return unknownFilesCalls
	}
	if files <= spareFiles {
		return leastCalls
	}
	return max(int(min((files-spareFiles)/filesPerCall, math.MaxInt32)), leastCalls)
}

// Enter asks for a call. Nil: it may run, and its end must be told with one
// [Shedder.Leave]. Otherwise a fault of OVERLOADED, with advice when to come back, and
// nothing is to be told.
func (s *Shedder) Enter() *fault.Error {
	if s.memory != nil && s.memory.short() {
		return overloaded("Sluice is short of memory: what it holds fills more than %d %% of its limit of %d MiB; send the call again later or to another replica", shedPercent, s.memory.limit>>20)
	}
	for {
		running := s.running.Load()
		if running >= s.most {
			return overloaded("Sluice runs %d calls, as many as it may at once; send the call again later or to another replica", running)
		}
		if s.running.CompareAndSwap(running, running+1) {
			return nil
		}
	}
}

// Leave tells the end of a call that Enter let in.
func (s *Shedder) Leave() { s.running.Add(-1) }

// Running is how many calls run.
func (s *Shedder) Running() int { return int(s.running.Load()) }

// Max is how many calls may run at once.
func (s *Shedder) Max() int { return int(s.most) }

func overloaded(format string, args ...any) *fault.Error {
	f := fault.New(sluicev1.ErrorReason_ERROR_REASON_OVERLOADED, format, args...)
	f.RetryAfter = retryAfter
	return f
}
