package bedrock

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

type writer = http.ResponseWriter

const oneModel = `{"modelSummaries":[{"modelId":"amazon.nova-pro-v1:0","modelArn":"arn","providerName":"Amazon"}]}`

func ids(list *sluicev1.ListModelsResponse) []string {
	var out []string
	for _, m := range list.GetData() {
		out = append(out, m.GetId())
	}
	return out
}

// The forms are those of the Amazon Bedrock API reference, "ListInferenceProfiles".
func TestList_reads_all_pages_of_profiles(t *testing.T) {
	noAWS(t)
	base, all := play(t, map[string]func(w writer, r asked){
		"/foundation-models": reply(200, oneModel),
		"/inference-profiles": func(w writer, r asked) {
			switch query, _ := url.ParseQuery(r.URL.RawQuery); query.Get("nextToken") {
			case "":
				reply(200, `{"inferenceProfileSummaries":[{"inferenceProfileId":"us.amazon.nova-pro-v1:0","type":"SYSTEM_DEFINED"}],"nextToken":"a+b/c="}`)(w, r)
			case "a+b/c=":
				reply(200, `{"inferenceProfileSummaries":[{"inferenceProfileId":"x1","inferenceProfileArn":"arn:aws:bedrock:us-west-2:1:application-inference-profile/x1","type":"APPLICATION"}]}`)(w, r)
			default:
				reply(400, `{"message":"bad token"}`)(w, r)
			}
		},
	})
	list, err := provider(t, signing(base)).Models.List(t.Context(), &adapters.Call{})
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"amazon.nova-pro-v1:0", "us.amazon.nova-pro-v1:0", "arn:aws:bedrock:us-west-2:1:application-inference-profile/x1"}
	if !slices.Equal(ids(list), want) {
		t.Errorf("models %q, want %q", ids(list), want)
	}
	for _, r := range all() {
		checkSignature(t, r, "", "us-west-2")
	}
}

func TestList_lists_the_models_to_whom_may_not_list_profiles(t *testing.T) {
	base, _ := play(t, map[string]func(w writer, r asked){
		"/foundation-models":  reply(200, oneModel),
		"/inference-profiles": reply(403, `{"__type":"AccessDeniedException","message":"no"}`),
	})
	p := provider(t, adapters.Settings{BaseURL: base, APIKeys: []adapters.Secret{adapters.NewSecret("k")}})
	list, err := p.Models.List(t.Context(), &adapters.Call{})
	if err != nil || !slices.Equal(ids(list), []string{"amazon.nova-pro-v1:0"}) {
		t.Errorf("models %q, %v", ids(list), err)
	}
}

func TestList_fails_when_profiles_break(t *testing.T) {
	base, _ := play(t, map[string]func(w writer, r asked){
		"/foundation-models":  reply(200, oneModel),
		"/inference-profiles": reply(500, `{"message":"broken"}`),
	})
	p := provider(t, adapters.Settings{BaseURL: base, APIKeys: []adapters.Secret{adapters.NewSecret("k")}})
	if _, err := p.Models.List(t.Context(), &adapters.Call{}); adapters.KindOf(err) != adapters.KindUnavailable {
		t.Errorf("error %v, want unavailable", err)
	}
}

// Source: Amazon Bedrock user guide, "Supported Regions and models for inference profiles".
func TestIsProfile_knows_the_names_of_profiles(t *testing.T) {
	for model, want := range map[string]bool{
		"us.anthropic.claude-sonnet-4-5-20250929-v1:0":                           true,
		"global.anthropic.claude-opus-4-6-v1":                                    true,
		"us-gov.anthropic.claude-3-haiku-20240307-v1:0":                          true,
		"arn:aws:bedrock:us-east-1:1:application-inference-profile/a":            true,
		"arn:aws:bedrock:us-east-1::foundation-model/amazon.titan-embed-text-v1": false,
		"anthropic.claude-3-sonnet-20240229-v1:0":                                false,
		"amazon.nova-pro-v1:0":                                                   false,
		"us.nothing":                                                             false,
	} {
		if got := isProfile(model); got != want {
			t.Errorf("%s: %t", model, got)
		}
	}
}

func TestEmbed_asks_titan_once_for_each_input(t *testing.T) {
	base, all := play(t, map[string]func(w writer, r asked){
		"/model/amazon.titan-embed-text-v1/invoke": func(w writer, r asked) {
			switch {
			case strings.Contains(r.body, "first"):
				reply(200, `{"embedding":[0.5],"inputTextTokenCount":2}`)(w, r)
			case strings.Contains(r.body, "second"):
				reply(200, `{"embedding":[0.25],"inputTextTokenCount":3}`)(w, r)
			default:
				reply(400, `{"message":"bad input"}`)(w, r)
			}
		},
	})
	keys := []adapters.Secret{adapters.NewSecret("key-one"), adapters.NewSecret("key-two")}
	p := provider(t, adapters.Settings{BaseURL: base, APIKeys: keys})
	req := &sluicev1.CreateEmbeddingsRequest{Input: &sluicev1.CreateEmbeddingsRequest_Texts{Texts: &sluicev1.StringList{Values: []string{"first", "second"}}}}
	call := &adapters.Call{Model: "amazon.titan-embed-text-v1"}
	got, err := p.Embed.Embed(t.Context(), call, req)
	if err != nil {
		t.Fatal(err)
	}
	if n := len(got.GetData()); n != 2 || got.GetData()[1].GetIndex() != 1 || got.GetData()[1].GetFloats().GetValues()[0] != 0.25 {
		t.Errorf("vectors %v", got.GetData())
	}
	if got.GetUsage().GetPromptTokens() != 5 || got.GetUsage().GetTotalTokens() != 5 {
		t.Errorf("usage %v, want 5", got.GetUsage())
	}
	requests := all()
	if len(requests) != 2 || requests[0].Header.Get("Authorization") != requests[1].Header.Get("Authorization") {
		t.Errorf("%d requests, want 2 with the same key", len(requests))
	}

	// All or nothing, and nothing is asked behind the one that failed.
	req.GetTexts().Values = []string{"first", "bad", "second"}
	if _, err := p.Embed.Embed(t.Context(), call, req); adapters.KindOf(err) != adapters.KindInvalid {
		t.Errorf("error %v, want invalid", err)
	}
	if n := len(all()); n != 4 {
		t.Errorf("%d requests, want 4", n)
	}
}

func TestEmbed_refuses_what_it_cannot_say(t *testing.T) {
	p := provider(t, adapters.Settings{BaseURL: "http://127.0.0.1:0", APIKeys: []adapters.Secret{adapters.NewSecret("k")}})
	text := &sluicev1.CreateEmbeddingsRequest_Text{Text: "a"}
	tokens := &sluicev1.CreateEmbeddingsRequest_Tokens{Tokens: &sluicev1.TokenList{Values: []int64{1}}}
	for name, c := range map[string]struct {
		model string
		req   *sluicev1.CreateEmbeddingsRequest
		says  string
	}{
		"tokens":              {"amazon.titan-embed-text-v2:0", &sluicev1.CreateEmbeddingsRequest{Input: tokens}, `"input"`},
		"lengths of Titan v1": {"amazon.titan-embed-text-v1", &sluicev1.CreateEmbeddingsRequest{Input: text, Dimensions: new(int64(256))}, `"dimensions"`},
		"lengths of Cohere 3": {"cohere.embed-english-v3", &sluicev1.CreateEmbeddingsRequest{Input: text, Dimensions: new(int64(256))}, `"dimensions"`},
		"another encoding":    {"cohere.embed-english-v3", &sluicev1.CreateEmbeddingsRequest{Input: text, EncodingFormat: new("int8")}, `"encoding_format"`},
		"another model":       {"anthropic.claude-3", &sluicev1.CreateEmbeddingsRequest{Input: text}, "Titan"},
	} {
		_, err := p.Embed.Embed(t.Context(), &adapters.Call{Model: c.model}, c.req)
		if adapters.KindOf(err) != adapters.KindUnsupported || !strings.Contains(err.Error(), c.says) {
			t.Errorf("%s: %v, want one that says %s", name, err, c.says)
		}
	}
}
