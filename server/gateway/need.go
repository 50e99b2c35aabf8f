package gateway

import (
	"encoding/json"
	"slices"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

// chatQuery says what routing needs to know of a conversation.
func (t *ticket) chatQuery(req *sluicev1.ChatCompletionRequest) *route.Query {
	q := t.query(req.GetModel())
	q.Features = chatFeatures(req)
	if t.receipt.Streamed {
		q.Features |= route.FeatureStreaming
	}
	q.PromptTokens = usage.EstimateTokens(chatBytes(req))
	q.OutputTokens = outputLimit(req)
	q.User = req.GetSafetyIdentifier()
	if q.User == "" {
		q.User = req.GetUser()
	}
	q.Prompt = func(limit int) []byte { return promptStart(req, limit) }
	return q
}

// embeddingsQuery is [ticket.chatQuery] for texts to embed.
func (t *ticket) embeddingsQuery(req *sluicev1.CreateEmbeddingsRequest) *route.Query {
	q := t.query(req.GetModel())
	q.PromptTokens = usage.EstimateTokens(longestInput(req))
	q.User = req.GetUser()
	return q
}

func (t *ticket) query(model string) *route.Query {
	return &route.Query{Model: model, Path: t.call.Path, Caller: t.call.Caller, Header: t.call.Value, Unverified: t.tries()}
}

// outputLimit is how many tokens the caller lets the answer have. 0: it does not say.
func outputLimit(req *sluicev1.ChatCompletionRequest) int64 {
	if req.MaxCompletionTokens != nil {
		return max(req.GetMaxCompletionTokens(), 0)
	}
	return max(req.GetMaxTokens(), 0)
}

// chatFeatures are those that a conversation needs.
func chatFeatures(req *sluicev1.ChatCompletionRequest) (f route.Feature) {
	if len(req.GetTools()) > 0 || len(req.GetFunctions()) > 0 {
		f |= route.FeatureTools
	}
	if req.GetResponseFormat().GetJsonSchema() != nil {
		f |= route.FeatureJSONSchema
	}
	if slices.Contains(req.GetModalities(), "audio") || req.GetAudio() != nil {
		f |= route.FeatureAudio
	}
	for _, m := range req.GetMessages() {
		for _, p := range content(m).GetParts().GetParts() {
			switch p.GetPart().(type) {
			case *sluicev1.ContentPart_ImageUrl:
				f |= route.FeatureVision
			case *sluicev1.ContentPart_InputAudio:
				f |= route.FeatureAudio
			case *sluicev1.ContentPart_File:
				f |= route.FeatureFiles
			}
		}
	}
	return f
}

// contents is what a message of any role may say.
type contents interface {
	GetText() string
	GetParts() *sluicev1.ContentParts
}

// content returns that of a message. OpenAI takes images, sound and files from users
// alone, other providers from the results of tools, too.
func content(m *sluicev1.ChatMessage) contents {
	switch of := m.GetMessage().(type) {
	case *sluicev1.ChatMessage_Developer:
		return of.Developer
	case *sluicev1.ChatMessage_System:
		return of.System
	case *sluicev1.ChatMessage_Assistant:
		return of.Assistant
	case *sluicev1.ChatMessage_Tool:
		return of.Tool
	}
	return m.GetUser()
}

// promptStart returns up to limit bytes of what providers' caches go by: the key that
// the caller gave for that, else the tools and then the conversation from its start.
func promptStart(req *sluicev1.ChatCompletionRequest, limit int) []byte {
	if key := req.GetPromptCacheKey(); key != "" {
		return []byte(key)
	}
	var start []byte
	// Each piece is cut before it is copied: a picture may have megabytes.
	add := func(pieces ...string) (full bool) {
		for _, piece := range pieces {
			start = append(start, piece[:min(len(piece), limit-len(start))]...)
			if len(start) < limit {
				start = append(start, 0)
			}
		}
		return len(start) >= limit
	}
	for _, tool := range req.GetTools() {
		f := tool.GetFunction().GetFunction()
		if add(f.GetName(), f.GetDescription(), string(f.GetParameters()[:min(len(f.GetParameters()), limit)])) {
			return start
		}
	}
	for _, message := range req.GetMessages() {
		for _, text := range texts(message) {
			if add(text) {
				return start
			}
		}
	}
	return start
}

// texts are the role of a message and what it says, and the addresses of its pictures.
func texts(m *sluicev1.ChatMessage) []string {
	contents := []struct {
		role    string
		content interface {
			GetText() string
			GetParts() *sluicev1.ContentParts
		}
	}{
		{"developer", m.GetDeveloper()},
		{"system", m.GetSystem()},
		{"user", m.GetUser()},
		{"assistant", m.GetAssistant()},
		{"tool", m.GetTool()},
	}
	var list []string
	for _, c := range contents {
		text, parts := c.content.GetText(), c.content.GetParts().GetParts()
		if text == "" && len(parts) == 0 {
			continue
		}
		list = append(list, c.role, text)
		for _, p := range parts {
			list = append(list, p.GetText().GetText(), p.GetImageUrl().GetImageUrl().GetUrl())
		}
	}
	return list
}

// memberModels is the request member by which callers choose among models. Source: the
// API reference of OpenRouter, "Model routing", which coined it.
const memberModels = "models"

// choose takes the caller's own choice of routes out of the call, where callers may
// choose. It returns the request to go on with: req, or a copy without the member.
func (t *ticket) choose(q *route.Query, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletionRequest, error) {
	if err := t.chooseByHeader(q); err != nil || !t.plan.CallerChoice {
		return req, err
	}
	value, remaining, ok := wirejson.Take(req.GetRest(), memberModels)
	if !ok {
		return req, nil
	}
	if len(q.Choices) == 0 {
		if err := json.Unmarshal(value, &q.Choices); err != nil || slices.Contains(q.Choices, "") || len(q.Choices) > route.MaxChoices {
			return nil, fault.Invalid(memberModels, "models must be a list of at most %d names of models", route.MaxChoices)
		}
	}
	out := new(sluicev1.ChatCompletionRequest)
	share(out.ProtoReflect(), req.ProtoReflect())
	out.Rest = remaining
	return out, nil
}

func (t *ticket) chooseByHeader(q *route.Query) error {
	if t.call.Route == "" {
		return nil
	}
	if !t.plan.CallerChoice {
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED,
			"callers may not choose the route here: leave x-sluice-route out, or set routing.caller_choice")
	}
	for name := range strings.SplitSeq(t.call.Route, ",") {
		if name = strings.TrimSpace(name); name != "" {
			q.Choices = append(q.Choices, name)
		}
	}
	if len(q.Choices) == 0 || len(q.Choices) > route.MaxChoices {
		return fault.Invalid("", "x-sluice-route must hold 1 to %d names of models, with commas between them", route.MaxChoices)
	}
	return nil
}
