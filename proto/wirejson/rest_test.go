package wirejson_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

func TestRest_get(t *testing.T) {
	cases := []struct{ rest, name, value string }{
		{`{"a":1,"b":{"c":2}}`, "a", `1`},
		{`{"a":1,"b":{"c":2}}`, "b", `{"c":2}`},
		{`{"a":1,"b":{"c":2}}`, "c", ``},
		{` { "a" : [ 1 ] , "b" : 2 } `, "b", `2`},
		{`{"a":1,"a":2}`, "a", `2`},
		{`{"a\n":1}`, "a\n", `1`},
		{`{"$absent":["model"],"x":1}`, "$absent", ``},
		{`{"$absent":["model"],"x":1}`, "model", ``},
		{`{"$absent":[],"$absent":5}`, "$absent", `5`},
		{`{"$absent":5}`, "$absent", `5`},
		{`{}`, "a", ``},
		{``, "a", ``},
	}
	for _, c := range cases {
		value, ok := wirejson.Get([]byte(c.rest), c.name)
		if string(value) != c.value || ok != (c.value != "") {
			t.Errorf("%s of %s: got %q, %t", c.name, c.rest, value, ok)
		}
	}
}

func TestRest_take(t *testing.T) {
	cases := []struct{ rest, name, value, remaining string }{
		{`{"a":1,"b":2}`, "a", `1`, `{"b":2}`},
		{`{"a":1,"b":2}`, "b", `2`, `{"a":1}`},
		{`{"a":1}`, "a", `1`, ``},
		{`{"a":1,"b":2,"a":3}`, "a", `3`, `{"b":2}`},
		{`{"a":1}`, "b", ``, `{"a":1}`},
		{`{"$absent":["model"],"model":null}`, "model", `null`, ``},
		{`{"$absent":["model"]}`, "model", ``, ``},
		{`{"$absent":["model","object"],"x":1}`, "model", ``, `{"$absent":["object"],"x":1}`},
		{`{"$absent":["model"],"$absent":7}`, "model", ``, `{"$absent":[],"$absent":7}`},
		{`{"x":1,"$absent":7}`, "x", `1`, `{"$absent":[],"$absent":7}`},
		{`{}`, "a", ``, ``},
		{``, "a", ``, ``},
	}
	for _, c := range cases {
		rest := []byte(c.rest)
		value, remaining, ok := wirejson.Take(rest, c.name)
		if string(value) != c.value || ok != (c.value != "") || string(remaining) != c.remaining {
			t.Errorf("%s of %s: got %q, %q, %t", c.name, c.rest, value, remaining, ok)
		}
		if c.remaining == "" && remaining != nil {
			t.Errorf("%s of %s: an empty rest is nil", c.name, c.rest)
		}
		if string(rest) != c.rest {
			t.Errorf("%s of %s: changed its input to %s", c.name, c.rest, rest)
		}
	}
}

func TestRest_set_and_omit(t *testing.T) {
	cases := []struct{ rest, name, value, want string }{
		{``, "a", `1`, `{"a":1}`},
		{`{}`, "a", `1`, `{"a":1}`},
		{`{"a":1,"b":2}`, "a", `[3]`, `{"a":[3],"b":2}`},
		{`{"a":1,"b":2,"a":1}`, "a", `3`, `{"a":3,"b":2}`},
		{`{"$absent":["model"]}`, "a\"", `1`, `{"$absent":["model"],"a\"":1}`},
		{``, "$absent", `1`, `{"$absent":[],"$absent":1}`},
	}
	for _, c := range cases {
		rest := []byte(c.rest)
		if got := wirejson.Set(rest, c.name, []byte(c.value)); string(got) != c.want || string(rest) != c.rest {
			t.Errorf("%s in %s: got %s", c.name, c.rest, got)
		}
	}
	rest := wirejson.Omit([]byte(`{"x":1}`), "model")
	rest = wirejson.Omit(rest, "model")
	if string(rest) != `{"$absent":["model"],"x":1}` {
		t.Errorf("got %s", rest)
	}
	if got := string(wirejson.Marshal(&sluicev1.ChatCompletionRequest{Rest: rest})); got != `{"x":1}` {
		t.Errorf("got %s", got)
	}
}

// Setting a typed field on a decoded message, as adapters set the model.
func TestRest_take_makes_way_for_a_typed_field(t *testing.T) {
	for _, in := range []string{`{"messages":[]}`, `{"model":null,"messages":[]}`, `{"model":"old","messages":[]}`} {
		m := new(sluicev1.ChatCompletionRequest)
		if err := wirejson.Unmarshal([]byte(in), m, wirejson.Options{}); err != nil {
			t.Fatal(err)
		}
		m.Model = "new"
		_, m.Rest, _ = wirejson.Take(m.Rest, "model")
		if got := string(wirejson.Marshal(m)); got != `{"model":"new","messages":[]}` {
			t.Errorf("%s became %s", in, got)
		}
	}
}

func TestPeek_reads_no_more_than_it_must(t *testing.T) {
	cases := []struct {
		in, name, value string
		ok, fails       bool
	}{
		{`{"a":1,"model":"m","z":2}`, "model", `"m"`, true, false},
		{` { "model" : [ 1 ] } `, "model", `[ 1 ]`, true, false},
		{`{"model":"m", broken`, "model", `"m"`, true, false},
		{`{"mod\u0065l":true}`, "model", `true`, true, false},
		{`{"a":{"model":1}}`, "model", ``, false, false},
		{`{}`, "model", ``, false, false},
		{`{"a":,"model":1}`, "model", ``, false, true},
		{`{"a":1`, "model", ``, false, true},
		{`["model"]`, "model", ``, false, true},
		{``, "model", ``, false, true},
	}
	for _, c := range cases {
		value, ok, err := wirejson.Peek([]byte(c.in), c.name)
		var e *wirejson.Error
		if string(value) != c.value || ok != c.ok || errors.As(err, &e) != c.fails {
			t.Errorf("%s: got %q, %t, %v", c.in, value, ok, err)
		}
	}
}

func TestValidObject(t *testing.T) {
	for _, good := range []string{`{}`, ` {"a":[1,"\ud800"]} `, `{"a":1,"a":2}`} {
		if err := wirejson.ValidObject([]byte(good)); err != nil {
			t.Errorf("%s: %v", good, err)
		}
	}
	deep := `{"a":` + strings.Repeat(`[`, 512) + strings.Repeat(`]`, 512) + `}`
	for _, bad := range []string{``, `[]`, `"x"`, `{`, `{}{}`, `{"a"}`, "{\"a\":\"\xff\"}", `{"a":01}`, deep} {
		if err := wirejson.ValidObject([]byte(bad)); err == nil {
			t.Errorf("%.40s was accepted", bad)
		}
	}
	if err := wirejson.ValidValue([]byte(`"x"`)); err != nil {
		t.Error(err)
	}
	if err := wirejson.ValidValue([]byte(`x`)); err == nil {
		t.Error("a value without quotes was accepted")
	}
}

func TestAppendString_escapes_what_JSON_requires(t *testing.T) {
	cases := []struct{ in, want string }{
		{"", `""`},
		{"plain text of more than eight bytes", `"plain text of more than eight bytes"`},
		{`"\`, `"\"\\"`},
		{"\b\f\n\r\t", `"\b\f\n\r\t"`},
		{"\x00\x1f\x7f", "\"\\u0000\\u001f\x7f\""},
		{"<a href='x'>&</a>\u2028\u2029🙂é", "\"<a href='x'>&</a>\u2028\u2029🙂é\""},
		{"1234567\n", `"1234567\n"`},
		{"12345678\n", `"12345678\n"`},
		{"123456789\"0", `"123456789\"0"`},
	}
	for _, c := range cases {
		if got := string(wirejson.AppendString(nil, c.in)); got != c.want {
			t.Errorf("%q: got %s", c.in, got)
		}
		sameJSON(t, wirejson.AppendString(nil, c.in), []byte(c.want))
	}
	// Every byte at every place of a word.
	for c := range 0x80 {
		for n := range 17 {
			s := strings.Repeat("x", n) + string(rune(c)) + "yz"
			tree, err := parseTree(wirejson.AppendString(nil, s))
			if err != nil || tree.token != s {
				t.Fatalf("%q: got %v, %v", s, tree.token, err)
			}
		}
	}
}

func TestDecoded_strings_are_right_at_every_place_of_a_word(t *testing.T) {
	for c := range 0x250 {
		for n := range 17 {
			s := strings.Repeat("x", n) + string(rune(c)) + strings.Repeat("é", n%3) + "yz"
			in := append(append([]byte(`{"model":`), wirejson.AppendString(nil, s)...), '}')
			m := new(sluicev1.ChatCompletionRequest)
			if err := wirejson.Unmarshal(in, m, wirejson.Options{}); err != nil || m.Model != s {
				t.Fatalf("%q: got %q, %v", s, m.Model, err)
			}
		}
	}
}

func TestAppend_writes_JSON_for_messages_in_pieces(t *testing.T) {
	cases := []struct {
		name string
		m    wirejson.Message
		want string
	}{
		{"a nil object", (*sluicev1.Usage)(nil), `{}`},
		{"a nil list", (*sluicev1.StringList)(nil), `[]`},
		{"a nil union", (*sluicev1.ToolChoice)(nil), `null`},
		{"an unset union", &sluicev1.ToolChoice{}, `null`},
		{"an empty list", &sluicev1.StringList{}, `[]`},
		{"required scalars", &sluicev1.Usage{}, `{"prompt_tokens":0,"completion_tokens":0,"total_tokens":0}`},
		{"nil elements", &sluicev1.ChatCompletion{Choices: []*sluicev1.Choice{nil}}, `{"id":"","object":"","created":0,"model":"","choices":[{}]}`},
		{"a nil alternative", &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_User{}}, `{}`},
		{"a message with a constant", &sluicev1.UserMessage{}, `{"role":"user"}`},
		{"nullable members", &sluicev1.Error{Message: "m"}, `{"message":"m","type":null,"param":null,"code":null}`},
		{"a rest with white space", &sluicev1.Model{Rest: []byte(" { \"$absent\" : [ \"id\" , \"object\",\"created\",\"owned_by\" ] , \"x\" : 1 } ")}, `{"x" : 1}`},
		{"an empty rest", &sluicev1.Delta{Rest: []byte(`{ }`)}, `{}`},
		{"a rest alone", &sluicev1.Delta{Rest: []byte(`{"x":1}`)}, `{"x":1}`},
		{"an empty raw element", &sluicev1.AllowedTools{Mode: "auto", Tools: [][]byte{nil}}, `{"mode":"auto","tools":[null]}`},
		{
			"sorted maps", &sluicev1.ModerationResult{Categories: map[string]bool{"b": true, "a": false}},
			`{"type":"moderation_result","flagged":false,"model":"","categories":{"a":false,"b":true},"category_scores":{}}`,
		},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			got := wirejson.Append([]byte("before "), c.m)
			if string(got) != "before "+c.want {
				t.Errorf("got %s", got)
			}
			if !bytes.Equal(wirejson.Marshal(c.m), []byte(c.want)) {
				t.Error("Marshal and Append differ")
			}
		})
	}
}

func TestAppend_allocates_nothing(t *testing.T) {
	eachExample(t, func(name string, empty func() wirejson.Message, data []byte) {
		m := empty()
		if err := wirejson.Unmarshal(data, m, wirejson.Options{}); err != nil {
			t.Fatal(err)
		}
		b := make([]byte, 0, 2*len(data)+1000)
		if n := testing.AllocsPerRun(20, func() { wirejson.Append(b, m) }); n != 0 {
			t.Errorf("%s: %v allocations", name, n)
		}
	})
}
