package catalog

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// resource plays a resource at Azure.
type resource struct {
	*httptest.Server

	path, query string
	header      http.Header
	body        map[string]any
	status      int
	answer      string
	contentType string
}

func newResource(t *testing.T) *resource {
	t.Helper()
	r := &resource{status: http.StatusOK, contentType: "application/json"}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, request *http.Request) {
		r.path, r.query, r.header, r.body = request.URL.EscapedPath(), request.URL.RawQuery, request.Header, nil
		data, _ := io.ReadAll(request.Body)
		_ = json.Unmarshal(data, &r.body)
		w.Header().Set("Content-Type", r.contentType)
		w.WriteHeader(r.status)
		_, _ = io.WriteString(w, r.answer)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *resource) open(t *testing.T, s adapters.Settings) adapters.Provider {
	t.Helper()
	s.Name = "az"
	p, err := New("azure", s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func keyed(base string, a adapters.Azure) adapters.Settings {
	return adapters.Settings{BaseURL: base, Azure: a, APIKeys: []adapters.Secret{adapters.NewSecret("az-key")}}
}

func question() *sluicev1.ChatCompletionRequest {
	return &sluicev1.ChatCompletionRequest{Model: "gpt", Messages: []*sluicev1.ChatMessage{{Message: &sluicev1.ChatMessage_User{
		User: &sluicev1.UserMessage{Content: &sluicev1.UserMessage_Text{Text: "Hi"}},
	}}}}
}

// Paths: Microsoft Learn, "Azure OpenAI in Microsoft Foundry Models v1 API" and "Azure
// OpenAI REST API reference" (Chat completions, Embeddings), 2026-11.
func TestAzure_asks_in_both_forms_of_the_API(t *testing.T) {
	deployments := adapters.Azure{Deployments: true, APIVersion: "2024-10-21"}
	for _, c := range []struct {
		name, suffix string
		azure        adapters.Azure
		chat, embed  string
		query        string
	}{
		{"v1", "", adapters.Azure{}, "/openai/v1/chat/completions", "/openai/v1/embeddings", "x=1"},
		{"v1 with a version", "/", adapters.Azure{APIVersion: "preview"}, "/openai/v1/chat/completions", "/openai/v1/embeddings", "api-version=preview&x=1"},
		{"v1 from its whole address", "/openai/v1/", adapters.Azure{}, "/openai/v1/chat/completions", "/openai/v1/embeddings", "x=1"},
		{"deployments", "", deployments, "/openai/deployments/my%2Fgpt/chat/completions", "/openai/deployments/my%2Fgpt/embeddings", "api-version=2024-10-21&x=1"},
		{"deployments from an address with /openai", "/openai", deployments, "/openai/deployments/my%2Fgpt/chat/completions", "/openai/deployments/my%2Fgpt/embeddings", "api-version=2024-10-21&x=1"},
		{"behind a gateway", "/gate/openai", deployments, "/gate/openai/deployments/my%2Fgpt/chat/completions", "/gate/openai/deployments/my%2Fgpt/embeddings", "api-version=2024-10-21&x=1"},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newResource(t)
			p := r.open(t, keyed(r.URL+c.suffix, c.azure))
			r.answer = `{"id":"x","object":"chat.completion","created":1,"model":"gpt","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"},"finish_reason":"stop"}]}`
			// A caller that was written for Azure brings an api-version of its own.
			call := &adapters.Call{Model: "my/gpt", Query: "api-version=2023-05-15&x=1"}
			if _, err := p.Chat.Chat(t.Context(), call, question()); err != nil {
				t.Fatal(err)
			}
			if r.path != c.chat || r.query != c.query || r.body["model"] != "my/gpt" {
				t.Errorf("chat asked %s?%s for %v, want %s?%s", r.path, r.query, r.body["model"], c.chat, c.query)
			}
			if r.header.Get("Api-Key") != "az-key" || r.header.Get("Authorization") != "" {
				t.Errorf("the key came as %v", r.header)
			}
			r.answer = `{"object":"list","model":"e","data":[],"usage":{"prompt_tokens":1,"total_tokens":1}}`
			if _, err := p.Embed.Embed(t.Context(), &adapters.Call{Model: "my/gpt", Query: "x=1"}, &sluicev1.CreateEmbeddingsRequest{Model: "e"}); err != nil {
				t.Fatal(err)
			}
			if r.path != c.embed || r.query != c.query {
				t.Errorf("embeddings asked %s?%s, want %s?%s", r.path, r.query, c.embed, c.query)
			}
			if (p.Models == nil) != c.azure.Deployments {
				t.Errorf("models are offered: %t", p.Models != nil)
			}
			if p.Models == nil {
				return
			}
			r.answer = `{"object":"list","data":[{"id":"gpt","object":"model"}]}`
			if list, err := p.Models.List(t.Context(), &adapters.Call{}); err != nil || len(list.GetData()) != 1 || r.path != "/openai/v1/models" {
				t.Errorf("%v, %v, asked %s", list, err, r.path)
			}
		})
	}
}

func TestAzure_refuses_names_that_would_be_another_path(t *testing.T) {
	p := newResource(t).open(t, keyed("http://127.0.0.1:0", adapters.Azure{Deployments: true, APIVersion: "2024-10-21"}))
	for _, name := range []string{"..", "a/../b", ""} {
		req := question()
		req.Model = name
		if _, err := p.Chat.Chat(t.Context(), &adapters.Call{}, req); adapters.KindOf(err) != adapters.KindNotFound {
			t.Errorf("%q: %v", name, err)
		}
	}
}

func TestAzure_says_what_to_write(t *testing.T) {
	for want, s := range map[string]adapters.Settings{
		azureExample:                         {},
		`azure.api_version: the deployments`: keyed("https://r.openai.azure.com", adapters.Azure{Deployments: true}),
		"set azure.deployments":              keyed("https://r.openai.azure.com/openai/deployments/gpt/chat/completions", adapters.Azure{}),
		"tenant_id and its client_id":        {BaseURL: "https://r.openai.azure.com", Azure: adapters.Azure{ClientSecret: adapters.NewSecret("s3cret")}},
		"base_url: needs http":               keyed("ftp://r.openai.azure.com", adapters.Azure{}),
	} {
		s.Name = "az"
		_, err := New("azure", s)
		if err == nil || !strings.Contains(err.Error(), want) || !strings.Contains(err.Error(), `"az"`) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}

// Bodies: Microsoft Learn, "Content filtering" (error and annotations) and the REST
// reference's errors; the texts of 401 and 404 are the service's own as users quote them.
func TestAzure_keeps_what_its_errors_say(t *testing.T) {
	for _, c := range []struct {
		name    string
		status  int
		body    string
		kind    adapters.Kind
		message string
		code    string
		kept    string
	}{
		{
			"content filter", http.StatusBadRequest,
			`{"error":{"message":"The response was filtered due to the prompt triggering Azure OpenAI's content management policy.","type":null,"param":"prompt","code":"content_filter","status":400,"innererror":{"code":"ResponsibleAIPolicyViolation","content_filter_result":{"hate":{"filtered":true,"severity":"high"}}}}}`,
			adapters.KindContentFiltered, "content management policy", "content_filter", "ResponsibleAIPolicyViolation",
		},
		{
			"no such deployment", http.StatusNotFound,
			`{"error":{"code":"DeploymentNotFound","message":"The API deployment for this resource does not exist. If you created the deployment within the last 5 minutes, please wait a moment and try again."}}`,
			adapters.KindNotFound, "does not exist", "DeploymentNotFound", "",
		},
		{
			"wrong key or region", http.StatusUnauthorized,
			`{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}}`,
			adapters.KindAuth, "regional API endpoint", "401", "",
		},
		{
			"no access for the identity", http.StatusUnauthorized,
			`{"error":{"code":"PermissionDenied","message":"The principal lacks the required data action to perform this operation."}}`,
			adapters.KindAuth, "lacks the required data action", "PermissionDenied", "",
		},
		{
			"throttled", http.StatusTooManyRequests,
			`{"error":{"code":"429","message":"Requests to the ChatCompletions_Create Operation have exceeded token rate limit of your current pricing tier."}}`,
			adapters.KindRateLimited, "token rate limit", "429", "",
		},
	} {
		t.Run(c.name, func(t *testing.T) {
			r := newResource(t)
			r.status, r.answer = c.status, c.body
			p := r.open(t, keyed(r.URL, adapters.Azure{}))
			_, err := p.Chat.Chat(t.Context(), &adapters.Call{}, question())
			if adapters.KindOf(err) != c.kind || !strings.Contains(err.Error(), c.message) {
				t.Fatalf("%v, want %s", err, c.kind)
			}
			failure := err.(*adapters.Error) //nolint:errorlint,forcetypeassert // KindOf found it
			if got := failure.Envelope.GetError().GetCodeString(); got != c.code || failure.Status != c.status {
				t.Errorf("code %q and status %d, want %q and %d", got, failure.Status, c.code, c.status)
			}
			if text := string(failure.Envelope.AppendWireJSON(nil)); !strings.Contains(text, c.kept) {
				t.Errorf("%s lost %s", text, c.kept)
			}
		})
	}
}

// The stream: Microsoft Learn, "Content streaming", prompt annotation message and
// completion message.
func TestAzure_keeps_the_filters_results(t *testing.T) {
	chunks := []string{
		`{"id":"","object":"","created":0,"model":"","prompt_filter_results":[{"prompt_index":0,"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}}}],"choices":[]}`,
		`{"id":"chatcmpl-7rAJvsS1QQCDuZYDDdQuMJVMV3x3N","object":"chat.completion.chunk","created":1692905411,"model":"gpt-35-turbo","choices":[{"index":0,"finish_reason":null,"delta":{"role":"assistant"}}]}`,
		`{"id":"","object":"","created":0,"model":"","choices":[{"index":0,"finish_reason":null,"delta":{},"content_filter_results":{"hate":{"filtered":false,"severity":"safe"}},"content_filter_offsets":{"check_offset":44,"start_offset":44,"end_offset":198}}]}`,
		`{"id":"chatcmpl-7rAJvsS1QQCDuZYDDdQuMJVMV3x3N","object":"chat.completion.chunk","created":1692905411,"model":"gpt-35-turbo","choices":[{"index":0,"finish_reason":"stop","delta":{}}]}`,
	}
	r := newResource(t)
	r.contentType, r.answer = "text/event-stream", "data: "+strings.Join(chunks, "\n\ndata: ")+"\n\ndata: [DONE]\n\n"
	p := r.open(t, keyed(r.URL, adapters.Azure{}))
	var got []*sluicev1.ChatCompletionChunk
	err := p.Chat.StreamChat(t.Context(), &adapters.Call{}, question(), func(c *sluicev1.ChatCompletionChunk) error {
		got = append(got, c)
		return nil
	})
	if err != nil || len(got) != len(chunks) {
		t.Fatalf("%d chunks, %v", len(got), err)
	}
	if value, ok := wirejson.Get(got[0].GetRest(), "prompt_filter_results"); !ok || len(got[0].GetChoices()) != 0 || !strings.Contains(string(value), `"safe"`) {
		t.Errorf("the first chunk is %s", got[0].AppendWireJSON(nil))
	}
	for _, member := range []string{"content_filter_results", "content_filter_offsets"} {
		if _, ok := wirejson.Get(got[2].GetChoices()[0].GetRest(), member); !ok {
			t.Errorf("%s is lost: %s", member, got[2].AppendWireJSON(nil))
		}
	}
}
