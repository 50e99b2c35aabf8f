package breaker

import (
	"errors"

	"github.com/sluice-ai/sluice/adapters"
)

// verdict is what the end of a call says about the target's health.
type verdict int

const (
	success verdict = iota
	failure
	// ignored says nothing either way. Half-open, it neither closes nor opens the
	// breaker, and the next call probes instead.
	ignored
)

// aside wraps an error that did not come from the target: that of the receiver of
// a stream.
type aside struct{ error }

func judge(err error) verdict {
	if err == nil {
		return success
	}
	if errors.As(err, new(aside)) {
		return ignored
	}
	var e *adapters.Error
	if !errors.As(err, &e) {
		// The context's error: the caller left, or ran out of time. Its deadline says
		// more about the caller than about the target, whose time limits make
		// KindTimeout.
		return ignored
	}
	switch e.Kind {
	case adapters.KindUnavailable, adapters.KindOverloaded, adapters.KindTimeout, adapters.KindProtocol:
		return failure
	case adapters.KindInvalid, adapters.KindNotFound, adapters.KindConflict, adapters.KindTooLarge, adapters.KindContentFiltered, adapters.KindContextWindow:
		// A target that refuses one request with reason is well.
		if e.Status != 0 {
			return success
		}
		return ignored
	case adapters.KindAuth, adapters.KindPermission:
		// Our key is bad, or one of several: waiting does not mend it, and the error
		// tells the operator more than an open circuit.
		return ignored
	case adapters.KindRateLimited:
		// The target is well and says when to come back. A flood of these must not hide
		// failures among them.
		return ignored
	case adapters.KindInternal, adapters.KindCanceled, adapters.KindUnsupported, adapters.KindCircuitOpen, adapters.KindSaturated:
		// Not the target's doing.
		return ignored
	}
	return ignored
}
