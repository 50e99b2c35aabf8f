package wirejson

import (
	"math"
	"slices"
	"strconv"
)

// Check tells whether a message that came over gRPC can be written as JSON that
// says the same, and that this package would read: each raw field is one JSON
// value, each rest a JSON object of members that no field holds, doubles are
// finite, and nothing nests deeper than [DefaultMaxDepth]. Errors are [*Error] with
// an Offset of -1.
//
// A rest that says again what a field says is refused for safety: whoever decides
// by the field (a policy, a limit) must see what the provider will see.
func Check(m Message) error {
	var c Checker
	if m.CheckWireJSON(&c) {
		return nil
	}
	return &Error{Path: string(c.path), Offset: -1, Reason: c.reason}
}

// Checker goes through a message. Its methods are for generated code; each returns
// false when the message is refused.
type Checker struct {
	depth  int
	path   []byte
	reason string
}

func (c *Checker) fail(path, reason string) bool {
	c.path, c.reason = []byte(path), reason
	return false
}

// In puts the name of a member before the path of a failure. It returns false.
func (c *Checker) In(name string) bool { return c.before([]byte(name)) }

// At puts an element of a list before the path of a failure. It returns false.
func (c *Checker) At(name string, i int) bool {
	return c.before([]byte(name + "[" + strconv.Itoa(i) + "]"))
}

func (c *Checker) before(step []byte) bool {
	if len(c.path) > 0 && c.path[0] != '[' && len(step) > 0 {
		step = append(step, '.')
	}
	if len(c.path) < maxPathBytes {
		c.path = append(step, c.path...)
	}
	return false
}

// Enter goes into an object or array.
func (c *Checker) Enter() bool {
	c.depth++
	if c.depth > DefaultMaxDepth {
		return c.fail("", "nested deeper than "+itoa(DefaultMaxDepth)+" levels")
	}
	return true
}

// Leave comes back from where Enter went.
func (c *Checker) Leave() bool {
	c.depth--
	return true
}

// Raw checks a raw value; an empty one is absent.
func (c *Checker) Raw(raw []byte) bool {
	if len(raw) == 0 {
		return true
	}
	return c.decode(raw, (*Decoder).skip)
}

func (c *Checker) decode(data []byte, read func(*Decoder) bool) bool {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.reset(data, Options{MaxDepth: max(DefaultMaxDepth-c.depth, 1)})
	d.pos = space(data, 0)
	if read(d) && d.end() {
		return true
	}
	if d.OK() {
		return false
	}
	e := d.failure()
	return c.fail(e.Path, e.Reason)
}

// Unset refuses a bare union of which nothing is set. It returns false.
func (c *Checker) Unset() bool { return c.fail("", "no alternative is set") }

// Double checks a number.
func (c *Checker) Double(v float64) bool {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return c.fail("", "number that JSON cannot say")
	}
	return true
}

// Rest checks a rest: a JSON object in which a known member is only there when its
// field cannot hold it, so that decoding leaves it there. set has a bit for each of
// the names whose field is set, always for each that is written when unset, too.
// read decodes an object and returns its rest, or nil.
func (c *Checker) Rest(rest []byte, names []string, set, always []uint64, read func(*Decoder) []byte) bool {
	ok := c.decode(rest, func(d *Decoder) bool {
		return d.Kind() == KindObject && d.skip() || d.OK() && d.Unfit(KindObject)
	})
	if !ok {
		return c.In("rest")
	}
	r := OpenRest(rest)
	seen := make([]uint64, len(set))
	r.each(func(e entry) bool {
		i := slices.Index(names, e.name)
		if i < 0 {
			return true
		}
		word, bit := i>>6, uint64(1)<<(i&63)
		switch {
		case seen[word]&bit != 0:
			ok = c.fail(e.name, "duplicate member")
		case set[word]&bit != 0, always[word]&bit != 0 && !r.Lacks(e.name), !c.rides(e, read):
			ok = c.fail(e.name, "member that belongs into its field")
		}
		seen[word] |= bit
		return ok
	})
	if !ok {
		return c.In("rest")
	}
	return true
}

// rides reports whether decoding would leave a known member in the rest.
func (c *Checker) rides(e entry, read func(*Decoder) []byte) (ok bool) {
	return c.decode(object(e.key, e.value), func(d *Decoder) bool {
		_, ok := Get(read(d), e.name)
		return ok
	})
}

// Other checks a raw alternative of a union: that no typed one takes the value.
// name is that of the member which the union is, or empty for a bare union. read
// decodes the message of the union and reports whether the raw alternative is set.
func (c *Checker) Other(name string, raw []byte, read func(*Decoder) bool) bool {
	if len(raw) == 0 {
		return name != "" || c.Unset()
	}
	if !c.Raw(raw) {
		return false
	}
	if name != "" {
		raw = object(AppendString(nil, name), raw)
	}
	if !c.decode(raw, read) {
		return c.fail("", "raw value that belongs into a typed alternative")
	}
	return true
}

func object(key, value []byte) []byte {
	return slices.Concat([]byte{'{'}, key, []byte{':'}, value, []byte{'}'})
}
