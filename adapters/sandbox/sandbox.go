// Package sandbox is the built-in model provider: it answers by rule, without a
// network, a key or a clock, so that the same request gets the same answer on
// every machine. Teams test their own code against it; docs/sandbox.md is its
// manual.
//
// It works on the API's messages alone and knows nothing of servers, routes or
// JSON envelopes. Only the configuration's catalog calls it.
package sandbox

import (
	"strconv"

	"github.com/sluice-ai/sluice/adapters"
)

// New returns the sandbox under the name of the settings. Chat, Embed, Models and
// Count are all offered, and nothing needs to be closed. All other settings are for
// providers with an address and are ignored. The error is always nil; it is there
// because every adapter's New has it.
func New(settings adapters.Settings) (adapters.Provider, error) {
	s := &sandbox{name: settings.Name}
	return adapters.Provider{Name: settings.Name, Chat: s, Embed: s, Models: s, Count: s}, nil
}

// sandbox has no state: determinism and concurrency are then free.
type sandbox struct{ name string }

var (
	_ adapters.Chatter  = (*sandbox)(nil)
	_ adapters.Embedder = (*sandbox)(nil)
	_ adapters.Lister   = (*sandbox)(nil)
	_ adapters.Counter  = (*sandbox)(nil)
)

// epoch stands for every time that an answer carries: 2025-01-01T00:00:00Z. A
// clock would make equal requests differ.
const epoch int64 = 1735689600

// systemFingerprint changes when the rules of the answers change.
const systemFingerprint = "fp_sluice_sandbox_1"

// The limits that the x-ratelimit headers tell of. Nothing enforces them.
const (
	limitRequests = 10_000
	limitTokens   = 2_000_000
)

// replyHeader has the headers of OpenAI's answers: request id, version and what
// is left of a limit.
//
// Source: OpenAI API reference, "Debugging requests", and its rate limit guide.
func replyHeader(d digest, tokens int64) adapters.Header {
	left := max(limitTokens-tokens, 0)
	return adapters.Header{
		{Name: "x-request-id", Value: d.id("req_", 0, 24)},
		{Name: "openai-processing-ms", Value: "1"},
		{Name: "openai-version", Value: "2020-10-01"},
		{Name: "x-ratelimit-limit-requests", Value: strconv.Itoa(limitRequests)},
		{Name: "x-ratelimit-limit-tokens", Value: strconv.Itoa(limitTokens)},
		{Name: "x-ratelimit-remaining-requests", Value: strconv.Itoa(limitRequests - 1)},
		{Name: "x-ratelimit-remaining-tokens", Value: strconv.FormatInt(left, 10)},
		{Name: "x-ratelimit-reset-requests", Value: "6ms"},
		{Name: "x-ratelimit-reset-tokens", Value: "6ms"},
	}
}
