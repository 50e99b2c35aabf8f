package gateway

import (
	"context"
	"strings"
	"unicode/utf8"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/server/usage"
)

// said is what a call said, when that is to be logged. A nil one keeps nothing, and costs
// nothing.
type said struct {
	request, answer wirejson.Message
	pieces          *pieces // of a stream
}

// hear makes the ticket keep what is said, when the configuration wants that of calls of
// this model or caller. Requests and answers are not changed on their way, so they are kept
// as they are.
func (t *ticket) hear(req wirejson.Message) {
	if t.plan != nil && t.plan.Bodies.Want(t.ctx, t.receipt.RequestModel, t.call.Caller) {
		t.said = &said{request: req}
	}
}

func (s *said) answered(answer wirejson.Message) {
	if s != nil {
		s.answer = answer
	}
}

// log writes what was said.
func (s *said) log(ctx context.Context, bodies *usage.Bodies, r *usage.Receipt) {
	answer := usage.Body{}
	switch {
	case s.answer != nil:
		answer.JSON = wirejson.Marshal(s.answer)
	case s.pieces != nil:
		answer = usage.Body{JSON: wirejson.Marshal(s.pieces.whole()), Lost: s.pieces.lost}
	}
	bodies.Record(ctx, r, usage.Body{JSON: wirejson.Marshal(s.request)}, answer)
}

// Bounds of what providers can make many of.
const (
	maxSaidNameBytes = 256
	maxSaidItems     = 128
)

// pieces puts a stream together as the answer that it would have been in one piece: its
// texts, its tool calls and how it ended. Other members are not kept.
type pieces struct {
	room      int // bytes that are still kept
	items     int // choices and tool calls that are kept
	lost      int64
	id, model string
	choices   []*saidChoice
}

type saidChoice struct {
	index            int64
	role, finish     string
	content          saidText
	refusal, thought saidText
	calls            []*saidToolCall
	function         *saidToolCall // in the form before tool calls
}

type saidToolCall struct {
	index    int64
	id, name string
	custom   bool
	input    saidText
}

// saidText is a text that comes in pieces.
type saidText struct{ strings.Builder }

func (t *saidText) orNil() *string {
	if t.Len() == 0 {
		return nil
	}
	return new(t.String())
}

// chunk takes the next piece of a stream.
func (s *said) chunk(c *sluicev1.ChatCompletionChunk, room int) {
	if s.pieces == nil {
		s.pieces = &pieces{room: room}
	}
	p := s.pieces
	p.name(&p.id, c.GetId())
	p.name(&p.model, c.GetModel())
	for _, choice := range c.GetChoices() {
		p.choice(choice)
	}
}

func (p *pieces) choice(c *sluicev1.ChunkChoice) {
	to := find(p, &p.choices, func(s *saidChoice) *int64 { return &s.index }, c.GetIndex())
	if to == nil {
		p.lost += deltaBytes(c.GetDelta())
		return
	}
	delta := c.GetDelta()
	p.name(&to.role, delta.GetRole())
	p.name(&to.finish, c.GetFinishReason())
	p.add(&to.content, delta.GetContent())
	p.add(&to.refusal, delta.GetRefusal())
	p.add(&to.thought, delta.GetReasoningContent())
	for _, t := range delta.GetToolCalls() {
		call := find(p, &to.calls, func(s *saidToolCall) *int64 { return &s.index }, t.GetIndex())
		if call == nil {
			p.lost += int64(len(t.GetFunction().GetArguments()) + len(t.GetCustom().GetInput()))
			continue
		}
		call.custom = call.custom || t.GetCustom() != nil
		p.name(&call.id, t.GetId())
		p.name(&call.name, t.GetFunction().GetName()+t.GetCustom().GetName())
		p.add(&call.input, t.GetFunction().GetArguments())
		p.add(&call.input, t.GetCustom().GetInput())
	}
	if f := delta.GetFunctionCall(); f != nil {
		if to.function == nil {
			to.function = new(saidToolCall)
		}
		p.name(&to.function.name, f.GetName())
		p.add(&to.function.input, f.GetArguments())
	}
}

// find returns the item with an index, a new one when there is none; nil when there are
// too many.
func find[T any](p *pieces, list *[]*T, indexOf func(*T) *int64, index int64) *T {
	for _, item := range *list {
		if *indexOf(item) == index {
			return item
		}
	}
	if p.items == maxSaidItems {
		return nil
	}
	p.items++
	item := new(T)
	*indexOf(item) = index
	*list = append(*list, item)
	return item
}

// name takes a text that is said once.
func (p *pieces) name(to *string, text string) {
	if *to == "" && text != "" {
		*to = strings.Clone(text[:upTo(text, maxSaidNameBytes)])
	}
}

// add takes a piece of a text, as far as there is room.
func (p *pieces) add(to *saidText, text string) {
	n := upTo(text, p.room)
	_, _ = to.WriteString(text[:n]) // into memory
	p.room -= n
	if n < len(text) {
		p.room = 0 // nothing goes behind a gap
		p.lost += int64(len(text) - n)
	}
}

// upTo is how many bytes of a text fit, between characters.
func upTo(text string, limit int) int {
	if len(text) <= limit {
		return len(text)
	}
	for limit > 0 && !utf8.RuneStart(text[limit]) {
		limit--
	}
	return limit
}

// whole is the answer so far.
func (p *pieces) whole() *sluicev1.ChatCompletion {
	answer := &sluicev1.ChatCompletion{Id: p.id, Model: p.model, Object: "chat.completion"}
	for _, c := range p.choices {
		m := &sluicev1.ResponseMessage{Role: c.role, Content: c.content.orNil(), Refusal: c.refusal.orNil(), ReasoningContent: c.thought.orNil()}
		for _, call := range c.calls {
			m.ToolCalls = append(m.ToolCalls, call.whole())
		}
		if f := c.function; f != nil {
			m.FunctionCall = &sluicev1.FunctionCall{Name: f.name, Arguments: f.input.String()}
		}
		choice := &sluicev1.Choice{Index: c.index, Message: m}
		if c.finish != "" {
			choice.FinishReason = new(c.finish)
		}
		answer.Choices = append(answer.Choices, choice)
	}
	return answer
}

func (c *saidToolCall) whole() *sluicev1.ToolCall {
	if c.custom {
		return &sluicev1.ToolCall{Call: &sluicev1.ToolCall_Custom{Custom: &sluicev1.CustomToolCall{
			Id: c.id, Custom: &sluicev1.CustomCall{Name: c.name, Input: c.input.String()},
		}}}
	}
	return &sluicev1.ToolCall{Call: &sluicev1.ToolCall_Function{Function: &sluicev1.FunctionToolCall{
		Id: c.id, Function: &sluicev1.FunctionCall{Name: c.name, Arguments: c.input.String()},
	}}}
}
