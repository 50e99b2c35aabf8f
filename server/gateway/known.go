package gateway

import (
	"slices"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/almanac"
	"github.com/sluice-ai/sluice/server/route"
)

// known is what is known of a model, or of all targets of a route. Zero members are not
// known.
type known struct {
	contextWindow, maxOutputTokens, dimensions int64
	can                                        []string
	price                                      price
	asOf, source                               string
}

// price is an [almanac.Price] that can be compared. The zero value is not known.
type price struct {
	known                                  bool
	input, cachedInput, cacheWrite, output float64
	hasCachedInput, hasCacheWrite          bool
}

func knownOf(m *almanac.Model) known {
	if m == nil {
		return known{}
	}
	k := known{
		contextWindow: m.ContextWindow, maxOutputTokens: m.MaxOutputTokens, dimensions: m.EmbeddingDimensions,
		can: m.Can.Names(), asOf: m.AsOf, source: m.Source,
	}
	if p := m.Price; p != nil {
		k.price = price{known: true, input: p.Input, output: p.Output}
		if p.CachedInput != nil {
			k.price.hasCachedInput, k.price.cachedInput = true, *p.CachedInput
		}
		if p.CacheWrite != nil {
			k.price.hasCacheWrite, k.price.cacheWrite = true, *p.CacheWrite
		}
	}
	return k
}

// knownOf returns what is known of a target, what its operator says first.
func (p *Plan) knownOf(t *route.Target) known {
	var k known
	if p.Known != nil {
		k = knownOf(p.Known(t.Provider, t.Model))
	}
	if t.ContextWindow > 0 {
		k.contextWindow = t.ContextWindow
	}
	if t.Price != nil {
		k.price = price{known: true, input: t.Price.Input, output: t.Price.Output}
	}
	k.can = slices.DeleteFunc(k.can, func(name string) bool {
		feature, ok := route.ParseFeature(name)
		return ok && t.Lacks&feature != 0
	})
	return k
}

// with returns what holds of both.
func (k known) with(other known) known {
	both := known{
		contextWindow:   smaller(k.contextWindow, other.contextWindow),
		maxOutputTokens: smaller(k.maxOutputTokens, other.maxOutputTokens),
		asOf:            min(k.asOf, other.asOf),
	}
	for _, name := range k.can {
		if slices.Contains(other.can, name) {
			both.can = append(both.can, name)
		}
	}
	if k.dimensions == other.dimensions {
		both.dimensions = k.dimensions
	}
	if k.price == other.price {
		both.price = k.price
	}
	if k.source == other.source {
		both.source = k.source
	}
	return both
}

// smaller is 0 when one is not known.
func smaller(a, b int64) int64 {
	if a == 0 || b == 0 {
		return 0
	}
	return min(a, b)
}

// describe says in m what m does not say itself.
func (k known) describe(m *sluicev1.Model) {
	number := func(field **int64, name string, value int64) {
		if value > 0 && *field == nil && !says(m, name) {
			*field = &value
		}
	}
	text := func(field **string, name, value string) {
		if value != "" && *field == nil && !says(m, name) {
			*field = &value
		}
	}
	number(&m.ContextWindow, "context_window", k.contextWindow)
	number(&m.MaxOutputTokens, "max_output_tokens", k.maxOutputTokens)
	number(&m.EmbeddingDimensions, "embedding_dimensions", k.dimensions)
	if len(m.GetCapabilities()) == 0 && !says(m, "capabilities") {
		m.Capabilities = k.can
	}
	if m.Price == nil && k.price.known && !says(m, "price") {
		m.Price = k.price.message()
	}
	text(&m.AsOf, "as_of", k.asOf)
	text(&m.Source, "source", k.source)
}

// says tells whether the provider says that member in a form that the typed one does not
// have, as other APIs' lists may.
func says(m *sluicev1.Model, name string) bool {
	_, ok := wirejson.Get(m.GetRest(), name)
	return ok
}

func (p price) message() *sluicev1.ModelPrice {
	m := &sluicev1.ModelPrice{Input: &p.input, Output: &p.output, Currency: new("USD")}
	if p.hasCachedInput {
		m.CachedInput = &p.cachedInput
	}
	if p.hasCacheWrite {
		m.CacheWrite = &p.cacheWrite
	}
	return m
}
