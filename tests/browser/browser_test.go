// Package browser_test has a real browser call the real binary, from pages of other
// origins and from the documentation that the binary serves itself.
package browser_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/live"
)

func TestBrowser(t *testing.T) {
	live.Require(t)
	// The example is served twice: from an origin that the gateway knows, and from one
	// that it does not.
	files := http.FileServer(http.Dir(filepath.Join(live.Repository(), "clients/web/example/dist")))
	page, stranger := httptest.NewServer(files), httptest.NewServer(files)
	t.Cleanup(page.Close)
	t.Cleanup(stranger.Close)
	gateway := live.Start(t, fmt.Sprintf("cors: {origins: [%q]}\n", page.URL))

	live.Program{
		Dir:     "tests/browser",
		Command: []string{"node", "--test", "--test-reporter=spec", "--test-timeout=60000"},
		Env: []string{
			"SLUICE_URL=" + gateway.HTTP,
			"PAGE_URL=" + page.URL,
			"STRANGER_URL=" + stranger.URL,
		},
		Timeout: 2 * time.Minute,
	}.Run(t)

	// What the pages cannot see: a stream that was stopped ended at the provider, too.
	for _, door := range []string{"connect", "grpc_web"} {
		if !accountedAsCanceled(gateway.Log(), door) {
			t.Errorf("no receipt says that the stopped call through %s was cancelled:\n%s", door, gateway.Log())
		}
	}
}

func accountedAsCanceled(log, door string) bool {
	for line := range strings.Lines(log) {
		var receipt struct {
			Door  string `json:"door"`
			Model string `json:"gen_ai.request.model"`
			Error string `json:"error.type"`
		}
		if json.Unmarshal([]byte(line), &receipt) == nil && receipt.Door == door &&
			receipt.Model == "sandbox/hang-mid-stream" && receipt.Error == "canceled" {
			return true
		}
	}
	return false
}
