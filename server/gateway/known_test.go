package gateway

import (
	"context"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/almanac"
	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/route"
)

// everything is what is known of the model "large" of every provider, and of "small".
func everything(_, model string) *almanac.Model {
	switch model {
	case "large":
		return &almanac.Model{
			ContextWindow: 100000, MaxOutputTokens: 4096, Can: almanac.Tools | almanac.Vision | almanac.Reasoning, EmbeddingDimensions: 7,
			Price: &almanac.Price{Input: 1, Output: 2, CachedInput: new(0.5), CacheWrite: new(0.0)}, AsOf: "2026-01-02", Source: "https://a.example/",
		}
	case "small":
		return &almanac.Model{
			ContextWindow: 1000, MaxOutputTokens: 8192, Can: almanac.Tools, Lacks: almanac.Vision,
			Price: &almanac.Price{Input: 1, Output: 3, CachedInput: new(0.5), CacheWrite: new(0.0)}, AsOf: "2025-01-02", Source: "https://a.example/",
		}
	}
	return nil
}

// lists is a provider that lists models as the JSON says.
func lists(t *testing.T, models ...string) *far {
	t.Helper()
	return &far{list: func(context.Context) (*sluicev1.ListModelsResponse, error) {
		out := &sluicev1.ListModelsResponse{}
		return out, wirejson.Unmarshal([]byte(`{"object":"list","data":[`+strings.Join(models, ",")+`]}`), out, wirejson.Options{})
	}}
}

func listed(t *testing.T, p *Plan) map[string]string {
	t.Helper()
	p.Known = everything
	s, _ := service(t, p)
	answer, err := s.ListModels(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	out := make(map[string]string)
	for _, m := range answer.GetData() {
		out[m.GetId()] = string(wirejson.Marshal(m))
	}
	return out
}

const large = `"context_window":100000,"max_output_tokens":4096,"capabilities":["tools","vision","reasoning"],` +
	`"price":{"input":1,"cached_input":0.5,"cache_write":0,"output":2,"currency":"USD"},"embedding_dimensions":7,"as_of":"2026-01-02","source":"https://a.example/"`

func TestListModels_says_what_is_known_of_models(t *testing.T) {
	got := listed(t, plan(t, "a", nil, lists(t,
		`{"id":"large","object":"model","created":5,"owned_by":"x"}`,
		`{"id":"mystery","object":"model","created":5,"owned_by":"x"}`,
	).provider("a"), lists(t, `{"id":"large","object":"model","created":5,"owned_by":"x"}`).provider("b")))
	for id, want := range map[string]string{
		"large":   `{"id":"large","object":"model","created":5,"owned_by":"x",` + large + `}`,
		"mystery": `{"id":"mystery","object":"model","created":5,"owned_by":"x"}`,
		"b/large": `{"id":"b/large","object":"model","created":5,"owned_by":"x",` + large + `}`,
	} {
		if got[id] != want {
			t.Errorf("%s: got\n%s\nwant\n%s", id, got[id], want)
		}
	}
}

// Groq's list has context_window and max_completion_tokens, Mistral's an object as
// capabilities, Together's a pricing (their API references, 2025-10).
func TestListModels_leaves_what_the_provider_says_itself(t *testing.T) {
	for name, test := range map[string]struct{ listed, want string }{
		"of the same form": {
			`{"id":"large","object":"model","created":0,"owned_by":"x","context_window":5,"price":{"input":9,"note":"y"}}`,
			`"context_window":5,"max_output_tokens":4096,"capabilities":["tools","vision","reasoning"],"price":{"input":9,"note":"y"}`,
		},
		"of another form": {
			`{"id":"large","object":"model","created":0,"owned_by":"x","context_window":"128k","capabilities":{"vision":true},"price":"free","source":5,"as_of":null}`,
			`"max_output_tokens":4096,"embedding_dimensions":7,"context_window":"128k","capabilities":{"vision":true},"price":"free","source":5,"as_of":null}`,
		},
		"of other elements": {
			`{"id":"large","object":"model","created":0,"owned_by":"x","capabilities":[{"name":"vision"}],"price":{"input":"0.1"}}`,
			`"capabilities":[{"name":"vision"}]`,
		},
	} {
		got := listed(t, plan(t, "a", nil, lists(t, test.listed).provider("a")))["large"]
		if !strings.Contains(got, test.want) || strings.Count(got, `"capabilities"`) != 1 || strings.Count(got, `"price"`) != 1 {
			t.Errorf("%s: got\n%s\nwant\n%s", name, got, test.want)
		}
	}
}

func TestListModels_describes_a_route_by_what_all_of_its_targets_have(t *testing.T) {
	target := func(model string) route.Target { return route.Target{Provider: "a", Model: model} }
	said := target("mystery")
	said.ContextWindow, said.Price, said.Lacks = 9000, &route.Price{Input: 3, Output: 4}, route.FeatureTools
	cut := target("large")
	cut.Lacks, cut.ContextWindow, cut.Price = route.FeatureVision, 50000, &route.Price{Input: 7, Output: 8}
	got := listed(t, plan(t, "a", []route.Model{
		{Name: "one", Aliases: []string{"other"}, Targets: []route.Target{target("large")}},
		{Name: "two", Targets: []route.Target{target("large"), target("small")}},
		{Name: "twice", Targets: []route.Target{target("large"), target("large")}},
		{Name: "unsure", Targets: []route.Target{target("large"), target("mystery")}},
		{Name: "said", Targets: []route.Target{said}},
		{Name: "cut", Targets: []route.Target{cut}},
		{Name: "large", Targets: []route.Target{target("")}},
	}, lists(t).provider("a")))
	for id, want := range map[string]string{
		"one":    large,
		"other":  large,
		"large":  large,
		"two":    `"context_window":1000,"max_output_tokens":4096,"capabilities":["tools"],"as_of":"2025-01-02","source":"https://a.example/"`,
		"twice":  large,
		"unsure": ``,
		"said":   `"context_window":9000,"price":{"input":3,"output":4,"currency":"USD"}`,
		"cut":    `"context_window":50000,"max_output_tokens":4096,"capabilities":["tools","reasoning"],"price":{"input":7,"output":8,"currency":"USD"},"embedding_dimensions":7,"as_of":"2026-01-02","source":"https://a.example/"`,
	} {
		if want != "" {
			want = "," + want
		}
		if want = `{"id":"` + id + `","object":"model","created":0,"owned_by":"sluice"` + want + `}`; got[id] != want {
			t.Errorf("%s: got\n%s\nwant\n%s", id, got[id], want)
		}
	}
}

func TestGetModel_says_what_is_known(t *testing.T) {
	f := lists(t)
	p := plan(t, "p", []route.Model{
		{Name: "fast", Targets: []route.Target{{Provider: "p", Model: "large"}}},
		{Name: "lar*", Targets: []route.Target{{Provider: "p", ContextWindow: 77}}},
	}, f.provider("p"), f.provider("q"))
	p.Known = everything
	s, _ := service(t, p)
	for name, window := range map[string]int64{"fast": 100000, "p/large": 100000, "q:large": 100000, "large": 77, "small": 1000, "p/mystery": 0} {
		got, err := s.GetModel(t.Context(), &sluicev1.GetModelRequest{Model: name})
		if err != nil || got.GetContextWindow() != window || (window > 0) != (got.GetPrice() != nil) {
			t.Errorf("%s: got %v, %v", name, got, err)
		}
	}
}

func TestList_tells_of_a_panic_without_its_value(t *testing.T) {
	panics := &far{list: func(context.Context) (*sluicev1.ListModelsResponse, error) { panic("a secret") }}
	p := plan(t, "a", nil, panics.provider("a"), lists(t, `{"id":"x"}`).provider("b"))
	lists := p.List(t.Context(), p.Listed, nil, "")
	if len(lists) != 2 || lists[0].Provider != "a" || lists[0].Err == nil || strings.Contains(lists[0].Err.Error(), "secret") || lists[0].Answer != nil {
		t.Errorf("got %+v", lists)
	}
	if len(lists) == 2 && (lists[1].Err != nil || lists[1].Answer.GetData()[0].GetId() != "b/x") {
		t.Errorf("got %+v", lists[1])
	}
}

// informed is a plan of a provider p whose model "blind" is known to lack vision.
func informed(t *testing.T, f *far, models []route.Model) *Plan {
	t.Helper()
	p := plan(t, "p", models, f.provider("p"))
	p.Routes.Inform(func(_, model string) route.Facts {
		switch model {
		case "blind":
			return route.Facts{Lacks: route.FeatureVision}
		case "small":
			return route.Facts{ContextWindow: 1000}
		case "large":
			return route.Facts{ContextWindow: 100000}
		}
		return route.Facts{}
	})
	return p
}

func picture(model string) *sluicev1.ChatCompletionRequest {
	req := &sluicev1.ChatCompletionRequest{}
	text := `{"model":"` + model + `","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.example/y.png"}}]}]}`
	if err := wirejson.Unmarshal([]byte(text), req, wirejson.Options{}); err != nil {
		panic(err)
	}
	return req
}

func TestChat_refuses_what_a_model_is_known_to_lack_unless_the_caller_wants_to_try(t *testing.T) {
	f := &far{chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
		return &sluicev1.ChatCompletion{Id: "answered"}, nil
	}}
	for header, refused := range map[string]bool{"": true, "error": true, "drop": false, "Pass": false} {
		s, _ := service(t, informed(t, f, nil))
		ctx := WithCall(t.Context(), &Call{Value: func(name string) string {
			if name == HeaderUnsupported {
				return header
			}
			return ""
		}})
		_, err := s.CreateChatCompletion(ctx, picture("p/blind"))
		if (err != nil) != refused || refused && fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED {
			t.Errorf("%q: got %v", header, err)
		}
	}
}

func TestChat_goes_to_a_window_that_is_known_to_be_larger_when_the_provider_finds_the_prompt_too_long(t *testing.T) {
	var asked []string
	f := &far{chat: func(_ context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
		asked = append(asked, call.Model)
		if call.Model == "large" {
			return &sluicev1.ChatCompletion{Id: "answered"}, nil
		}
		return nil, &adapters.Error{Kind: adapters.KindContextWindow, Provider: "p", Status: 400, Message: "too long"}
	}}
	p := informed(t, f, []route.Model{{Name: "m", Targets: []route.Target{
		{Provider: "p", Model: "small", Weight: 1}, {Provider: "p", Model: "small", Priority: 1, Weight: 1}, {Provider: "p", Model: "large", Priority: 2, Weight: 1},
	}}})
	p.Targets = []*Target{{}, {}, {}}
	for _, target := range p.Targets {
		target.Provider = p.Providers["p"]
	}
	p.Policy.MaxAttempts = 5
	s, _ := service(t, p)
	if _, err := s.CreateChatCompletion(t.Context(), question("m")); err != nil || strings.Join(asked, " ") != "small large" {
		t.Errorf("asked %q, %v", asked, err)
	}
}
