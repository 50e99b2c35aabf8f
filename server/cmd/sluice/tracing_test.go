package main

import (
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
)

// The variables and the path are those of the OpenTelemetry specification, "OTLP
// Exporter Configuration".
func TestNewTracing_sends_spans_where_the_environment_says(t *testing.T) {
	got := make(chan string, 10)
	collector := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		got <- r.URL.Path + " " + string(body)
	}))
	defer collector.Close()
	p := process{lookupEnv: os.LookupEnv}
	log := slog.New(slog.DiscardHandler)

	tracer, stop, err := newTracing(t.Context(), process{lookupEnv: func(string) (string, bool) { return "", false }}, log)
	if tracer != nil || err != nil {
		t.Fatalf("without an endpoint: %v, %v", tracer, err)
	}
	stop()

	t.Setenv("OTEL_EXPORTER_OTLP_ENDPOINT", collector.URL)
	if tracer, stop, err = newTracing(t.Context(), p, log); err != nil {
		t.Fatal(err)
	}
	_, span := tracer.Tracer("test").Start(t.Context(), "chat fast")
	span.End()
	stop()
	select {
	case request := <-got:
		if !strings.HasPrefix(request, "/v1/traces ") || !strings.Contains(request, "chat fast") || !strings.Contains(request, "sluice") {
			t.Errorf("the collector got %.300q", request)
		}
	default:
		t.Error("the collector got nothing before stop returned")
	}
}
