package bedrock

import (
	"fmt"
	"hash/crc32"
	"regexp"
	"slices"
	"strings"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

const (
	roleUser      = "user"
	roleAssistant = "assistant"

	noNames = "Converse has no names of participants"
)

// messages translates the conversation.
func (r *request) messages(list []*sluicev1.ChatMessage) {
	for i, m := range list {
		path := translate.Item("messages", i)
		switch m := m.GetMessage().(type) {
		case *sluicev1.ChatMessage_System:
			r.instruct(path, m.System, m.System.Name, m.System.GetText(), m.System.GetParts())
		case *sluicev1.ChatMessage_Developer:
			r.instruct(path, m.Developer, m.Developer.Name, m.Developer.GetText(), m.Developer.GetParts())
		case *sluicev1.ChatMessage_User:
			r.asked(path, m.User)
		case *sluicev1.ChatMessage_Assistant:
			r.answered(path, m.Assistant)
		case *sluicev1.ChatMessage_Tool:
			result := r.toolResult(path, m.Tool)
			r.add(roleUser, path, m.Tool, nil, []*bedrockpb.ContentBlock{{ToolResult: result}}, "status", "is_error")
		case *sluicev1.ChatMessage_Function:
			result := &bedrockpb.ToolResult{ToolUseId: functionCallID(m.Function.GetName(), r.functionCalls)}
			r.ledger.Coerced("messages[].name", "messages[].content[].toolResult.toolUseId", "the result of the last call of that function")
			r.resultText(path, result, m.Function.GetContent())
			r.add(roleUser, path, m.Function, nil, []*bedrockpb.ContentBlock{{ToolResult: result}})
		case *sluicev1.ChatMessage_Other:
			if r.ledger.Unsupported(path, "Converse has no such role") {
				raw := new(bedrockpb.Message)
				if read(m.Other, raw) {
					r.body.Messages = append(r.body.Messages, raw)
				}
			}
		}
	}
	r.shape()
}

// add gives the blocks of a message to the turn that they belong to: Converse wants the
// roles to take turns, and refuses empty ones. Name is the participant's.
func (r *request) add(role, path string, m relayed, name *string, blocks []*bedrockpb.ContentBlock, translated ...string) {
	if len(blocks) == 0 {
		r.ledger.Dropped(path, "Converse refuses empty turns")
		return
	}
	if point := r.cacheControl("messages[]", m.GetRest()); point != nil {
		blocks = append(blocks, &bedrockpb.ContentBlock{CachePoint: point})
	}
	var turn *bedrockpb.Message
	if n := len(r.body.Messages); n > 0 && r.body.Messages[n-1].GetRole() == role {
		r.ledger.Coerced("messages[].role", "messages[].role", "turns of the same role in a row are one there")
		turn = r.body.Messages[n-1]
	} else {
		turn = &bedrockpb.Message{Role: role}
		r.body.Messages = append(r.body.Messages, turn)
	}
	place := len(turn.Content)
	if blocks[0].GetToolResult() != nil {
		place = endOfResults(turn.Content)
		if place < len(turn.Content) {
			r.ledger.Approximated(path, translate.Item("messages", len(r.body.Messages)-1), "results of calls stand at the beginning of their turn there")
		}
	}
	turn.Content = slices.Insert(turn.Content, place, blocks...)
	turn.Rest = r.leftover(turn.Rest, path, m, append(translated, cacheControl, ownBlocks)...)
	if name != nil && r.ledger.Unsupported(path+".name", noNames) {
		turn.Rest = wirejson.Set(turn.Rest, "name", wirejson.AppendString(nil, *name))
	}
}

// endOfResults is where the results of calls end, and their breakpoints, with which a turn
// begins.
func endOfResults(blocks []*bedrockpb.ContentBlock) int {
	for i, b := range blocks {
		if b.GetToolResult() == nil && (b.GetCachePoint() == nil || i == 0) {
			return i
		}
	}
	return len(blocks)
}

// instruct puts an instruction before the conversation, where Converse takes them.
func (r *request) instruct(path string, m relayed, name *string, text string, parts *sluicev1.ContentParts) {
	var blocks []*bedrockpb.SystemBlock
	if parts == nil && !r.blank(path+".content", text) {
		blocks = append(blocks, &bedrockpb.SystemBlock{Text: &text})
	}
	for i, part := range parts.GetParts() {
		at := translate.Item(path+".content", i)
		switch p := part.GetPart().(type) {
		case *sluicev1.ContentPart_Text:
			if r.blank(at, p.Text.GetText()) {
				continue
			}
			blocks = append(blocks, &bedrockpb.SystemBlock{Text: &p.Text.Text, Rest: r.leftover(nil, inContent, p.Text, cacheControl)})
			if point := r.cachePoint(inContent, p.Text.GetPromptCacheBreakpoint(), p.Text.GetRest()); point != nil {
				blocks = append(blocks, &bedrockpb.SystemBlock{CachePoint: point})
			}
		default:
			if other, isOther := p.(*sluicev1.ContentPart_Other); isOther && ownBlock(other.Other) {
				blocks = append(blocks, &bedrockpb.SystemBlock{Rest: withoutType(other.Other)})
			} else if r.ledger.Unsupported(at, "instructions are texts there") {
				blocks = append(blocks, &bedrockpb.SystemBlock{Rest: wirejson.Marshal(part)})
			}
		}
	}
	if len(blocks) == 0 {
		r.ledger.Dropped(path, "it says nothing")
		return
	}
	last := blocks[len(blocks)-1]
	if point := r.cacheControl("messages[]", m.GetRest()); point != nil {
		blocks = append(blocks, &bedrockpb.SystemBlock{CachePoint: point})
	}
	last.Rest = r.leftover(last.Rest, path, m, cacheControl)
	if name != nil && r.ledger.Unsupported(path+".name", noNames) {
		last.Rest = wirejson.Set(last.Rest, "name", wirejson.AppendString(nil, *name))
	}
	if len(r.body.GetMessages()) > 0 {
		r.ledger.Approximated(path, "system[]", "Converse takes instructions before the conversation")
	} else {
		r.ledger.Renamed("messages[].content", "system[].text")
	}
	r.body.System = append(r.body.System, blocks...)
}

// asked translates what the user said.
func (r *request) asked(path string, m *sluicev1.UserMessage) {
	var blocks []*bedrockpb.ContentBlock
	if text, isText := m.GetContent().(*sluicev1.UserMessage_Text); isText {
		blocks = r.says(path+".content", text.Text)
	}
	for i, part := range m.GetParts().GetParts() {
		blocks = append(blocks, r.part(translate.Item(path+".content", i), part)...)
	}
	r.add(roleUser, path, m, m.Name, blocks)
}

// answered translates an earlier answer of the model.
func (r *request) answered(path string, m *sluicev1.AssistantMessage) {
	blocks := append(r.thoughts(m), r.returned(m.GetRest())...)
	switch content := m.GetContent().(type) {
	case *sluicev1.AssistantMessage_Text:
		blocks = append(blocks, r.says(path+".content", content.Text)...)
	case *sluicev1.AssistantMessage_Parts:
		for i, part := range content.Parts.GetParts() {
			blocks = append(blocks, r.part(translate.Item(path+".content", i), part)...)
		}
	}
	if m.Refusal != nil && !r.blank(path+".refusal", m.GetRefusal()) {
		r.ledger.Approximated("messages[].refusal", "messages[].content[].text", "a text like any other there")
		blocks = append(blocks, textBlock(m.GetRefusal()))
	}
	for i, c := range m.GetToolCalls() {
		if block := r.toolUse(translate.Item(path+".tool_calls", i), c); block != nil {
			blocks = append(blocks, block)
		}
	}
	if f := m.GetFunctionCall(); f != nil {
		const member = "messages[].function_call"
		r.functionCalls++
		r.ledger.Renamed(member, "messages[].content[].toolUse")
		blocks = append(blocks, &bedrockpb.ContentBlock{ToolUse: &bedrockpb.ToolUse{
			ToolUseId: functionCallID(f.GetName(), r.functionCalls), Name: f.GetName(), Input: r.input(member+".arguments", f.GetArguments()),
			Rest: r.leftover(nil, member, f),
		}})
	}
	r.add(roleAssistant, path, m, m.Name, blocks)
	if m.GetAudio() != nil && r.ledger.Unsupported(path+".audio", "Bedrock keeps no earlier recordings") && len(blocks) > 0 {
		turn := r.body.Messages[len(r.body.Messages)-1]
		turn.Rest = wirejson.Set(turn.Rest, "audio", wirejson.Marshal(m.GetAudio()))
	}
}

// says is a text as blocks: none when it is blank.
func (r *request) says(path, text string) []*bedrockpb.ContentBlock {
	if r.blank(path, text) {
		return nil
	}
	r.ledger.Coerced("messages[].content", "messages[].content[].text", "a list of blocks there")
	return []*bedrockpb.ContentBlock{textBlock(text)}
}

// blank tells, and notes, a text that Converse refuses.
//
// Source: its own words, "The text field in the ContentBlock object is blank", as users
// quote them, 2026-11.
func (r *request) blank(path, text string) bool {
	if strings.TrimSpace(text) != "" {
		return false
	}
	r.ledger.Dropped(path, "Converse refuses a text of nothing but white space")
	return true
}

// functionCallID stands for the id that calls of functions do not have.
func functionCallID(name string, n int) string { return fitID(fmt.Sprintf("%.40s_%d", name, n)) }

// notInID are the characters that ids of calls cannot have, maxID their length.
//
// Source: Amazon Bedrock API reference, "ToolUseBlock".
var notInID = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

const maxID = 64

// fitID is the id of a call as Converse takes it. Ids come from other providers too, and
// those that differ stay different.
func fitID(id string) string {
	fit := notInID.ReplaceAllString(id, "_")
	if fit == id && len(id) <= maxID {
		return id
	}
	return fmt.Sprintf("%.48s_%08x", fit, crc32.ChecksumIEEE([]byte(id)))
}

// callID is fitID with its note.
func (r *request) callID(member, to, id string) string {
	fit := fitID(id)
	if fit == id {
		r.ledger.Renamed(member, to)
	} else {
		r.ledger.Coerced(member, to, "ids there are 64 letters, digits, hyphens and underscores at most")
	}
	return fit
}

func textBlock(text string) *bedrockpb.ContentBlock { return &bedrockpb.ContentBlock{Text: &text} }
