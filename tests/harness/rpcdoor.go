package harness

import (
	"context"
	"errors"
	"io"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"
)

// grpc is grpc-go's client. Its own retries are off: what the server did must show.
func (s *Server) grpc(t testing.TB, name, address, receipt string) Door {
	t.Helper()
	conn, err := grpc.NewClient(address,
		grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDisableRetry(),
		grpc.WithDefaultCallOptions(grpc.MaxCallRecvMsgSize(64<<20)),
	)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close() })
	chat := sluicev1.NewChatServiceClient(conn)
	embeddings := sluicev1.NewEmbeddingsServiceClient(conn)
	models := sluicev1.NewModelsServiceClient(conn)
	return Door{
		Name: name, Receipt: receipt,
		chat: func(ctx context.Context, c Call) Answer {
			return grpcUnary(ctx, c, &sluicev1.ChatCompletionRequest{}, chat.CreateChatCompletion)
		},
		stream: func(ctx context.Context, c Call, each func(*sluicev1.ChatCompletionChunk)) Answer {
			return grpcStream(ctx, chat, c, each)
		},
		embed: func(ctx context.Context, c Call) Answer {
			return grpcUnary(ctx, c, &sluicev1.CreateEmbeddingsRequest{}, embeddings.CreateEmbeddings)
		},
		list: func(ctx context.Context, c Call) Answer {
			return grpcCall(ctx, c, &sluicev1.ListModelsRequest{}, models.ListModels)
		},
		get: func(ctx context.Context, c Call) Answer {
			return grpcCall(ctx, c, &sluicev1.GetModelRequest{Model: c.Model}, models.GetModel)
		},
	}
}

func grpcUnary[Req interface {
	proto.Message
	decodable
}, Res proto.Message](ctx context.Context, c Call, req Req, call func(context.Context, Req, ...grpc.CallOption) (Res, error),
) Answer {
	req, err := decode(c.JSON, req)
	if err != nil {
		return Answer{Err: err}
	}
	return grpcCall(ctx, c, req, call)
}

func grpcCall[Req, Res proto.Message](ctx context.Context, c Call, req Req, call func(context.Context, Req, ...grpc.CallOption) (Res, error)) Answer {
	var header, trailer metadata.MD
	res, err := call(outgoing(ctx, c), req, grpc.Header(&header), grpc.Trailer(&trailer))
	a := Answer{Header: httpHeader(header, trailer)}
	if err != nil {
		a.Failure, a.Err = grpcFailure(err)
		return a
	}
	a.Message = res
	return a
}

func grpcStream(ctx context.Context, client sluicev1.ChatServiceClient, c Call, each func(*sluicev1.ChatCompletionChunk)) Answer {
	req, err := decode(c.JSON, &sluicev1.ChatCompletionRequest{})
	if err != nil {
		return Answer{Err: err}
	}
	stream, err := client.StreamChatCompletion(outgoing(ctx, c), req)
	if err != nil {
		return Answer{Err: err}
	}
	var a Answer
	for {
		chunk, err := stream.Recv()
		if err != nil {
			header, _ := stream.Header()
			a.Header = httpHeader(header, stream.Trailer())
			if !errors.Is(err, io.EOF) {
				a.Failure, a.Err = grpcFailure(err)
			}
			return a
		}
		a.Chunks = append(a.Chunks, chunk)
		each(chunk)
	}
}

func outgoing(ctx context.Context, c Call) context.Context {
	for name, values := range c.Header {
		for _, value := range values {
			ctx = metadata.AppendToOutgoingContext(ctx, name, value)
		}
	}
	return ctx
}

func httpHeader(all ...metadata.MD) http.Header {
	h := http.Header{}
	for _, md := range all {
		for name, values := range md {
			h[http.CanonicalHeaderKey(name)] = values
		}
	}
	return h
}

func grpcFailure(err error) (*Failure, error) {
	st := status.Convert(err)
	var details []proto.Message
	for _, d := range st.Details() {
		if m, ok := d.(proto.Message); ok {
			details = append(details, m)
		}
	}
	return detailed(st.Code(), st.Message(), details)
}

var (
	withProtoJSON = connect.WithProtoJSON()
	withGRPCWeb   = connect.WithGRPCWeb()
)

// connect is connect-go's client.
func (s *Server) connect(name, receipt string, options ...connect.ClientOption) Door {
	client := &http.Client{Transport: s.transport}
	base := "http://" + s.HTTP
	chat := sluicev1connect.NewChatServiceClient(client, base, options...)
	embeddings := sluicev1connect.NewEmbeddingsServiceClient(client, base, options...)
	models := sluicev1connect.NewModelsServiceClient(client, base, options...)
	return Door{
		Name: name, Receipt: receipt,
		chat: func(ctx context.Context, c Call) Answer {
			return connectUnary(ctx, c, &sluicev1.ChatCompletionRequest{}, chat.CreateChatCompletion)
		},
		stream: func(ctx context.Context, c Call, each func(*sluicev1.ChatCompletionChunk)) Answer {
			return connectStream(ctx, chat, c, each)
		},
		embed: func(ctx context.Context, c Call) Answer {
			return connectUnary(ctx, c, &sluicev1.CreateEmbeddingsRequest{}, embeddings.CreateEmbeddings)
		},
		list: func(ctx context.Context, c Call) Answer {
			return connectCall(ctx, c, &sluicev1.ListModelsRequest{}, models.ListModels)
		},
		get: func(ctx context.Context, c Call) Answer {
			return connectCall(ctx, c, &sluicev1.GetModelRequest{Model: c.Model}, models.GetModel)
		},
	}
}

func connectUnary[Req interface {
	proto.Message
	decodable
}, Res proto.Message](ctx context.Context, c Call, req Req, call func(context.Context, Req) (Res, error),
) Answer {
	req, err := decode(c.JSON, req)
	if err != nil {
		return Answer{Err: err}
	}
	return connectCall(ctx, c, req, call)
}

func connectCall[Req, Res proto.Message](ctx context.Context, c Call, req Req, call func(context.Context, Req) (Res, error)) Answer {
	ctx, info := connect.NewClientContext(ctx)
	addHeaders(info.RequestHeader(), c)
	res, err := call(ctx, req)
	if err != nil {
		return connectFailure(err, info.ResponseHeader())
	}
	return Answer{Message: res, Header: merged(info.ResponseHeader(), info.ResponseTrailer())}
}

func connectStream(ctx context.Context, client sluicev1connect.ChatServiceClient, c Call, each func(*sluicev1.ChatCompletionChunk)) Answer {
	req, err := decode(c.JSON, &sluicev1.ChatCompletionRequest{})
	if err != nil {
		return Answer{Err: err}
	}
	ctx, info := connect.NewClientContext(ctx)
	addHeaders(info.RequestHeader(), c)
	stream, err := client.StreamChatCompletion(ctx, req)
	if err != nil {
		return connectFailure(err, info.ResponseHeader())
	}
	defer func() { _ = stream.Close() }()
	var chunks []*sluicev1.ChatCompletionChunk
	for stream.Receive() {
		// Msg is reused by nobody: each Receive makes a new one.
		chunks = append(chunks, stream.Msg())
		each(stream.Msg())
	}
	a := Answer{Header: merged(stream.ResponseHeader(), stream.ResponseTrailer())}
	if err := stream.Err(); err != nil {
		a = connectFailure(err, a.Header)
	}
	a.Chunks = chunks
	return a
}

func addHeaders(h http.Header, c Call) {
	for name, values := range c.Header {
		h[http.CanonicalHeaderKey(name)] = values
	}
}

func merged(all ...http.Header) http.Header {
	out := http.Header{}
	for _, h := range all {
		for name, values := range h {
			out[http.CanonicalHeaderKey(name)] = values
		}
	}
	return out
}

func connectFailure(err error, header http.Header) Answer {
	var e *connect.Error
	if !errors.As(err, &e) {
		return Answer{Err: err, Header: header}
	}
	var details []proto.Message
	for _, d := range e.Details() {
		if m, err := d.Value(); err == nil {
			details = append(details, m)
		}
	}
	a := Answer{Header: merged(header, e.Meta())}
	a.Failure, a.Err = detailed(codes.Code(e.Code()), e.Message(), details)
	return a
}
