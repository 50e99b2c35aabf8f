package anthropic

import (
	"encoding/json"
	"strings"
	"time"
	"unicode/utf8"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// lenient: an answer that is a little off is worth more to a caller than an error.
var lenient = wirejson.Options{Lenient: true}

const (
	typeMessage = "message"
	typeError   = "error"
)

// answer is an answer on its way out of the dialect, whole or in events.
type answer struct {
	ledger    *translate.Ledger
	functions bool // see translation.functions
	created   int64
	at        paths
}

// paths are those of members that notes name: a whole answer has them in other places than
// the events of a stream.
type paths struct {
	top, block, text, thinking, signature, input, citations, stop string
	usages                                                        []string
	message                                                       string // in the contract
}

var wholePaths = paths{
	block: "content[]", text: "content[].text", thinking: "content[].thinking", signature: "content[].signature",
	input: "content[].input", citations: "content[].citations", usages: []string{"usage"}, message: "choices[].message.",
}

var eventPaths = paths{
	top: "message.", block: "content_block", text: "delta.text", thinking: "delta.thinking", signature: "delta.signature",
	input: "delta.partial_json", citations: "delta.citation", stop: "delta.", usages: []string{"message.usage", "usage"}, message: "choices[].delta.",
}

func newAnswer(call *adapters.Call, functions bool) *answer {
	return &answer{ledger: translate.Response(call), functions: functions, created: time.Now().Unix(), at: wholePaths}
}

// completion says a whole answer.
func (a *answer) completion(m *anthropicpb.Message) *sluicev1.ChatCompletion {
	out := &sluicev1.ChatCompletion{
		Id: m.GetId(), Object: "chat.completion", Created: a.created, Model: m.GetModel(),
		Rest: a.leftover("", m.GetRest()),
	}
	a.head(m)
	message := &sluicev1.ResponseMessage{Role: roleAssistant}
	text, thought := "", ""
	said, thinks := false, false
	detailIndex := int64(0)
	for _, b := range m.GetContent() {
		switch k := b.GetBlock().(type) {
		case *anthropicpb.Block_Text:
			start := int64(utf8.RuneCountInString(text))
			text, said = text+k.Text.GetText(), true
			a.ledger.Renamed(a.at.text, a.at.message+"content")
			message.Annotations = append(message.Annotations, a.annotations(k.Text.GetCitations(), start, int64(utf8.RuneCountInString(text)))...)
			message.Rest = a.into(message.Rest, a.at.block, k.Text.GetRest())
		case *anthropicpb.Block_Thinking:
			thought, thinks = thought+k.Thinking.GetThinking(), true
			thinking, signature := k.Thinking.GetThinking(), k.Thinking.GetSignature()
			message.ReasoningDetails = append(message.ReasoningDetails, appendDetail(detailText, detailIndex, formatOurs, &thinking, &signature, nil))
			a.noteThinking()
			message.Rest = a.into(message.Rest, a.at.block, k.Thinking.GetRest())
			detailIndex++
		case *anthropicpb.Block_RedactedThinking:
			data := k.RedactedThinking.GetData()
			message.ReasoningDetails = append(message.ReasoningDetails, appendDetail(detailEncrypted, detailIndex, formatOurs, nil, nil, &data))
			a.noteRedacted()
			message.Rest = a.into(message.Rest, a.at.block, k.RedactedThinking.GetRest())
			detailIndex++
		case *anthropicpb.Block_ToolUse:
			a.toolCall(message, k.ToolUse)
		}
	}
	if said {
		message.Content = &text
	}
	if thinks {
		message.ReasoningContent = &thought
	}
	if inexpressible(m.GetContent()) {
		blocks := &anthropicpb.Blocks{Blocks: m.GetContent()}
		message.Rest = wirejson.Set(message.Rest, memberContent, wirejson.Marshal(blocks))
		a.noteWhole()
	}
	choice := &sluicev1.Choice{Message: message}
	choice.FinishReason, choice.Rest = a.finish(m.GetStopReason(), m.StopSequence, m.GetStopDetails())
	out.Choices = []*sluicev1.Choice{choice}
	out.Usage, out.ServiceTier = a.usage(m.GetUsage()), a.tier(m.GetUsage())
	return out
}

// head notes what the members around the content become.
func (a *answer) head(m *anthropicpb.Message) {
	if m.Type != nil {
		a.ledger.Coerced(a.at.top+"type", "object", "")
	}
	if m.Role != nil {
		a.ledger.Renamed(a.at.top+"role", a.at.message+"role")
	}
}

func (a *answer) noteThinking() {
	a.ledger.Renamed(a.at.thinking, a.at.message+"reasoning_content")
	a.ledger.Renamed(a.at.signature, a.at.message+"reasoning_details[].signature")
}

func (a *answer) noteRedacted() {
	a.ledger.Coerced(a.at.block+".data", a.at.message+"reasoning_details[].data", "")
}

func (a *answer) noteWhole() {
	a.ledger.Renamed(strings.TrimSuffix(a.at.block, "[]"), a.at.message+memberContent)
}

// inexpressible tells whether the contract's members cannot say a content so that it can
// be put together again: blocks of other types, more than one text, citations, or another
// order than thinking, text, calls.
func inexpressible(content []*anthropicpb.Block) bool {
	stage := 0
	for _, b := range content {
		var at int
		switch k := b.GetBlock().(type) {
		case *anthropicpb.Block_Thinking, *anthropicpb.Block_RedactedThinking:
		case *anthropicpb.Block_Text:
			if at = 1; stage >= 1 || len(k.Text.GetCitations()) > 0 {
				return true
			}
		case *anthropicpb.Block_ToolUse:
			at = 2
		default:
			return true
		}
		if at < stage {
			return true
		}
		stage = at
	}
	return false
}

func (a *answer) toolCall(message *sluicev1.ResponseMessage, use *anthropicpb.ToolUseBlock) {
	arguments := string(use.GetInput())
	if arguments == "" {
		arguments = "{}"
	}
	call := &sluicev1.FunctionCall{Name: use.GetName(), Arguments: arguments}
	a.noteCall()
	if a.functions && message.FunctionCall == nil {
		call.Rest = a.into(nil, a.at.block, use.GetRest())
		message.FunctionCall = call
		return
	}
	message.ToolCalls = append(message.ToolCalls, &sluicev1.ToolCall{Call: &sluicev1.ToolCall_Function{Function: &sluicev1.FunctionToolCall{
		Id: use.GetId(), Function: call, Rest: a.into(nil, a.at.block, use.GetRest()),
	}}})
}

func (a *answer) noteCall() {
	if a.functions {
		a.ledger.Dropped(a.at.block+".id", "functions are called without one")
		a.ledger.Renamed(a.at.block+".name", a.at.message+"function_call.name")
		a.ledger.Coerced(a.at.input, a.at.message+"function_call.arguments", "a text instead of an object")
		return
	}
	a.ledger.Renamed(a.at.block+".id", a.at.message+"tool_calls[].id")
	a.ledger.Renamed(a.at.block+".name", a.at.message+"tool_calls[].function.name")
	a.ledger.Coerced(a.at.input, a.at.message+"tool_calls[].function.arguments", "a text instead of an object")
}

// citation is what the citations of web pages have.
type citation struct {
	Type  string `json:"type"`
	URL   string `json:"url"`
	Title string `json:"title"`
}

// annotations says the citations of a text that spans characters of the content.
func (a *answer) annotations(citations [][]byte, start, end int64) []*sluicev1.Annotation {
	var out []*sluicev1.Annotation
	for _, raw := range citations {
		var c citation
		if json.Unmarshal(raw, &c) != nil || c.URL == "" {
			// A place in a document of the request.
			out = append(out, &sluicev1.Annotation{Annotation: &sluicev1.Annotation_Other{Other: raw}})
			a.ledger.Renamed(a.at.citations, a.at.message+"annotations")
			continue
		}
		rest := said(raw)
		for _, name := range []string{"type", "url", "title"} {
			_, rest, _ = wirejson.Take(rest, name)
		}
		out = append(out, &sluicev1.Annotation{Annotation: &sluicev1.Annotation_UrlCitation{UrlCitation: &sluicev1.UrlCitationAnnotation{
			UrlCitation: &sluicev1.UrlCitation{Url: c.URL, Title: c.Title, StartIndex: start, EndIndex: end, Rest: rest},
		}}})
		a.ledger.Coerced(a.at.citations, a.at.message+"annotations", "as url_citation, over the whole text that they belong to")
	}
	return out
}

// The reasons of the end. Source: StopReason of the official Go SDK v1.84.0, 2026-11.
var finishReasons = map[string]string{
	"end_turn":                      "stop",
	"stop_sequence":                 "stop",
	"pause_turn":                    "stop",
	"max_tokens":                    "length",
	"model_context_window_exceeded": "length",
	"tool_use":                      "tool_calls",
	"refusal":                       "content_filter",
}

// finish says why the answer ended. The provider's own word stands beside the contract's
// where it says more.
func (a *answer) finish(reason string, sequence *string, details []byte) (finish *string, rest []byte) {
	if reason == "" {
		return nil, nil
	}
	word, known := finishReasons[reason]
	if !known {
		word = "stop"
	}
	const to = "choices[].finish_reason"
	switch reason {
	case "end_turn", "max_tokens", "tool_use":
		a.ledger.Coerced(a.at.stop+"stop_reason", to, "")
	default:
		a.ledger.Approximated(a.at.stop+"stop_reason", to, "native_finish_reason has the provider's word")
		rest = wirejson.Set(rest, "native_finish_reason", wirejson.AppendString(nil, reason))
	}
	if word == "tool_calls" && a.functions {
		word = "function_call"
	}
	if sequence != nil {
		rest = wirejson.Set(rest, "stop_sequence", wirejson.AppendString(nil, *sequence))
		a.ledger.Renamed(a.at.stop+"stop_sequence", "choices[].stop_sequence")
	}
	if len(details) > 0 {
		rest = wirejson.Set(rest, "stop_details", details)
		a.ledger.Renamed(a.at.stop+"stop_details", "choices[].stop_details")
	}
	return &word, rest
}

// leftover hands on the members that the translation does not know.
func (a *answer) leftover(path string, rest []byte) []byte {
	rest = said(rest)
	a.ledger.Leftover(path, rest)
	return rest
}

// into is leftover for an object that becomes part of another one.
func (a *answer) into(target []byte, path string, rest []byte) []byte {
	return a.ledger.HandOn(path, target, said(rest))
}

// usage counts. The dialect's input_tokens are those beside the cache, the contract's are
// all.
func (a *answer) usage(u *anthropicpb.Usage) *sluicev1.Usage {
	if u == nil {
		return nil
	}
	out := &sluicev1.Usage{
		PromptTokens:     u.GetInputTokens() + u.GetCacheReadInputTokens() + u.GetCacheCreationInputTokens(),
		CompletionTokens: u.GetOutputTokens(),
		Rest:             a.leftover("usage", u.GetRest()),
	}
	out.TotalTokens = out.PromptTokens + out.CompletionTokens
	if u.CacheReadInputTokens != nil || u.CacheCreationInputTokens != nil {
		out.PromptTokensDetails = &sluicev1.PromptTokensDetails{CachedTokens: u.CacheReadInputTokens, CacheWriteTokens: u.CacheCreationInputTokens}
	}
	d := u.GetOutputTokensDetails()
	if d != nil {
		out.CompletionTokensDetails = &sluicev1.CompletionTokensDetails{ReasoningTokens: d.ThinkingTokens, Rest: a.leftover("usage.output_tokens_details", d.GetRest())}
	}
	for i, at := range a.at.usages {
		a.ledger.Coerced(at+".input_tokens", "usage.prompt_tokens", "with those read from the cache and written to it")
		if i+1 < len(a.at.usages) {
			a.ledger.Dropped(at+".output_tokens", "a later count includes it")
		} else {
			a.ledger.Renamed(at+".output_tokens", "usage.completion_tokens")
		}
		if out.PromptTokensDetails != nil {
			a.ledger.Renamed(at+".cache_read_input_tokens", "usage.prompt_tokens_details.cached_tokens")
			a.ledger.Renamed(at+".cache_creation_input_tokens", "usage.prompt_tokens_details.cache_write_tokens")
		}
		if d != nil {
			a.ledger.Renamed(at+".output_tokens_details.thinking_tokens", "usage.completion_tokens_details.reasoning_tokens")
		}
	}
	return out
}

// tier says which tier served the call, by the contract's words.
func (a *answer) tier(u *anthropicpb.Usage) *string {
	if u == nil || u.ServiceTier == nil {
		return nil
	}
	tier := u.GetServiceTier()
	if tier == "standard" {
		tier = "default"
		a.ledger.Coerced(a.at.usages[0]+".service_tier", "service_tier", "standard is default")
	} else {
		a.ledger.Renamed(a.at.usages[0]+".service_tier", "service_tier")
	}
	return &tier
}
