package wirejson

import (
	"encoding/binary"
	"math/bits"
	"unicode/utf16"
	"unicode/utf8"
	"unsafe"
)

const (
	ones  = 0x0101010101010101
	highs = 0x8080808080808080
)

// ends returns, for the bytes of w that end a run of plain text (a quote, a
// backslash, a control character), their high bits. Bits above the lowest one may
// be wrong.
func ends(w uint64) uint64 {
	q := w ^ ones*'"'
	s := w ^ ones*'\\'
	return ((q-ones)&^q | (s-ones)&^s | (w-ones*0x20)&^w) & highs
}

// scan returns the offset of the first byte from i that ends a run of plain text,
// or the end of data. The high bits of seen tell whether the run may hold bytes that
// are not ASCII.
func scan(data []byte, i int) (end int, seen uint64) {
	for i+8 <= len(data) {
		w := binary.LittleEndian.Uint64(data[i:])
		seen |= w
		if hit := ends(w); hit != 0 {
			return i + bits.TrailingZeros64(hit)>>3, seen
		}
		i += 8
	}
	for ; i < len(data); i++ {
		c := data[i]
		if c == '"' || c == '\\' || c < 0x20 {
			return i, seen
		}
		seen |= uint64(c)
	}
	return i, seen
}

// text checks the string whose opening quote is at i and returns the offset behind
// its closing quote, or -1. plain says that it has no escapes.
func (d *Decoder) text(i int) (end int, plain bool) {
	data, start := d.data, i+1
	plain = true
	j, seen := scan(data, start)
	for j >= len(data) || data[j] != '"' {
		if j >= len(data) || data[j] != '\\' {
			d.badText(j)
			return -1, false
		}
		plain = false
		if j = d.escape(j); j < 0 {
			return -1, false
		}
		var more uint64
		j, more = scan(data, j)
		seen |= more
	}
	if seen&highs != 0 && !utf8.Valid(data[start:j]) {
		d.badUTF8(start, j)
		return -1, false
	}
	return j + 1, plain
}

func (d *Decoder) badText(i int) bool {
	if i >= len(d.data) {
		return d.fail(i, "unexpected end within a string")
	}
	return d.fail(i, "control character "+quoteByte(d.data[i])+" within a string")
}

func (d *Decoder) badUTF8(i, end int) bool {
	for i < end {
		r, n := utf8.DecodeRune(d.data[i:end])
		if r == utf8.RuneError && n == 1 {
			break
		}
		i += n
	}
	return d.fail(i, "invalid UTF-8")
}

// hex4 returns the number that four hexadecimal digits at i say, or -1.
func hex4(data []byte, i int) rune {
	if i+4 > len(data) {
		return -1
	}
	var r rune
	for _, c := range data[i : i+4] {
		switch {
		case '0' <= c && c <= '9':
			c -= '0'
		case 'a' <= c && c <= 'f':
			c -= 'a' - 10
		case 'A' <= c && c <= 'F':
			c -= 'A' - 10
		default:
			return -1
		}
		r = r<<4 | rune(c)
	}
	return r
}

// String reads a string. It refers to the document unless it has escapes. A lone
// surrogate, which no UTF-8 can say, is refused, in answers of providers unfit.
func (d *Decoder) String() (string, bool) {
	data, i := d.data, d.pos
	if i >= len(data) || data[i] != '"' {
		return "", d.Unfit(KindString)
	}
	i++
	j, seen := scan(data, i)
	if j >= len(data) || data[j] != '"' {
		return d.unescape(i, j, seen)
	}
	if seen&highs != 0 && !utf8.Valid(data[i:j]) {
		return "", d.badUTF8(i, j)
	}
	d.pos = j + 1
	return unsafe.String(unsafe.SliceData(data[i:]), j-i), true
}

// unescape reads on from j a string whose text began at i.
func (d *Decoder) unescape(i, j int, seen uint64) (string, bool) {
	data, run := d.data, i
	b := d.arena[len(d.arena):]
	for {
		if j >= len(data) || data[j] != '"' && data[j] != '\\' {
			return "", d.badText(j)
		}
		if cap(b)-len(b) < j-run+utf8.UTFMax {
			b = d.grow(b, j-run+utf8.UTFMax)
		}
		b = append(b, data[run:j]...)
		if data[j] == '"' {
			break
		}
		if j+1 < len(data) && short[data[j+1]] != 0 {
			b = append(b, short[data[j+1]])
			j += 2
		} else {
			var r rune
			if r, j = d.escaped(j); j < 0 {
				return "", false
			}
			b = utf8.AppendRune(b, r)
		}
		run = j
		var more uint64
		j, more = scan(data, j)
		seen |= more
	}
	if seen&highs != 0 && !utf8.Valid(data[i:j]) {
		return "", d.badUTF8(i, j)
	}
	d.pos = j + 1
	d.arena = b
	return unsafe.String(unsafe.SliceData(b), len(b)), true
}

// arenaBytes is the least that is allocated for strings with escapes, unless the
// document ends sooner.
const arenaBytes = 16 << 10

// grow moves a string that is being read to a new arena with room for n more bytes.
// Earlier strings stay where they are.
func (d *Decoder) grow(b []byte, n int) []byte {
	// A string that grows again is long: double, so that copying stays linear. No
	// text gets longer than it is in the document.
	size := min(max(2*len(b)+n, arenaBytes), len(d.data)-d.pos+utf8.UTFMax)
	return append(make([]byte, 0, size), b...)
}

// short escapes: what the byte behind the backslash stands for.
var short = [256]byte{'"': '"', '\\': '\\', '/': '/', 'b': '\b', 'f': '\f', 'n': '\n', 'r': '\r', 't': '\t'}

// escape checks the escape at i and returns the offset behind it, or -1.
func (d *Decoder) escape(i int) int {
	if i+1 < len(d.data) {
		if short[d.data[i+1]] != 0 {
			return i + 2
		}
		if d.data[i+1] == 'u' && hex4(d.data, i+2) >= 0 {
			return i + 6
		}
	}
	d.fail(i, "invalid escape within a string")
	return -1
}

// escaped returns the character that the escape at i says and the offset behind
// it, or -1.
func (d *Decoder) escaped(i int) (rune, int) {
	end := d.escape(i)
	if end < 0 {
		return 0, -1
	}
	if c := d.data[i+1]; c != 'u' {
		return rune(short[c]), end
	}
	r := hex4(d.data, i+2)
	if !utf16.IsSurrogate(r) {
		return r, end
	}
	if end+1 < len(d.data) && d.data[end] == '\\' && d.data[end+1] == 'u' {
		if low := hex4(d.data, end+2); low >= 0 {
			if both := utf16.DecodeRune(r, low); both != utf8.RuneError {
				return both, end + 6
			}
		}
	}
	d.fail(i, "lone surrogate, which stands for no character")
	if d.lenient {
		d.outcome = unfit
	}
	return 0, -1
}

// name returns the member name between i and end without its escapes, which are
// well-formed. A name with a lone surrogate is nobody's: it comes back as it is.
func (d *Decoder) name(i, end int) []byte {
	raw := d.data[i:end]
	b := make([]byte, 0, len(raw))
	for i < end {
		if d.data[i] != '\\' {
			b = append(b, d.data[i])
			i++
			continue
		}
		r, next := d.escaped(i)
		if next < 0 {
			d.outcome = fine
			return raw
		}
		b = utf8.AppendRune(b, r)
		i = next
	}
	return b
}
