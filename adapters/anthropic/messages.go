package anthropic

import (
	"fmt"
	"strings"
	"unicode"

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
	// last is the message that became the last turn.
	last int
	// leading are the instructions before the first turn.
	leading []instruction
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
				t.handedOn = true
				raw := new(anthropicpb.Turn)
				if wirejson.Unmarshal(m.Other, raw, lenient) == nil {
					c.add(i, raw)
				}
			}
		}
	}
	c.place()
	c.opening()
	c.begun()
}

// begins is what the user says in a conversation that the assistant begins.
const begins = "(The assistant begins the conversation.)"

// opening sees to it that there is a first turn, and that it is the user's at Vertex AI.
//
// Sources: the API's own words, "messages: at least one message is required"; Google's
// "Structured outputs with Anthropic Claude models": the first message must be of the role
// user. Anthropic's own API takes an assistant's (issue 622 of the official TypeScript
// SDK); 2026-11.
func (c *turns) opening() {
	switch list := c.body.GetMessages(); {
	case len(list) == 0 && len(c.leading) > 0:
		turn := &anthropicpb.Turn{Role: roleUser}
		var blocks []*anthropicpb.Block
		for _, l := range c.leading {
			c.ledger.Approximated(translate.Item("messages", l.index), "messages[0]", "instructions alone are no conversation there: they are said by the user")
			blocks = append(blocks, l.blocks...)
		}
		setContent(turn, blocks)
		c.body.Messages = []*anthropicpb.Turn{turn}
	case len(list) == 0:
		c.ledger.Unsupported("messages", "it wants a turn that says something")
	case !c.own && list[0].GetRole() == roleAssistant:
		c.ledger.Approximated("messages", "messages[0]", "Vertex AI wants the user to begin: a turn that says so stands first")
		turn := &anthropicpb.Turn{Role: roleUser, Content: &anthropicpb.Turn_Text{Text: begins}}
		c.body.Messages = append([]*anthropicpb.Turn{turn}, list...)
	}
}

// begun looks for an answer that the caller began: the last turn of the conversation is the
// assistant's.
func (c *turns) begun() {
	list := c.body.GetMessages()
	if len(list) == 0 || list[len(list)-1].GetRole() != roleAssistant {
		return
	}
	turn := list[len(list)-1]
	c.ledger.Approximated(translate.Item("messages", c.last), translate.Item("messages", len(list)-1), "a last turn of the assistant is continued, not answered; newer models refuse it")
	var text *string
	if k, ok := turn.GetContent().(*anthropicpb.Turn_Text); ok {
		text = &k.Text
	} else if blocks := turn.GetBlocks().GetBlocks(); len(blocks) > 0 && blocks[len(blocks)-1].GetText() != nil {
		text = &blocks[len(blocks)-1].GetText().Text
	}
	if text == nil {
		return
	}
	// Source: the API's own words, "final assistant content cannot end with trailing
	// whitespace", as users quote them, 2026-11.
	if trimmed := strings.TrimRightFunc(*text, unicode.IsSpace); trimmed != *text {
		*text = trimmed
		c.ledger.Approximated(translate.Item("messages", c.last)+".content", translate.Item("messages", len(list)-1)+".content", "the dialect refuses white space at the end of an answer that was begun")
	}
}

// add begins another turn, of the message at an index.
func (c *turns) add(index int, turn *anthropicpb.Turn) {
	c.last = index
	if turn.GetRole() == roleAssistant {
		c.place()
	}
	for _, l := range c.leading {
		c.ledger.Renamed(translate.Item("messages", l.index), fmt.Sprintf("system[%d]", len(c.systemBlocks())))
		c.hoist(l.blocks)
	}
	c.leading, c.results = nil, nil
	c.body.Messages = append(c.body.Messages, turn)
	for i := range c.held {
		c.held[i].moved = true
	}
}

// instruct takes a system message. Those that stand before a turn are the system prompt.
func (c *turns) instruct(index int, developer bool, name *string, blocks []*anthropicpb.Block, rest []byte) {
	path := translate.Item("messages", index)
	if len(blocks) == 0 {
		c.ledger.Dropped(path, saysNothing)
		return
	}
	if name != nil {
		c.ledger.Dropped("messages[].name", "the assistant and instructions have no names")
	}
	c.nestedLeftover(path, c.messageCache(path, rest, blocks), restOf(blocks[0]))
	said := instruction{index: index, developer: developer, blocks: blocks}
	if len(c.body.GetMessages()) == 0 {
		c.leading = append(c.leading, said)
		return
	}
	c.held = append(c.held, said)
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
	blocks := c.parts(path, m.GetText(), m.GetParts())
	if len(blocks) == 0 && index+1 < len(c.req.GetMessages()) {
		// Were it the last, there would be nothing to answer: that is the provider's to say.
		c.ledger.Dropped(path, saysNothing)
		return
	}
	if m.Name != nil && c.ledger.Unsupported(path+".name", "it does not tell participants of a role apart") {
		turn.Rest = wirejson.Set(turn.Rest, "name", wirejson.AppendString(nil, m.GetName()))
	}
	c.nestedLeftover(path, c.messageCache(path, m.GetRest(), blocks), &turn.Rest)
	setContent(turn, blocks)
	c.add(index, turn)
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
	result := c.result(index, m.GetToolCallId())
	c.ledger.Renamed("messages[].tool_call_id", "messages[].content[].tool_use_id")
	c.ledger.Coerced("messages[].role", "messages[].content[].type", "a message of the role tool is a block of a turn of the user")
	rest := members(m.GetRest())
	if value, remaining, ok := wirejson.Take(rest, "is_error"); ok && (string(value) == "true" || string(value) == "false") {
		failed := string(value) == "true"
		result.IsError, rest = &failed, remaining
	}
	result.CacheControl, rest = c.cacheControl("messages[]", nil, rest)
	c.nestedLeftover(path, rest, &result.Rest)
	switch content := m.GetContent().(type) {
	case *sluicev1.ToolMessage_Text: // which may be empty
		result.Content = &anthropicpb.ToolResultBlock_Text{Text: content.Text}
		c.ledger.Renamed("messages[].content", "messages[].content[].content")
	case *sluicev1.ToolMessage_Parts:
		blocks := c.parts(path, "", content.Parts)
		if len(blocks) == 1 && plain(blocks[0].GetText()) {
			result.Content = &anthropicpb.ToolResultBlock_Text{Text: blocks[0].GetText().GetText()}
		} else if len(blocks) > 0 {
			result.Content = &anthropicpb.ToolResultBlock_Blocks{Blocks: &anthropicpb.Blocks{Blocks: blocks}}
		}
	}
}

// result adds a result to the turn that takes them.
func (c *turns) result(index int, callID string) *anthropicpb.ToolResultBlock {
	fit := fitID(callID)
	if fit != callID {
		c.ledger.Coerced("messages[].tool_call_id", "messages[].content[].tool_use_id", "with _ for characters that ids cannot have")
	}
	block := &anthropicpb.ToolResultBlock{ToolUseId: fit}
	if c.results == nil {
		turn := &anthropicpb.Turn{Role: roleUser, Content: &anthropicpb.Turn_Blocks{Blocks: &anthropicpb.Blocks{}}}
		c.add(index, turn)
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
	result := c.result(index, c.callID)
	c.ledger.Coerced("messages[].name", "messages[].content[].tool_use_id", "results name the call, not the function")
	c.ledger.Coerced("messages[].role", "messages[].content[].type", "a message of the role function is a block of a turn of the user")
	if m.Content != nil {
		result.Content = &anthropicpb.ToolResultBlock_Text{Text: m.GetContent()}
		c.ledger.Renamed("messages[].content", "messages[].content[].content")
	}
	c.nestedLeftover(path, m.GetRest(), &result.Rest)
}
