package frame

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

const patience = 20 * time.Second

// echo answers what it was asked.
func echo(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = io.WriteString(w, "bad body")
		return
	}
	_, _ = fmt.Fprintf(w, "%s %s %s %s %v", r.Proto, r.Method, r.URL.Path, body, r.Trailer)
}

// served is net/http behind a guard.
type served struct {
	address  string
	refused  atomic.Int64
	executed atomic.Int64
}

func serve(t *testing.T, s Settings, handler http.HandlerFunc, change ...func(*http.Server)) *served {
	t.Helper()
	v := &served{}
	s.Refused = func(Refusal) { v.refused.Add(1) }
	raw, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	protocols := new(http.Protocols)
	protocols.SetHTTP1(true)
	protocols.SetUnencryptedHTTP2(true)
	server := &http.Server{
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			v.executed.Add(1)
			handler(w, r)
		}),
		Protocols:         protocols,
		ReadHeaderTimeout: patience,
		IdleTimeout:       patience,
	}
	for _, c := range change {
		c(server)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(Listen(raw, s)) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	v.address = raw.Addr().String()
	return v
}

type caller struct {
	net.Conn

	t      *testing.T
	reader *bufio.Reader
}

func (v *served) dial(t *testing.T) *caller {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", v.address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = c.Close() })
	_ = c.SetDeadline(time.Now().Add(patience))
	return &caller{c, t, bufio.NewReader(c)}
}

func (c *caller) send(text string) {
	c.t.Helper()
	if _, err := io.WriteString(c, text); err != nil {
		c.t.Fatal(err)
	}
}

// hear returns status and body of the next answer.
func (c *caller) hear() (int, string) {
	c.t.Helper()
	resp, err := http.ReadResponse(c.reader, nil)
	if err != nil {
		c.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		c.t.Fatal(err)
	}
	return resp.StatusCode, string(body)
}

// ends fails the test when anything but the end comes.
func (c *caller) ends() {
	c.t.Helper()
	if rest, err := io.ReadAll(c.reader); err != nil || len(rest) > 0 {
		c.t.Errorf("%q, %v behind the end", rest, err)
	}
}

func TestServer_executes_what_the_guard_counted(t *testing.T) {
	v := serve(t, Settings{}, echo)
	for _, test := range cases {
		if strings.HasPrefix(test.in, preface) {
			continue
		}
		t.Run(test.name, func(t *testing.T) {
			before, refused := v.executed.Load(), v.refused.Load()
			c := v.dial(t)
			c.send(test.in)
			if test.refused == "" {
				_ = c.Conn.(*net.TCPConn).CloseWrite()
			}
			all, _ := io.ReadAll(c.reader) // of half a body there may be no answer
			got := v.executed.Load() - before
			if want := int64(test.heads); got > want || test.refused != "" && got != want {
				t.Errorf("%d requests were executed, want %d: %q", got, want, all)
			}
			if test.refused == "" {
				return
			}
			if v.refused.Load() != refused+1 {
				t.Errorf("told %d times", v.refused.Load()-refused)
			}
			last := string(all[max(0, strings.LastIndex(string(all), "HTTP/1.1 ")):])
			byHandler := test.heads > 0 && strings.HasPrefix(last, "HTTP/1.1 400 ") && strings.Contains(last, "bad body")
			if want := fmt.Sprintf("HTTP/1.1 %d ", test.refused.Status()); !byHandler && !strings.HasPrefix(last, want) {
				t.Errorf("the last answer is %q, want %s", last, want)
			}
			if !strings.Contains(last, "\r\nConnection: close\r\n") {
				t.Errorf("stays open: %q", last)
			}
			if strings.Contains(string(all), "/hidden") {
				t.Errorf("what follows was executed: %q", all)
			}
		})
	}
}

func TestServer_serves_pipelined_and_kept_connections(t *testing.T) {
	v := serve(t, Settings{}, echo)
	c := v.dial(t)
	c.send(get + postHead + "Content-Length: 2\r\n\r\nab" + chunked + "3\r\ncde\r\n0\r\n\r\n" + get)
	for i, want := range []string{"HTTP/1.1 GET /a  map[]", "HTTP/1.1 POST /p ab map[]", "HTTP/1.1 POST /p cde map[]", "HTTP/1.1 GET /a  map[]"} {
		if status, body := c.hear(); status != 200 || body != want {
			t.Errorf("%d: %d %q, want %q", i, status, body, want)
		}
	}
	for range 3 {
		c.send(get)
		if status, _ := c.hear(); status != 200 {
			t.Errorf("kept: %d", status)
		}
	}
	if v.refused.Load() != 0 {
		t.Errorf("%d refusals", v.refused.Load())
	}
}

func TestServer_hears_slow_writers(t *testing.T) {
	v := serve(t, Settings{}, echo)
	c := v.dial(t)
	_ = c.Conn.(*net.TCPConn).SetNoDelay(true)
	for _, b := range get + chunked + "3;x=y\r\ncde\r\n0\r\nX: y\r\n\r\n" + get {
		c.send(string(b))
	}
	for _, want := range []string{"HTTP/1.1 GET /a  map[]", "HTTP/1.1 POST /p cde map[X:[y]]", "HTTP/1.1 GET /a  map[]"} {
		if status, body := c.hear(); status != 200 || body != want {
			t.Errorf("%d %q, want %q", status, body, want)
		}
	}
}

func TestServer_continues_a_body_that_waits(t *testing.T) {
	v := serve(t, Settings{}, echo)
	c := v.dial(t)
	c.send(postHead + "Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
	if status, _ := c.hear(); status != http.StatusContinue {
		t.Fatalf("got %d", status)
	}
	c.send("ab" + get)
	for _, want := range []string{"HTTP/1.1 POST /p ab map[]", "HTTP/1.1 GET /a  map[]"} {
		if status, body := c.hear(); status != 200 || body != want {
			t.Errorf("%d %q, want %q", status, body, want)
		}
	}
}

// A call that runs goes on when its caller sends nonsense behind it.
func TestServer_answers_a_running_call_before_it_refuses_the_next(t *testing.T) {
	entered, leave := make(chan struct{}), make(chan struct{})
	v := serve(t, Settings{}, func(w http.ResponseWriter, r *http.Request) {
		close(entered)
		<-leave
		if err := r.Context().Err(); err != nil {
			w.WriteHeader(http.StatusInternalServerError)
		}
		_, _ = io.WriteString(w, "done")
	})
	c := v.dial(t)
	c.send(get + "nonsense\r\n" + hidden)
	<-entered
	for deadline := time.Now().Add(patience); v.refused.Load() == 0; {
		if time.Now().After(deadline) {
			t.Fatal("the nonsense was not seen")
		}
	}
	close(leave)
	if status, body := c.hear(); status != 200 || body != "done" {
		t.Errorf("the running call: %d %q", status, body)
	}
	if status, _ := c.hear(); status != 400 {
		t.Errorf("the nonsense: %d", status)
	}
	c.ends()
	if v.executed.Load() != 1 {
		t.Errorf("%d calls", v.executed.Load())
	}
}

func TestServer_notices_a_caller_that_leaves(t *testing.T) {
	left := make(chan error, 1)
	entered := make(chan struct{})
	v := serve(t, Settings{}, func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		select {
		case <-r.Context().Done():
			left <- nil
		case <-time.After(patience):
			left <- context.DeadlineExceeded
		}
	})
	c := v.dial(t)
	c.send(get)
	<-entered
	_ = c.Close()
	if err := <-left; err != nil {
		t.Error(err)
	}
}

func TestServer_answers_whoever_goes_on_sending(t *testing.T) {
	v := serve(t, Settings{}, echo)
	c := v.dial(t)
	c.send(getLine + host + "X: " + strings.Repeat("x", 300<<10) + "\r\n\r\n")
	if status, _ := c.hear(); status != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("got %d", status)
	}
	_ = c.Conn.(*net.TCPConn).CloseWrite()
	c.ends()
}

func TestServer_ends_slow_heads(t *testing.T) {
	const soon = 50 * time.Millisecond
	t.Run("the first by net/http", func(t *testing.T) {
		v := serve(t, Settings{}, echo, func(s *http.Server) { s.ReadHeaderTimeout = soon })
		c := v.dial(t)
		c.send(get[:9])
		c.ends()
	})
	t.Run("others by the guard", func(t *testing.T) {
		v := serve(t, Settings{HeadTimeout: soon}, echo)
		c := v.dial(t)
		c.send(get)
		c.hear()
		c.send(get[:9])
		c.ends()
	})
	t.Run("and no idle connection, nor one that is working", func(t *testing.T) {
		begun, proceed := make(chan struct{}), make(chan struct{})
		v := serve(t, Settings{HeadTimeout: soon}, func(w http.ResponseWriter, r *http.Request) {
			if r.URL.Path == "/slow" {
				close(begun)
				<-proceed
			}
			echo(w, r)
		})
		c := v.dial(t)
		c.send(get)
		c.hear()
		c.send("GET /slow HTTP/1.1\r\n" + host + "\r\n" + get[:9])
		<-begun
		time.AfterFunc(4*soon, func() { close(proceed) })
		if status, body := c.hear(); status != 200 || !strings.Contains(body, "/slow") {
			t.Errorf("%d %q", status, body)
		}
		c.send(get[9:])
		if status, _ := c.hear(); status != 200 {
			t.Errorf("%d", status)
		}
	})
}

func TestServer_passes_HTTP2_and_chunks_and_trailers_of_real_clients(t *testing.T) {
	v := serve(t, Settings{}, echo)
	h2 := new(http.Protocols)
	h2.SetUnencryptedHTTP2(true)
	for want, transport := range map[string]*http.Transport{"HTTP/1.1": {}, "HTTP/2.0": {Protocols: h2}} {
		client := &http.Client{Transport: transport, Timeout: patience}
		for _, size := range []int{0, 1, 5000, 300_000} {
			content := strings.Repeat("x", size)
			r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+v.address+"/up", io.MultiReader(strings.NewReader(content)))
			if err != nil {
				t.Fatal(err)
			}
			r.ContentLength = -1
			r.Trailer = http.Header{"X-Sum": {"7"}}
			resp, err := client.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			body, err := io.ReadAll(resp.Body)
			_ = resp.Body.Close()
			if got := want + " POST /up " + content + " map[X-Sum:[7]]"; err != nil || string(body) != got {
				t.Errorf("%s, %d bytes: %.100q, %v", want, size, body, err)
			}
		}
		transport.CloseIdleConnections()
	}
	if v.refused.Load() != 0 {
		t.Errorf("%d refusals", v.refused.Load())
	}
}

func TestListen_keeps_what_net_http_asks_of_a_connection(t *testing.T) {
	s := Settings{}.withDefaults()
	a, b := net.Pipe()
	defer a.Close()
	defer b.Close()
	if _, ok := guard(a, &s).(closeWriter); ok {
		t.Error("a pipe learned CloseWrite")
	}
	tcp := guard(&net.TCPConn{}, &s)
	if _, ok := tcp.(closeWriter); !ok {
		t.Error("TCP lost CloseWrite")
	}
	if c, ok := tcp.(interface{ NetConn() net.Conn }); !ok || c.NetConn() == nil {
		t.Error("no way to the connection below")
	}
}
