package hostile

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

// misbehaviours are the sandbox's models that fail. Source: docs/sandbox.md.
var misbehaviours = []string{
	"error-400", "error-401", "error-403", "error-404", "error-408", "error-409", "error-413", "error-422", "error-429",
	"error-500", "error-502", "error-503", "error-504", "error-529", "error-429-30s", "error-599",
	"cut-stream", "error-mid-stream", "refuse", "nobody", "flaky-100", "embed",
}

// markedCalls are the providers, the models and the headers of the marker's run.
type markedCalls struct {
	models []string
	header http.Header
	config func(more string) string
}

func newMarkedCalls(t *testing.T) markedCalls {
	t.Helper()
	scripts := map[string]func(*exchange){}
	var models []string
	for _, c := range upstreamCases() {
		if c.finding == "" && !strings.Contains(c.name, "without end") {
			scripts[c.name] = c.script
			models = append(models, "odd/"+c.name)
		}
	}
	for _, status := range []int{301, 400, 401, 402, 403, 404, 408, 409, 413, 418, 422, 429, 500, 501, 502, 503, 504, 529, 599, 999} {
		name := fmt.Sprint("quoting ", status)
		scripts[name] = answers(status, "X-Request-Id: KEY\r\nRetry-After: 0\r\n", `{"error":{"message":"KEY and TARGET","type":"t","param":null,"code":null}}`)
		models = append(models, "odd/"+name)
	}
	scripts["models"] = answers(500, "", "KEY TARGET")
	for name, script := range map[string]func(*exchange){
		"closes": func(*exchange) {}, "hangs": (*exchange).hang,
		"cuts": func(x *exchange) { x.write(ok200, typeSSE, "Content-Length: 9999\r\n\r\n", event) },
	} {
		scripts[name] = script
		models = append(models, "hasty/"+name)
	}
	for _, m := range misbehaviours {
		models = append(models, "sandbox/"+m)
	}
	p := newProvider(t, scripts)
	refused := harness.RefusedURL(t)
	return markedCalls{
		models: append(models, "quoted", "closed/x", "odd/", "/", "nobody's", ""),
		header: http.Header{
			"Authorization": {"Bearer caller-" + marker}, "X-Api-Key": {"caller-" + marker}, "Cookie": {"a=" + marker},
			"Traceparent": {"00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"}, "Tracestate": {"a=" + marker}, "Baggage": {"user=" + marker},
		},
		config: func(more string) string {
			return providerConfig(p.address) + fmt.Sprintf("  - {name: closed, kind: openai, base_url: %q, api_keys: [%s-closed], headers: {Authorization-Extra: %s}}\n", refused, markerKey, markerTarget) +
				"models: [{name: quoted, targets: [{provider: odd, model: quoting 401, headers: {X-Target-Token: " + markerTarget + "}}, {provider: closed}, {provider: odd, model: quoting 500}]}]\nlimits: {max_request_bytes: 64KiB}\n" + more
		},
	}
}

// ask makes every call through a door, half of them as streams unless whole. What fails is
// not told the marker.
func (m markedCalls) ask(t *testing.T, at int, door harness.Door, whole bool) {
	for i, model := range m.models {
		call := harness.Call{JSON: fmt.Appendf(nil, `{"model":%q,"messages":[{"role":"system","content":%q},{"role":"user","content":%q}],"user":%q}`, model, markerPrompt, markerPrompt, marker), Header: m.header}
		if whole || (at+i)%2 == 0 {
			hidden(t, door.Name+" "+model, door.Chat(t.Context(), call))
		}
		if whole || (at+i)%2 == 1 {
			hidden(t, door.Name+" stream "+model, door.StreamChat(t.Context(), call, nil))
		}
		hidden(t, door.Name+" get "+model, door.GetModel(t.Context(), harness.Call{Model: model, Header: m.header}))
	}
	hidden(t, door.Name, door.ListModels(t.Context(), harness.Call{Header: m.header}))
	hidden(t, door.Name, door.Embed(t.Context(), harness.Call{JSON: fmt.Appendf(nil, `{"model":"odd/quoting 500","input":%q}`, markerPrompt), Header: m.header}))
}

// TestMarker_is_told_to_nobody drives the error paths of a server whose provider's key,
// target headers, callers' keys and prompts all carry a marker: it appears in no log line at
// the level debug, metric, status or error. What a provider says to a caller of the
// caller's own prompt passes; nothing here does that but the sandbox's echo. Of spans, see
// [TestMarker_leaves_in_no_span].
func TestMarker_is_told_to_nobody(t *testing.T) {
	calls := newMarkedCalls(t)
	config := calls.config
	server := harness.Start(t, config(""))
	server.LeaveReceipts()
	g := &gate{Server: server}
	run(t, "models that fail, through every door", func(t *testing.T) {
		var running sync.WaitGroup
		doors := g.Doors(t)
		if !long() {
			doors = []harness.Door{doors[0], doors[1], doors[4]}
		}
		for at, door := range doors {
			running.Go(func() { calls.ask(t, at, door, long()) })
		}
		running.Wait()
		g.nothingMarked(t)
	})
	run(t, "bodies that are bad", func(t *testing.T) { g.badBodies(t); g.healthyAt(t, g.REST(), "odd/well"); g.nothingMarked(t) })
	run(t, "callers who leave", func(t *testing.T) {
		body := fmt.Sprintf(`{"model":"hasty/hangs","messages":[{"role":"user","content":%q}]}`, markerPrompt)
		for _, sent := range []string{post("", body), post("", body)[:200], "POST /v1/" + marker, chunks("", chunk(body))} {
			w := dial(t, g.HTTP)
			w.send(sent)
			_ = w.Close()
		}
		g.healthyAt(t, g.REST(), "odd/well")
		g.nothingMarked(t)
	})
	run(t, "reloads that fail", func(t *testing.T) {
		for _, more := range []string{"nonsense: " + marker + "\n", "log: [" + markerKey, "auth: {mode: " + marker + "}\n", "shutdown: {grace: " + marker + "}\n"} {
			if err := server.Reload(config(more)); err == nil {
				t.Errorf("%q was taken", more)
			}
		}
		for _, bad := range []string{"base_url: \"http://u:" + marker + "@x/\"", "base_url: \"http://x/\", api_keys: [\"" + marker + "\\n\"]", "base_url: \"http://x/\", headers: {X-A: \"" + marker + "\\u0000\"}"} {
			err := server.Reload("providers: [{name: p, kind: openai, " + bad + "}]\n")
			if err == nil || strings.Contains(err.Error(), marker) {
				t.Errorf("%s: the error is %v", strings.ReplaceAll(bad, marker, "..."), err)
			}
		}
		if err := server.Reload(config("")); err != nil {
			t.Error(err)
		}
		g.healthyAt(t, g.REST(), "odd/well")
		g.nothingMarked(t)
	})
}

// badBodies sends bodies with prompts that no door can read, and looks at what each is told.
func (g *gate) badBodies(t *testing.T) {
	prompt := `{"model":"sandbox/echo","messages":[{"role":"user","content":"` + markerPrompt
	for _, body := range []string{
		prompt, prompt + `"}]`, prompt + `\q"}]}`, prompt + "\x00\"}]}", prompt + "\xff\"}]}", prompt + `\ud800"}]}`,
		prompt + `"}],"temperature":"` + marker + `"}`, prompt + `"}],"n":` + marker + `}`, prompt + `"}],"user":["` + marker + `"]}`,
		prompt + fill(maxRequestBytes) + `"}]}`, `"` + markerPrompt + `"`, markerPrompt, `{"messages":[{"role":"user","content":"` + markerPrompt + `"}]}`,
	} {
		for _, path := range []string{chatPath, "/v1/embeddings", unaryMethod, streamMethod, "/v1/nothing"} {
			for _, contentType := range []string{"application/json", "application/proto", "application/connect+json", "application/grpc-web+proto", "text/plain"} {
				response, err := g.Client().Post("http://"+g.HTTP+path, contentType, strings.NewReader(body))
				if err != nil {
					t.Fatal(err)
				}
				told, err := io.ReadAll(response.Body)
				_ = response.Body.Close()
				if err != nil {
					t.Fatal(err)
				}
				if strings.Contains(string(told), marker) || strings.Contains(fmt.Sprint(response.Header, response.Trailer), marker) {
					t.Errorf("%s %s of %.80q: %s", path, contentType, body, told)
				}
			}
		}
	}
}

// hidden fails the test when a caller is told the marker in anything but an answer.
func hidden(t *testing.T, what string, a harness.Answer) {
	t.Helper()
	if a.Failure == nil && a.Err == nil {
		return
	}
	a.Chunks = nil // of a stream that broke off: they are the answer
	if a.Failure != nil && len(a.Body) == 0 || a.Failure == nil {
		a.Body = nil
	}
	if text := told(a); strings.Contains(text, marker) || a.Err != nil && strings.Contains(a.Err.Error(), marker) {
		t.Errorf("%s: %.500s", what, text)
	}
}
