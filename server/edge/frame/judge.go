package frame

import "bytes"

// part is what of a message comes next.
type part uint8

const (
	partHead part = iota
	partBody
	partChunkSize
	partChunk    // the data of a chunk
	partChunkEnd // the CR LF behind it
	partTrailers
	partAll // everything, uninspected: HTTP/2
)

// Bounds within a message.
const (
	maxMethodBytes    = 32
	maxSizeDigits     = 16
	maxExtensionBytes = 256
)

// preface is how HTTP/2 begins (RFC 9113, section 3.4).
const preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"

// judge follows the messages of one connection and says how far they are sound. Pure:
// no input, no time.
type judge struct {
	settings *Settings
	part     part
	// left counts the bytes of a body or chunk that are to come.
	left int64
	// passed counts the heads that were clear.
	passed int

	// Of the head or the trailers that arrive: where the line begins that is not whole, and
	// how much of it has no LF.
	line, seen int

	// Of the message at hand.
	begun     bool // its request line was sound
	before    int  // bytes of its head, when its trailers arrive
	fields    int
	http11    bool
	headOnly  bool // HEAD: the answer has no body
	hosts     int
	lengths   int
	length    int64
	encodings int
	expects   int
}

func newJudge(s *Settings) judge { return judge{settings: s} }

// advance judges data, which begins with what was not clear the last time. It returns
// how much of it is clear; when it returns a refusal, nothing behind that ever is.
func (j *judge) advance(data []byte) (cleared int, why Refusal) {
	for cleared < len(data) {
		rest := data[cleared:]
		var n int
		switch j.part {
		case partHead:
			n, why = j.head(rest)
		case partTrailers:
			n, why = j.lines(rest)
		case partBody, partChunk:
			n = int(min(int64(len(rest)), j.left))
			if j.left -= int64(n); j.left == 0 && j.part == partBody {
				j.part = partHead
			} else if j.left == 0 {
				j.part = partChunkEnd
			}
		case partChunkSize:
			n, why = j.chunkSize(rest)
		case partChunkEnd:
			n, why = j.chunkEnd(rest)
		case partAll:
			n = len(rest)
		}
		if n == 0 || why != "" {
			break
		}
		cleared += n
	}
	return cleared, why
}

func (j *judge) head(data []byte) (int, Refusal) {
	if j.passed > 0 || data[0] != preface[0] {
		return j.lines(data)
	}
	same := min(len(data), len(preface))
	switch {
	case string(data[:same]) != preface[:same]:
		return j.lines(data)
	case same < len(preface):
		return 0, ""
	}
	j.part = partAll
	return same, ""
}

// lines judges the lines of a head or of trailers up to the empty one.
func (j *judge) lines(data []byte) (int, Refusal) {
	for {
		from := j.line + j.seen
		lf := bytes.IndexByte(data[from:], '\n')
		if lf < 0 {
			j.seen = len(data) - j.line
			return 0, j.unfinished(data)
		}
		end := from + lf
		// What a byte less would have been refused for, it is refused for now as well.
		if why := j.unfinished(data[:end]); why != "" {
			return 0, why
		}
		line := data[j.line:end]
		j.line, j.seen = end+1, 0
		if len(line) == 0 || line[len(line)-1] != '\r' {
			return 0, BadLineEnd
		}
		line = line[:len(line)-1]
		if !j.begun && j.part == partHead {
			if why := j.requestLine(line); why != "" {
				return 0, why
			}
			continue
		}
		if j.before+j.line > j.settings.MaxHeadBytes {
			return 0, HeadTooLarge
		}
		if len(line) > 0 {
			if why := j.field(line); why != "" {
				return 0, why
			}
			continue
		}
		n := j.line
		j.line = 0
		if j.part == partTrailers {
			j.part, j.begun = partHead, false
			return n, ""
		}
		j.before = n
		if why := j.endHead(); why != "" {
			return 0, why
		}
		return n, ""
	}
}

// unfinished refuses the beginning of a head or of trailers whose end cannot save it.
func (j *judge) unfinished(data []byte) Refusal {
	if j.part == partHead && !j.begun {
		method := data[:min(len(data), maxMethodBytes+1)]
		if end := bytes.IndexByte(method, ' '); end >= 0 {
			method = method[:end]
		} else if len(method) > maxMethodBytes {
			return BadRequestLine
		} else {
			method = bytes.TrimSuffix(method, []byte{'\r'})
		}
		if !isToken(method) && len(method) > 0 {
			return BadRequestLine
		}
		if len(data) > maxMethodBytes+j.settings.MaxTargetBytes+len("  HTTP/1.1\r") {
			return TargetTooLong
		}
		return ""
	}
	if j.before+len(data) > j.settings.MaxHeadBytes {
		return HeadTooLarge
	}
	return ""
}

// endHead decides how the message is framed.
func (j *judge) endHead() Refusal {
	switch {
	case j.hosts > 1 || j.http11 && j.hosts == 0:
		return BadHost
	case j.encodings > 0 && !j.http11:
		return BadTransferEncoding
	case j.encodings > 0 && j.lengths > 0:
		return LengthAndEncoding
	}
	j.passed++
	switch {
	case j.encodings > 0:
		j.part = partChunkSize
	case j.length > 0:
		j.part, j.left, j.begun = partBody, j.length, false
	default:
		j.begun = false
	}
	return ""
}

// chunkSize judges the line before a chunk.
func (j *judge) chunkSize(data []byte) (int, Refusal) {
	const longest = maxSizeDigits + maxExtensionBytes + len("\r\n")
	line := data[:min(len(data), longest)]
	digits := 0
	size := uint64(0)
	for digits < len(line) {
		digit, ok := hexDigit(line[digits])
		if !ok {
			break
		}
		if digits++; digits > maxSizeDigits {
			return 0, BadChunk
		}
		size = size<<4 | digit
	}
	if size > 1<<63-1 || digits == 0 && len(line) > 0 {
		return 0, BadChunk
	}
	rest := line[digits:]
	end := bytes.IndexByte(rest, '\r')
	extension := rest
	if end >= 0 {
		extension = rest[:end]
	}
	switch {
	case len(extension) > maxExtensionBytes,
		len(extension) > 0 && (extension[0] != ';' || !isValue(extension)):
		return 0, BadChunk
	case end < 0 && len(line) == longest:
		return 0, BadChunk
	case end < 0 || end+1 == len(rest):
		return 0, ""
	case rest[end+1] != '\n':
		return 0, BadChunk
	}
	j.part, j.left = partChunk, int64(size)
	if size == 0 {
		j.part = partTrailers
	}
	return digits + end + 2, ""
}

func (j *judge) chunkEnd(data []byte) (int, Refusal) {
	const end = "\r\n"
	n := min(len(data), len(end))
	switch {
	case string(data[:n]) != end[:n]:
		return 0, BadChunk
	case n < len(end):
		return 0, ""
	}
	j.part = partChunkSize
	return n, ""
}
