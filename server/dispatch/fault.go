package dispatch

import (
	"context"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

// Fault turns what an attempt returned into what the caller is told: here and
// nowhere else. A provider's status and error object pass unchanged. When the
// caller's own context ended, that is what is told, whatever the provider said.
func Fault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	f, _ := told(ctx, err)
	return f
}

// told is [Fault]. fresh says that nobody else holds the fault.
func told(ctx context.Context, err error) (f *fault.Error, fresh bool) {
	if ctx.Err() != nil {
		return fault.From(ctx.Err()), true
	}
	if f, made := errors.AsType[*fault.Error](err); made { // as a door that knows why its send failed
		return f, false
	}
	if _, gone := errors.AsType[*SendError](err); gone {
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_CANCELED, "the caller left during the answer").WithCause(err), true
	}
	if e, ok := errors.AsType[*adapters.Error](err); ok {
		return FromProvider(e), true
	}
	return fault.From(err), true
}

// FromProvider turns one provider's failure into a fault. A status below 400 or above 599 (an
// answer that could not be used) is replaced by the reason's own.
func FromProvider(e *adapters.Error) *fault.Error {
	f := fault.New(Reason(e), "provider %s: %s", e.Provider, message(e)).WithCause(e)
	f.Provider = e.Provider
	f.RetryAfter = e.RetryAfter
	f.Header = e.Header
	if e.Status >= http.StatusBadRequest && e.Status <= maxStatus {
		f.Status = e.Status
	}
	if e.Envelope.GetError() != nil {
		f.Envelope = e.Envelope
	}
	return f
}

// maxStatus is the largest that HTTP has. Source: RFC 9110, section 15.
const maxStatus = 599

func message(e *adapters.Error) string {
	switch {
	case e.Kind == adapters.KindInternal:
		return "internal error"
	case e.Message != "":
		return e.Message
	}
	return "failed with " + e.Kind.String()
}

// fault makes the error of a call from the failure that says most. It lists the attempts
// that failed; when there were several and the message is Sluice's own, so does that.
// When every target was refused on this side, the caller may come back when the first of
// them may be asked again.
func (c *call) fault(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	f, fresh := told(ctx, err)
	if !fresh {
		return f
	}
	soonest := time.Duration(0)
	for _, a := range c.outcome.Attempts {
		if a.Err == nil {
			continue
		}
		f.Attempts = append(f.Attempts, a.proto())
		if e, ok := errors.AsType[*adapters.Error](a.Err); ok && e.RetryAfter > 0 && (soonest == 0 || e.RetryAfter < soonest) {
			soonest = e.RetryAfter
		}
	}
	e, isTargets := errors.AsType[*adapters.Error](f.Unwrap())
	if isTargets && c.asked == 0 && f.RetryAfter != soonest {
		f.RetryAfter = soonest
		// They are the advice of one target alone, and doors prefer them.
		f.Header = slices.DeleteFunc(slices.Clone(f.Header), func(field adapters.Field) bool {
			return field.Name == "retry-after" || field.Name == "retry-after-ms"
		})
	}
	if (!isTargets || f.Envelope != e.Envelope) && len(f.Attempts) > 1 {
		f.Envelope.Error.Message += "; tried " + list(c.outcome.Attempts, ": ", false)
	}
	return f
}

func (a *Attempt) proto() *sluicev1.Attempt {
	return &sluicev1.Attempt{
		Provider: a.Provider, Model: a.Model, Reason: Reason(a.Err),
		HttpStatus: int32(a.status()), DurationMs: a.Duration.Milliseconds(),
	}
}

func (a *Attempt) status() int {
	if e, ok := errors.AsType[*adapters.Error](a.Err); ok {
		return e.Status
	}
	return 0
}

// says ranks failures by how much they tell the caller; of equal ones the later is told.
// What a target answered, or did not, comes before a refusal on this side, and one that
// passes with time before one that does not. A failure that is about the caller's request
// ends the call, and is therefore always the last.
func says(err error) int {
	switch {
	case adapters.KindOf(err) == adapters.KindUnsupported:
		return 0
	case !asked(err):
		return 1
	}
	return 2
}

// maxTried bounds, in bytes, what is said about the attempts in one line.
const maxTried = 1 << 10

// Tried lists the attempts that failed in one line for a header, as
// "a/m1=upstream_rate_limited(429), b/m2=circuit_open". It is of printable ASCII and at
// most 1 KiB; what does not fit is left out. Empty when none failed.
func Tried(attempts []Attempt) string { return list(attempts, "=", true) }

func list(attempts []Attempt, is string, status bool) string {
	var line strings.Builder
	for i := range attempts {
		a := &attempts[i]
		if a.Err == nil {
			continue
		}
		element := a.Provider
		if a.Model != "" {
			element += "/" + a.Model
		}
		element = strings.Map(printable, element) + is + fault.ReasonName(Reason(a.Err))
		if code := a.status(); status && code != 0 {
			element += "(" + strconv.Itoa(code) + ")"
		}
		if line.Len()+len(", ")+len(element) > maxTried {
			break
		}
		if line.Len() > 0 {
			line.WriteString(", ")
		}
		line.WriteString(element)
	}
	return line.String()
}

func printable(r rune) rune {
	if r < ' ' || r > '~' {
		return '?'
	}
	return r
}

// Reason is why an attempt failed, as callers are told: [Attempt.Err] in one word.
// UNSPECIFIED when it did not.
func Reason(err error) sluicev1.ErrorReason {
	if err == nil {
		return sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED
	}
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Reason
	}
	if _, gone := errors.AsType[*SendError](err); gone {
		return sluicev1.ErrorReason_ERROR_REASON_CANCELED
	}
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok {
		return fault.From(err).Reason
	}
	if reason, ok := steps[e.Step]; ok && e.Kind == adapters.KindTimeout {
		return reason
	}
	if reason, ok := reasons[e.Kind]; ok {
		return reason
	}
	return sluicev1.ErrorReason_ERROR_REASON_INTERNAL
}

// steps are the reasons of a timeout that is not that of the whole.
var steps = map[adapters.Step]sluicev1.ErrorReason{
	adapters.StepConnect:    sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONNECT_TIMEOUT,
	adapters.StepFirstByte:  sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_BYTE_TIMEOUT,
	adapters.StepFirstToken: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_TOKEN_TIMEOUT,
	adapters.StepIdle:       sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_IDLE_TIMEOUT,
}

// reasons maps what happened at a provider to what the caller is told. An upstream
// 401 keeps its status and body, but its reason says that the key is ours.
var reasons = map[adapters.Kind]sluicev1.ErrorReason{
	adapters.KindInternal:        sluicev1.ErrorReason_ERROR_REASON_INTERNAL,
	adapters.KindInvalid:         sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST,
	adapters.KindAuth:            sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAUTHENTICATED,
	adapters.KindPermission:      sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PERMISSION_DENIED,
	adapters.KindNotFound:        sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_NOT_FOUND,
	adapters.KindConflict:        sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONFLICT,
	adapters.KindTooLarge:        sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TOO_LARGE,
	adapters.KindRateLimited:     sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED,
	adapters.KindOverloaded:      sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_OVERLOADED,
	adapters.KindUnavailable:     sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE,
	adapters.KindTimeout:         sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT,
	adapters.KindCanceled:        sluicev1.ErrorReason_ERROR_REASON_CANCELED,
	adapters.KindContentFiltered: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTENT_FILTERED,
	adapters.KindProtocol:        sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL,
	adapters.KindUnsupported:     sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED,
	adapters.KindCircuitOpen:     sluicev1.ErrorReason_ERROR_REASON_CIRCUIT_OPEN,
	adapters.KindContextWindow:   sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTEXT_WINDOW,
	adapters.KindSaturated:       sluicev1.ErrorReason_ERROR_REASON_TARGET_SATURATED,
}
