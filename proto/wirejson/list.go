package wirejson

import "bytes"

// values reads an array of scalars. An element that does not fit takes the whole
// list with it.
func values[T any](d *Decoder, read func(*Decoder) (T, bool)) ([]T, bool) {
	if !d.Array() {
		return nil, false
	}
	var list []T
	for d.Element(len(list)) {
		v, ok := read(d)
		if !ok {
			return nil, d.Lost()
		}
		list = append(list, v)
	}
	return list, d.OK()
}

// Strings reads an array of strings.
func (d *Decoder) Strings() ([]string, bool) { return values(d, (*Decoder).String) }

// Bools reads an array of booleans.
func (d *Decoder) Bools() ([]bool, bool) { return values(d, (*Decoder).Bool) }

// numbers is values for numbers, whose count shows ahead.
func numbers[T any](d *Decoder, read func(*Decoder) (T, bool)) ([]T, bool) {
	start := d.pos
	if !d.Array() {
		return nil, false
	}
	var list []T
	for d.Element(len(list)) {
		v, ok := read(d)
		if !ok {
			return nil, d.Lost()
		}
		if list == nil {
			end := max(bytes.IndexByte(d.data[start:], ']'), 0)
			list = make([]T, 0, bytes.Count(d.data[start:start+end], []byte{','})+1)
		}
		list = append(list, v)
	}
	return list, d.OK()
}

// Int32s reads an array of integers.
func (d *Decoder) Int32s() ([]int32, bool) { return numbers(d, (*Decoder).Int32) }

// Uint32s reads an array of integers.
func (d *Decoder) Uint32s() ([]uint32, bool) { return numbers(d, (*Decoder).Uint32) }

// Int64s reads an array of integers.
func (d *Decoder) Int64s() ([]int64, bool) { return numbers(d, (*Decoder).Int64) }

// Uint64s reads an array of integers.
func (d *Decoder) Uint64s() ([]uint64, bool) { return numbers(d, (*Decoder).Uint64) }

// Doubles reads an array of numbers.
func (d *Decoder) Doubles() ([]float64, bool) { return numbers(d, (*Decoder).Double) }

// Raws reads an array of any values, each verbatim.
func (d *Decoder) Raws() ([][]byte, bool) { return values(d, (*Decoder).Raw) }

// pairs reads an object of scalars. Names that repeat do not fit a map: what the
// caller sent would not come back.
func pairs[T any](d *Decoder, read func(*Decoder) (T, bool)) (map[string]T, bool) {
	var o Object
	if !d.Object(&o, false) {
		return nil, false
	}
	m := map[string]T{}
	for d.Member(&o) {
		at := d.Mark()
		d.pos = o.key
		name, ok := d.String()
		if !ok {
			return nil, d.Lost()
		}
		d.pos = at.pos
		v, ok := read(d)
		if !ok {
			return nil, d.Lost()
		}
		m[name] = v
		if len(m) != o.read {
			d.pos = o.key
			d.outcome, d.failAt, d.reason = inexact, o.key, "name that repeats"
			return nil, false
		}
	}
	return m, d.OK()
}

// StringMap reads an object of strings.
func (d *Decoder) StringMap() (map[string]string, bool) { return pairs(d, (*Decoder).String) }

// BoolMap reads an object of booleans.
func (d *Decoder) BoolMap() (map[string]bool, bool) { return pairs(d, (*Decoder).Bool) }

// Int32Map reads an object of integers.
func (d *Decoder) Int32Map() (map[string]int32, bool) { return pairs(d, (*Decoder).Int32) }

// Int64Map reads an object of integers.
func (d *Decoder) Int64Map() (map[string]int64, bool) { return pairs(d, (*Decoder).Int64) }

// DoubleMap reads an object of numbers.
func (d *Decoder) DoubleMap() (map[string]float64, bool) { return pairs(d, (*Decoder).Double) }

// RawMap reads an object of any values, each verbatim.
func (d *Decoder) RawMap() (map[string][]byte, bool) { return pairs(d, (*Decoder).Raw) }
