package bedrock

import (
	"fmt"
	"strconv"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

const (
	roleUser      = "user"
	roleAssistant = "assistant"

	noNames = "Converse has no names of participants"
)

// messages translates the conversation.
func (r *request) messages(list []*sluicev1.ChatMessage) {
	began := false // a turn that is no instruction came
	for i, m := range list {
		path := "messages[" + strconv.Itoa(i) + "]"
		switch m := m.GetMessage().(type) {
		case *sluicev1.ChatMessage_System:
			r.instruct(path, m.System, m.System.Name, m.System.GetText(), m.System.GetParts(), began)
		case *sluicev1.ChatMessage_Developer:
			r.instruct(path, m.Developer, m.Developer.Name, m.Developer.GetText(), m.Developer.GetParts(), began)
		case *sluicev1.ChatMessage_User:
			began = true
			turn := r.turn(roleUser)
			r.named(path, m.User.Name, turn)
			if _, isText := m.User.GetContent().(*sluicev1.UserMessage_Text); isText {
				r.ledger.Coerced("messages[].content", "messages[].content[].text", "a list of blocks there")
				turn.Content = append(turn.Content, textBlock(m.User.GetText()))
			}
			for _, part := range m.User.GetParts().GetParts() {
				turn.Content = append(turn.Content, r.part(part)...)
			}
			r.endTurn(path, m.User, turn)
		case *sluicev1.ChatMessage_Assistant:
			began = true
			r.answered(path, m.Assistant)
		case *sluicev1.ChatMessage_Tool:
			began = true
			turn := r.turn(roleUser)
			result := r.toolResult(m.Tool)
			turn.Content = append(turn.Content, &bedrockpb.ContentBlock{ToolResult: result})
			r.endTurn(path, m.Tool, turn, "status", "is_error")
		case *sluicev1.ChatMessage_Function:
			began = true
			turn := r.turn(roleUser)
			r.ledger.Coerced("messages[].name", "messages[].content[].toolResult.toolUseId", "the result of the last call of that function")
			turn.Content = append(turn.Content, &bedrockpb.ContentBlock{ToolResult: &bedrockpb.ToolResult{
				ToolUseId: functionCallID(m.Function.GetName(), r.functionCalls),
				Content:   []*bedrockpb.ToolResultBlock{{Text: new(m.Function.GetContent())}},
			}})
			r.ledger.Renamed("messages[].content", "messages[].content[].toolResult.content[].text")
			r.endTurn(path, m.Function, turn)
		case *sluicev1.ChatMessage_Other:
			began = true
			if r.ledger.Unsupported(path, "Converse has no such role") {
				raw := new(bedrockpb.Message)
				if wirejson.Unmarshal(m.Other, raw, lenient) == nil {
					r.body.Messages = append(r.body.Messages, raw)
				}
			}
		}
	}
}

// turn returns the message that the next blocks of a role belong to. Converse wants the
// roles to take turns.
func (r *request) turn(role string) *bedrockpb.Message {
	if n := len(r.body.Messages); n > 0 && r.body.Messages[n-1].GetRole() == role {
		r.ledger.Coerced("messages[].role", "messages[].role", "turns of the same role in a row are one there")
		return r.body.Messages[n-1]
	}
	m := &bedrockpb.Message{Role: role}
	r.body.Messages = append(r.body.Messages, m)
	return m
}

func (r *request) named(path string, name *string, turn *bedrockpb.Message) {
	if name != nil && r.ledger.Unsupported(path+".name", noNames) {
		turn.Rest = wirejson.Set(turn.Rest, "name", wirejson.AppendString(nil, *name))
	}
}

// endTurn takes the members of a message that the contract does not know.
func (r *request) endTurn(path string, m relayed, turn *bedrockpb.Message, translated ...string) {
	if point := r.cacheControl("messages[]", m.GetRest()); point != nil {
		turn.Content = append(turn.Content, &bedrockpb.ContentBlock{CachePoint: point})
	}
	rest := r.leftover(path, m, append(translated, cacheControl, ownBlocks)...)
	for name := range wirejson.Names(rest) {
		value, _ := wirejson.Get(rest, name)
		turn.Rest = wirejson.Set(turn.Rest, name, value)
	}
}

// instruct puts an instruction before the conversation, where Converse takes them.
func (r *request) instruct(path string, m relayed, name *string, text string, parts *sluicev1.ContentParts, began bool) {
	if began {
		r.ledger.Approximated(path, "system[]", "Converse takes instructions before the conversation")
	} else {
		r.ledger.Renamed("messages[].content", "system[].text")
	}
	add := func(b *bedrockpb.SystemBlock) { r.body.System = append(r.body.System, b) }
	if parts == nil {
		add(&bedrockpb.SystemBlock{Text: &text})
	}
	for _, part := range parts.GetParts() {
		switch p := part.GetPart().(type) {
		case *sluicev1.ContentPart_Text:
			add(&bedrockpb.SystemBlock{Text: &p.Text.Text, Rest: r.leftover("messages[].content[]", p.Text, cacheControl)})
			if point := r.cachePoint("messages[].content[]", p.Text.GetPromptCacheBreakpoint(), p.Text.GetRest()); point != nil {
				add(&bedrockpb.SystemBlock{CachePoint: point})
			}
		default:
			raw := wirejson.Marshal(part)
			if other, isOther := p.(*sluicev1.ContentPart_Other); isOther && ownBlock(other.Other) {
				add(&bedrockpb.SystemBlock{Rest: withoutType(other.Other)})
			} else if r.ledger.Unsupported(path+".content", "instructions are texts there") {
				add(&bedrockpb.SystemBlock{Rest: raw})
			}
		}
	}
	if point := r.cacheControl("messages[]", m.GetRest()); point != nil {
		add(&bedrockpb.SystemBlock{CachePoint: point})
	}
	rest := r.leftover(path, m, cacheControl)
	if name != nil && r.ledger.Unsupported(path+".name", noNames) {
		rest = wirejson.Set(rest, "name", wirejson.AppendString(nil, *name))
	}
	if len(rest) > 0 && len(r.body.System) > 0 {
		last := r.body.System[len(r.body.System)-1]
		for name := range wirejson.Names(rest) {
			value, _ := wirejson.Get(rest, name)
			last.Rest = wirejson.Set(last.Rest, name, value)
		}
	}
}

// answered translates an earlier answer of the model.
func (r *request) answered(path string, m *sluicev1.AssistantMessage) {
	turn := r.turn(roleAssistant)
	r.named(path, m.Name, turn)
	turn.Content = append(turn.Content, r.thoughts(m)...)
	turn.Content = append(turn.Content, r.returned(m.GetRest())...)
	switch content := m.GetContent().(type) {
	case *sluicev1.AssistantMessage_Text:
		if content.Text == "" {
			r.ledger.Dropped(path+".content", "Converse refuses empty texts")
			break
		}
		r.ledger.Coerced("messages[].content", "messages[].content[].text", "a list of blocks there")
		turn.Content = append(turn.Content, textBlock(content.Text))
	case *sluicev1.AssistantMessage_Parts:
		for _, part := range content.Parts.GetParts() {
			turn.Content = append(turn.Content, r.part(part)...)
		}
	}
	if m.GetRefusal() != "" {
		r.ledger.Approximated("messages[].refusal", "messages[].content[].text", "a text like any other there")
		turn.Content = append(turn.Content, textBlock(m.GetRefusal()))
	}
	for _, c := range m.GetToolCalls() {
		if block := r.toolUse(path, c); block != nil {
			turn.Content = append(turn.Content, block)
		}
	}
	if f := m.GetFunctionCall(); f != nil {
		r.functionCalls++
		r.ledger.Renamed("messages[].function_call", "messages[].content[].toolUse")
		turn.Content = append(turn.Content, &bedrockpb.ContentBlock{ToolUse: &bedrockpb.ToolUse{
			ToolUseId: functionCallID(f.GetName(), r.functionCalls), Name: f.GetName(), Input: r.input(f.GetArguments()),
		}})
	}
	if m.GetAudio() != nil && r.ledger.Unsupported(path+".audio", "Bedrock keeps no earlier recordings") {
		turn.Rest = wirejson.Set(turn.Rest, "audio", wirejson.Marshal(m.GetAudio()))
	}
	r.endTurn(path, m, turn)
	if len(turn.Content) == 0 {
		// An answer of nothing at all: Converse refuses a turn without blocks.
		r.body.Messages = r.body.Messages[:len(r.body.Messages)-1]
		r.ledger.Dropped(path, "Converse refuses empty turns")
	}
}

// functionCallID stands for the id that calls of functions do not have.
func functionCallID(name string, n int) string { return fmt.Sprintf("%.40s_%d", name, n) }

func textBlock(text string) *bedrockpb.ContentBlock { return &bedrockpb.ContentBlock{Text: &text} }
