package bedrock

import (
	"encoding/json"
	"slices"
	"strings"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// family is whose models they are, where that matters: for members that Converse hands to
// the model as they are.
type family int

const (
	familyOther family = iota
	// familyClaudePlain are Anthropic's models that do not reason, familyClaudeBudget those
	// that are given a budget for it, familyClaudeAdaptive those that find their own.
	familyClaudePlain
	familyClaudeBudget
	familyClaudeAdaptive
	familyOpenAI
	familyNova2
)

// familyOf goes by the model's id, also inside the ARNs and the names of inference profiles
// that hold it.
//
// Sources: Amazon Bedrock user guide, "Adaptive thinking" (Claude Opus 4.6 and later, older
// ones need a budget) and "Extended thinking"; Amazon Nova 2 user guide, "Extended
// thinking"; "OpenAI models".
func familyOf(model string) family {
	contains := func(parts ...string) bool {
		for _, part := range parts {
			if strings.Contains(model, part) {
				return true
			}
		}
		return false
	}
	switch {
	case contains("claude-3-7", "claude-sonnet-4-2", "claude-opus-4-2", "claude-opus-4-1", "claude-sonnet-4-5", "claude-haiku-4-5", "claude-opus-4-5"):
		return familyClaudeBudget
	case contains("anthropic.claude-3", "anthropic.claude-v2", "anthropic.claude-instant"):
		return familyClaudePlain
	case contains("anthropic.claude"):
		return familyClaudeAdaptive
	case contains("openai."):
		return familyOpenAI
	case contains("amazon.nova-2"):
		return familyNova2
	}
	return familyOther
}

func (f family) isClaude() bool {
	return f == familyClaudePlain || f == familyClaudeBudget || f == familyClaudeAdaptive
}

// budgets are how many tokens models that want a number may think for an effort. They are
// those that Google publishes for the same words, in "OpenAI compatibility" of the Gemini
// API: 1024, 8192 and 24576; nobody publishes others. Above high, it is the most that
// Anthropic recommends to think without a batch, in "Extended thinking".
var budgets = map[string]int64{
	"minimal": minBudget, "low": minBudget, "medium": 8192, "high": 24576, "xhigh": 32000, "max": 32000,
}

// minBudget is the least that Anthropic's models take.
const minBudget = 1024

const effortMember = "reasoning_effort"

// reasoning translates how long to think.
func (r *request) reasoning(req *sluicev1.ChatCompletionRequest) {
	if req.ReasoningEffort == nil {
		return
	}
	effort := req.GetReasoningEffort()
	if _, set := wirejson.Get(r.extra, "thinking"); set && r.family.isClaude() {
		r.ledger.Dropped(effortMember, "thinking says it")
		return
	}
	raw := wirejson.AppendString(nil, effort)
	switch r.family {
	case familyOpenAI:
		r.forModel(effortMember, raw)
	case familyClaudePlain:
		if effort == "none" {
			r.ledger.Dropped(effortMember, "this model does not reason")
		} else {
			r.unsupported(effortMember, "this model does not reason", raw)
		}
	case familyClaudeBudget:
		r.budget(effort, raw)
	case familyClaudeAdaptive:
		if effort == "none" {
			r.think(`{"type":"disabled"}`, "none is a switch there", true)
			return
		}
		switch {
		case !r.effort(effort, raw):
		case r.mustCall():
			r.ledger.Approximated(effortMember, "outputConfig.effort", thinksNot)
		default:
			r.extra = wirejson.Set(r.extra, "thinking", []byte(`{"type":"adaptive"}`))
		}
	case familyNova2:
		r.novaEffort(effort, raw)
	default:
		r.effort(effort, raw)
	}
}

// effort says it in Converse's own word, and tells whether it could.
//
// Source: Amazon Bedrock API reference, "OutputConfig".
func (r *request) effort(effort string, raw []byte) bool {
	const to = "outputConfig.effort"
	switch effort {
	case "low", "medium", "high", "xhigh", "max":
		r.ledger.Renamed(effortMember, to)
	case "minimal":
		r.ledger.Approximated(effortMember, to, "low is the least there")
		effort = "low"
	default:
		r.unsupported(effortMember, "Converse's effort is low, medium, high, xhigh or max", raw)
		return false
	}
	r.output().Effort = &effort
	return true
}

// think sets Anthropic's own member.
func (r *request) think(value, why string, exact bool) {
	const to = extraFields + ".thinking"
	if exact {
		r.ledger.Coerced(effortMember, to, why)
	} else {
		r.ledger.Approximated(effortMember, to, why)
	}
	r.extra = wirejson.Set(r.extra, "thinking", []byte(value))
}

func (r *request) budget(effort string, raw []byte) {
	tokens, ok := budgets[effort]
	switch {
	case effort == "none":
		r.ledger.Dropped(effortMember, "this model thinks only when asked to")
		return
	case !ok:
		r.unsupported(effortMember, "this model takes a number of tokens", raw)
		return
	}
	if c := r.body.GetInferenceConfig(); c != nil && c.MaxTokens != nil && tokens >= c.GetMaxTokens() {
		// The budget is a part of the most tokens to generate, and less.
		tokens = max(c.GetMaxTokens()/2, minBudget)
		if tokens >= c.GetMaxTokens() {
			r.unsupported(effortMember, "thinking takes 1024 tokens at least, and the most to generate are no more", raw)
			return
		}
	}
	switch {
	case r.mustCall():
		r.ledger.Approximated(effortMember, "", thinksNot)
		return
	case r.loopWithoutThinking():
		r.ledger.Approximated(effortMember, "", "not sent: the calls under way came without signed reasoning, and the model refuses to begin with it between calls and results")
		return
	}
	r.think(string(wirejson.AppendInt([]byte(`{"type":"enabled","budget_tokens":`), tokens))+"}", "a number of tokens there", false)
}

// thinksNot is why thinking is not asked for.
//
// Source: Anthropic's "Extended thinking", "Tool choice limitation", 2026-11.
const thinksNot = "thinking is not asked for: the model refuses it where it must call a tool"

// mustCall tells whether the model has no choice but to call a tool.
func (r *request) mustCall() bool {
	c := r.body.GetToolConfig().GetToolChoice()
	_, anyTool := wirejson.Get(c.GetRest(), "any")
	_, oneTool := wirejson.Get(c.GetRest(), "tool")
	return c.GetAny() != nil || c.GetTool() != nil || anyTool || oneTool
}

// loopWithoutThinking tells whether the conversation ends in results of calls, and the turn
// that made them does not begin with reasoning: models with a budget want both or neither.
//
// Source: Anthropic's "Extended thinking", "Preserving thinking blocks", 2026-11.
func (r *request) loopWithoutThinking() bool {
	turns := r.body.GetMessages()
	if len(turns) < 2 || !slices.ContainsFunc(turns[len(turns)-1].GetContent(), func(b *bedrockpb.ContentBlock) bool { return b.GetToolResult() != nil }) {
		return false
	}
	called := turns[len(turns)-2].GetContent()
	return len(called) == 0 || called[0].GetReasoningContent() == nil
}

// novaEffort is for Amazon Nova 2, which knows three.
//
// Source: Amazon Nova 2 user guide, "Extended thinking".
func (r *request) novaEffort(effort string, raw []byte) {
	const name = "reasoningConfig"
	const to = extraFields + "." + name + ".maxReasoningEffort"
	switch effort {
	case "none":
		r.ledger.Coerced(effortMember, extraFields+"."+name+".type", "a switch there")
		r.extra = wirejson.Set(r.extra, name, []byte(`{"type":"disabled"}`))
		return
	case "low", "medium", "high":
		r.ledger.Renamed(effortMember, to)
	case "minimal":
		r.ledger.Approximated(effortMember, to, "low is the least there")
		effort = "low"
	case "xhigh", "max":
		r.ledger.Approximated(effortMember, to, "high is the most there")
		effort = "high"
	default:
		r.unsupported(effortMember, "this model's effort is low, medium or high", raw)
		return
	}
	r.extra = wirejson.Set(r.extra, name, []byte(`{"type":"enabled","maxReasoningEffort":"`+effort+`"}`))
}

const (
	typeThought  = "reasoning.text"
	typeRedacted = "reasoning.encrypted"
	// formatClaude is what OpenRouter calls the form of Anthropic's signatures, and
	// formatBedrock is of what Bedrock alone can read.
	formatClaude  = "anthropic-claude-v1"
	formatBedrock = "bedrock-converse-v1"
)

// thoughts are the blocks that an earlier answer's reasoning goes back in.
func (r *request) thoughts(m *sluicev1.AssistantMessage) []*bedrockpb.ContentBlock {
	const member, to = "messages[].reasoning_details", "messages[].content[].reasoningContent"
	var out []*bedrockpb.ContentBlock
	for _, d := range joined(m.GetReasoningDetails()) {
		switch {
		case d.Type == typeThought && (d.Format == "" || d.Format == formatClaude || d.Format == formatBedrock) && (d.Signature != "" || !r.family.isClaude()):
			thought := &bedrockpb.ReasoningText{Text: d.Text}
			if d.Signature != "" {
				thought.Signature = &d.Signature
			}
			out = append(out, &bedrockpb.ContentBlock{ReasoningContent: &bedrockpb.ReasoningContent{ReasoningText: thought}})
			r.ledger.Coerced(member, to, "blocks of the content there")
		case d.Type == typeRedacted && (d.Format == "" || d.Format == formatBedrock):
			out = append(out, &bedrockpb.ContentBlock{ReasoningContent: &bedrockpb.ReasoningContent{RedactedContent: &d.Data}})
			r.ledger.Coerced(member, to, "blocks of the content there")
		default:
			r.ledger.Dropped(member, "reasoning that bears no signature of this provider is not taken back")
		}
	}
	switch {
	case m.ReasoningContent == nil:
	case len(out) > 0:
		r.ledger.Dropped("messages[].reasoning_content", "reasoning_details say it")
	default:
		r.ledger.Dropped("messages[].reasoning_content", "reasoning without its signature is not taken back")
	}
	return out
}

// detail is an element of reasoning_details.
type detail struct {
	Type      string `json:"type"`
	Text      string `json:"text"`
	Signature string `json:"signature"`
	Data      string `json:"data"`
	Format    string `json:"format"`
	Index     *int64 `json:"index"`
}

// joined reads details. Callers of streams may send back the pieces as they came: those of a
// text with one index, the last of which is its signature, are one.
func joined(list [][]byte) []detail {
	var out []detail
	for _, raw := range list {
		var d detail
		if json.Unmarshal(raw, &d) != nil {
			d = detail{} // of no known form, and so of no known type
		}
		if n := len(out) - 1; n >= 0 && d.Type == typeThought && d.Index != nil {
			if last := &out[n]; last.Type == typeThought && last.Signature == "" && last.Index != nil && *last.Index == *d.Index {
				last.Text += d.Text
				last.Signature = d.Signature
				continue
			}
		}
		out = append(out, d)
	}
	return out
}

// returned are the blocks of an earlier answer that OpenAI's contract has no word for.
func (r *request) returned(rest []byte) []*bedrockpb.ContentBlock {
	value, ok := wirejson.Get(rest, ownBlocks)
	if !ok || value[0] != '[' {
		return nil
	}
	m := new(bedrockpb.Message)
	if !read(wirejson.Set(wirejson.Set(nil, "role", []byte(`""`)), "content", value), m) {
		r.ledger.Dropped("messages[]."+ownBlocks, "it holds no blocks")
		return nil
	}
	r.ledger.Renamed("messages[]."+ownBlocks, "messages[].content[]")
	return slices.DeleteFunc(m.GetContent(), func(b *bedrockpb.ContentBlock) bool {
		return b.Text != nil && r.blank("messages[]."+ownBlocks+"[].text", b.GetText())
	})
}

// detailOf writes a piece of reasoning as OpenRouter's callers know it.
func detailOf(kind, member, value, signature, format string, index int64) []byte {
	b := append([]byte(`{"type":`), wirejson.AppendString(nil, kind)...)
	if member != "" {
		b = append(wirejson.AppendString(append(b, ','), member), ':')
		b = wirejson.AppendString(b, value)
	}
	if signature != "" {
		b = wirejson.AppendString(append(b, `,"signature":`...), signature)
	}
	if format != "" {
		b = wirejson.AppendString(append(b, `,"format":`...), format)
	}
	return append(wirejson.AppendInt(append(b, `,"index":`...), index), '}')
}
