// Package server is Sluice as an embeddable process: a configuration in, running
// doors out. It is the only package that knows everyone and decides nothing itself.
//
// Package main calls it with flags and signals; tests start the same thing on free
// ports.
package server

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.opentelemetry.io/otel/trace"
	"google.golang.org/grpc/credentials"

	"github.com/sluice-ai/sluice/gen/openapi"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/catalog"
	"github.com/sluice-ai/sluice/server/config"
	"github.com/sluice-ai/sluice/server/edge"
	"github.com/sluice-ai/sluice/server/edge/docs"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/redact"
	"github.com/sluice-ai/sluice/server/shed"
	"github.com/sluice-ai/sluice/server/usage"
)

// Options are what a server needs beside its configuration.
type Options struct {
	// Logger takes everything that is logged. Nil discards.
	Logger *slog.Logger
	// Redactor is what masks credentials in the lines of Logger. It learns the secrets of
	// the configuration here, and those of each reload. Nil: the server puts one of its
	// own before Logger.
	Redactor *redact.Redactor
	// Level follows log.level when a reload changes it. May be nil.
	Level *slog.LevelVar
	// Tracer takes a span for each call and attempt. Nil: none are made. Its maker shuts
	// it down after the server stopped.
	Tracer trace.TracerProvider
	// Version stands in metrics and goes to providers as part of the user agent.
	Version string
}

// Server is a running Sluice. Make it with [New], then [Server.Start], then
// [Server.Stop]; each once. Safe for concurrent use.
type Server struct {
	logger   *slog.Logger
	redactor *redact.Redactor
	level    *slog.LevelVar
	registry *prometheus.Registry
	metrics  *usage.Metrics
	builder  builder
	service  *gateway.Service
	doors    *edge.Edge
	seats    *edge.Seats

	// front serves the HTTP doors, admin the operators.
	front, admin *http.Server
	// What the ports prove themselves with. Nil: no TLS.
	frontTLS, grpcTLS, adminTLS *identity

	ready     atomic.Bool
	listeners []listener // written by Start alone
	failed    chan error
	serving   sync.WaitGroup

	mu       sync.Mutex // guards what follows
	config   *config.Config
	plan     *plan
	retired  []*plan // replaced, and perhaps still used by running calls
	stopping bool    // the service is closed, or about to be
	started  time.Time
	reloaded time.Time // zero: never

	showing sync.Mutex         // guards shown, and the metrics of breakers
	shown   map[string]*target // those whose breakers the metrics show, by name
}

// Loader returns a loader that knows the adapters of this program.
func Loader() config.Loader {
	var l config.Loader
	for _, k := range catalog.Kinds() {
		l.Kinds = append(l.Kinds, config.Kind{Name: k.Name, KeyEnv: k.KeyEnv, Explicit: !k.Implicit, Retired: k.Retired, Sections: k.Sections})
	}
	return l
}

// Check builds everything that c describes, starts nothing and throws it away. The
// error is a [*config.Error].
func Check(c *config.Config) error {
	p, err := (&builder{logger: slog.New(slog.DiscardHandler)}).build(c)
	if err != nil {
		return err
	}
	return p.closeProviders()
}

// New builds a server. It opens no port. An error about the configuration is a
// [*config.Error].
func New(c *config.Config, o Options) (*Server, error) {
	logger := o.Logger
	if logger == nil {
		logger = slog.New(slog.DiscardHandler)
	}
	redactor := o.Redactor
	if redactor == nil {
		redactor = new(redact.Redactor)
		logger = slog.New(redactor.Handler(logger.Handler()))
	}
	registry := newRegistry(o.Version)
	s := &Server{
		logger:   logger,
		redactor: redactor,
		level:    o.Level,
		registry: registry,
		metrics:  usage.NewMetrics(registry),
		failed:   make(chan error, 3),
	}
	s.builder = builder{
		logger: logger, redactor: redactor, version: o.Version, onBreaker: s.breakerChanged, onHealth: s.healthChanged,
		shed: shed.New(shed.Settings{MaxCalls: c.MaxConcurrentCalls}),
	}
	s.learnSecrets(c)
	p, err := s.builder.build(c)
	if err != nil {
		return nil, err
	}
	s.config, s.plan = c, p
	s.builder.inForce(p)
	s.showTargets(p)
	s.setLevel(c)
	sinks := usage.Sinks{usage.NewLog(logger), s.metrics}
	if o.Tracer != nil {
		sinks = append(sinks, usage.NewSpans(o.Tracer))
	}
	s.service = gateway.New(p.Plan, sinks, logger)
	if err := s.identify(c); err != nil {
		return nil, errors.Join(err, p.closeProviders())
	}
	doors := edge.Config{
		MaxRequestBytes: c.MaxRequestBytes,
		AllowedOrigins:  c.CORSOrigins,
		Docs:            docs.New(openapi.JSON),
		Logger:          logger,
	}
	if s.grpcTLS != nil {
		doors.Credentials = credentials.NewTLS(s.grpcTLS.config())
	}
	s.doors = edge.New(doors, s.service)
	s.seats = edge.NewSeats(shed.MaxConnections(), s.metrics.RefusedConnection)
	s.front = s.withErrorLog(edge.NewHTTPServer(withTLSState(s.doors.HTTP())))
	s.front.ConnContext = withTLSConn
	s.admin = s.withErrorLog(newAdminServer(registry, &s.ready, s.status, func() adapters.Secret { return s.Config().Listen.AdminToken }))
	return s, nil
}

// identify takes what the ports prove themselves with.
func (s *Server) identify(c *config.Config) (err error) {
	for _, port := range s.identities(c) {
		if *port.identity, err = newIdentity(port.tls, port.protocols...); err != nil {
			return c.Fail(port.path, err.Error())
		}
	}
	return nil
}

// port is a listener's TLS.
type port struct {
	path      string
	identity  **identity
	tls       *config.ListenTLS
	protocols []string
}

func (s *Server) identities(c *config.Config) []port {
	return []port{
		{"listen.tls", &s.frontTLS, c.Listen.TLS, []string{"h2", "http/1.1"}},
		{"listen.tls", &s.grpcTLS, c.Listen.TLS, []string{"h2"}},
		{"listen.admin_tls", &s.adminTLS, c.Listen.AdminTLS, []string{"http/1.1"}},
	}
}

// withErrorLog sends what net/http has to say, mostly of clients that left, to the
// log's debug level.
func (s *Server) withErrorLog(h *http.Server) *http.Server {
	h.ErrorLog = slog.NewLogLogger(s.logger.Handler(), slog.LevelDebug)
	return h
}

// Start opens the ports of the configuration and begins to serve. When a port cannot
// be opened, nothing is left open and the server is stopped; the error is a
// [*config.Error].
func (s *Server) Start(ctx context.Context) error {
	c := s.Config()
	var problems []config.Problem
	open := func(name, address string, serve func(net.Listener) error) {
		if address == "" {
			return
		}
		l, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
		if err != nil {
			problems = append(problems, config.Problems(c.Fail("listen."+name, "the port cannot be opened: "+err.Error()))...)
			return
		}
		if name != "admin" {
			l = s.seats.Listen(l, name == "http" && s.frontTLS == nil)
		}
		switch {
		case name == "http" && s.frontTLS != nil:
			l = s.frontTLS.listen(l, s.logger)
		case name == "admin" && s.adminTLS != nil:
			l = s.adminTLS.listen(l, s.logger)
		}
		if name != "grpc" { // which frames by itself
			l = edge.GuardHTTP(l, s.metrics.RefusedRequest)
		}
		s.listeners = append(s.listeners, listener{l, name, serve})
	}
	open("http", c.Listen.HTTP, s.front.Serve)
	open("grpc", c.Listen.GRPC, s.doors.GRPC().Serve)
	open("admin", c.Listen.Admin, s.admin.Serve)
	if len(problems) > 0 {
		for _, l := range s.listeners {
			_ = l.Close() // it never served
		}
		if _, first := s.beginStop(); first {
			s.service.Close()
		}
		return &config.Error{Problems: problems}
	}
	s.mu.Lock()
	s.started = time.Now()
	s.mu.Unlock()
	for _, l := range s.listeners {
		s.serving.Go(func() {
			if err := l.serve(l.Listener); err != nil && !errors.Is(err, http.ErrServerClosed) {
				s.failed <- fmt.Errorf("listen.%s: %w", l.name, err)
			}
		})
	}
	s.mu.Lock()
	s.plan.start(context.WithoutCancel(ctx))
	s.mu.Unlock()
	s.doors.SetServing(true)
	s.ready.Store(true)
	return nil
}

// listener is one open port and what serves it.
type listener struct {
	net.Listener

	name  string
	serve func(net.Listener) error
}

// Failed gives an error when a port that was open serves no more, which ends a
// server's usefulness.
func (s *Server) Failed() <-chan error { return s.failed }

// Addresses are the addresses of the open ports as host:port, empty for those that
// are not open. Valid after [Server.Start].
func (s *Server) Addresses() config.Listen {
	var a config.Listen
	for _, l := range s.listeners {
		switch l.name {
		case "http":
			a.HTTP = l.Addr().String()
		case "grpc":
			a.GRPC = l.Addr().String()
		case "admin":
			a.Admin = l.Addr().String()
		}
	}
	return a
}

// Config returns the configuration in force.
func (s *Server) Config() *config.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.config
}
