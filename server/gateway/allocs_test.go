package gateway

import (
	"context"
	"log/slog"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/usage"
)

// nobody keeps no receipts, so that none of its own allocations count.
type nobody struct{}

func (nobody) Record(*usage.Receipt) {}

// The way of a call through the use case allocates little, however long the
// conversation is. The ceiling is about twice the 17 of 2026-11: it is there to catch a
// copy of the request or a check by reflection, not a field more in the receipt.
func TestCreateChatCompletion_allocates_little(t *testing.T) {
	const ceiling = 35
	answer := &sluicev1.ChatCompletion{
		Model:   "m-1",
		Choices: []*sluicev1.Choice{{Message: &sluicev1.ResponseMessage{Content: new("hello")}, FinishReason: new("stop")}},
		Usage:   &sluicev1.Usage{PromptTokens: 3, CompletionTokens: 1, TotalTokens: 4},
	}
	f := &far{chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
		return answer, nil
	}}
	s := New(plan(t, "p", nil, f.provider("p")), nobody{}, slog.New(slog.DiscardHandler))
	for name, turns := range map[string]int{"short": 1, "long": 200} {
		request := question("p/m")
		for range turns - 1 {
			request.Messages = append(request.Messages, question("").GetMessages()...)
		}
		var err error
		allocated := testing.AllocsPerRun(200, func() { _, err = s.CreateChatCompletion(t.Context(), request) })
		if err != nil {
			t.Fatal(err)
		}
		if t.Logf("%s: %.0f allocations", name, allocated); allocated > ceiling {
			t.Errorf("%s: %.0f allocations per call, want at most %d", name, allocated, ceiling)
		}
	}
}
