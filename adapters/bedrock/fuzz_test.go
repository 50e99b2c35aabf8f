package bedrock

import (
	"bytes"
	"os"
	"strings"
	"testing"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// FuzzRequest holds translations of requests to being JSON that reads back, and to what
// Converse takes, as far as the caller does not write it in Converse's own words.
func FuzzRequest(f *testing.F) {
	odd, err := os.ReadFile("../adaptertest/requests/odd.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(odd) {
		f.Add(line)
	}
	f.Add([]byte(hello))
	f.Add([]byte(`{"messages":[{"role":"assistant","bedrock_content":[{"text":"a"}],"reasoning_details":[{"type":"reasoning.text"}]}],"inferenceConfig":[],"toolConfig":{"a":1},"cache_control":1}`))
	f.Add([]byte(`{"messages":[{"role":"user","content":[{"type":"cachePoint","cachePoint":{"type":"default"}},{"type":"text","text":"a","cache_control":{"type":1}}]}],"additionalModelRequestFields":7}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req := new(sluicev1.ChatCompletionRequest)
		if wirejson.Unmarshal(body, req, wirejson.Options{}) != nil {
			return
		}
		for _, mode := range []adapters.Unsupported{adapters.UnsupportedDrop, adapters.UnsupportedPass} {
			r := newRequest(&adapters.Call{Unsupported: mode, Model: claude}, req)
			text := wirejson.Marshal(r.body)
			if err := wirejson.Unmarshal(text, new(bedrockpb.ConverseRequest), wirejson.Options{Lenient: true}); err != nil {
				t.Fatalf("%s: %v", text, err)
			}
			if mode == adapters.UnsupportedDrop {
				checkTurns(t, r.body)
			}
		}
	})
}

// checkTurns holds a conversation to the rules of [TestRequest_is_one_that_converse_takes].
func checkTurns(t *testing.T, body *bedrockpb.ConverseRequest) {
	t.Helper()
	for i, m := range body.GetMessages() {
		if role := []string{roleUser, roleAssistant}[i%2]; m.GetRole() != role || len(m.GetContent()) == 0 {
			t.Fatalf("turn %d: %v, want one of the %s", i, m, role)
		}
		document, text, others := false, false, false
		for _, b := range m.GetContent() {
			document, text = document || b.GetDocument() != nil, text || b.Text != nil
			switch id := b.GetToolUse().GetToolUseId() + b.GetToolResult().GetToolUseId(); {
			case b.Text != nil && strings.TrimSpace(b.GetText()) == "":
				t.Fatalf("turn %d: a blank text: %v", i, m)
			case b.GetToolResult() != nil && others:
				t.Fatalf("turn %d: a result behind something else: %v", i, m)
			case len(id) > maxID || notInID.MatchString(id):
				t.Fatalf("turn %d: the id %q", i, id)
			case b.GetToolUse() != nil && len(body.GetToolConfig().GetTools()) == 0:
				t.Fatalf("turn %d: a call, and no tools: %v", i, m)
			}
			others = others || b.GetToolResult() == nil && b.GetCachePoint() == nil
		}
		if document && !text {
			t.Fatalf("turn %d: a document without a text: %v", i, m)
		}
	}
}
