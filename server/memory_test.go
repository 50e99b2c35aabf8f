package server

import (
	"os"
	"testing"
)

func TestAvailableMemory_is_the_least_that_bounds_us(t *testing.T) {
	const (
		v2      = "/sys/fs/cgroup/memory.max"
		v1      = "/sys/fs/cgroup/memory/memory.limit_in_bytes"
		meminfo = "/proc/meminfo"
		machine = "MemTotal:       16384 kB\nMemFree: 1 kB\n"
	)
	tests := map[string]struct {
		files map[string]string
		want  int64
	}{
		"container, cgroup v2": {map[string]string{v2: "1048576\n", meminfo: machine}, 1 << 20},
		"no limit, cgroup v2":  {map[string]string{v2: "max\n", meminfo: machine}, 16 << 20},
		"container, cgroup v1": {map[string]string{v1: "2097152\n", meminfo: machine}, 2 << 20},
		"no limit, cgroup v1":  {map[string]string{v1: "9223372036854771712\n", meminfo: machine}, 16 << 20},
		"no Linux":             {nil, 0},
		"unreadable":           {map[string]string{meminfo: "MemTotal: ?"}, 0},
	}
	for name, test := range tests {
		got := availableMemory(func(path string) ([]byte, error) {
			if text, ok := test.files[path]; ok {
				return []byte(text), nil
			}
			return nil, os.ErrNotExist
		})
		if got != test.want {
			t.Errorf("%s: got %d, want %d", name, got, test.want)
		}
	}
}

func TestTuneMemory_leaves_alone_what_the_operator_set(t *testing.T) {
	set := func(string) (string, bool) { return "100", true }
	if got := TuneMemory(set); got != 0 {
		t.Errorf("a limit of %d was set", got)
	}
}
