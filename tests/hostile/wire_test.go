package hostile

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"
	"unicode"
)

// fate is what becomes of a connection.
type fate int

const (
	closed fate = iota // by Sluice
	kept               // the next request on it is answered
	either             // either is right: HTTP leaves it to the server
)

// shape is what an answer looks like.
type shape int

const (
	envelope    shape = iota // OpenAI's error object, with our reason
	bare                     // a few words in plain text: nothing of ours saw the request
	success                  // no error
	unshaped                 // status and connection alone count
	bareConnect              // Connect's own error
	nothing                  // no answer at all
)

// wireCase is bytes on a raw connection to the HTTP port, and what must come of them.
type wireCase struct {
	name string
	send string
	// endless is sent over and over behind send until the connection breaks.
	endless string
	status  int
	reason  string // x-sluice-error-reason; "" for shapes that have none
	shape   shape
	fate    fate
	// allow must be the Allow header.
	allow string
	// says must be part of the message.
	says string
	// calls reach the upstream, beside the healthy one behind.
	calls  int
	within time.Duration // soon
	// lingers: Sluice goes on reading for a while, unless the caller says that this was all.
	lingers bool
}

// answer is what a raw connection gave.
type answer struct {
	status int
	header http.Header
	body   []byte
	// closes: it says that the connection does.
	closes bool
}

// tardy is how many times a bound a machine with other work may take. The bounds are of
// seconds and what they are there for never ends, so that none is missed.
const tardy = 3

// within checks that something was done in time, and prints what was late, but not too
// late.
func within(t *testing.T, what string, took, bound time.Duration) {
	t.Helper()
	switch {
	case took > tardy*bound:
		t.Errorf("%s took %v, want at most %v", what, took, bound)
	case took > bound:
		fmt.Printf("measured: late        %s: %s took %v of %v\n", t.Name(), what, took.Round(time.Millisecond), bound)
	}
}

// wire is a raw connection.
type wire struct {
	net.Conn

	reader *bufio.Reader
}

func dial(t testing.TB, address string) *wire {
	t.Helper()
	conn, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	return &wire{conn, bufio.NewReader(conn)}
}

// send writes what it can: the server may close early.
func (w *wire) send(text string) { _, _ = io.WriteString(w.Conn, text) }

// answer reads one answer that is no interim one.
func (w *wire) answer(method string) (answer, error) {
	for {
		response, err := http.ReadResponse(w.reader, &http.Request{Method: method})
		if err != nil {
			return answer{}, err
		}
		body, err := io.ReadAll(response.Body)
		if err != nil {
			return answer{}, err
		}
		if response.StatusCode >= 200 {
			return answer{response.StatusCode, response.Header, body, response.Close}, nil
		}
	}
}

// ended tells whether the connection ends within the limit, and whatever else came.
func (w *wire) ended(limit time.Duration) (rest []byte, ended bool) {
	_ = w.SetReadDeadline(time.Now().Add(limit))
	rest, err := io.ReadAll(w.reader)
	return rest, !errors.Is(err, os.ErrDeadlineExceeded)
}

func broken(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE) || errors.Is(err, net.ErrClosed)
}

// wireCases runs cases on the HTTP port.
func (g *gate) wireCases(t *testing.T, cases []wireCase) {
	t.Helper()
	for _, c := range cases {
		run(t, c.name, func(t *testing.T) { g.wireCase(t, c) })
	}
}

func (g *gate) wireCase(t *testing.T, c wireCase) {
	t.Helper()
	if c.within == 0 {
		c.within = soon
	}
	before := len(g.up.Requests())
	start := time.Now()
	w := dial(t, g.HTTP)
	sent := make(chan int64, 1)
	go func() { sent <- w.flood(c.send, c.endless) }()
	method, _, _ := strings.Cut(c.send, " ")
	a, err := w.answer(method)
	within(t, "the answer", time.Since(start), c.within)
	switch {
	case err != nil && (c.shape != nothing || !broken(err)):
		t.Fatalf("no answer: %v", err)
	case err == nil && c.shape == nothing:
		t.Fatalf("status %d, want no answer: %.300s", a.status, a.body)
	case err == nil:
		checkAnswer(t, c, a)
		w.checkFate(t, c)
	}
	_ = w.Close()
	if n := <-sent; n > 80<<20 {
		t.Errorf("%d bytes were taken of a request that is refused", n)
	}
	g.healthy(t, g.REST())
	if n := len(g.up.Requests()) - before - 1; n != c.calls {
		t.Errorf("%d calls reached the upstream, want %d", n, c.calls)
	}
}

// flood sends and returns how much was taken.
func (w *wire) flood(first, endless string) (n int64) {
	taken, err := io.WriteString(w.Conn, first)
	n = int64(taken)
	for err == nil && endless != "" {
		taken, err = io.WriteString(w.Conn, endless)
		n += int64(taken)
	}
	return n
}

// checkFate looks whether the connection ends, without another answer, or goes on.
func (w *wire) checkFate(t *testing.T, c wireCase) {
	t.Helper()
	switch c.fate {
	case closed:
		if c.lingers {
			_ = w.Conn.(*net.TCPConn).CloseWrite()
		}
		if rest, ended := w.ended(lingerTime + tardy*soon); !ended || len(rest) > 0 {
			t.Errorf("the connection was not closed behind the answer (ended %t), and more came: %.300q", ended, rest)
		}
	case kept:
		w.send("GET /v1/models/m HTTP/1.1\r\nHost: x\r\n\r\n")
		if a, err := w.answer("GET"); err != nil || a.status != http.StatusOK {
			t.Errorf("the connection was not kept: %v, status %d: %.300s", err, a.status, a.body)
		}
	case either:
	}
}

// envelopeBody is OpenAI's error object.
type envelopeBody struct {
	Error struct {
		Message string          `json:"message"`
		Type    string          `json:"type"`
		Param   *string         `json:"param"`
		Code    json.RawMessage `json:"code"`
	} `json:"error"`
}

// maxErrorBytes bounds an error that Sluice itself words.
const maxErrorBytes = 4 << 10

func checkAnswer(t *testing.T, c wireCase, a answer) {
	t.Helper()
	if a.status != c.status {
		t.Fatalf("status %d, want %d: %.500s", a.status, c.status, a.body)
	}
	if err := cleanText(a); err != nil {
		t.Error(err)
	}
	if c.allow != "" && a.header.Get("Allow") != c.allow {
		t.Errorf("Allow: %q, want %q", a.header.Get("Allow"), c.allow)
	}
	if c.fate == closed && !a.closes {
		t.Errorf("the answer does not say that the connection closes: %v", a.header)
	}
	switch c.shape {
	case envelope:
		e := readEnvelope(t, a)
		if reason := a.header.Get("X-Sluice-Error-Reason"); reason != c.reason {
			t.Errorf("reason %q, want %q: %s", reason, c.reason, a.body)
		}
		if !strings.Contains(e.Error.Message, c.says) {
			t.Errorf("the message lacks %q: %s", c.says, a.body)
		}
	case bare:
		if kind := a.header.Get("Content-Type"); !strings.HasPrefix(kind, "text/plain") || len(a.body) > 200 {
			t.Errorf("%d bytes of %q: %.300s", len(a.body), kind, a.body)
		}
	case bareConnect:
		var f struct{ Code, Message string }
		if err := json.Unmarshal(a.body, &f); err != nil || f.Code == "" {
			t.Errorf("no Connect error: %v in %.300s", err, a.body)
		}
	case success, nothing, unshaped:
	}
}

func readEnvelope(t *testing.T, a answer) (e envelopeBody) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(string(a.body)))
	d.DisallowUnknownFields()
	if err := d.Decode(&e); err != nil {
		t.Fatalf("no error object: %v in %.500s", err, a.body)
	}
	if e.Error.Message == "" || e.Error.Type == "" || len(e.Error.Code) == 0 || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("%v %.500s", a.header, a.body)
	}
	return e
}

// cleanText tells of characters that a terminal or a log would obey, and of texts that
// are too long.
func cleanText(a answer) error {
	if a.status >= 400 && len(a.body) > maxErrorBytes {
		return fmt.Errorf("an error of %d bytes", len(a.body))
	}
	if a.status >= 400 {
		if at := obeyed(string(a.body)); at >= 0 {
			return fmt.Errorf("the error holds a control character: %.300q", a.body[max(0, at-50):])
		}
	}
	for name, values := range a.header {
		for _, value := range values {
			if obeyed(value) >= 0 || len(value) > maxErrorBytes {
				return fmt.Errorf("the header %s holds %.300q", name, value)
			}
		}
	}
	return nil
}

// obeyed is where a text has a control or a direction character, -1 nowhere. A line end
// at the end of a body is none.
func obeyed(text string) int {
	text = strings.TrimSuffix(text, "\n")
	for at, r := range text {
		if unicode.Is(unicode.C, r) || unicode.Is(unicode.Zl, r) || unicode.Is(unicode.Zp, r) {
			return at
		}
	}
	return -1
}

// post is a well-framed request with a body and more header lines.
func post(header, body string) string {
	return "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n" + header +
		fmt.Sprintf("Content-Length: %d\r\n\r\n", len(body)) + body
}

// chunks is a request whose body is sent in chunks as they stand.
func chunks(header, body string) string {
	return "POST " + chatPath + " HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n" + header + "\r\n" + body
}

func chunk(data string) string { return fmt.Sprintf("%x\r\n%s\r\n", len(data), data) }
