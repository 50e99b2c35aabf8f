package server_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/status"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"
)

func TestStop_lets_a_stream_end_while_readyz_says_503(t *testing.T) {
	u := newUpstream(t, "a")
	h := start(t, "providers: ["+u.provider("a")+"]\n")
	first, rest := h.stream(t, "a/m")
	if !strings.Contains(first, "from a") {
		t.Fatalf("got %q", first)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- h.Stop(context.Background()) }()
	eventually(t, "/readyz says 503", func() bool {
		status, _ := h.get(t, h.admin+"/readyz")
		return status == http.StatusServiceUnavailable
	})
	if status, _ := h.get(t, h.admin+"/healthz"); status != http.StatusOK {
		t.Errorf("/healthz: %d", status)
	}
	eventually(t, "new connections are refused", func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.http, "http://"))
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("stopped before the stream ended: %v", err)
	default:
	}
	close(u.finish)
	text, err := rest()
	if err != nil || !strings.HasSuffix(strings.TrimSpace(text), "data: [DONE]") {
		t.Errorf("the stream ended with %q, %v", text, err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
	if calls := h.log.calls(t); len(calls) != 1 || calls[0]["status"] != 200.0 {
		t.Errorf("receipts: %v", calls)
	}
}

// Every door tells the caller of a stream that the end of the grace cut off, as OpenAI's
// SDKs and gRPC's clients understand it: an event with an error and no [DONE], a status
// with its detail.
func TestStop_tells_and_accounts_for_what_outlives_the_grace(t *testing.T) {
	u := newUpstream(t, "a")
	h := start(t, "providers: ["+u.provider("a")+"]\n")
	_, rest := h.stream(t, "a/m")
	conn, err := grpc.NewClient(h.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in, err := sluicev1.NewChatServiceClient(conn).StreamChatCompletion(t.Context(), helloTo("a/m"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Recv(); err != nil {
		t.Fatal(err)
	}
	doors := map[string]*connect.ServerStreamForClient[sluicev1.ChatCompletionChunk]{}
	for name, option := range map[string]connect.ClientOption{"Connect": connect.WithProtoJSON(), "gRPC-Web": connect.WithGRPCWeb()} {
		stream, err := sluicev1connect.NewChatServiceClient(h.client, h.http, option).StreamChatCompletion(t.Context(), helloTo("a/m"))
		if err != nil || !stream.Receive() {
			t.Fatalf("%s: %v, %v", name, err, stream.Err())
		}
		defer stream.Close()
		doors[name] = stream
	}
	u.hangs.Store(true)
	unary := make(chan string, 1)
	go func() {
		status, code := h.chat(t, "a/m")
		unary <- fmt.Sprintf("%d %s", status, code)
	}()
	eventually(t, "the call in one piece runs", func() bool { return h.status(t).RunningCalls == 5 })

	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stop: %v", err)
	}
	text, err := rest()
	last := text[strings.LastIndex(strings.TrimRight(text, "\n"), "\n")+1:]
	if err != nil || strings.Contains(text, "[DONE]") || !strings.HasPrefix(last, `data: {"error":{"message":"Sluice is stopping`) || !strings.Contains(last, `"code":"shutting_down"`) {
		t.Errorf("REST: %q, %v", text, err)
	}
	if got := <-unary; got != "503 shutting_down" {
		t.Errorf("REST in one piece: %s", got)
	}
	_, err = in.Recv()
	if s := status.Convert(err); s.Code() != codes.Unavailable || len(s.Details()) == 0 || !isShuttingDown(s.Details()[0]) {
		t.Errorf("gRPC: %v, %v", err, s.Details())
	}
	for name, stream := range doors {
		if stream.Receive() {
			t.Errorf("%s: another chunk", name)
		}
		failure := new(connect.Error)
		if !errors.As(stream.Err(), &failure) || failure.Code() != connect.CodeUnavailable || len(failure.Details()) == 0 {
			t.Errorf("%s: %v", name, stream.Err())
			continue
		}
		if detail, err := failure.Details()[0].Value(); err != nil || !isShuttingDown(detail) {
			t.Errorf("%s: %v, %v", name, detail, err)
		}
	}
	for range 4 {
		select {
		case <-u.leaving:
		case <-time.After(patience):
			t.Fatal("the provider was not left")
		}
	}
	calls := h.log.calls(t)
	if len(calls) != 5 {
		t.Errorf("%d receipts when Stop returned, want 5", len(calls))
	}
	for _, call := range calls {
		if call["error.type"] != "shutting_down" || call["status"] != 503.0 {
			t.Errorf("a receipt says %v, %v", call["error.type"], call["status"])
		}
	}
}

func isShuttingDown(detail any) bool {
	d, ok := detail.(*sluicev1.ErrorDetail)
	return ok && d.GetReason() == sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN
}

// Who does not read holds nobody up, and is accounted for as the others are.
func TestStop_does_not_wait_for_a_caller_that_stopped_reading(t *testing.T) {
	var sent atomic.Int64
	flood := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for r.Context().Err() == nil {
			if _, err := fmt.Fprintf(w, `data: {"id":"1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":%q}}]}`+"\n\n", strings.Repeat("x", 8<<10)); err != nil {
				return
			}
			sent.Add(1)
		}
	}))
	defer flood.Close()
	h := start(t, fmt.Sprintf("providers: [{name: a, kind: openai, base_url: %q, api_keys: [k]}]\n", flood.URL))
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(h.http, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	const body = `{"model":"a/m","stream":true,"messages":[{"role":"user","content":"Hello"}]}`
	fmt.Fprintf(conn, "POST /v1/chat/completions HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
	if _, err := conn.Read(make([]byte, 1)); err != nil {
		t.Fatal(err)
	}
	before, same := int64(0), 0
	eventually(t, "nothing moves any more", func() bool {
		if now := sent.Load(); now == 0 || now != before {
			before, same = now, 0
		}
		same++
		return same > 40
	})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	start := time.Now()
	if err := h.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(start); took > 5*time.Second {
		t.Errorf("it took %v", took)
	}
	if calls := h.log.calls(t); len(calls) != 1 || calls[0]["error.type"] != "shutting_down" {
		t.Errorf("receipts: %v", calls)
	}
}

func TestStop_ends_what_goes_on_without_its_caller(t *testing.T) {
	u := newUpstream(t, "a")
	h := start(t, "providers: ["+u.provider("a")+"]\nrouting: {on_disconnect: drain, drain_cap: 1h}\n")
	ctx, leave := context.WithCancel(t.Context())
	conn, err := grpc.NewClient(h.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	in, err := sluicev1.NewChatServiceClient(conn).StreamChatCompletion(ctx, helloTo("a/m"))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := in.Recv(); err != nil {
		t.Fatal(err)
	}
	leave()
	if _, err := in.Recv(); status.Code(err) != codes.Canceled {
		t.Fatalf("got %v", err)
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	begin := time.Now()
	if err := h.Stop(ended); !errors.Is(err, context.Canceled) {
		t.Errorf("stop: %v", err)
	}
	if took := time.Since(begin); took > 4*time.Second {
		t.Errorf("it took %v", took)
	}
	if calls := h.log.calls(t); len(calls) != 1 {
		t.Errorf("receipts: %v", calls)
	}
}

func helloTo(model string) *sluicev1.ChatCompletionRequest {
	return &sluicev1.ChatCompletionRequest{
		Model: model,
		Messages: []*sluicev1.ChatMessage{{Message: &sluicev1.ChatMessage_User{User: &sluicev1.UserMessage{
			Content: &sluicev1.UserMessage_Text{Text: "Hello"},
		}}}},
	}
}

func TestStop_lets_gRPC_streams_end_on_both_ports(t *testing.T) {
	u := newUpstream(t, "a")
	h := start(t, "providers: ["+u.provider("a")+"]\n")
	var streams []sluicev1.ChatService_StreamChatCompletionClient
	for _, address := range []string{h.grpc, strings.TrimPrefix(h.http, "http://")} {
		conn, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
		if err != nil {
			t.Fatal(err)
		}
		defer conn.Close()
		in, err := sluicev1.NewChatServiceClient(conn).StreamChatCompletion(t.Context(), helloTo("a/m"))
		if err != nil {
			t.Fatal(err)
		}
		if _, err := in.Recv(); err != nil {
			t.Fatalf("%s: %v", address, err)
		}
		streams = append(streams, in)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- h.Stop(context.Background()) }()
	eventually(t, "the gRPC port is closed", func() bool {
		conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", h.grpc)
		if err == nil {
			conn.Close()
		}
		return err != nil
	})
	close(u.finish)
	for i, in := range streams {
		for {
			_, err := in.Recv()
			if errors.Is(err, io.EOF) {
				break
			}
			if err != nil {
				t.Errorf("stream %d: %v", i, err)
				break
			}
		}
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
}

func TestStop_is_not_held_up_by_who_watches_health(t *testing.T) {
	h := start(t, "")
	conn, err := grpc.NewClient(h.grpc, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	watch, err := healthv1.NewHealthClient(conn).Watch(t.Context(), &healthv1.HealthCheckRequest{})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthv1.HealthCheckResponse_SERVING {
		t.Fatalf("got %v, %v", got, err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stopped := make(chan error, 1)
	go func() { stopped <- h.Stop(ctx) }()
	if got, err := watch.Recv(); err != nil || got.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("got %v, %v", got, err)
	}
	if err := <-stopped; err != nil {
		t.Errorf("stop: %v", err)
	}
}
