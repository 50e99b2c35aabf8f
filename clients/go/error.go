package sluice

import (
	"google.golang.org/grpc/status"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// Detail returns what the gateway says about a failed call: the reason, OpenAI's
// error object, the provider, the request id, and what was tried, each attempt with its
// own reason. Nil when err carries none: the gateway was not reached, or err is no error
// of a call.
func Detail(err error) *sluicev1.ErrorDetail {
	s, ok := status.FromError(err)
	if !ok {
		return nil
	}
	for _, detail := range s.Details() {
		if d, ok := detail.(*sluicev1.ErrorDetail); ok {
			return d
		}
	}
	return nil
}

// Reason returns why a call failed. Branch on it, not on messages. It is
// ERROR_REASON_UNSPECIFIED for nil and for errors without [Detail].
func Reason(err error) sluicev1.ErrorReason { return Detail(err).GetReason() }
