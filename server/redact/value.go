package redact

import (
	"bytes"
	"encoding/json"
	"fmt"
	"log/slog"
	"reflect"
	"slices"
)

// clean tells whether an attribute may be written as it is. Values that make
// themselves may not: a second making may differ.
func (r *rules) clean(a slog.Attr) bool {
	switch a.Value.Kind() {
	case slog.KindString:
		return !NamesCredential(a.Key) && !r.holds(a.Value.String())
	case slog.KindGroup:
		if NamesCredential(a.Key) {
			return false
		}
		for _, member := range a.Value.Group() {
			if !r.clean(member) {
				return false
			}
		}
		return true
	case slog.KindLogValuer:
		return false
	case slog.KindAny:
		if NamesCredential(a.Key) {
			return false
		}
		_, changed := r.any(a.Value.Any())
		return !changed
	default: // numbers and times
		return !NamesCredential(a.Key)
	}
}

// attr masks an attribute.
func (r *rules) attr(a slog.Attr) slog.Attr {
	if NamesCredential(a.Key) {
		return slog.String(a.Key, mask)
	}
	a.Value = a.Value.Resolve()
	switch a.Value.Kind() {
	case slog.KindString:
		a.Value = slog.StringValue(r.text(a.Value.String()))
	case slog.KindGroup:
		members := a.Value.Group()
		masked := make([]slog.Attr, len(members))
		for i, member := range members {
			masked[i] = r.attr(member)
		}
		a.Value = slog.GroupValue(masked...)
	case slog.KindAny:
		if masked, changed := r.any(a.Value.Any()); changed {
			a.Value = slog.AnyValue(masked)
		}
	default: // numbers and times
	}
	return a
}

// any masks a value of any type. It goes by what the value looks like when it is
// written, as text and as JSON, whatever it holds: a value that hides its secrets
// itself stays as it is.
func (r *rules) any(value any) (masked any, changed bool) {
	switch v := value.(type) {
	case nil, bool, int, int64, uint64, float64, slog.Level, *slog.Source:
		return value, false
	case []string:
		if slices.ContainsFunc(v, r.holds) {
			return r.list(v), true
		}
		return value, false
	case []byte:
		text := r.text(string(v))
		return text, text != string(v)
	}
	written := printed(value)
	err, isError := value.(error)
	_, marshals := value.(json.Marshaler)
	var encoded []byte
	if !isError || marshals {
		encoded = encodedJSON(value)
	}
	if isError {
		text := errorText(err)
		if !r.holds(written) && !r.holds(text) && !r.holds(string(encoded)) {
			return value, false
		}
		return r.text(text), true
	}
	if tree, ok := decoded(encoded); ok {
		if masked, changed = r.tree(tree); changed {
			return masked, true
		}
	}
	if r.holds(written) { // what JSON leaves out
		return r.text(written), true
	}
	return value, false
}

func (r *rules) list(texts []string) []string {
	masked := make([]string, len(texts))
	for i, text := range texts {
		masked[i] = r.text(text)
	}
	return masked
}

// tree masks a decoded JSON value, in place.
func (r *rules) tree(value any) (masked any, changed bool) {
	switch v := value.(type) {
	case string:
		text := r.text(v)
		return text, text != v
	case []any:
		for i := range v {
			item, touched := r.tree(v[i])
			v[i], changed = item, changed || touched
		}
	case map[string]any:
		for name, member := range v {
			if NamesCredential(name) {
				if member != mask {
					v[name], changed = mask, true
				}
				continue
			}
			item, touched := r.tree(member)
			if clean := r.text(name); clean != name {
				delete(v, name)
				name, touched = clean, true
			}
			if touched {
				v[name], changed = item, true
			}
		}
	}
	return value, changed
}

// printed is a value as text shows it. A value that cannot be printed is none of ours:
// what writes the log finds it out again.
func printed(value any) (text string) {
	defer func() {
		if recover() != nil {
			text = ""
		}
	}()
	return fmt.Sprintf("%+v", value)
}

func errorText(err error) (text string) {
	defer func() {
		if p := recover(); p != nil {
			// slog's own handlers take a nil pointer for "<nil>" as well.
			if v := reflect.ValueOf(err); v.Kind() == reflect.Pointer && v.IsNil() {
				text = "<nil>"
				return
			}
			text = fmt.Sprintf("an error of type %T whose text cannot be made", err)
		}
	}()
	return err.Error()
}

func encodedJSON(value any) (text []byte) {
	defer func() {
		if recover() != nil {
			text = nil
		}
	}()
	text, err := json.Marshal(value)
	if err != nil {
		return nil
	}
	return text
}

func decoded(text []byte) (tree any, ok bool) {
	if len(text) == 0 {
		return nil, false
	}
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err := decoder.Decode(&tree)
	return tree, err == nil
}
