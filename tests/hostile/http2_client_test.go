package hostile

import (
	"bytes"
	"encoding/binary"
	"maps"
	"net"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// port is one that speaks HTTP/2.
type port struct {
	name, address string
	// door is the place of the door behind it in [harness.Server.Doors].
	door int
	grpc bool
}

func (g *gate) ports() []port {
	return []port{{"HTTP port", g.HTTP, 2, false}, {"gRPC port", g.GRPC, 1, true}}
}

// http2Conn is a connection that speaks HTTP/2 frame by frame.
type http2Conn struct {
	net.Conn

	*http2.Framer

	block   bytes.Buffer
	encoder *hpack.Encoder

	mu       sync.Mutex // guards all below
	changed  *sync.Cond
	head     map[uint32]map[string]string // headers and trailers by stream
	over     map[uint32]bool              // streams that ended
	reset    map[uint32]http2.ErrCode
	received map[uint32]int // bytes of data
	goAway   *http2.ErrCode
	pongs    int
	updates  int // of windows
	gone     bool
	why      error // of gone
}

// dialHTTP2 connects, says the preface and listens. Settings are those of the caller.
func dialHTTP2(t testing.TB, address string, settings ...http2.Setting) *http2Conn {
	t.Helper()
	h := dialDeaf(t, address)
	_ = h.WriteSettings(settings...)
	go h.listen()
	return h
}

// dialDeaf connects and never reads.
func dialDeaf(t testing.TB, address string) *http2Conn {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	_ = conn.SetWriteDeadline(time.Now().Add(20 * time.Second))
	h := &http2Conn{
		Conn: conn, Framer: http2.NewFramer(conn, conn), head: map[uint32]map[string]string{},
		over: map[uint32]bool{}, reset: map[uint32]http2.ErrCode{}, received: map[uint32]int{},
	}
	h.AllowIllegalWrites = true
	h.changed, h.encoder = sync.NewCond(&h.mu), hpack.NewEncoder(&h.block)
	_, _ = conn.Write([]byte(http2.ClientPreface))
	return h
}

func (h *http2Conn) listen() {
	h.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	for {
		frame, err := h.ReadFrame()
		h.mu.Lock()
		if err != nil {
			h.gone, h.why = true, err
			h.changed.Broadcast()
			h.mu.Unlock()
			return
		}
		h.take(frame)
		h.changed.Broadcast()
		h.mu.Unlock()
	}
}

// take notes a frame. The caller holds the lock.
func (h *http2Conn) take(frame http2.Frame) {
	id := frame.Header().StreamID
	switch f := frame.(type) {
	case *http2.MetaHeadersFrame:
		if h.head[id] == nil {
			h.head[id] = map[string]string{}
		}
		for _, field := range f.Fields {
			h.head[id][field.Name] = field.Value
		}
		h.over[id] = h.over[id] || f.StreamEnded()
	case *http2.DataFrame:
		h.received[id] += len(f.Data())
		h.over[id] = h.over[id] || f.StreamEnded()
	case *http2.RSTStreamFrame:
		h.reset[id] = f.ErrCode
	case *http2.GoAwayFrame:
		code := f.ErrCode
		h.goAway = &code
	case *http2.WindowUpdateFrame:
		h.updates++
	case *http2.PingFrame:
		if f.IsAck() {
			h.pongs++
		}
	}
}

// wait waits until something is so, or the connection is gone, or the time is over.
func (h *http2Conn) wait(limit time.Duration, so func() bool) bool {
	expired := false
	timer := time.AfterFunc(limit, func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		expired = true
		h.changed.Broadcast()
	})
	defer timer.Stop()
	h.mu.Lock()
	defer h.mu.Unlock()
	for !so() && !h.gone && !expired {
		h.changed.Wait()
	}
	return so()
}

// fields is a header block of names and values in turn.
func (h *http2Conn) fields(pairs ...string) []byte {
	h.block.Reset()
	for i := 0; i+1 < len(pairs); i += 2 {
		_ = h.encoder.WriteField(hpack.HeaderField{Name: pairs[i], Value: pairs[i+1]}) // into memory
	}
	return bytes.Clone(h.block.Bytes())
}

func (h *http2Conn) open(id uint32, ends bool, pairs ...string) {
	h.raw(id, ends, h.fields(pairs...))
}

// raw opens a stream with a header block as it stands, in several frames when it is long.
func (h *http2Conn) raw(id uint32, ends bool, block []byte) {
	const most = 16 << 10
	first := block[:min(len(block), most)]
	block = block[len(first):]
	_ = h.WriteHeaders(http2.HeadersFrameParam{StreamID: id, BlockFragment: first, EndStream: ends, EndHeaders: len(block) == 0})
	for len(block) > 0 {
		next := block[:min(len(block), most)]
		block = block[len(next):]
		_ = h.WriteContinuation(id, len(block) == 0, next)
	}
}

// data sends a body within the window that every server opens, and then what it opens
// more, if it does.
func (h *http2Conn) data(id uint32, body []byte, ends bool) {
	const most = 16 << 10
	for sent := most; len(body) > most; sent += most {
		if h.WriteData(id, false, body[:most]) != nil {
			return
		}
		body = body[most:]
		if sent+len(body) > 65535 && sent+2*most > 65535 {
			h.wait(tardy*soon, func() bool { _, reset := h.reset[id]; return h.updates > 0 || h.over[id] || reset })
		}
	}
	_ = h.WriteData(id, ends, body)
}

// trailers waits for the end of a stream and returns its headers and trailers. A stream
// that was reset has the trailer "reset", a connection that ended "gone".
func (h *http2Conn) trailers(t testing.TB, id uint32) map[string]string {
	t.Helper()
	h.wait(tardy*soon, func() bool { _, reset := h.reset[id]; return h.over[id] || reset })
	h.mu.Lock()
	defer h.mu.Unlock()
	out := map[string]string{}
	maps.Copy(out, h.head[id])
	if code, ok := h.reset[id]; ok {
		out["reset"] = code.String()
	}
	if h.gone {
		out["gone"] = h.why.Error()
	}
	if h.goAway != nil {
		out["goaway"] = h.goAway.String()
	}
	return out
}

func restHead(path, length string) []string {
	return []string{
		":method", "POST", ":scheme", "http", ":authority", "x", ":path", path,
		"content-type", "application/json", "content-length", length,
	}
}

func grpcHead(path string) []string {
	return []string{":method", "POST", ":scheme", "http", ":authority", "x", ":path", path, "content-type", "application/grpc", "te", "trailers"}
}

// chatMessage is a good request as protobuf.
func chatMessage(model string) []byte {
	message, err := proto.Marshal(&sluicev1.ChatCompletionRequest{Model: model, Messages: []*sluicev1.ChatMessage{{
		Message: &sluicev1.ChatMessage_User{User: &sluicev1.UserMessage{Content: &sluicev1.UserMessage_Text{Text: "Hi"}}},
	}}})
	if err != nil {
		panic(err) // a message of ours
	}
	return message
}

func grpcMessage(model string) []byte {
	message := chatMessage(model)
	return append(binary.BigEndian.AppendUint32([]byte{0}, uint32(len(message))), message...)
}

// begin opens a good call on a stream and leaves it unfinished.
func (h *http2Conn) begin(p port, id uint32) {
	if p.grpc {
		h.open(id, false, grpcHead(unaryMethod)...)
		return
	}
	h.open(id, false, restHead(chatPath, strconv.Itoa(len(goodRequest)))...)
}

// finish sends the message of a call that begin opened.
func (h *http2Conn) finish(p port, id uint32) {
	if p.grpc {
		h.data(id, grpcMessage("m"), true)
		return
	}
	h.data(id, []byte(goodRequest), true)
}

// works makes a good call on the connection.
func (h *http2Conn) works(t testing.TB, p port, id uint32) {
	t.Helper()
	h.begin(p, id)
	h.finish(p, id)
	got := h.trailers(t, id)
	if got[":status"] != "200" || p.grpc && got["grpc-status"] != "0" {
		t.Errorf("a good call on the same connection got %v", got)
	}
}

// oneOf tells whether a grpc-status is one of the codes.
func oneOf(got string, want []codes.Code) bool {
	n, err := strconv.Atoi(got)
	return err == nil && slices.Contains(want, codes.Code(n))
}
