package edge

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	healthv1 "google.golang.org/grpc/health/grpc_health_v1"
	reflectionv1 "google.golang.org/grpc/reflection/grpc_reflection_v1"
	"google.golang.org/grpc/status"

	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"
)

// A browser with the OpenAI Node SDK asks first, naming the SDK's own headers. Source:
// Fetch standard, "CORS protocol"; openai-node's buildHeaders.
func TestCORS_lets_browsers_call_every_door(t *testing.T) {
	h := open(t, Config{AllowedOrigins: []string{"*"}}, &far{})
	for _, path := range []string{"/v1/chat/completions", "/v1/models/m", sluicev1connect.ChatServiceCreateChatCompletionProcedure} {
		got := h.do(t, "OPTIONS", path, "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST",
			"Access-Control-Request-Headers", "authorization,content-type,x-stainless-lang")
		if got.status/100 != 2 || got.header.Get("Access-Control-Allow-Origin") != "*" ||
			got.header.Get("Access-Control-Allow-Methods") != "POST" ||
			!strings.Contains(got.header.Get("Access-Control-Allow-Headers"), "x-stainless-lang") ||
			got.header.Get("Access-Control-Allow-Credentials") != "" {
			t.Errorf("%s: %d %v", path, got.status, got.header)
		}
	}
	h.ledger.none(t)
	for _, body := range []string{hello, "{", helloStream} { // errors and streams are readable, too
		got := h.do(t, "POST", "/v1/chat/completions", body, "Origin", "https://app.example")
		exposed := strings.ToLower(got.header.Get("Access-Control-Expose-Headers"))
		for _, name := range []string{
			"x-request-id", "x-should-retry", "x-sluice-request-id", "x-sluice-error-reason",
			"x-sluice-provider", "x-sluice-model", "x-sluice-attempts", "x-sluice-tried",
		} {
			if !strings.Contains(exposed, name) {
				t.Errorf("%s: %s is hidden from scripts: %s", body, name, exposed)
			}
		}
		if got.header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("%s: %v", body, got.header)
		}
	}
	if got := h.do(t, "POST", "/v1/chat/completions", hello); got.header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("without an origin: %v", got.header)
	}
}

func TestCORS_keeps_to_the_configured_origins(t *testing.T) {
	h := open(t, Config{AllowedOrigins: []string{"https://*.example.com"}}, &far{})
	for origin, want := range map[string]string{"https://a.example.com": "https://a.example.com", "https://evil.com": ""} {
		for _, method := range []string{"GET", "OPTIONS"} {
			got := h.do(t, method, "/v1/models", "", "Origin", origin, "Access-Control-Request-Method", "GET")
			if (got.status/100 == 2) != (want != "" || method == "OPTIONS") || got.header.Get("Access-Control-Allow-Origin") != want {
				t.Errorf("%s from %s: %d %v", method, origin, got.status, got.header)
			}
		}
	}
}

func TestIndex_says_where_everything_is(t *testing.T) {
	docs := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { _, _ = fmt.Fprint(w, "docs of "+r.URL.Path) })
	h := open(t, Config{Docs: docs}, &far{})
	for _, path := range []string{"/", "/v1", "/v1/"} {
		var got map[string]string
		if err := json.Unmarshal([]byte(h.do(t, "GET", path, "").body), &got); err != nil ||
			got["base_url"] != h.http+"/v1" || got["docs"] != "/docs" || got["openapi"] != "/openapi.json" {
			t.Errorf("%s: %v, %v", path, got, err)
		}
	}
	page := h.do(t, "GET", "/", "", "Accept", "text/html,*/*;q=0.8")
	if !strings.Contains(page.body, `<code>`+h.http+`/v1</code>`) || !strings.HasPrefix(page.header.Get("Content-Type"), "text/html") {
		t.Errorf("got %v %s", page.header, page.body)
	}
	for _, path := range []string{"/docs", "/docs/page/x.css", "/openapi.json"} {
		if got := h.do(t, "GET", path, ""); got.body != "docs of "+path {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
	}
	h.ledger.none(t)

	bare := open(t, Config{}, &far{})
	if got := bare.do(t, "GET", "/docs", ""); got.status != 404 {
		t.Errorf("without docs: %d", got.status)
	}
}

func TestHealth_says_the_same_through_every_door(t *testing.T) {
	h := open(t, Config{}, &far{})
	client := healthv1.NewHealthClient(h.grpc)
	other := connect.NewClient[healthv1.HealthCheckRequest, healthv1.HealthCheckResponse](h.client, h.http+"/grpc.health.v1.Health/Check")
	for _, serving := range []bool{true, false, true} {
		h.edge.SetServing(serving)
		want := healthv1.HealthCheckResponse_NOT_SERVING
		if serving {
			want = healthv1.HealthCheckResponse_SERVING
		}
		for _, service := range append([]string{""}, serviceNames...) {
			req := &healthv1.HealthCheckRequest{Service: service}
			got, err := client.Check(t.Context(), req)
			if err != nil || got.GetStatus() != want {
				t.Errorf("grpc %q: %v, %v", service, got, err)
			}
			answer, err := other.CallUnary(t.Context(), connect.NewRequest(req))
			if err != nil || answer.Msg.GetStatus() != want {
				t.Errorf("connect %q: %v, %v", service, answer, err)
			}
		}
	}
	h.ledger.none(t)
	fresh := New(Config{}, nil)
	if got, err := fresh.health.grpc.Check(t.Context(), &healthv1.HealthCheckRequest{}); err != nil || got.GetStatus() != healthv1.HealthCheckResponse_NOT_SERVING {
		t.Errorf("before SetServing: %v, %v", got, err)
	}
	fresh.GRPC().Stop()
}

func TestReflection_lists_the_services_in_both_versions_on_both_ports(t *testing.T) {
	h := open(t, Config{}, &far{})
	want := strings.Join(serviceNames, " ")
	list := func(response *reflectionv1.ServerReflectionResponse) string {
		var names []string
		for _, s := range response.GetListServicesResponse().GetService() {
			if strings.HasPrefix(s.GetName(), "sluice.") {
				names = append(names, s.GetName())
			}
		}
		return strings.Join(names, " ")
	}
	request := &reflectionv1.ServerReflectionRequest{MessageRequest: &reflectionv1.ServerReflectionRequest_ListServices{}}
	protocols := new(http.Protocols)
	protocols.SetUnencryptedHTTP2(true)
	transport := &http.Transport{Protocols: protocols}
	defer transport.CloseIdleConnections()
	for _, version := range []string{"v1", "v1alpha"} {
		method := "/grpc.reflection." + version + ".ServerReflection/ServerReflectionInfo"
		ctx, cancel := context.WithCancel(t.Context())
		stream, err := h.grpc.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
		if err != nil {
			t.Fatal(err)
		}
		response := &reflectionv1.ServerReflectionResponse{}
		if err := stream.SendMsg(request); err != nil {
			t.Fatal(err)
		}
		if err := stream.RecvMsg(response); err != nil || list(response) != want {
			t.Errorf("grpc %s: %q, %v", version, list(response), status.Convert(err))
		}
		cancel()

		client := connect.NewClient[reflectionv1.ServerReflectionRequest, reflectionv1.ServerReflectionResponse](
			&http.Client{Transport: transport}, h.http+method, connect.WithGRPC())
		bidi := client.CallBidiStream(t.Context())
		if err := bidi.Send(request); err != nil {
			t.Fatal(err)
		}
		if response, err = bidi.Receive(); err != nil || list(response) != want {
			t.Errorf("HTTP port %s: %q, %v", version, list(response), err)
		}
		_ = bidi.CloseRequest()
		_ = bidi.CloseResponse()
	}
}
