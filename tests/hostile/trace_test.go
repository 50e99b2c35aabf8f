package hostile

import (
	"bytes"
	"compress/gzip"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
	"github.com/sluice-ai/sluice/tests/live"
)

// collector takes spans as an OpenTelemetry collector does. Source: OTLP 1.9, "OTLP/HTTP".
type collector struct {
	url string

	mu   sync.Mutex
	sent bytes.Buffer // guarded by mu
}

// newCollector runs until the test's own clean-ups that were registered before it: those of
// what sends to it come first.
func newCollector(t *testing.T) *collector {
	t.Helper()
	c := new(collector)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := io.Reader(r.Body)
		if r.Header.Get("Content-Encoding") == "gzip" {
			unpacked, err := gzip.NewReader(r.Body)
			if err != nil {
				t.Errorf("the collector got %v", err)
				return
			}
			body = unpacked
		}
		sent, err := io.ReadAll(body)
		if err != nil || r.URL.Path != "/v1/traces" {
			t.Errorf("the collector got %s: %v", r.URL.Path, err)
		}
		c.mu.Lock()
		defer c.mu.Unlock()
		for name, values := range r.Header {
			c.sent.WriteString(name + ": " + strings.Join(values, ",") + "\n")
		}
		c.sent.Write(sent)
		w.Header().Set("Content-Type", "application/x-protobuf") // an empty answer is a whole success
	}))
	t.Cleanup(server.Close)
	c.url = server.URL
	return c
}

// holds counts a text in what was sent.
func (c *collector) holds(text string) int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return bytes.Count(c.sent.Bytes(), []byte(text))
}

// TestMarker_leaves_in_no_span runs the real binary with the environment's own variables for
// traces, through the error paths of [TestMarker_is_told_to_nobody]. All spans have left
// when it has ended, so what they hold is asked then.
func TestMarker_leaves_in_no_span(t *testing.T) {
	live.Require(t)
	calls := newMarkedCalls(t)
	spans := newCollector(t)
	t.Cleanup(func() {
		// Names are those of the GenAI semantic conventions and of docs/security.md.
		ids, failed, attempts := spans.holds("sluice.request_id"), spans.holds("error.type"), spans.holds("sluice.spared")
		t.Logf("%d spans of calls, %d of attempts, %d with an error", ids, attempts, failed)
		if least := len(calls.models); ids < least || failed < least || attempts < least/2 {
			t.Errorf("only %d spans of calls came, %d of attempts, %d with an error", ids, attempts, failed)
		}
		if n := spans.holds(marker); n > 0 {
			t.Errorf("%d spans hold the marker", n)
		}
		if spans.holds("0af7651916cd43dd8448eb211c80319c") == 0 && spans.holds("\x0a\xf7\x65\x19\x16\xcd\x43\xdd\x84\x48\xeb\x21\x1c\x80\x31\x9c") == 0 {
			t.Error("no span is below the caller's: its headers were not read")
		}
	})
	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", spans.url)
	t.Setenv("OTEL_BSP_SCHEDULE_DELAY", "100") // ms: so that the queue never fills
	binary := live.Start(t, calls.config(""))
	g := &gate{Server: harness.Reach(t, strings.TrimPrefix(binary.HTTP, "http://"), binary.GRPC, strings.TrimPrefix(binary.Admin, "http://"), binary.Log)}
	doors := g.Doors(t)
	named.Add(1)
	var running sync.WaitGroup
	for at, door := range []harness.Door{doors[0], doors[1], doors[4]} {
		running.Go(func() { calls.ask(t, at, door, false) })
	}
	running.Wait()
	g.badBodies(t)
	g.nothingMarked(t)
}
