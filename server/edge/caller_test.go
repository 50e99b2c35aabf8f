package edge

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"google.golang.org/grpc/metadata"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/gateway"
)

// spied is what a door said about a call while it ran.
type spied struct {
	caller, route, trace, session string
	repeats                       bool
	secrets                       string
}

// spy returns a provider that keeps the last call.
func spy() (*far, *spied) {
	last := &spied{}
	return &far{chat: func(ctx context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
		c := gateway.CallFrom(ctx)
		*last = spied{caller: c.Caller, route: c.Route, trace: c.Trace, repeats: c.RepeatsItself, session: c.Value("x-session")}
		for _, name := range []string{"authorization", "cookie", "x-api-key", "api-key", "proxy-authorization", "Authorization", "Cookie"} {
			last.secrets += c.Value(name)
		}
		return completion("x"), nil
	}}, last
}

// everyDoor returns a call through each door with headers in turn, as lines may repeat.
func (h *house) everyDoor(t *testing.T) map[string]func(headers ...string) {
	t.Helper()
	doors := map[string]func(headers ...string){
		"REST": func(headers ...string) {
			req, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, h.http+"/v1/chat/completions", strings.NewReader(hello))
			for i := 0; i < len(headers); i += 2 {
				req.Header.Add(headers[i], headers[i+1])
			}
			if got := h.send(t, req); got.status != http.StatusOK {
				t.Errorf("REST: %d %s", got.status, got.body)
			}
		},
	}
	for name, client := range h.rpcClients(t) {
		doors[name] = func(headers ...string) {
			ctx := metadata.AppendToOutgoingContext(t.Context(), headers...)
			if _, _, err := client.chat(ctx, question()); err != nil {
				t.Errorf("%s: %v", name, err)
			}
		}
	}
	return doors
}

func TestCall_knows_its_caller_through_every_door(t *testing.T) {
	f, last := spy()
	h := open(t, Config{}, f)
	const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
	for name, call := range h.everyDoor(t) {
		call(
			"authorization", "Bearer sk-secret", "cookie", "a=sk-secret", "x-api-key", "sk-secret", "api-key", "sk-secret", "proxy-authorization", "sk-secret",
			"x-sluice-route", "fast,cheap", "x-sluice-route", "far/m", "traceparent", trace, "x-session", "s1", "x-session", "s2",
			"x-stainless-retry-count", "0",
		)
		if last.route != "fast,cheap, far/m" || last.trace != trace || last.session != "s1" || !last.repeats {
			t.Errorf("%s: %+v", name, *last)
		}
		if last.secrets != "" {
			t.Errorf("%s handed out a credential", name)
		}
		call()
		if last.route != "" || last.trace != "" || last.session != "" || last.repeats || last.caller == "" {
			t.Errorf("%s, without headers: %+v", name, *last)
		}
	}
}

// Source: openai-go v3, internal/requestconfig, sends "0" with the first attempt; gRFC
// A6: grpc-previous-rpc-attempts is absent from the first.
func TestCall_knows_callers_that_repeat_themselves(t *testing.T) {
	f, last := spy()
	h := open(t, Config{}, f)
	for name, call := range h.everyDoor(t) {
		for headers, want := range map[[2]string]bool{
			{"x-stainless-retry-count", "0"}:    true,
			{"x-stainless-retry-count", "2"}:    true,
			{"grpc-previous-rpc-attempts", "1"}: true,
			{"grpc-previous-rpc-attempts", "0"}: false,
			{"x-stainless-lang", "go"}:          false,
		} {
			if strings.HasPrefix(headers[0], "grpc-") && strings.Contains(name, "grpc") {
				continue // reserved there: the client's library alone sends it
			}
			if call(headers[0], headers[1]); last.repeats != want {
				t.Errorf("%s, %v: %t", name, headers, last.repeats)
			}
		}
	}
}

func TestCaller_is_opaque_and_the_same_for_the_same_key_or_address(t *testing.T) {
	f, last := spy()
	h := open(t, Config{}, f)
	callers := map[string]string{} // by what makes them
	for name, call := range h.everyDoor(t) {
		for _, test := range []struct {
			who     string
			headers []string
		}{
			{"the address", nil},
			{"the address", []string{"x-forwarded-for", "1.2.3.4"}},
			{"the address", []string{"authorization", "Bearer "}},
			{"key 1", []string{"authorization", "Bearer sk-1"}},
			{"key 1", []string{"authorization", "bearer  sk-1 "}},
			{"key 1", []string{"x-api-key", "sk-1"}},
			{"key 1", []string{"api-key", "sk-1", "x-forwarded-for", "1.2.3.4"}},
			{"key 1", []string{"authorization", "Bearer sk-1", "x-api-key", "sk-2"}},
			{"key 2", []string{"authorization", "Bearer sk-2"}},
			{"a key like an address", []string{"authorization", "127.0.0.1"}},
			{"a key like a scheme", []string{"authorization", "bearers"}},
		} {
			call(test.headers...)
			if !regexp.MustCompile(`^[0-9a-f]{16}$`).MatchString(last.caller) {
				t.Fatalf("%s: caller %q", name, last.caller)
			}
			if want, ok := callers[test.who]; ok && want != last.caller {
				t.Errorf("%s: %s %q is another caller", name, test.who, test.headers)
			}
			callers[test.who] = last.caller
		}
	}
	seen := map[string]bool{}
	for _, caller := range callers {
		seen[caller] = true
	}
	if len(seen) != 5 {
		t.Errorf("callers are not told apart: %v", callers)
	}
}

func TestCaller_at_an_address_is_told_apart_by_its_host(t *testing.T) {
	caller := func(remote string) string {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.RemoteAddr = remote
		return newHTTPCall(gateway.DoorREST, r).Caller
	}
	if caller("[2001:db8::1]:80") != caller("[2001:db8::1]:81") || caller("192.0.2.1:80") != caller("192.0.2.1:81") {
		t.Error("the port counts")
	}
	if caller("[2001:db8::1]:80") == caller("[2001:db8::2]:80") || caller("192.0.2.1:80") == caller("192.0.2.2:80") {
		t.Error("the host does not count")
	}
	if caller("@") == "" { // a unix socket
		t.Error("an address without a port is nobody")
	}
}

// Source: W3C Trace Context, "traceparent Header", and its examples.
func TestTraceparent_must_be_valid(t *testing.T) {
	const valid = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01"
	for value, want := range map[string]bool{
		valid:                               true,
		"01" + valid[2:] + "-more":          true, // of a later version
		"01" + valid[2:]:                    true,
		"00" + valid[2:] + "-more":          false,
		"01" + valid[2:] + "more":           false,
		"ff" + valid[2:]:                    false,
		strings.ToUpper(valid):              false,
		valid[:54]:                          false,
		strings.Replace(valid, "-", "_", 1): false,
		"00-00000000000000000000000000000000-00f067aa0ba902b7-01": false,
		"00-4bf92f3577b34da6a3ce929d0e0e4736-0000000000000000-01": false,
		"": false,
		"01" + valid[2:] + "-" + strings.Repeat("x", 999): false,
		"01" + valid[2:] + "-\x00":                        false,
	} {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header["Traceparent"] = []string{value}
		got := newHTTPCall(gateway.DoorREST, r).Trace
		if (got == value && value != "") != want || !want && got != "" {
			t.Errorf("%q: %q", value, got)
		}
		r.Header["Traceparent"] = []string{value, valid}
		if got := newHTTPCall(gateway.DoorREST, r).Trace; got != "" {
			t.Errorf("two headers: %q", got)
		}
	}
}

// BenchmarkNewHTTPCall is what a call costs before its body is read.
func BenchmarkNewHTTPCall(b *testing.B) {
	for name, headers := range map[string]http.Header{
		"no headers": {},
		"an SDK's": {
			"Authorization": {"Bearer sk-proj-0123456789012345678901234567890123456789"}, "X-Stainless-Retry-Count": {"0"},
			"Content-Type": {"application/json"}, "Accept": {"application/json"}, "User-Agent": {"OpenAI/Go"},
		},
	} {
		b.Run(name, func(b *testing.B) {
			r := &http.Request{Header: headers, RemoteAddr: "127.0.0.1:40000"}
			b.ReportAllocs()
			for b.Loop() {
				if newHTTPCall(gateway.DoorREST, r).Caller == "" {
					b.Fatal(fmt.Errorf("nobody"))
				}
			}
		})
	}
}
