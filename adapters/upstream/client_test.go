package upstream

import (
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

func testClient(t *testing.T, base string) *Client {
	t.Helper()
	client, err := New(adapters.Settings{Name: "p", BaseURL: base}, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

func TestClient_joins_base_path_and_query(t *testing.T) {
	for _, c := range []struct{ base, path, query, want string }{
		{"/v1", "/models", "", "/v1/models"},
		{"/v1/", "/models", "a=b", "/v1/models?a=b"},
		{"", "/models", "", "/models"},
		{"/", "/models", "", "/models"},
		{"/a%2Fb/v1", "/models/x%2Fy", "", "/a%2Fb/v1/models/x%2Fy"},
		{"/v1?api-version=2024-10-21", "/models", "", "/v1/models?api-version=2024-10-21"},
		{"/v1?api-version=2024-10-21", "/models", "a=%20b&c[]=d", "/v1/models?api-version=2024-10-21&a=%20b&c[]=d"},
		{"/v1", "/models", "a=b c#d\r\nX: y\x00é", "/v1/models?a=b%20c%23d%0D%0AX:%20y%00%C3%A9"},
	} {
		var got string
		server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got = r.RequestURI }))
		_, err := testClient(t, server.URL+c.base).Do(t.Context(), &Request{Method: http.MethodGet, Path: c.path, Query: c.query})
		server.Close()
		if err != nil || got != c.want {
			t.Errorf("%s + %s?%s: requested %s (%v), want %s", c.base, c.path, c.query, got, err, c.want)
		}
	}
}

func TestPathSegment_keeps_an_id_one_segment(t *testing.T) {
	for id, want := range map[string]string{
		"gpt-4.1":             "gpt-4.1",
		"ft:gpt-4o:acme::abc": "ft:gpt-4o:acme::abc",
		"meta/llama 3":        "meta%2Fllama%203",
		"a?b=c#d":             "a%3Fb=c%23d",
		"%2e%2e":              "%252e%252e",
		"x\r\nHost: evil":     "x%0D%0AHost:%20evil",
		"//evil.example":      "%2F%2Fevil.example",
		"...":                 "...",
		"..%2f":               "..%252f",
		"..\\":                "..%5C",
		"":                    "", ".": "", "..": "",
	} {
		segment, ok := PathSegment(id)
		if segment != want || ok != (want != "") {
			t.Errorf("%q: %q and %t, want %q", id, segment, ok, want)
		}
	}
}

func TestClient_sends_a_body_whole_with_its_length(t *testing.T) {
	var length atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		length.Store(r.ContentLength)
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		_, _ = w.Write(body)
	}))
	defer server.Close()
	client := testClient(t, server.URL)
	for _, size := range []int{0, 1, 4096, 5 << 20} {
		body := bytes.Repeat([]byte("x"), size)
		answer, err := client.Do(t.Context(), &Request{Method: http.MethodPost, Path: "/", Body: body})
		if err != nil {
			t.Fatal(err)
		}
		if length.Load() != int64(size) || !bytes.Equal(answer.Body, body) {
			t.Errorf("%d bytes were sent as %d and came back as %d", size, length.Load(), len(answer.Body))
		}
	}
}

func TestClient_reads_an_answer_as_large_as_its_limit_and_none_larger(t *testing.T) {
	for _, chunked := range []bool{true, false} {
		for size, ok := range map[int]bool{1 << 10: true, 1<<10 + 1: false, 1 << 20: false} {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
				if !chunked {
					w.Header().Set("Content-Length", fmt.Sprint(size))
				}
				w.WriteHeader(http.StatusOK)
				_ = http.NewResponseController(w).Flush()
				_, _ = io.WriteString(w, strings.Repeat("x", size))
			}))
			client, err := New(adapters.Settings{Name: "p", BaseURL: server.URL, MaxResponseBytes: 1 << 10}, Dialect{})
			if err != nil {
				t.Fatal(err)
			}
			answer, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
			switch {
			case ok && (err != nil || len(answer.Body) != size):
				t.Errorf("%d bytes (chunked: %t): %v", size, chunked, err)
			case !ok && adapters.KindOf(err) != adapters.KindProtocol:
				t.Errorf("%d bytes (chunked: %t): %v, want a protocol error", size, chunked, err)
			}
			server.Close()
		}
	}
}

// connections counts those that a server gets.
func connections(handler http.HandlerFunc) (*httptest.Server, *atomic.Int64) {
	var n atomic.Int64
	server := httptest.NewUnstartedServer(handler)
	server.Config.ConnState = trackNew(&n)
	server.Start()
	return server, &n
}

func TestClient_uses_one_connection_for_calls_in_a_row(t *testing.T) {
	server, n := connections(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/stream":
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: a\n\ndata: [DONE]\n\n")
			_ = http.NewResponseController(w).Flush()
		case "/error":
			w.WriteHeader(http.StatusTooManyRequests)
			_, _ = io.WriteString(w, `{"error":{}}`)
		default:
			_, _ = io.WriteString(w, "{}")
		}
	})
	defer server.Close()
	client := testClient(t, server.URL)
	for range 10 {
		if _, err := client.Do(t.Context(), &Request{Method: http.MethodPost, Path: "/", Body: []byte("{}")}); err != nil {
			t.Fatal(err)
		}
		if _, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/error"}); err == nil {
			t.Fatal("no error")
		}
		stream, err := client.Stream(t.Context(), &Request{Method: http.MethodPost, Path: "/stream", Body: []byte("{}")})
		if err != nil {
			t.Fatal(err)
		}
		for range 2 {
			if _, err := stream.Next(); err != nil {
				t.Fatal(err)
			}
		}
		stream.Drain()
		stream.Close()
	}
	if n.Load() != 1 {
		t.Errorf("%d connections, want 1", n.Load())
	}
}

func TestClient_keeps_the_connections_of_a_busy_moment(t *testing.T) {
	const callers = 64
	var arrived sync.WaitGroup
	server, n := connections(func(w http.ResponseWriter, _ *http.Request) {
		arrived.Done()
		arrived.Wait()
		_, _ = io.WriteString(w, "{}")
	})
	defer server.Close()
	client := testClient(t, server.URL)
	for range 3 {
		arrived.Add(callers)
		var done sync.WaitGroup
		for range callers {
			done.Go(func() {
				if _, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"}); err != nil {
					t.Error(err)
				}
			})
		}
		done.Wait()
	}
	if n.Load() > callers*3/2 {
		t.Errorf("%d connections for three rounds of %d calls, want them kept", n.Load(), callers)
	}
}

func TestClient_refuses_headers_of_the_connection(t *testing.T) {
	for _, name := range []string{"connection", "content-length", "Transfer-Encoding", "upgrade", "accept-encoding", "", "a:b"} {
		_, err := New(adapters.Settings{Name: "p", BaseURL: "http://x", Headers: adapters.Header{{Name: name, Value: "v"}}}, Dialect{})
		if err == nil {
			t.Errorf("%q was taken", name)
		}
	}
}

func TestClient_lets_the_operators_headers_win(t *testing.T) {
	var got http.Header
	var host string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, host = r.Header, r.Host }))
	defer server.Close()
	client, err := New(adapters.Settings{
		Name: "p", BaseURL: server.URL,
		Headers: adapters.Header{
			{Name: "openai-organization", Value: "org-ours"},
			{Name: "x-many", Value: "1"},
			{Name: "x-many", Value: "2"},
			{Name: "host", Value: "api.example.org"},
			{Name: "user-agent", Value: "ours"},
		},
	}, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Do(t.Context(), &Request{
		Method: http.MethodGet, Path: "/", Accept: "application/json",
		Header: adapters.Header{{Name: "openai-organization", Value: "org-caller"}, {Name: "openai-beta", Value: "a"}, {Name: "openai-beta", Value: "b"}},
	})
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{
		"Openai-Organization": "[org-ours]", "X-Many": "[1 2]", "User-Agent": "[ours]", "Openai-Beta": "[a b]",
		"Accept-Encoding": "[identity]", "Accept": "[application/json]", "Authorization": "[]",
	} {
		if value := fmt.Sprint(got.Values(name)); value != want {
			t.Errorf("%s is %s, want %s", name, value, want)
		}
	}
	if host != "api.example.org" {
		t.Errorf("host is %s", host)
	}
	_, err = client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/", Header: adapters.Header{{Name: "openai-beta", Value: "a\r\nb"}}})
	if adapters.KindOf(err) != adapters.KindInvalid {
		t.Errorf("a line break in a header: %v, want invalid", err)
	}
}

func trackNew(n *atomic.Int64) func(net.Conn, http.ConnState) {
	return func(_ net.Conn, state http.ConnState) {
		if state == http.StateNew {
			n.Add(1)
		}
	}
}
