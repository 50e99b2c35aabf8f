package almanac

import (
	"cmp"
	"maps"
	"path/filepath"
	"slices"
)

// entry is a model as a file writes it.
type entry struct {
	name  string
	facts facts
	at    map[string]*place // by kind of provider
	// mark is where it stands in the file that is read. Zero: it was there before.
	mark mark
	// placed says that it has a member at, whatever is wrong with it.
	placed bool
}

// mark is a place in a file.
type mark struct{ line, column int }

// place is a kind of provider that has a model.
type place struct {
	ids   []string // empty: the model's name
	facts facts    // what is otherwise there
	mark  mark     // as that of an entry
}

// facts are those that a file states. Nil: it does not.
type facts struct {
	contextWindow, maxOutputTokens, dimensions *int64
	can, lacks                                 *Capability
	price                                      *Price
	asOf, source                               *string
}

// over returns what f says, and base where f says nothing.
func (f facts) over(base facts) facts {
	out := facts{
		contextWindow:   cmp.Or(f.contextWindow, base.contextWindow),
		maxOutputTokens: cmp.Or(f.maxOutputTokens, base.maxOutputTokens),
		dimensions:      cmp.Or(f.dimensions, base.dimensions),
		can:             cmp.Or(f.can, base.can),
		lacks:           cmp.Or(f.lacks, base.lacks),
		price:           cmp.Or(f.price, base.price),
		asOf:            cmp.Or(f.asOf, base.asOf),
		source:          cmp.Or(f.source, base.source),
	}
	// Whoever says that it can does not leave it among what it lacks, and the other way
	// round.
	if f.can != nil && f.lacks == nil && base.lacks != nil {
		out.lacks = new(*base.lacks &^ *f.can)
	}
	if f.lacks != nil && f.can == nil && base.can != nil {
		out.can = new(*base.can &^ *f.lacks)
	}
	return out
}

// from names the file as the source of what it says, unless it names one itself.
func (f facts) from(file string) facts {
	if f.source == nil && f != (facts{asOf: f.asOf}) {
		f.source = &file
		f.asOf = cmp.Or(f.asOf, new(""))
	}
	return f
}

// With returns the almanac with what a file says put over it: a model that is known gets
// the members that the file has for it, others are added. The name of the file stands
// in messages and, without its folder, as the source of what the file changes. kinds are
// the kinds of providers that it may name; nil: any. The error is an [*Error] with
// everything that is wrong with the file.
func (a *Almanac) With(file string, data []byte, kinds []string) (*Almanac, error) {
	r := &reader{kinds: kinds}
	entries := make(map[string]*entry, len(a.entries))
	for _, e := range a.entries {
		entries[e.name] = e.settled()
	}
	for _, e := range r.file(data) {
		e.facts = e.facts.from(filepath.Base(file))
		for _, p := range e.at {
			p.facts = p.facts.from(filepath.Base(file))
		}
		if before := entries[e.name]; before != nil {
			before.change(e)
			continue
		}
		if !e.placed {
			r.add(e.mark, e.name, "no model of this name is known, and a new one needs at: the kinds of providers that have it, as at: {openai: its-id}; docs/models.md has the known names")
		}
		entries[e.name] = e
	}
	out := &Almanac{models: make(map[string]map[string]*known)}
	for _, name := range slices.Sorted(maps.Keys(entries)) {
		out.entries = append(out.entries, entries[name])
		out.index(entries[name], r)
	}
	if len(r.problems) > 0 {
		slices.SortStableFunc(r.problems, func(a, b Problem) int {
			return cmp.Or(cmp.Compare(a.Line, b.Line), cmp.Compare(a.Column, b.Column))
		})
		return nil, &Error{File: file, Problems: r.problems}
	}
	return out, nil
}

// settled returns a copy of e that stands in no line of the file that is read now.
func (e *entry) settled() *entry {
	out := &entry{name: e.name, facts: e.facts, at: make(map[string]*place, len(e.at))}
	for kind, p := range e.at {
		out.at[kind] = &place{ids: p.ids, facts: p.facts}
	}
	return out
}

// change puts over e what another entry of its name says. What that says in general goes
// over what was known of single kinds of providers, too.
func (e *entry) change(top *entry) {
	e.mark = top.mark
	e.facts = top.facts.over(e.facts)
	for _, p := range e.at {
		p.facts = top.facts.over(p.facts)
		p.mark = top.mark
	}
	for kind, p := range top.at {
		before := e.at[kind]
		if before == nil {
			e.at[kind] = p
			continue
		}
		before.facts = p.facts.over(before.facts)
		before.mark = p.mark
		if len(p.ids) > 0 {
			before.ids = p.ids
		}
	}
}

// index enters what is known by an entry.
func (a *Almanac) index(e *entry, r *reader) {
	for _, kind := range slices.Sorted(maps.Keys(e.at)) {
		p := e.at[kind]
		models := a.models[kind]
		if models == nil {
			models = make(map[string]*known)
			a.models[kind] = models
		}
		model := p.facts.over(e.facts).model(e.name, kind)
		if both := model.Can & model.Lacks; both != 0 {
			r.add(cmp.Or(p.mark, e.mark), e.name, "it cannot both have and lack "+both.String())
		}
		ids := p.ids
		if len(ids) == 0 {
			ids = []string{e.name}
		}
		for _, id := range ids {
			model.ID = id
			if other := models[id]; other != nil {
				mine, its := e.name, other.model.Name
				if p.mark == (mark{}) {
					mine, its = its, mine
				}
				r.add(cmp.Or(p.mark, other.mark), mine+".at."+kind, "the id "+id+" is that of the model "+its+" already; to change what is known of that one, take its name")
				continue
			}
			k := &known{model: model, unpriced: model, mark: p.mark}
			k.unpriced.Price = nil
			models[id] = k
		}
	}
}

// model returns what the facts say.
func (f facts) model(name, kind string) Model {
	m := Model{Name: name, Kind: kind, Price: f.price}
	set(&m.ContextWindow, f.contextWindow)
	set(&m.MaxOutputTokens, f.maxOutputTokens)
	set(&m.EmbeddingDimensions, f.dimensions)
	set(&m.Can, f.can)
	set(&m.Lacks, f.lacks)
	set(&m.AsOf, f.asOf)
	set(&m.Source, f.source)
	return m
}

func set[T any](to, from *T) {
	if from != nil {
		*to = *from
	}
}
