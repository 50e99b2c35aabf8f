package sandbox

import (
	"context"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Chat answers in one piece; it takes as long as the stream would.
func (s *sandbox) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	a, m, err := s.answer(ctx, call, req)
	if err != nil {
		return nil, err
	}
	if m.breaking != breakNone {
		return nil, s.brokenOff(ctx, m, a.digest)
	}
	if m.between > 0 {
		for range a.pieces() - 1 {
			if err := wait(ctx, m.between); err != nil {
				return nil, err
			}
		}
	}
	call.Reply.Header = replyHeader(a.digest, a.promptTokens)
	return a.completion(), nil
}

// StreamChat answers token by token, as fast as send takes them, or at the pace of
// the slow models.
func (s *sandbox) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	a, m, err := s.answer(ctx, call, req)
	if err != nil {
		return err
	}
	call.Reply.Header = replyHeader(a.digest, a.promptTokens)
	sent := int64(0)
	whole, err := a.stream(func(chunk *sluicev1.ChatCompletionChunk, p progress) (bool, error) {
		if m.breaking != breakNone && (p == progressPiece && sent == m.breakAfter || p == progressEnd) {
			return false, nil
		}
		pause := m.between
		if p != progressPiece || sent == 0 {
			pause = 0
		}
		if err := wait(ctx, pause); err != nil {
			return false, err
		}
		if p == progressPiece {
			sent++
		}
		return true, send(chunk)
	})
	if err != nil || whole {
		return err
	}
	return s.brokenOff(ctx, m, a.digest)
}

// CountTokens counts what the prompt of the same request would have.
func (s *sandbox) CountTokens(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
	a, m, err := s.answer(ctx, call, req)
	if err != nil {
		return nil, err
	}
	call.Reply.Header = replyHeader(a.digest, 0)
	return &sluicev1.TokenCount{Object: "chat.completion.input_tokens", InputTokens: a.promptTokens, Model: m.id}, nil
}

// answer checks the request, waits as the model does and composes the answer.
func (s *sandbox) answer(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*answer, *model, error) {
	if err := ctx.Err(); err != nil {
		return nil, nil, err
	}
	m, err := s.modelFor(call, req.GetModel())
	if err != nil {
		return nil, nil, err
	}
	if m.voice == voiceVector {
		return nil, nil, s.wrongModel(m.id, "chat", DefaultModel)
	}
	d := digestOf(req, m.id)
	if err := s.begin(ctx, m, d); err != nil {
		return nil, nil, err
	}
	if err := s.check(req); err != nil {
		return nil, nil, err
	}
	return compose(req, m, d), m, nil
}

// completion is the answer in one piece.
func (a *answer) completion() *sluicev1.ChatCompletion {
	out := &sluicev1.ChatCompletion{
		Id: a.id, Object: "chat.completion", Created: epoch, Model: a.model,
		Choices: make([]*sluicev1.Choice, 0, len(a.choices)),
		Usage:   a.usage(), Moderation: a.moderate(),
		ServiceTier: new(a.tier), SystemFingerprint: new(systemFingerprint),
	}
	for _, c := range a.choices {
		out.Choices = append(out.Choices, &sluicev1.Choice{
			Index: int64(c.index), Message: c.message(), FinishReason: new(c.finish), Logprobs: a.logprobs(c),
		})
	}
	return out
}

func (c *choice) message() *sluicev1.ResponseMessage {
	m := &sluicev1.ResponseMessage{Role: "assistant", Annotations: c.annotations()}
	if c.written {
		m.Content = new(c.text)
	}
	if c.refusal != "" {
		m.Refusal = new(c.refusal)
	}
	if c.audio != nil {
		m.Audio = c.audio.message(c.text)
	}
	for _, call := range c.calls {
		if call.legacy {
			m.FunctionCall = &sluicev1.FunctionCall{Name: call.name, Arguments: call.input}
			continue
		}
		m.ToolCalls = append(m.ToolCalls, call.message())
	}
	if m.Annotations == nil {
		// OpenAI sends the empty array, which no repeated field can say.
		m.Rest = []byte(`{"annotations":[]}`)
	}
	return m
}

func (c *choice) annotations() []*sluicev1.Annotation {
	if c.citation == nil {
		return nil
	}
	cited := proto.CloneOf(c.citation)
	return []*sluicev1.Annotation{{Annotation: &sluicev1.Annotation_UrlCitation{
		UrlCitation: &sluicev1.UrlCitationAnnotation{UrlCitation: cited},
	}}}
}

func (t *toolCall) message() *sluicev1.ToolCall {
	if t.custom {
		return &sluicev1.ToolCall{Call: &sluicev1.ToolCall_Custom{Custom: &sluicev1.CustomToolCall{
			Id: t.id, Custom: &sluicev1.CustomCall{Name: t.name, Input: t.input},
		}}}
	}
	return &sluicev1.ToolCall{Call: &sluicev1.ToolCall_Function{Function: &sluicev1.FunctionToolCall{
		Id: t.id, Function: &sluicev1.FunctionCall{Name: t.name, Arguments: t.input},
	}}}
}
