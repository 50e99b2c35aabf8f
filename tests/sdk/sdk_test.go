// Package sdk_test runs the official OpenAI SDKs, and Sluice's own clients, against
// the real binary.
package sdk_test

import (
	"fmt"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/live"
)

const timeout = 2 * time.Minute

// routes sends OpenAI's names to the sandbox, the rest of the world to a fake OpenAI,
// and one provider nowhere.
const routes = `
providers:
  - {name: sandbox, kind: sandbox}
  - {name: upstream, kind: openai, base_url: "FAKE_OPENAI_URL/v1", api_keys: [sk-upstream]}
  - {name: dead, kind: openai, base_url: "http://DEAD_ADDRESS/v1", api_keys: [sk-dead]}
models:
  - {name: gpt-4o-mini, targets: [{provider: sandbox, model: chat}]}
  - {name: text-embedding-3-small, targets: [{provider: sandbox, model: embed}]}
  - {name: gpt-up, targets: [{provider: upstream}]}
  - {name: gpt-refuses, targets: [{provider: upstream}]}
  - {name: gpt-stumbles, targets: [{provider: upstream}]}
  - {name: gpt-endless, targets: [{provider: upstream}]}
  - {name: gpt-with-spare, targets: [{provider: dead, priority: 0}, {provider: upstream, model: gpt-up, priority: 1}]}
  - {name: embed-up, targets: [{provider: upstream}]}
`

type gateways struct {
	sandbox, routed *live.Gateway
	fakeOpenAI      string
	dead            string
}

func (g *gateways) environment() []string {
	return []string{
		"SLUICE_URL=" + g.sandbox.HTTP,
		"SLUICE_ROUTED_URL=" + g.routed.HTTP,
		"FAKE_OPENAI_URL=" + g.fakeOpenAI,
		"DEAD_URL=http://" + g.dead,
	}
}

// TestClients starts the gateways once for all clients.
func TestClients(t *testing.T) {
	live.Require(t)
	fake, dead := startFakeOpenAI(t), deadAddress(t)
	g := &gateways{
		sandbox:    live.Start(t, ""),
		routed:     live.Start(t, strings.NewReplacer("FAKE_OPENAI_URL", fake, "DEAD_ADDRESS", dead).Replace(routes)),
		fakeOpenAI: fake,
		dead:       dead,
	}
	for _, client := range []struct {
		name string
		test func(*testing.T, *gateways)
	}{
		{"openai-python", openaiPython},
		{"openai-node", openaiNode},
		{"openai-go", openaiGo},
		{"sluice-go", sluiceGo},
		{"sluice-python", sluicePython},
		{"sluice-web", sluiceWeb},
	} {
		t.Run(client.name, func(t *testing.T) { client.test(t, g) })
	}
}

func openaiPython(t *testing.T, g *gateways) {
	live.Program{
		Dir:     "tests/sdk/python",
		Command: []string{".bin/venv/bin/python", "-m", "pytest", "-q", "-p", "no:cacheprovider", "--tb=short"},
		Env:     append(g.environment(), "PYTHONDONTWRITEBYTECODE=1"),
		Timeout: timeout,
	}.Run(t)
}

func openaiNode(t *testing.T, g *gateways) {
	live.Program{
		Dir:     "tests/sdk/node",
		Command: []string{"node", "--test", "--test-reporter=spec", "--test-timeout=60000"},
		Env:     g.environment(),
		Timeout: timeout,
	}.Run(t)
}

// deadAddress returns an address that refuses connections until the test ends: bound,
// so that nobody else gets it, and never listening.
func deadAddress(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	name, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	return fmt.Sprintf("127.0.0.1:%d", name.(*syscall.SockaddrInet4).Port)
}
