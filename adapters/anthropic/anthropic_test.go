package anthropic

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

func TestAdapter(t *testing.T) { adaptertest.Run(t, New, "testdata") }

// readRequest reads a request of the contract.
func readRequest(t *testing.T, text string) *sluicev1.ChatCompletionRequest {
	t.Helper()
	req := new(sluicev1.ChatCompletionRequest)
	if err := wirejson.Unmarshal([]byte(text), req, wirejson.Options{}); err != nil {
		t.Fatal(err)
	}
	return req
}

// serve answers every request and returns what to open an adapter with.
func serve(t *testing.T, answer http.HandlerFunc) adapters.Settings {
	t.Helper()
	server := httptest.NewServer(answer)
	t.Cleanup(server.Close)
	return adapters.Settings{Name: "p", BaseURL: server.URL + "/v1"}
}

func open(t *testing.T, s adapters.Settings) adapters.Provider {
	t.Helper()
	p, err := New(s)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p
}

// Source: ModelListParams and the page type of the official Go SDK v1.84.0.
func TestModels_are_listed_to_the_last_page(t *testing.T) {
	var queries []string
	p := open(t, serve(t, func(w http.ResponseWriter, r *http.Request) {
		queries = append(queries, r.URL.RawQuery)
		w.Header().Set("Content-Type", "application/json")
		n := len(queries)
		_, _ = fmt.Fprintf(w, `{"data":[{"type":"model","id":"m/%d","display_name":"M","created_at":"2026-02-04T00:00:00Z"}],"has_more":%t,"first_id":"m/%d","last_id":"m/%d"}`, n, n < 3, n, n)
	}))
	list, err := p.Models.List(t.Context(), &adapters.Call{Query: "after_id=x"})
	if err != nil || len(list.GetData()) != 3 || list.GetData()[2].GetId() != "m/3" {
		t.Fatalf("%v and %v", list, err)
	}
	if want := []string{"limit=1000", "limit=1000&after_id=m%2F1", "limit=1000&after_id=m%2F2"}; !slices.Equal(queries, want) {
		t.Errorf("asked %q, want %q", queries, want)
	}
}

func TestModels_end_where_a_page_leads_to_itself(t *testing.T) {
	pages := 0
	p := open(t, serve(t, func(w http.ResponseWriter, _ *http.Request) {
		pages++
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"data":[],"has_more":true,"last_id":"m"}`))
	}))
	if _, err := p.Models.List(t.Context(), &adapters.Call{}); err != nil || pages != 2 {
		t.Errorf("%d pages and %v, want 2", pages, err)
	}
}

func TestModels_does_not_ask_for_names_that_would_be_another_path(t *testing.T) {
	p := open(t, adapters.Settings{Name: "p", BaseURL: "http://127.0.0.1:0"})
	for _, name := range []string{"", ".", ".."} {
		// The base URL cannot be reached: an attempt would be unavailable.
		if _, err := p.Models.Get(t.Context(), &adapters.Call{Model: name}); adapters.KindOf(err) != adapters.KindNotFound {
			t.Errorf("%q: %v, want not_found", name, err)
		}
	}
}

// Source: the documentation's "Beta headers": several are joined by commas.
func TestBetas_of_all_sides_are_joined(t *testing.T) {
	var got []string
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header.Values("Anthropic-Beta") })
	s.Headers.Add("anthropic-beta", "files-api-2025-04-14, x")
	p := open(t, s)
	call := &adapters.Call{TargetHeader: adapters.Header{{Name: "anthropic-beta", Value: "context-management-2025-06-27"}, {Name: "anthropic-version", Value: "2099-01-01"}}}
	_, _ = p.Chat.Chat(t.Context(), call, readRequest(t, `{"model":"claude-opus-4-6","betas":["fast-mode-2026-02-01","x"],"messages":[{"role":"user","content":"Hi"}]}`))
	if want := "files-api-2025-04-14,x,context-management-2025-06-27,fast-mode-2026-02-01"; len(got) != 1 || got[0] != want {
		t.Errorf("got %q, want %q alone", got, want)
	}
}

func TestChat_refuses_what_it_cannot_say_and_does_not_ask(t *testing.T) {
	p := open(t, serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") }))
	for text, member := range map[string]string{
		`"seed":1`:                      "seed",
		`"n":2`:                         "n",
		`"logprobs":true`:               "logprobs",
		`"logit_bias":{"1":2}`:          "logit_bias",
		`"modalities":["text","audio"]`: "modalities",
		`"response_format":{"type":"json_object"}`:            "response_format",
		`"tools":[{"type":"custom","custom":{"name":"x"}}]`:   "tools[0]",
		`"tools":[{"type":"code_interpreter"}]`:               "tools[0]",
		`"service_tier":"flex"`:                               "service_tier",
		`"web_search_options":{"search_context_size":"high"}`: "web_search_options.search_context_size",
		`"reasoning_effort":"medium","max_tokens":1000`:       "reasoning_effort",
		`"reasoning_effort":"medium","temperature":0.5`:       "temperature",
		`"thinking":7`: "thinking",
	} {
		req := readRequest(t, `{"model":"claude-sonnet-4-5",`+text+`,"messages":[{"role":"user","content":"Hi"}]}`)
		_, err := p.Chat.Chat(t.Context(), &adapters.Call{}, req)
		if adapters.KindOf(err) != adapters.KindUnsupported || !strings.Contains(err.Error(), `"`+member+`"`) {
			t.Errorf("%s: %v, want a refusal of %q", text, err, member)
		}
		if err := p.Chat.StreamChat(t.Context(), &adapters.Call{}, req, nil); adapters.KindOf(err) != adapters.KindUnsupported {
			t.Errorf("%s: as a stream: %v", text, err)
		}
		if _, err := p.Count.CountTokens(t.Context(), &adapters.Call{}, req); adapters.KindOf(err) != adapters.KindUnsupported {
			t.Errorf("%s: as a count: %v", text, err)
		}
	}
}

// A caller who says a thing in both languages is told so, and not guessed about.
func TestChat_refuses_to_say_a_member_twice(t *testing.T) {
	p := open(t, serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") }))
	req := readRequest(t, `{"model":"claude-sonnet-4-5","tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object"},"input_schema":{"type":"object"}}}],"messages":[{"role":"user","content":"Hi"}]}`)
	if _, err := p.Chat.Chat(t.Context(), &adapters.Call{}, req); adapters.KindOf(err) != adapters.KindInvalid || !strings.Contains(err.Error(), "input_schema") {
		t.Errorf("%v, want it invalid for input_schema", err)
	}
}

func TestChat_leaves_out_what_says_nothing(t *testing.T) {
	var ledgerCall adapters.Call
	req := readRequest(t, `{"model":"claude-sonnet-4-5","max_tokens":null,"temperature":null,"tools":[],"functions":[],"stop":null,"stream":true,"messages":[{"role":"user","content":"Hi"}]}`)
	translated := translateRequest(&ledgerCall, req, true)
	if got, want := string(wirejson.Marshal(translated.body)), `{"model":"claude-sonnet-4-5","max_tokens":64000,"messages":[{"role":"user","content":"Hi"}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}
