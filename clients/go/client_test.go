package sluice_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"

	sluice "github.com/sluice-ai/sluice/clients/go"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// gateway is the far end: it says what it was told, in as many chunks as words, and
// refuses the model "missing".
type gateway struct {
	sluicev1.UnimplementedChatServiceServer

	canceled chan struct{}
}

func (g *gateway) CreateChatCompletion(
	ctx context.Context, req *sluicev1.ChatCompletionRequest,
) (*sluicev1.ChatCompletion, error) {
	if req.GetModel() == "missing" {
		refusal, err := status.New(codes.NotFound, "no such model").WithDetails(&sluicev1.ErrorDetail{
			Reason:     sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND,
			HttpStatus: 404,
			RequestId:  "req-1",
		})
		if err != nil {
			return nil, err
		}
		return nil, refusal.Err()
	}
	md, _ := metadata.FromIncomingContext(ctx)
	said := fmt.Sprintf("%v %q", md.Get("authorization"), req.GetMessages()[0].GetUser().GetText())
	return &sluicev1.ChatCompletion{Choices: []*sluicev1.Choice{{
		Message: &sluicev1.ResponseMessage{Role: "assistant", Content: &said},
	}}}, nil
}

func (g *gateway) StreamChatCompletion(
	req *sluicev1.ChatCompletionRequest, out grpc.ServerStreamingServer[sluicev1.ChatCompletionChunk],
) error {
	for _, text := range []string{"one ", "two ", "three"} {
		chunk := &sluicev1.ChatCompletionChunk{Choices: []*sluicev1.ChunkChoice{{
			Delta: &sluicev1.Delta{Content: &text},
		}}}
		if err := out.Send(chunk); err != nil {
			return err
		}
	}
	switch req.GetModel() {
	case "breaks":
		return status.Error(codes.Unavailable, "upstream broke")
	case "endless":
		<-out.Context().Done()
		close(g.canceled)
	}
	return nil
}

func startGateway(t *testing.T, opts ...sluice.Option) (*sluice.Client, *gateway) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &gateway{canceled: make(chan struct{})}
	server := grpc.NewServer()
	sluicev1.RegisterChatServiceServer(server, g)
	go server.Serve(listener)
	t.Cleanup(server.Stop)

	client, err := sluice.Dial(listener.Addr().String(), opts...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { client.Close() })
	return client, g
}

func request(model string) *sluicev1.ChatCompletionRequest {
	return &sluicev1.ChatCompletionRequest{Model: model, Messages: []*sluicev1.ChatMessage{sluice.User("hi")}}
}

func TestClient_sends_its_key_with_every_call(t *testing.T) {
	for _, c := range []struct {
		name string
		opts []sluice.Option
		want string
	}{
		{"no key", nil, `[] "hi"`},
		{"empty key", []sluice.Option{sluice.WithAPIKey("")}, `[] "hi"`},
		{"key", []sluice.Option{sluice.WithAPIKey("sk-1")}, `[Bearer sk-1] "hi"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			client, _ := startGateway(t, c.opts...)
			answer, err := client.Chat.CreateChatCompletion(t.Context(), request("m"))
			if err != nil {
				t.Fatal(err)
			}
			if got := sluice.Text(answer); got != c.want {
				t.Errorf("gateway saw %s, want %s", got, c.want)
			}
		})
	}
}

func TestClient_speaks_plain_text_to_another_machine_only_when_told(t *testing.T) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer() // without TLS
	sluicev1.RegisterChatServiceServer(server, &gateway{})
	go server.Serve(listener)
	t.Cleanup(server.Stop)
	// The name is another machine's; the dialer brings the connection here.
	dialer := grpc.WithContextDialer(func(ctx context.Context, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, "tcp", listener.Addr().String())
	})

	for _, c := range []struct {
		name string
		opts []sluice.Option
		want codes.Code
	}{
		{"by default", nil, codes.Unavailable},
		{"told to", []sluice.Option{sluice.WithPlaintext()}, codes.OK},
		{"told not to, later", []sluice.Option{sluice.WithPlaintext(), sluice.WithTLS(nil)}, codes.Unavailable},
	} {
		t.Run(c.name, func(t *testing.T) {
			opts := append([]sluice.Option{sluice.WithAPIKey("sk-1"), sluice.WithGRPC(dialer)}, c.opts...)
			client, err := sluice.Dial("passthrough:///gateway.example:9090", opts...)
			if err != nil {
				t.Fatal(err)
			}
			defer client.Close()
			_, err = client.Chat.CreateChatCompletion(t.Context(), request("m"))
			if got := status.Code(err); got != c.want {
				t.Errorf("the call ended as %v (%v), want %v", got, err, c.want)
			}
		})
	}
}

func TestDial_refuses_an_empty_target(t *testing.T) {
	if _, err := sluice.Dial(""); err == nil {
		t.Error("Dial took an empty target")
	}
}

func TestStream_yields_chunks_then_the_error(t *testing.T) {
	client, _ := startGateway(t)
	for _, c := range []struct {
		model string
		want  codes.Code
	}{
		{"ends", codes.OK},
		{"breaks", codes.Unavailable},
	} {
		t.Run(c.model, func(t *testing.T) {
			var text string
			var last error
			for chunk, err := range client.Stream(t.Context(), request(c.model)) {
				if last != nil {
					t.Fatal("a pair came after the error")
				}
				text += sluice.ChunkText(chunk)
				last = err
			}
			if text != "one two three" || status.Code(last) != c.want {
				t.Errorf("got %q and %v, want all words and %v", text, last, c.want)
			}
		})
	}
}

func TestStream_cancels_the_call_when_the_loop_is_left(t *testing.T) {
	client, gateway := startGateway(t)
	for _, err := range client.Stream(t.Context(), request("endless")) {
		if err != nil {
			t.Fatal(err)
		}
		break
	}
	<-gateway.canceled
}

func TestReason_reads_the_detail_of_a_status(t *testing.T) {
	client, _ := startGateway(t)
	_, err := client.Chat.CreateChatCompletion(t.Context(), request("missing"))
	for _, e := range []error{err, fmt.Errorf("asking: %w", err)} {
		if got := sluice.Reason(e); got != sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND {
			t.Errorf("Reason(%v) = %v", e, got)
		}
		if d := sluice.Detail(e); d.GetHttpStatus() != 404 || d.GetRequestId() != "req-1" {
			t.Errorf("Detail(%v) = %v", e, d)
		}
	}
}

func TestReason_is_unspecified_without_a_detail(t *testing.T) {
	for _, err := range []error{nil, errors.New("x"), status.Error(codes.Unavailable, "x"), context.Canceled} {
		if got := sluice.Reason(err); got != sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			t.Errorf("Reason(%v) = %v", err, got)
		}
	}
}
