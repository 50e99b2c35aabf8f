// Package catalog knows every provider adapter by the name of its kind. It is the
// only package that does: a new adapter is one line here.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/openai"
	"github.com/sluice-ai/sluice/adapters/sandbox"
)

// Kind is one kind of provider that a configuration can name.
type Kind struct {
	// Name is the value of "kind" in the configuration.
	Name string
	// Description says in one line what the kind talks to.
	Description string
	// BaseURL is where it does so unless the configuration says otherwise. Empty: it
	// needs no network.
	BaseURL string
	// KeyEnv is the environment variable in which users of the provider usually keep
	// its key. Empty: it has no key.
	KeyEnv string

	open func(adapters.Settings) (adapters.Provider, error)
}

var kinds = []Kind{
	{
		Name:        "openai",
		Description: "OpenAI, and any server that speaks its API",
		BaseURL:     openai.DefaultBaseURL,
		KeyEnv:      "OPENAI_API_KEY",
		open:        openai.New,
	},
	{
		Name:        "sandbox",
		Description: "the built-in, deterministic provider for tests and first steps",
		open:        sandbox.New,
	},
}

// usual is the kind that callers' code was written for.
const usual = "openai"

// Kinds returns all kinds: openai, which is the most usual, and then the others by
// name. The caller owns the slice.
func Kinds() []Kind {
	out := slices.Clone(kinds)
	slices.SortFunc(out, func(a, b Kind) int {
		if (a.Name == usual) != (b.Name == usual) {
			if a.Name == usual {
				return -1
			}
			return 1
		}
		return strings.Compare(a.Name, b.Name)
	})
	return out
}

// New builds a provider of the named kind. An unknown kind is an error that lists
// the known ones; other errors are the adapter's about its settings.
func New(kind string, s adapters.Settings) (adapters.Provider, error) {
	var names []string
	for _, k := range Kinds() {
		if k.Name == kind {
			return k.open(s)
		}
		names = append(names, k.Name)
	}
	return adapters.Provider{}, fmt.Errorf("provider %q: unknown kind %q: known are %s", s.Name, kind, strings.Join(names, ", "))
}
