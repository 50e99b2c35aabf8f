// Package fault is the language in which Sluice says that a call failed: one
// reason, one status, one error object, the same through every door.
//
// It knows no transport: the doors turn an [Error] into a gRPC status, a Connect
// error or OpenAI's envelope. Providers' failures become faults in dispatch.
package fault

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Error is a failed call as its caller sees it. It is immutable once returned.
type Error struct {
	// Reason is what clients branch on.
	Reason sluicev1.ErrorReason
	// Status is the exact HTTP status for the REST door.
	Status int
	// Envelope is OpenAI's error body. Never nil. A provider's own stands here
	// unchanged.
	Envelope *sluicev1.ErrorEnvelope
	// Provider is the configured name of the provider that failed; empty when none
	// was asked.
	Provider string
	// Attempts are the targets that were tried, in order, and why each failed.
	Attempts []*sluicev1.Attempt
	// RetryAfter tells the caller how long to wait. 0: no advice.
	RetryAfter time.Duration
	// Header holds a provider's headers that go back with the error.
	Header adapters.Header
	// cause is for logs; it never reaches the wire.
	cause error
}

// Error returns reason and message, without the cause.
func (e *Error) Error() string {
	return fmt.Sprintf("%s: %s", e.Name(), e.Message())
}

// Unwrap returns the cause, which only logs may show.
func (e *Error) Unwrap() error { return e.cause }

// Message returns the error object's message.
func (e *Error) Message() string { return e.Envelope.GetError().GetMessage() }

// Name returns the reason without its prefix, in lower case: "model_not_found".
func (e *Error) Name() string { return ReasonName(e.Reason) }

// Retryable tells whether sending the same call again may succeed. It becomes
// x-should-retry.
func (e *Error) Retryable() bool {
	return table[e.Reason].retryable && !adapters.OutOfQuota(e.Envelope)
}

// New returns a fault of Sluice's own with the reason's usual status and error
// object. The message says what, which and the limit; it must hold no key and no
// prompt.
func New(reason sluicev1.ErrorReason, format string, args ...any) *Error {
	row, ok := table[reason]
	if !ok {
		row = table[sluicev1.ErrorReason_ERROR_REASON_INTERNAL]
	}
	return &Error{
		Reason:   reason,
		Status:   row.status,
		Envelope: &sluicev1.ErrorEnvelope{Error: object(row, fmt.Sprintf(format, args...))},
	}
}

// Invalid returns an INVALID_REQUEST about the member at the JSON path param.
func Invalid(param, format string, args ...any) *Error {
	return New(sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, format, args...).WithParam(param)
}

// WithParam returns e after naming the request member that it is about. Call it on
// a fresh Error only.
func (e *Error) WithParam(param string) *Error {
	if param != "" {
		e.Envelope.Error.Param = &param
	}
	return e
}

// WithCause returns e after attaching what happened, for logs. Call it on a fresh
// Error only.
func (e *Error) WithCause(cause error) *Error {
	e.cause = cause
	return e
}

// From returns the fault in err's chain. A context's error becomes CANCELED or
// DEADLINE_EXCEEDED; anything else is a defect of ours, INTERNAL, whose text stays
// in the logs. From(nil) is nil.
func From(err error) *Error {
	if err == nil {
		return nil
	}
	if f, ok := errors.AsType[*Error](err); ok {
		return f
	}
	switch {
	case errors.Is(err, context.Canceled):
		return New(sluicev1.ErrorReason_ERROR_REASON_CANCELED, "the caller cancelled the call").WithCause(err)
	case errors.Is(err, context.DeadlineExceeded):
		return New(sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, "the deadline of the call passed").WithCause(err)
	}
	return New(sluicev1.ErrorReason_ERROR_REASON_INTERNAL, "internal error").WithCause(err)
}

// maxQuoted bounds, in bytes, what a message echoes of a caller's text.
const maxQuoted = 64

// Quote returns a caller's text for use in a message: clipped to 64 bytes, escaped
// and in quotes.
func Quote(s string) string {
	if len(s) > maxQuoted {
		s = s[:maxQuoted] + "..."
	}
	return strconv.QuoteToASCII(s)
}
