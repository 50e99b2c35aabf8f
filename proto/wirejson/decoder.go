package wirejson

// Decoder reads one JSON document. Its methods are for generated code, which calls
// them in the order of the document; each returns false when it did not succeed,
// and the decoder keeps the reason. Not for concurrent use.
type Decoder struct {
	data    []byte
	pos     int // of the next byte; at a value's first byte when a value is due
	depth   int // open arrays and objects
	max     int
	lenient bool

	outcome outcome
	failAt  int
	reason  string // for fatal; empty: a mismatch of want
	want    Kind

	spans []span // members for the rests of the open objects, innermost last
	nest  []byte // containers that skip has open
	arena []byte // strings that had escapes
}

// outcome of reading a value. All but broken leave the choice to the caller: rewind
// and keep the value verbatim, or give up.
type outcome uint8

const (
	fine    outcome = iota
	null            // an explicit null
	inexact         // the field's kind, but a value that it cannot hold exactly
	unfit           // another JSON kind than the field's
	broken          // no JSON, or a rule that has no exception
)

// span is a member of an object that goes to the rest: offsets of its key, quotes
// included, and of its value.
type span struct{ key, keyEnd, value, end int }

// Kind is a set of JSON kinds.
type Kind uint8

// The kinds of JSON values.
const (
	KindString Kind = 1 << iota
	KindNumber
	KindBool
	KindArray
	KindObject
	KindNull
)

// kinds by the first byte of a value; 0 when no value begins so.
var kinds = func() (t [256]Kind) {
	t['"'], t['['], t['{'] = KindString, KindArray, KindObject
	t['t'], t['f'], t['n'], t['-'] = KindBool, KindBool, KindNull, KindNumber
	for c := '0'; c <= '9'; c++ {
		t[c] = KindNumber
	}
	return t
}()

func (d *Decoder) reset(data []byte, o Options) {
	d.data, d.pos, d.depth, d.max, d.lenient = data, 0, 0, o.MaxDepth, o.Lenient
	if d.max <= 0 {
		d.max = DefaultMaxDepth
	}
	d.outcome, d.reason, d.want = fine, "", 0
	d.spans = d.spans[:0]
}

// release gives the decoder back without what refers to the document.
func (d *Decoder) release() {
	d.data, d.arena = nil, nil
	if cap(d.nest) > 1<<16 || cap(d.spans) > 1<<12 {
		d.nest, d.spans = nil, nil
	}
	decoders.Put(d)
}

func (d *Decoder) document(m Message) bool {
	if len(d.data) >= 3 && string(d.data[:3]) == "\xef\xbb\xbf" {
		return d.fail(0, "begins with a byte order mark, which JSON does not allow")
	}
	d.pos = space(d.data, 0)
	return m.DecodeWireJSON(d) && d.end()
}

// end makes sure that nothing but white space follows.
func (d *Decoder) end() bool {
	if i := space(d.data, d.pos); i < len(d.data) {
		return d.fail(i, "data after the end of the JSON value")
	}
	return true
}

// space returns the offset of the first byte from i that is no white space.
func space(data []byte, i int) int {
	for i < len(data) && data[i] <= ' ' {
		if c := data[i]; c != ' ' && c != '\n' && c != '\r' && c != '\t' {
			return i
		}
		i++
	}
	return i
}

// fail notes that the document is refused whatever field it meets.
func (d *Decoder) fail(at int, reason string) bool {
	d.outcome, d.failAt, d.reason = broken, at, reason
	return false
}

// unexpected refuses the byte at i, where the grammar wants something else.
func (d *Decoder) unexpected(i int, want string) bool {
	switch {
	case i >= len(d.data):
		return d.fail(len(d.data), "unexpected end, expected "+want)
	case d.data[i] >= 0x80:
		return d.fail(i, "unexpected character outside of a string, expected "+want)
	}
	return d.fail(i, "unexpected character "+quoteByte(d.data[i])+", expected "+want)
}

// Kind returns the kind of the value at hand, and 0 when there is none.
func (d *Decoder) Kind() Kind {
	if d.pos < len(d.data) {
		return kinds[d.data[d.pos]]
	}
	return 0
}

// Unfit notes that the value at hand has none of the wanted kinds. It returns
// false.
func (d *Decoder) Unfit(want Kind) bool {
	if d.Kind() == 0 {
		return d.unexpected(d.pos, "a value")
	}
	if d.AtNull() {
		d.want = want
		return false
	}
	d.outcome, d.failAt, d.reason, d.want = unfit, d.pos, "", want
	return false
}

// UnfitElements notes that the array at hand begins with an element of none of the
// wanted kinds. It returns false.
func (d *Decoder) UnfitElements(want Kind) bool {
	i := space(d.data, d.pos+1)
	if d.Array(); d.OK() {
		d.pos--
		d.depth--
		d.outcome, d.failAt, d.reason, d.want = unfit, i, "", want
	}
	return false
}

// Mismatch notes, in the generator's words, why the value at hand is none of what
// the field takes. It returns false.
func (d *Decoder) Mismatch(reason string) bool {
	if d.outcome == broken {
		return false
	}
	d.outcome, d.failAt, d.reason = unfit, d.pos, reason
	return false
}

// AtNull reports whether the value at hand is null, and notes it as the reason why
// the field stays unset. A malformed null counts as one that fails.
func (d *Decoder) AtNull() bool {
	if d.pos >= len(d.data) || d.data[d.pos] != 'n' {
		return false
	}
	if d.literal(d.pos, "null") >= 0 {
		d.outcome, d.failAt, d.reason, d.want = null, d.pos, "", 0
	}
	return true
}

// Null consumes a null when one is at hand.
func (d *Decoder) Null() bool {
	if d.pos >= len(d.data) || d.data[d.pos] != 'n' {
		return false
	}
	end := d.literal(d.pos, "null")
	if end < 0 {
		return false
	}
	d.pos = end
	return true
}

// literal returns the offset behind the word at i, and -1 when it is not there.
func (d *Decoder) literal(i int, word string) int {
	end := i + len(word)
	if end <= len(d.data) && string(d.data[i:end]) == word {
		return end
	}
	for j := range len(word) {
		if i+j >= len(d.data) || d.data[i+j] != word[j] {
			d.unexpected(i+j, "the word "+word)
			return -1
		}
	}
	return end
}

// Bool reads true or false.
func (d *Decoder) Bool() (v, ok bool) {
	word := "true"
	switch {
	case d.Kind() != KindBool:
		return false, d.Unfit(KindBool)
	case d.data[d.pos] == 'f':
		word = "false"
	}
	end := d.literal(d.pos, word)
	if end < 0 {
		return false, false
	}
	d.pos = end
	return len(word) == 4, true
}

// Enum reads the name of an enum's value.
func (d *Decoder) Enum(values map[string]int32) (int32, bool) {
	start := d.pos
	s, ok := d.String()
	if !ok {
		return 0, false
	}
	v, known := values[s]
	if !known {
		d.pos = start
		d.outcome, d.failAt, d.reason = inexact, start, "name that its enum does not have"
	}
	return v, known
}

// Mark is a place in the document to come back to.
type Mark struct{ pos, depth, spans int }

// Mark returns where the decoder stands, before a value.
func (d *Decoder) Mark() Mark { return Mark{d.pos, d.depth, len(d.spans)} }

// RawFrom goes back to a value that did not fit and takes it verbatim. It returns
// false when the value is to be refused in any case.
func (d *Decoder) RawFrom(m Mark) ([]byte, bool) {
	if d.outcome == broken {
		return nil, false
	}
	d.outcome = fine
	d.pos, d.depth, d.spans = m.pos, m.depth, d.spans[:m.spans]
	return d.Raw()
}

// Raw reads any value and returns its text.
func (d *Decoder) Raw() ([]byte, bool) {
	start := d.pos
	if !d.skip() {
		return nil, false
	}
	return d.data[start:d.pos:d.pos], true
}

// Array enters an array.
func (d *Decoder) Array() bool {
	if d.pos >= len(d.data) || d.data[d.pos] != '[' {
		return d.Unfit(KindArray)
	}
	if d.depth >= d.max {
		return d.tooDeep(d.pos)
	}
	d.depth++
	d.pos++
	return true
}

// Element goes to the next element of the array; n elements were read before. It
// returns false behind the last one, and when there is an error: see [Decoder.OK].
func (d *Decoder) Element(n int) bool {
	data, i := d.data, d.pos
	if i < len(data) && data[i] <= ' ' {
		i = space(data, i)
	}
	if i < len(data) && data[i] == ']' {
		d.depth--
		d.pos = i + 1
		return false
	}
	if n > 0 {
		if i >= len(data) || data[i] != ',' {
			return d.unexpected(i, "a comma or the end of the array")
		}
		i++
		if i < len(data) && data[i] <= ' ' {
			i = space(data, i)
		}
	}
	d.pos = i
	return true
}

// OK reports whether nothing failed so far.
func (d *Decoder) OK() bool { return d.outcome == fine }

// Lost notes that an element of a list did not fit, so that the list does not. A
// null among the elements is no null of the member. It returns false.
func (d *Decoder) Lost() bool {
	if d.outcome == null {
		d.outcome = unfit
	}
	return false
}

func (d *Decoder) tooDeep(at int) bool {
	return d.fail(at, "nested deeper than "+itoa(d.max)+" levels")
}
