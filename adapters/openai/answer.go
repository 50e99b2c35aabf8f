package openai

import (
	"bytes"
	"encoding/json"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// nativeFinishReason is where a provider's own word for the end of an answer stays.
const nativeFinishReason = "native_finish_reason"

// answer brings an answer in one piece out of the dialect.
func (q *quirks) answer(call *adapters.Call, c *sluicev1.ChatCompletion) {
	if q == nil || !q.answers() {
		return
	}
	ledger := translate.Response(call)
	for _, choice := range c.GetChoices() {
		if m := choice.GetMessage(); m != nil {
			t := thought{ledger, "choices[].message", &m.Content, &m.ReasoningContent, &m.Rest}
			t.translate(q)
		}
		q.finishReason(ledger, &choice.FinishReason, &choice.Rest)
	}
}

// thought is where a message, or a piece of one, has what was said and what was thought.
type thought struct {
	ledger           *translate.Ledger
	path             string
	content, thought **string
	rest             *[]byte
}

func (t *thought) translate(q *quirks) {
	if q.renames() {
		t.rename(q.Reasoning)
	}
	if q.ThinkingParts {
		t.split()
	}
}

// rename moves the reasoning out of the member that the provider has it in.
func (t *thought) rename(from string) {
	value, rest, ok := take(*t.rest, from)
	if !ok {
		return
	}
	member := translate.Path(t.path, from)
	var text string
	switch {
	case string(value) == "null":
		t.ledger.Dropped(member, whyNull)
	case json.Unmarshal(value, &text) != nil:
		return // another thing of that name
	case *t.thought == nil:
		*t.thought = &text
		t.ledger.Renamed(member, translate.Path(t.path, memberReasoning))
	case **t.thought == text:
		t.ledger.Dropped(member, memberReasoning+" says the same")
	default:
		return
	}
	*t.rest = rest
}

// split takes a content of parts apart: what was thought and what was said. It leaves a
// content alone that has other parts.
func (t *thought) split() {
	const member = "content"
	value, rest, ok := take(*t.rest, member)
	if !ok || len(value) == 0 || value[0] != '[' || *t.content != nil {
		return
	}
	var parts []contentPart
	decoder := json.NewDecoder(bytes.NewReader(value))
	decoder.DisallowUnknownFields()
	if decoder.Decode(&parts) != nil {
		return
	}
	var said, thought strings.Builder
	saying, thinking := false, false
	for _, part := range parts {
		switch {
		case part.Type == "text" && part.Thinking == nil:
			saying = true
			said.WriteString(part.Text)
		case part.Type == "thinking" && part.Text == "":
			thinking = true
			for _, inner := range part.Thinking {
				if inner.Type != "text" {
					return
				}
				thought.WriteString(inner.Text)
			}
		default:
			return
		}
	}
	if thinking && *t.thought != nil {
		return
	}
	if saying {
		*t.content = new(said.String())
		t.ledger.Coerced(translate.Path(t.path, "content[].text"), translate.Path(t.path, member), "its parts are joined to one text")
	}
	if thinking {
		*t.thought = new(thought.String())
		t.ledger.Renamed(translate.Path(t.path, "content[].thinking[].text"), translate.Path(t.path, memberReasoning))
	}
	*t.rest = rest
}

type contentPart struct {
	Type     string `json:"type"`
	Text     string `json:"text"`
	Thinking []struct {
		Type string `json:"type"`
		Text string `json:"text"`
	} `json:"thinking"`
	// Closed says that no more of it follows, which the end of the thinking says, too.
	Closed json.RawMessage `json:"closed"`
}

// finishReason puts OpenAI's word in the place of the provider's, which stays beside it.
func (q *quirks) finishReason(ledger *translate.Ledger, reason **string, rest *[]byte) {
	if *reason == nil {
		return
	}
	native := **reason
	word, ok := q.FinishReasons[native]
	if !ok {
		return
	}
	*reason = &word
	ledger.Coerced("choices[].finish_reason", "choices[].finish_reason", "it says "+native+" for "+word)
	if _, said := wirejson.Get(*rest, nativeFinishReason); !said {
		*rest = wirejson.Set(*rest, nativeFinishReason, wirejson.AppendString(nil, native))
	}
}

// translation brings a stream out of the dialect, and tells its usage once, at the end.
type translation struct {
	quirks *quirks
	ledger *translate.Ledger
	next   func(*sluicev1.ChatCompletionChunk) error

	// usage is that of the last chunk that had one, last that chunk.
	usage *sluicev1.Usage
	last  *sluicev1.ChatCompletionChunk
	moved bool // usage did not stand in a chunk of its own
	found bool // usage stands in the dialect's own place
}

// stream returns nil when no quirk concerns answers.
func (q *quirks) stream(call *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) *translation {
	if q == nil || !q.answers() {
		return nil
	}
	return &translation{quirks: q, ledger: translate.Response(call), next: send}
}

func (t *translation) send(chunk *sluicev1.ChatCompletionChunk) error {
	for _, choice := range chunk.GetChoices() {
		if d := choice.GetDelta(); d != nil {
			inside := thought{t.ledger, "choices[].delta", &d.Content, &d.ReasoningContent, &d.Rest}
			inside.translate(t.quirks)
		}
		t.quirks.finishReason(t.ledger, &choice.FinishReason, &choice.Rest)
	}
	if !t.quirks.keepsUsage() {
		return t.next(chunk)
	}
	switch {
	case chunk.GetUsage() != nil:
		t.usage, t.last, t.found = chunk.GetUsage(), chunk, false
		t.moved = len(chunk.GetChoices()) > 0
		chunk.Usage = nil
		if !t.moved {
			return nil
		}
	case t.usage == nil || t.found:
		if usage := t.quirks.usageIn(chunk); usage != nil {
			t.usage, t.last, t.moved, t.found = usage, chunk, true, true
		}
	}
	return t.next(chunk)
}

// end sends what came of the usage, after a stream that ended well.
func (t *translation) end() error {
	if t.usage == nil {
		return nil
	}
	chunk := t.last
	switch {
	case t.found:
		t.ledger.Renamed(t.quirks.UsageMember, "usage")
	case t.moved:
		t.ledger.Coerced("usage", "usage", "it is told once, in a chunk of its own at the end")
	}
	if t.moved {
		chunk = &sluicev1.ChatCompletionChunk{
			Id: t.last.GetId(), Object: t.last.GetObject(), Created: t.last.GetCreated(), Model: t.last.GetModel(),
			ServiceTier: t.last.ServiceTier, SystemFingerprint: t.last.SystemFingerprint,
		}
	}
	chunk.Usage = t.usage
	return t.next(chunk)
}

// usageIn reads the usage where the dialect has it. It stays there, too: who knows the
// provider looks for it.
func (q *quirks) usageIn(chunk *sluicev1.ChatCompletionChunk) *sluicev1.Usage {
	outer, member, ok := strings.Cut(q.UsageMember, ".")
	if !ok {
		return nil
	}
	var value []byte
	if outer == "choices[]" {
		for _, choice := range chunk.GetChoices() {
			if v, _, there := take(choice.GetRest(), member); there {
				value = v
			}
		}
	} else if object, _, there := take(chunk.GetRest(), outer); there {
		value, _, _ = wirejson.Peek(object, member)
	}
	usage := new(sluicev1.Usage)
	if len(value) == 0 || value[0] != '{' || wirejson.Unmarshal(value, usage, lenient) != nil {
		return nil
	}
	return usage
}
