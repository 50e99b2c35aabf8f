package openai

import (
	"bytes"
	"encoding/json"
	"os"
	"testing"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// FuzzQuirksOfAnswers: an answer stays JSON, and a stream tells its usage once.
func FuzzQuirksOfAnswers(f *testing.F) {
	f.Add([]byte(`{"choices":[{"message":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]},{"type":"text","text":"b"}],"reasoning":"c"},"finish_reason":"eos"}]}`),
		[]byte(`{"choices":[{"delta":{"reasoning":"a","content":null},"finish_reason":"eos"}],"x_groq":{"usage":{"total_tokens":1}},"usage":null}`))
	f.Add([]byte(`{"choices":[{"message":null}]}`), []byte(`{"choices":[],"usage":{"prompt_tokens":1}}`))
	q := newQuirks("p", Dialect{
		OpenAIDialect: adapters.OpenAIDialect{Reasoning: "reasoning", StreamUsage: adapters.StreamUsageAlways},
		ThinkingParts: true, FinishReasons: map[string]string{"eos": "stop"}, UsageMember: "x_groq.usage", RepeatsUsage: true,
	})
	f.Fuzz(func(t *testing.T, whole, piece []byte) {
		completion := new(sluicev1.ChatCompletion)
		if wirejson.Unmarshal(whole, completion, lenient) == nil {
			q.answer(&adapters.Call{}, completion)
			if body := wirejson.Marshal(completion); !json.Valid(body) {
				t.Fatalf("%s became %s", whole, body)
			}
		}
		usages := 0
		translation := q.stream(&adapters.Call{}, func(chunk *sluicev1.ChatCompletionChunk) error {
			if body := wirejson.Marshal(chunk); !json.Valid(body) {
				t.Fatalf("%s became %s", piece, body)
			}
			if chunk.GetUsage() != nil {
				usages++
			}
			return nil
		})
		for range 3 {
			chunk := new(sluicev1.ChatCompletionChunk)
			if wirejson.Unmarshal(piece, chunk, lenient) != nil {
				return
			}
			if err := translation.send(chunk); err != nil {
				t.Fatal(err)
			}
		}
		if err := translation.end(); err != nil || usages > 1 {
			t.Fatalf("%s: %d usages, %v", piece, usages, err)
		}
	})
}

// FuzzQuirks: whatever the contract takes, a dialect with every quirk makes JSON of it, or a
// refusal that names members, and leaves the caller's request alone.
func FuzzQuirks(f *testing.F) {
	seed(f, "request.json")
	odd, err := os.ReadFile("../adaptertest/requests/odd.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(odd) {
		f.Add(line)
	}
	f.Add([]byte(`{"messages":[{"role":"developer","content":"a","name":"b"},{"role":"assistant","reasoning_content":5,"reasoning_details":[{}],"reasoning":"c"}],"max_tokens":null,"max_completion_tokens":1,"seed":1,"random_seed":"x","tool_choice":"required","n":3,"stream_options":{"x":1}}`))
	q := newQuirks("p", Dialect{
		OpenAIDialect: adapters.OpenAIDialect{
			MaxTokens: "max_tokens", Reasoning: "reasoning", Seed: "random_seed", DeveloperRole: "system", ToolChoiceRequired: new("any"), StreamUsage: "always",
			Unsupported: []string{"logit_bias", "stop", "top_k", "metadata", "messages[].name", "tools[].function.strict", "response_format.json_schema", "functions", "function_call"},
		},
		MaxChoices: 1, ReasoningBack: ReasoningText,
	})
	f.Fuzz(func(t *testing.T, data []byte) {
		req := new(sluicev1.ChatCompletionRequest)
		if wirejson.Unmarshal(data, req, wirejson.Options{}) != nil {
			t.Skip("no request of the contract")
		}
		before := proto.Clone(req)
		for _, choice := range []adapters.Unsupported{adapters.UnsupportedError, adapters.UnsupportedDrop, adapters.UnsupportedPass} {
			call := &adapters.Call{Unsupported: choice}
			out, err := q.request(call, req)
			if err != nil && (choice != adapters.UnsupportedError || adapters.KindOf(err) != adapters.KindUnsupported) {
				t.Errorf("%s: %v", choice, err)
			}
			if body := encode(out); !json.Valid(body) {
				t.Errorf("%s became %s", data, body)
			}
			if !proto.Equal(before, req) {
				t.Fatal("the request was changed")
			}
			if choice == adapters.UnsupportedDrop && (out.GetMaxCompletionTokens() != 0 || out.Seed != nil || out.GetN() > 1 || out.GetStreamOptions() != nil || len(out.GetLogitBias()) > 0) {
				t.Errorf("%s is left of %s", encode(out), data)
			}
		}
	})
}
