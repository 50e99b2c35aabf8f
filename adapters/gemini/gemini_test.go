package gemini

import (
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

func TestAdapter(t *testing.T) { adaptertest.Run(t, New, "testdata/gemini") }

func TestVertex(t *testing.T) {
	adaptertest.Run(t, func(s adapters.Settings) (adapters.Provider, error) {
		s.Google = adapters.Google{Project: "p-1", Location: "us-central1"}
		return NewVertex(s, nil)
	}, "testdata/vertex")
}
