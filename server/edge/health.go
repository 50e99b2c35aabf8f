package edge

import (
	"connectrpc.com/grpchealth"
	grpchealthserver "google.golang.org/grpc/health"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"

	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"
)

var serviceNames = []string{
	sluicev1connect.ChatServiceName,
	sluicev1connect.EmbeddingsServiceName,
	sluicev1connect.ModelsServiceName,
}

// health answers the same through gRPC and Connect.
type health struct {
	grpc    *grpchealthserver.Server
	connect *grpchealth.StaticChecker
}

func newHealth() *health {
	h := &health{
		grpc:    grpchealthserver.NewServer(),
		connect: grpchealth.NewStaticChecker(serviceNames...),
	}
	h.set(false)
	return h
}

func (h *health) set(serving bool) {
	grpcStatus, connectStatus := healthv1.HealthCheckResponse_NOT_SERVING, grpchealth.StatusNotServing
	if serving {
		grpcStatus, connectStatus = healthv1.HealthCheckResponse_SERVING, grpchealth.StatusServing
	}
	for _, name := range append([]string{""}, serviceNames...) {
		h.grpc.SetServingStatus(name, grpcStatus)
		h.connect.SetStatus(name, connectStatus)
	}
}
