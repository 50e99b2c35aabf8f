package sandbox

import (
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// What inputs count that have no text, in tokens. Fixed: the sandbox looks at no
// image, sound or file.
const (
	tokensPerMessage   = 3
	tokensOfAnswerHead = 3
	tokensPerTool      = 8
	tokensPerImage     = 765
	tokensPerSmallImg  = 85 // detail "low"
	tokensPerAudio     = 100
	tokensPerFile      = 500
	tokensPerReference = 10 // an earlier audio answer, by id
)

// conversation is what the sandbox understands of a request's messages.
type conversation struct {
	// last is the text of the last user message.
	last string
	// instructions is the first text of a system or developer message.
	instructions string
	// fromUser tells that the last message is a user's, instructions apart.
	fromUser bool
	// results are the tool results since the last turn of the assistant.
	results []toolResult
	// turns counts the user's messages.
	turns int
	// images, sounds and files came with the last user message.
	images, sounds, files int
	// tokens of the messages; audioTokens is the part of sounds.
	tokens, audioTokens int64

	calledNames map[string]string // tool call id to the tool's name
}

// toolResult is what a tool answered.
type toolResult struct{ tool, text string }

// contentful is a message with content of a text or of parts.
type contentful interface {
	GetText() string
	GetParts() *sluicev1.ContentParts
}

func readConversation(messages []*sluicev1.ChatMessage) *conversation {
	c := &conversation{tokens: tokensOfAnswerHead}
	for _, m := range messages {
		c.tokens += tokensPerMessage
		if m.GetDeveloper() == nil && m.GetSystem() == nil {
			c.fromUser = m.GetUser() != nil
		}
		switch m := m.GetMessage().(type) {
		case *sluicev1.ChatMessage_Developer:
			c.instruct(c.read(m.Developer))
			c.tokens += countTokens(m.Developer.GetName())
		case *sluicev1.ChatMessage_System:
			c.instruct(c.read(m.System))
			c.tokens += countTokens(m.System.GetName())
		case *sluicev1.ChatMessage_User:
			c.images, c.sounds, c.files = 0, 0, 0
			c.last = c.read(m.User)
			c.tokens += countTokens(m.User.GetName())
			c.turns++
			c.results = nil
		case *sluicev1.ChatMessage_Assistant:
			c.readAssistant(m.Assistant)
		case *sluicev1.ChatMessage_Tool:
			c.results = append(c.results, toolResult{c.calledNames[m.Tool.GetToolCallId()], c.read(m.Tool)})
		case *sluicev1.ChatMessage_Function:
			c.tokens += countTokens(m.Function.GetName()) + countTokens(m.Function.GetContent())
			c.results = append(c.results, toolResult{m.Function.GetName(), m.Function.GetContent()})
		case *sluicev1.ChatMessage_Other:
			c.tokens += countTokens(string(m.Other))
		}
	}
	return c
}

func (c *conversation) instruct(text string) {
	if c.instructions == "" {
		c.instructions = text
	}
}

func (c *conversation) readAssistant(m *sluicev1.AssistantMessage) {
	c.results = nil
	c.read(m)
	c.tokens += countTokens(m.GetName()) + countTokens(m.GetRefusal())
	if m.GetAudio() != nil {
		c.tokens += tokensPerReference
	}
	if f := m.GetFunctionCall(); f != nil {
		c.tokens += countTokens(f.GetName()) + countTokens(f.GetArguments())
	}
	for _, call := range m.GetToolCalls() {
		id, name, input := callParts(call)
		c.tokens += countTokens(name) + countTokens(input)
		if c.calledNames == nil {
			c.calledNames = map[string]string{}
		}
		c.calledNames[id] = name
	}
}

// callParts returns id, name and input of a tool call of any kind.
func callParts(call *sluicev1.ToolCall) (id, name, input string) {
	if f := call.GetFunction(); f != nil {
		return f.GetId(), f.GetFunction().GetName(), f.GetFunction().GetArguments()
	}
	if u := call.GetCustom(); u != nil {
		return u.GetId(), u.GetCustom().GetName(), u.GetCustom().GetInput()
	}
	return "", "", string(call.GetOther())
}

// read counts a message's content and returns its text: that of parts joined by
// line breaks.
func (c *conversation) read(m contentful) string {
	parts := m.GetParts().GetParts()
	if len(parts) == 0 {
		c.tokens += countTokens(m.GetText())
		return m.GetText()
	}
	var texts []string
	for _, p := range parts {
		switch p := p.GetPart().(type) {
		case *sluicev1.ContentPart_Text:
			texts = append(texts, p.Text.GetText())
			c.tokens += countTokens(p.Text.GetText())
		case *sluicev1.ContentPart_Refusal:
			texts = append(texts, p.Refusal.GetRefusal())
			c.tokens += countTokens(p.Refusal.GetRefusal())
		case *sluicev1.ContentPart_ImageUrl:
			c.images++
			if p.ImageUrl.GetImageUrl().GetDetail() == "low" {
				c.tokens += tokensPerSmallImg
			} else {
				c.tokens += tokensPerImage
			}
		case *sluicev1.ContentPart_InputAudio:
			c.sounds++
			c.tokens += tokensPerAudio
			c.audioTokens += tokensPerAudio
		case *sluicev1.ContentPart_File:
			c.files++
			c.tokens += tokensPerFile
		case *sluicev1.ContentPart_Other:
			c.tokens += countTokens(string(p.Other))
		}
	}
	return strings.Join(texts, "\n")
}

// promptTokens counts a whole request: its messages, tools and schema.
func promptTokens(c *conversation, req *sluicev1.ChatCompletionRequest, tools []tool) int64 {
	n := c.tokens
	for _, t := range tools {
		n += tokensPerTool + countTokens(t.name) + countTokens(t.description) +
			countTokens(string(t.parameters)) + countTokens(t.grammar.GetDefinition())
	}
	if schema := req.GetResponseFormat().GetJsonSchema().GetJsonSchema(); schema != nil {
		n += countTokens(schema.GetName()) + countTokens(schema.GetDescription()) + countTokens(string(schema.GetSchema()))
	}
	return n
}

// clipRunes returns the first most characters of s, with "…" in place of the rest.
func clipRunes(s string, most int) string {
	n := 0
	for at := range s {
		if n == most {
			return s[:at] + "…"
		}
		n++
	}
	return s
}

// clipLine is clipRunes of s in one line.
func clipLine(s string, most int) string {
	return clipRunes(strings.Join(strings.Fields(clipRunes(s, 4*most)), " "), most)
}
