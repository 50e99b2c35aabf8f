package upstream

import (
	"net/http"
	"net/http/httptest"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

// net/http repeats what has an idempotency key as long as it has idle connections that
// break, and callers may send one.
func TestClient_sends_a_request_once_whatever_net_http_thinks_of_its_headers(t *testing.T) {
	const calls = 4
	for _, name := range []string{"idempotency-key", "x-idempotency-key", "x-client-request-id"} {
		t.Run(name, func(t *testing.T) {
			var together sync.WaitGroup // so that each call has a connection of its own
			together.Add(calls)
			var broken atomic.Bool
			var hits atomic.Int64
			var sent atomic.Value
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if broken.Load() {
					hits.Add(1)
					sent.Store(r.Header.Get(name))
					panic(http.ErrAbortHandler)
				}
				together.Done()
				together.Wait()
				_, _ = w.Write([]byte("{}"))
			}))
			defer server.Close()
			c, err := New(adapters.Settings{Name: "p", BaseURL: server.URL}, Dialect{})
			if err != nil {
				t.Fatal(err)
			}
			defer c.Close()
			ask := func() error {
				_, err := c.Do(t.Context(), &Request{
					Method: http.MethodPost, Path: "/", Header: adapters.Header{{Name: name, Value: "k-1"}}, Body: []byte("{}"),
				})
				return err
			}
			var all sync.WaitGroup
			for range calls {
				all.Go(func() {
					if err := ask(); err != nil {
						t.Error(err)
					}
				})
			}
			all.Wait()
			broken.Store(true)
			if err := ask(); adapters.KindOf(err) != adapters.KindUnavailable {
				t.Errorf("%v, want unavailable", err)
			}
			if hits.Load() != 1 || sent.Load() != "k-1" {
				t.Errorf("%d requests, %s: %v; want one with it", hits.Load(), name, sent.Load())
			}
		})
	}
}
