// Package keyring chooses which of a provider's keys a call uses, and leaves a key
// alone for a while that the provider refused or whose rate limit is used up: one bad
// key must not take its provider with it.
//
// There is one ring per provider, right around its adapter. It knows error kinds and
// no HTTP, retries or routes; it never asks twice, but says when another key may
// succeed at once.
package keyring

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// DefaultRefusedFor is how long a refused key is left alone at first: somebody who
	// mends it does not want to wait longer.
	DefaultRefusedFor = time.Minute
	// DefaultRefusedAtMost is where the doubling ends.
	DefaultRefusedAtMost = 30 * time.Minute
	// DefaultLimitedFor is how long a key is left alone at first whose provider did not
	// say how long its rate limit stays used up: limits refill by the second.
	DefaultLimitedFor = time.Second
	// DefaultLimitedAtMost is where the doubling ends. The windows of limits are a minute.
	DefaultLimitedAtMost = time.Minute
	// DefaultQuotaFor is how long a key is left alone whose account is out of money.
	DefaultQuotaFor = 5 * time.Minute
	// DefaultWaitAtMost bounds what a provider may ask for with Retry-After.
	DefaultWaitAtMost = time.Hour
	// DefaultModels bounds for how many models the ring remembers anything.
	DefaultModels = 1000

	// maxNameBytes of a model's name count. No provider's are as long.
	maxNameBytes = 256
	// probeFor is how long a key that comes back has one call to prove itself, while the
	// others use other keys. Most refusals come within this time.
	probeFor = 5 * time.Second
)

// Key is one key of a provider.
type Key struct {
	// Name is what status and receipts call it.
	Name string
	// Value goes on the wire. The adapter must know it as well, by its Settings, so
	// that it can clean it out of what the provider says.
	Value adapters.Secret
	// Weight is its share of the calls. 0 (or less): none, unless all others are left
	// alone.
	Weight int
}

// Settings of a ring. The zero value of a field means its default.
type Settings struct {
	// RefusedFor and RefusedAtMost: for how long a key is left alone that the provider
	// refused, at first, and at most after doubling with each further refusal.
	RefusedFor, RefusedAtMost time.Duration
	// LimitedFor and LimitedAtMost: the same for a used-up rate limit of which the
	// provider did not say how long it lasts.
	LimitedFor, LimitedAtMost time.Duration
	// QuotaFor is how long a key is left alone whose quota is used up.
	QuotaFor time.Duration
	// WaitAtMost bounds what the provider may ask for.
	WaitAtMost time.Duration
	// Models bounds for how many models there is a memory. Beyond it, what is over is
	// forgotten first.
	Models int
}

func (s Settings) orDefaults() Settings {
	return Settings{
		RefusedFor:    cmp.Or(s.RefusedFor, DefaultRefusedFor),
		RefusedAtMost: cmp.Or(s.RefusedAtMost, DefaultRefusedAtMost),
		LimitedFor:    cmp.Or(s.LimitedFor, DefaultLimitedFor),
		LimitedAtMost: cmp.Or(s.LimitedAtMost, DefaultLimitedAtMost),
		QuotaFor:      cmp.Or(s.QuotaFor, DefaultQuotaFor),
		WaitAtMost:    cmp.Or(s.WaitAtMost, DefaultWaitAtMost),
		Models:        cmp.Or(s.Models, DefaultModels),
	}
}

// Ring chooses among the keys of one provider. It is safe for concurrent use.
type Ring struct {
	provider string
	settings Settings

	mu sync.Mutex
	// All below is guarded by mu.
	keys   []*key
	models map[string]*model
}

// key is one of the ring's keys.
type key struct {
	Key

	// current is how far behind its share the key is, in calls times weights.
	current int
	// bench holds for all models.
	bench bench
}

// model is what the ring remembers of one model.
type model struct {
	benches map[*key]*bench
}

// New returns a ring over the keys of a provider, whose name stands in errors. Without
// keys it does nothing.
func New(provider string, keys []Key, s Settings) *Ring {
	r := &Ring{provider: provider, settings: s.orDefaults(), models: map[string]*model{}}
	for _, k := range keys {
		k.Weight = max(k.Weight, 0)
		r.keys = append(r.keys, &key{Key: k})
	}
	return r
}

// Ready tells whether a call for the model, the provider's id of it, finds a key. If
// not, until says when the first one is back.
func (r *Ring) Ready(name string) (until time.Time, ok bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if len(r.keys) == 0 {
		return time.Time{}, true
	}
	now := time.Now()
	m := r.models[remembered(name)]
	for _, k := range r.keys {
		b := m.blocking(k, now)
		if b == nil {
			return time.Time{}, true
		}
		if end := b.end(); until.IsZero() || end.Before(until) {
			until = end
		}
	}
	return until, false
}

// KeyState says how a key does. It holds no part of the key's value.
type KeyState struct {
	// Name is the key's.
	Name string
	// Benched is why the key is left alone, as the kind of the error. Empty: it is not.
	Benched string
	// Model is the one for which it is left alone. Empty: for all.
	Model string
	// Until is when it is back. Zero when it is not left alone.
	Until time.Time
}

// Snapshot returns how the keys do, in their order. A key that is left alone for
// several models is there for each of them, one that is not left alone is there once.
func (r *Ring) Snapshot() []KeyState {
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	var out []KeyState
	for _, k := range r.keys {
		var benched []KeyState
		if k.bench.holds(now) {
			benched = append(benched, KeyState{Name: k.Name, Benched: k.bench.reason.String(), Until: k.bench.end()})
		}
		for name, m := range r.models {
			if b := m.benches[k]; b != nil && b.holds(now) {
				benched = append(benched, KeyState{Name: k.Name, Benched: b.reason.String(), Model: name, Until: b.end()})
			}
		}
		slices.SortFunc(benched, func(a, b KeyState) int { return cmp.Compare(a.Model, b.Model) })
		if len(benched) == 0 {
			benched = []KeyState{{Name: k.Name}}
		}
		out = append(out, benched...)
	}
	return out
}

// remembered is what stands for a model in the ring's memory: callers may make up names of
// any length, which would fill it.
func remembered(name string) string { return name[:min(len(name), maxNameBytes)] }

// lease is a key that one call uses.
type lease struct {
	*key

	model string
	// era and modelEra are those of the benches when the call began: what a call says
	// that began before the last bench is old.
	era, modelEra uint64
}

// take chooses a key for a call: smooth weighted round robin among those that are
// ready, so that each gets its share exactly and no key gets its calls in a row. When
// there is none, the error says why.
func (r *Ring) take(name string) (lease, error) {
	name = remembered(name)
	r.mu.Lock()
	defer r.mu.Unlock()
	now := time.Now()
	m := r.models[name]
	ready, weighted := 0, 0
	for _, k := range r.keys {
		if m.blocking(k, now) == nil {
			ready++
			weighted += k.Weight
		}
	}
	if ready == 0 {
		return lease{}, r.refusal(m, now)
	}
	var chosen *key
	total := 0
	for _, k := range r.keys {
		weight := k.Weight
		if weighted == 0 {
			weight = 1
		}
		if weight == 0 || m.blocking(k, now) != nil {
			continue
		}
		k.current += weight
		total += weight
		if chosen == nil || k.current > chosen.current {
			chosen = k
		}
	}
	chosen.current -= total
	taken := lease{key: chosen, model: name, era: chosen.bench.era}
	b := m.of(chosen)
	if b != nil {
		taken.modelEra = b.era
	}
	if ready > 1 {
		// A key that comes back must prove itself before everybody uses it again.
		chosen.bench.probe(now)
		b.probe(now)
	}
	return taken, nil
}

// of returns a key's bench, nil when there is none.
func (m *model) of(k *key) *bench {
	if m == nil {
		return nil
	}
	return m.benches[k]
}

// blocking returns the bench that keeps a key from the model, the longer of two, or nil.
func (m *model) blocking(k *key, now time.Time) *bench {
	b := m.of(k)
	if b != nil && !b.holds(now) {
		b = nil
	}
	if k.bench.holds(now) && (b == nil || k.bench.end().After(b.end())) {
		b = &k.bench
	}
	return b
}

// otherReady tells whether a key but this one is ready for a model.
func (r *Ring) otherReady(k *key, m *model, now time.Time) bool {
	return slices.ContainsFunc(r.keys, func(other *key) bool { return other != k && m.blocking(other, now) == nil })
}

// benchOf returns a key's bench for a model, and makes room for a new one.
func (r *Ring) benchOf(k *key, name string, now time.Time) *bench {
	m := r.models[name]
	if m == nil {
		if len(r.models) >= r.settings.Models {
			r.forget(now)
		}
		m = &model{benches: map[*key]*bench{}}
		r.models[strings.Clone(name)] = m // the call's may refer to all of its request
	}
	b := m.benches[k]
	if b == nil {
		b = new(bench)
		m.benches[k] = b
	}
	return b
}

// forget drops the models of which no bench holds any more, or if there is none, the
// one whose last bench ends first.
func (r *Ring) forget(now time.Time) {
	var first string
	var end time.Time
	for name, m := range r.models {
		var last time.Time
		for _, b := range m.benches {
			if end := b.end(); end.After(last) {
				last = end
			}
		}
		if !last.After(now) {
			delete(r.models, name)
			continue
		}
		if end.IsZero() || last.Before(end) {
			first, end = name, last
		}
	}
	if len(r.models) >= r.settings.Models {
		delete(r.models, first)
	}
}
