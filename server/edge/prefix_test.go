package edge

import (
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

// prefixed is a plan with path prefixes to the provider "far".
func prefixed(t *testing.T, f *far, prefixes ...string) *gateway.Plan {
	t.Helper()
	var paths []route.Path
	for _, p := range prefixes {
		paths = append(paths, route.Path{Prefix: p, Provider: "far"})
	}
	table, err := route.New(nil, []string{"far"}, "far", paths...)
	if err != nil {
		t.Fatal(err)
	}
	return &gateway.Plan{
		Routes:          table,
		Providers:       map[string]adapters.Provider{"far": {Name: "far", Chat: f, Embed: f, Models: f}},
		Listed:          []string{"far"},
		DefaultProvider: "far",
	}
}

// The bare prefix is agentgateway's way: curl "localhost:8080/openai" posts a chat. The
// others are what OpenAI's SDKs make of the base URLs /openai and /openai/v1.
func TestPrefix_is_a_base_URL_of_its_own(t *testing.T) {
	const (
		embeddings = `{"model":"far/m","input":"x"}`
		inner      = "/team-a/openai.2"
	)
	h := open(t, Config{}, &far{})
	h.service.Swap(prefixed(t, &far{}, "/openai", inner, "/openai/deep"))
	for _, test := range []struct {
		method, path, body string
		operation          usage.Operation
		answer             string
	}{
		{"POST", "/openai", hello, usage.OperationChat, `"chat.completion"`},
		{"POST", "/openai/", hello, usage.OperationChat, `"chat.completion"`},
		{"POST", "/openai?x=y", hello, usage.OperationChat, `"chat.completion"`},
		{"POST", "/openai", helloStream, usage.OperationChat, "data: [DONE]"},
		{"POST", "/openai/chat/completions", hello, usage.OperationChat, `"chat.completion"`},
		{"POST", "/openai/v1/chat/completions", hello, usage.OperationChat, `"chat.completion"`},
		{"POST", "/openai/v1/chat/completions", helloStream, usage.OperationChat, "data: [DONE]"},
		{"POST", "/openai/embeddings", embeddings, usage.OperationEmbeddings, `"embedding"`},
		{"POST", "/openai/v1/embeddings", embeddings, usage.OperationEmbeddings, `"embedding"`},
		{"GET", "/openai/models", "", usage.OperationListModels, `"list"`},
		{"GET", "/openai/v1/models", "", usage.OperationListModels, `"list"`},
		{"GET", "/openai/v1/models/far/m", "", usage.OperationGetModel, `"model"`},
		{"GET", "/openai/models/far%2Fm", "", usage.OperationGetModel, `"model"`},
		{"POST", "/openai/deep", hello, usage.OperationChat, `"chat.completion"`},
		{"POST", inner + "/v1/chat/completions", hello, usage.OperationChat, `"chat.completion"`},
		{"POST", "/%6fpenai/v1/ch%61t/completions", hello, usage.OperationChat, `"chat.completion"`}, // decoded once
	} {
		got := h.do(t, test.method, test.path, test.body)
		if got.status != http.StatusOK || !strings.Contains(got.body, test.answer) {
			t.Errorf("%s %s: %d %s", test.method, test.path, got.status, got.body)
		}
		if r := h.ledger.next(t); r.Operation != test.operation || r.Door != "rest" || r.Status != 200 {
			t.Errorf("%s %s: receipt %+v", test.method, test.path, r)
		}
	}
	h.ledger.none(t)
	h.healthy(t)
}

// The example of agentgateway's page sends "model": "".
func TestPrefix_needs_no_model_when_its_route_has_one(t *testing.T) {
	const messages = `"messages":[{"role":"user","content":"hi"}]`
	f := &far{}
	h := open(t, Config{}, f)
	plan := prefixed(t, f)
	table, err := route.New(nil, []string{"far"}, "far", route.Path{Prefix: "/openai", Provider: "far", Model: "gpt-3.5-turbo"})
	if err != nil {
		t.Fatal(err)
	}
	plan.Routes = table
	h.service.Swap(plan)
	for _, body := range []string{`{"model":"",` + messages + `}`, `{` + messages + `}`, `{"stream":true,` + messages + `}`} {
		got := h.do(t, "POST", "/openai", body)
		calls := f.seen()
		if got.status != http.StatusOK || len(calls) == 0 || calls[len(calls)-1].Model != "gpt-3.5-turbo" {
			t.Errorf("%s: %d %s", body, got.status, got.body)
		}
		h.ledger.next(t)
	}
}

func TestPrefix_is_told_to_the_gateway(t *testing.T) {
	service, _ := newService(t, &far{}, slog.New(slog.DiscardHandler))
	service.Swap(prefixed(t, &far{}, "/openai", "/openai/deep"))
	door := newHTTP(Config{}.withDefaults(), service, newHealth())
	for path, want := range map[string]place{
		"/openai":                  {path: "/v1/chat/completions", under: "/openai", bare: true},
		"/openai/":                 {path: "/v1/chat/completions", under: "/openai", bare: true},
		"/openai/deep":             {path: "/v1/chat/completions", under: "/openai/deep", bare: true},
		"/openai/deep/v1/models/x": {path: "/v1/models/x", under: "/openai/deep"},
		"/openai/models/v1/x":      {path: "/v1/models/v1/x", under: "/openai"},
	} {
		under, rest, ok := service.Prefix(path)
		got := placeUnder(under, rest)
		want.endpoint = find(want.path)
		if !ok || got != want {
			t.Errorf("%s: got %+v, want %+v", path, got, want)
		}
		r, _ := http.NewRequestWithContext(t.Context(), http.MethodPost, path, nil)
		if x := door.rest.open(&nullWriter{header: http.Header{}}, r, got); x.call.Path != want.under {
			t.Errorf("%s: the call's path is %q", path, x.call.Path)
		}
	}
}

func TestPrefix_wrong_calls_get_the_usual_errors_and_the_right_base_URL(t *testing.T) {
	h := open(t, Config{}, &far{})
	h.service.Swap(prefixed(t, &far{}, "/openai"))
	base := h.http + "/openai/v1"
	for _, test := range []struct {
		method, path, body string
		status             int
		reason, message    string
		allow              string
		operation          usage.Operation
	}{
		{"GET", "/openai", "", 405, "method_not_allowed", "method GET is not allowed on /openai: use POST; the base URL for OpenAI clients is " + base, "POST, OPTIONS", usage.OperationChat},
		{"HEAD", "/openai/", "", 405, "method_not_allowed", "", "POST, OPTIONS", usage.OperationChat},
		{"GET", "/openai/v1/chat/completions", "", 405, "method_not_allowed", "method GET is not allowed on /openai/v1/chat/completions: use POST", "POST, OPTIONS", usage.OperationChat},
		{"DELETE", "/openai/models/x", "", 405, "method_not_allowed", "use GET", "GET, HEAD, OPTIONS", usage.OperationGetModel},
		{"POST", "/openai/v1", hello, 404, "not_found", "unknown path /openai/v1: the API is below " + base, "", usage.OperationNone},
		{"POST", "/openai/nothing", hello, 404, "not_found", "unknown path /openai/nothing: the API is below " + base, "", usage.OperationNone},
		{"POST", "/openai/v1/v1/chat/completions", hello, 404, "not_found", "it should be /openai/v1/chat/completions; the base URL must end in /v1 once, as " + base, "", usage.OperationNone},
		{"POST", "/openai//v1/chat/completions", hello, 404, "not_found", "it should be /openai/v1/chat/completions", "", usage.OperationNone},
		{"POST", "/openai/../v1/chat/completions", hello, 404, "not_found", "it should be /openai/v1/chat/completions", "", usage.OperationNone},
		{"POST", "/openai/%2e%2e/v1/chat/completions", hello, 404, "not_found", "it should be /openai/v1/chat/completions", "", usage.OperationNone},
		{"POST", "/openai/v1%2Fchat/completions", hello, 404, "not_found", "it should be /openai/v1/chat/completions", "", usage.OperationNone},
		{"POST", "/openai%2Fv1/chat/completions", hello, 404, "not_found", "it should be /openai/v1/chat/completions", "", usage.OperationNone},
		{"POST", "/openai%252Fv1/chat/completions", hello, 404, "not_found", "unknown path", "", usage.OperationNone},
		{"POST", "/openaix/v1/chat/completions", hello, 404, "not_found", "it should be /v1/chat/completions", "", usage.OperationNone},
		{"POST", "/OpenAI", hello, 404, "not_found", "the API is below " + h.http + "/v1", "", usage.OperationNone},
		{"POST", "/openai", "{", 400, "invalid_request", "byte", "", usage.OperationChat},
		{"POST", "/openai", "", 400, "invalid_request", "request body is empty", "", usage.OperationChat},
	} {
		got := h.do(t, test.method, test.path, test.body)
		if got.status != test.status || got.header.Get("X-Sluice-Error-Reason") != test.reason || got.header.Get("Allow") != test.allow {
			t.Errorf("%s %s: %d %v %s", test.method, test.path, got.status, got.header, got.body)
		}
		if test.method != "HEAD" {
			if e := got.failure(t); !strings.Contains(e.Message, test.message) {
				t.Errorf("%s %s: %q, want %q", test.method, test.path, e.Message, test.message)
			}
		}
		if r := h.ledger.next(t); fault.ReasonName(r.Reason) != test.reason || r.Operation != test.operation {
			t.Errorf("%s %s: receipt %+v", test.method, test.path, r)
		}
	}
	h.ledger.none(t)
	h.healthy(t)
}

// An RPC client understands its own kind of errors alone, and prefixes are no base URLs
// of RPCs.
func TestPrefix_is_none_for_RPCs(t *testing.T) {
	h := open(t, Config{}, &far{})
	h.service.Swap(prefixed(t, &far{}, "/openai"))
	got := h.do(t, "POST", "/openai/sluice.v1.ModelsService/ListModels", "{}", "Connect-Protocol-Version", "1")
	if got.status != http.StatusNotImplemented || !strings.Contains(got.body, `"unimplemented"`) {
		t.Errorf("got %d %s", got.status, got.body)
	}
	h.ledger.next(t)
	h.healthy(t)
}

func TestPrefix_comes_and_goes_with_the_plan(t *testing.T) {
	h := open(t, Config{}, &far{})
	for _, step := range []struct {
		prefixes []string
		status   int
	}{{nil, 404}, {[]string{"/openai"}, 200}, {[]string{"/other"}, 404}, {[]string{"/openai"}, 200}} {
		h.service.Swap(prefixed(t, &far{}, step.prefixes...))
		if got := h.do(t, "POST", "/openai", hello); got.status != step.status {
			t.Errorf("%v: %d %s", step.prefixes, got.status, got.body)
		}
		h.ledger.next(t)
	}
}

// The usual paths stay what they are, whatever the prefixes.
func TestPrefix_takes_no_path_from_the_doors(t *testing.T) {
	docs := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = fmt.Fprint(w, "docs") })
	h := open(t, Config{Docs: docs}, &far{})
	h.service.Swap(prefixed(t, &far{}, "/docs", "/sluice.v1.ModelsService"))
	if got := h.do(t, "GET", "/docs", ""); got.body != "docs" {
		t.Errorf("docs: %d %s", got.status, got.body)
	}
	if got := h.do(t, "POST", "/sluice.v1.ModelsService/ListModels", "{}"); got.status != 200 || !strings.Contains(got.body, `"data"`) {
		t.Errorf("RPC: %d %s", got.status, got.body)
	}
}

func TestPrefix_origins_and_preflights_are_as_elsewhere(t *testing.T) {
	f := &far{}
	h := open(t, Config{AllowedOrigins: []string{"https://app.example"}}, f)
	h.service.Swap(prefixed(t, f, "/openai"))
	for path, operation := range map[string]usage.Operation{
		"/openai": usage.OperationChat, "/openai/v1/embeddings": usage.OperationEmbeddings, "/openai/nothing": usage.OperationNone,
	} {
		got := h.do(t, "POST", path, hello, "Origin", "https://evil.example", "Content-Type", "")
		if got.status != http.StatusForbidden || got.header.Get("X-Sluice-Error-Reason") != "permission_denied" {
			t.Errorf("%s: %d %s", path, got.status, got.body)
		}
		if r := h.ledger.next(t); r.Reason != sluicev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED || r.Operation != operation {
			t.Errorf("%s: receipt %+v", path, r)
		}
	}
	if len(f.seen()) != 0 {
		t.Error("the provider was called")
	}
	got := h.do(t, "OPTIONS", "/openai", "", "Origin", "https://app.example", "Access-Control-Request-Method", "POST")
	if got.status/100 != 2 || got.header.Get("Access-Control-Allow-Origin") != "https://app.example" {
		t.Errorf("preflight: %d %v", got.status, got.header)
	}
	h.ledger.none(t)
	if got := h.do(t, "POST", "/openai", hello, "Origin", "https://app.example"); got.status != 200 || got.header.Get("Access-Control-Allow-Origin") == "" {
		t.Errorf("allowed: %d %v", got.status, got.header)
	}
}

// Source: RFC 9110, "OPTIONS": the answer should say what is allowed.
func TestOPTIONS_says_what_is_allowed(t *testing.T) {
	h := open(t, Config{}, &far{})
	h.service.Swap(prefixed(t, &far{}, "/openai"))
	for path, want := range map[string]string{
		"/v1/chat/completions":  "POST, OPTIONS",
		"/v1/embeddings":        "POST, OPTIONS",
		"/v1/models":            "GET, HEAD, OPTIONS",
		"/v1/models/far/m":      "GET, HEAD, OPTIONS",
		"/":                     "GET, HEAD, OPTIONS",
		"/v1":                   "GET, HEAD, OPTIONS",
		"/openai":               "POST, OPTIONS",
		"/openai/v1/embeddings": "POST, OPTIONS",
		"/openai/models":        "GET, HEAD, OPTIONS",
	} {
		for name, headers := range map[string][]string{"plain": nil, "of a page": {"Origin", "https://evil.example"}} {
			got := h.do(t, "OPTIONS", path, "", headers...)
			if got.status != http.StatusNoContent || got.header.Get("Allow") != want || got.body != "" {
				t.Errorf("%s, %s: %d %v %s", path, name, got.status, got.header, got.body)
			}
		}
	}
	h.ledger.none(t)
	if got := h.do(t, "OPTIONS", "/v1/nothing", ""); got.status != http.StatusNotFound {
		t.Errorf("unknown: %d", got.status)
	}
	h.ledger.next(t)
	h.healthy(t)
}
