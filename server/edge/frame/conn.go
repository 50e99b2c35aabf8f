package frame

import (
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"time"
)

const (
	// lingerTime bounds how long a refused caller is answered and heard out.
	lingerTime = time.Second
	// maxLingerBytes bounds what is read of what it goes on sending.
	maxLingerBytes = 1 << 20
	firstBufBytes  = 8 << 10
	// maxKeptBufBytes bounds the buffers that are used again.
	maxKeptBufBytes = 32 << 10
)

// errRefused ends the connection: net/http answers no error of reading with anything.
var errRefused error = &net.OpError{Op: "read", Net: "tcp", Err: errors.New("request refused")}

// brokenChunk and brokenTrailer are what net/http reads in place of the rest of a body
// that breaks the rules: its own reader refuses them, so that the handler hears of a bad
// body and not of a caller who left.
const (
	brokenChunk   = "\n\n"
	brokenTrailer = ":\r\n\r\n"
)

// conn is a guarded connection. One goroutine at a time reads, as net/http does.
type conn struct {
	net.Conn

	settings *Settings
	judge    judge

	// buf holds bytes that were read and not passed on: clear ones, which may be, and
	// behind them the beginning of something that is not whole. Nil when there are none, so
	// that idle connections hold no memory.
	buf   *[]byte
	from  int // where the bytes begin
	clear int // how many of them are clear

	refusal  Refusal
	told     bool   // Refused was called
	instead  string // what is left of brokenChunk or brokenTrailer
	standIn  bool   // a byte stands in for a refused head
	answered bool

	mu       sync.Mutex
	deadline time.Time // of reads, as net/http set it; guarded by mu
	headBy   time.Time // when a head must be whole; zero: no head is arriving; guarded by mu
}

func newConn(c net.Conn, s *Settings) *conn {
	return &conn{Conn: c, settings: s, judge: newJudge(s)}
}

// NetConn returns the connection below.
func (c *conn) NetConn() net.Conn { return c.Conn }

// Read implements [io.Reader] for net/http.
func (c *conn) Read(p []byte) (int, error) {
	if len(p) == 0 {
		return 0, nil
	}
	for {
		if c.clear > 0 {
			return c.pass(p), nil
		}
		if c.refusal != "" {
			return c.refuse(p)
		}
		if c.buf != nil {
			if err := c.readMore(len(p) > 1 || c.judge.passed == 0); err != nil {
				return 0, err
			}
			continue
		}
		// Usually nothing is held, and what comes goes straight to net/http.
		n, err := c.Conn.Read(p)
		var cleared int
		cleared, c.refusal = c.judge.advance(p[:n])
		if cleared < n && c.refusal == "" {
			c.hold(p[cleared:n])
		}
		if cleared > 0 {
			return cleared, nil // an error comes again
		}
		if err != nil && c.refusal == "" {
			return 0, err
		}
	}
}

// pass hands over clear bytes.
func (c *conn) pass(p []byte) int {
	n := copy(p, (*c.buf)[c.from:c.from+c.clear])
	c.from += n
	c.clear -= n
	if c.from == len(*c.buf) {
		c.release()
	}
	return n
}

var buffers = sync.Pool{New: func() any {
	b := make([]byte, 0, firstBufBytes)
	return &b
}}

func (c *conn) hold(unjudged []byte) {
	c.buf = buffers.Get().(*[]byte)
	*c.buf = append((*c.buf)[:0], unjudged...)
	c.from, c.clear = 0, 0
}

func (c *conn) release() {
	if cap(*c.buf) <= maxKeptBufBytes {
		buffers.Put(c.buf)
	}
	c.buf, c.from, c.clear = nil, 0, 0
}

// readMore reads on where something is not whole yet. The judge refuses what grows
// beyond its limits, which bounds the buffer. awaited says that net/http is waiting for
// it, rather than watching whether the caller leaves.
func (c *conn) readMore(awaited bool) error {
	if awaited && c.judge.part == partHead {
		c.headBegan()
	}
	b := *c.buf
	if c.from > 0 {
		b = b[:copy(b, b[c.from:])]
		c.from = 0
	}
	if len(b) == cap(b) {
		b = append(make([]byte, 0, 2*cap(b)), b...)
	}
	n, err := c.Conn.Read(b[len(b):cap(b)])
	*c.buf = b[:len(b)+n]
	if n == 0 {
		return err
	}
	c.clear, c.refusal = c.judge.advance(*c.buf)
	if c.clear > 0 || c.refusal != "" {
		c.headEnded()
	}
	return nil // an error comes again
}

// refuse is Read once a request was refused.
func (c *conn) refuse(p []byte) (int, error) {
	if !c.told {
		c.told = true
		if c.settings.Refused != nil {
			c.settings.Refused(c.refusal)
		}
		switch c.judge.part {
		case partTrailers:
			c.instead = brokenTrailer
		case partChunkSize, partChunkEnd:
			c.instead = brokenChunk
		case partHead, partBody, partChunk, partAll:
		}
	}
	switch {
	case c.instead != "":
		n := copy(p, c.instead)
		c.instead = c.instead[n:]
		return n, nil
	case c.judge.part != partHead || c.answered:
	case len(p) == 1 && c.judge.passed > 0 && !c.standIn:
		// net/http reads a single byte while a handler runs, to see whether the caller leaves,
		// and an error would cancel a call that is sound. It reads no further before that call
		// is answered, and never parses the byte, since the next Read fails.
		c.standIn = true
		p[0] = 0
		return 1, nil
	default:
		c.answered = true
		c.farewell()
	}
	return 0, errRefused
}

// farewell answers a refused request and hears its sender out: closed with bytes unread,
// the connection would be reset, and the answer lost with it. No other answer is being
// written: net/http is waiting for a request.
func (c *conn) farewell() {
	if c.Conn.SetDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	answer := c.settings.Answer(c.refusal)
	if c.judge.headOnly {
		head, _, _ := strings.Cut(answer, "\r\n\r\n")
		answer = head + "\r\n\r\n"
	}
	if _, err := io.WriteString(c.Conn, answer); err != nil {
		return
	}
	inner, ok := c.Conn.(closeWriter)
	if !ok || inner.CloseWrite() != nil {
		return
	}
	if c.buf == nil {
		c.hold(nil)
	}
	scratch := (*c.buf)[:cap(*c.buf)]
	for left := maxLingerBytes; left > 0; {
		n, err := c.Conn.Read(scratch)
		if err != nil {
			break
		}
		left -= n
	}
	c.release()
}

// SetDeadline sets both deadlines.
func (c *conn) SetDeadline(t time.Time) error {
	if err := c.SetReadDeadline(t); err != nil {
		return err
	}
	return c.SetWriteDeadline(t)
}

// SetReadDeadline sets the deadline of reads; a head that is arriving may have an
// earlier one.
func (c *conn) SetReadDeadline(t time.Time) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.deadline = t
	if c.headIsEarlier() {
		t = c.headBy
	}
	return c.Conn.SetReadDeadline(t)
}

// headIsEarlier tells whether the head's time ends before the deadline. mu is held.
func (c *conn) headIsEarlier() bool {
	return !c.headBy.IsZero() && (c.deadline.IsZero() || c.headBy.Before(c.deadline))
}

// headBegan starts the time of a head that did not arrive in one piece.
func (c *conn) headBegan() {
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.headBy.IsZero() {
		return
	}
	c.headBy = time.Now().Add(c.settings.HeadTimeout)
	if c.headIsEarlier() {
		_ = c.Conn.SetReadDeadline(c.headBy) // reading says what is wrong with the connection
	}
}

func (c *conn) headEnded() {
	c.mu.Lock()
	defer c.mu.Unlock()
	earlier := c.headIsEarlier()
	if c.headBy = (time.Time{}); earlier {
		_ = c.Conn.SetReadDeadline(c.deadline)
	}
}
