package usage

import (
	"strings"
	"testing"
	"time"
	"unsafe"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
	"go.opentelemetry.io/otel/trace"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// Attribute names and the kinds of spans are those of OpenTelemetry's semantic
// conventions for GenAI 1.37; the traceparent's form is W3C Trace Context's.
func TestSpans_are_one_per_call_and_one_per_attempt(t *testing.T) {
	recorder := tracetest.NewSpanRecorder()
	r := receipt()
	r.Trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	r.Start = time.Unix(1000, 0)
	r.Duration = 3 * time.Second
	r.Reason = sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_IDLE_TIMEOUT
	r.Attempts = []Attempt{
		{Provider: "a", Model: "m-1", Key: "key-2", Outcome: "rate_limited", Status: 429, Start: r.Start, Duration: time.Second},
		{Provider: "b", Model: "m-2", Outcome: "timeout", Step: "idle", Start: r.Start.Add(time.Second), Duration: 2 * time.Second, FirstToken: time.Second},
	}
	NewSpans(sdktrace.NewTracerProvider(sdktrace.WithSpanProcessor(recorder))).Record(r)

	spans := recorder.Ended()
	if len(spans) != 3 {
		t.Fatalf("%d spans, want one for the call and two for its attempts", len(spans))
	}
	first, second, call := spans[0], spans[1], spans[2]
	if got := call.Parent().SpanID().String(); got != "b7ad6b7169203331" || call.SpanContext().TraceID().String() != "0af7651916cd43dd8448eb211c80319c" {
		t.Errorf("the call's parent is %s of trace %s, want the caller's", got, call.SpanContext().TraceID())
	}
	if call.SpanKind() != trace.SpanKindServer || call.Status().Code != codes.Error || call.EndTime().Sub(call.StartTime()) != 3*time.Second {
		t.Errorf("call: %v, %v, %v", call.SpanKind(), call.Status(), call.EndTime().Sub(call.StartTime()))
	}
	for i, span := range []sdktrace.ReadOnlySpan{first, second} {
		if span.Parent().SpanID() != call.SpanContext().SpanID() || span.SpanKind() != trace.SpanKindClient {
			t.Errorf("attempt %d: parent %s, kind %v", i, span.Parent().SpanID(), span.SpanKind())
		}
		if !span.StartTime().Equal(r.Attempts[i].Start) || span.EndTime().Sub(span.StartTime()) != r.Attempts[i].Duration {
			t.Errorf("attempt %d: from %v to %v", i, span.StartTime(), span.EndTime())
		}
	}
	for want, span := range map[attribute.KeyValue]sdktrace.ReadOnlySpan{
		attribute.String("error.type", "upstream_idle_timeout"): call,
		attribute.String("gen_ai.operation.name", "chat"):       call,
		attribute.String("gen_ai.provider.name", "a"):           first,
		attribute.Int("http.response.status_code", 429):         first,
		attribute.String("sluice.key", "key-2"):                 first,
		attribute.String("error.type", "timeout_idle"):          second,
		attribute.String("gen_ai.request.model", "m-2"):         second,
	} {
		found := false
		for _, got := range span.Attributes() {
			found = found || got == want
		}
		if !found {
			t.Errorf("%s has no %s=%s in %v", span.Name(), want.Key, want.Value.String(), span.Attributes())
		}
	}
}

func TestSpans_keep_no_request(t *testing.T) {
	document := strings.Repeat("m", 1<<20)
	if got := kept(document[:5]); got != "mmmmm" || unsafe.StringData(got) == unsafe.StringData(document) {
		t.Errorf("%q is a part of its request", got)
	}
	if got := keptAll([]string{document[:5]}); unsafe.StringData(got[0]) == unsafe.StringData(document) {
		t.Errorf("%q are parts of their answer", got)
	}
}
