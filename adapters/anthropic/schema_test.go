package anthropic

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// Sources: the documentation's "Structured outputs", "JSON Schema limitations"; the API's own
// words, "For 'object' type, 'additionalProperties' must be explicitly set to false", as
// users quote them; transform_schema of the official Python SDK; 2026-11.
func TestSchema_closes_the_objects_that_say_nothing(t *testing.T) {
	const closed = `,"additionalProperties":false}`
	for _, c := range []struct{ schema, want string }{
		{`{"type":"object"}`, `{"type":"object"` + closed},
		{ // in their order, with the white space and the digits that they have
			`{ "z": 1.50, "type" : "object", "properties": {"b":{"type":"string"},"a":{"type":"number"}}, "required":["b"] }`,
			`{ "z": 1.50, "type" : "object", "properties": {"b":{"type":"string"},"a":{"type":"number"}}, "required":["b"] ` + closed,
		},
		{
			`{"type":"object","properties":{"type":{"type":"object","properties":{}},"list":{"type":"array","items":{"type":"object"}}}}`,
			`{"type":"object","properties":{"type":{"type":"object","properties":{}` + closed + `,"list":{"type":"array","items":{"type":"object"` + closed + `}}` + closed,
		},
		{`{"type":["object","null"]}`, `{"type":["object","null"]` + closed},
		{`{"properties":{"a":{}},"type":"object"}`, `{"properties":{"a":{}},"type":"object"` + closed},
		{
			`{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"}},"definitions":{"b":{"type":"object"}}}`,
			`{"$ref":"#/$defs/a","$defs":{"a":{"type":"object"` + closed + `},"definitions":{"b":{"type":"object"` + closed + `}}`,
		},
		{
			`{"anyOf":[{"type":"object"},{"type":"null"}],"allOf":[{"type":"object"}],"oneOf":[{"type":"object"}]}`,
			`{"anyOf":[{"type":"object"` + closed + `,{"type":"null"}],"allOf":[{"type":"object"` + closed + `],"oneOf":[{"type":"object"` + closed + `]}`,
		},
		{ // what they say stands, also when the provider refuses it
			`{"type":"object","additionalProperties":true,"properties":{"a":{"type":"object"}}}`,
			`{"type":"object","additionalProperties":true,"properties":{"a":{"type":"object"` + closed + `}}`,
		},
	} {
		got, changed := closeObjects([]byte(c.schema))
		if string(got) != c.want || !changed || !json.Valid(got) {
			t.Errorf("%s became\n%s, want\n%s", c.schema, got, c.want)
		}
	}
	for _, same := range []string{
		`{"type":"object","additionalProperties":false}`,
		`{"type":"object","additionalProperties":{"type":"object"}}`,
		`{"additionalProperties":false,"type":"object","properties":{"additionalProperties":{"type":"string"}}}`,
		`{"$ref":"#/a","type":"object"}`,
		`{"title":"object","description":"object","enum":["object",{"type":"object"}],"const":{"type":"object"},"default":{"type":"object"},"examples":[{"type":"object"}]}`,
		`{"type":{"type":"object"},"items":[{"type":"object"}],"not":{"type":"object"},"x-type":["object"]}`,
		`{"type":"string"}`, `{}`, `[]`, `["object"]`, `true`, `"object"`, `{"type":"object"`, `{"type":"object"]`, ``,
	} {
		if got, changed := closeObjects([]byte(same)); changed || string(got) != same {
			t.Errorf("%s became %s", same, got)
		}
	}
}

// A caller can nest a schema as deeply as a body may.
func TestSchema_is_read_once(t *testing.T) {
	const deep = 9000
	schema := strings.Repeat(`{"type":"object","properties":{"a":`, deep) + `{}` + strings.Repeat(`}}`, deep)
	closed, changed := closeObjects([]byte(schema))
	if n := strings.Count(string(closed), `"additionalProperties":false`); !changed || n != deep {
		t.Errorf("%d of %d objects were closed", n, deep)
	}
}

func TestRequest_closes_what_must_be_closed_and_says_so(t *testing.T) {
	const format = `"response_format":{"type":"json_schema","json_schema":{"name":"n",%s"schema":{"type":"object"}}}`
	const tool = `"tools":[{"type":"function","function":{"name":"f",%s"parameters":{"type":"object","properties":{"a":{"type":"object"}}}}}]`
	for _, c := range []struct{ request, want, member string }{
		{strings.ReplaceAll(format, "%s", ""), `"output_config":{"format":{"type":"json_schema","schema":{"type":"object","additionalProperties":false}}}`, "response_format.json_schema.schema"},
		{
			strings.ReplaceAll(format, "%s", `"description":"d",`),
			`"output_config":{"format":{"type":"json_schema","schema":{"description":"d","type":"object","additionalProperties":false}}}`, "response_format.json_schema.schema",
		},
		{
			strings.ReplaceAll(tool, "%s", `"strict":true,`),
			`"input_schema":{"type":"object","properties":{"a":{"type":"object","additionalProperties":false}},"additionalProperties":false}`, "tools[].function.parameters",
		},
		{strings.ReplaceAll(tool, "%s", `"strict":false,`), `"input_schema":{"type":"object","properties":{"a":{"type":"object"}}}`, ""},
		{`"tools":[{"type":"function","function":{"name":"f","strict":true}}]`, `"input_schema":{"type":"object","properties":{},"additionalProperties":false}`, ""},
	} {
		call := &adapters.Call{}
		translated := translateRequest(call, readRequest(t, `{"model":"claude-sonnet-4-5","messages":[{"role":"user","content":"Hi"}],`+c.request+`}`), true)
		if err := translated.ledger.Refusal("p", kindOfAPI); err != nil {
			t.Errorf("%s: %v", c.request, err)
		}
		if got := string(wirejson.Marshal(translated.body)); !strings.Contains(got, c.want) {
			t.Errorf("%s became\n%s, want in it\n%s", c.request, got, c.want)
		}
		noted := ""
		for _, n := range call.Reply.Notes {
			if n.GetFate() == "approximated" && n.GetWhy() == whyClosed {
				noted += n.GetMember()
			}
		}
		if noted != c.member {
			t.Errorf("%s: noted %q, want %q", c.request, noted, c.member)
		}
	}
	// Without a schema, there is nothing to hold to.
	none := translateRequest(&adapters.Call{}, readRequest(t, `{"model":"m","messages":[{"role":"user","content":"Hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"n"}}}`), true)
	if err := none.ledger.Refusal("p", kindOfAPI); err == nil || !strings.Contains(err.Error(), `"response_format"`) {
		t.Errorf("%v, want a refusal of response_format", err)
	}
}
