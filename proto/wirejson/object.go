package wirejson

import (
	"encoding/binary"
	"math/bits"
)

// Object is an object that generated code reads.
type Object struct {
	// Name of the member at hand, without escapes. Valid until the next member.
	Name []byte

	key, keyEnd, value int
	depth              int
	base, count        int // its members for the rest are d.spans[base:base+count]
	read               int // members so far, the one at hand included
	keeps              bool
}

// Object enters an object. keeps says that its message has a rest.
func (d *Decoder) Object(o *Object, keeps bool) bool {
	if d.pos >= len(d.data) || d.data[d.pos] != '{' {
		return d.Unfit(KindObject)
	}
	if d.depth >= d.max {
		return d.tooDeep(d.pos)
	}
	d.depth++
	d.pos++
	o.depth, o.base, o.keeps = d.depth, len(d.spans), keeps
	return true
}

// Member goes to the value of the next member. It returns false behind the last
// one, and when there is an error: see [Decoder.OK].
func (d *Decoder) Member(o *Object) bool {
	data, i := d.data, d.pos
	if i < len(data) && data[i] <= ' ' {
		i = space(data, i)
	}
	if i < len(data) && data[i] == '}' {
		d.depth--
		d.pos = i + 1
		return false
	}
	if o.read > 0 {
		if i >= len(data) || data[i] != ',' {
			return d.unexpected(i, "a comma or the end of the object")
		}
		i++
		if i < len(data) && data[i] <= ' ' {
			i = space(data, i)
		}
	}
	o.read++
	if i >= len(data) || data[i] != '"' {
		return d.unexpected(i, "a member name")
	}
	end := shortName(data, i+1)
	if end > 0 {
		o.Name = data[i+1 : end-1]
	} else {
		var plain bool
		if end, plain = d.text(i); end < 0 {
			return false
		}
		o.Name = data[i+1 : end-1]
		if !plain {
			o.Name = d.name(i+1, end-1)
		}
	}
	o.key, o.keyEnd = i, end
	i = end
	if i < len(data) && data[i] <= ' ' {
		i = space(data, i)
	}
	if i >= len(data) || data[i] != ':' {
		return d.unexpected(i, "a colon")
	}
	i++
	if i < len(data) && data[i] <= ' ' {
		i = space(data, i)
	}
	d.pos, o.value = i, i
	return true
}

// shortName returns the offset behind the quote that ends a plain ASCII name of up
// to 15 bytes at i, and 0 when there is something else.
func shortName(data []byte, i int) int {
	if i+16 > len(data) {
		return 0
	}
	w := binary.LittleEndian.Uint64(data[i:])
	hit := ends(w)
	if hit == 0 && w&highs == 0 {
		i += 8
		w = binary.LittleEndian.Uint64(data[i:])
		hit = ends(w)
	}
	// Nothing but ASCII before the hit.
	if hit == 0 || w&highs&(hit&-hit-1) != 0 {
		return 0
	}
	i += bits.TrailingZeros64(hit) >> 3
	if data[i] != '"' {
		return 0
	}
	return i + 1
}

// Duplicate refuses a known member that was there before. It returns false.
func (d *Decoder) Duplicate(o *Object) bool { return d.fail(o.key, "duplicate member") }

// Unknown keeps the member at hand for the rest.
func (d *Decoder) Unknown(o *Object) bool {
	if !d.skip() {
		return false
	}
	if o.keeps {
		d.keep(o)
	}
	return true
}

func (d *Decoder) keep(o *Object) {
	d.spans = append(d.spans, span{o.key, o.keyEnd, o.value, d.pos})
	o.count++
}

// Ride keeps a known member for the rest, verbatim, because its field cannot hold
// its value. It returns false when the value is to be refused, or when an enclosing
// member has to ride instead.
func (d *Decoder) Ride(o *Object, open bool) bool {
	switch d.outcome {
	case broken:
		return false
	case unfit:
		if !open && !d.lenient {
			d.outcome = broken
			return false
		}
		if !o.keeps {
			return false
		}
	case inexact:
		if !o.keeps {
			return false
		}
	case fine, null: // an empty list, or none
	}
	d.outcome = fine
	d.pos, d.depth, d.spans = o.value, o.depth, d.spans[:o.base+o.count]
	return d.Unknown(o)
}

// Constant reads a member that must have the given text.
func (d *Decoder) Constant(text string) bool {
	start := d.pos
	if end := start + 1 + len(text); end < len(d.data) && d.data[start] == '"' && d.data[end] == '"' && string(d.data[start+1:end]) == text {
		d.pos = end + 1
		return true
	}
	s, ok := d.String()
	switch {
	case ok && s == text:
		return true
	case d.outcome == broken:
		return false
	}
	d.pos = start
	d.Mismatch("expected " + string(AppendString(nil, text)))
	if !d.lenient {
		d.outcome = broken
	}
	return false
}

// Rest leaves an object and returns what its fields do not hold: the members that
// were kept, behind a note of the always-written members that were not there, which
// are those of names whose bit is set in absent. Nil when there is nothing.
func (d *Decoder) Rest(o *Object, names []string, absent ...uint64) []byte {
	own := d.spans[o.base : o.base+o.count]
	missing := 0
	size := 2 + len(`"$absent":[]`)
	for i, name := range names {
		if absent[i>>6]&(1<<(i&63)) != 0 {
			missing++
			size += len(name) + 3
		}
	}
	if len(own) == 0 && missing == 0 {
		return nil
	}
	marked := missing > 0 || string(d.data[own[0].key:own[0].keyEnd]) == absentKey
	if !marked {
		size = 1
	}
	for _, s := range own {
		size += s.keyEnd - s.key + s.end - s.value + 2
	}
	b := make([]byte, 0, size)
	b = append(b, '{')
	if marked {
		b = append(b, absentKey+":["...)
		for i, name := range names {
			if absent[i>>6]&(1<<(i&63)) != 0 {
				b = append(b, '"')
				b = append(b, name...)
				b = append(b, '"', ',')
			}
		}
		if missing > 0 {
			b = b[:len(b)-1]
		}
		b = append(b, ']', ',')
	}
	for _, s := range own {
		b = append(b, d.data[s.key:s.keyEnd]...)
		b = append(b, ':')
		b = append(b, d.data[s.value:s.end]...)
		b = append(b, ',')
	}
	b[len(b)-1] = '}'
	d.spans = d.spans[:o.base]
	return b
}

// Discriminator returns the text of a member of the object at hand without reading
// the rest of it, and nil when the member is not there or no string, or when the
// document is malformed up to there.
func (d *Decoder) Discriminator(name string) []byte {
	at := d.Mark()
	// Mostly it comes first, without white space.
	if i := at.pos + 2; i+len(name)+3 < len(d.data) && string(d.data[i:i+len(name)]) == name {
		if start := i + len(name) + 3; string(d.data[i-2:i]) == `{"` && string(d.data[start-3:start]) == `":"` {
			if end, _ := scan(d.data, start); end < len(d.data) && d.data[end] == '"' {
				return d.data[start:end]
			}
		}
	}
	var o Object
	if !d.Object(&o, false) {
		return nil
	}
	for d.Member(&o) {
		if string(o.Name) != name {
			if !d.skip() {
				return nil
			}
			continue
		}
		var value []byte
		if d.Kind() == KindString {
			end, plain := d.text(d.pos)
			if end < 0 {
				return nil
			}
			value = d.data[d.pos+1 : end-1]
			if !plain {
				value = d.name(d.pos+1, end-1)
			}
		}
		d.pos, d.depth = at.pos, at.depth
		return value
	}
	if d.OK() {
		d.pos, d.depth = at.pos, at.depth
	}
	return nil
}

// Kept reports whether the rest has members so far.
func (o *Object) Kept() bool { return o.count > 0 }

// RawOf takes verbatim a member whose value no alternative of its union took. It
// returns false when the value is to be refused in any case, and for a null that can
// ride in the rest.
func (d *Decoder) RawOf(o *Object) ([]byte, bool) {
	if d.outcome == null && o.keeps {
		return nil, false
	}
	return d.RawFrom(Mark{o.value, o.depth, o.base + o.count})
}

// First returns the kind of the first element of the array at hand, 0 when there is
// none.
func (d *Decoder) First() Kind {
	if i := space(d.data, d.pos+1); i < len(d.data) {
		return kinds[d.data[i]]
	}
	return 0
}
