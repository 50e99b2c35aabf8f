package server

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/sluice-ai/sluice/server/config"
)

// handshakeTime bounds the TLS handshake of a caller.
const handshakeTime = 10 * time.Second

// identity is what a listener proves itself with, and what it asks of its callers.
// Handshakes take the newest; connections keep theirs.
type identity struct{ current atomic.Pointer[tls.Config] }

// newIdentity returns nil for a listener without TLS. protocols are those that it speaks,
// the preferred first.
func newIdentity(c *config.ListenTLS, protocols ...string) (*identity, error) {
	if c == nil {
		return nil, nil //nolint:nilnil // absence is no error
	}
	made, err := tlsConfig(c, protocols)
	if err != nil {
		return nil, err
	}
	i := &identity{}
	i.current.Store(made)
	return i, nil
}

func tlsConfig(c *config.ListenTLS, protocols []string) (*tls.Config, error) {
	certificate, err := c.Certificate()
	if err != nil {
		return nil, err
	}
	made := &tls.Config{
		MinVersion:   tls.VersionTLS12,
		Certificates: []tls.Certificate{*certificate},
		NextProtos:   protocols,
	}
	switch c.ClientAuth {
	case config.ClientAuthRequest:
		made.ClientAuth = tls.VerifyClientCertIfGiven
	case config.ClientAuthRequire:
		made.ClientAuth = tls.RequireAndVerifyClientCert
	}
	if made.ClientAuth != tls.NoClientCert {
		made.ClientCAs = c.ClientCA.Pool()
		// A resumed session would bring what authorities vouched for that are no longer asked.
		made.SessionTicketsDisabled = true
	}
	return made, nil
}

// config returns one that asks for the newest at each handshake.
func (i *identity) config() *tls.Config {
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: i.current.Load().NextProtos,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return i.current.Load(), nil
		},
	}
}

// listen returns connections of plain text on top of l's. Accept waits for no handshake:
// the first Read of a connection does.
func (i *identity) listen(l net.Listener, logger *slog.Logger) net.Listener {
	return &tlsListener{Listener: l, config: i.config(), logger: logger}
}

type tlsListener struct {
	net.Listener

	config *tls.Config
	logger *slog.Logger
}

// Accept implements [net.Listener].
func (l *tlsListener) Accept() (net.Conn, error) {
	c, err := l.Listener.Accept()
	if err != nil {
		return nil, err
	}
	return &tlsConn{Conn: c, tls: tls.Server(c, l.config), logger: l.logger}, nil
}

// tlsConn is the plain text of a connection. It is not a [tls.Conn], nor does it have a
// ConnectionState: net/http would take both for connections whose HTTP/2 it has to
// negotiate, and serve none by its preface. See [withTLSState].
type tlsConn struct {
	// Conn is what the TLS runs on.
	net.Conn

	tls    *tls.Conn
	logger *slog.Logger

	once  sync.Once
	state tls.ConnectionState // written once
	err   error               // written once: why there is no plain text
}

// Read implements [net.Conn].
func (c *tlsConn) Read(p []byte) (int, error) {
	if err := c.handshake(); err != nil {
		return 0, err
	}
	return c.tls.Read(p)
}

// Write implements [net.Conn].
func (c *tlsConn) Write(p []byte) (int, error) {
	if err := c.handshake(); err != nil {
		return 0, err
	}
	return c.tls.Write(p)
}

// Close tells the other side, when there is one, that this is the end.
func (c *tlsConn) Close() error { return c.tls.Close() }

// CloseWrite tells the other side that nothing else comes, but goes on to read.
func (c *tlsConn) CloseWrite() error { return c.tls.CloseWrite() }

// SetDeadline implements [net.Conn].
func (c *tlsConn) SetDeadline(t time.Time) error { return c.tls.SetDeadline(t) }

// SetReadDeadline implements [net.Conn].
func (c *tlsConn) SetReadDeadline(t time.Time) error { return c.tls.SetReadDeadline(t) }

// SetWriteDeadline implements [net.Conn].
func (c *tlsConn) SetWriteDeadline(t time.Time) error { return c.tls.SetWriteDeadline(t) }

// NetConn returns the connection that the TLS runs on.
func (c *tlsConn) NetConn() net.Conn { return c.Conn }

// handshake makes the one handshake of a connection. The error has the form that net/http
// does not answer: there is nobody who would understand.
func (c *tlsConn) handshake() error {
	c.once.Do(func() {
		ctx, cancel := context.WithTimeout(context.Background(), handshakeTime)
		defer cancel()
		err := c.tls.HandshakeContext(ctx)
		if err == nil {
			c.state = c.tls.ConnectionState()
			return
		}
		c.err = &net.OpError{Op: "read", Net: "tcp", Addr: c.RemoteAddr(), Err: err}
		if plain, ok := errors.AsType[tls.RecordHeaderError](err); ok && plain.Conn != nil && looksLikeHTTP(plain.RecordHeader) {
			_ = plain.Conn.SetWriteDeadline(time.Now().Add(time.Second))
			_, _ = io.WriteString(plain.Conn, notTLS) // it may have left
		}
		c.logger.Debug("TLS handshake", slog.String("remote", c.RemoteAddr().String()), slog.Any("error", err))
		_ = c.Conn.Close()
	})
	return c.err
}

const notTLS = "HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: 41\r\n\r\n" +
	"this port speaks TLS: use https:// there\n"

func looksLikeHTTP(header [5]byte) bool {
	switch string(header[:]) {
	case "GET /", "HEAD ", "POST ", "PUT /", "OPTIO", "DELET", "PATCH", "PRI *":
		return true
	}
	return false
}

type tlsConnKey struct{}

// withTLSConn is an [http.Server]'s ConnContext: it remembers what a connection runs on,
// whatever stands above it and has a NetConn.
func withTLSConn(ctx context.Context, c net.Conn) context.Context {
	for c != nil {
		if encrypted, ok := c.(*tlsConn); ok {
			return context.WithValue(ctx, tlsConnKey{}, encrypted)
		}
		above, ok := c.(interface{ NetConn() net.Conn })
		if !ok {
			break
		}
		c = above.NetConn()
	}
	return ctx
}

// withTLSState lets a handler see by Request.TLS that a request came encrypted, and which
// certificate its caller has. Several requests share the value, which nobody changes.
func withTLSState(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if c, ok := r.Context().Value(tlsConnKey{}).(*tlsConn); ok {
			r.TLS = &c.state
		}
		next.ServeHTTP(w, r)
	})
}
