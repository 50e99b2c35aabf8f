package gateway

import (
	"context"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Door names the way by which a call came in, as receipts and metrics show it.
type Door string

// The doors.
const (
	DoorGRPC    Door = "grpc"
	DoorConnect Door = "connect"
	DoorGRPCWeb Door = "grpc_web"
	DoorREST    Door = "rest"
)

// Call is what a door knows of a call beside its message. The door makes one per
// call, puts it into the context with [WithCall], and reads Reply when the answer
// starts. One goroutine at a time uses it.
type Call struct {
	// ID identifies the call in logs, receipts and the answer's x-request-id, unless
	// the provider sends one of its own.
	ID string
	// Door is where the call came in.
	Door Door
	// Start is when the call came in.
	Start time.Time
	// Header holds the caller's headers that go to the provider, already reduced to
	// [adapters.ForwardedRequestHeaders].
	Header adapters.Header
	// Query is the raw query string of a REST call.
	Query string
	// Path is the path prefix of the routing table under which a REST call came, as
	// [Service.Prefix] returned it. Empty: none.
	Path string
	// Route is what the caller's x-sluice-route header says, as it came. Empty: none.
	Route string
	// Caller tells callers from each other for the order of those who wait, and for
	// sticky routes. It is opaque and holds no credential. Empty: nobody in particular.
	Caller string
	// RepeatsItself says that the caller tries failed calls again by itself, as the
	// official OpenAI SDKs do.
	RepeatsItself bool
	// Value returns the caller's header, or metadata, of a lower-case name, "" when there
	// is none. Nil: there are none.
	Value func(name string) string
	// Trace is the caller's W3C traceparent. Empty: none.
	Trace string
	// Checked says that the message came through wirejson's decoder, so that its raw
	// parts are known to be JSON. Otherwise the gateway checks them.
	Checked bool
	// More tells a stream's send that another chunk is at hand already, so that a door
	// may write both at once.
	More bool
	// Reply holds the headers of the answer. It is complete when a unary method
	// returns, also with an error, and before the first send of a stream.
	Reply adapters.Header
	// Translation says what became of members on their way through the provider's
	// dialect. It is complete when a method returns. Nil: nothing became of them.
	Translation *sluicev1.Translation
}

type callKey struct{}

// WithCall returns a context that carries the call.
func WithCall(ctx context.Context, c *Call) context.Context {
	return context.WithValue(ctx, callKey{}, c)
}

// CallFrom returns the call that a door put into the context. Without one (a test,
// an embedder of the package) it returns a fresh anonymous call.
func CallFrom(ctx context.Context) *Call {
	if c, ok := ctx.Value(callKey{}).(*Call); ok {
		return c
	}
	return &Call{Start: time.Now()}
}
