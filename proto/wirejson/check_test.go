package wirejson_test

import (
	"errors"
	"math"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

func user(rest string) *sluicev1.ChatMessage {
	return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_User{User: &sluicev1.UserMessage{
		Content: &sluicev1.UserMessage_Text{Text: "x"}, Rest: []byte(rest),
	}}}
}

func TestCheck_refuses_what_JSON_would_not_say(t *testing.T) {
	temperature, inf := 0.5, math.Inf(1)
	cases := []struct {
		name   string
		m      wirejson.Message
		path   string
		reason string
	}{
		{"a rest that is no object", &sluicev1.Usage{Rest: []byte(`[]`)}, "rest", "expected an object, got an array"},
		{"a rest that breaks off", &sluicev1.Usage{Rest: []byte(`{"a":`)}, "rest.a", "unexpected end"},
		{"a rest with more behind it", &sluicev1.Usage{Rest: []byte(`{},"x":1`)}, "rest", "data after the end"},
		{"a rest that is no UTF-8", &sluicev1.Usage{Rest: []byte("{\"a\":\"\xff\"}")}, "rest.a", "invalid UTF-8"},
		{"a deep rest", &sluicev1.Usage{Rest: []byte(`{"a":` + strings.Repeat(`[`, 511) + strings.Repeat(`]`, 511) + `}`)}, "a" + strings.Repeat("[0]", 85) + "...", "nested deeper"},
		{"the rest of an element", &sluicev1.ChatCompletionRequest{Messages: []*sluicev1.ChatMessage{user(``), user(`x`)}}, "messages[1].rest", "unexpected character"},
		{"a raw value", &sluicev1.FunctionDefinition{Parameters: []byte(`{"a":1,}`)}, "parameters", "expected a member name"},
		{"a raw alternative", &sluicev1.ChatCompletionRequest{Messages: []*sluicev1.ChatMessage{{Message: &sluicev1.ChatMessage_Other{Other: []byte(`{`)}}}}, "messages[0]", "unexpected end"},
		{"a raw element", &sluicev1.AllowedTools{Tools: [][]byte{[]byte(`1`), []byte(`1 2`)}}, "tools[1]", "data after the end"},
		{"NaN", &sluicev1.TopLogprob{Logprob: math.NaN()}, "logprob", "JSON cannot say"},
		{"infinity in an optional field", &sluicev1.ChatCompletionRequest{TopP: &inf}, "top_p", "JSON cannot say"},
		{"infinity in a map", &sluicev1.ChatCompletionRequest{LogitBias: map[string]float64{"1": inf}}, "logit_bias", "JSON cannot say"},
		{"infinity in a list", &sluicev1.Embedding{Embedding: &sluicev1.Embedding_Floats{Floats: &sluicev1.FloatList{Values: []float64{0, inf}}}}, "embedding[1]", "JSON cannot say"},
		// What a policy sees in the field is what the provider gets.
		{"a required member again", &sluicev1.ChatCompletionRequest{Model: "cheap", Rest: []byte(`{"model":"dear"}`)}, "rest.model", "belongs into its field"},
		{"a required member instead", &sluicev1.ChatCompletionRequest{Rest: []byte(`{"$absent":["model"],"model":"dear"}`)}, "rest.model", "belongs into its field"},
		{"a required member with an escape", &sluicev1.ChatCompletionRequest{Rest: []byte(`{"$absent":["model"],"m\u006fdel":"dear"}`)}, "rest.model", "belongs into its field"},
		{"an optional member again", &sluicev1.ChatCompletionRequest{Temperature: &temperature, Rest: []byte(`{"temperature":null}`)}, "rest.temperature", "belongs into its field"},
		{"an optional number that fits", &sluicev1.ChatCompletionRequest{Rest: []byte(`{"max_tokens":1e3}`)}, "rest.max_tokens", "belongs into its field"},
		{"another kind", &sluicev1.ChatCompletionRequest{Rest: []byte(`{"max_tokens":"1000"}`)}, "rest.max_tokens", "belongs into its field"},
		{"a list", &sluicev1.ChatCompletionRequest{Rest: []byte(`{"tools":[{"type":"x"}]}`)}, "rest.tools", "belongs into its field"},
		{"a union", &sluicev1.ChatCompletionRequest{Rest: []byte(`{"stop":"x"}`)}, "rest.stop", "belongs into its field"},
		{"a constant", &sluicev1.ChatCompletionRequest{Messages: []*sluicev1.ChatMessage{user(`{"role":"system"}`)}}, "messages[0].rest.role", "belongs into its field"},
		{"a member twice", &sluicev1.ChatCompletionRequest{Rest: []byte(`{"n":null,"n":1.5}`)}, "rest.n", "duplicate member"},
		{"a raw alternative that another takes", &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Other{Other: []byte(` {"role":"system","content":"x"}`)}}, "", "belongs into a typed alternative"},
		{"a raw alternative in a member that another takes", &sluicev1.CreateEmbeddingsRequest{Input: &sluicev1.CreateEmbeddingsRequest_OtherInput{OtherInput: []byte(`["x"]`)}}, "input", "belongs into a typed alternative"},
		{"a raw alternative of a known discriminator that is malformed", &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Other{Other: []byte(`{"role":"system","content":7}`)}}, "", "belongs into a typed alternative"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			err := wirejson.Check(c.m)
			var e *wirejson.Error
			if !errors.As(err, &e) || e.Path != c.path || !strings.Contains(e.Reason, c.reason) || e.Offset != -1 {
				t.Errorf("got %v", err)
			}
		})
	}
}

func TestCheck_passes_what_decoding_leaves_in_a_rest(t *testing.T) {
	for _, in := range []string{
		`{"model":null,"temperature":null,"tools":[],"metadata":{},"max_tokens":1.5,"seed":1180591620717411303424,"top_p":0.1234567890123456789}`,
		`{"messages":[{"role":"alien"},{"content":1},7,{"role":"user","content":[{"type":"new"}]}],"tool_choice":{"type":"new"},"stop":null,"x":1}`,
		`{"prediction":{},"metadata":{"a":1}}`,
	} {
		m := new(sluicev1.ChatCompletionRequest)
		if err := wirejson.Unmarshal([]byte(in), m, wirejson.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := wirejson.Check(m); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
	for _, in := range []string{`{"input":["a",1]}`, `{"input":[1,1.5]}`, `{"input":{}}`, `{"input":5}`} {
		m := new(sluicev1.CreateEmbeddingsRequest)
		if err := wirejson.Unmarshal([]byte(in), m, wirejson.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := wirejson.Check(m); err != nil {
			t.Errorf("%s: %v", in, err)
		}
	}
}
