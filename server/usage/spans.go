package usage

import (
	"context"
	"strings"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/propagation"
	"go.opentelemetry.io/otel/trace"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// Spans turns receipts into OpenTelemetry spans: one for the call, below the caller's own
// when it sent a traceparent, and below that one for each attempt. They are made when the
// call has ended, so that tracing costs the call itself nothing; names and attributes are
// those of the GenAI semantic conventions 1.37 where these have them.
type Spans struct{ tracer trace.Tracer }

// NewSpans returns a sink that makes spans at provider, which its maker shuts down.
func NewSpans(provider trace.TracerProvider) *Spans {
	return &Spans{provider.Tracer("github.com/sluice-ai/sluice")}
}

// Record implements [Sink].
func (s *Spans) Record(r *Receipt) {
	ctx := context.Background()
	if r.Trace != "" {
		ctx = propagation.TraceContext{}.Extract(ctx, propagation.MapCarrier{"traceparent": r.Trace})
	}
	ctx, span := s.tracer.Start(ctx, spanName(r.Operation, r.RequestModel), trace.WithTimestamp(r.Start),
		trace.WithSpanKind(trace.SpanKindServer))
	if span.IsRecording() {
		span.SetAttributes(callAttributes(r)...)
		if r.Reason != sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
			span.SetStatus(codes.Error, fault.ReasonName(r.Reason))
		}
		for i := range r.Attempts {
			s.attempt(ctx, r, &r.Attempts[i])
		}
	}
	span.End(trace.WithTimestamp(r.Start.Add(r.Duration)))
}

func (s *Spans) attempt(ctx context.Context, r *Receipt, a *Attempt) {
	_, span := s.tracer.Start(ctx, spanName(r.Operation, a.Model), trace.WithTimestamp(a.Start),
		trace.WithSpanKind(trace.SpanKindClient))
	attributes := []attribute.KeyValue{
		attribute.String("gen_ai.operation.name", string(r.Operation)),
		attribute.String("gen_ai.provider.name", a.Provider),
		attribute.String("gen_ai.request.model", kept(a.Model)),
		attribute.Bool("sluice.spared", a.Spared),
	}
	if a.Key != "" {
		attributes = append(attributes, attribute.String("sluice.key", a.Key))
	}
	if a.Hedge {
		attributes = append(attributes, attribute.Bool("sluice.hedge", true))
	}
	if a.Status != 0 {
		attributes = append(attributes, attribute.Int("http.response.status_code", a.Status))
	}
	if a.FirstToken > 0 {
		attributes = append(attributes, attribute.Float64("sluice.time_to_first_token", a.FirstToken.Seconds()))
	}
	if a.Outcome != outcomeOK {
		attributes = append(attributes, attribute.String("error.type", a.failure()))
		span.SetStatus(codes.Error, a.failure())
	}
	span.SetAttributes(attributes...)
	span.End(trace.WithTimestamp(a.Start.Add(a.Duration)))
}

func callAttributes(r *Receipt) []attribute.KeyValue {
	list := []attribute.KeyValue{
		attribute.String("sluice.request_id", r.ID),
		attribute.String("sluice.door", r.Door),
		attribute.String("gen_ai.operation.name", string(r.Operation)),
		attribute.Int("http.response.status_code", r.Status),
		attribute.Bool("sluice.stream", r.Streamed),
	}
	text := func(key, value string) {
		if value != "" {
			list = append(list, attribute.String(key, kept(value)))
		}
	}
	number := func(key string, value int64) {
		if value != 0 {
			list = append(list, attribute.Int64(key, value))
		}
	}
	text("gen_ai.request.model", r.RequestModel)
	text("gen_ai.response.model", r.ResponseModel)
	text("gen_ai.provider.name", r.Provider)
	text("sluice.route", r.Route)
	number("gen_ai.usage.input_tokens", r.Tokens.Input)
	number("gen_ai.usage.output_tokens", r.Tokens.Output)
	if len(r.FinishReasons) > 0 {
		list = append(list, attribute.StringSlice("gen_ai.response.finish_reasons", keptAll(r.FinishReasons)))
	}
	if r.FirstToken > 0 {
		list = append(list, attribute.Float64("sluice.time_to_first_token", r.FirstToken.Seconds()))
	}
	if r.Reason != sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		text("error.type", fault.ReasonName(r.Reason))
	}
	return list
}

// spanName is bounded as names in the log are.
func spanName(operation Operation, model string) string {
	if model == "" {
		return string(operation)
	}
	return string(operation) + " " + clip(model)
}

// kept is [clip] for what outlives the receipt, as spans do until they are sent: a copy,
// since a receipt's texts may refer to the whole request or answer that they came in.
func kept(s string) string { return strings.Clone(clip(s)) }

func keptAll(list []string) []string {
	out := clipAll(list)
	for i := range out {
		out[i] = strings.Clone(out[i])
	}
	return out
}
