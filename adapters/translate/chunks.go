package translate

import (
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// Chunks says a whole answer as a stream, for servers that give one to who asks for a
// stream: all of the choices in one chunk, then the usage in one of its own, as OpenAI
// does. Members that chunks do not have ride in the rest.
func Chunks(c *sluicev1.ChatCompletion) []*sluicev1.ChatCompletionChunk {
	_, rest, _ := wirejson.Take(c.GetRest(), "object")
	chunk := &sluicev1.ChatCompletionChunk{
		Id:                c.GetId(),
		Object:            "chat.completion.chunk",
		Created:           c.GetCreated(),
		Model:             c.GetModel(),
		ServiceTier:       c.ServiceTier,
		SystemFingerprint: c.SystemFingerprint,
		Moderation:        c.GetModeration(),
		Rest:              rest,
	}
	if len(c.GetMetadata()) > 0 {
		chunk.Rest = wirejson.Set(chunk.Rest, "metadata", wirejson.AppendStringMap(nil, c.GetMetadata()))
	}
	for _, choice := range c.GetChoices() {
		chunk.Choices = append(chunk.Choices, &sluicev1.ChunkChoice{
			Index:        choice.GetIndex(),
			Delta:        deltaOf(choice.GetMessage()),
			Logprobs:     choice.GetLogprobs(),
			FinishReason: choice.FinishReason,
			Rest:         withoutNulls(choice.GetRest(), "logprobs"),
		})
	}
	chunks := []*sluicev1.ChatCompletionChunk{chunk}
	if c.GetUsage() != nil {
		chunks = append(chunks, &sluicev1.ChatCompletionChunk{
			Id: chunk.GetId(), Object: chunk.GetObject(), Created: chunk.GetCreated(), Model: chunk.GetModel(),
			ServiceTier: chunk.ServiceTier, SystemFingerprint: chunk.SystemFingerprint,
			Usage: c.GetUsage(),
		})
	}
	return chunks
}

func deltaOf(m *sluicev1.ResponseMessage) *sluicev1.Delta {
	delta := &sluicev1.Delta{
		Annotations: m.GetAnnotations(),
		Rest:        withoutNulls(m.GetRest(), "role", "content", "refusal"),
	}
	if m == nil {
		return delta
	}
	if m.Role != "" {
		delta.Role = &m.Role
	}
	delta.Content, delta.Refusal = m.Content, m.Refusal
	delta.ReasoningContent, delta.ReasoningDetails = m.ReasoningContent, m.ReasoningDetails
	for i, call := range m.GetToolCalls() {
		delta.ToolCalls = append(delta.ToolCalls, toolCallDeltaOf(int64(i), call))
	}
	if a := m.GetAudio(); a != nil {
		delta.Audio = &sluicev1.AudioDelta{
			Id:         sent(a.GetRest(), "id", &a.Id),
			Data:       sent(a.GetRest(), "data", &a.Data),
			Transcript: sent(a.GetRest(), "transcript", &a.Transcript),
			ExpiresAt:  sent(a.GetRest(), "expires_at", &a.ExpiresAt),
			Rest:       a.GetRest(),
		}
	}
	if m.GetFunctionCall() != nil {
		delta.FunctionCall = functionDeltaOf(m.GetFunctionCall())
	}
	return delta
}

func toolCallDeltaOf(index int64, call *sluicev1.ToolCall) *sluicev1.ToolCallDelta {
	delta := &sluicev1.ToolCallDelta{Index: index}
	kind := ""
	switch c := call.GetCall().(type) {
	case *sluicev1.ToolCall_Function:
		kind = "function"
		delta.Id, delta.Rest = sent(c.Function.GetRest(), "id", &c.Function.Id), c.Function.GetRest()
		if c.Function.GetFunction() != nil {
			delta.Function = functionDeltaOf(c.Function.GetFunction())
		}
	case *sluicev1.ToolCall_Custom:
		kind = "custom"
		delta.Id, delta.Rest = sent(c.Custom.GetRest(), "id", &c.Custom.Id), c.Custom.GetRest()
		if custom := c.Custom.GetCustom(); custom != nil {
			delta.Custom = &sluicev1.CustomCallDelta{
				Name:  sent(custom.GetRest(), "name", &custom.Name),
				Input: sent(custom.GetRest(), "input", &custom.Input),
				Rest:  custom.GetRest(),
			}
		}
	case *sluicev1.ToolCall_Other:
		// A kind that nobody knows keeps all of its members; only the index is added.
		other := new(sluicev1.ToolCallDelta)
		if wirejson.Unmarshal(c.Other, other, wirejson.Options{Lenient: true}) == nil {
			_, other.Rest, _ = wirejson.Take(other.Rest, "index")
			other.Index = index
			return other
		}
	}
	if kind != "" {
		delta.Type = &kind
	}
	return delta
}

func functionDeltaOf(f *sluicev1.FunctionCall) *sluicev1.FunctionCallDelta {
	return &sluicev1.FunctionCallDelta{
		Name:      sent(f.GetRest(), "name", &f.Name),
		Arguments: sent(f.GetRest(), "arguments", &f.Arguments),
		Rest:      f.GetRest(),
	}
}

// sent returns the field of a member that was there, and nil when the rest notes
// it as absent: in chunks, these fields have presence.
func sent[T any](rest []byte, name string, field *T) *T {
	opened := wirejson.OpenRest(rest)
	if opened.Lacks(name) {
		return nil
	}
	return field
}

// withoutNulls takes members out of a rest that are null or noted as absent: in a
// delta, both are said by leaving them out.
func withoutNulls(rest []byte, names ...string) []byte {
	for _, name := range names {
		if value, remaining, ok := wirejson.Take(rest, name); !ok || string(value) == "null" {
			rest = remaining
		}
	}
	return rest
}
