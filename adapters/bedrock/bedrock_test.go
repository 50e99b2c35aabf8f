package bedrock

import (
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

// sameID stands for the random ids of answers, which goldens cannot hold.
func sameID() string { return "chatcmpl-1" }

func TestAdapter(t *testing.T) {
	adaptertest.Run(t, func(s adapters.Settings) (adapters.Provider, error) { return open(s, sameID) }, "testdata")
}
