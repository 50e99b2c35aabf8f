package dispatch

import (
	"context"
	"errors"
	"net/http"

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
	if ctx.Err() != nil {
		return fault.From(ctx.Err())
	}
	if gone, ok := errors.AsType[*SendError](err); ok {
		if f, told := errors.AsType[*fault.Error](gone.Err); told { // the door knows why
			return f
		}
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_CANCELED, "the caller left during the answer").WithCause(err)
	}
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok {
		return fault.From(err)
	}
	return FromProvider(e)
}

// FromProvider turns one provider's failure into a fault. A status below 400 (an
// answer that could not be used) is replaced by the reason's own.
func FromProvider(e *adapters.Error) *fault.Error {
	f := fault.New(reasons[e.Kind], "provider %s: %s", e.Provider, message(e)).WithCause(e)
	f.Provider = e.Provider
	f.RetryAfter = e.RetryAfter
	f.Header = e.Header
	if e.Status >= http.StatusBadRequest {
		f.Status = e.Status
	}
	if e.Envelope.GetError() != nil {
		f.Envelope = e.Envelope
	}
	return f
}

func message(e *adapters.Error) string {
	switch {
	case e.Kind == adapters.KindInternal:
		return "internal error"
	case e.Message != "":
		return e.Message
	}
	return "failed with " + e.Kind.String()
}
