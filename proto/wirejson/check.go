package wirejson

import (
	"bytes"
	"math"
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
	e := d.failure().(*Error)
	return c.fail(e.Path, e.Reason)
}

// Double checks a number.
func (c *Checker) Double(v float64) bool {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return c.fail("", "number that JSON cannot say")
	}
	return true
}

// Known describes a member that has a field.
type Known struct {
	Name string
	// Kinds that the field takes.
	Kinds Kind
	// Number type of the field, when it takes one.
	Number Number
	// Always: written unless noted as absent.
	Always bool
	// Empty lists and maps have a place in the field.
	Empty bool
	// Open as in FieldRules.
	Open bool
	// Never in a rest: constants.
	Never bool
}

// Number is the type of a numeric field.
type Number uint8

// The numeric types.
const (
	NumberInt32 Number = iota + 1
	NumberInt64
	NumberUint32
	NumberUint64
	NumberDouble
)

// Rest checks a rest: a JSON object in which a known member is only there when its
// field cannot hold it. set has a bit for each known member that its field holds.
func (c *Checker) Rest(rest []byte, known []Known, set ...uint64) bool {
	if len(rest) == 0 {
		return true
	}
	if !c.decode(rest, func(d *Decoder) bool { return d.Kind() == KindObject && d.skip() || d.OK() && d.Unfit(KindObject) }) {
		return c.In("rest")
	}
	r := OpenRest(rest)
	ok := true
	var seen [8]uint64
	r.each(func(e entry) bool {
		for i := range known {
			if known[i].Name != e.name {
				continue
			}
			switch k := &known[i]; {
			case seen[i>>6]&(1<<(i&63)) != 0:
				ok = c.fail(e.name, "duplicate member")
			case k.Never,
				set[i>>6]&(1<<(i&63)) != 0,
				k.Always && !r.Lacks(e.name),
				!k.rides(e.value):
				ok = c.fail(e.name, "member that belongs into its field")
			}
			seen[i>>6] |= 1 << (i & 63)
			break
		}
		return ok
	})
	if !ok {
		return c.In("rest")
	}
	return true
}

// rides reports whether a value is one that the field cannot hold and that decoding
// would leave in the rest.
func (k *Known) rides(value []byte) bool {
	kind := kinds[value[0]]
	switch {
	case kind == KindNull:
		return k.Kinds&KindNull == 0
	case kind&k.Kinds == 0:
		return k.Open
	case kind == KindNumber:
		return !k.Number.holds(value)
	case kind == KindArray || kind == KindObject:
		return !k.Empty && len(bytes.TrimSpace(value[1:len(value)-1])) == 0
	}
	return false
}

func (n Number) holds(value []byte) (ok bool) {
	d := decoders.Get().(*Decoder)
	defer d.release()
	d.reset(value, Options{})
	switch n {
	case NumberInt32:
		_, ok = d.Int32()
	case NumberInt64:
		_, ok = d.Int64()
	case NumberUint32:
		_, ok = d.Uint32()
	case NumberUint64:
		_, ok = d.Uint64()
	case NumberDouble:
		_, ok = d.Double()
	}
	return ok
}
