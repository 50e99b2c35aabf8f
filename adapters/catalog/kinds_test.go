package catalog

import (
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

func entries(t *testing.T) []entry {
	t.Helper()
	list, err := readEntries(kindsFile)
	if err != nil {
		t.Fatal(err)
	}
	return list
}

// said lists the keys of a struct of kinds.yaml that an entry sets.
func said(prefix string, v reflect.Value) (keys []string) {
	for i := range v.NumField() {
		if key := prefix + v.Type().Field(i).Tag.Get("yaml"); !v.Field(i).IsZero() {
			keys = append(keys, key)
		}
	}
	return keys
}

func TestEntries_have_a_source_for_every_fact(t *testing.T) {
	for _, e := range entries(t) {
		t.Run(e.Name, func(t *testing.T) {
			var sourced []string
			for _, s := range e.Sources {
				sourced = append(sourced, s.Of...)
				if !strings.Contains(s.At, " ") && !strings.HasPrefix(s.At, "https://") || s.At == "" {
					t.Errorf("the source %q is no page and says no words", s.At)
				}
				if day, err := time.Parse(time.DateOnly, s.On); s.On != "recalled" && (err != nil || day.Year() < 2026) {
					t.Errorf("%s was read on %q, want a day or recalled", s.At, s.On)
				}
			}
			if len(slices.Compact(slices.Sorted(slices.Values(sourced)))) != len(sourced) {
				t.Errorf("a fact has two sources: %q", sourced)
			}
			facts := said("dialect.", reflect.ValueOf(e.Dialect))
			for _, key := range said("", reflect.ValueOf(e)) {
				if !slices.Contains([]string{"name", "description", "api", "dialect", "sources"}, key) {
					facts = append(facts, key)
				}
			}
			// These are ours to decide.
			ours := []string{"explicit", "at_home"}
			if e.Name == "custom" {
				ours = append(ours, "base_url_example")
			}
			for _, fact := range facts {
				if !slices.Contains(sourced, fact) && !slices.Contains(ours, fact) {
					t.Errorf("%s has no source", fact)
				}
			}
			for _, fact := range sourced {
				if !slices.Contains(facts, fact) {
					t.Errorf("there is a source of %s, which the entry does not say", fact)
				}
			}
		})
	}
}

func TestEntries_are_well_formed(t *testing.T) {
	name, variable := regexp.MustCompile(`^[a-z0-9]+$`), regexp.MustCompile(`^[A-Z0-9_]+$`)
	for _, e := range entries(t) {
		if !name.MatchString(e.Name) {
			t.Errorf("%q is no name of a kind", e.Name)
		}
		if e.API == "" {
			t.Errorf("%s: refusals have no name for its API", e.Name)
		}
		if e.KeyEnv != "" && !variable.MatchString(e.KeyEnv) {
			t.Errorf("%s: %q is no variable", e.Name, e.KeyEnv)
		}
		if (e.BaseURL == "") == (e.BaseURLExample == "") {
			t.Errorf("%s: want either a base URL or an example of one", e.Name)
		}
		for _, text := range []string{e.BaseURL, e.BaseURLExample} {
			u, err := url.Parse(text)
			local := err == nil && u.Hostname() == "localhost"
			if text != "" && (err != nil || u.Host == "" || strings.HasSuffix(text, "/") || u.Scheme != "https" && !local) {
				t.Errorf("%s: %q is no base URL", e.Name, text)
			}
		}
		if _, err := time.Parse(time.DateOnly, e.Retired); e.Retired != "" && err != nil {
			t.Errorf("%s: retired: %v", e.Name, err)
		}
		for from, to := range e.Dialect.FinishReasons {
			if !slices.Contains([]string{"stop", "length", "tool_calls", "content_filter"}, to) || from == to {
				t.Errorf("%s: finish reason %s is said to be %s", e.Name, from, to)
			}
		}
	}
}

// The list is the issue's.
func TestEntries_are_all_there(t *testing.T) {
	var names []string
	for _, e := range entries(t) {
		names = append(names, e.Name)
	}
	for name := range strings.FieldsSeq(`openai custom ollama vllm llamacpp lmstudio sglang groq mistral deepseek xai together fireworks openrouter
		perplexity cerebras cohere nvidia huggingface moonshot zai qwen sambanova nebius databricks github cloudflare`) {
		if !slices.Contains(names, name) {
			t.Errorf("%s is missing", name)
		}
	}
}

func TestReadEntries_is_strict(t *testing.T) {
	for name, file := range map[string]string{
		"an unknown key":   "- {name: a, base: b}",
		"an unknown quirk": "- {name: a, dialect: {max_token: max_tokens}}",
		"another type":     "- {name: a, dialect: {max_choices: one}}",
		"nothing":          "[]",
	} {
		if _, err := readEntries([]byte(file)); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
}

func TestEntries_know_where_their_dialect_is_at_home(t *testing.T) {
	e := entry{BaseURL: "https://api.openai.com/v1"}
	for base, want := range map[string]bool{
		"": true, "https://api.openai.com/v1": true, "https://eu.api.openai.com/v1": true,
		"http://localhost:8000/v1": false, "https://notapi.openai.com": false, "https://api.openai.com.example.org/v1": false, "::": false,
	} {
		if e.isHome(base) != want {
			t.Errorf("%q: %t", base, !want)
		}
	}
}

func TestNew_lets_the_configuration_speak_of_the_dialect(t *testing.T) {
	_, err := New("groq", adapters.Settings{Name: "ours", Dialect: adapters.OpenAIDialect{Unsupported: []string{"messages[].mood"}}})
	if err == nil || !strings.Contains(err.Error(), "messages[].mood") || !strings.Contains(err.Error(), "messages[].name") {
		t.Errorf("%v, want an error that says which can be taken out", err)
	}
	p, err := New("cohere", adapters.Settings{Name: "ours", Dialect: adapters.OpenAIDialect{ModelsPath: "/list"}})
	if err != nil || p.Models == nil {
		t.Errorf("models are not offered with a path for them (%v)", err)
	}
}
