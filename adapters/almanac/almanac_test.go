package almanac

import (
	"net/url"
	"strings"
	"testing"
	"time"
)

func TestEmbedded_states_what_can_be_true(t *testing.T) {
	a := Embedded()
	if len(a.entries) < 200 {
		t.Errorf("only %d models", len(a.entries))
	}
	for _, m := range a.Models() {
		wrong := func(format string, args ...any) {
			t.Helper()
			t.Errorf(m.Kind+" "+m.ID+": "+format, args...)
		}
		if day, err := time.Parse(time.DateOnly, m.AsOf); err != nil || day.Year() < 2024 {
			wrong("as_of %q", m.AsOf)
		}
		if page, err := url.Parse(m.Source); err != nil || page.Scheme != "https" || page.Host == "" {
			wrong("the source %q is no page", m.Source)
		}
		if m.ContextWindow != 0 && (m.ContextWindow < 512 || m.ContextWindow > 10_000_000 || m.MaxOutputTokens > m.ContextWindow) {
			wrong("window %d, answers of up to %d", m.ContextWindow, m.MaxOutputTokens)
		}
		if m.Can == 0 {
			wrong("it can do nothing")
		}
		makesVectors := m.Can&Embeddings != 0
		if makesVectors != (m.EmbeddingDimensions > 0) || makesVectors && m.Can&(Tools|Streaming) != 0 {
			wrong("%d dimensions of what can %s", m.EmbeddingDimensions, m.Can)
		}
		if p := m.Price; p != nil {
			if p.CachedInput != nil && *p.CachedInput > p.Input {
				wrong("the cache costs more than none")
			}
			if p.CacheWrite != nil && (*p.CacheWrite < p.Input || *p.CacheWrite > 2*p.Input) {
				wrong("writing to the cache costs %v, the prompt %v", *p.CacheWrite, p.Input)
			}
			if p.Input > 200 || p.Output > 1000 || makesVectors != (p.Output == 0 && p.Input > 0) && m.Can&(Moderation|Streaming) == 0 {
				wrong("it costs %+v", *p)
			}
		}
	}
}

func TestEmbedded_says_of_each_price_where_it_is_from(t *testing.T) {
	for _, e := range Embedded().entries {
		if e.facts.source == nil || e.facts.asOf == nil {
			t.Errorf("%s has no source, or no day", e.name)
		}
		for kind, p := range e.at {
			if p.facts.price != nil && (p.facts.source == nil || p.facts.asOf == nil || *p.facts.source == "models.yaml") {
				t.Errorf("%s at %s has a price of its own without a source of its own", e.name, kind)
			}
		}
	}
}

// The prices and limits are those that the providers' pages had on the day that the entry
// says, the forms of ids those of their documents.
func TestLookup_knows_models_under_all_of_their_ids(t *testing.T) {
	for _, test := range []struct {
		kind, id, name string
		window         int64
		input          float64 // -1: not known
	}{
		{"openai", "gpt-4o-mini", "gpt-4o-mini", 128000, .15},
		{"openai", "gpt-4o-mini-2024-07-18", "gpt-4o-mini", 128000, .15},
		{"openai", "ft:gpt-4o-mini:acme::AbCd", "gpt-4o-mini", 128000, -1},
		{"openai", "ft:gpt-4o-mini-2024-07-18:acme:tone:AbCd", "gpt-4o-mini", 128000, -1},
		{"openai", "gpt-4o-2024-08-06", "gpt-4o", 128000, 2.5},
		{"openai", "gpt-4o-2024-05-13", "gpt-4o-2024-05-13", 128000, 5},
		{"openai", "gpt-4.1-2025-04-14", "gpt-4.1", 1047576, 2},
		{"openai", "gpt-4-0613", "gpt-4", 8192, 30},
		{"openai", "gpt-4-1106-preview", "gpt-4-turbo-preview", 128000, 10},
		{"openai", "gpt-4-turbo-2024-04-09", "gpt-4-turbo", 128000, 10},
		{"openai", "gpt-3.5-turbo-0125", "gpt-3.5-turbo", 16385, .5},
		{"openai", "gpt-5.6", "gpt-5.6-sol", 1050000, 5},
		{"openai", "gpt-5-chat-latest", "gpt-5-chat", 128000, 1.25},
		{"azure", "gpt-35-turbo", "gpt-3.5-turbo", 16385, .5},
		{"anthropic", "claude-sonnet-4-5-20250929", "claude-sonnet-4-5", 1000000, 3},
		{"anthropic", "claude-3-5-sonnet-latest", "claude-3-5-sonnet", 200000, 3},
		{"anthropic", "claude-opus-4-20250514", "claude-opus-4", 200000, 15},
		{"anthropic", "claude-opus-4-1-20250805", "claude-opus-4-1", 200000, 15},
		{"vertex", "claude-sonnet-4-5@20250929", "claude-sonnet-4-5", 1000000, 3},
		{"vertex", "claude-3-5-sonnet-v2@20241022", "claude-3-5-sonnet", 200000, 3},
		{"vertex", "publishers/google/models/gemini-2.5-pro", "gemini-2.5-pro", 1048576, 1.25},
		{"vertex", "projects/p/locations/us-central1/publishers/google/models/gemini-2.5-flash-001", "gemini-2.5-flash", 1048576, .3},
		{"gemini", "models/gemini-2.5-flash", "gemini-2.5-flash", 1048576, .3},
		{"gemini", "gemini-2.5-flash-001", "gemini-2.5-flash", 1048576, .3},
		{"gemini", "gemini-2.5-flash-preview-05-20", "gemini-2.5-flash", 1048576, .3},
		{"gemini", "gemini-2.5-flash-preview-09-2025", "gemini-2.5-flash", 1048576, .3},
		{"gemini", "gemini-embedding-001", "gemini-embedding-001", 2048, .15},
		{"bedrock", "anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", 1000000, 3},
		{"bedrock", "us.anthropic.claude-sonnet-4-5-20250929-v1:0", "claude-sonnet-4-5", 1000000, 3},
		{"bedrock", "global.anthropic.claude-opus-4-6-v1", "claude-opus-4-6", 1000000, 5},
		{"bedrock", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0", "claude-haiku-4-5", 200000, 1},
		{"bedrock", "arn:aws:bedrock:us-east-1::foundation-model/amazon.nova-lite-v1:0", "nova-lite", 300000, .06},
		{"bedrock", "apac.amazon.nova-pro-v1:0", "nova-pro", 300000, .8},
		{"bedrock", "amazon.titan-embed-text-v2:0", "titan-embed-text-v2", 8192, .02},
		{"bedrock", "amazon.titan-embed-text-v1", "titan-embed-text-v1", 8192, .1},
		{"bedrock", "mistral.mixtral-8x7b-instruct-v0:1", "mixtral-8x7b", 32768, .45},
		{"bedrock", "meta.llama3-3-70b-instruct-v1:0", "llama-3.3-70b", 131072, .72},
		{"bedrock", "openai.gpt-oss-120b-1:0", "gpt-oss-120b", 131072, .15},
		{"mistral", "mistral-large-2411", "mistral-large-2", 131072, 2},
		{"mistral", "codestral-latest", "codestral-2508", 256000, .3},
		{"xai", "grok-4-0709", "grok-4", 256000, 3},
		{"xai", "grok-4-latest", "grok-4", 256000, 3},
		{"groq", "llama-3.3-70b-versatile", "llama-3.3-70b", 131072, .59},
		{"fireworks", "accounts/fireworks/models/llama-v3p3-70b-instruct", "llama-3.3-70b", 131072, .9},
		{"openrouter", "anthropic/claude-sonnet-4.5", "claude-sonnet-4-5", 1000000, 3},
		{"openrouter", "deepseek/deepseek-r1:free", "deepseek-r1", 163840, -1},
		{"openrouter", "openai/gpt-4o-mini", "gpt-4o-mini", 128000, .15},
	} {
		m := Embedded().Lookup(test.kind, test.id)
		if m == nil {
			t.Errorf("%s %s is not known", test.kind, test.id)
			continue
		}
		input := -1.0
		if m.Price != nil {
			input = m.Price.Input
		}
		if m.Name != test.name || m.ContextWindow != test.window || input != test.input {
			t.Errorf("%s %s: got %s with %d tokens at %v", test.kind, test.id, m.Name, m.ContextWindow, input)
		}
	}
}

func TestLookup_takes_no_model_for_another(t *testing.T) {
	for _, test := range [][2]string{
		{"openai", ""},
		{"openai", "gpt-4o-mega"},
		{"openai", "gpt-4-1106-vision-preview"},
		{"openai", "gpt-4-64k"},
		{"openai", "gpt-9"},
		{"openai", "ft:"},
		{"openai", "ft::::"},
		{"openai", ":0"},
		{"openai", "-latest"},
		{"openai", "us.gpt-4o"},
		{"openai", "claude-sonnet-4-5"},
		{"openai", "models/"},
		{"nobody", "gpt-4o"},
		{"", ""},
		{"anthropic", "claude-opus-4-10"},
		{"anthropic", "claude-opus-4-99991399"},
		{"anthropic", "claude-sonnet-4-5@20250929"},
		{"gemini", "gemini-2.5-flash-preview-tts"},
		{"gemini", "gemini-2.5-flash-native-audio-preview-09-2025"},
		{"gemini", "text-embedding-006"},
		{"mistral", "mistral-large-2703"},
		{"bedrock", "arn:aws:bedrock:us-east-1:123456789012:application-inference-profile/a1b2c3"},
		{"bedrock", "arn:"},
		{"bedrock", "xx.anthropic.claude-sonnet-4-5"},
		{"ollama", "llama3.1:8b"},
	} {
		if m := Embedded().Lookup(test[0], test[1]); m != nil {
			t.Errorf("%s %q: got %s", test[0], test[1], m.Name)
		}
	}
	if m := (*Almanac)(nil).Lookup("openai", "gpt-4o"); m != nil {
		t.Errorf("a nil almanac knows %v", m)
	}
}

func TestLookup_allocates_nothing(t *testing.T) {
	a := Embedded()
	ids := [][2]string{
		{"openai", "gpt-4o"},
		{"openai", "ft:gpt-4o-mini-2024-07-18:acme:tone:AbCd"},
		{"bedrock", "arn:aws:bedrock:eu-west-1:123456789012:inference-profile/eu.anthropic.claude-haiku-4-5-20251001-v1:0"},
		{"vertex", "projects/p/locations/l/publishers/google/models/nothing-of-the-sort-preview-05-20"},
	}
	if n := testing.AllocsPerRun(100, func() {
		for _, id := range ids {
			a.Lookup(id[0], id[1])
		}
	}); n != 0 {
		t.Errorf("%v allocations", n)
	}
}

func BenchmarkLookup(b *testing.B) {
	for name, id := range map[string]string{"exact": "gpt-4o", "snapshot": "gpt-4o-2024-08-06", "unknown": "my-own-model-2024-08-06"} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				Embedded().Lookup("openai", id)
			}
		})
	}
}

func FuzzLookup(f *testing.F) {
	for _, m := range Embedded().Models() {
		f.Add(m.Kind, m.ID)
	}
	f.Add("bedrock", "arn:aws:bedrock:::x/us.anthropic.claude-opus-4-6-v1:0:200k")
	f.Add("openai", "ft:models/-:@-01-01-2024:")
	f.Fuzz(func(t *testing.T, kind, id string) {
		m := Embedded().Lookup(kind, id)
		if m == nil {
			return
		}
		if m.Kind != kind || !strings.Contains(id, m.ID) {
			t.Errorf("%s %q: got %s %q", kind, id, m.Kind, m.ID)
		}
	})
}
