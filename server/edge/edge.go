// Package edge holds every door of Sluice: gRPC, Connect, gRPC-Web, OpenAI's REST
// and its server-sent events. A door turns bytes into a message of sluice.v1 and a
// [gateway.Call], calls [gateway.Service], and turns the answer or the fault back
// into bytes.
//
// It knows every wire and decides nothing: who may call, how much, where a call goes
// and what it costs belong to the gateway. The server package wires it.
package edge

import (
	"log/slog"
	"net/http"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/sluice-ai/sluice/server/gateway"
)

const mib = 1 << 20

// Defaults of [Config].
const (
	DefaultMaxRequestBytes   = 32 * mib
	DefaultKeepAlive         = 15 * time.Second
	DefaultKeepAliveUnopened = 30 * time.Second
	DefaultWriteTimeout      = 30 * time.Second
	DefaultReadTimeout       = 30 * time.Second
	DefaultBodyTimeout       = 30 * time.Second
	DefaultIdleTimeout       = 10 * time.Minute
)

// Config says how the doors behave. The zero value is usable.
type Config struct {
	// MaxRequestBytes bounds a request through every door: a body, or a gRPC message,
	// before and after decompression. 0: [DefaultMaxRequestBytes].
	MaxRequestBytes int64
	// MaxDepth bounds the nesting of a JSON body. 0: wirejson's default.
	MaxDepth int
	// AllowedOrigins are the web origins whose scripts may call, as
	// "https://app.example.com"; one "*" in each is a wildcard. All other pages are
	// refused, but for those that the doors' own address serves. Empty: only the latter.
	// Requests without an Origin header come from no page and are not affected.
	// Credentials are never allowed, since no door reads cookies.
	AllowedOrigins []string
	// KeepAlive is the silence after which an open event stream carries a comment, so
	// that proxies do not take it for dead. 0: [DefaultKeepAlive].
	KeepAlive time.Duration
	// KeepAliveUnopened is the same before the first event. Such a comment commits
	// the status 200: an error after it can only be an event. 0:
	// [DefaultKeepAliveUnopened].
	KeepAliveUnopened time.Duration
	// WriteTimeout bounds each single write to an HTTP client, never a whole answer. On
	// the gRPC port it bounds how long a message or the end of an answer waits for the
	// client, beside a second for each 16 KiB that it takes meanwhile. 0:
	// [DefaultWriteTimeout].
	WriteTimeout time.Duration
	// ReadTimeout bounds each single read of a request's body on the HTTP port. 0:
	// [DefaultReadTimeout].
	ReadTimeout time.Duration
	// BodyTimeout bounds how long a request's body, on the gRPC port its message, takes as
	// a whole, beside a second for each 16 KiB that arrived. 0: [DefaultBodyTimeout].
	BodyTimeout time.Duration
	// IdleTimeout bounds how long a connection of the gRPC port stays open without a call.
	// Clients of gRPC connect again by themselves. 0: [DefaultIdleTimeout].
	IdleTimeout time.Duration
	// Credentials are those of the gRPC port. Nil: it speaks no TLS.
	Credentials credentials.TransportCredentials
	// Docs answers /docs, /docs/* and /openapi.json. Nil: those paths are unknown.
	Docs http.Handler
	// Logger takes what no caller and no receipt hears of, such as the stack of a
	// panic. Nil discards.
	Logger *slog.Logger
}

func (c Config) withDefaults() Config {
	fill(&c.MaxRequestBytes, DefaultMaxRequestBytes)
	fill(&c.KeepAlive, DefaultKeepAlive)
	fill(&c.KeepAliveUnopened, DefaultKeepAliveUnopened)
	fill(&c.WriteTimeout, DefaultWriteTimeout)
	fill(&c.ReadTimeout, DefaultReadTimeout)
	fill(&c.BodyTimeout, DefaultBodyTimeout)
	fill(&c.IdleTimeout, DefaultIdleTimeout)
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	return c
}

func fill[T int64 | time.Duration](value *T, standard T) {
	if *value <= 0 {
		*value = standard
	}
}

// Edge is the set of doors on one service. Safe for concurrent use.
type Edge struct {
	grpc   *grpc.Server
	http   http.Handler
	health *health
}

// New returns the doors on service, with health NOT_SERVING until
// [Edge.SetServing].
func New(config Config, service *gateway.Service) *Edge {
	config = config.withDefaults()
	health := newHealth()
	return &Edge{
		grpc:   newGRPC(config, service, health),
		http:   newHTTP(config, service, health),
		health: health,
	}
}

// GRPC returns the native gRPC server. The caller serves and stops it.
func (e *Edge) GRPC() *grpc.Server { return e.grpc }

// HTTP returns the handler of the HTTP port: REST, events, Connect, gRPC-Web and
// gRPC over HTTP/2. Serve it with [NewHTTPServer], or with a server that knows h2c.
func (e *Edge) HTTP() http.Handler { return e.http }

// SetServing sets what the health service answers through every door, for the whole
// and for each service.
func (e *Edge) SetServing(serving bool) { e.health.set(serving) }

// NewHTTPServer returns a server that suits [Edge.HTTP]: HTTP/1.1, and HTTP/2
// without TLS for gRPC. It has no timeout on whole requests or answers, because
// streams are long: the doors bound each read and write. The caller sets ErrorLog,
// serves and stops it.
func NewHTTPServer(handler http.Handler) *http.Server {
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetHTTP2(true)
	protocols.SetUnencryptedHTTP2(true)
	return &http.Server{
		Handler:           handler,
		Protocols:         protocols,
		ReadHeaderTimeout: readHeaderTimeout,
		// Longer than the idle time of the usual load balancers (60 s), which would
		// otherwise reuse a connection that is being closed.
		IdleTimeout:    2 * time.Minute,
		MaxHeaderBytes: maxHeaderBytes,
		HTTP2: &http.HTTP2Config{
			MaxConcurrentStreams: maxConcurrentStreams,
			SendPingTimeout:      time.Minute,
			PingTimeout:          15 * time.Second,
		},
	}
}

const (
	// readHeaderTimeout bounds how long a request's header takes to arrive.
	readHeaderTimeout = 10 * time.Second
	// maxConcurrentStreams bounds the calls on one HTTP/2 connection. net/http's 250 would
	// queue those of a client that has one; grpc-go has no bound of its own.
	maxConcurrentStreams = 1000
)
