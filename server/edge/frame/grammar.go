package frame

import (
	"bytes"
	"math"
	"net/netip"
	"strings"
)

// kind says where a character may stand.
type kind uint8

const (
	inToken kind = 1 << iota // names and methods (RFC 9110, section 5.6.2)
	inValue                  // values of fields (section 5.5)
	inPath                   // raw, in the path of a target
	inQuery                  // raw, in its query: more than RFC 3986 has, as browsers send it
	inHost                   // names and addresses of version 4
)

var kinds = func() (table [256]kind) {
	set := func(k kind, characters string) {
		for _, c := range []byte(characters) {
			table[c] |= k
		}
	}
	const alphanumeric = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
	set(inToken|inPath|inQuery|inHost, alphanumeric)
	set(inToken, "!#$%&'*+-.^_`|~")
	set(inHost, "-._~")
	set(inPath|inQuery, "-._~!$&'()*+,;=:@/%[]{}|^`")
	set(inQuery, `?\`)
	for c := range table {
		if c >= ' ' && c != 0x7f || c == '\t' {
			table[c] |= inValue
		}
	}
	return table
}()

func all(text []byte, k kind) bool {
	for _, c := range text {
		if kinds[c]&k == 0 {
			return false
		}
	}
	return true
}

func isToken(text []byte) bool { return len(text) > 0 && all(text, inToken) }

func isValue(text []byte) bool { return all(text, inValue) }

func hexDigit(c byte) (uint64, bool) {
	switch {
	case c >= '0' && c <= '9':
		return uint64(c - '0'), true
	case c|0x20 >= 'a' && c|0x20 <= 'f':
		return uint64(c|0x20-'a') + 10, true
	}
	return 0, false
}

// requestLine judges a request line without its end and begins a message.
func (j *judge) requestLine(line []byte) Refusal {
	method, rest, ok := bytes.Cut(line, []byte{' '})
	last := bytes.LastIndexByte(rest, ' ')
	if !ok || last < 0 || !isToken(method) || len(method) > maxMethodBytes {
		return BadRequestLine
	}
	target, version := rest[:last], rest[last+1:]
	if len(target) == 0 || target[0] == ' ' || target[len(target)-1] == ' ' {
		return BadRequestLine
	}
	switch string(version) {
	case "HTTP/1.1":
		j.http11 = true
	case "HTTP/1.0":
		j.http11 = false
	default:
		if len(version) == len("HTTP/1.1") && bytes.HasPrefix(version, []byte("HTTP/")) && version[6] == '.' &&
			isDigit(version[5]) && isDigit(version[7]) {
			return BadVersion
		}
		return BadRequestLine
	}
	j.begun = true
	j.headOnly = string(method) == "HEAD"
	j.before, j.fields, j.hosts, j.lengths, j.length, j.encodings, j.expects = 0, 0, 0, 0, 0, 0, 0
	if string(method) == "CONNECT" {
		return Connect
	}
	return j.target(target, string(method) == "OPTIONS")
}

// target judges a request target: a path, or with OPTIONS an asterisk.
func (j *judge) target(target []byte, asterisk bool) Refusal {
	if len(target) > j.settings.MaxTargetBytes {
		return TargetTooLong
	}
	if asterisk && string(target) == "*" {
		return ""
	}
	path, query, _ := bytes.Cut(target, []byte{'?'})
	if len(path) == 0 || path[0] != '/' || !all(path, inPath) || !all(query, inQuery) {
		return BadTarget
	}
	for i, c := range path {
		if c != '%' {
			continue
		}
		if len(path) < i+3 {
			return BadTarget
		}
		_, high := hexDigit(path[i+1])
		_, low := hexDigit(path[i+2])
		if !high || !low {
			return BadTarget
		}
	}
	return ""
}

// field judges a header or trailer field without its end.
func (j *judge) field(line []byte) Refusal {
	bad := BadField
	if j.part == partTrailers {
		bad = BadTrailer
	}
	if line[0] == ' ' || line[0] == '\t' {
		return Folded
	}
	if j.fields++; j.fields > j.settings.MaxFields {
		return TooManyFields
	}
	name, value, ok := bytes.Cut(line, []byte{':'})
	if !ok || !isToken(name) || !isValue(value) {
		if bytes.IndexByte(line, '\r') >= 0 {
			return BadLineEnd
		}
		return bad
	}
	value = bytes.Trim(value, " \t")
	switch framing := framingField(name); {
	case framing == "":
		return ""
	case j.part == partTrailers:
		return BadTrailer
	default:
		return j.framing(framing, value)
	}
}

// framingFields are those that the guard itself reads, and that no trailer may be.
var framingFields = [...]string{"host", "content-length", "transfer-encoding", "expect", "trailer"}

func framingField(name []byte) string {
	for _, known := range framingFields {
		if len(name) == len(known) && equalFold(name, known) {
			return known
		}
	}
	return ""
}

// equalFold compares a name with one of the same length in lower case.
func equalFold(name []byte, lower string) bool {
	for i, c := range name {
		if c >= 'A' && c <= 'Z' {
			c |= 0x20
		}
		if c != lower[i] {
			return false
		}
	}
	return true
}

func (j *judge) framing(name string, value []byte) Refusal {
	switch name {
	case "host":
		if j.hosts++; j.hosts > 1 || !ValidHost(value) {
			return BadHost
		}
	case "content-length":
		length, ok := decimal(value)
		if j.lengths++; j.lengths > 1 || !ok {
			return BadLength
		}
		j.length = length
	case "transfer-encoding":
		if j.encodings++; j.encodings > 1 {
			return BadTransferEncoding
		}
		if string(value) != "chunked" {
			return UnknownEncoding
		}
	case "expect":
		const known = "100-continue"
		if j.expects++; j.expects > 1 || len(value) != len(known) || !equalFold(value, known) {
			return BadExpect
		}
	}
	return ""
}

func isDigit(c byte) bool { return c >= '0' && c <= '9' }

// decimal reads a number of digits alone that fits 63 bits.
func decimal(text []byte) (int64, bool) {
	const most = 19 // digits of 1<<63-1
	if len(text) == 0 || len(text) > most {
		return 0, false
	}
	n := uint64(0)
	for _, c := range text {
		if !isDigit(c) {
			return 0, false
		}
		n = n*10 + uint64(c-'0')
	}
	return int64(n), n <= math.MaxInt64
}

// maxHostBytes is the longest name of the DNS, or an address, with a port.
const maxHostBytes = 253 + len(":65535")

// ValidHost tells whether text is a host as the Host header and HTTP/2's :authority may
// name it: a name of letters, digits, "-", ".", "_" and "~", an IPv4 address or an IPv6
// address in brackets, and perhaps ":" and a port of 1 to 65535. Nothing else, and not
// the empty text.
func ValidHost[T ~[]byte | ~string](text T) bool {
	if len(text) > maxHostBytes {
		return false
	}
	end := 0
	if len(text) > 0 && text[0] == '[' {
		closing := strings.IndexByte(string(text), ']')
		if closing < 0 {
			return false
		}
		address, err := netip.ParseAddr(string(text[1:closing]))
		if err != nil || !address.Is6() || address.Zone() != "" {
			return false
		}
		end = closing + 1
	} else {
		for end < len(text) && kinds[text[end]]&inHost != 0 {
			end++
		}
	}
	if end == 0 || end == len(text) {
		return end > 0
	}
	port := text[end+1:]
	if text[end] != ':' || len(port) == 0 || len(port) > 5 {
		return false
	}
	n := 0
	for i := range len(port) {
		if !isDigit(port[i]) {
			return false
		}
		n = n*10 + int(port[i]-'0')
	}
	return n >= 1 && n <= math.MaxUint16
}
