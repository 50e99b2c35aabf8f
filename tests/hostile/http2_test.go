package hostile

import (
	"bytes"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"golang.org/x/net/http2"

	"github.com/sluice-ai/sluice/tests/harness"
)

// ending is what becomes of a connection that speaks HTTP/2.
type ending int

const (
	undecided ending = iota // the server may end it or not
	ends                    // it is ended
	lives                   // a good call on it works
)

const (
	// floodMemory is what a flood may cost while its connection is open: that of as many
	// calls as one may have, at Sluice and at the upstream in the same process.
	floodMemory = 64 << 20
	// floodGoroutines may be left when all is over: those of connections to the upstream
	// that wait for another call, at both ends.
	floodGoroutines = 100
)

// flood is something to send on a connection behind preface and settings.
type flood struct {
	name       string
	send       func(h *http2Conn, p port)
	http, grpc ending
	// deaf: the client reads nothing of what it is answered.
	deaf bool
	// hangs: the upstream does not answer meanwhile.
	hangs bool
}

// bulk writes a frame many times in few writes.
func (h *http2Conn) bulk(n int, frame []byte) {
	const atOnce = 1000
	many := bytes.Repeat(frame, atOnce)
	for ; n > 0; n -= atOnce {
		if _, err := h.Write(many); err != nil {
			return
		}
	}
}

// frameOf is the bytes of a frame.
func frameOf(write func(f *http2.Framer)) []byte {
	var out bytes.Buffer
	f := http2.NewFramer(&out, nil)
	f.AllowIllegalWrites = true
	write(f)
	return out.Bytes()
}

func floods() []flood {
	many, calls := 50_000, uint32(5000)
	if !long() {
		many, calls = 20_000, 800
	}
	hpackBomb := func(h *http2Conn, p port) {
		block := h.fields(append(grpcHead(unaryMethod), "x", fill(4000))...)
		h.raw(1, true, append(block, bytes.Repeat([]byte{0x80 | 62}, 20_000)...)) // 62: the newest entry of the dynamic table
	}
	return []flood{
		{name: "rapid reset", http: undecided, grpc: undecided, hangs: true, send: func(h *http2Conn, p port) {
			for i := range calls {
				h.begin(p, 2*i+1)
				h.finish(p, 2*i+1)
				if h.WriteRSTStream(2*i+1, http2.ErrCodeCancel) != nil {
					return
				}
			}
		}},
		{name: "rapid reset before the body", http: undecided, grpc: undecided, send: func(h *http2Conn, p port) {
			for i := range calls {
				h.begin(p, 2*i+1)
				if h.WriteRSTStream(2*i+1, http2.ErrCodeCancel) != nil {
					return
				}
			}
		}},
		{name: "resets that the server is made to send", http: undecided, grpc: undecided, hangs: true, send: func(h *http2Conn, p port) {
			for i := range calls {
				h.begin(p, 2*i+1)
				h.finish(p, 2*i+1)
				if h.WriteWindowUpdate(2*i+1, 0) != nil {
					return
				}
			}
		}},
		{name: "more streams than allowed", http: undecided, grpc: undecided, send: func(h *http2Conn, p port) {
			for i := range uint32(1500) {
				h.begin(p, 2*i+1)
			}
		}},
		{name: "continuations without end", http: ends, grpc: ends, send: func(h *http2Conn, _ port) {
			_ = h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.fields(grpcHead(unaryMethod)...)})
			literal := append([]byte{0x00, 0x01, 'x', 0x7f, 0x81, 0x7c}, fill(16_000)...) // a field of 16,000 bytes that is not indexed
			h.bulk(1000, frameOf(func(f *http2.Framer) { _ = f.WriteContinuation(1, false, literal) }))
		}},
		{name: "empty continuations", http: undecided, grpc: undecided, send: func(h *http2Conn, _ port) {
			_ = h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.fields(grpcHead(unaryMethod)...)})
			h.bulk(many, frameOf(func(f *http2.Framer) { _ = f.WriteContinuation(1, false, nil) }))
		}},
		{name: "settings without listening", http: undecided, grpc: undecided, deaf: true, send: func(h *http2Conn, _ port) {
			h.bulk(many, frameOf(func(f *http2.Framer) { _ = f.WriteSettings() }))
		}},
		{name: "settings of windows up and down", http: undecided, grpc: undecided, send: func(h *http2Conn, p port) {
			for i := range uint32(20) {
				h.begin(p, 2*i+1)
			}
			h.bulk(10_000, frameOf(func(f *http2.Framer) {
				_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1})
				_ = f.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1<<31 - 1})
			}))
		}},
		{name: "pings without listening", http: undecided, grpc: ends, deaf: true, send: func(h *http2Conn, _ port) {
			h.bulk(many, frameOf(func(f *http2.Framer) { _ = f.WritePing(false, [8]byte{1}) }))
		}},
		{name: "priorities", http: lives, grpc: lives, send: func(h *http2Conn, _ port) {
			h.bulk(many, frameOf(func(f *http2.Framer) { _ = f.WritePriority(99, http2.PriorityParam{StreamDep: 3, Weight: 7}) }))
		}},
		{name: "frames of an unknown type", http: lives, grpc: lives, send: func(h *http2Conn, _ port) {
			h.bulk(many, frameOf(func(f *http2.Framer) { _ = f.WriteRawFrame(0xbb, 0, 0, []byte("x")) }))
		}},
		{name: "window updates of a byte", http: lives, grpc: lives, send: func(h *http2Conn, _ port) {
			h.bulk(many, frameOf(func(f *http2.Framer) { _ = f.WriteWindowUpdate(0, 1) }))
		}},
		{name: "empty data", http: undecided, grpc: undecided, send: func(h *http2Conn, p port) {
			h.begin(p, 1)
			h.bulk(many, frameOf(func(f *http2.Framer) { _ = f.WriteData(1, false, nil) }))
		}},
		{name: "data of nothing but padding", http: undecided, grpc: undecided, send: func(h *http2Conn, p port) {
			h.begin(p, 1)
			h.bulk(5000, frameOf(func(f *http2.Framer) { _ = f.WriteDataPadded(1, false, nil, make([]byte, 255)) }))
		}},
		{name: "a header list bomb", http: undecided, grpc: undecided, send: hpackBomb},
		{name: "very many small fields", http: undecided, grpc: undecided, send: func(h *http2Conn, _ port) {
			block := h.fields(append(grpcHead(unaryMethod), "x", "")...)
			h.raw(1, true, append(block, bytes.Repeat([]byte{0x80 | 62}, 200_000)...))
		}},
	}
}

// breaches break a rule of RFC 9113, which says what becomes of the connection.
func breaches() []flood {
	overflow := func(h *http2Conn, p port) {
		_ = h.WriteWindowUpdate(0, 1<<31-1)
		_ = h.WriteWindowUpdate(0, 1<<31-1)
	}
	answered := func(h *http2Conn, p port) {
		h.begin(p, 1)
		h.finish(p, 1)
		h.wait(tardy*soon, func() bool { return h.over[1] })
	}
	return []flood{
		{name: "a window beyond 2^31", http: ends, grpc: undecided, send: overflow},
		{name: "a window of a stream beyond 2^31", http: lives, grpc: undecided, send: func(h *http2Conn, p port) {
			h.begin(p, 1)
			_ = h.WriteWindowUpdate(1, 1<<31-1)
			_ = h.WriteWindowUpdate(1, 1<<31-1)
		}},
		{name: "a window update of nothing", http: ends, grpc: ends, send: func(h *http2Conn, _ port) { _ = h.WriteWindowUpdate(0, 0) }},
		{name: "an initial window beyond 2^31", http: ends, grpc: ends, send: func(h *http2Conn, _ port) {
			_ = h.WriteSettings(http2.Setting{ID: http2.SettingInitialWindowSize, Val: 1 << 31})
		}},
		{name: "a frame size beyond 2^24", http: ends, grpc: undecided, send: func(h *http2Conn, _ port) {
			_ = h.WriteSettings(http2.Setting{ID: http2.SettingMaxFrameSize, Val: 1 << 25})
		}},
		{name: "a frame beyond the agreed size", http: ends, grpc: ends, send: func(h *http2Conn, p port) {
			h.begin(p, 1)
			_ = h.WriteRawFrame(http2.FrameData, 0, 1, make([]byte, 2<<20))
		}},
		{name: "a header table of four gigabytes", http: ends, grpc: ends, send: func(h *http2Conn, _ port) {
			h.raw(1, true, append([]byte{0x3f, 0xe1, 0xff, 0xff, 0xff, 0x0f}, h.fields(grpcHead(unaryMethod)...)...))
		}},
		{name: "an entry that the header table lacks", http: ends, grpc: ends, send: func(h *http2Conn, _ port) { h.raw(1, true, []byte{0xff, 0xff, 0x7f}) }},
		{name: "data behind the end of its stream", http: undecided, grpc: undecided, send: func(h *http2Conn, p port) {
			answered(h, p)
			h.data(1, []byte(goodRequest), false)
		}},
		{name: "data on a stream that was never opened", http: ends, grpc: undecided, send: func(h *http2Conn, _ port) { h.data(7, []byte("x"), true) }},
		{name: "a head on a closed stream", http: ends, grpc: undecided, send: func(h *http2Conn, p port) {
			answered(h, p)
			h.begin(p, 1)
		}},
		{name: "an even stream", http: ends, grpc: ends, send: func(h *http2Conn, p port) { h.begin(p, 2) }},
		{name: "a stream before the last", http: ends, grpc: ends, send: func(h *http2Conn, p port) { h.begin(p, 9); h.begin(p, 3) }},
		{name: "a reset of a stream that was never opened", http: ends, grpc: undecided, send: func(h *http2Conn, _ port) { _ = h.WriteRSTStream(9, http2.ErrCodeCancel) }},
		{name: "a promise from a client", http: ends, grpc: undecided, send: func(h *http2Conn, _ port) {
			_ = h.WritePushPromise(http2.PushPromiseParam{StreamID: 1, PromiseID: 2, EndHeaders: true})
		}},
		{name: "another frame inside of a head", http: ends, grpc: ends, send: func(h *http2Conn, _ port) {
			_ = h.WriteHeaders(http2.HeadersFrameParam{StreamID: 1, BlockFragment: h.fields(grpcHead(unaryMethod)...)})
			_ = h.WritePing(false, [8]byte{})
		}},
		{name: "a continuation of nothing", http: ends, grpc: ends, send: func(h *http2Conn, _ port) { _ = h.WriteContinuation(1, true, nil) }},
		{name: "garbage behind the preface", http: ends, grpc: ends, send: func(h *http2Conn, _ port) { _, _ = io.WriteString(h.Conn, fill(1<<20)) }},
		{name: "a farewell", http: undecided, grpc: undecided, send: func(h *http2Conn, _ port) { _ = h.WriteGoAway(0, http2.ErrCodeNo, []byte(fill(1000))) }},
	}
}

func TestHTTP2_floods_are_bounded(t *testing.T)           { testFloods(t, floods()) }
func TestHTTP2_breaches_of_the_protocol_end(t *testing.T) { testFloods(t, breaches()) }

func testFloods(t *testing.T, list []flood) {
	g := open(t)
	doors := g.Doors(t)
	for _, p := range g.ports() {
		g.healthy(t, doors[p.door]) // what is built once is built now
		for _, f := range list {
			run(t, p.name+"/"+f.name, func(t *testing.T) { g.flood(t, p, f, doors[p.door]) })
		}
	}
}

func (g *gate) flood(t *testing.T, p port, f flood, door harness.Door) {
	if f.hangs {
		g.up.Handle(func(_ http.ResponseWriter, r *http.Request, _ *harness.Request) { <-r.Context().Done() })
	}
	before, goroutines, calls := heap(), runtime.NumGoroutine(), working()
	start := time.Now()
	var h *http2Conn
	if f.deaf {
		h = dialDeaf(t, p.address)
		_ = h.WriteSettings()
	} else {
		h = dialHTTP2(t, p.address)
	}
	f.send(h, p)
	within(t, "sending", time.Since(start), 2*soon)
	if grown := int64(heap()) - int64(before); grown > floodMemory {
		t.Errorf("the heap grew by %d bytes", grown)
	}
	want := f.http
	if p.grpc {
		want = f.grpc
	}
	switch {
	case want == lives:
		h.works(t, p, 1_000_001)
	case want == ends && f.deaf:
		go h.listen()
		fallthrough
	case want == ends:
		if !h.wait(tardy*soon, func() bool { return h.gone || h.goAway != nil }) {
			t.Error("the connection was not ended")
		}
	}
	_ = h.Close()
	if f.hangs {
		g.up.Answer(harness.JSON(200, goodAnswer))
	}
	g.healthy(t, door)
	deadline := time.Now().Add(2 * tardy * soon)
	ticker := time.NewTicker(5 * time.Millisecond)
	defer ticker.Stop()
	for runtime.NumGoroutine() > goroutines+floodGoroutines || working() > calls {
		if <-ticker.C; time.Now().After(deadline) {
			stacks := make([]byte, 64<<10)
			t.Fatalf("%d goroutines, %d of Sluice's own, before %d and %d\n%s", runtime.NumGoroutine(), working(), goroutines, calls, stacks[:runtime.Stack(stacks, true)])
		}
	}
}

// working counts the goroutines that are in Sluice's own code, which every call is.
func working() (n int) {
	stacks := make([]byte, 16<<20)
	for stack := range strings.SplitSeq(string(stacks[:runtime.Stack(stacks, true)]), "\n\n") {
		if strings.Contains(stack, "github.com/sluice-ai/sluice/server/") {
			n++
		}
	}
	return n
}

func heap() uint64 {
	runtime.GC()
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return memory.HeapAlloc
}
