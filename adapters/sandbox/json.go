package sandbox

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"slices"

	"github.com/sluice-ai/sluice/proto/wirejson"
)

// jsonKind is the kind of a JSON value.
type jsonKind int

const (
	kindNull jsonKind = iota
	kindBool
	kindNumber
	kindString
	kindArray
	kindObject
)

// jsonValue is a JSON value that keeps the order of members and the digits of
// numbers, which a map and a float64 would not. A nil value has no members.
type jsonValue struct {
	kind jsonKind
	// text is a string's value, a number's digits, or true or false.
	text string
	// keys are an object's member names; items their values, or an array's.
	keys  []string
	items []*jsonValue
}

const maxJSONDepth = 200

var errJSON = errors.New("no JSON value, or one of too many levels")

func parseJSON(raw []byte) (*jsonValue, error) {
	dec := json.NewDecoder(bytes.NewReader(raw))
	dec.UseNumber()
	v, err := decodeJSON(dec, maxJSONDepth)
	if err != nil {
		return nil, err
	}
	if _, err := dec.Token(); !errors.Is(err, io.EOF) {
		return nil, errJSON
	}
	return v, nil
}

func decodeJSON(dec *json.Decoder, depth int) (*jsonValue, error) {
	token, err := dec.Token()
	if err != nil {
		return nil, err
	}
	switch t := token.(type) {
	case string:
		return &jsonValue{kind: kindString, text: t}, nil
	case json.Number:
		return &jsonValue{kind: kindNumber, text: t.String()}, nil
	case bool:
		if t {
			return &jsonValue{kind: kindBool, text: "true"}, nil
		}
		return &jsonValue{kind: kindBool, text: "false"}, nil
	case json.Delim:
		if depth == 0 || t == '}' || t == ']' {
			return nil, errJSON
		}
		v := &jsonValue{kind: kindArray}
		if t == '{' {
			v.kind = kindObject
		}
		return v, v.decodeItems(dec, depth-1)
	}
	return &jsonValue{}, nil
}

func (v *jsonValue) decodeItems(dec *json.Decoder, depth int) error {
	for dec.More() {
		key := ""
		if v.kind == kindObject {
			token, err := dec.Token()
			if err != nil {
				return err
			}
			key, _ = token.(string)
		}
		item, err := decodeJSON(dec, depth)
		if err != nil {
			return err
		}
		if v.kind == kindObject {
			v.keys = append(v.keys, key)
		}
		v.items = append(v.items, item)
	}
	_, err := dec.Token()
	return err
}

// member returns the last member of the name, or nil.
func (v *jsonValue) member(name string) *jsonValue {
	if v == nil || v.kind != kindObject {
		return nil
	}
	for i, v0 := range slices.Backward(v.keys) {
		if v0 == name {
			return v.items[i]
		}
	}
	return nil
}

// list returns the items of the array in the member; nil when it is none.
func (v *jsonValue) list(name string) []*jsonValue {
	if m := v.member(name); m != nil && m.kind == kindArray {
		return m.items
	}
	return nil
}

// str returns the string in the member, or "".
func (v *jsonValue) str(name string) string {
	if m := v.member(name); m != nil && m.kind == kindString {
		return m.text
	}
	return ""
}

// appendTo appends the value as compact JSON.
func (v *jsonValue) appendTo(out []byte) []byte {
	switch v.kind {
	case kindNull:
		return append(out, "null"...)
	case kindString:
		return append(out, quoteJSON(v.text)...)
	case kindArray, kindObject:
		open, end := byte('['), byte(']')
		if v.kind == kindObject {
			open, end = '{', '}'
		}
		out = append(out, open)
		for i, item := range v.items {
			if i > 0 {
				out = append(out, ',')
			}
			if v.kind == kindObject {
				out = append(append(out, quoteJSON(v.keys[i])...), ':')
			}
			out = item.appendTo(out)
		}
		return append(out, end)
	default:
		return append(out, v.text...)
	}
}

// quoteJSON returns s as a JSON string, without the escapes for HTML.
func quoteJSON(s string) string {
	return string(wirejson.AppendString(nil, s))
}
