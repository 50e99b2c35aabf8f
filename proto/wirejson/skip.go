package wirejson

// skip checks the value at hand and goes behind it. It uses no recursion, so that
// the depth of a document costs no stack.
func (d *Decoder) skip() bool {
	data, i := d.data, d.pos
	nest := d.nest[:0] // the brackets that are open
	for {
		if i < len(data) && (data[i] == '{' || data[i] == '[') {
			if d.depth+len(nest) >= d.max {
				return d.tooDeep(i)
			}
			open := data[i]
			nest = append(nest, open)
			if i++; i < len(data) && data[i] <= ' ' {
				i = space(data, i)
			}
			if i >= len(data) || data[i] != open+2 { // ] and } stand two behind [ and {
				if open == '{' {
					i = d.skipName(i)
				}
				if i < 0 {
					return false
				}
				continue
			}
		} else if i = d.skipScalar(i); i < 0 {
			return false
		}
		if len(nest) > 0 {
			if i, nest = d.skipEnds(i, nest); i < 0 {
				return false
			}
		}
		if len(nest) == 0 {
			d.pos, d.nest = i, nest
			return true
		}
	}
}

// skipScalar returns the offset behind the scalar at i, or -1.
func (d *Decoder) skipScalar(i int) int {
	if i >= len(d.data) {
		d.unexpected(i, "a value")
		return -1
	}
	switch d.data[i] {
	case '"':
		i, _ = d.text(i)
		return i
	case 't':
		return d.literal(i, "true")
	case 'f':
		return d.literal(i, "false")
	case 'n':
		return d.literal(i, "null")
	}
	return d.skipNumber(i)
}

// skipEnds goes from the end of a value, or from the end of an empty container, to
// the next value. It returns that one's offset and the brackets that are open then;
// when none is, the offset behind the last.
func (d *Decoder) skipEnds(i int, nest []byte) (int, []byte) {
	data := d.data
	for len(nest) > 0 {
		if i < len(data) && data[i] <= ' ' {
			i = space(data, i)
		}
		open := nest[len(nest)-1]
		switch {
		case i < len(data) && data[i] == open+2:
			nest = nest[:len(nest)-1]
			i++
			continue
		case i < len(data) && data[i] == ',':
		case open == '{':
			d.unexpected(i, "a comma or the end of the object")
			return -1, nest
		default:
			d.unexpected(i, "a comma or the end of the array")
			return -1, nest
		}
		if i++; i < len(data) && data[i] <= ' ' {
			i = space(data, i)
		}
		if open == '{' {
			i = d.skipName(i)
		}
		break
	}
	return i, nest
}

// skipName goes from a member name to the member's value and returns its offset, or
// -1.
func (d *Decoder) skipName(i int) int {
	data := d.data
	if i >= len(data) || data[i] != '"' {
		d.unexpected(i, "a member name")
		return -1
	}
	if i, _ = d.text(i); i < 0 {
		return -1
	}
	if i < len(data) && data[i] <= ' ' {
		i = space(data, i)
	}
	if i >= len(data) || data[i] != ':' {
		d.unexpected(i, "a colon")
		return -1
	}
	i++
	if i < len(data) && data[i] <= ' ' {
		i = space(data, i)
	}
	return i
}

// skipNumber returns the offset behind the number at i, or -1.
func (d *Decoder) skipNumber(i int) int {
	data, start := d.data, i
	if i < len(data) && data[i] == '-' {
		i++
	}
	digits := i
	i = skipDigits(data, i)
	switch {
	case i == start: // not even a sign
		d.unexpected(i, "a value")
		return -1
	case i == digits:
		d.unexpected(i, "a digit")
		return -1
	case data[digits] == '0' && i > digits+1:
		d.fail(digits, "number with a leading zero")
		return -1
	}
	if i < len(data) && data[i] == '.' {
		i++
		digits = i
		if i = skipDigits(data, i); i == digits {
			d.unexpected(i, "a digit")
			return -1
		}
	}
	if i < len(data) && data[i]|0x20 == 'e' {
		i++
		if i < len(data) && (data[i] == '+' || data[i] == '-') {
			i++
		}
		digits = i
		if i = skipDigits(data, i); i == digits {
			d.unexpected(i, "a digit")
			return -1
		}
	}
	return i
}

func skipDigits(data []byte, i int) int {
	for i < len(data) && data[i]-'0' <= 9 {
		i++
	}
	return i
}
