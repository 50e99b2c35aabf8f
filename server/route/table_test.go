package route

import (
	"math"
	"slices"
	"strings"
	"testing"
)

// build makes a table of the providers a to f and "openai", "azure", "local".
func build(t testing.TB, models []Model, defaultProvider string, paths ...Path) *Table {
	t.Helper()
	table, err := New(models, []string{"a", "b", "c", "d", "e", "f", "openai", "azure", "local"}, defaultProvider, paths...)
	if err != nil {
		t.Fatal(err)
	}
	return table
}

func TestNew_refuses_what_cannot_be_routed(t *testing.T) {
	good := []Target{{Provider: "p"}}
	with := func(target Target) []Model {
		target.Provider = "p"
		return []Model{{Name: "a", Targets: []Target{target}}}
	}
	for name, test := range map[string]struct {
		models []Model
		paths  []Path
		text   string
	}{
		"a name twice":                      {models: []Model{{Name: "a", Targets: good}, {Name: "a", Targets: good}}, text: `model "a": it stands twice`},
		"a wildcard twice":                  {models: []Model{{Name: "a*", Targets: good}, {Name: "a*", Targets: good}}, text: "twice"},
		"an alias as an earlier name":       {models: []Model{{Name: "a", Targets: good}, {Name: "b", Aliases: []string{"a"}, Targets: good}}, text: `model "b": alias "a" stands twice`},
		"a name as an earlier alias":        {models: []Model{{Name: "b", Aliases: []string{"a"}, Targets: good}, {Name: "a", Targets: good}}, text: "twice"},
		"an alias twice":                    {models: []Model{{Name: "a", Aliases: []string{"x", "x"}, Targets: good}}, text: "twice"},
		"an alias as its own name":          {models: []Model{{Name: "a", Aliases: []string{"a"}, Targets: good}}, text: "twice"},
		"an alias with a star":              {models: []Model{{Name: "a", Aliases: []string{"x*"}, Targets: good}}, text: `alias "x*"`},
		"an empty alias":                    {models: []Model{{Name: "a", Aliases: []string{""}, Targets: good}}, text: `alias ""`},
		"no targets":                        {models: []Model{{Name: "a"}}, text: "at least one target"},
		"no name":                           {models: []Model{{Targets: good}}, text: "a name"},
		"an unknown provider":               {models: []Model{{Name: "a", Targets: []Target{{Provider: "q"}}}}, text: `provider "q" is not configured`},
		"two stars":                         {models: []Model{{Name: "*a*", Targets: good}}, text: "only one *"},
		"an unknown strategy":               {models: []Model{{Name: "a", Targets: good, Strategy: "fair"}}, text: `strategy "fair"`},
		"an unknown sticky key":             {models: []Model{{Name: "a", Targets: good, Sticky: Sticky{By: []StickyBy{"ip"}}}}, text: `sticky key "ip"`},
		"a negative weight":                 {models: with(Target{Weight: -1}), text: "weight -1"},
		"a negative context window":         {models: with(Target{ContextWindow: -1}), text: "context window -1"},
		"a negative price":                  {models: with(Target{Price: &Price{Input: 1, Output: -1}}), text: "price"},
		"a price that is no number":         {models: with(Target{Price: &Price{Input: math.NaN()}}), text: "price"},
		"a canary above 100":                {models: with(Target{Canary: new(101.0)}), text: "canary of 101"},
		"a canary that is no number":        {models: with(Target{Canary: new(math.NaN())}), text: "canary of NaN"},
		"canaries above 100 together":       {models: []Model{{Name: "a", Targets: []Target{{Provider: "p", Canary: new(60.0)}, {Provider: "p", Canary: new(60.0)}}}}, text: "canaries of 120"},
		"a path without a slash":            {paths: []Path{{Prefix: "openai", Provider: "p"}}, text: `path "openai": a path begins`},
		"a path of a slash":                 {paths: []Path{{Prefix: "/", Provider: "p"}}, text: "a path begins"},
		"a path with a slash at its end":    {paths: []Path{{Prefix: "/openai/", Provider: "p"}}, text: "a path begins"},
		"a path twice":                      {paths: []Path{{Prefix: "/x", Provider: "p"}, {Prefix: "/x"}}, text: `path "/x": it stands twice`},
		"a path to an unknown provider":     {paths: []Path{{Prefix: "/x", Provider: "q"}}, text: `provider "q"`},
		"a path to a name that nobody has":  {paths: []Path{{Prefix: "/x", Model: "nothing"}}, text: `nothing serves the model "nothing"`},
		"a path to a provider's empty name": {paths: []Path{{Prefix: "/x", Model: "p/"}}, text: `nothing serves`},
	} {
		_, err := New(test.models, []string{"p"}, "", test.paths...)
		if err == nil || !strings.Contains(err.Error(), test.text) {
			t.Errorf("%s: got %v, want %q", name, err, test.text)
		}
	}
	if _, err := New(nil, []string{"p"}, "q"); err == nil {
		t.Error("an unknown default provider: no error")
	}
	thirds := []Target{{Provider: "p", Canary: new(33.3)}, {Provider: "p", Canary: new(33.3)}, {Provider: "p", Canary: new(33.4)}}
	if _, err := New([]Model{{Name: "a", Targets: thirds}}, []string{"p"}, ""); err != nil {
		t.Errorf("canaries of 100 together: %v", err)
	}
	// What the path names may come from a name, a provider, a wildcard, the default provider.
	if _, err := New([]Model{{Name: "w*", Aliases: []string{"w"}, Targets: good}}, []string{"p"}, "p",
		Path{Prefix: "/1", Model: "w"}, Path{Prefix: "/2", Model: "p:x"}, Path{Prefix: "/3", Model: "wide"}, Path{Prefix: "/4", Model: "x"}, Path{Prefix: "/5"}); err != nil {
		t.Error(err)
	}
}

func TestNew_leaves_its_arguments_alone_and_numbers_its_copy(t *testing.T) {
	given := []Target{{Provider: "b", Priority: 2, ID: 7}, {Provider: "a", Canary: new(1.0), ID: 7}, {Provider: "c", ID: 7}}
	table := build(t, []Model{{Name: "m", Targets: given}, {Name: "n*", Targets: given}}, "")
	if given[0].ID != 7 || given[0].Provider != "b" {
		t.Errorf("changed: %+v", given)
	}
	var got []string
	for i, target := range table.Targets() {
		got = append(got, target.Provider)
		if target.ID != i {
			t.Errorf("target %d has the ID %d", i, target.ID)
		}
	}
	if want := "b a c b a c"; strings.Join(got, " ") != want {
		t.Errorf("got %v, want %s", got, want)
	}
	for _, name := range []string{"m", "n1"} {
		for _, target := range resolve(t, table, &Query{Model: name}, nil).Targets {
			if of := table.Targets()[target.ID]; of.Provider != target.Provider || of.Priority != target.Priority || (target.ID > 2) != (name == "n1") {
				t.Errorf("%s: %+v has the ID of %+v", name, target, of)
			}
		}
	}
}

func TestTable_lists_aliases_behind_their_name(t *testing.T) {
	one := []Target{{Provider: "a"}}
	table := build(t, []Model{
		{Name: "z", Aliases: []string{"z2", "z1"}, Targets: one},
		{Name: "w*", Aliases: []string{"w"}, Targets: one},
		{Name: "b", Targets: one},
	}, "")
	if want := []string{"z", "z2", "z1", "w", "b"}; !slices.Equal(table.Names(), want) {
		t.Errorf("got %v, want %v", table.Names(), want)
	}
	for name, want := range map[string]bool{"z": true, "z1": true, "w": true, "w*": false, "wide": false, "": false, "a/x": false} {
		if table.Has(name) != want {
			t.Errorf("Has(%q) is not %t", name, want)
		}
	}
}

func TestTable_finds_the_longest_prefix_at_a_slash(t *testing.T) {
	table := build(t, nil, "", Path{Prefix: "/openai"}, Path{Prefix: "/openai/eu"}, Path{Prefix: "/x.y~z"})
	for path, want := range map[string][2]string{
		"/openai":         {"/openai", ""},
		"/openai/":        {"/openai", "/"},
		"/openai/v1/chat": {"/openai", "/v1/chat"},
		"/openai/eu/v1":   {"/openai/eu", "/v1"},
		"/openai/eu":      {"/openai/eu", ""},
		"/openai/europe":  {"/openai", "/europe"},
		"/x.y~z/" + strings.Repeat("long/", 1000): {"/x.y~z", "/" + strings.Repeat("long/", 1000)},
		"/openaix":   {},
		"/open":      {},
		"/v1/openai": {},
		"openai":     {},
		"//openai":   {},
		"/":          {},
		"":           {},
	} {
		prefix, rest, ok := table.Prefix(path)
		if prefix != want[0] || rest != want[1] || ok != (want[0] != "") {
			t.Errorf("%.40q: got %q %.40q %t, want %.40q", path, prefix, rest, ok, want)
		}
	}
	if _, _, ok := build(t, nil, "").Prefix("/openai"); ok {
		t.Error("a table without paths has one")
	}
}
