package upstream

import (
	"context"
	"errors"
	"net"
	"net/http"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// defaultConnect is generous for a handshake across the world and short enough
	// that another target can still be tried.
	defaultConnect = 10 * time.Second
	// defaultFirstByte is what the official OpenAI SDKs wait by default: an answer in
	// one piece of a reasoning model has no byte for many minutes.
	defaultFirstByte = 10 * time.Minute
	// defaultIdle bounds a pause inside an answer. Reasoning models pause for minutes
	// between two events; a connection that died without a reset pauses for ever.
	defaultIdle = 5 * time.Minute

	// idleConnsPerHost lets a gateway keep the connections of a busy moment: with
	// net/http's default of 2, most calls would pay for a handshake.
	idleConnsPerHost = 512
	// idleConnLifetime is below the keep-alive time of common load balancers.
	idleConnLifetime = 55 * time.Second
	// maxResponseHeaderBytes is far above what providers send.
	maxResponseHeaderBytes = 256 << 10

	// HTTP/2 carries many calls on one connection: a dead one must be noticed before
	// every call on it has run into its own timeout.
	pingAfter   = 30 * time.Second
	pingTimeout = 15 * time.Second
)

// orElse takes what is set from the one, else from the other.
func orElse(t, other adapters.Timeouts) adapters.Timeouts {
	return adapters.Timeouts{
		Connect:   positive(t.Connect, other.Connect),
		FirstByte: positive(t.FirstByte, other.FirstByte),
		Idle:      positive(t.Idle, other.Idle),
	}
}

func positive(d, other time.Duration) time.Duration {
	if d > 0 {
		return d
	}
	return other
}

var defaultTimeouts = adapters.Timeouts{Connect: defaultConnect, FirstByte: defaultFirstByte, Idle: defaultIdle}

// connectKey is where a call's context holds how long its connection may take. A dial
// outlives the call that began it, because the next one can use the connection; so it
// has the call's values but not its end, and this one of its own.
type connectKey struct{}

func withConnect(ctx context.Context, within time.Duration) context.Context {
	if within <= 0 {
		return ctx
	}
	return context.WithValue(ctx, connectKey{}, within)
}

// connectError says that no connection came to be.
type connectError struct {
	err error
	// late says that it took longer than within.
	late   bool
	within time.Duration
}

func (e *connectError) Error() string { return e.err.Error() }
func (e *connectError) Unwrap() error { return e.err }

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// bound gives a dial a limit: the call's own, else the usual one.
func (dial dialFunc) bound(usual time.Duration) dialFunc {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		within := usual
		if own, ok := ctx.Value(connectKey{}).(time.Duration); ok {
			within = own
		}
		limited, cancel := context.WithTimeout(ctx, within)
		defer cancel()
		conn, err := dial(limited, network, address)
		if err != nil {
			return nil, &connectError{err: err, late: isTimeout(err) || limited.Err() != nil && ctx.Err() == nil, within: within}
		}
		return conn, nil
	}
}

func isTimeout(err error) bool {
	timeout, ok := errors.AsType[net.Error](err)
	return ok && timeout.Timeout()
}

// newTransport returns a transport of its own, so that one provider's connections
// and limits are never another's. A nil dial is the network's.
func newTransport(connect time.Duration, w way, dial dialFunc) *http.Transport {
	var plain net.Dialer
	transport := &http.Transport{
		Proxy:                  w.proxy,
		OnProxyConnectResponse: refusedByProxy,
		DialContext:            dialFunc(plain.DialContext).watched().bound(connect),
		// A tls.Dialer counts TCP and TLS against one limit; the transport alone would
		// give each its own.
		DialTLSContext: dialFunc(w.dialTLS).bound(connect),
		// For TLS through a proxy, which the dialler above does not see, nor does a call's
		// own limit reach it.
		TLSClientConfig:        w.encrypted.Clone(),
		TLSHandshakeTimeout:    connect,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idleConnsPerHost,
		IdleConnTimeout:        idleConnLifetime,
		MaxResponseHeaderBytes: maxResponseHeaderBytes,
	}
	if dial != nil {
		transport.DialContext, transport.DialTLSContext, transport.Proxy = dial.watched().bound(connect), nil, nil
	}
	return transport
}
