// Package almanac knows facts about models: how much they read and write, what they
// can do, what they cost, and under which id each kind of provider has them. Each entry
// says from where and of which day its facts are, for they age.
//
// It knows nothing of a configuration, a call or an adapter, and nobody has to ask it: a
// model that it does not know is like any other.
package almanac

import (
	_ "embed"
	"fmt"
	"slices"
	"strings"
	"sync"
)

// Almanac is what is known of models. It is immutable and safe for concurrent use.
type Almanac struct {
	entries []*entry // sorted by name
	// models are by kind of provider and then by the id there.
	models map[string]map[string]*known
}

// Model is what is known of a model at one kind of provider.
type Model struct {
	// Name is the almanac's own name of the model, the same at every kind of provider.
	Name string
	// Kind is the kind of provider, as a configuration names it.
	Kind string
	// ID is the provider's id of the model, without the date of a snapshot where all
	// snapshots are alike.
	ID string
	// ContextWindow is how many tokens prompt and answer may have together. 0: not known.
	ContextWindow int64
	// MaxOutputTokens is how many tokens an answer may have. 0: not known.
	MaxOutputTokens int64
	// Can are the capabilities that it is known to have, Lacks those that it is known not
	// to have. Of the others nobody knows.
	Can, Lacks Capability
	// Price is nil when it is not known.
	Price *Price
	// EmbeddingDimensions is the length of its vectors unless a call asks for another. 0:
	// it makes none, or that is not known.
	EmbeddingDimensions int64
	// AsOf is the day of the facts, as "2026-10-23". Empty: nobody said.
	AsOf string
	// Source is where the facts are from: a page of the provider, or the name of the file
	// of the configuration that changed them.
	Source string
}

// Price is the list price, in US dollars per million tokens, of a call that is answered
// at once and whose prompt is not so long that it costs more.
type Price struct {
	// Input is that of tokens of the prompt, Output that of tokens of the answer.
	Input, Output float64
	// CachedInput is that of tokens of the prompt which the provider has in its cache,
	// CacheWrite that of tokens which it puts there. Nil: not known, or no price of its own.
	CachedInput, CacheWrite *float64
}

// known is a model and what is known of its relatives that cost something else: what was
// fine-tuned from it, and its variants.
type known struct {
	model, unpriced Model
	mark            mark
}

// Lookup returns what is known of a model at a kind of provider by the provider's id of
// it. Dated snapshots and other spellings of a known id are known, too; see [relatives].
// Nil: nothing is known, as of everything by a nil almanac. The caller must not change what
// it gets. It allocates nothing.
func (a *Almanac) Lookup(kind, id string) *Model {
	if a == nil || a.models[kind] == nil {
		return nil
	}
	models := a.models[kind]
	r := relatives{kind: kind, id: id}
	for {
		if k := models[r.id]; k != nil {
			if r.repriced {
				return &k.unpriced
			}
			return &k.model
		}
		if !r.next() {
			return nil
		}
	}
}

// Models returns everything that is known, by kind of provider and then by id. The
// caller must not change what it gets.
func (a *Almanac) Models() []*Model {
	var out []*Model
	for _, models := range a.models {
		for _, k := range models {
			out = append(out, &k.model)
		}
	}
	slices.SortFunc(out, func(a, b *Model) int {
		if c := strings.Compare(a.Kind, b.Kind); c != 0 {
			return c
		}
		return strings.Compare(a.ID, b.ID)
	})
	return out
}

// Kinds returns the kinds of providers of which models are known, sorted.
func (a *Almanac) Kinds() []string {
	kinds := make([]string, 0, len(a.models))
	for kind := range a.models {
		kinds = append(kinds, kind)
	}
	slices.Sort(kinds)
	return kinds
}

//go:embed models.yaml
var embedded []byte

var readEmbedded = sync.OnceValue(func() *Almanac {
	a, err := new(Almanac).With("models.yaml", embedded, nil)
	if err != nil {
		panic(fmt.Sprintf("almanac: %v", err)) // a test reads it, too
	}
	return a
})

// Embedded returns what Sluice knows by itself.
func Embedded() *Almanac { return readEmbedded() }
