package upstream

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

func TestClient_speaks_HTTP2_and_a_caller_who_leaves_ends_only_its_own_stream(t *testing.T) {
	left := make(chan struct{})
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.ProtoMajor != 2 {
			t.Errorf("the request came by %s", r.Proto)
		}
		w.Header().Set("Content-Type", "text/event-stream")
		_, _ = io.WriteString(w, "data: a\n\n")
		_ = http.NewResponseController(w).Flush()
		if r.URL.Path == "/endless" {
			<-r.Context().Done()
			close(left)
		}
	}))
	server.EnableHTTP2 = true
	server.StartTLS()
	defer server.Close()

	client := testClient(t, server.URL)
	trusted := server.Client().Transport.(*http.Transport).TLSClientConfig.RootCAs
	client.transport.DialTLSContext = (&tls.Dialer{
		Config: &tls.Config{RootCAs: trusted, NextProtos: []string{"h2", "http/1.1"}},
	}).DialContext

	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	endless, err := client.Stream(ctx, &Request{Method: http.MethodPost, Path: "/endless", Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	defer endless.Close()
	if event, err := endless.Next(); err != nil || string(event.Data) != "a" {
		t.Fatalf("%q and %v, want a", event.Data, err)
	}
	cancel()
	if _, err := endless.Next(); !errors.Is(err, context.Canceled) {
		t.Errorf("%v, want the context's error", err)
	}
	select {
	case <-left:
	case <-time.After(time.Second):
		t.Error("the server was not told that the caller left")
	}

	other, err := client.Stream(t.Context(), &Request{Method: http.MethodPost, Path: "/", Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	defer other.Close()
	if _, err := other.Next(); err != nil {
		t.Error(err)
	}
	if _, err := other.Next(); !errors.Is(err, io.EOF) {
		t.Errorf("%v, want the end", err)
	}
}

func TestClient_refuses_a_certificate_that_nobody_vouches_for(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.Config.ErrorLog = nil
	server.StartTLS()
	defer server.Close()
	_, err := testClient(t, server.URL).Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
	var e *adapters.Error
	if !errors.As(err, &e) || e.Kind != adapters.KindUnavailable || e.Message != "the provider could not be reached: the provider's certificate comes from nobody who is trusted" {
		t.Errorf("%v, want unavailable", err)
	}
}
