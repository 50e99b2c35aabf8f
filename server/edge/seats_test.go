package edge_test

import (
	"io"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/server/edge"
)

func TestSeats_bound_connections_and_say_why(t *testing.T) {
	var refused atomic.Int64
	seats := edge.NewSeats(2, func() { refused.Add(1) })
	raw, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "served") })
	server := &http.Server{Handler: handler, ReadHeaderTimeout: time.Minute}
	done := make(chan error, 1)
	go func() { done <- server.Serve(seats.Listen(raw, true)) }()
	t.Cleanup(func() {
		_ = server.Close()
		<-done
	})

	ask := func(transport *http.Transport) (int, string, http.Header) {
		t.Helper()
		client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
		resp, err := client.Post("http://"+raw.Addr().String(), "application/json", strings.NewReader(strings.Repeat(" ", 10_000)))
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		body, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		return resp.StatusCode, string(body), resp.Header
	}
	// Each transport holds one idle connection.
	first, second, third := &http.Transport{}, &http.Transport{}, &http.Transport{}
	for _, transport := range []*http.Transport{first, second} {
		if status, body, _ := ask(transport); status != http.StatusOK || body != "served" {
			t.Fatalf("a connection with a seat: %d %s", status, body)
		}
	}
	status, body, header := ask(third)
	if status != http.StatusServiceUnavailable || header.Get("Retry-After") != "1" || header.Get("X-Sluice-Error-Reason") != "overloaded" ||
		!strings.HasPrefix(body, `{"error":{"message":"`) || !strings.Contains(body, `"code":"overloaded"`) {
		t.Errorf("a connection without a seat: %d %v %s", status, header, body)
	}
	if got := refused.Load(); got != 1 {
		t.Errorf("%d connections were refused, want 1", got)
	}
	if status, _, _ := ask(first); status != http.StatusOK {
		t.Errorf("a connection that is there: %d", status)
	}
	second.CloseIdleConnections()
	for deadline := time.Now().Add(10 * time.Second); ; {
		if status, _, _ := ask(third); status == http.StatusOK {
			break
		}
		if time.Now().After(deadline) {
			t.Fatal("the seat of a closed connection was not given to another")
		}
	}
	first.CloseIdleConnections()
	third.CloseIdleConnections()
}

func TestSeats_close_what_speaks_no_HTTP(t *testing.T) {
	raw, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		if c, err := edge.NewSeats(0, nil).Listen(raw, false).Accept(); err == nil {
			t.Errorf("accepted %v", c.RemoteAddr())
		}
	}()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", raw.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(10 * time.Second))
	if said, err := io.ReadAll(c); err != nil || len(said) > 0 {
		t.Errorf("%q, %v, want the end", said, err)
	}
	_ = raw.Close()
	<-done
}
