package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/goleak"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server"
	"github.com/sluice-ai/sluice/server/config"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// patience bounds every wait of these tests; none takes it unless something hangs.
const patience = 20 * time.Second

const freePorts = "listen: {http: 127.0.0.1:0, grpc: 127.0.0.1:0, admin: 127.0.0.1:0}\n"

// journal is a log that tests read.
type journal struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.Write(p)
}

func (j *journal) String() string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.text.String()
}

// calls returns the receipts in the log.
func (j *journal) calls(t *testing.T) []map[string]any {
	t.Helper()
	var list []map[string]any
	for line := range strings.Lines(j.String()) {
		var entry map[string]any
		if err := json.Unmarshal([]byte(line), &entry); err != nil {
			t.Fatalf("log line %q: %v", line, err)
		}
		if entry["msg"] == "call" {
			list = append(list, entry)
		}
	}
	return list
}

// house is a started server.
type house struct {
	*server.Server

	http, grpc, admin string
	log               *journal
	level             *slog.LevelVar
	client            *http.Client
}

func parse(t *testing.T, text string) *config.Config {
	t.Helper()
	c, err := server.Loader().Parse("sluice.yml", []byte(text))
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func start(t *testing.T, text string) *house {
	t.Helper()
	return startWith(t, freePorts+text)
}

// startWith is [start] for a configuration that says where to listen.
func startWith(t *testing.T, text string) *house {
	t.Helper()
	h := &house{log: &journal{}, level: new(slog.LevelVar), client: &http.Client{Transport: &http.Transport{}}}
	logger := slog.New(slog.NewJSONHandler(h.log, &slog.HandlerOptions{Level: h.level}))
	s, err := server.New(parse(t, text), server.Options{Logger: logger, Level: h.level, Version: "1.2.3"})
	if err != nil {
		t.Fatal(err)
	}
	if err := s.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	a := s.Addresses()
	h.Server, h.http, h.grpc, h.admin = s, "http://"+a.HTTP, a.GRPC, "http://"+a.Admin
	t.Cleanup(func() {
		h.client.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := s.Stop(ctx); err != nil {
			t.Errorf("stop: %v", err)
		}
	})
	return h
}

func (h *house) get(t *testing.T, url string) (status int, body string) {
	t.Helper()
	resp, err := h.client.Get(url)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

// chat asks and returns the status and the answer's text, or the error's code.
func (h *house) chat(t *testing.T, model string) (status int, text string) {
	t.Helper()
	resp, err := h.client.Post(h.http+"/v1/chat/completions", "application/json",
		strings.NewReader(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"Hello"}]}`, model)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var answer struct {
		Choices []struct {
			Message struct {
				Content string `json:"content"`
			} `json:"message"`
		} `json:"choices"`
		Error struct {
			Code string `json:"code"`
		} `json:"error"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&answer); err != nil {
		t.Fatal(err)
	}
	if len(answer.Choices) > 0 {
		return resp.StatusCode, answer.Choices[0].Message.Content
	}
	return resp.StatusCode, answer.Error.Code
}

// eventually polls until ok, or fails.
func eventually(t *testing.T, what string, ok func() bool) {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !ok() {
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %s", patience, what)
		}
	}
}

// upstream is a provider of OpenAI's API whose streams wait to be told to end.
type upstream struct {
	*httptest.Server

	name    string
	finish  chan struct{}
	leaving chan struct{} // gets one per stream whose caller left
	broken  atomic.Bool   // answer 500, break streams off
	hangs   atomic.Bool   // answer nothing
	open    atomic.Int64  // connections
}

func newUpstream(t *testing.T, name string) *upstream {
	u := &upstream{name: name, finish: make(chan struct{}), leaving: make(chan struct{}, 10)}
	u.Server = httptest.NewUnstartedServer(http.HandlerFunc(u.serve))
	u.Config.ConnState = func(_ net.Conn, state http.ConnState) {
		switch state {
		case http.StateNew:
			u.open.Add(1)
		case http.StateClosed:
			u.open.Add(-1)
		case http.StateActive, http.StateIdle, http.StateHijacked:
		}
	}
	u.Start()
	t.Cleanup(u.Close)
	return u
}

// The bodies are those of OpenAI's API reference, "Create chat completion", shortened.
func (u *upstream) serve(w http.ResponseWriter, r *http.Request) {
	if strings.HasSuffix(r.URL.Path, "/models") {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprint(w, `{"object":"list","data":[{"id":"m","object":"model","created":1,"owned_by":"upstream"}]}`)
		return
	}
	if u.broken.Load() {
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	body, _ := io.ReadAll(r.Body)
	if u.hangs.Load() {
		<-r.Context().Done()
		return
	}
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		fmt.Fprintf(w, `{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,`+
			`"message":{"role":"assistant","content":"from %s","refusal":null},"logprobs":null,"finish_reason":"stop"}],`+
			`"usage":{"prompt_tokens":1,"completion_tokens":2,"total_tokens":3}}`, u.name)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	chunk := func(delta, finish string) {
		fmt.Fprintf(w, `data: {"id":"chatcmpl-1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":%s,"finish_reason":%s}]}`+"\n\n", delta, finish)
		w.(http.Flusher).Flush()
	}
	chunk(fmt.Sprintf(`{"role":"assistant","content":"from %s"}`, u.name), "null")
	select {
	case <-u.finish:
	case <-r.Context().Done():
		u.leaving <- struct{}{}
		return
	}
	if u.broken.Load() {
		panic(http.ErrAbortHandler)
	}
	chunk(`{}`, `"stop"`)
	fmt.Fprint(w, "data: [DONE]\n\n")
}

func (u *upstream) provider(name string) string {
	return fmt.Sprintf("{name: %s, kind: openai, base_url: %q, api_keys: [\"sk-upstream-secret\"]}", name, u.URL)
}

// stream begins a stream and returns after its first event. rest reads to the end.
func (h *house) stream(t *testing.T, model string) (first string, rest func() (string, error)) {
	t.Helper()
	resp, err := h.client.Post(h.http+"/v1/chat/completions", "application/json",
		strings.NewReader(fmt.Sprintf(`{"model":%q,"stream":true,"messages":[{"role":"user","content":"Hello"}]}`, model)))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	in := bufio.NewReader(resp.Body)
	if first, err = in.ReadString('\n'); err != nil {
		t.Fatalf("status %d, first line %q: %v", resp.StatusCode, first, err)
	}
	return first, func() (string, error) {
		data, err := io.ReadAll(in)
		return string(data), err
	}
}

func TestServer_answers_through_REST_and_gRPC(t *testing.T) {
	h := start(t, "models: [{name: fast, targets: [{provider: sandbox, model: echo}]}]\n")
	status, rest := h.chat(t, "fast")
	if status != http.StatusOK || !strings.Contains(rest, "Hello") {
		t.Fatalf("REST: status %d, %q", status, rest)
	}
	conn, err := grpc.NewClient(h.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	answer, err := sluicev1.NewChatServiceClient(conn).CreateChatCompletion(t.Context(), helloTo("fast"))
	if err != nil {
		t.Fatal(err)
	}
	if got := answer.GetChoices()[0].GetMessage().GetContent(); got != rest {
		t.Errorf("gRPC says %q, REST %q", got, rest)
	}
	health, err := healthv1.NewHealthClient(conn).Check(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil || health.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Errorf("health: %v, %v", health, err)
	}
	if calls := h.log.calls(t); len(calls) != 2 {
		t.Errorf("%d receipts, want 2: %v", len(calls), calls)
	}
	_, metrics := h.get(t, h.admin+"/metrics")
	for _, want := range []string{
		`sluice_build_info{go_version="go1`, `version="1.2.3"`, "go_goroutines ", "process_cpu_seconds_total ",
		`sluice_target_circuit_state{target="sandbox/echo"} 0`, "gen_ai_server_request_duration_seconds_count",
	} {
		if !strings.Contains(metrics, want) {
			t.Errorf("/metrics lacks %s", want)
		}
	}
	if status, _ := h.get(t, h.http+"/openapi.json"); status != http.StatusOK {
		t.Errorf("/openapi.json: status %d", status)
	}
}

func TestServer_answers_models_that_nothing_names_with_404(t *testing.T) {
	h := start(t, "")
	if status, code := h.chat(t, "gpt-4o"); status != http.StatusNotFound || code != "model_not_found" {
		t.Errorf("status %d, code %q", status, code)
	}
}

func TestServer_is_ready_although_a_provider_hangs(t *testing.T) {
	hung, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	h := start(t, fmt.Sprintf("providers: [{name: hung, kind: openai, base_url: \"http://%s\"}]\nrouting: {default_provider: hung}\n", hung.Addr()))
	for _, path := range []string{"/healthz", "/readyz"} {
		if status, body := h.get(t, h.admin+path); status != http.StatusOK {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, text := h.chat(t, "sandbox/echo"); status != http.StatusOK {
		t.Errorf("the sandbox: %d %s", status, text)
	}
}

func TestStart_names_the_port_in_use_and_opens_none(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	c := parse(t, fmt.Sprintf("listen:\n  http: 127.0.0.1:0\n  grpc: 127.0.0.1:0\n  admin: %s\n", taken.Addr()))
	s, err := server.New(c, server.Options{})
	if err != nil {
		t.Fatal(err)
	}
	err = s.Start(t.Context())
	if err == nil {
		t.Fatal("started")
	}
	want := fmt.Sprintf("sluice.yml:4:10: listen.admin: the port cannot be opened: listen tcp %s: bind: address already in use", taken.Addr())
	if err.Error() != want {
		t.Errorf("got  %q\nwant %q", err, want)
	}
	if a := s.Addresses(); a.HTTP != "" {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", a.HTTP)
		if err == nil {
			conn.Close()
			t.Error("the HTTP port is open")
		}
	}
	if err := s.Reload(c); err == nil {
		t.Error("a server that did not start took up a configuration")
	}
	if err := s.Stop(t.Context()); err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestCheck_reports_what_adapters_refuse_with_its_place(t *testing.T) {
	c := parse(t, "providers:\n  - name: a\n    kind: openai\n    headers: {content-length: \"1\"}\n")
	err := server.Check(c)
	if err == nil || !strings.HasPrefix(err.Error(), "sluice.yml:2:5: providers[0]: ") {
		t.Errorf("got %v", err)
	}
}

func TestWelcome_shows_a_command_that_works(t *testing.T) {
	h := start(t, "auth: {insecure: true}\n")
	var out strings.Builder
	if err := h.Welcome().Write(&out); err != nil {
		t.Fatal(err)
	}
	_, command, _ := strings.Cut(out.String(), "curl -N ")
	url, rest, _ := strings.Cut(command, " ")
	_, body, _ := strings.Cut(rest, "-d '")
	body, _, _ = strings.Cut(body, "'")
	resp, err := h.client.Post(url, "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	answer, _ := io.ReadAll(resp.Body)
	if resp.StatusCode != http.StatusOK || !strings.HasSuffix(string(answer), "data: [DONE]\n\n") {
		t.Errorf("status %d, %q", resp.StatusCode, answer)
	}
	for _, want := range []string{h.http + "/v1", h.http + "/docs", h.grpc, h.admin, "sandbox"} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}
