package route

import (
	"slices"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// Query is what decides where a call goes.
type Query struct {
	// Model is what the caller asks for.
	Model string
	// Choices are the names to try in turn in place of Model, when the caller chose; at
	// most [MaxChoices].
	Choices []string
	// Path is the prefix under which the call came, as [Table.Prefix] returned it.
	Path string
	// Features are those that the call needs.
	Features Feature
	// Unverified says that what a target lacks by its Facts alone does not count: the
	// caller wants to try.
	Unverified bool
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

// MaxChoices bounds [Query.Choices]: each costs a look at the table, and no call is
// tried nearly as often.
const MaxChoices = 32

// Resolve decides where a call goes. A name is, the first that applies:
//
//  1. an entry of exactly that name or alias;
//  2. an explicit provider, as "provider/model" or "provider:model";
//  3. the wildcard entry with the longest name that matches;
//  4. the default provider, under the same name.
//
// Which name counts, the first that applies:
//
//  1. Path, when it names a provider or a model: alone;
//  2. Choices in turn, those that stand for nothing left out. A choice may also be a
//     provider's name, which stands for Model as it is at that provider;
//  3. Model.
//
// A target is a candidate when it lacks none of Features and its context window, where
// it is known, has room for PromptTokens and OutputTokens, or for one token of an answer
// whose caller did not bound it. As long as there are others, nor is one a candidate whose
// window by its [Facts] has no room for half of PromptTokens: that is too vague to refuse a
// call for. Choices without a candidate are left out.
//
// Each name's candidates are in the order of its entry: the canary whose share the call
// falls into, the others by priority and [Strategy], the other canaries. Those that look
// reports as spared come behind all others, of all priorities and choices, in the same
// order among themselves: healthy ones are reached first, yet a call that fails
// everywhere can say of each why.
//
// look tells the health of a target whose model is resolved; it must neither change nor
// keep it. Nil: all are well. It is not asked when there is no choice. random returns
// numbers in [0, 1). With the same arguments and answers the decision is the same.
//
// The error is a [fault.Error]: INVALID_REQUEST for an empty model or too many choices,
// NOT_FOUND for a Path that the table does not have, MODEL_NOT_FOUND, or UNSUPPORTED,
// which says of each target what it lacks.
func (t *Table) Resolve(q *Query, look func(*Target) Health, random func() float64) (Decision, error) {
	s := search{table: t, q: q, look: look, random: random}
	if q.Path != "" {
		p, ok := t.paths[q.Path]
		switch {
		case !ok:
			return Decision{}, fault.New(sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND, "the path %s is not configured", fault.Quote(q.Path))
		case p.Provider != "":
			model := p.Model
			if model == "" {
				model = q.Model
			}
			if model == "" {
				return Decision{}, missing()
			}
			return s.alone(place{provider: p.Provider, model: model}, model)
		case p.Model != "":
			return s.one(p.Model)
		}
	}
	if len(q.Choices) > 0 {
		return s.several()
	}
	return s.one(q.Model)
}

// search is one call's way through the table.
type search struct {
	table  *Table
	q      *Query
	look   func(*Target) Health
	random func() float64
	// anyLength takes targets whose window is too small by their Facts, too.
	anyLength bool
	// found and spared are the targets so far.
	found, spared []Target
}

// one resolves a call that comes down to one name.
func (s *search) one(name string) (Decision, error) {
	if name == "" {
		return Decision{}, missing()
	}
	p, ok := s.table.find(name)
	if !ok {
		return Decision{}, unknown([]string{name}, "model")
	}
	if p.entry == nil {
		return s.alone(p, name)
	}
	if !s.entry(p.entry, name) {
		s.anyLength = true
		if !s.entry(p.entry, name) {
			return Decision{}, s.refuse(s.table.all(p, name), []string{name}, "model")
		}
	}
	return s.decision(p.entry.name), nil
}

// several resolves a call that has choices.
func (s *search) several() (Decision, error) {
	names := s.q.Choices
	if len(names) > MaxChoices {
		return Decision{}, fault.Invalid("models", "%d models to choose from exceed %d", len(names), MaxChoices)
	}
	route, resolved, modelless := s.choices()
	if resolved && s.none() {
		s.anyLength = true
		route, _, _ = s.choices()
	}
	switch {
	case !s.none():
		return s.decision(route), nil
	case resolved:
		return Decision{}, s.unsupported(names)
	case modelless:
		return Decision{}, missing()
	}
	return Decision{}, unknown(names, "models")
}

// choices adds the candidates of all choices. route is that of the first which has any,
// resolved says that one stands for something, modelless that one is a provider and the
// call has no model.
func (s *search) choices() (route string, resolved, modelless bool) {
	for _, name := range s.q.Choices {
		p, ok := s.choice(name)
		if !ok {
			modelless = modelless || p.provider != ""
			continue
		}
		resolved = true
		first := s.none()
		if p.entry == nil {
			s.explicit(p)
		} else if s.entry(p.entry, name) && first {
			route = p.entry.name
		}
	}
	return route, resolved, modelless
}

// none tells whether there is no candidate so far.
func (s *search) none() bool { return len(s.found)+len(s.spared) == 0 }

// serves tells whether a target is a candidate.
func (s *search) serves(t *Target) bool {
	return t.serves(s.q) && (s.anyLength || !t.tooLong(s.q))
}

// choice returns what one of the caller's choices stands for. When ok is false and
// p.provider is set, it is a provider and the call has no model.
func (s *search) choice(name string) (p place, ok bool) {
	// Before wildcards and the default provider, as an explicit provider.
	if !s.table.Has(name) && s.table.providers[name] {
		return place{provider: name, model: s.q.Model}, s.q.Model != ""
	}
	p, ok = s.table.find(name)
	if !ok {
		p = place{}
	}
	return p, ok
}

// explicit is the target of a place without an entry.
func (t *Table) explicit(p place) Target {
	target := Target{Provider: p.provider, Model: p.model, Weight: 1, ID: -1}
	if t.facts != nil {
		target.Facts = t.facts(p.provider, p.model)
	}
	return target
}

// alone resolves a call that has no other place to go to.
func (s *search) alone(p place, name string) (Decision, error) {
	target := s.table.explicit(p)
	if !target.serves(s.q) {
		return Decision{}, s.refuse([]Target{target}, []string{name}, "model")
	}
	return Decision{s.q.Path, []Target{target}}, nil
}

// explicit adds a place without an entry, when that can serve the call.
func (s *search) explicit(p place) {
	target := s.table.explicit(p)
	if !s.serves(&target) {
		return
	}
	spared := false
	if s.look != nil && len(s.q.Choices) > 1 {
		asked := target
		spared = s.look(&asked).Spared
	}
	s.add(target, spared)
}

// entry adds the candidates of e for a call by that name. It reports whether there are
// any.
func (s *search) entry(e *entry, name string) bool {
	var room [16]candidate // more than most entries have, so that none is allocated
	list := room[:0]
	start := len(s.found)
	if s.found == nil {
		s.found = make([]Target, 0, len(e.targets))
	}
	for i := range e.targets {
		target := s.table.target(e, i, name)
		if !s.serves(&target) {
			continue
		}
		c := candidate{at: i, weight: target.Weight}
		if e.strategy == StrategyCheapest {
			c.cost = target.cost(s.q)
		}
		list = append(list, c)
		s.found = append(s.found, target)
	}
	if s.look != nil && (len(list) > 1 || len(s.q.Choices) > 1) {
		for i := range list {
			list[i].health = s.look(&s.found[start+i])
		}
	}
	if len(list) > 1 {
		e.order(list, s.q, s.random)
	}
	s.found = s.found[:start]
	for i := range list {
		s.add(s.table.target(e, list[i].at, name), list[i].health.Spared)
	}
	return len(list) > 0
}

// target returns a target of e with its model resolved.
func (t *Table) target(e *entry, at int, name string) Target {
	target := e.targets[at]
	if target.Model == "" {
		target.Model = name
		if t.facts != nil {
			target.Facts = t.facts(target.Provider, name)
		}
	}
	return target
}

// all returns the targets of a place that a name stands for.
func (t *Table) all(p place, name string) []Target {
	if p.entry == nil {
		return []Target{t.explicit(p)}
	}
	targets := make([]Target, len(p.entry.targets))
	for i := range targets {
		targets[i] = t.target(p.entry, i, name)
	}
	return targets
}

func (s *search) add(t Target, spared bool) {
	if len(s.q.Choices) > 1 {
		same := func(o Target) bool { return o.ID == t.ID && o.Provider == t.Provider && o.Model == t.Model }
		if slices.ContainsFunc(s.found, same) || slices.ContainsFunc(s.spared, same) {
			return
		}
	}
	if spared {
		s.spared = append(s.spared, t)
	} else {
		s.found = append(s.found, t)
	}
}

func (s *search) decision(route string) Decision {
	if s.q.Path != "" {
		route = s.q.Path
	}
	return Decision{route, append(s.found, s.spared...)}
}
