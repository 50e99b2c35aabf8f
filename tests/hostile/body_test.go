package hostile

import (
	"bytes"
	"compress/gzip"
	"encoding/binary"
	"encoding/json"
	"io"
	"net/http"
	"runtime"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// sized is a chat request of exactly that many bytes.
func sized(n int) string {
	const around = `{"model":"m","messages":[{"role":"user","content":""}]}`
	return strings.Replace(around, `""`, `"`+fill(n-len(around))+`"`, 1)
}

// TestBodies_are_bounded_without_being_read sends bodies that are too large or lie about
// their size. tests/badinput holds: too large with a length and in chunks, too large by
// its own word with Expect, a broken chunk, a body that breaks off, gzip on REST.
func TestBodies_are_bounded_without_being_read(t *testing.T) {
	g := open(t)
	tooLarge := func(name, send string) wireCase {
		return wireCase{name: name, send: send, status: 413, reason: "request_too_large", says: "65536 bytes", fate: closed}
	}
	head := "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	endless := tooLarge("more than the limit by length, and bytes without end", head+"Content-Length: 1000000000000\r\n\r\n")
	endless.endless = fill(1 << 20)
	terabyte := tooLarge("a terabyte by its own word, and nothing", head+"Content-Length: 1000000000000\r\n\r\n")
	terabyte.lingers = !long() // or it takes lingerTime
	endlessChunks := tooLarge("chunks without end", chunks("", ""))
	endlessChunks.endless = chunk(fill(1 << 20))
	small := tooLarge("small chunks without end", chunks("", ""))
	small.lingers = true
	small.endless = strings.Repeat(chunk("x"), 1<<14)
	atRefused := tooLarge("one byte more on an RPC path", strings.Replace(post("", sized(maxRequestBytes+1)), chatPath, "/sluice.v1.ChatService/CreateChatCompletion", 1))
	atRefused.status, atRefused.shape, atRefused.reason, atRefused.fate = 429, bareConnect, "", either
	g.wireCases(t, []wireCase{
		{name: "exactly the limit", send: post("", sized(maxRequestBytes)), status: 200, shape: success, fate: kept, calls: 1},
		{name: "exactly the limit in chunks", send: chunks("", chunk(sized(maxRequestBytes))+"0\r\n\r\n"), status: 200, shape: success, fate: kept, calls: 1},
		tooLarge("one byte more", post("", sized(maxRequestBytes+1))),
		tooLarge("one byte more in chunks", chunks("", chunk(sized(maxRequestBytes+1))+"0\r\n\r\n")),
		terabyte,
		lingering(tooLarge("the largest length that there is", head+"Content-Length: "+strconv.FormatInt(1<<63-1, 10)+"\r\n\r\n")),
		lingering(tooLarge("one byte per chunk", chunks("", strings.Repeat(chunk("x"), maxRequestBytes+1)))),
		endless, endlessChunks, small, atRefused,
		{name: "Expect: 100-continue in chunks", send: chunks("Expect: 100-continue\r\n", chunk(sized(maxRequestBytes+1))+"0\r\n\r\n"), status: 413, reason: "request_too_large", fate: either},
		{name: "Expect of something else", send: post("Expect: the-moon\r\n", goodRequest), status: 417, shape: unshaped, fate: closed},
		{name: "a large body where none belongs", send: strings.Replace(post("", fill(1<<20)), "POST "+chatPath, "GET /v1/models/m", 1), status: 200, shape: success, fate: closed},
		{name: "a small body where none belongs", send: strings.Replace(post("", goodRequest), "POST "+chatPath, "GET /v1/models/m", 1), status: 200, shape: success, fate: kept},
		{name: "a large body at a path of nobody", send: strings.Replace(post("", fill(1<<20)), chatPath, "/v1/nothing", 1), status: 404, reason: "not_found", fate: closed},
	})
}

func lingering(c wireCase) wireCase { c.lingers = true; return c }

// TestREST_takes_no_compression: bodies are JSON as they are. tests/badinput has gzip and
// a list of two.
func TestREST_takes_no_compression(t *testing.T) {
	g := open(t)
	bomb := string(pack(bytes.Repeat([]byte(" "), 2<<20)))
	refused := func(name, header, body string) wireCase {
		return wireCase{name: name, send: post(header, body), status: 415, reason: "unsupported_media_type", says: "encoding", fate: kept}
	}
	secondLine := refused("a second line", "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n", goodRequest)
	g.wireCases(t, []wireCase{
		refused("a bomb", "Content-Encoding: gzip\r\n", bomb),
		refused("deflate", "Content-Encoding: deflate\r\n", goodRequest),
		refused("brotli", "Content-Encoding: br\r\n", goodRequest),
		refused("zstd", "Content-Encoding: zstd\r\n", goodRequest),
		refused("capitals", "Content-Encoding: GZIP\r\n", goodRequest),
		refused("a list with identity first", "Content-Encoding: identity, gzip\r\n", goodRequest),
		secondLine,
		refused("an encoding that is long", "Content-Encoding: "+fill(20_000)+"\r\n", goodRequest),
		{name: "identity", send: post("Content-Encoding: identity\r\n", goodRequest), status: 200, shape: success, fate: kept, calls: 1},
	})
}

func pack(data []byte) []byte {
	var packed bytes.Buffer
	writer, _ := gzip.NewWriterLevel(&packed, gzip.BestCompression) // a level that exists
	_, _ = writer.Write(data)                                       // into memory
	_ = writer.Close()
	return packed.Bytes()
}

// rpcBomb is a compressed message, and the word of gRPC and Connect for what it is.
type rpcBomb struct {
	name string
	body []byte
	// plain: it does not say that it is compressed.
	plain  bool
	other  string // another encoding than gzip
	status int    // of a unary Connect call
	code   string
	reason sluicev1.ErrorReason
}

// rpcBombs takes its time: it is made once.
var rpcBombs = sync.OnceValue(func() []rpcBomb {
	message, err := proto.Marshal(&sluicev1.ChatCompletionRequest{Model: fill(maxRequestBytes + 1)})
	if err != nil {
		panic(err) // a message of ours
	}
	const tooLarge, invalid = sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE, sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST
	whole := pack(message)
	many := bytes.Repeat(pack(bytes.Repeat([]byte{0}, 1<<20)), 48) // one after the other, within the limit
	return []rpcBomb{
		{name: "a ratio of a thousand", body: pack(make([]byte, 16<<20)), status: 429, code: "resource_exhausted", reason: tooLarge},
		{name: "one byte more when unpacked", body: whole, status: 429, code: "resource_exhausted", reason: tooLarge},
		{name: "many files in one", body: many, status: 429, code: "resource_exhausted", reason: tooLarge},
		{name: "too large when packed", body: noise(maxRequestBytes + 1), status: 429, code: "resource_exhausted", reason: tooLarge},
		{name: "broken off", body: whole[:len(whole)/2], status: 400, code: "invalid_argument", reason: invalid},
		{name: "no gzip at all", body: []byte("certainly not"), status: 400, code: "invalid_argument", reason: invalid},
		{name: "a false checksum", body: falsified(pack([]byte{10, 1, 'm'})), status: 400, code: "invalid_argument", reason: invalid},
		{name: "packed without a word of it", body: pack([]byte{10, 1, 'm'}), plain: true, status: 400, code: "invalid_argument", reason: invalid},
		{name: "an encoding of nobody", body: whole, other: "br", status: 501, code: "unimplemented", reason: sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED},
	}
})

// noise does not compress.
func noise(n int) []byte {
	out, state := make([]byte, n), uint32(1)
	for i := range out {
		state = state*1664525 + 1013904223
		out[i] = byte(state >> 24)
	}
	return out
}

func falsified(packed []byte) []byte {
	packed = bytes.Clone(packed)
	packed[len(packed)-8] ^= 0xff
	return packed
}

const unaryMethod, streamMethod = "/sluice.v1.ChatService/CreateChatCompletion", "/sluice.v1.ChatService/StreamChatCompletion"

// TestConnect_unpacks_within_bounds sends bombs in one piece.
func TestConnect_unpacks_within_bounds(t *testing.T) {
	g := open(t)
	for _, b := range rpcBombs() {
		run(t, b.name, func(t *testing.T) {
			code, header, body := g.bounded(t, unaryMethod, "application/proto", "Content-Encoding", b, b.body)
			var f struct{ Code, Message string }
			if err := json.Unmarshal(body, &f); err != nil || code != b.status || f.Code != b.code || header.Get("Content-Type") != "application/json" {
				t.Errorf("status %d, want %d %s: %v %.300s", code, b.status, b.code, err, body)
			}
			checkDetail(t, b, body)
			g.healthy(t, g.Doors(t)[3])
		})
	}
}

// TestConnect_unpacks_messages_of_streams_within_bounds sends bombs in an envelope.
func TestConnect_unpacks_messages_of_streams_within_bounds(t *testing.T) {
	g := open(t)
	for _, b := range rpcBombs() {
		run(t, b.name, func(t *testing.T) {
			flags := byte(1)
			if b.plain {
				flags = 0
			}
			message := append(binary.BigEndian.AppendUint32([]byte{flags}, uint32(len(b.body))), b.body...)
			_, _, body := g.bounded(t, streamMethod, "application/connect+proto", "Connect-Content-Encoding", b, message)
			var end struct{ Error struct{ Code string } }
			if len(body) < 5 || json.Unmarshal(body[5:], &end) != nil || end.Error.Code != b.code {
				t.Errorf("%.300q, want %s", body, b.code)
			}
			checkDetail(t, b, body)
			g.healthy(t, g.Doors(t)[3])
		})
	}
}

// bounded posts and fails the test when that costs much time or memory.
func (g *gate) bounded(t *testing.T, method, contentType, encodingHeader string, b rpcBomb, body []byte) (int, http.Header, []byte) {
	t.Helper()
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+g.HTTP+method, bytes.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("Content-Type", contentType)
	if encoded := b.other; !b.plain {
		if encoded == "" {
			encoded = "gzip"
		}
		r.Header.Set(encodingHeader, encoded)
	}
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	start := time.Now()
	response, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answered, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	runtime.ReadMemStats(&after)
	within(t, "the answer", time.Since(start), soon)
	if taken := after.TotalAlloc - before.TotalAlloc; taken > 8<<20 {
		t.Errorf("it took %d bytes", taken)
	}
	if n := g.strays(); n != 0 {
		t.Errorf("%d of it reached the upstream", n)
	}
	return response.StatusCode, response.Header, answered
}

func checkDetail(t *testing.T, b rpcBomb, body []byte) {
	t.Helper()
	if name := strings.TrimPrefix(b.reason.String(), "ERROR_REASON_"); bytes.Contains(body, []byte("sluice.v1.ErrorDetail")) && bytes.Contains(body, []byte(name)) {
		return
	}
	t.Errorf("no detail: %.300s", body)
}
