package gateway

import (
	"context"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

func TestService_cuts_off_what_runs_and_says_why(t *testing.T) {
	started := make(chan struct{}, 2)
	f := &far{
		chat: func(ctx context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			started <- struct{}{}
			<-ctx.Done()
			return nil, ctx.Err()
		},
	}
	s, written := service(t, plan(t, "p", nil, f.provider("p")))
	failed := make(chan error, 2)
	left, leave := context.WithCancel(t.Context())
	for _, ctx := range []context.Context{t.Context(), left} {
		go func() {
			_, err := s.CreateChatCompletion(ctx, question("p/m"))
			failed <- err
		}()
		<-started
	}
	leave()
	if got := fault.From(<-failed).Reason; got != sluicev1.ErrorReason_ERROR_REASON_CANCELED {
		t.Errorf("who left before is told %v", got)
	}
	s.CutOff()
	told := fault.From(<-failed)
	if told.Reason != sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN || !told.Retryable() {
		t.Errorf("who was cut off is told %+v", told)
	}
	if _, err := s.CreateChatCompletion(t.Context(), question("p/m")); fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN {
		t.Errorf("who comes after is told %v", err)
	}
	for i, want := range []sluicev1.ErrorReason{
		sluicev1.ErrorReason_ERROR_REASON_CANCELED,
		sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN, sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN,
	} {
		if got := written.receipts[i].Reason; got != want {
			t.Errorf("receipt %d says %v, want %v", i, got, want)
		}
	}
	if len(s.running.calls) != 0 {
		t.Errorf("%d calls are still counted as running", len(s.running.calls))
	}
}
