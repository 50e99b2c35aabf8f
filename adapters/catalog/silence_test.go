package catalog

import (
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

// No quirk of an entry may take a member away without a word.
func TestEntries_are_not_silent(t *testing.T) {
	for _, e := range entries(t) {
		if testing.Short() && e.Name != "mistral" && e.Name != "zai" { // which have the most
			continue
		}
		t.Run(e.Name, func(t *testing.T) {
			open := func(s adapters.Settings) (adapters.Provider, error) { return New(e.Name, s) }
			adaptertest.Silence(t, open, "../openai/testdata")
		})
	}
}
