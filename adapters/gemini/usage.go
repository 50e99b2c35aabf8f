package gemini

import (
	"cmp"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// tellUsage tells the usage that came last. Google counts thoughts and the results of its
// own tools apart from output and input; the contract counts them in.
//
// Source: GenerateContentResponseUsageMetadata of google.golang.org/genai v1.77, whose
// total is the sum of the four, 2026-11.
func (t *teller) tellUsage() *sluicev1.Usage {
	u := t.usage
	if u == nil {
		return nil
	}
	out := &sluicev1.Usage{
		PromptTokens:     u.GetPromptTokenCount() + u.GetToolUsePromptTokenCount(),
		CompletionTokens: u.GetCandidatesTokenCount() + u.GetThoughtsTokenCount(),
	}
	out.TotalTokens = cmp.Or(u.GetTotalTokenCount(), out.GetPromptTokens()+out.GetCompletionTokens())
	t.ledger.Renamed("usageMetadata.totalTokenCount", "usage.total_tokens")
	if u.GetToolUsePromptTokenCount() == 0 {
		t.ledger.Renamed("usageMetadata.promptTokenCount", "usage.prompt_tokens")
	} else {
		t.ledger.Coerced("usageMetadata.promptTokenCount", "usage.prompt_tokens", "the results of Google's own tools are part of the input")
	}
	t.ledger.Coerced("usageMetadata.candidatesTokenCount", "usage.completion_tokens", "thoughts are part of the output")

	prompt, completion := &sluicev1.PromptTokensDetails{}, &sluicev1.CompletionTokensDetails{}
	if u.ThoughtsTokenCount != nil {
		completion.ReasoningTokens = u.ThoughtsTokenCount
		t.ledger.Renamed("usageMetadata.thoughtsTokenCount", "usage.completion_tokens_details.reasoning_tokens")
	}
	if u.CachedContentTokenCount != nil {
		prompt.CachedTokens = u.CachedContentTokenCount
		t.ledger.Renamed("usageMetadata.cachedContentTokenCount", "usage.prompt_tokens_details.cached_tokens")
	}
	if u.ToolUsePromptTokenCount != nil {
		prompt.Rest = wirejson.Set(prompt.Rest, "tool_use_tokens", wirejson.AppendInt(nil, u.GetToolUsePromptTokenCount()))
		t.ledger.Coerced("usageMetadata.toolUsePromptTokenCount", "usage.prompt_tokens", "the results of Google's own tools are part of the input")
	}
	for _, d := range u.GetPromptTokensDetails() {
		t.modality("usageMetadata.promptTokensDetails[]", d, &prompt.TextTokens, &prompt.AudioTokens, &prompt.ImageTokens, &prompt.Rest)
	}
	var images *int64
	for _, d := range u.GetCandidatesTokensDetails() {
		t.modality("usageMetadata.candidatesTokensDetails[]", d, &completion.TextTokens, &completion.AudioTokens, &images, &completion.Rest)
	}
	if images != nil {
		completion.Rest = wirejson.Set(completion.Rest, "image_tokens", wirejson.AppendInt(nil, *images))
	}
	if u.CachedContentTokenCount != nil || u.ToolUsePromptTokenCount != nil || len(u.GetPromptTokensDetails()) > 0 {
		out.PromptTokensDetails = prompt
	}
	if u.ThoughtsTokenCount != nil || len(u.GetCandidatesTokensDetails()) > 0 {
		out.CompletionTokensDetails = completion
	}
	out.Rest = t.ledger.HandOn("usageMetadata", nil, u.GetRest())
	return out
}

// modality tells the tokens of one modality.
func (t *teller) modality(path string, d *geminipb.ModalityTokenCount, text, audio, image **int64, rest *[]byte) {
	count := d.GetTokenCount()
	add := func(field **int64) {
		sum := count
		if *field != nil {
			sum += **field
		}
		*field = &sum
	}
	t.ledger.Coerced(path, "usage.*_tokens_details", "modalities are members of the details")
	switch d.GetModality() {
	case "TEXT":
		add(text)
	case "AUDIO":
		add(audio)
	case "IMAGE":
		add(image)
	default:
		*rest = wirejson.Set(*rest, lower(d.GetModality())+"_tokens", wirejson.AppendInt(nil, count))
	}
	*rest = t.ledger.HandOn(path, *rest, d.GetRest())
}
