package anthropic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"reflect"
	"strings"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// assistant says an earlier answer: what was thought, what was said, what was called.
func (c *turns) assistant(index int, m *sluicev1.AssistantMessage) {
	path := translate.Item("messages", index)
	turn := &anthropicpb.Turn{Role: roleAssistant}
	if m.Name != nil {
		c.ledger.Dropped("messages[].name", "the assistant and instructions have no names")
	}
	if m.GetAudio() != nil {
		c.cannot(path+".audio", "it keeps no audio")
	}
	rest := members(m.GetRest())
	if value, remaining, ok := wirejson.Take(rest, "content"); ok && string(value) == "null" {
		rest = remaining
	}
	for _, name := range []string{"refusal", "annotations", "audio", "function_call", "tool_calls", "reasoning_content", "reasoning_details"} {
		value, remaining, ok := wirejson.Take(rest, name)
		switch {
		case !ok:
		case string(value) == "null" || string(value) == "[]":
			rest = remaining
		case name == "annotations":
			c.ledger.Dropped("messages[].annotations", "the provider does not take its citations back apart from the text")
			rest = remaining
		}
	}
	// Where earlier answers stood, that only Sluice's callers keep.
	if _, remaining, ok := wirejson.Take(rest, "reasoning"); ok {
		c.ledger.Dropped("messages[].reasoning", "what was thought goes back in signed pieces only")
		rest = remaining
	}
	whole, rest, isWhole := wirejson.Take(rest, memberContent)
	control, hasControl := wirejson.Get(rest, "cache_control")
	_, rest, _ = wirejson.Take(rest, "cache_control")
	c.nestedLeftover(path, rest, &turn.Rest)
	if isWhole {
		if blocks, ok := c.wholeContent(whole, m); ok {
			if hasControl {
				c.nestedLeftover(path, c.messageCache(path, wirejson.Set(nil, "cache_control", control), blocks), &turn.Rest)
			}
			turn.Content = &anthropicpb.Turn_Blocks{Blocks: &anthropicpb.Blocks{Blocks: blocks}}
			c.ledger.Renamed("messages[]."+memberContent, "messages[].content")
			for name, there := range map[string]bool{
				"content": m.GetContent() != nil, "tool_calls": len(m.GetToolCalls()) > 0,
				"reasoning_content": m.ReasoningContent != nil, "reasoning_details": len(m.GetReasoningDetails()) > 0,
			} {
				if there {
					c.ledger.Coerced("messages[]."+name, "messages[].content", memberContent+" has it in the provider's order")
				}
			}
			c.add(index, turn)
			return
		}
		c.ledger.Dropped("messages[]."+memberContent, "the message says something else by now")
	}
	blocks := c.thoughts(m)
	if m.GetContent() != nil {
		blocks = append(blocks, c.parts(path, m.GetText(), m.GetParts())...)
	}
	if !blank(m.GetRefusal()) {
		blocks = append(blocks, textBlock(m.GetRefusal()))
		c.ledger.Approximated("messages[].refusal", "messages[].content[].text", "a refusal is a text")
	}
	for i, call := range m.GetToolCalls() {
		blocks = append(blocks, c.call(translate.Item(path+".tool_calls", i), call)...)
	}
	if f := m.GetFunctionCall(); f != nil {
		c.callID = fmt.Sprintf("call_%d", index)
		c.ledger.Renamed("messages[].function_call.name", "messages[].content[].name")
		block := c.use(path+".function_call", c.callID, f)
		c.nestedLeftover("messages[].function_call", f.GetRest(), &block.GetToolUse().Rest)
		blocks = append(blocks, block)
	}
	if len(blocks) == 0 {
		c.ledger.Dropped(path, saysNothing)
		return
	}
	if hasControl {
		c.nestedLeftover(path, c.messageCache(path, wirejson.Set(nil, "cache_control", control), blocks), &turn.Rest)
	}
	setContent(turn, blocks)
	c.add(index, turn)
}

// wholeContent reads the blocks of an answer that the caller sends back. ok says whether
// the rest of the message is still the same.
func (c *turns) wholeContent(raw []byte, m *sluicev1.AssistantMessage) (blocks []*anthropicpb.Block, ok bool) {
	list := new(anthropicpb.Blocks)
	if wirejson.Unmarshal(raw, list, wirejson.Options{}) != nil || len(list.GetBlocks()) == 0 || m.GetParts() != nil {
		return nil, false
	}
	var text strings.Builder
	var calls int
	for _, b := range list.GetBlocks() {
		text.WriteString(b.GetText().GetText())
		if use := b.GetToolUse(); use != nil {
			if calls == len(m.GetToolCalls()) {
				return nil, false
			}
			own := m.GetToolCalls()[calls].GetFunction()
			if own.GetId() != use.GetId() || own.GetFunction().GetName() != use.GetName() || !sameValue([]byte(own.GetFunction().GetArguments()), use.GetInput()) {
				return nil, false
			}
			use.Input = []byte(own.GetFunction().GetArguments()) // by the model's own bytes
			calls++
		}
	}
	return list.GetBlocks(), text.String() == m.GetText() && calls == len(m.GetToolCalls())
}

// sameValue compares JSON by value: clients decode and encode it again.
func sameValue(a, b []byte) bool {
	var x, y any
	return json.Unmarshal(a, &x) == nil && json.Unmarshal(b, &y) == nil && reflect.DeepEqual(x, y)
}

// thoughts says what the model thought. Only what the provider signed goes back.
func (c *turns) thoughts(m *sluicev1.AssistantMessage) []*anthropicpb.Block {
	var out []*anthropicpb.Block
	const at = "messages[].reasoning_details[]"
	for _, raw := range m.GetReasoningDetails() {
		var d detail
		if json.Unmarshal(raw, &d) != nil {
			c.ledger.Dropped(at, "not of a known form")
			continue
		}
		ours := d.Format == "" || d.Format == formatOurs
		switch {
		case ours && d.Type == detailText && d.Signature != nil:
			out = append(out, &anthropicpb.Block{Block: &anthropicpb.Block_Thinking{Thinking: &anthropicpb.ThinkingBlock{Thinking: d.Text, Signature: *d.Signature}}})
		case ours && d.Type == detailEncrypted && d.Data != "":
			out = append(out, &anthropicpb.Block{Block: &anthropicpb.Block_RedactedThinking{RedactedThinking: &anthropicpb.RedactedThinkingBlock{Data: d.Data}}})
		default:
			c.ledger.Dropped(at, "the provider takes back only what it signed itself")
			continue
		}
		c.ledger.Coerced("messages[].reasoning_details", "messages[].content", "blocks of thinking")
	}
	if m.ReasoningContent != nil {
		why := "what was thought goes back in signed pieces only"
		if len(out) > 0 {
			why = "reasoning_details say it"
		}
		c.ledger.Dropped("messages[].reasoning_content", why)
	}
	return out
}

// call says a call of a tool.
func (c *turns) call(at string, call *sluicev1.ToolCall) []*anthropicpb.Block {
	switch k := call.GetCall().(type) {
	case *sluicev1.ToolCall_Function:
		c.ledger.Renamed("messages[].tool_calls[].id", "messages[].content[].id")
		c.ledger.Renamed("messages[].tool_calls[].function.name", "messages[].content[].name")
		c.ledger.Coerced("messages[].tool_calls[].type", "messages[].content[].type", "function is tool_use")
		block := c.use(at+".function", k.Function.GetId(), k.Function.GetFunction())
		use := block.GetToolUse()
		rest := members(k.Function.GetRest())
		use.CacheControl, rest = c.cacheControl("messages[].tool_calls[]", nil, rest)
		if _, remaining, ok := wirejson.Take(rest, "index"); ok { // of a caller that joined deltas
			c.ledger.Dropped("messages[].tool_calls[].index", "calls stand in their order")
			rest = remaining
		}
		c.nestedLeftover("messages[].tool_calls[]", rest, &use.Rest)
		c.nestedLeftover("messages[].tool_calls[].function", k.Function.GetFunction().GetRest(), &use.Rest)
		return []*anthropicpb.Block{block}
	case *sluicev1.ToolCall_Custom:
		if c.ledger.Unsupported(at, "its tools take objects, not free text") {
			return []*anthropicpb.Block{otherBlock(k.Custom.AppendWireJSON(nil))}
		}
	case *sluicev1.ToolCall_Other:
		if c.ledger.Unsupported(at, "there is no such type of call") {
			return []*anthropicpb.Block{otherBlock(k.Other)}
		}
	}
	return nil
}

// use makes a call's block. Arguments are a text in the contract, as the model wrote it,
// and an object in the dialect.
func (c *turns) use(at, id string, f *sluicev1.FunctionCall) *anthropicpb.Block {
	fit := fitID(id)
	if fit != id {
		c.ledger.Coerced("messages[].tool_calls[].id", "messages[].content[].id", "with _ for characters that ids cannot have")
	}
	arguments := bytes.TrimSpace([]byte(f.GetArguments()))
	if len(arguments) == 0 {
		arguments = []byte("{}")
	}
	switch {
	case arguments[0] != '{' || wirejson.ValidValue(arguments) != nil:
		// A model may write what is no object; the turn is said all the same.
		c.ledger.Coerced(at+".arguments", "messages[].content[].input.arguments", "they are no object, and stand as a text in one")
		arguments = append(append([]byte(`{"arguments":`), wirejson.AppendString(nil, f.GetArguments())...), '}')
	default:
		path := "messages[].tool_calls[].function.arguments"
		if strings.HasSuffix(at, ".function_call") {
			path = "messages[].function_call.arguments"
		}
		c.ledger.Coerced(path, "messages[].content[].input", "an object instead of its text")
	}
	return &anthropicpb.Block{Block: &anthropicpb.Block_ToolUse{ToolUse: &anthropicpb.ToolUseBlock{Id: fit, Name: f.GetName(), Input: arguments}}}
}
