package adapters

import (
	"slices"
	"strings"
)

// Header is a list of header fields with lower-case names, in order. The zero
// value is empty. It is no transport's type on purpose: gRPC metadata, Connect and
// HTTP headers all become this at a door.
type Header []Field

// Field is one header line.
type Field struct{ Name, Value string }

// Get returns the first value of the lower-case name, or "".
func (h Header) Get(name string) string {
	for _, f := range h {
		if f.Name == name {
			return f.Value
		}
	}
	return ""
}

// Set replaces all fields of the lower-case name with one.
func (h *Header) Set(name, value string) {
	*h = slices.DeleteFunc(slices.Clone(*h), func(f Field) bool { return f.Name == name })
	h.Add(name, value)
}

// Add appends a field of the lower-case name.
func (h *Header) Add(name, value string) { *h = append(*h, Field{name, value}) }

// ForwardedRequestHeaders are the headers of a caller that go to the provider,
// in lower case. All others stay here: credentials, cookies, hop-by-hop and
// whatever the caller's network added.
//
// Source: OpenAI API reference, "Authentication", "Debugging requests" and the
// official SDKs; Anthropic's API reference, "Beta headers"; 2026-11.
var ForwardedRequestHeaders = []string{
	"anthropic-beta",
	"idempotency-key",
	"openai-beta",
	"openai-organization",
	"openai-project",
	"x-client-request-id",
}

// CredentialHeaders are those that callers and providers take for a key, in lower case:
// OpenAI's, Azure OpenAI's, Anthropic's and Google's.
var CredentialHeaders = []string{"authorization", "api-key", "x-api-key", "x-goog-api-key"}

// ReturnedResponseHeader tells whether any provider's response header of the lower-case
// name may reach the caller: rate limits, retry hints, request ids and OpenAI's own, as
// servers took them over. What one provider alone has, its adapter adds. Cookies,
// hop-by-hop and server internals may not.
func ReturnedResponseHeader(name string) bool {
	switch name {
	case "retry-after", "retry-after-ms", "x-should-retry", "x-request-id":
		return true
	}
	return strings.HasPrefix(name, "x-ratelimit-") || strings.HasPrefix(name, "openai-")
}
