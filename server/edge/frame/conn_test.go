package frame

import (
	"errors"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"testing"
	"time"
)

// script is a connection that gives what a caller sent in set pieces, and then the end.
type script struct {
	pieces []string
	end    error // nil: EOF

	mu      sync.Mutex
	said    strings.Builder // what was answered; guarded by mu
	reads   []time.Time     // deadlines; guarded by mu
	closed  chan struct{}
	closing sync.Once
}

func newScript(pieces ...string) *script { return &script{pieces: pieces, closed: make(chan struct{})} }

func (s *script) Read(p []byte) (int, error) {
	for len(s.pieces) > 0 && s.pieces[0] == "" {
		s.pieces = s.pieces[1:]
	}
	if len(s.pieces) == 0 {
		if s.end != nil {
			return 0, s.end
		}
		return 0, io.EOF
	}
	n := copy(p, s.pieces[0])
	s.pieces[0] = s.pieces[0][n:]
	return n, nil
}

func (s *script) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.Write(p)
}

func (s *script) answer() string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.said.String()
}

func (s *script) Close() error {
	s.closing.Do(func() { close(s.closed) })
	return nil
}

func (s *script) LocalAddr() net.Addr              { return &net.TCPAddr{} }
func (s *script) RemoteAddr() net.Addr             { return &net.TCPAddr{} }
func (s *script) SetDeadline(time.Time) error      { return nil }
func (s *script) SetWriteDeadline(time.Time) error { return nil }
func (s *script) SetReadDeadline(at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.reads = append(s.reads, at)
	return nil
}

// verdict is what a guard did with what was sent.
type verdict struct {
	passed  string
	heads   int
	refused Refusal
	told    int
	answer  string
}

// hear reads a guarded connection to its end, room bytes at a time.
func hear(t *testing.T, room int, pieces ...string) verdict {
	t.Helper()
	var v verdict
	s := newScript(pieces...)
	settings := Settings{Refused: func(r Refusal) {
		v.refused = r
		v.told++
	}}.withDefaults()
	c := newConn(s, &settings)
	var passed strings.Builder
	p := make([]byte, room)
	for {
		n, err := c.Read(p)
		passed.Write(p[:n])
		if err != nil {
			if v.refused == "" && !errors.Is(err, io.EOF) || v.refused != "" && !errors.Is(err, errRefused) {
				t.Fatalf("refused %q, and the error %v", v.refused, err)
			}
			break
		}
		if n == 0 {
			t.Fatal("read nothing, and no error")
		}
	}
	if _, err := c.Read(p); err == nil {
		t.Fatal("reads on behind the end")
	}
	v.passed, v.heads, v.answer = passed.String(), c.judge.passed, s.answer()
	return v
}

func TestGuard_judges_each_case(t *testing.T) {
	if len(cases) < 150 {
		t.Fatalf("%d cases", len(cases))
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			v := hear(t, 4096, c.in)
			if v.heads != c.heads || v.refused != c.refused {
				t.Fatalf("%d heads, refused %q; want %d, %q", v.heads, v.refused, c.heads, c.refused)
			}
			checkPassed(t, c, v)
		})
	}
}

// checkPassed holds what went on to net/http, and what was answered.
func checkPassed(t *testing.T, c frameCase, v verdict) {
	t.Helper()
	sound := strings.HasPrefix(c.in, v.passed)
	if c.refused == "" {
		if !sound || c.heads > 0 && v.passed == "" || v.told != 0 || v.answer != "" {
			t.Errorf("%q went on, told %d times, answered %q", v.passed, v.told, v.answer)
		}
		return
	}
	if v.told != 1 {
		t.Errorf("told %d times", v.told)
	}
	if strings.Contains(v.passed, "/hidden") || strings.Count(v.passed, " HTTP/1.") != c.heads {
		t.Errorf("more than %d heads went on: %q", c.heads, v.passed)
	}
	if !sound { // a body broke the rules: net/http is to notice by itself
		rest, chunk := strings.CutSuffix(v.passed, brokenChunk)
		if !chunk {
			rest, sound = strings.CutSuffix(v.passed, brokenTrailer)
		}
		if !chunk && !sound || !strings.HasPrefix(c.in, rest) || v.answer != "" {
			t.Errorf("%q went on, and %q was answered", v.passed, v.answer)
		}
		return
	}
	if want := bareAnswer(c.refused); v.answer != want {
		t.Errorf("answered %q, want %q", v.answer, want)
	}
}

// However the bytes arrive, and however net/http asks for them, the verdict is the same.
func TestGuard_judges_alike_however_bytes_are_split(t *testing.T) {
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			whole := hear(t, 4096, c.in)
			// Long texts are split where it matters alone: each split reads all of it.
			step := 1 + len(c.in)/2000
			for at := 1; at < len(c.in); at += step {
				if v := hear(t, 4096, c.in[:at], c.in[at:]); v != whole {
					t.Fatalf("split at %d: %+.300v, want %+.300v", at, v, whole)
				}
			}
			single := hear(t, 4096, strings.Split(c.in, "")...)
			if single != whole {
				t.Errorf("byte by byte: %+.300v, want %+.300v", single, whole)
			}
			for _, room := range []int{2, 3, 14, 100, 1 << 17} {
				if v := hear(t, room, c.in); v != whole {
					t.Errorf("into %d bytes: %+.300v, want %+.300v", room, v, whole)
				}
			}
		})
	}
}

func TestGuard_answers_HEAD_without_a_body(t *testing.T) {
	s := newScript("HEAD / HTTP/1.1\r\n\r\n")
	settings := Settings{Answer: func(Refusal) string { return "HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\nbody" }}.withDefaults()
	if _, err := newConn(s, &settings).Read(make([]byte, 99)); !errors.Is(err, errRefused) {
		t.Error(err)
	}
	if got, want := s.answer(), "HTTP/1.1 400 Bad Request\r\nContent-Length: 4\r\n\r\n"; got != want {
		t.Errorf("answered %q, want %q", got, want)
	}
}

func TestGuard_holds_no_memory_between_requests(t *testing.T) {
	settings := Settings{}.withDefaults()
	s := newScript(get[:5], get[5:]+get[:9], get[9:])
	c := newConn(s, &settings)
	p := make([]byte, 4096)
	for range 2 {
		if n, err := c.Read(p); err != nil || string(p[:n]) != get {
			t.Fatalf("%q, %v", p[:n], err)
		}
	}
	if c.buf != nil {
		t.Errorf("holds %d bytes", len(*c.buf))
	}
}

// net/http reads single bytes while a handler runs. An error then would cancel its call.
func TestGuard_tells_nothing_bad_while_a_handler_runs(t *testing.T) {
	settings := Settings{}.withDefaults()
	s := newScript(get, "bad\r\n")
	c := newConn(s, &settings)
	if _, err := c.Read(make([]byte, 4096)); err != nil {
		t.Fatal(err)
	}
	one := make([]byte, 1)
	if n, err := c.Read(one); n != 1 || err != nil || one[0] != 0 {
		t.Errorf("watching: %d, %v, %q", n, err, one)
	}
	if s.answer() != "" {
		t.Errorf("answered in between: %q", s.answer())
	}
	if _, err := c.Read(make([]byte, 4096)); !errors.Is(err, errRefused) {
		t.Errorf("waiting for the next: %v", err)
	}
	if got := s.answer(); got != bareAnswer(BadRequestLine) {
		t.Errorf("answered %q", got)
	}
}

func TestGuard_hands_on_errors_and_continues_behind_a_timeout(t *testing.T) {
	settings := Settings{}.withDefaults()
	s := newScript(get[:9])
	s.end = os.ErrDeadlineExceeded
	c := newConn(s, &settings)
	p := make([]byte, 4096)
	if n, err := c.Read(p); n != 0 || !errors.Is(err, os.ErrDeadlineExceeded) {
		t.Fatalf("%d, %v", n, err)
	}
	s.pieces = []string{get[9:]}
	if n, err := c.Read(p); err != nil || string(p[:n]) != get {
		t.Errorf("%q, %v", p[:n], err)
	}
}

func TestGuard_bounds_a_head_by_its_own_time_and_keeps_earlier_deadlines(t *testing.T) {
	settings := Settings{HeadTimeout: time.Hour}.withDefaults()
	deadlines := func(set time.Time) []time.Time {
		s := newScript(get[:9], get[9:])
		c := newConn(s, &settings)
		_ = c.SetReadDeadline(set)
		if _, err := c.Read(make([]byte, 4096)); err != nil {
			t.Fatal(err)
		}
		return s.reads
	}
	idle := time.Now().Add(2 * time.Hour)
	for _, set := range []time.Time{{}, idle} {
		got := deadlines(set)
		if len(got) != 3 || !got[0].Equal(set) || !got[2].Equal(set) || time.Until(got[1]) > time.Hour || time.Until(got[1]) < time.Hour/2 {
			t.Errorf("deadlines with %v set: %v", set, got)
		}
	}
	if soon := time.Now().Add(time.Minute); len(deadlines(soon)) != 1 {
		t.Errorf("an earlier deadline was replaced: %v", deadlines(soon))
	}

	// What net/http sets meanwhile counts when it is earlier.
	s := newScript(get[:9])
	s.end = os.ErrDeadlineExceeded
	c := newConn(s, &settings)
	_, _ = c.Read(make([]byte, 4096))
	past := time.Unix(1, 0)
	_ = c.SetDeadline(past)
	_ = c.SetReadDeadline(idle)
	if n := len(s.reads); n != 3 || !s.reads[1].Equal(past) || !s.reads[2].Equal(s.reads[0]) {
		t.Errorf("deadlines: %v", s.reads)
	}
}

func TestRequests_cost_no_allocation(t *testing.T) {
	settings := Settings{}.withDefaults()
	const post = postHead + "Content-Type: application/json\r\nContent-Length: 10\r\n\r\n1234567890"
	s := newScript("")
	c := newConn(s, &settings)
	p := make([]byte, 4096)
	pieces := make([]string, 1)
	for name, in := range map[string]string{"counted": post, "chunked": chunked + "5\r\n12345\r\n0\r\n\r\n"} {
		got := testing.AllocsPerRun(100, func() {
			pieces[0] = in
			s.pieces = pieces
			if n, err := c.Read(p); n != len(in) || err != nil {
				t.Fatal(n, err)
			}
		})
		if got != 0 {
			t.Errorf("%s: %v allocations", name, got)
		}
	}
}
