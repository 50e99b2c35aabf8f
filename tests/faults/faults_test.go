package faults

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"google.golang.org/grpc/codes"
	"google.golang.org/protobuf/encoding/protojson"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/tests/harness"
)

// stage is a Sluice before a faulty provider.
type stage struct {
	*harness.Server

	up    *upstream
	doors []harness.Door
	// elsewhere counts connections to where redirects point.
	elsewhere *atomic.Int64
	// addresses must not be told to anybody.
	addresses []string

	mu       sync.Mutex                 // guards receipts, and is held while the next one is waited for
	receipts map[string]harness.Receipt // by the call's id
}

func setUp(t *testing.T) (*stage, []fault) {
	t.Helper()
	muteStray(t)
	elsewhere, visits := countVisits(t)
	list := faults(elsewhere)
	up := newUpstream(t, scripts(list))
	refused, full := refusedAddress(t), fullAddress(t)
	s := &stage{
		Server: harness.Start(t, configuration(up.address, refused, full)),
		up:     up, elsewhere: visits, addresses: []string{up.address, refused, full, elsewhere},
		receipts: map[string]harness.Receipt{},
	}
	for _, d := range s.Doors(t) {
		if d.IsREST() || d.Name == "grpc" {
			s.doors = append(s.doors, d)
		}
	}
	return s, list
}

// muteStray keeps what net/http prints of answers that nobody asked for out of the
// test's own output. tests/resilience looks for it in the program's.
func muteStray(t testing.TB) {
	t.Helper()
	before := log.Writer()
	log.SetOutput(io.Discard)
	t.Cleanup(func() { log.SetOutput(before) })
}

func scripts(list []fault) map[string]script {
	all := map[string]script{"healthy": healthy}
	for _, f := range list {
		if all[f.name] != nil {
			panic("two faults of one name: " + f.name)
		}
		if f.script != nil {
			all[f.name] = f.script
		}
	}
	return all
}

// countVisits listens where nobody should come.
func countVisits(t testing.TB) (address string, visits *atomic.Int64) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	visits = new(atomic.Int64)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			visits.Add(1)
			_ = conn.Close()
		}
	}()
	t.Cleanup(func() {
		_ = listener.Close()
		<-done
	})
	return listener.Addr().String(), visits
}

// refusedAddress is host:port at which every connection is refused.
func refusedAddress(t testing.TB) string {
	t.Helper()
	at, err := url.Parse(harness.RefusedURL(t))
	if err != nil {
		t.Fatal(err)
	}
	return at.Host
}

// fullAddress is host:port at which no connection comes to be: a socket listens whose
// queue is full and is never emptied, so that the kernel drops what comes.
func fullAddress(t testing.TB) string {
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
	for range 8 {
		conn, err := net.DialTimeout("tcp", address, connectTime)
		if err != nil {
			return address
		}
		t.Cleanup(func() { _ = conn.Close() })
	}
	t.Fatal("this system lets connections in that nobody accepts")
	return ""
}

func TestFaults_end_in_time_with_the_right_error(t *testing.T) {
	s, list := setUp(t)
	for _, f := range list {
		t.Run(f.name, func(t *testing.T) {
			before, logged := s.up.requests(f.name), len(s.Log())
			calls := s.callAll(t, f)
			for _, c := range calls {
				t.Run(c.String(), func(t *testing.T) { s.judge(t, c) })
			}
			if f.script != nil && s.up.requests(f.name)-before != len(calls) {
				t.Errorf("the provider was asked %d times for %d calls", s.up.requests(f.name)-before, len(calls))
			}
			s.nothingTold(t, "the log", s.Log()[logged:], false)
		})
	}
	if n := s.elsewhere.Load(); n > 0 {
		t.Errorf("redirects were followed: %d connections", n)
	}
	response, err := s.Client().Get("http://" + s.Admin + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	metrics, err := io.ReadAll(response.Body)
	if err != nil || !strings.Contains(string(metrics), "gen_ai_server_request_duration_seconds") {
		t.Fatalf("no metrics: %v", err)
	}
	s.nothingTold(t, "the metrics", string(metrics), true)
}

// call is one call and what came of it.
type call struct {
	door   harness.Door
	fault  fault
	stream bool
	want   *want

	answer harness.Answer
	took   time.Duration
	// healthy is what a sound call got right behind it.
	healthy harness.Answer
}

func (c *call) String() string {
	if c.stream {
		return c.door.Name + "_stream"
	}
	return c.door.Name + "_unary"
}

// model is that of the fault, one for each kind of call: a key that is benched is so for
// a model.
func (c *call) model() string { return c.fault.model() + "@" + c.String() }

// callAll makes all calls of a fault at once, and behind each a sound one.
func (s *stage) callAll(t *testing.T, f fault) []*call {
	t.Helper()
	var calls []*call
	for _, door := range s.doors {
		if f.bulky && !door.IsREST() {
			continue // behind the doors it is the same, and takes its time
		}
		if f.unary != nil && (!f.bulky || os.Getenv(repeatVariable) != "") {
			calls = append(calls, &call{door: door, fault: f, want: f.unary})
		}
		if f.stream != nil {
			calls = append(calls, &call{door: door, fault: f, want: f.stream, stream: true})
		}
	}
	var running sync.WaitGroup
	for _, c := range calls {
		running.Go(func() {
			start := time.Now()
			c.answer = ask(t, c.door, c.stream, c.model())
			c.took = time.Since(start)
			behind := "flaky/healthy"
			if f.provider == "patient" {
				behind = "patient/healthy" // on the connections that the fault left
			}
			c.healthy = ask(t, c.door, c.stream, behind)
		})
	}
	running.Wait()
	return calls
}

func ask(t *testing.T, door harness.Door, stream bool, model string) harness.Answer {
	ctx, cancel := context.WithTimeout(t.Context(), harness.Patience/2)
	defer cancel()
	c := harness.Call{JSON: request(model)}
	if stream {
		return door.StreamChat(ctx, c, nil)
	}
	return door.Chat(ctx, c)
}

func request(model string) []byte {
	return fmt.Appendf(nil, `{"model":%q,"messages":[{"role":"user","content":%q}]}`, model, markerPrompt)
}

// judge holds a call to what it had to get.
func (s *stage) judge(t *testing.T, c *call) {
	t.Helper()
	s.receipt(t, c.healthy)
	if text := content(c.healthy); c.healthy.Err != nil || c.healthy.Failure != nil || text != wholeText {
		t.Errorf("the sound call behind it got %q, %v, %+v", text, c.healthy.Err, c.healthy.Failure)
	}
	receipt := s.receipt(t, c.answer)
	if c.answer.Err != nil && !c.answer.ErrNoDetail() {
		t.Fatalf("no client understands the answer: %v\n%.500s", c.answer.Err, c.answer.Body)
	}
	if c.took > c.want.within {
		fmt.Printf("measured: OVER: %s %s took %v, want at most %v\n", c.fault.name, c, c.took, c.want.within)
	}
	if c.took > far*c.want.within {
		t.Errorf("it took %v, far above %v", c.took, c.want.within)
	}
	if n := len(receipt.Attempts); n != 1 && (n != 0 || !c.want.whole()) { // a single success goes without saying
		t.Errorf("%d attempts in the receipt, want 1: %+v", n, receipt.Attempts)
	}
	if got := c.answer.Header.Get("X-Sluice-Attempts"); got != "1" {
		t.Errorf("x-sluice-attempts: %q, want 1", got)
	}
	told, err := json.Marshal(map[string]any{"body": string(c.answer.Body), "header": c.answer.Header, "failure": c.answer.Failure})
	if err != nil {
		t.Error(err)
	}
	s.nothingTold(t, "the answer", string(told), true)
	if c.want.whole() {
		if c.answer.Failure != nil || content(c.answer) != wholeText || receipt.Reason != "" || receipt.Status != 200 {
			t.Errorf("got %q, %+v, receipt %q, want a whole answer", content(c.answer), c.answer.Failure, receipt.Reason)
		}
		return
	}
	c.judgeFailure(t, receipt)
}

func (c *call) judgeFailure(t *testing.T, receipt harness.Receipt) {
	t.Helper()
	w, failure, chunks := c.want, c.answer.Failure, len(c.answer.Chunks)
	if failure == nil {
		t.Fatalf("an answer of %d chunks, %q, and no error; want %s", chunks, content(c.answer), w.reasons)
	}
	if w.chunks >= 0 && chunks != w.chunks || w.chunks == atLeastOne && chunks == 0 || w.chunks == atMostBegun && chunks > nBegun {
		t.Errorf("%d chunks arrived before the error, want %d", chunks, w.chunks)
	}
	if !slices.Contains(w.reasons, receipt.Reason) {
		t.Errorf("the receipt's reason is %q, want one of %s (%s)", receipt.Reason, w.reasons, failure.Error.GetMessage())
	}
	event := c.door.IsREST() && chunks > 0 // an error event has no place for reason and status
	if !event && failure.Reason != receipt.Reason {
		t.Errorf("the reason is %q, and %q in the receipt", failure.Reason, receipt.Reason)
	}
	if !event && !slices.Contains(w.status, failure.Status) {
		t.Errorf("status %d, want one of %v", failure.Status, w.status)
	}
	if !c.door.IsREST() && failure.Code == codes.OK {
		t.Error("the gRPC status is OK")
	}
	switch {
	case failure.Error.GetMessage() == "":
		t.Errorf("an error object without a message: %s", protojson.Format(failure.Error))
	case w.says != "" && failure.Error.GetMessage() != w.says:
		t.Errorf("the message is %q, want the provider's own %q", failure.Error.GetMessage(), w.says)
	case w.says == "" && chunks > 0 && failure.Error.GetCodeString() != receipt.Reason:
		// Each of these reasons has a code of the same name (server/fault).
		t.Errorf("code %q for the reason %q", failure.Error.GetCodeString(), receipt.Reason)
	}
	for name, value := range w.header {
		if got := c.answer.Header.Get(name); c.door.IsREST() && got != value {
			t.Errorf("%s: %q, want %q", name, got, value)
		}
	}
	if tried := c.answer.Header.Get("X-Sluice-Tried"); chunks == 0 && !strings.HasPrefix(tried, c.model()+"="+receipt.Reason) {
		t.Errorf("x-sluice-tried: %q, want %s=%s", tried, c.model(), receipt.Reason)
	}
}

// receipt waits for that of an answer. Whoever waits takes those of others on the way,
// and lets nobody else wait: every call has exactly one.
func (s *stage) receipt(t *testing.T, a harness.Answer) harness.Receipt {
	t.Helper()
	id := a.Header.Get("X-Sluice-Request-Id")
	if id == "" {
		t.Fatalf("an answer without x-sluice-request-id: %v %v", a.Header, a.Err)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		if r, ok := s.receipts[id]; ok {
			return r
		}
		r := s.Receipt(t)
		s.receipts[r.ID] = r
	}
}

// nothingTold fails the test when a text holds what nobody may learn. The log alone may
// name addresses: see adapters.Error.Cause.
func (s *stage) nothingTold(t *testing.T, what, text string, addresses bool) {
	t.Helper()
	secrets := []string{markerKey, markerPrompt}
	if addresses {
		secrets = append(secrets[:1:1], s.addresses...)
	}
	for _, secret := range secrets {
		if at := strings.Index(text, secret); at >= 0 {
			t.Errorf("%s tells %q: %s", what, secret, text[max(0, at-200):min(len(text), at+200)])
		}
	}
}

// content is the text of an answer or of a stream's chunks.
func content(a harness.Answer) string {
	var text strings.Builder
	if m, ok := a.Message.(*sluicev1.ChatCompletion); ok {
		for _, choice := range m.GetChoices() {
			text.WriteString(choice.GetMessage().GetContent())
		}
	}
	for _, chunk := range a.Chunks {
		for _, choice := range chunk.GetChoices() {
			text.WriteString(choice.GetDelta().GetContent())
		}
	}
	return text.String()
}
