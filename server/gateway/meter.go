package gateway

import (
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/usage"
)

// meter stands between a provider's stream and the door's send: it reads what the
// receipt needs and hides the usage that the caller did not ask for.
type meter struct {
	ticket *ticket
	show   bool // the caller asked for the usage
	begun  bool // a chunk came
	told   bool // the provider told the usage
	bytes  int64
	send   func(*sluicev1.ChatCompletionChunk) error
}

// chunk takes the next chunk of the stream.
func (m *meter) chunk(c *sluicev1.ChatCompletionChunk, more bool) error {
	m.ticket.call.More = more
	if !m.read(c) {
		return nil
	}
	return m.send(c)
}

// drained takes a chunk that its caller did not wait for.
func (m *meter) drained(c *sluicev1.ChatCompletionChunk) { m.read(c) }

// read enters a chunk into the receipt and tells whether the caller is to see it.
func (m *meter) read(c *sluicev1.ChatCompletionChunk) bool {
	m.begun = true
	if said := m.ticket.said; said != nil {
		said.chunk(c, m.ticket.plan.Bodies.Room())
	}
	r := m.ticket.receipt
	if r.ResponseModel == "" {
		r.ResponseModel = c.GetModel()
	}
	for _, choice := range c.GetChoices() {
		m.bytes += deltaBytes(choice.GetDelta())
		if choice.FinishReason != nil {
			m.ticket.finished(choice.GetFinishReason())
		}
	}
	if c.GetUsage() == nil {
		return true
	}
	m.told = true
	r.Tokens = usage.TokensOf(c.GetUsage())
	// Only the extra chunk is hidden, and of it only what was not asked for. Usage
	// beside choices is the provider's own habit, which the caller would see without
	// us too.
	if !m.show && len(c.GetChoices()) == 0 {
		if c.GetModeration() == nil && len(c.GetRest()) == 0 {
			return false
		}
		c.Usage = nil
	}
	return true
}

// chatBytes is the length of the texts of a conversation, its tools included.
func chatBytes(req *sluicev1.ChatCompletionRequest) int64 {
	n := 0
	for _, m := range req.GetMessages() {
		for _, content := range []interface {
			GetText() string
			GetParts() *sluicev1.ContentParts
		}{m.GetDeveloper(), m.GetSystem(), m.GetUser(), m.GetAssistant(), m.GetTool()} {
			n += len(content.GetText())
			for _, p := range content.GetParts().GetParts() {
				n += len(p.GetText().GetText()) + len(p.GetRefusal().GetRefusal())
			}
		}
		for _, t := range m.GetAssistant().GetToolCalls() {
			n += len(t.GetFunction().GetFunction().GetArguments()) + len(t.GetCustom().GetCustom().GetInput())
		}
		n += len(m.GetFunction().GetContent())
	}
	for _, t := range req.GetTools() {
		f := t.GetFunction().GetFunction()
		n += len(f.GetName()) + len(f.GetDescription()) + len(f.GetParameters())
	}
	return int64(n)
}

// embeddingBytes is the length of the texts to embed. A token id stands for a token.
func embeddingBytes(req *sluicev1.CreateEmbeddingsRequest) int64 {
	n := len(req.GetText()) + len(req.GetTokens().GetValues())*usage.BytesPerToken
	for _, text := range req.GetTexts().GetValues() {
		n += len(text)
	}
	for _, list := range req.GetTokenLists().GetValues() {
		n += len(list.GetValues()) * usage.BytesPerToken
	}
	return int64(n)
}

// longestInput is the length of the longest of the texts to embed: each has the context
// window for itself, and the cheapest target for one is the cheapest for all.
func longestInput(req *sluicev1.CreateEmbeddingsRequest) int64 {
	n := max(len(req.GetText()), len(req.GetTokens().GetValues())*usage.BytesPerToken)
	for _, text := range req.GetTexts().GetValues() {
		n = max(n, len(text))
	}
	for _, list := range req.GetTokenLists().GetValues() {
		n = max(n, len(list.GetValues())*usage.BytesPerToken)
	}
	return int64(n)
}

func deltaBytes(d *sluicev1.Delta) int64 {
	n := len(d.GetContent()) + len(d.GetReasoningContent()) + len(d.GetRefusal()) + len(d.GetFunctionCall().GetArguments())
	for _, t := range d.GetToolCalls() {
		n += len(t.GetFunction().GetName()) + len(t.GetFunction().GetArguments()) + len(t.GetCustom().GetInput())
	}
	return int64(n)
}

func outputBytes(answer *sluicev1.ChatCompletion) int64 {
	n := 0
	for _, c := range answer.GetChoices() {
		m := c.GetMessage()
		n += len(m.GetContent()) + len(m.GetReasoningContent()) + len(m.GetRefusal()) + len(m.GetFunctionCall().GetArguments())
		for _, t := range m.GetToolCalls() {
			n += len(t.GetFunction().GetFunction().GetArguments()) + len(t.GetCustom().GetCustom().GetInput())
		}
	}
	return int64(n)
}
