package catalog

import (
	"bytes"
	_ "embed"
	"errors"
	"fmt"
	"net/url"
	"strings"
	"sync"

	"go.yaml.in/yaml/v3"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/openai"
)

//go:embed kinds.yaml
var kindsFile []byte

// dialectKinds are the kinds that speak OpenAI's dialect. The file is a part of the
// program: what is wrong with it, a test finds.
var dialectKinds = sync.OnceValue(func() []Kind {
	entries, err := readEntries(kindsFile)
	if err != nil {
		panic("catalog: kinds.yaml: " + err.Error())
	}
	kinds := make([]Kind, len(entries))
	for i, e := range entries {
		kinds[i] = e.kind()
	}
	return kinds
})

// entry is a kind in kinds.yaml.
type entry struct {
	Name        string `yaml:"name"`
	Description string `yaml:"description"`
	// API is what refusals call it.
	API string `yaml:"api"`
	// BaseURL is where it is. Without one, the configuration must say it, as
	// BaseURLExample.
	BaseURL        string `yaml:"base_url"`
	BaseURLExample string `yaml:"base_url_example"`
	KeyEnv         string `yaml:"key_env"`
	// Explicit says why the variable of the key does not mean that the provider is wanted.
	Explicit string `yaml:"explicit"`
	// Retired is the day, as 2026-01-31, since when the company does not serve it.
	Retired string `yaml:"retired"`
	// Embeddings is false where there are none.
	Embeddings *bool      `yaml:"embeddings"`
	Paths      entryPaths `yaml:"paths"`
	Models     listing    `yaml:"models"`
	Dialect    quirks     `yaml:"dialect"`
	// AtHome says that the dialect is known at the host of BaseURL and below it only:
	// elsewhere, there may be any server.
	AtHome  bool     `yaml:"at_home"`
	Sources []source `yaml:"sources"`
}

// entryPaths stand below the base URL. Empty ones are OpenAI's.
type entryPaths struct {
	Chat       string `yaml:"chat"`
	Embeddings string `yaml:"embeddings"`
}

// listing says how models are listed.
type listing struct {
	None     bool   `yaml:"none"` // not at all
	Path     string `yaml:"path"`
	BareList bool   `yaml:"bare_list"` // without an object around the list
	OnlyList bool   `yaml:"only_list"` // and none is described by itself
}

// quirks are those of [openai.Dialect], by the names that the configuration has for them.
type quirks struct {
	MaxTokens          string            `yaml:"max_tokens"`
	Reasoning          string            `yaml:"reasoning"`
	Seed               string            `yaml:"seed"`
	DeveloperRole      string            `yaml:"developer_role"`
	ToolChoiceRequired *string           `yaml:"tool_choice_required"`
	StreamUsage        string            `yaml:"stream_usage"`
	Unsupported        []string          `yaml:"unsupported"`
	KeyHeader          string            `yaml:"key_header"`
	MaxChoices         int64             `yaml:"max_choices"`
	Dimensions         string            `yaml:"dimensions"`
	ReasoningBack      string            `yaml:"reasoning_back"`
	ThinkingParts      bool              `yaml:"thinking_parts"`
	FinishReasons      map[string]string `yaml:"finish_reasons"`
	UsageMember        string            `yaml:"usage_member"`
	RepeatsUsage       bool              `yaml:"repeats_usage"`
}

// source says where facts are from.
type source struct {
	// Of are the keys that it is the source of, those of the dialect as "dialect.seed".
	Of []string `yaml:"of"`
	At string   `yaml:"at"`
	// On is the day when it was read, as 2026-01-31, or "recalled".
	On string `yaml:"on"`
}

// readEntries refuses keys that it does not know.
func readEntries(file []byte) ([]entry, error) {
	var entries []entry
	decoder := yaml.NewDecoder(bytes.NewReader(file))
	decoder.KnownFields(true)
	if err := decoder.Decode(&entries); err != nil {
		return nil, err
	}
	if len(entries) == 0 {
		return nil, errors.New("has no entries")
	}
	return entries, nil
}

func (e *entry) kind() Kind {
	dialect := e.dialect()
	return Kind{
		Name:           e.Name,
		Description:    e.Description,
		BaseURL:        e.BaseURL,
		BaseURLExample: e.BaseURLExample,
		KeyEnv:         e.KeyEnv,
		Implicit:       e.KeyEnv != "" && e.BaseURL != "" && e.Explicit == "" && e.Retired == "",
		Retired:        e.Retired,
		Sections:       []string{SectionDialect},
		Embeddings:     !dialect.NoEmbeddings,
		Models:         !dialect.NoModels,
		open: func(s adapters.Settings) (adapters.Provider, error) {
			if s.BaseURL == "" && e.BaseURL == "" {
				return adapters.Provider{}, baseURLNeeded(s.Name, e.Name, e.BaseURLExample)
			}
			if e.AtHome && !e.isHome(s.BaseURL) {
				return openai.Open(s, openai.Dialect{API: "OpenAI's API"})
			}
			return openai.Open(s, dialect)
		},
	}
}

// isHome tells whether a base URL is at the host of the entry's own, or below it. An empty
// one is.
func (e *entry) isHome(baseURL string) bool {
	own, err := url.Parse(e.BaseURL)
	if err != nil {
		return false
	}
	there, err := url.Parse(baseURL)
	return baseURL == "" || err == nil && strings.HasSuffix("."+there.Hostname(), "."+own.Hostname())
}

func baseURLNeeded(provider, kind, example string) error {
	return fmt.Errorf("provider %q: base_url: the kind %s has no address of its own: write where it is, as %s", provider, kind, example)
}

func (e *entry) dialect() openai.Dialect {
	q := e.Dialect
	return openai.Dialect{
		OpenAIDialect: adapters.OpenAIDialect{
			MaxTokens:          q.MaxTokens,
			Reasoning:          q.Reasoning,
			Seed:               q.Seed,
			DeveloperRole:      q.DeveloperRole,
			ToolChoiceRequired: q.ToolChoiceRequired,
			StreamUsage:        q.StreamUsage,
			Unsupported:        q.Unsupported,
			KeyHeader:          q.KeyHeader,
			ModelsPath:         e.Models.Path,
		},
		API:             e.API,
		BaseURL:         e.BaseURL,
		ChatPath:        e.Paths.Chat,
		EmbeddingsPath:  e.Paths.Embeddings,
		NoEmbeddings:    e.Embeddings != nil && !*e.Embeddings,
		NoModels:        e.Models.None,
		BareModelList:   e.Models.BareList,
		OnlyListsModels: e.Models.OnlyList,
		MaxChoices:      q.MaxChoices,
		Dimensions:      q.Dimensions,
		ReasoningBack:   openai.ReasoningBack(q.ReasoningBack),
		ThinkingParts:   q.ThinkingParts,
		FinishReasons:   q.FinishReasons,
		UsageMember:     q.UsageMember,
		RepeatsUsage:    q.RepeatsUsage,
	}
}
