package edge

import (
	"cmp"
	"context"
	"errors"
	"io"
	"log/slog"
	"math"
	"net/http"
	"strings"
	"time"

	"connectrpc.com/connect"
	"connectrpc.com/grpchealth"
	"connectrpc.com/grpcreflect"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/usage"
)

// connectDoor serves Connect, gRPC-Web and gRPC on the HTTP port: the paths
// /package.Service/Method.
type connectDoor struct {
	service      *gateway.Service
	log          *slog.Logger
	limit        int64
	readTimeout  time.Duration
	bodyTimeout  time.Duration
	writeTimeout time.Duration
	handlers     map[string]http.Handler // by "/package.Service/"
	errors       *connect.ErrorWriter
}

type connectChat struct{ *gateway.Service }

func (s connectChat) StreamChatCompletion(ctx context.Context, req *sluicev1.ChatCompletionRequest, out *connect.ServerStream[sluicev1.ChatCompletionChunk]) error {
	return s.StreamChat(ctx, req, out.Send)
}

func newConnect(config Config, service *gateway.Service, health *health) *connectDoor {
	d := &connectDoor{
		service:      service,
		log:          config.Logger,
		limit:        config.MaxRequestBytes,
		readTimeout:  config.ReadTimeout,
		bodyTimeout:  config.BodyTimeout,
		writeTimeout: config.WriteTimeout,
		handlers:     map[string]http.Handler{},
	}
	options := connect.WithHandlerOptions(
		// More than the limit, so that [boundedRPCBody] and the codecs refuse first.
		connect.WithReadMaxBytes(int(min(maxUnpackedBytes(config.MaxRequestBytes), math.MaxInt32))),
		connect.WithInterceptors(connectInterceptor{d}),
		connect.WithCodec(protoCodec{config.MaxRequestBytes}),
		connect.WithCodec(jsonCodec{"json", config.MaxRequestBytes}),
		connect.WithCodec(jsonCodec{"json; charset=utf-8", config.MaxRequestBytes}),
		withBoundedGzip(config.MaxRequestBytes),
		// Compressing a stream's small messages costs more than it saves.
		connect.WithCompressMinBytes(1024),
	)
	d.handle(sluicev1connect.NewChatServiceHandler(connectChat{service}, options))
	d.handle(sluicev1connect.NewEmbeddingsServiceHandler(service, options))
	d.handle(sluicev1connect.NewModelsServiceHandler(service, options))

	d.errors = connect.NewErrorWriter(options)

	plain := connect.WithReadMaxBytes(mib)
	d.handle(grpchealth.NewHandler(health.connect, plain))
	reflector := grpcreflect.NewStaticReflector(append([]string{grpchealth.HealthV1ServiceName}, serviceNames...)...)
	d.handle(grpcreflect.NewHandlerV1(reflector, plain))
	d.handle(grpcreflect.NewHandlerV1Alpha(reflector, plain))
	return d
}

func (d *connectDoor) handle(prefix string, handler http.Handler) { d.handlers[prefix] = handler }

// handler returns the handler of a path, nil when no RPC service has it.
func (d *connectDoor) handler(path string) http.Handler {
	end := strings.LastIndexByte(path, '/') + 1
	if end <= 1 {
		return nil
	}
	inner := d.handlers[path[:end]]
	if inner == nil {
		return nil
	}
	service := path[1 : end-1]
	if !strings.HasPrefix(service, "sluice.") {
		return d.arriving(inner) // health and reflection are no calls
	}
	operation := operationOf(service, path[end:])
	if operation == "" {
		return nil
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { d.serve(w, r, inner, operation) })
}

// arriving bounds the bodies of requests that are no calls.
func (d *connectDoor) arriving(inner http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		r = r.WithContext(r.Context()) // a copy
		r.Body = arriving(r, http.NewResponseController(w), d.readTimeout, d.bodyTimeout)
		inner.ServeHTTP(w, r)
	})
}

func (d *connectDoor) serve(w http.ResponseWriter, r *http.Request, inner http.Handler, operation usage.Operation) {
	head := headOf(r)
	if unfit := head.unfit(r); unfit != nil {
		d.unread(w, r, head, unfit)
		return
	}
	c := &connectCall{
		call:   newHTTPCall(connectProtocol(r), r),
		header: w.Header(),
		writes: boundWrites(w, r, d.writeTimeout),
	}
	// Before the handler runs, so that refusals of the library carry them as well.
	replyHeader(c.call, setHTTP(c.header))
	ctx := context.WithValue(gateway.WithCall(r.Context(), c.call), connectCallKey{}, c)
	body := &boundedRPCBody{
		ReadCloser: arriving(r, c.writes.control, d.readTimeout, d.bodyTimeout),
		ctx:        ctx,
		limit:      d.limit,
		enveloped:  enveloped(r),
		callID:     c.call.ID,
	}
	r = r.WithContext(ctx)
	r.Body = body
	if body.enveloped {
		r.Body = &singleMessage{
			ReadCloser: body,
			call:       c,
			web:        c.call.Door == gateway.DoorGRPCWeb,
			compressed: r.Header.Get(head.encoding) == encodingGzip,
		}
	}
	inner.ServeHTTP(w, r)
	if c.reached {
		return
	}
	refused := cmp.Or(body.refused, c.refused)
	switch err := ctx.Err(); {
	case refused != nil:
	case err != nil:
		refused = fault.From(err)
	case c.header["Accept-Post"] != nil: // how connect-go answers with status 415
		refused = fault.New(sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED_MEDIA_TYPE,
			"content type %q is not supported", visible(r.Header.Get("Content-Type"), 64))
	case c.header["Allow"] != nil: // and with 405
		refused = methodNotAllowed(r, http.MethodPost)
	default:
		refused = fault.New(sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "request could not be read as %s", c.call.Door)
	}
	d.service.Refuse(ctx, operation, refused)
}

// speaks tells whether a request to a path that nobody has comes from an RPC client,
// which understands its own kind of errors alone.
func (d *connectDoor) speaks(r *http.Request) bool {
	return r.Header.Get("Connect-Protocol-Version") != "" || enveloped(r) || r.Header.Get("Content-Type") == "application/proto"
}

// unknown answers a call of a method that does not exist.
func (d *connectDoor) unknown(w http.ResponseWriter, r *http.Request) {
	d.refuse(w, r, fault.New(sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND,
		"unknown method %s", visible(r.URL.EscapedPath(), maxShownBytes)))
}

// refuse answers a call that is not served, and accounts for it.
func (d *connectDoor) refuse(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	call := newHTTPCall(connectProtocol(r), r)
	d.service.Refuse(gateway.WithCall(r.Context(), call), operations[r.URL.Path], f)
	writes := boundWrites(w, r, d.writeTimeout)
	if r.ContentLength != 0 {
		boundLeftover(writes.control, d.readTimeout, d.writeTimeout) // net/http reads what is left
	}
	writes.begin()
	set := setHTTP(w.Header())
	replyHeader(call, set)
	set(headerErrorReason, f.Name())
	_ = d.errors.Write(w, r, connectError(f, call.ID)) // the caller left
}

// connectProtocol tells the protocols apart by the content type, as connect-go does.
func connectProtocol(r *http.Request) gateway.Door {
	contentType := r.Header.Get("Content-Type")
	switch {
	case strings.HasPrefix(contentType, "application/grpc-web"):
		return gateway.DoorGRPCWeb
	case strings.HasPrefix(contentType, "application/grpc"):
		return gateway.DoorGRPC
	}
	return gateway.DoorConnect
}

type connectCallKey struct{}

// connectCall is one call through this door.
type connectCall struct {
	call    *gateway.Call
	header  http.Header // of the answer
	writes  boundedWrites
	reached bool         // the service heard of the call
	replied bool         // the answer's headers are set
	refused *fault.Error // why the request never became a message
}

func (c *connectCall) reply() {
	if !c.replied {
		c.replied = true
		replyHeader(c.call, setHTTP(c.header))
	}
	c.writes.begin()
}

// unread returns why the request cannot be read as an error that connect-go hands on as it
// is. It writes the headers by itself, and what an error has of them into the trailer
// where that is all there is.
func (c *connectCall) unread() error {
	failed := connectError(c.refused, c.call.ID)
	setHTTP(failed.Meta())(headerErrorReason, c.refused.Name())
	return failed
}

// fail returns f as Connect's error. Headers that are still open carry the answer's.
func (c *connectCall) fail(f *fault.Error) error {
	failed := connectError(f, c.call.ID)
	if c.replied {
		setHTTP(failed.Meta())(headerErrorReason, f.Name()) // a trailer
	} else {
		c.replied = true
		replyHeader(c.call, setHTTP(c.header))
		setHTTP(c.header)(headerErrorReason, f.Name())
	}
	c.writes.begin()
	return failed
}

// connectInterceptor gives every call its headers, errors and recovery.
type connectInterceptor struct{ door *connectDoor }

func (i connectInterceptor) WrapUnary(next connect.UnaryFunc) connect.UnaryFunc {
	return func(ctx context.Context, req connect.AnyRequest) (answer connect.AnyResponse, err error) {
		c, ok := ctx.Value(connectCallKey{}).(*connectCall)
		if !ok {
			return next(ctx, req)
		}
		if c.refused = undecoded(req.Any()); c.refused != nil {
			return nil, c.fail(c.refused)
		}
		c.reached = true
		defer func() {
			if value := recover(); value != nil {
				answer, err = nil, c.fail(recovered(ctx, i.door.log, c.call, value))
			}
		}()
		answer, err = next(ctx, req)
		if err != nil {
			return nil, c.fail(fault.From(err))
		}
		c.reply()
		if told := translation(c.call); told != nil {
			setHTTP(answer.Trailer())(trailerTranslation, connect.EncodeBinaryHeader(told))
		}
		return answer, nil
	}
}

func (i connectInterceptor) WrapStreamingClient(next connect.StreamingClientFunc) connect.StreamingClientFunc {
	return next
}

func (i connectInterceptor) WrapStreamingHandler(next connect.StreamingHandlerFunc) connect.StreamingHandlerFunc {
	return func(ctx context.Context, conn connect.StreamingHandlerConn) (err error) {
		c, ok := ctx.Value(connectCallKey{}).(*connectCall)
		if !ok {
			return next(ctx, conn)
		}
		defer func() {
			if value := recover(); value != nil {
				err = c.fail(recovered(ctx, i.door.log, c.call, value))
			}
		}()
		err = next(ctx, &connectConn{StreamingHandlerConn: conn, ctx: ctx, call: c})
		if told := translation(c.call); told != nil {
			setHTTP(conn.ResponseTrailer())(trailerTranslation, connect.EncodeBinaryHeader(told))
		}
		switch {
		case !c.reached: // what the library refused is its own error
			return err
		case err == nil:
			c.reply() // of a stream without messages
			return nil
		}
		return c.fail(fault.From(err))
	}
}

// connectConn is the stream of one call.
type connectConn struct {
	connect.StreamingHandlerConn

	ctx  context.Context //nolint:containedctx // lives as long as the call, like the stream's own
	call *connectCall
}

// Receive reads the request.
func (c *connectConn) Receive(message any) error {
	err := c.StreamingHandlerConn.Receive(message)
	if err != nil {
		if !errors.Is(err, io.EOF) {
			c.call.reached = false // what follows the message is refused, and so is the message
		}
		return err
	}
	if c.call.refused = undecoded(message); c.call.refused != nil {
		return c.call.fail(c.call.refused)
	}
	c.call.reached = true
	return nil
}

// Send sends a message of the answer, behind the answer's headers.
func (c *connectConn) Send(message any) error {
	c.call.reply()
	err := c.StreamingHandlerConn.Send(message)
	if err == nil {
		c.call.writes.end()
		return nil
	}
	if c.ctx.Err() != nil {
		return fault.From(c.ctx.Err())
	}
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_CANCELED, "the caller left or stopped reading").WithCause(err)
}
