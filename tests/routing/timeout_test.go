package routing

import (
	"net"
	"net/http"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

// fullBacklog returns a base URL at which connections neither succeed nor are refused: a
// port whose queue of connections is full and that nobody takes from.
func fullBacklog(t *testing.T) string {
	t.Helper()
	fd, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM|syscall.SOCK_CLOEXEC, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(fd) })
	if err := syscall.Bind(fd, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Listen(fd, 0); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(fd)
	if err != nil {
		t.Fatal(err)
	}
	address := (&net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: name.(*syscall.SockaddrInet4).Port}).String()
	for range 16 {
		c, err := net.DialTimeout("tcp", address, 100*time.Millisecond)
		if err != nil {
			return "http://" + address + "/v1"
		}
		t.Cleanup(func() { _ = c.Close() })
	}
	t.Skip("this system takes connections into a full queue: connect cannot be simulated here")
	return ""
}

func TestEach_timeout_has_its_reason(t *testing.T) {
	hang := func(r harness.Reply) harness.Reply {
		r.End = harness.EndHang
		return r
	}
	silent := harness.Reply{Silent: true, End: harness.EndHang}
	headers := hang(harness.Bytes(": nothing yet\n\n", 0))
	half := hang(harness.Reply{Header: [][2]string{{"Content-Type", "application/json"}}, Pieces: [][]byte{[]byte(`{"id":`)}})
	begun := hang(harness.EventsWithoutEnd(chunk("x", "")))
	tests := []struct {
		why      string
		timeouts string // of a provider or a target; or, with "routing", of all
		kind     kind
		reply    harness.Reply
		reason   string
		begun    bool // the stream had begun
	}{
		{"first_byte", "first_byte: 60ms", single, silent, "upstream_first_byte_timeout", false},
		{"first_byte of a stream", "first_byte: 60ms", streamed, silent, "upstream_first_byte_timeout", false},
		{"first_token without a byte", "first_token: 60ms", streamed, silent, "upstream_first_token_timeout", false},
		{"first_token without an event", "first_token: 60ms", streamed, headers, "upstream_first_token_timeout", false},
		{"idle within an answer", "idle: 60ms", single, half, "upstream_idle_timeout", false},
		{"idle within a stream", "idle: 60ms", streamed, begun, "upstream_idle_timeout", true},
		{"total", "total: 60ms", single, silent, "upstream_timeout", false},
		{"total within an answer", "total: 60ms", single, half, "upstream_timeout", false},
		{"total within a stream", "total: 150ms", streamed, begun, "upstream_timeout", true},
		{"routing's attempt", "routing attempt: 60ms", single, silent, "upstream_timeout", false},
		{"routing's attempt of a stream", "routing attempt: 60ms", streamed, headers, "upstream_timeout", false},
		{"routing's total", "routing total: 60ms", single, silent, "upstream_timeout", false},
		{"routing's total of a stream", "routing total: 60ms", streamed, headers, "upstream_timeout", false},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			own, ofAll := "timeouts: {"+test.timeouts+"}", ""
			if words, routing := strings.CutPrefix(test.timeouts, "routing "); routing {
				own, ofAll = "weight: 1", "timeouts: {"+words+"}, "
			}
			// At the provider, and at one target alone.
			provider := ", " + own
			if ofAll != "" {
				provider = ""
			}
			s := start(t, `
providers: [{name: a, @a`+provider+`}, {name: b, @b}]
models:
  - {name: x, targets: [{provider: a}]}
  - {name: y, targets: [{provider: b, `+own+`}]}
routing: {`+ofAll+`retries: {max_attempts: 1}}
`)
			for name, model := range map[string]string{"a": "x", "b": "y"} {
				for _, d := range []harness.Door{s.REST(), s.door(t, "grpc")} {
					s.up[name].Answer(test.reply)
					r := s.ask(t, d, test.kind, chatOf(model))
					failedFor(t, r, test.reason)
					if r.took > 5*time.Second {
						t.Errorf("it took %s", r.took)
					}
					if (len(r.Chunks) > 0) != test.begun {
						t.Errorf("%d chunks came", len(r.Chunks))
					}
					if !test.begun && r.Failure != nil && (r.Failure.Status != http.StatusGatewayTimeout || r.Failure.Reason != test.reason) {
						t.Errorf("%s tells the caller %+v", d.Name, r.Failure)
					}
					harness.Within(t, harness.Patience, s.up[name].Next(t).Gone, "the end of the provider's work")
				}
			}
		})
	}
}

func TestConnecting_has_a_timeout_of_its_own(t *testing.T) {
	url := fullBacklog(t)
	s := start(t, `
providers:
  - {name: a, kind: openai, base_url: "`+url+`", timeouts: {connect: 60ms}}
  - {name: c, kind: openai, base_url: "`+url+`"}
  - {name: b, @b}
models:
  - {name: x, targets: [{provider: a}]}
  - {name: y, targets: [{provider: c, timeouts: {connect: 60ms}}]}
  - {name: z, targets: [{provider: a}, {provider: b, priority: 1}]}
routing: {retries: {max_attempts: 2, first_pause: 1ms}}
`)
	for _, model := range []string{"x", "y"} {
		r := s.chat(t, chatOf(model))
		failedFor(t, r, "upstream_connect_timeout")
		// What was not sent is repeated, by default.
		if r.attempts() != "2" || r.took > 5*time.Second {
			t.Errorf("%s attempts in %s", r.attempts(), r.took)
		}
	}
	answeredBy(t, s.chat(t, chatOf("z")), "b")
}

func TestA_targets_timeout_stands_over_its_providers(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a, timeouts: {first_byte: 1ms, first_token: 1ms, total: 1ms, idle: 1ms}}]
models: [{name: m, targets: [{provider: a, timeouts: {first_byte: 10s, first_token: 10s, total: 10s, idle: 10s}}]}]
`)
	s.up["a"].Handle(func(w http.ResponseWriter, _ *http.Request, r *harness.Request) {
		time.Sleep(30 * time.Millisecond) // longer than the provider's own bounds
		answer(w, r, "a")
	})
	for _, k := range []kind{single, streamed} {
		answeredBy(t, s.ask(t, s.REST(), k, chatOf("m")), "a")
	}
	if r := s.chat(t, chatOf("a/other")); r.Failure == nil {
		t.Error("a call that names the provider is not bounded by it")
	}
}

func TestWhat_runs_out_before_the_first_event_goes_to_the_next_target(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a, timeouts: {first_token: 60ms}}, {name: b, @b}]
models: [{name: m, targets: [{provider: a}, {provider: b, priority: 1}]}]
`)
	slow := harness.Bytes(": nothing yet\n\n", 0)
	slow.End = harness.EndHang
	s.up["a"].Answer(slow)
	for _, d := range s.Doors(t) {
		r := s.ask(t, d, streamed, chatOf("m"))
		answeredBy(t, r, "b")
		if r.tried() != "a/m=upstream_first_token_timeout" || text(r) != "from b" {
			t.Errorf("%s: tried %q, got %q", d.Name, r.tried(), text(r))
		}
		if a := r.receipt.Attempts; len(a) != 2 || a[0].Outcome != "timeout_first_token" {
			t.Errorf("%s: the receipt has %+v", d.Name, a)
		}
	}
}
