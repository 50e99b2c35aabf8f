package openai

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// The figures include the fake provider's share, which runs in the same process.
func benchmark(b *testing.B, contentType, body string, call func(adapters.Provider, *sluicev1.ChatCompletionRequest) error) {
	b.Helper()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		w.Header().Set("Content-Type", contentType)
		_, _ = io.WriteString(w, body)
	}))
	defer server.Close()
	p, err := New(adapters.Settings{Name: "p", BaseURL: server.URL})
	if err != nil {
		b.Fatal(err)
	}
	defer p.Close()
	req := new(sluicev1.ChatCompletionRequest)
	text := `{"model":"m","messages":[{"role":"user","content":"` + strings.Repeat("word ", 200) + `"}],"temperature":0.5}`
	if err := wirejson.Unmarshal([]byte(text), req, wirejson.Options{}); err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if err := call(p, req); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkChat(b *testing.B) {
	body := `{"id":"x","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` +
		strings.Repeat("word ", 200) + `","refusal":null},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	benchmark(b, mediaJSON, body, func(p adapters.Provider, req *sluicev1.ChatCompletionRequest) error {
		_, err := p.Chat.Chat(b.Context(), &adapters.Call{Model: "n"}, req)
		return err
	})
}

func BenchmarkStreamChat(b *testing.B) {
	chunk := `data: {"id":"chatcmpl-123","object":"chat.completion.chunk","created":1694268190,"model":"gpt-4o-mini","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":{"content":"word "},"logprobs":null,"finish_reason":null}],"usage":null,"obfuscation":"aB3"}` + "\n\n"
	chunks := 0
	benchmark(b, mediaEvents, strings.Repeat(chunk, 100)+"data: [DONE]\n\n", func(p adapters.Provider, req *sluicev1.ChatCompletionRequest) error {
		return p.Chat.StreamChat(b.Context(), &adapters.Call{}, req, func(*sluicev1.ChatCompletionChunk) error {
			chunks++
			return nil
		})
	})
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(chunks), "ns/chunk")
}
