package server

import (
	"cmp"
	"slices"
	"time"

	"github.com/sluice-ai/sluice/adapters/breaker"
	"github.com/sluice-ai/sluice/adapters/keyring"
	"github.com/sluice-ai/sluice/adapters/limiter"
	"github.com/sluice-ai/sluice/adapters/prober"
	"github.com/sluice-ai/sluice/server/dispatch"
)

// Status is how a server is at one moment: what GET /status of the admin listener
// answers. Members are added over time and never change their meaning. It holds no
// secret: keys stand by their names alone.
type Status struct {
	Version string `json:"version"`
	// At is when the server said this, by its own clock, as all times here.
	At time.Time `json:"at"`
	// Started is when the ports opened.
	Started       time.Time `json:"started"`
	UptimeSeconds float64   `json:"uptime_seconds"`
	// Ready is what /readyz says.
	Ready  bool         `json:"ready"`
	Config ConfigStatus `json:"config"`
	// RunningCalls are those through all doors. More than MaxCalls are refused.
	RunningCalls int `json:"running_calls"`
	MaxCalls     int `json:"max_calls"`
	// Providers are in the order of the configuration.
	Providers []ProviderStatus `json:"providers"`
	// Targets are all places that calls can go to, sorted by name.
	Targets []TargetStatus `json:"targets"`
}

// ConfigStatus is the configuration in force.
type ConfigStatus struct {
	// Source is the file. Empty: there is none.
	Source string `json:"source"`
	// ReloadedAt is when it was last taken up anew. Null: not since the start.
	ReloadedAt *time.Time `json:"reloaded_at"`
}

// ProviderStatus is a provider of the configuration.
type ProviderStatus struct {
	Name string `json:"name"`
	Kind string `json:"kind"`
	// Up is what health checks found. Null: there are none.
	Up *bool `json:"up"`
	// Concurrency is over all of its models. Null: nothing bounds it.
	Concurrency *ConcurrencyStatus `json:"concurrency"`
	Keys        []KeyStatus        `json:"keys"`
}

// KeyStatus is one of a provider's keys.
type KeyStatus struct {
	Name string `json:"name"`
	// Benched is what the key is not used for at the moment.
	Benched []BenchStatus `json:"benched"`
}

// BenchStatus says why and for how long a key is not used.
type BenchStatus struct {
	// Model is the provider's id. Empty: all of them.
	Model string `json:"model"`
	// Reason is the kind of error that did it, as "rate_limited".
	Reason string    `json:"reason"`
	Until  time.Time `json:"until"`
}

// TargetStatus is one place that calls can go to.
type TargetStatus struct {
	// Target is "provider/model", as metrics name it, or "provider" for all other models
	// of it. A target that routes bound each by a limit of its own stands there for each.
	Target string `json:"target"`
	// Routes are the configured models that name it.
	Routes []string `json:"routes"`
	// State is that of the circuit breaker: closed, half_open, open, or off when there is
	// none.
	State string `json:"state"`
	// Until is when an open breaker lets a call through to try. Null for any other.
	Until *time.Time `json:"until"`
	// Calls and Failures are those in the breaker's window; while it is not closed, those
	// that opened it.
	Calls    uint32 `json:"calls"`
	Failures uint32 `json:"failures"`
	// Busy is how many attempts run.
	Busy int `json:"busy"`
	// LatencyMS is the usual time to the first token of streams, and of single answers as
	// a whole; P95MS the time that 95 % of the latest single answers did not exceed. Both
	// are in milliseconds; 0: not known.
	LatencyMS float64 `json:"latency_ms"`
	P95MS     float64 `json:"p95_ms"`
	// Concurrency is null when nothing bounds the target.
	Concurrency *ConcurrencyStatus `json:"concurrency"`
	// Spared says that routing prefers others: the breaker is open, no key is ready, or
	// health checks fail.
	Spared bool `json:"spared"`
}

// ConcurrencyStatus is a bound of calls at once.
type ConcurrencyStatus struct {
	Running int `json:"running"`
	// Limit moves when the bound is adaptive.
	Limit int `json:"limit"`
	// Waiting are those in the queue, Queue how many may be.
	Waiting int `json:"waiting"`
	Queue   int `json:"queue"`
	// Refused counts those that got no place, since the start or since the bound changed.
	Refused uint64 `json:"refused"`
}

// targetView is what a plan knows of one of its targets.
type targetView struct {
	name   string // as metrics name it
	routes []string
	// breaker is nil when it is off, limiter when nothing bounds the target, gauge when
	// nobody looks.
	breaker *breaker.Breaker
	limiter *limiter.Limiter
	gauge   *dispatch.Gauge
	// spared is what routing is told.
	spared bool
}

// providerView is what a plan knows of one of its providers.
type providerView struct {
	name, kind string
	// prober is nil when its health is not checked, limiter when nothing bounds it, ring
	// when it has no keys.
	prober  *prober.Prober
	limiter *limiter.Limiter
	ring    *keyring.Ring
}

// status describes the server.
func (s *Server) status() Status {
	s.mu.Lock()
	c, p, started, reloaded := s.config, s.plan, s.started, s.reloaded
	s.mu.Unlock()
	now := time.Now()
	status := Status{
		Version: s.builder.version,
		At:      now,
		Started: started,
		Ready:   s.ready.Load(),
		Config:  ConfigStatus{Source: c.Source, ReloadedAt: known(reloaded)},
		// Never null: a list that is empty.
		Providers:    []ProviderStatus{},
		Targets:      []TargetStatus{},
		RunningCalls: s.builder.shed.Running(),
		MaxCalls:     s.builder.shed.Max(),
	}
	status.UptimeSeconds = now.Sub(started).Seconds()
	for _, v := range p.providerViews() {
		status.Providers = append(status.Providers, v.status())
	}
	for _, v := range p.views() {
		status.Targets = append(status.Targets, v.status())
	}
	slices.SortStableFunc(status.Targets, func(a, b TargetStatus) int { return cmp.Compare(a.Target, b.Target) })
	return status
}

func (v *targetView) status() TargetStatus {
	t := TargetStatus{
		Target:      v.name,
		Routes:      append([]string{}, v.routes...),
		State:       "off",
		Busy:        v.gauge.Busy(),
		LatencyMS:   milliseconds(v.gauge.Latency()),
		Concurrency: concurrency(v.limiter),
		Spared:      v.spared,
	}
	if p95, ok := v.gauge.Quantile(0.95); ok {
		t.P95MS = milliseconds(p95)
	}
	if v.breaker != nil {
		b := v.breaker.Snapshot()
		t.State, t.Until, t.Calls, t.Failures = b.State.String(), known(b.Until), b.Calls, b.Failures
	}
	return t
}

func (v *providerView) status() ProviderStatus {
	p := ProviderStatus{Name: v.name, Kind: v.kind, Concurrency: concurrency(v.limiter), Keys: []KeyStatus{}}
	if v.prober != nil {
		p.Up = new(v.prober.Up())
	}
	if v.ring == nil {
		return p
	}
	for _, state := range v.ring.Snapshot() {
		if n := len(p.Keys); n == 0 || p.Keys[n-1].Name != state.Name {
			p.Keys = append(p.Keys, KeyStatus{Name: state.Name, Benched: []BenchStatus{}})
		}
		if state.Benched != "" {
			key := &p.Keys[len(p.Keys)-1]
			key.Benched = append(key.Benched, BenchStatus{Model: state.Model, Reason: state.Benched, Until: state.Until})
		}
	}
	return p
}

// concurrency is null for a limiter that bounds nothing.
func concurrency(l *limiter.Limiter) *ConcurrencyStatus {
	if l == nil {
		return nil
	}
	s := l.Snapshot()
	if s.Limit == 0 {
		return nil
	}
	return &ConcurrencyStatus{Running: s.Running, Limit: s.Limit, Waiting: s.Waiting, Queue: s.QueueSize, Refused: s.Refused}
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

// known returns nil for the zero time.
func known(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	return &t
}

// views describes the targets of the plan: one view for all routes that share a target,
// and one for each that bounds it by a limit of its own.
func (p *plan) views() []targetView {
	type place struct {
		target  *target
		limiter *limiter.Limiter
	}
	at := make(map[place]int, len(p.entries))
	var list []targetView
	for _, e := range p.entries {
		i, seen := at[place{e.target, e.limiter}]
		if !seen {
			i = len(list)
			at[place{e.target, e.limiter}] = i
			spared := e.spared(e.model)
			list = append(list, targetView{
				name: e.target.name, breaker: e.target.breaker, limiter: e.limiter, gauge: &e.target.gauge, spared: spared,
			})
		}
		if v := &list[i]; e.route != "" && !slices.Contains(v.routes, e.route) {
			v.routes = append(v.routes, e.route)
		}
	}
	return list
}

// providerViews describes the providers of the plan, in the order of the configuration.
func (p *plan) providerViews() []providerView {
	list := make([]providerView, len(p.providers))
	for i, provider := range p.providers {
		list[i] = providerView{provider.Name, provider.Kind, provider.prober, provider.limiter, provider.ring}
	}
	return list
}
