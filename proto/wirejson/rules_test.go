package wirejson_test

import (
	"errors"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

func request() wirejson.Message  { return new(sluicev1.ChatCompletionRequest) }
func answer() wirejson.Message   { return new(sluicev1.ChatCompletion) }
func chunk() wirejson.Message    { return new(sluicev1.ChatCompletionChunk) }
func embed() wirejson.Message    { return new(sluicev1.CreateEmbeddingsRequest) }
func vectors() wirejson.Message  { return new(sluicev1.CreateEmbeddingsResponse) }
func envelope() wirejson.Message { return new(sluicev1.ErrorEnvelope) }

// What a document becomes: it encodes to the same bytes unless `to` says otherwise.
// Expectations follow options.proto.
func TestCodec_keeps_every_member(t *testing.T) {
	const list = `"object":"list","data":[`
	cases := []struct {
		name    string
		empty   func() wirejson.Message
		lenient bool
		in      string
		to      string
	}{
		{"an empty object stays empty", request, false, `{}`, ``},
		{
			"members come in the order of the fields, then the rest", request, false,
			`{"zeta":1,"messages":[],"top_p":1,"model":"m","alpha":2}`, `{"model":"m","top_p":1,"zeta":1,"messages":[],"alpha":2}`,
		},
		{
			"white space around members goes", request, false,
			" {\r\n\t\"model\" : \"m\" , \"messages\" : [ ] , \"x\" : { \"a\" : 1 } } \n", `{"model":"m","messages":[ ],"x":{ "a" : 1 }}`,
		},
		{"null of an optional member stays", request, false, `{"model":"m","temperature":null}`, ``},
		{"null of a required member stays and replaces its field", request, false, `{"model":null}`, ``},
		{"an absent required member stays absent", request, false, `{"messages":[{"role":"user","content":"x"}]}`, ``},
		{"an empty list stays", request, false, `{"model":"m","tools":[]}`, ``},
		{"an empty map stays", request, false, `{"model":"m","metadata":{}}`, ``},
		{"an empty text is no absence", request, false, `{"model":"","user":""}`, ``},
		{"zero and false are no absence", request, false, `{"model":"m","temperature":0,"seed":0,"store":false}`, ``},
		{
			"nullable members that are null", answer, false,
			`{"id":"i","object":"o","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"refusal":null},"logprobs":null,"finish_reason":null}]}`, ``,
		},
		{
			"nullable members that are absent", answer, false,
			`{"id":"i","object":"o","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant"}}]}`, ``,
		},
		{"a required list that is empty", chunk, false, `{"id":"i","object":"o","created":1,"model":"m","choices":[]}`, ``},
		{"a required list that is null", chunk, true, `{"id":"i","object":"o","created":1,"model":"m","choices":null}`, ``},
		{"a required list that is absent", chunk, true, `{"id":"i","object":"o","created":1,"model":"m"}`, ``},
		{"null usage", chunk, false, `{"id":"i","object":"o","created":1,"model":"m","choices":[],"usage":null}`, ``},
		{"an unknown member twice", request, false, `{"model":"m","x":1,"x":2}`, ``},
		{
			"unknown members at depth", request, false,
			`{"model":"m","messages":[{"role":"user","content":[{"type":"text","text":"t","cache_control":{"type":"ephemeral"}}],"weight":1}],"stream_options":{"x":[]}}`, ``,
		},
		{"a member called $absent", request, false, `{"model":"m","$absent":["model"]}`, ``},
		{"a member called $absent beside absent ones", request, false, `{"$absent":["model"],"x":1}`, ``},
		{"a member called $absent that is no list", request, false, `{"model":"m","$absent":5}`, ``},
		{"a member called $absent, spelled with an escape", request, false, `{"model":"m","\u0024absent":["model"]}`, ``},
		{"a known name spelled with escapes", request, false, `{"mod\u0065l":"m"}`, `{"model":"m"}`},
		{"an unknown name with escapes and a lone surrogate", request, false, `{"model":"m","a\n\ud800":1}`, ``},

		{"an integer above 2^53", request, false, `{"model":"m","seed":9007199254740993}`, ``},
		{
			"the bounds of an integer", request, false, `{"model":"m","seed":-9223372036854775808,"n":9223372036854775807}`,
			`{"model":"m","n":9223372036854775807,"seed":-9223372036854775808}`,
		},
		{"an integer beyond its field", request, false, `{"model":"m","seed":1180591620717411303424}`, ``},
		{"an integer just beyond its field", request, false, `{"model":"m","seed":9223372036854775808}`, ``},
		{"a fraction in an integer's place", request, false, `{"model":"m","max_tokens":1.5}`, ``},
		{
			"integers with point and exponent", request, false, `{"model":"m","max_tokens":1e3,"n":1.0,"seed":-120.0e-1}`,
			`{"model":"m","max_tokens":1000,"n":1,"seed":-12}`,
		},
		{"an exponent beyond all bounds", request, false, `{"model":"m","seed":1e999999999999999999999,"top_p":1e-999999999999999999999}`, ``},
		{"zero with an exponent beyond all bounds", request, false, `{"model":"m","seed":0e999999999999999999999}`, `{"model":"m","seed":0}`},
		{
			"doubles in their shortest form", request, false, `{"model":"m","frequency_penalty":1.0,"presence_penalty":5E-1,"temperature":0.1,"top_p":1e-7}`,
			`{"model":"m","frequency_penalty":1,"presence_penalty":0.5,"temperature":0.1,"top_p":1e-7}`,
		},
		{"a double with a sign and no value", request, false, `{"model":"m","temperature":-0}`, ``},
		{"a double with 17 digits", request, false, `{"model":"m","temperature":0.30000000000000004}`, ``},
		{"a double with more digits than it holds", request, false, `{"model":"m","temperature":0.3000000000000000444}`, ``},
		{"a double out of range", request, false, `{"model":"m","temperature":1e400,"top_p":1e-400}`, ``},
		{"large doubles", request, false, `{"model":"m","temperature":1e20,"top_p":1e21}`, `{"model":"m","temperature":100000000000000000000,"top_p":1e+21}`},
		{
			"a list with a number that does not fit", answer, true,
			`{"id":"i","object":"o","created":1,"model":"m","choices":[{"index":0,"message":{"role":"r","content":"c","refusal":null},"logprobs":{"content":[{"token":"t","logprob":-1.5,"bytes":[1,2.5],"top_logprobs":[]}]},"finish_reason":"stop"}]}`,
			`{"id":"i","object":"o","created":1,"model":"m","choices":[{"index":0,"message":{"role":"r","content":"c","refusal":null},"logprobs":{"content":[{"token":"t","logprob":-1.5,"top_logprobs":[],"bytes":[1,2.5]}]},"finish_reason":"stop"}]}`,
		},
		{
			"a vector with a number of too many digits", vectors, false,
			`{` + list + `{"object":"embedding","index":0,"embedding":[0.5,0.1234567890123456789]}],"model":"m"}`, ``,
		},
		{"maps of numbers, sorted", request, false, `{"model":"m","logit_bias":{"9":-100,"10":0.25}}`, `{"model":"m","logit_bias":{"10":0.25,"9":-100}}`},
		{"a map with a name twice", request, false, `{"model":"m","metadata":{"a":"1","a":"2"}}`, ``},
		{"an open map with another kind", request, false, `{"model":"m","metadata":{"a":1}}`, ``},

		{
			"content as text, parts, and one part", request, false,
			`{"model":"m","messages":[{"role":"user","content":"x"},{"role":"user","content":[{"type":"text","text":"x"}]},{"role":"user","content":[]}]}`, ``,
		},
		{"the discriminator last", request, false, `{"model":"m","messages":[{"content":"x","role":"user"}]}`, `{"model":"m","messages":[{"role":"user","content":"x"}]}`},
		{
			"the discriminator spelled with an escape", request, false, `{"model":"m","messages":[{"rol\u0065":"us\u0065r","content":"x"}]}`,
			`{"model":"m","messages":[{"role":"user","content":"x"}]}`,
		},
		{"an unknown role", request, false, `{"model":"m","messages":[{"role":"critic","content":7}]}`, ``},
		{"no role, no object", request, false, `{"model":"m","messages":[{"content":7},5,"x",null,[1]]}`, ``},
		{"an unknown part", request, false, `{"model":"m","messages":[{"role":"user","content":[{"type":"video","video":{"a":1.50}}]}]}`, ``},
		{"stop as one text and as several", request, false, `{"model":"m","stop":"a"}`, ``},
		{"stop as an empty list", request, false, `{"model":"m","stop":[]}`, ``},
		{"tool_choice by mode", request, false, `{"model":"m","tool_choice":"required"}`, ``},
		{"tool_choice by name", request, false, `{"model":"m","tool_choice":{"type":"function","function":{"name":"f"}}}`, ``},
		{"tool_choice null", request, false, `{"model":"m","tool_choice":null}`, ``},
		{"a constant that is absent outside of a union", request, false, `{"model":"m","prediction":{"content":"x"}}`, ``},
		{"null arguments of a schema", request, false, `{"model":"m","tools":[{"type":"function","function":{"name":"f","parameters":null}}]}`, ``},
		{"every form of embedding input", embed, false, `{"model":"m","input":["a","b"]}`, ``},
		{"token ids", embed, false, `{"model":"m","input":[1,2]}`, ``},
		{"lists of token ids", embed, false, `{"model":"m","input":[[1],[2,3]]}`, ``},
		{"an empty input", embed, false, `{"model":"m","input":[]}`, ``},
		{"a mixed input", embed, false, `{"model":"m","input":["a",1]}`, ``},
		{"token ids that are none", embed, false, `{"model":"m","input":[1,1.5]}`, ``},
		{"null input", embed, false, `{"model":"m","input":null}`, ``},
		{"objects as input", embed, false, `{"model":"m","input":[{"image":"u"}]}`, ``},
		{"vectors as base64", vectors, false, `{` + list + `{"object":"embedding","index":0,"embedding":"AACAPw=="}],"model":"m"}`, ``},

		{"error codes of every kind", envelope, true, `{"error":{"message":"m","type":"t","param":null,"code":null}}`, ``},
		{"an integer as error code", envelope, true, `{"error":{"message":"m","type":null,"param":"p","code":404}}`, ``},
		{"a fraction as error code", envelope, true, `{"error":{"message":"m","type":null,"param":null,"code":4.5}}`, ``},
		{"an object as error code", envelope, true, `{"error":{"message":"m","type":null,"param":null,"code":{"a":1}}}`, ``},
		{"an open member with another kind", envelope, false, `{"error":{"message":"m","type":7,"code":"c"}}`, `{"error":{"message":"m","code":"c","type":7}}`},
		{"Azure's innererror", envelope, false, `{"error":{"message":"m","type":null,"param":null,"code":"c","innererror":{"code":"x"}}}`, ``},
		{"an error that is a text", envelope, true, `{"error":"boom"}`, ``},

		{"a provider's text for a number", answer, true, `{"id":5,"created":"now","choices":{},"usage":[]}`, ``},
		{"a provider's lone surrogate", chunk, true, `{"id":"\ud83d"}`, ``},
		{"a provider's other constant", answer, true, `{"id":"i","object":"o","created":1,"model":"m","choices":[],"moderation":{"output":{"type":"moderation_results","model":"m","results":[{"type":"other"}]}}}`, ``},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			want := c.to
			if want == "" {
				want = c.in
			}
			m := c.empty()
			if err := wirejson.Unmarshal([]byte(c.in), m, wirejson.Options{Lenient: c.lenient}); err != nil {
				t.Fatal(err)
			}
			sameJSON(t, []byte(want), []byte(c.in))
			if got := string(wirejson.Marshal(m)); got != want {
				t.Errorf("\n got %s\nwant %s", got, want)
			}
		})
	}
}

func TestUnmarshal_names_path_offset_and_reason(t *testing.T) {
	cases := []struct {
		name   string
		empty  func() wirejson.Message
		in     string
		path   string
		offset int
		reason string
	}{
		{"another kind", request, `{"model":5}`, "model", 9, "expected a string, got a number"},
		{"another kind in a list", request, `{"model":"m","modalities":["a",{}]}`, "modalities[1]", 31, "expected a string, got an object"},
		{"a null in a list", request, `{"model":"m","modalities":["a",null]}`, "modalities[1]", 31, "expected a string, got null"},
		{"no alternative", request, `{"messages":[{"role":"user","content":5}]}`, "messages[0].content", 38, "expected a string or an array, got a number"},
		{"a boolean for a number", request, `{"n":true}`, "n", 5, "expected a number, got true or false"},
		{"a text for an object", request, `{"stream_options":"x"}`, "stream_options", 18, "expected an object, got a string"},
		{"an array for the document", request, `[]`, "", 0, "expected an object, got an array"},
		{"null for the document", request, `null`, "", 0, "expected an object, got null"},
		{"another constant", request, `{"prediction":{"type":"x"}}`, "prediction.type", 22, `expected "content"`},
		{"a known member twice", request, `{"model":"a","x":1,"model":"b"}`, "model", 19, "duplicate member"},
		{"a known member twice, the first null", request, `{"n":null,"n":1}`, "n", 10, "duplicate member"},
		{"a known member twice, with an escape", request, `{"messages":[{"role":"user","content":"a","c\u006fntent":"b"}]}`, "messages[0][\"c\\u006fntent\"]", 42, "duplicate member"},
		{"a discriminator twice", request, `{"messages":[{"role":"user","role":"user"}]}`, "messages[0].role", 28, "duplicate member"},
		{"a lone surrogate", request, `{"user":"ab\ud83dc"}`, "user", 11, "lone surrogate"},
		{"a low surrogate first", request, `{"user":"\ude00\ud83d"}`, "user", 9, "lone surrogate"},
		{"a lone surrogate in a map's name", request, `{"metadata":{"\ud83d":"x"}}`, `metadata["\ud83d"]`, 14, "lone surrogate"},
		{"a control character", request, "{\"user\":\"a\nb\"}", "user", 10, "control character 0x0a"},
		{"a control character in a raw value", request, "{\"x\":\"a\x00b\"}", "x", 7, "control character 0x00"},
		{"invalid UTF-8 in a text", request, "{\"user\":\"a\xffb\"}", "user", 10, "invalid UTF-8"},
		{"invalid UTF-8 in a raw value", request, "{\"x\":[\"\xc3\x28\"]}", "x[0]", 7, "invalid UTF-8"},
		{"invalid UTF-8 in a name", request, "{\"\xed\xa0\x80\":1}", "[\"\ufffd\"]", 2, "invalid UTF-8"},
		{"invalid UTF-8 behind an escape", request, "{\"user\":\"\\n\xc3\"}", "user", 11, "invalid UTF-8"},
		{"invalid UTF-8 outside of a text", request, "{\xff}", "", 1, "unexpected character outside of a string"},
		{"an unknown escape", request, `{"user":"\x"}`, "user", 9, "invalid escape"},
		{"a short escape", request, `{"user":"\u12"}`, "user", 9, "invalid escape"},
		{"a byte order mark", request, "\xef\xbb\xbf{}", "", 0, "byte order mark"},
		{"data behind the document", request, `{} {}`, "", 3, "data after the end"},
		{"no document", request, " ", "", 1, "unexpected end"},
		{"a document that breaks off", request, `{"messages":[{"role":"user"`, "messages[0].role", 27, "unexpected end"},
		{"a text that breaks off", request, `{"user":"ab`, "user", 11, "unexpected end within a string"},
		{"a comma too much", request, `{"model":"m",}`, "", 13, "expected a member name"},
		{"a comma too much in a list", request, `{"modalities":["a",]}`, "modalities[1]", 19, "expected a value"},
		{"a comma too much in a raw value", request, `{"x":[1,]}`, "x[1]", 8, "expected a value"},
		{"no colon", request, `{"model" "m"}`, "model", 9, "expected a colon"},
		{"no comma", request, `{"model":"m" "n":1}`, "model", 13, "expected a comma"},
		{"a name without quotes", request, `{model:"m"}`, "", 1, "expected a member name"},
		{"a leading zero", request, `{"n":01}`, "n", 5, "leading zero"},
		{"a number without digits", request, `{"n":-}`, "n", 6, "expected a digit"},
		{"a fraction without digits", request, `{"x":1.}`, "x", 7, "expected a digit"},
		{"an exponent without digits", request, `{"temperature":1e+}`, "temperature", 18, "expected a digit"},
		{"a plus sign", request, `{"n":+1}`, "n", 5, "expected a value"},
		{"a word that is none", request, `{"n":nul}`, "n", 8, "expected the word null"},
		{"NaN", request, `{"temperature":NaN}`, "temperature", 15, "expected a value"},
		{"a strict integer in a provider's text", answer, `{"created":"x"}`, "created", 11, "expected a number, got a string"},
		{"an element of a mixed list", request, `{"stop":["a",5]}`, "stop[1]", 13, "expected a string, got a number"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := wirejson.Unmarshal([]byte(c.in), c.empty(), wirejson.Options{})
			var e *wirejson.Error
			if !errors.As(err, &e) {
				t.Fatalf("got %v", err)
			}
			if e.Path != c.path || e.Offset != c.offset || !strings.Contains(e.Reason, c.reason) {
				t.Errorf("got %q at %d: %s", e.Path, e.Offset, e.Reason)
			}
		})
	}
}

func TestUnmarshal_bounds_depth_without_recursion(t *testing.T) {
	deep := strings.Repeat(`[`, 100_000) + strings.Repeat(`]`, 100_000)
	objects := strings.Repeat(`{"a":`, 100_000) + `1` + strings.Repeat(`}`, 100_000)
	for _, in := range []string{`{"x":` + deep + `}`, `{"x":` + objects + `}`, `{"metadata":` + objects + `}`, `{"messages":` + deep + `}`, deep, objects} {
		err := wirejson.Unmarshal([]byte(in), request(), wirejson.Options{Lenient: true})
		var e *wirejson.Error
		if !errors.As(err, &e) || (e.Reason != "nested deeper than 512 levels" && e.Offset != 0) {
			t.Errorf("%.20s: %v", in, err)
		}
	}
	// The bound counts the whole document: {"messages":[{"x":[ is four levels.
	in := []byte(`{"messages":[{"role":"user","content":"c","x":[]}]}`)
	if err := wirejson.Unmarshal(in, request(), wirejson.Options{MaxDepth: 4}); err != nil {
		t.Error(err)
	}
	err := wirejson.Unmarshal(in, request(), wirejson.Options{MaxDepth: 3})
	var e *wirejson.Error
	if !errors.As(err, &e) || e.Path != "messages[0].x" || e.Reason != "nested deeper than 3 levels" {
		t.Error(err)
	}
	level := strings.Repeat(`[`, 511) + strings.Repeat(`]`, 511)
	if err := wirejson.Unmarshal([]byte(`{"model":"m","x":`+level+`}`), request(), wirejson.Options{}); err != nil {
		t.Error(err)
	}
}

func TestError_echoes_no_value_and_stays_short(t *testing.T) {
	secret := "sk-very-secret"
	name := strings.Repeat("n", 5000)
	for _, in := range []string{
		`{"model":["` + secret + `"]}`, `{"messages":[{"role":"user","content":{"` + secret + `":1}}]}`,
		`{"prediction":{"type":"` + secret + `"}}`, `{"seed":"` + secret + `"}`, `{"x":{"` + name + `":{"` + name + `":+}}}`,
	} {
		err := wirejson.Unmarshal([]byte(in), request(), wirejson.Options{})
		if err == nil || strings.Contains(err.Error(), secret) || len(err.Error()) > 500 {
			t.Errorf("%.60s: %v", in, err)
		}
	}
}
