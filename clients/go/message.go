package sluice

import (
	"context"
	"errors"
	"io"
	"iter"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// System returns a system message.
func System(text string) *sluicev1.ChatMessage {
	return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_System{
		System: &sluicev1.SystemMessage{Content: &sluicev1.SystemMessage_Text{Text: text}},
	}}
}

// Developer returns a developer message, which newer models take instead of a
// system message.
func Developer(text string) *sluicev1.ChatMessage {
	return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Developer{
		Developer: &sluicev1.DeveloperMessage{Content: &sluicev1.DeveloperMessage_Text{Text: text}},
	}}
}

// User returns a user message.
func User(text string) *sluicev1.ChatMessage {
	return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_User{
		User: &sluicev1.UserMessage{Content: &sluicev1.UserMessage_Text{Text: text}},
	}}
}

// Assistant returns an earlier answer.
func Assistant(text string) *sluicev1.ChatMessage {
	return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Assistant{
		Assistant: &sluicev1.AssistantMessage{Content: &sluicev1.AssistantMessage_Text{Text: text}},
	}}
}

// AssistantCalls returns the turn in which the model asked for the calls, to be
// followed by one [ToolResult] each.
func AssistantCalls(calls ...*sluicev1.ToolCall) *sluicev1.ChatMessage {
	return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Assistant{
		Assistant: &sluicev1.AssistantMessage{ToolCalls: calls},
	}}
}

// ToolResult returns the result of the call with this id.
func ToolResult(callID, result string) *sluicev1.ChatMessage {
	return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Tool{
		Tool: &sluicev1.ToolMessage{ToolCallId: callID, Content: &sluicev1.ToolMessage_Text{Text: result}},
	}}
}

// Function returns a tool that the model may call. Schema is the JSON Schema of its
// arguments, sent as it is; empty means no arguments.
func Function(name, description, schema string) *sluicev1.Tool {
	definition := &sluicev1.FunctionDefinition{Name: name, Parameters: []byte(schema)}
	if description != "" {
		definition.Description = &description
	}
	return &sluicev1.Tool{Tool: &sluicev1.Tool_Function{Function: &sluicev1.FunctionTool{Function: definition}}}
}

// Text returns the text of the answer's first choice, "" when it has none.
func Text(answer *sluicev1.ChatCompletion) string {
	if len(answer.GetChoices()) == 0 {
		return ""
	}
	return answer.GetChoices()[0].GetMessage().GetContent()
}

// ChunkText returns the text that the chunk adds to the first choice (index 0), ""
// when it adds none.
func ChunkText(chunk *sluicev1.ChatCompletionChunk) string {
	var text strings.Builder
	for _, choice := range chunk.GetChoices() {
		if choice.GetIndex() == 0 {
			text.WriteString(choice.GetDelta().GetContent())
		}
	}
	return text.String()
}

// Stream answers a conversation chunk by chunk, in order. An error comes as the last
// pair, with a nil chunk; a stream that ends without one is complete. Leaving the loop
// cancels the call.
func (c *Client) Stream(
	ctx context.Context, req *sluicev1.ChatCompletionRequest,
) iter.Seq2[*sluicev1.ChatCompletionChunk, error] {
	return func(yield func(*sluicev1.ChatCompletionChunk, error) bool) {
		ctx, cancel := context.WithCancel(ctx)
		defer cancel()
		stream, err := c.Chat.StreamChatCompletion(ctx, req)
		if err != nil {
			yield(nil, err)
			return
		}
		for {
			chunk, err := stream.Recv()
			switch {
			case errors.Is(err, io.EOF):
				return
			case err != nil:
				yield(nil, err)
				return
			case !yield(chunk, nil):
				return
			}
		}
	}
}
