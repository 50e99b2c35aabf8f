package server_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
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

func TestStop_cuts_off_and_accounts_for_what_outlives_the_grace(t *testing.T) {
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
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := h.Stop(ctx); !errors.Is(err, context.Canceled) {
		t.Errorf("stop: %v", err)
	}
	if text, err := rest(); err == nil || strings.Contains(text, "[DONE]") {
		t.Errorf("the stream over REST ended cleanly: %q", text)
	}
	if _, err := in.Recv(); err == nil || errors.Is(err, io.EOF) {
		t.Errorf("the stream over gRPC ended cleanly: %v", err)
	}
	for range 2 {
		select {
		case <-u.leaving:
		case <-time.After(patience):
			t.Fatal("the provider was not left")
		}
	}
	if calls := h.log.calls(t); len(calls) != 2 {
		t.Errorf("%d receipts when Stop returned, want 2", len(calls))
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
