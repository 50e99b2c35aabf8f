package edge

import (
	"context"
	"log/slog"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/usage"
)

const contentTypeJSON = "application/json"

// restDoor serves OpenAI's REST paths. grpc-gateway routes and calls the service; the
// door reads and writes the bytes, because grpc-gateway knows neither OpenAI's JSON,
// nor its errors, nor its event streams.
type restDoor struct {
	config  Config
	service *gateway.Service
	mux     *runtime.ServeMux
	log     *slog.Logger
}

// restChat satisfies the generated interface. Streams never come this way: see
// [exchange.stream].
type restChat struct{ *gateway.Service }

func (restChat) StreamChatCompletion(*sluicev1.ChatCompletionRequest, sluicev1.ChatService_StreamChatCompletionServer) error {
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED, "streams are server-sent events here")
}

func newREST(config Config, service *gateway.Service) *restDoor {
	d := &restDoor{config: config, service: service, log: config.Logger}
	d.mux = runtime.NewServeMux(
		runtime.WithMarshalerOption(runtime.MIMEWildcard, wireMarshaler{}),
		runtime.WithErrorHandler(failExchange),
		runtime.WithRoutingErrorHandler(failRouting),
		runtime.WithDisableHTTPMethodOverride(),
		runtime.WithDisablePathLengthFallback(),
		runtime.WithIncomingHeaderMatcher(noHeader),
		runtime.WithOutgoingHeaderMatcher(noHeader),
		runtime.WithOutgoingTrailerMatcher(noHeader),
		// The path is handed over decoded, once, by net/url: this mode leaves it alone, so
		// that an id with "/", ":" or "%" arrives as the caller meant it.
		runtime.WithUnescapingMode(runtime.UnescapingModeLegacy),
	)
	ctx := context.Background()
	for _, err := range []error{
		sluicev1.RegisterModelsServiceHandlerServer(ctx, d.mux, service),
		sluicev1.RegisterEmbeddingsServiceHandlerServer(ctx, d.mux, service),
		// Last: the mux tries the paths of a method backwards, and each costs it memory.
		sluicev1.RegisterChatServiceHandlerServer(ctx, d.mux, restChat{service}),
	} {
		if err != nil {
			panic(err) // registering an object has no way to fail
		}
	}
	return d
}

func noHeader(string) (string, bool) { return "", false }

// serve answers a request of an endpoint.
func (d *restDoor) serve(w http.ResponseWriter, r *http.Request, at place) {
	e := at.endpoint
	if r.Method == http.MethodOptions {
		allow(w, e.allow())
		return
	}
	x := d.open(w, r, at)
	defer x.close()
	if r.Method != e.method && (r.Method != http.MethodHead || e.method != http.MethodGet) {
		w.Header().Set("Allow", e.allow())
		use := e.method
		if at.bare {
			use += "; the base URL for OpenAI clients is " + baseURL(r, at.under)
		}
		x.refuse(methodNotAllowed(r, use))
		return
	}
	if e.method == http.MethodPost {
		body, f := x.readBody()
		if f != nil {
			x.refuse(f)
			return
		}
		x.body = body
	}
	// Nothing of the caller's but the path reaches grpc-gateway, which would turn
	// headers into metadata, deadlines and other methods.
	inner := r.WithContext(x.ctx)
	inner.Method = e.method
	inner.URL = &url.URL{Path: at.path}
	inner.Header, inner.Host, inner.RemoteAddr = nil, "", ""
	inner.Body = heldBody{x}
	d.mux.ServeHTTP(x, inner)
}

// allow answers OPTIONS. It is no call, so nothing accounts for it.
func allow(w http.ResponseWriter, methods string) {
	w.Header().Set("Allow", methods)
	w.WriteHeader(http.StatusNoContent)
}

// refuse answers a request that is not served.
func (d *restDoor) refuse(w http.ResponseWriter, r *http.Request, at place, f *fault.Error) {
	x := d.open(w, r, at)
	defer x.close()
	x.refuse(f)
}

func (d *restDoor) open(w http.ResponseWriter, r *http.Request, at place) *exchange {
	call := newHTTPCall(gateway.DoorREST, r)
	call.Path = at.under
	call.Query = r.URL.RawQuery
	call.Checked = true
	x := &exchange{
		ResponseWriter: w,
		door:           d,
		request:        r,
		endpoint:       at.endpoint,
		call:           call,
		writes:         boundWrites(w, r, d.config.WriteTimeout),
	}
	x.ctx = gateway.WithCall(r.Context(), call)
	return x
}

// exchange is one request and its answer on this door. It stands in for the response
// writer in grpc-gateway, which writes an answer in one piece.
type exchange struct {
	http.ResponseWriter

	door     *restDoor
	request  *http.Request
	endpoint *endpoint // nil when the path has none
	call     *gateway.Call
	ctx      context.Context //nolint:containedctx // lives as long as the call, like the request's own
	writes   boundedWrites

	body     []byte
	refused  *fault.Error                    // why the body did not become a message
	streamed *sluicev1.ChatCompletionRequest // the body asked for events
	answered bool                            // the status line is decided
	linger   func()                          // what to do after a refusal, or nil
}

// close recovers from a panic of the call: into an error while the answer has not
// begun, else by breaking the connection, so that no half answer looks whole.
func (x *exchange) close() {
	value := recover()
	if value == nil {
		return
	}
	if value == http.ErrAbortHandler { //nolint:errorlint // a panic's value: net/http compares it likewise
		panic(value)
	}
	f := recovered(x.ctx, x.door.log, x.call, value)
	if x.answered {
		panic(http.ErrAbortHandler)
	}
	x.fail(f)
}

// Write sends the whole answer of a unary call.
func (x *exchange) Write(body []byte) (int, error) {
	x.head(nil)
	return x.send(http.StatusOK, body)
}

// head sets the headers that every answer carries.
func (x *exchange) head(f *fault.Error) {
	x.answered = true
	set := setHTTP(x.Header())
	replyHeader(x.call, set)
	if f == nil {
		return
	}
	set(headerErrorReason, f.Name())
	if !f.Retryable() && x.Header()["X-Should-Retry"] == nil {
		set("x-should-retry", "false")
	}
	if f.RetryAfter > 0 && x.Header()["Retry-After"] == nil && x.Header()["Retry-After-Ms"] == nil {
		set("retry-after", strconv.FormatInt(int64((f.RetryAfter+time.Second-1)/time.Second), 10))
	}
}

// headEarly sets the headers of an answer that begins before the call's reply is there.
func (x *exchange) headEarly() {
	x.answered = true
	set := setHTTP(x.Header())
	set(headerSluiceRequestID, x.call.ID)
	set(headerRequestID, x.call.ID)
}

// send writes status, body and its length at once. The body comes from [buffer] and
// goes back, but not after a failed write: HTTP/2 may still be reading it.
func (x *exchange) send(status int, body []byte) (int, error) {
	h := x.Header()
	h["Content-Type"] = jsonHeader
	h["Content-Length"] = []string{strconv.Itoa(len(body))}
	x.writes.begin()
	x.WriteHeader(status)
	n, err := x.ResponseWriter.Write(body)
	if err == nil {
		release(body)
	}
	return n, err
}

var jsonHeader = []string{contentTypeJSON}

// fail answers with a fault.
func (x *exchange) fail(f *fault.Error) {
	x.head(f)
	body := wirejson.Append(buffer(), f.Envelope)
	status := f.Status
	if status < http.StatusBadRequest || status > 599 {
		status = http.StatusInternalServerError // no error's status; net/http would panic on some
	}
	_, _ = x.send(status, body) // the caller left
}

// refuse answers a request that the service never heard of, and accounts for it.
func (x *exchange) refuse(f *fault.Error) {
	operation := usage.OperationNone
	if x.endpoint != nil {
		operation = x.endpoint.operation
	}
	x.door.service.Refuse(x.ctx, operation, f)
	switch {
	case isTimeout(f):
		if x.request.ProtoMajor == 1 {
			x.Header().Set("Connection", "close")
		}
	case x.body == nil && x.request.ContentLength != 0:
		boundLeftover(x.writes.control, x.door.config.ReadTimeout, x.door.config.WriteTimeout)
	}
	x.fail(f)
	if x.linger != nil {
		x.linger()
	}
}

// failExchange is grpc-gateway's way to report an error.
func failExchange(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, err error) {
	x := w.(*exchange)
	switch {
	case x.streamed != nil:
		x.stream(x.streamed)
	case x.refused != nil:
		x.refuse(x.refused)
	default:
		x.fail(fault.From(err))
	}
}

// failRouting answers a path that is an endpoint of ours and none of grpc-gateway's.
func failRouting(_ context.Context, _ *runtime.ServeMux, _ runtime.Marshaler, w http.ResponseWriter, _ *http.Request, _ int) {
	x := w.(*exchange)
	x.refuse(unknownPath(x.request, x.call.Path))
}
