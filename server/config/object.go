package config

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"go.yaml.in/yaml/v3"

	"github.com/sluice-ai/sluice/proto/wirejson"
)

// Bounds of fields that hold a JSON object. YAML's aliases could make small files
// grow beyond any.
const (
	// maxObjectDepth is the nesting of one object.
	maxObjectDepth = 100
	// maxObjectBytes is the size of all of a file together.
	maxObjectBytes = 16 * mib
)

// member is one of a JSON object at a path of the file.
type member struct {
	name string
	// path is where it stands.
	path string
	// value is JSON.
	value string
}

// object turns a mapping into the text of a JSON object: keys in the order of the
// file, numbers with the digits that they have there. It remembers the members for
// later checks. ok is false when there is none, or something is wrong with it.
func (d *document) object(node *yaml.Node, path string) (text string, ok bool) {
	if node = d.enter(node, path); node == nil {
		return "", false
	}
	if node.Kind != yaml.MappingNode {
		hint := ""
		if node.Kind == yaml.ScalarNode && strings.HasPrefix(strings.TrimSpace(node.Value), "{") {
			hint = ": leave out the quotes around the braces"
		}
		d.addf(path, "expected keys with values, got %s%s", describe(node), hint)
		return "", false
	}
	before := len(d.problems)
	var members []member
	d.eachKey(node, path, freeKey, func(key string, value *yaml.Node, at string) {
		d.grow(at, len(key))
		members = append(members, member{key, at, string(d.value(nil, value, at, 1))})
	})
	if d.overgrown || d.nodes >= maxNodes || len(d.problems) > before {
		return "", false
	}
	b := []byte{'{'}
	for i, m := range members {
		if i > 0 {
			b = append(b, ',')
		}
		b = wirejson.AppendString(b, m.name)
		b = append(b, ':')
		b = append(b, m.value...)
	}
	d.members[path] = members
	return string(append(b, '}')), true
}

// grow counts n more bytes of JSON.
func (d *document) grow(path string, n int) {
	d.objectBytes += n
	if d.objectBytes >= maxObjectBytes && !d.overgrown {
		d.overgrown = true
		d.addf(path, "the free values of the file grow beyond %d MiB", maxObjectBytes/mib)
	}
}

// value appends a node as JSON. When something is wrong with it, d.problems grow and
// what was appended counts for nothing.
func (d *document) value(b []byte, node *yaml.Node, path string, depth int) []byte {
	entered := d.enter(node, path)
	switch {
	case d.nodes >= maxNodes || d.overgrown: // has been reported
		return b
	case entered == nil:
		return append(b, "null"...)
	case depth > maxObjectDepth:
		d.overgrown = true
		d.addf(path, "the value is nested deeper than %d levels", maxObjectDepth)
		return b
	}
	node = entered
	d.positions[path] = position{d.file, node.Line, node.Column}
	switch {
	case node.Kind == yaml.ScalarNode:
		d.grow(path, len(node.Value))
		return d.plainValue(b, node, path)
	case node.ShortTag() == "!!map":
		b = append(b, '{')
		start := len(b)
		d.eachKey(node, path, freeKey, func(key string, value *yaml.Node, at string) {
			if len(b) > start {
				b = append(b, ',')
			}
			d.grow(at, len(key))
			b = append(wirejson.AppendString(b, key), ':')
			b = d.value(b, value, at, depth+1)
		})
		return append(b, '}')
	case node.ShortTag() == "!!seq":
		b = append(b, '[')
		for i, item := range node.Content {
			if i > 0 {
				b = append(b, ',')
			}
			b = d.value(b, item, path+"["+strconv.Itoa(i)+"]", depth+1)
		}
		return append(b, ']')
	default:
		d.addf(path, "the tag %s means nothing to JSON", node.Tag)
		return b
	}
}

// plainValue appends a text, a number, true or false.
func (d *document) plainValue(b []byte, node *yaml.Node, path string) []byte {
	switch node.ShortTag() {
	case "!!str":
		if node.Style == 0 && isJSONNumber(node.Value) { // YAML takes what no float64 holds for a text
			d.addf(path, "the number is too large: put it in quotes if a text is meant")
		}
		if strings.Contains(node.Value, "${env:") || strings.Contains(node.Value, "${file:") {
			d.warn(path, "a reference to a secret is not resolved here: the text is sent as it is")
		}
		return wirejson.AppendString(b, node.Value)
	case "!!int", "!!float":
		text, err := number(node)
		if err != nil {
			d.addf(path, "%v", err)
		}
		return append(b, text...)
	case "!!bool":
		return strconv.AppendBool(b, strings.EqualFold(node.Value, "true"))
	default:
		d.addf(path, "expected a value that JSON has, got %s: put it in quotes if a text is meant", describe(node))
		return b
	}
}

// number returns a number as JSON, with the digits that it has in the file.
func number(node *yaml.Node) (string, error) {
	text := strings.TrimPrefix(strings.ReplaceAll(node.Value, "_", ""), "+")
	digits := strings.TrimPrefix(text, "-")
	whole, fraction, pointed := strings.Cut(digits, ".")
	switch {
	case isJSONNumber(text):
		return text, nil
	case strings.EqualFold(digits, ".inf") || strings.EqualFold(digits, ".nan"):
		return "", errors.New("JSON has numbers neither for infinity nor for what is no number")
	case len(whole) > 1 && whole[0] == '0' && isDigit(whole[1]):
		return "", errors.New("a number that begins with 0 can be read in two ways: write 0o17 when it is octal, else leave out the 0")
	case pointed && (fraction == "" || !isDigit(fraction[0])): // 1. or 1.e5
		digits = whole + fraction
	case pointed && whole == "": // .5
		digits = "0" + digits
	default: // hexadecimal, octal or binary
		var n any
		if node.Decode(&n) == nil {
			text = fmt.Sprint(n)
			digits = strings.TrimPrefix(text, "-")
		}
	}
	if text[0] == '-' {
		digits = "-" + digits
	}
	if !isJSONNumber(digits) {
		return "", errors.New("this is no number that JSON can hold")
	}
	return digits, nil
}

// isJSONNumber reports whether the text is a number to JSON, too.
func isJSONNumber(text string) bool {
	return text != "" && (text[0] == '-' || isDigit(text[0])) && isDigit(text[len(text)-1]) && json.Valid([]byte(text))
}

func isDigit(c byte) bool { return '0' <= c && c <= '9' }
