// Package badinput sends every door what no sound client sends, and holds the answers
// to their exact status and to the door's own shape. After each, the next call works.
package badinput

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

const (
	maxRequestBytes = 64 << 10
	callerSecret    = "sk-caller-secret-123"
	goodRequest     = `{"model":"m","messages":[{"role":"user","content":"Hi"}]}`
	goodAnswer      = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Ok"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
)

// gate is a Sluice with a small limit, and no default provider, so that unknown models
// are unknown.
type gate struct {
	*harness.Server

	up *harness.Upstream
}

func open(t *testing.T) gate {
	t.Helper()
	up := harness.NewUpstream(t)
	up.Answer(harness.JSON(200, goodAnswer))
	return gate{up: up, Server: harness.Start(t, `
providers: [{name: openai, kind: openai, base_url: "`+up.URL+`"}]
models: [{name: m, targets: [{provider: openai}]}]
limits: {max_request_bytes: 64KiB}
`)}
}

// healthy makes a good call through the door.
func (g gate) healthy(t *testing.T, d harness.Door) {
	t.Helper()
	a := d.Chat(t.Context(), harness.Call{JSON: []byte(goodRequest)})
	if a.Err != nil || a.Failure != nil {
		t.Errorf("%s is ill afterwards: %v %+v", d.Name, a.Err, a.Failure)
	}
	if r := g.Receipt(t); r.Reason != "" {
		t.Errorf("%s is ill afterwards: receipt %+v", d.Name, r)
	}
}

// untouched fails the test when something bad went upstream.
func (g gate) untouched(t *testing.T) {
	t.Helper()
	for _, r := range g.up.Requests() {
		if err := harness.SameJSON([]byte(goodRequest), r.Body); r.Method == http.MethodPost && err != nil {
			t.Errorf("this went upstream: %.300s: %v", r.Body, err)
		}
	}
	if strings.Contains(g.Log(), callerSecret) {
		t.Error("the log holds the caller's key")
	}
}

func nested(open, inside, end string, depth int) string {
	return strings.Repeat(open, depth) + inside + strings.Repeat(end, depth)
}
