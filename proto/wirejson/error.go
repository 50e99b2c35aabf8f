package wirejson

import (
	"fmt"
	"strconv"
	"strings"
)

// Error says where a document is no JSON, or not the JSON of its message. It never
// holds a value of the document.
type Error struct {
	// Path of the value, as "messages[0].content"; empty for the document itself.
	Path string
	// Offset of the byte in the document. -1 when there is no document.
	Offset int
	// Reason in a few words.
	Reason string
}

func (e *Error) Error() string {
	var b strings.Builder
	if e.Path != "" {
		b.WriteString(e.Path)
		b.WriteString(": ")
	}
	b.WriteString(e.Reason)
	if e.Offset >= 0 {
		fmt.Fprintf(&b, " (byte %d)", e.Offset)
	}
	return b.String()
}

// failure makes the error of a decoder that did not succeed.
func (d *Decoder) failure() *Error {
	reason := d.reason
	if reason == "" {
		reason = "expected " + d.want.String() + ", got " + kinds[d.data[d.failAt]].String()
	}
	return &Error{Path: pathAt(d.data, d.failAt, d.max), Offset: d.failAt, Reason: reason}
}

// String names the kinds, as "a string or an array".
func (k Kind) String() string {
	all := [...]string{"a string", "a number", "true or false", "an array", "an object", "null"}
	var names []string
	for i, name := range all {
		if k&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return or(names)
}

func or(names []string) string {
	switch n := len(names); n {
	case 0:
		return "nothing"
	case 1:
		return names[0]
	default:
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
}

func itoa(n int) string { return strconv.Itoa(n) }

// quoteByte shows a byte that the grammar does not allow.
func quoteByte(c byte) string {
	if c < 0x20 || c >= 0x7f {
		return fmt.Sprintf("0x%02x", c)
	}
	return strconv.QuoteRune(rune(c))
}

// Bounds of what an error shows of names in the document.
const (
	maxPathBytes = 256
	maxNameBytes = 64
)

// pathAt returns the path of the value or member at an offset of a document that is
// JSON up to there. It reads the document again: errors are rare, and decoding pays
// nothing for their paths.
func pathAt(data []byte, at, maxDepth int) string {
	type frame struct {
		array    bool
		index    int
		key, end int // of the member name, quotes included
	}
	var stack []frame
	due := false // a member name is due
	for i := 0; i < at && i < len(data); {
		top := len(stack) - 1
		switch c := data[i]; c {
		case '"':
			end := closing(data, i)
			if due {
				stack[top].key, stack[top].end = i, end
				due = false
			}
			i = end
			continue
		case '{', '[':
			if len(stack) > maxDepth {
				return ""
			}
			stack = append(stack, frame{array: c == '['})
			due = c == '{'
		case '}', ']':
			if top < 0 {
				return ""
			}
			stack = stack[:top]
			due = false
		case ',':
			if top >= 0 && stack[top].array {
				stack[top].index++
			} else {
				due = top >= 0
			}
		}
		i++
	}
	if due && at < len(data) && data[at] == '"' { // the error is the name itself
		top := len(stack) - 1
		stack[top].key, stack[top].end = at, closing(data, at)
		due = false
	}
	var path []byte
	for n, f := range stack {
		switch last := n == len(stack)-1; {
		case f.array:
			// Behind the bracket of an array, or before it, its end is meant, not an element.
			path = append(path, '[')
			path = strconv.AppendInt(path, int64(f.index), 10)
			path = append(path, ']')
		case f.end == 0 || last && due: // before a name: the object itself
		default:
			path = appendName(path, data[f.key:f.end])
		}
		if len(path) > maxPathBytes {
			path = append(path[:maxPathBytes], "..."...)
			break
		}
	}
	return strings.ToValidUTF8(string(path), "\ufffd")
}

// closing returns the offset behind the string that begins at i.
func closing(data []byte, i int) int {
	for i++; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i + 1
		}
	}
	return len(data)
}

// appendName adds a member name, given with its quotes, to a path.
func appendName(path, name []byte) []byte {
	bare := len(name) > 2 && name[len(name)-1] == '"'
	if bare {
		for _, c := range name[1 : len(name)-1] {
			if c != '_' && c != '-' && c != '$' && (c < '0' || c > '9') && (c|0x20 < 'a' || c|0x20 > 'z') {
				bare = false
			}
		}
	}
	if bare {
		name = name[1 : len(name)-1]
		if len(path) > 0 {
			path = append(path, '.')
		}
	} else {
		path = append(path, '[')
	}
	if len(name) > maxNameBytes {
		path = append(append(path, name[:maxNameBytes]...), "..."...)
	} else {
		path = append(path, name...)
	}
	if !bare {
		path = append(path, ']')
	}
	return path
}
