package faults

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"
)

// upstream is a provider on bare TCP: what it sends is what the script says, byte by
// byte, proper HTTP or not. The script goes by the request's model.
type upstream struct {
	address string

	listener net.Listener
	scripts  map[string]script
	running  sync.WaitGroup

	mu    sync.Mutex        // guards all below
	conns map[net.Conn]bool // true: it waits for another request
	asked map[string]int    // requests by model
	over  bool
}

// script sends an answer to a request that was read to its end. The connection is
// closed behind it, unless it says that it may stay. A proper answer says so, or the
// gateway may send it another request just then.
type script func(x *exchange)

// exchange is one request, and the connection for its answer.
type exchange struct {
	net.Conn

	stream bool
	// key and prompt are what came with the request; a fault that quotes them tempts the
	// gateway to tell them on.
	key, prompt string
	stays       bool
}

func newUpstream(t testing.TB, scripts map[string]script) *upstream {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	u := &upstream{
		address: listener.Addr().String(), listener: listener, scripts: scripts,
		conns: map[net.Conn]bool{}, asked: map[string]int{},
	}
	u.running.Go(u.accept)
	t.Cleanup(func() {
		_ = listener.Close()
		u.closeAll(func(bool) bool { return true })
		u.running.Wait()
	})
	return u
}

func (u *upstream) accept() {
	for {
		conn, err := u.listener.Accept()
		if err != nil {
			return
		}
		u.running.Go(func() { u.serve(conn) })
	}
}

// wait notes whether a connection waits for a request. False: the test is over.
func (u *upstream) wait(conn net.Conn, waits bool) bool {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.conns[conn] = waits
	return !u.over
}

func (u *upstream) serve(conn net.Conn) {
	defer func() {
		u.mu.Lock()
		delete(u.conns, conn)
		u.mu.Unlock()
		_ = conn.Close()
	}()
	reader := bufio.NewReader(conn)
	for {
		if !u.wait(conn, true) {
			return
		}
		request, err := http.ReadRequest(reader)
		if err != nil {
			return
		}
		body, err := io.ReadAll(request.Body)
		if err != nil || !u.wait(conn, false) {
			return
		}
		var asked struct {
			Model    string
			Stream   bool
			Messages []struct{ Content string }
		}
		_ = json.Unmarshal(body, &asked) // what is no JSON finds no script
		x := &exchange{Conn: conn, stream: asked.Stream, key: strings.TrimPrefix(request.Header.Get("Authorization"), "Bearer ")}
		if len(asked.Messages) > 0 {
			x.prompt = asked.Messages[0].Content
		}
		// What follows @ keeps calls apart that would else share a benched key.
		model, _, _ := strings.Cut(asked.Model, "@")
		u.mu.Lock()
		u.asked[model]++
		answer, known := u.scripts[model]
		u.mu.Unlock()
		if !known {
			answer = status(http.StatusTeapot, "", "no script for "+asked.Model)
		}
		answer(x)
		if !x.stays {
			return
		}
	}
}

// requests is how often a model was asked for.
func (u *upstream) requests(model string) int {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.asked[model]
}

// dropIdle closes the connections that wait for another request.
func (u *upstream) dropIdle() { u.closeAll(func(idle bool) bool { return idle }) }

func (u *upstream) closeAll(which func(idle bool) bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.over = u.over || which(false)
	for conn, idle := range u.conns {
		if which(idle) {
			_ = conn.Close()
		}
	}
}

// write sends text as it is. It reports whether anybody still listens.
func (x *exchange) write(text ...string) bool {
	_, err := io.WriteString(x.Conn, strings.Join(text, ""))
	return err == nil
}

// chunk sends text as one chunk of a chunked body.
func (x *exchange) chunk(text string) bool {
	return x.write(fmt.Sprintf("%x\r\n", len(text)), text, "\r\n")
}

// hang sends nothing more and keeps the connection until the gateway drops it.
func (x *exchange) hang() { _, _ = io.Copy(io.Discard, x.Conn) }

// reset breaks the connection as a crashed machine behind a firewall does.
func (x *exchange) reset() {
	_ = x.Conn.(*net.TCPConn).SetLinger(0)
	_ = x.Close()
}

// pause waits, but not for a gateway that dropped the connection. It reports whether
// somebody still listens.
func (x *exchange) pause(d time.Duration) bool {
	_ = x.SetReadDeadline(time.Now().Add(d))
	_, err := x.Read(make([]byte, 1))
	_ = x.SetReadDeadline(time.Time{})
	timeout, ok := err.(net.Error) //nolint:errorlint // a connection's own error, not wrapped
	return ok && timeout.Timeout()
}

// The parts of answers. Source: RFC 9112 and OpenAI's API reference, "Chat
// completions" and "Streaming", 2026-11.
const (
	ok200    = "HTTP/1.1 200 OK\r\n"
	typeJSON = "Content-Type: application/json\r\n"
	typeSSE  = "Content-Type: text/event-stream\r\n"
	chunked  = "Transfer-Encoding: chunked\r\n"
	closes   = "Connection: close\r\n"
	end      = "\r\n"

	wholeText  = "Hello there"
	wholeBody  = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` + wholeText + `"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`
	firstEvent = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Hello"},"finish_reason":null}]}` + "\n\n"
	nextEvent  = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":" there"},"finish_reason":null}]}` + "\n\n"
	lastEvent  = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n"
	doneEvent  = "data: [DONE]\n\n"
	// begun are the events of a stream that breaks later; whole is one that does not.
	begun  = firstEvent + nextEvent
	whole  = begun + lastEvent + doneEvent
	nBegun = 2
	nWhole = 3
)

func length(n int) string { return fmt.Sprintf("Content-Length: %d\r\n", n) }

// healthy answers as a provider should, and keeps the connection.
func healthy(x *exchange) {
	x.stays = true
	if !x.stream {
		x.write(ok200, typeJSON, length(len(wholeBody)), end, wholeBody)
		return
	}
	x.write(ok200, typeSSE, chunked, end)
	x.chunk(firstEvent)
	x.chunk(nextEvent)
	x.chunk(lastEvent + doneEvent)
	x.write("0\r\n\r\n")
}

// status answers with a body of its own and more header lines.
func status(code int, header, body string) script {
	return func(x *exchange) {
		contentType := typeJSON
		if !strings.HasPrefix(body, "{") {
			contentType = "Content-Type: text/plain\r\n"
		}
		body := x.quoting(body)
		header := x.quoting(header)
		x.write(fmt.Sprintf("HTTP/1.1 %d %s\r\n", code, http.StatusText(code)), contentType, closes, header, length(len(body)), end, body)
	}
}

// raw answers both kinds of calls with the same bytes and closes.
func raw(text ...string) script {
	return func(x *exchange) { x.write(x.quoting(strings.Join(text, ""))) }
}

// quoting puts the request's own secrets where KEY and PROMPT stand.
func (x *exchange) quoting(text string) string {
	return strings.ReplaceAll(strings.ReplaceAll(text, "KEY", x.key), "PROMPT", x.prompt)
}

// answering answers by what was asked for: one body, or events in chunks. then goes on
// behind the last byte; nil ends the answer properly. declared is added to the length
// of the body.
func answering(body, events string, declared int, then func(*exchange)) script {
	return func(x *exchange) {
		if x.stream {
			x.write(ok200, typeSSE, chunked, closes, end)
			if events != "" {
				x.chunk(x.quoting(events))
			}
		} else {
			body := x.quoting(body)
			x.write(ok200, typeJSON, closes, length(len(body)+declared), end, body)
		}
		switch {
		case then != nil:
			then(x)
		case x.stream:
			x.write("0\r\n\r\n")
		}
	}
}
