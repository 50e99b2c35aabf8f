// Package catalog knows every provider adapter by the name of its kind. It is the
// only package that does: a new adapter is one line here, and a new provider that speaks
// OpenAI's dialect is an entry in kinds.yaml.
package catalog

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/anthropic"
	"github.com/sluice-ai/sluice/adapters/bedrock"
	"github.com/sluice-ai/sluice/adapters/gemini"
	"github.com/sluice-ai/sluice/adapters/sandbox"
)

// The sections of a provider's configuration that only some kinds read.
const (
	SectionGoogle  = "google"
	SectionAWS     = "aws"
	SectionAzure   = "azure"
	SectionDialect = "dialect"
)

// Kind is one kind of provider that a configuration can name.
type Kind struct {
	// Name is the value of "kind" in the configuration.
	Name string
	// Description says in one line what the kind talks to.
	Description string
	// BaseURL is where it does so unless the configuration says otherwise. Empty: it
	// needs no network, makes it up from the region, or BaseURLExample is there.
	BaseURL string
	// BaseURLExample is the form of the base URL, where the configuration must say it.
	BaseURLExample string
	// KeyEnv is the environment variable in which users of the provider usually keep
	// its key. Empty: it has no key.
	KeyEnv string
	// Implicit says that a key in KeyEnv is all that the provider needs, and means that it
	// is wanted.
	Implicit bool
	// Retired is the day, as 2026-01-31, since when the company does not serve it. Empty:
	// it does.
	Retired string
	// Sections are those that it reads of a provider's configuration.
	Sections []string
	// Embeddings and Models say whether it offers them. All kinds offer chat.
	Embeddings, Models bool

	open func(adapters.Settings) (adapters.Provider, error)
}

// codeKinds are those with an adapter of their own.
var codeKinds = []Kind{
	{
		Name:        "anthropic",
		Description: "Anthropic's Messages API",
		BaseURL:     anthropic.DefaultBaseURL,
		KeyEnv:      "ANTHROPIC_API_KEY",
		Implicit:    true,
		Models:      true,
		open:        anthropic.New,
	},
	{
		Name:           "azure",
		Description:    "OpenAI's models at Azure, by the v1 API or by deployments",
		BaseURLExample: azureExample,
		KeyEnv:         "AZURE_OPENAI_API_KEY",
		Sections:       []string{SectionAzure, SectionDialect},
		Embeddings:     true,
		Models:         true,
		open:           openAzure,
	},
	{
		Name:        "bedrock",
		Description: "Amazon Bedrock's Converse API, and the embeddings there",
		KeyEnv:      "AWS_BEARER_TOKEN_BEDROCK",
		Sections:    []string{SectionAWS},
		Embeddings:  true,
		Models:      true,
		open:        bedrock.New,
	},
	{
		Name:        "gemini",
		Description: "Google's Gemini API",
		BaseURL:     gemini.DefaultBaseURL,
		KeyEnv:      "GEMINI_API_KEY",
		Implicit:    true,
		Embeddings:  true,
		Models:      true,
		open:        gemini.New,
	},
	{
		Name:        "sandbox",
		Description: "the built-in, deterministic provider for tests and first steps",
		Embeddings:  true,
		Models:      true,
		open:        sandbox.New,
	},
	{
		Name:        "vertex",
		Description: "Google's and Anthropic's models at Vertex AI",
		Sections:    []string{SectionGoogle},
		Embeddings:  true,
		Models:      true,
		open:        openVertex,
	},
}

// usual is the kind that callers' code was written for.
const usual = "openai"

// Kinds returns all kinds: openai, which is the most usual, and then the others by
// name. The caller owns the slice.
func Kinds() []Kind {
	out := slices.Concat(dialectKinds(), codeKinds)
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
