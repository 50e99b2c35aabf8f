package edge

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
	"google.golang.org/protobuf/types/descriptorpb"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	wirejsonpb "github.com/sluice-ai/sluice/gen/go/wirejson"

	"github.com/sluice-ai/sluice/server/usage"
)

func TestEndpoints_are_those_of_the_contract(t *testing.T) {
	seen := 0
	for _, file := range []protoreflect.FileDescriptor{
		sluicev1.File_sluice_v1_chat_proto, sluicev1.File_sluice_v1_embeddings_proto, sluicev1.File_sluice_v1_models_proto,
	} {
		for i := range file.Services().Len() {
			methods := file.Services().Get(i).Methods()
			streams := map[string]bool{}
			for j := range methods.Len() {
				rules, _ := proto.GetExtension(methods.Get(j).Options(), wirejsonpb.E_Method).(*wirejsonpb.MethodRules)
				streams[rules.GetSseOf()] = true
			}
			for j := range methods.Len() {
				method := methods.Get(j)
				if operationOf(string(method.Parent().FullName()), string(method.Name())) == "" {
					t.Errorf("%s has no operation", method.FullName())
				}
				rule, _ := proto.GetExtension(method.Options().(*descriptorpb.MethodOptions), annotations.E_Http).(*annotations.HttpRule)
				if rule == nil {
					continue
				}
				seen++
				path, httpMethod := rule.GetGet(), http.MethodGet
				if rule.GetPost() != "" {
					path, httpMethod = rule.GetPost(), http.MethodPost
				}
				path = strings.Replace(path, "{model=**}", "far/m", 1)
				e := find(path)
				if e == nil || e.method != httpMethod || e.stream != streams[string(method.Name())] ||
					e.operation != operationOf(string(method.Parent().FullName()), string(method.Name())) {
					t.Errorf("%s %s: got %+v", httpMethod, path, e)
				}
			}
		}
	}
	if seen != len(endpoints) {
		t.Errorf("%d endpoints for %d HTTP rules", len(endpoints), seen)
	}
}

func TestUnknownPath_says_the_right_base_url(t *testing.T) {
	for path, want := range map[string]string{
		"/chat/completions":            "it should be /v1/chat/completions; the base URL must end in /v1 once, as http://h:1/v1",
		"/v1/v1/chat/completions":      "it should be /v1/chat/completions;",
		"/openai/v1/embeddings":        "it should be /v1/embeddings;",
		"/v1/chat/completions/":        "it should be /v1/chat/completions;",
		"//v1/chat/completions":        "it should be /v1/chat/completions;",
		"/v1//models":                  "it should be /v1/models;",
		"/v1/models/":                  "it should be /v1/models;",
		"/models/far/m":                "it should be /v1/models/far/m;",
		"/v1/chat/completions/wrong":   "the API is below http://h:1/v1",
		"/v1/nothing":                  "the API is below http://h:1/v1",
		"/v2":                          "the API is below http://h:1/v1",
		"/%0d%0aset-cookie:%20x":       "unknown path /%0d%0aset-cookie:%20x: the API",
		"/" + strings.Repeat("x", 999): strings.Repeat("x", 196) + "...: the API",

		// Every suffix of a path is tried, which is too much work for a long one.
		strings.Repeat("/a", 50_000) + "/chat/completions": "/a/a/...: the API is below http://h:1/v1",
	} {
		f := unknownPath(httptest.NewRequest(http.MethodPost, "http://h:1"+path, nil), "")
		if f.Status != http.StatusNotFound || !strings.Contains(f.Message(), want) {
			t.Errorf("%.100s: got %d %q, want %q", path, f.Status, f.Message(), want)
		}
	}
	r := httptest.NewRequest(http.MethodPost, "http://h/x", nil)
	r.Header.Set("X-Forwarded-Proto", "https")
	if f := unknownPath(r, ""); !strings.HasSuffix(f.Message(), "https://h/v1") {
		t.Errorf("behind TLS: %q", f.Message())
	}
}

// Ids with ":" or "%2F" stay as sent: OpenAI clients escape them or not.
func TestModelID_arrives_as_the_caller_meant_it(t *testing.T) {
	for path, want := range map[string]string{
		"/v1/models/m":                "m",
		"/v1/models/far/x":            "x",
		"/v1/models/far%2Fx":          "x",
		"/v1/models/far%2fx%2Fy":      "x/y",
		"/v1/models/far:gpt-4o":       "gpt-4o",
		"/v1/models/far%3Agpt-4o":     "gpt-4o",
		"/v1/models/far/ft:gpt:org::": "ft:gpt:org::",
		"/v1/models/m:x":              "m:x",
		"/v1/models/far/a%252Fb":      "a%2Fb",
		"/v1/models/far/a%20b+c":      "a b+c",
		"/v1/models/far%2F%2Fx":       "/x",
		"/v1/models/far/..x":          "..x",
		"/v1/models/m?x=y":            "m",
	} {
		t.Run(path, func(t *testing.T) {
			f := &far{}
			h := open(t, Config{}, f)
			got := h.do(t, "GET", path, "")
			calls := f.seen()
			if got.status != http.StatusOK || len(calls) != 1 || calls[0].Model != want {
				t.Fatalf("got %d %s, provider saw %+v, want %q", got.status, got.body, calls, want)
			}
			if r := h.ledger.next(t); r.Operation != usage.OperationGetModel {
				t.Errorf("receipt: %+v", r)
			}
		})
	}
}
