package anthropic

import (
	"errors"
	"slices"
	"strings"
	"testing"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// Sources: the API's own words, "messages: at least one message is required", as users quote
// them; Google's "Structured outputs with Anthropic Claude models": the first message must
// be of the role user; issue 622 of the official TypeScript SDK, by which Anthropic's own
// API takes an assistant's; 2026-11.
func TestConversation_has_the_first_turn_that_the_dialect_wants(t *testing.T) {
	const assistant = `{"role":"assistant","content":"Hello"},{"role":"user","content":"Hi"}`
	for _, c := range []struct {
		name, messages, want string
		vertex               bool
		notes                []string
	}{
		{
			"instructions alone", `{"role":"system","content":"Say hello."}`, `"messages":[{"role":"user","content":"Say hello."}]`, false,
			[]string{"approximated messages[0] to messages[0]"},
		},
		{
			"several, and turns that say nothing",
			`{"role":"system","content":"a"},{"role":"user","content":""},{"role":"developer","content":[{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}`,
			`"messages":[{"role":"user","content":[{"type":"text","text":"a"},{"type":"text","text":"b","cache_control":{"type":"ephemeral"}}]}]`, false,
			[]string{"dropped messages[1]", "approximated messages[0] to messages[0]", "approximated messages[2] to messages[0]"},
		},
		{
			"instructions before a turn", `{"role":"system","content":"a"},{"role":"system","content":"b"},{"role":"user","content":"Hi"}`,
			`"system":[{"type":"text","text":"a"},{"type":"text","text":"b"}],"messages":[{"role":"user","content":"Hi"}]`, false,
			[]string{"renamed messages[0] to system[0]", "renamed messages[1] to system[1]"},
		},
		{"the assistant begins", assistant, `"messages":[` + assistant + `]`, false, nil},
		{
			"the assistant begins at Vertex AI", `{"role":"system","content":"a"},` + assistant,
			`"system":"a","messages":[{"role":"user","content":"(The assistant begins the conversation.)"},` + assistant + `]`, true,
			[]string{"renamed messages[0] to system[0]", "approximated messages to messages[0]"},
		},
		{"the user begins at Vertex AI", `{"role":"user","content":"Hi"}`, `"messages":[{"role":"user","content":"Hi"}]`, true, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			call := &adapters.Call{}
			translated := translateRequest(call, readRequest(t, `{"model":"claude-sonnet-4-5","max_tokens":9,"messages":[`+c.messages+`]}`), !c.vertex)
			if err := translated.ledger.Refusal("p", kindOfAPI); err != nil {
				t.Fatal(err)
			}
			if got, want := string(wirejson.Marshal(translated.body)), `{"model":"claude-sonnet-4-5","max_tokens":9,`+c.want+`}`; got != want {
				t.Errorf("sent\n%s, want\n%s", got, want)
			}
			var notes []string
			for _, n := range call.Reply.Notes {
				if strings.HasPrefix(n.GetMember(), "messages") && !strings.Contains(n.GetMember(), ".") {
					note := n.GetFate() + " " + n.GetMember()
					if n.To != nil {
						note += " to " + n.GetTo()
					}
					notes = append(notes, note)
				}
			}
			if !slices.Equal(notes, c.notes) {
				t.Errorf("noted %q, want %q", notes, c.notes)
			}
		})
	}
	nothing := translateRequest(&adapters.Call{}, readRequest(t, `{"model":"m","messages":[{"role":"system","content":""}]}`), true)
	if err := nothing.ledger.Refusal("p", kindOfAPI); err == nil || !strings.Contains(err.Error(), `"messages"`) {
		t.Errorf("nothing at all: %v, want a refusal of messages", err)
	}
}

// Of two members of one matter, OpenAI's switch is named first, as by other dialects.
func TestRefusal_names_logprobs_before_top_logprobs(t *testing.T) {
	translated := translateRequest(&adapters.Call{}, readRequest(t, `{"model":"m","messages":[{"role":"user","content":"Hi"}],"top_logprobs":2,"logprobs":true}`), true)
	var refusal *adapters.Error
	if err := translated.ledger.Refusal("p", kindOfAPI); !errors.As(err, &refusal) || refusal.Envelope.GetError().GetParam() != "logprobs" {
		t.Errorf("%v, want a refusal whose param is logprobs", err)
	}
}

// Source: the documentation's "Streaming Messages": unknown types of events are to be
// tolerated, and message_start comes first, 2026-11.
func TestStream_takes_events_of_tomorrow_before_the_message(t *testing.T) {
	call := &adapters.Call{}
	s := newEvents(newAnswer(call, false))
	add := func(event string) (int, error) {
		e := new(anthropicpb.StreamEvent)
		if err := wirejson.Unmarshal([]byte(event), e, lenient); err != nil {
			t.Fatal(err)
		}
		list, err := s.add(e)
		return len(list), err
	}
	if n, err := add(`{"type":"queued","position":3}`); n != 0 || err != nil {
		t.Errorf("%d chunks and %v", n, err)
	}
	if !slices.ContainsFunc(call.Reply.Notes, func(n *sluicev1.TranslationNote) bool {
		return n.GetFate() == "dropped" && n.GetMember() == "events.queued"
	}) {
		t.Errorf("the event is not among %v", call.Reply.Notes)
	}
	for _, known := range []string{"content_block_start", "content_block_delta", "content_block_stop", "message_delta", "message_stop"} {
		if _, err := add(`{"type":"` + known + `"}`); !errors.Is(err, errNoMessage) {
			t.Errorf("%s: %v, want a refusal", known, err)
		}
	}
	if n, err := add(`{"type":"message_start","message":{"id":"m"}}`); n != 1 || err != nil {
		t.Errorf("%d chunks and %v", n, err)
	}
}
