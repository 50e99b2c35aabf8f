package gemini

import (
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

func chatRequest(t *testing.T, text string) *sluicev1.ChatCompletionRequest {
	t.Helper()
	req := new(sluicev1.ChatCompletionRequest)
	if err := wirejson.Unmarshal([]byte(text), req, wirejson.Options{}); err != nil {
		t.Fatal(err)
	}
	return req
}

func TestChat_refuses_what_the_dialect_cannot_express_by_its_name(t *testing.T) {
	var asked atomic.Int64
	server := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { asked.Add(1) }))
	t.Cleanup(server.Close)
	p, err := New(adapters.Settings{Name: "p", BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	user := func(part string) string { return `"messages":[{"role":"user","content":[` + part + `]}]` }
	hello := user(`{"type":"text","text":"x"}`)
	for member, body := range map[string]string{
		"seed":                                 hello + `,"seed":4294967296`,
		"logit_bias":                           hello + `,"logit_bias":{"1":2}`,
		"parallel_tool_calls":                  hello + `,"parallel_tool_calls":false`,
		"verbosity":                            hello + `,"verbosity":"high"`,
		"moderation":                           hello + `,"moderation":{"model":"m"}`,
		"service_tier":                         hello + `,"service_tier":"scale"`,
		"reasoning_effort":                     hello + `,"reasoning_effort":"enormous"`,
		"response_format":                      hello + `,"response_format":{"type":"grammar"}`,
		"audio.format":                         hello + `,"audio":{"format":"mp3","voice":"Kore"}`,
		"audio.voice":                          hello + `,"audio":{"format":"pcm16","voice":{"id":"v"}}`,
		"tools[0]":                             hello + `,"tools":[{"type":"custom","custom":{"name":"c"}}]`,
		"tool_choice":                          hello + `,"tool_choice":{"type":"custom","custom":{"name":"c"}}`,
		"messages[0].name":                     `"messages":[{"role":"user","content":"x","name":"ann"}]`,
		"messages[0]":                          `"messages":[{"role":"critic","content":"x"}]`,
		"messages[1].audio":                    `"messages":[{"role":"user","content":"x"},{"role":"assistant","audio":{"id":"a"}}]`,
		"messages[0].content[0]":               user(`{"type":"video_url","video_url":{"url":"u"}}`),
		"messages[0].content[1]":               user(`{"type":"text","text":"a"},{"type":"later"}`),
		"messages[0].tool_call_id":             `"messages":[{"role":"tool","content":"x","tool_call_id":"nobody's"}]`,
		"messages[0].content[0].image_url.url": user(`{"type":"image_url","image_url":{"url":"http://example.org/a.png"}}`),
		"messages[0].content[0].image_url.detail":      user(`{"type":"image_url","image_url":{"url":"https://example.org/a.png","detail":"low"}}`),
		"messages[0].content[0].file.file_id":          user(`{"type":"file","file":{"file_id":"file-abc"}}`),
		"messages[0].tool_calls[0].function.arguments": `"messages":[{"role":"assistant","tool_calls":[{"id":"c","type":"function","function":{"name":"f","arguments":"{broken"}}]}]`,
		"response_format.json_schema.description":      hello + `,"response_format":{"type":"json_schema","json_schema":{"name":"n","description":"d","schema":{"$ref":"#/$defs/a"}}}`,
		"web_search_options.user_location":             hello + `,"web_search_options":{"user_location":{"type":"approximate","approximate":{"city":"Bern"}}}`,
		"web_search_options.search_context_size":       hello + `,"web_search_options":{"search_context_size":"low"}`,
	} {
		req := chatRequest(t, `{"model":"gemini-2.5-flash",`+body+`}`)
		_, err := p.Chat.Chat(t.Context(), &adapters.Call{}, req)
		e, ok := errors.AsType[*adapters.Error](err)
		if !ok || e.Kind != adapters.KindUnsupported || e.Envelope.GetError().GetParam() != member {
			t.Errorf("%s: %v", member, err)
		}
		// Whoever wants it dropped gets an answer, were there one.
		_, err = p.Chat.Chat(t.Context(), &adapters.Call{Unsupported: adapters.UnsupportedDrop}, req)
		if adapters.KindOf(err) != adapters.KindProtocol {
			t.Errorf("%s, dropped: %v, want the empty answer's error", member, err)
		}
	}
	if asked.Load() != 25 {
		t.Errorf("the provider was asked %d times, want once per request that drops", asked.Load())
	}
}

func TestEmbed_takes_texts_alone(t *testing.T) {
	p, err := New(adapters.Settings{Name: "p", BaseURL: "http://127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, how := range []adapters.Unsupported{adapters.UnsupportedError, adapters.UnsupportedDrop, adapters.UnsupportedPass} {
		req := &sluicev1.CreateEmbeddingsRequest{Model: "m", Input: &sluicev1.CreateEmbeddingsRequest_Tokens{Tokens: &sluicev1.TokenList{Values: []int64{1}}}}
		if _, err := p.Embed.Embed(t.Context(), &adapters.Call{Unsupported: how}, req); adapters.KindOf(err) != adapters.KindUnsupported {
			t.Errorf("%s: %v, want unsupported", how, err)
		}
	}
}

func TestModels_does_not_ask_for_names_that_would_be_another_path(t *testing.T) {
	p, err := New(adapters.Settings{Name: "p", BaseURL: "http://127.0.0.1:0"})
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"", ".", "..", "models/..", "models/"} {
		if _, err := p.Models.Get(t.Context(), &adapters.Call{Model: name}); adapters.KindOf(err) != adapters.KindNotFound {
			t.Errorf("%q: %v, want not_found", name, err)
		}
		if _, err := p.Chat.Chat(t.Context(), &adapters.Call{Model: name}, chatRequest(t, `{"messages":[{"role":"user","content":"x"}]}`)); adapters.KindOf(err) != adapters.KindNotFound {
			t.Errorf("chat %q: %v, want not_found", name, err)
		}
	}
}

// Pages as in the Gemini API's reference of models.list, 2026-11.
func TestModels_reads_all_pages(t *testing.T) {
	endless := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch token := r.URL.Query().Get("pageToken"); {
		case endless:
			_, _ = w.Write([]byte(`{"models":[{"name":"models/a"}],"nextPageToken":"same"}`))
		case token == "":
			_, _ = w.Write([]byte(`{"models":[{"name":"models/a"}],"nextPageToken":"p 2/+"}`))
		case token == "p 2/+":
			_, _ = w.Write([]byte(`{"models":[{"name":"models/b"}]}`))
		default:
			http.Error(w, "no such page", http.StatusBadRequest)
		}
	}))
	t.Cleanup(server.Close)
	p, err := New(adapters.Settings{Name: "p", BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	list, err := p.Models.List(t.Context(), &adapters.Call{})
	if err != nil || len(list.GetData()) != 2 || list.GetData()[1].GetId() != "b" {
		t.Errorf("%v (%v), want the models of both pages", list, err)
	}
	endless = true
	if _, err := p.Models.List(t.Context(), &adapters.Call{}); adapters.KindOf(err) != adapters.KindProtocol {
		t.Errorf("%v, want protocol for a list without an end", err)
	}
}

// The form without alt=sse: an array, as in the Gemini API's guide of streams.
func TestStream_reads_an_array_that_came_in_one_piece(t *testing.T) {
	body := `[{"candidates":[{"content":{"parts":[{"text":"Hel"}]}}]},` + "\n" + `{"candidates":[{"content":{"parts":[{"text":"lo"}]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":1}}]`
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(body))
	}))
	t.Cleanup(server.Close)
	p, err := New(adapters.Settings{Name: "p", BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	var text strings.Builder
	var usage *sluicev1.Usage
	err = p.Chat.StreamChat(t.Context(), &adapters.Call{Model: "m"}, chatRequest(t, `{"messages":[{"role":"user","content":"x"}]}`), func(c *sluicev1.ChatCompletionChunk) error {
		for _, choice := range c.GetChoices() {
			text.WriteString(choice.GetDelta().GetContent())
		}
		if c.GetUsage() != nil {
			usage = c.GetUsage()
		}
		if !strings.HasPrefix(c.GetId(), "gemini-") {
			t.Errorf("the id is %q, want one of our own", c.GetId())
		}
		return nil
	})
	if err != nil || text.String() != "Hello" || usage.GetPromptTokens() != 1 {
		t.Errorf("%q, %v (%v), want Hello and its usage", text.String(), usage, err)
	}
}

func TestWithDelay_obeys_the_header_first_and_bounds_what_is_asked(t *testing.T) {
	failed := func(delay string, header time.Duration) time.Duration {
		body := `{"error":{"code":429,"message":"m","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":` + delay + `}]}}`
		e := &adapters.Error{Envelope: decodeEnvelope([]byte(body)), RetryAfter: header}
		_ = withDelay(e)
		return e.RetryAfter
	}
	for delay, want := range map[string]time.Duration{
		`"1.5s"`: 1500 * time.Millisecond, `"0s"`: 0, `"-3s"`: 0, `"soon"`: 0, `7`: 0, `"999999s"`: maxDelay,
	} {
		if got := failed(delay, 0); got != want {
			t.Errorf("%s: %s, want %s", delay, got, want)
		}
	}
	if got := failed(`"5s"`, time.Second); got != time.Second {
		t.Errorf("%s, want the header's second", got)
	}
}

func TestOutput_keeps_every_digit_of_a_result(t *testing.T) {
	for text, want := range map[string]string{
		``:                            `{"output":""}`,
		`plain`:                       `{"output":"plain"}`,
		`[1]`:                         `{"output":"[1]"}`,
		` {"a": 1.50} `:               `{"a": 1.50}`,
		`{"a":9007199254740993}`:      `{"output":"{\"a\":9007199254740993}"}`,
		`{"a":1e999}`:                 `{"output":"{\"a\":1e999}"}`,
		`{"a":`:                       `{"output":"{\"a\":"}`,
		`{"a":"9007199254740993"}`:    `{"a":"9007199254740993"}`,
		`{"error":"no such city"}`:    `{"error":"no such city"}`,
		`{"a":{"b":[1,2.25,"x"]}}`:    `{"a":{"b":[1,2.25,"x"]}}`,
		"line\nwith \"quotes\" <&>  ": `{"output":"line\nwith \"quotes\" <&>  "}`,
	} {
		got := output(text)
		if !json.Valid(got) {
			t.Fatalf("%q became %s, which is no JSON", text, got)
		}
		var g, w any
		_ = json.Unmarshal(got, &g)
		_ = json.Unmarshal([]byte(want), &w)
		a, _ := json.Marshal(g)
		b, _ := json.Marshal(w)
		if string(a) != string(b) {
			t.Errorf("%q became %s, want %s", text, got, want)
		}
	}
}
