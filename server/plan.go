package server

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
	"sync"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/breaker"
	"github.com/sluice-ai/sluice/adapters/catalog"
	"github.com/sluice-ai/sluice/adapters/keyring"
	"github.com/sluice-ai/sluice/adapters/limiter"
	"github.com/sluice-ai/sluice/adapters/prober"

	"github.com/sluice-ai/sluice/server/config"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/edge"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/redact"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/shed"
	"github.com/sluice-ai/sluice/server/usage"
)

// plan is a gateway.Plan with what the server has to know of it.
type plan struct {
	*gateway.Plan

	config *config.Config
	// providers are those of the configuration, in its order.
	providers []*provider
	// targets are what has a breaker, in the order of the configuration.
	targets []*target
	// entries are the targets of all routes, those of calls that name a provider first.
	entries []*entry
	kept    kept
	// closed is closed when the last call that worked by the plan has ended and its
	// providers are closed.
	closed chan struct{}
}

// provider is one of the configuration, and what stands around it.
type provider struct {
	config.Provider

	// adapter is with its keys and its own limit, as all of its targets share it.
	adapter adapters.Provider
	ring    *keyring.Ring    // nil without keys
	limiter *limiter.Limiter // nil without a bound
	prober  *prober.Prober   // nil without health checks
}

// builder makes plans. Its fields outlive them.
type builder struct {
	logger   *slog.Logger
	redactor *redact.Redactor // masks what was said before it is logged
	version  string
	shed     *shed.Shedder
	// kept is that of the plan in force.
	kept kept
	// onBreaker is told of each breaker's changes. May be nil.
	onBreaker func(t *target, from, to breaker.State)
	// onHealth is told what health checks find. May be nil.
	onHealth func(provider string, up bool)
}

// build makes a plan, or returns a [*config.Error] with everything that the parts
// refuse. It connects to nobody.
func (b *builder) build(c *config.Config) (*plan, error) {
	p := &plan{
		Plan: &gateway.Plan{
			Providers:       make(map[string]adapters.Provider, len(c.Providers)),
			Listed:          listed(c),
			DefaultProvider: c.Routing.DefaultProvider,
			CallerChoice:    c.Routing.CallerChoice,
			Policy:          policy(c),
			Shed:            b.shed,
			Bodies:          usage.NewBodies(b.logger, b.redactor, c.Log.Bodies.Models, callersOf(c.Log.Bodies.Keys), c.Log.Bodies.MaxBytes),
		},
		config: c,
		kept:   make(kept),
		closed: make(chan struct{}),
	}
	problems := b.addProviders(p)
	if len(problems) == 0 {
		problems = b.addRoutes(p)
	}
	if len(problems) > 0 {
		return nil, errors.Join(&config.Error{Problems: problems}, p.closeProviders())
	}
	p.tellWhenClosed()
	return p, nil
}

// inForce makes what p has learnt the past of the next plan.
func (b *builder) inForce(p *plan) { b.kept = p.kept }

func policy(c *config.Config) dispatch.Policy {
	repeat := map[string]dispatch.Repeat{
		"never": dispatch.RepeatNever, "unsent": dispatch.RepeatUnsent,
		"refused": dispatch.RepeatRefused, "failed": dispatch.RepeatFailed,
	}
	return dispatch.Policy{
		MaxAttempts:    c.Routing.MaxAttempts,
		AttemptTimeout: c.Routing.AttemptTimeout,
		TotalTimeout:   c.Routing.TotalTimeout,
		Repeat:         repeat[c.Routing.SameTarget],
		// For dispatch, 0 means its default; here it means none.
		FirstPause: max(c.Routing.FirstPause, 1),
		MaxPause:   max(c.Routing.MaxPause, 1),
		MaxWait:    max(c.Routing.MaxWait, 1),
	}
}

func (b *builder) addProviders(p *plan) (problems []config.Problem) {
	for i, entry := range p.config.Providers {
		at := fmt.Sprintf("providers[%d]", i)
		settings, err := b.settings(p.config, entry)
		if err != nil {
			problems = append(problems, config.Problems(p.config.Fail(at+".tls", err.Error()))...)
			continue
		}
		adapter, err := catalog.New(entry.Kind, settings)
		if err != nil {
			problems = append(problems, config.Problems(p.config.Fail(at, err.Error()))...)
			continue
		}
		added := &provider{Provider: entry, adapter: adapter}
		if len(entry.Keys) > 0 {
			// Who refused a key at another address says nothing of it at this one.
			settings := []any{entry.Kind, entry.BaseURL, entry.Headers, keysOf(entry)}
			added.ring = keep(b.kept, p.kept, "keys "+entry.Name, settings, func() *keyring.Ring {
				return keyring.New(entry.Name, keysOf(entry), keyring.Settings{})
			})
			added.adapter = added.ring.Wrap(added.adapter)
		}
		if entry.Concurrency.Max > 0 || entry.Concurrency.Adaptive {
			added.limiter = b.limit(p, "limit "+entry.Name, entry.Name, entry.Concurrency)
			added.adapter = added.limiter.Wrap(added.adapter)
		}
		if entry.HealthCheck.Interval > 0 {
			added.prober, err = prober.New(added.adapter, prober.Settings{
				Interval: entry.HealthCheck.Interval, Timeout: entry.HealthCheck.Timeout, Failures: entry.HealthCheck.Failures,
			}, b.onHealth)
			if err != nil {
				problems = append(problems, config.Problems(p.config.Fail(at+".health_check", err.Error()))...)
				continue
			}
			// What the last plan's checks found counts until the first of this one.
			name := "health " + entry.Name
			if before, ok := b.kept[name]; ok && reflect.DeepEqual(before.settings, entry) {
				added.prober.Inherit(before.value.(*prober.Prober).Snapshot()) //nolint:forcetypeassert // a name has one type
			}
			p.kept[name] = keptEntry{entry, added.prober}
		}
		p.providers = append(p.providers, added)
		p.Providers[entry.Name] = added.adapter
	}
	return problems
}

func (b *builder) settings(c *config.Config, entry config.Provider) (adapters.Settings, error) {
	s := adapters.Settings{
		Name:      entry.Name,
		BaseURL:   entry.BaseURL,
		APIKeys:   entry.APIKeys,
		Timeouts:  entry.Timeouts,
		UserAgent: "sluice/" + b.version,
		TLS:       adapters.TLS{RootCAs: entry.TLS.CA.Pool(), ServerName: entry.TLS.ServerName},
		Proxy:     entry.Proxy,
		Google:    entry.Google,
		AWS:       entry.AWS,
		Azure:     entry.Azure,
		Dialect:   entry.Dialect,

		MaxResponseBytes: c.MaxAnswerBytes,
		MaxStreamBytes:   c.MaxStreamBytes,
	}
	certificate, err := entry.TLS.Certificate()
	if err != nil {
		return s, err
	}
	if certificate != nil {
		s.TLS.Certificates = []tls.Certificate{*certificate}
	}
	for _, h := range entry.Headers {
		s.Headers.Add(h.Name, h.Value.Reveal())
	}
	for _, m := range c.Models {
		for _, t := range m.Targets {
			if t.Provider == entry.Name {
				for _, h := range t.Headers {
					s.Secrets = append(s.Secrets, h.Value)
				}
			}
		}
	}
	return s, nil
}

func keysOf(entry config.Provider) []keyring.Key {
	keys := make([]keyring.Key, len(entry.Keys))
	for i, k := range entry.Keys {
		keys[i] = keyring.Key{Name: k.Name, Value: k.Value, Weight: k.Weight}
	}
	return keys
}

// start begins the health checks of a plan in force.
func (p *plan) start(ctx context.Context) {
	for _, provider := range p.providers {
		if provider.prober != nil {
			provider.prober.Start(ctx)
		}
	}
}

// stop ends the health checks of a plan that is no longer in force.
func (p *plan) stop() {
	for _, provider := range p.providers {
		if provider.prober != nil {
			provider.prober.Stop()
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

// routeModels is the table of a configuration.
func routeModels(c *config.Config) []route.Model {
	list := make([]route.Model, len(c.Models))
	for i, m := range c.Models {
		list[i] = route.Model{
			Name: m.Name, Aliases: m.Aliases, Strategy: route.Strategy(m.Strategy),
			Sticky: route.Sticky{Header: m.Sticky.Header, PromptBytes: m.Sticky.PromptBytes},
		}
		for _, by := range m.Sticky.By {
			list[i].Sticky.By = append(list[i].Sticky.By, route.StickyBy(by))
		}
		for _, t := range m.Targets {
			list[i].Targets = append(list[i].Targets, routeTarget(t))
		}
	}
	return list
}

func routeTarget(t config.Target) route.Target {
	out := route.Target{
		Provider: t.Provider, Model: t.Model, Weight: t.Weight, Priority: t.Priority,
		Canary: t.Canary, ContextWindow: t.ContextWindow,
	}
	for _, name := range t.Lacks {
		feature, _ := route.ParseFeature(name) // the configuration knows the names
		out.Lacks |= feature
	}
	if t.Price != nil {
		out.Price = &route.Price{Input: t.Price.Input, Output: t.Price.Output}
	}
	return out
}

// callersOf returns what doors call those who bring the keys.
func callersOf(keys []adapters.Secret) []string {
	out := make([]string, len(keys))
	for i, key := range keys {
		out[i] = edge.CallerOfKey(key.Reveal())
	}
	return out
}
