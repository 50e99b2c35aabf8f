package anthropic

import (
	"fmt"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

const (
	roleUser, roleAssistant, roleSystem = "user", "assistant", "system"

	// memberContent is where an answer's whole content rides, in the provider's blocks and
	// their order, when the contract's members cannot say it: see [answer].
	memberContent = "anthropic_content"
)

// turns collects the conversation.
type turns struct {
	*translation

	// held are instructions from inside of the conversation that wait for their place.
	held []instruction
	// results is the turn that takes results of tools: they must stand in one.
	results *anthropicpb.Turn
	// callID is that of the last function call, which has none of its own.
	callID string
}

// instruction is a system message.
type instruction struct {
	index     int
	developer bool
	blocks    []*anthropicpb.Block
	moved     bool // behind something that was said later
}

func (t *translation) messages() {
	c := &turns{translation: t}
	for i, message := range t.req.GetMessages() {
		switch m := message.GetMessage().(type) {
		case *sluicev1.ChatMessage_System:
			c.instruct(i, false, m.System.Name, c.parts(translate.Item("messages", i), m.System.GetText(), m.System.GetParts()), m.System.GetRest())
		case *sluicev1.ChatMessage_Developer:
			c.instruct(i, true, m.Developer.Name, c.parts(translate.Item("messages", i), m.Developer.GetText(), m.Developer.GetParts()), m.Developer.GetRest())
		case *sluicev1.ChatMessage_User:
			c.user(i, m.User)
		case *sluicev1.ChatMessage_Assistant:
			c.assistant(i, m.Assistant)
		case *sluicev1.ChatMessage_Tool:
			c.tool(i, m.Tool)
		case *sluicev1.ChatMessage_Function:
			c.functionResult(i, m.Function)
		case *sluicev1.ChatMessage_Other:
			if t.ledger.Unsupported(translate.Item("messages", i), "there is no such role") {
				raw := new(anthropicpb.Turn)
				if wirejson.Unmarshal(m.Other, raw, wirejson.Options{Lenient: true}) == nil {
					c.add(raw)
				}
			}
		}
	}
	c.place()
	if last := len(t.body.GetMessages()) - 1; last >= 0 && t.body.GetMessages()[last].GetRole() == roleAssistant {
		member := translate.Item("messages", len(t.req.GetMessages())-1)
		t.ledger.Approximated(member, translate.Item("messages", last), "a last turn of the assistant is continued, not answered; newer models refuse it")
	}
}

// add begins another turn.
func (c *turns) add(turn *anthropicpb.Turn) {
	if turn.GetRole() == roleAssistant {
		c.place()
	}
	c.results = nil
	c.body.Messages = append(c.body.Messages, turn)
	for i := range c.held {
		c.held[i].moved = true
	}
}

// instruct takes a system message. Those that stand first are the system prompt.
func (c *turns) instruct(index int, developer bool, name *string, blocks []*anthropicpb.Block, rest []byte) {
	path := translate.Item("messages", index)
	if name != nil {
		c.ledger.Dropped(path+".name", "instructions have no names")
	}
	rest = c.messageCache(path, rest, blocks)
	if len(blocks) > 0 {
		c.nestedLeftover(path, rest, restOf(blocks[0]))
	} else {
		c.nestedLeftover(path, rest, nil)
	}
	if len(c.body.GetMessages()) == 0 {
		c.ledger.Renamed(path, fmt.Sprintf("system[%d]", len(c.systemBlocks())))
		c.hoist(blocks)
		return
	}
	c.held = append(c.held, instruction{index: index, developer: developer, blocks: blocks})
}

// systemBlocks returns the system prompt so far.
func (c *turns) systemBlocks() []*anthropicpb.Block {
	switch s := c.body.GetSystem().GetSystem().(type) {
	case *anthropicpb.System_Text:
		return []*anthropicpb.Block{textBlock(s.Text)}
	case *anthropicpb.System_Blocks:
		return s.Blocks.GetBlocks()
	}
	return nil
}

// hoist adds to the system prompt.
func (c *turns) hoist(blocks []*anthropicpb.Block) {
	all := append(c.systemBlocks(), blocks...)
	if len(all) == 0 {
		return
	}
	if text := all[0].GetText(); len(all) == 1 && plain(text) {
		c.body.System = &anthropicpb.System{System: &anthropicpb.System_Text{Text: text.GetText()}}
		return
	}
	c.body.System = &anthropicpb.System{System: &anthropicpb.System_Blocks{Blocks: &anthropicpb.Blocks{Blocks: all}}}
}

// plain tells whether a block is no more than its text.
func plain(text *anthropicpb.TextBlock) bool {
	return text != nil && text.GetCacheControl() == nil && len(text.GetCitations()) == 0 && len(text.GetRest()) == 0
}

// place puts the instructions that wait where the dialect takes them: behind a turn of the
// user, and before one of the assistant or at the end. Models that do not take them there
// get them in the system prompt, as in Anthropic's own compatibility API.
//
// Source: the documentation's "Mid-conversation system messages" and "OpenAI SDK
// compatibility", 2026-11.
func (c *turns) place() {
	if len(c.held) == 0 {
		return
	}
	held := c.held
	c.held = nil
	list := c.body.GetMessages()
	if !c.model.systemTurns || list[len(list)-1].GetRole() != roleUser {
		why := "this model takes instructions ahead of the conversation only"
		if c.model.systemTurns {
			why = "the dialect takes no instructions between two turns of the assistant"
		}
		for _, h := range held {
			c.ledger.Approximated(translate.Item("messages", h.index), fmt.Sprintf("system[%d]", len(c.systemBlocks())), why)
			c.hoist(h.blocks)
		}
		return
	}
	turn := &anthropicpb.Turn{Role: roleSystem}
	var blocks []*anthropicpb.Block
	for _, h := range held {
		if h.developer {
			c.ledger.Coerced(translate.Item("messages", h.index)+".role", "messages[].role", "developer is system")
		}
		if h.moved {
			c.ledger.Approximated(translate.Item("messages", h.index), translate.Item("messages", len(list)), "instructions stand behind the user's turn")
		}
		blocks = append(blocks, h.blocks...)
	}
	setContent(turn, blocks)
	c.results = nil
	c.body.Messages = append(c.body.Messages, turn)
}

// setContent sets a turn's content, as a string when that says all.
func setContent(turn *anthropicpb.Turn, blocks []*anthropicpb.Block) {
	if len(blocks) == 1 && plain(blocks[0].GetText()) {
		turn.Content = &anthropicpb.Turn_Text{Text: blocks[0].GetText().GetText()}
		return
	}
	turn.Content = &anthropicpb.Turn_Blocks{Blocks: &anthropicpb.Blocks{Blocks: blocks}}
}

func (c *turns) user(index int, m *sluicev1.UserMessage) {
	path := translate.Item("messages", index)
	turn := &anthropicpb.Turn{Role: roleUser}
	if m.Name != nil && c.ledger.Unsupported(path+".name", "it does not tell participants of a role apart") {
		turn.Rest = wirejson.Set(turn.Rest, "name", wirejson.AppendString(nil, m.GetName()))
	}
	blocks := c.parts(path, m.GetText(), m.GetParts())
	c.nestedLeftover(path, c.messageCache(path, m.GetRest(), blocks), &turn.Rest)
	setContent(turn, blocks)
	c.add(turn)
}

// messageCache takes a cache_control that stands beside a message's content instead of in
// it: it ends the message, so that its last block gets it.
func (c *turns) messageCache(path string, rest []byte, blocks []*anthropicpb.Block) []byte {
	if _, there := wirejson.Get(rest, "cache_control"); !there || len(blocks) == 0 {
		return rest
	}
	control, remaining := c.cacheControl(path, nil, members(rest))
	switch k := blocks[len(blocks)-1].GetBlock().(type) {
	case *anthropicpb.Block_Text:
		k.Text.CacheControl = control
	case *anthropicpb.Block_Image:
		k.Image.CacheControl = control
	case *anthropicpb.Block_Document:
		k.Document.CacheControl = control
	case *anthropicpb.Block_ToolUse:
		k.ToolUse.CacheControl = control
	default:
		return rest
	}
	c.ledger.Renamed(path+".cache_control", "messages[].content[].cache_control")
	return remaining
}

// restOf is where members of a block go that nobody knows. Nil: it has no such place.
func restOf(b *anthropicpb.Block) *[]byte {
	if text := b.GetText(); text != nil {
		return &text.Rest
	}
	return nil
}

// tool takes a result. Those of one turn's calls stand together.
func (c *turns) tool(index int, m *sluicev1.ToolMessage) {
	path := translate.Item("messages", index)
	result := c.result(m.GetToolCallId())
	c.ledger.Renamed("messages[].tool_call_id", "messages[].content[].tool_use_id")
	c.ledger.Coerced("messages[].role", "messages[].content[].type", "a message of the role tool is a block of a turn of the user")
	rest := members(m.GetRest())
	if value, remaining, ok := wirejson.Take(rest, "is_error"); ok && (string(value) == "true" || string(value) == "false") {
		failed := string(value) == "true"
		result.IsError, rest = &failed, remaining
	}
	result.CacheControl, rest = c.cacheControl("messages[]", nil, rest)
	c.nestedLeftover(path, rest, &result.Rest)
	blocks := c.parts(path, m.GetText(), m.GetParts())
	if len(blocks) == 1 && plain(blocks[0].GetText()) {
		result.Content = &anthropicpb.ToolResultBlock_Text{Text: blocks[0].GetText().GetText()}
	} else if len(blocks) > 0 {
		result.Content = &anthropicpb.ToolResultBlock_Blocks{Blocks: &anthropicpb.Blocks{Blocks: blocks}}
	}
	if m.GetParts() == nil {
		c.ledger.Renamed("messages[].content", "messages[].content[].content")
	}
}

// result adds a result to the turn that takes them.
func (c *turns) result(callID string) *anthropicpb.ToolResultBlock {
	fit := fitID(callID)
	if fit != callID {
		c.ledger.Coerced("messages[].tool_call_id", "messages[].content[].tool_use_id", "with _ for characters that ids cannot have")
	}
	block := &anthropicpb.ToolResultBlock{ToolUseId: fit}
	if c.results == nil {
		turn := &anthropicpb.Turn{Role: roleUser, Content: &anthropicpb.Turn_Blocks{Blocks: &anthropicpb.Blocks{}}}
		c.add(turn)
		c.results = turn
	}
	for i := range c.held {
		c.held[i].moved = true
	}
	list := c.results.GetBlocks()
	list.Blocks = append(list.Blocks, &anthropicpb.Block{Block: &anthropicpb.Block_ToolResult{ToolResult: block}})
	return block
}

// functionResult is the old form of a result, which names the function instead of a call.
func (c *turns) functionResult(index int, m *sluicev1.FunctionMessage) {
	path := translate.Item("messages", index)
	if c.callID == "" {
		c.callID = fmt.Sprintf("call_%d", index)
	}
	result := c.result(c.callID)
	c.ledger.Coerced("messages[].name", "messages[].content[].tool_use_id", "results name the call, not the function")
	c.ledger.Coerced("messages[].role", "messages[].content[].type", "a message of the role function is a block of a turn of the user")
	if m.Content != nil {
		result.Content = &anthropicpb.ToolResultBlock_Text{Text: m.GetContent()}
		c.ledger.Renamed("messages[].content", "messages[].content[].content")
	}
	c.nestedLeftover(path, m.GetRest(), &result.Rest)
}
