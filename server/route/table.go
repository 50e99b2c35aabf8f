package route

import (
	"cmp"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Table is a routing table, immutable once it is used. Safe for concurrent use.
type Table struct {
	exact           map[string]*entry // by name and alias
	wildcards       []*entry          // most specific first
	names           []string
	targets         []Target
	paths           map[string]Path
	longestPath     int // bytes
	providers       map[string]bool
	defaultProvider string
	facts           func(provider, model string) Facts // nil: nothing is known
}

// entry is a [Model] in the form that calls need.
type entry struct {
	name     string
	strategy Strategy
	sticky   Sticky
	// targets: the ordinary ones by priority, then the canaries; otherwise in the order
	// of the configuration.
	targets []Target
	// ordinary is how many of targets are no canaries.
	ordinary int
	// marks tell the targets from each other for sticky calls.
	marks []uint64
	// shares are those of the canaries, in their order.
	shares []share
	// salt makes the canaries of each entry meet other keys.
	salt uint64
}

// New builds a table. Providers are the configured names; defaultProvider may be
// empty. It fails when a name, alias or path stands twice, when a target or a path
// leads nowhere, and on a number out of its range.
func New(models []Model, providers []string, defaultProvider string, paths ...Path) (*Table, error) {
	t := &Table{
		exact:           make(map[string]*entry),
		paths:           make(map[string]Path, len(paths)),
		providers:       make(map[string]bool, len(providers)),
		defaultProvider: defaultProvider,
	}
	for _, p := range providers {
		t.providers[p] = true
	}
	if defaultProvider != "" && !t.providers[defaultProvider] {
		return nil, fmt.Errorf("default provider %q is not configured", defaultProvider)
	}
	seen := make(map[string]bool)
	for i := range models {
		if err := t.add(&models[i], seen); err != nil {
			return nil, fmt.Errorf("model %q: %w", models[i].Name, err)
		}
	}
	// The longest literal text wins; ties keep the order of the configuration.
	slices.SortStableFunc(t.wildcards, func(a, b *entry) int { return cmp.Compare(len(b.name), len(a.name)) })
	for _, p := range paths {
		if err := t.addPath(p); err != nil {
			return nil, fmt.Errorf("path %q: %w", p.Prefix, err)
		}
	}
	return t, nil
}

// Inform fills in the [Facts] of all targets: of those with a model now, of the others and
// of calls that name a provider when they are resolved. It is called once at most, before
// the table is used. facts is pure, safe for concurrent use, and fast, for calls wait for
// it.
func (t *Table) Inform(facts func(provider, model string) Facts) {
	t.facts = facts
	fill := func(targets []Target) {
		for i := range targets {
			if targets[i].Model != "" {
				targets[i].Facts = facts(targets[i].Provider, targets[i].Model)
			}
		}
	}
	fill(t.targets)
	for _, e := range t.exact {
		fill(e.targets)
	}
	for _, e := range t.wildcards {
		fill(e.targets)
	}
}

func (t *Table) add(m *Model, seen map[string]bool) error {
	if m.Name == "" || len(m.Targets) == 0 {
		return errors.New("a name and at least one target are needed")
	}
	if seen[m.Name] {
		return errors.New("it stands twice")
	}
	seen[m.Name] = true
	for i := range m.Targets {
		if err := t.check(&m.Targets[i]); err != nil {
			return err
		}
	}
	e, err := newEntry(m, len(t.targets))
	if err != nil {
		return err
	}
	// In the order of the configuration, which the entry does not keep.
	for _, target := range m.Targets {
		target.ID = len(t.targets)
		t.targets = append(t.targets, target)
	}
	switch strings.Count(m.Name, "*") {
	case 0:
		t.exact[m.Name] = e
		t.names = append(t.names, m.Name)
	case 1:
		t.wildcards = append(t.wildcards, e)
	default:
		return errors.New("only one * is allowed")
	}
	for _, alias := range m.Aliases {
		switch {
		case alias == "" || strings.Contains(alias, "*"):
			return fmt.Errorf("alias %q: an alias is a name without *", alias)
		case seen[alias]:
			return fmt.Errorf("alias %q stands twice", alias)
		}
		seen[alias] = true
		t.exact[alias] = e
		t.names = append(t.names, alias)
	}
	return nil
}

func (t *Table) check(target *Target) error {
	switch {
	case !t.providers[target.Provider]:
		return fmt.Errorf("provider %q is not configured", target.Provider)
	case target.Weight < 0:
		return fmt.Errorf("weight %d is below 0", target.Weight)
	case target.ContextWindow < 0:
		return fmt.Errorf("context window %d is below 0", target.ContextWindow)
	case target.Price != nil && !(target.Price.Input >= 0 && target.Price.Output >= 0): // NaN, too
		return fmt.Errorf("price %v is below 0", *target.Price)
	}
	return nil
}

func newEntry(m *Model, firstID int) (*entry, error) {
	e := &entry{name: m.Name, strategy: cmp.Or(m.Strategy, StrategyWeighted), sticky: m.Sticky, salt: hash([]byte(m.Name))}
	if !slices.Contains(strategies, e.strategy) {
		return nil, fmt.Errorf("there is no strategy %q", e.strategy)
	}
	e.sticky.By = slices.Clone(e.sticky.By)
	for _, by := range e.sticky.By {
		if !slices.Contains(stickySources, by) {
			return nil, fmt.Errorf("there is no sticky key %q", by)
		}
	}
	e.targets = slices.Clone(m.Targets)
	for i := range e.targets {
		e.targets[i].ID = firstID + i
	}
	slices.SortStableFunc(e.targets, func(a, b Target) int {
		switch {
		case (a.Canary == nil) != (b.Canary == nil):
			if a.Canary == nil {
				return -1
			}
			return 1
		case a.Canary != nil:
			return 0
		}
		return cmp.Compare(a.Priority, b.Priority)
	})
	for e.ordinary < len(e.targets) && e.targets[e.ordinary].Canary == nil {
		e.ordinary++
	}
	var err error
	if e.shares, err = shares(e.targets[e.ordinary:]); err != nil {
		return nil, err
	}
	e.marks = marks(e.targets)
	return e, nil
}

func (t *Table) addPath(p Path) error {
	if len(p.Prefix) < 2 || p.Prefix[0] != '/' || p.Prefix[len(p.Prefix)-1] == '/' {
		return errors.New("a path begins with a slash and ends without one")
	}
	if _, twice := t.paths[p.Prefix]; twice {
		return errors.New("it stands twice")
	}
	if p.Provider != "" && !t.providers[p.Provider] {
		return fmt.Errorf("provider %q is not configured", p.Provider)
	}
	if p.Provider == "" && p.Model != "" {
		if _, ok := t.find(p.Model); !ok {
			return fmt.Errorf("nothing serves the model %q", p.Model)
		}
	}
	t.paths[p.Prefix] = p
	t.longestPath = max(t.longestPath, len(p.Prefix))
	return nil
}

// Names returns the names and aliases of the table without wildcards, in the order of
// the configuration, aliases behind their name.
func (t *Table) Names() []string { return t.names }

// Targets returns the targets of all entries, in the order of the configuration.
func (t *Table) Targets() []Target { return t.targets }

// Has tells whether the table has an entry of exactly that name or alias, wildcards
// aside.
func (t *Table) Has(name string) bool {
	_, ok := t.exact[name]
	return ok
}

// TargetsOf returns the targets of the entry of exactly that name or alias, in the order of
// their priority, models resolved. It is empty when there is none.
func (t *Table) TargetsOf(name string) []Target {
	e := t.exact[name]
	if e == nil {
		return nil
	}
	return t.all(place{entry: e}, name)
}

// Prefix returns the longest path prefix of the table that path lies under, and the
// rest of path, which is empty or begins with a slash. ok is false when there is none.
func (t *Table) Prefix(path string) (prefix, rest string, ok bool) {
	for end := min(len(path), t.longestPath); end > 1; end-- {
		if end < len(path) && path[end] != '/' {
			continue
		}
		if p, found := t.paths[path[:end]]; found {
			return p.Prefix, path[end:], true
		}
	}
	return "", "", false
}

// place is what a name stands for: an entry, or a provider and its model.
type place struct {
	entry           *entry
	provider, model string
}

// find returns what a name stands for, see [Table.Resolve]. ok is false for nothing.
func (t *Table) find(name string) (p place, ok bool) {
	if name == "" {
		return place{}, false
	}
	if e := t.exact[name]; e != nil {
		return place{entry: e}, true
	}
	if provider, model, ok := t.splitProvider(name); ok {
		return place{provider: provider, model: model}, true
	}
	for _, e := range t.wildcards {
		if matches(e.name, name) {
			return place{entry: e}, true
		}
	}
	return place{provider: t.defaultProvider, model: name}, t.defaultProvider != ""
}

// splitProvider takes "provider/model" or "provider:model" apart. ok is false when
// what stands before the first separator is no configured provider, or nothing
// follows it.
func (t *Table) splitProvider(model string) (provider, rest string, ok bool) {
	i := strings.IndexAny(model, "/:")
	if i <= 0 || i == len(model)-1 || !t.providers[model[:i]] {
		return "", "", false
	}
	return model[:i], model[i+1:], true
}

// matches reports whether name fits pattern, which holds one "*".
func matches(pattern, name string) bool {
	before, after, _ := strings.Cut(pattern, "*")
	return len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
}
