package gateway

import (
	"errors"
	"sync/atomic"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/route"
)

// Plan is all that a configuration decides about calls. It is immutable; a reload
// builds a new one and [Service.Swap]s it in. Running calls keep the one they began
// with, and when the last of them ended its providers are closed.
type Plan struct {
	// Routes decides where calls go.
	Routes *route.Table
	// Providers by name; all that Routes can name are there.
	Providers map[string]adapters.Provider
	// Targets holds, for a provider and model of the routing table, the provider as
	// wrapped for that target (its breaker). A provider's own name with the empty
	// model stands for all its other models.
	Targets map[TargetKey]adapters.Provider
	// Listed are the providers whose models ListModels shows, the default provider
	// first if there is one.
	Listed []string
	// DefaultProvider is listed under its models' own ids. May be empty.
	DefaultProvider string
	// Policy bounds attempts.
	Policy dispatch.Policy

	refs atomic.Int64 // running calls, plus one while current
}

// TargetKey names a target.
type TargetKey struct{ Provider, Model string }

// target returns what dispatch calls for a routed target.
func (p *Plan) target(t route.Target) dispatch.Target {
	provider, ok := p.Targets[TargetKey{t.Provider, t.Model}]
	if !ok {
		provider, ok = p.Targets[TargetKey{t.Provider, ""}]
	}
	if !ok {
		provider = p.Providers[t.Provider]
	}
	return dispatch.Target{Provider: provider, Model: t.Model}
}

// acquire keeps the plan open; false when it is closed already.
func (p *Plan) acquire() bool {
	for {
		n := p.refs.Load()
		if n == 0 {
			return false
		}
		if p.refs.CompareAndSwap(n, n+1) {
			return true
		}
	}
}

// release lets go; the last one closes the providers.
func (p *Plan) release() error {
	if p.refs.Add(-1) > 0 {
		return nil
	}
	var errs []error
	for _, provider := range p.Providers {
		if provider.Close != nil {
			errs = append(errs, provider.Close())
		}
	}
	return errors.Join(errs...)
}
