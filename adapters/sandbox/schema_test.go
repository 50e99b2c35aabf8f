package sandbox

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// schemas are of the forms that pydantic, zod and people write.
var schemas = map[string]string{
	"pydantic model": `{"$defs":{"Address":{"properties":{"street":{"title":"Street","type":"string"},"zip":{"anyOf":[{"type":"string","pattern":"^\\d{5}$"},{"type":"null"}],"title":"Zip"}},"required":["street","zip"],"title":"Address","type":"object"},
		"Color":{"enum":["red","green","blue"],"title":"Color","type":"string"}},
		"properties":{"name":{"title":"Name","type":"string"},"age":{"exclusiveMinimum":0,"maximum":150,"title":"Age","type":"integer"},
		"color":{"$ref":"#/$defs/Color"},"addresses":{"items":{"$ref":"#/$defs/Address"},"title":"Addresses","type":"array","minItems":2},
		"nickname":{"anyOf":[{"type":"string"},{"type":"null"}],"default":null,"title":"Nickname"}},
		"required":["name","age","color","addresses"],"title":"Person","type":"object"}`,
	"pydantic root reference": `{"$ref":"#/$defs/A","$defs":{"A":{"type":"object","properties":{"b":{"allOf":[{"$ref":"#/$defs/B"}],"description":"x"}},"required":["b"]},"B":{"type":"object","properties":{"n":{"type":"number","multipleOf":0.5,"minimum":2.2}},"required":["n"]}}}`,
	"zod strict":              `{"type":"object","properties":{"steps":{"type":"array","items":{"type":"object","properties":{"explanation":{"type":"string"},"output":{"type":"string"}},"required":["explanation","output"],"additionalProperties":false}},"final_answer":{"type":"string"}},"required":["steps","final_answer"],"additionalProperties":false,"$schema":"http://json-schema.org/draft-07/schema#"}`,
	"zod discriminated union": `{"type":"object","properties":{"item":{"anyOf":[{"type":"object","properties":{"kind":{"type":"string","const":"user"},"email":{"type":"string","format":"email"}},"required":["kind","email"],"additionalProperties":false},{"type":"object","properties":{"kind":{"type":"string","const":"org"}},"required":["kind"],"additionalProperties":false}]}},"required":["item"],"additionalProperties":false}`,
	"recursive":               `{"type":"object","properties":{"name":{"type":"string"},"children":{"type":"array","items":{"$ref":"#"}},"next":{"anyOf":[{"$ref":"#"},{"type":"null"}]}},"required":["name","children","next"],"additionalProperties":false}`,
	"recursive union first":   `{"$defs":{"node":{"type":"object","properties":{"left":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"null"}]},"right":{"anyOf":[{"$ref":"#/$defs/node"},{"type":"integer"}]}},"required":["left","right"]}},"type":"object","properties":{"root":{"$ref":"#/$defs/node"}},"required":["root"]}`,
	"all optional":            `{"type":"object","properties":{"a":{"type":"string","minLength":30},"b":{"type":["null","boolean"]},"c":{"type":"null"}},"additionalProperties":false}`,
	"numbers":                 `{"type":"object","required":["a","b","c","d","e","f","g"],"properties":{"a":{"type":"number","exclusiveMinimum":0,"exclusiveMaximum":1},"b":{"type":"integer","minimum":10,"maximum":12,"multipleOf":4},"c":{"type":"integer","maximum":-5},"d":{"type":"number","minimum":-0.5,"maximum":-0.25},"e":{"type":"integer","exclusiveMinimum":7},"f":{"type":"integer","minimum":2.5},"g":{"type":"integer","exclusiveMaximum":-3}}}`,
	"formats":                 `{"type":"object","required":["dt","d","t","u","e","i4","i6","h","uri","dur"],"properties":{"dt":{"type":"string","format":"date-time"},"d":{"type":"string","format":"date"},"t":{"type":"string","format":"time"},"u":{"type":"string","format":"uuid"},"e":{"type":"string","format":"email"},"i4":{"type":"string","format":"ipv4"},"i6":{"type":"string","format":"ipv6"},"h":{"type":"string","format":"hostname"},"uri":{"type":"string","format":"uri"},"dur":{"type":"string","format":"duration"}}}`,
	"patterns":                `{"type":"object","required":["a","b","c","d"],"properties":{"a":{"type":"string","pattern":"^[A-Z]{3}-[0-9]{2,4}$"},"b":{"type":"string","pattern":"^(foo|bar)+\\.txt$","minLength":15},"c":{"type":"string","pattern":"[^a-zA-Z0-9]"},"d":{"type":"string","pattern":"^https?://[\\w./-]+$","maxLength":20}}}`,
	"lengths":                 `{"type":"object","required":["a","b"],"properties":{"a":{"type":"string","maxLength":3},"b":{"type":"string","minLength":200,"maxLength":201}}}`,
	"arrays":                  `{"type":"object","required":["a","b","c","d"],"properties":{"a":{"type":"array","items":{"type":"string"},"minItems":3,"uniqueItems":true},"b":{"type":"array","prefixItems":[{"type":"string"},{"type":"integer"}],"items":false},"c":{"type":"array","maxItems":0},"d":{"type":"array","items":{"enum":["x","y","z"]},"minItems":2,"uniqueItems":true}}}`,
	"map":                     `{"type":"object","additionalProperties":{"type":"integer","minimum":5}}`,
	"map in model":            `{"type":"object","properties":{"scores":{"type":"object","additionalProperties":{"type":"number"},"minProperties":2}},"required":["scores"]}`,
	"all of":                  `{"allOf":[{"type":"object","properties":{"a":{"type":"string"}},"required":["a"]},{"properties":{"b":{"type":"integer"}},"required":["b"]}]}`,
	"one of":                  `{"type":"object","required":["v"],"properties":{"v":{"oneOf":[{"type":"null"},{"type":"array","items":{"type":"integer"}}]}}}`,
	"const and enum":          `{"type":"object","required":["a","b","c"],"properties":{"a":{"const":{"z":1,"a":[1.50,null]}},"b":{"enum":[3,"x"]},"c":{"const":12345678901234567890}}}`,
	"no type":                 `{"properties":{"a":{}},"required":["a","undeclared"]}`,
}

func validator(t *testing.T, schema string) *jsonschema.Schema {
	t.Helper()
	document, err := jsonschema.UnmarshalJSON(strings.NewReader(schema))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("https://example.com/schema.json", document); err != nil {
		t.Fatal(err)
	}
	compiled, err := c.Compile("https://example.com/schema.json")
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func TestGenerateJSON_satisfies_the_schema(t *testing.T) {
	texts := map[string]string{
		"nothing":    "",
		"names":      `Ask "Ada Lovelace" in San Francisco, CA about 11 or 0.7 or -9 things by 2026-05-04, mail ada@example.org, see https://example.org/x?y=1.`,
		"lower case": "weather in boston, please: 3 red ones, ABC-123",
	}
	for name, schema := range schemas {
		t.Run(name, func(t *testing.T) {
			valid := validator(t, schema)
			for said, text := range texts {
				out := generateJSON([]byte(schema), readHints(text), "The answer.")
				value, err := jsonschema.UnmarshalJSON(strings.NewReader(out))
				if err != nil {
					t.Fatalf("%s: %s is no JSON: %v", said, out, err)
				}
				if err := valid.Validate(value); err != nil {
					t.Errorf("%s: %s: %v", said, out, err)
				}
			}
		})
	}
}

func TestGenerateJSON_keeps_the_order_of_the_properties(t *testing.T) {
	out := generateJSON([]byte(`{"type":"object","properties":{"z":{"type":"null"},"a":{"type":"null"},"m":{"type":"null"}},"required":["a","m","z"]}`), readHints(""), "")
	if want := `{"z":null,"a":null,"m":null}`; out != want {
		t.Errorf("got %s, want %s", out, want)
	}
}

func TestGenerateJSON_fills_in_what_the_user_said(t *testing.T) {
	tests := []struct{ text, properties, want string }{
		{"What's the weather in Boston?", `"location":{"type":"string"}`, `{"location":"Boston"}`},
		{"what is the weather in boston?", `"location":{"type":"string"}`, `{"location":"boston"}`},
		{"Weather in San Francisco, CA please", `"location":{"type":"string"}`, `{"location":"San Francisco, CA"}`},
		{"How far is it from Rome to Oslo?", `"from":{"type":"string"},"to":{"type":"string"}`, `{"from":"Rome","to":"Oslo"}`},
		{`Look up "blue whale", now`, `"topic":{"type":"string"}`, `{"topic":"blue whale"}`},
		{"Is it warm in Oslo in fahrenheit?", `"unit":{"enum":["celsius","fahrenheit"]}`, `{"unit":"fahrenheit"}`},
		{"Book 4 seats for 20 euros", `"seats":{"type":"integer"},"price":{"type":"number"}`, `{"seats":4,"price":20}`},
		{"Give me 40 seats", `"seats":{"type":"integer","maximum":9}`, `{"seats":1}`},
		{"how do whales sleep?", `"query":{"type":"string"}`, `{"query":"how do whales sleep?"}`},
		{"Mail bob@example.org on 2026-02-03", `"to_email":{"type":"string"},"date":{"type":"string"}`, `{"to_email":"bob@example.org","date":"2026-02-03"}`},
		{"Part AB-12, quickly", `"part":{"type":"string","pattern":"^[A-Z]{2}-\\d+$"}`, `{"part":"AB-12"}`},
	}
	for _, tt := range tests {
		schema := `{"type":"object","properties":{` + tt.properties + `}}`
		if got := generateJSON([]byte(schema), readHints(tt.text), ""); got != tt.want {
			t.Errorf("%q: got %s, want %s", tt.text, got, tt.want)
		}
	}
}

func TestGenerateJSON_ends_on_schemas_that_do_not(t *testing.T) {
	fan := `{"$ref":"#/$defs/d0","$defs":{`
	for i := range 40 {
		next := `{"type":"string"}`
		if i < 39 {
			next = `{"$ref":"#/$defs/d` + string(rune('0'+(i+1)/10)) + string(rune('0'+(i+1)%10)) + `"}`
		}
		name := "d" + string(rune('0'+i/10)) + string(rune('0'+i%10))
		if i == 0 {
			name = "d0"
		}
		fan += `"` + name + `":{"type":"object","properties":{"a":` + next + `,"b":` + next + `},"required":["a","b"]},`
	}
	fan = strings.TrimSuffix(fan, ",") + `}}`
	hostile := map[string]string{
		"fan":               fan,
		"own reference":     `{"$ref":"#"}`,
		"circle":            `{"$ref":"#/$defs/a","$defs":{"a":{"$ref":"#/$defs/b"},"b":{"$ref":"#/$defs/a"}}}`,
		"all of itself":     `{"allOf":[{"$ref":"#"},{"$ref":"#"},{"$ref":"#"}],"type":"object"}`,
		"any of itself":     `{"anyOf":[{"$ref":"#"},{"$ref":"#"}]}`,
		"required itself":   `{"type":"object","properties":{"a":{"$ref":"#"},"b":{"$ref":"#"}},"required":["a","b"]}`,
		"endless array":     `{"type":"array","minItems":1e300,"items":{"type":"array","minItems":1000000}}`,
		"endless string":    `{"type":"object","properties":{"a":{"type":"string","minLength":99999999999}},"required":["a"]}`,
		"endless pattern":   `{"type":"object","properties":{"a":{"type":"string","pattern":"^(((a{10}){10}){10})+$","minLength":9999}},"required":["a"]}`,
		"many properties":   `{"type":"object","minProperties":1e12}`,
		"nowhere":           `{"$ref":"https://example.com/elsewhere.json"}`,
		"nothing":           `{"type":"object","properties":{"a":false},"required":["a"]}`,
		"odd keyword types": `{"type":3,"properties":[],"required":"a","items":7,"enum":{},"anyOf":[],"allOf":{}}`,
		"odd union items":   `{"type":"object","properties":{"a":{"anyOf":[1,null,"x"]},"b":{"allOf":[1]},"c":{"items":[3]},"d":4},"required":["a","b","c","d",5]}`,
	}
	for name, schema := range hostile {
		t.Run(name, func(t *testing.T) {
			began := time.Now()
			out := generateJSON([]byte(schema), readHints("x"), "")
			if len(out) > 2*maxSchemaBytes || !json.Valid([]byte(out)) {
				t.Errorf("%d bytes, valid JSON: %v", len(out), json.Valid([]byte(out)))
			}
			// Seconds would mean that a bound is missing; these take milliseconds.
			if took := time.Since(began); took > 10*time.Second {
				t.Errorf("took %v", took)
			}
		})
	}
}

// The bound is on steps, each tens of nanoseconds, and not on time: a machine may be
// slow. What a model or a person writes stays far below it.
func TestGenerateJSON_takes_no_more_steps_than_its_bound(t *testing.T) {
	var doubled strings.Builder
	for i := range 32 {
		fmt.Fprintf(&doubled, `"d%d":{"allOf":[{"$ref":"#/$defs/d%d"},{"$ref":"#/$defs/d%d"}]},`, i, i+1, i+1)
	}
	wide := strings.TrimSuffix(strings.Repeat(`{"type":"object"},`, 500), ",")
	hostile := map[string]string{
		"doubled allOf":       `{"$ref":"#/$defs/d0","$defs":{` + doubled.String() + `"d32":{"type":"string"}}}`,
		"items of wide anyOf": `{"type":"array","minItems":9999,"items":{"anyOf":[` + wide + `]}}`,
		"items of a pattern":  `{"type":"array","minItems":9999,"items":{"type":"string","minLength":9999,"pattern":"^(((a{10}){10}){10})+b$"}}`,
		"items of many members": `{"type":"array","minItems":9999,"items":{"type":"object","required":["x"],"properties":{` +
			strings.TrimSuffix(strings.Repeat(`"member":{},`, 500), ",") + `}}}`,
	}
	run := func(schema string) (steps int, out string) {
		root, err := parseJSON([]byte(schema))
		if err != nil {
			t.Fatal(err)
		}
		g := newGenerator(root, readHints("x"), "")
		g.write(root, place{})
		return maxSchemaSteps - g.effort.left, string(g.out)
	}
	for name, schema := range hostile {
		steps, out := run(schema)
		// The last piece of work may be half as large as all before it.
		if steps > maxSchemaSteps*3/2 || !json.Valid([]byte(out)) {
			t.Errorf("%s: %d steps, valid JSON: %t", name, steps, json.Valid([]byte(out)))
		}
		if steps <= maxSchemaSteps {
			t.Errorf("%s: %d steps: it tests no bound", name, steps)
		}
	}
	for name, schema := range schemas {
		if steps, _ := run(schema); steps > maxSchemaSteps/20 {
			t.Errorf("%s: %d steps for an ordinary schema", name, steps)
		}
	}
}

func FuzzGenerateJSON(f *testing.F) {
	for _, schema := range schemas {
		f.Add(schema, "Ask Ada in Boston about 3 things")
	}
	f.Fuzz(func(t *testing.T, schema, text string) {
		if out := generateJSON([]byte(schema), readHints(text), ""); !json.Valid([]byte(out)) {
			t.Errorf("schema %s: %s is no JSON", schema, out)
		}
	})
}

func TestMentioned_prefers_names_over_descriptions(t *testing.T) {
	tools := []tool{
		{name: "get_weather", description: "Current weather of a city"},
		{name: "searchFlights", description: "Finds flights to a city"},
		{name: "run", description: "Executes python"},
	}
	tests := []struct {
		text string
		want []string
	}{
		{"What's the weather in Boston?", []string{"get_weather"}},
		{"Any flights to Boston, and the WEATHER there?", []string{"get_weather", "searchFlights"}},
		{"Which city is this?", []string{"get_weather", "searchFlights"}},
		{"Please use python", []string{"run"}},
		{"Get me the current list of a run", nil},
		{"", nil},
	}
	for _, tt := range tests {
		var got []string
		for _, is := range mentioned(tools, tt.text) {
			got = append(got, is.name)
		}
		if !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %v, want %v", tt.text, got, tt.want)
		}
	}
}
