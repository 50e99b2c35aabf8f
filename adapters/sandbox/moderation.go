package sandbox

import (
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// moderationCategories are OpenAI's.
//
// Source: OpenAI API reference, "The moderation object".
var moderationCategories = [...]string{
	"harassment", "harassment/threatening", "hate", "hate/threatening", "illicit", "illicit/violent",
	"self-harm", "self-harm/intent", "self-harm/instructions", "sexual", "sexual/minors",
	"violence", "violence/graphic",
}

// flagMark opens a mark in a text that flags it: "[[flag:violence]]". The sandbox
// does not judge texts.
const flagMark = "[[flag:"

// Scores of categories that are flagged and that are not.
const (
	scoreFlagged = 0.99
	scoreClean   = 0.01
)

// moderate judges input and output when the request asks for it, else nil.
func (a *answer) moderate() *sluicev1.Moderation {
	if a.moderation == nil {
		return nil
	}
	model := a.moderation.GetModel()
	results := make([]*sluicev1.ModerationResult, 0, len(a.choices))
	for _, c := range a.choices {
		results = append(results, judge(model, c.text+c.refusal))
	}
	return &sluicev1.Moderation{
		Input:  outcome(model, judge(model, a.input)),
		Output: outcome(model, results...),
	}
}

func outcome(model string, results ...*sluicev1.ModerationResult) *sluicev1.ModerationOutcome {
	return &sluicev1.ModerationOutcome{Outcome: &sluicev1.ModerationOutcome_Results{
		Results: &sluicev1.ModerationResults{Model: model, Results: results},
	}}
}

func judge(model, text string) *sluicev1.ModerationResult {
	r := &sluicev1.ModerationResult{
		Model: model, Categories: map[string]bool{}, CategoryScores: map[string]float64{},
	}
	types := make([]string, 0, len(moderationCategories))
	for _, category := range moderationCategories {
		flagged := strings.Contains(text, flagMark+category+"]]")
		r.Flagged = r.Flagged || flagged
		r.Categories[category] = flagged
		r.CategoryScores[category] = scoreClean
		if flagged {
			r.CategoryScores[category] = scoreFlagged
		}
		types = append(types, `"`+category+`":["text"]`)
	}
	r.CategoryAppliedInputTypes = []byte("{" + strings.Join(types, ",") + "}")
	return r
}

// block withholds what the policy of the moderation does not let through.
func (a *answer) block() {
	policy := a.moderation.GetPolicy()
	input := policy.GetInput().GetMode() == "block" && judge("", a.input).GetFlagged()
	for _, c := range a.choices {
		if input || policy.GetOutput().GetMode() == "block" && judge("", c.text+c.refusal).GetFlagged() {
			*c = choice{index: c.index, written: true, finish: finishFilter}
		}
	}
}
