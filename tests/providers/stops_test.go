package providers_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/tests/harness"
)

// stops are the documented reasons for the end of an answer, with OpenAI's word for each,
// and whether the provider's own is told beside it, because it says more.
//
// Sources: StopReason of anthropic-sdk-go v1.84; FinishReason and BlockedReason of genai
// v1.77; StopReason of bedrockruntime v1.63; for OpenAI's dialect the providers' references.
var stops = []struct {
	row, native, finish string
	more                bool
}{
	{"anthropic", "end_turn", "stop", false},
	{"anthropic", "max_tokens", "length", false},
	{"anthropic", "stop_sequence", "stop", true},
	{"anthropic", "pause_turn", "stop", true},
	{"anthropic", "refusal", "content_filter", true},
	{"anthropic", "model_context_window_exceeded", "length", true},

	{"gemini", "STOP", "stop", false},
	{"gemini", "MAX_TOKENS", "length", false},
	{"gemini", "SAFETY", "content_filter", true},
	{"gemini", "RECITATION", "content_filter", true},
	{"gemini", "LANGUAGE", "content_filter", true},
	{"gemini", "OTHER", "stop", true},
	{"gemini", "BLOCKLIST", "content_filter", true},
	{"gemini", "PROHIBITED_CONTENT", "content_filter", true},
	{"gemini", "SPII", "content_filter", true},
	{"gemini", "MALFORMED_FUNCTION_CALL", "stop", true},
	{"gemini", "IMAGE_SAFETY", "content_filter", true},
	{"gemini", "UNEXPECTED_TOOL_CALL", "stop", true},
	{"gemini", "BLOCKED_SAFETY", "content_filter", true},
	{"gemini", "BLOCKED_PROHIBITED_CONTENT", "content_filter", true},

	{"bedrock (claude)", "end_turn", "stop", false},
	{"bedrock (claude)", "max_tokens", "length", false},
	{"bedrock (claude)", "stop_sequence", "stop", true},
	{"bedrock (claude)", "guardrail_intervened", "content_filter", true},
	{"bedrock (claude)", "content_filtered", "content_filter", false},
	{"bedrock (claude)", "malformed_model_output", "stop", true},
	{"bedrock (claude)", "malformed_tool_use", "stop", true},
	{"bedrock (claude)", "model_context_window_exceeded", "length", true},

	{"openai", "stop", "stop", false},
	{"openai", "length", "length", false},
	{"openai", "content_filter", "content_filter", false},
	{"together", "eos", "stop", true},
	{"mistral", "model_length", "length", true},
	{"deepseek", "insufficient_system_resource", "length", true},
	{"zai", "sensitive", "content_filter", true},
	{"zai", "model_context_window_exceeded", "length", true},
}

func TestDocumented_reasons_for_the_end_have_OpenAIs_words(t *testing.T) {
	w := newWorld(t, "", "")
	for _, c := range stops {
		to := w.target(t, c.row)
		call := harness.Call{JSON: []byte(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"stop %s"}]}`, to.Model, c.native))}
		t.Run(c.row+"/"+c.native, func(t *testing.T) {
			for _, door := range w.server.Doors(t) {
				for _, streamed := range []bool{false, true} {
					var a harness.Answer
					if streamed {
						a = door.StreamChat(t.Context(), call, nil)
					} else {
						a = door.Chat(t.Context(), call)
					}
					w.server.Receipt(t)
					if a.Err != nil || a.Failure != nil {
						t.Fatalf("%s: %v %+v", door.Name, a.Err, a.Failure)
					}
					finish, native := ended(a)
					wantNative := ""
					if c.more {
						wantNative = strings.TrimPrefix(c.native, "BLOCKED_") // of prompts
					}
					if finish != c.finish || native != wantNative {
						t.Errorf("%s, streamed %v: %q, native %q; want %q, native %q", door.Name, streamed, finish, native, c.finish, wantNative)
					}
				}
			}
		})
	}
}

// ended returns the reason for the end of the first choice, and the provider's own.
func ended(a harness.Answer) (finish, native string) {
	own := func(rest []byte) string {
		var members struct {
			Native string `json:"native_finish_reason"`
		}
		if len(rest) > 0 && json.Unmarshal(rest, &members) != nil {
			return "?"
		}
		return members.Native
	}
	if whole, ok := a.Message.(*sluicev1.ChatCompletion); ok {
		return whole.GetChoices()[0].GetFinishReason(), own(whole.GetChoices()[0].GetRest())
	}
	for _, chunk := range a.Chunks {
		for _, choice := range chunk.GetChoices() {
			if choice.FinishReason != nil {
				finish, native = choice.GetFinishReason(), own(choice.GetRest())
			}
		}
	}
	return finish, native
}
