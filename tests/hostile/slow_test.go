package hostile

import (
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/sluice-ai/sluice/tests/harness"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/sandbox"
	"github.com/sluice-ai/sluice/server/edge"
	"github.com/sluice-ai/sluice/server/edge/frame"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

// patience is how long Sluice waits for slow callers.
type patience struct {
	http, grpc        string // addresses
	head, read, write time.Duration
	whole, idle       time.Duration
}

// openSlow returns a server with its real bounds in the long form. In the short one it is
// the same edge on the sandbox, less patient.
func openSlow(t *testing.T) patience {
	t.Helper()
	if long() {
		s := harness.Start(t, "log: {level: debug}\n")
		s.LeaveReceipts()
		return patience{s.HTTP, s.GRPC, 10 * time.Second, edge.DefaultReadTimeout, edge.DefaultWriteTimeout, edge.DefaultBodyTimeout, 2 * time.Minute}
	}
	// Longer than a busy machine may leave somebody who is not slow without a turn.
	p := patience{head: time.Second, read: time.Second, write: 1500 * time.Millisecond, whole: 2 * time.Second, idle: 2 * time.Second}
	provider, err := sandbox.New(adapters.Settings{Name: "sandbox"})
	if err != nil {
		t.Fatal(err)
	}
	table, err := route.New(nil, []string{"sandbox"}, "sandbox")
	if err != nil {
		t.Fatal(err)
	}
	service := gateway.New(&gateway.Plan{
		Routes: table, Providers: map[string]adapters.Provider{"sandbox": provider}, DefaultProvider: "sandbox",
	}, usage.Sinks{}, slog.New(slog.DiscardHandler))
	doors := edge.New(edge.Config{ReadTimeout: p.read, WriteTimeout: p.write, BodyTimeout: p.whole, IdleTimeout: p.idle}, service)
	front := edge.NewHTTPServer(doors.HTTP())
	front.ReadHeaderTimeout, front.IdleTimeout = p.head, p.idle
	serve := func(serve func(net.Listener) error, guard bool) string {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		address := listener.Addr().String()
		if guard {
			listener = frame.Listen(listener, frame.Settings{HeadTimeout: p.head})
		}
		go func() { _ = serve(listener) }()
		return address
	}
	p.http, p.grpc = serve(front.Serve, true), serve(doors.GRPC().Serve, false)
	t.Cleanup(func() {
		_ = front.Close()
		doors.GRPC().Stop()
		service.Close()
	})
	return p
}

const echoRequest = `{"model":"sandbox/echo","messages":[{"role":"user","content":"Hi"}]}`

// slowCase is a caller who takes its time.
type slowCase struct {
	name string
	// first is sent at once, each of again at a tenth of what Sluice waits for.
	first, again string
	// bound is how long it may last; begins is how the answer begins, "" when none comes.
	bound  time.Duration
	begins string
}

// TestSlow_callers are left after a while, and cost no other caller anything. They come
// at once: each waits for its own bound.
func TestSlow_callers(t *testing.T) {
	p := openSlow(t)
	good := post("", echoRequest)
	cases := []slowCase{
		{name: "nothing", bound: p.head},
		{name: "half a request line", first: "POST /v1", bound: p.head},
		{name: "a head byte by byte", first: head, again: "x", bound: p.head},
		{name: "a head line by line", first: head, again: "A: b\r\n", bound: p.head},
		{name: "a head but for its last byte", first: head + "Content-Length: 2\r\n\r", bound: p.head},
		{name: "half a preface of HTTP/2", first: http2.ClientPreface[:10], bound: p.head},
		{name: "a second head byte by byte", first: good + head, again: "x", bound: p.head, begins: "HTTP/1.1 200"},
		{name: "a body of which nothing comes", first: head + "Content-Length: 100\r\n\r\n", bound: p.read, begins: "HTTP/1.1 408"},
		{name: "a body that stops", first: head + "Content-Length: 100\r\n\r\n{\"model\":", bound: p.read, begins: "HTTP/1.1 408"},
		{name: "chunks that stop", first: chunks("", chunk(`{"model":`)), bound: p.read, begins: "HTTP/1.1 408"},
		{name: "a chunk that stops", first: chunks("", "ff\r\n{"), bound: p.read, begins: "HTTP/1.1 408"},
		{name: "a body byte by byte", first: head + "Content-Length: 30000\r\n\r\n{", again: " ", bound: p.whole, begins: "HTTP/1.1 408"},
		{name: "chunks of a byte", first: chunks("", "1\r\n{\r\n"), again: "1\r\n \r\n", bound: p.whole, begins: "HTTP/1.1 408"},
		{name: "an RPC of which nothing comes", first: rpc(unaryMethod, "proto", 100), bound: p.read, begins: "HTTP/1.1 504"}, // Connect's status of DEADLINE_EXCEEDED
		{name: "an RPC byte by byte", first: rpc(unaryMethod, "proto", 30000), again: "\x00", bound: p.whole, begins: "HTTP/1.1 504"},
		{name: "gRPC-Web byte by byte", first: rpc(unaryMethod, "grpc-web+proto", 30000) + "\x00\x00\x00\x70\x00", again: "x", bound: p.whole, begins: "HTTP/1.1 200"}, // its status is in the trailers
		{name: "a health check of which nothing comes", first: rpc(healthMethod, "proto", 100), bound: p.read, begins: "HTTP/1.1 "},
		{name: "a health check byte by byte", first: rpc(healthMethod, "proto", 30000), again: "\x00", bound: p.whole, begins: "HTTP/1.1 "},
		{name: "a body that nobody asked for", first: "GET / HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n", bound: p.read, begins: "HTTP/1.1 "},
		{name: "a body for a path of nobody", first: "POST /nowhere HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n", bound: p.read, begins: "HTTP/1.1 404"},
	}
	if !long() { // two minutes
		cases = append(cases, slowCase{name: "silence behind an answer", first: good, bound: p.idle, begins: "HTTP/1.1 200"})
	}
	all := make([]chan slowResult, len(cases))
	for i, c := range cases {
		all[i] = make(chan slowResult, 1)
		w := dial(t, p.http)
		go func() { all[i] <- slow(w, c) }()
	}
	for i, c := range cases {
		run(t, c.name, func(t *testing.T) {
			r := <-all[i]
			switch begins := string(r.got); {
			case !r.ended:
				t.Fatalf("the connection is open after %v: %.300q", r.took, r.got)
			case c.begins == "" && len(begins) > 0 && !strings.HasPrefix(begins, "HTTP/1.1 40") || !strings.HasPrefix(begins, c.begins):
				t.Errorf("%.300q, want %q", begins, c.begins)
			}
			within(t, "its end", r.took, c.bound+soon)
			if failure := callSandbox(p.http); failure != "" {
				t.Error(failure)
			}
		})
	}
}

// slowResult is what a slow caller got.
type slowResult struct {
	got   []byte
	ended bool
	took  time.Duration
}

func slow(w *wire, c slowCase) slowResult {
	limit := tardy * (c.bound + soon) // soon: a farewell
	_ = w.SetDeadline(time.Now().Add(limit + soon))
	over := make(chan struct{})
	defer close(over)
	w.send(c.first)
	go func() {
		ticker := time.NewTicker(c.bound / 10)
		defer ticker.Stop()
		for c.again != "" {
			select {
			case <-over:
				return
			case <-ticker.C:
				w.send(c.again)
			}
		}
	}()
	start := time.Now()
	got, ended := w.ended(limit)
	return slowResult{got, ended, time.Since(start)}
}

func callSandbox(address string) string {
	response, err := http.Post("http://"+address+chatPath, "application/json", strings.NewReader(echoRequest))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		return response.Status
	}
	return ""
}

// rpc is the head of a call with a body of that many bytes.
func rpc(method, kind string, bytes int) string {
	return fmt.Sprintf("POST %s HTTP/1.1\r\nHost: x\r\nContent-Type: application/%s\r\nContent-Length: %d\r\n\r\n", method, kind, bytes)
}

const (
	healthMethod     = "/grpc.health.v1.Health/Check"
	reflectionMethod = "/grpc.reflection.v1.ServerReflection/ServerReflectionInfo"
)

// slowStream is a caller on a stream of HTTP/2 that takes its time to send.
type slowStream struct {
	name    string
	address string
	head    []string
	// first is sent at once, each byte of again at a tenth of the bound.
	first, again string
	bound        time.Duration
	// want is of headers and trailers.
	want map[string]string
}

// TestSlow_streams end, each for itself: another call on the same connection works.
func TestSlow_streams(t *testing.T) {
	p := openSlow(t)
	late := map[string]string{":status": "200", "grpc-status": "4", "x-sluice-error-reason": "deadline_exceeded"} // DEADLINE_EXCEEDED

	const prefix = "\x00\x00\x00\x70\x00" // of a message of 28 KiB
	whole := string(grpcMessage("sandbox/echo"))
	cases := []slowStream{
		{"HTTP port/a body of which nothing comes", p.http, restHead(chatPath, "100"), "", "", p.read, map[string]string{":status": "408"}},
		{"HTTP port/a body byte by byte", p.http, restHead(chatPath, "30000"), "{", " ", p.whole, map[string]string{":status": "408"}},
		{"HTTP port/a message of which nothing comes", p.http, grpcHead(unaryMethod), "", "", p.read, late},
		{"HTTP port/a message byte by byte", p.http, grpcHead(unaryMethod), prefix, "x", p.whole, late},
		{"HTTP port/a message of a stream byte by byte", p.http, grpcHead(streamMethod), prefix, "x", p.whole, late},
		{"gRPC port/a message of which nothing comes", p.grpc, grpcHead(unaryMethod), "", "", p.whole, late},
		{"gRPC port/half a prefix", p.grpc, grpcHead(unaryMethod), "\x00\x00", "", p.whole, late},
		{"gRPC port/a message that stops", p.grpc, grpcHead(unaryMethod), prefix + "x", "", p.whole, late},
		{"gRPC port/a message byte by byte", p.grpc, grpcHead(unaryMethod), prefix, "x", p.whole, late},
		{"gRPC port/a message of a stream byte by byte", p.grpc, grpcHead(streamMethod), prefix, "x", p.whole, late},
		{"gRPC port/a request that does not end", p.grpc, grpcHead(unaryMethod), whole, "", p.whole, late},
		{"gRPC port/a health check of which nothing comes", p.grpc, grpcHead(healthMethod), "", "", p.whole, nil},
		{"gRPC port/a health check byte by byte", p.grpc, grpcHead(healthMethod), prefix, "x", p.whole, nil},
		{"gRPC port/reflection of which nothing comes", p.grpc, grpcHead(reflectionMethod), "", "", p.whole, nil},
		{"gRPC port/a method of nobody", p.grpc, grpcHead("/sluice.v1.Nobody/Nothing"), "", "", p.whole, map[string]string{"grpc-status": "12"}},
	}
	all := make([]chan streamResult, len(cases))
	for i, c := range cases {
		all[i] = make(chan streamResult, 1)
		h := dialHTTP2(t, c.address)
		_ = h.SetWriteDeadline(time.Now().Add(2 * tardy * (c.bound + soon)))
		start := time.Now()
		h.open(1, false, c.head...)
		if c.first != "" {
			h.data(1, []byte(c.first), false)
		}
		go func() {
			left := false
			for end := start.Add(tardy * (c.bound + soon)); !left && time.Now().Before(end); {
				if left = h.wait(c.bound/10, func() bool { return h.left(1) }); !left && c.again != "" {
					h.data(1, []byte(c.again), false)
				}
			}
			r := streamResult{h: h, ended: left, took: time.Since(start)}
			if left { // at once: it is idle from now on
				r.got, r.echo = h.trailers(t, 1), h.echoes(t, c.address == p.grpc)
			}
			all[i] <- r
		}()
	}
	for i, c := range cases {
		run(t, c.name, func(t *testing.T) {
			r := <-all[i]
			if !r.ended {
				t.Fatalf("the stream is open after %v", r.took)
			}
			within(t, "its end", r.took, c.bound+soon)
			got := r.got
			for name, want := range c.want {
				if got[name] != want {
					t.Errorf("%s: %q, want %q: %v", name, got[name], want, got)
				}
			}
			if c.want["grpc-status"] != "" && got["grpc-status-details-bin"] == "" {
				t.Errorf("no details: %v", got)
			}
			if r.echo != "" {
				t.Error(r.echo)
			}
		})
	}
}

// left tells whether a stream is over. The caller holds the lock.
func (h *http2Conn) left(id uint32) bool {
	_, reset := h.reset[id]
	return reset || h.gone || h.over[id]
}

// echoes makes a good call to the sandbox on the connection and returns what went wrong.
func (h *http2Conn) echoes(t testing.TB, grpc bool) (failure string) {
	const id = 1_000_001
	_ = h.SetWriteDeadline(time.Now().Add(tardy * soon))
	if grpc {
		h.open(id, false, grpcHead(unaryMethod)...)
		h.data(id, grpcMessage("sandbox/echo"), true)
	} else {
		h.open(id, false, restHead(chatPath, fmt.Sprint(len(echoRequest)))...)
		h.data(id, []byte(echoRequest), true)
	}
	if got := h.trailers(t, id); got[":status"] != "200" || grpc && got["grpc-status"] != "0" {
		return fmt.Sprintf("a good call on the same connection got %v", got)
	}
	return ""
}

// streamResult is what became of a slow stream.
type streamResult struct {
	h     *http2Conn
	ended bool
	took  time.Duration
	got   map[string]string // headers and trailers
	echo  string            // what went wrong with another call on the connection
}
