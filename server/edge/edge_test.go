package edge

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// far is a scripted provider. A nil field answers like a healthy one.
type far struct {
	chat   func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error)
	stream func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest, func(*sluicev1.ChatCompletionChunk) error) error
	embed  func(context.Context, *adapters.Call, *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error)

	mu    sync.Mutex
	calls []*adapters.Call // guarded by mu
}

func (f *far) saw(call *adapters.Call) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls = append(f.calls, call)
}

// seen returns the calls so far.
func (f *far) seen() []*adapters.Call {
	f.mu.Lock()
	defer f.mu.Unlock()
	return append([]*adapters.Call(nil), f.calls...)
}

func (f *far) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	f.saw(call)
	if f.chat != nil {
		return f.chat(ctx, call, req)
	}
	return completion("hello"), nil
}

func (f *far) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	f.saw(call)
	if f.stream != nil {
		return f.stream(ctx, call, req, send)
	}
	for _, text := range []string{"hel", "lo"} {
		if err := send(chunk(text)); err != nil {
			return err
		}
	}
	return send(lastChunk())
}

func (f *far) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	f.saw(call)
	if f.embed != nil {
		return f.embed(ctx, call, req)
	}
	return &sluicev1.CreateEmbeddingsResponse{
		Object: "list",
		Model:  "m",
		Data: []*sluicev1.Embedding{{Object: "embedding", Embedding: &sluicev1.Embedding_Floats{
			Floats: &sluicev1.FloatList{Values: []float64{0.25, -1}},
		}}},
		Usage: &sluicev1.EmbeddingsUsage{PromptTokens: 2, TotalTokens: 2},
	}, nil
}

func (f *far) List(_ context.Context, call *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	f.saw(call)
	return &sluicev1.ListModelsResponse{Object: "list", Data: []*sluicev1.Model{{Id: "m", Object: "model", OwnedBy: "far"}}}, nil
}

func (f *far) Get(_ context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	f.saw(call)
	return &sluicev1.Model{Id: call.Model, Object: "model", OwnedBy: "far"}, nil
}

func completion(text string) *sluicev1.ChatCompletion {
	return &sluicev1.ChatCompletion{
		Id: "chatcmpl-1", Object: "chat.completion", Created: 1700000000, Model: "m",
		Choices: []*sluicev1.Choice{{
			Message:      &sluicev1.ResponseMessage{Role: "assistant", Content: &text},
			FinishReason: new("stop"),
		}},
		Usage: &sluicev1.Usage{PromptTokens: 3, CompletionTokens: 1, TotalTokens: 4},
	}
}

func chunk(text string) *sluicev1.ChatCompletionChunk {
	return &sluicev1.ChatCompletionChunk{
		Id: "chatcmpl-1", Object: "chat.completion.chunk", Created: 1700000000, Model: "m",
		Choices: []*sluicev1.ChunkChoice{{Delta: &sluicev1.Delta{Content: &text}}},
	}
}

func lastChunk() *sluicev1.ChatCompletionChunk {
	c := chunk("")
	c.Choices[0].Delta, c.Choices[0].FinishReason = &sluicev1.Delta{}, new("stop")
	return c
}

// refusal is a failure in the provider's own words.
func refusal(kind adapters.Kind, status int, message string) *adapters.Error {
	return &adapters.Error{
		Kind: kind, Provider: "far", Status: status,
		Envelope: &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{Message: message, Type: new("far_error")}},
	}
}

// ledger keeps the receipts.
type ledger struct {
	mu       sync.Mutex
	receipts []*usage.Receipt // guarded by mu
	taken    int              // by next
	arrived  chan struct{}    // one element per receipt
	explode  bool             // panic with a value that no log may show
}

func (l *ledger) Record(r *usage.Receipt) {
	l.mu.Lock()
	l.receipts = append(l.receipts, r)
	l.mu.Unlock()
	if l.explode {
		panic("the prompt")
	}
	l.arrived <- struct{}{}
}

// next waits for one more receipt and returns it.
func (l *ledger) next(t *testing.T) *usage.Receipt {
	t.Helper()
	select {
	case <-l.arrived:
	case <-time.After(10 * time.Second):
		t.Fatal("no receipt came")
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	l.taken++
	return l.receipts[l.taken-1]
}

// none fails the test when there is a receipt that [ledger.next] did not return.
func (l *ledger) none(t *testing.T) {
	t.Helper()
	if n := len(l.arrived); n > 0 {
		t.Errorf("%d receipts too many", n)
	}
}

// house is every door on one scripted provider, as provider "far" and the default.
type house struct {
	edge    *Edge
	service *gateway.Service
	ledger  *ledger
	logs    *logBuffer
	http    string // "http://127.0.0.1:port"
	grpc    *grpc.ClientConn
	client  *http.Client // HTTP/1.1
}

func newService(t *testing.T, f *far, log *slog.Logger) (*gateway.Service, *ledger) {
	t.Helper()
	table, err := route.New(nil, []string{"far"}, "far")
	if err != nil {
		t.Fatal(err)
	}
	l := &ledger{arrived: make(chan struct{}, 1000)}
	service := gateway.New(&gateway.Plan{
		Routes:          table,
		Providers:       map[string]adapters.Provider{"far": {Name: "far", Chat: f, Embed: f, Models: f}},
		Listed:          []string{"far"},
		DefaultProvider: "far",
		CallerChoice:    true,
	}, l, log)
	t.Cleanup(service.Close)
	return service, l
}

func open(t *testing.T, config Config, f *far) *house {
	t.Helper()
	logs := &logBuffer{}
	config.Logger = slog.New(slog.NewTextHandler(logs, nil))
	service, l := newService(t, f, config.Logger)
	h := &house{edge: New(config, service), service: service, ledger: l, logs: logs}
	h.edge.SetServing(true)

	listener := listen(t)
	server := NewHTTPServer(h.edge.HTTP())
	server.ErrorLog = slog.NewLogLogger(slog.NewTextHandler(logs, nil), slog.LevelError)
	transport := &http.Transport{DisableCompression: true}
	h.client = &http.Client{Transport: transport}
	h.http = "http://" + listener.Addr().String()
	run(t, func() { _ = server.Serve(listener) }, func() {
		transport.CloseIdleConnections()
		_ = server.Close()
	})

	native := listen(t)
	run(t, func() { _ = h.edge.GRPC().Serve(native) }, h.edge.GRPC().Stop)
	var err error
	if h.grpc, err = grpc.NewClient(native.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials())); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = h.grpc.Close() })
	return h
}

func listen(t testing.TB) net.Listener {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// run serves until the test ends.
func run(t *testing.T, serve, stop func()) {
	t.Helper()
	done := make(chan struct{})
	go func() { defer close(done); serve() }()
	t.Cleanup(func() { stop(); <-done })
}

type logBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
}

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// answer is an HTTP answer, read to its end.
type answer struct {
	status int
	header http.Header
	body   string
}

// do sends a request over HTTP/1.1. Headers come as name and value in turn.
func (h *house) do(t *testing.T, method, path, body string, headers ...string) answer {
	t.Helper()
	var reader io.Reader
	if body != "" {
		reader = strings.NewReader(body)
	}
	req, err := http.NewRequestWithContext(t.Context(), method, h.http+path, reader)
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i < len(headers); i += 2 {
		if req.Header.Del(headers[i]); headers[i+1] != "" {
			req.Header.Set(headers[i], headers[i+1])
		}
	}
	return h.send(t, req)
}

func (h *house) send(t *testing.T, req *http.Request) answer {
	t.Helper()
	resp, err := h.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, string(body)}
}

const hello = `{"model":"far/m","messages":[{"role":"user","content":"hi"}]}`

// healthy checks that the next call is answered as if nothing had happened.
func (h *house) healthy(t *testing.T) {
	t.Helper()
	got := h.do(t, "POST", "/v1/chat/completions", hello)
	if got.status != http.StatusOK || !strings.Contains(got.body, `"chat.completion"`) {
		t.Fatalf("the next call: %d %s", got.status, got.body)
	}
	if r := h.ledger.next(t); r.Status != http.StatusOK {
		t.Fatalf("the next call's receipt: %+v", r)
	}
	h.ledger.none(t)
}

// oaiError is OpenAI's error envelope. Source: openai-go v3, internal/apierror.
type oaiError struct {
	Message string  `json:"message"`
	Type    *string `json:"type"`
	Param   *string `json:"param"`
	Code    any     `json:"code"`
}

func (a answer) failure(t *testing.T) oaiError {
	t.Helper()
	var envelope struct {
		Error *oaiError `json:"error"`
	}
	if err := json.Unmarshal([]byte(a.body), &envelope); err != nil || envelope.Error == nil {
		t.Fatalf("no error envelope: %d %s", a.status, a.body)
	}
	return *envelope.Error
}
