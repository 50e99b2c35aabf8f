package main

import (
	"bytes"
	"encoding/json"
)

// object is a JSON object whose members keep the order in which they were added.
type object []member

type member struct {
	name  string
	value any
}

func (o object) get(name string) any {
	for _, m := range o {
		if m.name == name {
			return m.value
		}
	}
	return nil
}

// with returns o with the member set: in place where it exists, else at the end.
// The receiver is not changed.
func (o object) with(name string, value any) object {
	out := make(object, 0, len(o)+1)
	found := false
	for _, m := range o {
		if m.name == name {
			m.value, found = value, true
		}
		out = append(out, m)
	}
	if !found {
		out = append(out, member{name, value})
	}
	return out
}

func (o object) without(name string) object {
	out := make(object, 0, len(o))
	for _, m := range o {
		if m.name != name {
			out = append(out, m)
		}
	}
	return out
}

// appendJSON encodes objects, lists and whatever encoding/json takes, without
// escaping <, > and &.
func appendJSON(out []byte, value any) ([]byte, error) {
	switch value := value.(type) {
	case object:
		out = append(out, '{')
		for i, m := range value {
			if i > 0 {
				out = append(out, ',')
			}
			var err error
			if out, err = appendJSON(out, m.name); err != nil {
				return nil, err
			}
			out = append(out, ':')
			if out, err = appendJSON(out, m.value); err != nil {
				return nil, err
			}
		}
		return append(out, '}'), nil
	case []object:
		return appendList(out, value)
	case []any:
		return appendList(out, value)
	}
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(value); err != nil {
		return nil, err
	}
	return append(out, bytes.TrimSuffix(text.Bytes(), []byte{'\n'})...), nil
}

func appendList[T any](out []byte, list []T) ([]byte, error) {
	out = append(out, '[')
	for i, value := range list {
		if i > 0 {
			out = append(out, ',')
		}
		var err error
		if out, err = appendJSON(out, value); err != nil {
			return nil, err
		}
	}
	return append(out, ']'), nil
}
