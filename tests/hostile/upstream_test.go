package hostile

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

// upstreamCases are those that tests/faults lacks. It holds, each for answers in one piece
// and streams: connections that are refused, hang, reset or break off at every point;
// every timeout; statuses with every kind of Retry-After; redirects, counted at where they
// point; odd status lines, giant and very many headers; lengths that lie, chunks that lie;
// HTML and every kind of broken JSON in a 200; gzip that is cut, none, or a bomb; a line of
// 50 MB; streams that end, break or speak nonsense at every point; a key quoted in a 401.
func upstreamCases() []providerCase {
	const k = `{"error":{"message":%s,"type":"t","param":null,"code":"c"}}`
	failure := func(name string, status int, header, body, says string) providerCase {
		return providerCase{name: name, script: answers(status, header, body), status: []int{status}, says: says}
	}
	garbled := func(name string, stream bool, script func(*exchange)) providerCase {
		return providerCase{name: name, stream: stream, script: script, status: []int{502}}
	}
	whole := func(name, body string) providerCase {
		return providerCase{name: name, script: answers(200, typeJSON, body), whole: true}
	}
	saying := func(content string) string {
		return `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":` + content + `},"finish_reason":"stop"}]}`
	}
	chunk := func(content string) string {
		return `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":` + content + `},"finish_reason":null}]}` + "\n\n"
	}
	trace := "panic: runtime error\\n\\ngoroutine 1 [running]:\\nmain.main()\\n\\t/srv/app/main.go:17 +0x1d"
	usage := func(usage string) string {
		return strings.Replace(goodAnswer, `{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}`, usage, 1)
	}
	endlessly := func(first, more string) func(*exchange) {
		return func(x *exchange) {
			kind := typeJSON
			if x.stream {
				kind = typeSSE
			}
			if x.write(ok200, kind, "\r\n", first) {
				for x.write(more) {
				}
			}
		}
	}
	packed := func(encoding, kind, text string) func(*exchange) {
		return func(x *exchange) {
			x.write(ok200, kind, "Content-Encoding: ", encoding, "\r\n\r\n", string(pack([]byte(text))))
		}
	}
	return []providerCase{
		failure("the key in a message", 400, typeJSON, fmt.Sprintf(k, `"you sent KEY"`), "you sent [redacted]"),
		failure("the key behind escapes", 400, typeJSON, fmt.Sprintf(k, `"\u006bey: `+escaped(markerKey)+`"`), "redacted"),
		failure("the key in plain text", 500, "", "Authorization: Bearer KEY", "redacted"),
		failure("the key in a code", 400, typeJSON, `{"error":{"message":"m","type":"KEY","param":"KEY","code":"KEY"}}`, "redacted"),
		failure("the key in a name of a member", 400, typeJSON, `{"error":{"message":"m","type":"t","param":null,"code":null,"KEY":1}}`, ""),
		failure("the key in headers of an error", 400, "X-Request-Id: KEY\r\nX-Ratelimit-Reset-Tokens: KEY\r\nOpenai-Organization: KEY\r\nRetry-After: KEY\r\n"+typeJSON, fmt.Sprintf(k, `"no"`), "no"),
		failure("the target's header in a message", 403, typeJSON, fmt.Sprintf(k, `"TARGET is unknown"`), "redacted"),
		failure("the target's header in a header", 400, "Openai-Version: TARGET\r\n"+typeJSON, fmt.Sprintf(k, `"no"`), "no"),
		{name: "the key in headers of an answer", script: answers(200, "X-Request-Id: KEY\r\nOpenai-Organization: KEY\r\n"+typeJSON, goodAnswer), whole: true},
		{name: "the key in an answer", script: answers(200, typeJSON, saying(`"your key is KEY"`)), whole: true},
		{name: "the key in an unknown member", script: answers(200, typeJSON, strings.Replace(goodAnswer, `"id":`, `"echo":{"headers":{"authorization":"Bearer KEY"}},"id":`, 1)), whole: true},
		{name: "the key in an event", stream: true, script: without(chunk(`"your key is KEY"`) + lastOne), whole: true},
		{name: "the key in an error event", stream: true, script: without(event + "data: " + fmt.Sprintf(k, `"KEY"`) + "\n\n"), status: []int{502}},
		{name: "the key in a comment", stream: true, script: without(": KEY\n\n" + event + lastOne), whole: true},
		{name: "the key in the name of an event", stream: true, script: without("event: KEY\n" + event + lastOne), whole: true},
		{name: "the key in a redirect", script: answers(307, "Location: http://127.0.0.1:1/?key=KEY\r\n", "KEY"), status: []int{502}, says: "redirect"},

		// A provider's own words pass; Sluice has no words of that kind.
		failure("a stack trace", 500, typeJSON, fmt.Sprintf(k, `"`+trace+`"`), "goroutine 1"),
		failure("a stack trace in plain text", 500, "", strings.ReplaceAll(trace, `\n`, "\n"), "panic"),
		failure("a long stack trace in plain text", 500, "", strings.Repeat("goroutine 7 [running]\n", 40_000), "…"),

		{name: "cookies and headers of a connection", script: answers(200, "Set-Cookie: a=b\r\nServer: nginx\r\nAccess-Control-Allow-Origin: *\r\nX-Sluice-Error-Reason: none\r\nGrpc-Status: 3\r\nVia: 1.1 internal\r\nStrict-Transport-Security: max-age=1\r\n"+typeJSON, goodAnswer), whole: true, hides: "nginx"},
		garbled("a request id that a terminal obeys", false, answers(200, "X-Request-Id: a\x1b[31m\r\n"+typeJSON, goodAnswer)),
		{name: "a request id that is no ASCII", script: answers(200, "X-Request-Id: a\xc2\x9b31m\r\n"+typeJSON, goodAnswer), whole: true, hides: "\xc2\x9b"},
		{name: "a request id of 100 KB", script: answers(200, "X-Request-Id: "+fill(100<<10)+"\r\n"+typeJSON, goodAnswer), whole: true},

		garbled("a trailer without end", false, func(x *exchange) {
			if x.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", typeJSON, "\r\n", chunkOf(goodAnswer), "0\r\nX-A: ") {
				for x.write(fill(64 << 10)) {
				}
			}
		}),
		garbled("an extension of a chunk without end", false, func(x *exchange) {
			if x.write("HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n", typeJSON, "\r\n39;") {
				for x.write(fill(64 << 10)) {
				}
			}
		}),
		{name: "an error without end", script: func(x *exchange) {
			if x.write("HTTP/1.1 500 Odd\r\n", typeJSON, "\r\n") {
				for x.write(fill(64 << 10)) {
				}
			}
		}, status: []int{500}},
		{name: "an error that is a bomb", script: func(x *exchange) {
			x.write("HTTP/1.1 500 Odd\r\nContent-Encoding: gzip\r\n", typeJSON, "\r\n", strings.Repeat(string(pack(make([]byte, 1<<20))), 64))
		}, status: []int{500}},
		garbled("a name of an event without end", true, endlessly("event: ", fill(64<<10))),
		garbled("lines of one event without end", true, endlessly("", "data: "+fill(64<<10)+"\n")),
		// Those say nothing, and go on.
		garbled("comments without end", true, endlessly("", ": "+fill(64<<10)+"\n")),
		garbled("ids without end", true, endlessly("", "id: "+fill(1000)+"\n")),
		garbled("blank lines without end", true, endlessly("", strings.Repeat("\n", 64<<10))),
		garbled("empty events without end", true, endlessly("", strings.Repeat("data:\n\n", 8<<10))),

		garbled("gzip in gzip", false, packed("gzip, gzip", typeJSON, goodAnswer)),
		garbled("deflate", false, packed("deflate", typeJSON, goodAnswer)),
		{name: "gzip in capitals", script: packed("GZIP", typeJSON, goodAnswer), whole: true},
		{name: "a type and a half", script: answers(200, "Content-Type: text/plain\r\n"+typeJSON, goodAnswer), whole: true},
		garbled("an image for a stream", true, answers(200, "Content-Type: image/png\r\n", "\x89PNG")),
		garbled("depth", false, answers(200, typeJSON, `{"x":`+nested("[", "", "]", 100_000)+`}`)),
		garbled("depth in an event", true, without(`data: {"x":`+nested("[", "", "]", 100_000)+"}\n\n")),
		{name: "a choice of a very high index", stream: true, script: without(strings.Replace(event, `"index":0`, `"index":2147483647`, 1) + event + lastOne), whole: true},
		{name: "a choice of an index below nothing", stream: true, script: without(strings.Replace(event, `"index":0`, `"index":-1`, 1) + event + lastOne), whole: true},
		{name: "tokens below nothing", script: answers(200, typeJSON, usage(`{"prompt_tokens":-5,"completion_tokens":-7,"total_tokens":-12}`)), whole: true},
		whole("more tokens than there are", usage(`{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807,"total_tokens":9223372036854775807}`)),
		whole("a model and an end of 100 KB", strings.NewReplacer(`"model":"m"`, `"model":"`+fill(100<<10)+`"`, `"stop"`, `"`+fill(100<<10)+`"`).Replace(goodAnswer)),
		failure("a wait of a century", 429, "Retry-After: 3155760000\r\n"+typeJSON, fmt.Sprintf(k, `"no"`), "no"),
		failure("a wait below nothing", 429, "Retry-After: -1\r\n"+typeJSON, fmt.Sprintf(k, `"no"`), "no"),
		failure("a wait of many digits", 503, "Retry-After: "+strings.Repeat("9", 1000)+"\r\n"+typeJSON, fmt.Sprintf(k, `"no"`), "no"),
		{name: "an error inside of a 200 that says it is a 200", script: answers(200, typeJSON, strings.Replace(fmt.Sprintf(k, `"no"`), `"c"`, "200", 1)), status: []int{500, 502}, says: "no"},
		{name: "an error inside of a 200 of status 99999", script: answers(200, typeJSON, strings.Replace(fmt.Sprintf(k, `"no"`), `"c"`, "99999", 1)), status: []int{500, 502}, says: "no"},
	}
}

func chunkOf(text string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(text), text) }

// escaped writes each letter of a JSON string as an escape.
func escaped(text string) string {
	var out strings.Builder
	for _, r := range text {
		fmt.Fprintf(&out, `\u%04x`, r)
	}
	return out.String()
}

func TestUpstreams_are_not_trusted(t *testing.T) {
	cases := upstreamCases()
	scripts := map[string]func(*exchange){}
	for _, c := range cases {
		scripts[c.name] = c.script
	}
	p := newProvider(t, scripts)
	server := harness.Start(t, providerConfig(p.address))
	server.LeaveReceipts()
	g := &gate{Server: server}
	providerCases(t, g, cases)
	g.nothingMarked(t)
}

// nothingMarked fails the test when metrics, status or log hold the marker.
func (g *gate) nothingMarked(t *testing.T) {
	t.Helper()
	for _, path := range []string{"/metrics", "/status", "/", "/healthz", "/readyz", "/nothing"} {
		response, err := http.Get("http://" + g.Admin + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		_ = response.Body.Close()
		if err != nil {
			t.Fatal(err)
		}
		if at := bytes.Index(body, []byte(marker)); at >= 0 {
			t.Errorf("%s tells a secret: %.400s", path, body[max(0, at-200):])
		}
	}
	if at := strings.Index(g.Log(), marker); at >= 0 {
		t.Errorf("the log tells a secret: %.400s", g.Log()[max(0, at-200):])
	}
}
