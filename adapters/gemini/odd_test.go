package gemini

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

func translated(t *testing.T, model, text string) (*request, *adapters.Call) {
	t.Helper()
	call := &adapters.Call{}
	r := newRequest(call, developer{base: DefaultBaseURL}, model)
	r.translate(chatRequest(t, `{"model":"m",`+text+`}`))
	return r, call
}

// Source: the API's own words, "contents.parts must not be empty" and "it has an empty text
// parameter", as users quote them, 2026-11.
func TestRequest_has_nothing_that_the_dialect_refuses_although_OpenAIs_takes_it(t *testing.T) {
	const user = `{"role":"user","content":"Hi"}`
	const hi = `{"role":"user","parts":[{"text":"Hi"}]}`
	for _, c := range []struct{ request, want string }{
		{`"messages":[{"role":"system","content":""},` + user + `]`, `{"contents":[` + hi + `]}`},
		{`"messages":[{"role":"user","content":""},` + user + `]`, `{"contents":[` + hi + `]}`},
		{`"messages":[{"role":"user","content":[{"type":"text","text":""},{"type":"text","text":"Hi"}]}]`, `{"contents":[` + hi + `]}`},
		{`"messages":[` + user + `,{"role":"assistant","content":""},{"role":"assistant","content":[]},` + user + `]`, `{"contents":[` + hi + `,` + hi + `]}`},
		{
			`"messages":[` + user + `,{"role":"assistant","content":"","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":""}}]},{"role":"tool","tool_call_id":"a","content":""}]`,
			`{"contents":[` + hi + `,{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"output":""}}}]}]}`,
		},
		{ // Nothing to answer: that is Google's to say.
			`"messages":[` + user + `,{"role":"assistant","content":"Ho"},{"role":"user","content":""}]`,
			`{"contents":[` + hi + `,{"role":"model","parts":[{"text":"Ho"}]},{"role":"user"}]}`,
		},
		{`"messages":[` + user + `],"stop":["a"],"stop_sequences":["b"]`, `{"contents":[` + hi + `],"generationConfig":{"stopSequences":["a","b"]}}`},
		{
			`"messages":[` + user + `],"functions":[{"name":"f"}],"tool_choice":"required","function_call":"none"`,
			`{"contents":[` + hi + `],"tools":[{"functionDeclarations":[{"name":"f"}]}],"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}`,
		},
		// These had nothing where something was looked for.
		{`"messages":[` + user + `],"tools":[{"type":"function"}]`, `{"contents":[` + hi + `],"tools":[{"functionDeclarations":[{"name":""}]}]}`},
	} {
		r, call := translated(t, "gemini-2.5-flash", c.request)
		if err := r.ledger.Refusal("p", r.site.kind()); err != nil || len(call.Reply.Notes) == 0 {
			t.Errorf("%s: %v and %d notes", c.request, err, len(call.Reply.Notes))
		}
		if got := string(wirejson.Marshal(r.out)); got != c.want {
			t.Errorf("%s became\n%s, want\n%s", c.request, got, c.want)
		}
	}
	for _, part := range []string{`{"type":"image_url"}`, `{"type":"input_audio"}`, `{"type":"file"}`} {
		for _, how := range []adapters.Unsupported{adapters.UnsupportedError, adapters.UnsupportedDrop, adapters.UnsupportedPass} {
			r := newRequest(&adapters.Call{Unsupported: how}, developer{}, "m")
			r.translate(chatRequest(t, `{"messages":[{"role":"user","content":[`+part+`]}]}`))
			if body := wirejson.Marshal(r.out); !json.Valid(body) {
				t.Errorf("%s became %s", part, body)
			}
		}
	}
}

// A caller can send as many unknown members as a body may be long: they are read once, and
// not once for each of them.
func TestRequest_of_many_unknown_members_does_not_take_long(t *testing.T) {
	var many strings.Builder
	for i := range 20_000 {
		fmt.Fprintf(&many, `,"m%d":%d`, i, i)
	}
	start := time.Now()
	for _, text := range []string{
		`"messages":[{"role":"user","content":"x"}]` + many.String(),
		`"messages":[{"role":"user","content":"x"` + many.String() + `}]`,
		`"messages":[{"role":"user","content":"x"}],"generationConfig":{"a":1` + many.String() + `}`,
		`"messages":[{"role":"user","content":"x"}],"extra_body":{"google":{"a":1` + many.String() + `}}`,
	} {
		r, _ := translated(t, "gemini-2.5-flash", text)
		if body := wirejson.Marshal(r.out); !json.Valid(body) || !strings.Contains(string(body), `"m19999":19999`) {
			t.Error("the members did not arrive")
		}
	}
	// Quadratic work takes minutes.
	if took := time.Since(start); took > 20*time.Second {
		t.Errorf("took %s", took)
	}
}

// Several messages become one instruction.
func TestMembers_of_the_same_name_do_not_replace_each_other(t *testing.T) {
	const request = `"messages":[{"role":"system","content":"a","x":1},{"role":"system","content":"b","x":%s},{"role":"user","content":"Hi"}]`
	same, _ := translated(t, "m", fmt.Sprintf(request, "1"))
	if err := same.ledger.Refusal("p", "it"); err != nil {
		t.Errorf("the same value: %v", err)
	}
	other, _ := translated(t, "m", fmt.Sprintf(request, "2"))
	if err := other.ledger.Refusal("p", "it"); err == nil || !strings.Contains(err.Error(), `"messages[1].x"`) {
		t.Errorf("another value: %v, want a refusal", err)
	}
}

// Some models end each piece of a stream. Source: issue 2195 of BerriAI/litellm, 2024-02.
func TestStream_tells_the_end_once_and_last(t *testing.T) {
	for _, c := range []struct {
		name, request, want string
		pieces              []string
	}{
		{"texts", "", "stop", []string{
			`{"index":0,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}`, `{"index":0,"content":{"parts":[{"text":"b"}]},"finishReason":"STOP"}`,
		}},
		{"a call behind the first end", "", "tool_calls", []string{
			`{"index":0,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}`, `{"index":0,"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}`,
		}},
		{"a call behind the only end", `,"functions":[{"name":"f"}]`, "function_call", []string{
			`{"index":0,"finishReason":"STOP"}`, `{"index":0,"content":{"parts":[{"functionCall":{"name":"f"}}]}}`,
		}},
		{"another end behind the first", "", "length", []string{
			`{"index":0,"content":{"parts":[{"text":"a"}]},"finishReason":"STOP"}`, `{"index":0,"finishReason":"MAX_TOKENS"}`,
		}},
	} {
		t.Run(c.name, func(t *testing.T) {
			r, call := translated(t, "m", `"messages":[{"role":"user","content":"Hi"}]`+c.request)
			teller := newTeller(call, r)
			for _, piece := range c.pieces {
				response := new(geminipb.GenerateContentResponse)
				if err := wirejson.Unmarshal([]byte(`{"candidates":[`+piece+`]}`), response, lenient); err != nil {
					t.Fatal(err)
				}
				for _, choice := range teller.chunk(response).GetChoices() {
					if choice.FinishReason != nil {
						t.Errorf("the end was told in a piece: %v", choice)
					}
				}
			}
			end := teller.ends().GetChoices()
			if len(end) != 1 || end[0].GetFinishReason() != c.want || !teller.whole() {
				t.Errorf("the end is %v, want %s", end, c.want)
			}
		})
	}
}

func TestStream_of_a_model_that_ends_each_piece_calls_its_tool_before_the_end(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for _, part := range []string{`{"text":"Wait."}`, `{"functionCall":{"name":"f"}}`} {
			_, _ = io.WriteString(w, `data: {"candidates":[{"content":{"parts":[`+part+`]},"finishReason":"STOP"}],"usageMetadata":{"promptTokenCount":4}}`+"\n\n")
		}
	}))
	t.Cleanup(server.Close)
	p, err := New(adapters.Settings{Name: "p", BaseURL: server.URL})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	var got []string
	err = p.Chat.StreamChat(t.Context(), &adapters.Call{}, chatRequest(t, `{"model":"gemini-pro","messages":[{"role":"user","content":"Hi"}]}`), func(c *sluicev1.ChatCompletionChunk) error {
		for _, choice := range c.GetChoices() {
			got = append(got, choice.GetDelta().GetContent()+choice.GetFinishReason()+strings.Repeat("call", len(choice.GetDelta().GetToolCalls())))
		}
		if c.GetUsage() != nil {
			got = append(got, "usage")
		}
		return nil
	})
	if want := []string{"Wait.", "call", "tool_calls", "usage"}; err != nil || !slices.Equal(got, want) {
		t.Errorf("%q and %v, want %q", got, err, want)
	}
}

// Source: OpenAI's API reference, finish_reason, whose values are stop, length, tool_calls,
// content_filter and function_call; FinishReason of google.golang.org/genai v1.77.
func TestEnd_that_OpenAI_has_no_word_for_is_a_stop_that_says_more(t *testing.T) {
	for _, reason := range []string{
		"OTHER", "MALFORMED_FUNCTION_CALL", "UNEXPECTED_TOOL_CALL", "TOO_MANY_TOOL_CALLS", "NO_IMAGE", "IMAGE_OTHER", "A_REASON_OF_TOMORROW",
	} {
		for _, streamed := range []bool{false, true} {
			r, call := translated(t, "m", `"messages":[{"role":"user","content":"Hi"}]`)
			response := new(geminipb.GenerateContentResponse)
			if err := wirejson.Unmarshal([]byte(`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]},"finishReason":"`+reason+`"}]}`), response, lenient); err != nil {
				t.Fatal(err)
			}
			teller := newTeller(call, r)
			var said string
			var beside []byte
			if streamed {
				teller.chunk(response)
				end := teller.ends().GetChoices()[0]
				said, beside = end.GetFinishReason(), end.GetRest()
			} else {
				c, _ := teller.completion(response)
				said, beside = c.GetChoices()[0].GetFinishReason(), c.GetChoices()[0].GetRest()
			}
			if native, _ := wirejson.Get(beside, "native_finish_reason"); said != "stop" || string(native) != `"`+reason+`"` {
				t.Errorf("%s, streamed %v: %q and %s", reason, streamed, said, native)
			}
			if !slices.ContainsFunc(call.Reply.Notes, func(n *sluicev1.TranslationNote) bool {
				return n.GetFate() == "approximated" && n.GetMember() == "candidates[].finishReason"
			}) {
				t.Errorf("%s, streamed %v: not among %v", reason, streamed, call.Reply.Notes)
			}
		}
	}
}
