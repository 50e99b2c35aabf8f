package fakes

import (
	"encoding/json"
	"maps"
	"reflect"
	"slices"
	"strconv"
)

func lost(path string, a, b any) []string {
	switch a := a.(type) {
	case map[string]any:
		object, ok := b.(map[string]any)
		if !ok {
			return []string{path}
		}
		var out []string
		for _, name := range slices.Sorted(maps.Keys(a)) {
			value, there := object[name]
			switch {
			case there:
				out = append(out, lost(join(path, name), a[name], value)...)
			case !empty(a[name]):
				out = append(out, join(path, name))
			}
		}
		return out
	case []any:
		if text, ok := b.(string); ok && blockOf(a, text) {
			return nil
		}
		list, ok := b.([]any)
		if !ok || len(list) != len(a) {
			return []string{path}
		}
		var out []string
		for i := range a {
			out = append(out, lost(join(path, strconv.Itoa(i)), a[i], list[i])...)
		}
		return out
	case json.Number:
		x, err1 := a.Float64()
		n, ok := b.(json.Number)
		y, err2 := n.Float64()
		if !ok || err1 != nil || err2 != nil || float32(x) != float32(y) {
			return []string{path}
		}
		return nil
	case string:
		if list, ok := b.([]any); ok && blockOf(list, a) {
			return nil
		}
	}
	if !reflect.DeepEqual(a, b) {
		return []string{path}
	}
	return nil
}

// blockOf tells whether a list is one block of text.
func blockOf(list []any, text string) bool {
	if len(list) != 1 {
		return false
	}
	block, ok := list[0].(map[string]any)
	return ok && block["text"] == text
}

func join(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

func empty(v any) bool {
	switch v := v.(type) {
	case nil:
		return true
	case bool:
		return !v
	case json.Number:
		return v == "0"
	case string:
		return v == ""
	case []any:
		return len(v) == 0
	case map[string]any:
		return len(v) == 0
	}
	return false
}
