package route

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// world is a random table with what it was made of.
type world struct {
	table     *Table
	models    []Model
	providers []string
	fallback  string
	paths     []Path
}

var tried = []string{"alpha", "beta", "gamma", "delta", "epsilon"}

func some(r *rand.Rand, part float64) bool { return r.Float64() < part }

func pick[T any](r *rand.Rand, from []T) T { return from[r.IntN(len(from))] }

func randomFeatures(r *rand.Rand) Feature {
	one, other := Feature(r.UintN(1<<6)), Feature(r.UintN(1<<6))
	return one & other // about a quarter of them
}

func randomTarget(r *rand.Rand) Target {
	t := Target{Provider: pick(r, tried), Weight: r.IntN(4), Priority: r.IntN(3)}
	if some(r, 0.7) {
		t.Model = pick(r, []string{"x", "y", "z/1"})
	}
	if some(r, 0.5) {
		t.Lacks = randomFeatures(r)
	}
	if some(r, 0.4) {
		t.ContextWindow = 1 + r.Int64N(2000)
	}
	if some(r, 0.5) {
		t.Price = &Price{Input: float64(r.IntN(4)), Output: float64(r.IntN(4))}
	}
	if some(r, 0.2) {
		t.Canary = new(float64(r.IntN(15)))
	}
	return t
}

func randomWorld(t *testing.T, r *rand.Rand) *world {
	t.Helper()
	w := &world{providers: tried}
	used := map[string]bool{}
	for _, name := range []string{"fast", "m*", "slow", "mini*x", "alpha/x", "beta", "*", "last"} {
		if !some(r, 0.6) || name == "*" && some(r, 0.7) {
			continue
		}
		m := Model{Name: name, Strategy: pick(r, strategies)}
		m.Sticky = Sticky{By: []StickyBy{pick(r, stickySources), pick(r, stickySources)}, Header: "x-session-id", PromptBytes: 16}
		if alias := fmt.Sprintf("alias%d", r.IntN(4)); some(r, 0.4) && !used[alias] {
			used[alias] = true
			m.Aliases = []string{alias}
		}
		for range 1 + r.IntN(6) {
			m.Targets = append(m.Targets, randomTarget(r))
		}
		w.models = append(w.models, m)
	}
	if some(r, 0.3) {
		w.fallback = pick(r, tried)
	}
	w.paths = []Path{{Prefix: "/p", Provider: pick(r, tried)}, {Prefix: "/p/q", Provider: pick(r, tried), Model: "z"}, {Prefix: "/r", Model: "gamma/x"}, {Prefix: "/s"}}
	var err error
	if w.table, err = New(w.models, w.providers, w.fallback, w.paths...); err != nil {
		t.Fatal(err)
	}
	return w
}

var asked = []string{"fast", "slow", "last", "m", "mx", "mini-x", "alias0", "alias1", "alias2", "alpha/x", "alpha:x", "beta", "beta/y", "gamma", "nothing", "a/b:c", ""}

func randomQuery(r *rand.Rand) *Query {
	q := &Query{Model: pick(r, asked), PromptTokens: r.Int64N(1500), OutputTokens: r.Int64N(600) - 100}
	if some(r, 0.6) {
		q.Features = randomFeatures(r)
	}
	if some(r, 0.3) {
		for range 1 + r.IntN(4) {
			q.Choices = append(q.Choices, pick(r, asked))
		}
	}
	if some(r, 0.2) {
		q.Path = pick(r, []string{"/p", "/p/q", "/r", "/s"})
	}
	if some(r, 0.5) {
		q.User = pick(r, asked)
	}
	if some(r, 0.5) {
		q.Caller = pick(r, asked)
	}
	if some(r, 0.5) {
		q.Header = func(name string) string { return strings.TrimPrefix(name, "x-") }
	}
	if some(r, 0.5) {
		q.Prompt = func(limit int) []byte { return []byte(strings.Repeat("p", limit)) }
	}
	return q
}

func randomHealth(r *rand.Rand) func(*Target) Health {
	if some(r, 0.2) {
		return nil
	}
	seed := r.Uint64()
	return func(t *Target) Health { // the same for the same target
		r := rand.New(rand.NewPCG(seed, hash([]byte(t.Provider+t.Model))+uint64(t.ID+1)))
		return Health{Spared: some(r, 0.3), Busy: r.IntN(4), Latency: float64(r.IntN(3))}
	}
}

// reached is the plain reading of which targets a query's names lead to, in no order:
// without ordering, filtering or looking.
func (w *world) reached(q *Query) map[Target]bool {
	all := map[Target]bool{}
	one := func(provider, model string) { all[Target{Provider: provider, Model: model, ID: -1}] = true }
	names := []string{q.Model}
	chosen := len(q.Choices) > 0
	if chosen {
		names = q.Choices
	}
	for _, p := range w.paths {
		if p.Prefix != q.Path {
			continue
		}
		if p.Provider != "" {
			if model := cmp.Or(p.Model, q.Model); model != "" {
				one(p.Provider, model)
			}
			return all
		}
		if p.Model != "" {
			names, chosen = []string{p.Model}, false
		}
	}
	for _, name := range names {
		w.named(name, chosen, q.Model, all, one)
	}
	return all
}

func (w *world) named(name string, chosen bool, model string, all map[Target]bool, one func(provider, model string)) {
	id := 0
	var best []Target
	longest := 0
	for _, m := range w.models {
		var mine []Target
		for _, t := range m.Targets {
			if t.Model == "" {
				t.Model = name
			}
			mine = append(mine, Target{Provider: t.Provider, Model: t.Model, ID: id})
			id++
		}
		before, after, wild := strings.Cut(m.Name, "*")
		switch {
		case m.Name == name && !wild || slices.Contains(m.Aliases, name):
			best, longest = mine, 1000
		case wild && name != "" && len(m.Name) > longest && len(name) >= len(m.Name)-1 && strings.HasPrefix(name, before) && strings.HasSuffix(name, after):
			best, longest = mine, len(m.Name)
		}
	}
	if longest < 1000 {
		for _, p := range w.providers {
			if rest := strings.TrimPrefix(name, p); rest != name && len(rest) > 1 && (rest[0] == '/' || rest[0] == ':') {
				one(p, rest[1:])
				return
			}
			if chosen && name == p {
				if model != "" {
					one(p, model)
				}
				return
			}
		}
	}
	switch {
	case longest > 0:
		for _, t := range best {
			all[t] = true
		}
	case w.fallback != "" && name != "":
		one(w.fallback, name)
	}
}

func bare(t Target) Target { return Target{Provider: t.Provider, Model: t.Model, ID: t.ID} }

// able tells whether a target of the table can serve the call, in plain words.
func able(t Target, q *Query) bool {
	if t.Lacks&q.Features != 0 {
		return false
	}
	switch {
	case t.ContextWindow == 0:
		return true
	case q.OutputTokens > 0:
		return q.PromptTokens+q.OutputTokens <= t.ContextWindow
	}
	return q.PromptTokens < t.ContextWindow || q.PromptTokens == 0
}

func TestResolve_names_each_candidate_once_and_nothing_else(t *testing.T) {
	r := rand.New(rand.NewPCG(7, 8))
	answered, reasons := 0, map[sluicev1.ErrorReason]int{}
	for range 1500 {
		w := randomWorld(t, r)
		for range 20 {
			q, look, seed := randomQuery(r), randomHealth(r), r.Uint64()
			want := w.reached(q)
			led := len(want) > 0
			maps.DeleteFunc(want, func(t Target, _ bool) bool { return t.ID >= 0 && !able(w.table.Targets()[t.ID], q) })
			d, err := w.table.Resolve(q, look, rand.New(rand.NewPCG(seed, 0)).Float64)
			if err != nil {
				f, ok := errors.AsType[*fault.Error](err)
				if !ok || len(want) > 0 || len(d.Targets) > 0 || led != (f.Reason == sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED) {
					t.Fatalf("%+v of %+v, query %+v: %v, want %v", w.models, w.fallback, q, err, want)
				}
				reasons[f.Reason]++
				continue
			}
			answered++
			spared := false
			for _, target := range d.Targets {
				if !want[bare(target)] {
					t.Fatalf("%+v, query %+v: %+v stands twice or is no candidate", w.models, q, target)
				}
				delete(want, bare(target))
				if target.Lacks&q.Features != 0 || target.Model == "" {
					t.Fatalf("%+v, query %+v: %+v is no candidate", w.models, q, target)
				}
				if look != nil && len(d.Targets) > 1 {
					now := look(&target).Spared
					if spared && !now {
						t.Fatalf("%+v, query %+v: spared before healthy in %s", w.models, q, list(d.Targets))
					}
					spared = now
				}
			}
			if len(want) > 0 {
				t.Fatalf("%+v, query %+v: %v are not named", w.models, q, want)
			}
		}
	}
	t.Log(answered, "answered, refused", reasons)
	if answered < 10_000 || len(reasons) != 3 || reasons[sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED] < 300 {
		t.Errorf("%d answered, refused %v: the worlds are too dull to show anything", answered, reasons)
	}
}

func TestResolve_orders_health_canaries_and_priorities_in_this_order(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 10))
	for range 3000 {
		w := randomWorld(t, r)
		q, look := randomQuery(r), randomHealth(r)
		q.Choices, q.Path = nil, ""
		if look == nil {
			look = func(*Target) Health { return Health{} }
		}
		d, err := w.table.Resolve(q, look, r.Float64)
		if err != nil || len(d.Targets) < 2 || d.Targets[0].ID < 0 {
			continue
		}
		healthy := slices.DeleteFunc(slices.Clone(d.Targets), func(t Target) bool { return look(&t).Spared })
		if len(healthy) > 0 && healthy[0].Canary != nil {
			healthy = healthy[1:] // the call's own canary, or there are only canaries
		}
		for i := range healthy[:max(len(healthy)-1, 0)] {
			a, b := healthy[i], healthy[i+1]
			switch {
			case b.Canary != nil:
			case a.Canary != nil, a.Priority > b.Priority, a.Priority == b.Priority && a.Weight == 0 && b.Weight > 0:
				t.Fatalf("%+v, query %+v: %+v before %+v", w.models, q, a, b)
			}
		}
	}
}

// The same table is built anew each time, so that the order of Go's maps would show.
func TestResolve_depends_on_its_arguments_alone(t *testing.T) {
	r := rand.New(rand.NewPCG(11, 12))
	for range 500 {
		w := randomWorld(t, r)
		for range 10 {
			q, look, seed := randomQuery(r), randomHealth(r), r.Uint64()
			first, firstErr := w.table.Resolve(q, look, rand.New(rand.NewPCG(seed, 0)).Float64)
			anew, err := New(w.models, w.providers, w.fallback, w.paths...)
			if err != nil {
				t.Fatal(err)
			}
			again, againErr := anew.Resolve(q, look, rand.New(rand.NewPCG(seed, 0)).Float64)
			if fmt.Sprint(first, firstErr) != fmt.Sprint(again, againErr) {
				t.Fatalf("query %+v: %v %v and then %v %v", q, first, firstErr, again, againErr)
			}
		}
	}
}

func TestResolve_may_be_called_from_many_goroutines(t *testing.T) {
	r := rand.New(rand.NewPCG(13, 14))
	w := randomWorld(t, r)
	var queries []*Query
	for range 200 {
		queries = append(queries, randomQuery(r))
	}
	done := make(chan struct{})
	for range 4 {
		go func() {
			defer func() { done <- struct{}{} }()
			for _, q := range queries {
				d, err := w.table.Resolve(q, func(*Target) Health { return Health{} }, rand.Float64)
				if err == nil {
					d.Targets[0].Model = "the caller's own copy" // -race tells when it is not
				}
			}
		}()
	}
	for range 4 {
		<-done
	}
}
