package config

import (
	"errors"
	"fmt"
	"io"
	"math"
	"regexp"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"
)

// maxNodes bounds what a file may grow to by its aliases.
const maxNodes = 200_000

// document reads YAML into a message and remembers where each key stands, so that
// whoever finds something wrong later can still point at it. docs/adr/0006 says why
// this is not a library's.
type document struct {
	file      string
	positions map[string]position
	problems  []Problem
	warnings  []Problem
	wrong     map[string]bool // paths of problems
	nodes     int
	// members are those of the JSON objects, by the paths of the objects.
	members map[string][]member
	// objectBytes is how much text the objects hold; overgrown says that one went beyond a
	// bound, and that no more are read.
	objectBytes int
	overgrown   bool
}

type position struct {
	file         string
	line, column int
}

func newDocument(file string) *document {
	return &document{
		file:      file,
		positions: make(map[string]position),
		wrong:     make(map[string]bool),
		members:   make(map[string][]member),
	}
}

// addf reports a problem with the key at path.
func (d *document) addf(path, format string, args ...any) {
	d.report(d.problem(path, fmt.Sprintf(format, args...)))
}

// warn reports what is doubtful about the key at path.
func (d *document) warn(path, message string) {
	d.warnings = append(d.warnings, d.problem(path, message))
}

func (d *document) report(p Problem) {
	d.problems = append(d.problems, p)
	d.wrong[p.Path] = true
}

// problem places a message at path, or at the nearest key above it that is there.
func (d *document) problem(path, message string) Problem {
	at := path
	for {
		if p, ok := d.positions[at]; ok {
			return Problem{p.file, p.line, p.column, path, message}
		}
		if at == "" {
			return Problem{File: d.file, Path: path, Message: message}
		}
		at = at[:max(0, strings.LastIndexAny(at, ".["))]
	}
}

// has reports whether something is known to be wrong at path.
func (d *document) has(path string) bool { return d.wrong[path] }

var syntaxLine = regexp.MustCompile(`^line (\d+): (.*)$`)

// read fills m from YAML. What is wrong ends up in d.problems.
func (d *document) read(r io.Reader, m protoreflect.Message) {
	decoder := yaml.NewDecoder(r)
	var root yaml.Node
	switch err := decoder.Decode(&root); {
	case errors.Is(err, io.EOF):
		return
	case err != nil:
		d.syntax(err)
		return
	}
	top := root.Content[0]
	d.positions[""] = position{d.file, top.Line, top.Column}
	d.message(top, "", m)

	var more yaml.Node
	if err := decoder.Decode(&more); err == nil {
		p := d.problem("", "a second document begins here: a configuration is one document")
		p.Line, p.Column = more.Line, more.Column
		d.report(p)
	} else if !errors.Is(err, io.EOF) {
		d.syntax(err)
	}
}

func (d *document) syntax(err error) {
	p := Problem{File: d.file, Line: 1, Column: 1, Message: strings.TrimPrefix(err.Error(), "yaml: ")}
	if m := syntaxLine.FindStringSubmatch(p.Message); m != nil {
		p.Line, _ = strconv.Atoi(m[1])
		p.Message = m[2]
	}
	p.Message = "this is no YAML: " + p.Message
	d.report(p)
}

// enter follows aliases and counts. Nil means: nothing there, or too much.
func (d *document) enter(node *yaml.Node, path string) *yaml.Node {
	for node.Kind == yaml.AliasNode {
		node = node.Alias
	}
	d.nodes++
	if d.nodes == maxNodes {
		d.addf(path, "the aliases of the file grow beyond %d values", maxNodes)
	}
	if d.nodes >= maxNodes || node.ShortTag() == "!!null" {
		return nil
	}
	return node
}

func (d *document) message(node *yaml.Node, path string, m protoreflect.Message) {
	if node = d.enter(node, path); node == nil {
		return
	}
	if node.Kind != yaml.MappingNode {
		d.addf(path, "expected keys with values, got %s", describe(node))
		return
	}
	fields := m.Descriptor().Fields()
	d.eachKey(node, path, ".", func(key string, value *yaml.Node, at string) {
		field := fields.ByName(protoreflect.Name(key))
		if field == nil {
			d.addf(at, "unknown key; known here are %s", fieldNames(fields))
			return
		}
		d.field(value, at, m, field)
	})
}

// eachKey calls visit with each key of a mapping that is a text and stands there
// for the first time.
func (d *document) eachKey(node *yaml.Node, path, separator string, visit func(key string, value *yaml.Node, at string)) {
	first := make(map[string]int)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		at := child(path, separator, key.Value)
		line, twice := first[key.Value]
		if !twice {
			d.positions[at] = position{d.file, key.Line, key.Column}
			first[key.Value] = key.Line
		}
		p := Problem{d.file, key.Line, key.Column, at, ""}
		switch {
		case key.Kind != yaml.ScalarNode || key.Tag == "!!merge":
			p.Path, p.Message = path, "a key is a text here; merge keys and complex keys are not supported"
		case twice:
			p.Message = fmt.Sprintf("the key stands here for the second time, first on line %d", line)
		default:
			visit(key.Value, value, at)
			continue
		}
		d.report(p)
	}
}

// freeKey is a separator for keys that nobody has named: those that are no names are
// put in quotes.
const freeKey = "?"

func child(path, separator, key string) string {
	switch {
	case separator == freeKey && namePattern.MatchString(key) && !strings.Contains(key, "."):
		separator = "."
	case separator != ".":
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + separator + key
}

func (d *document) field(node *yaml.Node, path string, m protoreflect.Message, field protoreflect.FieldDescriptor) {
	switch {
	case field.IsMap():
		if node = d.enter(node, path); node == nil {
			return
		}
		if node.Kind != yaml.MappingNode {
			d.addf(path, "expected keys with values, got %s", describe(node))
			return
		}
		entries := m.Mutable(field).Map()
		d.eachKey(node, path, "[", func(key string, value *yaml.Node, at string) {
			if v, ok := d.scalar(value, at, field.MapValue()); ok {
				entries.Set(protoreflect.ValueOfString(key).MapKey(), v)
			}
		})
	case field.IsList():
		d.list(node, path, m, field)
	case field.Message() != nil:
		if node.ShortTag() != "!!null" {
			d.message(node, path, m.Mutable(field).Message())
		}
	case rulesOf(field).GetForm() == configv1.Form_FORM_JSON_OBJECT:
		if text, ok := d.object(node, path); ok {
			m.Set(field, protoreflect.ValueOfString(text))
		}
	default:
		if v, ok := d.scalar(node, path, field); ok {
			m.Set(field, v)
		}
	}
}

func (d *document) list(node *yaml.Node, path string, m protoreflect.Message, field protoreflect.FieldDescriptor) {
	if node = d.enter(node, path); node == nil {
		return
	}
	if node.Kind != yaml.SequenceNode {
		d.addf(path, "expected a list, got %s", describe(node))
		return
	}
	items := m.Mutable(field).List()
	for i, item := range node.Content {
		at := path + "[" + strconv.Itoa(i) + "]"
		d.positions[at] = position{d.file, item.Line, item.Column}
		if item.ShortTag() == "!!null" {
			d.addf(at, "the entry is empty")
		}
		// A bad entry keeps its place, so that paths go on to name the right one.
		if field.Message() != nil {
			d.message(item, at, items.AppendMutable().Message())
		} else if v, ok := d.scalar(item, at, field); ok {
			items.Append(v)
		} else {
			items.Append(items.NewElement())
		}
	}
}

func (d *document) scalar(node *yaml.Node, path string, field protoreflect.FieldDescriptor) (v protoreflect.Value, ok bool) {
	if node = d.enter(node, path); node == nil {
		return v, false
	}
	d.positions[path] = position{d.file, node.Line, node.Column}
	if node.Kind != yaml.ScalarNode {
		d.addf(path, "expected %s, got %s", kindName(field.Kind()), describe(node))
		return v, false
	}
	tag := node.ShortTag()
	switch field.Kind() {
	case protoreflect.StringKind:
		if tag == "!!str" || isNumber(tag) && isMeasure(field) {
			return protoreflect.ValueOfString(node.Value), true
		}
	case protoreflect.BoolKind:
		if tag == "!!bool" {
			return protoreflect.ValueOfBool(strings.EqualFold(node.Value, "true")), true
		}
	case protoreflect.Int32Kind:
		var n int32
		if tag == "!!int" && node.Decode(&n) == nil {
			return protoreflect.ValueOfInt32(n), true
		}
	case protoreflect.Int64Kind:
		var n int64
		if tag == "!!int" && node.Decode(&n) == nil {
			return protoreflect.ValueOfInt64(n), true
		}
	case protoreflect.DoubleKind:
		var f float64
		if isNumber(tag) && node.Decode(&f) == nil && !math.IsInf(f, 0) && !math.IsNaN(f) {
			return protoreflect.ValueOfFloat64(f), true
		}
	default: // the configuration has no other kinds
	}
	hint := ""
	if field.Kind() == protoreflect.StringKind {
		hint = ": put it in quotes"
	}
	d.addf(path, "expected %s, got %s%s", kindName(field.Kind()), describe(node), hint)
	return v, false
}

func isNumber(tag string) bool { return tag == "!!int" || tag == "!!float" }

// isMeasure reports whether the field's text may be a number to YAML: a size without
// a unit. A span of time without one is told so where forms are checked.
func isMeasure(field protoreflect.FieldDescriptor) bool {
	form := rulesOf(field).GetForm()
	return form == configv1.Form_FORM_SIZE || form == configv1.Form_FORM_DURATION
}

// describe names what a node is without repeating its value, which may be a secret.
func describe(node *yaml.Node) string {
	switch node.Kind {
	case yaml.MappingNode:
		return "keys with values"
	case yaml.SequenceNode:
		return "a list"
	default: // a scalar
	}
	switch tag := node.ShortTag(); tag {
	case "!!str":
		return "a text"
	case "!!int":
		return "a whole number"
	case "!!float":
		if value := strings.ToLower(node.Value); strings.HasSuffix(value, ".inf") || strings.HasSuffix(value, ".nan") {
			return "what is no finite number"
		}
		return "a number with decimals"
	case "!!bool":
		return "true or false"
	default:
		return "a value of the type " + strings.TrimPrefix(tag, "!!")
	}
}

func kindName(kind protoreflect.Kind) string {
	switch kind {
	case protoreflect.BoolKind:
		return "true or false"
	case protoreflect.Int32Kind, protoreflect.Int64Kind:
		return "a whole number"
	case protoreflect.DoubleKind:
		return "a number"
	default:
		return "a text"
	}
}

func fieldNames(fields protoreflect.FieldDescriptors) string {
	names := make([]string, fields.Len())
	for i := range names {
		names[i] = string(fields.Get(i).Name())
	}
	return strings.Join(names, ", ")
}

// rulesOf returns the field's own options; nil has working getters.
func rulesOf(field protoreflect.FieldDescriptor) *configv1.FieldRules {
	rules, _ := proto.GetExtension(field.Options(), configv1.E_Field).(*configv1.FieldRules)
	return rules
}
