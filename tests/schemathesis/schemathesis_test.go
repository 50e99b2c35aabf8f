// Package schemathesis_test has schemathesis call the real binary as its own OpenAPI
// document allows and forbids, and finds no answer that the document does not allow.
package schemathesis_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/live"
)

func TestDocument_allows_every_answer(t *testing.T) {
	live.Require(t)
	// Schemathesis makes models fail for as long as it runs: a breaker that opens would
	// hide what else they do.
	gateway := live.Start(t, "breaker: {enabled: false}\nrouting: {retries: {max_attempts: 1}}\n")
	here := filepath.Join(live.Repository(), "tests", "schemathesis")
	live.Program{
		Dir: t.TempDir(), // it leaves folders where it runs
		Command: []string{
			".bin/venv/bin/schemathesis", "--config-file", filepath.Join(here, "schemathesis.toml"),
			"run", gateway.HTTP + "/openapi.json", "--no-color",
		},
		Env:     []string{"PYTHONPATH=" + here, "PYTHONDONTWRITEBYTECODE=1"},
		Timeout: 3 * time.Minute,
	}.Run(t)
}
