// Package route decides where a call goes: a model's name in, targets in order of
// preference out. It is pure: it asks nobody and remembers nothing.
package route

import (
	"cmp"
	"fmt"
	"slices"
	"strings"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// Target is one place that can serve a call.
type Target struct {
	// Provider is the configured name.
	Provider string
	// Model is the provider's id of the model. Empty: the caller's name goes through.
	Model string
	// Weight is the share of calls among targets of the same priority. 0: only when the
	// others of the priority failed.
	Weight int
	// Priority orders groups of targets, 0 first.
	Priority int
	// Canary is the percentage of calls, 0 to 100, that tries this target first; nil
	// makes it an ordinary one. Weight and Priority of a canary do not count, and calls
	// that are not its own come to it last of all.
	Canary *float64
	// Lacks are the features that it does not have.
	Lacks Feature
	// ContextWindow is how many tokens prompt and answer may have together. 0: not known.
	ContextWindow int64
	// Price orders targets of [StrategyCheapest]. Nil: not known, and after all others.
	Price *Price
	// ID is the target's place in [Table.Targets]. -1: no entry of the table names it.
	// [New] sets it.
	ID int
}

// Price is in US dollars per million tokens.
type Price struct{ Input, Output float64 }

// Strategy says which target of the same priority comes first.
type Strategy string

// The strategies.
const (
	// StrategyWeighted draws by weight. It is that of the empty strategy, too.
	StrategyWeighted Strategy = "weighted"
	// StrategyPriority keeps the order of the configuration.
	StrategyPriority Strategy = "priority"
	// StrategyLeastLatency takes the shortest time to the first token.
	StrategyLeastLatency Strategy = "least_latency"
	// StrategyLeastBusy takes the fewest running calls per weight.
	StrategyLeastBusy Strategy = "least_busy"
	// StrategyCheapest takes the lowest estimated price of the call.
	StrategyCheapest Strategy = "cheapest"
	// StrategySticky sends what has a key in common to the same target.
	StrategySticky Strategy = "sticky"
)

// Sticky says what calls of [StrategySticky] have in common.
type Sticky struct {
	// By are the sources of the key; the first that a call has counts. Without any the
	// call goes by weight.
	By []StickyBy
	// Header is the header of [StickySession], in lower case.
	Header string
	// PromptBytes is how much of the conversation counts for [StickyPrompt].
	PromptBytes int
}

// StickyBy is a source of the key.
type StickyBy string

// The sources.
const (
	StickySession StickyBy = "session"
	StickyUser    StickyBy = "user"
	StickyKey     StickyBy = "key"
	StickyPrompt  StickyBy = "prompt"
)

// Feature is a set of things that a call may need and a target may lack.
type Feature uint16

// The features.
const (
	FeatureTools Feature = 1 << iota
	FeatureVision
	FeatureAudio
	FeatureFiles
	FeatureJSONSchema
	FeatureStreaming
)

// Model is an entry of the routing table.
type Model struct {
	// Name is what callers ask for. One "*" in it stands for any text.
	Name string
	// Aliases are more names for it, without "*".
	Aliases []string
	// Strategy orders targets of the same priority.
	Strategy Strategy
	// Sticky is for [StrategySticky].
	Sticky Sticky
	// Targets serve it; at least one.
	Targets []Target
}

// Path is a prefix of the REST door that leads to one target.
type Path struct {
	// Prefix begins with a slash and ends without one.
	Prefix string
	// Provider is the configured name. Empty: Model is a name as callers use them.
	Provider string
	// Model is the provider's id of the model. Empty: the caller's.
	Model string
}

// Query is what decides where a call goes.
type Query struct {
	// Model is what the caller asks for.
	Model string
	// Choices are the names to try in turn in place of Model, when the caller chose.
	Choices []string
	// Path is the prefix under which the call came, as [Table.Prefix] returned it.
	Path string
	// Features are those that the call needs.
	Features Feature
	// PromptTokens estimates the prompt. 0: not known.
	PromptTokens int64
	// OutputTokens bounds the answer. 0: the caller did not.
	OutputTokens int64
	// User and Caller are the values of [StickyUser] and [StickyKey]; empty when the call
	// has none.
	User, Caller string
	// Header returns the value of a header by its lower-case name, "" when there is none.
	// May be nil.
	Header func(name string) string
	// Prompt returns up to limit bytes of how the conversation begins. May be nil.
	Prompt func(limit int) []byte
}

// Health is how a target is at this moment.
type Health struct {
	// Spared says that calls would be refused without asking it.
	Spared bool
	// Busy is how many calls it runs.
	Busy int
	// Latency is its usual time to the first token. 0: not known.
	Latency time.Duration
}

// Table is an immutable routing table. Safe for concurrent use.
type Table struct {
	exact           map[string]Model
	wildcards       []Model // most specific first
	names           []string
	targets         []Target
	paths           []Path
	providers       map[string]bool
	defaultProvider string
}

// Decision is where a call goes.
type Decision struct {
	// Route is the name of the table's entry, or "" when the call named a provider or
	// went to the default one.
	Route string
	// Targets is in order of preference, never empty. Their models are resolved: none
	// is empty.
	Targets []Target
}

// New builds a table. Providers are the configured names; defaultProvider may be
// empty. It fails when a name stands twice or a target names an unknown provider.
func New(models []Model, providers []string, defaultProvider string, paths ...Path) (*Table, error) {
	t := &Table{
		paths:           paths,
		exact:           make(map[string]Model),
		providers:       make(map[string]bool),
		defaultProvider: defaultProvider,
	}
	for _, p := range providers {
		t.providers[p] = true
	}
	if defaultProvider != "" && !t.providers[defaultProvider] {
		return nil, fmt.Errorf("default provider %q is not configured", defaultProvider)
	}
	seen := make(map[string]bool)
	for _, m := range models {
		if err := t.add(m, seen); err != nil {
			return nil, err
		}
	}
	// The longest literal text wins; ties keep the order of the configuration.
	slices.SortStableFunc(t.wildcards, func(a, b Model) int { return cmp.Compare(len(b.Name), len(a.Name)) })
	return t, nil
}

func (t *Table) add(m Model, seen map[string]bool) error {
	if m.Name == "" || len(m.Targets) == 0 {
		return fmt.Errorf("model %q: a name and at least one target are needed", m.Name)
	}
	if seen[m.Name] {
		return fmt.Errorf("model %q stands twice", m.Name)
	}
	seen[m.Name] = true
	m.Targets = slices.Clone(m.Targets)
	for i, target := range m.Targets {
		if !t.providers[target.Provider] {
			return fmt.Errorf("model %q: provider %q is not configured", m.Name, target.Provider)
		}
		m.Targets[i].ID = len(t.targets)
		t.targets = append(t.targets, m.Targets[i])
	}
	switch strings.Count(m.Name, "*") {
	case 0:
		t.exact[m.Name] = m
		t.names = append(t.names, m.Name)
	case 1:
		t.wildcards = append(t.wildcards, m)
	default:
		return fmt.Errorf("model %q: only one * is allowed", m.Name)
	}
	return nil
}

// Names returns the names of the table without wildcards, in the order of the
// configuration.
func (t *Table) Names() []string { return t.names }

// Targets returns the targets of all entries, in the order of the configuration.
func (t *Table) Targets() []Target { return t.targets }

// Prefix returns the path prefix of the table that path lies under, and the rest of
// path, which is empty or begins with a slash. ok is false when there is none.
func (t *Table) Prefix(path string) (prefix, rest string, ok bool) {
	for _, p := range t.paths { // the longest wins; few are configured
		if below, under := strings.CutPrefix(path, p.Prefix); under && (below == "" || below[0] == '/') && len(p.Prefix) > len(prefix) {
			prefix, rest, ok = p.Prefix, below, true
		}
	}
	return prefix, rest, ok
}

// Has tells whether the table has an entry of exactly that name, wildcards aside.
func (t *Table) Has(name string) bool {
	_, ok := t.exact[name]
	return ok
}

// Resolve decides where a call for model goes. The first that applies:
//
//  1. an entry of exactly that name;
//  2. an explicit provider, as "provider/model" or "provider:model";
//  3. the wildcard entry with the longest name that matches;
//  4. the default provider, under the same name.
//
// look tells the health of a target whose model is resolved; nil: all are well. random
// returns numbers in [0, 1) and spreads calls by weight. The error is a [fault.Error]:
// INVALID_REQUEST for an empty model, else MODEL_NOT_FOUND.
func (t *Table) Resolve(q *Query, look func(*Target) Health, random func() float64) (Decision, error) {
	_ = look
	model := q.Model
	if model == "" {
		return Decision{}, fault.Invalid("model", "model is missing: name a model, as \"gpt-4o-mini\" or \"provider/model\"")
	}
	if m, ok := t.exact[model]; ok {
		return Decision{m.Name, order(m.Targets, model, random)}, nil
	}
	if provider, rest, ok := t.splitProvider(model); ok {
		return Decision{"", []Target{{Provider: provider, Model: rest, Weight: 1, ID: -1}}}, nil
	}
	for _, m := range t.wildcards {
		if matches(m.Name, model) {
			return Decision{m.Name, order(m.Targets, model, random)}, nil
		}
	}
	if t.defaultProvider != "" {
		return Decision{"", []Target{{Provider: t.defaultProvider, Model: model, Weight: 1, ID: -1}}}, nil
	}
	return Decision{}, fault.New(sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND,
		"the model %s does not exist: GET /v1/models lists what there is", fault.Quote(model)).WithParam("model")
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

// order sorts targets by priority and, among equals, draws without replacement by
// weight. Models are filled in.
func order(targets []Target, model string, random func() float64) []Target {
	out := slices.Clone(targets)
	for i := range out {
		if out[i].Model == "" {
			out[i].Model = model
		}
	}
	if len(out) == 1 {
		return out
	}
	slices.SortStableFunc(out, func(a, b Target) int { return cmp.Compare(a.Priority, b.Priority) })
	for start := 0; start < len(out); {
		end := start + 1
		for end < len(out) && out[end].Priority == out[start].Priority {
			end++
		}
		shuffle(out[start:end], random)
		start = end
	}
	return out
}

func shuffle(group []Target, random func() float64) {
	for len(group) > 1 {
		total := 0
		for _, t := range group {
			total += t.Weight
		}
		if total == 0 {
			return
		}
		point := random() * float64(total)
		pick := 0
		for i, t := range group {
			if point -= float64(t.Weight); point < 0 {
				pick = i
				break
			}
		}
		chosen := group[pick]
		copy(group[1:pick+1], group[:pick])
		group[0] = chosen
		group = group[1:]
	}
}
