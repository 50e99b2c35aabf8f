package corpus

import (
	"bytes"
	"net/http"
	"slices"
	"strings"
	"testing"
	"text/template"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
	"github.com/sluice-ai/sluice/tests/harness"
)

// standard is the configuration of cases that bring none. No breaker: a case must not
// depend on the door before it.
const standard = `
providers:
  - {name: main, kind: openai, base_url: "{{.Main}}", api_keys: [sk-upstream-main]}
  - {name: backup, kind: openai, base_url: "{{.Backup}}", api_keys: [sk-upstream-backup]}
  - {name: dead, kind: openai, base_url: "{{.Dead}}"}
  - {name: slow, kind: openai, base_url: "{{.Main}}", timeouts: {first_byte: 100ms, idle: 100ms}}
models:
  - {name: fast, targets: [{provider: main, model: gpt-4o-mini}]}
  - {name: pass, targets: [{provider: backup}]}
  - {name: "wild-*", targets: [{provider: backup}]}
  - name: ha
    targets:
      - {provider: main, model: gpt-4o, priority: 0}
      - {provider: backup, model: gpt-4o-backup, priority: 1}
  - name: ha-dead
    targets:
      - {provider: dead, model: gpt-4o, priority: 0}
      - {provider: backup, model: gpt-4o-backup, priority: 1}
routing: {default_provider: main, retries: {max_attempts: 2}}
breaker: {enabled: false}
`

// Source: OpenAI API reference, "Create chat completion", example, 2026-11.
const (
	standardBody = `{"id":"chatcmpl-1","object":"chat.completion","created":1741569952,"model":"gpt-4o-2024-08-06",` +
		`"choices":[{"index":0,"message":{"role":"assistant","content":"Hello there","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29},"service_tier":"default"}`
	chunkHead = `{"id":"chatcmpl-1","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb",`
)

var (
	standardEvents = []string{
		chunkHead + `"choices":[{"index":0,"delta":{"role":"assistant","content":""},"logprobs":null,"finish_reason":null}],"usage":null}`,
		chunkHead + `"choices":[{"index":0,"delta":{"content":"Hello"},"logprobs":null,"finish_reason":null}],"usage":null}`,
		chunkHead + `"choices":[{"index":0,"delta":{"content":" there"},"logprobs":null,"finish_reason":null}],"usage":null}`,
		chunkHead + `"choices":[{"index":0,"delta":{},"logprobs":null,"finish_reason":"stop"}],"usage":null}`,
		chunkHead + `"choices":[],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29}}`,
	}
	standardReplies = map[Kind]Script{
		KindChat:   {Body: standardBody},
		KindStream: {Events: standardEvents},
	}
)

func TestCorpus_every_door_gives_the_same_answer(t *testing.T) {
	cases, err := Load()
	if err != nil {
		t.Fatal(err)
	}
	if len(cases) < 40 {
		t.Fatalf("only %d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.Name, func(t *testing.T) { run(t, c) })
	}
}

// outcome is what one door made of a case.
type outcome struct {
	door    harness.Door
	answer  harness.Answer
	receipt harness.Receipt
	sent    []*harness.Request
}

func run(t *testing.T, c Case) {
	main, backup := harness.NewUpstream(t), harness.NewUpstream(t)
	config := c.Config
	if config == "" {
		config = standard
	}
	parsed, err := template.New("config").Parse(config)
	if err != nil {
		t.Fatal(err)
	}
	var text strings.Builder
	if err := parsed.Execute(&text, map[string]string{"Main": main.URL, "Backup": backup.URL, "Dead": harness.RefusedURL(t)}); err != nil {
		t.Fatal(err)
	}
	server := harness.Start(t, text.String())
	var first *outcome
	for i, door := range server.Doors(t) {
		if c.Apart && i > 0 {
			server = harness.Start(t, text.String())
			door = server.Doors(t)[i]
		}
		main.Answer(replies(t, c.Call, c.Upstream)...)
		backup.Answer(replies(t, c.Call, c.Backup)...)
		o := outcome{door: door, answer: call(t, door, c)}
		o.receipt = server.Receipt(t)
		o.sent = append(main.Requests(), backup.Requests()...)
		if o.answer.Err != nil {
			t.Errorf("%s: %v", door.Name, o.answer.Err)
			continue
		}
		check(t, c, o)
		if first == nil {
			first = &o
		} else {
			compare(t, *first, o)
		}
		if t.Failed() {
			t.Logf("%s answered %s with %+v", door.Name, o.answer.Body, o.answer.Failure)
		}
		for _, secret := range []string{"sk-upstream-main", "sk-upstream-backup", "sk-caller-secret"} {
			if strings.Contains(server.Log(), secret) {
				t.Errorf("%s: the log holds the key %s", door.Name, secret)
			}
		}
	}
}

func replies(t *testing.T, kind Kind, scripts []Script) []harness.Reply {
	t.Helper()
	if len(scripts) == 0 {
		scripts = []Script{standardReplies[kind]}
	}
	var all []harness.Reply
	for _, s := range scripts {
		reply, err := s.reply()
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, reply)
	}
	return all
}

func call(t *testing.T, door harness.Door, c Case) harness.Answer {
	t.Helper()
	call := harness.Call{JSON: []byte(c.Request), Model: c.Model, Header: http.Header{
		"Authorization": {"Bearer sk-caller-secret"},
		"Cookie":        {"session=sk-caller-secret"},
	}}
	for name, value := range c.Headers {
		call.Header.Set(name, value)
	}
	switch c.Call {
	case KindChat:
		return door.Chat(t.Context(), call)
	case KindStream:
		return door.StreamChat(t.Context(), call, nil)
	case KindEmbeddings:
		return door.Embed(t.Context(), call)
	case KindModels:
		return door.ListModels(t.Context(), call)
	case KindModel:
		return door.GetModel(t.Context(), call)
	}
	t.Fatalf("unknown call %q", c.Call)
	return harness.Answer{}
}

// compare holds a door to the first one.
func compare(t *testing.T, a, b outcome) {
	t.Helper()
	name := b.door.Name
	if (a.answer.Message == nil) != (b.answer.Message == nil) || a.answer.Message != nil && !proto.Equal(a.answer.Message, b.answer.Message) {
		t.Errorf("%s: another answer than %s:\n%s\n%s", name, a.door.Name, show(b.answer.Message), show(a.answer.Message))
	}
	if !slices.EqualFunc(a.answer.Chunks, b.answer.Chunks, func(x, y *sluicev1.ChatCompletionChunk) bool { return proto.Equal(x, y) }) {
		t.Errorf("%s: other chunks than %s", name, a.door.Name)
	}
	if fa, fb := a.answer.Failure, b.answer.Failure; fa != nil && fb != nil {
		if !proto.Equal(fa.Error, fb.Error) {
			t.Errorf("%s: another error object than %s: %s, %s", name, a.door.Name, wirejson.Marshal(fb.Error), wirejson.Marshal(fa.Error))
		}
		if fb.Code == codes.OK {
			t.Errorf("%s: failed with code OK", name)
		}
		if fb.Provider != b.receipt.Provider && b.receipt.Provider != "" {
			t.Errorf("%s: the error names provider %q, the receipt %q", name, fb.Provider, b.receipt.Provider)
		}
	}
	x, y := a.receipt, b.receipt
	x.ID, x.Door, y.ID, y.Door = "", "", "", ""
	if text(t, x) != text(t, y) {
		t.Errorf("%s: another receipt than %s: %+v, %+v", name, a.door.Name, y, x)
	}
	if g, w := returned(b.answer.Header), returned(a.answer.Header); g != w {
		t.Errorf("%s: other headers than %s: %q, %q", name, a.door.Name, g, w)
	}
	if !slices.EqualFunc(a.sent, b.sent, func(x, y *harness.Request) bool {
		return x.Method == y.Method && x.URI == y.URI && bytes.Equal(x.Body, y.Body)
	}) {
		t.Errorf("%s: the upstream got other bytes than through %s", name, a.door.Name)
	}
}

func show(m proto.Message) string {
	if w, ok := m.(wirejson.Message); ok {
		return string(wirejson.Marshal(w))
	}
	return "nothing"
}

// returned are the provider's headers within an answer, and those that tell what
// happened on the way.
func returned(h http.Header) string {
	var all []string
	for name, values := range h {
		lower := strings.ToLower(name)
		if strings.HasPrefix(lower, "x-sluice-") && lower != "x-sluice-request-id" && lower != "x-sluice-error-reason" || lower == "retry-after" || lower == "retry-after-ms" || strings.HasPrefix(lower, "x-ratelimit-") || strings.HasPrefix(lower, "openai-") {
			all = append(all, lower+"="+strings.Join(values, ","))
		}
	}
	slices.Sort(all)
	return strings.Join(all, "; ")
}
