package server

import (
	"context"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// defect is an adapter that panics.
type defect struct{}

func (defect) List(context.Context, *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	panic("a secret")
}

func (defect) Get(context.Context, *adapters.Call) (*sluicev1.Model, error) { panic("a secret") }

func TestList_turns_a_panic_of_an_adapter_into_an_error(t *testing.T) {
	answer, err := list(t.Context(), defect{})
	if answer != nil || err == nil || !strings.Contains(err.Error(), "panicked") || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v, %v", answer, err)
	}
}
