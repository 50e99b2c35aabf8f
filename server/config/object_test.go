package config_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/server/config"
)

// withSet is a configuration whose parameters.set is the YAML.
func withSet(yaml string) []byte {
	return []byte("models:\n  - name: a\n    targets: [{provider: sandbox, parameters: {set: " + yaml + "}}]\n")
}

// The values are those of YAML 1.2.2, section 10.3.2 (core schema), and of JSON.
func TestParse_turns_free_values_into_JSON_as_they_stand(t *testing.T) {
	for yaml, want := range map[string]string{
		`{}`:                                    `{}`,
		`{z: 1, a: 2, m: 3}`:                    `{"z":1,"a":2,"m":3}`,
		`{a: 0.10, b: 1e3, c: -0}`:              `{"a":0.10,"b":1e3,"c":-0}`,
		`{a: +1, b: .5, c: -.5e1}`:              `{"a":1,"b":0.5,"c":-0.5e1}`,
		`{a: 1., b: -2.e3, c: 1_000}`:           `{"a":1,"b":-2e3,"c":1000}`,
		`{a: 0x1F, b: -0x1f, c: 0o17, d: 0b11}`: `{"a":31,"b":-31,"c":15,"d":3}`,
		`{a: 123456789012345678901234567890, b: 0.1234567890123456789}`:    `{"a":123456789012345678901234567890,"b":0.1234567890123456789}`,
		`{a: 18446744073709551615, b: -9223372036854775708}`:               `{"a":18446744073709551615,"b":-9223372036854775708}`,
		`{a: true, b: False, c: yes, d: on}`:                               `{"a":true,"b":false,"c":"yes","d":"on"}`,
		`{a: null, b: ~, c: , d: "null"}`:                                  `{"a":null,"b":null,"c":null,"d":"null"}`,
		`{a: "1", b: '0x1F', c: !!str 5, d: "true"}`:                       `{"a":"1","b":"0x1F","c":"5","d":"true"}`,
		`{a: "\"\\\n\t\x01\u00e9é<&>"}`:                                    `{"a":"\"\\\n\t\u0001éé<&>"}`,
		`{a: {y: [1, {x: [], w: {}}, null], b: [[2]]}}`:                    `{"a":{"y":[1,{"x":[],"w":{}},null],"b":[[2]]}}`,
		`{logit_bias: {50256: -100, "a.b": 1, "x y": 2, "": 3}}`:           `{"logit_bias":{"50256":-100,"a.b":1,"x y":2,"":3}}`,
		`{a: &v {b: 1}, c: *v, d: [*v, *v]}`:                               `{"a":{"b":1},"c":{"b":1},"d":[{"b":1},{"b":1}]}`,
		`{temperature: null, stop: [a, b], response_format: {type: text}}`: `{"temperature":null,"stop":["a","b"],"response_format":{"type":"text"}}`,
		`{"messages ": 1, Model: 2, streams: 3, "temperature": 0.7}`:       `{"messages ":1,"Model":2,"streams":3,"temperature":0.7}`,
	} {
		c, err := loader().Parse("c.yml", withSet(yaml))
		if err != nil {
			t.Errorf("%s: %v", yaml, err)
			continue
		}
		if got := c.Models[0].Targets[0].Parameters.Set; got != want || !json.Valid([]byte(got)) {
			t.Errorf("%s:\ngot  %s\nwant %s", yaml, got, want)
		}
	}
}

func TestParse_tells_an_empty_object_from_none(t *testing.T) {
	for yaml, want := range map[string]string{"{}": "{}", "": "", "null": ""} {
		c, err := loader().Parse("c.yml", withSet(yaml))
		if err != nil {
			t.Fatal(err)
		}
		if got := c.Models[0].Targets[0].Parameters; got.Set != want || got.Default != "" {
			t.Errorf("%q: got %+v", yaml, got)
		}
	}
}

func TestParse_bounds_free_values(t *testing.T) {
	nested := func(n int) string { return "{a: " + strings.Repeat("[", n) + strings.Repeat("]", n) + "}" }
	if _, err := loader().Parse("c.yml", withSet(nested(100))); err != nil {
		t.Errorf("100 levels: %v", err)
	}
	long := strings.Repeat("x", 1<<20)
	many := strings.Repeat(", *v", 20)
	for name, test := range map[string]struct{ yaml, want string }{
		"deep":         {nested(101), "nested deeper than 100 levels"},
		"endless":      {"{a: &v [*v]}", "nested deeper than 100 levels"},
		"exponential":  {"{a: &v [*v, *v]}", "nested deeper than 100 levels"},
		"large texts":  {"{a: [&v " + long + many + "]}", "free values of the file grow beyond 16 MiB"},
		"large keys":   {"{a: [&v {? " + long[:1000] + "\n : 1}" + strings.Repeat(", *v", 20_000) + "]}", "free values of the file grow beyond 16 MiB"},
		"many objects": {"{a: [&v {b: 1}" + strings.Repeat(", *v", 120_000) + "]}", "aliases of the file grow beyond"},
	} {
		_, err := loader().Parse("c.yml", withSet(test.yaml))
		if err == nil || strings.Count(err.Error(), test.want) == 0 || len(config.Problems(err)) > 1 {
			t.Errorf("%s: got %.300v", name, err)
		}
	}
}

func TestFail_points_at_a_free_value(t *testing.T) {
	c, err := loader().Parse("c.yml", withSet(`{a: {b: [1, {"c d": 2}]}, "e.f": 3}`))
	if err != nil {
		t.Fatal(err)
	}
	const set = "models[0].targets[0].parameters.set"
	for path, column := range map[string]int{
		set + ".a": 57, set + ".a.b": 61, set + ".a.b[1]": 65, set + `.a.b[1]["c d"]`: 73, set + `["e.f"]`: 86, set + ".a.unknown": 57,
	} {
		want := fmt.Sprintf("c.yml:3:%d: %s: no", column, path)
		if got := c.Fail(path, "no").Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}

func TestParse_warns_of_references_in_free_values(t *testing.T) {
	c, err := loader().Parse("c.yml", withSet(`{user: "${env:HOME}", x: "${y}"}`))
	if err != nil {
		t.Fatal(err)
	}
	if len(c.Warnings) != 1 || !strings.HasPrefix(c.Warnings[0].String(), "c.yml:3:60: models[0].targets[0].parameters.set.user: ") {
		t.Errorf("got %v", c.Warnings)
	}
}
