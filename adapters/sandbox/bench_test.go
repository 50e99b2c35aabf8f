package sandbox_test

import (
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/sandbox"
)

func BenchmarkChat(b *testing.B) {
	p, _ := sandbox.New(adapters.Settings{Name: "sandbox"})
	req := &sluicev1.ChatCompletionRequest{}
	if err := wirejson.Unmarshal([]byte(saying("What is the capital of France?", ``)), req, wirejson.Options{}); err != nil {
		b.Fatal(err)
	}
	b.Run("unary", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := p.Chat.Chat(b.Context(), &adapters.Call{}, req); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("stream", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			err := p.Chat.StreamChat(b.Context(), &adapters.Call{}, req, func(*sluicev1.ChatCompletionChunk) error { return nil })
			if err != nil {
				b.Fatal(err)
			}
		}
	})
}
