package edge

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// Seats bounds the connections of several ports together, so that callers who only hold
// connections do not use up the files that running calls need. Safe for concurrent use.
type Seats struct {
	most      int64
	taken     atomic.Int64
	farewells atomic.Int64
	refused   func()
}

const (
	// maxFarewells bounds the refused connections that are told why at a time; others are
	// just closed.
	maxFarewells = 32
	// farewellTime bounds how long one of them takes.
	farewellTime = time.Second
	// maxFarewellBytes bounds what is read of what a refused connection sends.
	maxFarewellBytes = 64 << 10
)

// NewSeats returns most seats. refused, which may be nil, is told of each connection
// that finds none; it must be quick.
func NewSeats(most int, refused func()) *Seats { return &Seats{most: int64(most), refused: refused} }

// Listen gives each connection of l a seat until it is closed. One that finds none is
// closed, at a port that speaks plain HTTP behind an answer of 503 with Retry-After.
func (s *Seats) Listen(l net.Listener, speaksHTTP bool) net.Listener {
	return &seatedListener{l, s, speaksHTTP}
}

type seatedListener struct {
	net.Listener

	seats      *Seats
	speaksHTTP bool
}

// Accept implements [net.Listener].
func (l *seatedListener) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.seats.taken.Add(1) <= l.seats.most {
			return seat(c, &l.seats.taken), nil
		}
		l.seats.taken.Add(-1)
		if l.seats.refused != nil {
			l.seats.refused()
		}
		l.seats.dismiss(c, l.speaksHTTP)
	}
}

// seat returns the connection as one that gives its seat back when it is closed. What
// net/http does with connections of TCP alone goes on to work.
func seat(c net.Conn, taken *atomic.Int64) net.Conn {
	leave := sync.OnceFunc(func() { taken.Add(-1) })
	if tcp, ok := c.(*net.TCPConn); ok {
		return &tcpSeat{tcp, leave}
	}
	return &anySeat{c, leave}
}

type tcpSeat struct {
	*net.TCPConn

	leave func()
}

// Close closes the connection.
func (c *tcpSeat) Close() error {
	defer c.leave()
	return c.TCPConn.Close()
}

type anySeat struct {
	net.Conn

	leave func()
}

// Close closes the connection.
func (c *anySeat) Close() error {
	defer c.leave()
	return c.Conn.Close()
}

// dismiss closes a connection, if it can be told why, behind that.
func (s *Seats) dismiss(c net.Conn, speaksHTTP bool) {
	tcp, ok := c.(*net.TCPConn)
	if !speaksHTTP || !ok || s.farewells.Add(1) > maxFarewells {
		if speaksHTTP && ok {
			s.farewells.Add(-1)
		}
		_ = c.Close() // nobody is there to tell
		return
	}
	go func() {
		defer s.farewells.Add(-1)
		defer tcp.Close() //nolint:errcheck // nobody is there to tell
		if tcp.SetDeadline(time.Now().Add(farewellTime)) != nil {
			return
		}
		// Clients take what comes before they asked for garbage.
		if _, err := tcp.Read(make([]byte, 1)); err != nil {
			return
		}
		if _, err := io.WriteString(tcp, noSeat); err != nil {
			return
		}
		// Closed with its request unread, the connection would be reset, and the answer lost
		// with it.
		if err := tcp.CloseWrite(); err == nil || errors.Is(err, net.ErrClosed) {
			_, _ = io.CopyN(io.Discard, tcp, maxFarewellBytes)
		}
	}()
}

// noSeat is the answer to a connection that finds no seat.
var noSeat = func() string {
	f := fault.New(sluicev1.ErrorReason_ERROR_REASON_OVERLOADED,
		"Sluice has as many connections as it may have open; send the call again later or to another replica")
	return bareAnswer(f, "Retry-After: 1\r\n")
}()
