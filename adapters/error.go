package adapters

import (
	"errors"
	"fmt"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// Kind classifies a provider's failure. The adapter classifies, the dispatcher
// decides what follows from it.
type Kind int

// The kinds. Each says who has to act, not which status came.
const (
	// KindInternal is a defect of the adapter, and the zero value so that a
	// forgotten classification shows.
	KindInternal Kind = iota
	// KindInvalid: the provider refused the request as such. The same request fails
	// again.
	KindInvalid
	// KindAuth: the provider refused our key.
	KindAuth
	// KindPermission: our key may not do this.
	KindPermission
	// KindNotFound: no such model or resource at the provider.
	KindNotFound
	// KindConflict: the provider reports a conflict with another request.
	KindConflict
	// KindTooLarge: the provider found the request too large.
	KindTooLarge
	// KindRateLimited: the limit of our key is used up; RetryAfter says for how long
	// when the provider said so.
	KindRateLimited
	// KindOverloaded: the provider says that it has no capacity.
	KindOverloaded
	// KindUnavailable: the provider failed or could not be reached.
	KindUnavailable
	// KindTimeout: no answer in time.
	KindTimeout
	// KindCanceled: the caller left.
	KindCanceled
	// KindContentFiltered: the provider refused the content by its policy.
	KindContentFiltered
	// KindProtocol: the answer cannot be understood or broke off.
	KindProtocol
	// KindUnsupported: the provider cannot do what is asked, and was not asked.
	KindUnsupported
	// KindCircuitOpen: the target is being spared; it was not asked.
	KindCircuitOpen
	// KindContextWindow: the provider found the prompt too long for the model. A model
	// with a larger window may take it.
	KindContextWindow
	// KindSaturated: the target runs as many calls as it may; it was not asked.
	KindSaturated
)

var kindNames = [...]string{
	"internal", "invalid", "auth", "permission", "not_found", "conflict", "too_large", "rate_limited",
	"overloaded", "unavailable", "timeout", "canceled", "content_filtered", "protocol", "unsupported", "circuit_open", "context_window", "saturated",
}

// String returns the kind in snake case, as logs and metrics use it.
func (k Kind) String() string {
	if k < 0 || int(k) >= len(kindNames) {
		return fmt.Sprintf("kind(%d)", int(k))
	}
	return kindNames[k]
}

// Step is the part of a call whose time ran out.
type Step int

// The steps, in the order of a call.
const (
	// StepTotal is the whole of it, and the zero value: the provider said so itself
	// (status 408), or nobody knows better.
	StepTotal Step = iota
	// StepConnect is until the connection stands.
	StepConnect
	// StepFirstByte is until the answer's status line.
	StepFirstByte
	// StepFirstToken is until the first event of a stream.
	StepFirstToken
	// StepIdle is between two pieces of an answer.
	StepIdle
)

var stepNames = [...]string{"total", "connect", "first_byte", "first_token", "idle"}

// String returns the step as configurations name it.
func (s Step) String() string {
	if s < 0 || int(s) >= len(stepNames) {
		return fmt.Sprintf("step(%d)", int(s))
	}
	return stepNames[s]
}

// Error is a failed call to a provider. It is immutable once returned.
type Error struct {
	Kind Kind
	// Provider is the configured name.
	Provider string
	// Status is the provider's HTTP status; 0 when there was no answer.
	Status int
	// Envelope is the provider's error body, every member kept. Nil when there was
	// none or none in a form that holds an error; then Message stands in.
	Envelope *sluicev1.ErrorEnvelope
	// Message says what went wrong, for the caller: no key, no address, no prompt.
	Message string
	// Step says which time ran out when Kind is [KindTimeout].
	Step Step
	// OtherKey says that the provider has another key, which may succeed at once.
	OtherKey bool
	// Unsent says that the provider never got the request (no connection came to be,
	// or the target is being spared), so that sending it again repeats nothing.
	Unsent bool
	// RetryAfter is how long the provider asked to wait. 0 when it did not.
	RetryAfter time.Duration
	// Header holds the response headers that may reach the caller.
	Header Header
	// Cause is for logs only and may name addresses. It never reaches a caller.
	Cause error
}

// Error says provider, kind and message, without the cause.
func (e *Error) Error() string {
	if e.Status != 0 {
		return fmt.Sprintf("%s: %s (status %d): %s", e.Provider, e.Kind, e.Status, e.message())
	}
	return fmt.Sprintf("%s: %s: %s", e.Provider, e.Kind, e.message())
}

// LogText says what a log may hold: provider, kind, status, the provider's code and
// the cause. The provider's own words are left out, because they may quote the prompt.
func (e *Error) LogText() string {
	text := fmt.Sprintf("%s: %s", e.Provider, e.Kind)
	if e.Status != 0 {
		text += fmt.Sprintf(" (status %d)", e.Status)
	}
	if code := e.Envelope.GetError().GetCodeString(); code != "" {
		text += fmt.Sprintf(" code %.64q", code)
	}
	if e.Cause != nil {
		text += ": " + e.Cause.Error()
	}
	return text
}

func (e *Error) message() string {
	if e.Message == "" && e.Envelope.GetError() != nil {
		return e.Envelope.GetError().GetMessage()
	}
	return e.Message
}

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.Cause }

// OutOfQuota tells a rate limit that waiting does not end, because the account's money is
// used up, from one that it does.
//
// Source: OpenAI's guide "Error codes", 429 insufficient_quota, 2026-11.
func OutOfQuota(envelope *sluicev1.ErrorEnvelope) bool {
	const quota = "insufficient_quota"
	e := envelope.GetError()
	return e.GetCodeString() == quota || e.GetType() == quota
}

// KindOf returns the kind of err: that of the [*Error] in its chain, else
// [KindInternal].
func KindOf(err error) Kind {
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Kind
	}
	return KindInternal
}
