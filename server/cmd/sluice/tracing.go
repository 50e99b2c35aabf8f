package main

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel"
	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	"go.opentelemetry.io/otel/sdk/resource"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// flushTime bounds how long the last spans may take to leave at the end.
const flushTime = 5 * time.Second

// newTracing returns where spans go: to the OTLP endpoint that the environment names by
// OpenTelemetry's own variables, read by its SDK; nowhere, and nil, when it names none.
// stop sends what waits.
func newTracing(ctx context.Context, p process, logger *slog.Logger) (tracer trace.TracerProvider, stop func(), err error) {
	named := func(variable string) bool { value, _ := p.lookupEnv(variable); return value != "" }
	if !named("OTEL_EXPORTER_OTLP_ENDPOINT") && !named("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT") {
		return nil, func() {}, nil
	}
	exporter, err := otlptracehttp.New(ctx)
	if err != nil {
		return nil, nil, fmt.Errorf("spans cannot be sent to the OTLP endpoint of the environment: %w", err)
	}
	otel.SetErrorHandler(otel.ErrorHandlerFunc(func(err error) {
		logger.Warn("spans are lost", slog.Any("error", err))
	}))
	// OTEL_SERVICE_NAME and OTEL_RESOURCE_ATTRIBUTES win over what stands here.
	described, err := resource.New(ctx, resource.WithAttributes(attribute.String("service.name", "sluice"), attribute.String("service.version", versionName())),
		resource.WithTelemetrySDK(), resource.WithFromEnv())
	if err != nil {
		logger.Warn("resource attributes of the environment", slog.Any("error", err))
	}
	provider := sdktrace.NewTracerProvider(sdktrace.WithBatcher(exporter), sdktrace.WithResource(described))
	return provider, func() {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTime)
		defer cancel()
		if err := provider.Shutdown(ctx); err != nil {
			logger.Warn("the last spans are lost", slog.Any("error", err))
		}
	}, nil
}
