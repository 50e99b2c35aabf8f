package upstream

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

func bearer(h http.Header, key string) { h.Set("Authorization", "Bearer "+key) }

func asError(t *testing.T, err error) *adapters.Error {
	t.Helper()
	var e *adapters.Error
	if !errors.As(err, &e) {
		t.Fatalf("%v is no *adapters.Error", err)
	}
	return e
}

func TestClient_uses_the_key_of_a_request_in_the_place_of_its_own_turn(t *testing.T) {
	var got []string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		got = append(got, r.Header.Get("Authorization"))
	}))
	defer server.Close()
	client, err := New(adapters.Settings{
		Name: "p", BaseURL: server.URL, APIKeys: []adapters.Secret{adapters.NewSecret("one"), adapters.NewSecret("two")},
	}, Dialect{Authorize: bearer})
	if err != nil {
		t.Fatal(err)
	}
	for _, key := range []string{"", "two", "two", "", "one"} {
		if _, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/", Key: adapters.NewSecret(key)}); err != nil {
			t.Fatal(err)
		}
	}
	if want := "[Bearer one Bearer two Bearer two Bearer two Bearer one]"; fmt.Sprint(got) != want {
		t.Errorf("the keys came as %v, want %s", got, want)
	}
	_, err = client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/", Key: adapters.NewSecret("secret\n")})
	if e := asError(t, err); e.Kind != adapters.KindInternal || strings.Contains(e.LogText(), "secret") {
		t.Errorf("a key that no header can carry: %v", e.LogText())
	}
}

func TestClient_lets_the_headers_of_a_target_win_over_all_others(t *testing.T) {
	var got http.Header
	var host string
	server := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { got, host = r.Header, r.Host }))
	defer server.Close()
	client, err := New(adapters.Settings{
		Name: "p", BaseURL: server.URL, APIKeys: []adapters.Secret{adapters.NewSecret("key")},
		Headers: adapters.Header{{Name: "x-team", Value: "provider"}, {Name: "x-other", Value: "1"}, {Name: "host", Value: "a.example"}, {Name: "x-kept", Value: "kept"}},
	}, Dialect{Authorize: bearer})
	if err != nil {
		t.Fatal(err)
	}
	request := &Request{
		Method: http.MethodPost, Path: "/", Body: []byte("{}"), Accept: "application/json", ContentType: "application/json",
		Header: adapters.Header{{Name: "openai-organization", Value: "caller"}, {Name: "openai-project", Value: "caller"}},
		TargetHeader: adapters.Header{
			{Name: "Openai-Organization", Value: "target"},
			{Name: "x-team", Value: "target"},
			{Name: "X-OTHER", Value: "2"},
			{Name: "x-other", Value: "3"},
			{Name: "authorization", Value: "Basic target"},
			{Name: "user-agent", Value: "target"},
			{Name: "content-type", Value: "application/vnd.target+json"},
			{Name: "HOST", Value: "b.example"},
		},
	}
	for range 2 { // what all requests share must not have changed
		if _, err := client.Do(t.Context(), request); err != nil {
			t.Fatal(err)
		}
	}
	for name, want := range map[string]string{
		"Openai-Organization": "[target]", "Openai-Project": "[caller]", "X-Team": "[target]", "X-Other": "[2 3]", "X-Kept": "[kept]",
		"Authorization": "[Basic target]", "User-Agent": "[target]", "Content-Type": "[application/vnd.target+json]", "Accept": "[application/json]",
	} {
		if value := fmt.Sprint(got.Values(name)); value != want {
			t.Errorf("%s is %s, want %s", name, value, want)
		}
	}
	if host != "b.example" {
		t.Errorf("host is %s, want the target's", host)
	}
	if _, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"}); err != nil {
		t.Fatal(err)
	}
	if fmt.Sprint(got.Values("X-Other")) != "[1]" || host != "a.example" || got.Get("Authorization") != "Bearer key" {
		t.Errorf("a target's headers are in another request: %v to %s", got, host)
	}
	for _, bad := range []adapters.Field{{Name: "connection", Value: "close"}, {Name: "x-a", Value: "secret\r\nx-b: c"}, {Name: "", Value: "secret"}} {
		_, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/", TargetHeader: adapters.Header{bad}})
		if e := asError(t, err); e.Kind != adapters.KindInternal || strings.Contains(e.LogText(), "secret") {
			t.Errorf("%q: %v", bad.Name, e.LogText())
		}
	}
}

func TestCheckHeader_refuses_what_belongs_to_the_connection_or_is_no_header(t *testing.T) {
	for name, ok := range map[string]bool{
		"x-team": true, "Authorization": true, "host": true, "User-Agent": true,
		"connection": false, "Content-Length": false, "transfer-encoding": false, "Upgrade": false, "keep-alive": false,
		"TE": false, "trailer": false, "accept-encoding": false, "": false, "a b": false, "a:b": false, "ä": false,
	} {
		if err := CheckHeader(name, "v"); (err == nil) != ok {
			t.Errorf("%q: %v", name, err)
		}
	}
	if err := CheckHeader("x-a", "secret\n"); err == nil || strings.Contains(err.Error(), "secret") {
		t.Errorf("a value that is none: %v, want an error without it", err)
	}
}

func TestClient_hides_the_secrets_that_calls_bring(t *testing.T) {
	target := adapters.Header{{Name: "authorization", Value: "Bearer target-token"}, {Name: "x-team", Value: "platform"}}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = io.WriteString(w, "no target-token for platform")
	}))
	defer server.Close()
	client, err := New(adapters.Settings{Name: "p", BaseURL: server.URL, Secrets: SecretsIn(target)}, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/", TargetHeader: target})
	e := asError(t, err)
	if e.Message != "no [redacted] for platform" || e.Header.Get("x-request-id") != redacted {
		t.Errorf("the message is %q and the header %v", e.Message, e.Header)
	}
}

func TestClient_takes_as_long_to_connect_as_the_call_may(t *testing.T) {
	for name, c := range map[string]struct{ set, own, want time.Duration }{
		"default":           {0, 0, defaultConnect},
		"of the settings":   {3 * time.Second, 0, 3 * time.Second},
		"shorter by a call": {3 * time.Second, time.Second, time.Second},
		"longer by a call":  {3 * time.Second, time.Minute, time.Minute},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// A black hole: neither yes nor no.
				dial := func(ctx context.Context, _, _ string) (net.Conn, error) {
					<-ctx.Done()
					return nil, &net.OpError{Op: "dial", Err: ctx.Err()}
				}
				client, err := newClient(adapters.Settings{
					Name: "p", BaseURL: "http://provider.example", Timeouts: adapters.Timeouts{Connect: c.set},
				}, Dialect{}, dial)
				if err != nil {
					t.Fatal(err)
				}
				start := time.Now()
				_, err = client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/", Timeouts: adapters.Timeouts{Connect: c.own}})
				e := asError(t, err)
				if e.Kind != adapters.KindTimeout || e.Step != adapters.StepConnect || !e.Unsent || time.Since(start) != c.want {
					t.Errorf("after %s: %+v, want a timeout to connect after %s", time.Since(start), e, c.want)
				}
				if !strings.Contains(e.Message, c.want.String()) {
					t.Errorf("the message is %q, want it to say %s", e.Message, c.want)
				}
			})
		})
	}
}

func TestClient_counts_the_TLS_handshake_as_connecting(t *testing.T) {
	// Takes connections and says nothing.
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	client := testClient(t, "https://"+listener.Addr().String())
	_, err = client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/", Timeouts: adapters.Timeouts{Connect: 20 * time.Millisecond}})
	if e := asError(t, err); e.Kind != adapters.KindTimeout || e.Step != adapters.StepConnect || !e.Unsent || !strings.Contains(e.Message, "20ms") {
		t.Errorf("%+v, want a timeout to connect", e)
	}
}

func TestClient_tells_a_connection_that_is_refused_from_one_that_hangs(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := testClient(t, server.URL).Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
	if e := asError(t, err); e.Kind != adapters.KindUnavailable || !e.Unsent || e.Step != adapters.StepTotal {
		t.Errorf("%+v, want unavailable and unsent", e)
	}
}

func TestClient_waits_for_the_first_byte_and_between_two_as_long_as_the_call_may(t *testing.T) {
	for name, c := range map[string]struct {
		own  adapters.Timeouts
		step adapters.Step
		want time.Duration
	}{
		"the first byte, of the settings": {adapters.Timeouts{}, adapters.StepFirstByte, time.Minute},
		"the first byte, shorter":         {adapters.Timeouts{FirstByte: time.Second}, adapters.StepFirstByte, time.Second},
		"the first byte, longer":          {adapters.Timeouts{FirstByte: time.Hour}, adapters.StepFirstByte, time.Hour},
		"between two, of the settings":    {adapters.Timeouts{}, adapters.StepIdle, 2 * time.Minute},
		"between two, shorter":            {adapters.Timeouts{Idle: time.Second}, adapters.StepIdle, time.Second},
		"between two, longer":             {adapters.Timeouts{Idle: time.Hour}, adapters.StepIdle, time.Hour},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				client := pipeClient(t, adapters.Timeouts{FirstByte: time.Minute, Idle: 2 * time.Minute}, func(conn net.Conn, r *bufio.Reader) {
					if c.step == adapters.StepIdle {
						_, _ = io.WriteString(conn, "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n12345")
					}
					untilClosed(r)
				})
				start := time.Now()
				_, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/", Timeouts: c.own})
				e := asError(t, err)
				if e.Kind != adapters.KindTimeout || e.Step != c.step || e.Unsent || time.Since(start) != c.want {
					t.Errorf("after %s: %+v, want a timeout after %s", time.Since(start), e, c.want)
				}
				if !strings.Contains(e.Message, c.want.String()) {
					t.Errorf("the message is %q, want it to say %s", e.Message, c.want)
				}
			})
		})
	}
}
