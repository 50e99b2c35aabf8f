package hostile

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

// ids are names of models that would be something else in a URL or a header.
var ids = []struct{ name, id, sent string }{
	// sent is the path below /v1/models/ by which it goes upstream; "" when it must not go.
	{"a URL", "http://evil/", "http:%2F%2Fevil%2F"},
	{"a URL without scheme", "//evil", "%2F%2Fevil"},
	{"two steps up", "../../x", ""},
	{"a step up inside", "a/../b", ""},
	{"a step up at the end", "a/..", ""},
	{"a step that stays", "./a", ""},
	{"two dots alone", "..", ""},
	{"a dot alone", ".", ""},
	{"an encoded step up", "a%2f..%2f", "a%252f..%252f"},
	{"an encoded dot", "%2e%2e", "%252e%252e"},
	{"a query", "a?b=c", "a%3Fb=c"},
	{"a fragment", "a#b", "a%23b"},
	{"credentials", "@evil", "@evil"},
	{"a port", "a:80", "a:80"},
	{"parameters", "a;b=c", "a%3Bb=c"},
	{"a backslash", `a\b`, "a%5Cb"},
	{"a line end", "a\r\nX-Evil: 1", "a%0D%0AX-Evil:%201"},
	{"a whole request", "a HTTP/1.1\r\nHost: evil\r\n\r\nGET /", "a%20HTTP%2F1.1%0D%0AHost:%20evil%0D%0A%0D%0AGET%20%2F"},
	{"a NUL", "a\x00b", "a%00b"},
	{"another script", "模型", "%E6%A8%A1%E5%9E%8B"},
	{"a direction", "a\u202eb", "a%E2%80%AEb"},
	{"an escape of a terminal", "\x1b[31mred", "%1B%5B31mred"},
}

// TestIDs_are_no_part_of_a_URL asks for models through every kind of door: what goes
// upstream is one segment behind /v1/models/, or nothing.
func TestIDs_are_no_part_of_a_URL(t *testing.T) {
	g := open(t)
	doors := g.Doors(t)
	for _, i := range ids {
		for _, door := range []harness.Door{doors[0], doors[1], doors[3]} {
			if door.IsREST() && (i.sent == "" || strings.ContainsAny(i.id, "\r\n\x00\x1b\\/")) {
				continue // in a path it names nothing: see TestTargets_are_read_once
			}
			run(t, door.Name+"/"+i.name, func(t *testing.T) {
				g.up.Answer(harness.JSON(200, `{"id":"x","object":"model","created":1,"owned_by":"y"}`))
				start := time.Now()
				a := door.GetModel(t.Context(), harness.Call{Model: i.id})
				within(t, "the answer", time.Since(start), soon)
				checkClean(t, a)
				var uris []string
				for _, r := range g.up.Requests() {
					uris = append(uris, r.Method+" "+r.URI)
					if host := "http://" + r.Header.Get("Host") + "/v1"; host != g.up.URL || r.Header.Get("X-Evil") != "" {
						t.Errorf("host %s, header %v", host, r.Header)
					}
				}
				switch {
				case i.sent == "" && (len(uris) > 0 || a.Failure == nil || a.Failure.Status != 404):
					t.Errorf("upstream %q, failure %+v, want a refusal", uris, a.Failure)
				case i.sent != "" && !slices.Equal(uris, []string{"GET /v1/models/" + i.sent}):
					t.Errorf("upstream %q, want %q", uris, i.sent)
				}
				g.up.Answer(harness.JSON(200, goodAnswer))
				g.healthy(t, door)
			})
		}
	}
}

// checkClean looks for what a terminal obeys in texts and headers of an answer.
func checkClean(t *testing.T, a harness.Answer) {
	t.Helper()
	if a.Err != nil && !a.ErrNoDetail() {
		t.Errorf("no client understands the answer: %v", a.Err)
	}
	if f := a.Failure; f != nil && (obeyed(f.Error.GetMessage()) >= 0 || len(f.Error.GetMessage()) > maxErrorBytes) {
		t.Errorf("%d bytes of message: %.300q", len(f.Error.GetMessage()), f.Error.GetMessage())
	}
	for name, values := range a.Header {
		for _, value := range values {
			if strings.HasSuffix(name, "-Bin") {
				continue
			}
			if obeyed(value) >= 0 || len(value) > maxErrorBytes {
				t.Errorf("%s: %.300q", name, value)
			}
		}
	}
}

// TestModels_of_chats_stay_in_the_body: whatever a model is called, a chat goes to the
// one path of the provider, with one set of headers.
func TestModels_of_chats_stay_in_the_body(t *testing.T) {
	g := open(t)
	doors := g.Doors(t)
	for _, i := range ids {
		for _, door := range []harness.Door{doors[0], doors[1], doors[3]} {
			run(t, door.Name+"/"+i.name, func(t *testing.T) {
				g.up.Answer(harness.JSON(200, goodAnswer))
				model, _ := json.Marshal(i.id)
				a := door.Chat(t.Context(), harness.Call{JSON: fmt.Appendf(nil, `{"model":%s,"messages":[{"role":"user","content":"x"}],"metadata":{"a\r\nX-Evil":"b\r\nX-Evil: 1"},"user":"u\r\nX-Evil: 1"}`, model)})
				checkClean(t, a)
				r := g.up.Only(t)
				if r.Method != http.MethodPost || r.URI != chatPath || "http://"+r.Header.Get("Host")+"/v1" != g.up.URL {
					t.Errorf("%s %s of %s", r.Method, r.URI, r.Header.Get("Host"))
				}
				want := []string{"Accept", "Accept-Encoding", "Authorization", "Content-Length", "Content-Type", "Host", "User-Agent"}
				for name := range r.Header {
					if !slices.Contains(want, name) && name != "Traceparent" {
						t.Errorf("a header of nobody: %s: %q", name, r.Header[name])
					}
				}
				if got, ok := harness.At(r.Body, "model"); !ok || harness.SameJSON(model, got) != nil {
					t.Errorf("the model went as %s, want %s", got, model)
				}
				g.healthy(t, door)
			})
		}
	}
}

// TestHeaders_of_callers_are_one_line each, or refused.
func TestHeaders_of_callers_are_one_line(t *testing.T) {
	g := open(t)
	for _, p := range g.ports() {
		for _, test := range []struct{ name, field, value string }{
			{"a line end", "openai-organization", "a\r\nX-Evil: 1"},
			{"a bare LF", "openai-organization", "a\nX-Evil: 1"},
			{"a NUL", "openai-project", "a\x00b"},
			{"an escape", "x-client-request-id", "\x1b[31mred"},
			{"a name with a line end", "openai-beta\r\nx-evil", "1"},
			{"a name with a colon", "openai-beta: a\r\nx-evil", "1"},
			{"capitals in a name", "OpenAI-Beta", "a"},
			{"a transfer encoding", "transfer-encoding", "chunked"},
			{"a connection", "connection", "keep-alive, x-evil"},
			{"a pseudo-header of nobody", ":evil", "1"},
			{"a second path", ":path", "/v1/models"},
		} {
			run(t, p.name+"/"+test.name, func(t *testing.T) {
				g.up.Answer(harness.JSON(200, goodAnswer))
				h := dialHTTP2(t, p.address)
				fields := restHead(chatPath, "57")
				if p.grpc {
					fields = grpcHead(unaryMethod)
				}
				h.open(1, false, append(fields, test.field, test.value)...)
				h.finish(p, 1)
				got := h.trailers(t, 1)
				_, answered := got[":status"]
				_, reset := got["reset"]
				if _, gone := got["gone"]; !answered && !reset && !gone && got["goaway"] == "" {
					t.Errorf("neither answer nor refusal: %v", got)
				}
				for _, r := range g.up.Requests() {
					if r.URI != chatPath || r.Header.Get("X-Evil") != "" || r.Header.Get("Evil") != "" {
						t.Errorf("%s %v", r.URI, r.Header)
					}
					for name, values := range r.Header {
						if obeyed(strings.Join(values, "")) >= 0 {
							t.Errorf("%s: %q", name, values)
						}
					}
				}
				_ = h.Close()
				g.healthy(t, g.Doors(t)[p.door])
			})
		}
	}
}
