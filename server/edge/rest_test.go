package edge

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

func TestREST_answers_every_bad_request_in_the_envelope_and_stays_healthy(t *testing.T) {
	const (
		chat  = "/v1/chat/completions"
		limit = 2000
	)
	h := open(t, Config{MaxRequestBytes: limit}, &far{})
	tests := []struct {
		name, method, path, body string
		headers                  []string
		status                   int
		reason, param, message   string // message: a part of it
		allow                    string
	}{
		{name: "broken JSON", body: `{"model":"m",}`, status: 400, reason: "invalid_request", message: "(byte 13)"},
		{name: "cut JSON", body: `{"model":"m"`, status: 400, reason: "invalid_request", param: "model", message: "byte 12"},
		{name: "text behind the JSON", body: hello + "x", status: 400, reason: "invalid_request", message: "byte"},
		{name: "wrong type with its path", body: `{"model":"m","messages":[{"role":"user","content":4}]}`, status: 400, reason: "invalid_request", param: "messages[0].content", message: "messages[0].content: expected"},
		{name: "wrong type of the model", body: `{"model":["m"]}`, status: 400, reason: "invalid_request", param: "model", message: "model: expected a string, got an array (byte 9)"},
		{name: "stream is a word", body: `{"model":"m","stream":"yes","messages":[]}`, status: 400, reason: "invalid_request", param: "stream", message: "stream: expected true or false"},
		{name: "stream is a number", body: `{"stream":1}`, status: 400, reason: "invalid_request", param: "stream", message: "stream: expected true or false"},
		{name: "null", body: `null`, status: 400, reason: "invalid_request", message: "expected an object, got null"},
		{name: "array", body: `[` + hello + `]`, status: 400, reason: "invalid_request", message: "expected an object, got an array"},
		{name: "text", body: `hello`, status: 400, reason: "invalid_request", message: "byte 0"},
		{name: "only space", body: "  \n", status: 400, reason: "invalid_request", message: "request body"},
		{name: "no body", status: 400, reason: "invalid_request", message: "request body is empty"},
		{name: "empty object", body: `{}`, status: 400, reason: "invalid_request", param: "messages", message: "messages"},
		{name: "invalid UTF-8", body: "{\"model\":\"\xff\"}", status: 400, reason: "invalid_request", param: "model", message: "byte 10"},
		{name: "lone surrogate", body: `{"model":"\ud800"}`, status: 400, reason: "invalid_request", param: "model"},
		{name: "nested too deep", body: strings.Repeat("[", 1900), status: 400, reason: "invalid_request"},
		{name: "too large", body: `{"user":"` + strings.Repeat("x", limit) + `"}`, status: 413, reason: "request_too_large", message: fmt.Sprintf("request of %d bytes exceeds the limit of %d bytes", limit+11, limit)},
		{name: "wrong method", method: "GET", status: 405, reason: "method_not_allowed", message: "method GET is not allowed on /v1/chat/completions: use POST", allow: "POST, OPTIONS"},
		{name: "wrong method on a list", method: "DELETE", path: "/v1/models/x", status: 405, reason: "method_not_allowed", allow: "GET, HEAD, OPTIONS"},
		{name: "method override", method: "GET", headers: []string{"X-HTTP-Method-Override", "POST"}, status: 405, reason: "method_not_allowed", allow: "POST, OPTIONS"},
		{name: "wrong path", path: "/v1/chat", body: hello, status: 404, reason: "not_found", message: "unknown path /v1/chat"},
		{name: "missing prefix", path: "/chat/completions", body: hello, status: 404, reason: "not_found", message: h.http + "/v1"},
		{name: "doubled prefix", path: "/v1/v1/chat/completions", body: hello, status: 404, reason: "not_found", message: h.http + "/v1"},
		{name: "index with another method", path: "/", body: hello, status: 405, reason: "method_not_allowed", allow: "GET, HEAD, OPTIONS"},
		{name: "form", body: hello, headers: []string{"Content-Type", "application/x-www-form-urlencoded"}, status: 415, reason: "unsupported_media_type", message: `"application/x-www-form-urlencoded" is not supported: send application/json`},
		{name: "other charset", body: hello, headers: []string{"Content-Type", "application/json; charset=latin1"}, status: 415, reason: "unsupported_media_type", message: `charset "latin1"`},
		{name: "broken content type", body: hello, headers: []string{"Content-Type", "application/json; ;="}, status: 415, reason: "unsupported_media_type"},
		{name: "compressed", body: hello, headers: []string{"Content-Encoding", "gzip"}, status: 415, reason: "unsupported_media_type", message: `"gzip" is not supported`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			method, path := test.method, test.path
			if method == "" {
				method = http.MethodPost
			}
			if path == "" {
				path = chat
			}
			got := h.do(t, method, path, test.body, test.headers...)
			e := got.failure(t)
			if got.status != test.status || got.header.Get("X-Sluice-Error-Reason") != test.reason {
				t.Errorf("got %d %s (%+v)", got.status, got.header.Get("X-Sluice-Error-Reason"), e)
			}
			if e.Message == "" || !strings.Contains(e.Message, test.message) || e.Type == nil || *e.Type != "invalid_request_error" {
				t.Errorf("error object: %s", got.body)
			}
			if param := ""; e.Param != nil && *e.Param != test.param || e.Param == nil && test.param != param {
				t.Errorf("param: %s, want %q", got.body, test.param)
			}
			if got.header.Get("Allow") != test.allow || got.header.Get("X-Should-Retry") != "false" ||
				got.header.Get("Content-Type") != "application/json" || got.header.Get("X-Request-Id") == "" {
				t.Errorf("headers: %v", got.header)
			}
			if r := h.ledger.next(t); fault.ReasonName(r.Reason) != test.reason || r.ID != got.header.Get("X-Sluice-Request-Id") {
				t.Errorf("receipt: %+v", r)
			}
			h.ledger.none(t)
			h.healthy(t)
		})
	}
}

func TestREST_refuses_nesting_of_100000_levels(t *testing.T) {
	h := open(t, Config{}, &far{})
	got := h.do(t, "POST", "/v1/chat/completions", `{"x":`+strings.Repeat("[", 100_000)+strings.Repeat("]", 100_000)+`}`)
	if got.failure(t); got.status != 400 {
		t.Errorf("got %d %.300s", got.status, got.body)
	}
	h.ledger.next(t)
	h.healthy(t)
}

func TestREST_refuses_a_body_that_grows_beyond_the_limit(t *testing.T) {
	h := open(t, Config{MaxRequestBytes: 100_000}, &far{})
	for name, size := range map[string]int{"just": 100_001, "far": 10 << 20} {
		t.Run(name, func(t *testing.T) {
			// A reader without a length makes the client send chunks.
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.http+"/v1/embeddings", io.MultiReader(bytes.NewReader(make([]byte, size))))
			got := h.send(t, req)
			if e := got.failure(t); got.status != 413 || e.Message != "request exceeds the limit of 100000 bytes" {
				t.Errorf("got %d %+v", got.status, e)
			}
			h.ledger.next(t)
			h.healthy(t)
		})
	}
}

func TestREST_refuses_an_announced_length_before_the_body_comes(t *testing.T) {
	h := open(t, Config{MaxRequestBytes: 1000}, &far{})
	raw := h.dial(t)
	raw.write("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 999999999\r\n\r\n")
	if got := raw.read(); got.status != http.StatusRequestEntityTooLarge {
		t.Errorf("got %d %s", got.status, got.body)
	}
	h.ledger.next(t)
	h.healthy(t)
}

func TestREST_does_not_ask_for_a_body_that_it_refuses(t *testing.T) {
	h := open(t, Config{MaxRequestBytes: 1000}, &far{})
	for name, head := range map[string]string{"413": "Content-Type: application/json\r\nContent-Length: 5000", "415": "Content-Type: text/plain\r\nContent-Length: 10"} {
		raw := h.dial(t)
		raw.write("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nExpect: 100-continue\r\n" + head + "\r\n\r\n")
		if got := raw.read(); fmt.Sprint(got.status) != name { // 100 would come first
			t.Errorf("%s: got %d %s", name, got.status, got.body)
		}
		h.ledger.next(t)
	}
	h.healthy(t)
}

func TestREST_lets_a_refused_caller_finish_sending(t *testing.T) {
	h := open(t, Config{MaxRequestBytes: 1000}, &far{})
	raw := h.dial(t)
	const size = 8 << 20 // far more than the sockets hold
	raw.write(fmt.Sprintf("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n", size))
	raw.write(strings.Repeat("x", size)) // fails the test when the server hangs up
	if got := raw.read(); got.status != http.StatusRequestEntityTooLarge || got.header.Get("Connection") != "close" {
		t.Errorf("got %d %v", got.status, got.header)
	}
	h.ledger.next(t)
}

func TestREST_gives_up_on_a_body_that_stops_arriving(t *testing.T) {
	h := open(t, Config{ReadTimeout: 50 * time.Millisecond}, &far{})
	raw := h.dial(t)
	raw.write("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	got := raw.read()
	if e := got.failure(t); got.status != 408 || got.header.Get("Connection") != "close" || e.Message != "request arrived too slowly or stopped arriving before its end" {
		t.Errorf("got %d %s", got.status, got.body)
	}
	h.ledger.next(t)
	h.healthy(t)
}

func TestREST_refuses_a_path_whose_body_never_comes(t *testing.T) {
	h := open(t, Config{ReadTimeout: 50 * time.Millisecond}, &far{})
	raw := h.dial(t)
	raw.write("POST /chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\nContent-Length: 100\r\n\r\n{")
	if got := raw.read(); got.status != http.StatusNotFound {
		t.Errorf("got %d %s", got.status, got.body)
	}
	h.ledger.next(t)
	h.healthy(t)
}

// A deadline that is still there when the call begins would end the call, since
// net/http goes on reading in the background.
func TestREST_no_read_deadline_outlives_the_body(t *testing.T) {
	w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
	f := &far{chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
		if !w.bounded || !w.read.IsZero() {
			t.Errorf("read deadline %v, once set: %t", w.read, w.bounded)
		}
		return completion("x"), nil
	}}
	service, _ := newService(t, f, Config{}.withDefaults().Logger)
	newHTTP(Config{}.withDefaults(), service, newHealth()).ServeHTTP(w,
		httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(hello)))
	if w.Code != http.StatusOK || len(f.seen()) != 1 {
		t.Errorf("got %d", w.Code)
	}
}

// deadlineWriter is a response writer that knows its deadlines.
type deadlineWriter struct {
	*httptest.ResponseRecorder

	read, write time.Time
	bounded     bool // a read had a deadline
	unbounded   bool // a write had none
}

func (w *deadlineWriter) SetReadDeadline(at time.Time) error {
	w.read, w.bounded = at, w.bounded || !at.IsZero()
	return nil
}

func (w *deadlineWriter) SetWriteDeadline(at time.Time) error {
	w.write = at
	return nil
}

func (w *deadlineWriter) Write(p []byte) (int, error) {
	w.unbounded = w.unbounded || w.write.IsZero()
	return w.ResponseRecorder.Write(p)
}

func TestREST_accepts_the_content_types_of_JSON(t *testing.T) {
	h := open(t, Config{}, &far{})
	for _, contentType := range []string{"", "application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "application/problem+json", "Application/JSON"} {
		got := h.do(t, "POST", "/v1/chat/completions", hello, "Content-Type", contentType, "Content-Encoding", "identity")
		if got.status != http.StatusOK {
			t.Errorf("%q: %d %s", contentType, got.status, got.body)
		}
	}
}

func TestREST_writes_a_unary_answer_once_with_its_length(t *testing.T) {
	h := open(t, Config{}, &far{})
	got := h.do(t, "POST", "/v1/chat/completions", hello)
	if got.header.Get("Content-Length") != fmt.Sprint(len(got.body)) || got.header.Get("Content-Type") != "application/json" {
		t.Errorf("headers: %v", got.header)
	}
	want := string(wirejson.Marshal(completion("hello")))
	if got.body != want {
		t.Errorf("got %s, want %s", got.body, want)
	}
	head := h.do(t, "HEAD", "/v1/models", "")
	if head.status != 200 || head.body != "" || head.header.Get("Content-Length") == "" {
		t.Errorf("HEAD: %+v", head)
	}
}

func TestREST_passes_a_provider_error_on_with_its_headers(t *testing.T) {
	envelope := &sluicev1.ErrorEnvelope{}
	const body = `{"error":{"message":"slow down","type":"tokens","param":null,"code":"rate_limit_exceeded","innererror":{"b":1,"a":2}},"request":"r"}`
	if err := wirejson.Unmarshal([]byte(body), envelope, wirejson.Options{Lenient: true}); err != nil {
		t.Fatal(err)
	}
	failure := &adapters.Error{
		Kind: adapters.KindRateLimited, Provider: "far", Status: 429, Envelope: envelope,
		RetryAfter: 1500 * time.Millisecond,
		Header:     adapters.Header{{Name: "x-ratelimit-remaining-tokens", Value: "0"}, {Name: "x-request-id", Value: "req_far"}},
		Cause:      fmt.Errorf("dial 10.0.0.1"),
	}
	for name, test := range map[string]struct {
		add                     adapters.Header
		retryAfter, shouldRetry string
	}{
		"our advice":          {retryAfter: "2"},
		"the provider's wins": {add: adapters.Header{{Name: "retry-after", Value: "7"}, {Name: "x-should-retry", Value: "true"}}, retryAfter: "7", shouldRetry: "true"},
		"in milliseconds":     {add: adapters.Header{{Name: "retry-after-ms", Value: "1500"}}},
	} {
		t.Run(name, func(t *testing.T) {
			e := *failure
			e.Header = append(append(adapters.Header{}, e.Header...), test.add...)
			h := open(t, Config{}, &far{chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
				return nil, &e
			}})
			got := h.do(t, "POST", "/v1/chat/completions", hello)
			if got.status != 429 || got.body != body {
				t.Errorf("got %d %s", got.status, got.body)
			}
			for header, want := range map[string]string{
				"Retry-After": test.retryAfter, "X-Should-Retry": test.shouldRetry, "X-Ratelimit-Remaining-Tokens": "0",
				"X-Request-Id": "req_far", "X-Sluice-Error-Reason": "upstream_rate_limited",
			} {
				if got.header.Get(header) != want {
					t.Errorf("%s: got %q, want %q", header, got.header.Get(header), want)
				}
			}
			if strings.Contains(fmt.Sprint(got), "10.0.0.1") {
				t.Error("the cause leaked")
			}
		})
	}
}
