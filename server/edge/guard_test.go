package edge

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-ai/sluice/server/edge/frame"
)

// guarded is the doors on a port behind the guard.
type guarded struct {
	*house

	mu      sync.Mutex
	refused []string // guarded by mu
}

func openGuarded(t *testing.T, f *far) *guarded {
	t.Helper()
	g := &guarded{house: open(t, Config{}, f)}
	l := listen(t)
	server := NewHTTPServer(g.edge.HTTP())
	g.http = "http://" + l.Addr().String()
	run(t, func() {
		_ = server.Serve(GuardHTTP(l, func(why string) {
			g.mu.Lock()
			defer g.mu.Unlock()
			g.refused = append(g.refused, why)
		}))
	}, func() { _ = server.Close() })
	return g
}

func TestGuard_refuses_in_the_doors_shape_and_closes(t *testing.T) {
	const good = "POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n"
	f := &far{}
	g := openGuarded(t, f)
	for _, test := range []struct {
		name, bytes string
		status      int
		reason, why string
	}{
		{"CONNECT", "CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n", 400, "invalid_request", "connect"},
		{"a whole URL", "GET http://h/v1/models HTTP/1.1\r\nHost: h\r\n\r\n", 400, "invalid_request", "target"},
		{"no host", "GET /v1/models HTTP/1.1\r\n\r\n", 400, "invalid_request", "host"},
		{"an empty host", "GET /v1/models HTTP/1.1\r\nHost:\r\n\r\n", 400, "invalid_request", "host"},
		{"two hosts", "GET /v1/models HTTP/1.1\r\nHost: h\r\nHost: i\r\n\r\n", 400, "invalid_request", "host"},
		{"a user in the host", "GET /v1/models HTTP/1.1\r\nHost: u@h\r\n\r\n", 400, "invalid_request", "host"},
		{"a length and chunks", good + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400, "invalid_request", "length_and_encoding"},
		{"two lengths", good + "Content-Length: 5\r\nContent-Length: 5\r\n\r\n12345", 400, "invalid_request", "content_length"},
		{"another encoding", good + "Transfer-Encoding: gzip\r\n\r\n", 501, "invalid_request", "unknown_encoding"},
		{"another version", "GET /v1/models HTTP/1.9\r\nHost: h\r\n\r\n", 505, "invalid_request", "version"},
		{"another expectation", good + "Expect: tea\r\n\r\n", 417, "invalid_request", "expect"},
		{"a long URL", "GET /v1/models?" + strings.Repeat("x", maxURLBytes) + " HTTP/1.1\r\nHost: h\r\n\r\n", 414, "request_too_large", "target_too_long"},
		{"many fields", good + strings.Repeat("A: b\r\n", maxHeaderFields) + "\r\n", 431, "request_too_large", "too_many_fields"},
		{"a large header", good + "X: " + strings.Repeat("x", maxHeaderBytes) + "\r\n\r\n", 431, "request_too_large", "head_too_large"},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := g.dial(t)
			c.write(test.bytes + "GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n") // smuggled
			got := c.read()
			e := got.failure(t)
			if got.status != test.status || got.header.Get("X-Sluice-Error-Reason") != test.reason || e.Message == "" ||
				e.Type == nil || *e.Type != "invalid_request_error" {
				t.Errorf("%d %v %s", got.status, got.header, got.body)
			}
			if got.header.Get("Connection") != "close" || got.header.Get("X-Should-Retry") != "false" || got.header.Get("Content-Type") != contentTypeJSON {
				t.Errorf("headers %v", got.header)
			}
			if rest, err := io.ReadAll(c.reader); err != nil || len(rest) > 0 {
				t.Errorf("%q, %v behind the answer", rest, err)
			}
			g.mu.Lock()
			if len(g.refused) != 1 || g.refused[0] != test.why {
				t.Errorf("told of %q, want %q", g.refused, test.why)
			}
			g.refused = nil
			g.mu.Unlock()
			g.ledger.none(t) // it was no call
			g.healthy(t)
		})
	}
}

func TestGuard_has_an_answer_to_every_refusal(t *testing.T) {
	for _, r := range frame.Refusals() {
		resp, err := http.ReadResponse(bufio.NewReader(strings.NewReader(unframed[r])), nil)
		if err != nil {
			t.Fatalf("%s: %v", r, err)
		}
		body, err := io.ReadAll(resp.Body)
		_ = resp.Body.Close()
		if err != nil || resp.StatusCode != r.Status() || !resp.Close || !json.Valid(body) || int64(len(body)) != resp.ContentLength {
			t.Errorf("%s: %d %v %s, %v", r, resp.StatusCode, resp.Header, body, err)
		}
	}
}

// A body that breaks its own framing is a bad request, not a caller who left.
func TestGuard_lets_the_door_say_what_is_wrong_with_a_body(t *testing.T) {
	g := openGuarded(t, &far{})
	for _, body := range []string{"zz\r\n", "1\r\n{\n", "2\r\n{}\r\n0\r\nContent-Length: 1\r\n\r\n"} {
		c := g.dial(t)
		c.write("POST /v1/chat/completions HTTP/1.1\r\nHost: h\r\nTransfer-Encoding: chunked\r\n\r\n" + body + "GET /v1/models HTTP/1.1\r\nHost: h\r\n\r\n")
		got := c.read()
		if e := got.failure(t); got.status != 400 || !strings.Contains(e.Message, "could not be read") {
			t.Errorf("%q: %d %s", body, got.status, got.body)
		}
		if rest, _ := io.ReadAll(c.reader); len(rest) > 0 { // reset, since bytes were left unread
			t.Errorf("%q: %q behind the answer", body, rest)
		}
		if r := g.ledger.next(t); r.Status != 400 {
			t.Errorf("%q: receipt %+v", body, r)
		}
		g.ledger.none(t)
		g.healthy(t)
	}
}

// HTTP/2 has no guard: the door itself refuses what the guard would.
func TestDoor_refuses_odd_requests_of_HTTP2(t *testing.T) {
	service, l := newService(t, &far{}, Config{}.withDefaults().Logger)
	door := newHTTP(Config{}.withDefaults(), service, newHealth())
	for _, test := range []struct {
		name   string
		change func(*http.Request)
		status int
	}{
		{"nothing odd", func(*http.Request) {}, 200},
		{"the same host twice", func(r *http.Request) { r.Header.Set("Host", r.Host) }, 200},
		{"no authority", func(r *http.Request) { r.Host = "" }, 400},
		{"a user in the authority", func(r *http.Request) { r.Host = "u@h" }, 400},
		{"a path in the authority", func(r *http.Request) { r.Host = "h/x" }, 400},
		{"a bad port", func(r *http.Request) { r.Host = "h:99999" }, 400},
		{"an authority beyond ASCII", func(r *http.Request) { r.Host = "h\xc3\xb6" }, 400},
		{"a control character in the authority", func(r *http.Request) { r.Host = "h\r\nx" }, 400},
		{"another host", func(r *http.Request) { r.Header.Set("Host", "other") }, 400},
		{"CONNECT", func(r *http.Request) { r.Method, r.URL.Path, r.RequestURI = http.MethodConnect, "", "h:443" }, 400},
		{"an asterisk", func(r *http.Request) { r.URL.Path, r.RequestURI = "*", "*" }, 400},
		{"a long URL", func(r *http.Request) { r.RequestURI += "?" + strings.Repeat("x", maxURLBytes) }, 414},
		{"many fields", func(r *http.Request) { r.Header["X"] = make([]string, maxHeaderFields+1) }, 431},
	} {
		t.Run(test.name, func(t *testing.T) {
			r := httptest.NewRequestWithContext(t.Context(), http.MethodGet, "/v1/models", nil)
			r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/2.0", 2, 0
			test.change(r)
			w := httptest.NewRecorder()
			door.ServeHTTP(w, r)
			if w.Code != test.status || (test.status != 200) != (w.Header().Get("Connection") == "close") {
				t.Errorf("%d %v %s", w.Code, w.Header(), w.Body)
			}
			if receipt := l.next(t); receipt.Status != test.status {
				t.Errorf("receipt %+v", receipt)
			}
		})
	}
}

func TestDoor_takes_HTTP2_behind_the_guard(t *testing.T) {
	g := openGuarded(t, &far{})
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	g.client = &http.Client{Transport: transport}
	for range 3 {
		g.healthy(t)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, g.http+"/v1/models", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header["X"] = make([]string, maxHeaderFields+1)
	if got := g.send(t, r); got.status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("many fields: %d %s", got.status, got.body)
	}
	g.ledger.next(t)
	g.healthy(t)
}

func TestSpelling_of_a_path_is_one(t *testing.T) {
	f := &far{}
	h := open(t, Config{}, f)
	h.service.Swap(prefixed(t, f, "/openai"))
	const chat = "POST /v1/chat/completions"
	for request, want := range map[string]string{
		// Escapes are decoded once.
		"POST /v1/ch%61t/completions":        "200",
		"POST /v1/ch%2561t/completions":      "404 unknown path",
		"GET /v1/models/far/gpt-4%2e1":       "200",
		"GET /v1/models/far%2Fm":             "200",
		"GET /v1/models/far%2fm":             "200",
		"GET /v1/models/far%2F%2Fm":          "200",
		"GET /openai/v1/models/far%2Fm":      "200",
		"GET /openai/models/far%2Fm":         "200",
		"GET /v1/models/...":                 "200",
		"GET /v1/models/far/%E6%A8%A1":       "200",
		"GET /v1/models/far/m?x=//..%2F%5C_": "200",

		// Slashes.
		"POST //v1/chat/completions":                         "404 it should be /v1/chat/completions",
		"POST /v1//chat/completions":                         "404 it should be /v1/chat/completions",
		"POST /v1/chat/completions//":                        "404 it should be /v1/chat/completions",
		"GET //":                                             "404 two slashes in a row",
		"GET /v1/models/far//m":                              "404 it should be /v1/models/far/m",
		"POST /openai//v1/embeddings":                        "404 it should be /openai/v1/embeddings",
		"POST /v1%2Fchat/completions":                        "404 it should be /v1/chat/completions",
		"POST /%2Fv1/chat/completions":                       "404 it should be /v1/chat/completions",
		"POST /v1/chat%2fcompletions":                        "404 it should be /v1/chat/completions",
		"GET /v1/models%2Ffar/m":                             "404 it should be /v1/models/far/m",
		"GET /v1%2Fmodels/far%2Fm":                           "404 it should be /v1/models/far/m",
		"GET /openai%2Fmodels/m":                             "404 it should be /openai/v1/models/m",
		"GET /%2F":                                           "404 an encoded slash outside of an id",
		"GET /v1%2F":                                         "404 an encoded slash outside of an id",
		"POST /sluice.v1.ChatService%2FCreateChatCompletion": "404 an encoded slash outside of an id",

		// Dots.
		"POST /v1/./chat/completions":        "404 it should be /v1/chat/completions",
		"POST /x/../v1/chat/completions":     "404 it should be /v1/chat/completions",
		"POST /x/%2e%2e/v1/chat/completions": "404 it should be /v1/chat/completions",
		"POST /x/.%2E/v1/chat/completions":   "404 it should be /v1/chat/completions",
		"GET /v1/..":                         `404 "." or ".."`,
		"GET /v1/models/..":                  `404 "." or ".."`,
		"GET /v1/models/far/..":              `404 "." or ".."`,
		"GET /v1/models/far%2F..":            `404 "." or ".."`,
		"GET /v1/models/..%2f..%2fadmin":     `404 "." or ".."`,
		"GET /v1/models/%2e%2e%2fadmin":      `404 "." or ".."`,
		"GET /v1/models/far/.":               `404 "." or ".."`,
		"GET /docs/../v2":                    `404 "." or ".."`,

		// What is no character of a path.
		"GET /v1/%00":             "404 control character",
		"GET /v1/models/a%00b":    "404 control character",
		"GET /v1/models/a%0d%0ab": "404 control character",
		"GET /v1/models/a%7F":     "404 control character",
		`GET /v1\models`:          "404 backslash",
		"GET /v1%5Cmodels":        "404 backslash",
		"GET /v1/models/a%5cb":    "404 backslash",
		"GET /v1/models/%ff":      "404 no UTF-8",
		"GET /v1/%c0%ae%c0%ae/x":  "404 no UTF-8",

		chat: "200",
	} {
		t.Run(request, func(t *testing.T) {
			before := len(f.seen())
			c := h.dial(t)
			c.write(request + " HTTP/1.1\r\nHost: h\r\nContent-Type: application/json\r\n" + fmt.Sprintf("Content-Length: %d\r\n\r\n", len(hello)) + hello)
			got := c.read()
			status, message, _ := strings.Cut(want, " ")
			if fmt.Sprint(got.status) != status {
				t.Fatalf("%d %s", got.status, got.body)
			}
			if got.status != 200 {
				if e := got.failure(t); !strings.Contains(e.Message, message) {
					t.Errorf("%q, want %q", e.Message, message)
				}
				if n := len(f.seen()); n != before {
					t.Errorf("%d calls went to the provider", n-before)
				}
			}
			h.ledger.next(t)
			h.ledger.none(t)
		})
	}
}
