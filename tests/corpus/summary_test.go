package corpus

import (
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/tests/harness"
)

// answerSummary is what a reader takes from an answer, whole or streamed.
type answerSummary struct {
	Content   []string
	Refusal   string
	ToolCalls []Tool
	Finish    []string
	Usage     *Usage
	Vectors   int
	Models    []string
}

func summary(t *testing.T, a harness.Answer) answerSummary {
	t.Helper()
	var s answerSummary
	switch m := a.Message.(type) {
	case nil:
		s.addChunks(a.Chunks)
	case *sluicev1.ChatCompletion:
		s.addCompletion(m)
	case *sluicev1.CreateEmbeddingsResponse:
		s.Vectors = len(m.GetData())
		if u := m.GetUsage(); u != nil {
			s.Usage = &Usage{Prompt: u.GetPromptTokens(), Total: u.GetTotalTokens()}
		}
	case *sluicev1.ListModelsResponse:
		for _, model := range m.GetData() {
			s.Models = append(s.Models, model.GetId())
		}
	case *sluicev1.Model:
		s.Models = []string{m.GetId()}
	default:
		t.Errorf("an answer of type %T", m)
	}
	return s
}

func (s *answerSummary) addCompletion(m *sluicev1.ChatCompletion) {
	for _, c := range m.GetChoices() {
		s.Content = append(s.Content, c.GetMessage().GetContent())
		s.Refusal += c.GetMessage().GetRefusal()
		if c.FinishReason != nil {
			s.Finish = append(s.Finish, c.GetFinishReason())
		}
		for _, call := range c.GetMessage().GetToolCalls() {
			if f := call.GetFunction(); f != nil {
				s.ToolCalls = append(s.ToolCalls, Tool{ID: f.GetId(), Name: f.GetFunction().GetName(), Arguments: f.GetFunction().GetArguments()})
			}
			if c := call.GetCustom(); c != nil {
				s.ToolCalls = append(s.ToolCalls, Tool{ID: c.GetId(), Name: c.GetCustom().GetName(), Arguments: c.GetCustom().GetInput(), Custom: true})
			}
		}
	}
	s.addUsage(m.GetUsage())
}

func (s *answerSummary) addChunks(chunks []*sluicev1.ChatCompletionChunk) {
	for _, chunk := range chunks {
		s.addUsage(chunk.GetUsage())
		for _, c := range chunk.GetChoices() {
			for int64(len(s.Content)) <= c.GetIndex() {
				s.Content = append(s.Content, "")
			}
			s.Content[c.GetIndex()] += c.GetDelta().GetContent()
			s.Refusal += c.GetDelta().GetRefusal()
			if c.FinishReason != nil {
				s.Finish = append(s.Finish, c.GetFinishReason())
			}
			for _, d := range c.GetDelta().GetToolCalls() {
				s.addDelta(d)
			}
		}
	}
}

func (s *answerSummary) addDelta(d *sluicev1.ToolCallDelta) {
	for int64(len(s.ToolCalls)) <= d.GetIndex() {
		s.ToolCalls = append(s.ToolCalls, Tool{})
	}
	call := &s.ToolCalls[d.GetIndex()]
	call.ID += d.GetId()
	call.Name += d.GetFunction().GetName() + d.GetCustom().GetName()
	call.Arguments += d.GetFunction().GetArguments() + d.GetCustom().GetInput()
	call.Custom = call.Custom || d.GetCustom() != nil
}

func (s *answerSummary) addUsage(u *sluicev1.Usage) {
	if u == nil {
		return
	}
	s.Usage = &Usage{
		Prompt: u.GetPromptTokens(), Completion: u.GetCompletionTokens(), Total: u.GetTotalTokens(),
		Cached:    u.GetPromptTokensDetails().GetCachedTokens(),
		Reasoning: u.GetCompletionTokensDetails().GetReasoningTokens(),
	}
}
