package anthropic

import (
	"slices"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

const (
	memberEffort = "reasoning_effort"

	// Bounds of a budget. Source: the documentation's "Extended thinking", 2026-11: at
	// least 1024, less than max_tokens, and hardly of use above 32000.
	minBudget, maxBudget = 1024, 32000
)

// budgetShares are how much of max_tokens an effort may think on models that have a budget
// instead. Source: OpenRouter's documentation, "Reasoning Tokens", which callers know;
// Anthropic documents no such numbers.
var budgetShares = map[string]float64{"minimal": 0.1, "low": 0.2, "medium": 0.5, "high": 0.8, "xhigh": 0.95, "max": 0.95}

// thinking turns reasoning_effort into the model's own control. Call it when max_tokens and
// the messages are there.
func (t *translation) thinking() {
	effort := t.req.GetReasoningEffort()
	if t.req.ReasoningEffort == nil {
		return
	}
	own := t.body.Thinking != nil // the caller's, who speaks the dialect
	_, known := budgetShares[effort]
	switch {
	case effort == "none":
		t.thinkNot(own)
	case !known:
		t.unsupported(memberEffort, "the model's efforts have other names", wirejson.AppendString(nil, effort))
	case !t.model.thinks:
		t.unsupported(memberEffort, "the model does not think before it answers", wirejson.AppendString(nil, effort))
	case t.model.adaptive:
		t.thinkAdaptively(effort, own)
	case own:
		t.ledger.Dropped(memberEffort, "the request's own thinking says it")
	default:
		t.thinkWithin(effort)
	}
}

func (t *translation) thinkNot(own bool) {
	switch {
	case own:
		t.ledger.Dropped(memberEffort, "the request's own thinking says it")
	case t.model.off == "":
		t.ledger.Dropped(memberEffort, "the model does not think unless it is asked to")
	case t.model.off == always:
		t.setEffort("low")
		t.ledger.Approximated(memberEffort, "output_config.effort", "the model always thinks: low is the least")
	default:
		t.body.Thinking = &anthropicpb.Thinking{Type: t.model.off}
		t.ledger.Coerced(memberEffort, "thinking.type", "thinking is turned off")
	}
}

func (t *translation) thinkAdaptively(effort string, own bool) {
	chosen, why := effort, ""
	switch {
	case effort == "minimal":
		chosen, why = "low", "low is the least effort of the model"
	case effort == "xhigh" && !t.model.xhigh, effort == "max" && !t.model.max:
		chosen, why = "high", "the model has no such effort: high is the nearest that costs no more"
	}
	switch {
	case own:
	case t.mustCall():
		why = thinksNot
	default:
		t.body.Thinking = &anthropicpb.Thinking{Type: "adaptive"}
	}
	if t.body.GetOutputConfig().GetEffort() != "" {
		t.ledger.Dropped(memberEffort, "the request's own output_config.effort says it")
		return
	}
	t.setEffort(chosen)
	if why != "" {
		t.ledger.Approximated(memberEffort, "output_config.effort", why)
		return
	}
	t.ledger.Renamed(memberEffort, "output_config.effort")
}

func (t *translation) setEffort(effort string) {
	if t.body.OutputConfig == nil {
		t.body.OutputConfig = &anthropicpb.OutputConfig{}
	}
	if t.body.GetOutputConfig().Effort == nil {
		t.body.OutputConfig.Effort = &effort
	}
}

// thinkWithin gives the model a budget.
func (t *translation) thinkWithin(effort string) {
	most := t.body.GetMaxTokens()
	budget := min(int64(float64(most)*budgetShares[effort]), maxBudget)
	budget = max(budget, minBudget)
	switch {
	case budget >= most:
		t.unsupported(memberEffort, "the model needs max_tokens above 1024 to think", wirejson.AppendString(nil, effort))
	case t.mustCall():
		t.ledger.Approximated(memberEffort, "", thinksNot)
	case t.loopWithoutThinking():
		t.ledger.Approximated(memberEffort, "", "not sent: the tool calls under way came without signed thinking, and the model refuses to begin with it between calls and results")
	default:
		t.body.Thinking = &anthropicpb.Thinking{Type: "enabled", BudgetTokens: &budget}
		t.ledger.Approximated(memberEffort, "thinking.budget_tokens", "the model takes a budget of tokens: a share of max_tokens by the effort")
	}
}

// thinksNot is why thinking is not asked for. Source: the documentation's "Extended
// thinking", "Tool choice limitation", 2026-11.
const thinksNot = "thinking is not asked for: the dialect refuses it where the model must call a tool"

// mustCall tells whether the model has no choice but to call a tool.
func (t *translation) mustCall() bool {
	return slices.Contains([]string{"any", "tool"}, t.body.GetToolChoice().GetType())
}

// loopWithoutThinking tells whether the conversation ends in results of tools, and the
// turn that called them does not begin with thinking: models with a budget want both or
// neither.
//
// Source: the documentation's "Extended thinking", "Preserving thinking blocks", 2026-11.
func (t *translation) loopWithoutThinking() bool {
	turns := t.body.GetMessages()
	if len(turns) < 2 || !hasBlock(turns[len(turns)-1], func(b *anthropicpb.Block) bool { return b.GetToolResult() != nil }) {
		return false
	}
	for i := len(turns) - 2; i >= 0; i-- {
		if turns[i].GetRole() != roleAssistant {
			continue
		}
		blocks := turns[i].GetBlocks().GetBlocks()
		return len(blocks) == 0 || blocks[0].GetThinking() == nil && blocks[0].GetRedactedThinking() == nil
	}
	return false
}

func hasBlock(turn *anthropicpb.Turn, is func(*anthropicpb.Block) bool) bool {
	return slices.ContainsFunc(turn.GetBlocks().GetBlocks(), is)
}

// The public shape of reasoning_details is OpenRouter's; the format says whose pieces they
// are.
const (
	formatOurs      = "anthropic-claude-v1"
	detailText      = "reasoning.text"
	detailSummary   = "reasoning.summary"
	detailEncrypted = "reasoning.encrypted"
)

// detail is one element of reasoning_details.
type detail struct {
	Type      string  `json:"type"`
	Text      string  `json:"text"`
	Signature *string `json:"signature"`
	Data      string  `json:"data"`
	Format    string  `json:"format"`
}

// appendDetail writes an element of reasoning_details. Empty members are left out, except
// the text of a signed one, which belongs to it.
func appendDetail(kind string, index int64, format string, text, signature, data *string) []byte {
	b := append([]byte(`{"type":`), wirejson.AppendString(nil, kind)...)
	for _, member := range []struct {
		name  string
		value *string
	}{{"text", text}, {"data", data}, {"signature", signature}} {
		if member.value != nil {
			b = append(append(b, `,"`+member.name+`":`...), wirejson.AppendString(nil, *member.value)...)
		}
	}
	if format != "" {
		b = append(append(b, `,"format":`...), wirejson.AppendString(nil, format)...)
	}
	b = append(b, `,"index":`...)
	return append(wirejson.AppendInt(b, index), '}')
}
