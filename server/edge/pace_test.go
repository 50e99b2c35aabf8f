package edge

import (
	"testing"
	"time"
)

func TestPace_gives_time_for_what_moved(t *testing.T) {
	start := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		moved int64
		want  time.Duration
	}{
		"nothing":                   {0, 30 * time.Second},
		"less than a second's":      {minBytesPerSecond - 1, 30 * time.Second},
		"a second's":                {minBytesPerSecond, 31 * time.Second},
		"the usual limit of a body": {32 * mib, 30*time.Second + 2048*time.Second},
		"a terabyte":                {1 << 40, 30*time.Second + (1<<26)*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p := pace{start: start, free: 30 * time.Second, moved: test.moved}
			if got := p.deadline().Sub(start); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}
