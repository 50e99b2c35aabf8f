package hostile

import (
	"bufio"
	"fmt"
	"io"
	"math"
	"math/rand/v2"
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

// pour answers 200 with a text and then with another, as many times as Sluice takes it.
func pour(sent *atomic.Int64, header, first, more string, times int) func(*exchange) {
	return func(x *exchange) {
		kind := typeJSON
		if x.stream {
			kind = typeSSE
		}
		for ok := x.write(ok200, kind, header, "\r\n", first); ok && times > 0; times-- {
			ok = x.write(more)
			sent.Add(int64(len(more)))
		}
	}
}

// TestMemory_is_bounded_whatever_upstreams_send runs the real binary, as it is by default:
// RSS is that of a process, and the test's own memory is none of it. Each case has a process
// of its own, because memory that was once in use comes back late.
func TestMemory_is_bounded_whatever_upstreams_send(t *testing.T) {
	live.Require(t)
	const (
		endless = math.MaxInt
		packed  = "Content-Encoding: gzip\r\n"
	)
	mebibyte := fill(1 << 20)
	eventOf := func(content string) string { return strings.Replace(event, "Ok", content, 1) }
	// A fiftieth of it does not compress, so that its ratio is below that of a bomb.
	noise := make([]byte, 2<<10)
	for i := range noise {
		noise[i] = 'a' + byte(rand.IntN(26))
	}
	dense := eventOf(string(noise) + fill(100<<10))

	for _, c := range []struct {
		name                string
		stream              bool
		header, first, more string
		times               int
		// says must be in the error.
		says string
	}{
		{name: "a line of 50 MB", stream: true, first: "data: ", more: mebibyte, times: 50, says: "an event of the provider's stream exceeds 16777216 bytes"},
		{name: "a line of 50 MB behind events", stream: true, first: event + event + "data: ", more: mebibyte, times: 50, says: "an event of the provider's stream exceeds 16777216 bytes"},
		{name: "long lines of one event without end", stream: true, more: "data: " + fill(64<<10) + "\n", times: endless, says: "an event of the provider's stream exceeds 16777216 bytes"},
		{name: "short lines of one event without end", stream: true, more: strings.Repeat("data: x\n", 8<<10), times: endless, says: "an event of the provider's stream exceeds 16777216 bytes"},
		{name: "comments without end", stream: true, more: strings.Repeat(": still thinking\n\n", 1000), times: endless, says: "comments only"},
		{name: "comments without end behind an event", stream: true, first: event, more: strings.Repeat(": still thinking\n\n", 1000), times: endless, says: "comments only"},
		{name: "events without end", stream: true, more: strings.Repeat(eventOf(fill(16<<10)), 64), times: endless, says: "the provider's stream exceeds 268435456 bytes"},
		{name: "large events without end", stream: true, more: eventOf(fill(2 << 20)), times: endless, says: "the provider's stream exceeds 268435456 bytes"},
		{name: "a gzip bomb of events", stream: true, header: packed, more: string(pack(make([]byte, 1<<20))), times: endless, says: "compressed"},
		{name: "gzip without end that is no bomb", stream: true, header: packed, more: string(pack([]byte(dense))), times: endless, says: "the provider's stream exceeds 268435456 bytes"},

		{name: "a body of 50 MB", first: `{"id":"`, more: mebibyte, times: 50, says: "the answer exceeds 41943040 bytes"},
		{name: "a body of 50 MB that says so", header: fmt.Sprintf("Content-Length: %d\r\n", 50<<20), more: mebibyte, times: 50, says: "the answer exceeds 41943040 bytes"},
		{name: "a body without end", first: `{"id":"`, more: mebibyte, times: endless, says: "the answer exceeds 41943040 bytes"},
		{name: "a gzip bomb", header: packed, more: string(pack(make([]byte, 1<<20))), times: endless, says: "compressed"},
		{name: "a gzip body without end that is no bomb", header: packed, more: string(pack([]byte(dense))), times: endless, says: "the answer exceeds 41943040 bytes"},
		{name: "gzip without end that holds nothing", header: packed, more: strings.Repeat(string(pack(nil)), 1000), times: endless, says: "the answer exceeds 41943040 bytes"},
	} {
		run(t, c.name, func(t *testing.T) {
			start := time.Now()
			var sent atomic.Int64
			m := openMeasured(t, pour(&sent, c.header, c.first, c.more, c.times))
			response := m.ask(t, "odd", c.stream)
			answer := make(chan string, 1)
			go func() {
				var last tail
				_, _ = io.Copy(&last, response.Body) // a connection that breaks shows in the tail
				answer <- string(last)
			}()
			ticker := time.NewTicker(20 * time.Millisecond)
			defer ticker.Stop()
			for over := false; !over; {
				select {
				case text := <-answer:
					over = true
					if !strings.Contains(text, c.says) {
						t.Errorf("the answer ends with %q, want it to say %q", text, c.says)
					}
				case <-ticker.C:
					m.measure(t)
				}
			}
			if !c.stream && response.StatusCode != http.StatusBadGateway {
				t.Errorf("status %d, want 502", response.StatusCode)
			}
			m.finish(t, c.name)
			if took := time.Since(start); took > 20*time.Second {
				t.Errorf("it took %v", took)
			}
		})
	}

	const slow = "a slow reader of a stream without end"
	run(t, slow, func(t *testing.T) {
		var sent atomic.Int64
		m := openMeasured(t, pour(&sent, "", "", strings.Repeat(event, 100), endless))
		response := m.ask(t, "odd", true)
		one := make([]byte, 1)
		ticker := time.NewTicker(100 * time.Millisecond)
		defer ticker.Stop()
		var settled int64
		for i := range 30 {
			<-ticker.C
			if _, err := response.Body.Read(one); err != nil {
				t.Fatal(err)
			}
			if m.measure(t); i == 10 {
				settled = sent.Load()
			}
		}
		// Back-pressure: the provider waits as well, but for what buffers hold.
		if more := sent.Load() - settled; more > 16<<20 || sent.Load() == 0 {
			t.Errorf("the provider went on to send %d bytes to a caller who does not read", more)
		}
		m.finish(t, slow)
	})
}

// tail keeps the last of what is written to it.
type tail []byte

func (last *tail) Write(p []byte) (int, error) {
	all := append(*last, p...)
	*last = append((*last)[:0], all[max(0, len(all)-1000):]...)
	return len(p), nil
}

// measured is a process whose memory is looked at.
type measured struct {
	*live.Gateway

	before, most int64
}

// openMeasured starts one before a provider with a script, which has served a call well.
func openMeasured(t *testing.T, script func(*exchange)) *measured {
	t.Helper()
	p := newProvider(t, map[string]func(*exchange){"odd": script})
	m := &measured{Gateway: live.Start(t, fmt.Sprintf("providers: [{name: odd, kind: openai, base_url: \"http://%s/v1\"}]\n", p.address))}
	m.healthy(t)
	m.before = resident(t, m.Admin)
	return m
}

func (m *measured) ask(t *testing.T, model string, stream bool) *http.Response {
	t.Helper()
	body := fmt.Sprintf(`{"model":"odd/%s@%d","stream":%t,"messages":[{"role":"user","content":"x"}]}`, model, time.Now().UnixNano(), stream)
	response, err := http.Post(m.HTTP+chatPath, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = response.Body.Close() })
	return response
}

func (m *measured) healthy(t *testing.T) {
	t.Helper()
	response := m.ask(t, "well", false)
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != 200 {
		t.Errorf("ill: %v, status %d: %.300s", err, response.StatusCode, body)
	}
}

func (m *measured) measure(t *testing.T) {
	t.Helper()
	m.most = max(m.most, resident(t, m.Admin))
}

// finish tells what was measured and whether the process is well.
func (m *measured) finish(t *testing.T, name string) {
	t.Helper()
	m.measure(t)
	grown := float64(m.most-m.before) / (1 << 20)
	fmt.Printf("measured: %-44s RSS grew by %5.1f MiB, allowed %d\n", name, grown, mostGrowth>>20)
	if m.most-m.before >= mostGrowth {
		t.Errorf("RSS grew by %.1f MiB", grown)
	}
	m.healthy(t)
}
