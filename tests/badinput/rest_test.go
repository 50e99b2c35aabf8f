package badinput

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

// restCase is one bad request and what must be said to it.
type restCase struct {
	name   string
	method string // POST
	path   string // below the host; /v1/chat/completions
	header string // "Name: value" lines
	body   string
	stream bool // the body has no length

	status  int
	reason  string // invalid_request
	param   string // "" is null
	message string // must be part of the message
	allow   string // the Allow header
}

func restCases() []restCase {
	const chat = `{"model":"m","messages":[{"role":"user","content":"x"}]`
	big := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("x", maxRequestBytes) + `"}]}`
	return []restCase{
		{name: "a broken member", body: `{"model":"m","messages":[{"role":}]}`, status: 400, param: "messages[0].role", message: "(byte 33)"},
		{name: "a broken end", body: `{"model":"m"`, status: 400, message: "(byte 12)"},
		{name: "a comma too many", body: `{"model":"m",}`, status: 400, message: "(byte 13)"},
		{name: "single quotes", body: `{'model':'m'}`, status: 400, message: "(byte 1)"},
		{name: "a number with a plus", body: chat + `,"n":+1}`, status: 400, param: "n", message: "(byte "},
		{name: "NaN", body: chat + `,"temperature":NaN}`, status: 400, param: "temperature", message: "(byte "},
		{name: "a leading zero", body: chat + `,"n":01}`, status: 400, message: "(byte "},
		{name: "a bad escape", body: `{"model":"\x41"}`, status: 400, param: "model", message: "(byte "},
		{name: "a raw newline in a string", body: "{\"model\":\"a\nb\"}", status: 400, param: "model", message: "(byte "},
		{name: "two documents", body: goodRequest + goodRequest, status: 400, message: fmt.Sprintf("(byte %d)", len(goodRequest))},
		{name: "words behind", body: goodRequest + " x", status: 400, message: "(byte "},
		{name: "a member twice", body: `{"model":"m","model":"other","messages":[{"role":"user","content":"x"}]}`, status: 400, param: "model", message: "duplicate"},
		{name: "invalid UTF-8", body: "{\"model\":\"m\",\"messages\":[{\"role\":\"user\",\"content\":\"a\xffb\"}]}", status: 400, param: "messages[0].content", message: "(byte "},
		{name: "invalid UTF-8 where nobody looks", body: chat + ",\"x\":{\"y\":\"\xc3\x28\"}}", status: 400, message: "(byte "},
		{name: "a surrogate in UTF-8", body: "{\"model\":\"\xed\xa0\x80\"}", status: 400, param: "model", message: "(byte "},
		{name: "an empty body", body: ``, status: 400, message: "empty"},
		{name: "only space", body: " \n ", status: 400, message: "(byte "},
		{name: "null", body: `null`, status: 400, message: "object"},
		{name: "an array", body: `[]`, status: 400, message: "object"},
		{name: "a string", body: `"model"`, status: 400, message: "object"},
		{name: "an array around it", body: `[` + goodRequest + `]`, status: 400, message: "object"},

		{name: "a text for a number", body: chat + `,"temperature":"hot"}`, status: 400, param: "temperature", message: "a number"},
		{name: "a number for a text", body: `{"model":7,"messages":[]}`, status: 400, param: "model", message: "a string"},
		{name: "a text for a list", body: `{"model":"m","messages":"x"}`, status: 400, param: "messages", message: "an array"},
		{name: "a message that is a text goes to the provider to decide", body: `{"model":"m","messages":["x"]}`, status: 200},
		{name: "a wrong type far inside", body: chat + `,"tools":[{"type":"function","function":{"name":"a"}},{"type":"function","function":{"name":"f","strict":"yes"}}]}`, status: 400, param: "tools[1].function.strict", message: "true or false"},
		{name: "a fraction for a count", body: chat + `,"max_tokens":1.5}`, status: 200},
		{name: "stream as a text", body: chat + `,"stream":"yes"}`, status: 400, param: "stream", message: "true or false"},

		{name: "no model", body: `{"messages":[{"role":"user","content":"x"}]}`, status: 400, param: "model", message: "model"},
		{name: "an empty model", body: `{"model":"","messages":[{"role":"user","content":"x"}]}`, status: 400, param: "model", message: "model"},
		{name: "no messages", body: `{"model":"m"}`, status: 400, param: "messages", message: "messages"},
		{name: "null messages", body: `{"model":"m","messages":null}`, status: 400, param: "messages", message: "messages"},
		{name: "empty messages", body: `{"model":"m","messages":[]}`, status: 400, param: "messages", message: "messages"},
		{name: "an unknown model", body: `{"model":"nobody's","messages":[{"role":"user","content":"x"}]}`, status: 404, reason: "model_not_found", param: "model", message: "nobody's"},
		{name: "an unknown model of a stream", body: `{"model":"nobody's","messages":[{"role":"user","content":"x"}],"stream":true}`, status: 404, reason: "model_not_found", param: "model", message: "nobody's"},
		{name: "a model with a line break", body: `{"model":"a\r\nSet-Cookie: b","messages":[{"role":"user","content":"x"}]}`, status: 404, reason: "model_not_found", param: "model", message: `\r\n`},
		{name: "a model of a provider without a name", body: `{"model":"openai/","messages":[{"role":"user","content":"x"}]}`, status: 404, reason: "model_not_found", param: "model", message: "openai/"},
		{name: "no input", path: "/v1/embeddings", body: `{"model":"m"}`, status: 400, param: "input", message: "input"},
		{name: "null as the input", path: "/v1/embeddings", body: `{"model":"m","input":null}`, status: 400, param: "input", message: "input"},

		{name: "too large", body: big, status: 413, reason: "request_too_large", message: "65536 bytes"},
		{name: "too large in chunks", body: big, stream: true, status: 413, reason: "request_too_large", message: "65536 bytes"},
		{name: "deep arrays", body: `{"model":"m","x":` + nested("[", "", "]", 30_000) + `}`, status: 400, message: "deep"},
		{name: "deep objects", body: `{"model":"m","x":` + nested(`{"a":`, "1", "}", 10_000) + `}`, status: 400, message: "deep"},
		{name: "deep and never closed", body: nested("[", "", "", 60_000), status: 400},
		{name: "deep in a schema", body: chat + `,"tools":[{"type":"function","function":{"name":"f","parameters":` + nested(`{"a":`, "1", "}", 10_000) + `}}]}`, status: 400, message: "deep"},
		{name: "deep in an unknown role", body: `{"model":"m","messages":[{"role":"x","y":` + nested("[", "", "]", 20_000) + `}]}`, status: 400, message: "deep"},

		{name: "GET", method: "GET", status: 405, reason: "method_not_allowed", message: "use POST", allow: "POST"},
		{name: "PUT", method: "PUT", body: goodRequest, status: 405, reason: "method_not_allowed", message: "PUT", allow: "POST"},
		{name: "DELETE", method: "DELETE", status: 405, reason: "method_not_allowed", message: "DELETE", allow: "POST"},
		{name: "a method of nobody", method: "BREW", status: 405, reason: "method_not_allowed", message: "BREW", allow: "POST"},
		{name: "a method override", method: "GET", header: "X-HTTP-Method-Override: POST", status: 405, reason: "method_not_allowed", allow: "POST"},
		{name: "POST to the models", method: "POST", path: "/v1/models", body: `{}`, status: 405, reason: "method_not_allowed", allow: "GET"},
		{name: "DELETE of a model", method: "DELETE", path: "/v1/models/m", status: 405, reason: "method_not_allowed", allow: "GET"},

		{name: "a base URL without /v1", path: "/chat/completions", body: goodRequest, status: 404, reason: "not_found", message: "/v1"},
		{name: "a base URL with /v1 twice", path: "/v1/v1/chat/completions", body: goodRequest, status: 404, reason: "not_found", message: "it should be /v1/chat/completions"},
		{name: "a base URL with something before", path: "/openai/v1/chat/completions", body: goodRequest, status: 404, reason: "not_found", message: "it should be /v1/chat/completions"},
		{name: "a base URL with a whole path", path: "/v1/chat/completions/chat/completions", body: goodRequest, status: 404, reason: "not_found", message: "/v1"},
		{name: "a slash at the end", path: "/v1/chat/completions/", body: goodRequest, status: 404, reason: "not_found", message: "it should be /v1/chat/completions"},
		{name: "slashes twice", path: "//v1//chat//completions", body: goodRequest, status: 404, reason: "not_found", message: "it should be /v1/chat/completions"},
		{name: "models without /v1", method: "GET", path: "/models", status: 404, reason: "not_found", message: "/v1"},
		{name: "a path of nobody", path: "/v1/nothing", body: `{}`, status: 404, reason: "not_found", message: "/v1/nothing"},
		{name: "a path up", path: "/v1/../admin", body: `{}`, status: 404, reason: "not_found"},
		{name: "a path with a NUL", path: "/v1/%00", body: `{}`, status: 404, reason: "not_found"},
		{name: "the root by POST", path: "/", body: `{}`, status: 405, reason: "method_not_allowed", allow: "GET"},

		{name: "text", header: "Content-Type: text/plain", body: goodRequest, status: 415, reason: "unsupported_media_type", message: "text/plain"},
		{name: "a form", header: "Content-Type: application/x-www-form-urlencoded", body: "model=m", status: 415, reason: "unsupported_media_type", message: "application/json"},
		{name: "multipart", header: "Content-Type: multipart/form-data; boundary=x", body: "--x--", status: 415, reason: "unsupported_media_type", message: "application/json"},
		{name: "a type that is none", header: "Content-Type: ;;;", body: goodRequest, status: 415, reason: "unsupported_media_type", message: "application/json"},
		{name: "another charset", header: "Content-Type: application/json; charset=iso-8859-1", body: goodRequest, status: 415, reason: "unsupported_media_type", message: "iso-8859-1"},
		{name: "UTF-8 by name", header: "Content-Type: application/json; charset=UTF-8", body: goodRequest, status: 200},
		{name: "no type at all", header: "Content-Type: -", body: goodRequest, status: 200},
		{name: "gzip", header: "Content-Encoding: gzip", body: "\x1f\x8b\x08", status: 415, reason: "unsupported_media_type", message: "gzip"},
		{name: "several encodings", header: "Content-Encoding: br, gzip", body: "x", status: 415, reason: "unsupported_media_type", message: "br, gzip"},
	}
}

func TestREST_refuses_bad_input_by_name_and_stays_healthy(t *testing.T) {
	g := open(t)
	for _, c := range restCases() {
		t.Run(c.name, func(t *testing.T) {
			status, header, body := g.rest(t, c)
			receipt := g.Receipt(t)
			if status != c.status || receipt.Status != c.status {
				t.Fatalf("status %d, receipt %d, want %d: %.500s", status, receipt.Status, c.status, body)
			}
			if c.status != 200 {
				checkEnvelope(t, c, header, body)
				if reason := header.Get("X-Sluice-Error-Reason"); reason != receipt.Reason {
					t.Errorf("reason %q, receipt %q", reason, receipt.Reason)
				}
			}
			g.healthy(t, g.REST())
		})
	}
	for _, r := range g.up.Requests() { // those of status 200 and the healthy ones
		if !json.Valid(r.Body) {
			t.Errorf("this went upstream: %.300s", r.Body)
		}
	}
}

func (g gate) rest(t *testing.T, c restCase) (int, http.Header, []byte) {
	t.Helper()
	method, path := c.method, c.path
	if method == "" {
		method = http.MethodPost
	}
	if path == "" {
		path = "/v1/chat/completions"
	}
	var body io.Reader = strings.NewReader(c.body)
	if c.stream {
		body = io.MultiReader(body) // hides the length
	}
	r, err := http.NewRequestWithContext(t.Context(), method, "http://"+g.HTTP, body)
	if err != nil {
		t.Fatal(err)
	}
	r.URL.Opaque = path
	if strings.HasPrefix(path, "//") { // in Opaque it would become the absolute form
		r.URL.Opaque, r.URL.Path = "", path
	}
	r.Header.Set("Content-Type", "application/json")
	r.Header.Set("Authorization", "Bearer "+callerSecret)
	if name, value, ok := strings.Cut(c.header, ": "); ok {
		if r.Header.Set(name, value); value == "-" {
			r.Header.Del(name)
		}
	}
	response, err := g.Client().Do(r)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header, content
}

func checkEnvelope(t *testing.T, c restCase, header http.Header, body []byte) {
	t.Helper()
	var envelope struct {
		Error struct {
			Message string
			Type    string
			Param   *string
			Code    json.RawMessage
		}
	}
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&envelope); err != nil {
		t.Fatalf("%v in %s", err, body)
	}
	e := envelope.Error
	if e.Message == "" || e.Type != "invalid_request_error" || len(e.Code) == 0 || header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %s", header, body)
	}
	param := ""
	if e.Param != nil {
		param = *e.Param
	}
	// A broken document has no member to blame for sure: then a path is welcome.
	if c.param != "" && param != c.param {
		t.Errorf("param %q, want %q: %s", param, c.param, body)
	}
	if !strings.Contains(e.Message, c.message) {
		t.Errorf("the message lacks %q: %s", c.message, body)
	}
	reason := c.reason
	if reason == "" {
		reason = "invalid_request"
	}
	if got := header.Get("X-Sluice-Error-Reason"); got != reason {
		t.Errorf("reason %q, want %q", got, reason)
	}
	if got := header.Get("X-Should-Retry"); got != "false" {
		t.Errorf("x-should-retry %q", got)
	}
	if got := header.Get("Allow"); !strings.HasPrefix(got, c.allow) || c.status == 405 && got == "" {
		t.Errorf("Allow %q, want %q", got, c.allow)
	}
	if strings.Contains(string(body), callerSecret) || len(body) > 4<<10 {
		t.Errorf("%d bytes: %.300s", len(body), body)
	}
}

func TestREST_says_which_base_URL_is_right(t *testing.T) {
	g := open(t)
	for _, path := range []string{"/chat/completions", "/v1/v1/chat/completions", "/v1/chat/completions/"} {
		_, _, body := g.rest(t, restCase{path: path, body: goodRequest})
		g.Receipt(t)
		if !bytes.Contains(body, []byte(g.Base())) {
			t.Errorf("%s: %s does not name %s", path, body, g.Base())
		}
	}
}

// TestREST_survives_what_is_no_HTTP sends bytes that no client library would.
func TestREST_survives_what_is_no_HTTP(t *testing.T) {
	g := open(t)
	head := "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	for _, test := range []struct {
		name, bytes string
		closed      bool   // we close our side and do not wait for an answer
		answer      string // the status line begins so
		receipt     string // the reason, when there is a receipt
	}{
		{name: "no HTTP", bytes: "HELLO, THIS IS NO HTTP AT ALL\r\n\r\n", answer: "HTTP/1.1 400"},
		{name: "a TLS hello", bytes: "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n", answer: "HTTP/1.1 400"},
		{name: "a header without an end", bytes: head + "X: " + strings.Repeat("x", 300<<10) + "\r\n\r\n", answer: "HTTP/1.1 431"},
		{name: "two lengths", bytes: head + "Content-Length: 1\r\nContent-Length: 2\r\n\r\n{}", answer: "HTTP/1.1 400"},
		{name: "length and chunks", bytes: head + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", answer: "HTTP/1.1 400"}, // no call: refused below HTTP
		{name: "a broken chunk", bytes: head + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", answer: "HTTP/1.1 400", receipt: "invalid_request"},
		{name: "too large by its own word", bytes: head + "Content-Length: 99999999999\r\nExpect: 100-continue\r\n\r\n", answer: "HTTP/1.1 413", receipt: "request_too_large"},
		{name: "a body that breaks off", bytes: head + "Content-Length: 100\r\n\r\n{\"model\":", closed: true, receipt: "canceled"},
		{name: "HTTP/1.0", bytes: "POST /v1/chat/completions HTTP/1.0\r\nContent-Length: 2\r\n\r\n{}", answer: "HTTP/1.0 400", receipt: "invalid_request"},
	} {
		t.Run(test.name, func(t *testing.T) {
			conn, err := net.Dial("tcp", g.HTTP)
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
			if err := conn.SetDeadline(time.Now().Add(harness.Patience)); err != nil {
				t.Fatal(err)
			}
			_, _ = io.WriteString(conn, test.bytes) // the server may close early
			if test.closed {
				_ = conn.Close()
			} else {
				line, err := bufio.NewReader(conn).ReadString('\n')
				if err != nil || !strings.HasPrefix(line, test.answer) {
					t.Errorf("%q, %v; want %s", line, err, test.answer)
				}
			}
			if test.receipt != "" {
				if r := g.Receipt(t); r.Reason != test.receipt {
					t.Errorf("receipt %+v, want %s", r, test.receipt)
				}
			}
			g.healthy(t, g.REST())
		})
	}
	g.untouched(t)
}
