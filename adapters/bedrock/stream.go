package bedrock

import (
	"errors"
	"fmt"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// stream reads the events of an answer and sends them as chunks.
func (a *api) stream(call *adapters.Call, body *upstream.Body, s *streamed, send func(*sluicev1.ChatCompletionChunk) error) error {
	events := newEventReader(body, body.MaxEventBytes())
	for {
		e, err := events.next()
		switch {
		case err == io.EOF: //nolint:errorlint // an EOF inside another error is a broken connection
			return body.Protocol("the provider's stream ended without its terminal event", nil)
		case errors.Is(err, errBroken):
			return body.Protocol("the provider's stream broke off inside an event", err)
		case errors.Is(err, errTooLarge):
			return body.Protocol(fmt.Sprintf("an event of the provider's stream exceeds %d bytes", body.MaxEventBytes()), err)
		case errors.Is(err, errMalformed):
			return body.Protocol("an event of the provider's stream is damaged", err)
		case err != nil:
			return err
		}
		e.payload = body.Clean(e.payload)
		if e.kind != eventstreamapi.EventMessageType {
			return a.runtime.Reported(body.Header, failureOf(e))
		}
		chunks, done, err := s.event(e)
		if err != nil {
			return body.Protocol("an event of the provider's stream cannot be understood", err)
		}
		for i, chunk := range chunks {
			call.More = i+1 < len(chunks) || events.ready()
			if err := send(chunk); err != nil {
				return err
			}
		}
		if done {
			body.Drain()
			return nil
		}
	}
}

// failureOf is an exception inside a stream as the body of an error.
func failureOf(e event) []byte {
	failure := new(bedrockpb.Failure)
	if wirejson.Unmarshal(e.payload, failure, lenient) != nil {
		failure = new(bedrockpb.Failure)
	}
	failure.Type = &e.name
	if failure.Message == nil && e.message != "" {
		failure.Message = &e.message
	}
	return wirejson.Marshal(failure)
}

// streamed puts an answer's events together.
type streamed struct {
	*answering

	// tools are the calls by the index of their block.
	tools map[int64]*toolCall
	// named are the blocks of reasoning whose format was said.
	named map[int64]bool
	// calls are those so far that stand among the tool calls.
	calls int64
	// function says that the first call was one of a function.
	function bool
	stopped  bool
	began    bool
}

type toolCall struct {
	index    int64
	function bool
	// given says that a piece of the arguments came.
	given bool
}

func newStreamed(a *answering) *streamed {
	return &streamed{answering: a, tools: map[int64]*toolCall{}, named: map[int64]bool{}}
}

// event translates one event. Done says that it is the last.
func (s *streamed) event(e event) (chunks []*sluicev1.ChatCompletionChunk, done bool, err error) {
	var chunk *sluicev1.ChatCompletionChunk
	switch e.name {
	case "messageStart":
		m := new(bedrockpb.MessageStart)
		if err := wirejson.Unmarshal(e.payload, m, lenient); err != nil {
			return nil, false, err
		}
		s.began = true
		delta := &sluicev1.Delta{Role: new(roleAssistant), Content: new("")}
		delta.Rest = s.handOn("", delta, s.rest(m.GetRest()))
		chunk = s.chunk(delta)
	case "contentBlockStart":
		m := new(bedrockpb.ContentBlockStart)
		if err := wirejson.Unmarshal(e.payload, m, lenient); err != nil {
			return nil, false, err
		}
		chunk = s.start(m, e.payload)
	case "contentBlockDelta":
		m := new(bedrockpb.ContentBlockDelta)
		if err := wirejson.Unmarshal(e.payload, m, lenient); err != nil {
			return nil, false, err
		}
		chunk = s.delta(m, e.payload)
	case "contentBlockStop":
		m := new(bedrockpb.ContentBlockStop)
		if err := wirejson.Unmarshal(e.payload, m, lenient); err != nil {
			return nil, false, err
		}
		s.padding(m.GetRest())
		if t := s.tools[m.GetContentBlockIndex()]; t != nil && !t.given {
			chunk = s.arguments(t, "{}")
		}
	case "messageStop":
		m := new(bedrockpb.MessageStop)
		if err := wirejson.Unmarshal(e.payload, m, lenient); err != nil {
			return nil, false, err
		}
		s.stopped = true
		chunk = s.chunk(&sluicev1.Delta{})
		choice := chunk.GetChoices()[0]
		choice.FinishReason, choice.Rest = s.finish(m.GetStopReason(), s.function)
		chunk.Rest = s.handOn("", chunk, s.rest(m.GetRest()))
	case "metadata":
		if !s.stopped {
			return nil, false, errors.New("metadata before the end of the message")
		}
		m := new(bedrockpb.Metadata)
		if err := wirejson.Unmarshal(e.payload, m, lenient); err != nil {
			return nil, false, err
		}
		chunk = s.chunk(nil)
		chunk.Usage, chunk.Rest = s.usage(m.GetUsage()), s.handOn("", chunk, s.rest(m.GetRest()))
		chunk.ServiceTier, chunk.Rest = s.tier(m.GetServiceTier(), chunk, chunk.Rest)
		return []*sluicev1.ChatCompletionChunk{chunk}, true, nil
	default:
		// An event that nobody knows says nothing that callers could have waited for.
		s.ledger.Dropped(e.name, "an event that is not known")
		return nil, false, nil
	}
	if chunk == nil {
		return nil, false, nil
	}
	if !s.began {
		s.began = true
		chunk.GetChoices()[0].Delta.Role = new(roleAssistant)
	}
	return []*sluicev1.ChatCompletionChunk{chunk}, false, nil
}

// chunk makes a chunk. Without a delta it has no choices.
func (s *streamed) chunk(delta *sluicev1.Delta) *sluicev1.ChatCompletionChunk {
	chunk := &sluicev1.ChatCompletionChunk{Id: s.id, Object: "chat.completion.chunk", Created: s.created, Model: s.model}
	if delta != nil {
		chunk.Choices = []*sluicev1.ChunkChoice{{Delta: delta}}
	}
	return chunk
}

// rest is what an event's rest holds beside its padding.
func (s *streamed) rest(rest []byte) []byte {
	s.padding(rest)
	_, rest, _ = wirejson.Take(rest, "p")
	return rest
}

// padding notes the member that hides how long events are.
func (s *streamed) padding(rest []byte) {
	if _, ok := wirejson.Get(rest, "p"); ok {
		s.ledger.Dropped("p", "padding against traffic analysis")
	}
}

// start begins a block.
func (s *streamed) start(m *bedrockpb.ContentBlockStart, payload []byte) *sluicev1.ChatCompletionChunk {
	t := m.GetStart().GetToolUse()
	s.padding(m.GetRest())
	if t == nil || serverTool(t) {
		return s.own("contentBlockStart", payload)
	}
	s.ledger.Coerced("contentBlockIndex", "choices[].delta.tool_calls[].index", "calls alone are counted here")
	call := &toolCall{index: s.calls, function: s.legacy && !s.function}
	s.tools[m.GetContentBlockIndex()] = call
	if call.function {
		s.function = true
		s.ledger.Coerced("start.toolUse", "choices[].delta.function_call", "the request has functions")
		return s.chunk(&sluicev1.Delta{FunctionCall: &sluicev1.FunctionCallDelta{Name: &t.Name, Arguments: new("")}})
	}
	s.calls++
	s.ledger.Renamed("start.toolUse", "choices[].delta.tool_calls[]")
	delta := &sluicev1.ToolCallDelta{
		Index: call.index, Id: &t.ToolUseId, Type: new("function"),
		Function: &sluicev1.FunctionCallDelta{Name: &t.Name, Arguments: new("")},
	}
	delta.Rest = s.handOn("start.toolUse", delta, t.GetRest())
	return s.chunk(&sluicev1.Delta{ToolCalls: []*sluicev1.ToolCallDelta{delta}})
}

// arguments adds a piece to the arguments of a call.
func (s *streamed) arguments(t *toolCall, piece string) *sluicev1.ChatCompletionChunk {
	t.given = true
	f := &sluicev1.FunctionCallDelta{Arguments: &piece}
	if t.function {
		return s.chunk(&sluicev1.Delta{FunctionCall: f})
	}
	return s.chunk(&sluicev1.Delta{ToolCalls: []*sluicev1.ToolCallDelta{{Index: t.index, Function: f}}})
}

// delta adds a piece to a block.
func (s *streamed) delta(m *bedrockpb.ContentBlockDelta, payload []byte) *sluicev1.ChatCompletionChunk {
	s.padding(m.GetRest())
	d, index := m.GetDelta(), m.GetContentBlockIndex()
	switch {
	case d == nil: // a delta of nothing
		return nil
	case d.Text != nil:
		s.ledger.Dropped("contentBlockIndex", "the blocks of text are one text here")
		s.ledger.Renamed("delta.text", "choices[].delta.content")
		return s.chunk(&sluicev1.Delta{Content: d.Text})
	case d.GetToolUse() != nil && s.tools[index] != nil:
		s.ledger.Renamed("delta.toolUse.input", "choices[].delta.tool_calls[].function.arguments")
		if d.GetToolUse().GetInput() == "" {
			return nil
		}
		return s.arguments(s.tools[index], d.GetToolUse().GetInput())
	case d.GetReasoningContent() != nil:
		s.ledger.Renamed("delta.reasoningContent", "choices[].delta.reasoning_details[]")
		return s.thought(d.GetReasoningContent(), index)
	}
	return s.own("contentBlockDelta", payload)
}

func (s *streamed) thought(r *bedrockpb.ReasoningDelta, index int64) *sluicev1.ChatCompletionChunk {
	s.ledger.Renamed("contentBlockIndex", "choices[].delta.reasoning_details[].index")
	delta := &sluicev1.Delta{ReasoningContent: r.Text}
	var detail []byte
	// Said once in a block: callers join the texts of pieces, and would join it too.
	format := s.format
	if s.named[index] {
		format = ""
	}
	s.named[index] = true
	switch {
	case r.RedactedContent != nil:
		detail = detailOf(typeRedacted, "data", r.GetRedactedContent(), "", formatBedrock, index)
	case r.Text != nil:
		detail = detailOf(typeThought, "text", r.GetText(), "", format, index)
	default:
		detail = detailOf(typeThought, "", "", r.GetSignature(), format, index)
	}
	delta.ReasoningDetails = [][]byte{detail}
	return s.chunk(delta)
}

// own hands on what OpenAI's contract has no word for: pieces of citations, of images, of
// results of Bedrock's own tools.
func (s *streamed) own(event string, payload []byte) *sluicev1.ChatCompletionChunk {
	_, rest, _ := wirejson.Take(payload, "p")
	if len(rest) == 0 {
		rest = []byte("{}")
	}
	s.ledger.Renamed(event, "choices[].delta."+ownBlocks+"[]")
	piece := wirejson.Set(nil, event, rest)
	return s.chunk(&sluicev1.Delta{Rest: wirejson.Set(nil, ownBlocks, wirejson.AppendRaws(nil, [][]byte{piece}))})
}
