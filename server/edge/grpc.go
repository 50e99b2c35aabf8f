package edge

import (
	"context"
	"log/slog"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	_ "google.golang.org/grpc/encoding/gzip" // clients may compress requests
	encodingproto "google.golang.org/grpc/encoding/proto"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"
	"google.golang.org/grpc/status"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/usage"
)

// grpcDoor serves the methods of the service on a [grpc.Server].
//
// Interceptors would not do: a request that is too large or no message ends before
// they run, and would be accounted for nowhere. So every method, unary ones too, is
// registered as a stream handler of ours around the generated one; on the wire there
// is no difference.
//
// Nothing bounds a client that stops reading while it answers pings: grpc-go ends a
// blocked send with its stream alone, and a stream when its handler returns. Such a
// client holds its calls until it leaves or their deadlines pass; the other doors have
// [Config.WriteTimeout].
type grpcDoor struct {
	service *gateway.Service
	log     *slog.Logger
	limit   int64
}

type grpcChat struct{ *gateway.Service }

func (s grpcChat) StreamChatCompletion(req *sluicev1.ChatCompletionRequest, out grpc.ServerStreamingServer[sluicev1.ChatCompletionChunk]) error {
	return s.StreamChat(out.Context(), req, out.Send)
}

func newGRPC(config Config, service *gateway.Service, health *health) *grpc.Server {
	d := &grpcDoor{service: service, log: config.Logger, limit: config.MaxRequestBytes}
	if config.Credentials == nil {
		config.Credentials = insecure.NewCredentials()
	}
	server := grpc.NewServer(
		grpc.Creds(config.Credentials),
		grpc.ForceServerCodecV2(codec{encoding.GetCodecV2(encodingproto.Name)}),
		grpc.MaxRecvMsgSize(int(min(config.MaxRequestBytes, math.MaxInt32))),
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxConcurrentStreams),
		grpc.ConnectionTimeout(20*time.Second),
		// No MaxConnectionAge: it would cut streams.
		grpc.KeepaliveParams(keepalive.ServerParameters{Time: time.Minute, Timeout: 20 * time.Second}),
		// Clients ping every 10 to 30 s so that proxies keep idle connections.
		grpc.KeepaliveEnforcementPolicy(keepalive.EnforcementPolicy{MinTime: 5 * time.Second, PermitWithoutStream: true}),
		grpc.UnknownServiceHandler(d.unknown),
	)
	server.RegisterService(d.around(&sluicev1.ChatService_ServiceDesc), grpcChat{service})
	server.RegisterService(d.around(&sluicev1.EmbeddingsService_ServiceDesc), service)
	server.RegisterService(d.around(&sluicev1.ModelsService_ServiceDesc), service)
	healthv1.RegisterHealthServer(server, health.grpc)
	reflection.Register(server)
	return server
}

// around returns the service's description with each handler inside of [grpcDoor.serve].
func (d *grpcDoor) around(desc *grpc.ServiceDesc) *grpc.ServiceDesc {
	wrapped := &grpc.ServiceDesc{ServiceName: desc.ServiceName, HandlerType: desc.HandlerType, Metadata: desc.Metadata}
	for _, method := range desc.Methods {
		operation := operationOf(desc.ServiceName, method.MethodName)
		wrapped.Streams = append(wrapped.Streams, grpc.StreamDesc{
			StreamName: method.MethodName,
			Handler: func(service any, stream grpc.ServerStream) error {
				return d.serve(stream, operation, func(s *grpcCall) error {
					answer, err := method.Handler(service, s.ctx, s.RecvMsg, nil)
					if err != nil {
						return err
					}
					return s.SendMsg(answer)
				})
			},
		})
	}
	for _, method := range desc.Streams {
		operation := operationOf(desc.ServiceName, method.StreamName)
		inner := method.Handler
		method.Handler = func(service any, stream grpc.ServerStream) error {
			return d.serve(stream, operation, func(s *grpcCall) error { return inner(service, s) })
		}
		wrapped.Streams = append(wrapped.Streams, method)
	}
	return wrapped
}

// serve runs one call: its [gateway.Call] in the context, its faults as statuses, its
// panics as INTERNAL.
func (d *grpcDoor) serve(stream grpc.ServerStream, operation usage.Operation, handle func(*grpcCall) error) (err error) {
	ctx := stream.Context()
	s := &grpcCall{ServerStream: stream, call: newGRPCCall(ctx), limit: d.limit}
	s.ctx = gateway.WithCall(ctx, s.call)
	defer func() {
		if value := recover(); value != nil {
			err = s.fail(recovered(s.ctx, d.log, s.call, value))
		}
	}()
	err = handle(s)
	switch {
	case err == nil:
		if !s.replied { // a stream without messages
			s.reply()
		}
		return nil
	case s.refused != nil:
		d.service.Refuse(s.ctx, operation, s.refused)
		return s.fail(s.refused)
	}
	return s.fail(fault.From(err))
}

// unknown answers calls of methods that do not exist.
func (d *grpcDoor) unknown(_ any, stream grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(stream)
	f := fault.New(sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND, "unknown method %s", visible(method, maxShownBytes))
	return d.serve(stream, usage.OperationNone, func(s *grpcCall) error {
		s.refused = f
		return f
	})
}

// grpcCall is the stream of one call.
type grpcCall struct {
	grpc.ServerStream

	ctx     context.Context //nolint:containedctx // what Context returns
	call    *gateway.Call
	limit   int64
	refused *fault.Error // why the request never became a message
	replied bool         // the answer's headers are set
}

// Context returns the context that carries the call.
func (s *grpcCall) Context() context.Context { return s.ctx }

// RecvMsg reads the request.
func (s *grpcCall) RecvMsg(message any) error {
	in := inbound{message: message}
	if err := s.ServerStream.RecvMsg(&in); err != nil {
		s.refused = s.notReceived(err)
		return s.refused
	}
	if in.err != nil {
		s.refused = fault.New(sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, notProtobuf).WithCause(in.err)
		return s.refused
	}
	return nil
}

// notReceived explains why grpc-go handed no message over. It has answered the caller
// by then, with the same code but without details; the fault is for the receipt. The
// context says nothing: answering has ended it.
func (s *grpcCall) notReceived(err error) *fault.Error {
	switch status.Code(err) {
	case codes.ResourceExhausted:
		return tooLarge(-1, s.limit).WithCause(err)
	case codes.Canceled:
		return fault.From(context.Canceled)
	case codes.DeadlineExceeded:
		return fault.From(context.DeadlineExceeded)
	default:
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "request could not be read").WithCause(err)
	}
}

// SendMsg sends a message of the answer, behind the answer's headers.
func (s *grpcCall) SendMsg(message any) error {
	if !s.replied {
		s.reply()
	}
	if err := s.ServerStream.SendMsg(message); err != nil {
		if s.ctx.Err() != nil {
			return fault.From(s.ctx.Err())
		}
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_CANCELED, "the caller left").WithCause(err)
	}
	return nil
}

func (s *grpcCall) reply() metadata.MD {
	s.replied = true
	md := metadata.MD{}
	replyHeader(s.call, func(name string, values ...string) { md[name] = values })
	_ = s.SetHeader(md) // fails only when headers went out or the caller left
	return md
}

// fail returns f as a status. The answer's headers are repeated in the trailer, since
// clients of failed calls often see nothing else.
func (s *grpcCall) fail(f *fault.Error) error {
	var md metadata.MD
	if s.replied {
		md = metadata.MD{}
		replyHeader(s.call, func(name string, values ...string) { md[name] = values })
	} else {
		md = s.reply().Copy()
	}
	md.Set(headerErrorReason, f.Name())
	s.SetTrailer(md)
	return grpcError(f, s.call.ID)
}

// inbound is where the codec puts a request. Its error stays here rather than being
// returned to grpc-go, which would answer INTERNAL before we could say more.
type inbound struct {
	message any
	err     error
}

// codec is grpc-go's protobuf codec that knows [inbound].
type codec struct{ encoding.CodecV2 }

func (c codec) Unmarshal(data mem.BufferSlice, v any) error {
	if in, ok := v.(*inbound); ok {
		in.err = c.CodecV2.Unmarshal(data, in.message)
		return nil
	}
	return c.CodecV2.Unmarshal(data, v)
}
