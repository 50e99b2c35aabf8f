package upstream

import (
	"bufio"
	"fmt"
	"net"
	"net/http"
	"net/http/httptrace"
	"strings"
	"sync"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

func TestLease_knows_an_answer_that_was_there_before_its_request(t *testing.T) {
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c := &watchedConn{Conn: near}
	http1, http2 := &http.Response{ProtoMajor: 1}, &http.Response{ProtoMajor: 2}
	receive := func() {
		go func() { _, _ = far.Write([]byte("x")) }()
		if _, err := c.Read(make([]byte, 1)); err != nil {
			t.Fatal(err)
		}
	}
	var l lease
	l.got(httptrace.GotConnInfo{Conn: c})
	if !l.stale(http1) {
		t.Error("nothing arrived, and the answer passes")
	}
	if l.stale(http2) {
		t.Error("HTTP/2 numbers its answers")
	}
	receive()
	if l.stale(http1) {
		t.Error("an answer that arrived is refused")
	}
	l.got(httptrace.GotConnInfo{Conn: c, Reused: true})
	if !l.stale(http1) {
		t.Error("what arrived for the request before counts for this one")
	}
	if unknown := (&lease{}); unknown.stale(http1) {
		t.Error("a connection that nobody watches is judged")
	}
}

// A provider that sends a second answer behind each, in the same piece.
func TestDo_gives_no_caller_what_was_sent_behind_an_answer_to_another(t *testing.T) {
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var serving sync.WaitGroup
	defer serving.Wait()
	defer listener.Close()
	serving.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			serving.Go(func() {
				defer conn.Close()
				for requests := bufio.NewReader(conn); ; {
					r, err := http.ReadRequest(requests)
					if err != nil {
						return
					}
					answer := func(text string) string {
						return fmt.Sprintf("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(text), text)
					}
					_, _ = conn.Write([]byte(answer(r.Header.Get("Openai-Project")) + answer("somebody else's")))
				}
			})
		}
	})
	client, err := New(adapters.Settings{Name: "p", BaseURL: "http://" + listener.Addr().String()}, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()

	var callers sync.WaitGroup
	for caller := range 16 {
		callers.Go(func() {
			for n := range 100 {
				mine := fmt.Sprintf("for %d %d", caller, n)
				answer, err := client.Do(t.Context(), &Request{
					Method: http.MethodPost, Path: "/x", Body: []byte("{}"), Header: adapters.Header{{Name: "openai-project", Value: mine}},
				})
				switch {
				case err != nil && !strings.Contains(err.Error(), "before it was asked") && adapters.KindOf(err) != adapters.KindUnavailable:
					t.Errorf("%v", err)
				case err == nil && string(answer.Body) != mine:
					t.Errorf("%s got the answer %q", mine, answer.Body)
				}
			}
		})
	}
	callers.Wait()
}
