package edge

import (
	"encoding/binary"
	"errors"
	"net"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"google.golang.org/grpc/credentials"
)

// grpcConn is a connection of the gRPC port above TLS. It knows which call a head on the
// wire belongs to, how many bytes of a call moved, and when its answer has gone; and it
// ends single streams.
//
// grpc-go has no way to do the last once a call's handler returned, nor to tell when an
// answer has gone: messages and status wait in its queues for as long as the client opens
// no window. So a client that breaks a rule is played to it: a window update of nothing,
// which RFC 9113, section 6.9, makes it answer with a reset of that stream. It is put
// between two frames of the client's own.
//
// It takes the place of grpc-go's buffer for reading, which must be turned off: when a
// call begins, the head that began it must be the last one that was read.
type grpcConn struct {
	net.Conn

	writeTimeout time.Duration
	begun        time.Time
	bounded      time.Time // when writes were last bounded; of the writing goroutine

	// Of the reading goroutine alone.
	buffer   []byte
	from, to int    // what is left in buffer
	played   []byte // what is left of frames that the client did not send
	in       frames
	opened   uint32 // stream of the last head
	inHead   bool   // it goes on

	out frames // of the writing goroutine alone

	ending atomic.Bool // there are some to end

	mu    sync.Mutex            // guards all below
	calls map[uint32]*grpcWatch // by stream, until they are over for the client
	ends  []uint32              // streams to end
}

const (
	// grpcReadBytes is the size of grpc-go's own buffer.
	grpcReadBytes = 32 << 10
)

// HTTP/2's frames, as far as they matter here. Source: RFC 9113, sections 3.4, 4.1 and 6.
const (
	prefaceBytes   = len("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	frameHeadBytes = 9
	streamMask     = 1<<31 - 1

	frameData         = 0x0
	frameHeaders      = 0x1
	frameResetStream  = 0x3
	frameWindowUpdate = 0x8
	frameContinuation = 0x9

	flagEndStream  = 0x1
	flagEndHeaders = 0x4

	windowUpdateBytes = 4
)

// frameHeader is what begins a frame.
type frameHeader struct {
	kind, flags    byte
	length, stream uint32
}

func newGRPCConn(conn net.Conn, writeTimeout time.Duration) *grpcConn {
	return &grpcConn{
		Conn: conn, writeTimeout: writeTimeout, begun: time.Now(), calls: map[uint32]*grpcWatch{},
		in: frames{left: prefaceBytes},
	}
}

// Read reads no further than to the end of a frame's head or of a frame.
func (c *grpcConn) Read(p []byte) (int, error) {
	for {
		if c.ending.Load() && c.in.between() && !c.inHead {
			c.play()
		}
		if len(c.played) > 0 {
			n := copy(p, c.played)
			c.played = c.played[n:]
			return n, nil
		}
		if c.from < c.to {
			n := copy(p[:min(len(p), c.in.whole())], c.buffer[c.from:c.to])
			c.in.pass(c.buffer[c.from:c.from+n], c.received)
			c.from += n
			return n, nil
		}
		if c.buffer == nil {
			c.buffer = make([]byte, grpcReadBytes)
		}
		n, err := c.Conn.Read(c.buffer)
		c.from, c.to = 0, n
		if n > 0 {
			continue
		}
		if errors.Is(err, os.ErrDeadlineExceeded) && c.ending.Load() {
			_ = c.SetReadDeadline(time.Time{}) // what end set to wake us
			continue
		}
		return 0, err
	}
}

// received notes a frame of the client.
func (c *grpcConn) received(f frameHeader) {
	switch f.kind {
	case frameHeaders:
		c.opened, c.inHead = f.stream, f.flags&flagEndHeaders == 0
	case frameContinuation:
		c.inHead = f.flags&flagEndHeaders == 0
	case frameData:
		c.call(f.stream, false).moves(receiving, f.length)
	case frameResetStream:
		c.call(f.stream, true).over()
	}
}

// Write writes, within a bound: a client that reads nothing at all is gone.
func (c *grpcConn) Write(p []byte) (int, error) {
	const often = 8 // times within the bound; a deadline costs more than a look at the clock
	// grpc-go lifts all deadlines behind the handshake.
	if now := time.Now(); now.Sub(c.bounded) > c.writeTimeout/often || now.Sub(c.begun) < grpcHandshakeTimeout {
		c.bounded = now
		_ = c.SetWriteDeadline(now.Add(c.writeTimeout)) // else Write says so
	}
	n, err := c.Conn.Write(p)
	c.out.pass(p[:n], c.sent)
	return n, err
}

// sent notes a frame of ours.
func (c *grpcConn) sent(f frameHeader) {
	switch {
	case f.kind == frameData:
		c.call(f.stream, false).moves(sending, f.length)
	case f.kind == frameHeaders && f.flags&flagEndStream != 0, f.kind == frameResetStream:
		c.call(f.stream, true).over()
	}
}

// call returns the call of a stream, nil when it has none any more.
func (c *grpcConn) call(stream uint32, over bool) *grpcWatch {
	c.mu.Lock()
	defer c.mu.Unlock()
	w := c.calls[stream]
	if w != nil && over {
		delete(c.calls, stream)
	}
	return w
}

// begin takes up the call of the head that was read last.
func (c *grpcConn) begin(w *grpcWatch) {
	w.conn, w.stream = c, c.opened
	c.mu.Lock()
	defer c.mu.Unlock()
	c.calls[w.stream] = w
}

// end ends a stream, at the next end of a frame.
func (c *grpcConn) end(stream uint32) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.calls[stream] == nil {
		return // it is over
	}
	c.ends = append(c.ends, stream)
	c.ending.Store(true)
	_ = c.SetReadDeadline(time.Unix(1, 0)) // wakes the reading goroutine; fails when all is over
}

// play makes frames that break a rule of all streams that are to end.
func (c *grpcConn) play() {
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, stream := range c.ends {
		if c.calls[stream] == nil {
			continue
		}
		c.played = append(c.played, 0, 0, windowUpdateBytes, frameWindowUpdate, 0)
		c.played = binary.BigEndian.AppendUint32(c.played, stream)
		c.played = append(c.played, make([]byte, windowUpdateBytes)...)
	}
	c.ends = slices.Delete(c.ends, 0, len(c.ends))
	c.ending.Store(false)
	_ = c.SetReadDeadline(time.Time{}) // under the lock, so that it cannot undo a later end
}

// Close closes the connection.
func (c *grpcConn) Close() error {
	c.mu.Lock()
	calls := c.calls
	c.calls = map[uint32]*grpcWatch{}
	c.mu.Unlock()
	for _, w := range calls {
		w.over()
	}
	return c.Conn.Close()
}

// frames follows the frames of one direction.
type frames struct {
	head [frameHeadBytes]byte
	got  int // of the head
	left int // of what the head announced, or of the preface
}

// between tells whether a frame has ended and the next has not begun.
func (f *frames) between() bool { return f.got == 0 && f.left == 0 }

// whole is how many bytes are left of the head or of what it announced.
func (f *frames) whole() int {
	if f.left > 0 {
		return f.left
	}
	return frameHeadBytes - f.got
}

// pass follows bytes and calls seen with each head that they complete.
func (f *frames) pass(p []byte, seen func(frameHeader)) {
	for len(p) > 0 {
		if f.left > 0 {
			n := min(f.left, len(p))
			f.left -= n
			p = p[n:]
			continue
		}
		n := copy(f.head[f.got:], p)
		f.got += n
		p = p[n:]
		if f.got == frameHeadBytes {
			f.got = 0
			f.left = int(f.head[0])<<16 | int(f.head[1])<<8 | int(f.head[2])
			seen(frameHeader{
				kind: f.head[3], flags: f.head[4],
				length: uint32(f.left), stream: binary.BigEndian.Uint32(f.head[5:]) & streamMask,
			})
		}
	}
}

// grpcCredentials puts a [grpcConn] above other credentials.
type grpcCredentials struct {
	credentials.TransportCredentials

	writeTimeout time.Duration
}

// ServerHandshake implements [credentials.TransportCredentials].
func (c grpcCredentials) ServerHandshake(raw net.Conn) (net.Conn, credentials.AuthInfo, error) {
	conn, info, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	ours := newGRPCConn(conn, c.writeTimeout)
	return ours, grpcPeer{info, ours}, nil
}

// Clone implements [credentials.TransportCredentials].
func (c grpcCredentials) Clone() credentials.TransportCredentials {
	return grpcCredentials{c.TransportCredentials.Clone(), c.writeTimeout}
}

// grpcPeer is how a call finds its connection.
type grpcPeer struct {
	credentials.AuthInfo

	conn *grpcConn
}
