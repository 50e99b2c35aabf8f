package route

import (
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// informed is a table for which it is known that "small" has a window of 1000 tokens,
// "blind" lacks vision, and what "dear" and "cheap" cost.
func informed(t *testing.T, models []Model, defaultProvider string) *Table {
	t.Helper()
	table, err := New(models, []string{"a", "b"}, defaultProvider, Path{Prefix: "/a", Provider: "a"})
	if err != nil {
		t.Fatal(err)
	}
	table.Inform(func(_, model string) Facts {
		switch model {
		case "small":
			return Facts{ContextWindow: 1000}
		case "blind":
			return Facts{Lacks: FeatureVision}
		case "dear":
			return Facts{Price: Price{10, 50}, Priced: true}
		case "cheap":
			return Facts{Price: Price{0.1, 0.5}, Priced: true}
		}
		return Facts{}
	})
	return table
}

func TestInform_stands_in_for_what_the_operator_does_not_say(t *testing.T) {
	large := Target{Provider: "b", Model: "large", Priority: 1}
	for name, test := range map[string]struct {
		targets []Target
		q       Query
		want    string
	}{
		"lacks":                           {[]Target{{Provider: "a", Model: "blind"}, large}, Query{Features: FeatureVision}, "large"},
		"lacks something else":            {[]Target{{Provider: "a", Model: "blind"}, large}, Query{Features: FeatureTools}, "blind large"},
		"the operator says what it lacks": {[]Target{{Provider: "a", Model: "blind", Lacks: FeatureTools}, large}, Query{Features: FeatureVision}, "blind large"},
		"the caller wants to try":         {[]Target{{Provider: "a", Model: "blind"}, large}, Query{Features: FeatureVision, Unverified: true}, "blind large"},
		"the operator's word holds then":  {[]Target{{Provider: "a", Model: "x", Lacks: FeatureVision}, large}, Query{Features: FeatureVision, Unverified: true}, "large"},
		"far too long":                    {[]Target{{Provider: "a", Model: "small"}, large}, Query{PromptTokens: 2002}, "large"},
		"perhaps too long":                {[]Target{{Provider: "a", Model: "small"}, large}, Query{PromptTokens: 2001, OutputTokens: 5000}, "small large"},
		"the operator's window":           {[]Target{{Provider: "a", Model: "small", ContextWindow: 1500}, large}, Query{PromptTokens: 1500}, "large"},
		"a larger one of the operator":    {[]Target{{Provider: "a", Model: "small", ContextWindow: 9000}, large}, Query{PromptTokens: 8000}, "small large"},
		"too long for all":                {[]Target{{Provider: "a", Model: "small"}, {Provider: "b", Model: "small", Priority: 1}}, Query{PromptTokens: 9000}, "small small"},
		"too long for the operator's":     {[]Target{{Provider: "a", Model: "small"}, {Provider: "b", Model: "large", ContextWindow: 1000}}, Query{PromptTokens: 9000}, "small"},
		"of choices, too":                 {[]Target{{Provider: "a", Model: "small"}, large}, Query{Choices: []string{"a/small", "m"}, PromptTokens: 9000}, "large"},
		"too long for all choices":        {[]Target{{Provider: "a", Model: "small"}}, Query{Choices: []string{"b/small", "m"}, PromptTokens: 9000}, "small small"},
		"alone, however long":             {nil, Query{Model: "a/small", PromptTokens: 9000}, "small"},
		"by the caller's name":            {[]Target{{Provider: "a"}, large}, Query{Model: "blind", Features: FeatureVision}, "large"},
	} {
		t.Run(name, func(t *testing.T) {
			var models []Model
			if test.targets != nil {
				models = []Model{{Name: "m", Targets: test.targets}, {Name: "bl*", Targets: test.targets}}
			}
			if test.q.Model == "" {
				test.q.Model = "m"
			}
			got, err := informed(t, models, "").Resolve(&test.q, nil, func() float64 { return 0 })
			if err != nil {
				t.Fatal(err)
			}
			var order []string
			for _, target := range got.Targets {
				order = append(order, target.Model)
			}
			if strings.Join(order, " ") != test.want {
				t.Errorf("got %q, want %q", order, test.want)
			}
		})
	}
}

func TestInform_prices_what_the_operator_does_not_price(t *testing.T) {
	targets := []Target{
		{Provider: "a", Model: "unknown", Weight: 1},
		{Provider: "a", Model: "dear", Weight: 1},
		{Provider: "a", Model: "cheap", Weight: 1},
		{Provider: "b", Model: "cheap", Weight: 1, Price: &Price{20, 100}},
		{Provider: "b", Weight: 1},
	}
	table := informed(t, []Model{{Name: "m", Strategy: StrategyCheapest, Targets: targets}, {Name: "che*", Strategy: StrategyCheapest, Targets: targets}}, "")
	for name, want := range map[string]string{
		"m":     "a/cheap a/dear b/cheap",
		"cheap": "a/cheap b/cheap a/dear", // b/cheap here is that of the caller's name
	} {
		got, err := table.Resolve(&Query{Model: name, PromptTokens: 100}, nil, func() float64 { return 0 })
		if err != nil {
			t.Fatal(err)
		}
		var order []string
		for _, target := range got.Targets[:3] {
			order = append(order, target.Provider+"/"+target.Model)
		}
		if strings.Join(order, " ") != want {
			t.Errorf("%s: got %q, want %q", name, order, want)
		}
	}
}

func TestInform_refuses_what_is_certain_to_fail_and_says_where_that_is_from(t *testing.T) {
	const catalog = " (so the catalog of models, which catalog.file of the configuration changes)"
	table := informed(t, []Model{
		{Name: "m", Targets: []Target{{Provider: "a", Model: "blind"}, {Provider: "b", Model: "x", Lacks: FeatureVision}}},
		{Name: "w", Targets: []Target{{Provider: "a", Model: "blind", ContextWindow: 10}}},
	}, "a")
	for name, test := range map[string]struct {
		q    Query
		text string
	}{
		"a provider's":     {Query{Model: "a/blind", Features: FeatureVision}, `the model "a/blind" can serve this call: a/blind lacks vision` + catalog},
		"the default's":    {Query{Model: "blind", Features: FeatureVision}, `the model "blind" can serve this call: a/blind lacks vision` + catalog},
		"a path's":         {Query{Model: "blind", Path: "/a", Features: FeatureVision}, `a/blind lacks vision` + catalog},
		"all choices":      {Query{Choices: []string{"a/blind", "b/blind"}, Features: FeatureVision}, `a/blind lacks vision` + catalog + `; b/blind lacks vision` + catalog},
		"the operator's":   {Query{Model: "m", Features: FeatureVision}, `a/blind lacks vision` + catalog + `; b/x lacks vision`},
		"and his window":   {Query{Model: "w", Features: FeatureVision, PromptTokens: 11}, `a/blind lacks vision` + catalog + ` and has a context window of 10 tokens and the prompt is about 11`},
		"of two providers": {Query{Choices: []string{"a", "b"}, Model: "blind", Features: FeatureVision}, `a/blind lacks vision`},
	} {
		_, err := table.Resolve(&test.q, nil, func() float64 { return 0 })
		f := fault.From(err)
		if err == nil || f.Reason != sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED || !strings.Contains(f.Error(), test.text) {
			t.Errorf("%s: got %v, want %q", name, err, test.text)
		}
	}
	// Choices leave out what cannot serve and keep what can.
	got, err := table.Resolve(&Query{Choices: []string{"a/blind", "b/other"}, Features: FeatureVision}, nil, func() float64 { return 0 })
	if err != nil || len(got.Targets) != 1 || got.Targets[0].Model != "other" {
		t.Errorf("got %v, %v", got, err)
	}
}
