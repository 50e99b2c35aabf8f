package edge

import (
	"context"
	"log/slog"
	"math"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/reflection"

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
// A client that is slow to send or to take is bounded by [grpcWatch] and [grpcConn].
type grpcDoor struct {
	service      *gateway.Service
	log          *slog.Logger
	limit        int64
	bodyTimeout  time.Duration
	writeTimeout time.Duration
}

// grpcHandshakeTimeout bounds TLS and the beginning of HTTP/2.
const grpcHandshakeTimeout = 20 * time.Second

type grpcChat struct{ *gateway.Service }

func (s grpcChat) StreamChatCompletion(req *sluicev1.ChatCompletionRequest, out grpc.ServerStreamingServer[sluicev1.ChatCompletionChunk]) error {
	return s.StreamChat(out.Context(), req, out.Send)
}

func newGRPC(config Config, service *gateway.Service, health *health) *grpc.Server {
	d := &grpcDoor{
		service: service, log: config.Logger, limit: config.MaxRequestBytes,
		bodyTimeout: config.BodyTimeout, writeTimeout: config.WriteTimeout,
	}
	if config.Credentials == nil {
		config.Credentials = insecure.NewCredentials()
	}
	server := grpc.NewServer(
		grpc.Creds(grpcCredentials{config.Credentials, config.WriteTimeout}),
		grpc.ReadBufferSize(0), // grpcConn has it
		grpc.InTapHandle(d.watch),
		grpc.StreamInterceptor(bystander),
		grpc.ForceServerCodecV2(protobuf),
		grpc.MaxRecvMsgSize(int(min(config.MaxRequestBytes, math.MaxInt32))), // of what are no calls
		grpc.MaxSendMsgSize(math.MaxInt32),
		grpc.MaxHeaderListSize(maxHeaderBytes),
		grpc.MaxConcurrentStreams(maxConcurrentStreams),
		grpc.ConnectionTimeout(grpcHandshakeTimeout),
		// No MaxConnectionAge: it would cut streams.
		grpc.KeepaliveParams(keepalive.ServerParameters{
			MaxConnectionIdle: config.IdleTimeout, Time: time.Minute, Timeout: 20 * time.Second,
		}),
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
	s := &grpcCall{ServerStream: stream, call: newGRPCCall(ctx), limit: d.limit, watch: watchOf(ctx)}
	s.ctx = gateway.WithCall(ctx, s.call)
	defer s.watch.wait(sending) // the status, behind what the client has not taken yet
	defer func() {
		if value := recover(); value != nil {
			err = s.fail(recovered(s.ctx, d.log, s.call, value))
		}
	}()
	err = handle(s)
	if told := translation(s.call); told != nil {
		s.SetTrailer(metadata.Pairs(trailerTranslation, string(told)))
	}
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
	watch   *grpcWatch   // nil where nothing watches
	refused *fault.Error // why the request never became a message
	replied bool         // the answer's headers are set
}

// Context returns the context that carries the call.
func (s *grpcCall) Context() context.Context { return s.ctx }

// SendMsg sends a message of the answer, behind the answer's headers.
func (s *grpcCall) SendMsg(message any) error {
	if !s.replied {
		s.reply()
	}
	s.watch.wait(sending)
	err := s.ServerStream.SendMsg(message)
	s.watch.wait(working)
	switch {
	case err == nil:
		return nil
	case s.ctx.Err() != nil && !s.watch.tooLate():
		return fault.From(s.ctx.Err())
	}
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_CANCELED, "the caller left or stopped reading").WithCause(err)
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
