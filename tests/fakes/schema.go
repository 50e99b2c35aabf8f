package fakes

import (
	"bytes"
	"encoding/json"
	"strings"
)

// Fitting returns a JSON value that satisfies a simple schema: objects with all of their
// properties in the schema's order, the first text being the given one.
func Fitting(schema json.RawMessage, text string) json.RawMessage {
	if len(schema) == 0 {
		return json.RawMessage("{}")
	}
	var out bytes.Buffer
	(&fitter{text: text}).fit(&out, schema)
	return out.Bytes()
}

type fitter struct{ text string }

func (f *fitter) fit(out *bytes.Buffer, schema json.RawMessage) {
	var s struct {
		Type       any               `json:"type"`
		Enum       []json.RawMessage `json:"enum"`
		Properties json.RawMessage   `json:"properties"`
		Items      json.RawMessage   `json:"items"`
	}
	if json.Unmarshal(schema, &s) != nil {
		out.WriteString("null")
		return
	}
	if len(s.Enum) > 0 {
		out.Write(s.Enum[0])
		return
	}
	if list, ok := s.Type.([]any); ok && len(list) > 0 {
		s.Type = list[0]
	}
	kind, _ := s.Type.(string)
	// Google writes types in capitals.
	switch strings.ToLower(kind) {
	case "object", "":
		out.WriteByte('{')
		for i, p := range members(s.Properties) {
			if i > 0 {
				out.WriteByte(',')
			}
			out.WriteString(quote(p.name) + ":")
			f.fit(out, p.value)
		}
		out.WriteByte('}')
	case "array":
		out.WriteByte('[')
		if len(s.Items) > 0 {
			f.fit(out, s.Items)
		}
		out.WriteByte(']')
	case "string":
		out.WriteString(quote(f.text))
		f.text = "x"
	case "integer", "number":
		out.WriteString("7")
	case "boolean":
		out.WriteString("true")
	default:
		out.WriteString("null")
	}
}

type member struct {
	name  string
	value json.RawMessage
}

// members returns those of an object in their order.
func members(object json.RawMessage) (out []member) {
	d := json.NewDecoder(bytes.NewReader(object))
	if t, err := d.Token(); err != nil || t != json.Delim('{') {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return out
		}
		var value json.RawMessage
		if d.Decode(&value) != nil {
			return out
		}
		text, _ := name.(string)
		out = append(out, member{text, value})
	}
	return out
}

// Lost returns the paths, as "messages.0.content", of what a document has and its copy has
// not, or not with the same value. A text that became a list of one text block is no loss,
// and neither is an empty value that was left out.
func Lost(document, copied []byte) ([]string, error) {
	var a, b any
	if err := decode(document, &a); err != nil {
		return nil, err
	}
	if err := decode(copied, &b); err != nil {
		return nil, err
	}
	return lost("", a, b), nil
}

func decode(data []byte, v *any) error {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	return d.Decode(v)
}
