package prober

import (
	"errors"

	"github.com/sluice-ai/sluice/adapters"
)

// verdict is what a check says about the provider.
type verdict int

const (
	alive verdict = iota
	dead
	// unknown: the provider was not asked.
	unknown
)

func judge(err error) verdict {
	if err == nil {
		return alive
	}
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok {
		return dead // a panic, or a context that somebody below ended
	}
	switch e.Kind {
	case adapters.KindRateLimited, adapters.KindAuth:
		// Our keys are refused or used up. When none was left to ask with, nobody knows.
		if e.Unsent {
			return unknown
		}
		return alive
	case adapters.KindPermission, adapters.KindNotFound, adapters.KindUnsupported, adapters.KindInvalid, adapters.KindConflict,
		adapters.KindTooLarge, adapters.KindContentFiltered, adapters.KindContextWindow:
		// It says no, so it lives. Many servers of OpenAI's API have no list of models.
		return alive
	case adapters.KindCircuitOpen, adapters.KindSaturated:
		return unknown
	case adapters.KindUnavailable, adapters.KindOverloaded, adapters.KindTimeout, adapters.KindProtocol, adapters.KindInternal, adapters.KindCanceled:
		return dead
	}
	return dead
}
