package upstream

import (
	"context"
	"crypto/tls"
	"net"
	"net/http"
	"net/http/httptrace"
	"sync/atomic"
)

// watchedConn knows whether anything arrived since a request got it. net/http hands a
// connection on before it has looked at what a provider sent behind its answer, and
// would take that for the answer to the next request, which may be another caller's.
type watchedConn struct {
	net.Conn

	// silent is set when a request gets the connection and cleared by each read that
	// brings something.
	silent atomic.Bool
}

// Read implements [net.Conn].
func (c *watchedConn) Read(p []byte) (int, error) {
	n, err := c.Conn.Read(p)
	if n > 0 {
		c.silent.Store(false)
	}
	return n, err
}

// watched returns a dial function whose connections are watched.
func (dial dialFunc) watched() dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		c, err := dial(ctx, network, address)
		if err != nil {
			return nil, err
		}
		return &watchedConn{Conn: c}, nil
	}
}

// lease is the connection that a request got.
type lease struct{ conn *watchedConn }

// watch returns a context whose request tells the lease its connection.
func (l *lease) watch(ctx context.Context) context.Context {
	return httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{GotConn: l.got})
}

func (l *lease) got(info httptrace.GotConnInfo) {
	c := info.Conn
	if encrypted, ok := c.(*tls.Conn); ok {
		c = encrypted.NetConn()
	}
	if l.conn, _ = c.(*watchedConn); l.conn != nil {
		l.conn.silent.Store(true)
	}
}

// stale tells whether an answer of HTTP/1 that has begun was there before its request
// got the connection. HTTP/2 numbers its answers.
func (l *lease) stale(answer *http.Response) bool {
	return answer.ProtoMajor == 1 && l.conn != nil && l.conn.silent.Load()
}
