package shed

import (
	"math"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

func refused(t *testing.T, f *fault.Error, says string) {
	t.Helper()
	if f == nil {
		t.Fatal("let in, want a refusal")
	}
	if f.Reason != sluicev1.ErrorReason_ERROR_REASON_OVERLOADED || f.Status != 503 || f.RetryAfter != time.Second || !strings.Contains(f.Message(), says) {
		t.Errorf("%v, status %d, RetryAfter %s, want overloaded, 503, 1s, about %q", f, f.Status, f.RetryAfter, says)
	}
}

func TestShedder_refuses_calls_beyond_its_bound(t *testing.T) {
	s := New(Settings{MaxCalls: 2})
	for range 2 {
		if f := s.Enter(); f != nil {
			t.Fatal(f)
		}
	}
	refused(t, s.Enter(), "2 calls")
	if s.Running() != 2 || s.Max() != 2 {
		t.Errorf("%d of %d running, want 2 of 2", s.Running(), s.Max())
	}
	s.Leave()
	if f := s.Enter(); f != nil {
		t.Errorf("a place came free: %v", f)
	}
}

func TestShedder_never_exceeds_its_bound_and_loses_no_place(t *testing.T) {
	s := New(Settings{MaxCalls: 5})
	var inside, entered, turned atomic.Int64
	var all sync.WaitGroup
	for range 20 {
		all.Go(func() {
			for range 2000 {
				if s.Enter() != nil {
					turned.Add(1)
					runtime.Gosched()
					continue
				}
				entered.Add(1)
				if n := inside.Add(1); n > 5 {
					t.Errorf("%d inside", n)
				}
				runtime.Gosched()
				inside.Add(-1)
				s.Leave()
			}
		})
	}
	all.Wait()
	if s.Running() != 0 || entered.Load() < 2000 || turned.Load() == 0 {
		t.Errorf("%d run at rest; %d entered, %d turned away", s.Running(), entered.Load(), turned.Load())
	}
	for range 5 {
		if f := s.Enter(); f != nil {
			t.Errorf("a place was lost: %v", f)
		}
	}
}

func TestCallsFor_leaves_files_for_everything_else(t *testing.T) {
	for files, want := range map[uint64]int{
		0: 10_000, 1: 64, 256: 64, 257: 64, 384: 64, 1024: 384, 65536: 32640, math.MaxUint64: math.MaxInt32,
	} {
		if got := callsFor(files); got != want {
			t.Errorf("%d files: %d calls, want %d", files, got, want)
		}
	}
	if got, want := New(Settings{}).Max(), callsFor(openFiles()); got != want || got < 64 {
		t.Errorf("by default %d, want %d", got, want)
	}
}

func TestShedder_refuses_while_memory_is_short(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := New(Settings{MaxCalls: 10, MemoryLimit: 100 << 20})
		var held uint64 = 85 << 20
		readings := 0
		s.memory.taken = func() uint64 { readings++; return held }
		enter := func() *fault.Error {
			f := s.Enter()
			if f == nil {
				s.Leave()
			}
			return f
		}
		for range 5 {
			if f := enter(); f != nil {
				t.Fatalf("at 85 %%: %v", f)
			}
		}
		held++
		time.Sleep(readEvery - 1)
		if f := enter(); f != nil || readings != 1 {
			t.Errorf("%v after %d readings, want one per 100 ms", f, readings)
		}
		time.Sleep(time.Nanosecond)
		for range 5 {
			refused(t, enter(), "100 MiB")
		}
		held = 1
		time.Sleep(readEvery)
		if f := enter(); f != nil || readings != 3 {
			t.Errorf("with memory again: %v after %d readings, want 3", f, readings)
		}
		if s.Running() != 0 {
			t.Errorf("%d running after refusals", s.Running())
		}
	})
}

func TestMemory_counts_what_lives_and_not_what_is_garbage(t *testing.T) {
	defer debug.SetGCPercent(debug.SetGCPercent(-1))
	const size = 64 << 20
	// Other memory of the process moves a little between two readings.
	const slack = size / 4
	runtime.GC()
	before := taken()
	block := make([]byte, size)
	runtime.GC()
	if got := taken(); got < before+size-slack || got > before+size+slack {
		t.Errorf("%d bytes with a block of %d alive, %d before", got, size, before)
	}
	runtime.KeepAlive(block)
	runtime.GC() // the block is garbage from here on
	alive := taken()
	garbage = make([]byte, size)
	runtime.KeepAlive(garbage)
	garbage = nil
	if got := taken(); got > alive+slack {
		t.Errorf("%d bytes with a block of %d as garbage, %d before", got, size, alive)
	}
}

// garbage is a package variable so that what is put there goes to the heap.
var garbage []byte

func TestShedder_takes_the_limit_of_the_runtime(t *testing.T) {
	defer debug.SetMemoryLimit(debug.SetMemoryLimit(-1))
	debug.SetMemoryLimit(math.MaxInt64)
	if s := New(Settings{}); s.memory != nil {
		t.Errorf("a limit of %d without one", s.memory.limit)
	}
	debug.SetMemoryLimit(1 << 40)
	if s := New(Settings{}); s.memory == nil || s.memory.limit != 1<<40 {
		t.Errorf("%+v, want the runtime's limit", s.memory)
	}
	if s := New(Settings{MemoryLimit: 1}); s.memory.limit != 1 {
		t.Errorf("%d, want the one that is set", s.memory.limit)
	} else {
		refused(t, s.Enter(), "memory") // any process holds more than a byte
	}
}

func TestShedder_is_free_of_allocations(t *testing.T) {
	s := New(Settings{MemoryLimit: 1 << 40})
	if n := testing.AllocsPerRun(1000, func() {
		if s.Enter() == nil {
			s.Leave()
		}
	}); n != 0 {
		t.Errorf("%v allocations per call", n)
	}
}

func BenchmarkShedder(b *testing.B) {
	s := New(Settings{MemoryLimit: 1 << 40})
	b.ReportAllocs()
	for b.Loop() {
		if s.Enter() == nil {
			s.Leave()
		}
	}
}
