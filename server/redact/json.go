package redact

import (
	"bytes"
	"encoding/json"
	"strings"
)

const (
	// maxJSONDepth is deeper than any body that a door lets in.
	maxJSONDepth = 600
	// maxInnerDepth bounds JSON in a string in JSON, as the arguments of a tool call are.
	maxInnerDepth = 3
)

// JSON returns a JSON text with every secret and every form of a credential masked in its
// strings, read as what they mean: a line break in front of a key is written \n, and the
// key is found all the same. The value of a member that [NamesCredential] is masked whole;
// strings that hold an object or an array are read likewise. Order, numbers and space stay
// as they are. What is no JSON is masked as [Redactor.Text] does it.
func (r *Redactor) JSON(text []byte) []byte { return r.current().json(text, maxInnerDepth) }

func (r *rules) json(text []byte, inner int) []byte {
	w := walk{rules: r, in: text, inner: inner}
	if w.value(maxJSONDepth) && w.space() == len(text) {
		return append(w.out, text[w.kept:]...)
	}
	return []byte(r.text(string(text)))
}

// walk goes through a JSON text once. What it masks is written to out, and what stands
// before it as it is.
type walk struct {
	rules *rules
	in    []byte
	inner int // how many further texts in strings are read

	at   int
	out  []byte
	kept int // what of in is in out
}

// space skips it and returns where it ends.
func (w *walk) space() int {
	for w.at < len(w.in) && strings.IndexByte(" \t\r\n", w.in[w.at]) >= 0 {
		w.at++
	}
	return w.at
}

// next skips space and tells whether c follows, and skips it.
func (w *walk) next(c byte) bool {
	if w.space() == len(w.in) || w.in[w.at] != c {
		return false
	}
	w.at++
	return true
}

// value walks through one; false when it is none.
func (w *walk) value(depth int) bool {
	if depth == 0 || w.space() == len(w.in) {
		return false
	}
	switch w.in[w.at] {
	case '{':
		return w.object(depth)
	case '[':
		return w.list(depth)
	case '"':
		from, to, ok := w.text()
		if ok {
			w.mask(from, to)
		}
		return ok
	}
	from := w.at
	for w.at < len(w.in) && strings.IndexByte(" \t\r\n,]}", w.in[w.at]) < 0 {
		w.at++
	}
	return json.Valid(w.in[from:w.at])
}

func (w *walk) object(depth int) bool {
	w.at++
	if w.next('}') {
		return true
	}
	for {
		if w.space() == len(w.in) || w.in[w.at] != '"' {
			return false
		}
		from, to, ok := w.text()
		if !ok || !w.next(':') {
			return false
		}
		named := NamesCredential(unquoted(w.in[from:to]))
		if !named {
			w.mask(from, to)
		}
		w.space()
		begins := w.at
		inner := *w
		if named {
			w.rules = noRules // it is masked as a whole
		}
		if !w.value(depth - 1) {
			return false
		}
		if named {
			w.rules, w.out, w.kept = inner.rules, inner.out, inner.kept
			w.replace(begins, w.at, `"`+mask+`"`)
		}
		if w.next('}') {
			return true
		}
		if !w.next(',') {
			return false
		}
	}
}

func (w *walk) list(depth int) bool {
	w.at++
	if w.next(']') {
		return true
	}
	for {
		if !w.value(depth - 1) {
			return false
		}
		if w.next(']') {
			return true
		}
		if !w.next(',') {
			return false
		}
	}
}

// text walks through a string and returns where it stands, its quotes included.
func (w *walk) text() (from, to int, ok bool) {
	from = w.at
	for i := from + 1; i < len(w.in); i++ {
		switch w.in[i] {
		case '\\':
			i++
		case '"':
			w.at = i + 1
			return from, w.at, true
		}
	}
	return 0, 0, false
}

// mask masks a string.
func (w *walk) mask(from, to int) {
	if w.rules == noRules {
		return
	}
	meant := unquoted(w.in[from:to])
	var masked string
	if begin := strings.TrimLeft(meant, " \t\r\n"); w.inner > 0 && begin != "" && (begin[0] == '{' || begin[0] == '[') {
		masked = string(w.rules.json([]byte(meant), w.inner-1))
	} else {
		masked = w.rules.text(meant)
	}
	if masked != meant {
		w.replace(from, to, quoted(masked))
	}
}

func (w *walk) replace(from, to int, with string) {
	w.out = append(append(w.out, w.in[w.kept:from]...), with...)
	w.kept = to
}

// noRules mask nothing.
var noRules = new(rules)

// unquoted is what a string means; what is none, as it stands.
func unquoted(text []byte) string {
	inside := text[1 : len(text)-1]
	if bytes.IndexByte(inside, '\\') < 0 {
		return string(inside)
	}
	var meant string
	if json.Unmarshal(text, &meant) != nil {
		return string(inside)
	}
	return meant
}

func quoted(text string) string {
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	if err := encoder.Encode(text); err != nil { // a string always encodes
		return `"` + mask + `"`
	}
	return strings.TrimSuffix(out.String(), "\n")
}
