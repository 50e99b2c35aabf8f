package gateway

import (
	"context"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/route"
)

func chatOf(t *testing.T, body string) *sluicev1.ChatCompletionRequest {
	t.Helper()
	req := new(sluicev1.ChatCompletionRequest)
	if err := wirejson.Unmarshal([]byte(body), req, wirejson.Options{}); err != nil {
		t.Fatal(err)
	}
	return req
}

// The members are those of OpenAI's API reference, "Create chat completion".
func TestChatFeatures_are_read_from_the_request(t *testing.T) {
	for body, want := range map[string]route.Feature{
		`{"messages":[{"role":"user","content":"hi"}]}`:                                                              0,
		`{"messages":[{"role":"user","content":"hi"}],"tools":[]}`:                                                   0,
		`{"messages":[{"role":"user","content":"hi"}],"tools":[{"type":"function","function":{"name":"f"}}]}`:        route.FeatureTools,
		`{"messages":[{"role":"user","content":"hi"}],"functions":[{"name":"f"}]}`:                                   route.FeatureTools,
		`{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`:            route.FeatureVision,
		`{"messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"","format":"wav"}}]}]}`: route.FeatureAudio,
		`{"messages":[{"role":"user","content":"hi"}],"modalities":["text","audio"]}`:                                route.FeatureAudio,
		`{"messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"f"}}]}]}`:                          route.FeatureFiles,
		`{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_object"}}`:                     0,
		// Beyond OpenAI's, whose tools answer in text: screenshots of Anthropic's and Gemini's.
		`{"messages":[{"role":"tool","tool_call_id":"c","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`: route.FeatureVision,
		`{"messages":[{"role":"system","content":[{"type":"file","file":{"file_id":"f"}}]}]}`:                                route.FeatureFiles,
		`{"messages":[{"role":"developer","content":[{"type":"input_audio","input_audio":{"data":"","format":"wav"}}]}]}`:    route.FeatureAudio,
		`{"messages":[{"role":"assistant","content":[{"type":"image_url","image_url":{"url":"https://x"}}]}]}`:               route.FeatureVision,
		`{"messages":[{"role":"user","content":"hi"}],"response_format":{"type":"json_schema","json_schema":{"name":"s","schema":{}}}}`: route.
			FeatureJSONSchema,
	} {
		if got := chatFeatures(chatOf(t, body)); got != want {
			t.Errorf("%s needs %v, want %v", body, got, want)
		}
	}
}

func TestPromptStart_is_the_same_for_conversations_that_go_on(t *testing.T) {
	const opening = `{"role":"system","content":"` + "You are a patient teacher of old languages." + `"}`
	first := promptStart(chatOf(t, `{"messages":[`+opening+`,{"role":"user","content":"hi"}]}`), 50)
	later := promptStart(chatOf(t, `{"messages":[`+opening+`,{"role":"user","content":"hi"},{"role":"assistant","content":"hello"},{"role":"user","content":"go on"}]}`), 50)
	if string(first) != string(later) || len(first) != 50 {
		t.Errorf("%q and %q", first, later)
	}
	if other := promptStart(chatOf(t, `{"messages":[{"role":"system","content":"You sell tea."}]}`), 50); string(other) == string(first) {
		t.Error("another conversation begins the same")
	}
	if keyed := promptStart(chatOf(t, `{"messages":[`+opening+`],"prompt_cache_key":"k-1"}`), 50); string(keyed) != "k-1" {
		t.Errorf("with a prompt_cache_key: %q", keyed)
	}
}

func TestCreateChatCompletion_goes_where_its_caller_chose_if_it_may(t *testing.T) {
	for name, test := range map[string]struct {
		allowed bool
		header  string
		member  string
		asked   string // provider/model
		sent    string // the member as the provider sees it
		reason  sluicev1.ErrorReason
	}{
		"a member, allowed":              {allowed: true, member: `["nobody","q/m-2"]`, asked: "q/m-2"},
		"a member, not allowed":          {member: `["q/m-2"]`, asked: "p/m-1", sent: `["q/m-2"]`},
		"a header, allowed":              {allowed: true, header: "nobody, q/m-2", asked: "q/m-2"},
		"a header, not allowed":          {header: "q/m-2", reason: sluicev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED},
		"a header wins over a member":    {allowed: true, header: "q/m-2", member: `["p/m-3"]`, asked: "q/m-2"},
		"a member that is no list":       {allowed: true, member: `"q/m-2"`, reason: sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
		"a member with an empty name":    {allowed: true, member: `["q/m-2",""]`, reason: sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
		"a member without a known model": {allowed: true, member: `["nobody"]`, reason: sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND},
		"an empty header":                {allowed: true, header: " , ", reason: sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST},
	} {
		t.Run(name, func(t *testing.T) {
			var asked, sent string
			provider := func(name string) adapters.Provider {
				f := &far{chat: func(_ context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
					asked = name + "/" + call.Model
					value, _ := wirejson.Get(req.GetRest(), "models")
					sent = string(value)
					return &sluicev1.ChatCompletion{}, nil
				}}
				return f.provider(name)
			}
			p := plan(t, "", nil, provider("p"), provider("q"))
			p.CallerChoice = test.allowed
			s, l := service(t, p)
			req := question("p/m-1")
			if test.member != "" {
				req.Rest = []byte(`{"models":` + test.member + `}`)
			}
			_, err := s.CreateChatCompletion(WithCall(t.Context(), &Call{Route: test.header}), req)
			if reason := l.one(t).Reason; reason != test.reason {
				t.Fatalf("%v, want %v", err, test.reason)
			}
			if asked != test.asked || sent != test.sent {
				t.Errorf("asked %q with models %s, want %q with %s", asked, sent, test.asked, test.sent)
			}
		})
	}
}

func TestCalls_say_what_happened_in_their_headers(t *testing.T) {
	down := &adapters.Error{Kind: adapters.KindUnavailable, Provider: "p", Status: 500, Header: adapters.Header{{Name: "x-request-id", Value: "r-1"}}}
	p := &far{
		chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			return nil, down
		},
		stream: func(context.Context, *adapters.Call, func(*sluicev1.ChatCompletionChunk) error) error { return down },
	}
	q := &far{
		chat: func(_ context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			return &sluicev1.ChatCompletion{}, nil
		},
		stream: func(_ context.Context, _ *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
			return send(end())
		},
	}
	targets := []route.Target{{Provider: "p", Model: "m-1"}, {Provider: "q", Model: "m-2", Priority: 1}}
	s, _ := service(t, plan(t, "", []route.Model{{Name: "fast", Targets: targets}, {Name: "gone", Targets: targets[:1]}}, p.provider("p"), q.provider("q")))
	check := func(call *Call, provider, model, attempts, tried string) {
		t.Helper()
		for name, want := range map[string]string{HeaderProvider: provider, HeaderModel: model, HeaderAttempts: attempts} {
			if got := call.Reply.Get(name); got != want {
				t.Errorf("%s: %q, want %q in %v", name, got, want, call.Reply)
			}
		}
		if got := call.Reply.Get(HeaderTried); !strings.HasPrefix(got, tried) {
			t.Errorf("%s: %q, want %q", HeaderTried, got, tried)
		}
	}
	call := &Call{}
	if _, err := s.CreateChatCompletion(WithCall(t.Context(), call), question("fast")); err != nil {
		t.Fatal(err)
	}
	check(call, "q", "m-2", "2", "p/m-1=")
	call = &Call{}
	if _, err := s.CreateChatCompletion(WithCall(t.Context(), call), question("q/m-3")); err != nil {
		t.Fatal(err)
	}
	check(call, "q", "m-3", "1", "")
	if call.Reply.Get(HeaderTried) != "" {
		t.Error("a call without failures says what was tried")
	}
	call = &Call{}
	_, err := s.CreateChatCompletion(WithCall(t.Context(), call), question("gone"))
	if fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE {
		t.Fatal(err)
	}
	check(call, "p", "m-1", "1", "p/m-1=")
	if call.Reply.Get("x-request-id") != "r-1" {
		t.Errorf("the provider's header is lost: %v", call.Reply)
	}
	call = &Call{}
	err = s.StreamChat(WithCall(t.Context(), call), question("fast"), func(*sluicev1.ChatCompletionChunk) error {
		check(call, "q", "m-2", "2", "p/m-1=")
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
}
