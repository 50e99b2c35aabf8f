package bedrock

import (
	"encoding/json"
	"strings"
	"time"

	"google.golang.org/protobuf/proto"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// answering is what the translation of an answer needs to know of its request.
type answering struct {
	ledger  *translate.Ledger
	id      string
	model   string
	created int64
	// format is that of the reasoning's signatures.
	format string
	// legacy says that calls of tools are calls of functions.
	legacy bool
}

func (r *request) answering(ledger *translate.Ledger, id string) *answering {
	a := &answering{ledger: ledger, id: id, model: r.model, created: time.Now().Unix(), format: formatBedrock, legacy: r.legacy}
	if r.family.isClaude() {
		a.format = formatClaude
	}
	return a
}

// completionOf translates a whole answer.
func completionOf(a *answering, response *bedrockpb.ConverseResponse) *sluicev1.ChatCompletion {
	message := a.message(response.GetOutput().GetMessage())
	message.Rest = merge(message.GetRest(), a.handOn("output", message, response.GetOutput().GetRest()))
	choice := &sluicev1.Choice{Message: message}
	choice.FinishReason, choice.Rest = a.finish(response.GetStopReason(), message.GetFunctionCall() != nil)
	completion := &sluicev1.ChatCompletion{
		Id: a.id, Object: "chat.completion", Created: a.created, Model: a.model,
		Choices: []*sluicev1.Choice{choice},
		Usage:   a.usage(response.GetUsage()),
	}
	completion.Rest = a.handOn("", completion, response.GetRest())
	completion.ServiceTier, completion.Rest = a.tier(response.GetServiceTier(), completion, completion.Rest)
	return completion
}

func (a *answering) tier(tier *bedrockpb.ServiceTier, of proto.Message, rest []byte) (name *string, remaining []byte) {
	if tier == nil {
		return nil, rest
	}
	a.ledger.Renamed("serviceTier.type", "service_tier")
	return &tier.Type, merge(rest, a.handOn("serviceTier", of, tier.GetRest()))
}

// message joins the blocks of an answer.
func (a *answering) message(m *bedrockpb.Message) *sluicev1.ResponseMessage {
	out := &sluicev1.ResponseMessage{Role: roleAssistant}
	out.Rest = a.handOn("output.message", out, m.GetRest())
	var content, thoughts strings.Builder
	var others [][]byte
	said, thought := false, false
	for i, b := range m.GetContent() {
		switch {
		case b.Text != nil:
			said = true
			content.WriteString(b.GetText())
			a.ledger.Renamed("output.message.content[].text", "choices[].message.content")
		case b.GetReasoningContent() != nil:
			reasoning := b.GetReasoningContent()
			if t := reasoning.GetReasoningText(); t != nil {
				thought = true
				thoughts.WriteString(t.GetText())
			}
			out.ReasoningDetails = append(out.ReasoningDetails, a.detail(reasoning, int64(i)))
			a.ledger.Renamed("output.message.content[].reasoningContent", "choices[].message.reasoning_details[]")
		case b.GetToolUse() != nil && !serverTool(b.GetToolUse()):
			a.called(out, b.GetToolUse())
		default:
			if text, ok := citedText(b.GetRest()); ok {
				said = true
				content.WriteString(text)
			}
			others = append(others, wirejson.Marshal(b))
			a.ledger.Renamed("output.message.content[]", "choices[].message."+ownBlocks+"[]")
		}
	}
	if said {
		out.Content = new(content.String())
	}
	if thought {
		out.ReasoningContent = new(thoughts.String())
	}
	if len(others) > 0 {
		out.Rest = wirejson.Set(out.Rest, ownBlocks, wirejson.AppendRaws(nil, others))
	}
	return out
}

// serverTool tells a call that Bedrock answers itself.
func serverTool(t *bedrockpb.ToolUse) bool { return t.GetType() == "server_tool_use" }

// called adds a call of a tool.
func (a *answering) called(out *sluicev1.ResponseMessage, t *bedrockpb.ToolUse) {
	const from = "output.message.content[].toolUse"
	arguments := string(t.GetInput())
	if arguments == "" || arguments == "null" {
		arguments = "{}"
	}
	call := &sluicev1.FunctionCall{Name: t.GetName(), Arguments: arguments}
	if a.legacy && out.FunctionCall == nil {
		a.ledger.Coerced(from, "choices[].message.function_call", "the request has functions")
		out.FunctionCall = call
		return
	}
	a.ledger.Coerced(from, "choices[].message.tool_calls[]", "the arguments are a text here")
	function := &sluicev1.FunctionToolCall{Id: t.GetToolUseId(), Function: call}
	function.Rest = a.handOn(from, function, t.GetRest())
	out.ToolCalls = append(out.ToolCalls, &sluicev1.ToolCall{Call: &sluicev1.ToolCall_Function{Function: function}})
}

// detail is a block of reasoning in the form that goes back and forth.
func (a *answering) detail(r *bedrockpb.ReasoningContent, index int64) []byte {
	if t := r.GetReasoningText(); t != nil {
		return detailOf(typeThought, "text", t.GetText(), t.GetSignature(), a.format, index)
	}
	return detailOf(typeRedacted, "data", r.GetRedactedContent(), "", formatBedrock, index)
}

// citedText is the text of a citationsContent block, which stands in the place of texts
// where the model cites documents.
//
// Source: Amazon Bedrock API reference, "CitationsContentBlock".
func citedText(rest []byte) (text string, ok bool) {
	value, ok := wirejson.Get(rest, "citationsContent")
	if !ok {
		return "", false
	}
	var cited struct {
		Content []struct {
			Text string `json:"text"`
		} `json:"content"`
	}
	if json.Unmarshal(value, &cited) != nil {
		return "", false
	}
	var out strings.Builder
	for _, piece := range cited.Content {
		out.WriteString(piece.Text)
	}
	return out.String(), len(cited.Content) > 0
}

const (
	finishStop     = "stop"
	finishLength   = "length"
	finishTools    = "tool_calls"
	finishFunction = "function_call"
	finishFilter   = "content_filter"
)

// finishReasons are OpenAI's words for the reasons to stop, and whether they say as much.
//
// Source: Amazon Bedrock API reference, "Converse", stopReason.
var finishReasons = map[string]struct {
	reason string
	same   bool
}{
	"end_turn":                      {finishStop, true},
	"tool_use":                      {finishTools, true},
	"max_tokens":                    {finishLength, true},
	"stop_sequence":                 {finishStop, false},
	"guardrail_intervened":          {finishFilter, false},
	"content_filtered":              {finishFilter, true},
	"malformed_model_output":        {finishStop, false},
	"malformed_tool_use":            {finishStop, false},
	"model_context_window_exceeded": {finishLength, false},
}

// finish says why the answer ended, and Bedrock's own word where it says more.
func (a *answering) finish(stopReason string, function bool) (reason *string, rest []byte) {
	const member, to = "stopReason", "choices[].finish_reason"
	known, ok := finishReasons[stopReason]
	if !ok {
		known.reason = finishStop
	}
	if function && known.reason == finishTools {
		known.reason = finishFunction
	}
	if known.same {
		a.ledger.Coerced(member, to, "")
		return &known.reason, nil
	}
	a.ledger.Approximated(member, to, "native_finish_reason beside it says more")
	return &known.reason, wirejson.Set(nil, "native_finish_reason", wirejson.AppendString(nil, stopReason))
}

// usage counts what was read from the cache and written to it as a part of the prompt,
// which Bedrock does not.
//
// Source: Amazon Bedrock user guide, "Prompt caching": inputTokens are those that are
// neither.
func (a *answering) usage(u *bedrockpb.TokenUsage) *sluicev1.Usage {
	if u == nil {
		return nil
	}
	out := &sluicev1.Usage{
		PromptTokens:     u.GetInputTokens() + u.GetCacheReadInputTokens() + u.GetCacheWriteInputTokens(),
		CompletionTokens: u.GetOutputTokens(),
	}
	out.Rest = a.handOn("usage", out, u.GetRest())
	out.TotalTokens = out.PromptTokens + out.CompletionTokens
	a.ledger.Renamed("usage.outputTokens", "usage.completion_tokens")
	if out.PromptTokens == u.GetInputTokens() {
		a.ledger.Renamed("usage.inputTokens", "usage.prompt_tokens")
	} else {
		a.ledger.Coerced("usage.inputTokens", "usage.prompt_tokens", "cached tokens are a part of it here")
	}
	if out.TotalTokens == u.GetTotalTokens() {
		a.ledger.Renamed("usage.totalTokens", "usage.total_tokens")
	} else {
		a.ledger.Coerced("usage.totalTokens", "usage.total_tokens", "the sum of both here")
	}
	if u.CacheReadInputTokens != nil || u.CacheWriteInputTokens != nil {
		a.ledger.Renamed("usage.cacheReadInputTokens", "usage.prompt_tokens_details.cached_tokens")
		a.ledger.Renamed("usage.cacheWriteInputTokens", "usage.prompt_tokens_details.cache_write_tokens")
		out.PromptTokensDetails = &sluicev1.PromptTokensDetails{CachedTokens: u.CacheReadInputTokens, CacheWriteTokens: u.CacheWriteInputTokens}
	}
	return out
}

// text returns a member of an object that is a text, else "".
func text(object []byte, name string) string {
	value, ok := wirejson.Get(object, name)
	if !ok {
		return ""
	}
	var out string
	if json.Unmarshal(value, &out) != nil {
		return ""
	}
	return out
}
