package bedrock

import (
	"strings"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
)

// begins is what the user says in a conversation that the assistant begins.
const begins = "(The assistant begins the conversation.)"

// shape gives the conversation what Converse wants of one beside turns.
func (r *request) shape() {
	for _, m := range r.body.GetMessages() {
		r.accompany(m)
	}
	const member, to = "messages", "messages[0]"
	switch turns := r.body.GetMessages(); {
	case len(turns) == 0 && len(r.body.GetSystem()) > 0:
		r.ledger.Approximated(member, to, "Converse wants a turn of the user: the instructions are one")
		turn := &bedrockpb.Message{Role: roleUser}
		for _, s := range r.body.GetSystem() {
			turn.Content = append(turn.Content, &bedrockpb.ContentBlock{Text: s.Text, CachePoint: s.GetCachePoint(), Rest: s.GetRest()})
		}
		r.body.Messages, r.body.System = []*bedrockpb.Message{turn}, nil
	case len(turns) == 0:
		r.ledger.Unsupported(member, "Converse wants a turn that says something")
	case turns[0].GetRole() == roleAssistant:
		// Source: its own words, "A conversation must start with a user message", as users
		// quote them, 2026-11.
		r.ledger.Approximated(member, to, "Converse wants the user to begin: a turn that says so stands first")
		turn := &bedrockpb.Message{Role: roleUser, Content: []*bedrockpb.ContentBlock{textBlock(begins)}}
		r.body.Messages = append([]*bedrockpb.Message{turn}, turns...)
	}
}

// accompany puts a text beside documents that have none: their names.
//
// Source: Amazon Bedrock API reference, "ContentBlock", document.
func (r *request) accompany(m *bedrockpb.Message) {
	var names []string
	for _, b := range m.GetContent() {
		if b.Text != nil {
			return
		}
		if d := b.GetDocument(); d != nil {
			names = append(names, d.GetName())
		}
	}
	if len(names) > 0 {
		r.ledger.Approximated(inContent+".file", inContent+".text", "Converse wants a text beside documents: their names")
		m.Content = append(m.Content, textBlock(strings.Join(names, ", ")))
	}
}

// earlierTools declares the tools of earlier calls when the request has none: Converse
// refuses calls and results without.
//
// Source: its own words, "The toolConfig field must be defined when using toolUse and
// toolResult content blocks", as users quote them, 2026-11.
func (r *request) earlierTools() {
	if len(r.body.GetToolConfig().GetTools()) > 0 {
		return
	}
	seen := map[string]bool{}
	for _, m := range r.body.GetMessages() {
		for _, b := range m.GetContent() {
			name := b.GetToolUse().GetName()
			if b.GetToolUse() == nil || seen[name] {
				continue
			}
			seen[name] = true
			r.addTool(&bedrockpb.Tool{ToolSpec: &bedrockpb.ToolSpec{
				Name: name, Description: new("Not available any more."), InputSchema: &bedrockpb.InputSchema{Json: []byte(noArguments)},
			}})
		}
	}
	if len(seen) > 0 {
		r.ledger.Approximated("messages", "toolConfig.tools", "Converse wants the tools of earlier calls to be declared: they are, as not available")
	}
}
