package upstream

import (
	"cmp"
	"context"
	"crypto/tls"
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

func withDefaults(t adapters.Timeouts) adapters.Timeouts {
	return adapters.Timeouts{
		Connect:   cmp.Or(t.Connect, defaultConnect),
		FirstByte: cmp.Or(t.FirstByte, defaultFirstByte),
		Idle:      cmp.Or(t.Idle, defaultIdle),
	}
}

type dialFunc func(ctx context.Context, network, address string) (net.Conn, error)

// newTransport returns a transport of its own, so that one provider's connections
// and limits are never another's. A nil dial is the network's.
func newTransport(connect time.Duration, dial dialFunc) *http.Transport {
	dialer := &net.Dialer{Timeout: connect}
	transport := &http.Transport{
		Proxy:       http.ProxyFromEnvironment,
		DialContext: dialer.DialContext,
		// A tls.Dialer counts TCP and TLS against one timeout; the transport alone would
		// give each its own.
		DialTLSContext: (&tls.Dialer{
			NetDialer: dialer,
			Config:    &tls.Config{MinVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}},
		}).DialContext,
		// For TLS through a proxy, which the dialer above does not see.
		TLSHandshakeTimeout:    connect,
		ForceAttemptHTTP2:      true,
		HTTP2:                  &http.HTTP2Config{SendPingTimeout: pingAfter, PingTimeout: pingTimeout},
		DisableCompression:     true,
		MaxIdleConnsPerHost:    idleConnsPerHost,
		IdleConnTimeout:        idleConnLifetime,
		MaxResponseHeaderBytes: maxResponseHeaderBytes,
	}
	if dial != nil {
		transport.DialContext, transport.DialTLSContext, transport.Proxy = dial, nil, nil
	}
	return transport
}
