package anthropic

import (
	"errors"
	"strings"
	"unicode/utf8"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// The types of events. Source: the documentation's "Streaming Messages", 2026-11.
const (
	eventMessageStart = "message_start"
	eventBlockStart   = "content_block_start"
	eventBlockDelta   = "content_block_delta"
	eventBlockStop    = "content_block_stop"
	eventMessageDelta = "message_delta"
	eventMessageStop  = "message_stop"
	eventPing         = "ping"
)

var (
	errNoMessage = errors.New("an event came before message_start")
	errNoBlock   = errors.New("an event belongs to no block")
)

// events turns the events of a stream into chunks.
type events struct {
	*answer

	id, model string
	begun     bool
	finished  bool // the reason of the end was said
	ended     bool // message_stop came
	usageSeen *anthropicpb.Usage

	blocks  map[int64]*block
	order   []*block
	calls   int64 // tool calls so far
	details int64 // pieces of reasoning so far
	runes   int64 // characters of the content so far
	noted   bool  // what becomes of texts
}

// block is one block of the content, as far as it came.
type block struct {
	is        *anthropicpb.Block
	pieces    strings.Builder // of its text, thinking or input
	signature strings.Builder
	citations [][]byte
	start     int64 // its first character in the content
	index     int64 // among the calls, or the pieces of reasoning
	begun     bool  // its first piece of reasoning was sent
	closed    bool
}

func newEvents(a *answer) *events {
	a.at = eventPaths
	return &events{answer: a, blocks: map[int64]*block{}}
}

// add takes an event and returns the chunks that follow from it.
func (s *events) add(e *anthropicpb.StreamEvent) ([]*sluicev1.ChatCompletionChunk, error) {
	if e.GetType() == eventMessageStart {
		return s.start(e), nil
	}
	if e.GetType() == eventPing {
		return nil, nil
	}
	if !s.begun {
		return nil, s.early(e.GetType())
	}
	switch e.GetType() {
	case eventBlockStart:
		return s.open(e), nil
	case eventBlockDelta:
		b := s.blocks[e.GetIndex()]
		if b == nil {
			return nil, errNoBlock
		}
		return s.grow(b, e), nil
	case eventBlockStop:
		return s.shut(s.blocks[e.GetIndex()]), nil
	case eventMessageDelta:
		return s.finishing(e), nil
	case eventMessageStop:
		s.ended = true
		return s.last(), nil
	}
	// An event that nobody knows yet.
	s.ledger.Passed("events." + e.GetType())
	c := s.chunk(nil)
	c.Rest = wirejson.Set(nil, "anthropic_event", e.AppendWireJSON(nil))
	return []*sluicev1.ChatCompletionChunk{c}, nil
}

// early takes an event from before the message. Of those that nobody knows yet, no chunk can
// be made there: chunks have the message's id.
//
// Source: the documentation's "Streaming Messages": unknown types of events are to be
// tolerated, 2026-11.
func (s *events) early(kind string) error {
	switch kind {
	case "", eventBlockStart, eventBlockDelta, eventBlockStop, eventMessageDelta, eventMessageStop:
		return errNoMessage
	}
	s.ledger.Dropped("events."+kind, "it came before the message began")
	return nil
}

func (s *events) chunk(delta *sluicev1.Delta) *sluicev1.ChatCompletionChunk {
	if delta == nil {
		delta = &sluicev1.Delta{}
	}
	return &sluicev1.ChatCompletionChunk{
		Id: s.id, Object: "chat.completion.chunk", Created: s.created, Model: s.model,
		Choices: []*sluicev1.ChunkChoice{{Delta: delta}},
	}
}

func (s *events) one(delta *sluicev1.Delta) []*sluicev1.ChatCompletionChunk {
	return []*sluicev1.ChatCompletionChunk{s.chunk(delta)}
}

func (s *events) start(e *anthropicpb.StreamEvent) []*sluicev1.ChatCompletionChunk {
	m := e.GetMessage()
	s.id, s.model, s.begun = m.GetId(), m.GetModel(), true
	s.head(m)
	s.count(m.GetUsage())
	role := roleAssistant
	c := s.chunk(&sluicev1.Delta{Role: &role})
	c.Rest = s.leftover("", m.GetRest())
	return []*sluicev1.ChatCompletionChunk{c}
}

// count takes a usage, whose numbers replace those that came before.
func (s *events) count(u *anthropicpb.Usage) {
	if u == nil {
		return
	}
	if s.usageSeen == nil {
		s.usageSeen = &anthropicpb.Usage{}
	}
	seen := s.usageSeen
	for _, n := range []struct{ to, from **int64 }{
		{&seen.InputTokens, &u.InputTokens},
		{&seen.OutputTokens, &u.OutputTokens},
		{&seen.CacheReadInputTokens, &u.CacheReadInputTokens},
		{&seen.CacheCreationInputTokens, &u.CacheCreationInputTokens},
	} {
		if *n.from != nil {
			*n.to = *n.from
		}
	}
	if u.OutputTokensDetails != nil {
		seen.OutputTokensDetails = u.OutputTokensDetails
	}
	if u.ServiceTier != nil {
		seen.ServiceTier = u.ServiceTier
	}
	var more []wirejson.Member
	for name, value := range wirejson.All(said(u.GetRest())) {
		more = append(more, wirejson.Member{Name: name, Value: value})
	}
	seen.Rest = wirejson.SetAll(seen.GetRest(), more)
}

// open begins a block.
func (s *events) open(e *anthropicpb.StreamEvent) []*sluicev1.ChatCompletionChunk {
	b := &block{is: e.GetContentBlock(), start: s.runes}
	if b.is == nil {
		return nil
	}
	s.blocks[e.GetIndex()] = b
	s.order = append(s.order, b)
	switch k := b.is.GetBlock().(type) {
	case *anthropicpb.Block_Text:
		return s.text(b, k.Text.GetText())
	case *anthropicpb.Block_Thinking:
		b.index = s.details
		s.details++
		s.noteThinking()
		return append(s.think(b, k.Thinking.GetThinking()), s.sign(b, k.Thinking.GetSignature())...)
	case *anthropicpb.Block_RedactedThinking:
		data := k.RedactedThinking.GetData()
		s.noteRedacted()
		detail := appendDetail(detailEncrypted, s.details, formatOurs, nil, nil, &data)
		s.details++
		return s.one(&sluicev1.Delta{ReasoningDetails: [][]byte{detail}, Rest: s.into(nil, s.at.block, k.RedactedThinking.GetRest())})
	case *anthropicpb.Block_ToolUse:
		return s.beginCall(b, k.ToolUse)
	}
	return nil // the whole content says it in the end
}

func (s *events) beginCall(b *block, use *anthropicpb.ToolUseBlock) []*sluicev1.ChatCompletionChunk {
	b.index = s.calls
	s.calls++
	s.noteCall()
	name, empty := use.GetName(), ""
	call := &sluicev1.FunctionCallDelta{Name: &name, Arguments: &empty}
	rest := s.into(nil, s.at.block, use.GetRest())
	if s.asFunction(b) {
		call.Rest = rest
		return s.one(&sluicev1.Delta{FunctionCall: call})
	}
	id, kind := use.GetId(), "function"
	return s.one(&sluicev1.Delta{ToolCalls: []*sluicev1.ToolCallDelta{{Index: b.index, Id: &id, Type: &kind, Function: call, Rest: rest}}})
}

// asFunction tells whether a call is said in the form of functions, which has room for one.
func (s *events) asFunction(b *block) bool { return s.functions && b.index == 0 }

// grow takes a piece of a block.
func (s *events) grow(b *block, e *anthropicpb.StreamEvent) []*sluicev1.ChatCompletionChunk {
	d := e.GetDelta()
	switch d.GetType() {
	case "text_delta":
		return s.text(b, d.GetText())
	case "thinking_delta":
		return s.think(b, d.GetThinking())
	case "signature_delta":
		return s.sign(b, d.GetSignature())
	case "citations_delta":
		b.citations = append(b.citations, d.GetCitation())
		return nil
	case "input_json_delta":
		b.pieces.WriteString(d.GetPartialJson())
		if b.is.GetToolUse() == nil {
			s.ledger.Coerced(s.at.input, s.at.message+memberContent+"[].input", "joined")
			return nil
		}
		if d.GetPartialJson() == "" {
			return nil
		}
		return s.arguments(b, d.GetPartialJson())
	}
	// A piece that nobody knows yet: what it adds to cannot be known either.
	s.ledger.Passed("delta." + d.GetType())
	return s.one(&sluicev1.Delta{Rest: wirejson.Set(nil, "anthropic_delta", e.AppendWireJSON(nil))})
}

func (s *events) text(b *block, piece string) []*sluicev1.ChatCompletionChunk {
	if piece == "" {
		return nil
	}
	b.pieces.WriteString(piece)
	s.runes += int64(utf8.RuneCountInString(piece))
	if !s.noted {
		s.noted = true
		s.ledger.Renamed(s.at.text, s.at.message+"content")
	}
	return s.one(&sluicev1.Delta{Content: &piece})
}

func (s *events) think(b *block, piece string) []*sluicev1.ChatCompletionChunk {
	if piece == "" {
		return nil
	}
	b.pieces.WriteString(piece)
	return s.one(&sluicev1.Delta{ReasoningContent: &piece, ReasoningDetails: [][]byte{s.detail(b, &piece, nil)}})
}

func (s *events) sign(b *block, piece string) []*sluicev1.ChatCompletionChunk {
	if piece == "" {
		return nil
	}
	b.signature.WriteString(piece)
	return s.one(&sluicev1.Delta{ReasoningDetails: [][]byte{s.detail(b, nil, &piece)}})
}

// detail is a piece of reasoning. Clients join the texts of pieces of the same index, so
// that what stands once is sent once.
func (s *events) detail(b *block, text, signature *string) []byte {
	format := ""
	if !b.begun {
		b.begun, format = true, formatOurs
	}
	return appendDetail(detailText, b.index, format, text, signature, nil)
}

func (s *events) arguments(b *block, piece string) []*sluicev1.ChatCompletionChunk {
	call := &sluicev1.FunctionCallDelta{Arguments: &piece}
	if s.asFunction(b) {
		return s.one(&sluicev1.Delta{FunctionCall: call})
	}
	return s.one(&sluicev1.Delta{ToolCalls: []*sluicev1.ToolCallDelta{{Index: b.index, Function: call}}})
}

// shut ends a block, and makes it what it would be in a whole answer.
func (s *events) shut(b *block) []*sluicev1.ChatCompletionChunk {
	if b == nil || b.closed {
		return nil
	}
	b.closed = true
	switch k := b.is.GetBlock().(type) {
	case *anthropicpb.Block_Text:
		k.Text.Text = b.pieces.String()
		k.Text.Citations = append(k.Text.Citations, b.citations...)
		k.Text.Rest = said(k.Text.GetRest())
		if list := s.annotations(k.Text.GetCitations(), b.start, s.runes); len(list) > 0 {
			return s.one(&sluicev1.Delta{Annotations: list})
		}
	case *anthropicpb.Block_Thinking:
		k.Thinking.Thinking, k.Thinking.Signature = b.pieces.String(), b.signature.String()
	case *anthropicpb.Block_ToolUse:
		if b.pieces.Len() > 0 {
			k.ToolUse.Input = object(b.pieces.String())
			return nil
		}
		// It has no arguments, or came whole.
		if len(k.ToolUse.GetInput()) == 0 {
			k.ToolUse.Input = []byte("{}")
		}
		return s.arguments(b, string(k.ToolUse.GetInput()))
	case *anthropicpb.Block_Other:
		if b.pieces.Len() > 0 {
			_, k.Other, _ = wirejson.Take(k.Other, "input")
			k.Other = wirejson.Set(k.Other, "input", object(b.pieces.String()))
		}
	}
	return nil
}

// object makes pieces of an input an object, also when they broke off.
func object(pieces string) []byte {
	if raw := []byte(pieces); wirejson.ValidObject(raw) == nil {
		return raw
	}
	return append(append([]byte(`{"arguments":`), wirejson.AppendString(nil, pieces)...), '}')
}

// finishing takes the end of the content.
func (s *events) finishing(e *anthropicpb.StreamEvent) []*sluicev1.ChatCompletionChunk {
	s.count(e.GetUsage())
	var out []*sluicev1.ChatCompletionChunk
	content := make([]*anthropicpb.Block, 0, len(s.order))
	for _, b := range s.order {
		out = append(out, s.shut(b)...)
		content = append(content, b.is)
	}
	d := e.GetDelta()
	c := s.chunk(nil)
	if d.GetStopReason() != "" && !s.finished { // there may be several of these events
		s.finished = true
		if inexpressible(content) {
			c.Choices[0].Delta.Rest = wirejson.Set(nil, memberContent, wirejson.Marshal(&anthropicpb.Blocks{Blocks: content}))
			s.noteWhole()
		}
		c.Choices[0].FinishReason, c.Choices[0].Rest = s.finish(d.GetStopReason(), d.StopSequence, d.GetStopDetails())
	}
	c.Rest = s.into(s.leftover("", e.GetRest()), "", d.GetRest())
	return append(out, c)
}

// last says the usage.
func (s *events) last() []*sluicev1.ChatCompletionChunk {
	if s.usageSeen == nil {
		return nil
	}
	c := s.chunk(nil)
	c.Choices = nil
	c.Usage, c.ServiceTier = s.usage(s.usageSeen), s.tier(s.usageSeen)
	return []*sluicev1.ChatCompletionChunk{c}
}
