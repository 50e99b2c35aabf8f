package edge

import (
	"context"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"

	"github.com/sluice-ai/sluice/server/usage"
)

// A page's fetch in mode "no-cors" with a typed array as its body has neither a
// preflight nor a content type, and "Origin: null" comes from a sandboxed frame.
// Source: Fetch standard, "CORS-safelisted request-header" and "extract a body".
func TestOrigin_a_foreign_page_cannot_spend_anything(t *testing.T) {
	for _, allowed := range [][]string{nil, {"https://app.example"}} {
		f := &far{}
		h := open(t, Config{AllowedOrigins: allowed}, f)
		for _, origin := range []string{"https://evil.example", "null", "http://evil.example:80", "https://app.example.evil.example"} {
			for path, operation := range map[string]usage.Operation{
				"/v1/chat/completions": usage.OperationChat,
				"/v1/embeddings":       usage.OperationEmbeddings,
				"/v1/nothing":          usage.OperationNone,
				sluicev1connect.ChatServiceCreateChatCompletionProcedure: usage.OperationChat,
			} {
				got := h.do(t, "POST", path, hello, "Origin", origin, "Content-Type", "", "Sec-Fetch-Site", "cross-site")
				want := "web origin \\\"" + origin + "\\\" may not call: name it in cors.origins"
				if got.status != http.StatusForbidden || !strings.Contains(got.body, want) ||
					got.header.Get("X-Sluice-Error-Reason") != "permission_denied" || got.header.Get("Access-Control-Allow-Origin") != "" {
					t.Errorf("%s from %s: %d %v %s", path, origin, got.status, got.header, got.body)
				}
				if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED || r.Status != 403 || r.Operation != operation {
					t.Errorf("%s from %s: receipt %+v", path, origin, r)
				}
			}
		}
		h.ledger.none(t)
		if calls := f.seen(); len(calls) != 0 {
			t.Errorf("%d calls reached the provider", len(calls))
		}
		h.healthy(t)
	}
}

// The form of the error is what the protocols say: gRPC-Web's status stands in the
// headers of an answer without messages, Connect's in the body.
func TestOrigin_a_refusal_speaks_the_protocol_of_the_call(t *testing.T) {
	h := open(t, Config{}, &far{})
	const path = sluicev1connect.ChatServiceStreamChatCompletionProcedure
	for contentType, test := range map[string]struct {
		door   string
		status int
		body   string
		grpc   string
	}{
		"application/grpc-web+proto":   {"grpc_web", 200, "", "7"}, // PERMISSION_DENIED
		"application/connect+json":     {"connect", 200, `"permission_denied"`, ""},
		"application/proto":            {"connect", 403, `"permission_denied"`, ""},
		"application/x-something-else": {"connect", 403, `"permission_denied"`, ""},
	} {
		got := h.do(t, "POST", path, "\x00\x00\x00\x00\x00", "Content-Type", contentType, "Origin", "https://evil.example")
		said := got.header.Get("Grpc-Status") == test.grpc || strings.Contains(got.body, "grpc-status: "+test.grpc)
		if got.status != test.status || !strings.Contains(got.body, test.body) || !said {
			t.Errorf("%s: %d %v %q", contentType, got.status, got.header, got.body)
		}
		if r := h.ledger.next(t); r.Door != test.door || r.Operation != usage.OperationChat || r.Reason != sluicev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED {
			t.Errorf("%s: receipt %+v", contentType, r)
		}
	}
	h.ledger.none(t)
}

func TestOrigin_the_page_of_the_own_address_may_call_and_a_rebound_name_may_not(t *testing.T) {
	loopback, outer := net.IPv4(127, 0, 0, 1), net.IPv4(192, 0, 2, 1)
	for _, test := range []struct {
		local        net.IP
		host, origin string
		may          bool
	}{
		{loopback, "127.0.0.1:8080", "http://127.0.0.1:8080", true},
		{loopback, "127.1.2.3:8080", "http://127.1.2.3:8080", true},
		{loopback, "localhost:8080", "http://localhost:8080", true},
		{loopback, "LOCALHOST", "http://localhost", true},
		{net.IPv6loopback, "[::1]:8080", "http://[::1]:8080", true},
		{net.IPv6loopback, "[::1]", "http://[::1]", true},
		{loopback, "evil.example:8080", "http://evil.example:8080", false},
		{loopback, "localhost.evil.example:8080", "http://localhost.evil.example:8080", false},
		{net.IPv6loopback, "evil.example", "http://evil.example", false},
		{loopback, "localhost:8080", "http://localhost:9090", false},
		{loopback, "127.0.0.1:8080", "http://localhost:8080", false},
		{loopback, "localhost", "null", false},
		{loopback, "localhost", "file://localhost", false},
		{loopback, "", "http://", false},
		{outer, "sluice.example", "https://sluice.example", true}, // behind a proxy, too
		{outer, "sluice.example:443", "https://sluice.example", true},
		{outer, "sluice.example:80", "http://sluice.example", true},
		{outer, "sluice.example:80", "https://sluice.example", false},
		{outer, "sluice.example", "https://evil.example", false},
		{outer, "sluice.example", "https://sluice.example:8443", false},
	} {
		service, l := newService(t, &far{}, Config{}.withDefaults().Logger)
		ctx := context.WithValue(t.Context(), http.LocalAddrContextKey, net.Addr(&net.TCPAddr{IP: test.local, Port: 8080}))
		r := httptest.NewRequestWithContext(ctx, http.MethodPost, "/v1/chat/completions", strings.NewReader(hello))
		r.Host = test.host
		r.Header.Set("Origin", test.origin)
		w := httptest.NewRecorder()
		newHTTP(Config{}.withDefaults(), service, newHealth()).ServeHTTP(w, r)
		if may := w.Code == http.StatusOK; may != test.may || !may && w.Code != http.StatusForbidden && (test.host != "" || w.Code != http.StatusBadRequest) {
			t.Errorf("%s at %s over %s: %d %s", test.origin, test.host, test.local, w.Code, w.Body)
		}
		l.next(t)
	}
}

// As curl, servers and SDKs outside of pages call; and a page's image, which has no
// origin and spends nothing.
func TestOrigin_requests_without_one_are_not_affected(t *testing.T) {
	h := open(t, Config{}, &far{})
	if got := h.do(t, "POST", "/v1/chat/completions", hello); got.status != 200 {
		t.Errorf("got %d %s", got.status, got.body)
	}
	if got := h.do(t, "GET", "/v1/models", "", "Sec-Fetch-Site", "cross-site", "Sec-Fetch-Mode", "no-cors"); got.status != 200 {
		t.Errorf("got %d %s", got.status, got.body)
	}
}

func TestOrigin_star_lets_everybody_call(t *testing.T) {
	h := open(t, Config{AllowedOrigins: []string{"*"}}, &far{})
	for _, origin := range []string{"null", "https://evil.example"} {
		if got := h.do(t, "POST", "/v1/chat/completions", hello, "Origin", origin); got.status != 200 {
			t.Errorf("%s: %d %s", origin, got.status, got.body)
		}
	}
}

// Source: RFC 9113, "SETTINGS": id 3 is SETTINGS_MAX_CONCURRENT_STREAMS.
func TestGRPC_bounds_the_calls_on_a_connection(t *testing.T) {
	h := open(t, Config{}, &far{})
	conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", h.grpc.Target())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\x00\x00\x00\x04\x00\x00\x00\x00\x00"); err != nil {
		t.Fatal(err)
	}
	var head [9]byte
	if _, err := io.ReadFull(conn, head[:]); err != nil || head[3] != 4 {
		t.Fatalf("the first frame is no SETTINGS: %v, %v", head, err)
	}
	settings := make([]byte, int(head[1])<<8|int(head[2]))
	if _, err := io.ReadFull(conn, settings); err != nil {
		t.Fatal(err)
	}
	got := map[uint16]uint32{}
	for ; len(settings) >= 6; settings = settings[6:] {
		got[binary.BigEndian.Uint16(settings)] = binary.BigEndian.Uint32(settings[2:])
	}
	if got[3] != 1000 {
		t.Errorf("settings: %v", got)
	}
}
