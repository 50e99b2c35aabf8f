package edge

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http/httptest"
	"reflect"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func TestFrames_are_the_same_however_bytes_are_split(t *testing.T) {
	want := []frameHeader{
		{kind: 4, length: 0},
		{kind: frameHeaders, flags: flagEndHeaders, length: 3, stream: 1},
		{kind: frameData, flags: flagEndStream, length: 70_000, stream: 1},
		{kind: frameWindowUpdate, length: 4, stream: streamMask},
	}
	wire := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	for _, f := range want {
		stream := f.stream
		wire = append(wire, byte(f.length>>16), byte(f.length>>8), byte(f.length), f.kind, f.flags,
			byte(stream>>24)|0x80, byte(stream>>16), byte(stream>>8), byte(stream)) // the highest bit is reserved
		wire = append(wire, bytes.Repeat([]byte{0xff}, int(f.length))...)
	}
	for _, size := range []int{1, 2, 3, 8, 9, 10, 11, 1000, 16384, len(wire)} {
		var got []frameHeader
		f := frames{left: prefaceBytes}
		for rest := wire; len(rest) > 0; {
			n := min(size, len(rest))
			f.pass(rest[:n], func(h frameHeader) { got = append(got, h) })
			rest = rest[n:]
		}
		if !reflect.DeepEqual(got, want) || !f.between() {
			t.Errorf("in pieces of %d: %v, want %v", size, got, want)
		}
	}
}

// dialGRPC serves the gRPC port once more, with or without TLS, and connects.
func (h *house) dialGRPC(t *testing.T, config Config, secure bool) *grpc.ClientConn {
	t.Helper()
	client := insecure.NewCredentials()
	if secure {
		identity := httptest.NewTLSServer(nil)
		defer identity.Close()
		config.Credentials = credentials.NewTLS(&tls.Config{Certificates: identity.TLS.Certificates, MinVersion: tls.VersionTLS12})
		roots := x509.NewCertPool()
		roots.AddCert(identity.Certificate())
		client = credentials.NewTLS(&tls.Config{RootCAs: roots, ServerName: "example.com", MinVersion: tls.VersionTLS12})
	}
	listener, server := listen(t), New(config, h.service).GRPC()
	run(t, func() { _ = server.Serve(listener) }, server.Stop)
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(client))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = connection.Close() })
	return connection
}

func TestGRPC_ends_the_stream_of_a_deaf_client_and_no_other(t *testing.T) {
	for name, secure := range map[string]bool{"plain": false, "TLS": true} {
		t.Run(name, func(t *testing.T) {
			deafIsGone := make(chan struct{})
			h := open(t, Config{}, &far{stream: func(ctx context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
				if strings.HasSuffix(call.Model, "well") {
					_ = send(chunk("before"))
					select {
					case <-deafIsGone:
					case <-ctx.Done():
					}
					return send(chunk("after"))
				}
				for { // more than windows and queues hold
					if err := send(chunk(strings.Repeat("x", 60_000))); err != nil {
						return err
					}
				}
			}})
			client := sluicev1.NewChatServiceClient(h.dialGRPC(t, Config{WriteTimeout: 300 * time.Millisecond}, secure))
			well, err := client.StreamChatCompletion(t.Context(), asking("far/well"))
			if err != nil {
				t.Fatal(err)
			}
			if c, err := well.Recv(); err != nil || c.GetChoices()[0].GetDelta().GetContent() != "before" {
				t.Fatalf("%v, %v", c, err)
			}
			deaf, err := client.StreamChatCompletion(t.Context(), asking("far/deaf"))
			if err != nil {
				t.Fatal(err)
			}
			if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED {
				t.Errorf("receipt %+v", r)
			}
			close(deafIsGone)
			if c, err := well.Recv(); err != nil || c.GetChoices()[0].GetDelta().GetContent() != "after" {
				t.Errorf("the other stream: %v, %v", c, err)
			}
			h.ledger.next(t)
			for err = nil; err == nil; {
				_, err = deaf.Recv() // what was under way
			}
			if code := status.Code(err); code != codes.Internal { // how clients say that a stream was reset
				t.Errorf("the deaf client's end: %v", err)
			}
		})
	}
}

// Neither a model that thinks nor a client that asks once in a while is slow.
func TestGRPC_lets_long_streams_live(t *testing.T) {
	const bound = 100 * time.Millisecond
	pause := func(ctx context.Context) {
		select {
		case <-time.After(3 * bound):
		case <-ctx.Done():
		}
	}
	h := open(t, Config{}, &far{
		stream: func(ctx context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
			for range 3 {
				pause(ctx)
				if err := send(chunk("x")); err != nil {
					return err
				}
			}
			pause(ctx)
			return send(lastChunk())
		},
		chat: func(ctx context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			pause(ctx)
			return completion("x"), ctx.Err()
		},
	})
	config := Config{WriteTimeout: bound, BodyTimeout: bound, ReadTimeout: bound}
	client := (&house{grpc: h.dialGRPC(t, config, false)}).grpcClient()
	for range 2 { // on one connection
		if chunks, _, err := client.stream(t.Context(), question()); err != nil || len(chunks) != 4 {
			t.Errorf("%d chunks, %v", len(chunks), err)
		}
		h.ledger.next(t)
		if _, _, err := client.chat(t.Context(), question()); err != nil {
			t.Error(err)
		}
		h.ledger.next(t)
	}
}

func TestGRPC_bounds_the_time_of_a_message(t *testing.T) {
	h := open(t, Config{}, &far{})
	connection := h.dialGRPC(t, Config{BodyTimeout: 100 * time.Millisecond}, true)
	for name, desc := range map[string]*grpc.StreamDesc{
		sluicev1.ChatService_CreateChatCompletion_FullMethodName: {},
		sluicev1.ChatService_StreamChatCompletion_FullMethodName: {ServerStreams: true},
	} {
		stream, err := connection.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true, ServerStreams: desc.ServerStreams}, name)
		if err != nil {
			t.Fatal(err)
		}
		code, reason, _ := reasonOf(stream.RecvMsg(&sluicev1.ChatCompletion{}))
		if code != codes.DeadlineExceeded || reason != sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED {
			t.Errorf("%s: %v %v", name, code, reason)
		}
		if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED {
			t.Errorf("%s: receipt %+v", name, r)
		}
	}
	if _, err := sluicev1.NewChatServiceClient(connection).CreateChatCompletion(t.Context(), question()); err != nil {
		t.Error(err)
	}
	h.ledger.next(t)
}

// All methods take one message. Source: gRPC's statuscodes.md, which calls another number of
// them a cardinality violation, UNIMPLEMENTED.
func TestGRPC_refuses_another_number_of_messages_alike_on_both_ports(t *testing.T) {
	h := open(t, Config{}, &far{})
	address, _ := strings.CutPrefix(h.http, "http://")
	shared, err := grpc.NewClient(address, grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = shared.Close() })
	for port, connection := range map[string]*grpc.ClientConn{"native": h.grpc, "HTTP": shared} {
		for _, messages := range []int{0, 2} {
			stream, err := connection.NewStream(t.Context(), &grpc.StreamDesc{ClientStreams: true}, sluicev1.ChatService_CreateChatCompletion_FullMethodName)
			if err != nil {
				t.Fatal(err)
			}
			for range messages {
				if err := stream.SendMsg(question()); err != nil && !errors.Is(err, io.EOF) {
					t.Fatal(err)
				}
			}
			if err := stream.CloseSend(); err != nil {
				t.Fatal(err)
			}
			const want = sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED
			code, reason, _ := reasonOf(stream.RecvMsg(&sluicev1.ChatCompletion{}))
			if r := h.ledger.next(t); code != codes.Unimplemented || reason != want || r.Reason != want {
				t.Errorf("%d messages, %s port: %v %v, receipt %v", messages, port, code, reason, r.Reason)
			}
		}
	}
}

// asking is a question to a model.
func asking(model string) *sluicev1.ChatCompletionRequest {
	q := question()
	q.Model = model
	return q
}
