package server

import (
	"cmp"
	"context"
	"log/slog"
	"slices"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/config"
)

// Inventory is what can be called by a configuration.
type Inventory struct {
	// Routes are the names of the configuration, in its order.
	Routes []Route `json:"routes"`
	// Models are those that providers list, sorted by id.
	Models []ListedModel `json:"models"`
	// Failed are the providers that could not be asked.
	Failed []FailedProvider `json:"failed"`
}

// Route is a name of the configuration and where it goes.
type Route struct {
	Name       string   `json:"name"`
	Targets    []string `json:"targets"`
	ModelFacts          //nolint:embeddedstructfieldcheck // JSON has the name first
}

// ListedModel is a model that a provider lists.
type ListedModel struct {
	// ID is the name by which it can be called.
	ID         string `json:"id"`
	Provider   string `json:"provider"`
	OwnedBy    string `json:"owned_by"`
	ModelFacts        //nolint:embeddedstructfieldcheck // JSON has the name first
}

// ModelFacts are what is known of a model, as [sluicev1.Model] has them. Zero members are
// not known.
type ModelFacts struct {
	ContextWindow       int64       `json:"context_window,omitempty"`
	MaxOutputTokens     int64       `json:"max_output_tokens,omitempty"`
	Capabilities        []string    `json:"capabilities,omitempty"`
	Price               *ModelPrice `json:"price,omitempty"`
	EmbeddingDimensions int64       `json:"embedding_dimensions,omitempty"`
	AsOf                string      `json:"as_of,omitempty"`
	Source              string      `json:"source,omitempty"`
}

// ModelPrice is in the currency per million tokens. Nil members are not known.
type ModelPrice struct {
	Input       *float64 `json:"input,omitempty"`
	CachedInput *float64 `json:"cached_input,omitempty"`
	CacheWrite  *float64 `json:"cache_write,omitempty"`
	Output      *float64 `json:"output,omitempty"`
	Currency    string   `json:"currency,omitempty"`
}

// FailedProvider is a provider that did not list its models.
type FailedProvider struct {
	Provider string `json:"provider"`
	Error    string `json:"error"`
}

// TakeInventory asks all providers of c at once for their models, as GET /v1/models does,
// and the sandbox in any case. Those that fail or take too long are named as such. The error is a [*config.Error].
func TakeInventory(ctx context.Context, c *config.Config, version string) (*Inventory, error) {
	b := &builder{logger: slog.New(slog.DiscardHandler), version: version}
	p, err := b.build(c)
	if err != nil {
		return nil, err
	}
	defer p.closeProviders() //nolint:errcheck // nothing was written to them
	inventory := &Inventory{Routes: []Route{}, Models: []ListedModel{}, Failed: []FailedProvider{}}
	described := make(map[string]*sluicev1.Model)
	for _, m := range p.RouteModels() {
		described[m.GetId()] = m
	}
	for _, m := range c.Models {
		r := Route{Name: m.Name, ModelFacts: factsOf(described[m.Name])}
		for _, t := range m.Targets {
			r.Targets = append(r.Targets, t.Provider+"/"+cmp.Or(t.Model, "*"))
		}
		inventory.Routes = append(inventory.Routes, r)
	}
	names := make([]string, len(c.Providers))
	for i, entry := range c.Providers {
		names[i] = entry.Name
	}
	for _, l := range p.List(ctx, names, nil, "") {
		if l.Err != nil {
			inventory.Failed = append(inventory.Failed, FailedProvider{l.Provider, l.Err.Error()})
		}
		for _, m := range l.Answer.GetData() {
			inventory.Models = append(inventory.Models, ListedModel{m.GetId(), l.Provider, m.GetOwnedBy(), factsOf(m)})
		}
	}
	slices.SortFunc(inventory.Models, func(a, b ListedModel) int { return cmp.Compare(a.ID, b.ID) })
	slices.SortFunc(inventory.Failed, func(a, b FailedProvider) int { return cmp.Compare(a.Provider, b.Provider) })
	return inventory, nil
}

func factsOf(m *sluicev1.Model) ModelFacts {
	f := ModelFacts{
		ContextWindow: m.GetContextWindow(), MaxOutputTokens: m.GetMaxOutputTokens(), Capabilities: m.GetCapabilities(),
		EmbeddingDimensions: m.GetEmbeddingDimensions(), AsOf: m.GetAsOf(), Source: m.GetSource(),
	}
	if p := m.GetPrice(); p != nil {
		f.Price = &ModelPrice{p.Input, p.CachedInput, p.CacheWrite, p.Output, p.GetCurrency()}
	}
	return f
}
