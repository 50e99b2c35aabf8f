package server

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"slices"

	"github.com/sluice-ai/sluice/adapters/breaker"
	"github.com/sluice-ai/sluice/adapters/keyring"
	"github.com/sluice-ai/sluice/adapters/limiter"

	"github.com/sluice-ai/sluice/server/config"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
)

// target is a provider's model that the routing table names, or all other models of a
// provider. It outlives reloads that do not concern it.
type target struct {
	// name is "provider/model", or the provider's for all other models.
	name    string
	breaker *breaker.Breaker // nil: none
	gauge   dispatch.Gauge
}

// entry is a target of one route, as status shows it.
type entry struct {
	target   *target
	provider *provider
	route    string // "" for calls that name the provider
	model    string
	limiter  *limiter.Limiter // nil: none of its own
	ownKey   bool             // its headers bring a credential: the provider's keys do not matter
}

// addRoutes fills in where calls go and what stands in between.
func (b *builder) addRoutes(p *plan) (problems []config.Problem) {
	c := p.config
	names := make([]string, len(p.providers))
	byName := make(map[string]*provider, len(p.providers))
	for i, provider := range p.providers {
		names[i] = provider.Name
		byName[provider.Name] = provider
	}
	paths := make([]route.Path, len(c.Routing.Paths))
	for i, path := range c.Routing.Paths {
		paths[i] = route.Path{Prefix: path.Path, Provider: path.Provider, Model: path.Model}
	}
	var err error
	if p.Routes, err = route.New(routeModels(c), names, c.Routing.DefaultProvider, paths...); err != nil {
		return config.Problems(c.Fail("models", err.Error()))
	}
	known := knowledgeOf(c)
	p.Routes.Inform(known.facts)
	p.Known = known.model
	p.Direct = make(map[gateway.TargetKey]*gateway.Target, len(p.providers))
	p.Rules = make(map[string]*gateway.Rule)
	for _, provider := range p.providers {
		b.addDirect(p, provider, "")
		p.Rules[provider.Name+"/"] = b.rule(p, provider.Name+"/", config.Model{OnDisconnect: c.Routing.OnDisconnect})
	}
	for i, m := range c.Models {
		p.Rules[m.Name] = b.rule(p, m.Name, m)
		for j, t := range m.Targets {
			provider := byName[t.Provider]
			e := &entry{target: b.target(p, provider, t.Model), provider: provider, route: m.Name, model: t.Model}
			if t.Concurrency.Max > 0 || t.Concurrency.Adaptive {
				name := fmt.Sprintf("%s/%s", t.Provider, cmp.Or(t.Model, "*"))
				e.limiter = b.limit(p, fmt.Sprintf("limit %s %d %s", m.Name, j, name), name, t.Concurrency)
			}
			to := e.gatewayTarget(t)
			if to.Override, err = gateway.NewOverride(t.Parameters.Drop, t.Parameters.Default, t.Parameters.Set); err != nil {
				at := fmt.Sprintf("models[%d].targets[%d].parameters", i, j)
				problems = append(problems, config.Problems(c.Fail(at, err.Error()))...)
			}
			p.entries = append(p.entries, e)
			p.Targets = append(p.Targets, to)
			b.addDirect(p, provider, t.Model)
		}
	}
	b.addPathRules(p)
	return problems
}

// addPathRules gives each path the rule of the entry of models that it leads to, and one of
// its own to those that lead to a provider.
func (b *builder) addPathRules(p *plan) {
	for _, path := range p.config.Routing.Paths {
		if path.Provider == "" {
			to, err := p.Routes.Resolve(&route.Query{Model: path.Model}, nil, rand.Float64)
			if rule := p.Rules[to.Route]; err == nil && rule != nil {
				p.Rules[path.Path] = rule
				continue
			}
		}
		p.Rules[path.Path] = b.rule(p, path.Path, config.Model{OnDisconnect: p.config.Routing.OnDisconnect})
	}
}

// addDirect lets calls name a provider's model, under the breaker that it has in routes.
func (b *builder) addDirect(p *plan, of *provider, model string) {
	key := gateway.TargetKey{Provider: of.Name, Model: model}
	if p.Direct[key] != nil {
		return
	}
	e := &entry{target: b.target(p, of, model), provider: of, model: model}
	p.entries = append(p.entries, e)
	p.Direct[key] = e.gatewayTarget(config.Target{})
}

// target returns what a provider's model has in common over all routes. An empty model
// stands for those that no route names.
func (b *builder) target(p *plan, of *provider, model string) *target {
	c := p.config
	name := of.Name
	if model != "" {
		name += "/" + model
	}
	// A provider with another address or other keys is another one.
	settings := []any{of.Provider, c.Breaker}
	t := keep(b.kept, p.kept, "target "+name, settings, func() *target {
		t := &target{name: name}
		// The sandbox's models fail because a test asks them to: that must not keep others
		// from its healthy ones.
		if c.Breaker.Enabled && (of.Kind != config.Sandbox || model != "") {
			t.breaker = breaker.New(name, breakerSettings(c), func(_ string, from, to breaker.State) {
				if b.onBreaker != nil {
					b.onBreaker(t, from, to)
				}
			})
		}
		return t
	})
	if !slices.Contains(p.targets, t) {
		p.targets = append(p.targets, t)
	}
	return t
}

func breakerSettings(c *config.Config) breaker.Settings {
	return breaker.Settings{
		FailureRatio: c.Breaker.FailureRatio,
		MinCalls:     uint32(c.Breaker.MinCalls), // bounded by the configuration
		Window:       c.Breaker.Window,
		OpenFor:      c.Breaker.CoolDown,
		Probes:       uint32(c.Breaker.Probes), // bounded by the configuration
		SlowCall:     c.Breaker.SlowCall,
	}
}

// limit returns the limiter of that name.
func (b *builder) limit(p *plan, name, of string, c config.Concurrency) *limiter.Limiter {
	return keep(b.kept, p.kept, name, c, func() *limiter.Limiter {
		return limiter.New(of, limiter.Settings{Max: c.Max, Adaptive: c.Adaptive, Queue: c.Queue, QueueTimeout: c.QueueTimeout})
	})
}

// gatewayTarget puts together what a call meets on its way: the entry's own limit, the
// target's breaker, then what all of the provider's targets share.
func (e *entry) gatewayTarget(t config.Target) *gateway.Target {
	provider := e.provider.adapter
	if e.target.breaker != nil {
		provider = e.target.breaker.Wrap(provider)
	}
	if e.limiter != nil {
		provider = e.limiter.Wrap(provider)
	}
	own := e.provider.Provider
	to := &gateway.Target{
		Target: dispatch.Target{
			Provider:      provider,
			Model:         t.Model,
			ContextWindow: t.ContextWindow,
			Unsupported:   own.Unsupported,
			Gauge:         &e.target.gauge,
			Timeouts: dispatch.Timeouts{
				Connect: t.Timeouts.Connect, FirstByte: t.Timeouts.FirstByte, Idle: t.Timeouts.Idle,
				FirstToken: cmp.Or(t.Timeouts.FirstToken, own.FirstTokenTimeout),
				Total:      cmp.Or(t.Timeouts.Total, own.TotalTimeout),
			},
		},
		Health: e.health,
	}
	for _, h := range t.Headers {
		to.Header.Add(h.Name, h.Value.Reveal())
	}
	e.ownKey = keyring.HasCredential(to.Header)
	return to
}

// health tells routing how the target is, for a model.
func (e *entry) health(model string) route.Health {
	return route.Health{
		Spared:  e.spared(model),
		Busy:    e.target.gauge.Busy(),
		Latency: e.target.gauge.Latency().Seconds(),
	}
}

// spared tells whether calls for the model would be refused without asking the
// provider, or had better be.
func (e *entry) spared(model string) bool {
	if e.target.breaker != nil {
		if _, spared := e.target.breaker.Spared(); spared {
			return true
		}
	}
	if e.provider.ring != nil && !e.ownKey {
		if _, ready := e.provider.ring.Ready(model); !ready {
			return true
		}
	}
	return e.provider.prober != nil && !e.provider.prober.Up()
}

// rule returns what a route wants.
func (b *builder) rule(p *plan, name string, m config.Model) *gateway.Rule {
	routing := p.config.Routing
	rule := &gateway.Rule{
		Budget: keep(b.kept, p.kept, "budget "+name, []any{routing.Budget, routing.MinPerSecond}, func() *dispatch.Budget {
			return dispatch.NewBudget(routing.Budget, routing.MinPerSecond)
		}),
	}
	if m.OnDisconnect == "drain" {
		rule.Drain = routing.DrainCap
	}
	if m.Hedge.Enabled {
		rule.HedgeDelay = m.Hedge.Delay
		rule.HedgeTokens = int64(m.Hedge.MaxOutputTokens)
		rule.Hedge = keep(b.kept, p.kept, "hedge "+name, m.Hedge.Budget, func() *dispatch.Budget {
			return dispatch.NewBudget(m.Hedge.Budget, 0)
		})
	}
	return rule
}
