package catalog

import (
	"slices"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

func TestNew_opens_every_kind(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			if kind.Description == "" || strings.Contains(kind.Description, "\n") {
				t.Errorf("the description is %q, want one line", kind.Description)
			}
			p, err := New(kind.Name, adapters.Settings{Name: "ours"})
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != "ours" {
				t.Errorf("the provider is named %q", p.Name)
			}
			if p.Chat == nil {
				t.Error("the provider cannot chat")
			}
			if p.Close != nil {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestKinds_are_openai_then_the_others_by_name_and_the_callers_own(t *testing.T) {
	names := func() []string {
		var names []string
		for _, kind := range Kinds() {
			names = append(names, kind.Name)
		}
		return names
	}
	want := names()
	if want[0] != "openai" || !slices.IsSorted(want[1:]) || !slices.Contains(want, "sandbox") {
		t.Errorf("kinds are %q", want)
	}
	// A kind that comes before openai by name must not come before it here.
	defer func(before []Kind) { kinds = before }(kinds)
	kinds = append([]Kind{{Name: "zeta"}, {Name: "alpha"}}, kinds...)
	if got := names(); !slices.Equal(got, []string{"openai", "alpha", "sandbox", "zeta"}) {
		t.Errorf("with more kinds: %q", got)
	}
	kinds = kinds[2:]
	Kinds()[0].Name = "changed"
	if got := names(); !slices.Equal(got, want) {
		t.Errorf("a caller changed the kinds to %q", got)
	}
}

func TestNew_lists_the_kinds_when_it_knows_none_of_that_name(t *testing.T) {
	_, err := New("opnai", adapters.Settings{Name: "ours"})
	if err == nil {
		t.Fatal("no error")
	}
	for _, word := range []string{`"ours"`, `"opnai"`, "openai", "sandbox"} {
		if !strings.Contains(err.Error(), word) {
			t.Errorf("the error %q does not say %s", err, word)
		}
	}
}
