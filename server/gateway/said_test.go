package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/redact"
	"github.com/sluice-ai/sluice/server/usage"
)

// saidLine is a line of the log.
type saidLine struct {
	Message      string `json:"msg"`
	Level        string
	RequestID    string `json:"request_id"`
	Model        string
	Request      string
	RequestBytes int64 `json:"request_bytes"`
	Answer       string
	AnswerBytes  int64 `json:"answer_bytes"`
}

// hearing is a service that logs the calls of models, and its log.
func hearing(t *testing.T, f *far, maxBytes int, models ...string) (*Service, func() []saidLine) {
	t.Helper()
	var out bytes.Buffer
	logger := slog.New(slog.NewJSONHandler(&out, nil))
	p := plan(t, "p", nil, f.provider("p"))
	p.Bodies = usage.NewBodies(logger, new(redact.Redactor), models, nil, maxBytes)
	s, _ := service(t, p)
	return s, func() (lines []saidLine) {
		for line := range bytes.Lines(out.Bytes()) {
			var l saidLine
			if err := json.Unmarshal(line, &l); err != nil {
				t.Errorf("%v: %s", err, line)
			}
			lines = append(lines, l)
		}
		out.Reset()
		return lines
	}
}

func TestService_logs_what_was_said_in_calls_of_listed_models_alone(t *testing.T) {
	failure := error(nil)
	f := &far{chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
		if failure != nil {
			return nil, failure
		}
		return &sluicev1.ChatCompletion{Id: "c", Object: "chat.completion", Choices: []*sluicev1.Choice{{Message: &sluicev1.ResponseMessage{Content: new("hello")}}}}, nil
	}}
	s, lines := hearing(t, f, 1<<10, "p/listed", "other")
	call := func(model string) []saidLine {
		_, err := s.CreateChatCompletion(WithCall(t.Context(), &Call{ID: "c-" + model}), question(model))
		if (err != nil) != (failure != nil || model == "") {
			t.Error(err)
		}
		return lines()
	}
	got := call("p/listed")
	if len(got) != 1 || got[0].Message != "body" || got[0].Level != "INFO" || got[0].RequestID != "c-p/listed" || got[0].Model != "p/listed" ||
		got[0].Request != `{"model":"p/listed","messages":[{"role":"user","content":"hi"}]}` || !strings.Contains(got[0].Answer, `"content":"hello"`) || got[0].RequestBytes != 0 || got[0].AnswerBytes != 0 {
		t.Errorf("%+v", got)
	}
	for _, model := range []string{"p/unlisted", "listed", "P/listed", "p/listed ", "*", ""} {
		if got := call(model); len(got) != 0 {
			t.Errorf("%q: %+v", model, got)
		}
	}
	failure = &adapters.Error{Kind: adapters.KindInvalid, Provider: "p", Status: 400, Message: "no"}
	if got := call("p/listed"); len(got) != 1 || got[0].Request == "" || got[0].Answer != "" {
		t.Errorf("a call that failed: %+v", got)
	}
	failure = nil
	s, lines = hearing(t, f, 1<<10, usage.AllModels)
	for _, model := range []string{"p/x", "", "y"} {
		if got := call(model); len(got) != 1 || got[0].Model != model {
			t.Errorf("%q: %+v", model, got)
		}
	}
	s, lines = hearing(t, f, 1<<10)
	if got := call("p/listed"); len(got) != 0 || s.plan.Load().Bodies != nil {
		t.Errorf("nothing is listed: %+v", got)
	}
}

func TestService_logs_a_stream_as_the_answer_that_it_makes(t *testing.T) {
	tool := func(index int64, id *string, name, arguments string) *sluicev1.ToolCallDelta {
		d := &sluicev1.ToolCallDelta{Index: index, Id: id, Function: &sluicev1.FunctionCallDelta{Arguments: &arguments}}
		if name != "" {
			d.Function.Name = &name
		}
		return d
	}
	delta := func(index int64, d *sluicev1.Delta) *sluicev1.ChatCompletionChunk {
		return &sluicev1.ChatCompletionChunk{Id: "c-1", Model: "m-1", Choices: []*sluicev1.ChunkChoice{{Index: index, Delta: d}}}
	}
	chunks := []*sluicev1.ChatCompletionChunk{
		delta(0, &sluicev1.Delta{Role: new("assistant"), Content: new("Hel")}),
		delta(1, &sluicev1.Delta{Role: new("assistant"), Refusal: new("I ")}),
		delta(0, &sluicev1.Delta{Content: new("lo")}),
		delta(0, &sluicev1.Delta{ReasoningContent: new("h")}),
		delta(0, &sluicev1.Delta{ReasoningContent: new("m")}),
		delta(1, &sluicev1.Delta{Refusal: new("won't")}),
		delta(2, &sluicev1.Delta{ToolCalls: []*sluicev1.ToolCallDelta{tool(0, new("call_1"), "f", `{"a"`), tool(1, new("call_2"), "g", "")}}),
		delta(2, &sluicev1.Delta{ToolCalls: []*sluicev1.ToolCallDelta{tool(1, nil, "", "{}"), tool(0, nil, "", ":1}"), {Index: 2, Id: new("call_3"), Custom: &sluicev1.CustomCallDelta{Name: new("h"), Input: new("x")}}}}),
		delta(3, &sluicev1.Delta{FunctionCall: &sluicev1.FunctionCallDelta{Name: new("old"), Arguments: new("{")}}),
		delta(3, &sluicev1.Delta{FunctionCall: &sluicev1.FunctionCallDelta{Arguments: new("}")}}),
		{Choices: []*sluicev1.ChunkChoice{{Index: 0, FinishReason: new("stop")}, {Index: 2, FinishReason: new("tool_calls")}}},
		bill(3, 4),
	}
	want := &sluicev1.ChatCompletion{Id: "c-1", Model: "m-1", Object: "chat.completion", Choices: []*sluicev1.Choice{
		{Index: 0, Message: &sluicev1.ResponseMessage{Role: "assistant", Content: new("Hello"), ReasoningContent: new("hm")}, FinishReason: new("stop")},
		{Index: 1, Message: &sluicev1.ResponseMessage{Role: "assistant", Refusal: new("I won't")}},
		{Index: 2, Message: &sluicev1.ResponseMessage{ToolCalls: []*sluicev1.ToolCall{
			{Call: &sluicev1.ToolCall_Function{Function: &sluicev1.FunctionToolCall{Id: "call_1", Function: &sluicev1.FunctionCall{Name: "f", Arguments: `{"a":1}`}}}},
			{Call: &sluicev1.ToolCall_Function{Function: &sluicev1.FunctionToolCall{Id: "call_2", Function: &sluicev1.FunctionCall{Name: "g", Arguments: "{}"}}}},
			{Call: &sluicev1.ToolCall_Custom{Custom: &sluicev1.CustomToolCall{Id: "call_3", Custom: &sluicev1.CustomCall{Name: "h", Input: "x"}}}},
		}}, FinishReason: new("tool_calls")},
		{Index: 3, Message: &sluicev1.ResponseMessage{FunctionCall: &sluicev1.FunctionCall{Name: "old", Arguments: "{}"}}},
	}}
	broken := errors.New("the caller left")
	for name, sendErr := range map[string]error{"to its end": nil, "left": broken} {
		f := &far{stream: func(_ context.Context, _ *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
			for _, c := range chunks {
				if err := send(c); err != nil {
					return err
				}
			}
			return nil
		}}
		s, lines := hearing(t, f, 4<<10, "p/m")
		_ = s.StreamChat(WithCall(t.Context(), &Call{ID: "c-1"}), question("p/m"), func(*sluicev1.ChatCompletionChunk) error { return sendErr })
		got := lines()
		if len(got) != 1 || got[0].RequestID != "c-1" {
			t.Fatalf("%s: %+v", name, got)
		}
		if sendErr != nil {
			if !strings.Contains(got[0].Answer, `"content":"Hel`) {
				t.Errorf("%s: %s", name, got[0].Answer)
			}
			continue
		}
		if all := string(wirejson.Marshal(want)); got[0].Answer != all || got[0].AnswerBytes != 0 {
			t.Errorf("%s:\n%s, want\n%s", name, got[0].Answer, all)
		}
	}
}

// counter is a provider that counts.
type counter struct{ *far }

func (counter) CountTokens(_ context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
	return &sluicev1.TokenCount{Object: "o", InputTokens: 7, Model: call.Model}, nil
}

func TestService_logs_conversations_that_are_only_counted(t *testing.T) {
	s, lines := hearing(t, new(far), 1<<10, "p/listed")
	p := s.plan.Load().Providers["p"]
	p.Count = counter{}
	s.plan.Load().Providers["p"] = p
	for model, want := range map[string]int{"p/listed": 1, "p/unlisted": 0} {
		if _, err := s.CountTokens(t.Context(), question(model)); err != nil {
			t.Fatal(err)
		}
		got := lines()
		if len(got) != want {
			t.Fatalf("%s: %+v", model, got)
		}
		if want == 1 && (!strings.Contains(got[0].Request, `"content":"hi"`) || !strings.Contains(got[0].Answer, `"input_tokens":7`)) {
			t.Errorf("%+v", got)
		}
	}
}

// Names and ids cost memory, too, and a provider may make up as many as it likes.
func TestService_keeps_a_bounded_number_of_choices_and_tool_calls(t *testing.T) {
	const many = 40
	f := &far{stream: func(_ context.Context, _ *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
		for i := range int64(many * many) {
			call := &sluicev1.ToolCallDelta{Index: i % many, Id: new("call_" + strings.Repeat("i", 300))}
			if err := send(&sluicev1.ChatCompletionChunk{Choices: []*sluicev1.ChunkChoice{{Index: i / many, Delta: &sluicev1.Delta{ToolCalls: []*sluicev1.ToolCallDelta{call}}}}}); err != nil {
				return err
			}
		}
		return nil
	}}
	s, lines := hearing(t, f, 1<<20, "p/m")
	if err := s.StreamChat(t.Context(), question("p/m"), func(*sluicev1.ChatCompletionChunk) error { return nil }); err != nil {
		t.Fatal(err)
	}
	got := lines()
	if len(got) != 1 {
		t.Fatalf("%+v", got)
	}
	kept := strings.Count(got[0].Answer, "call_") + strings.Count(got[0].Answer, `"message":`)
	if kept < many || kept > maxSaidItems {
		t.Errorf("%d choices and tool calls are kept", kept)
	}
}

// However much a provider sends, what is kept of it is bounded, and how much there was is
// told.
func TestService_logs_the_beginning_of_what_is_long(t *testing.T) {
	const maxBytes, piece, pieces = 100, 1 << 10, 1 << 10
	f := &far{
		stream: func(_ context.Context, _ *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
			for i := range pieces {
				c := text(strings.Repeat("é", piece/2))
				c.Choices[0].Index = int64(i % 1000) // more than are kept
				if err := send(c); err != nil {
					return err
				}
			}
			return nil
		},
		chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			return &sluicev1.ChatCompletion{Choices: []*sluicev1.Choice{{Message: &sluicev1.ResponseMessage{Content: new(strings.Repeat("é", pieces*piece/2))}}}}, nil
		},
	}
	s, lines := hearing(t, f, maxBytes, "p/m")
	long := question("p/m")
	long.User = new(strings.Repeat("x", 5000))
	check := func(what string) {
		t.Helper()
		got := lines()
		if len(got) != 1 {
			t.Fatalf("%s: %+v", what, got)
		}
		l := got[0]
		for _, body := range []string{l.Request, l.Answer} {
			if len(body) > maxBytes+3 || len(body) < maxBytes || !strings.HasSuffix(body, "...") || strings.Contains(body, "\ufffd") {
				t.Errorf("%s: %d bytes: %s", what, len(body), body)
			}
		}
		if l.RequestBytes != int64(len(wirejson.Marshal(long))) || l.AnswerBytes < pieces*piece || l.AnswerBytes > pieces*piece+20_000 {
			t.Errorf("%s: request of %d bytes, answer of %d", what, l.RequestBytes, l.AnswerBytes)
		}
	}
	if _, err := s.CreateChatCompletion(t.Context(), long); err != nil {
		t.Fatal(err)
	}
	check("unary")
	kept := 0
	err := s.StreamChat(t.Context(), long, func(*sluicev1.ChatCompletionChunk) error {
		s.running.mu.Lock()
		for running := range s.running.calls {
			kept = 0
			for _, c := range running.said.pieces.choices {
				kept += c.content.Len()
			}
		}
		s.running.mu.Unlock()
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	check("stream")
	if room := s.plan.Load().Bodies.Room(); kept == 0 || kept > room {
		t.Errorf("%d bytes are kept, want at most %d", kept, room)
	}
}

func TestService_keeps_a_credential_at_the_end_of_what_is_logged_hidden(t *testing.T) {
	const key = "sk-proj-1234567890abcdefghij"
	f := &far{stream: func(_ context.Context, _ *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
		for _, piece := range []string{"your key:\n", key[:9], key[9:], strings.Repeat(" more", 20_000)} {
			if err := send(text(piece)); err != nil {
				return err
			}
		}
		return nil
	}}
	for maxBytes := 64; maxBytes < 240; maxBytes += 3 {
		s, lines := hearing(t, f, maxBytes, "*")
		request := question("p/m")
		request.GetMessages()[0].GetUser().Content = &sluicev1.UserMessage_Text{Text: "my key:\n" + key}
		if err := s.StreamChat(t.Context(), request, func(*sluicev1.ChatCompletionChunk) error { return nil }); err != nil {
			t.Fatal(err)
		}
		if got := fmt.Sprint(lines()); strings.Contains(got, key[3:6]) {
			t.Fatalf("%d: %s", maxBytes, got)
		}
	}
}

// What is not configured costs nothing: no allocation more than without the setting, nor
// for a model that is not listed.
func TestService_logs_nothing_for_nothing(t *testing.T) {
	answer := &sluicev1.ChatCompletion{Choices: []*sluicev1.Choice{{Message: &sluicev1.ResponseMessage{Content: new("hello")}}}}
	pieces := []*sluicev1.ChatCompletionChunk{text("hel"), text("lo"), end()}
	f := &far{
		chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			return answer, nil
		},
		stream: func(_ context.Context, _ *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
			for _, c := range pieces {
				if err := send(c); err != nil {
					return err
				}
			}
			return nil
		},
	}
	logger := slog.New(slog.NewJSONHandler(new(bytes.Buffer), nil))
	quiet := slog.New(slog.NewJSONHandler(new(bytes.Buffer), &slog.HandlerOptions{Level: slog.LevelWarn}))
	allocations := func(bodies *usage.Bodies) (unary, stream float64) {
		p := plan(t, "p", nil, f.provider("p"))
		p.Bodies = bodies
		s := New(p, nobody{}, slog.New(slog.DiscardHandler))
		request := question("p/m")
		unary = testing.AllocsPerRun(200, func() { _, _ = s.CreateChatCompletion(t.Context(), request) })
		stream = testing.AllocsPerRun(200, func() {
			_ = s.StreamChat(t.Context(), request, func(*sluicev1.ChatCompletionChunk) error { return nil })
		})
		return unary, stream
	}
	unary, stream := allocations(nil)
	for name, bodies := range map[string]*usage.Bodies{
		"another model": usage.NewBodies(logger, new(redact.Redactor), []string{"p/other"}, nil, 1<<10),
		"a quiet log":   usage.NewBodies(quiet, new(redact.Redactor), []string{"*"}, nil, 1<<10),
	} {
		if u, s := allocations(bodies); u != unary || s != stream {
			t.Errorf("%s: %.0f and %.0f allocations, without the setting %.0f and %.0f", name, u, s, unary, stream)
		}
	}
	if u, s := allocations(usage.NewBodies(logger, new(redact.Redactor), []string{"*"}, nil, 1<<10)); u <= unary || s <= stream {
		t.Errorf("logging takes %.0f and %.0f allocations: this test sees nothing", u, s)
	}
}

func TestService_logs_what_callers_of_listed_keys_said(t *testing.T) {
	bodies := usage.NewBodies(slog.New(slog.DiscardHandler), new(redact.Redactor), nil, []string{"a listed caller"}, 1<<10)
	if bodies.Want(t.Context(), "any", "a listed caller") {
		t.Error("a log that discards wants bodies")
	}
	bodies = usage.NewBodies(slog.New(slog.NewTextHandler(new(bytes.Buffer), nil)), new(redact.Redactor), nil, []string{"a listed caller"}, 1<<10)
	for caller, want := range map[string]bool{"a listed caller": true, "another": false, "": false} {
		if got := bodies.Want(t.Context(), "any", caller); got != want {
			t.Errorf("caller %q: %t, want %t", caller, got, want)
		}
	}
}
