package upstream

import (
	"bufio"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// pipeClient returns a client whose connections are pipes to serve, so that time
// can be the bubble's.
func pipeClient(t *testing.T, timeouts adapters.Timeouts, serve func(conn net.Conn, r *bufio.Reader)) *Client {
	t.Helper()
	dial := func(context.Context, string, string) (net.Conn, error) {
		here, there := net.Pipe()
		go func() {
			defer there.Close()
			reader := bufio.NewReader(there)
			request, err := http.ReadRequest(reader)
			if err != nil {
				return
			}
			_, _ = io.Copy(io.Discard, request.Body)
			serve(there, reader)
		}()
		return here, nil
	}
	client, err := newClient(adapters.Settings{Name: "p", BaseURL: "http://provider.example", Timeouts: timeouts}, Dialect{}, dial)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func untilClosed(r *bufio.Reader) { _, _ = r.ReadByte() }

func TestClient_waits_for_the_first_byte_as_long_as_it_is_told_and_then_hangs_up(t *testing.T) {
	for name, c := range map[string]struct{ set, want time.Duration }{
		"default": {0, defaultFirstByte},
		"set":     {3 * time.Second, 3 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				closed := make(chan time.Time, 1)
				client := pipeClient(t, adapters.Timeouts{FirstByte: c.set}, func(_ net.Conn, r *bufio.Reader) {
					untilClosed(r)
					closed <- time.Now()
				})
				start := time.Now()
				_, err := client.Do(t.Context(), &Request{Method: http.MethodPost, Path: "/x", Body: []byte("{}")})
				if adapters.KindOf(err) != adapters.KindTimeout || time.Since(start) != c.want {
					t.Errorf("after %s: %v, want a timeout after %s", time.Since(start), err, c.want)
				}
				if at := <-closed; at.Sub(start) != c.want {
					t.Errorf("hung up after %s, want %s", at.Sub(start), c.want)
				}
			})
		})
	}
}

func TestStream_bounds_the_pause_between_two_reads_and_not_the_whole(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const idle = time.Minute
		client := pipeClient(t, adapters.Timeouts{Idle: idle}, func(conn net.Conn, r *bufio.Reader) {
			write := func(text string) { _, _ = io.WriteString(conn, text) }
			write("HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n")
			for range 5 {
				time.Sleep(idle - time.Second)
				write("data: a\n\n")
			}
			untilClosed(r)
		})
		start := time.Now()
		stream, err := client.Stream(t.Context(), &Request{Method: http.MethodPost, Path: "/x", Body: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		for range 5 {
			if event, err := stream.Next(); err != nil || string(event.Data) != "a" {
				t.Fatalf("%q and %v, want a", event.Data, err)
			}
		}
		_, err = stream.Next()
		if adapters.KindOf(err) != adapters.KindTimeout || time.Since(start) != 5*(idle-time.Second)+idle {
			t.Errorf("after %s: %v, want a timeout a minute after the last event", time.Since(start), err)
		}
	})
}

func TestStream_does_not_blame_the_provider_for_a_slow_receiver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		client := pipeClient(t, adapters.Timeouts{Idle: time.Minute}, func(conn net.Conn, _ *bufio.Reader) {
			_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Type: text/event-stream\r\n\r\ndata: a\n\n")
			_, _ = io.WriteString(conn, "data: b\n\n")
		})
		stream, err := client.Stream(t.Context(), &Request{Method: http.MethodPost, Path: "/x", Body: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		defer stream.Close()
		for _, want := range []string{"a", "b"} {
			if event, err := stream.Next(); err != nil || string(event.Data) != want {
				t.Fatalf("%q and %v, want %s", event.Data, err, want)
			}
			time.Sleep(time.Hour)
		}
		if _, err := stream.Next(); !errors.Is(err, io.EOF) {
			t.Errorf("%v, want the end", err)
		}
	})
}

func TestClient_bounds_the_time_to_connect(t *testing.T) {
	transport := newTransport(time.Nanosecond, way{encrypted: &tls.Config{}}, nil)
	// The address is reserved for documentation: nothing may answer, and with a
	// nanosecond nothing can.
	for _, dial := range []dialFunc{transport.DialContext, transport.DialTLSContext} {
		_, err := dial(t.Context(), "tcp", "192.0.2.1:443")
		var timeout net.Error
		if !errors.As(err, &timeout) || !timeout.Timeout() {
			t.Errorf("%v, want a timeout", err)
		}
	}
}
