package openai

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

func named(reasoning string) Dialect {
	return Dialect{OpenAIDialect: adapters.OpenAIDialect{Reasoning: reasoning}}
}

// Each case is a quirk of a choice, in an answer and in a stream alike: its message is a
// delta there.
var answerCases = []struct {
	name    string
	dialect Dialect
	message string // members beside the role
	finish  string
	want    string // members of the choice's message
	rest    string // members of the choice
	notes   []string
}{
	{"reasoning", named("reasoning"), `"content":"Hi","reasoning":"Be\ncause"`, "stop", `"content":"Hi","reasoning_content":"Be\ncause"`, "", []string{"renamed MESSAGE.reasoning>MESSAGE.reasoning_content"}},
	{"reasoning by OpenAI's servers' other name", named("reasoning"), `"content":"Hi","reasoning_content":"a"`, "stop", `"content":"Hi","reasoning_content":"a"`, "", []string{}},
	{"both", named("reasoning"), `"content":"Hi","reasoning":"a","reasoning_content":"a"`, "stop", `"content":"Hi","reasoning_content":"a"`, "", []string{"dropped MESSAGE.reasoning"}},
	{"both, not the same", named("reasoning"), `"content":"Hi","reasoning":"a","reasoning_content":"b"`, "stop", `"content":"Hi","reasoning_content":"b","reasoning":"a"`, "", []string{}},
	{"no reasoning", named("reasoning"), `"content":"Hi","reasoning":null`, "stop", `"content":"Hi"`, "", []string{"dropped MESSAGE.reasoning"}},
	{"another thing of that name", named("reasoning"), `"content":"Hi","reasoning":{"effort":"low"}`, "stop", `"content":"Hi","reasoning":{"effort":"low"}`, "", []string{}},
	{"reasoning and its pieces", named("reasoning"), `"content":"Hi","reasoning":"a","reasoning_details":[{"type":"reasoning.text","text":"a"}]`, "stop", `"content":"Hi","reasoning_content":"a","reasoning_details":[{"type":"reasoning.text","text":"a"}]`, "", []string{"renamed MESSAGE.reasoning>MESSAGE.reasoning_content"}},
	{"OpenAI's own dialect leaves it", Dialect{}, `"content":"Hi","reasoning":"a"`, "stop", `"content":"Hi","reasoning":"a"`, "", []string{}},

	// Mistral's client-python: AssistantMessage.content is a text or parts, ThinkChunk.
	{
		"thinking in parts",
		Dialect{ThinkingParts: true},
		`"content":[{"type":"thinking","thinking":[{"type":"text","text":"Let "},{"type":"text","text":"me"}],"closed":true},{"type":"text","text":"H"},{"type":"text","text":"i"}]`, "stop",
		`"content":"Hi","reasoning_content":"Let me"`, "",
		[]string{"coerced MESSAGE.content[].text>MESSAGE.content", "renamed MESSAGE.content[].thinking[].text>MESSAGE.reasoning_content"},
	},
	{"only thinking", Dialect{ThinkingParts: true}, `"content":[{"type":"thinking","thinking":[{"type":"text","text":"a"}]}]`, "length", `"reasoning_content":"a"`, "", []string{"renamed MESSAGE.content[].thinking[].text>MESSAGE.reasoning_content"}},
	{"a text", Dialect{ThinkingParts: true}, `"content":"Hi"`, "stop", `"content":"Hi"`, "", []string{}},
	{"other parts", Dialect{ThinkingParts: true}, `"content":[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}]`, "stop", `"content":[{"type":"text","text":"a"},{"type":"reference","reference_ids":[1]}]`, "", []string{}},

	{"a finish reason", Dialect{FinishReasons: map[string]string{"eos": "stop"}}, `"content":"Hi"`, "eos", `"content":"Hi"`, `"finish_reason":"stop","native_finish_reason":"eos"`, []string{"coerced choices[].finish_reason"}},
	{"OpenAI's finish reason", Dialect{FinishReasons: map[string]string{"eos": "stop"}}, `"content":"Hi"`, "length", `"content":"Hi"`, `"finish_reason":"length"`, []string{}},
}

func TestChat_understands_the_dialect(t *testing.T) {
	for _, c := range answerCases {
		t.Run(c.name, func(t *testing.T) {
			const answer = `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant",%s},%s}]}`
			finish := `"finish_reason":"` + c.finish + `"`
			f := open(t, c.dialect, mediaJSON, fmt.Sprintf(answer, c.message, finish))
			call := &adapters.Call{}
			got, err := f.provider.Chat.Chat(t.Context(), call, chatRequest(t, ""))
			if err != nil {
				t.Fatal(err)
			}
			if c.rest != "" {
				finish = c.rest
			}
			// A message always says its content and refusal.
			want := fmt.Sprintf(answer, withNulls(t, c.message, c.want), finish)
			if where := adaptertest.Difference(got.AppendWireJSON(nil), []byte(want)); where != "" {
				t.Errorf("%s: got\n%s\nwant\n%s", where, got.AppendWireJSON(nil), want)
			}
			checkNotes(t, call.Reply.Notes, c.notes, "choices[].message")
		})
	}
}

// withNulls adds the content that a message lost.
func withNulls(t *testing.T, sent, want string) string {
	t.Helper()
	if strings.Contains(sent, `"content"`) && !strings.Contains(want, `"content"`) {
		return `"content":null,` + want
	}
	return want
}

func checkNotes(t *testing.T, notes []*sluicev1.TranslationNote, want []string, message string) {
	t.Helper()
	expected := []string{}
	for _, line := range want {
		expected = append(expected, strings.ReplaceAll(line, "MESSAGE", message))
	}
	if got := short(notes); !slices.Equal(got, expected) {
		t.Errorf("notes %q, want %q", got, expected)
	}
	for _, n := range notes {
		if n.GetSide() != "response" {
			t.Errorf("the note is about the %s", n.GetSide())
		}
	}
}

func TestStreamChat_understands_the_dialect(t *testing.T) {
	for _, c := range answerCases {
		t.Run(c.name, func(t *testing.T) {
			finish := `"finish_reason":"` + c.finish + `"`
			f := open(t, c.dialect, mediaEvents,
				event(`"choices":[{"index":0,"delta":{"role":"assistant",`+c.message+`},"finish_reason":null}]`)+
					event(`"choices":[{"index":0,"delta":{},`+finish+`}]`)+done)
			call := &adapters.Call{}
			chunks, err := f.stream(t, chatRequest(t, ""), call)
			if err != nil || len(chunks) != 2 {
				t.Fatalf("%d chunks, %v", len(chunks), err)
			}
			if c.rest != "" {
				finish = c.rest
			}
			for i, choice := range []string{`{"index":0,"delta":{"role":"assistant",` + c.want + `},"finish_reason":null}`, `{"index":0,"delta":{},` + finish + `}`} {
				want := strings.TrimPrefix(strings.TrimSpace(event(`"choices":[`+choice+`]`)), "data: ")
				if where := adaptertest.Difference([]byte(chunks[i]), []byte(want)); where != "" {
					t.Errorf("%s: chunk %d\n%s\nwant\n%s", where, i, chunks[i], want)
				}
			}
			checkNotes(t, call.Reply.Notes, c.notes, "choices[].delta")
		})
	}
}

func TestStreamChat_tells_usage_once_and_last(t *testing.T) {
	const (
		hi    = `"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}]`
		end   = `"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]`
		none  = `"choices":[]`
		small = `"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}`
		whole = `"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}`
	)
	always := Dialect{OpenAIDialect: adapters.OpenAIDialect{StreamUsage: adapters.StreamUsageAlways}}
	groq := Dialect{UsageMember: "x_groq.usage"}
	for _, c := range []struct {
		name    string
		dialect Dialect
		events  []string
		want    []string // members of the chunks
		notes   []string
	}{
		// docs.mistral.ai, "Streaming": the last chunk of the answer has it.
		{"with the last piece", always, []string{hi, end + "," + whole}, []string{hi, end, none + "," + whole}, []string{"coerced usage"}},
		{"in a chunk of its own", always, []string{hi, end, none + "," + whole + `,"more":1`}, []string{hi, end, none + "," + whole + `,"more":1`}, []string{}},
		{"in every chunk", Dialect{RepeatsUsage: true}, []string{hi + "," + small, end + "," + whole}, []string{hi, end, none + "," + whole}, []string{"coerced usage"}},
		{"in every chunk and its own", Dialect{RepeatsUsage: true}, []string{hi + "," + small, end, none + "," + whole}, []string{hi, end, none + "," + whole}, []string{}},
		{"not at all", always, []string{hi, end}, []string{hi, end}, []string{}},
		// groq-python's types: XGroq.usage, "Only sent in the final chunk".
		{
			"in a place of its own", groq,
			[]string{hi, end + `,"x_groq":{"id":"r",` + whole + `}`},
			[]string{hi, end + `,"x_groq":{"id":"r",` + whole + `}`, none + "," + whole},
			[]string{"renamed x_groq.usage>usage"},
		},
		{
			"in both places", groq,
			[]string{hi, end + `,"x_groq":{"id":"r",` + small + `}`, none + "," + whole},
			[]string{hi, end + `,"x_groq":{"id":"r",` + small + `}`, none + "," + whole},
			[]string{},
		},
		{"another thing in that place", groq, []string{hi, end + `,"x_groq":{"usage":7}`}, []string{hi, end + `,"x_groq":{"usage":7}`}, []string{}},
		{
			"in a choice",
			Dialect{UsageMember: "choices[].usage"},
			[]string{hi, `"choices":[{"index":0,"delta":{},"finish_reason":"stop",` + whole + `}]`},
			[]string{hi, `"choices":[{"index":0,"delta":{},"finish_reason":"stop",` + whole + `}]`, none + "," + whole},
			[]string{"renamed choices[].usage>usage"},
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			var text strings.Builder
			for _, e := range c.events {
				text.WriteString(event(e))
			}
			f := open(t, c.dialect, mediaEvents, text.String()+done)
			call := &adapters.Call{}
			chunks, err := f.stream(t, chatRequest(t, ""), call)
			if err != nil || len(chunks) != len(c.want) {
				t.Fatalf("%d chunks %s (%v), want %d", len(chunks), chunks, err, len(c.want))
			}
			for i := range chunks {
				want := strings.TrimPrefix(strings.TrimSpace(event(c.want[i])), "data: ")
				if where := adaptertest.Difference([]byte(chunks[i]), []byte(want)); where != "" {
					t.Errorf("%s: chunk %d\n%s\nwant\n%s", where, i, chunks[i], want)
				}
			}
			checkNotes(t, call.Reply.Notes, c.notes, "")
		})
	}
}

func TestStreamChat_tells_no_usage_of_a_stream_that_broke_off(t *testing.T) {
	f := open(t, Dialect{RepeatsUsage: true}, mediaEvents,
		event(`"choices":[{"index":0,"delta":{"content":"Hi"},"finish_reason":null}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}`))
	chunks, err := f.stream(t, chatRequest(t, ""), &adapters.Call{})
	if adapters.KindOf(err) != adapters.KindProtocol || len(chunks) != 1 || strings.Contains(chunks[0], "usage") {
		t.Errorf("%v, chunks %s", err, chunks)
	}
}

func TestEmbed_sends_what_the_dialect_knows(t *testing.T) {
	const answer = `{"object":"list","model":"m","data":[{"object":"embedding","index":0,"embedding":[0.5,-2]}],"usage":{"prompt_tokens":1,"total_tokens":1}}`
	mistral := Dialect{Dimensions: "output_dimension", OpenAIDialect: adapters.OpenAIDialect{Unsupported: []string{"user", "encoding_format", "logit_bias"}}}
	none := Dialect{OpenAIDialect: adapters.OpenAIDialect{Unsupported: []string{"dimensions"}}}
	for _, c := range []struct {
		name          string
		dialect       Dialect
		choice        adapters.Unsupported
		request, want string
		notes         []string
	}{
		{
			"names and books", mistral, adapters.UnsupportedError, `{"model":"m","input":"a","dimensions":2,"user":"u","encoding_format":"base64"}`,
			`{"model":"target","input":"a","output_dimension":2}`,
			[]string{"dropped user", "dropped encoding_format", "renamed dimensions>output_dimension"},
		},
		{"refused", none, adapters.UnsupportedError, `{"model":"m","input":"a","dimensions":2}`, "", nil},
		{"dropped", none, adapters.UnsupportedDrop, `{"model":"m","input":["a"],"dimensions":2,"x":1}`, `{"model":"target","input":["a"],"x":1}`, []string{"dropped dimensions"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			f := open(t, c.dialect, mediaJSON, answer)
			req := new(sluicev1.CreateEmbeddingsRequest)
			if err := wirejson.Unmarshal([]byte(c.request), req, wirejson.Options{}); err != nil {
				t.Fatal(err)
			}
			call := &adapters.Call{Model: "target", Unsupported: c.choice}
			got, err := f.provider.Embed.Embed(t.Context(), call, req)
			if c.want == "" {
				checkRefusal(t, err, []string{"dimensions"})
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			if where := adaptertest.Difference([]byte(f.body), []byte(c.want)); where != "" {
				t.Errorf("%s: the provider got %s, want %s", where, f.body, c.want)
			}
			if (got.GetData()[0].GetBase64() != "") != (req.GetEncodingFormat() == "base64") {
				t.Errorf("the answer has not the form that was asked for: %v", got)
			}
			if notes := short(call.Reply.Notes); !slices.Equal(notes, c.notes) {
				t.Errorf("notes %q, want %q", notes, c.notes)
			}
		})
	}
}

// Together's /v1/models, as users report it: a bare array. GitHub's has paths of its own.
func TestModels_are_found_where_the_dialect_has_them(t *testing.T) {
	d := Dialect{OpenAIDialect: adapters.OpenAIDialect{ModelsPath: "/catalog/models", KeyHeader: "x-key"}, BareModelList: true, OnlyListsModels: true}
	f := open(t, d, mediaJSON, ` [{"id":"a/b","object":"model","created":1,"owned_by":"o"},{"id":"c","publisher":"p"}]`)
	call := &adapters.Call{}
	list, err := f.provider.Models.List(t.Context(), call)
	if err != nil || len(list.GetData()) != 2 || list.GetData()[0].GetId() != "a/b" {
		t.Fatalf("%v, %v", list, err)
	}
	if f.path != "/catalog/models" || f.header.Get("X-Key") != "sk-far" || f.header.Get("Authorization") != "" {
		t.Errorf("the provider was asked at %s with the header %v", f.path, f.header)
	}
	if notes := short(call.Reply.Notes); !slices.Equal(notes, []string{"coerced []>data"}) {
		t.Errorf("notes %q", notes)
	}
	model, err := f.provider.Models.Get(t.Context(), &adapters.Call{Model: "c"})
	if err != nil || model.GetId() != "c" || f.path != "/catalog/models" {
		t.Errorf("%v, %v, asked at %s", model, err, f.path)
	}
	if _, err := f.provider.Models.Get(t.Context(), &adapters.Call{Model: "d"}); adapters.KindOf(err) != adapters.KindNotFound {
		t.Errorf("an unknown model: %v", err)
	}
}

func TestOpen_offers_what_the_dialect_has(t *testing.T) {
	p, err := Open(adapters.Settings{Name: "p"}, Dialect{NoEmbeddings: true, NoModels: true})
	if err != nil || p.Chat == nil || p.Embed != nil || p.Models != nil {
		t.Errorf("%+v, %v", p, err)
	}
	p, err = Open(adapters.Settings{Name: "p", Dialect: adapters.OpenAIDialect{ModelsPath: "/m"}}, Dialect{NoModels: true})
	if err != nil || p.Models == nil {
		t.Errorf("a path of models offers none (%v)", err)
	}
}

func TestOpen_says_what_to_write_in_place_of_a_dialect_that_cannot_be(t *testing.T) {
	for want, d := range map[string]adapters.OpenAIDialect{
		"max_tokens, max_completion_tokens": {MaxTokens: "tokens"},
		"developer, system, user":           {DeveloperRole: "root"},
		"asked, always, none":               {StreamUsage: "often"},
		"messages[].name":                   {Unsupported: []string{"messages[].content"}},
		"leave it out of the list":          {Unsupported: []string{"messages"}},
		"begins with /":                     {ModelsPath: "models"},
	} {
		_, err := Open(adapters.Settings{Name: "ours", Dialect: d}, Dialect{})
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"ours"`) {
			t.Errorf("%+v: %v, want an error that says %q", d, err, want)
		}
	}
}

func TestOpen_lets_the_settings_speak_over_the_dialect(t *testing.T) {
	d := Dialect{OpenAIDialect: adapters.OpenAIDialect{
		MaxTokens: "max_tokens", Reasoning: "reasoning", Seed: "random_seed", DeveloperRole: "system", ToolChoiceRequired: new("any"),
		StreamUsage: "always", Unsupported: []string{"user"}, KeyHeader: "api-key", ModelsPath: "/m",
	}}
	if got := d.over(adapters.OpenAIDialect{}); !same(t, got.OpenAIDialect, d.OpenAIDialect) {
		t.Errorf("nothing said became %+v", got)
	}
	other := adapters.OpenAIDialect{
		MaxTokens: "max_completion_tokens", Reasoning: "reasoning_content", Seed: "seed", DeveloperRole: "developer", ToolChoiceRequired: new(""),
		StreamUsage: "asked", Unsupported: []string{"n"}, KeyHeader: "authorization", ModelsPath: "/models",
	}
	if got := d.over(other); !same(t, got.OpenAIDialect, other) {
		t.Errorf("everything said became %+v", got)
	}
}

func same(t *testing.T, a, b adapters.OpenAIDialect) bool {
	t.Helper()
	x, err := json.Marshal(a)
	if err != nil {
		t.Fatal(err)
	}
	y, err := json.Marshal(b)
	if err != nil {
		t.Fatal(err)
	}
	return string(x) == string(y)
}

// A dialect that only the configuration's names make OpenAI's own translates nothing, and
// so costs nothing.
func TestOpen_has_no_quirks_for_OpenAIs_own_dialect(t *testing.T) {
	for _, d := range []Dialect{{}, {OpenAIDialect: adapters.OpenAIDialect{Reasoning: "reasoning_content", Seed: "seed", DeveloperRole: "developer", ToolChoiceRequired: new("required"), StreamUsage: "asked", KeyHeader: "authorization", ModelsPath: "/models"}}} {
		if newQuirks("p", d) != nil {
			t.Errorf("%+v has quirks", d)
		}
	}
}

// OpenAI's own kind has one quirk, which costs nothing where it finds nothing to do.
func TestQuirks_cost_nothing_where_none_concerns_the_request(t *testing.T) {
	q := newQuirks("p", Dialect{ReasoningBack: ReasoningNone})
	req := chatRequest(t, `"messages":[{"role":"system","content":"S"},{"role":"user","content":"Hi"},{"role":"assistant","content":null,"tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","tool_call_id":"c","content":"1"}],"future":1`)
	call := &adapters.Call{}
	if n := testing.AllocsPerRun(100, func() {
		if got, err := q.request(call, req); got != req || err != nil {
			t.Errorf("%v, %v", got, err)
		}
	}); n != 0 {
		t.Errorf("%.0f allocations", n)
	}
	if q.stream(call, nil) != nil {
		t.Error("the stream goes through a translation")
	}
}
