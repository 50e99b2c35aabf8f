package routing

import (
	"net/http"
	"strings"
	"testing"
)

const sixLack = "lacks: [tools, vision, audio, files, json_schema, streaming]"

func parts(part string) string {
	return `{"model":"%",` + `"messages":[{"role":"user","content":[{"type":"text","text":"x"},` + part + `]}]}`
}

func TestA_target_that_lacks_a_feature_is_no_candidate(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}, {name: c, @c}]
models:
  - {name: some, targets: [{provider: a, `+sixLack+`}, {provider: b, priority: 1}]}
  - {name: none, targets: [{provider: a, model: x, `+sixLack+`}, {provider: c, `+sixLack+`}]}
`)
	plain := chatOf("%")
	tests := []struct {
		why  string
		kind kind
		body string
		// lacks is empty for a call that every target can serve.
		lacks string
	}{
		{"a plain call", single, plain, ""},
		{"an empty list of tools", single, chatOf("%", `"tools":[]`), ""},
		{"a response format of text", single, chatOf("%", `"response_format":{"type":"json_object"}`), ""},
		{"modalities of text", single, chatOf("%", `"modalities":["text"]`), ""},
		{"a part of text", single, parts(`{"type":"text","text":"y"}`), ""},
		{"tools", single, chatOf("%", `"tools":[{"type":"function","function":{"name":"f"}}]`), "tools"},
		{"functions", single, chatOf("%", `"functions":[{"name":"f"}]`), "tools"},
		{"a picture", single, parts(`{"type":"image_url","image_url":{"url":"https://x.example/y.png"}}`), "vision"},
		{"sound", single, parts(`{"type":"input_audio","input_audio":{"data":"AA==","format":"wav"}}`), "audio"},
		{"a wish for sound", single, chatOf("%", `"modalities":["text","audio"]`), "audio"},
		{"a voice", single, chatOf("%", `"audio":{"voice":"alloy","format":"wav"}`), "audio"},
		{"a file", single, parts(`{"type":"file","file":{"file_id":"f"}}`), "files"},
		{"a schema", single, chatOf("%", `"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}}`), "json_schema"},
		{"a stream", streamed, plain, "streaming"},
		{"two features", streamed, chatOf("%", `"tools":[{"type":"function","function":{"name":"f"}}]`), "tools, streaming"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			provider := "b"
			if test.lacks == "" {
				provider = "a"
			}
			answeredBy(t, s.ask(t, s.REST(), test.kind, strings.Replace(test.body, "%", "some", 1)), provider)
			for _, d := range s.Doors(t) {
				r := s.ask(t, d, test.kind, strings.Replace(test.body, "%", "none", 1))
				if test.lacks == "" {
					if r.Failure != nil || r.Err != nil {
						t.Errorf("%s: %s", d.Name, r.outcome())
					}
					continue
				}
				failedFor(t, r, "unsupported")
				want := `no target of the model "none" can serve this call: a/x lacks ` + test.lacks + `; c/none lacks ` + test.lacks
				if f := r.Failure; f != nil && (f.Error.GetMessage() != want || f.Status != http.StatusBadRequest || f.Error.GetParam() != "model") {
					t.Errorf("%s: %d %q of %q, want %q", d.Name, f.Status, f.Error.GetMessage(), f.Error.GetParam(), want)
				}
			}
		})
	}
}

// The prompt is estimated at four bytes per token.
func TestA_context_window_takes_only_what_fits(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}]
models:
  - {name: some, targets: [{provider: a, context_window: 100}, {provider: b, priority: 1}]}
  - {name: none, targets: [{provider: a, context_window: 100}, {provider: b, model: y, context_window: 50}]}
`)
	prompt := func(model string, tokens int, members ...string) string {
		return `{"model":"` + model + `",` + strings.Join(append([]string{`"messages":[{"role":"user","content":"` + strings.Repeat("four", tokens) + `"}]`}, members...), ",") + `}`
	}
	tests := []struct {
		why     string
		tokens  int
		members string
		fits    bool
	}{
		{"a prompt that leaves a token", 99, "", true},
		{"a prompt that leaves none", 100, "", false},
		{"an answer that fits", 60, `"max_tokens":40`, true},
		{"an answer that does not", 60, `"max_tokens":41`, false},
		{"the newer bound", 60, `"max_completion_tokens":41`, false},
		{"the newer bound before the older", 60, `"max_completion_tokens":40,"max_tokens":400`, true},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			var members []string
			if test.members != "" {
				members = []string{test.members}
			}
			if test.fits {
				answeredBy(t, s.chat(t, prompt("some", test.tokens, members...)), "a")
				return
			}
			answeredBy(t, s.chat(t, prompt("some", test.tokens, members...)), "b")
			r := s.chat(t, prompt("none", test.tokens, members...))
			failedFor(t, r, "unsupported")
			for _, want := range []string{"a/none has a context window of 100 tokens", "b/y has a context window of 50 tokens"} {
				if r.Failure != nil && !strings.Contains(r.Failure.Error.GetMessage(), want) {
					t.Errorf("the message lacks %q: %s", want, r.Failure.Error.GetMessage())
				}
			}
		})
	}
}
