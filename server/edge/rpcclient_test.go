package edge

import (
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/metadata"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"
)

// rpcClient is a door as its own client library shows it.
type rpcClient struct {
	door   string
	chat   func(context.Context, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, http.Header, error)
	stream func(context.Context, *sluicev1.ChatCompletionRequest) ([]*sluicev1.ChatCompletionChunk, http.Header, error)
	embed  func(context.Context, *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error)
	model  func(context.Context, *sluicev1.GetModelRequest) (*sluicev1.Model, error)
}

func (h *house) rpcClients(t *testing.T) map[string]rpcClient {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	t.Cleanup(transport.CloseIdleConnections)
	h2 := &http.Client{Transport: transport}
	return map[string]rpcClient{
		"grpc":                h.grpcClient(),
		"connect":             h.connectClient(h.client, "connect"),
		"connect over HTTP/2": h.connectClient(h2, "connect"),
		"connect with JSON":   h.connectClient(h.client, "connect", connect.WithProtoJSON()),
		"connect with GET":    h.connectClient(h.client, "connect", connect.WithHTTPGet()),
		"gRPC-Web":            h.connectClient(h.client, "grpc_web", connect.WithGRPCWeb()),
		"gRPC on HTTP port":   h.connectClient(h2, "grpc", connect.WithGRPC()),
	}
}

func (h *house) grpcClient() rpcClient {
	chat, embed, models := sluicev1.NewChatServiceClient(h.grpc), sluicev1.NewEmbeddingsServiceClient(h.grpc), sluicev1.NewModelsServiceClient(h.grpc)
	return rpcClient{
		door: "grpc",
		chat: func(ctx context.Context, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, http.Header, error) {
			var header, trailer metadata.MD
			got, err := chat.CreateChatCompletion(ctx, req, grpc.Header(&header), grpc.Trailer(&trailer))
			if err != nil && trailer.Get("x-sluice-request-id") == nil {
				err = fmt.Errorf("trailer %v lacks the id: %w", trailer, err)
			}
			return got, canonical(header, trailer), err
		},
		stream: func(ctx context.Context, req *sluicev1.ChatCompletionRequest) ([]*sluicev1.ChatCompletionChunk, http.Header, error) {
			s, err := chat.StreamChatCompletion(ctx, req)
			if err != nil {
				return nil, nil, err
			}
			var chunks []*sluicev1.ChatCompletionChunk
			for {
				c, err := s.Recv()
				if err != nil {
					header, _ := s.Header()
					if errors.Is(err, io.EOF) {
						err = nil
					}
					return chunks, canonical(header, s.Trailer()), err
				}
				chunks = append(chunks, c)
			}
		},
		embed: func(ctx context.Context, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
			return embed.CreateEmbeddings(ctx, req)
		},
		model: func(ctx context.Context, req *sluicev1.GetModelRequest) (*sluicev1.Model, error) {
			return models.GetModel(ctx, req)
		},
	}
}

func canonical(parts ...metadata.MD) http.Header {
	h := http.Header{}
	for _, md := range parts {
		for name, values := range md {
			h[http.CanonicalHeaderKey(name)] = values
		}
	}
	return h
}

func (h *house) connectClient(client *http.Client, door string, options ...connect.ClientOption) rpcClient {
	chat := sluicev1connect.NewChatServiceClient(client, h.http, options...)
	embed := sluicev1connect.NewEmbeddingsServiceClient(client, h.http, options...)
	models := sluicev1connect.NewModelsServiceClient(client, h.http, options...)
	failed := func(header http.Header, err error) http.Header {
		if e, ok := errors.AsType[*connect.Error](err); ok {
			header = header.Clone()
			if header == nil {
				header = http.Header{}
			}
			maps.Copy(header, e.Meta())
		}
		return header
	}
	return rpcClient{
		door: door,
		chat: func(ctx context.Context, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, http.Header, error) {
			sent, _ := metadata.FromOutgoingContext(ctx) // as the gRPC client sends it
			ctx, call := connect.NewClientContext(ctx)
			for name, values := range sent {
				call.RequestHeader()[http.CanonicalHeaderKey(name)] = values
			}
			got, err := chat.CreateChatCompletion(ctx, req)
			return got, failed(call.ResponseHeader(), err), err
		},
		stream: func(ctx context.Context, req *sluicev1.ChatCompletionRequest) ([]*sluicev1.ChatCompletionChunk, http.Header, error) {
			s, err := chat.StreamChatCompletion(ctx, req)
			if err != nil {
				return nil, failed(nil, err), err
			}
			defer func() { _ = s.Close() }()
			var chunks []*sluicev1.ChatCompletionChunk
			for s.Receive() {
				chunks = append(chunks, s.Msg())
			}
			return chunks, failed(s.ResponseHeader(), s.Err()), s.Err()
		},
		embed: func(ctx context.Context, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
			return embed.CreateEmbeddings(ctx, req)
		},
		model: func(ctx context.Context, req *sluicev1.GetModelRequest) (*sluicev1.Model, error) {
			return models.GetModel(ctx, req)
		},
	}
}
