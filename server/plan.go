package server

import (
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"sync"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/breaker"
	"github.com/sluice-ai/sluice/adapters/catalog"
	"github.com/sluice-ai/sluice/server/config"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
)

// plan is a gateway.Plan with what the server has to know of it.
type plan struct {
	*gateway.Plan

	// targets are the names of the breakers.
	targets []string
	// closed is closed when the last call that worked by the plan has ended and its
	// providers are closed.
	closed chan struct{}
}

// builder makes plans. Its fields outlive them.
type builder struct {
	logger  *slog.Logger
	version string
	// onBreaker is told of each breaker's changes, with its plan. May be nil.
	onBreaker func(p *plan, target string, from, to breaker.State)
}

// build makes a plan, or returns a [*config.Error] with everything that the parts
// refuse. It connects to nobody.
func (b *builder) build(c *config.Config) (*plan, error) {
	p := &plan{
		Plan: &gateway.Plan{
			Providers:       make(map[string]adapters.Provider, len(c.Providers)),
			Targets:         make(map[gateway.TargetKey]adapters.Provider),
			Listed:          listed(c),
			DefaultProvider: c.Routing.DefaultProvider,
			Policy: dispatch.Policy{
				MaxAttempts:    c.Routing.MaxAttempts,
				AttemptTimeout: c.Routing.AttemptTimeout,
				TotalTimeout:   c.Routing.TotalTimeout,
			},
		},
		closed: make(chan struct{}),
	}
	var problems []config.Problem
	names := make([]string, 0, len(c.Providers))
	for i, entry := range c.Providers {
		provider, err := catalog.New(entry.Kind, b.settings(entry))
		if err != nil {
			problems = append(problems, config.Problems(c.Fail(fmt.Sprintf("providers[%d]", i), err.Error()))...)
			continue
		}
		p.Providers[entry.Name] = provider
		names = append(names, entry.Name)
	}
	if len(problems) == 0 {
		var err error
		if p.Routes, err = route.New(models(c), names, c.Routing.DefaultProvider); err != nil {
			problems = config.Problems(c.Fail("models", err.Error()))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(&config.Error{Problems: problems}, p.closeProviders())
	}
	p.tellWhenClosed()
	if c.Breaker.Enabled {
		b.addBreakers(p, c)
	}
	return p, nil
}

func (b *builder) settings(entry config.Provider) adapters.Settings {
	s := adapters.Settings{
		Name:      entry.Name,
		BaseURL:   entry.BaseURL,
		APIKeys:   entry.APIKeys,
		Timeouts:  entry.Timeouts,
		UserAgent: "sluice/" + b.version,
	}
	for _, h := range entry.Headers {
		s.Headers.Add(h.Name, h.Value.Reveal())
	}
	return s
}

// addBreakers puts a breaker around each target of the routing table, and one around
// each provider but the sandbox for the models that the table does not name.
func (b *builder) addBreakers(p *plan, c *config.Config) {
	settings := breaker.Settings{
		FailureRatio: c.Breaker.FailureRatio,
		MinCalls:     uint32(c.Breaker.MinCalls), // bounded by the configuration
		Window:       c.Breaker.Window,
		OpenFor:      c.Breaker.CoolDown,
	}
	var changed func(target string, from, to breaker.State)
	if b.onBreaker != nil {
		changed = func(target string, from, to breaker.State) { b.onBreaker(p, target, from, to) }
	}
	add := func(key gateway.TargetKey) {
		if _, done := p.Targets[key]; done {
			return
		}
		name := key.Provider
		if key.Model != "" {
			name += "/" + key.Model
		}
		p.Targets[key] = breaker.New(name, settings, changed).Wrap(p.Providers[key.Provider])
		p.targets = append(p.targets, name)
	}
	for _, entry := range c.Providers {
		// The sandbox's models fail because a test asks them to: that must not keep
		// others from its healthy ones.
		if entry.Kind != config.Sandbox {
			add(gateway.TargetKey{Provider: entry.Name})
		}
	}
	for _, m := range c.Models {
		for _, t := range m.Targets {
			if t.Model != "" { // else the provider's own, if it has one
				add(gateway.TargetKey{Provider: t.Provider, Model: t.Model})
			}
		}
	}
}

// tellWhenClosed makes the closing of the providers close p.closed.
func (p *plan) tellWhenClosed() {
	var open sync.WaitGroup
	open.Add(len(p.Providers))
	for name, provider := range p.Providers {
		inner := provider.Close
		provider.Close = func() error {
			defer open.Done()
			if inner == nil {
				return nil
			}
			return inner()
		}
		p.Providers[name] = provider
	}
	go func() {
		open.Wait()
		close(p.closed)
	}()
}

// closeProviders is for a plan that never came into force.
func (p *plan) closeProviders() error {
	var errs []error
	for _, provider := range p.Providers {
		if provider.Close != nil {
			errs = append(errs, provider.Close())
		}
	}
	return errors.Join(errs...)
}

// listed returns the providers whose models the list shows, the default one first.
// The sandbox that nobody asked for is shown only when there is nothing else.
func listed(c *config.Config) []string {
	var names []string
	for _, p := range c.Providers {
		if !p.Implicit || len(c.Providers) == 1 {
			names = append(names, p.Name)
		}
	}
	if i := slices.Index(names, c.Routing.DefaultProvider); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, c.Routing.DefaultProvider)
	}
	return names
}

func models(c *config.Config) []route.Model {
	list := make([]route.Model, len(c.Models))
	for i, m := range c.Models {
		list[i].Name = m.Name
		for _, t := range m.Targets {
			list[i].Targets = append(list[i].Targets, route.Target{Provider: t.Provider, Model: t.Model, Weight: t.Weight, Priority: t.Priority})
		}
	}
	return list
}
