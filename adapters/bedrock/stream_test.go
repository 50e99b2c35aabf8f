package bedrock

import (
	"testing"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

func newTestStream(t testing.TB, request string) *streamed {
	t.Helper()
	req := new(sluicev1.ChatCompletionRequest)
	if err := wirejson.Unmarshal([]byte(request), req, wirejson.Options{}); err != nil {
		t.Fatal(err)
	}
	call := &adapters.Call{Model: "anthropic.claude-3-7-sonnet"}
	return newStreamed(newRequest(call, req).answering(translate.Response(call), "id"))
}

func TestStreamed_passes_over_events_that_it_does_not_know(t *testing.T) {
	s := newTestStream(t, hello)
	chunks, done, err := s.event(event{kind: "event", name: "fromTheFuture", payload: []byte(`{"a":1}`)})
	if len(chunks) > 0 || done || err != nil {
		t.Errorf("%v, %t, %v", chunks, done, err)
	}
	if notes := s.ledger; notes == nil {
		t.Error("no ledger")
	}
}

func TestStreamed_begins_with_a_role_in_any_case(t *testing.T) {
	s := newTestStream(t, hello)
	chunks, _, err := s.event(event{kind: "event", name: "contentBlockDelta", payload: []byte(`{"contentBlockIndex":0,"delta":{"text":"a"}}`)})
	if err != nil || len(chunks) != 1 || chunks[0].GetChoices()[0].GetDelta().GetRole() != "assistant" {
		t.Errorf("%v, %v", chunks, err)
	}
}

func TestStreamed_refuses_metadata_before_the_end(t *testing.T) {
	s := newTestStream(t, hello)
	if _, done, err := s.event(event{kind: "event", name: "metadata", payload: []byte(`{"usage":{"inputTokens":1,"outputTokens":1,"totalTokens":2}}`)}); err == nil || done {
		t.Errorf("%t, %v, want an error", done, err)
	}
}

// FuzzStreamed holds translations of events to not breaking, whatever comes.
func FuzzStreamed(f *testing.F) {
	f.Add("contentBlockStart", []byte(`{"contentBlockIndex":0,"start":{"toolUse":{"toolUseId":"a","name":"b"}}}`))
	f.Add("contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"reasoningContent":{"text":"a"}}}`))
	f.Add("contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":{"citation":{}}}`))
	f.Add("contentBlockDelta", []byte(`{"contentBlockIndex":0,"delta":null,"p":"a"}`))
	f.Add("contentBlockStop", []byte(`{}`))
	f.Add("messageStop", []byte(`{"stopReason":"x"}`))
	f.Add("metadata", []byte(`{}`))
	f.Fuzz(func(t *testing.T, name string, payload []byte) {
		s := newTestStream(t, hello)
		s.stopped = true
		chunks, _, err := s.event(event{kind: "event", name: name, payload: payload})
		if err != nil {
			return
		}
		for _, chunk := range chunks {
			text := wirejson.Marshal(chunk)
			if err := wirejson.Unmarshal(text, new(sluicev1.ChatCompletionChunk), wirejson.Options{}); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
		}
	})
}

// FuzzAnswer does so for answers.
func FuzzAnswer(f *testing.F) {
	f.Add([]byte(helloReply))
	f.Add([]byte(`{"output":{"message":{"role":"assistant","content":[{"toolUse":{"input":null}},{"citationsContent":{"content":[{"text":"a"}]}},{"reasoningContent":{}}]}},"usage":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		response := new(bedrockpb.ConverseResponse)
		if wirejson.Unmarshal(body, response, lenient) != nil {
			return
		}
		text := wirejson.Marshal(completionOf(newTestStream(t, hello).answering, response))
		if err := wirejson.Unmarshal(text, new(sluicev1.ChatCompletion), wirejson.Options{}); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
	})
}
