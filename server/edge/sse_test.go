package edge

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

const helloStream = `{"model":"far/m","stream":true,"messages":[{"role":"user","content":"hi"}]}`

type sendChunk = func(*sluicev1.ChatCompletionChunk) error

func streaming(f func(ctx context.Context, call *adapters.Call, send sendChunk) error) *far {
	return &far{stream: func(ctx context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest, send sendChunk) error {
		return f(ctx, call, send)
	}}
}

// The frames of chunk(text) and lastChunk, as OpenAI's API reference shows streamed
// chunks: one data line each, finish_reason null until the end.
const (
	frameHead = `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":`
	frameHel  = frameHead + `{"content":"hel"},"finish_reason":null}]}` + "\n\n"
	frameLo   = frameHead + `{"content":"lo"},"finish_reason":null}]}` + "\n\n"
	frameStop = frameHead + `{},"finish_reason":"stop"}]}` + "\n\n"
	frameDone = "data: [DONE]\n\n"
)

func TestSSE_bytes_of_every_ending(t *testing.T) {
	broke := refusal(adapters.KindProtocol, 502, "the stream broke off")
	for name, test := range map[string]struct {
		far         *far
		status      int
		contentType string
		reason      string
		body        string
	}{
		"clean": {
			far: &far{}, status: 200, contentType: "text/event-stream; charset=utf-8",
			body: frameHel + frameLo + frameStop + frameDone,
		},
		"clean and empty": {
			far:    streaming(func(context.Context, *adapters.Call, sendChunk) error { return nil }),
			status: 200, contentType: "text/event-stream; charset=utf-8", body: frameDone,
		},
		"broken after the first chunk": {
			far: streaming(func(_ context.Context, _ *adapters.Call, send sendChunk) error {
				_ = send(chunk("hel"))
				return broke
			}),
			status: 200, contentType: "text/event-stream; charset=utf-8", reason: "upstream_protocol",
			body: frameHel + `data: {"error":{"message":"the stream broke off","type":"far_error","param":null,"code":null}}` + "\n\n",
		},
		"clean, and told that more is at hand": {
			far: streaming(func(_ context.Context, call *adapters.Call, send sendChunk) error {
				call.More = true
				return errors.Join(send(chunk("hel")), send(chunk("lo")), send(lastChunk()))
			}),
			status: 200, contentType: "text/event-stream; charset=utf-8", body: frameHel + frameLo + frameStop + frameDone,
		},
		"broken although more was said to be at hand": {
			far: streaming(func(_ context.Context, call *adapters.Call, send sendChunk) error {
				call.More = true
				return errors.Join(send(chunk("hel")), send(chunk("lo")), broke)
			}),
			status: 200, contentType: "text/event-stream; charset=utf-8", reason: "upstream_protocol",
			body: frameHel + frameLo + `data: {"error":{"message":"the stream broke off","type":"far_error","param":null,"code":null}}` + "\n\n",
		},
		"raw parts of several lines": {
			far: streaming(func(_ context.Context, _ *adapters.Call, send sendChunk) error {
				c := chunk("hel")
				c.Rest = []byte("{\"extra\":{\r\n  \"a\": \"x\\ny\"\n}}")
				return send(c)
			}),
			status: 200, contentType: "text/event-stream; charset=utf-8",
			body: strings.TrimSuffix(frameHel, "}\n\n") + `,"extra":{    "a": "x\ny" }}` + "\n\n" + frameDone,
		},
		"broken before the first chunk": {
			far:    streaming(func(context.Context, *adapters.Call, sendChunk) error { return broke }),
			status: 502, contentType: "application/json", reason: "upstream_protocol",
			body: `{"error":{"message":"the stream broke off","type":"far_error","param":null,"code":null}}`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := open(t, Config{}, test.far)
			got := h.do(t, "POST", "/v1/chat/completions", helloStream)
			if got.status != test.status || got.header.Get("Content-Type") != test.contentType {
				t.Errorf("got %d %v", got.status, got.header)
			}
			if got.body != test.body {
				t.Errorf("got  %q\nwant %q", got.body, test.body)
			}
			if r := h.ledger.next(t); test.reason != "" && fault.ReasonName(r.Reason) != test.reason || !r.Streamed {
				t.Errorf("receipt: %+v", r)
			}
			h.ledger.none(t)
		})
	}
}

func TestSSE_answer_carries_the_headers_of_a_stream_and_of_the_provider(t *testing.T) {
	h := open(t, Config{}, streaming(func(_ context.Context, call *adapters.Call, send sendChunk) error {
		call.Reply.Header.Add("x-request-id", "req_far")
		call.Reply.Header.Add("openai-processing-ms", "5")
		call.Reply.Header.Add("set-cookie", "never") // adapters drop it; the frame must not break
		call.Reply.Header.Add("content-length", "3")
		return send(lastChunk())
	}))
	got := h.do(t, "POST", "/v1/chat/completions", helloStream)
	for name, want := range map[string]string{
		"Cache-Control": "no-cache", "X-Accel-Buffering": "no", "X-Request-Id": "req_far", "Openai-Processing-Ms": "5", "Content-Length": "",
	} {
		if got.header.Get(name) != want {
			t.Errorf("%s: %q, want %q", name, got.header.Get(name), want)
		}
	}
	if r := h.ledger.next(t); r.ID != got.header.Get("X-Sluice-Request-Id") {
		t.Errorf("id %q, receipt %+v", got.header.Get("X-Sluice-Request-Id"), r)
	}
}

func TestSSE_member_stream_leaves_the_request_and_all_else_stays(t *testing.T) {
	var rests []string
	f := &far{
		stream: func(_ context.Context, _ *adapters.Call, req *sluicev1.ChatCompletionRequest, send sendChunk) error {
			rests = append(rests, "stream "+string(req.GetRest()))
			return send(lastChunk())
		},
		chat: func(_ context.Context, _ *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			rests = append(rests, "unary "+string(req.GetRest()))
			return completion("x"), nil
		},
	}
	h := open(t, Config{}, f)
	const message = `"model":"far/m","messages":[{"role":"user","content":"hi"}]`
	for _, test := range []struct{ body, want string }{
		{`{` + message + `,"stream":true}`, `stream `},
		{`{"a":1,"stream": true ,"b":{"stream":false},` + message + `}`, `stream {"a":1,"b":{"stream":false}}`},
		{`{` + message + `,"stream":false,"a":1}`, `unary {"stream":false,"a":1}`},
		{`{` + message + `,"stream":null}`, `unary {"stream":null}`},
		{`{` + message + `,"str\u0065am":true}`, `stream `},
		{`{` + message + `,"a":{"stream":true}}`, `unary {"a":{"stream":true}}`},
	} {
		rests = nil
		if got := h.do(t, "POST", "/v1/chat/completions", test.body); got.status != 200 {
			t.Errorf("%s: %d %s", test.body, got.status, got.body)
		}
		if len(rests) != 1 || rests[0] != test.want {
			t.Errorf("%s: got %q, want %q", test.body, rests, test.want)
		}
	}
}

func TestSSE_each_chunk_arrives_before_the_next_is_made(t *testing.T) {
	t.Run("nothing more at hand", func(t *testing.T) { eachChunkArrives(t, false) })
	t.Run("more promised than comes", func(t *testing.T) { eachChunkArrives(t, true) })
}

func eachChunkArrives(t *testing.T, more bool) {
	t.Helper()
	next := make(chan struct{})
	h := open(t, Config{}, streaming(func(ctx context.Context, call *adapters.Call, send sendChunk) error {
		call.More = more
		for range 3 {
			if err := send(chunk("hel")); err != nil {
				return err
			}
			select {
			case <-next:
			case <-ctx.Done():
				return ctx.Err()
			}
		}
		return nil
	}))
	resp := h.begin(t, t.Context())
	reader := bufio.NewReader(resp.Body)
	for range 3 {
		got := make([]byte, len(frameHel))
		if _, err := io.ReadFull(reader, got); err != nil || string(got) != frameHel {
			t.Fatalf("got %q, %v", got, err)
		}
		next <- struct{}{}
	}
	if rest, err := io.ReadAll(reader); err != nil || string(rest) != frameDone {
		t.Errorf("got %q, %v", rest, err)
	}
}

// begin sends helloStream and returns when the answer's head is there.
func (h *house) begin(t *testing.T, ctx context.Context) *http.Response {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, h.http+"/v1/chat/completions", strings.NewReader(helloStream))
	if err != nil {
		t.Fatal(err)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = resp.Body.Close() })
	return resp
}

func TestSSE_a_client_that_leaves_cancels_the_call(t *testing.T) {
	for name, first := range map[string]bool{"before the first chunk": false, "between chunks": true} {
		t.Run(name, func(t *testing.T) {
			started, ended := make(chan struct{}), make(chan error, 1)
			h := open(t, Config{}, streaming(func(ctx context.Context, _ *adapters.Call, send sendChunk) error {
				if first {
					_ = send(chunk("hel"))
				}
				close(started)
				<-ctx.Done()
				ended <- ctx.Err()
				return ctx.Err()
			}))
			ctx, leave := context.WithCancel(t.Context())
			if first {
				h.begin(t, ctx)
			} else {
				go func() {
					req, _ := http.NewRequestWithContext(ctx, http.MethodPost, h.http+"/v1/chat/completions", strings.NewReader(helloStream))
					if resp, err := h.client.Do(req); err == nil {
						_ = resp.Body.Close()
					}
				}()
			}
			<-started
			leave()
			if err := <-ended; err == nil {
				t.Error("the provider's context did not end")
			}
			if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED || r.Status != 499 {
				t.Errorf("receipt: %+v", r)
			}
			h.ledger.none(t)
		})
	}
}

func TestSSE_a_client_that_stops_reading_ends_the_call(t *testing.T) {
	long := chunk(strings.Repeat("x", 1<<20))
	h := open(t, Config{WriteTimeout: 100 * time.Millisecond}, streaming(func(_ context.Context, _ *adapters.Call, send sendChunk) error {
		for {
			if err := send(long); err != nil {
				return err
			}
		}
	}))
	h.begin(t, t.Context())
	if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED {
		t.Errorf("receipt: %+v", r)
	}
}

// HTTP/2 resets a stream whose write deadline passes, also in a silence.
func TestSSE_every_write_is_bounded_and_no_silence_is(t *testing.T) {
	w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	service, _ := newService(t, streaming(func(_ context.Context, _ *adapters.Call, send sendChunk) error {
		for range 2 {
			if err := send(chunk("hel")); err != nil || !w.write.IsZero() {
				t.Errorf("deadline %v between writes, %v", w.write, err)
			}
		}
		return nil
	}), Config{}.withDefaults().Logger)
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(helloStream))
	r.ProtoMajor = 2
	newHTTP(Config{}.withDefaults(), service, newHealth()).ServeHTTP(w, r)
	if w.unbounded || w.Body.String() != frameHel+frameHel+frameDone {
		t.Errorf("a write without a deadline: %t; got %q", w.unbounded, w.Body)
	}
}

func TestSSE_streams_over_HTTP_2(t *testing.T) {
	h := open(t, Config{}, &far{})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	h.client = &http.Client{Transport: transport}
	resp := h.begin(t, t.Context())
	body, err := io.ReadAll(resp.Body)
	if err != nil || resp.ProtoMajor != 2 || string(body) != frameHel+frameLo+frameStop+frameDone {
		t.Errorf("got %s %q, %v", resp.Proto, body, err)
	}
}

func TestSSE_panic_ends_in_an_error_event(t *testing.T) {
	h := open(t, Config{}, &far{})
	h.ledger.explode = true
	got := h.do(t, "POST", "/v1/chat/completions", helloStream)
	frames := strings.Split(strings.TrimSuffix(got.body, "\n\n"), "\n\n")
	last := strings.TrimPrefix(frames[len(frames)-1], "data: ")
	var event struct {
		Error oaiError `json:"error"`
	}
	if err := json.Unmarshal([]byte(last), &event); err != nil || event.Error.Message != "internal error" || strings.Contains(got.body, "[DONE]") {
		t.Errorf("got %q, %v", got.body, err)
	}
	if !strings.Contains(h.logs.String(), "recovered from a panic") || strings.Contains(h.logs.String(), "the prompt") {
		t.Errorf("log: %s", h.logs)
	}
}
