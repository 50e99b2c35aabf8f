package almanac

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Bounds of what a file may say.
const (
	maxTokens     = 1_000_000_000
	maxDimensions = 1_000_000
	maxDollars    = 1_000_000
	maxIDBytes    = 256
)

// Problem is one thing that is wrong with a file.
type Problem struct {
	// Line and Column begin at 1.
	Line, Column int
	// Path is the member, as "gpt-4o-mini.price.input". Empty for the whole file.
	Path string
	// Message says what is wrong and what to do.
	Message string
}

// Error is a file that cannot be used, with everything that is wrong with it, in the
// order of the file.
type Error struct {
	File     string
	Problems []Problem
}

// Error returns one line per problem.
func (e *Error) Error() string {
	lines := make([]string, len(e.Problems))
	for i, p := range e.Problems {
		lines[i] = fmt.Sprintf("%s:%d:%d: ", e.File, p.Line, p.Column)
		if p.Path != "" {
			lines[i] += p.Path + ": "
		}
		lines[i] += p.Message
	}
	return strings.Join(lines, "\n")
}

// reader reads a file and goes on after a problem.
type reader struct {
	kinds    []string // nil: any
	problems []Problem
}

func (r *reader) add(at mark, path, message string) {
	r.problems = append(r.problems, Problem{at.line, at.column, path, message})
}

func (r *reader) addf(node *yaml.Node, path, format string, args ...any) {
	r.add(markOf(node), path, fmt.Sprintf(format, args...))
}

func markOf(node *yaml.Node) mark { return mark{node.Line, node.Column} }

var syntaxLine = regexp.MustCompile(`^yaml: line (\d+): (.*)$`)

// file returns the entries of a file.
func (r *reader) file(data []byte) (entries []*entry) {
	decoder := yaml.NewDecoder(bytes.NewReader(data))
	var root, more yaml.Node
	err := decoder.Decode(&root)
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		switch second := decoder.Decode(&more); {
		case second == nil:
			r.addf(&more, "", "a second document begins here: a catalog is one document")
		case !errors.Is(second, io.EOF):
			err = second
		}
	}
	if err != nil {
		line, message := 1, strings.TrimPrefix(err.Error(), "yaml: ")
		if m := syntaxLine.FindStringSubmatch(err.Error()); m != nil {
			line, _ = strconv.Atoi(m[1])
			message = m[2]
		}
		r.add(mark{line, 1}, "", "this is no YAML: "+message)
		return nil
	}
	r.members(root.Content[0], "", map[string]func(*yaml.Node, string){
		"models": func(node *yaml.Node, path string) {
			if node.Kind != yaml.SequenceNode {
				r.addf(node, path, "expected a list of models")
				return
			}
			first := make(map[string]int)
			for _, item := range node.Content {
				e := r.entry(item)
				switch {
				case e.name == "": // told
				case first[e.name] > 0:
					r.addf(item, e.name, "the model stands here for the second time, first on line %d", first[e.name])
				default:
					first[e.name] = item.Line
					entries = append(entries, e)
				}
			}
		},
	})
	return entries
}

// members calls the function of each member of a mapping.
func (r *reader) members(node *yaml.Node, path string, known map[string]func(value *yaml.Node, path string)) {
	if isNull(node) {
		return
	}
	if node.Kind != yaml.MappingNode {
		r.addf(node, path, "expected members with values")
		return
	}
	first := make(map[string]int)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := key.Value
		if path != "" {
			at = path + "." + at
		}
		read := known[key.Value]
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge" || value.Kind == yaml.AliasNode:
			r.addf(key, at, "aliases, merge keys and complex keys are not supported")
		case read == nil:
			names := make([]string, 0, len(known))
			for name := range known {
				names = append(names, name)
			}
			slices.Sort(names)
			r.addf(key, at, "unknown member; known here are %s", strings.Join(names, ", "))
		case first[key.Value] > 0:
			r.addf(key, at, "the member stands here for the second time, first on line %d", first[key.Value])
		default:
			first[key.Value] = key.Line
			read(value, at)
		}
	}
}

func isNull(node *yaml.Node) bool { return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null" }

func (r *reader) entry(node *yaml.Node) *entry {
	e := &entry{mark: markOf(node), at: make(map[string]*place)}
	// The name first: what is wrong with the others is told by it.
	for i := 0; node.Kind == yaml.MappingNode && i+1 < len(node.Content); i += 2 {
		if node.Content[i].Value == "name" && node.Content[i+1].Kind == yaml.ScalarNode {
			e.name = node.Content[i+1].Value
		}
	}
	members := r.factsOf(&e.facts)
	members["name"] = func(value *yaml.Node, path string) { r.id(value, path) }
	members["at"] = func(value *yaml.Node, path string) {
		e.placed = true
		r.places(value, path, e)
	}
	r.members(node, e.name, members)
	if e.name == "" && node.Kind == yaml.MappingNode {
		r.addf(node, "", "name is missing: each model has a name, as gpt-4o-mini")
	}
	return e
}

var kindPattern = regexp.MustCompile(`^[a-z][a-z0-9_]*$`)

// places reads where a model is to be had: a list of kinds that have it under its name,
// or kinds with an id, a list of ids, or with facts of their own.
func (r *reader) places(node *yaml.Node, path string, e *entry) {
	add := func(kind, value *yaml.Node) {
		at := path + "." + kind.Value
		switch {
		case kind.Kind != yaml.ScalarNode || !kindPattern.MatchString(kind.Value):
			r.addf(kind, at, "a kind of provider is written as in providers[].kind, as openai")
			return
		case r.kinds != nil && !slices.Contains(r.kinds, kind.Value):
			r.addf(kind, at, "there is no kind of provider %q; known are %s", kind.Value, strings.Join(r.kinds, ", "))
			return
		case e.at[kind.Value] != nil:
			r.addf(kind, at, "the kind stands here for the second time")
			return
		}
		p := &place{mark: markOf(kind)}
		e.at[kind.Value] = p
		switch {
		case value == nil || isNull(value):
		case value.Kind == yaml.MappingNode:
			members := r.factsOf(&p.facts)
			members["id"] = func(value *yaml.Node, path string) { p.ids = r.ids(value, path) }
			r.members(value, at, members)
		default:
			p.ids = r.ids(value, at)
		}
	}
	switch node.Kind {
	case yaml.SequenceNode:
		for _, item := range node.Content {
			add(item, nil)
		}
	case yaml.MappingNode:
		for i := 0; i+1 < len(node.Content); i += 2 {
			add(node.Content[i], node.Content[i+1])
		}
	default:
		r.addf(node, path, "expected kinds of providers, as {openai: gpt-4o-mini, azure: gpt-4o-mini}")
	}
}

func (r *reader) ids(node *yaml.Node, path string) (ids []string) {
	list := []*yaml.Node{node}
	if node.Kind == yaml.SequenceNode {
		list = node.Content
	}
	for _, item := range list {
		if id := r.id(item, path); id != "" {
			ids = append(ids, id)
		}
	}
	return ids
}

func (r *reader) id(node *yaml.Node, path string) string {
	if node.Kind != yaml.ScalarNode || isNull(node) || node.Value == "" || len(node.Value) > maxIDBytes {
		r.addf(node, path, "expected an id of 1 to %d bytes", maxIDBytes)
		return ""
	}
	return node.Value
}

// factsOf reads into f.
func (r *reader) factsOf(f *facts) map[string]func(*yaml.Node, string) {
	tokens := func(to **int64, most int64) func(*yaml.Node, string) {
		return func(node *yaml.Node, path string) {
			n, err := strconv.ParseInt(strings.ReplaceAll(node.Value, "_", ""), 10, 64)
			if node.Kind != yaml.ScalarNode || node.ShortTag() != "!!int" || err != nil || n < 1 || n > most {
				r.addf(node, path, "expected a whole number from 1 to %d", most)
				return
			}
			*to = &n
		}
	}
	return map[string]func(*yaml.Node, string){
		"context_window":       tokens(&f.contextWindow, maxTokens),
		"max_output_tokens":    tokens(&f.maxOutputTokens, maxTokens),
		"embedding_dimensions": tokens(&f.dimensions, maxDimensions),
		"can":                  func(node *yaml.Node, path string) { f.can = r.capabilities(node, path) },
		"lacks":                func(node *yaml.Node, path string) { f.lacks = r.capabilities(node, path) },
		"price":                func(node *yaml.Node, path string) { f.price = r.price(node, path) },
		"as_of": func(node *yaml.Node, path string) {
			if _, err := time.Parse(time.DateOnly, node.Value); err != nil {
				r.addf(node, path, "expected a day, as 2026-10-23")
				return
			}
			f.asOf = &node.Value
		},
		"source": func(node *yaml.Node, path string) {
			if node.Kind != yaml.ScalarNode || isNull(node) || len(node.Value) > 4096 {
				r.addf(node, path, "expected a text, as the address of the provider's page")
				return
			}
			f.source = &node.Value
		},
	}
}

func (r *reader) capabilities(node *yaml.Node, path string) *Capability {
	var all Capability
	if node.Kind != yaml.SequenceNode {
		r.addf(node, path, "expected a list, as [tools, vision]; [] for none")
		return nil
	}
	for _, item := range node.Content {
		c, ok := parseCapability(item.Value)
		if !ok {
			r.addf(item, path, "unknown capability %q; known are %s", item.Value, strings.Join(capabilityNames[:], ", "))
		}
		all |= c
	}
	return &all
}

func (r *reader) price(node *yaml.Node, path string) *Price {
	p := &Price{Input: -1, Output: -1}
	dollars := func(to *float64) func(*yaml.Node, string) {
		return func(node *yaml.Node, path string) {
			*to = 0 // it is there
			v, err := strconv.ParseFloat(node.Value, 64)
			tag := node.ShortTag()
			if node.Kind != yaml.ScalarNode || tag != "!!int" && tag != "!!float" || err != nil || math.IsNaN(v) || v < 0 || v > maxDollars {
				r.addf(node, path, "expected US dollars per million tokens, from 0 to %d", maxDollars)
				return
			}
			*to = v
		}
	}
	optional := func(to **float64) func(*yaml.Node, string) {
		return func(node *yaml.Node, path string) {
			*to = new(float64)
			dollars(*to)(node, path)
		}
	}
	r.members(node, path, map[string]func(*yaml.Node, string){
		"input": dollars(&p.Input), "output": dollars(&p.Output),
		"cached_input": optional(&p.CachedInput), "cache_write": optional(&p.CacheWrite),
	})
	if p.Input < 0 || p.Output < 0 {
		r.addf(node, path, "input and output are needed, in US dollars per million tokens; what makes embeddings has output: 0")
		return nil
	}
	return p
}
