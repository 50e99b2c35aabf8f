package edge

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf8"

	"connectrpc.com/connect"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/protoadapt"
	"google.golang.org/protobuf/types/known/durationpb"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// grpcCodes holds the gRPC code of every reason, for gRPC and Connect. Clients with a
// retry policy retry UNAVAILABLE, so it stands for "the same call may succeed soon"
// alone.
var grpcCodes = map[sluicev1.ErrorReason]codes.Code{
	sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED: codes.Unknown,

	sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST:   codes.InvalidArgument,
	sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE: codes.ResourceExhausted, // as grpc-go says it
	sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND:   codes.NotFound,
	// What gRPC answers to a method that nobody has.
	sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND:              codes.Unimplemented,
	sluicev1.ErrorReason_ERROR_REASON_METHOD_NOT_ALLOWED:     codes.Unimplemented,
	sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED_MEDIA_TYPE: codes.InvalidArgument,
	sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED:            codes.Unimplemented,
	sluicev1.ErrorReason_ERROR_REASON_CANCELED:               codes.Canceled,
	sluicev1.ErrorReason_ERROR_REASON_UNAUTHENTICATED:        codes.Unauthenticated,
	sluicev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED:      codes.PermissionDenied,
	sluicev1.ErrorReason_ERROR_REASON_RATE_LIMITED:           codes.ResourceExhausted,

	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST: codes.InvalidArgument,
	// The key is the operator's: UNAUTHENTICATED would send callers after their own.
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAUTHENTICATED:   codes.FailedPrecondition,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PERMISSION_DENIED: codes.FailedPrecondition,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_NOT_FOUND:         codes.NotFound,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONFLICT:          codes.Aborted,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TOO_LARGE:         codes.InvalidArgument,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED:      codes.ResourceExhausted,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_OVERLOADED:        codes.Unavailable,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE:       codes.Unavailable,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT:           codes.DeadlineExceeded,
	// The request is well-formed; its content is what the provider will not have.
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTENT_FILTERED: codes.FailedPrecondition,
	// An answer that broke off is a provider's outage, not our defect, and trying again
	// is right: the REST door says 502.
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL: codes.Unavailable,
	sluicev1.ErrorReason_ERROR_REASON_CIRCUIT_OPEN:      codes.Unavailable,

	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONNECT_TIMEOUT:     codes.DeadlineExceeded,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_BYTE_TIMEOUT:  codes.DeadlineExceeded,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_TOKEN_TIMEOUT: codes.DeadlineExceeded,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_IDLE_TIMEOUT:        codes.DeadlineExceeded,
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTEXT_WINDOW:      codes.InvalidArgument,
	sluicev1.ErrorReason_ERROR_REASON_TARGET_SATURATED:             codes.Unavailable,
	sluicev1.ErrorReason_ERROR_REASON_OVERLOADED:                   codes.Unavailable,

	sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED: codes.DeadlineExceeded,
	sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN:     codes.Unavailable,
	sluicev1.ErrorReason_ERROR_REASON_INTERNAL:          codes.Internal,
}

func grpcCode(reason sluicev1.ErrorReason) codes.Code {
	if code, ok := grpcCodes[reason]; ok {
		return code
	}
	return codes.Unknown
}

// Bounds of an error's text in gRPC trailers, which clients in Java and Python limit
// to 8 KiB in all, base64 included.
const (
	maxStatusMessageBytes = 1 << 10
	// maxEncodedMessageBytes is the same as gRPC sends it, %-encoded.
	maxEncodedMessageBytes = 3 << 9
	maxDetailBytes         = 3 << 10
	maxDetailAttempts      = 10
)

// details returns what a gRPC or Connect error carries beside code and message.
func details(f *fault.Error, callID string) []proto.Message {
	detail := &sluicev1.ErrorDetail{
		Reason:     f.Reason,
		Error:      f.Envelope.GetError(),
		HttpStatus: int32(f.Status),
		Provider:   f.Provider,
		RequestId:  callID,
	}
	if proto.Size(detail) > maxDetailBytes {
		detail.Error = shortened(detail.GetError())
	}
	// Attempts have what the error leaves: the first ones, since they say how it began and
	// the error itself how it ended.
	detail.Attempts = f.Attempts[:min(len(f.Attempts), maxDetailAttempts)]
	for n := len(detail.Attempts); n > 0 && proto.Size(detail) > maxDetailBytes; n-- {
		detail.Attempts = detail.Attempts[:n-1]
	}
	all := []proto.Message{detail}
	if f.RetryAfter > 0 {
		all = append(all, &errdetails.RetryInfo{RetryDelay: durationpb.New(f.RetryAfter)})
	}
	return all
}

// shortened returns the error object without what a provider made long.
func shortened(e *sluicev1.Error) *sluicev1.Error {
	short := &sluicev1.Error{Message: clip(e.GetMessage(), maxStatusMessageBytes)}
	if e.Type != nil {
		short.Type = new(clip(e.GetType(), 128))
	}
	if e.Param != nil {
		short.Param = new(clip(e.GetParam(), 256))
	}
	switch code := e.GetCode().(type) {
	case *sluicev1.Error_CodeString:
		short.Code = &sluicev1.Error_CodeString{CodeString: clip(code.CodeString, 128)}
	case *sluicev1.Error_CodeNumber:
		short.Code = code
	}
	return short
}

// clip shortens a text to at most limit bytes, "..." included, between characters.
func clip(text string, limit int) string {
	const mark = "..."
	if len(text) <= limit {
		return text
	}
	end := limit - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// statusMessage returns the text of a gRPC status or a Connect error. Its detail holds
// the same, and more of it.
func statusMessage(f *fault.Error) string {
	text := clip(f.Message(), maxStatusMessageBytes)
	for limit := len(text); encodedBytes(text) > maxEncodedMessageBytes; {
		limit = limit * 3 / 4
		text = clip(text, limit)
	}
	return text
}

// encodedBytes is the length of a text in gRPC's grpc-message. Source: gRPC over
// HTTP/2, "Percent-Encoded".
func encodedBytes(text string) int {
	n := len(text)
	for i := range len(text) {
		if text[i] < 0x20 || text[i] > 0x7e || text[i] == '%' {
			n += 2
		}
	}
	return n
}

// grpcError returns the gRPC status of a fault. Only the fault's own message goes out,
// never the text of an error that it wraps or is wrapped in.
func grpcError(f *fault.Error, callID string) error {
	st := status.New(grpcCode(f.Reason), statusMessage(f))
	messages := details(f, callID)
	all := make([]protoadapt.MessageV1, 0, len(messages))
	for _, detail := range messages {
		all = append(all, protoadapt.MessageV1Of(detail))
	}
	if detailed, err := st.WithDetails(all...); err == nil {
		st = detailed
	}
	return st.Err()
}

// connectError is [grpcError] for Connect.
func connectError(f *fault.Error, callID string) *connect.Error {
	e := connect.NewError(connect.Code(grpcCode(f.Reason)), errors.New(statusMessage(f)))
	for _, detail := range details(f, callID) {
		if d, err := connect.NewErrorDetail(detail); err == nil {
			e.AddDetail(d)
		}
	}
	return e
}

// tooLarge is the fault of a request beyond limit bytes. size is its size, negative
// when it was not read that far.
func tooLarge(size, limit int64) *fault.Error {
	const reason = sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE
	if size < 0 {
		return fault.New(reason, "request exceeds the limit of %d bytes", limit)
	}
	return fault.New(reason, "request of %d bytes exceeds the limit of %d bytes", size, limit)
}

// unreadable is the fault of a request whose bytes could not be read to their end.
func unreadable(ctx context.Context, err error) *fault.Error {
	switch {
	case isTimeout(err): // net/http then cancels the context as well
		return tooSlow().WithCause(err)
	case ctx.Err() != nil:
		return fault.From(ctx.Err())
	case errors.Is(err, io.ErrUnexpectedEOF):
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_CANCELED,
			"request body broke off before its end").WithCause(err)
	}
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST,
		"request body could not be read").WithCause(err)
}

// tooSlow is the fault of a request that did not arrive in time. HTTP has a status of its
// own for what came too late because of the caller.
func tooSlow() *fault.Error {
	f := fault.New(sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED, "request arrived too slowly or stopped arriving before its end")
	f.Status = http.StatusRequestTimeout
	return f
}

func isTimeout(err error) bool {
	var timeout interface{ Timeout() bool }
	return errors.As(err, &timeout) && timeout.Timeout()
}

// internal is the fault of a defect of ours.
func internal(cause error) *fault.Error {
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_INTERNAL, "internal error").WithCause(cause)
}

// visible returns text with everything but printable ASCII replaced, at most limit
// bytes: what a caller sent and an error shows again.
func visible(text string, limit int) string {
	return clip(strings.Map(func(r rune) rune {
		if r < 0x20 || r > 0x7e {
			return '?'
		}
		return r
	}, text), limit)
}
