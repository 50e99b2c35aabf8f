package catalog

import (
	"cmp"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

// plausible are settings as a configuration could have them.
func plausible(kind Kind) adapters.Settings {
	s := adapters.Settings{
		Name: "ours",
		// Where a base URL is needed, the example has the form of one.
		BaseURL: kind.BaseURLExample,
	}
	if kind.KeyEnv != "" {
		s.APIKeys = []adapters.Secret{adapters.NewSecret("sk-plausible")}
	}
	if slices.Contains(kind.Sections, SectionGoogle) {
		s.Google = adapters.Google{Project: "p-1", Location: "us-central1", Credentials: adapters.NewSecret(`{"type":"authorized_user","client_id":"i","client_secret":"s","refresh_token":"t"}`)}
	}
	if slices.Contains(kind.Sections, SectionAWS) {
		s.AWS = adapters.AWS{Region: "us-east-1", AccessKeyID: adapters.NewSecret("AKID"), SecretAccessKey: adapters.NewSecret("secret")}
	}
	return s
}

func TestNew_opens_every_kind(t *testing.T) {
	for _, kind := range Kinds() {
		t.Run(kind.Name, func(t *testing.T) {
			if kind.Description == "" || strings.Contains(kind.Description, "\n") {
				t.Errorf("the description is %q, want one line", kind.Description)
			}
			p, err := New(kind.Name, plausible(kind))
			if err != nil {
				t.Fatal(err)
			}
			if p.Name != "ours" {
				t.Errorf("the provider is named %q", p.Name)
			}
			if p.Chat == nil {
				t.Error("the provider cannot chat")
			}
			if (p.Embed != nil) != kind.Embeddings || (p.Models != nil) != kind.Models {
				t.Errorf("embeddings %t and models %t are offered, but the kind says %t and %t", p.Embed != nil, p.Models != nil, kind.Embeddings, kind.Models)
			}
			if p.Close != nil {
				if err := p.Close(); err != nil {
					t.Error(err)
				}
			}
		})
	}
}

func TestKinds_say_what_they_need(t *testing.T) {
	for _, kind := range Kinds() {
		if kind.Implicit && (kind.KeyEnv == "" || kind.BaseURL == "") {
			t.Errorf("%s comes by its key alone, but has the key %q and the base URL %q", kind.Name, kind.KeyEnv, kind.BaseURL)
		}
		if kind.BaseURL != "" && kind.BaseURLExample != "" {
			t.Errorf("%s has a base URL and needs one", kind.Name)
		}
		if kind.BaseURLExample == "" {
			continue
		}
		s := plausible(kind)
		s.BaseURL = ""
		_, err := New(kind.Name, s)
		if err == nil || !strings.Contains(err.Error(), "base_url") || !strings.Contains(err.Error(), kind.BaseURLExample) {
			t.Errorf("%s without a base URL: %v, want an error that shows %s", kind.Name, err, kind.BaseURLExample)
		}
	}
}

func TestKinds_that_come_by_their_key_are_those_with_an_address_and_a_key_of_their_own(t *testing.T) {
	var implicit []string
	for _, kind := range Kinds() {
		if kind.Implicit {
			implicit = append(implicit, kind.Name)
		}
	}
	for _, name := range []string{"openai", "groq", "mistral", "deepseek", "xai", "together", "fireworks", "openrouter", "cerebras", "cohere", "nvidia", "moonshot", "zai", "qwen", "sambanova", "nebius"} {
		if !slices.Contains(implicit, name) {
			t.Errorf("%s does not come by its key", name)
		}
	}
	// The last two hold keys that are mostly there for something else, the first needs an
	// address, and the company of the second does not serve it.
	for _, name := range []string{"azure", "github", "perplexity", "vllm", "huggingface"} {
		if slices.Contains(implicit, name) {
			t.Errorf("%s comes by its key alone", name)
		}
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
	// azure comes before openai by name, and must not come before it here.
	if want[0] != "openai" || want[1] != cmp.Or(slices.Min(want[1:]), "") || !slices.IsSorted(want[1:]) || !slices.Contains(want, "sandbox") || !slices.Contains(want, "azure") {
		t.Errorf("kinds are %q", want)
	}
	if len(slices.Compact(slices.Sorted(slices.Values(want)))) != len(want) {
		t.Errorf("a name stands twice in %q", want)
	}
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
