package wirejson

import (
	"bytes"
	"iter"
	"math"
	"slices"
)

// absentKey begins, as its first member, a rest that notes always-written members
// which were not there. See FieldRules.rest in options.proto.
const absentKey = `"$absent"`

// Rest is a message's rest opened for writing.
type Rest struct{ absent, members []byte }

// OpenRest parts the note of absent members from the members.
func OpenRest(rest []byte) Rest {
	rest = trim(rest)
	if len(rest) < 2 || rest[0] != '{' || rest[len(rest)-1] != '}' {
		return Rest{}
	}
	members := trim(rest[1 : len(rest)-1])
	if !bytes.HasPrefix(members, []byte(absentKey)) {
		return Rest{members: members}
	}
	absent, behind := note(members, len(absentKey))
	if behind < 0 { // not our note: somebody's member
		return Rest{members: members}
	}
	return Rest{absent: absent, members: members[behind:]}
}

// note reads the rest of a member whose value is an array of names. behind is -1
// when its value is something else.
func note(members []byte, i int) (absent []byte, behind int) {
	if i = space(members, i); i >= len(members) || members[i] != ':' {
		return nil, -1
	}
	if i = space(members, i+1); i >= len(members) || members[i] != '[' {
		return nil, -1
	}
	start := i
	i = space(members, i+1)
	for n := 0; i < len(members) && members[i] != ']'; n++ {
		if n > 0 {
			if members[i] != ',' {
				return nil, -1
			}
			i = space(members, i+1)
		}
		if i >= len(members) || members[i] != '"' {
			return nil, -1
		}
		i = space(members, closing(members, i))
	}
	if i >= len(members) {
		return nil, -1
	}
	absent = members[start : i+1]
	if i = space(members, i+1); i < len(members) && members[i] == ',' {
		i = space(members, i+1)
	}
	return absent, i
}

func trim(b []byte) []byte {
	i, j := space(b, 0), len(b)
	for j > i && b[j-1] <= ' ' {
		j--
	}
	return b[i:j]
}

// Lacks reports whether an always-written member was not there.
func (r *Rest) Lacks(name string) bool { return len(r.absent) > 2 && r.noted(name) }

func (r *Rest) noted(name string) bool {
	for i := 1; i < len(r.absent); i++ {
		if r.absent[i] != '"' {
			continue
		}
		end := closing(r.absent, i)
		if string(r.absent[i+1:end-1]) == name {
			return true
		}
		i = end - 1
	}
	return false
}

// Append appends the members, each behind a comma.
func (r *Rest) Append(b []byte) []byte {
	if len(r.members) == 0 {
		return b
	}
	return append(append(b, ','), r.members...)
}

// CloseObject ends an object whose first byte, at start, is the comma of its first
// member, if it has any.
func CloseObject(b []byte, start int) []byte {
	if len(b) == start {
		return append(b, '{', '}')
	}
	b[start] = '{'
	return append(b, '}')
}

// entry is a member of a rest: its key with quotes, and its value.
type entry struct {
	name       string
	key, value []byte
}

// entries lists the members of a rest and the names that its note holds.
func entries(rest []byte) (absent []string, members []entry) {
	r := OpenRest(rest)
	for i := 1; i < len(r.absent); i++ {
		if r.absent[i] == '"' {
			end := closing(r.absent, i)
			absent = append(absent, string(r.absent[i+1:end-1]))
			i = end - 1
		}
	}
	r.each(func(e entry) bool {
		members = append(members, e)
		return true
	})
	return absent, members
}

// each calls yield for the members until it returns false.
func (r *Rest) each(yield func(entry) bool) {
	if len(r.members) == 0 {
		return
	}
	d := decoders.Get().(*Decoder)
	defer d.release()
	// Decoding wants the braces: the members stand between them.
	d.reset(slices.Clip(r.members), Options{MaxDepth: math.MaxInt})
	for i := 0; i < len(d.data); {
		end, plain := d.text(i)
		if end < 0 {
			return
		}
		name := d.data[i+1 : end-1]
		if !plain {
			name = d.name(i+1, end-1)
		}
		e := entry{name: string(name), key: d.data[i:end]}
		d.pos = space(d.data, d.colon(end))
		start := d.pos
		if !d.skip() {
			return
		}
		e.value = d.data[start:d.pos:d.pos]
		if !yield(e) {
			return
		}
		i = space(d.data, d.pos)
		if i < len(d.data) {
			i = space(d.data, i+1) // the comma
		}
	}
}

// colon returns the offset behind the colon that follows i.
func (d *Decoder) colon(i int) int { return min(space(d.data, i)+1, len(d.data)) }

// build is the reverse of entries. Nil when there is nothing to say.
func build(absent []string, members []entry) []byte {
	if len(absent) == 0 && len(members) == 0 {
		return nil
	}
	b := []byte{'{'}
	if len(absent) > 0 || string(members[0].key) == absentKey {
		b = append(b, absentKey+":"...)
		b = append(AppendStrings(b, absent), ',')
	}
	for _, e := range members {
		b = append(b, e.key...)
		b = append(b, ':')
		b = append(b, e.value...)
		b = append(b, ',')
	}
	b[len(b)-1] = '}'
	return b
}

// Get returns the value of a member of a rest, which must be valid. The last one
// counts when the name is there twice. The value refers to rest.
func Get(rest []byte, name string) (value []byte, ok bool) {
	r := OpenRest(rest)
	r.each(func(e entry) bool {
		if e.name == name {
			value, ok = e.value, true
		}
		return true
	})
	return value, ok
}

// Names returns the names of the members of a rest, which must be valid, in their order.
func Names(rest []byte) iter.Seq[string] {
	return func(yield func(string) bool) {
		r := OpenRest(rest)
		r.each(func(e entry) bool { return yield(e.name) })
	}
}

// Take returns the value of a member of a rest, and the rest without it and without
// the note that it was absent: what a typed field of that name needs to be written.
// ok says whether there was a value. remaining is rest itself when nothing
// changed, otherwise a copy, and nil when nothing remains.
func Take(rest []byte, name string) (value, remaining []byte, ok bool) {
	if len(rest) == 0 {
		return nil, nil, false
	}
	absent, members := entries(rest)
	kept := members[:0]
	for _, e := range members {
		if e.name == name {
			value, ok = e.value, true
			continue
		}
		kept = append(kept, e)
	}
	names := absent[:0]
	for _, a := range absent {
		if a != name {
			names = append(names, a)
		}
	}
	if len(kept) == len(members) && len(names) == len(absent) && len(members)+len(absent) > 0 {
		return nil, rest, false
	}
	return value, build(names, kept), ok
}

// Set returns a copy of a rest in which the member has the value, which must be
// valid JSON. The name must be none that a typed field writes: set the field
// instead, and [Take] the name out.
func Set(rest []byte, name string, value []byte) []byte {
	absent, members := entries(rest)
	set := false
	kept := members[:0]
	for _, e := range members {
		if e.name == name {
			if set {
				continue
			}
			set, e.value = true, value
		}
		kept = append(kept, e)
	}
	if !set {
		kept = append(kept, entry{name, AppendString(nil, name), value})
	}
	return build(absent, kept)
}

// Omit returns a copy of a rest that notes an always-written member as absent, so
// that the encoder leaves it out.
func Omit(rest []byte, name string) []byte {
	absent, members := entries(rest)
	if slices.Contains(absent, name) {
		return rest
	}
	return build(append(absent, name), members)
}

// ValidObject tells whether a rest is an object that can be written: its grammar,
// its UTF-8, its depth. Errors are [*Error].
func ValidObject(rest []byte) error { return valid(rest, KindObject) }

// ValidValue is [ValidObject] for any JSON value.
func ValidValue(raw []byte) error {
	return valid(raw, KindString|KindNumber|KindBool|KindArray|KindObject|KindNull)
}

func valid(data []byte, kind Kind) error {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.reset(data, Options{})
	d.pos = space(data, 0)
	if d.Kind()&kind == 0 && !d.Unfit(kind) || !d.skip() || !d.end() {
		return d.failure()
	}
	return nil
}

// Peek returns the value of a top-level member of a JSON object, the first of that
// name, without reading what follows it. The value refers to data. Errors are
// [*Error]: data is no object, or no JSON up to the member.
func Peek(data []byte, name string) (value []byte, ok bool, err error) {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.reset(data, Options{})
	d.pos = space(data, 0)
	var o Object
	if !d.Object(&o, false) {
		return nil, false, d.failure()
	}
	for d.Member(&o) {
		v, read := d.Raw()
		if !read {
			break
		}
		if string(o.Name) == name {
			return v, true, nil
		}
	}
	if !d.OK() {
		return nil, false, d.failure()
	}
	return nil, false, nil
}
