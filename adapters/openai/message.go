package openai

import (
	"slices"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// messages brings the turns of a conversation into the dialect.
func (q *quirks) messages(e *edit) {
	copied := false
	for i, m := range e.req.GetMessages() {
		changed := q.message(e, m)
		if changed == m {
			continue
		}
		if !copied {
			copied = true
			e.change().Messages = slices.Clone(e.req.GetMessages())
		}
		e.req.Messages[i] = changed
	}
}

// message returns a turn as the dialect has it: itself, when no quirk concerns it.
func (q *quirks) message(e *edit, m *sluicev1.ChatMessage) *sluicev1.ChatMessage {
	switch turn := m.GetMessage().(type) {
	case *sluicev1.ChatMessage_Developer:
		d := turn.Developer
		switch {
		case q.DeveloperRole == roleSystem:
			e.ledger().Coerced("messages[].role", "messages[].role", `it says "system" for "developer"`)
		case q.DeveloperRole == roleUser:
			e.ledger().Approximated("messages[].role", "messages[].role", `it has no "developer": the turn is the user's`)
			user := &sluicev1.UserMessage{Name: q.name(e, d.Name), Rest: d.GetRest()}
			switch content := d.GetContent().(type) {
			case *sluicev1.DeveloperMessage_Text:
				user.Content = &sluicev1.UserMessage_Text{Text: content.Text}
			case *sluicev1.DeveloperMessage_Parts:
				user.Content = &sluicev1.UserMessage_Parts{Parts: content.Parts}
			}
			return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_User{User: user}}
		case !q.drops(e, d.Name):
			return m
		default:
			return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Developer{Developer: &sluicev1.DeveloperMessage{Content: d.Content, Rest: d.GetRest()}}}
		}
		system := &sluicev1.SystemMessage{Name: q.name(e, d.Name), Rest: d.GetRest()}
		switch content := d.GetContent().(type) {
		case *sluicev1.DeveloperMessage_Text:
			system.Content = &sluicev1.SystemMessage_Text{Text: content.Text}
		case *sluicev1.DeveloperMessage_Parts:
			system.Content = &sluicev1.SystemMessage_Parts{Parts: content.Parts}
		}
		return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_System{System: system}}
	case *sluicev1.ChatMessage_System:
		if s := turn.System; q.drops(e, s.Name) {
			return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_System{System: &sluicev1.SystemMessage{Content: s.Content, Rest: s.GetRest()}}}
		}
	case *sluicev1.ChatMessage_User:
		if u := turn.User; q.drops(e, u.Name) {
			return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_User{User: &sluicev1.UserMessage{Content: u.Content, Rest: u.GetRest()}}}
		}
	case *sluicev1.ChatMessage_Assistant:
		if changed := q.assistant(e, turn.Assistant); changed != turn.Assistant {
			return &sluicev1.ChatMessage{Message: &sluicev1.ChatMessage_Assistant{Assistant: changed}}
		}
	}
	return m
}

// drops decides about a name of a turn.
func (q *quirks) drops(e *edit, name *string) bool {
	return q.names && name != nil && !e.ledger().Unsupported(memberName, "it has no names of participants")
}

func (q *quirks) name(e *edit, name *string) *string {
	if q.drops(e, name) {
		return nil
	}
	return name
}

// assistant brings an earlier answer into the dialect: its reasoning, most of all.
func (q *quirks) assistant(e *edit, m *sluicev1.AssistantMessage) *sluicev1.AssistantMessage {
	copied := false
	change := func() *sluicev1.AssistantMessage {
		if !copied {
			m, copied = shareAssistant(m), true
		}
		return m
	}
	if q.drops(e, m.Name) {
		change().Name = nil
	}
	const text, details = "messages[]." + memberReasoning, "messages[]." + memberReasoningDetails
	// What is no text, or an empty list, rides in the rest.
	drop := func(member, path, why string) {
		if _, rest, ok := take(m.GetRest(), member); ok {
			change().Rest = rest
			e.ledger().Dropped(path, why)
		}
	}
	if q.ReasoningBack != ReasoningKept {
		const why = "the provider does not take it back"
		if len(m.GetReasoningDetails()) > 0 {
			change().ReasoningDetails = nil
			e.ledger().Dropped(details, why)
		}
		drop(memberReasoningDetails, details, why)
		if q.ReasoningBack == ReasoningNone {
			if m.ReasoningContent != nil {
				change().ReasoningContent = nil
				e.ledger().Dropped(text, why)
			}
			drop(memberReasoning, text, why)
			return m
		}
	}
	if !q.renames() {
		return m
	}
	if value, _, ok := take(m.GetRest(), memberReasoning); ok && string(value) == "null" {
		drop(memberReasoning, text, whyNull)
	}
	if m.ReasoningContent == nil {
		return m
	}
	value := wirejson.AppendString(nil, m.GetReasoningContent())
	if _, said := wirejson.Get(m.GetRest(), q.Reasoning); said {
		e.ledger().Dropped(text, "the turn has "+q.Reasoning+", too, which is the provider's name for it")
	} else {
		e.ledger().Renamed(text, translate.Path("messages[]", q.Reasoning))
		change().Rest = wirejson.Set(m.GetRest(), q.Reasoning, value)
	}
	change().ReasoningContent = nil
	return m
}

// shareAssistant is what shareChat is for requests.
func shareAssistant(m *sluicev1.AssistantMessage) *sluicev1.AssistantMessage {
	return &sluicev1.AssistantMessage{
		Content:          m.Content,
		Name:             m.Name,
		Refusal:          m.Refusal,
		ToolCalls:        m.ToolCalls,
		Audio:            m.Audio,
		FunctionCall:     m.FunctionCall,
		ReasoningContent: m.ReasoningContent,
		ReasoningDetails: m.ReasoningDetails,
		Rest:             m.Rest,
	}
}
