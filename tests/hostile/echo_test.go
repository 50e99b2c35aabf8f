package hostile

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

// TestErrors_show_little_of_what_was_sent: through every door, an error that quotes a
// model's name quotes a clipped piece without anything that a terminal obeys.
func TestErrors_show_little_of_what_was_sent(t *testing.T) {
	server := harness.Start(t, "providers: [{name: known, kind: sandbox}]\nmodels: [{name: m, targets: [{provider: known, model: echo}]}]\n")
	server.LeaveReceipts()
	g := &gate{Server: server}
	big := 1 << 20
	if !long() {
		big = 256 << 10
	}
	for _, text := range []struct{ name, model string }{
		{"very long", fill(big)},
		{"very long and not of one byte", strings.Repeat("€", big/3)},
		{"very long and all to be escaped", strings.Repeat("\x01", big/6)},
		{"control characters", "a\x00\x01\x07\b\x0b\x0c\x7fz"},
		{"line ends", "a\r\n\r\nHTTP/1.1 200 OK\r\n\r\nz"},
		{"other line ends", "a\u0085\u2028\u2029z"},
		{"escapes of a terminal", "a\x1b]0;title\x07\x1b[2J\x1b[31mz"},
		{"C1 escapes", "a\u009b31mz"},
		{"directions", "a\u202e\u2066\u2069\u200fz"},
		{"nothing to be seen", "a\u200b\ufeff\u2060z"},
		{"letters that are tags", "a\U000e0041\U000e0042z"},
		{"half of a character", "a\u0301\u0301\u0301z"},
		{"markup", `<script>alert(1)</script>`},
		{"formats", "%s%n%d{{.}}${jndi:ldap://x}"},
	} {
		for _, door := range g.Doors(t) {
			run(t, door.Name+"/"+text.name, func(t *testing.T) {
				model, _ := json.Marshal(text.model)
				logged := len(server.Log())
				start := time.Now()
				a := door.Chat(t.Context(), harness.Call{JSON: fmt.Appendf(nil, `{"model":%s,"messages":[{"role":"user","content":"x"}]}`, model)})
				within(t, "the answer", time.Since(start), soon)
				checkClean(t, a)
				if f := a.Failure; f == nil || f.Status != 404 || f.Reason != "model_not_found" {
					t.Fatalf("%+v %v", f, a.Err)
				}
				if len(a.Body) > maxErrorBytes || obeyed(string(a.Body)) >= 0 {
					t.Errorf("%d bytes: %.300q", len(a.Body), a.Body)
				}
				// The log is JSON, which escapes what ends a line; more is for who reads it.
				for line := range strings.Lines(server.Log()[logged:]) {
					if len(line) > maxErrorBytes || !json.Valid([]byte(line)) || strings.ContainsAny(line, "\x00\x1b\r\b") {
						t.Fatalf("the log has a line of %d bytes: %.300q", len(line), line)
					}
				}
				g.healthy(t, door)
			})
		}
	}
}

// TestErrors_of_heads_show_little: what a refusal quotes of paths, methods and types.
func TestErrors_of_heads_show_little(t *testing.T) {
	g := open(t)
	const escapes = "%1b%5b31m%e2%80%ae"
	g.wireCases(t, []wireCase{
		{name: "a path of escapes", send: request("POST", "/v1/"+escapes), status: 404, reason: "not_found", fate: kept},
		{name: "a path of escapes and a wrong base", send: request("POST", "/"+escapes+"/chat/completions"), status: 404, reason: "not_found", fate: kept},
		{name: "a content type of 10,000 bytes", send: strings.Replace(post("", goodRequest), "application/json", "text/"+fill(10_000), 1), status: 415, reason: "unsupported_media_type", fate: kept},
		{name: "a content type that is no ASCII", send: strings.Replace(post("", goodRequest), "application/json", "text/\xe2\x80\xae", 1), status: 415, reason: "unsupported_media_type", fate: kept},
		{name: "a charset of escapes", send: strings.Replace(post("", goodRequest), "application/json", "application/json; charset=\"\xc2\x9b31m\"", 1), status: 415, reason: "unsupported_media_type", fate: kept},
		{name: "an origin of escapes", send: post("Origin: https://\xc2\x9b31m.example\r\n", goodRequest), status: 403, reason: "permission_denied", fate: kept},
		{name: "an origin of 10,000 bytes", send: post("Origin: https://"+fill(10_000)+"\r\n", goodRequest), status: 403, reason: "permission_denied", fate: kept},
		{name: "a wish for a route of 10,000 bytes", send: post("X-Sluice-Route: "+fill(10_000)+"\r\n", goodRequest), status: 403, reason: "permission_denied", fate: kept},
	})
}
