package anthropic

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/sluice-ai/sluice/tests/fakes"
)

// decode reads a request by the SDK's types, and refuses what they do not know.
func decode(body []byte) (params *sdk.MessageNewParams, stream bool, failed *failure) {
	fail := func(message string) (*sdk.MessageNewParams, bool, *failure) {
		f := invalid(message)
		return nil, false, &f
	}
	var object map[string]json.RawMessage
	if err := json.Unmarshal(body, &object); err != nil {
		return fail("the request body is not valid JSON: " + err.Error())
	}
	if raw, there := object["stream"]; there {
		if json.Unmarshal(raw, &stream) != nil {
			return fail("stream: Input should be a valid boolean")
		}
		delete(object, "stream")
	}
	for _, name := range []string{"model", "max_tokens", "messages"} {
		if _, there := object[name]; !there {
			return fail(name + ": Field required")
		}
	}
	params = new(sdk.MessageNewParams)
	rest := encode(object)
	if err := json.Unmarshal(rest, params); err != nil {
		return fail(err.Error())
	}
	copied, err := json.Marshal(params)
	if err != nil {
		return fail(err.Error())
	}
	lost, err := fakes.Lost(rest, copied)
	if err != nil {
		return fail(err.Error())
	}
	if len(lost) > 0 {
		return fail(lost[0] + ": Extra inputs are not permitted")
	}
	return params, stream, nil
}

// check refuses what the API refuses, in its words.
//
// Source: the API reference, and the messages as users of the API quote them. At Vertex AI,
// the user begins; Anthropic's own API does not mind (anthropic-sdk-typescript issue 622).
func check(p *sdk.MessageNewParams, vertex bool) *failure {
	if vertex && len(p.Messages) > 0 && p.Messages[0].Role != sdk.MessageParamRoleUser {
		f := invalid(`messages: first message must use the "user" role`)
		return &f
	}
	for _, rule := range []func(*sdk.MessageNewParams) string{bounds, turns, thinking, tools, schema} {
		if message := rule(p); message != "" {
			f := invalid(message)
			return &f
		}
	}
	return nil
}

func bounds(p *sdk.MessageNewParams) string {
	if p.MaxTokens < 1 {
		return "max_tokens: Input should be greater than or equal to 1"
	}
	if t := p.Temperature; t.Valid() && (t.Value < 0 || t.Value > 1) {
		return "temperature: range: 0..1"
	}
	if slices.ContainsFunc(p.StopSequences, func(s string) bool { return strings.TrimSpace(s) == "" }) {
		return "stop_sequences: each stop sequence must contain non-whitespace"
	}
	return ""
}

// turns checks who speaks when, and that each call has its result.
func turns(p *sdk.MessageNewParams) string {
	if len(p.Messages) == 0 {
		return "messages: at least one message is required"
	}
	var open []string
	for i, m := range p.Messages {
		if !slices.Contains([]sdk.MessageParamRole{"user", "assistant", "system"}, m.Role) {
			return fmt.Sprintf("messages.%d.role: Input should be 'user' or 'assistant'", i)
		}
		if m.Role == sdk.MessageParamRoleSystem && !strings.Contains(p.Model, "opus-5") {
			return fmt.Sprintf("messages.%d.role: system messages are not supported by this model", i)
		}
		if len(m.Content) == 0 && i < len(p.Messages)-1 {
			return fmt.Sprintf("messages.%d: all messages must have non-empty content except for the optional final assistant message", i)
		}
		var called []string
		for j, b := range m.Content {
			switch {
			case b.OfText != nil && b.OfText.Text == "":
				return "messages: text content blocks must be non-empty"
			case b.OfToolUse != nil:
				called = append(called, b.OfToolUse.ID)
			case b.OfToolResult != nil:
				at := slices.Index(open, b.OfToolResult.ToolUseID)
				if at < 0 {
					return fmt.Sprintf("messages.%d.content.%d: unexpected `tool_use_id` found in `tool_result` blocks: %s. "+
						"Each `tool_result` block must have a corresponding `tool_use` block in the previous message.", i, j, b.OfToolResult.ToolUseID)
				}
				open = slices.Delete(open, at, at+1)
			}
		}
		if len(open) > 0 {
			return fmt.Sprintf("messages.%d: `tool_use` ids were found without `tool_result` blocks immediately after: %s. "+
				"Each `tool_use` block must have a corresponding `tool_result` block in the next message.", i, strings.Join(open, ", "))
		}
		open = called
	}
	if len(open) > 0 {
		return "messages: the final message has `tool_use` blocks without results"
	}
	return ""
}

// thinking checks the budget, and that the thoughts of a loop under way came back signed.
func thinking(p *sdk.MessageNewParams) string {
	enabled := p.Thinking.OfEnabled
	if enabled != nil {
		switch {
		case enabled.BudgetTokens < 1024:
			return "thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
		case enabled.BudgetTokens >= p.MaxTokens:
			return "`max_tokens` must be greater than `thinking.budget_tokens`."
		}
	}
	if enabled != nil || p.Thinking.OfAdaptive != nil {
		switch {
		case p.Temperature.Valid() && p.Temperature.Value != 1:
			return "`temperature` may only be set to 1 when thinking is enabled."
		case p.ToolChoice.OfAny != nil || p.ToolChoice.OfTool != nil:
			return "Thinking may not be enabled when tool_choice forces tool use."
		}
	}
	for i, m := range p.Messages {
		for j, b := range m.Content {
			if b.OfThinking != nil && b.OfThinking.Signature != fakes.Signature {
				return fmt.Sprintf("messages.%d.content.%d: Invalid `signature` in `thinking` block", i, j)
			}
		}
	}
	if enabled == nil || len(results(p)) == 0 {
		return ""
	}
	for i, m := range slices.Backward(p.Messages) {
		if m.Role != sdk.MessageParamRoleAssistant {
			continue
		}
		if b := m.Content[0]; b.OfThinking == nil && b.OfRedactedThinking == nil {
			return fmt.Sprintf("messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `%s`. When `thinking` is enabled, "+
				"a final `assistant` message must start with a thinking block (preceeding the lastmost set of `tool_use` and `tool_result` blocks).", i, *b.GetType())
		}
		return ""
	}
	return ""
}

func tools(p *sdk.MessageNewParams) string {
	for i, t := range p.Tools {
		if t.OfTool != nil && (t.OfTool.Name == "" || strings.ContainsAny(t.OfTool.Name, ". ")) {
			return fmt.Sprintf("tools.%d.custom.name: String should match pattern '^[a-zA-Z0-9_-]{1,128}$'", i)
		}
	}
	if len(p.Tools) == 0 && (p.ToolChoice.OfAny != nil || p.ToolChoice.OfTool != nil || p.ToolChoice.OfAuto != nil) {
		return "tool_choice: may only be specified while providing tools"
	}
	return ""
}

// schema: objects have to say that they have no more properties.
func schema(p *sdk.MessageNewParams) string {
	s := p.OutputConfig.Format.Schema
	if s["type"] == "object" && s["additionalProperties"] != false {
		return "output_config.format.schema: For 'object' type, 'additionalProperties' must be explicitly set to false"
	}
	return ""
}

// results are those in the last turn.
func results(p *sdk.MessageNewParams) (out []string) {
	for _, b := range p.Messages[len(p.Messages)-1].Content {
		if b.OfToolResult == nil {
			continue
		}
		var texts []string
		for _, c := range b.OfToolResult.Content {
			switch {
			case c.OfText != nil:
				texts = append(texts, c.OfText.Text)
			case c.OfImage != nil:
				texts = append(texts, "(an image)")
			}
		}
		out = append(out, strings.Join(texts, " "))
	}
	return out
}

func question(p *sdk.MessageNewParams) fakes.Question {
	q := fakes.Question{
		Results: results(p), Stops: p.StopSequences, MaxTokens: p.MaxTokens, Settings: map[string]string{},
		Thinks: p.Thinking.OfEnabled != nil || p.Thinking.OfAdaptive != nil,
	}
	for _, s := range p.System {
		q.System = append(q.System, s.Text)
	}
	for _, m := range p.Messages {
		switch m.Role {
		case sdk.MessageParamRoleSystem:
			for _, b := range m.Content {
				q.System = append(q.System, b.OfText.Text)
			}
			continue
		case sdk.MessageParamRoleUser:
			q.Text, q.Media = said(m)
		}
		q.Turns++
	}
	if p.ToolChoice.OfNone == nil {
		for _, t := range p.Tools {
			if t.OfTool != nil {
				q.Tools = append(q.Tools, fakes.Tool{Name: t.OfTool.Name, Schema: encode(t.OfTool.InputSchema)})
			}
		}
	}
	switch c := p.ToolChoice; {
	case c.OfTool != nil:
		q.Chosen, q.Serial = c.OfTool.Name, c.OfTool.DisableParallelToolUse.Value
	case c.OfAny != nil:
		q.Serial = c.OfAny.DisableParallelToolUse.Value
	case c.OfAuto != nil:
		q.Serial = c.OfAuto.DisableParallelToolUse.Value
	}
	if s := p.OutputConfig.Format.Schema; s != nil {
		q.Schema = encode(s)
	}
	if p.Temperature.Valid() {
		q.Settings["temperature"] = strconv.FormatFloat(p.Temperature.Value, 'g', -1, 64)
	}
	if p.TopP.Valid() {
		q.Settings["top_p"] = strconv.FormatFloat(p.TopP.Value, 'g', -1, 64)
	}
	return q
}

func said(m sdk.MessageParam) (text string, media []fakes.Medium) {
	var texts []string
	for _, b := range m.Content {
		switch {
		case b.OfText != nil:
			texts = append(texts, b.OfText.Text)
		case b.OfImage != nil && b.OfImage.Source.OfBase64 != nil:
			source := b.OfImage.Source.OfBase64
			media = append(media, fakes.Medium{Kind: "image", Type: string(source.MediaType), Size: size(source.Data)})
		case b.OfImage != nil && b.OfImage.Source.OfURL != nil:
			media = append(media, fakes.Medium{Kind: "image", URL: b.OfImage.Source.OfURL.URL})
		case b.OfDocument != nil && b.OfDocument.Source.OfBase64 != nil:
			media = append(media, fakes.Medium{Kind: "document", Type: "application/pdf", Size: size(b.OfDocument.Source.OfBase64.Data)})
		}
	}
	return strings.Join(texts, " "), media
}

// size is that of base64 data, -1 when it is none.
func size(data string) int {
	raw, err := base64.StdEncoding.DecodeString(data)
	if err != nil {
		return -1
	}
	return len(raw)
}
