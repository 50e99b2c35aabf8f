package bedrock

import (
	"encoding/json"
	"slices"
	"strings"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// noArguments is the schema of a tool without parameters: Converse wants one.
const noArguments = `{"type":"object","properties":{}}`

// tools translates what the model may call, and how.
func (r *request) tools(req *sluicev1.ChatCompletionRequest) {
	allowed := r.allowed(req.GetToolChoice().GetAllowedTools())
	for i, t := range req.GetTools() {
		switch t := t.GetTool().(type) {
		case *sluicev1.Tool_Function:
			if name := t.Function.GetFunction().GetName(); allowed != nil && !allowed[name] {
				r.ledger.Dropped(translate.Item("tools", i), "tool_choice does not allow it")
				continue
			}
			r.tool("tools[].function", t.Function.GetFunction(), r.leftover(nil, "tools[]", t.Function, cacheControl))
			if point := r.cacheControl("tools[]", t.Function.GetRest()); point != nil {
				r.addTool(&bedrockpb.Tool{CachePoint: point})
			}
		case *sluicev1.Tool_Custom:
			if r.ledger.Unsupported(translate.Item("tools", i)+".custom", "tools there take JSON") {
				r.addTool(&bedrockpb.Tool{Rest: wirejson.Marshal(t.Custom)})
			}
		case *sluicev1.Tool_Other:
			own := false
			for name := range wirejson.Names(t.Other) {
				own = own || slices.Contains([]string{"toolSpec", "systemTool", "cachePoint"}, name)
			}
			if own {
				r.addTool(&bedrockpb.Tool{Rest: withoutType(t.Other)})
			} else if r.ledger.Unsupported(translate.Item("tools", i), "Converse has no such tool") {
				r.addTool(&bedrockpb.Tool{Rest: t.Other})
			}
		}
	}
	for _, f := range req.GetFunctions() {
		r.tool("functions[]", f, nil)
	}
	r.toolChoice(req)
	r.earlierTools()
	r.parallel(req.ParallelToolCalls)
}

// parallel says whether several tools may be called at once. Converse cannot say it, but
// hands on to newer models of Anthropic's what they call so; not where it has a choice of
// tools itself.
//
// Sources: BerriAI/litellm pull request 34347 and issue 36536; enechange/collmbo pull
// request 1022 (Claude 4.5 and later).
func (r *request) parallel(allowed *bool) {
	const member = "parallel_tool_calls"
	switch {
	case allowed == nil:
	case *allowed:
		r.ledger.Dropped(member, "several calls are what comes without it")
	case r.family == familyOpenAI:
		r.forModel(member, []byte("false"))
	case len(r.body.GetToolConfig().GetTools()) == 0:
		r.ledger.Dropped(member, "there are no tools")
	case (r.family == familyClaudeAdaptive || r.family == familyClaudeBudget && strings.Contains(r.model, "-4-5")) &&
		!r.mustCall() && len(r.body.GetToolConfig().GetToolChoice().GetRest()) == 0:
		r.body.ToolConfig.ToolChoice = nil // which is auto at most
		r.ledger.Coerced(member, extraFields+".tool_choice.disable_parallel_tool_use", "the opposite there")
		r.extra = wirejson.Set(r.extra, "tool_choice", []byte(`{"type":"auto","disable_parallel_tool_use":true}`))
	default:
		r.unsupported(member, "Converse cannot forbid several calls", []byte("false"))
	}
}

// allowed are the names of the functions that the choice leaves, nil when it leaves all.
func (r *request) allowed(c *sluicev1.AllowedToolsChoice) map[string]bool {
	if c == nil {
		return nil
	}
	const member = "tool_choice.allowed_tools"
	r.ledger.Approximated(member, "toolConfig.tools", "the other tools are left out, so that a cached prefix with them is not used")
	r.ledger.Dropped(member+".tools", "those are the tools that are there")
	names := map[string]bool{}
	for _, raw := range c.GetAllowedTools().GetTools() {
		function, _ := wirejson.Get(raw, "function")
		names[text(function, "name")] = true
	}
	return names
}

func (r *request) addTool(t *bedrockpb.Tool) {
	if r.body.ToolConfig == nil {
		r.body.ToolConfig = new(bedrockpb.ToolConfig)
	}
	r.body.ToolConfig.Tools = append(r.body.ToolConfig.Tools, t)
}

func (r *request) tool(path string, f *sluicev1.FunctionDefinition, rest []byte) {
	f = orEmpty(f)
	const to = "toolConfig.tools[].toolSpec"
	r.ledger.Renamed(path, to)
	spec := &bedrockpb.ToolSpec{
		Name: f.GetName(), Description: f.Description, Strict: f.Strict,
		InputSchema: &bedrockpb.InputSchema{Json: []byte(noArguments)},
		Rest:        r.leftover(nil, path, f),
	}
	if f.Description != nil && strings.TrimSpace(f.GetDescription()) == "" {
		// Source: anomalyco/opencode pull request 48582.
		spec.Description = nil
		r.ledger.Dropped(path+".description", "Converse refuses an empty description")
	}
	if schema := f.GetParameters(); len(schema) > 0 {
		const member = "inputSchema.json"
		if _, typed := wirejson.Get(schema, "type"); typed || schema[0] != '{' {
			r.ledger.Renamed(path+".parameters", to+"."+member)
		} else {
			schema = wirejson.Set(schema, "type", []byte(`"object"`))
			r.ledger.Coerced(path+".parameters", to+"."+member, "arguments are an object, and Converse wants the schema to say so")
		}
		spec.InputSchema.Json = schema
	}
	r.addTool(&bedrockpb.Tool{ToolSpec: spec, Rest: rest})
}

// toolChoice translates which tool to call, in the old form too.
func (r *request) toolChoice(req *sluicev1.ChatCompletionRequest) {
	const member, old, why = "tool_choice", "function_call", "Converse can choose one tool, any or none in particular"
	choice := req.GetToolChoice()
	if choice.GetChoice() != nil && req.GetFunctionCall() != nil {
		r.ledger.Dropped(old, "tool_choice says it")
	}
	switch c := choice.GetChoice().(type) {
	case *sluicev1.ToolChoice_Mode:
		r.mode(req, member, c.Mode, nil)
	case *sluicev1.ToolChoice_Function:
		f := orEmpty(c.Function.GetFunction())
		r.oneTool(member, f.GetName(), r.leftover(r.leftover(nil, member+".function", f), member, c.Function))
	case *sluicev1.ToolChoice_AllowedTools:
		rest := r.leftover(nil, member, c.AllowedTools)
		r.mode(req, member, c.AllowedTools.GetAllowedTools().GetMode(), r.leftover(rest, member+".allowed_tools", orEmpty(c.AllowedTools.GetAllowedTools())))
	case *sluicev1.ToolChoice_Custom:
		r.unsupported(member, why, wirejson.Marshal(choice))
	case *sluicev1.ToolChoice_Other:
		for own := range wirejson.Names(c.Other) {
			if own == "auto" || own == "any" || own == "tool" {
				r.choose(&bedrockpb.ToolChoice{Rest: withoutType(c.Other)})
				return
			}
		}
		r.unsupported(member, why, c.Other)
	default:
		switch c := req.GetFunctionCall().(type) {
		case *sluicev1.ChatCompletionRequest_FunctionCallMode:
			r.mode(req, old, c.FunctionCallMode, nil)
		case *sluicev1.ChatCompletionRequest_FunctionCallName:
			f := orEmpty(c.FunctionCallName)
			r.oneTool(old, f.GetName(), r.leftover(nil, old, f))
		}
	}
}

const toChoice = "toolConfig.toolChoice"

func (r *request) oneTool(member, name string, rest []byte) {
	r.ledger.Renamed(member, toChoice+".tool")
	r.choose(&bedrockpb.ToolChoice{Tool: &bedrockpb.ToolName{Name: name, Rest: rest}})
}

func (r *request) mode(req *sluicev1.ChatCompletionRequest, member, mode string, rest []byte) {
	switch {
	case r.body.ToolConfig == nil:
		r.ledger.Dropped(member, "there are no tools")
	case mode == "none":
		r.forbidTools(req, member)
	case mode == "auto":
		r.ledger.Coerced(member, toChoice+".auto", "an object there")
		r.choose(&bedrockpb.ToolChoice{Auto: new(bedrockpb.Nothing), Rest: rest})
	case mode == "required":
		r.ledger.Coerced(member, toChoice+".any", "an object there")
		r.choose(&bedrockpb.ToolChoice{Any: new(bedrockpb.Nothing), Rest: rest})
	default:
		r.unsupported(member, "Converse has no such choice", wirejson.AppendString(nil, mode))
	}
}

func (r *request) choose(c *bedrockpb.ToolChoice) {
	if r.body.ToolConfig == nil {
		r.body.ToolConfig = new(bedrockpb.ToolConfig)
	}
	r.body.ToolConfig.ToolChoice = c
}

// forbidTools is the choice "none": the tools are left out, unless the conversation has
// calls, which Converse takes together with their tools only.
func (r *request) forbidTools(req *sluicev1.ChatCompletionRequest, member string) {
	for _, m := range r.body.GetMessages() {
		for _, b := range m.GetContent() {
			if b.GetToolUse() != nil || b.GetToolResult() != nil {
				r.unsupported(member, "Converse cannot forbid tools where the conversation has calls of them", []byte(`"none"`))
				return
			}
		}
	}
	const why = "none is to be called"
	r.ledger.Coerced(member, "toolConfig", "the tools are left out")
	if len(req.GetTools()) > 0 {
		r.ledger.Dropped("tools", why)
	}
	if len(req.GetFunctions()) > 0 {
		r.ledger.Dropped("functions", why)
	}
	r.body.ToolConfig = nil
}

// toolUse translates an earlier call. Path is its own.
func (r *request) toolUse(path string, c *sluicev1.ToolCall) *bedrockpb.ContentBlock {
	const from, to = "messages[].tool_calls[]", "messages[].content[].toolUse"
	switch c := c.GetCall().(type) {
	case *sluicev1.ToolCall_Function:
		f := c.Function.GetFunction()
		if _, ok := wirejson.Get(c.Function.GetRest(), "index"); ok { // of a caller that joined deltas
			r.ledger.Dropped(from+".index", "calls stand in their order")
		}
		r.ledger.Renamed(from+".function.name", to+".name")
		return &bedrockpb.ContentBlock{ToolUse: &bedrockpb.ToolUse{
			ToolUseId: r.callID(from+".id", to+".toolUseId", c.Function.GetId()), Name: f.GetName(), Input: r.input(from+".function.arguments", f.GetArguments()),
			Rest: r.leftover(r.leftover(nil, from, c.Function, "index"), from+".function", f),
		}}
	case *sluicev1.ToolCall_Custom:
		if r.ledger.Unsupported(path, "calls there have JSON arguments") {
			return &bedrockpb.ContentBlock{Rest: wirejson.Marshal(c.Custom)}
		}
	case *sluicev1.ToolCall_Other:
		if r.ledger.Unsupported(path, "Converse has no such call") {
			return &bedrockpb.ContentBlock{Rest: c.Other}
		}
	}
	return nil
}

// input is the arguments of an earlier call as the object that Converse wants. What a model
// once wrote need not be one.
func (r *request) input(from, arguments string) []byte {
	const to = "messages[].content[].toolUse.input"
	switch {
	case arguments == "":
		r.ledger.Coerced(from, to, "an empty text is an empty object there")
		return []byte("{}")
	case wirejson.ValidObject([]byte(arguments)) == nil:
		r.ledger.Coerced(from, to, "an object there")
		return []byte(arguments)
	}
	r.ledger.Approximated(from, to, "arguments that are no JSON object stand inside of one there")
	return wirejson.Set(nil, "arguments", wirejson.AppendString(nil, arguments))
}

// toolResult translates the result of a call.
func (r *request) toolResult(path string, m *sluicev1.ToolMessage) *bedrockpb.ToolResult {
	const to = "messages[].content[].toolResult"
	result := &bedrockpb.ToolResult{ToolUseId: r.callID("messages[].tool_call_id", to+".toolUseId", m.GetToolCallId())}
	switch content := m.GetContent().(type) {
	case *sluicev1.ToolMessage_Text:
		r.resultText(path, result, content.Text)
	case *sluicev1.ToolMessage_Parts:
		for i, part := range content.Parts.GetParts() {
			for _, b := range r.part(translate.Item(path+".content", i), part) {
				if b.GetCachePoint() != nil {
					r.ledger.Dropped("messages[].content[].prompt_cache_breakpoint", "results of tools hold no breakpoints there")
					continue
				}
				block := &bedrockpb.ToolResultBlock{Text: b.Text, Image: b.GetImage(), Document: b.GetDocument(), Video: b.GetVideo(), Rest: b.GetRest()}
				if a := b.GetAudio(); a != nil {
					block.Rest = wirejson.Set(block.Rest, "audio", wirejson.Marshal(a))
				}
				result.Content = append(result.Content, block)
			}
		}
	}
	if value, ok := wirejson.Get(m.GetRest(), "status"); ok && value[0] == '"' {
		var status string
		_ = json.Unmarshal(value, &status) // it is a text
		result.Status = &status
	}
	if value, ok := wirejson.Get(m.GetRest(), "is_error"); ok {
		r.ledger.Coerced(translate.Path("messages[]", "is_error"), to+".status", "error or success there")
		status := "success"
		if string(value) == "true" {
			status = "error"
		}
		result.Status = &status
	}
	return result
}

// resultText is the text of a result. An empty result has no blocks.
func (r *request) resultText(path string, result *bedrockpb.ToolResult, text string) {
	if r.blank(path+".content", text) {
		return
	}
	r.ledger.Coerced("messages[].content", "messages[].content[].toolResult.content[].text", "a list of blocks there")
	result.Content = []*bedrockpb.ToolResultBlock{{Text: &text}}
}
