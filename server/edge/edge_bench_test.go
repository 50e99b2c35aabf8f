package edge

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

type discard struct{}

func (discard) Record(*usage.Receipt) {}

// nullWriter is a response writer that costs next to nothing.
type nullWriter struct{ header http.Header }

func (w *nullWriter) Header() http.Header                { return w.header }
func (w *nullWriter) Write(p []byte) (int, error)        { return len(p), nil }
func (w *nullWriter) WriteHeader(int)                    {}
func (w *nullWriter) Flush()                             {}
func (w *nullWriter) SetWriteDeadline(_ time.Time) error { return nil }
func (w *nullWriter) SetReadDeadline(_ time.Time) error  { return nil }

// BenchmarkREST is the cost of the door and the gateway without a network.
func BenchmarkREST(b *testing.B) {
	f := quiet{}
	table, err := route.New(nil, []string{"far"}, "far")
	if err != nil {
		b.Fatal(err)
	}
	service := gateway.New(&gateway.Plan{
		Routes: table, Providers: map[string]adapters.Provider{"far": {Name: "far", Chat: f}}, DefaultProvider: "far",
	}, discard{}, slog.New(slog.DiscardHandler))
	handler := newHTTP(Config{}.withDefaults(), service, newHealth())
	for name, body := range map[string]string{"unary": hello, "stream": helloStream} {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			w := &nullWriter{header: http.Header{}}
			r := httptest.NewRequest(http.MethodPost, "/v1/chat/completions", nil)
			r.Header.Set("Content-Type", "application/json")
			r.ContentLength = int64(len(body))
			for b.Loop() {
				clear(w.header)
				r.Body = io.NopCloser(strings.NewReader(body))
				handler.ServeHTTP(w, r)
			}
		})
	}
}

// quiet answers without keeping anything.
type quiet struct{}

func (quiet) Chat(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	return benchCompletion, nil
}

func (quiet) StreamChat(_ context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	for range 10 {
		if err := send(benchChunk); err != nil {
			return err
		}
	}
	return nil
}

var benchCompletion, benchChunk = completion(strings.Repeat("hello ", 100)), chunk("hello")
