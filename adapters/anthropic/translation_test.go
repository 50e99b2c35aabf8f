package anthropic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"testing"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

// Sources: platform.claude.com/docs, "Thinking", "Effort", "What's new in Claude Opus 5.5",
// "Models overview", 2026-11.
func TestTraits_follow_the_models(t *testing.T) {
	for model, want := range map[string]traits{
		"claude-opus-5-5":            {adaptive: true, thinks: true, off: always, xhigh: true, max: true, systemTurns: true, maxTokens: 128000},
		"claude-sonnet-5-5":          {adaptive: true, thinks: true, off: "between_tools", xhigh: true, max: true, systemTurns: true, maxTokens: 128000},
		"claude-haiku-5-5":           {adaptive: true, thinks: true, off: "disabled", xhigh: true, max: true, systemTurns: true, maxTokens: 128000},
		"claude-fable-5":             {adaptive: true, thinks: true, off: always, xhigh: true, max: true, maxTokens: 128000},
		"claude-opus-5":              {adaptive: true, thinks: true, off: "disabled", xhigh: true, max: true, systemTurns: true, maxTokens: 128000},
		"claude-opus-4-8":            {adaptive: true, thinks: true, xhigh: true, max: true, systemTurns: true, maxTokens: 128000},
		"claude-opus-4-7":            {adaptive: true, thinks: true, xhigh: true, max: true, maxTokens: 128000},
		"claude-opus-4-6":            {adaptive: true, thinks: true, max: true, samples: true, maxTokens: 128000},
		"claude-sonnet-4-6":          {adaptive: true, thinks: true, max: true, samples: true, maxTokens: 128000},
		"claude-mythos-preview":      {adaptive: true, thinks: true, off: always, max: true, samples: true, maxTokens: 128000},
		"claude-sonnet-4-5-20250929": {thinks: true, samples: true, maxTokens: 64000},
		"claude-sonnet-4-5@20250929": {thinks: true, samples: true, maxTokens: 64000},
		"claude-opus-4-20250514":     {thinks: true, samples: true, maxTokens: 32000},
		"claude-opus-4-1-20250805":   {thinks: true, samples: true, maxTokens: 32000},
		"claude-3-7-sonnet-20250219": {thinks: true, samples: true, maxTokens: 64000},
		"claude-3-5-haiku-20241022":  {samples: true, maxTokens: 8192},
		"claude-3-opus-20240229":     {samples: true, maxTokens: 4096},
		"somebody/s-own":             {adaptive: true, thinks: true, off: "disabled", xhigh: true, max: true, samples: true, maxTokens: 4096},
	} {
		if got := traitsOf(model); got != want {
			t.Errorf("%s: %+v, want %+v", model, got, want)
		}
	}
}

// Sources: as above, and OpenRouter's "Reasoning Tokens" for the shares.
func TestEffort_becomes_the_models_own_control(t *testing.T) {
	for _, c := range []struct{ model, effort, want string }{
		{"claude-opus-5-5", "none", `"output_config":{"effort":"low"}`},
		{"claude-sonnet-5-5", "none", `"thinking":{"type":"between_tools"}`},
		{"claude-opus-5", "none", `"thinking":{"type":"disabled"}`},
		{"claude-opus-4-6", "none", ``},
		{"claude-sonnet-4-5", "none", ``},
		{"claude-opus-5-5", "minimal", `"thinking":{"type":"adaptive"},"output_config":{"effort":"low"}`},
		{"claude-opus-5-5", "max", `"thinking":{"type":"adaptive"},"output_config":{"effort":"max"}`},
		{"claude-opus-4-6", "xhigh", `"thinking":{"type":"adaptive"},"output_config":{"effort":"high"}`},
		{"claude-opus-4-7", "xhigh", `"thinking":{"type":"adaptive"},"output_config":{"effort":"xhigh"}`},
		{"claude-sonnet-4-5", "minimal", `"thinking":{"type":"enabled","budget_tokens":1024}`},
		{"claude-sonnet-4-5", "low", `"thinking":{"type":"enabled","budget_tokens":2000}`},
		{"claude-sonnet-4-5", "medium", `"thinking":{"type":"enabled","budget_tokens":5000}`},
		{"claude-sonnet-4-5", "high", `"thinking":{"type":"enabled","budget_tokens":8000}`},
		{"claude-sonnet-4-5", "xhigh", `"thinking":{"type":"enabled","budget_tokens":9500}`},
	} {
		req := readRequest(t, fmt.Sprintf(`{"model":%q,"max_tokens":10000,"reasoning_effort":%q,"messages":[{"role":"user","content":"Hi"}]}`, c.model, c.effort))
		call := &adapters.Call{}
		translated := translateRequest(call, req, true)
		want := `{"model":"` + c.model + `","max_tokens":10000,"messages":[{"role":"user","content":"Hi"}]`
		if c.want != "" {
			want += "," + c.want
		}
		if got := string(wirejson.Marshal(translated.body)); got != want+"}" {
			t.Errorf("%s, %s: %s, want %s}", c.model, c.effort, got, want)
		}
		if err := translated.ledger.Refusal("p", kindOfAPI); err != nil || len(call.Reply.Notes) == 0 {
			t.Errorf("%s, %s: %v and %d notes", c.model, c.effort, err, len(call.Reply.Notes))
		}
	}
}

func TestLifetime_is_never_shorter_than_asked_where_it_can_be(t *testing.T) {
	for asked, want := range map[string]struct {
		ttl   string
		exact bool
	}{
		"5m": {"5m", true}, "300s": {"5m", true}, "1m": {"5m", false}, "30m": {"1h", false}, "1h": {"1h", true}, "60m": {"1h", true}, "24h": {"1h", false}, "soon": {"1h", false},
	} {
		if ttl, exact := lifetime(asked); ttl != want.ttl || exact != want.exact {
			t.Errorf("%s: %s, %t", asked, ttl, exact)
		}
	}
}

// contents are what models answer. Source: the content blocks of the official Go SDK v1.84.0.
var contents = []string{
	`[{"type":"text","text":"Hi"}]`,
	`[{"type":"thinking","thinking":"Hm","signature":"s1"},{"type":"text","text":"Hi"}]`,
	`[{"type":"thinking","thinking":"","signature":"s1"},{"type":"redacted_thinking","data":"d"},{"type":"tool_use","id":"t1","name":"f","input":{"b":1,"a":2.50}}]`,
	`[{"type":"text","text":"A"},{"type":"tool_use","id":"t1","name":"f","input":{}},{"type":"tool_use","id":"t2","name":"g","input":{"x":"\u00e9"}}]`,
	`[{"type":"thinking","thinking":"1","signature":"s1"},{"type":"text","text":"A"},{"type":"thinking","thinking":"2","signature":"s2"},{"type":"tool_use","id":"t1","name":"f","input":{"x":1}}]`,
	`[{"type":"text","text":"A"},{"type":"server_tool_use","id":"s","name":"web_search","input":{"query":"q"}},{"type":"web_search_tool_result","tool_use_id":"s","content":[]},{"type":"text","text":"B","citations":[{"type":"web_search_result_location","url":"https://example.com","title":"E","encrypted_index":"e","cited_text":"c"}]}]`,
	`[{"type":"tool_use","id":"t1","name":"f","input":{"x":1},"caller":{"type":"direct"}}]`,
}

// sendBack is what the provider gets when a caller sends an answer's message back unchanged.
func sendBack(t *testing.T, message []byte) string {
	t.Helper()
	req := readRequest(t, `{"model":"claude-opus-4-6","messages":[{"role":"user","content":"Hi"},`+string(message)+`,{"role":"user","content":"And?"}]}`)
	translated := translateRequest(&adapters.Call{}, req, true)
	if err := translated.ledger.Refusal("p", kindOfAPI); err != nil {
		t.Fatal(err)
	}
	turn := wirejson.Marshal(translated.body.GetMessages()[1])
	var got struct{ Content json.RawMessage }
	if err := json.Unmarshal(turn, &got); err != nil {
		t.Fatal(err)
	}
	if len(got.Content) > 0 && got.Content[0] == '"' {
		return `[{"type":"text","text":` + string(got.Content) + `}]`
	}
	return string(got.Content)
}

func TestAnswer_goes_back_as_it_came(t *testing.T) {
	for _, content := range contents {
		m := new(anthropicpb.Message)
		if err := wirejson.Unmarshal([]byte(`{"type":"message","role":"assistant","content":`+content+`,"stop_reason":"end_turn"}`), m, lenient); err != nil {
			t.Fatal(err)
		}
		completion := newAnswer(&adapters.Call{}, false).completion(m)
		message := wirejson.Marshal(completion.GetChoices()[0].GetMessage())
		if where := adaptertest.Difference([]byte(sendBack(t, message)), []byte(content)); where != "" {
			t.Errorf("%s\nwent back as\n%s\n%s", content, sendBack(t, message), where)
		}
	}
}

// replay says a content as the events of a stream, each text in two pieces.
func replay(t *testing.T, content string) []*sluicev1.ChatCompletionChunk {
	t.Helper()
	var blocks []map[string]json.RawMessage
	if err := json.Unmarshal([]byte(content), &blocks); err != nil {
		t.Fatal(err)
	}
	s := newEvents(newAnswer(&adapters.Call{}, false))
	var out []*sluicev1.ChatCompletionChunk
	add := func(event any) {
		data, err := json.Marshal(event)
		if err != nil {
			t.Fatal(err)
		}
		e := new(anthropicpb.StreamEvent)
		if err := wirejson.Unmarshal(data, e, lenient); err != nil {
			t.Fatal(err)
		}
		list, err := s.add(e)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, list...)
	}
	type object = map[string]any
	add(object{"type": "message_start", "message": object{"id": "m"}})
	for i, b := range blocks {
		pieces := func(name, deltaType, deltaName string) {
			raw, there := b[name]
			if !there {
				return
			}
			text := string(raw)
			if name != "input" {
				_ = json.Unmarshal(raw, &text)
				b[name] = json.RawMessage(`""`)
			} else {
				b[name] = json.RawMessage(`{}`)
			}
			half := []rune(text)
			add(object{"type": "content_block_delta", "index": i, "delta": object{"type": deltaType, deltaName: string(half[:len(half)/2])}})
			add(object{"type": "content_block_delta", "index": i, "delta": object{"type": deltaType, deltaName: string(half[len(half)/2:])}})
		}
		start := object{}
		for name, value := range b {
			start[name] = value
		}
		for _, name := range []string{"text", "thinking", "signature"} {
			if _, there := start[name]; there {
				start[name] = ""
			}
		}
		if _, there := start["input"]; there {
			start["input"] = object{}
		}
		delete(start, "citations")
		add(object{"type": "content_block_start", "index": i, "content_block": start})
		pieces("text", "text_delta", "text")
		pieces("thinking", "thinking_delta", "thinking")
		pieces("signature", "signature_delta", "signature")
		pieces("input", "input_json_delta", "partial_json")
		var citations []json.RawMessage
		_ = json.Unmarshal(b["citations"], &citations)
		for _, c := range citations {
			add(object{"type": "content_block_delta", "index": i, "delta": object{"type": "citations_delta", "citation": c}})
		}
		add(object{"type": "content_block_stop", "index": i})
	}
	add(object{"type": "message_delta", "delta": object{"stop_reason": "end_turn"}})
	add(object{"type": "message_stop"})
	return out
}

// join puts a message together as clients do: texts of the same index are appended.
func join(t *testing.T, chunks []*sluicev1.ChatCompletionChunk) []byte {
	t.Helper()
	message := map[string]any{"role": "assistant"}
	merge := func(into, from map[string]any) {
		for name, value := range from {
			old, isText := into[name].(string)
			piece, isPiece := value.(string)
			if isText && isPiece && name != "type" {
				value = old + piece
			}
			into[name] = value
		}
	}
	byIndex := map[string][]map[string]any{}
	for _, c := range chunks {
		for _, choice := range c.GetChoices() {
			var delta map[string]any
			if err := json.Unmarshal(wirejson.Marshal(choice.GetDelta()), &delta); err != nil {
				t.Fatal(err)
			}
			for _, name := range []string{"tool_calls", "reasoning_details"} {
				list, _ := delta[name].([]any)
				delete(delta, name)
				for _, item := range list {
					piece, _ := item.(map[string]any)
					at, _ := piece["index"].(float64)
					for len(byIndex[name]) <= int(at) {
						byIndex[name] = append(byIndex[name], map[string]any{})
					}
					whole := byIndex[name][int(at)]
					if f, ok := piece["function"].(map[string]any); ok {
						if had, ok := whole["function"].(map[string]any); ok {
							merge(had, f)
							delete(piece, "function")
						}
					}
					merge(whole, piece)
				}
				if len(byIndex[name]) > 0 {
					message[name] = byIndex[name]
				}
			}
			delete(delta, "role")
			merge(message, delta)
		}
	}
	out, err := json.Marshal(message)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestStream_goes_back_as_it_came(t *testing.T) {
	for _, content := range contents {
		message := join(t, replay(t, content))
		if where := adaptertest.Difference([]byte(sendBack(t, message)), []byte(content)); where != "" {
			t.Errorf("%s\nas the message %s\nwent back as\n%s\n%s", content, message, sendBack(t, message), where)
		}
	}
}

func FuzzRequest(f *testing.F) {
	odd, err := os.ReadFile("../adaptertest/requests/odd.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(odd) {
		f.Add(line)
	}
	f.Add([]byte(`{"model":"claude-opus-4-8","messages":[{"role":"user","content":"Hi"},{"role":"system","content":"S"}],"thinking":{"type":"adaptive"},"tools":[{"type":"function","function":{"name":"f","strict":null,"x":1}}]}`))
	f.Add([]byte(`{"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a b","type":"function","function":{"name":"f","arguments":"[1"}}],"reasoning_details":[{"type":"reasoning.text","text":"x","signature":"y"}]},{"role":"tool","tool_call_id":"a b","content":[]}],"stop":["a"],"stop_sequences":["b"]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		req := new(sluicev1.ChatCompletionRequest)
		if wirejson.Unmarshal(data, req, wirejson.Options{}) != nil {
			return
		}
		for _, mode := range []adapters.Unsupported{adapters.UnsupportedDrop, adapters.UnsupportedPass} {
			translated := translateRequest(&adapters.Call{Unsupported: mode}, req, true)
			body := wirejson.Marshal(translated.body)
			if translated.check(body) != nil {
				continue
			}
			if !json.Valid(body) {
				t.Fatalf("no JSON: %s", body)
			}
			if err := wirejson.Unmarshal(body, new(anthropicpb.MessagesRequest), lenient); err != nil {
				t.Fatalf("%v: %s", err, body)
			}
		}
	})
}

func FuzzEvents(f *testing.F) {
	f.Add([]byte(`{"type":"content_block_start","index":0,"content_block":{"type":"tool_use","id":"t","name":"f","input":{}}}`), []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{"}}`))
	f.Add([]byte(`{"type":"content_block_start","index":0,"content_block":{"type":"odd","input":1}}`), []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"input_json_delta","partial_json":"{}"}}`))
	f.Add([]byte(`{"type":"content_block_start","index":0,"content_block":{"type":"text","text":"","citations":[]}}`), []byte(`{"type":"content_block_delta","index":0,"delta":{"type":"citations_delta","citation":{"url":"u"}}}`))
	f.Fuzz(func(t *testing.T, first, second []byte) {
		s := newEvents(newAnswer(&adapters.Call{}, false))
		for _, data := range [][]byte{
			[]byte(`{"type":"message_start","message":{"id":"m","model":"x","usage":{"input_tokens":1}}}`), first, second, second,
			[]byte(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":1}}`), []byte(`{"type":"message_stop"}`),
		} {
			e := new(anthropicpb.StreamEvent)
			if wirejson.Unmarshal(data, e, lenient) != nil {
				return
			}
			list, err := s.add(e)
			if err != nil {
				return
			}
			for _, chunk := range list {
				if body := wirejson.Marshal(chunk); !json.Valid(body) || wirejson.Unmarshal(body, new(sluicev1.ChatCompletionChunk), wirejson.Options{}) != nil {
					t.Fatalf("no chunk: %s", body)
				}
			}
		}
	})
}
