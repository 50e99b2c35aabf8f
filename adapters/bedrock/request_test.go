package bedrock

import (
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// translated is the body that a request becomes, when it is not refused.
func translated(t *testing.T, model, body string) (string, error) {
	t.Helper()
	r := newRequest(&adapters.Call{Model: model}, chatRequest(t, body))
	return string(wirejson.Marshal(r.body)), r.ledger.Refusal("p", kind)
}

// The least budget, and that it is less than the most tokens, are of Anthropic's guide
// "Extended thinking"; the models of "Adaptive thinking" in the Amazon Bedrock user guide.
func TestRequest_says_how_long_to_think_in_the_model_s_own_words(t *testing.T) {
	for _, c := range []struct{ model, members, want string }{
		{"anthropic.claude-3-7-sonnet-20250219-v1:0", `"reasoning_effort":"low"`, `"thinking":{"type":"enabled","budget_tokens":1024}`},
		{"us.anthropic.claude-opus-4-1-20250805-v1:0", `"reasoning_effort":"medium"`, `"budget_tokens":8192`},
		{"anthropic.claude-haiku-4-5-20251001-v1:0", `"reasoning_effort":"high"`, `"budget_tokens":24576`},
		{"anthropic.claude-sonnet-4-20250514-v1:0", `"reasoning_effort":"max"`, `"budget_tokens":32000`},
		{"anthropic.claude-sonnet-4-20250514-v1:0", `"reasoning_effort":"high","max_tokens":10000`, `"budget_tokens":5000`},
		{"anthropic.claude-sonnet-4-20250514-v1:0", `"reasoning_effort":"high","max_tokens":1500`, `"budget_tokens":1024`},
		{"anthropic.claude-sonnet-4-20250514-v1:0", `"reasoning_effort":"low","max_tokens":1024`, `refused: "reasoning_effort"`},
		{"anthropic.claude-sonnet-4-20250514-v1:0", `"reasoning_effort":"low","thinking":{"type":"enabled","budget_tokens":3000}`, `"thinking":{"type":"enabled","budget_tokens":3000}`},
		{"anthropic.claude-sonnet-4-20250514-v1:0", `"reasoning_effort":"strange"`, `refused: "reasoning_effort"`},
		{"anthropic.claude-3-5-sonnet-20241022-v2:0", `"reasoning_effort":"low"`, `refused: "reasoning_effort"`},
		{"anthropic.claude-opus-4-6-v1", `"reasoning_effort":"minimal"`, `"outputConfig":{"effort":"low"}`},
		{"anthropic.claude-sonnet-4-6", `"reasoning_effort":"none"`, `"thinking":{"type":"disabled"}`},
		{"deepseek.v3-v1:0", `"reasoning_effort":"high"`, `"outputConfig":{"effort":"high"}`},
		{"deepseek.v3-v1:0", `"reasoning_effort":"none"`, `refused: "reasoning_effort"`},
		{"amazon.nova-2-lite-v1:0", `"reasoning_effort":"none"`, `"reasoningConfig":{"type":"disabled"}`},
		{"openai.gpt-oss-20b-1:0", `"reasoning_effort":"high"`, `"additionalModelRequestFields":{"reasoning_effort":"high"}`},
	} {
		got, err := translated(t, c.model, `{"messages":[{"role":"user","content":"a"}],`+c.members+`}`)
		if err != nil {
			got = "refused: " + err.Error()[strings.Index(err.Error(), `express "`)+len(`express `):]
		}
		if !strings.Contains(got, c.want) {
			t.Errorf("%s: %s: %s, want %s", c.model, c.members, got, c.want)
		}
	}
}

// Source: Amazon Bedrock API reference, "Converse": it has no counterpart of these.
func TestRequest_refuses_what_converse_cannot_say(t *testing.T) {
	for _, members := range []string{
		`"seed":1`, `"frequency_penalty":0.5`, `"presence_penalty":-1`, `"logit_bias":{"1":1}`, `"logprobs":true`, `"top_logprobs":2`, `"n":2`,
		`"store":true`, `"parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"f"}}]`, `"verbosity":"low"`, `"modalities":["text","audio"]`, `"web_search_options":{}`,
		`"response_format":{"type":"json_object"}`, `"service_tier":"scale"`, `"tools":[{"type":"custom","custom":{"name":"a"}}]`,
		`"moderation":{"model":"m"}`, `"audio":{"voice":"a","format":"mp3"}`,
		`"tool_choice":{"type":"custom","custom":{"name":"a"}}`,
	} {
		if got, err := translated(t, "m", `{"messages":[{"role":"user","content":"a"}],`+members+`}`); adapters.KindOf(err) != adapters.KindUnsupported {
			t.Errorf("%s: %s, %v, want a refusal", members, got, err)
		}
	}
	for _, content := range []string{
		`[{"type":"image_url","image_url":{"url":"https://example.org/a.png"}}]`,
		`[{"type":"image_url","image_url":{"url":"data:image/tiff;base64,AAAA"}}]`,
		`[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"high"}}]`,
		`[{"type":"file","file":{"file_id":"file-1"}}]`, `[{"type":"from_the_future","x":1}]`,
	} {
		if got, err := translated(t, "m", `{"messages":[{"role":"user","content":`+content+`}]}`); adapters.KindOf(err) != adapters.KindUnsupported {
			t.Errorf("%s: %s, %v, want a refusal", content, got, err)
		}
	}
	if got, err := translated(t, "m", `{"messages":[{"role":"tool","tool_call_id":"a","content":"b"}],"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"none"}`); adapters.KindOf(err) != adapters.KindUnsupported {
		t.Errorf("no tools for calls: %s, %v", got, err)
	}
}

// The rules are those of the Amazon Bedrock API reference, "DocumentBlock".
func TestDocumentName_obeys_the_rules(t *testing.T) {
	r := new(request)
	for _, c := range []struct{ filename, want string }{
		{"report.pdf", "report"},
		{"report.pdf", "report (2)"},
		{"report.csv", "report (3)"},
		{"Q3 -- results_2026 [final] (v2).docx", "Q3 -- results 2026 [final] (v2)"},
		{"übersicht.pdf", "bersicht"},
		{"../../etc/passwd", "etc passwd"},
		{"", "document"},
		{"   ", "document (2)"},
		{".pdf", "document (3)"},
		{strings.Repeat("a", 300) + ".pdf", strings.Repeat("a", 180)},
	} {
		if got := r.documentName(c.filename); got != c.want {
			t.Errorf("%q: %q, want %q", c.filename, got, c.want)
		}
	}
}
