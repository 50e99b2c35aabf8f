package hostile

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/tests/harness"
)

// What must be told to nobody: each holds the marker.
const (
	marker       = "mArKeR7f3c"
	markerKey    = "sk-provider-" + marker + "-0123456789"
	markerTarget = "target-" + marker + "-9876543210"
	markerPrompt = "prompt-" + marker + "-the-quick-brown-fox"
)

// provider is one on bare TCP, whose answers go by the request's model.
type provider struct {
	address string
	scripts map[string]func(x *exchange)

	running sync.WaitGroup
	mu      sync.Mutex // guards conns
	conns   map[net.Conn]bool
}

// exchange is one request and the connection for its answer.
type exchange struct {
	net.Conn

	request *http.Request
	stream  bool
}

func newProvider(t testing.TB, scripts map[string]func(*exchange)) *provider {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &provider{address: listener.Addr().String(), scripts: scripts, conns: map[net.Conn]bool{}}
	p.running.Go(func() {
		for {
			conn, err := listener.Accept()
			if err != nil {
				return
			}
			p.mu.Lock()
			p.conns[conn] = true
			p.mu.Unlock()
			p.running.Go(func() { p.serve(conn) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		p.mu.Lock()
		for conn := range p.conns {
			_ = conn.Close()
		}
		p.mu.Unlock()
		p.running.Wait()
	})
	return p
}

// serve answers one request and closes.
func (p *provider) serve(conn net.Conn) {
	defer func() {
		_ = conn.Close()
		p.mu.Lock()
		delete(p.conns, conn)
		p.mu.Unlock()
	}()
	request, err := http.ReadRequest(bufio.NewReader(conn))
	if err != nil {
		return
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return
	}
	var asked struct {
		Model  string
		Stream bool
	}
	_ = json.Unmarshal(body, &asked) // what is no JSON finds no script
	name, _, _ := strings.Cut(asked.Model, "@")
	if asked.Model == "" {
		name = strings.TrimPrefix(request.URL.Path, "/v1/")
	}
	script := p.scripts[name]
	if script == nil {
		script = wellAnswer
	}
	script(&exchange{Conn: conn, request: request, stream: asked.Stream})
}

func (x *exchange) write(text ...string) bool {
	_, err := io.WriteString(x.Conn, strings.Join(text, ""))
	return err == nil
}

// hang waits until Sluice leaves.
func (x *exchange) hang() { _, _ = io.Copy(io.Discard, x.Conn) }

const (
	ok200    = "HTTP/1.1 200 OK\r\nConnection: close\r\n"
	typeJSON = "Content-Type: application/json\r\n"
	typeSSE  = "Content-Type: text/event-stream\r\n"
	event    = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"Ok"},"finish_reason":null}]}` + "\n\n"
	lastOne  = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\ndata: [DONE]\n\n"
)

func wellAnswer(x *exchange) {
	if x.stream {
		x.write(ok200, typeSSE, "\r\n", event, lastOne)
		return
	}
	x.write(ok200, typeJSON, fmt.Sprintf("Content-Length: %d\r\n\r\n", len(goodAnswer)), goodAnswer)
}

// answers sends a whole answer of a status; KEY and TARGET in it are what came with the
// request.
func answers(status int, header, body string) func(*exchange) {
	return func(x *exchange) {
		quoted := strings.NewReplacer(
			"KEY", strings.TrimPrefix(x.request.Header.Get("Authorization"), "Bearer "),
			"TARGET", x.request.Header.Get("X-Target-Token"))
		body, header := quoted.Replace(body), quoted.Replace(header)
		x.write(fmt.Sprintf("HTTP/1.1 %d Odd\r\nConnection: close\r\n%sContent-Length: %d\r\n\r\n%s", status, header, len(body), body))
	}
}

// without sends a 200 of events that has no length.
func without(text string) func(*exchange) {
	return func(x *exchange) {
		text := strings.NewReplacer(
			"KEY", strings.TrimPrefix(x.request.Header.Get("Authorization"), "Bearer "),
			"TARGET", x.request.Header.Get("X-Target-Token")).Replace(text)
		x.write(ok200, typeSSE, "\r\n", text)
	}
}

const hastyTime = 150 * time.Millisecond

// providerConfig has tight bounds, and neither retries nor breakers.
func providerConfig(address string) string {
	return fmt.Sprintf(`breaker: {enabled: false}
routing: {retries: {max_attempts: 1}}
log: {level: debug}
providers:
  - {name: odd, kind: openai, base_url: "http://%s/v1", api_keys: [%s], headers: {X-Target-Token: %s}, timeouts: {connect: 1s, first_byte: 1s, idle: 1s}}
  - {name: hasty, kind: openai, base_url: "http://%s/v1", api_keys: [%s], timeouts: {total: %s}}
`, address, markerKey, markerTarget, address, markerKey, hastyTime)
}

// providerCase is an answer of a provider and what may come of it.
type providerCase struct {
	name string
	// stream says for which kind of call it is.
	stream bool
	script func(*exchange)
	// whole: a whole answer comes of it; else a failure, of one of these statuses.
	whole  bool
	status []int
	// says must be in what the caller gets, hides must not.
	says, hides string
	// hasty asks a provider whose calls may take hastyTime in all.
	hasty bool
	// finding is what is wrong with it, and was reported.
	finding string
}

func (c providerCase) provider() string {
	if c.hasty {
		return "hasty"
	}
	return "odd"
}

func providerCases(t *testing.T, g *gate, cases []providerCase) {
	t.Helper()
	for _, c := range cases {
		for _, door := range g.Doors(t)[:2] {
			if c.hasty && !door.IsREST() && !long() {
				continue
			}
			run(t, c.name+"/"+door.Name, func(t *testing.T) { g.providerCase(t, c, door) })
		}
	}
}

func (g *gate) providerCase(t *testing.T, c providerCase, door harness.Door) {
	logged, start := len(g.Log()), time.Now()
	call := harness.Call{JSON: fmt.Appendf(nil, `{"model":%q,"messages":[{"role":"user","content":%q}]}`, c.provider()+"/"+c.name+"@"+door.Name, markerPrompt)}
	ask := door.Chat
	if c.stream {
		ask = func(ctx context.Context, call harness.Call) harness.Answer { return door.StreamChat(ctx, call, nil) }
	}
	a := ask(t.Context(), call)
	within(t, "the answer", time.Since(start), soon)
	if a.Err != nil && !a.ErrNoDetail() {
		t.Fatalf("no client understands the answer: %v: %.300s", a.Err, a.Body)
	}
	told := told(a)
	switch {
	case c.whole != (a.Failure == nil):
		t.Errorf("failure %+v: %.300s", a.Failure, told)
	case a.Failure != nil && len(a.Chunks) == 0 && !slices.Contains(c.status, a.Failure.Status):
		t.Errorf("status %d (%s), want one of %v: %.300s", a.Failure.Status, a.Failure.Reason, c.status, told)
	}
	if !strings.Contains(told, c.says) || c.hides != "" && strings.Contains(told, c.hides) {
		t.Errorf("want %q and no %q: %.600s", c.says, c.hides, told)
	}
	receipt := g.settled(t, a.Header.Get("X-Sluice-Request-Id"))
	if c.finding != "" && (strings.Contains(told, marker) || receipt.Input < 0) {
		g.healthyAt(t, door, "odd/well")
		t.Skip("reported: " + c.finding)
	}
	if strings.Contains(told, marker) {
		t.Errorf("the caller is told a secret: %.600s", told[max(0, strings.Index(told, marker)-200):])
	}
	if receipt.Input < 0 || receipt.Output < 0 {
		t.Errorf("the receipt counts below nothing: %+v", receipt)
	}
	g.healthyAt(t, door, "odd/well")
	for line := range strings.Lines(g.Log()[logged:]) {
		if strings.Contains(line, marker) || len(line) > 2*maxErrorBytes {
			t.Errorf("a line of %d bytes of the log: %.600s", len(line), line)
		}
	}
}

// healthyAt is healthy with a model of the provider.
func (g *gate) healthyAt(t *testing.T, door harness.Door, model string) {
	t.Helper()
	a := door.Chat(t.Context(), harness.Call{JSON: fmt.Appendf(nil, `{"model":%q,"messages":[{"role":"user","content":"x"}]}`, model)})
	if a.Err != nil || a.Failure != nil {
		t.Errorf("%s is ill afterwards: %v %+v", door.Name, a.Err, a.Failure)
		return
	}
	g.settled(t, a.Header.Get("X-Sluice-Request-Id"))
}

// told is all that a caller learns.
func told(a harness.Answer) string {
	var text strings.Builder
	fmt.Fprintf(&text, "%v %s ", a.Header, a.Body)
	if a.Failure != nil {
		fmt.Fprintf(&text, "%+v %v ", *a.Failure, a.Failure.Error)
	}
	if m, ok := a.Message.(*sluicev1.ChatCompletion); ok {
		fmt.Fprintf(&text, "%v ", m)
	}
	for _, chunk := range a.Chunks {
		fmt.Fprintf(&text, "%v ", chunk)
		for _, choice := range chunk.GetChoices() {
			text.WriteString(choice.GetDelta().GetContent())
		}
	}
	return text.String()
}
