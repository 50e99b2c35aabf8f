package openai

import (
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

func TestAdapter(t *testing.T) { adaptertest.Run(t, New, "testdata") }

func TestModels_does_not_ask_for_names_that_would_be_another_path(t *testing.T) {
	p, err := New(adapters.Settings{Name: "p", BaseURL: "http://127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", ".."} {
		// The base URL cannot be reached: an attempt would be unavailable.
		if _, err := p.Models.Get(t.Context(), &adapters.Call{Model: name}); adapters.KindOf(err) != adapters.KindNotFound {
			t.Errorf("%q: %v, want not_found", name, err)
		}
	}
}
