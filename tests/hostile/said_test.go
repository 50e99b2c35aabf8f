package hostile

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

// saidLine is a line of the log that log.bodies asks for. Source: the configuration's own
// description, docs/config.md.
type saidLine struct {
	Message      string `json:"msg"`
	Level        string `json:"level"`
	RequestID    string `json:"request_id"`
	Model        string `json:"model"`
	Request      string `json:"request"`
	RequestBytes int64  `json:"request_bytes"`
	Answer       string `json:"answer"`
	AnswerBytes  int64  `json:"answer_bytes"`
}

// saidOf returns the lines of a call.
func (g *gate) saidOf(t *testing.T, id string) (lines []saidLine) {
	t.Helper()
	for line := range strings.Lines(g.Log()) {
		var l saidLine
		if json.Unmarshal([]byte(line), &l) == nil && l.Message == "body" && l.RequestID == id {
			lines = append(lines, l)
		}
	}
	return lines
}

// TestSaid_is_logged_of_listed_models_alone_and_masked goes through every door with
// log.bodies on: the prompt holds the provider's own key and texts with the forms of keys.
func TestSaid_is_logged_of_listed_models_alone_and_masked(t *testing.T) {
	const (
		foreign = "sk-foreign-0123456789abcdef"
		prompt  = `the prompt\nsk-foreign-0123456789abcdef and ` + markerKey + ` here`
	)
	p := newProvider(t, map[string]func(*exchange){
		"well": answers(200, typeJSON, strings.Replace(goodAnswer, `"Ok"`, `"the answer `+foreign+`"`, 1)),
		"flow": func(x *exchange) {
			x.write(ok200, typeSSE, "\r\n")
			for _, piece := range []string{"the ans", "wer ", foreign[:8], foreign[8:], " done"} {
				x.write(`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"` + piece + `"},"finish_reason":null}]}` + "\n\n")
			}
			x.write(`data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"length"}]}`+"\n\n", "data: [DONE]\n\n")
		},
		"long": answers(200, typeJSON, strings.Replace(goodAnswer, `"Ok"`, `"`+fill(5000)+`"`, 1)),
		"odd":  answers(500, typeJSON, `{"error":{"message":"no","type":"t","param":null,"code":null}}`),
	})
	config := func(bodies string) string {
		return strings.Replace(providerConfig(p.address), "log: {level: debug}", "log: {level: debug"+bodies+"}", 1)
	}
	server := harness.Start(t, config(", bodies: {models: [odd/well, odd/flow, odd/odd], max_bytes: 2KiB}"))
	server.LeaveReceipts()
	g := &gate{Server: server}
	ask := func(door harness.Door, model string, stream bool) []saidLine {
		t.Helper()
		call := harness.Call{JSON: []byte(`{"model":"` + model + `","messages":[{"role":"user","content":"` + prompt + `"}],"metadata":{"api_key":"hunter2"}}`)}
		var a harness.Answer
		if stream {
			a = door.StreamChat(t.Context(), call, nil)
		} else {
			a = door.Chat(t.Context(), call)
		}
		if a.Err != nil {
			t.Errorf("%s %s: %v", door.Name, model, a.Err)
		}
		id := a.Header.Get("X-Sluice-Request-Id")
		g.settled(t, id)
		return g.saidOf(t, id) // it is written before an answer ends
	}
	silent := func(t *testing.T) {
		t.Helper()
		for _, secret := range []string{foreign, foreign[3:], marker, "hunter2"} {
			if log := g.Log(); strings.Contains(log, secret) {
				t.Errorf("the log holds %s", secret)
			}
		}
	}
	for _, door := range g.Doors(t) {
		run(t, "listed, "+door.Name, func(t *testing.T) {
			got := ask(door, "odd/well", false)
			if len(got) != 1 || got[0].Level != "INFO" || got[0].Model != "odd/well" || !strings.Contains(got[0].Request, `"the prompt\nsk-[redacted] and [redacted] here"`) ||
				!strings.Contains(got[0].Request, `"api_key":"[redacted]"`) || !strings.Contains(got[0].Answer, `"the answer sk-[redacted]"`) || got[0].RequestBytes != 0 || got[0].AnswerBytes != 0 {
				t.Errorf("%+v", got)
			}
			silent(t)
		})
		run(t, "stream, "+door.Name, func(t *testing.T) {
			got := ask(door, "odd/flow", true)
			if len(got) != 1 || !strings.Contains(got[0].Request, "the prompt") || !strings.Contains(got[0].Answer, `"the answer sk-[redacted] done"`) || !strings.Contains(got[0].Answer, `"finish_reason":"length"`) {
				t.Errorf("%+v", got)
			}
			silent(t)
		})
		run(t, "failed, "+door.Name, func(t *testing.T) {
			if got := ask(door, "odd/odd", false); len(got) != 1 || !strings.Contains(got[0].Request, "the prompt") || got[0].Answer != "" {
				t.Errorf("%+v", got)
			}
		})
		run(t, "not listed, "+door.Name, func(t *testing.T) {
			before := strings.Count(g.Log(), "the prompt")
			for _, model := range []string{"odd/long", "odd/WELL", "sandbox/echo"} {
				if got := ask(door, model, model == "sandbox/echo"); len(got) != 0 {
					t.Errorf("%s: %+v", model, got)
				}
			}
			if after := strings.Count(g.Log(), "the prompt"); after != before {
				t.Errorf("the log holds the prompt of another model")
			}
		})
	}
	run(t, "cut, after a reload for all models", func(t *testing.T) {
		if err := server.Reload(config(`, bodies: {models: ["*"], max_bytes: 64B}`)); err != nil {
			t.Fatal(err)
		}
		got := ask(g.REST(), "odd/long", false)
		if len(got) != 1 || len(got[0].Request) != 64+3 || !strings.HasSuffix(got[0].Request, "...") || len(got[0].Answer) != 64+3 || got[0].AnswerBytes < 5000 || got[0].RequestBytes < 100 {
			t.Errorf("%+v", got)
		}
		silent(t)
	})
	run(t, "of a key, after a reload", func(t *testing.T) {
		const key = "team-key-0123456789"
		if err := server.Reload(config(`, bodies: {keys: [` + key + `]}`)); err != nil {
			t.Fatal(err)
		}
		for sent, lines := range map[string]int{key: 1, "another-key": 0} {
			for _, door := range g.Doors(t) {
				a := door.Chat(t.Context(), harness.Call{
					JSON:   []byte(`{"model":"odd/well","messages":[{"role":"user","content":"` + prompt + `"}]}`),
					Header: http.Header{"Authorization": {"Bearer " + sent}},
				})
				id := a.Header.Get("X-Sluice-Request-Id")
				g.settled(t, id)
				if got := g.saidOf(t, id); len(got) != lines {
					t.Errorf("%s: a call with the key %q has %d lines, want %d", door.Name, sent, len(got), lines)
				}
			}
		}
		if strings.Contains(g.Log(), key) {
			t.Error("the log holds the caller's key")
		}
	})
	run(t, "none, after a reload without", func(t *testing.T) {
		for _, bodies := range []string{"", ", bodies: {}", ", bodies: {models: []}"} {
			if err := server.Reload(config(bodies)); err != nil {
				t.Fatal(err)
			}
			before := strings.Count(g.Log(), "the prompt")
			if got := ask(g.REST(), "odd/well", false); len(got) != 0 || strings.Count(g.Log(), "the prompt") != before {
				t.Errorf("%q: %+v", bodies, got)
			}
		}
	})
}
