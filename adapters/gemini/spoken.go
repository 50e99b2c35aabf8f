package gemini

import (
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// message is an answer in one piece.
func (s *spoken) message(legacy bool) *sluicev1.ResponseMessage {
	m := &sluicev1.ResponseMessage{
		Role: "assistant", Content: s.text, Annotations: s.annotations,
		ReasoningContent: s.thought, ReasoningDetails: s.details, Rest: s.withImages(),
	}
	if s.audio != nil {
		m.Audio = &sluicev1.Audio{Id: s.audio.GetId(), Data: s.audio.GetData(), Rest: s.audio.GetRest()}
	}
	for i, c := range s.calls {
		f := &sluicev1.FunctionCall{Name: c.name, Arguments: c.arguments, Rest: c.functionRest}
		if legacy && i == 0 {
			m.FunctionCall = f
			continue
		}
		m.ToolCalls = append(m.ToolCalls, &sluicev1.ToolCall{Call: &sluicev1.ToolCall_Function{
			Function: &sluicev1.FunctionToolCall{Id: c.id, Function: f, Rest: c.rest},
		}})
	}
	return m
}

func (s *spoken) withImages() []byte {
	if len(s.images) == 0 {
		return s.rest
	}
	return wirejson.Set(s.rest, "images", wirejson.AppendRaws(nil, s.images))
}

// delta is a piece of an answer. first is how many calls the pieces before had.
func (s *spoken) delta(first int, legacy bool) *sluicev1.Delta {
	d := &sluicev1.Delta{
		Annotations: s.annotations, ReasoningContent: s.thought, ReasoningDetails: s.details, Audio: s.audio, Rest: s.withImages(),
	}
	if s.text != nil && *s.text != "" {
		d.Content = s.text
	}
	kind := "function"
	for i, c := range s.calls {
		f := &sluicev1.FunctionCallDelta{Name: &c.name, Arguments: &c.arguments, Rest: c.functionRest}
		if legacy && first+i == 0 {
			d.FunctionCall = f
			continue
		}
		d.ToolCalls = append(d.ToolCalls, &sluicev1.ToolCallDelta{
			Index: int64(first + i), Id: &c.id, Type: &kind, Function: f, Rest: c.rest,
		})
	}
	return d
}
