// Package hostile sends Sluice what somebody sends who wants to break it, from both
// sides: each named case asserts what is answered and in which shape, what becomes of
// the connection, how long it takes, and that the next healthy call works.
//
// What must come out follows from the issue "Hardened", from RFC 9110, 9112 and 9113,
// and from docs/adr/0002 for what JSON means. Cases that tests/badinput and tests/faults
// hold already are named in comments beside the tables here, not written again.
package hostile

import (
	"os"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

const (
	maxRequestBytes = 64 << 10
	goodRequest     = `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`
	goodAnswer      = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	chatPath        = "/v1/chat/completions"

	// soon bounds what needs no waiting, on a busy machine under the race detector.
	soon = 3 * time.Second
	// lingerTime is how long a refused caller may go on sending (server/edge, lingering).
	lingerTime = 2 * time.Second

	// longVariable asks for the long form, in which bounds are the real ones and numbers
	// those of the issue. tests/run.sh sets it.
	longVariable = "SLUICE_HOSTILE_LONG"
)

func long() bool { return os.Getenv(longVariable) != "" }

// named counts the cases that ran.
var named atomic.Int64

// run runs a named case.
func run(t *testing.T, name string, body func(t *testing.T)) {
	t.Helper()
	named.Add(1)
	t.Run(name, body)
}

// gate is a Sluice with a small limit before an upstream that is well. Models that
// nothing names go upstream as they are, so that a hostile name gets as far as it can.
type gate struct {
	*harness.Server

	up *harness.Upstream
}

func open(t *testing.T) *gate {
	t.Helper()
	up := harness.NewUpstream(t)
	up.Answer(harness.JSON(200, goodAnswer))
	server := harness.Start(t, `
providers: [{name: openai, kind: openai, base_url: "`+up.URL+`", api_keys: [sk-provider-key-0001]}]
models: [{name: m, targets: [{provider: openai}]}]
routing: {default_provider: openai}
limits: {max_request_bytes: 64KiB}
`)
	server.LeaveReceipts()
	return &gate{up: up, Server: server}
}

// healthy makes a good call through a door, and drops receipts of what came before.
func (g *gate) healthy(t *testing.T, door harness.Door) {
	t.Helper()
	start := time.Now()
	a := door.Chat(t.Context(), harness.Call{JSON: []byte(goodRequest)})
	if a.Err != nil || a.Failure != nil {
		t.Errorf("%s is ill afterwards: %v %+v", door.Name, a.Err, a.Failure)
		return
	}
	within(t, door.Name+" afterwards", time.Since(start), soon)
	g.settled(t, a.Header.Get("X-Sluice-Request-Id"))
}

// settled takes receipts until that of the call.
func (g *gate) settled(t *testing.T, id string) harness.Receipt {
	t.Helper()
	for {
		if r := g.Receipt(t); r.ID == id {
			return r
		}
	}
}

// strays counts the requests that reached the upstream beside the healthy ones.
func (g *gate) strays() (n int) {
	for _, r := range g.up.Requests() {
		if harness.SameJSON([]byte(goodRequest), r.Body) != nil || r.Header.Get("X-Client-Request-Id") == smuggled {
			n++
		}
	}
	return n
}

// smuggled marks requests that must never be executed.
const smuggled = "smuggled"

// fill is text of that many bytes.
func fill(bytes int) string { return strings.Repeat("x", bytes) }

func nested(open, inside, end string, depth int) string {
	return strings.Repeat(open, depth) + inside + strings.Repeat(end, depth)
}
