package wirejson

import (
	"math"
	"strconv"
	"unsafe"
)

// number is a JSON number as its digits say it: mantissa times ten to exponent.
type number struct {
	mantissa uint64
	exponent int
	negative bool
	// more says that the mantissa holds only the first digits.
	more bool
}

// number reads the number at hand without deciding what it is for, and returns the
// offset behind it, or -1.
func (d *Decoder) number() (n number, end int) {
	data, i := d.data, d.pos
	if i < len(data) && data[i] == '-' {
		n.negative = true
		i++
	}
	first := i
	for i < len(data) && data[i]-'0' <= 9 {
		n.mantissa = n.mantissa*10 + uint64(data[i]-'0')
		i++
	}
	digits := i - first
	if digits > 1 && data[first] == '0' {
		return d.longNumber()
	}
	if i+1 < len(data) && data[i] == '.' {
		i++
		point := i
		for i < len(data) && data[i]-'0' <= 9 {
			n.mantissa = n.mantissa*10 + uint64(data[i]-'0')
			i++
		}
		n.exponent = point - i
		if i == point {
			return d.longNumber()
		}
	}
	// Up to 19 digits fit the mantissa. What is longer, has an exponent, or is no
	// number is read with more care.
	if digits == 0 || digits-n.exponent > 19 || i < len(data) && data[i]|0x20 == 'e' {
		return d.longNumber()
	}
	return n, i
}

// longNumber is number for any number.
func (d *Decoder) longNumber() (n number, end int) {
	data, i := d.data, d.pos
	if d.Kind() != KindNumber {
		d.Unfit(KindNumber)
		return n, -1
	}
	// The grammar first: what follows need not look again.
	if end = d.skipNumber(i); end < 0 {
		return n, -1
	}
	if data[i] == '-' {
		n.negative = true
		i++
	}
	point := false
	for ; i < end && data[i]|0x20 != 'e'; i++ {
		c := data[i]
		if c == '.' {
			point = true
			continue
		}
		if digit := uint64(c - '0'); !n.more && n.mantissa <= (math.MaxUint64-digit)/10 {
			n.mantissa = n.mantissa*10 + digit
			if point {
				n.exponent--
			}
			continue
		}
		n.more = n.more || c != '0'
		if !point {
			n.exponent++
		}
	}
	if i < end {
		n.exponent += exponent(data[i+1 : end])
	}
	return n, end
}

// exponent returns what the digits behind the e say, bounded so that sums with the
// number of digits of a document do not overflow.
func exponent(digits []byte) int {
	const bound = 1 << 40
	negative := false
	e := 0
	for _, c := range digits {
		switch c {
		case '-':
			negative = true
		case '+':
		default:
			if e < bound {
				e = e*10 + int(c-'0')
			}
		}
	}
	if negative {
		return -e
	}
	return e
}

// Inexact notes that the number at hand does not fit its field. It returns false.
func (d *Decoder) Inexact() bool {
	d.outcome, d.failAt, d.reason = inexact, d.pos, "number that its field cannot hold exactly"
	return false
}

// Int64 reads an integer. 1.0 and 1e3 are integers.
func (d *Decoder) Int64() (int64, bool) {
	magnitude, negative, end := d.integer()
	switch {
	case end < 0:
		return 0, false
	case negative && magnitude <= 1<<63:
		d.pos = end
		return -int64(magnitude), true
	case !negative && magnitude < 1<<63:
		d.pos = end
		return int64(magnitude), true
	}
	return 0, d.Inexact()
}

// Uint64 reads an integer that is not negative.
func (d *Decoder) Uint64() (uint64, bool) {
	magnitude, negative, end := d.integer()
	if end < 0 {
		return 0, false
	}
	if negative && magnitude != 0 {
		return 0, d.Inexact()
	}
	d.pos = end
	return magnitude, true
}

// Int32 reads an integer of 32 bits.
func (d *Decoder) Int32() (int32, bool) {
	start := d.pos
	v, ok := d.Int64()
	if ok && int64(int32(v)) != v {
		d.pos = start
		ok = d.Inexact()
	}
	return int32(v), ok
}

// Uint32 reads an integer of 32 bits that is not negative.
func (d *Decoder) Uint32() (uint32, bool) {
	start := d.pos
	v, ok := d.Uint64()
	if ok && uint64(uint32(v)) != v {
		d.pos = start
		ok = d.Inexact()
	}
	return uint32(v), ok
}

// integer reads a number without a fraction. end is -1 when there is none.
func (d *Decoder) integer() (magnitude uint64, negative bool, end int) {
	data, i := d.data, d.pos
	if i < len(data) && data[i] == '-' {
		negative = true
		i++
	}
	first := i
	for i < len(data) && data[i]-'0' <= 9 {
		magnitude = magnitude*10 + uint64(data[i]-'0')
		i++
	}
	// Mostly a few digits without point, exponent or leading zero.
	if n := i - first; n > 0 && n <= 18 && (data[first] != '0' || n == 1) {
		if i == len(data) || data[i] != '.' && data[i]|0x20 != 'e' {
			return magnitude, negative, i
		}
	}
	n, end := d.number()
	if end < 0 {
		return 0, false, -1
	}
	if n.mantissa == 0 {
		return 0, n.negative, end
	}
	for n.exponent < 0 && n.mantissa%10 == 0 {
		n.mantissa /= 10
		n.exponent++
	}
	for n.exponent > 0 && n.mantissa <= math.MaxUint64/10 {
		n.mantissa *= 10
		n.exponent--
	}
	if n.exponent != 0 || n.more {
		d.Inexact()
		return 0, false, -1
	}
	return n.mantissa, n.negative, end
}

// powers of ten that a float64 holds exactly.
var powers = [...]float64{
	1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11,
	1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22,
}

// Double reads a number that a float64 holds, and gives back with the same digits.
func (d *Decoder) Double() (float64, bool) {
	start := d.pos
	n, end := d.number()
	if end < 0 {
		return 0, false
	}
	v, exact := n.double(d.data[start:end])
	if !exact {
		return 0, d.Inexact()
	}
	d.pos = end
	return v, true
}

// double returns the float64 nearest to the number, and whether that one prints as
// the same decimal.
func (n *number) double(text []byte) (v float64, exact bool) {
	switch e := n.exponent; {
	case n.mantissa == 0:
		if n.negative {
			v = math.Copysign(0, -1)
		}
		return v, true
	case n.more || n.mantissa >= 1<<53 || e < -22 || e > 22:
		v, err := strconv.ParseFloat(unsafe.String(unsafe.SliceData(text), len(text)), 64)
		return v, err == nil && n.printedBy(v)
	case e < 0: // one rounding: both operands are exact
		v = float64(n.mantissa) / powers[-e]
	default:
		v = float64(n.mantissa) * powers[e]
	}
	if n.negative {
		v = -v
	}
	return v, n.alone(v) || n.printedBy(v)
}

// alone reports whether no other decimal of the number's digits or fewer is as near
// to v: decimals with its exponent are further apart than the neighbours of v. Then
// the shortest decimal that stands for v is the number. False says nothing. The
// exponent is one of powers.
func (n *number) alone(v float64) bool {
	if n.mantissa < 1e15 {
		return true
	}
	const almost = 0.999
	scale := math.Float64bits(v) >> 52 & 0x7ff
	if scale <= 52 {
		return false
	}
	gap := math.Float64frombits((scale - 52) << 52)
	if n.exponent < 0 {
		return gap*powers[-n.exponent] < almost
	}
	return gap < almost*powers[n.exponent]
}

// printedBy reports whether the shortest decimal that stands for v is the number.
func (n *number) printedBy(v float64) bool {
	if n.more || v == 0 {
		return false
	}
	var buf [32]byte
	digits := strconv.AppendFloat(buf[:0], v, 'e', -1, 64)
	var printed number
	i := 0
	if digits[0] == '-' {
		printed.negative = true
		i++
	}
	for point := false; ; i++ {
		c := digits[i]
		if c == 'e' {
			break
		}
		if c == '.' {
			point = true
			continue
		}
		printed.mantissa = printed.mantissa*10 + uint64(c-'0')
		if point {
			printed.exponent--
		}
	}
	printed.exponent += exponent(digits[i+1:])
	return printed.trimmed() == n.trimmed()
}

// trimmed returns the number without zeros at the end of its mantissa.
func (n *number) trimmed() number {
	t := *n
	for t.mantissa != 0 && t.mantissa%10 == 0 {
		t.mantissa /= 10
		t.exponent++
	}
	return t
}
