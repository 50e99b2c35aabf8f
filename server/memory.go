package server

import (
	"math"
	"os"
	"runtime/debug"
	"strconv"
	"strings"
)

// softLimitShare of the memory there is goes to the heap; stacks, buffers of the
// kernel and neighbours get the rest.
const softLimitShare = 0.8

// TuneMemory sets the garbage collector from the memory of the container or machine.
// An operator who set GOGC or GOMEMLIMIT knows better: what is set is left alone. It
// returns the soft limit in bytes that it set, 0 for none.
func TuneMemory(lookupEnv func(string) (string, bool)) int64 {
	if _, set := lookupEnv("GOGC"); !set {
		paceCollector()
	}
	if _, set := lookupEnv("GOMEMLIMIT"); set {
		return 0
	}
	memory := availableMemory(os.ReadFile)
	if memory <= 0 {
		return 0
	}
	limit := int64(float64(memory) * softLimitShare)
	debug.SetMemoryLimit(limit)
	return limit
}

// availableMemory returns the bytes that the container may use, or else those of the
// machine. 0: unknown, as on systems that are not Linux.
func availableMemory(readFile func(string) ([]byte, error)) int64 {
	memory := int64(math.MaxInt64)
	for _, path := range []string{
		"/sys/fs/cgroup/memory.max",                   // cgroup v2
		"/sys/fs/cgroup/memory/memory.limit_in_bytes", // cgroup v1, a huge number when unlimited
	} {
		if data, err := readFile(path); err == nil {
			if n, err := strconv.ParseInt(strings.TrimSpace(string(data)), 10, 64); err == nil { // else "max"
				memory = min(memory, n)
			}
		}
	}
	if data, err := readFile("/proc/meminfo"); err == nil {
		_, rest, _ := strings.Cut(string(data), "MemTotal:")
		if fields := strings.Fields(rest); len(fields) > 0 {
			if kib, err := strconv.ParseInt(fields[0], 10, 64); err == nil {
				memory = min(memory, kib<<10)
			}
		}
	}
	if memory == math.MaxInt64 {
		return 0
	}
	return memory
}
