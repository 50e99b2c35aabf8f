package almanac

import (
	"slices"
	"strings"
	"testing"
)

const small = `
models:
  - name: large
    at: {openai: large, groq: {id: [acme/large, acme/large-fp8], price: {input: 1, output: 2}, source: "https://groq.example/", as_of: 2026-01-02}}
    context_window: 128_000
    max_output_tokens: 4096
    can: [tools, streaming]
    lacks: [vision, audio]
    price: {input: 10, cached_input: 1, cache_write: 12.5, output: 50}
    source: https://large.example/
    as_of: 2026-02-03
  - name: vectors
    at: [openai, azure]
    embedding_dimensions: 256
    can: [embeddings]
`

func with(t *testing.T, files ...string) *Almanac {
	t.Helper()
	a := new(Almanac)
	for i, text := range files {
		name := []string{"base.yaml", "folder/mine.yaml"}[i]
		next, err := a.With(name, []byte(text), nil)
		if err != nil {
			t.Fatal(err)
		}
		a = next
	}
	return a
}

func TestWith_reads_a_file(t *testing.T) {
	a := with(t, small)
	m := a.Lookup("openai", "large")
	if m.ContextWindow != 128000 || m.MaxOutputTokens != 4096 || m.Can != Tools|Streaming || m.Lacks != Vision|Audio || m.Source != "https://large.example/" || m.AsOf != "2026-02-03" {
		t.Errorf("got %+v", m)
	}
	if p := m.Price; p.Input != 10 || p.Output != 50 || *p.CachedInput != 1 || *p.CacheWrite != 12.5 {
		t.Errorf("got %+v", p)
	}
	elsewhere := a.Lookup("groq", "acme/large-fp8")
	if elsewhere.Price.Input != 1 || elsewhere.Price.CachedInput != nil || elsewhere.ContextWindow != 128000 || elsewhere.Source != "https://groq.example/" || elsewhere.Lacks != Vision|Audio {
		t.Errorf("got %+v", elsewhere)
	}
	if v := a.Lookup("azure", "vectors"); v.EmbeddingDimensions != 256 || v.Price != nil || v.Source != "base.yaml" {
		t.Errorf("got %+v", v)
	}
	if kinds := a.Kinds(); !slices.Equal(kinds, []string{"azure", "groq", "openai"}) {
		t.Errorf("got %q", kinds)
	}
}

func TestWith_puts_a_file_over_what_is_known(t *testing.T) {
	base := with(t, small)
	for name, test := range map[string]struct {
		file string
		same func(*Almanac) bool
	}{
		"nothing": {"", func(a *Almanac) bool { return len(a.Models()) == len(base.Models()) }},
		"no model": {"models: []\n", func(a *Almanac) bool {
			return a.Lookup("openai", "large").Source == "https://large.example/"
		}},
		"a price, everywhere": {"models: [{name: large, price: {input: 3, output: 4}}]", func(a *Almanac) bool {
			here, there := a.Lookup("openai", "large"), a.Lookup("groq", "acme/large")
			return here.Price.Input == 3 && here.Price.CachedInput == nil && there.Price.Output == 4 &&
				here.ContextWindow == 128000 && here.Source == "mine.yaml" && here.AsOf == "" && there.Source == "mine.yaml"
		}},
		"a price, at one": {"models: [{name: large, at: {groq: {price: {input: 3, output: 4}}}}]", func(a *Almanac) bool {
			here, there := a.Lookup("openai", "large"), a.Lookup("groq", "acme/large-fp8")
			return here.Price.Input == 10 && here.Source == "https://large.example/" && there.Price.Input == 3 && there.Source == "mine.yaml"
		}},
		"its own source": {"models: [{name: large, context_window: 5, source: the contract, as_of: 2026-05-06}]", func(a *Almanac) bool {
			m := a.Lookup("openai", "large")
			return m.Source == "the contract" && m.AsOf == "2026-05-06" && m.ContextWindow == 5 && m.Price.Input == 10
		}},
		"it lacks nothing": {"models: [{name: large, lacks: []}]", func(a *Almanac) bool {
			return a.Lookup("openai", "large").Lacks == 0 && a.Lookup("groq", "acme/large").Lacks == 0
		}},
		"it can after all": {"models: [{name: large, can: [tools, vision]}]", func(a *Almanac) bool {
			m := a.Lookup("openai", "large")
			return m.Can == Tools|Vision && m.Lacks == Audio
		}},
		"it cannot": {"models: [{name: large, lacks: [tools]}]", func(a *Almanac) bool {
			m := a.Lookup("openai", "large")
			return m.Can == Streaming && m.Lacks == Tools
		}},
		"another place": {"models: [{name: large, at: {custom: my-large}}]", func(a *Almanac) bool {
			return a.Lookup("custom", "my-large").ContextWindow == 128000 && a.Lookup("openai", "large").ContextWindow == 128000
		}},
		"another id": {"models: [{name: large, at: {openai: larger}}]", func(a *Almanac) bool {
			return a.Lookup("openai", "larger") != nil && a.Lookup("openai", "large") == nil
		}},
		"another model": {"models: [{name: own, at: [custom], context_window: 7}]", func(a *Almanac) bool {
			return a.Lookup("custom", "own").ContextWindow == 7 && a.Lookup("openai", "large") != nil
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if a := with(t, small, test.file); !test.same(a) {
				for _, m := range a.Models() {
					t.Errorf("%+v", *m)
				}
			}
			if m := base.Lookup("openai", "large"); m == nil || m.Price.Input != 10 || m.Lacks != Vision|Audio {
				t.Errorf("the base changed: %+v", m)
			}
		})
	}
}

func TestWith_says_everything_that_is_wrong_with_a_file(t *testing.T) {
	base := with(t, small)
	for text, want := range map[string]string{
		"models: {}":                            "1:9: models: expected a list of models",
		"- a":                                   "1:1: expected members with values",
		"model: []":                             "1:1: model: unknown member; known here are models",
		"models: [}":                            "1:1: this is no YAML",
		"models: []\n---\nmodels: []":           "a second document begins here",
		"models:\n  - at: [openai]":             "2:5: name is missing",
		"models:\n  - name: ''":                 "2:11: name: expected an id",
		"models:\n  - x":                        "2:5: expected members with values",
		"models:\n  - name: new":                "2:5: new: no model of this name is known",
		"models:\n  - &a {name: large}\n  - *a": "3:5: expected members with values",
		"models:\n  - {name: large, price: {input: 1, input: 2, output: 3}}": "2:37: large.price.input: the member stands here for the second time, first on line 2",
		"models:\n  - {name: large}\n  - {name: large}":                      "3:5: large: the model stands here for the second time, first on line 2",
		"models: [{name: large, context_window: 0}]":                         "large.context_window: expected a whole number from 1 to 1000000000",
		"models: [{name: large, context_window: 1.5}]":                       "large.context_window: expected a whole number",
		"models: [{name: large, context_window: '5'}]":                       "large.context_window: expected a whole number",
		"models: [{name: large, context_window: 99999999999999999999}]":      "large.context_window: expected a whole number",
		"models: [{name: large, price: 5}]":                                  "large.price: expected members with values",
		"models: [{name: large, price: {input: 1}}]":                         "large.price: input and output are needed",
		"models: [{name: large, price: {input: -1, output: 1}}]":             "large.price.input: expected US dollars",
		"models: [{name: large, price: {input: .nan, output: 1}}]":           "large.price.input: expected US dollars",
		"models: [{name: large, price: {input: free, output: 1}}]":           "large.price.input: expected US dollars",
		"models: [{name: large, can: tools}]":                                "large.can: expected a list",
		"models: [{name: large, can: [tool]}]":                               `large.can: unknown capability "tool"; known are tools, `,
		"models: [{name: large, can: [audio], lacks: [audio]}]":              "large: it cannot both have and lack audio",
		"models: [{name: large, as_of: yesterday}]":                          "large.as_of: expected a day, as 2026-10-23",
		"models: [{name: large, at: openai}]":                                "large.at: expected kinds of providers",
		"models: [{name: large, at: [openai, openai]}]":                      "large.at.openai: the kind stands here for the second time",
		"models: [{name: large, at: [Open AI]}]":                             "large.at.Open AI: a kind of provider is written as",
		"models: [{name: large, at: {openai: {id: []}}}]":                    "",
		"models: [{name: own, at: {openai: large}}]":                         "own.at.openai: the id large is that of the model large already",
		"models: [{name: own, at: {openai: [x, x]}}]":                        "own.at.openai: the id x is that of the model own already",
		"models: [{name: own, at: [nobody]}]":                                `own.at.nobody: there is no kind of provider "nobody"; known are azure, groq, openai`,
	} {
		_, err := base.With("f.yaml", []byte(text), []string{"azure", "groq", "openai"})
		if want == "" {
			if err != nil {
				t.Errorf("%s: %v", text, err)
			}
			continue
		}
		if err == nil || !strings.Contains(err.Error(), want) || !strings.HasPrefix(err.Error(), "f.yaml:") {
			t.Errorf("%s: got %v, want %q", text, err, want)
		}
	}
	_, err := base.With("f.yaml", []byte("models:\n  - {name: large, can: [x]}\n  - {name: vectors, lacks: [y], as_of: z}\n"), nil)
	if err == nil || strings.Count(err.Error(), "\n") != 2 {
		t.Errorf("not everything was said: %v", err)
	}
}

func FuzzWith(f *testing.F) {
	f.Add([]byte(small))
	f.Add([]byte("models: [{name: a, at: {b: {id: [c, d], price: {input: 1, output: 2}}}}]"))
	f.Add([]byte("models:\n- <<: *a\n  ? [x]\n  : y\n"))
	f.Fuzz(func(t *testing.T, data []byte) {
		a, err := Embedded().With("f", data, nil)
		if (a == nil) == (err == nil) {
			t.Fatalf("got %v, %v", a, err)
		}
		if err == nil && a.Lookup("openai", "gpt-4o") == nil && !strings.Contains(string(data), "gpt-4o") {
			t.Error("what was known is gone")
		}
	})
}
