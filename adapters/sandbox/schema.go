package sandbox

import (
	"slices"
	"strconv"
	"strings"
)

// The bounds of a generated value: schemas come from callers.
const (
	maxSchemaValues = 10_000
	maxSchemaBytes  = 1 << 20
	// From these depths on, nothing optional is written: no optional member, no item
	// beyond minItems, the simplest branch. A schema that refers to itself ends so.
	maxOptionalDepth = 3
	maxItemDepth     = 5
	maxSchemaDepth   = 64
	maxReferences    = 32
	// maxSchemaSteps bounds the work for one value, in members that are looked at or
	// copied: each costs tens of nanoseconds.
	maxSchemaSteps = 100_000
)

// generateJSON writes a value that satisfies a JSON Schema, with members in the
// order of the schema's properties and strings from the hints where they fit. plain
// is the text for members that ask for prose ("answer", "summary"). It writes the
// required members, and all of them when none is required.
//
// It follows type, enum, const, default, properties, required, additionalProperties,
// minProperties, items, prefixItems, minItems, maxItems, uniqueItems, minimum,
// maximum, exclusiveMinimum, exclusiveMaximum, multipleOf, minLength, maxLength,
// pattern, format, anyOf, oneOf, allOf, $ref within the schema, $defs. Other
// keywords are not looked at. An empty schema gives {}.
func generateJSON(schema []byte, h *hints, plain string) string {
	root, err := parseJSON(schema)
	if err != nil || root.kind != kindObject {
		return "{}"
	}
	g := newGenerator(root, h, plain)
	if len(root.keys) == 0 || g.typeOf(g.resolve(root)) == "" {
		return "{}"
	}
	g.write(root, place{})
	return string(g.out)
}

type generator struct {
	root  *jsonValue
	hints *hints
	plain string
	out   []byte
	// left is how many values may still be written.
	left   int
	effort effort
	// nesting is how deep allOf is in itself.
	nesting int
	// taken counts the names of the hints that are used up, so that a second member
	// gets the second name; numbers alike.
	taken, counted int
}

func newGenerator(root *jsonValue, h *hints, plain string) *generator {
	return &generator{root: root, hints: h, plain: plain, left: maxSchemaValues, effort: effort{left: maxSchemaSteps}}
}

// effort is the work that may still be done. A schema that asks for more gets null for
// the rest.
type effort struct{ left int }

func (e *effort) spend(steps int) { e.left -= steps }

func (e *effort) spent() bool { return e.left < 0 }

// place is where a value stands.
type place struct {
	name    string // of the member
	depth   int
	ordinal int // in the array, for items that must differ
}

func (g *generator) write(schema *jsonValue, at place) {
	g.left--
	g.effort.spend(1 + len(schema.keys))
	if g.left < 0 || g.effort.spent() || at.depth > maxSchemaDepth || len(g.out) > maxSchemaBytes {
		g.out = append(g.out, "null"...)
		return
	}
	s := g.settle(schema, at)
	if v := s.member("const"); v != nil {
		g.out = v.appendTo(g.out)
		return
	}
	if values := s.list("enum"); len(values) > 0 {
		g.out = g.enumerated(values, at).appendTo(g.out)
		return
	}
	if v := s.member("default"); v != nil && at.ordinal == 0 {
		g.out = v.appendTo(g.out)
		return
	}
	switch g.typeOf(s) {
	case "object":
		g.object(s, at)
	case "array":
		g.array(s, at)
	case "integer":
		g.number(s, at, true)
	case "number":
		g.number(s, at, false)
	case "boolean":
		g.out = strconv.AppendBool(g.out, at.ordinal%2 == 0)
	case "null":
		g.out = append(g.out, "null"...)
	default:
		g.out = append(g.out, quoteJSON(g.str(s, at))...)
	}
}

// settle resolves references and combinations until the schema says itself what it
// wants.
func (g *generator) settle(s *jsonValue, at place) *jsonValue {
	for range maxReferences {
		s = g.resolve(s)
		var branches []*jsonValue
		for _, keyword := range [...]string{"anyOf", "oneOf"} {
			if branches = s.list(keyword); len(branches) > 0 {
				s = g.without(s, keyword)
				break
			}
		}
		if len(branches) == 0 {
			return s
		}
		s = g.merge(s, g.branch(branches, at))
	}
	return s
}

// resolve follows $ref and puts allOf together.
func (g *generator) resolve(s *jsonValue) *jsonValue {
	if g.nesting > maxReferences {
		return s
	}
	g.nesting++
	defer func() { g.nesting-- }()
	for range maxReferences {
		if g.effort.spend(4); g.effort.spent() {
			return s
		}
		if ref := s.member("$ref"); ref != nil {
			s = g.merge(g.without(s, "$ref"), g.lookup(ref.text))
			continue
		}
		all := s.list("allOf")
		if len(all) == 0 {
			return s
		}
		s = g.without(s, "allOf")
		for _, part := range all {
			s = g.merge(s, g.resolve(part))
		}
	}
	return s
}

var pointerEscapes = strings.NewReplacer("~1", "/", "~0", "~", "%24", "$")

// lookup follows a JSON pointer within the schema; nil when it leads nowhere.
func (g *generator) lookup(ref string) *jsonValue {
	path, local := strings.CutPrefix(ref, "#")
	if !local {
		return nil
	}
	v := g.root
	for step := range strings.SplitSeq(strings.TrimPrefix(path, "/"), "/") {
		if step == "" {
			continue
		}
		if v != nil {
			g.effort.spend(4 + comparisons(v.keys))
		}
		step = pointerEscapes.Replace(step)
		if v != nil && v.kind == kindArray {
			i, err := strconv.Atoi(step)
			if err != nil || i < 0 || i >= len(v.items) {
				return nil
			}
			v = v.items[i]
			continue
		}
		v = v.member(step)
	}
	return v
}

// branch picks one of several schemas: the first that is not null, or deep down
// the simplest, so that a schema that refers to itself ends.
func (g *generator) branch(branches []*jsonValue, at place) *jsonValue {
	deep := at.depth >= maxItemDepth
	best, cost := branches[0], 1<<30
	for _, b := range branches {
		g.effort.spend(1 + len(b.keys))
		if g.effort.spent() {
			break
		}
		c := 1
		switch r := g.resolve(b); g.typeOf(r) {
		case "null":
			c = 2
			if deep {
				c = 0
			}
		case "object", "array", "":
			if deep && r.member("enum") == nil && r.member("const") == nil {
				c = 3
			}
		}
		if b.kind == kindBool && b.text == "false" {
			c = 4
		}
		if c < cost {
			best, cost = b, c
		}
	}
	return best
}

// without returns an object without a member.
func (g *generator) without(v *jsonValue, name string) *jsonValue {
	g.effort.spend(1 + len(v.keys))
	out := &jsonValue{kind: v.kind, text: v.text}
	for i, key := range v.keys {
		if key != name {
			out.keys = append(out.keys, key)
			out.items = append(out.items, v.items[i])
		}
	}
	return out
}

// merge returns a schema that asks for what both ask for: properties and required
// members of both, and where both have a keyword, that of a.
func (g *generator) merge(a, b *jsonValue) *jsonValue {
	g.effort.spend(1 + len(a.keys))
	if b == nil || b.kind != kindObject || g.effort.spent() {
		return a
	}
	if a.kind != kindObject {
		return b
	}
	out := &jsonValue{kind: kindObject, keys: slices.Clone(a.keys), items: slices.Clone(a.items)}
	for i, key := range b.keys {
		g.effort.spend(1 + comparisons(out.keys))
		if g.effort.spent() {
			break
		}
		at := slices.Index(out.keys, key)
		switch {
		case at < 0:
			out.keys = append(out.keys, key)
			out.items = append(out.items, b.items[i])
		case key == "properties" || key == "$defs":
			out.items[at] = g.merge(out.items[at], b.items[i])
		case key == "required" || key == "allOf":
			g.effort.spend(len(out.items[at].items) + len(b.items[i].items))
			both := &jsonValue{kind: kindArray, items: slices.Concat(out.items[at].items, b.items[i].items)}
			out.items[at] = both
		}
	}
	return out
}

// comparisons is what finding a name among names costs, in steps.
func comparisons(names []string) int { return len(names) / 8 }

// typeOf is the type that a schema asks for: its first one that is not null, or the
// one that its keywords are about; "" for any.
func (g *generator) typeOf(s *jsonValue) string {
	if t := s.str("type"); t != "" {
		return t
	}
	if types := s.list("type"); len(types) > 0 {
		for _, t := range types {
			if t.text != "null" {
				return t.text
			}
		}
		return "null"
	}
	for _, about := range [...]struct {
		kind     string
		keywords []string
	}{
		{"object", []string{"properties", "required", "additionalProperties", "minProperties"}},
		{"array", []string{"items", "prefixItems", "minItems", "maxItems"}},
		{"string", []string{"pattern", "format", "minLength", "maxLength", "enum", "const", "anyOf", "oneOf"}},
		{"number", []string{"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf"}},
	} {
		for _, keyword := range about.keywords {
			if s.member(keyword) != nil {
				return about.kind
			}
		}
	}
	return ""
}

// allowsType tells whether the schema's type, when it says one, is or has the name.
func (v *jsonValue) allowsType(name string) bool {
	t := v.member("type")
	if t == nil || t.kind == kindString {
		return t == nil || t.text == name
	}
	return slices.ContainsFunc(t.items, func(is *jsonValue) bool { return is.text == name })
}

// enumerated picks the value that the text mentions, else the first, else for an
// item of an array one that differs.
func (g *generator) enumerated(values []*jsonValue, at place) *jsonValue {
	if at.ordinal == 0 {
		for _, v := range values {
			if g.effort.spend(1 + len(v.text)/8); g.effort.spent() {
				break
			}
			if v.kind == kindString && g.mentions(v.text) {
				return v
			}
		}
	}
	return values[at.ordinal%len(values)]
}

func (g *generator) mentions(value string) bool {
	words := splitWords(value)
	return len(words) > 0 && !slices.ContainsFunc(words, func(w string) bool { return !g.hints.words[w] })
}
