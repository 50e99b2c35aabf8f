package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// Sources: the API's own words, "text content blocks must contain non-whitespace text", "all
// messages must have non-empty content", "final assistant content cannot end with trailing
// whitespace" and "each stop sequence must contain non-whitespace", as users quote them;
// the documentation's "Extended thinking", "Tool choice limitation"; 2026-11.
func TestRequest_has_nothing_that_the_dialect_refuses_although_OpenAIs_takes_it(t *testing.T) {
	const tool = `"tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":"required"`
	for _, c := range []struct{ request, want string }{
		{
			`"messages":[{"role":"system","content":""},{"role":"system","content":[{"type":"text","text":" "}]},{"role":"user","content":"Hi"}]`,
			`"messages":[{"role":"user","content":"Hi"}]`,
		},
		{
			`"messages":[{"role":"user","content":" \n"},{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"Hi"}]}]`,
			`"messages":[{"role":"user","content":"Hi"}]`,
		},
		{
			`"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":""},{"role":"assistant","content":[]},{"role":"user","content":"So?"}]`,
			`"messages":[{"role":"user","content":"Hi"},{"role":"user","content":"So?"}]`,
		},
		{
			`"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Well, "}]`,
			`"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Well,"}]`,
		},
		{ // Nothing to answer: that is the provider's to say.
			`"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"},{"role":"user","content":""}]`,
			`"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Ho"},{"role":"user","content":[]}]`,
		},
		{ // An empty result is one.
			`"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":" ","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}}]},{"role":"tool","tool_call_id":"a","content":""}]`,
			`"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":""}]}]`,
		},
		{
			`"messages":[{"role":"user","content":"Hi"}],"stop":""`,
			`"messages":[{"role":"user","content":"Hi"}]`,
		},
		{
			`"messages":[{"role":"user","content":"Hi"}],"reasoning_effort":"high",` + tool,
			`"messages":[{"role":"user","content":"Hi"}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"any"}`,
		},
		{
			`"messages":[{"role":"user","content":"Hi"}],"functions":[{"name":"f"}],"function_call":"none","tool_choice":"required"`,
			`"messages":[{"role":"user","content":"Hi"}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}}],"tool_choice":{"type":"any","disable_parallel_tool_use":true}`,
		},
	} {
		call := &adapters.Call{}
		translated := translateRequest(call, readRequest(t, `{"model":"claude-sonnet-4-5","max_tokens":9000,`+c.request+`}`), true)
		if err := translated.ledger.Refusal("p", kindOfAPI); err != nil || len(call.Reply.Notes) == 0 {
			t.Errorf("%s: %v and %d notes", c.request, err, len(call.Reply.Notes))
		}
		if got, want := string(wirejson.Marshal(translated.body)), `{"model":"claude-sonnet-4-5","max_tokens":9000,`+c.want+`}`; got != want {
			t.Errorf("%s became\n%s, want\n%s", c.request, got, want)
		}
	}
	// What matters is refused by name.
	translated := translateRequest(&adapters.Call{}, readRequest(t, `{"model":"claude-sonnet-4-5","stop":["a","\n"],"messages":[{"role":"user","content":"Hi"}]}`), true)
	if err := translated.ledger.Refusal("p", kindOfAPI); err == nil || !strings.Contains(err.Error(), `"stop[1]"`) {
		t.Errorf("%v, want a refusal of stop[1]", err)
	}
}

func TestThinking_of_adaptive_models_gives_way_to_a_forced_tool(t *testing.T) {
	req := readRequest(t, `{"model":"claude-opus-4-6","reasoning_effort":"low","tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"f"}},"messages":[{"role":"user","content":"Hi"}]}`)
	body := translateRequest(&adapters.Call{}, req, true).body
	if body.GetThinking() != nil || body.GetOutputConfig().GetEffort() != "low" {
		t.Errorf("thinking is %v, the effort %q", body.GetThinking(), body.GetOutputConfig().GetEffort())
	}
}

// A caller can send as many unknown members as a body may be long: they are read once, and
// not once for each of them.
func TestRequest_of_many_unknown_members_does_not_take_long(t *testing.T) {
	var many strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&many, `,"m%d":%d`, i, i)
	}
	start := time.Now()
	for _, text := range []string{
		`{"model":"m","messages":[{"role":"user","content":"x"}]` + many.String() + `}`,
		`{"model":"m","messages":[{"role":"user","content":"x"` + many.String() + `}]}`,
		`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"x"` + many.String() + `}]}]}`,
	} {
		body := wirejson.Marshal(translateRequest(&adapters.Call{}, readRequest(t, text), true).body)
		if !json.Valid(body) || !strings.Contains(string(body), `"m19999":19999`) {
			t.Error("the members did not arrive")
		}
	}
	// Quadratic work takes minutes.
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

// Two objects of the contract become one of the dialect.
func TestMembers_of_the_same_name_do_not_replace_each_other(t *testing.T) {
	const request = `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","x":%s},"x":1}]}`
	same := translateRequest(&adapters.Call{}, readRequest(t, fmt.Sprintf(request, "1")), true)
	if err := same.ledger.Refusal("p", kindOfAPI); err != nil {
		t.Errorf("the same value: %v", err)
	}
	other := translateRequest(&adapters.Call{}, readRequest(t, fmt.Sprintf(request, "2")), true)
	if err := other.ledger.Refusal("p", kindOfAPI); err == nil || !strings.Contains(err.Error(), `"tools[].function.x"`) {
		t.Errorf("another value: %v, want a refusal", err)
	}
}

// Source: the documentation's "Streaming Messages": one or more message_delta events.
func TestStream_tells_the_end_and_the_usage_once(t *testing.T) {
	s := newEvents(newAnswer(&adapters.Call{}, true))
	var reasons, usages, calls, functions int
	for _, event := range []string{
		`{"type":"message_start","message":{"id":"m","usage":{"input_tokens":3,"output_tokens":1}}}`,
		`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"a","name":"f","input":{}}}`,
		`{"type":"content_block_start","index":1,"content_block":{"type":"tool_use","id":"b","name":"g","input":{}}}`,
		`{"type":"content_block_delta","index":1,"delta":{"type":"input_json_delta","partial_json":"{}"}}`,
		`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":5}}`,
		`{"type":"message_delta","delta":{"stop_reason":"tool_use"},"usage":{"output_tokens":7}}`,
		`{"type":"message_stop"}`,
	} {
		e := new(anthropicpb.StreamEvent)
		if err := wirejson.Unmarshal([]byte(event), e, lenient); err != nil {
			t.Fatal(err)
		}
		list, err := s.add(e)
		if err != nil {
			t.Fatal(err)
		}
		for _, c := range list {
			if c.GetUsage() != nil {
				usages++
				if c.GetUsage().GetCompletionTokens() != 7 {
					t.Errorf("the usage is %v", c.GetUsage())
				}
			}
			for _, choice := range c.GetChoices() {
				if choice.FinishReason != nil {
					reasons++
				}
				if choice.GetDelta().GetFunctionCall() != nil {
					functions++
				}
				calls += len(choice.GetDelta().GetToolCalls())
			}
		}
	}
	// The form of functions has room for one call: the second one is not mixed into it.
	if reasons != 1 || usages != 1 || functions != 2 || calls != 2 {
		t.Errorf("%d reasons, %d usages, %d pieces of functions, %d of tools", reasons, usages, functions, calls)
	}
}
