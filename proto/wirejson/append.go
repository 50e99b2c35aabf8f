package wirejson

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
	"strconv"
)

const hexDigits = "0123456789abcdef"

// AppendString appends s, which must be UTF-8, as a JSON string. It escapes only
// what JSON requires.
func AppendString(b []byte, s string) []byte {
	b = append(b, '"')
	for {
		n := plain(s)
		b = append(b, s[:n]...)
		if n == len(s) {
			return append(b, '"')
		}
		switch c := s[n]; c {
		case '"', '\\':
			b = append(b, '\\', c)
		case '\n':
			b = append(b, '\\', 'n')
		case '\t':
			b = append(b, '\\', 't')
		case '\r':
			b = append(b, '\\', 'r')
		case '\b':
			b = append(b, '\\', 'b')
		case '\f':
			b = append(b, '\\', 'f')
		default:
			b = append(b, '\\', 'u', '0', '0', hexDigits[c>>4], hexDigits[c&15])
		}
		s = s[n+1:]
	}
}

// plain returns how many bytes of s need no escape.
func plain(s string) int {
	i := 0
	for ; i+8 <= len(s); i += 8 {
		w := binary.LittleEndian.Uint64([]byte(s[i : i+8]))
		if hit := ends(w); hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3
		}
	}
	for ; i < len(s); i++ {
		if c := s[i]; c == '"' || c == '\\' || c < 0x20 {
			break
		}
	}
	return i
}

// AppendBool appends a boolean.
func AppendBool(b []byte, v bool) []byte { return strconv.AppendBool(b, v) }

// AppendInt appends an integer.
func AppendInt(b []byte, v int64) []byte { return strconv.AppendInt(b, v, 10) }

// AppendUint appends an integer.
func AppendUint(b []byte, v uint64) []byte { return strconv.AppendUint(b, v, 10) }

// AppendDouble appends the shortest decimal that stands for v, with an exponent
// from 1e21 on and below 1e-6. What JSON cannot say, NaN and infinity, is null.
func AppendDouble(b []byte, v float64) []byte {
	magnitude := math.Abs(v)
	switch {
	case !(magnitude <= math.MaxFloat64):
		return append(b, "null"...)
	case magnitude == math.Trunc(magnitude) && magnitude < 1<<53 && magnitude != 0:
		return strconv.AppendInt(b, int64(v), 10)
	case magnitude >= 1e-6 && magnitude < 1000:
		if short, ok := appendShort(b, v, magnitude); ok {
			return short
		}
	case magnitude != 0 && magnitude < 1e-6 || magnitude >= 1e21:
		b = strconv.AppendFloat(b, v, 'e', -1, 64)
		// e-09 is e-9.
		if n := len(b); b[n-4] == 'e' && b[n-3] == '-' && b[n-2] == '0' {
			b[n-2] = b[n-1]
			b = b[:n-1]
		}
		return b
	}
	return strconv.AppendFloat(b, v, 'f', -1, 64)
}

// appendShort appends a number below 1000 that has up to 15 digits, of which up to
// 12 or 15 behind the point, as measured values mostly have. Decimals of up to 15
// digits differ as float64, so the one that stands for v is the shortest.
func appendShort(b []byte, v, magnitude float64) ([]byte, bool) {
	const least, most = 1e12, 1e15
	scale, places := most, 15
	if magnitude >= 1 {
		scale, places = least, 12
	}
	n := uint64(magnitude*scale + 0.5)
	if n >= most || float64(n)/scale != magnitude {
		return b, false
	}
	if n%10_000 == 0 {
		n /= 10_000
		places -= 4
	}
	for n%10 == 0 {
		n /= 10
		places--
	}
	var text [20]byte
	i := len(text)
	for ; places > 0; places-- {
		i--
		text[i] = byte('0' + n%10)
		n /= 10
	}
	i--
	text[i] = '.'
	if v < 0 {
		b = append(b, '-')
	}
	if n < 10 {
		i--
		text[i] = byte('0' + n)
	} else {
		b = strconv.AppendUint(b, n, 10)
	}
	return append(b, text[i:]...), true
}

// AppendRaw appends a raw value; an empty one, which stands for none, as null.
func AppendRaw(b, v []byte) []byte {
	if len(v) == 0 {
		return append(b, "null"...)
	}
	return append(b, v...)
}

// values appends an array.
func appendValues[T any](b []byte, list []T, one func([]byte, T) []byte) []byte {
	b = append(b, '[')
	for i, v := range list {
		if i > 0 {
			b = append(b, ',')
		}
		b = one(b, v)
	}
	return append(b, ']')
}

// AppendStrings appends an array of strings.
func AppendStrings(b []byte, list []string) []byte { return appendValues(b, list, AppendString) }

// AppendBools appends an array of booleans.
func AppendBools(b []byte, list []bool) []byte { return appendValues(b, list, AppendBool) }

// AppendInts appends an array of integers.
func AppendInts[T int32 | int64](b []byte, list []T) []byte {
	return appendValues(b, list, func(b []byte, v T) []byte { return AppendInt(b, int64(v)) })
}

// AppendUints appends an array of integers.
func AppendUints[T uint32 | uint64](b []byte, list []T) []byte {
	return appendValues(b, list, func(b []byte, v T) []byte { return AppendUint(b, uint64(v)) })
}

// AppendDoubles appends an array of numbers.
func AppendDoubles(b []byte, list []float64) []byte { return appendValues(b, list, AppendDouble) }

// AppendRaws appends an array of raw values.
func AppendRaws(b []byte, list [][]byte) []byte { return appendValues(b, list, AppendRaw) }

// appendPairs appends an object, its names sorted.
func appendPairs[T any](b []byte, m map[string]T, one func([]byte, T) []byte) []byte {
	var few [16]string
	names := few[:0]
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	b = append(b, '{')
	for i, name := range names {
		if i > 0 {
			b = append(b, ',')
		}
		b = AppendString(b, name)
		b = append(b, ':')
		b = one(b, m[name])
	}
	return append(b, '}')
}

// AppendStringMap appends an object of strings.
func AppendStringMap(b []byte, m map[string]string) []byte { return appendPairs(b, m, AppendString) }

// AppendBoolMap appends an object of booleans.
func AppendBoolMap(b []byte, m map[string]bool) []byte { return appendPairs(b, m, AppendBool) }

// AppendIntMap appends an object of integers.
func AppendIntMap[T int32 | int64](b []byte, m map[string]T) []byte {
	return appendPairs(b, m, func(b []byte, v T) []byte { return AppendInt(b, int64(v)) })
}

// AppendDoubleMap appends an object of numbers.
func AppendDoubleMap(b []byte, m map[string]float64) []byte { return appendPairs(b, m, AppendDouble) }

// AppendRawMap appends an object of raw values.
func AppendRawMap(b []byte, m map[string][]byte) []byte { return appendPairs(b, m, AppendRaw) }
