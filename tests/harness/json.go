package harness

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strconv"
)

// SameJSON tells where two JSON documents differ as values, nil when nowhere. Numbers
// are compared exactly, however they are written; the order of members does not count.
func SameJSON(want, got []byte) error {
	w, err := parse(want)
	if err != nil {
		return fmt.Errorf("the wanted document: %w", err)
	}
	g, err := parse(got)
	if err != nil {
		return fmt.Errorf("%w in %s", err, clip(got))
	}
	return same("$", w, g)
}

func parse(data []byte) (any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		return nil, err
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil, errors.New("more than one JSON document")
	}
	return v, nil
}

func same(path string, want, got any) error {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return differ(path, want, got)
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			value, ok := g[name]
			if !ok {
				return fmt.Errorf("%s.%s is missing, want %s", path, name, show(w[name]))
			}
			if err := same(path+"."+name, w[name], value); err != nil {
				return err
			}
		}
		for _, name := range slices.Sorted(maps.Keys(g)) {
			if _, ok := w[name]; !ok {
				return fmt.Errorf("%s.%s = %s should not be there", path, name, show(g[name]))
			}
		}
		return nil
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return differ(path, want, got)
		}
		for i := range w {
			if err := same(path+"["+strconv.Itoa(i)+"]", w[i], g[i]); err != nil {
				return err
			}
		}
		return nil
	case json.Number:
		g, ok := got.(json.Number)
		if !ok || !sameNumber(w.String(), g.String()) {
			return differ(path, want, got)
		}
		return nil
	}
	if want != got {
		return differ(path, want, got)
	}
	return nil
}

func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	x, ok := new(big.Rat).SetString(a)
	if !ok {
		return false
	}
	y, ok := new(big.Rat).SetString(b)
	return ok && x.Cmp(y) == 0
}

func differ(path string, want, got any) error {
	return fmt.Errorf("%s = %s, want %s", path, show(got), show(want))
}

func show(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return err.Error()
	}
	return clip(text)
}

func clip(text []byte) string {
	const most = 600
	if len(text) > most {
		return string(text[:most]) + "..."
	}
	return string(text)
}

// At returns the bytes of the value at a path of member names and array indexes,
// exactly as they stand in the document. ok is false when there is none.
func At(document []byte, path ...any) (value []byte, ok bool) {
	value = document
	for _, step := range path {
		switch step := step.(type) {
		case string:
			var object map[string]json.RawMessage
			if json.Unmarshal(value, &object) != nil {
				return nil, false
			}
			if value, ok = object[step]; !ok {
				return nil, false
			}
		case int:
			var array []json.RawMessage
			if json.Unmarshal(value, &array) != nil || step >= len(array) {
				return nil, false
			}
			value = array[step]
		}
	}
	return value, true
}

// WithMember returns a JSON object with one more member in front.
func WithMember(object []byte, member string) []byte {
	trimmed := bytes.TrimSpace(object)
	if len(trimmed) < 2 || trimmed[0] != '{' {
		return object
	}
	out := append([]byte("{"), member...)
	if inside := bytes.TrimSpace(trimmed[1:]); inside[0] != '}' {
		out = append(out, ',')
	}
	return append(out, trimmed[1:]...)
}
