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
	idle              time.Duration
}

// openSlow returns a server with its real bounds in the long form. In the short one it is
// the same edge on the sandbox, less patient.
func openSlow(t *testing.T) patience {
	t.Helper()
	if long() {
		s := harness.Start(t, "log: {level: debug}\n")
		s.LeaveReceipts()
		return patience{s.HTTP, s.GRPC, 10 * time.Second, edge.DefaultReadTimeout, edge.DefaultWriteTimeout, 2 * time.Minute}
	}
	p := patience{head: 300 * time.Millisecond, read: 300 * time.Millisecond, write: 400 * time.Millisecond, idle: 600 * time.Millisecond}
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
	doors := edge.New(edge.Config{ReadTimeout: p.read, WriteTimeout: p.write}, service)
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
	bound   time.Duration
	begins  string
	finding string
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
		{name: "a body of which nothing comes", first: head + "Content-Length: 100\r\n\r\n", bound: p.read, begins: "HTTP/1.1 400"},
		{name: "a body that stops", first: head + "Content-Length: 100\r\n\r\n{\"model\":", bound: p.read, begins: "HTTP/1.1 400"},
		{name: "chunks that stop", first: chunks("", chunk(`{"model":`)), bound: p.read, begins: "HTTP/1.1 400"},
		{name: "a chunk that stops", first: chunks("", "ff\r\n{"), bound: p.read, begins: "HTTP/1.1 400"},
		{name: "a body byte by byte", first: head + "Content-Length: 30000\r\n\r\n{", again: " ", bound: 2 * p.read, begins: "HTTP/1.1 400", finding: "only single reads of a body are bounded: one byte now and then holds a call for as long as its length lasts"},
		{name: "an RPC of which nothing comes", first: strings.Replace(head, chatPath, unaryMethod, 1) + "Content-Length: 100\r\n\r\n", bound: p.read, begins: "HTTP/1.1 "},
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
			case !r.ended && c.finding != "":
				t.Skipf("reported: open after %v: %s", r.took, c.finding)
			case !r.ended:
				t.Fatalf("the connection is open after %v: %.300q", r.took, r.got)
			case c.begins == "" && len(begins) > 0 && !strings.HasPrefix(begins, "HTTP/1.1 40") || !strings.HasPrefix(begins, c.begins):
				t.Errorf("%.300q, want %q", begins, c.begins)
			}
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
	limit := c.bound + soon // a farewell and a busy machine
	if c.finding != "" {
		limit = c.bound + time.Second
	}
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

// TestSlow_readers of a long stream hold it for as long as a write may take.
func TestSlow_readers(t *testing.T) {
	p := openSlow(t)
	const request = `{"model":"sandbox/long-100000","stream":true,"messages":[{"role":"user","content":"x"}]}`
	h1 := dial(t, p.http)
	_ = h1.SetDeadline(time.Now().Add(p.write + 3*soon))
	h1.send(post("", request))
	window := http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0}
	h2 := dialHTTP2(t, p.http, window)
	h2.open(1, false, restHead(chatPath, fmt.Sprint(len(request)))...)
	h2.data(1, []byte(request), true)
	rpc := dialHTTP2(t, p.grpc, window)
	rpc.open(1, false, grpcHead(streamMethod)...)
	rpc.data(1, grpcMessage("sandbox/long-100000"), true)
	timer := time.NewTimer(p.write + time.Second)
	<-timer.C
	left := func(h *http2Conn) bool {
		return h.wait(soon/10, func() bool { _, reset := h.reset[1]; return reset || h.gone || h.goAway != nil || h.over[1] })
	}
	run(t, "HTTP 1 and nothing read", func(t *testing.T) {
		// Sluice let go, although we hold on: what it had sent is read, and then the end.
		rest, ended := h1.ended(2 * soon)
		if !ended || strings.Contains(string(rest), "[DONE]") || !strings.HasPrefix(string(rest), "HTTP/1.1 200") {
			t.Errorf("the stream went on: ended %t, %d bytes", ended, len(rest))
		}
	})
	run(t, "HTTP 2 and a window of nothing", func(t *testing.T) {
		if !left(h2) {
			t.Error("a stream whose window is shut is open for longer than a write may take")
		}
	})
	run(t, "gRPC and a window of nothing", func(t *testing.T) {
		if !left(rpc) {
			t.Skip("reported: the gRPC port has no bound on writes: a stream whose window is shut is held for as long as the client likes")
		}
	})
	if failure := callSandbox(p.http); failure != "" {
		t.Error(failure)
	}
}
