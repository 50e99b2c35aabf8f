package bedrock

import (
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// The ids and ARNs are of the forms that the Amazon Bedrock API reference documents for
// Converse's modelId.
func TestChat_signs_the_path_as_it_is_sent(t *testing.T) {
	noAWS(t)
	for model, path := range map[string]string{
		"anthropic.claude-3-sonnet-20240229-v1:0":                                   "/model/anthropic.claude-3-sonnet-20240229-v1%3A0/converse",
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0":                              "/model/us.anthropic.claude-sonnet-4-5-20250929-v1%3A0/converse",
		"arn:aws:bedrock:us-west-2:123456789012:inference-profile/us.x.y-v1:0":      "/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Ainference-profile%2Fus.x.y-v1%3A0/converse",
		"arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abc":              "/model/arn%3Aaws%3Abedrock%3Aus-west-2%3A123456789012%3Aprovisioned-model%2Fabc/converse",
		"a model (odd) + ä & more; even? 100%":                                      "/model/a%20model%20%28odd%29%20%2B%20%C3%A4%20%26%20more%3B%20even%3F%20100%25/converse",
		"arn:aws:sagemaker:us-west-2:123456789012:endpoint/endpoint-quick-start-xy": "/model/arn%3Aaws%3Asagemaker%3Aus-west-2%3A123456789012%3Aendpoint%2Fendpoint-quick-start-xy/converse",
	} {
		t.Run(model, func(t *testing.T) {
			base, all := play(t, map[string]func(w writer, r asked){path: reply(200, helloReply)})
			p := provider(t, signing(base))
			call := &adapters.Call{Model: model, Header: adapters.Header{{Name: "idempotency-key", Value: "k"}}, Query: "a=b&c=d%20e"}
			if _, err := p.Chat.Chat(t.Context(), call, chatRequest(t, hello)); err != nil {
				t.Fatal(err)
			}
			checkSignature(t, all()[0], "", "us-west-2")
		})
	}
}

func TestChat_sends_the_session_token(t *testing.T) {
	noAWS(t)
	base, all := play(t, map[string]func(w writer, r asked){"/model/m/converse": reply(200, helloReply)})
	settings := signing(base)
	settings.AWS.SessionToken = adapters.NewSecret("session-token")
	if _, err := provider(t, settings).Chat.Chat(t.Context(), &adapters.Call{Model: "m"}, chatRequest(t, hello)); err != nil {
		t.Fatal(err)
	}
	checkSignature(t, all()[0], "session-token", "us-west-2")
	if got := all()[0].Header.Get("X-Amz-Security-Token"); got != "session-token" {
		t.Errorf("the token is %q", got)
	}
}

func TestNew_reads_a_key_of_the_environment_when_nothing_else_is_set(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*adapters.Settings)
		want   string
	}{
		"nothing else":    {func(s *adapters.Settings) { s.AWS = adapters.AWS{} }, "Bearer env-key"},
		"a region":        {func(s *adapters.Settings) { s.AWS = adapters.AWS{Region: "eu-west-1"} }, "Bearer env-key"},
		"keys":            {func(s *adapters.Settings) { s.APIKeys = []adapters.Secret{adapters.NewSecret("own-key")} }, "Bearer own-key"},
		"credentials":     {func(*adapters.Settings) {}, "AWS4-HMAC-SHA256 Credential=" + keyID},
		"the call's key":  {func(s *adapters.Settings) { s.AWS = adapters.AWS{} }, "Bearer call-key"},
		"a target header": {func(*adapters.Settings) {}, "Bearer target-key"},
	} {
		t.Run(name, func(t *testing.T) {
			noAWS(t)
			t.Setenv(apiKeyVariable, "env-key")
			base, all := play(t, map[string]func(w writer, r asked){"/model/m/converse": reply(200, helloReply)})
			settings := signing(base)
			c.change(&settings)
			call := &adapters.Call{Model: "m"}
			switch name {
			case "the call's key":
				call.Key = adapters.NewSecret("call-key")
			case "a target header":
				call.TargetHeader = adapters.Header{{Name: "authorization", Value: "Bearer target-key"}}
			}
			if _, err := provider(t, settings).Chat.Chat(t.Context(), call, chatRequest(t, hello)); err != nil {
				t.Fatal(err)
			}
			if got := all()[0].Header.Get("Authorization"); !strings.HasPrefix(got, c.want) {
				t.Errorf("authorization %q, want %q", got, c.want)
			}
		})
	}
}

func TestNew_wants_a_region_where_it_needs_one(t *testing.T) {
	noAWS(t)
	key := []adapters.Secret{adapters.NewSecret("k")}
	for name, c := range map[string]struct {
		settings adapters.Settings
		says     string
	}{
		"nothing at all":            {adapters.Settings{}, "no region"},
		"a key alone":               {adapters.Settings{APIKeys: key}, "no region"},
		"a base URL alone":          {adapters.Settings{BaseURL: "https://gateway.example"}, "no region to sign for"},
		"a region that is none":     {adapters.Settings{APIKeys: key, AWS: adapters.AWS{Region: "nowhere"}}, "region"},
		"half of the credentials":   {adapters.Settings{AWS: adapters.AWS{Region: "us-east-1", AccessKeyID: adapters.NewSecret("a")}}, "belong together"},
		"a key and a base URL":      {adapters.Settings{BaseURL: "https://gateway.example", APIKeys: key}, ""},
		"AWS's own host":            {adapters.Settings{BaseURL: "https://bedrock-runtime.eu-west-3.amazonaws.com"}, ""},
		"a header that authorizes":  {adapters.Settings{BaseURL: "https://gateway.example", Headers: adapters.Header{{Name: "authorization", Value: "Bearer x"}}}, ""},
		"a region and nothing else": {adapters.Settings{AWS: adapters.AWS{Region: "us-east-1"}}, ""},
	} {
		c.settings.Name = "p"
		_, err := New(c.settings)
		if c.says == "" && err != nil || c.says != "" && (err == nil || !strings.Contains(err.Error(), c.says)) {
			t.Errorf("%s: %v, want %q", name, err, c.says)
		}
	}
	t.Setenv("AWS_REGION", "us-east-2")
	if _, err := New(adapters.Settings{Name: "p"}); err != nil {
		t.Errorf("a region of the environment: %v", err)
	}
}

// Source: AWS General Reference, "Amazon Bedrock endpoints and quotas".
func TestHost_is_that_of_the_region(t *testing.T) {
	for region, want := range map[string]string{
		"us-east-1":      "https://bedrock-runtime.us-east-1.amazonaws.com",
		"us-gov-west-1":  "https://bedrock-runtime.us-gov-west-1.amazonaws.com",
		"cn-north-1":     "https://bedrock-runtime.cn-north-1.amazonaws.com.cn",
		"eusc-de-east-1": "https://bedrock-runtime.eusc-de-east-1.amazonaws.eu",
		"us-iso-east-1":  "https://bedrock-runtime.us-iso-east-1.c2s.ic.gov",
		"us-isob-east-1": "https://bedrock-runtime.us-isob-east-1.sc2s.sgov.gov",
		"":               "",
	} {
		if got := host("bedrock-runtime", region); got != want {
			t.Errorf("%q: %q, want %q", region, got, want)
		}
		if region != "" && strings.HasSuffix(want, "amazonaws.com") && regionOf(want) != region {
			t.Errorf("%q is read as %q", want, regionOf(want))
		}
	}
	for _, base := range []string{"https://gateway.example", "https://example.us-east-1.amazonaws.com", "::", ""} {
		if got := regionOf(base); got != "" {
			t.Errorf("%q: region %q, want none", base, got)
		}
	}
}

func TestChat_says_that_there_are_no_credentials(t *testing.T) {
	noAWS(t)
	base, all := play(t, nil)
	p := provider(t, adapters.Settings{BaseURL: base, AWS: adapters.AWS{Region: "us-east-1"}})
	_, err := p.Chat.Chat(t.Context(), &adapters.Call{Model: "m"}, chatRequest(t, hello))
	if adapters.KindOf(err) != adapters.KindAuth || !strings.Contains(err.Error(), "no credentials") {
		t.Errorf("error %v, want one of auth that says so", err)
	}
	if len(all()) > 0 {
		t.Error("a request without a signature was sent")
	}
}

func TestChat_cleans_errors_of_the_secret_key(t *testing.T) {
	noAWS(t)
	base, _ := play(t, map[string]func(w writer, r asked){
		"/model/m/converse": reply(403, `{"message":"The request signature we calculated does not match. `+secretKey+` session-token"}`),
	})
	settings := signing(base)
	settings.AWS.SessionToken = adapters.NewSecret("session-token")
	_, err := provider(t, settings).Chat.Chat(t.Context(), &adapters.Call{Model: "m"}, chatRequest(t, hello))
	if err == nil || strings.Contains(err.Error(), secretKey) || strings.Contains(err.Error(), "session-token") {
		t.Errorf("error %v, want one without secrets", err)
	}
}

func TestAPI_does_not_ask_for_names_that_would_be_another_path(t *testing.T) {
	p := provider(t, adapters.Settings{BaseURL: "http://127.0.0.1:0", APIKeys: []adapters.Secret{adapters.NewSecret("k")}})
	for _, name := range []string{"", ".", "..", "a/../b"} {
		// The base URL cannot be reached: an attempt would be unavailable.
		call := &adapters.Call{Model: name}
		if _, err := p.Models.Get(t.Context(), call); adapters.KindOf(err) != adapters.KindNotFound {
			t.Errorf("%q: model: %v, want not_found", name, err)
		}
		if _, err := p.Chat.Chat(t.Context(), call, chatRequest(t, hello)); adapters.KindOf(err) != adapters.KindNotFound {
			t.Errorf("%q: chat: %v, want not_found", name, err)
		}
		send := func(*sluicev1.ChatCompletionChunk) error { return nil }
		if err := p.Chat.StreamChat(t.Context(), call, chatRequest(t, hello), send); adapters.KindOf(err) != adapters.KindNotFound {
			t.Errorf("%q: stream: %v, want not_found", name, err)
		}
	}
}

func TestChat_gives_each_answer_an_id_of_its_own(t *testing.T) {
	base, _ := play(t, map[string]func(w writer, r asked){"/model/m/converse": reply(200, helloReply)})
	p := provider(t, adapters.Settings{BaseURL: base, APIKeys: []adapters.Secret{adapters.NewSecret("k")}})
	seen := map[string]bool{}
	for range 3 {
		got, err := p.Chat.Chat(t.Context(), &adapters.Call{Model: "m"}, chatRequest(t, hello))
		if err != nil {
			t.Fatal(err)
		}
		if seen[got.GetId()] || !strings.HasPrefix(got.GetId(), "chatcmpl-") || len(got.GetId()) < 20 {
			t.Errorf("the id is %q", got.GetId())
		}
		seen[got.GetId()] = true
	}
}
