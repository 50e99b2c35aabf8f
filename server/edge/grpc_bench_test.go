package edge

import (
	"io"
	"log/slog"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
)

// BenchmarkGRPC is the cost of a call through the native port, its client and the loopback
// included: one call or chunk at a time.
func BenchmarkGRPC(b *testing.B) {
	table, err := route.New(nil, []string{"far"}, "far")
	if err != nil {
		b.Fatal(err)
	}
	service := gateway.New(&gateway.Plan{
		Routes: table, Providers: map[string]adapters.Provider{"far": {Name: "far", Chat: quiet{}}}, DefaultProvider: "far",
	}, discard{}, slog.New(slog.DiscardHandler))
	server := New(Config{}, service).GRPC()
	listener := listen(b)
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(listener) }()
	connection, err := grpc.NewClient(listener.Addr().String(), grpc.WithTransportCredentials(insecure.NewCredentials()))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = connection.Close(); server.Stop(); <-done })
	client := sluicev1.NewChatServiceClient(connection)
	b.Run("unary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := client.CreateChatCompletion(b.Context(), question()); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stream", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			stream, err := client.StreamChatCompletion(b.Context(), question())
			for err == nil {
				_, err = stream.Recv()
			}
			if err != io.EOF { //nolint:errorlint // grpc-go returns it as it is
				b.Fatal(err)
			}
		}
	})
}
