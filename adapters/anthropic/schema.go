package anthropic

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
)

// whyClosed is the note about what [closeObjects] adds.
const whyClosed = "objects that do not say whether they may have more members may not: the dialect demands it"

// part says what a value inside of a schema is.
type part uint8

const (
	partData    part = iota // an example, an enumeration, or what the dialect does not take
	partSchema              // a schema
	partSchemas             // schemas by their names, or in a list
	partTypes               // the types of a schema
)

// parts are the members of a schema that have schemas in them, of those that the dialect
// takes, and oneOf, which the official SDKs turn into anyOf.
//
// Source: the documentation's "Structured outputs", "JSON Schema limitations", and
// transform_schema of the official Python SDK, 2026-11.
var parts = map[string]part{
	"type": partTypes, "items": partSchema,
	"properties": partSchemas, "$defs": partSchemas, "definitions": partSchemas,
	"anyOf": partSchemas, "allOf": partSchemas, "oneOf": partSchemas,
}

// level is an object or a list that is being read.
type level struct {
	is   part
	list bool
	// name is that of the member whose value comes next. named says that there is one.
	name  string
	named bool
	// object says that this schema is of objects, settled that it says which other members
	// these may have, or is another schema's name.
	object, settled bool
}

// closeObjects adds "additionalProperties": false to the objects of a JSON Schema that say
// nothing of it, as the official SDKs do, and leaves all else as it is: the API refuses
// structured outputs and strict tools without. A schema that is not JSON comes back as it is.
//
// Source: the documentation's "Structured outputs", "JSON Schema limitations", 2026-11.
func closeObjects(schema []byte) (closed []byte, changed bool) {
	var out []byte
	var levels []level
	copied := 0
	d := json.NewDecoder(bytes.NewReader(schema))
	d.UseNumber()
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return schema, false
		}
		var top *level
		if len(levels) > 0 {
			top = &levels[len(levels)-1]
		}
		switch delim, isDelim := token.(json.Delim); {
		case isDelim && (delim == '{' || delim == '['):
			next := level{is: partSchema, list: delim == '['}
			if top != nil {
				next.is = top.child(next.list)
				top.named = false
			}
			levels = append(levels, next)
		case isDelim:
			if top.is == partSchema && top.object && !top.settled {
				end := int(d.InputOffset()) - 1
				out = append(append(out, schema[copied:end]...), `,"additionalProperties":false`...)
				copied = end
			}
			levels = levels[:len(levels)-1]
		case top == nil: // true or false
		case !top.list && !top.named:
			top.name, _ = token.(string)
			top.named = true
			if top.name == "additionalProperties" || top.name == "$ref" {
				top.settled = true
			}
		default:
			if token == "object" {
				ofObjects(levels)
			}
			top.named = false
		}
	}
	return append(out, schema[copied:]...), copied > 0
}

// child tells what an object or a list is that stands at the next place.
func (l *level) child(list bool) part {
	switch {
	case l.is == partSchema && !l.list:
		is := parts[l.name]
		if list && is == partSchema || !list && is == partTypes {
			return partData
		}
		return is
	case l.is == partSchemas && !list:
		return partSchema
	}
	return partData
}

// ofObjects takes the word object, which may be the type of a schema, or one of its types.
func ofObjects(levels []level) {
	top := &levels[len(levels)-1]
	switch {
	case top.is == partSchema && top.name == "type":
		top.object = true
	case top.is == partTypes && len(levels) > 1:
		levels[len(levels)-2].object = true
	}
}
