package wirejson

// skip checks the value at hand and goes behind it. It uses no recursion, so that
// the depth of a document costs no stack.
func (d *Decoder) skip() bool {
	data, i := d.data, d.pos
	floor, depth := d.depth, d.depth
	nest := d.nest[:0]
	for {
		// A value is due at i.
		if i >= len(data) {
			return d.unexpected(i, "a value")
		}
		switch c := data[i]; c {
		case '"':
			if i, _ = d.text(i); i < 0 {
				return false
			}
		case '{', '[':
			if depth >= d.max {
				return d.tooDeep(i)
			}
			depth++
			nest = append(nest, c)
			i++
			if i < len(data) && data[i] <= ' ' {
				i = space(data, i)
			}
			if i < len(data) && data[i] == c+2 { // } and ] stand two behind { and [
				break
			}
			if c == '{' {
				if i = d.skipName(i); i < 0 {
					return false
				}
			}
			continue
		case 't':
			i = d.literal(i, "true")
		case 'f':
			i = d.literal(i, "false")
		case 'n':
			i = d.literal(i, "null")
		default:
			i = d.skipNumber(i)
		}
		if i < 0 {
			return false
		}
		// A value ended at i, or an empty container is about to.
		for {
			if depth == floor {
				d.pos, d.nest = i, nest
				return true
			}
			if i < len(data) && data[i] <= ' ' {
				i = space(data, i)
			}
			open := nest[len(nest)-1]
			if i < len(data) && data[i] == open+2 {
				nest = nest[:len(nest)-1]
				depth--
				i++
				continue
			}
			if i >= len(data) || data[i] != ',' {
				if open == '{' {
					return d.unexpected(i, "a comma or the end of the object")
				}
				return d.unexpected(i, "a comma or the end of the array")
			}
			i++
			if i < len(data) && data[i] <= ' ' {
				i = space(data, i)
			}
			if open == '{' {
				if i = d.skipName(i); i < 0 {
					return false
				}
			}
			break
		}
	}
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
	case i == digits && i == start:
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
