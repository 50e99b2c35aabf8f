package providers_test

import (
	"testing"

	"github.com/sluice-ai/sluice/tests/fakes/fleet"
	"github.com/sluice-ai/sluice/tests/harness"
)

// world is a Sluice in front of a fake of each provider.
type world struct {
	server  *harness.Server
	targets []fleet.Row
	yaml    string
}

// newWorld starts everything. More is added to the configuration of each provider, rest
// behind the providers.
func newWorld(t *testing.T, more, rest string) *world {
	t.Helper()
	all := fleet.Start(t, more)
	w := &world{targets: all.Rows, yaml: all.Config + rest}
	w.server = harness.Start(t, w.yaml)
	return w
}

// target returns a row.
func (w *world) target(t *testing.T, row string) fleet.Row {
	t.Helper()
	for _, one := range w.targets {
		if one.Name == row {
			return one
		}
	}
	t.Fatalf("no row %s", row)
	return fleet.Row{}
}
