package route

import (
	"errors"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

func table(t *testing.T, defaultProvider string) *Table {
	t.Helper()
	table, err := New([]Model{
		{Name: "fast", Targets: []Target{{Provider: "openai", Model: "gpt-4o-mini", Weight: 1}}},
		{Name: "through", Targets: []Target{{Provider: "openai", Weight: 1}}},
		{Name: "ordered", Targets: []Target{
			{Provider: "azure", Model: "backup", Weight: 1, Priority: 1},
			{Provider: "openai", Model: "first", Weight: 1},
		}},
		{Name: "gpt-*", Targets: []Target{{Provider: "openai", Weight: 1}}},
		{Name: "gpt-4*-mini", Targets: []Target{{Provider: "azure", Weight: 1}}},
		{Name: "openai/exact", Targets: []Target{{Provider: "azure", Model: "exact", Weight: 1}}},
	}, []string{"openai", "azure"}, defaultProvider)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestTable_resolves_names_in_its_documented_order(t *testing.T) {
	tests := []struct {
		model, defaultProvider string
		route, targets         string
		reason                 sluicev1.ErrorReason
	}{
		{model: "fast", route: "fast", targets: "openai=gpt-4o-mini"},
		{model: "through", route: "through", targets: "openai=through"},
		{model: "ordered", route: "ordered", targets: "openai=first azure=backup"},
		{model: "openai/gpt-4o", targets: "openai=gpt-4o"},
		{model: "openai:gpt-4o", targets: "openai=gpt-4o"},
		{model: "openai/ft:gpt-4o:org/x", targets: "openai=ft:gpt-4o:org/x"},
		{model: "openai/exact", route: "openai/exact", targets: "azure=exact"},
		{model: "gpt-5", route: "gpt-*", targets: "openai=gpt-5"},
		{model: "gpt-4o-mini", route: "gpt-4*-mini", targets: "azure=gpt-4o-mini"},
		{model: "gpt-", route: "gpt-*", targets: "openai=gpt-"},
		{model: "meta-llama/Llama-4", defaultProvider: "azure", targets: "azure=meta-llama/Llama-4"},
		{model: "openai/", defaultProvider: "azure", targets: "azure=openai/"},
		{model: "meta-llama/Llama-4", reason: sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		{model: "openai/", reason: sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		{model: "", defaultProvider: "openai", reason: sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
	}
	for _, test := range tests {
		t.Run(test.model+"|"+test.defaultProvider, func(t *testing.T) {
			got, err := table(t, test.defaultProvider).Resolve(&Query{Model: test.model}, nil, rand.Float64)
			if f, ok := errors.AsType[*fault.Error](err); ok {
				if f.Reason != test.reason || f.Envelope.GetError().GetParam() != "model" {
					t.Fatalf("got %v about %q, want %v about model", f.Reason, f.Envelope.GetError().GetParam(), test.reason)
				}
				return
			}
			var targets []string
			for _, target := range got.Targets {
				targets = append(targets, target.Provider+"="+target.Model)
			}
			if test.reason != 0 || got.Route != test.route || strings.Join(targets, " ") != test.targets {
				t.Errorf("got %q %v, want %q %q (reason %v)", got.Route, targets, test.route, test.targets, test.reason)
			}
		})
	}
}

func TestTable_refuses_what_cannot_be_routed(t *testing.T) {
	good := []Target{{Provider: "p"}}
	for name, models := range map[string][]Model{
		"twice":            {{Name: "a", Targets: good}, {Name: "a", Targets: good}},
		"no targets":       {{Name: "a"}},
		"no name":          {{Targets: good}},
		"unknown provider": {{Name: "a", Targets: []Target{{Provider: "q"}}}},
		"two stars":        {{Name: "*a*", Targets: good}},
	} {
		if _, err := New(models, []string{"p"}, ""); err == nil {
			t.Errorf("%s: no error", name)
		}
	}
	if _, err := New(nil, []string{"p"}, "q"); err == nil {
		t.Error("unknown default provider: no error")
	}
}

func TestTable_spreads_calls_by_weight_within_a_priority(t *testing.T) {
	weights := map[string]int{"a": 1, "b": 3, "c": 0, "d": 6}
	var targets []Target
	for _, name := range []string{"a", "b", "c", "d"} {
		targets = append(targets, Target{Provider: name, Weight: weights[name]})
	}
	targets = append(targets, Target{Provider: "late", Weight: 100, Priority: 1})
	table, err := New([]Model{{Name: "m", Targets: targets}}, []string{"a", "b", "c", "d", "late"}, "")
	if err != nil {
		t.Fatal(err)
	}
	const draws = 20_000
	source := rand.New(rand.NewPCG(1, 2))
	first := map[string]int{}
	for range draws {
		d, err := table.Resolve(&Query{Model: "m"}, nil, source.Float64)
		if err != nil {
			t.Fatal(err)
		}
		if len(d.Targets) != 5 || d.Targets[3].Provider != "c" || d.Targets[4].Provider != "late" {
			t.Fatalf("order %v: weight 0 must come last of its priority, priority 1 after it", d.Targets)
		}
		seen := map[string]bool{}
		for _, target := range d.Targets {
			seen[target.Provider] = true
		}
		if len(seen) != 5 {
			t.Fatalf("a target stands twice: %v", d.Targets)
		}
		first[d.Targets[0].Provider]++
	}
	for name, weight := range weights {
		p := float64(weight) / 10
		// Five standard deviations of a binomial draw.
		if got, bound := float64(first[name]), 5*math.Sqrt(draws*p*(1-p)); math.Abs(got-draws*p) > bound {
			t.Errorf("%s came first %v times of %d, want %v +- %v", name, got, draws, draws*p, bound)
		}
	}
}
