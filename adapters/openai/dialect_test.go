package openai

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

// far is a provider that answers all requests alike and keeps the last.
type far struct {
	provider adapters.Provider
	path     string
	query    string
	header   http.Header
	body     string
}

func open(t *testing.T, d Dialect, contentType, answer string) *far {
	t.Helper()
	f := &far{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		f.path, f.query, f.header, f.body = r.URL.Path, r.URL.RawQuery, r.Header, string(body)
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	p, err := Open(adapters.Settings{Name: "far", BaseURL: server.URL, APIKeys: []adapters.Secret{adapters.NewSecret("sk-far")}}, d)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	f.provider = p
	return f
}

const fine = `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}`

func chatRequest(t *testing.T, members string) *sluicev1.ChatCompletionRequest {
	t.Helper()
	text := `{"model":"m","messages":[{"role":"user","content":"Hi"}]`
	if strings.Contains(members, `"messages"`) {
		text = `{"model":"m"`
	}
	if members != "" {
		text += "," + members
	}
	req := new(sluicev1.ChatCompletionRequest)
	if err := wirejson.Unmarshal([]byte(text+"}"), req, wirejson.Options{}); err != nil {
		t.Fatalf("%s: %v", text, err)
	}
	return req
}

// short says notes as "fate member>to".
func short(notes []*sluicev1.TranslationNote) []string {
	lines := []string{}
	for _, n := range notes {
		line := n.GetFate() + " " + n.GetMember()
		if n.To != nil && n.GetTo() != n.GetMember() {
			line += ">" + n.GetTo()
		}
		lines = append(lines, line)
	}
	return lines
}

const (
	hiThere = `"messages":[{"role":"user","content":"Hi"}]`
	tools   = `"tools":[{"type":"function","function":{"name":"f"}}]`
)

// Each case is a quirk on a request. The rest of the request must stand as it was.
var requestCases = []struct {
	name    string
	dialect Dialect
	choice  adapters.Unsupported
	members string
	want    string // members of the body beside the model
	notes   []string
	refused []string // members that the refusal names
}{
	{
		name: "max_completion_tokens becomes max_tokens", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{MaxTokens: "max_tokens"}},
		members: `"max_completion_tokens":5`, want: hiThere + `,"max_tokens":5`, notes: []string{"renamed max_completion_tokens>max_tokens"},
	},
	{
		name: "max_tokens becomes max_completion_tokens", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{MaxTokens: "max_completion_tokens"}},
		members: `"max_tokens":5`, want: hiThere + `,"max_completion_tokens":5`, notes: []string{"renamed max_tokens>max_completion_tokens"},
	},
	{
		name: "the known name stays", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{MaxTokens: "max_tokens"}},
		members: `"max_tokens":5`, want: hiThere + `,"max_tokens":5`, notes: []string{},
	},
	{
		name: "both names that say the same", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{MaxTokens: "max_tokens"}},
		members: `"max_tokens":5,"max_completion_tokens":5`, want: hiThere + `,"max_tokens":5`, notes: []string{"dropped max_completion_tokens"},
	},
	{
		name: "both names that do not", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{MaxTokens: "max_tokens"}},
		members: `"max_tokens":5,"max_completion_tokens":6`, refused: []string{"max_completion_tokens"},
	},
	{
		name: "both names that do not, to be dropped", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{MaxTokens: "max_tokens"}}, choice: adapters.UnsupportedDrop,
		members: `"max_tokens":5,"max_completion_tokens":6`, want: hiThere + `,"max_tokens":5`, notes: []string{"dropped max_completion_tokens"},
	},
	{
		name: "a null under the other name", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{MaxTokens: "max_tokens"}},
		members: `"max_completion_tokens":null`, want: hiThere, notes: []string{"dropped max_completion_tokens"},
	},
	{
		name: "a null under the known name gives way", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{MaxTokens: "max_tokens"}},
		members: `"max_completion_tokens":5,"max_tokens":null`, want: hiThere + `,"max_tokens":5`, notes: []string{"dropped max_tokens", "renamed max_completion_tokens>max_tokens"},
	},

	{
		name: "seed's name", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{Seed: "random_seed"}},
		members: `"seed":9007199254740993`, want: hiThere + `,"random_seed":9007199254740993`, notes: []string{"renamed seed>random_seed"},
	},
	{
		name: "a caller who knows seed's name", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{Seed: "random_seed"}},
		members: `"random_seed":7`, want: hiThere + `,"random_seed":7`, notes: []string{},
	},
	{
		name: "seed under both names", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{Seed: "random_seed"}},
		members: `"seed":8,"random_seed":7`, refused: []string{"seed"},
	},

	{
		name: "developer is system", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{DeveloperRole: "system"}},
		members: `"messages":[{"role":"developer","content":"Be brief.","name":"boss","x":1},{"role":"user","content":"Hi"},{"role":"developer","content":[{"type":"text","text":"Now."}]}]`,
		want:    `"messages":[{"role":"system","content":"Be brief.","name":"boss","x":1},{"role":"user","content":"Hi"},{"role":"system","content":[{"type":"text","text":"Now."}]}]`,
		notes:   []string{"coerced messages[].role"},
	},
	{
		name: "developer is user", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{DeveloperRole: "user"}},
		members: `"messages":[{"role":"developer","content":"Be brief."}]`, want: `"messages":[{"role":"user","content":"Be brief."}]`,
		notes: []string{"approximated messages[].role"},
	},

	{
		name: "tool_choice required has another name", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{ToolChoiceRequired: new("any")}},
		members: tools + `,"tool_choice":"required"`, want: hiThere + `,` + tools + `,"tool_choice":"any"`, notes: []string{"coerced tool_choice"},
	},
	{
		name: "tool_choice auto has not", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{ToolChoiceRequired: new("any")}},
		members: tools + `,"tool_choice":"auto"`, want: hiThere + `,` + tools + `,"tool_choice":"auto"`, notes: []string{},
	},
	{
		name: "tool_choice required is not there", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{ToolChoiceRequired: new("")}},
		members: tools + `,"tool_choice":"required"`, refused: []string{"tool_choice"},
	},
	{
		name: "tool_choice required is not there but may pass", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{ToolChoiceRequired: new("")}}, choice: adapters.UnsupportedPass,
		members: tools + `,"tool_choice":"required"`, want: hiThere + `,` + tools + `,"tool_choice":"required"`, notes: []string{"passed tool_choice"},
	},

	{name: "one choice", dialect: Dialect{MaxChoices: 1}, members: `"n":1`, want: hiThere + `,"n":1`, notes: []string{}},
	{name: "more choices than it gives", dialect: Dialect{MaxChoices: 1}, members: `"n":2`, refused: []string{"n"}},
	{name: "more choices, to be dropped", dialect: Dialect{MaxChoices: 4}, choice: adapters.UnsupportedDrop, members: `"n":5`, want: hiThere, notes: []string{"dropped n"}},

	{
		name: "reasoning under its name", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{Reasoning: "reasoning"}, ReasoningBack: ReasoningText},
		members: `"messages":[{"role":"assistant","content":"Yes","reasoning_content":"Because \"so\"","reasoning_details":[{"type":"reasoning.text","text":"a"}]},{"role":"user","content":"Hi"}]`,
		want:    `"messages":[{"role":"assistant","content":"Yes","reasoning":"Because \"so\""},{"role":"user","content":"Hi"}]`,
		notes:   []string{"dropped messages[].reasoning_details", "renamed messages[].reasoning_content>messages[].reasoning"},
	},
	{
		name: "reasoning under its name, with the pieces", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{Reasoning: "reasoning"}},
		members: `"messages":[{"role":"assistant","content":"Yes","reasoning_content":"a","reasoning_details":[{"type":"reasoning.text","text":"a"}]}]`,
		want:    `"messages":[{"role":"assistant","content":"Yes","reasoning_details":[{"type":"reasoning.text","text":"a"}],"reasoning":"a"}]`,
		notes:   []string{"renamed messages[].reasoning_content>messages[].reasoning"},
	},
	{
		name: "reasoning under both names", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{Reasoning: "reasoning"}},
		members: `"messages":[{"role":"assistant","content":"Yes","reasoning_content":"a","reasoning":"a"}]`,
		want:    `"messages":[{"role":"assistant","content":"Yes","reasoning":"a"}]`,
		notes:   []string{"dropped messages[].reasoning_content"},
	},
	{
		name: "a null for reasoning", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{Reasoning: "reasoning"}},
		members: `"messages":[{"role":"assistant","content":"Yes","reasoning_content":null}]`,
		want:    `"messages":[{"role":"assistant","content":"Yes"}]`, notes: []string{"dropped messages[].reasoning_content"},
	},
	{
		name: "reasoning is required back", dialect: Dialect{ReasoningBack: ReasoningText},
		members: `"messages":[{"role":"assistant","content":null,"reasoning_content":"a","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}]`,
		want:    `"messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}],"reasoning_content":"a"},{"role":"tool","tool_call_id":"c","content":"1"}]`,
		notes:   []string{},
	},
	{
		name: "reasoning is refused", dialect: Dialect{ReasoningBack: ReasoningNone},
		members: `"messages":[{"role":"assistant","content":"Yes","reasoning_content":"a","reasoning_details":[{"type":"reasoning.text"}]},{"role":"assistant","content":"No","reasoning_content":null,"reasoning_details":[]}]`,
		want:    `"messages":[{"role":"assistant","content":"Yes"},{"role":"assistant","content":"No"}]`,
		notes:   []string{"dropped messages[].reasoning_details", "dropped messages[].reasoning_content"},
	},

	{
		name: "a stream's options are unknown, usage comes", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{StreamUsage: adapters.StreamUsageAlways}},
		members: `"stream_options":{"include_usage":true,"include_obfuscation":false,"more":1}`, want: hiThere,
		notes: []string{"dropped stream_options.include_usage", "dropped stream_options.include_obfuscation", "dropped stream_options.more"},
	},
	{
		name: "a stream's options are unknown, usage does not come", dialect: Dialect{OpenAIDialect: adapters.OpenAIDialect{StreamUsage: adapters.StreamUsageNone}},
		members: `"stream_options":null`, want: hiThere, notes: []string{"dropped stream_options"},
	},

	{
		name: "what is refused is named", dialect: unsupported("logit_bias", "top_k", "stop", "messages[].name", "tools[].function.strict", "response_format.json_schema"),
		members: `"messages":[{"role":"user","content":"Hi","name":"alice"}],"logit_bias":{"1":2},"top_k":4,"stop":["a"],"tools":[{"type":"function","function":{"name":"f","strict":true}}],"response_format":{"type":"json_schema","json_schema":{"name":"n"}}`,
		refused: []string{"logit_bias", "top_k", "stop", "messages[].name", "tools[].function.strict", "response_format.json_schema"},
	},
	{
		name: "what is refused may be dropped", dialect: unsupported("logit_bias", "top_k", "stop", "messages[].name", "tools[].function.strict", "response_format.json_schema"), choice: adapters.UnsupportedDrop,
		members: `"messages":[{"role":"system","content":"S","name":"s"},{"role":"developer","content":"D","name":"d"},{"role":"user","content":"Hi","name":"alice"},{"role":"assistant","content":"Yes","name":"a"}],"logit_bias":{"1":2},"top_k":4,"stop":"a","tools":[{"type":"function","function":{"name":"f","parameters":{"b":1,"a":2},"strict":true,"x":1},"y":2},{"type":"custom","custom":{"name":"c"}}],"response_format":{"type":"json_schema","json_schema":{"name":"n"}}`,
		want:    `"messages":[{"role":"system","content":"S"},{"role":"developer","content":"D"},{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"b":1,"a":2},"x":1},"y":2},{"type":"custom","custom":{"name":"c"}}]`,
		notes:   []string{"dropped logit_bias", "dropped top_k", "dropped stop", "dropped messages[].name", "dropped tools[].function.strict", "dropped response_format.json_schema"},
	},
	{
		name: "what is refused may pass", dialect: unsupported("logit_bias", "top_k"), choice: adapters.UnsupportedPass,
		members: `"logit_bias":{"1":2},"top_k":4`, want: hiThere + `,"logit_bias":{"1":2},"top_k":4`, notes: []string{"passed logit_bias", "passed top_k"},
	},
	{
		name:    "values that say nothing",
		dialect: unsupported("n", "logprobs", "top_logprobs", "frequency_penalty", "presence_penalty", "top_p", "store", "parallel_tool_calls", "service_tier", "verbosity", "tool_choice", "response_format", "modalities", "logit_bias", "seed", "stop"),
		members: `"n":1,"logprobs":false,"top_logprobs":0,"frequency_penalty":0,"presence_penalty":0,"top_p":1,"store":false,"parallel_tool_calls":true,"service_tier":"auto","verbosity":"medium","tool_choice":"auto","response_format":{"type":"text"},"modalities":["text"],"logit_bias":{},"seed":null,"stop":[]`,
		want:    hiThere,
		notes: []string{
			"dropped n", "dropped logprobs", "dropped top_logprobs", "dropped frequency_penalty", "dropped presence_penalty", "dropped top_p", "dropped store",
			"dropped parallel_tool_calls", "dropped service_tier", "dropped verbosity", "dropped tool_choice", "dropped response_format", "dropped modalities",
			"dropped logit_bias", "dropped seed", "dropped stop",
		},
	},
	{
		name: "what is for the provider's books", dialect: unsupported("user", "safety_identifier", "metadata", "prompt_cache_key", "prediction"),
		members: `"user":"u","safety_identifier":"s","metadata":{"a":"b"},"prompt_cache_key":"k","prediction":{"type":"content","content":"x"}`, want: hiThere,
		notes: []string{"dropped user", "dropped safety_identifier", "dropped metadata", "dropped prompt_cache_key", "dropped prediction"},
	},
	{
		name: "values that say something", dialect: unsupported("n", "logprobs", "top_p", "parallel_tool_calls", "service_tier"),
		members: `"n":2,"logprobs":true,"top_p":0.5,"parallel_tool_calls":false,"service_tier":"flex"`,
		refused: []string{"n", "logprobs", "top_p", "parallel_tool_calls", "service_tier"},
	},
	{
		name: "nothing of it concerns the request", dialect: unsupported("logit_bias"),
		members: `"temperature":0.5,"future":{"a":1}`, want: hiThere + `,"temperature":0.5,"future":{"a":1}`, notes: []string{},
	},
}

func unsupported(names ...string) Dialect {
	return Dialect{OpenAIDialect: adapters.OpenAIDialect{Unsupported: names}, API: "Far's API"}
}

func TestChat_sends_what_the_dialect_knows(t *testing.T) {
	for _, c := range requestCases {
		t.Run(c.name, func(t *testing.T) {
			f := open(t, c.dialect, mediaJSON, fine)
			req := chatRequest(t, c.members)
			before := proto.Clone(req)
			call := &adapters.Call{Unsupported: c.choice, Model: "target"}
			_, err := f.provider.Chat.Chat(t.Context(), call, req)
			if !proto.Equal(before, req) {
				t.Error("the request was changed, which other attempts share")
			}
			if c.refused != nil {
				checkRefusal(t, err, c.refused)
				if f.path != "" {
					t.Error("the provider was asked all the same")
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if where := adaptertest.Difference([]byte(f.body), []byte(`{"model":"target",`+c.want+`}`)); where != "" {
				t.Errorf("%s: the provider got\n%s\nwant\n%s", where, f.body, c.want)
			}
			if got := short(call.Reply.Notes); !slices.Equal(got, c.notes) {
				t.Errorf("notes %q, want %q", got, c.notes)
			}
		})
	}
}

func checkRefusal(t *testing.T, err error, members []string) {
	t.Helper()
	if adapters.KindOf(err) != adapters.KindUnsupported {
		t.Fatalf("%v, want a refusal", err)
	}
	for _, member := range members {
		if !strings.Contains(err.Error(), fmt.Sprintf("%q", member)) {
			t.Errorf("the refusal does not name %s: %v", member, err)
		}
	}
}

func TestStreamChat_asks_for_usage_only_where_it_can(t *testing.T) {
	for usage, want := range map[string]string{
		"":                         `{"model":"m",` + hiThere + `,"stream_options":{"include_usage":true},"stream":true}`,
		adapters.StreamUsageAsked:  `{"model":"m",` + hiThere + `,"stream_options":{"include_usage":true},"stream":true}`,
		adapters.StreamUsageAlways: `{"model":"m",` + hiThere + `,"stream":true}`,
		adapters.StreamUsageNone:   `{"model":"m",` + hiThere + `,"stream":true}`,
	} {
		f := open(t, Dialect{OpenAIDialect: adapters.OpenAIDialect{StreamUsage: usage}}, mediaEvents, event(`"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":"stop"}]`)+done)
		for _, members := range []string{"", `"stream_options":{"include_usage":true}`} {
			if _, err := f.stream(t, chatRequest(t, members), &adapters.Call{}); err != nil {
				t.Fatal(err)
			}
			if where := adaptertest.Difference([]byte(f.body), []byte(want)); where != "" {
				t.Errorf("%q, %s: %s: the provider got %s, want %s", usage, members, where, f.body, want)
			}
		}
	}
}

func (f *far) stream(t *testing.T, req *sluicev1.ChatCompletionRequest, call *adapters.Call) (chunks []string, err error) {
	t.Helper()
	err = f.provider.Chat.StreamChat(t.Context(), call, req, func(chunk *sluicev1.ChatCompletionChunk) error {
		chunks = append(chunks, string(chunk.AppendWireJSON(nil)))
		return nil
	})
	return chunks, err
}

const done = "data: [DONE]\n\n"

func event(members string) string {
	return `data: {"id":"x","object":"chat.completion.chunk","created":1,"model":"m",` + members + "}\n\n"
}
