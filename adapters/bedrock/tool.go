package bedrock

import (
	"encoding/json"
	"slices"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// noArguments is the schema of a tool without parameters: Converse wants one.
const noArguments = `{"type":"object","properties":{}}`

// tools translates what the model may call, and how.
func (r *request) tools(req *sluicev1.ChatCompletionRequest) {
	for _, t := range req.GetTools() {
		switch t := t.GetTool().(type) {
		case *sluicev1.Tool_Function:
			r.tool("tools[].function", t.Function.GetFunction(), r.leftover("tools[]", t.Function, cacheControl))
			if point := r.cacheControl("tools[]", t.Function.GetRest()); point != nil {
				r.addTool(&bedrockpb.Tool{CachePoint: point})
			}
		case *sluicev1.Tool_Custom:
			if r.ledger.Unsupported("tools[].custom", "tools there take JSON") {
				r.addTool(&bedrockpb.Tool{Rest: wirejson.Marshal(t.Custom)})
			}
		case *sluicev1.Tool_Other:
			own := false
			for name := range wirejson.Names(t.Other) {
				own = own || slices.Contains([]string{"toolSpec", "systemTool", "cachePoint"}, name)
			}
			if own {
				r.addTool(&bedrockpb.Tool{Rest: withoutType(t.Other)})
			} else if r.ledger.Unsupported("tools[]", "Converse has no such tool") {
				r.addTool(&bedrockpb.Tool{Rest: t.Other})
			}
		}
	}
	for _, f := range req.GetFunctions() {
		r.tool("functions[]", f, nil)
	}
	r.toolChoice(req)
	if req.ParallelToolCalls != nil {
		switch {
		case req.GetParallelToolCalls():
			r.ledger.Dropped("parallel_tool_calls", "several calls are what comes without it")
		case r.family == familyOpenAI:
			r.forModel("parallel_tool_calls", []byte("false"))
		default:
			r.unsupported("parallel_tool_calls", "Converse cannot forbid several calls", []byte("false"))
		}
	}
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
		Rest:        r.leftover(path, f),
	}
	if len(f.GetParameters()) > 0 {
		spec.InputSchema.Json = f.GetParameters()
		r.ledger.Renamed(path+".parameters", to+".inputSchema.json")
	}
	r.addTool(&bedrockpb.Tool{ToolSpec: spec, Rest: rest})
}

// toolChoice translates which tool to call, in the old form too.
func (r *request) toolChoice(req *sluicev1.ChatCompletionRequest) {
	member, mode, name, set := "tool_choice", "", "", false
	var raw []byte
	switch c := req.GetToolChoice().GetChoice().(type) {
	case *sluicev1.ToolChoice_Mode:
		mode, set = c.Mode, true
	case *sluicev1.ToolChoice_Function:
		name, set = c.Function.GetFunction().GetName(), true
		rest := r.leftover(member, c.Function)
		r.chose(name, set, mode, member, rest)
		return
	case *sluicev1.ToolChoice_AllowedTools:
		mode, set = r.narrow(c.AllowedTools), true
	case *sluicev1.ToolChoice_Custom:
		raw = wirejson.Marshal(req.GetToolChoice())
	case *sluicev1.ToolChoice_Other:
		raw = c.Other
		for own := range wirejson.Names(raw) {
			if own == "auto" || own == "any" || own == "tool" {
				r.choose(&bedrockpb.ToolChoice{Rest: withoutType(raw)})
				return
			}
		}
	}
	if raw != nil {
		r.unsupported(member, "Converse can choose one tool, any or none in particular", raw)
		return
	}
	switch c := req.GetFunctionCall().(type) {
	case *sluicev1.ChatCompletionRequest_FunctionCallMode:
		member, mode, set = "function_call", c.FunctionCallMode, true
	case *sluicev1.ChatCompletionRequest_FunctionCallName:
		member, name, set = "function_call", c.FunctionCallName.GetName(), true
	}
	r.chose(name, set, mode, member, nil)
}

func (r *request) chose(name string, set bool, mode, member string, rest []byte) {
	const to = "toolConfig.toolChoice"
	switch {
	case !set:
	case name != "":
		r.ledger.Renamed(member, to+".tool")
		r.choose(&bedrockpb.ToolChoice{Tool: &bedrockpb.ToolName{Name: name, Rest: rest}})
	case mode == "none":
		r.forbidTools(member)
	case r.body.ToolConfig == nil:
		r.ledger.Dropped(member, "there are no tools")
	case mode == "auto":
		r.ledger.Coerced(member, to+".auto", "an object there")
		r.choose(&bedrockpb.ToolChoice{Auto: &bedrockpb.Nothing{}})
	case mode == "required":
		r.ledger.Coerced(member, to+".any", "an object there")
		r.choose(&bedrockpb.ToolChoice{Any: &bedrockpb.Nothing{}})
	default:
		r.unsupported(member, "Converse has no such choice", wirejson.AppendString(nil, mode))
	}
}

// narrow leaves the tools that are allowed, and returns the mode of the choice among them.
func (r *request) narrow(c *sluicev1.AllowedToolsChoice) (mode string) {
	allowed := map[string]bool{}
	for _, raw := range c.GetAllowedTools().GetTools() {
		function, _ := wirejson.Get(raw, "function")
		allowed[text(function, "name")] = true
	}
	if tools := r.body.GetToolConfig().GetTools(); len(tools) > 0 {
		r.body.ToolConfig.Tools = slices.DeleteFunc(tools, func(t *bedrockpb.Tool) bool {
			return t.GetToolSpec() != nil && !allowed[t.GetToolSpec().GetName()]
		})
	}
	r.ledger.Approximated("tool_choice.allowed_tools", "toolConfig.tools", "the other tools are left out, so that a cached prefix with them is not used")
	return c.GetAllowedTools().GetMode()
}

func (r *request) choose(c *bedrockpb.ToolChoice) {
	if r.body.ToolConfig == nil {
		r.body.ToolConfig = new(bedrockpb.ToolConfig)
	}
	r.body.ToolConfig.ToolChoice = c
}

// forbidTools is the choice "none": the tools are left out, unless the conversation has
// calls, which Converse takes together with their tools only.
func (r *request) forbidTools(member string) {
	for _, m := range r.body.GetMessages() {
		for _, b := range m.GetContent() {
			if b.GetToolUse() != nil || b.GetToolResult() != nil {
				r.unsupported(member, "Converse cannot forbid tools where the conversation has calls of them", []byte(`"none"`))
				return
			}
		}
	}
	r.ledger.Coerced(member, "toolConfig", "the tools are left out")
	r.ledger.Dropped("tools", "none is to be called")
	r.body.ToolConfig = nil
}

// toolUse translates an earlier call.
func (r *request) toolUse(path string, c *sluicev1.ToolCall) *bedrockpb.ContentBlock {
	const from, to = "messages[].tool_calls[]", "messages[].content[].toolUse"
	switch c := c.GetCall().(type) {
	case *sluicev1.ToolCall_Function:
		f := c.Function.GetFunction()
		r.ledger.Renamed(from+".id", to+".toolUseId")
		r.ledger.Renamed(from+".function.name", to+".name")
		return &bedrockpb.ContentBlock{ToolUse: &bedrockpb.ToolUse{
			ToolUseId: c.Function.GetId(), Name: f.GetName(), Input: r.input(f.GetArguments()),
			Rest: merge(r.leftover(from, c.Function), r.leftover(from+".function", f)),
		}}
	case *sluicev1.ToolCall_Custom:
		if r.ledger.Unsupported(path+".tool_calls", "calls there have JSON arguments") {
			return &bedrockpb.ContentBlock{Rest: wirejson.Marshal(c.Custom)}
		}
	case *sluicev1.ToolCall_Other:
		if r.ledger.Unsupported(path+".tool_calls", "Converse has no such call") {
			return &bedrockpb.ContentBlock{Rest: c.Other}
		}
	}
	return nil
}

// input is the arguments of an earlier call as the object that Converse wants. What a model
// once wrote need not be one.
func (r *request) input(arguments string) []byte {
	const from, to = "messages[].tool_calls[].function.arguments", "messages[].content[].toolUse.input"
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
func (r *request) toolResult(m *sluicev1.ToolMessage) *bedrockpb.ToolResult {
	const to = "messages[].content[].toolResult"
	r.ledger.Renamed("messages[].tool_call_id", to+".toolUseId")
	result := &bedrockpb.ToolResult{ToolUseId: m.GetToolCallId()}
	switch content := m.GetContent().(type) {
	case *sluicev1.ToolMessage_Text:
		r.ledger.Coerced("messages[].content", to+".content[].text", "a list of blocks there")
		result.Content = []*bedrockpb.ToolResultBlock{{Text: &content.Text}}
	case *sluicev1.ToolMessage_Parts:
		for _, part := range content.Parts.GetParts() {
			for _, b := range r.part(part) {
				if b.GetCachePoint() != nil {
					// A breakpoint inside a result has no place: it stands behind the result.
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
