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

func resolve(t testing.TB, table *Table, q *Query, look func(*Target) Health) Decision {
	t.Helper()
	d, err := table.Resolve(q, look, rand.New(rand.NewPCG(1, 2)).Float64)
	if err != nil {
		t.Fatal(err)
	}
	return d
}

func list(targets []Target) string {
	var names []string
	for _, t := range targets {
		names = append(names, t.Provider+"="+t.Model)
	}
	return strings.Join(names, " ")
}

// refused returns the fault of a query that goes nowhere.
func refused(t *testing.T, table *Table, q *Query) *fault.Error {
	t.Helper()
	d, err := table.Resolve(q, nil, rand.Float64)
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("got %v %v, want a fault", d, err)
	}
	return f
}

var names = []Model{
	{Name: "fast", Aliases: []string{"quick", "azure/quick"}, Targets: []Target{{Provider: "openai", Model: "gpt-4o-mini", Weight: 1}}},
	{Name: "through", Aliases: []string{"also"}, Targets: []Target{{Provider: "openai", Weight: 1}}},
	{Name: "ordered", Targets: []Target{
		{Provider: "azure", Model: "backup", Weight: 1, Priority: 1},
		{Provider: "openai", Model: "first", Weight: 1},
	}},
	{Name: "gpt-*", Aliases: []string{"newest"}, Targets: []Target{{Provider: "openai", Weight: 1}}},
	{Name: "gpt-4*-mini", Targets: []Target{{Provider: "azure", Weight: 1}}},
	{Name: "openai/exact", Targets: []Target{{Provider: "azure", Model: "exact", Weight: 1}}},
}

func TestResolve_knows_names_in_its_documented_order(t *testing.T) {
	tests := []struct {
		model, defaultProvider string
		route, targets         string
		reason                 sluicev1.ErrorReason
	}{
		{model: "fast", route: "fast", targets: "openai=gpt-4o-mini"},
		{model: "quick", route: "fast", targets: "openai=gpt-4o-mini"},
		{model: "azure/quick", route: "fast", targets: "openai=gpt-4o-mini"},
		{model: "through", route: "through", targets: "openai=through"},
		{model: "also", route: "through", targets: "openai=also"},
		{model: "newest", route: "gpt-*", targets: "openai=newest"},
		{model: "ordered", route: "ordered", targets: "openai=first azure=backup"},
		{model: "openai/gpt-4o", targets: "openai=gpt-4o"},
		{model: "openai:gpt-4o", targets: "openai=gpt-4o"},
		{model: "openai/ft:gpt-4o:org/x", targets: "openai=ft:gpt-4o:org/x"},
		{model: "openai/exact", route: "openai/exact", targets: "azure=exact"},
		{model: "openai:exact", targets: "openai=exact"},
		{model: "gpt-5", route: "gpt-*", targets: "openai=gpt-5"},
		{model: "gpt-4o-mini", route: "gpt-4*-mini", targets: "azure=gpt-4o-mini"},
		{model: "gpt-", route: "gpt-*", targets: "openai=gpt-"},
		{model: "gpt-4-mini", route: "gpt-4*-mini", targets: "azure=gpt-4-mini"},
		{model: "meta-llama/Llama-4", defaultProvider: "azure", targets: "azure=meta-llama/Llama-4"},
		{model: "openai/", defaultProvider: "azure", targets: "azure=openai/"},
		{model: "openai", defaultProvider: "azure", targets: "azure=openai"},
		{model: "openai", reason: sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		{model: "meta-llama/Llama-4", reason: sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		{model: "openai/", reason: sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		{model: "/gpt-4o", reason: sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		{model: "Fast", reason: sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		{model: "", defaultProvider: "openai", reason: sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
	}
	for _, test := range tests {
		t.Run(test.model+"|"+test.defaultProvider, func(t *testing.T) {
			table := build(t, names, test.defaultProvider)
			if test.reason != 0 {
				f := refused(t, table, &Query{Model: test.model})
				if f.Reason != test.reason || f.Envelope.GetError().GetParam() != "model" {
					t.Fatalf("got %v about %q, want %v about model", f.Reason, f.Envelope.GetError().GetParam(), test.reason)
				}
				return
			}
			d := resolve(t, table, &Query{Model: test.model}, nil)
			if d.Route != test.route || list(d.Targets) != test.targets {
				t.Errorf("got %q %s, want %q %s", d.Route, list(d.Targets), test.route, test.targets)
			}
			for _, target := range d.Targets {
				if (target.ID == -1) != (test.route == "") {
					t.Errorf("%+v: only targets of the table have an ID", target)
				}
			}
		})
	}
}

func TestResolve_takes_the_callers_choices_in_turn(t *testing.T) {
	models := append([]Model{
		{Name: "blind", Targets: []Target{{Provider: "local", Model: "llama", Weight: 1, Lacks: FeatureVision}}},
		{Name: "both", Targets: []Target{{Provider: "openai", Weight: 1}, {Provider: "azure", Weight: 1, Priority: 1}}},
		{Name: "azure", Targets: []Target{{Provider: "a", Model: "named as a provider", Weight: 1}}},
		{Name: "loc*", Targets: []Target{{Provider: "b", Weight: 1}}},
	}, names...)
	for name, test := range map[string]struct {
		q               Query
		defaultProvider string
		route, targets  string
	}{
		"one name":                           {q: Query{Model: "ordered", Choices: []string{"fast"}}, route: "fast", targets: "openai=gpt-4o-mini"},
		"without a model":                    {q: Query{Choices: []string{"fast", "local/x"}}, route: "fast", targets: "openai=gpt-4o-mini local=x"},
		"an alias":                           {q: Query{Choices: []string{"quick"}}, route: "fast", targets: "openai=gpt-4o-mini"},
		"a provider first":                   {q: Query{Choices: []string{"openai:o3", "ordered"}}, targets: "openai=o3 openai=first azure=backup"},
		"a wildcard":                         {q: Query{Choices: []string{"gpt-4o-mini", "gpt-5"}}, route: "gpt-4*-mini", targets: "azure=gpt-4o-mini openai=gpt-5"},
		"a provider's name":                  {q: Query{Model: "gpt-4o", Choices: []string{"openai", "f"}}, targets: "openai=gpt-4o f=gpt-4o"},
		"its model as it is":                 {q: Query{Model: "openai/auto", Choices: []string{"openai"}}, targets: "openai=openai/auto"},
		"a provider before a wildcard":       {q: Query{Model: "gpt-4o", Choices: []string{"local", "locust"}}, targets: "local=gpt-4o b=locust"},
		"an entry before a provider":         {q: Query{Model: "gpt-4o", Choices: []string{"azure"}}, route: "azure", targets: "a=named as a provider"},
		"some that are nothing":              {q: Query{Choices: []string{"nothing", "", "fast", "openai"}}, route: "fast", targets: "openai=gpt-4o-mini"},
		"the default provider":               {q: Query{Choices: []string{"o3", "fast"}}, defaultProvider: "azure", targets: "azure=o3 openai=gpt-4o-mini"},
		"the same name twice":                {q: Query{Choices: []string{"ordered", "fast", "ordered", "quick"}}, route: "ordered", targets: "openai=first azure=backup openai=gpt-4o-mini"},
		"the same provider and model":        {q: Query{Choices: []string{"local/x", "local:x", "local/y"}}, targets: "local=x local=y"},
		"an entry's target named explicitly": {q: Query{Choices: []string{"fast", "openai/gpt-4o-mini"}}, route: "fast", targets: "openai=gpt-4o-mini openai=gpt-4o-mini"},
		"one entry by two names":             {q: Query{Choices: []string{"gpt-5", "gpt-6", "gpt-5"}}, route: "gpt-*", targets: "openai=gpt-5 openai=gpt-6"},
		"a choice that lacks a feature":      {q: Query{Choices: []string{"blind", "fast"}, Features: FeatureVision}, route: "fast", targets: "openai=gpt-4o-mini"},
		"priorities within each choice":      {q: Query{Choices: []string{"both", "fast"}}, route: "both", targets: "openai=both azure=both openai=gpt-4o-mini"},
	} {
		d := resolve(t, build(t, models, test.defaultProvider), &test.q, nil)
		if d.Route != test.route || list(d.Targets) != test.targets {
			t.Errorf("%s: got %q %s, want %q %s", name, d.Route, list(d.Targets), test.route, test.targets)
		}
	}
}

func TestResolve_lets_the_path_decide(t *testing.T) {
	table := build(t, names, "",
		Path{Prefix: "/openai", Provider: "openai"},
		Path{Prefix: "/mini", Provider: "azure", Model: "gpt-4o-mini"},
		Path{Prefix: "/ordered", Model: "ordered"},
		Path{Prefix: "/quick", Model: "quick"},
		Path{Prefix: "/explicit", Model: "local:llama"},
		Path{Prefix: "/any"},
	)
	for name, test := range map[string]struct {
		q       Query
		targets string
	}{
		"a provider, the caller's model": {Query{Path: "/openai", Model: "fast"}, "openai=fast"},
		"a provider, a prefix in the id": {Query{Path: "/openai", Model: "openai/auto"}, "openai=openai/auto"},
		"a provider, choices":            {Query{Path: "/openai", Model: "fast", Choices: []string{"ordered"}}, "openai=fast"},
		"a provider and model":           {Query{Path: "/mini", Model: "gpt-5"}, "azure=gpt-4o-mini"},
		"a provider and model, no model": {Query{Path: "/mini"}, "azure=gpt-4o-mini"},
		"a name":                         {Query{Path: "/ordered", Model: "gpt-5", Choices: []string{"fast"}}, "openai=first azure=backup"},
		"an alias":                       {Query{Path: "/quick"}, "openai=gpt-4o-mini"},
		"a name with a provider":         {Query{Path: "/explicit"}, "local=llama"},
		"nothing, the caller's name":     {Query{Path: "/any", Model: "fast"}, "openai=gpt-4o-mini"},
		"nothing, the caller's provider": {Query{Path: "/any", Model: "azure/x"}, "azure=x"},
		"nothing, the caller's choices":  {Query{Path: "/any", Choices: []string{"ordered"}}, "openai=first azure=backup"},
	} {
		d := resolve(t, table, &test.q, nil)
		if d.Route != test.q.Path || list(d.Targets) != test.targets {
			t.Errorf("%s: got %q %s, want %q %s", name, d.Route, list(d.Targets), test.q.Path, test.targets)
		}
	}
	for name, test := range map[string]struct {
		q      Query
		reason sluicev1.ErrorReason
	}{
		"a provider, no model": {Query{Path: "/openai"}, sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
		"nothing, no model":    {Query{Path: "/any"}, sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
		"nothing, no such":     {Query{Path: "/any", Model: "what"}, sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		"no such path":         {Query{Path: "/gone", Model: "fast"}, sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND},
	} {
		if f := refused(t, table, &test.q); f.Reason != test.reason {
			t.Errorf("%s: got %v, want %v", name, f.Reason, test.reason)
		}
	}
}

func TestResolve_leaves_out_what_cannot_serve_the_call(t *testing.T) {
	table := build(t, []Model{{Name: "m", Strategy: StrategyPriority, Targets: []Target{
		{Provider: "a", Model: "blind", Weight: 1, Lacks: FeatureVision | FeatureTools},
		{Provider: "b", Model: "small", Weight: 1, ContextWindow: 1000},
		{Provider: "c", Model: "large", Weight: 1, ContextWindow: 9000, Lacks: FeatureAudio},
	}}}, "")
	for name, test := range map[string]struct {
		q    Query
		want string
	}{
		"nothing needed":                 {Query{}, "a=blind b=small c=large"},
		"vision":                         {Query{Features: FeatureVision}, "b=small c=large"},
		"tools and vision":               {Query{Features: FeatureVision | FeatureTools}, "b=small c=large"},
		"audio":                          {Query{Features: FeatureAudio}, "a=blind b=small"},
		"json_schema, which all have":    {Query{Features: FeatureJSONSchema}, "a=blind b=small c=large"},
		"room for a token":               {Query{PromptTokens: 999}, "a=blind b=small c=large"},
		"no room for a token":            {Query{PromptTokens: 1000}, "a=blind c=large"},
		"room for the answer":            {Query{PromptTokens: 400, OutputTokens: 600}, "a=blind b=small c=large"},
		"no room for the answer":         {Query{PromptTokens: 400, OutputTokens: 601}, "a=blind c=large"},
		"a negative bound is none":       {Query{PromptTokens: 999, OutputTokens: -5}, "a=blind b=small c=large"},
		"an answer longer than all":      {Query{OutputTokens: 9001}, "a=blind"},
		"sums beyond 64 bits":            {Query{PromptTokens: 2, OutputTokens: math.MaxInt64}, "a=blind"},
		"vision for more than the small": {Query{Features: FeatureVision, PromptTokens: 1000}, "c=large"},
	} {
		test.q.Model = "m"
		if got := list(resolve(t, table, &test.q, nil).Targets); got != test.want {
			t.Errorf("%s: got %s, want %s", name, got, test.want)
		}
	}
}

func TestResolve_looks_only_when_there_is_a_choice(t *testing.T) {
	table := build(t, names, "")
	asked := map[string]int{}
	look := func(target *Target) Health {
		asked[target.Provider+"="+target.Model]++
		return Health{}
	}
	resolve(t, table, &Query{Model: "fast"}, look)
	resolve(t, table, &Query{Model: "openai/gpt-4o"}, look)
	resolve(t, table, &Query{Choices: []string{"fast"}}, look)
	if len(asked) > 0 {
		t.Errorf("asked for %v", asked)
	}
	resolve(t, table, &Query{Choices: []string{"gpt-5", "ordered", "azure/x"}}, look)
	for _, target := range []string{"openai=gpt-5", "openai=first", "azure=backup", "azure=x"} {
		if asked[target] != 1 {
			t.Errorf("asked %d times for %s", asked[target], target)
		}
	}
	if len(asked) != 4 {
		t.Errorf("asked for %v", asked)
	}
}
