package frame

import (
	"context"
	"errors"
	"io"
	"log"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// one serves single connections by net/http and says what it executed.
type one struct {
	conns chan net.Conn
}

// run is what became of one connection.
type run struct {
	mu      sync.Mutex
	started int      // handlers; guarded by mu
	whole   []string // requests whose body came to its end; guarded by mu
}

type runKey struct{}

// runConn carries its run through net/http.
type runConn struct {
	net.Conn

	run *run
}

func newOne(tb testing.TB) *one {
	tb.Helper()
	o := &one{conns: make(chan net.Conn)}
	server := &http.Server{
		Handler:           http.HandlerFunc(serveRun),
		ReadHeaderTimeout: time.Minute,
		ErrorLog:          log.New(io.Discard, "", 0),
		ConnContext: func(ctx context.Context, c net.Conn) context.Context {
			return context.WithValue(ctx, runKey{}, c.(*runConn).run)
		},
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(o) }()
	tb.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return o
}

func serveRun(w http.ResponseWriter, r *http.Request) {
	run := r.Context().Value(runKey{}).(*run)
	run.mu.Lock()
	run.started++
	run.mu.Unlock()
	body, err := io.ReadAll(r.Body)
	if err == nil {
		run.mu.Lock()
		run.whole = append(run.whole, r.Method+" "+r.RequestURI+" "+r.Host+" "+string(body))
		run.mu.Unlock()
	}
	_, _ = io.WriteString(w, "ok")
}

func (o *one) Accept() (net.Conn, error) {
	if c, ok := <-o.conns; ok {
		return c, nil
	}
	return nil, net.ErrClosed
}

func (o *one) Close() error {
	close(o.conns)
	return nil
}

func (o *one) Addr() net.Addr { return &net.TCPAddr{} }

// serve waits until net/http is done with c, which stands on s.
func (o *one) serve(c net.Conn, s *script) *run {
	r := &run{}
	o.conns <- &runConn{c, r}
	<-s.closed
	return r
}

// FuzzFrame holds that net/http never executes more behind the guard than the guard
// counted, that it reads each request as it does without a guard, and that the verdict
// does not depend on how the bytes arrive.
func FuzzFrame(f *testing.F) {
	for _, c := range cases {
		if len(c.in) < 2000 {
			f.Add([]byte(c.in))
		}
	}
	o := newOne(f)
	settings := Settings{MaxHeadBytes: 2000, MaxFields: 20, MaxTargetBytes: 200}.withDefaults()
	f.Fuzz(func(t *testing.T, data []byte) {
		in := string(data)
		below := newScript(in)
		guarded := newConn(below, &settings)
		behind := o.serve(guarded, below)
		if guarded.judge.part == partAll {
			return // HTTP/2
		}
		behind.mu.Lock()
		defer behind.mu.Unlock()
		if behind.started > guarded.judge.passed {
			t.Fatalf("%d requests were executed, %d counted", behind.started, guarded.judge.passed)
		}

		bare := newScript(in)
		without := o.serve(bare, bare)
		without.mu.Lock()
		defer without.mu.Unlock()
		if n := len(behind.whole); n > len(without.whole) || !slices.Equal(behind.whole, without.whole[:n]) {
			t.Fatalf("with a guard %q, without %q", behind.whole, without.whole)
		}

		whole, single := listen(in), listen(strings.Split(in, "")...)
		if whole != single {
			t.Fatalf("at once %+v, byte by byte %+v", whole, single)
		}
	})
}

// listen is what a guard alone makes of it.
func listen(pieces ...string) verdict {
	var v verdict
	s := newScript(pieces...)
	settings := Settings{
		MaxHeadBytes: 2000, MaxFields: 20, MaxTargetBytes: 200,
		Refused: func(r Refusal) { v.refused = r; v.told++ },
	}.withDefaults()
	c := newConn(s, &settings)
	var passed strings.Builder
	p := make([]byte, 4096)
	for {
		n, err := c.Read(p)
		passed.Write(p[:n])
		if err != nil {
			if !errors.Is(err, io.EOF) && !errors.Is(err, errRefused) {
				v.answer = err.Error()
			}
			v.passed, v.heads, v.answer = passed.String(), c.judge.passed, v.answer+s.answer()
			return v
		}
	}
}
