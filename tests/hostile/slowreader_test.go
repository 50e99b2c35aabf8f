package hostile

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"
)

// slowReader is a caller on a stream of HTTP/2 that takes its time to read.
type slowReader struct {
	name  string
	grpc  bool
	model string
	whole bool // no events
	// grants is what it lets in at a tenth of the bound.
	grants uint32
}

// TestSlow_readers hold their answer for as long as a write may take.
func TestSlow_readers(t *testing.T) {
	p := openSlow(t)
	const long, short = "sandbox/long-100000", "sandbox/echo"
	cases := []slowReader{
		{"HTTP 2 and a window of nothing", false, long, false, 0},
		{"HTTP 2 and a byte at a time", false, long, false, 1},
		{"HTTP 2, an answer in one piece and a window of nothing", false, long, true, 0},
		{"gRPC and a window of nothing", true, long, false, 0},
		{"gRPC and a byte at a time", true, long, false, 1},
		{"gRPC, an answer in one piece and a window of nothing", true, long, true, 0},
		{"gRPC, an answer in one piece and a byte at a time", true, long, true, 1},
		{"gRPC, a short answer and a window of nothing", true, short, true, 0},
		{"gRPC, a short stream and a window of nothing", true, short, false, 0},
	}
	all := make([]chan streamResult, len(cases))
	for i, c := range cases {
		all[i] = make(chan streamResult, 1)
		address, method := p.http, unaryMethod
		if c.grpc {
			address = p.grpc
		}
		if !c.whole {
			method = streamMethod
		}
		h := dialHTTP2(t, address, http2.Setting{ID: http2.SettingInitialWindowSize, Val: 0})
		_ = h.SetWriteDeadline(time.Now().Add(2 * tardy * (p.write + soon)))
		start := time.Now()
		if c.grpc {
			h.open(1, false, grpcHead(method)...)
			h.data(1, grpcMessage(c.model), true)
		} else {
			request := fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"x"}]}`, c.model, !c.whole)
			h.open(1, false, restHead(chatPath, fmt.Sprint(len(request)))...)
			h.data(1, []byte(request), true)
		}
		go func() {
			left := false
			for end := start.Add(tardy * (p.write + soon)); !left && time.Now().Before(end); {
				if left = h.wait(p.write/10, func() bool { return h.left(1) }); !left && c.grants > 0 {
					_ = h.WriteWindowUpdate(1, c.grants)
				}
			}
			r := streamResult{h: h, ended: left, took: time.Since(start)}
			if left { // at once: it is idle from now on
				_ = h.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 20})
				r.got, r.echo = h.trailers(t, 1), h.echoes(t, c.grpc)
			}
			all[i] <- r
		}()
	}
	for i, c := range cases {
		run(t, c.name, func(t *testing.T) {
			r := <-all[i]
			if !r.ended {
				t.Fatalf("the answer is held after %v", r.took)
			}
			within(t, "its end", r.took, p.write+soon)
			if r.took < p.write/2 {
				t.Errorf("it ended after %v, before its time", r.took)
			}
			if r.got["reset"] == "" || r.got["gone"] != "" || r.got["goaway"] != "" {
				t.Errorf("the stream was not reset alone: %v", r.got)
			}
			if r.echo != "" {
				t.Error(r.echo)
			}
		})
	}
	run(t, "HTTP 1 and nothing read", func(t *testing.T) { testDeafReader(t, p, long) })
	if failure := callSandbox(p.http); failure != "" {
		t.Error(failure)
	}
}

// testDeafReader takes nothing of a stream until Sluice must have let go, and then finds
// its end behind what was under way. Nothing shows when Sluice began to wait: a busy
// machine gets more time.
func testDeafReader(t *testing.T, p patience, model string) {
	request := fmt.Sprintf(`{"model":%q,"stream":true,"messages":[{"role":"user","content":"x"}]}`, model)
	for spare := time.Second; ; spare *= tardy {
		w := dial(t, p.http)
		_ = w.SetDeadline(time.Now().Add(p.write + spare + 2*tardy*soon))
		w.send(post("", request))
		<-time.NewTimer(p.write + spare).C
		rest, ended := w.ended(tardy * soon)
		whole := strings.Contains(string(rest), "[DONE]")
		if ended && !whole && strings.HasPrefix(string(rest), "HTTP/1.1 200") {
			return
		}
		if spare > tardy*soon {
			t.Fatalf("the stream went on: ended %t, whole %t, %d bytes", ended, whole, len(rest))
		}
	}
}

// TestIdle_connections of the gRPC port are told to leave and closed, also half-open ones
// that say nothing at all.
func TestIdle_connections(t *testing.T) {
	if long() {
		t.Skip("ten minutes: the short form has a shorter bound")
	}
	p := openSlow(t)
	run(t, "gRPC without a call", func(t *testing.T) {
		h := dialHTTP2(t, p.grpc)
		start := time.Now()
		if !h.wait(tardy*(p.idle+soon), func() bool { return h.goAway != nil }) {
			t.Fatalf("it is welcome after %v", time.Since(start))
		}
		within(t, "the farewell", time.Since(start), p.idle+soon)
	})
	run(t, "gRPC behind a call", func(t *testing.T) {
		h := dialHTTP2(t, p.grpc)
		if failure := h.echoes(t, true); failure != "" {
			t.Fatal(failure)
		}
		start := time.Now()
		if !h.wait(tardy*(p.idle+soon), func() bool { return h.goAway != nil }) {
			t.Fatalf("it is welcome after %v", time.Since(start))
		}
		within(t, "the farewell", time.Since(start), p.idle+soon)
	})
}
