package bedrock

import (
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	claude     = "anthropic.claude-sonnet-4-5-20250929-v1:0"
	aTool      = `"tools":[{"type":"function","function":{"name":"f"}}]`
	calls      = `{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]}`
	resultOf   = `{"role":"tool","tool_call_id":"c","content":"r"}`
	toolUseOfC = `{"role":"assistant","content":[{"toolUse":{"toolUseId":"c","name":"f","input":{}}}]}`
)

// The rules are Bedrock's, by the words of its refusals as users quote them: "A conversation
// must start with a user message", "must alternate between user and assistant roles", "The
// text field in the ContentBlock object is blank", "The toolConfig field must be defined when
// using toolUse and toolResult content blocks", "toolConfig.tools.0.toolSpec.inputSchema.json.type
// must be one of the following: object"; of the API reference ("ContentBlock": a document
// wants a text; "ToolUseBlock"; "InferenceConfiguration"); and of Anthropic's "Extended
// thinking" ("Preserving thinking blocks", "Tool choice limitation").
func TestRequest_is_one_that_converse_takes(t *testing.T) {
	for name, c := range map[string]struct {
		messages, members string
		want              string
		fate, member      string
	}{
		"a blank text beside another": {
			`{"role":"user","content":[{"type":"text","text":" "},{"type":"text","text":"a"}]}`, "",
			`{"messages":[{"role":"user","content":[{"text":"a"}]}]}`, "dropped", "messages[0].content[0]",
		},
		"a blank turn between": {
			`{"role":"user","content":"a"},{"role":"assistant","content":"b"},{"role":"user","content":""},{"role":"assistant","content":"c"},{"role":"user","content":"d"}`, "",
			`{"messages":[{"role":"user","content":[{"text":"a"}]},{"role":"assistant","content":[{"text":"b"},{"text":"c"}]},{"role":"user","content":[{"text":"d"}]}]}`, "dropped", "messages[2]",
		},
		"blank instructions": {
			`{"role":"system","content":"\n"},{"role":"user","content":"a"}`, "",
			`{"messages":[{"role":"user","content":[{"text":"a"}]}]}`, "dropped", "messages[0].content",
		},
		"instructions alone": {
			`{"role":"system","content":"a"}`, "",
			`{"messages":[{"role":"user","content":[{"text":"a"}]}]}`, "approximated", "messages",
		},
		"the assistant begins": {
			`{"role":"assistant","content":"a"},{"role":"user","content":"b"}`, "",
			`{"messages":[{"role":"user","content":[{"text":"(The assistant begins the conversation.)"}]},{"role":"assistant","content":[{"text":"a"}]},{"role":"user","content":[{"text":"b"}]}]}`, "approximated", "messages",
		},
		"a document alone": {
			`{"role":"user","content":[{"type":"file","file":{"file_data":"data:application/pdf;base64,AAAA","filename":"r.pdf"}}]}`, "",
			`{"messages":[{"role":"user","content":[{"document":{"format":"pdf","name":"r","source":{"bytes":"AAAA"}}},{"text":"r"}]}]}`, "approximated", "messages[].content[].file",
		},
		"a warm model": {
			`{"role":"user","content":"a"}`, `"temperature":1.5`,
			`{"messages":[{"role":"user","content":[{"text":"a"}]}],"inferenceConfig":{"temperature":1}}`, "approximated", "temperature",
		},
		"calls without tools": {
			calls + `,` + resultOf, `"tool_choice":"none"`,
			`{"messages":[{"role":"user","content":[{"text":"a"}]},` + toolUseOfC + `,{"role":"user","content":[{"toolResult":{"toolUseId":"c","content":[{"text":"r"}]}}]}],` +
				`"toolConfig":{"tools":[{"toolSpec":{"name":"f","description":"Not available any more.","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, "approximated", "messages",
		},
		"a text before a result": {
			calls + `,{"role":"user","content":"b"},` + resultOf, aTool,
			`{"role":"user","content":[{"toolResult":{"toolUseId":"c","content":[{"text":"r"}]}},{"text":"b"}]}`, "approximated", "messages[3]",
		},
		"an empty result": {
			calls + `,{"role":"tool","tool_call_id":"c","content":""}`, aTool,
			`{"toolResult":{"toolUseId":"c","content":[]}}`, "dropped", "messages[2].content",
		},
		"ids of another provider": {
			strings.ReplaceAll(calls+`,`+resultOf, `"c"`, `"functions.f:0"`), aTool,
			`[{"toolUse":{"toolUseId":"functions_f_0_b9a7d792","name":"f","input":{}}}]},{"role":"user","content":[{"toolResult":{"toolUseId":"functions_f_0_b9a7d792",`, "coerced", "messages[].tool_call_id",
		},
		"a tool loop whose reasoning was taken out": {
			calls + `,` + resultOf, aTool + `,"reasoning_effort":"low"`,
			`"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}]}}`, "approximated", "reasoning_effort",
		},
		"reasoning before a call that must be": {
			`{"role":"user","content":"a"}`, aTool + `,"reasoning_effort":"low","tool_choice":"required"`,
			`"toolChoice":{"any":{}}}}`, "approximated", "reasoning_effort",
		},
		"reasoning that was never asked for": {
			calls + `,` + resultOf + `,{"role":"assistant","content":"b"},{"role":"user","content":"c"}`, aTool + `,"reasoning_effort":"low"`,
			`"additionalModelRequestFields":{"thinking":{"type":"enabled","budget_tokens":1024}}`, "approximated", "reasoning_effort",
		},
		"a tool that is not allowed": {
			`{"role":"user","content":"a"}`, `"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}],` +
				`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}`,
			`"toolConfig":{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object","properties":{}}}}}],"toolChoice":{"auto":{}}}}`, "dropped", "tools[1]",
		},
		"a schema without its type": {
			`{"role":"user","content":"a"}`, `"tools":[{"type":"function","function":{"name":"f","description":"","parameters":{}}}]`,
			`{"tools":[{"toolSpec":{"name":"f","inputSchema":{"json":{"type":"object"}}}}]}`, "coerced", "tools[].function.parameters",
		},
		"both choices": {
			`{"role":"user","content":"a"}`, aTool + `,"tool_choice":"auto","function_call":"none"`,
			`"toolChoice":{"auto":{}}}}`, "dropped", "function_call",
		},
		"one call at a time": {
			`{"role":"user","content":"a"}`, aTool + `,"tool_choice":"auto","parallel_tool_calls":false`,
			`"additionalModelRequestFields":{"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`, "coerced", "parallel_tool_calls",
		},
		"reasoning in the pieces of a stream": {
			`{"role":"user","content":"a"},{"role":"assistant","content":"b","reasoning_details":[{"type":"reasoning.text","text":"t","format":"anthropic-claude-v1","index":0},` +
				`{"type":"reasoning.text","text":"u","index":0},{"type":"reasoning.text","signature":"s","index":0},{"type":"reasoning.text","text":"v","signature":"w","index":0}]},{"role":"user","content":"c"}`, "",
			`"content":[{"reasoningContent":{"reasoningText":{"text":"tu","signature":"s"}}},{"reasoningContent":{"reasoningText":{"text":"v","signature":"w"}}},{"text":"b"}]`, "coerced", "messages[].reasoning_details",
		},
		"a call put together from deltas": {
			strings.Replace(calls, `"id":"c"`, `"index":0,"id":"c"`, 1) + `,` + resultOf, aTool, toolUseOfC, "dropped", "messages[].tool_calls[].index",
		},
		"an empty stop": {
			`{"role":"user","content":"a"}`, `"stop":["","b"]`,
			`"inferenceConfig":{"stopSequences":["b"]}}`, "dropped", "stop[0]",
		},
	} {
		t.Run(name, func(t *testing.T) {
			body := `{"messages":[` + c.messages + `]`
			if c.members != "" {
				body += "," + c.members
			}
			call := &adapters.Call{Model: claude}
			r := newRequest(call, chatRequest(t, body+"}"))
			if err := r.ledger.Refusal("p", kind); err != nil {
				t.Fatal(err)
			}
			if got := string(wirejson.Marshal(r.body)); !strings.Contains(got, c.want) {
				t.Errorf("%s\nwant\n%s", got, c.want)
			}
			if !hasNote(call.Reply.Notes, c.fate, c.member) {
				t.Errorf("%s was not %s: %v", c.member, c.fate, call.Reply.Notes)
			}
		})
	}
}

func hasNote(notes []*sluicev1.TranslationNote, fate, member string) bool {
	for _, n := range notes {
		if n.GetFate() == fate && n.GetMember() == member {
			return true
		}
	}
	return false
}

// Sources: Anthropic's "Extended thinking"; its API's own words about stop sequences, "each
// stop sequence must contain non-whitespace"; Bedrock's about conversations without turns.
func TestRequest_refuses_by_the_path_of_the_member(t *testing.T) {
	const asks = `"messages":[{"role":"user","content":"a"}]`
	const picture = `"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":`
	for body, want := range map[string]string{
		asks + `,"reasoning_effort":"low","temperature":0.2`:                         "temperature",
		asks + `,"thinking":{"type":"adaptive"},"temperature":0`:                     "temperature",
		asks + `,"stop":["a","\n"]`:                                                  "stop[1]",
		asks + `,"tools":[{"type":"custom","custom":{"name":"f"}}]`:                  "tools[0].custom",
		asks + `,` + aTool + `,"tool_choice":"required","parallel_tool_calls":false`: "parallel_tool_calls",
		asks + `,"logprobs":true,"top_logprobs":2`:                                   "logprobs",
		`"messages":[{"role":"user","content":""}]`:                                  "messages",
		picture + `"data:image/png;base64,AAAA","detail":"high"}}]}]`:                "messages[0].content[1].image_url.detail",
		picture + `"https://example.org/a.png"}}]}]`:                                 "messages[0].content[1].image_url.url",
		`"messages":[{"role":"user","content":[{"type":"later","x":"y"}]}]`:          "messages[0].content[0]",
		`"messages":[{"role":"user","content":"a"},{"role":"assistant","tool_calls":[{"id":"c","type":"custom","custom":{"name":"f","input":"i"}}]}]`: "messages[1].tool_calls[0]",
	} {
		r := newRequest(&adapters.Call{Model: claude}, chatRequest(t, "{"+body+"}"))
		err := r.ledger.Refusal("p", kind)
		refusal, ok := err.(*adapters.Error) //nolint:errorlint // it is the error itself
		if !ok || refusal.Envelope.GetError().GetParam() != want {
			t.Errorf("%s: %v, want a refusal of %s", body, err, want)
		}
	}
	for _, members := range []string{`"reasoning_effort":"none","temperature":0.2`, `"reasoning_effort":"low","temperature":1`, `"stop":["\n"]`} {
		model := claude
		if strings.Contains(members, "stop") {
			model = "amazon.nova-pro-v1:0"
		}
		if got, err := translated(t, model, "{"+asks+","+members+"}"); err != nil {
			t.Errorf("%s: %s, %v", members, got, err)
		}
	}
}
