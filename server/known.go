package server

import (
	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/almanac"

	"github.com/sluice-ai/sluice/server/config"
	"github.com/sluice-ai/sluice/server/route"
)

// knowledge finds what is known of the models of a configuration's providers.
type knowledge struct {
	almanac   *almanac.Almanac
	providers map[string]asked
}

// asked is what of a provider decides what is known of its models.
type asked struct {
	kind string
	// lenient says that calls may go there which need what it does not have.
	lenient bool
}

func knowledgeOf(c *config.Config) *knowledge {
	k := &knowledge{almanac: c.Almanac, providers: make(map[string]asked, len(c.Providers))}
	for _, p := range c.Providers {
		k.providers[p.Name] = asked{p.Kind, p.Unsupported != adapters.UnsupportedError}
	}
	return k
}

// model returns what is known of a provider's model. Nil: nothing.
func (k *knowledge) model(provider, model string) *almanac.Model {
	return k.almanac.Lookup(k.providers[provider].kind, model)
}

// features are those that calls are routed by.
var features = [...]struct {
	known   almanac.Capability
	feature route.Feature
}{
	{almanac.Tools, route.FeatureTools},
	{almanac.Vision, route.FeatureVision},
	{almanac.Audio, route.FeatureAudio},
	{almanac.Files, route.FeatureFiles},
	{almanac.JSONSchema, route.FeatureJSONSchema},
	{almanac.Streaming, route.FeatureStreaming},
}

// facts returns what routing is to know of a provider's model.
func (k *knowledge) facts(provider, model string) (f route.Facts) {
	known := k.model(provider, model)
	if known == nil {
		return f
	}
	f.ContextWindow = known.ContextWindow
	if known.Price != nil {
		f.Price, f.Priced = route.Price{Input: known.Price.Input, Output: known.Price.Output}, true
	}
	if k.providers[provider].lenient {
		return f
	}
	for _, one := range features {
		if known.Lacks&one.known != 0 {
			f.Lacks |= one.feature
		}
	}
	return f
}
