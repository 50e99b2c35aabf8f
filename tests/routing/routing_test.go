// Package routing shows that every rule of docs/routing.md holds for whole calls: from
// the text of a configuration, through the doors, to what scripted providers receive and
// callers, receipts, metrics and the admin port are told.
package routing

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/tests/harness"

	"github.com/sluice-ai/sluice/server"
)

// stage is a server between its doors and providers by script.
type stage struct {
	*harness.Server

	up map[string]*harness.Upstream
}

var placeholder = regexp.MustCompile(`@([a-z]+)`)

// start runs a server. "@a" in the configuration stands for the kind and base URL of a
// scripted provider of that name, which answers well until it is told otherwise.
func start(t *testing.T, yaml string) *stage {
	t.Helper()
	s := &stage{up: map[string]*harness.Upstream{}}
	s.Server = harness.Start(t, s.fill(t, yaml))
	return s
}

// fill replaces the placeholders.
func (s *stage) fill(t *testing.T, yaml string) string {
	t.Helper()
	return placeholder.ReplaceAllStringFunc(yaml, func(text string) string {
		name := text[1:]
		if s.up[name] == nil {
			s.up[name] = harness.NewUpstream(t)
			s.well(name)
		}
		return fmt.Sprintf("kind: openai, base_url: %q", s.up[name].URL)
	})
}

func (s *stage) reload(t *testing.T, yaml string) {
	t.Helper()
	if err := s.Reload(s.fill(t, yaml)); err != nil {
		t.Fatal(err)
	}
}

// two is a configuration of the providers a and b, a first, and the model m.
const two = `
providers: [{name: a, @a}, {name: b, @b}]
models: [{name: m, targets: [{provider: a}, {provider: b, priority: 1}]}]
`

const unguarded = "breaker: {enabled: false}\n"

// well lets a provider answer what it is asked, and forget what it was asked before.
func (s *stage) well(names ...string) {
	for _, name := range names {
		s.up[name].Handle(func(w http.ResponseWriter, _ *http.Request, r *harness.Request) { answer(w, r, name) })
	}
}

// answer answers any request as a provider that is well.
func answer(w http.ResponseWriter, r *harness.Request, name string) {
	switch {
	case r.Method == http.MethodGet:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, `{"object":"list","data":[{"id":"of-`+name+`","object":"model","created":1,"owned_by":"`+name+`"}]}`)
	case strings.HasSuffix(r.URI, "/embeddings"):
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, embeddings)
	case bytes.Contains(r.Body, []byte(`"stream":true`)):
		w.Header().Set("Content-Type", "text/event-stream")
		for _, event := range []string{chunk("from "+name, ""), chunk("", "stop"), usageChunk, "[DONE]"} {
			_, _ = io.WriteString(w, "data: "+event+"\n\n")
		}
	default:
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, completion(name))
	}
}

// The shapes are those of OpenAI's API reference.
const (
	embeddings = `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.5]}],"model":"e","usage":{"prompt_tokens":3,"total_tokens":3}}`
	usageChunk = `{"id":"c","object":"chat.completion.chunk","created":1,"model":"r","choices":[],"usage":{"prompt_tokens":21,"completion_tokens":34,"total_tokens":55}}`
	message    = `"messages":[{"role":"user","content":"Hello"}]`
)

func completion(name string) string {
	return `{"id":"c","object":"chat.completion","created":1,"model":"r","choices":[{"index":0,"message":{"role":"assistant","content":"from ` + name +
		`"},"finish_reason":"stop"}],"usage":{"prompt_tokens":21,"completion_tokens":34,"total_tokens":55}}`
}

func chunk(text, finish string) string {
	reason := "null"
	if finish != "" {
		reason = strconv.Quote(finish)
	}
	return `{"id":"c","object":"chat.completion.chunk","created":1,"model":"r","choices":[{"index":0,"delta":{"content":` +
		strconv.Quote(text) + `},"finish_reason":` + reason + `}]}`
}

// failing is a provider's error.
func failing(status int, header ...[2]string) harness.Reply {
	return harness.JSON(status, fmt.Sprintf(`{"error":{"message":"status %d","type":"some_error","param":null,"code":null}}`, status), header...)
}

// failed lets a provider fail every call with a status.
func (s *stage) failed(status int, names ...string) {
	for _, name := range names {
		s.up[name].Answer(failing(status))
	}
}

// asked is how often a provider was asked for an answer, health checks aside.
func (s *stage) asked(name string) int {
	n := 0
	for _, r := range s.up[name].Requests() {
		if r.Method == http.MethodPost {
			n++
		}
	}
	return n
}

// chatOf is a request for a model with more members.
func chatOf(model string, members ...string) string {
	return `{"model":` + strconv.Quote(model) + `,` + strings.Join(append([]string{message}, members...), ",") + `}`
}

// result is the end of a call with its receipt.
type result struct {
	harness.Answer

	receipt harness.Receipt
	took    time.Duration
}

// provider is who answered, or failed last.
func (r result) provider() string { return r.Header.Get("X-Sluice-Provider") }

func (r result) attempts() string { return r.Header.Get("X-Sluice-Attempts") }

func (r result) tried() string { return r.Header.Get("X-Sluice-Tried") }

// outcome tells a call in a line: who answered, or why nobody did.
func (r result) outcome() string {
	switch {
	case r.Err != nil:
		return r.Err.Error()
	case r.Failure != nil:
		return r.receipt.Reason
	}
	return r.provider()
}

// kind is what a call asks for.
type kind string

const (
	single   kind = "single"
	streamed kind = "stream"
	embedded kind = "embeddings"
)

// ask makes a call and waits for its receipt.
func (s *stage) ask(t *testing.T, d harness.Door, k kind, body string, header ...string) result {
	t.Helper()
	return s.askWithin(t.Context(), t, d, k, body, header...)
}

func (s *stage) askWithin(ctx context.Context, t *testing.T, d harness.Door, k kind, body string, header ...string) result {
	t.Helper()
	begun := time.Now()
	r := result{Answer: send(ctx, d, k, body, header...), took: time.Since(begun)}
	r.receipt = s.Receipt(t)
	return r
}

// send makes a call, and leaves when nothing comes of it for much too long. That is no
// deadline, of which the server would hear.
func send(ctx context.Context, d harness.Door, k kind, body string, header ...string) harness.Answer {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer time.AfterFunc(harness.Patience, cancel).Stop()
	c := harness.Call{JSON: []byte(body), Header: http.Header{}}
	for i := 0; i < len(header); i += 2 {
		c.Header.Add(header[i], header[i+1])
	}
	switch k {
	case streamed:
		return d.StreamChat(ctx, c, nil)
	case embedded:
		return d.Embed(ctx, c)
	case single:
	}
	return d.Chat(ctx, c)
}

// chat asks the REST door.
func (s *stage) chat(t *testing.T, body string, header ...string) result {
	t.Helper()
	return s.ask(t, s.REST(), single, body, header...)
}

// door returns a door by its name.
func (s *stage) door(t *testing.T, name string) harness.Door {
	t.Helper()
	for _, d := range s.Doors(t) {
		if d.Name == name {
			return d
		}
	}
	t.Fatalf("there is no door %s", name)
	return harness.Door{}
}

// answeredBy fails the test unless the call succeeded there.
func answeredBy(t *testing.T, r result, provider string) {
	t.Helper()
	if got := r.outcome(); got != provider || r.Failure != nil {
		t.Errorf("%s, want an answer of %s; tried %q %+v", got, provider, r.tried(), r.Failure)
	}
}

// failedFor fails the test unless the call failed for the reason.
func failedFor(t *testing.T, r result, reason string) {
	t.Helper()
	if r.Failure == nil || r.Err != nil || r.receipt.Reason != reason {
		t.Errorf("%s (%v), want the failure %s; tried %q", r.outcome(), r.Failure, reason, r.tried())
	}
}

// wants fails the test unless a provider was asked so often.
func (s *stage) wants(t *testing.T, provider string, asked int) {
	t.Helper()
	if n := s.asked(provider); n != asked {
		t.Errorf("%s was asked %d times, want %d", provider, n, asked)
	}
}

// status asks the admin port as `sluice status` does.
func (s *stage) status(t *testing.T) *server.Status {
	t.Helper()
	status, err := server.AskStatus(t.Context(), s.Admin, server.Operator{})
	if err != nil {
		t.Fatal(err)
	}
	return status
}

// target is how the status shows a target.
func (s *stage) target(t *testing.T, name string) server.TargetStatus {
	t.Helper()
	for _, target := range s.status(t).Targets {
		if target.Target == name {
			return target
		}
	}
	t.Fatalf("the status has no target %s", name)
	return server.TargetStatus{}
}

// metric tells whether /metrics has a line.
func (s *stage) metric(t *testing.T, line string) {
	t.Helper()
	response, err := s.Client().Get("http://" + s.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if !strings.Contains("\n"+string(text), "\n"+line+"\n") {
		t.Errorf("/metrics lacks %s", line)
	}
}

// eventually waits for a state that nothing announces.
func eventually(t *testing.T, what string, met func() bool) {
	t.Helper()
	ticker := time.NewTicker(2 * time.Millisecond)
	defer ticker.Stop()
	for deadline := time.Now().Add(harness.Patience); !met(); <-ticker.C {
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain for %s", what)
		}
	}
}

// text is the text of an answer.
func text(r result) string {
	var s strings.Builder
	for _, c := range r.Chunks {
		for _, choice := range c.GetChoices() {
			s.WriteString(choice.GetDelta().GetContent())
		}
	}
	if m, ok := r.Message.(*sluicev1.ChatCompletion); ok {
		for _, choice := range m.GetChoices() {
			s.WriteString(choice.GetMessage().GetContent())
		}
	}
	return s.String()
}

// modelIDs lists the models of an answer.
func modelIDs(r result) string {
	switch m := r.Message.(type) {
	case *sluicev1.Model:
		return m.GetId()
	case *sluicev1.ListModelsResponse:
		ids := make([]string, len(m.GetData()))
		for i, model := range m.GetData() {
			ids[i] = model.GetId()
		}
		return strings.Join(ids, " ")
	}
	return ""
}

func ownerOf(r result) string {
	m, _ := r.Message.(*sluicev1.Model)
	return m.GetOwnedBy()
}
