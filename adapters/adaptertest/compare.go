package adaptertest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"math/big"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// Difference compares two documents as JSON values: numbers by value, objects
// without their order, no member lost, added or there twice. It returns where they
// differ first, and "" when they do not.
func Difference(got, want []byte) string {
	g, err := parse(got)
	if err != nil {
		return fmt.Sprintf("what came is not to be compared: %v", err)
	}
	w, err := parse(want)
	if err != nil {
		return fmt.Sprintf("what is expected is not to be compared: %v", err)
	}
	return difference("$", g, w)
}

func compareJSON(t *testing.T, what string, got, want []byte) {
	t.Helper()
	if where := Difference(got, want); where != "" {
		t.Errorf("%s differs: %s\ngot\n%s\nwant\n%s", what, where, clip(string(got)), clip(string(want)))
	}
}

// parse reads one document, and refuses a member that is there twice.
func parse(data []byte) (any, error) {
	decoder := json.NewDecoder(bytes.NewReader(data))
	decoder.UseNumber()
	value, err := parseValue(decoder)
	if err != nil {
		return nil, err
	}
	if _, err := decoder.Token(); err != io.EOF {
		return nil, errors.New("data behind the end")
	}
	return value, nil
}

func parseValue(decoder *json.Decoder) (any, error) {
	token, err := decoder.Token()
	if err != nil {
		return nil, err
	}
	switch token {
	case json.Delim('['):
		list := []any{}
		for decoder.More() {
			value, err := parseValue(decoder)
			if err != nil {
				return nil, err
			}
			list = append(list, value)
		}
		_, err := decoder.Token()
		return list, err
	case json.Delim('{'):
		object := map[string]any{}
		for decoder.More() {
			token, err := decoder.Token()
			if err != nil {
				return nil, err
			}
			name := fmt.Sprint(token)
			if _, twice := object[name]; twice {
				return nil, fmt.Errorf("member %q is there twice", name)
			}
			if object[name], err = parseValue(decoder); err != nil {
				return nil, err
			}
		}
		_, err := decoder.Token()
		return object, err
	}
	return token, nil
}

// difference returns where two values differ first, and "" when they do not.
func difference(path string, got, want any) string {
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return path + " is no object"
		}
		for _, name := range slices.Sorted(maps.Keys(w)) {
			if _, there := g[name]; !there {
				return path + "." + name + " is missing"
			}
			if name == "created" && isNow(g[name], w[name]) {
				continue
			}
			if where := difference(path+"."+name, g[name], w[name]); where != "" {
				return where
			}
		}
		for _, name := range slices.Sorted(maps.Keys(g)) {
			if _, there := w[name]; !there {
				return path + "." + name + " was added"
			}
		}
		return ""
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return fmt.Sprintf("%s is no array of %d", path, len(w))
		}
		for i := range w {
			if where := difference(fmt.Sprintf("%s[%d]", path, i), g[i], w[i]); where != "" {
				return where
			}
		}
		return ""
	case json.Number:
		if g, ok := got.(json.Number); !ok || !sameNumber(string(g), string(w)) {
			return fmt.Sprintf("%s is %v, want %v", path, got, want)
		}
		return ""
	}
	if got != want {
		return fmt.Sprintf("%s is %v, want %v", path, clip(fmt.Sprint(got)), clip(fmt.Sprint(want)))
	}
	return ""
}

// isNow tells whether a time of -1 was expected, which stands for the present, and came.
func isNow(got, want any) bool {
	g, ok := got.(json.Number)
	if w, expected := want.(json.Number); !ok || !expected || w != "-1" {
		return false
	}
	at, err := g.Int64()
	return err == nil && time.Since(time.Unix(at, 0)).Abs() < time.Hour
}

// sameNumber compares by value, except for exponents that would fill the memory.
func sameNumber(a, b string) bool {
	if a == b {
		return true
	}
	for _, text := range []string{a, b} {
		if i := strings.IndexAny(text, "eE"); i >= 0 && len(text)-i > len("e+1000") {
			return false
		}
	}
	x, okX := new(big.Rat).SetString(a)
	y, okY := new(big.Rat).SetString(b)
	return okX && okY && x.Cmp(y) == 0
}

// compareHeader compares all fields, each of which is there once.
func compareHeader(t *testing.T, what string, got adapters.Header, want map[string]string) {
	t.Helper()
	have := map[string]string{}
	for _, f := range got {
		if _, twice := have[f.Name]; twice {
			t.Errorf("%s: %s is there twice", what, f.Name)
		}
		have[f.Name] = f.Value
	}
	if !maps.Equal(have, want) {
		t.Errorf("%s is %v, want %v", what, have, want)
	}
}

// check compares an error with the expected one.
func (w *Failure) check(t *testing.T, err error) {
	t.Helper()
	if err == nil {
		t.Fatal("no error")
	}
	e := asError(t, err)
	if e.Kind.String() != w.Kind || e.Status != w.Status {
		t.Errorf("error of kind %s and status %d, want %s and %d: %v", e.Kind, e.Status, w.Kind, w.Status, err)
	}
	switch {
	case w.Envelope != nil && e.Envelope == nil:
		t.Errorf("the error has no envelope, only %q", e.Message)
	case w.Envelope != nil:
		compareJSON(t, "envelope", e.Envelope.AppendWireJSON(nil), w.Envelope)
	case e.Envelope != nil:
		t.Errorf("the error has an envelope: %v", e.Envelope)
	case e.Message != w.Message:
		t.Errorf("the message is %q, want %q", e.Message, w.Message)
	}
	if got := e.RetryAfter.Milliseconds(); got != w.RetryAfterMS {
		t.Errorf("RetryAfter is %d ms, want %d", got, w.RetryAfterMS)
	}
	compareHeader(t, "the error's header", e.Header, w.Header)
}
