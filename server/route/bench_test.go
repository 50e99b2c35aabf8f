package route

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

func benchmarkTable(t testing.TB) *Table {
	three := func(s Strategy) []Target {
		targets := []Target{
			{Provider: "a", Model: "x", Weight: 2, Price: &Price{1, 4}},
			{Provider: "b", Model: "x", Weight: 1, Price: &Price{2, 3}},
			{Provider: "c", Weight: 1, Priority: 1},
			{Provider: "d", Weight: 1, Priority: 1, ContextWindow: 128_000},
		}
		if s == "canary" {
			targets[3].Canary = new(5.0)
		}
		return targets
	}
	models := []Model{{Name: "one", Targets: three("")[:1]}, {Name: "canary", Targets: three("canary")}}
	for _, s := range strategies {
		models = append(models, Model{Name: string(s), Strategy: s, Sticky: Sticky{By: []StickyBy{StickyUser, StickyPrompt}, PromptBytes: 4096}, Targets: three(s)})
	}
	for i := range 1000 {
		models = append(models, Model{Name: fmt.Sprintf("model-%d", i), Targets: three("")})
	}
	return build(t, models, "f", Path{Prefix: "/openai", Provider: "openai"})
}

func benchmarkQueries() map[string]*Query {
	prompt := make([]byte, 4096)
	queries := map[string]*Query{
		"one":           {Model: "one"},
		"explicit":      {Model: "openai/gpt-4o"},
		"default":       {Model: "gpt-4o"},
		"path":          {Path: "/openai", Model: "gpt-4o"},
		"canary":        {Model: "canary"},
		"choices":       {Choices: []string{"one", "openai/gpt-4o"}},
		"sticky prompt": {Model: "sticky", Prompt: func(int) []byte { return prompt }},
	}
	for _, s := range strategies {
		queries[string(s)] = &Query{Model: string(s), User: "user-4711-of-a-tenant-with-a-long-name", PromptTokens: 1000}
	}
	return queries
}

func busy(t *Target) Health {
	return Health{Busy: t.ID & 3, Latency: float64(t.ID&7) / 1000}
}

func BenchmarkResolve(b *testing.B) {
	table := benchmarkTable(b)
	for name, q := range benchmarkQueries() {
		b.Run(name, func(b *testing.B) {
			random := rand.New(rand.NewPCG(1, 2)).Float64
			b.ReportAllocs()
			for b.Loop() {
				if _, err := table.Resolve(q, busy, random); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

func TestResolve_allocates_little_beside_its_answer(t *testing.T) {
	table := benchmarkTable(t)
	random := rand.New(rand.NewPCG(1, 2)).Float64
	for name, q := range benchmarkQueries() {
		want := 1.0 // the list of targets
		if name == "choices" {
			want = 3 // it grows with the second name, which is looked at
		}
		got := testing.AllocsPerRun(100, func() {
			if _, err := table.Resolve(q, busy, random); err != nil {
				t.Fatal(err)
			}
		})
		if got > want {
			t.Errorf("%s: %v allocations, at most %v are allowed", name, got, want)
		}
	}
}
