package sandbox_test

import (
	"bytes"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"math"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func content(c *sluicev1.ChatCompletion) string { return c.GetChoices()[0].GetMessage().GetContent() }
func finish(c *sluicev1.ChatCompletion) string  { return c.GetChoices()[0].GetFinishReason() }

// The form of the answer is that of "The chat completion object" of OpenAI's API
// reference.
func TestChat_answers_in_openai_form(t *testing.T) {
	out := say(t, "Hi", ``)
	if !strings.HasPrefix(out.GetId(), "chatcmpl-") || out.GetObject() != "chat.completion" || out.GetCreated() == 0 {
		t.Errorf("id %q, object %q, created %d", out.GetId(), out.GetObject(), out.GetCreated())
	}
	if out.GetModel() != "chat" || out.GetSystemFingerprint() == "" || out.GetServiceTier() != "default" {
		t.Errorf("model %q, fingerprint %q, tier %q", out.GetModel(), out.GetSystemFingerprint(), out.GetServiceTier())
	}
	u := out.GetUsage()
	if u.GetPromptTokens() <= 0 || u.GetCompletionTokens() <= 0 || u.GetTotalTokens() != u.GetPromptTokens()+u.GetCompletionTokens() {
		t.Errorf("usage %v", u)
	}
	if u.GetPromptTokensDetails().CachedTokens == nil || u.GetCompletionTokensDetails().ReasoningTokens == nil {
		t.Errorf("usage without details: %v", u)
	}
	if m := out.GetChoices()[0].GetMessage(); m.GetRole() != "assistant" || m.Content == nil || m.Refusal != nil {
		t.Errorf("message %v", m)
	}
}

// These texts are promised by docs/sandbox.md.
func TestChat_says_what_the_manual_promises(t *testing.T) {
	const tail = " I am the sandbox: I know nothing, and answer by rule."
	tests := []struct{ name, body, want string }{
		{"plain", saying("What is  the\ncapital?", ``), `You said: "What is the capital?".` + tail},
		{"nothing", saying("", ``), `You said nothing.` + tail},
		{"clipped", saying(strings.Repeat("é", 200), ``), `You said: "` + strings.Repeat("é", 120) + `…".` + tail},
		{"seed", saying("Hi", `"seed":-3`), `You said: "Hi".` + tail + ` Seed -3.`},
		{"low", saying("Hi", `"verbosity":"low"`), `You said: "Hi".`},
		{"ignored", saying("Hi", `"temperature":1.7,"top_p":0.2,"user":"u","logit_bias":{"5":1},"store":true,"new_thing":{"a":1}`), `You said: "Hi".` + tail},
		{"default model", `{"model":"","messages":[{"role":"user","content":"Hi"}]}`, `You said: "Hi".` + tail},
		{"unknown role and part", `{"model":"chat","messages":[{"role":"critic","content":"x"},{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"smell","x":1}]}]}`, `You said: "Hi".` + tail},
		{
			"tool result", `{"model":"chat","messages":[{"role":"user","content":"weather?"},{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"get_weather","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"get_time","arguments":"{}"}}]},{"role":"tool","tool_call_id":"a","content":"12 °C"},{"role":"tool","tool_call_id":"b","content":[{"type":"text","text":"noon"}]}],"tools":[` + weatherTool + `]}`,
			"According to get_weather: 12 °C. According to get_time: noon." + tail,
		},
		{
			"function result", `{"model":"chat","messages":[{"role":"user","content":"weather?"},{"role":"assistant","content":null,"function_call":{"name":"f","arguments":"{}"}},{"role":"function","name":"f","content":"rain"}]}`,
			"According to f: rain." + tail,
		},
		{"echo", `{"model":"echo","messages":[{"role":"user","content":"first"},{"role":"assistant","content":"x"},{"role":"user","content":[{"type":"text","text":"{\"a\":"},{"type":"text","text":"1}"}]}],"tools":[` + weatherTool + `]}`, "{\"a\":\n1}"},
	}
	for _, tt := range tests {
		if got := content(chat(t, tt.body)); got != tt.want {
			t.Errorf("%s:\ngot  %s\nwant %s", tt.name, got, tt.want)
		}
	}
}

func TestChat_obeys_bounds_and_stops(t *testing.T) {
	tests := []struct {
		members, want, finish string
		tokens                int64
	}{
		{`"max_tokens":3`, `You said:`, "length", 3},
		{`"max_completion_tokens":2,"max_tokens":3`, `You said`, "length", 2},
		{`"stop":"said"`, `You `, "stop", 2},
		{`"stop":["zzz"," said","You said:"]`, `You`, "stop", 1},
		{`"stop":["You said:"," said"]`, `You`, "stop", 1},
		{`"stop":["You said:"," said:"]`, ``, "stop", 0},
		{`"stop":["You said:",""]`, ``, "stop", 0},
		{`"stop":"said","max_tokens":1`, `You`, "length", 1},
		{`"stop":"Hi","max_tokens":5`, `You said: "`, "stop", 5},
	}
	for _, tt := range tests {
		out := say(t, "Hi", tt.members)
		if content(out) != tt.want || finish(out) != tt.finish || out.GetUsage().GetCompletionTokens() != tt.tokens {
			t.Errorf("%s: %q, %s, %d tokens; want %q, %s, %d", tt.members,
				content(out), finish(out), out.GetUsage().GetCompletionTokens(), tt.want, tt.finish, tt.tokens)
		}
	}
}

func TestChat_gives_n_choices_that_differ(t *testing.T) {
	seen := map[string]bool{}
	out := say(t, "Hi", `"n":5`)
	for i, c := range out.GetChoices() {
		if c.GetIndex() != int64(i) || seen[c.GetMessage().GetContent()] {
			t.Errorf("choice %d: index %d, content %q", i, c.GetIndex(), c.GetMessage().GetContent())
		}
		seen[c.GetMessage().GetContent()] = true
	}
	if len(seen) != 5 {
		t.Errorf("%d choices", len(seen))
	}
}

// "reasoning_tokens" are part of "completion_tokens" and of the bound: OpenAI's
// guide "Reasoning models".
func TestChat_reasons_within_the_bound(t *testing.T) {
	free := say(t, "Hi", ``).GetUsage().GetCompletionTokens()
	out := say(t, "Hi", `"reasoning_effort":"low"`).GetUsage()
	if r := out.GetCompletionTokensDetails().GetReasoningTokens(); r == 0 || out.GetCompletionTokens() != free+r {
		t.Errorf("usage %v, without reasoning %d", out, free)
	}
	cut := say(t, "Hi", `"reasoning_effort":"max","max_completion_tokens":10`)
	if content(cut) != "" || finish(cut) != "length" || cut.GetUsage().GetCompletionTokensDetails().GetReasoningTokens() != 10 {
		t.Errorf("got %v", cut)
	}
}

// "rejected_prediction_tokens ... still counted in the total completion tokens":
// CompletionUsageCompletionTokensDetails of the official Go SDK v3.95.
func TestChat_counts_the_tokens_of_a_prediction(t *testing.T) {
	body := `{"model":"echo","messages":[{"role":"user","content":"one two three"}],"prediction":{"type":"content","content":"one two four five"}}`
	u := chat(t, body).GetUsage()
	d := u.GetCompletionTokensDetails()
	if d.GetAcceptedPredictionTokens() != 2 || d.GetRejectedPredictionTokens() != 2 || u.GetCompletionTokens() != 3+2 {
		t.Errorf("usage %v", u)
	}
}

func TestChat_gives_plausible_logprobs(t *testing.T) {
	entries := say(t, "Hé 😀", `"logprobs":true,"top_logprobs":20`).GetChoices()[0].GetLogprobs().GetContent()
	var text strings.Builder
	for _, e := range entries {
		text.WriteString(e.GetToken())
		sum := 0.0
		seen := map[string]bool{}
		for i, top := range e.GetTopLogprobs() {
			if seen[top.GetToken()] {
				t.Errorf("%q stands twice", top.GetToken())
			}
			if i > 0 && top.GetLogprob() > e.GetTopLogprobs()[i-1].GetLogprob() {
				t.Errorf("top_logprobs of %q are not in order", e.GetToken())
			}
			seen[top.GetToken()] = true
			sum += math.Exp(top.GetLogprob())
		}
		var raw []byte
		for _, b := range e.GetBytes() {
			raw = append(raw, byte(b))
		}
		if string(raw) != e.GetToken() || len(e.GetTopLogprobs()) != 20 || sum > 1.001 || e.GetLogprob() >= 0 {
			t.Errorf("entry %v: probabilities sum up to %v", e, sum)
		}
	}
	if want := content(say(t, "Hé 😀", ``)); text.String() != want {
		t.Errorf("the tokens make %q, the content is %q", text.String(), want)
	}
}

func TestChat_speaks(t *testing.T) {
	out := say(t, "Hi", `"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"}`)
	m := out.GetChoices()[0].GetMessage()
	data, err := base64.StdEncoding.DecodeString(m.GetAudio().GetData())
	if err != nil {
		t.Fatal(err)
	}
	// The RIFF form: sizes of the file and of the samples.
	if string(data[:4]) != "RIFF" || int(binary.LittleEndian.Uint32(data[4:])) != len(data)-8 ||
		string(data[36:40]) != "data" || int(binary.LittleEndian.Uint32(data[40:])) != len(data)-44 || len(data) < 1000 {
		t.Errorf("%d bytes, head %q", len(data), data[:44])
	}
	if m.Content != nil || m.GetAudio().GetTranscript() != content(say(t, "Hi", ``)) || m.GetAudio().GetExpiresAt() <= out.GetCreated() {
		t.Errorf("message %v", m)
	}
	if u := out.GetUsage(); u.GetCompletionTokensDetails().GetAudioTokens() != u.GetCompletionTokens() {
		t.Errorf("usage %v", u)
	}
}

func TestChat_cites_what_it_searched(t *testing.T) {
	out := say(t, "Who won in Málaga?", `"web_search_options":{}`)
	cite := out.GetChoices()[0].GetMessage().GetAnnotations()[0].GetUrlCitation().GetUrlCitation()
	// Indices are of characters, the last one included: ChatCompletionMessageAnnotation
	// of the official Go SDK v3.95.
	span := string([]rune(content(out))[cite.GetStartIndex() : cite.GetEndIndex()+1])
	if !strings.Contains(span, cite.GetUrl()) || !strings.HasPrefix(span, "(") || !strings.HasSuffix(span, ")") {
		t.Errorf("span %q, citation %v", span, cite)
	}
	if cut := say(t, "Who won?", `"web_search_options":{},"max_tokens":10`); cut.GetChoices()[0].GetMessage().GetAnnotations() != nil {
		t.Error("a citation that was cut off is annotated")
	}
}

func TestChat_moderates_when_asked(t *testing.T) {
	clean := say(t, "Hi", `"moderation":{"model":"m"}`).GetModeration()
	if r := clean.GetInput().GetResults().GetResults()[0]; r.GetFlagged() || len(r.GetCategories()) != len(r.GetCategoryScores()) || len(r.GetCategories()) == 0 {
		t.Errorf("input %v", r)
	}
	var types map[string][]string
	if err := json.Unmarshal(clean.GetOutput().GetResults().GetResults()[0].GetCategoryAppliedInputTypes(), &types); err != nil {
		t.Error(err)
	}
	flagged := say(t, "[[flag:hate]]", `"moderation":{"model":"m"}`)
	if r := flagged.GetModeration().GetInput().GetResults().GetResults()[0]; !r.GetFlagged() || !r.GetCategories()["hate"] || r.GetCategories()["violence"] {
		t.Errorf("input %v", r)
	}
	if finish(flagged) != "stop" {
		t.Error("a policy that nobody asked for blocks")
	}
	blocked := say(t, "[[flag:hate]]", `"moderation":{"model":"m","policy":{"input":{"mode":"block"}}}`)
	if finish(blocked) != "content_filter" || content(blocked) != "" {
		t.Errorf("got %v", blocked)
	}
}

func calls(c *sluicev1.ChatCompletion) string {
	var out []string
	for _, call := range c.GetChoices()[0].GetMessage().GetToolCalls() {
		if f := call.GetFunction(); f != nil {
			out = append(out, f.GetFunction().GetName()+f.GetFunction().GetArguments())
		} else {
			out = append(out, call.GetCustom().GetCustom().GetName()+" "+call.GetCustom().GetCustom().GetInput())
		}
	}
	return strings.Join(out, "; ")
}

func TestChat_calls_tools_as_tool_choice_says(t *testing.T) {
	const (
		weather = `get_weather{"unit":"celsius","location":"Boston"}`
		zone    = `local_time{"zone":"Boston"}`
		both    = `"tools":[` + weatherTool + `,` + timeTool + `,{"type":"new_kind","x":1}]`
	)
	tests := []struct{ text, members, want string }{
		{"What's the weather in Boston?", both, weather},
		{"Weather and time in Boston?", both, weather + "; " + zone},
		{"Weather and time in Boston?", both + `,"parallel_tool_calls":false`, weather},
		{"Hello Boston", both, ""},
		{"Hello Boston", both + `,"tool_choice":"required"`, weather},
		{"Weather in Boston", both + `,"tool_choice":"none"`, ""},
		{"Hello Boston", both + `,"tool_choice":{"type":"function","function":{"name":"local_time"}}`, zone},
		{"Weather in Boston", both + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"local_time"}}]}}`, ""},
		{"Weather in Boston", both + `,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"local_time"}}]}}`, zone},
		{`Run sql "select 1"`, `"tools":[` + customTool + `]`, "run_sql select 1"},
		{`Hello`, `"tools":[` + customTool + `],"tool_choice":{"type":"custom","custom":{"name":"run_sql"}}`, "run_sql Hello"},
		{`Add 3 to it`, `"tools":[{"type":"custom","custom":{"name":"add","format":{"type":"grammar","grammar":{"syntax":"regex","definition":"x[0-9]{2} = y"}}}}]`, "add x00 = y"},
		{`Add 3 to it`, `"tools":[{"type":"custom","custom":{"name":"add","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: \"a\""}}}}]`, "add Add 3 to it"},
		{"Ping", `"tools":[{"type":"function","function":{"name":"ping"}}]`, "ping{}"},
	}
	for _, tt := range tests {
		out := say(t, tt.text, tt.members)
		if got := calls(out); got != tt.want {
			t.Errorf("%s with %s:\ngot  %s\nwant %s", tt.text, tt.members, got, tt.want)
		}
		if m := out.GetChoices()[0].GetMessage(); (finish(out) == "tool_calls") != (tt.want != "") || (m.Content == nil) != (tt.want != "") {
			t.Errorf("%s: finish_reason %s, content %v", tt.text, finish(out), m.Content)
		}
	}
}

func TestChat_calls_functions_in_the_deprecated_form(t *testing.T) {
	const functions = `"functions":[{"name":"weather"},{"name":"clock"}]`
	tests := []struct{ text, members, want string }{
		{"The weather?", functions, "weather"},
		{"Hello", functions, ""},
		{"The weather?", functions + `,"function_call":"none"`, ""},
		{"Hello", functions + `,"function_call":{"name":"clock"}`, "clock"},
	}
	for _, tt := range tests {
		out := say(t, tt.text, tt.members)
		if got := out.GetChoices()[0].GetMessage().GetFunctionCall().GetName(); got != tt.want || (finish(out) == "function_call") != (tt.want != "") {
			t.Errorf("%s %s: called %q, %s", tt.text, tt.members, got, finish(out))
		}
	}
}

func TestChat_models_of_their_own_say_what_they_are_for(t *testing.T) {
	of := func(model string) *sluicev1.ChatCompletion {
		return chat(t, `{"model":"`+model+`","messages":[{"role":"user","content":"Hi"}]}`)
	}
	if out := of("long"); out.GetUsage().GetCompletionTokens() != 4000 || finish(out) != "stop" {
		t.Errorf("long: %d tokens, %s", out.GetUsage().GetCompletionTokens(), finish(out))
	}
	if out := of("long-12345"); out.GetUsage().GetCompletionTokens() != 12345 {
		t.Errorf("long-12345: %d tokens", out.GetUsage().GetCompletionTokens())
	}
	if out := of("length-3"); content(out) != "You said:" || finish(out) != "length" {
		t.Errorf("length-3: %v", out)
	}
	if out := of("filtered"); finish(out) != "content_filter" {
		t.Errorf("filtered: %v", out)
	}
	if m := of("refuse").GetChoices()[0].GetMessage(); m.GetRefusal() == "" || m.Content != nil {
		t.Errorf("refuse: %v", m)
	}
	if out := of("empty"); out.GetChoices()[0].GetMessage().Content == nil || content(out) != "" || out.GetUsage().GetCompletionTokens() != 0 {
		t.Errorf("empty: %v", out)
	}
	if out := of("reason"); out.GetUsage().GetCompletionTokensDetails().GetReasoningTokens() == 0 {
		t.Errorf("reason: %v", out)
	}
	if out := of("bad-json"); json.Valid([]byte(content(out))) {
		t.Errorf("bad-json: %v", out)
	}
}

func TestChat_bounds_an_answer_over_all_its_choices(t *testing.T) {
	body := `{"model":"long-100000","n":128,"messages":[{"role":"user","content":"x"}]}`
	if out := chat(t, body); out.GetUsage().GetCompletionTokens() > 100_000 || finish(out) != "length" {
		t.Errorf("%d tokens, %s", out.GetUsage().GetCompletionTokens(), finish(out))
	}
}

// The refusals are OpenAI's: status 400, type invalid_request_error, the member in
// param.
func TestChat_refuses_invalid_requests(t *testing.T) {
	tests := []struct{ body, param string }{
		{`{"model":"chat","messages":[]}`, "messages"},
		{saying("x", `"n":0`), "n"},
		{saying("x", `"n":129`), "n"},
		{saying("x", `"max_tokens":0`), "max_tokens"},
		{saying("x", `"max_completion_tokens":-1`), "max_completion_tokens"},
		{saying("x", `"temperature":2.5`), "temperature"},
		{saying("x", `"top_p":-0.1`), "top_p"},
		{saying("x", `"top_logprobs":3`), "top_logprobs"},
		{saying("x", `"logprobs":true,"top_logprobs":21`), "top_logprobs"},
		{saying("x", `"stop":["a","b","c","d","e"]`), "stop"},
		{saying("x", `"tools":[{"type":"function","function":{"name":"no spaces"}}]`), "tools[0].function.name"},
		{saying("x", `"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"string"}}}]`), "tools[0].function.parameters"},
		{saying("x", `"tool_choice":"required"`), "tool_choice"},
		{saying("x", `"tool_choice":"sometimes","tools":[`+timeTool+`]`), "tool_choice"},
		{saying("x", `"tool_choice":{"type":"function","function":{"name":"g"}},"tools":[`+timeTool+`]`), "tool_choice"},
		{saying("x", `"response_format":{"type":"json_schema","json_schema":{"schema":{}}}`), "response_format.json_schema.name"},
		{saying("x", `"modalities":["audio"]`), "audio"},
		{saying("x", `"modalities":["audio"],"audio":{"format":"opus","voice":"alloy"}`), "audio.format"},
		{`{"model":"chat","messages":[{"role":"user","content":"x"},{"role":"tool","tool_call_id":"a","content":"y"}]}`, "messages[1].tool_call_id"},
		{`{"model":"chat","messages":[{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"user","content":"x"}]}`, "messages"},
	}
	for _, tt := range tests {
		_, err := provider(t).Chat.Chat(t.Context(), &adapters.Call{}, request(t, tt.body))
		var e *adapters.Error
		if !errors.As(err, &e) {
			t.Errorf("%s: error %v", tt.body, err)
			continue
		}
		got := e.Envelope.GetError()
		if e.Kind != adapters.KindInvalid || e.Status != 400 || e.Provider != "sandbox" ||
			got.GetType() != "invalid_request_error" || got.GetParam() != tt.param || got.GetMessage() == "" {
			t.Errorf("%s: %v, envelope %v, want param %s", tt.body, e, got, tt.param)
		}
	}
}

func TestStreamChat_returns_the_error_of_send_as_it_is(t *testing.T) {
	full := errors.New("full")
	sent := 0
	err := provider(t).Chat.StreamChat(t.Context(), &adapters.Call{}, request(t, saying("Hi", `"n":3`)), func(*sluicev1.ChatCompletionChunk) error {
		if sent++; sent == 4 {
			return full
		}
		return nil
	})
	if !errors.Is(err, full) || sent != 4 {
		t.Errorf("error %v after %d chunks", err, sent)
	}
}

func TestChat_output_survives_as_utf8(t *testing.T) {
	out := chat(t, features["unicode"])
	for _, want := range []string{"\u2028", "😀", "<b>&amp;</b>", "\r\n"} {
		if !bytes.Contains([]byte(content(out)), []byte(want)) {
			t.Errorf("no %q in %q", want, content(out))
		}
	}
}
