package sandbox

import (
	"math"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

func (g *generator) object(s *jsonValue, at place) {
	required := map[string]bool{}
	for _, r := range s.list("required") {
		required[r.text] = true
	}
	properties := s.member("properties")
	g.effort.spend(len(required) + len(properties.names()))
	g.out = append(g.out, '{')
	written := 0
	write := func(name string, schema *jsonValue) {
		if written > 0 {
			g.out = append(g.out, ',')
		}
		written++
		g.out = append(append(g.out, quoteJSON(name)...), ':')
		g.write(schema, place{name: name, depth: at.depth + 1})
	}
	least := g.atLeast(s, "minProperties")
	for i, name := range properties.names() {
		if !required[name] && (len(required) > 0 || at.depth >= maxOptionalDepth) && written >= least {
			continue
		}
		if schema := properties.items[i]; schema.kind != kindBool || schema.text == "true" {
			write(name, schema)
		}
	}
	further := s.member("additionalProperties")
	for _, r := range s.list("required") {
		if g.effort.spend(1 + comparisons(properties.names())); g.effort.spent() {
			break
		}
		if required[r.text] && properties.member(r.text) == nil {
			write(r.text, schemaOrAny(further))
			required[r.text] = false
		}
	}
	if further != nil && further.kind == kindObject && written == 0 && len(properties.names()) == 0 && at.depth < maxOptionalDepth {
		least = max(least, 1) // a map: one entry shows its form
	}
	for i := 1; written < least && g.left > 0 && !g.effort.spent(); i++ {
		write("key"+strconv.Itoa(i), schemaOrAny(further))
	}
	g.out = append(g.out, '}')
}

// names are an object's member names, none for nil.
func (v *jsonValue) names() []string {
	if v == nil || v.kind != kindObject {
		return nil
	}
	return v.keys
}

// schemaOrAny is a schema that may be absent or a boolean.
func schemaOrAny(s *jsonValue) *jsonValue {
	if s == nil || s.kind != kindObject {
		return &jsonValue{kind: kindObject}
	}
	return s
}

// atLeast reads a keyword that counts, bounded so that a schema cannot ask for the
// memory of the machine.
func (g *generator) atLeast(s *jsonValue, keyword string) int {
	n, ok := s.float(keyword)
	if !ok || !(n > 0) {
		return 0
	}
	return int(min(n, maxSchemaValues))
}

func (g *generator) array(s *jsonValue, at place) {
	first := s.list("prefixItems")
	items := s.member("items")
	if items != nil && items.kind == kindArray { // the form of older drafts
		first, items = items.items, s.member("additionalItems")
	}
	least := g.atLeast(s, "minItems")
	n := max(least, len(first))
	if n == 0 && at.depth < maxItemDepth && (items == nil || items.kind == kindObject) {
		n = 1
	}
	if most, ok := s.float("maxItems"); ok {
		n = min(n, int(max(most, 0)))
	}
	g.out = append(g.out, '[')
	for i := 0; i < n && g.left > 0 && !g.effort.spent(); i++ {
		if i > 0 {
			g.out = append(g.out, ',')
		}
		schema := schemaOrAny(items)
		if i < len(first) {
			schema = schemaOrAny(first[i])
		}
		g.write(schema, place{name: at.name, depth: at.depth + 1, ordinal: i})
	}
	g.out = append(g.out, ']')
}

// float reads a keyword with a number.
func (v *jsonValue) float(keyword string) (float64, bool) {
	m := v.member(keyword)
	if m == nil || m.kind != kindNumber {
		return 0, false
	}
	f, err := strconv.ParseFloat(m.text, 64)
	return f, err == nil
}

// bounds are the range of a number.
type bounds struct {
	least, most        float64
	openLeast, openTop bool
	multiple           float64
	integer            bool
}

func boundsOf(s *jsonValue, integer bool) bounds {
	b := bounds{least: math.Inf(-1), most: math.Inf(1), integer: integer}
	if f, ok := s.float("minimum"); ok {
		b.least = f
	}
	if f, ok := s.float("maximum"); ok {
		b.most = f
	}
	if f, ok := s.float("exclusiveMinimum"); ok && f >= b.least {
		b.least, b.openLeast = f, true
	}
	if f, ok := s.float("exclusiveMaximum"); ok && f <= b.most {
		b.most, b.openTop = f, true
	}
	// The form of draft 4.
	b.openLeast = b.openLeast || isTrue(s.member("exclusiveMinimum"))
	b.openTop = b.openTop || isTrue(s.member("exclusiveMaximum"))
	if f, ok := s.float("multipleOf"); ok && f > 0 {
		b.multiple = f
	}
	return b
}

func isTrue(v *jsonValue) bool { return v != nil && v.kind == kindBool && v.text == "true" }

func (b bounds) has(f float64) bool {
	switch {
	case math.IsNaN(f) || math.IsInf(f, 0):
		return false
	case f < b.least || b.openLeast && f == b.least, f > b.most || b.openTop && f == b.most:
		return false
	case b.integer && f != math.Trunc(f):
		return false
	case b.multiple > 0:
		times := f / b.multiple
		return math.Abs(times-math.Round(times)) < 1e-9
	}
	return true
}

// number writes a number of the text when one fits, else 1, else one at the edge or
// in the middle of the range.
func (g *generator) number(s *jsonValue, at place, integer bool) {
	b := boundsOf(s, integer)
	if at.ordinal == 0 {
		for i := g.counted; i < len(g.hints.numbers); i++ {
			said := g.hints.numbers[i]
			if f, err := strconv.ParseFloat(said, 64); err == nil && b.has(f) {
				g.counted = i + 1
				g.out = appendNumber(g.out, f)
				return
			}
		}
	}
	step := 1.0
	if b.multiple > 0 {
		step = b.multiple
	}
	tries := []float64{1, 0}
	if !math.IsInf(b.least, 0) {
		low := math.Ceil(b.least/step) * step
		tries = append(tries, b.least, low, low+step)
	}
	if !math.IsInf(b.most, 0) {
		high := math.Floor(b.most/step) * step
		tries = append(tries, b.most, high, high-step)
	}
	tries = append(tries, (b.least+b.most)/2, step, -step)
	for _, f := range tries {
		if b.has(f) && (at.ordinal == 0 || b.has(f+float64(at.ordinal)*step)) {
			g.out = appendNumber(g.out, f+float64(at.ordinal)*step)
			return
		}
	}
	// Nothing satisfies this; the lower edge is as good as anything.
	if m := s.member("minimum"); m != nil && m.kind == kindNumber {
		g.out = append(g.out, m.text...)
		return
	}
	g.out = append(g.out, '1')
}

func appendNumber(out []byte, f float64) []byte {
	if f == math.Trunc(f) && math.Abs(f) < 1<<53 {
		return strconv.AppendInt(out, int64(f), 10)
	}
	return strconv.AppendFloat(out, f, 'g', -1, 64)
}

// formats are values of the formats that JSON Schema names.
//
// Source: JSON Schema Validation 2020-12, section 7.3.
var formats = map[string]string{
	"date-time": "2025-01-01T00:00:00Z", "date": "2025-01-01", "time": "00:00:00Z", "duration": "P1D",
	"email": "user@example.com", "idn-email": "user@example.com",
	"hostname": "example.com", "idn-hostname": "example.com",
	"ipv4": "192.0.2.1", "ipv6": "2001:db8::1",
	"uri": "https://example.com/", "url": "https://example.com/", "iri": "https://example.com/",
	"uri-reference": "/example", "iri-reference": "/example", "uri-template": "https://example.com/{id}",
	"uuid": "00000000-0000-4000-8000-000000000001", "json-pointer": "/example", "relative-json-pointer": "1",
	"regex": "^a$", "byte": "ZXhhbXBsZQ==",
}

// maxStringRunes bounds what minLength can ask for.
const maxStringRunes = 10_000

// str returns a string for the schema.
func (g *generator) str(s *jsonValue, at place) string {
	least, most := int64(min(g.atLeast(s, "minLength"), maxStringRunes)), int64(maxStringRunes)
	if f, ok := s.float("maxLength"); ok && f < maxStringRunes {
		most = int64(max(f, 0))
	}
	if pattern := s.str("pattern"); pattern != "" {
		if text, ok := matching(pattern, g.hints, least, most, &g.effort); ok {
			return text
		}
	}
	format := s.str("format")
	if text, ok := formats[format]; ok {
		return g.formatted(format, text)
	}
	text := g.fill(s, at)
	if at.ordinal > 0 {
		text += " " + strconv.Itoa(at.ordinal+1)
	}
	n := int64(utf8.RuneCountInString(text))
	if n > most {
		runes := []rune(text)[:most]
		text = strings.TrimSpace(string(runes))
		n = int64(utf8.RuneCountInString(text))
	}
	if n < least {
		text += strings.Repeat("a", int(least-n))
	}
	return text
}

// formatted is what the text says in the format, else the standing value.
func (g *generator) formatted(format, standing string) string {
	var said []string
	switch format {
	case "email", "idn-email":
		said = g.hints.emails
	case "uri", "url", "iri":
		said = g.hints.urls
	case "date":
		said = g.hints.days
	}
	if len(said) > 0 {
		return said[0]
	}
	return standing
}

// What the last word of a member's name asks for.
var (
	asksForInput = wordSet("query question text input prompt message search q sentence request")
	asksForProse = wordSet("answer response reply summary explanation reasoning description output content result reason thought")
	asksForDay   = wordSet("date day")
	asksForMail  = wordSet("email mail")
	asksForURL   = wordSet("url uri link website")
)

// fill finds a string for a member: by its name, then the next quoted piece or name
// of the user's text, then the schema's first example.
func (g *generator) fill(s *jsonValue, at place) string {
	last := ""
	if words := splitWords(at.name); len(words) > 0 {
		last = words[len(words)-1]
	}
	switch {
	case asksForDay[last]:
		return g.formatted("date", formats["date"])
	case asksForMail[last]:
		return g.formatted("email", formats["email"])
	case asksForURL[last]:
		return g.formatted("uri", formats["uri"])
	case asksForProse[last] && g.plain != "":
		return g.plain
	case asksForInput[last] && len(g.hints.quoted) == 0 && g.hints.text != "":
		return g.hints.text
	}
	if said := slices.Concat(g.hints.quoted, g.hints.names); g.taken < len(said) {
		g.taken++
		return said[g.taken-1]
	}
	if examples := s.list("examples"); len(examples) > 0 && examples[0].kind == kindString {
		return examples[0].text
	}
	return "example"
}
