// Package harness runs a whole Sluice in the test's process, on free ports, between
// clients for every door and an upstream by script. The suites beside it say what
// must come out.
package harness

import (
	"context"
	"log/slog"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/server"
)

// Server is a running Sluice.
type Server struct {
	// HTTP, GRPC and Admin are addresses as host:port.
	HTTP, GRPC, Admin string

	log       *callLog
	transport *http.Transport
	running   *server.Server
	unclaimed bool // receipts may be, at the end
	written   func() string
}

// Reach returns the doors of a server that runs elsewhere, at addresses as host:port. Its log
// is what log returns; of receipts and reloads it knows nothing.
func Reach(t testing.TB, httpAddress, grpcAddress, admin string, log func() string) *Server {
	t.Helper()
	s := &Server{HTTP: httpAddress, GRPC: grpcAddress, Admin: admin, written: log, transport: newTransport()}
	t.Cleanup(s.transport.CloseIdleConnections)
	return s
}

func newTransport() *http.Transport { return &http.Transport{DisableCompression: true} }

// LeaveReceipts lets calls be accounted for that the test does not ask about: those that
// it broke off, of which nobody knows how far they came.
func (s *Server) LeaveReceipts() { s.unclaimed = true }

// listen lets every port be free.
const listen = "listen: {http: 127.0.0.1:0, grpc: 127.0.0.1:0, admin: 127.0.0.1:0}\n"

// Start runs a server by a configuration without listen. At the end of the test it is
// stopped, and must have neither panicked nor accounted for a call that no test
// asked about.
func Start(t testing.TB, yaml string) *Server {
	t.Helper()
	c, err := server.Loader().Parse("sluice.yaml", []byte(listen+yaml))
	if err != nil {
		t.Fatalf("%v in\n%s", err, yaml)
	}
	log := newCallLog()
	logger := slog.New(slog.NewJSONHandler(log, &slog.HandlerOptions{Level: slog.LevelDebug}))
	running, err := server.New(c, server.Options{Logger: logger, Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	addresses := running.Addresses()
	s := &Server{
		HTTP: addresses.HTTP, GRPC: addresses.GRPC, Admin: addresses.Admin, log: log, running: running,
		transport: newTransport(),
	}
	t.Cleanup(func() {
		s.transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := running.Stop(ctx); err != nil {
			t.Errorf("the server did not stop: %v", err)
		}
		s.noPanics(t)
		for len(log.calls) > 0 && !s.unclaimed {
			t.Errorf("a call was accounted for and nobody made it, or twice: %+v", <-log.calls)
		}
	})
	return s
}

// Reload puts another configuration without listen in force, as a change of the file does.
func (s *Server) Reload(yaml string) error {
	c, err := server.Loader().Parse("sluice.yaml", []byte(listen+yaml))
	if err != nil {
		return err
	}
	return s.running.Reload(c)
}

// noPanics fails the test when the server logged a panic.
func (s *Server) noPanics(t testing.TB) {
	t.Helper()
	for line := range strings.Lines(s.Log()) {
		if strings.Contains(line, "panic") {
			t.Errorf("the server panicked: %.2000s", line)
		}
	}
}

// Client returns an HTTP client of the server's HTTP port. Its connections are those
// of all doors of plain HTTP.
func (s *Server) Client() *http.Client { return &http.Client{Transport: s.transport} }

// Base returns the base URL of OpenAI's API on the server.
func (s *Server) Base() string { return "http://" + s.HTTP + "/v1" }

// Patience bounds waits in tests for what happens at once unless it is broken.
const Patience = patience

// Within fails the test when done is not closed in time.
func Within(t testing.TB, limit time.Duration, done <-chan struct{}, what string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(limit):
		t.Fatalf("%s did not happen within %s", what, limit)
	}
}
