package harness

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"sync"
	"syscall"
	"testing"
	"time"
)

// Upstream is a provider by script: it records the bytes of every request and
// serves recorded ones. Safe for concurrent use.
type Upstream struct {
	// URL is the base URL for a provider's configuration, with /v1.
	URL string

	mu       sync.Mutex // guards all below
	requests []*Request
	replies  []Reply
	handle   func(http.ResponseWriter, *http.Request, *Request)
	served   int // since the last script
	arrived  chan *Request
}

// Request is one request as it arrived.
type Request struct {
	// Method and URI are those of the request line; the URI is not decoded.
	Method, URI string
	// Header has canonical names.
	Header http.Header
	Body   []byte
	// Gone is closed when the gateway dropped the call before the answer was over.
	Gone <-chan struct{}
}

// End is how an answer ends.
type End int

// The ends.
const (
	// EndWhole: as HTTP wants it.
	EndWhole End = iota
	// EndCut: the connection closes in the middle.
	EndCut
	// EndHang: nothing more comes until the gateway gives up.
	EndHang
)

// Reply is one recorded answer.
type Reply struct {
	// Status is 200 when zero.
	Status int
	// Header in order; names go out as they stand here.
	Header [][2]string
	// Pieces are written and flushed one by one. One piece that ends whole has a
	// Content-Length.
	Pieces [][]byte
	End    End
	// Silent means that not even the status line comes, before End.
	Silent bool
}

// NewUpstream starts an upstream that ends with the test.
func NewUpstream(t testing.TB) *Upstream {
	t.Helper()
	u := &Upstream{arrived: make(chan *Request, 1024)}
	server := httptest.NewServer(http.HandlerFunc(u.serve))
	t.Cleanup(func() {
		server.CloseClientConnections() // a call that hangs must not hang the test
		server.Close()
	})
	u.URL = server.URL + "/v1"
	return u
}

// Answer scripts the next calls: the nth gets the nth reply, later ones the last. What
// was recorded until then is forgotten.
func (u *Upstream) Answer(replies ...Reply) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.replies, u.handle, u.requests, u.served = replies, nil, nil, 0
	u.drain()
}

// Handle is Answer by a function, which writes the answer itself.
func (u *Upstream) Handle(handle func(http.ResponseWriter, *http.Request, *Request)) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.replies, u.handle, u.requests, u.served = nil, handle, nil, 0
	u.drain()
}

func (u *Upstream) drain() {
	for len(u.arrived) > 0 {
		<-u.arrived
	}
}

// Requests returns what arrived since the script began.
func (u *Upstream) Requests() []*Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*Request(nil), u.requests...)
}

// Only returns the one request that arrived, and fails when there is not exactly one.
func (u *Upstream) Only(t testing.TB) *Request {
	t.Helper()
	all := u.Requests()
	if len(all) != 1 {
		t.Fatalf("the upstream was called %d times, want once", len(all))
	}
	return all[0]
}

// Next waits for the next request to arrive.
func (u *Upstream) Next(t testing.TB) *Request {
	t.Helper()
	select {
	case r := <-u.arrived:
		return r
	case <-time.After(patience):
		t.Fatal("no request reached the upstream")
		return nil
	}
}

func (u *Upstream) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	request := &Request{Method: r.Method, URI: r.RequestURI, Header: r.Header.Clone(), Body: body, Gone: r.Context().Done()}
	request.Header.Set("Host", r.Host)
	u.mu.Lock()
	u.requests = append(u.requests, request)
	handle := u.handle
	var reply Reply
	if n := len(u.replies); n > 0 {
		reply = u.replies[min(u.served, n-1)]
	} else {
		reply = Reply{Status: http.StatusTeapot, Pieces: [][]byte{[]byte("no script")}}
	}
	u.served++
	u.mu.Unlock()
	u.arrived <- request
	if handle != nil {
		handle(w, r, request)
		return
	}
	reply.write(w, r)
}

func (reply Reply) write(w http.ResponseWriter, r *http.Request) {
	if !reply.Silent {
		for _, field := range reply.Header {
			w.Header()[field[0]] = append(w.Header()[field[0]], field[1])
		}
		status := reply.Status
		if status == 0 {
			status = http.StatusOK
		}
		w.WriteHeader(status)
		for i, piece := range reply.Pieces {
			if _, err := w.Write(piece); err != nil {
				return
			}
			if len(reply.Pieces) > 1 || reply.End != EndWhole || i > 0 {
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
	switch reply.End {
	case EndCut:
		panic(http.ErrAbortHandler)
	case EndHang:
		<-r.Context().Done()
	}
}

// JSON is a reply of one JSON body.
func JSON(status int, body string, header ...[2]string) Reply {
	return Reply{Status: status, Header: append([][2]string{{"Content-Type", "application/json"}}, header...), Pieces: [][]byte{[]byte(body)}}
}

// Events is a reply of server-sent events with these data, ended by [DONE].
func Events(data ...string) Reply {
	reply := EventsWithoutEnd(data...)
	reply.Pieces = append(reply.Pieces, []byte("data: [DONE]\n\n"))
	return reply
}

// EventsWithoutEnd is [Events] that end without [DONE].
func EventsWithoutEnd(data ...string) Reply {
	reply := Reply{Header: [][2]string{{"Content-Type", "text/event-stream; charset=utf-8"}}}
	for _, d := range data {
		reply.Pieces = append(reply.Pieces, []byte("data: "+d+"\n\n"))
	}
	return reply
}

// Bytes is a reply of server-sent events with exactly these bytes, written in pieces
// of size bytes; 0 writes them at once.
func Bytes(raw string, size int) Reply {
	reply := Reply{Header: [][2]string{{"Content-Type", "text/event-stream"}}}
	if size <= 0 {
		size = len(raw)
	}
	for ; len(raw) > size; raw = raw[size:] {
		reply.Pieces = append(reply.Pieces, []byte(raw[:size]))
	}
	reply.Pieces = append(reply.Pieces, []byte(raw))
	return reply
}

// RefusedURL returns a base URL at which every connection is refused for as long as
// the test runs: its port is taken and nobody listens.
func RefusedURL(t testing.TB) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	inet, ok := name.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("a socket of the wrong family: %T", name)
	}
	address := net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: inet.Port}
	return "http://" + address.String() + "/v1"
}
