package keyring

import (
	"context"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// silent answers at once.
type silent struct{ adapters.Chatter }

func (silent) Chat(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	return nil, nil //nolint:nilnil // nobody looks
}

func BenchmarkRing(b *testing.B) {
	ring := New("p", []Key{named("a", 3), named("b", 2), named("c", 1)}, Settings{})
	b.ReportAllocs()
	call, req := &adapters.Call{Model: "m"}, new(sluicev1.ChatCompletionRequest)
	chat := ring.Wrap(adapters.Provider{Chat: silent{}}).Chat
	for b.Loop() {
		if _, err := chat.Chat(b.Context(), call, req); err != nil {
			b.Fatal(err)
		}
	}
}
