// Package frame guards HTTP/1 connections below net/http: a request's bytes go on only
// after its head has been read whole and judged by the strict grammar of RFC 9112, so
// that net/http and whatever stands in front of Sluice cannot read one request as two.
//
// It knows how messages are framed and nothing of what they say: no path, no route, no
// call. The edge builds its answers. HTTP/2 with prior knowledge passes untouched.
package frame

import (
	"net"
	"time"
)

// Defaults of [Settings].
const (
	DefaultMaxHeadBytes   = 64 << 10
	DefaultMaxFields      = 200
	DefaultMaxTargetBytes = 16 << 10
	DefaultHeadTimeout    = 10 * time.Second
)

// Settings say what a guard lets pass. The zero value is usable.
type Settings struct {
	// MaxHeadBytes bounds request line and header fields together, trailers included. 0:
	// [DefaultMaxHeadBytes].
	MaxHeadBytes int
	// MaxFields bounds the number of header fields, trailers included. 0:
	// [DefaultMaxFields].
	MaxFields int
	// MaxTargetBytes bounds the request target, which is path and query. 0:
	// [DefaultMaxTargetBytes].
	MaxTargetBytes int
	// HeadTimeout bounds the time from the first byte of a head to its last when net/http
	// waits for it. net/http's own ReadHeaderTimeout cannot on a connection that was idle:
	// it begins when net/http sees the first byte. 0: [DefaultHeadTimeout].
	HeadTimeout time.Duration
	// Answer returns the complete HTTP/1.1 answer to a refused request, with "Connection:
	// close". Nil: status and no body.
	Answer func(Refusal) string
	// Refused is told of each refusal, once per connection at most. It must be quick and
	// safe for concurrent use. May be nil.
	Refused func(Refusal)
}

func (s Settings) withDefaults() Settings {
	if s.MaxHeadBytes <= 0 {
		s.MaxHeadBytes = DefaultMaxHeadBytes
	}
	if s.MaxFields <= 0 {
		s.MaxFields = DefaultMaxFields
	}
	if s.MaxTargetBytes <= 0 {
		s.MaxTargetBytes = DefaultMaxTargetBytes
	}
	if s.HeadTimeout <= 0 {
		s.HeadTimeout = DefaultHeadTimeout
	}
	if s.Answer == nil {
		s.Answer = bareAnswer
	}
	return s
}

// Listen returns l with a guard around each connection. The connections are for
// net/http alone, whose ways of reading the guard relies on; they speak plain text: TLS
// ends below l. CloseWrite stays where the connection has it, and NetConn returns what
// is guarded.
func Listen(l net.Listener, s Settings) net.Listener {
	s = s.withDefaults()
	return &listener{l, &s}
}

type listener struct {
	net.Listener

	settings *Settings
}

// Accept implements [net.Listener].
func (l *listener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return guard(c, l.settings), nil
}

func guard(c net.Conn, s *Settings) net.Conn {
	guarded := newConn(c, s)
	if inner, ok := c.(closeWriter); ok {
		return &closeWriteConn{guarded, inner}
	}
	return guarded
}

type closeWriter interface{ CloseWrite() error }

// closeWriteConn keeps the method of the connection below.
type closeWriteConn struct {
	*conn

	inner closeWriter
}

// CloseWrite ends the sending side of the connection.
func (c *closeWriteConn) CloseWrite() error { return c.inner.CloseWrite() }
