package gateway

import (
	"errors"
	"sync/atomic"
	"time"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/almanac"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/shed"
	"github.com/sluice-ai/sluice/server/usage"
)

// Plan is all that a configuration decides about calls. It is immutable; a reload
// builds a new one and [Service.Swap]s it in. Running calls keep the one they began
// with, and when the last of them ended its providers are closed.
type Plan struct {
	// Routes decides where calls go.
	Routes *route.Table
	// Providers by name; all that Routes can name are there. Lists of models are asked of
	// them as they stand here.
	Providers map[string]adapters.Provider
	// Targets are those of Routes, by their ID there.
	Targets []*Target
	// Direct are the targets of calls that name a provider, or go to the default one. The
	// empty model stands for all models of the provider that are missing; a provider that
	// is missing is as it stands above.
	Direct map[TargetKey]*Target
	// Rules are those of an entry of Routes, by the name of the entry; of a path, by its
	// prefix; of calls that name a provider, or go to the default one, by the provider's
	// name and "/". An entry that is missing has none.
	Rules map[string]*Rule
	// Known tells what is generally known of a provider's model; nil of one that nothing
	// is known of. Nil: nothing is known of any.
	Known func(provider, model string) *almanac.Model
	// CallerChoice lets callers choose the route.
	CallerChoice bool
	// Shed refuses calls that there is no room for. Nil: none is refused.
	Shed *shed.Shedder
	// Listed are the providers whose models ListModels shows, the default provider
	// first if there is one.
	Listed []string
	// DefaultProvider is listed under its models' own ids. May be empty.
	DefaultProvider string
	// Policy bounds attempts.
	Policy dispatch.Policy
	// Bodies logs what was said. Nil: nothing.
	Bodies *usage.Bodies

	refs atomic.Int64 // running calls, plus one while current
}

// Target is where calls can go, and what is done on the way.
type Target struct {
	// Target is what dispatch calls. An empty model is the one that the call goes to.
	dispatch.Target

	// Override changes requests. Nil: they stay as they are.
	Override *Override
	// Health tells how the target is, for the model. Nil: it is always well.
	Health func(model string) route.Health
}

// TargetKey names a provider's model.
type TargetKey struct{ Provider, Model string }

// Rule is what one route wants of its calls.
type Rule struct {
	// Budget bounds attempts beyond the first. Nil: nothing does.
	Budget *dispatch.Budget
	// Hedge bounds attempts beside the first. Nil: there are none.
	Hedge *dispatch.Budget
	// HedgeDelay see [dispatch.Policy].
	HedgeDelay time.Duration
	// HedgeTokens is the largest limit of output tokens of a chat that may be hedged.
	HedgeTokens int64
	// Drain see [dispatch.Policy].
	Drain time.Duration
}

// noRule is that of routes without one.
var noRule = &Rule{}

// target returns what stands for a target of the routing table.
func (p *Plan) target(t *route.Target) *Target {
	if t.ID >= 0 && t.ID < len(p.Targets) {
		return p.Targets[t.ID]
	}
	if direct, ok := p.Direct[TargetKey{t.Provider, t.Model}]; ok {
		return direct
	}
	if direct, ok := p.Direct[TargetKey{Provider: t.Provider}]; ok {
		return direct
	}
	return &Target{Target: dispatch.Target{Provider: p.Providers[t.Provider]}}
}

// look tells routing how a target is.
func (p *Plan) look(t *route.Target) route.Health {
	if target := p.target(t); target.Health != nil {
		return target.Health(t.Model)
	}
	return route.Health{}
}

// rule returns what the route of a decision wants.
func (p *Plan) rule(d *route.Decision) *Rule {
	if rule, ok := p.Rules[d.Route]; ok {
		return rule
	}
	if rule, ok := p.Rules[d.Targets[0].Provider+"/"]; ok {
		return rule
	}
	return noRule
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
