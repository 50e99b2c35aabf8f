package edge

import (
	"context"
	"errors"
	"fmt"
	"reflect"
	"strings"
	"testing"
	"time"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/usage"
)

func question() *sluicev1.ChatCompletionRequest {
	return &sluicev1.ChatCompletionRequest{Model: "far/m", Messages: []*sluicev1.ChatMessage{{Message: &sluicev1.ChatMessage_User{
		User: &sluicev1.UserMessage{Content: &sluicev1.UserMessage_Text{Text: "hi"}},
	}}}}
}

// reasonOf returns code, reason and message of an error of any RPC client.
func reasonOf(err error) (codes.Code, sluicev1.ErrorReason, string) {
	if c, ok := errors.AsType[*connect.Error](err); ok {
		for _, d := range c.Details() {
			if value, err := d.Value(); err == nil {
				if detail, ok := value.(*sluicev1.ErrorDetail); ok {
					return codes.Code(c.Code()), detail.GetReason(), c.Message()
				}
			}
		}
		return codes.Code(c.Code()), 0, c.Message()
	}
	st := status.Convert(err)
	for _, d := range st.Details() {
		if detail, ok := d.(*sluicev1.ErrorDetail); ok {
			return st.Code(), detail.GetReason(), st.Message()
		}
	}
	return st.Code(), 0, st.Message()
}

func TestRPC_every_door_gives_the_same_answers(t *testing.T) {
	h := open(t, Config{}, &far{})
	for name, client := range h.rpcClients(t) {
		t.Run(name, func(t *testing.T) {
			got, header, err := client.chat(t.Context(), question())
			if err != nil || !proto.Equal(got, completion("hello")) {
				t.Errorf("chat: %v, %v", got, err)
			}
			r := h.ledger.next(t)
			if r.Door != client.door || r.Operation != usage.OperationChat || r.ID != header.Get("X-Sluice-Request-Id") || r.ID != header.Get("X-Request-Id") {
				t.Errorf("receipt %+v, headers %v", r, header)
			}
			chunks, header, err := client.stream(t.Context(), question())
			if err != nil || len(chunks) != 3 || !proto.Equal(chunks[0], chunk("hel")) || !proto.Equal(chunks[2], lastChunk()) {
				t.Errorf("stream: %v, %v", chunks, err)
			}
			if r := h.ledger.next(t); r.Door != client.door || !r.Streamed || r.ID != header.Get("X-Sluice-Request-Id") {
				t.Errorf("receipt %+v, headers %v", r, header)
			}
			vectors, err := client.embed(t.Context(), &sluicev1.CreateEmbeddingsRequest{Model: "far/m", Input: &sluicev1.CreateEmbeddingsRequest_Text{Text: "x"}})
			if err != nil || len(vectors.GetData()) != 1 {
				t.Errorf("embed: %v, %v", vectors, err)
			}
			h.ledger.next(t)
			model, err := client.model(t.Context(), &sluicev1.GetModelRequest{Model: "far/x:y"})
			if err != nil || model.GetId() != "x:y" {
				t.Errorf("model: %v, %v", model, err)
			}
			h.ledger.next(t)
			h.ledger.none(t)
		})
	}
}

func TestRPC_every_door_gives_the_same_errors_and_headers(t *testing.T) {
	failure := refusal(adapters.KindRateLimited, 429, "slow down")
	failure.RetryAfter, failure.Cause = 3*time.Second, errors.New("dial 10.0.0.1")
	failure.Header = adapters.Header{{Name: "x-request-id", Value: "req_far"}, {Name: "x-ratelimit-reset", Value: "1s"}, {Name: "x-bad", Value: "é\x00"}}
	f := &far{
		chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			return nil, failure
		},
		stream: func(_ context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest, send sendChunk) error {
			call.Reply.Header = failure.Header
			_ = send(chunk("hel"))
			broke := refusal(adapters.KindProtocol, 502, "broke off")
			broke.Header = failure.Header // of the same answer
			return broke
		},
	}
	h := open(t, Config{}, f)
	for name, client := range h.rpcClients(t) {
		t.Run(name, func(t *testing.T) {
			_, header, err := client.chat(t.Context(), question())
			code, reason, message := reasonOf(err)
			if code != codes.ResourceExhausted || reason != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED || message != "slow down" {
				t.Errorf("got %v %v %q", code, reason, message)
			}
			if strings.Contains(fmt.Sprint(err, header), "10.0.0.1") {
				t.Errorf("the cause leaked: %v %v", err, header)
			}
			for name, want := range map[string][]string{
				"X-Request-Id": {"req_far"}, "X-Ratelimit-Reset": {"1s"}, "X-Sluice-Error-Reason": {"upstream_rate_limited"}, "X-Bad": nil,
			} {
				if !reflect.DeepEqual(header[name], want) {
					t.Errorf("%s: got %q, want %q", name, header[name], want)
				}
			}
			h.ledger.next(t)

			chunks, header, err := client.stream(t.Context(), question())
			code, reason, message = reasonOf(err)
			if len(chunks) != 1 || code != codes.Unavailable || reason != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL || message != "broke off" {
				t.Errorf("stream: got %d chunks, %v %v %q", len(chunks), code, reason, message)
			}
			for name, want := range map[string]string{"X-Request-Id": "req_far", "X-Ratelimit-Reset": "1s", "X-Sluice-Error-Reason": "upstream_protocol"} {
				if !reflect.DeepEqual(header[name], []string{want}) {
					t.Errorf("%s of the stream: got %q, want %q once", name, header[name], want)
				}
			}
			h.ledger.next(t)
			h.ledger.none(t)
		})
	}
}

func TestRPC_refuses_what_is_too_large_and_stays_healthy(t *testing.T) {
	const limit = 100_000
	h := open(t, Config{MaxRequestBytes: limit}, &far{})
	large := question()
	large.User = new(strings.Repeat("x", limit))
	for name, client := range h.rpcClients(t) {
		t.Run(name, func(t *testing.T) {
			for kind, call := range map[string]func() error{
				"unary":  func() error { _, _, err := client.chat(t.Context(), large); return err },
				"stream": func() error { _, _, err := client.stream(t.Context(), large); return err },
			} {
				code, reason, message := reasonOf(call())
				if code != codes.ResourceExhausted || reason != sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE {
					t.Errorf("%s: got %v %v %q", kind, code, reason, message)
				}
				if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE || r.Operation != usage.OperationChat {
					t.Errorf("%s: receipt %+v", kind, r)
				}
			}
			h.healthy(t)
		})
	}
}

func TestRPC_refuses_what_decompresses_beyond_the_limit(t *testing.T) {
	h := open(t, Config{MaxRequestBytes: 100_000}, &far{})
	large := question()
	large.User = new(strings.Repeat("x", 1_000_000))
	for name, options := range map[string][]connect.ClientOption{"connect": nil, "connect JSON": {connect.WithProtoJSON()}, "grpc_web": {connect.WithGRPCWeb()}} {
		client := h.connectClient(h.client, name, append(options, connect.WithSendGzip())...)
		for kind, call := range map[string]func() error{
			"unary":  func() error { _, _, err := client.chat(t.Context(), large); return err },
			"stream": func() error { _, _, err := client.stream(t.Context(), large); return err },
		} {
			code, reason, message := reasonOf(call())
			if code != codes.ResourceExhausted || reason != sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE || message != "request exceeds the limit of 100000 bytes" {
				t.Errorf("%s, %s: %v %v %q", name, kind, code, reason, message)
			}
			if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE {
				t.Errorf("%s, %s: receipt %+v", name, kind, r)
			}
		}
		fits := question()
		fits.User = new(strings.Repeat("x", 99_000))
		if got, _, err := client.chat(t.Context(), fits); err != nil || got == nil {
			t.Errorf("%s: within the limit: %v", name, err)
		}
		h.ledger.next(t)
	}
	_, err := sluicev1.NewChatServiceClient(h.grpc).CreateChatCompletion(t.Context(), large, grpc.UseCompressor("gzip"))
	if code, reason, _ := reasonOf(err); code != codes.ResourceExhausted || reason != sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE {
		t.Errorf("grpc: %v", err)
	}
	if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE {
		t.Errorf("receipt %+v", r)
	}
	h.healthy(t)
}

func TestRPC_refuses_bytes_that_are_no_message(t *testing.T) {
	h := open(t, Config{}, &far{})
	bad := []byte{0x0a, 0xff} // field 1, length cut off
	err := h.grpc.Invoke(t.Context(), sluicev1.ChatService_CreateChatCompletion_FullMethodName, &bad, &bad, grpc.ForceCodec(rawCodec{}))
	if code, reason, _ := reasonOf(err); code != codes.InvalidArgument || reason != sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST {
		t.Errorf("grpc: %v %v", code, reason)
	}
	if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST || r.Door != "grpc" {
		t.Errorf("receipt: %+v", r)
	}
	got := h.do(t, "POST", sluicev1connect.ChatServiceCreateChatCompletionProcedure, string(bad), "Content-Type", "application/proto")
	if got.status != 400 || !strings.Contains(got.body, `"invalid_argument"`) || got.header.Get("X-Sluice-Request-Id") == "" {
		t.Errorf("connect: %+v", got)
	}
	if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST || r.Door != "connect" {
		t.Errorf("receipt: %+v", r)
	}
	h.healthy(t)
}

type rawCodec struct{}

func (rawCodec) Marshal(v any) ([]byte, error)      { return *v.(*[]byte), nil }
func (rawCodec) Unmarshal(data []byte, v any) error { *v.(*[]byte) = data; return nil }
func (rawCodec) Name() string                       { return "proto" }

func TestRPC_unknown_methods_are_unimplemented(t *testing.T) {
	h := open(t, Config{}, &far{})
	in, out := &sluicev1.ListModelsRequest{}, &sluicev1.ListModelsResponse{}
	for _, method := range []string{"/sluice.v1.ChatService/Nothing", "/nobody.v1.Service/Nothing"} {
		err := h.grpc.Invoke(t.Context(), method, in, out)
		code, reason, message := reasonOf(err)
		if code != codes.Unimplemented || reason != sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND || message != "unknown method "+method {
			t.Errorf("grpc: %v %v %q", code, reason, message)
		}
		h.ledger.next(t)
		_, err = connect.NewClient[sluicev1.ListModelsRequest, sluicev1.ListModelsResponse](h.client, h.http+method).CallUnary(t.Context(), connect.NewRequest(in))
		if connect.CodeOf(err) != connect.CodeUnimplemented {
			t.Errorf("connect: %v", err)
		}
		h.ledger.next(t)
	}
	h.ledger.none(t)
}

func TestRPC_forwards_only_the_headers_that_go_to_providers(t *testing.T) {
	f := &far{}
	h := open(t, Config{}, f)
	send := map[string]string{
		"openai-beta": "assistants=v2", "idempotency-key": "k1", "x-client-request-id": "mine",
		"authorization": "Bearer sk-secret", "cookie": "a=b", "x-request-id": "forged", "x-forwarded-for": "1.2.3.4", "api-key": "sk-2",
	}
	want := adapters.Header{{Name: "idempotency-key", Value: "k1"}, {Name: "openai-beta", Value: "assistants=v2"}, {Name: "x-client-request-id", Value: "mine"}}

	ctx := metadata.NewOutgoingContext(t.Context(), metadata.New(send))
	if _, err := sluicev1.NewChatServiceClient(h.grpc).CreateChatCompletion(ctx, question()); err != nil {
		t.Error(err)
	}
	ctx, info := connect.NewClientContext(t.Context())
	for name, value := range send {
		info.RequestHeader().Set(name, value)
	}
	if _, err := sluicev1connect.NewChatServiceClient(h.client, h.http).CreateChatCompletion(ctx, question()); err != nil {
		t.Error(err)
	}
	var pairs []string
	for name, value := range send {
		pairs = append(pairs, name, value)
	}
	pairs = append(pairs, "Grpc-Metadata-Openai-Project", "smuggled", "Grpc-Timeout", "1n")
	for _, path := range []string{"/v1/chat/completions?beta=true", "/v1/embeddings?beta=true"} {
		body := hello
		if strings.Contains(path, "embeddings") {
			body = `{"model":"far/m","input":"x"}`
		}
		got := h.do(t, "POST", path, body, pairs...)
		if got.status != 200 || got.header.Get("X-Request-Id") == "forged" {
			t.Errorf("REST: %d %s %v", got.status, got.body, got.header)
		}
		for name := range got.header {
			if strings.HasPrefix(name, "Grpc-") {
				t.Errorf("REST answers with %s", name)
			}
		}
	}
	calls := f.seen()
	if len(calls) != 4 {
		t.Fatalf("%d calls", len(calls))
	}
	for i, call := range calls {
		if !reflect.DeepEqual(call.Header, want) {
			t.Errorf("call %d: %v, want %v", i, call.Header, want)
		}
		if rest := i >= 2; (call.Query == "beta=true") != rest {
			t.Errorf("call %d: query %q", i, call.Query)
		}
	}
}

func TestRPC_a_body_that_stops_arriving_ends_the_call(t *testing.T) {
	h := open(t, Config{ReadTimeout: 50 * time.Millisecond}, &far{})
	for contentType, test := range map[string]struct {
		path   string
		status int
	}{
		"application/proto":         {sluicev1connect.ChatServiceCreateChatCompletionProcedure, 504}, // Connect's status of the code
		"application/connect+proto": {sluicev1connect.ChatServiceStreamChatCompletionProcedure, 200}, // a stream says it in its end
	} {
		raw := h.dial(t)
		raw.write("POST " + test.path + " HTTP/1.1\r\nHost: h\r\nContent-Type: " + contentType + "\r\nContent-Length: 100\r\n\r\n\x00")
		if got := raw.read(); got.status != test.status || !strings.Contains(got.body, `"deadline_exceeded"`) || !strings.Contains(got.body, "sluice.v1.ErrorDetail") {
			t.Errorf("%s: got %d %q", contentType, got.status, got.body)
		}
		if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED {
			t.Errorf("receipt: %+v", r)
		}
	}
	h.healthy(t)
}

func TestRPC_deadlines_and_cancels_reach_the_provider(t *testing.T) {
	f := &far{chat: func(ctx context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}}
	h := open(t, Config{}, f)
	for name, client := range h.rpcClients(t) {
		t.Run(name, func(t *testing.T) {
			ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
			defer cancel()
			_, _, err := client.chat(ctx, question())
			if code, _, _ := reasonOf(err); code != codes.DeadlineExceeded {
				t.Errorf("got %v", err)
			}
			// The client's own timer races with the server's answer: both end the call.
			r := h.ledger.next(t)
			if r.Reason != sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED && r.Reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED {
				t.Errorf("receipt: %+v", r)
			}
		})
	}
}

func TestRPC_panic_is_internal_and_the_process_stays(t *testing.T) {
	h := open(t, Config{}, &far{})
	h.ledger.explode = true
	for name, client := range h.rpcClients(t) {
		_, _, err := client.chat(t.Context(), question())
		code, reason, message := reasonOf(err)
		if code != codes.Internal || reason != sluicev1.ErrorReason_ERROR_REASON_INTERNAL || message != "internal error" {
			t.Errorf("%s: %v %v %q", name, code, reason, message)
		}
		_, _, err = client.stream(t.Context(), question())
		if code, reason, _ := reasonOf(err); code != codes.Internal || reason != sluicev1.ErrorReason_ERROR_REASON_INTERNAL {
			t.Errorf("%s: stream: %v %v", name, code, reason)
		}
	}
	got := h.do(t, "POST", "/v1/chat/completions", hello)
	if e := got.failure(t); got.status != 500 || e.Message != "internal error" {
		t.Errorf("REST: %d %s", got.status, got.body)
	}
	h.ledger.explode = false
	h.healthy(t)
	if log := h.logs.String(); strings.Contains(log, "the prompt") || !strings.Contains(log, "edge.(*ledger).Record") {
		t.Errorf("log: %s", log)
	}
}

func TestConnect_JSON_refuses_what_it_would_lose(t *testing.T) {
	h := open(t, Config{}, &far{})
	for body, name := range map[string]string{
		`{"modle":"far/m","messages":[{"user":{"text":"hi"}}]}`:               "modle",
		`{"model":"far/m","messages":[{"role":"user","content":"hi"}]}`:       "role",
		`{"model":"far/m","messages":[{"user":{"text":"hi","content":"x"}}]}`: "content",
	} {
		got := h.do(t, "POST", "/sluice.v1.ChatService/CreateChatCompletion", body, "Content-Type", "application/json")
		if got.status != 400 || !strings.Contains(got.body, `unknown field \"`+name+`\"`) || got.header.Get("x-sluice-error-reason") != "invalid_request" {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
		h.ledger.next(t)
	}
	h.healthy(t)
}
