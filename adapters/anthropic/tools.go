package anthropic

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// ownTool are the types of the provider's own tools, as "web_search_20250305".
var ownTool = regexp.MustCompile(`^"(custom|mcp_toolset|[a-z0-9_]+_20\d{6})"$`)

func (t *translation) tools() {
	for i, tool := range t.req.GetTools() {
		switch kind := tool.GetTool().(type) {
		case *sluicev1.Tool_Function:
			t.ledger.Renamed("tools[].function.name", "tools[].name")
			t.function("tools[].function", kind.Function.GetFunction(), kind.Function.GetRest())
		case *sluicev1.Tool_Custom:
			if t.ledger.Unsupported(translate.Item("tools", i), "its tools take objects, not free text") {
				t.addOther(kind.Custom.AppendWireJSON(nil))
			}
		case *sluicev1.Tool_Other:
			path := translate.Item("tools", i)
			if name, ok, err := wirejson.Peek(kind.Other, "type"); err == nil && ok && ownTool.Match(name) {
				t.ledger.Passed(path)
				t.addOther(kind.Other)
			} else if t.ledger.Unsupported(path, "there is no such type of tool") {
				t.addOther(kind.Other)
			}
		}
	}
	for _, f := range t.req.GetFunctions() {
		t.ledger.Renamed("functions[].name", "tools[].name")
		t.function("functions[]", f, nil)
	}
}

func (t *translation) addOther(raw []byte) {
	t.body.Tools = append(t.body.Tools, &anthropicpb.Tool{Tool: &anthropicpb.Tool_Other{Other: raw}})
}

// emptySchema is that of a function without arguments: the dialect must have one.
var emptySchema = []byte(`{"type":"object","properties":{}}`)

func (t *translation) function(path string, f *sluicev1.FunctionDefinition, toolRest []byte) {
	out := &anthropicpb.CallerTool{
		Name: f.GetName(), InputSchema: f.GetParameters(),
		// The type may be left out, as the documentation does.
		Rest: wirejson.Omit(nil, "type"),
	}
	if f != nil {
		out.Description, out.Strict = f.Description, f.Strict
	}
	switch _, typed, err := wirejson.Peek(out.InputSchema, "type"); {
	case len(out.InputSchema) == 0:
		out.InputSchema = emptySchema
	case err == nil && !typed:
		t.ledger.Coerced(path+".parameters", "tools[].input_schema", "with the type object, which the dialect demands")
		opened := wirejson.OpenRest(out.InputSchema)
		out.InputSchema = append(opened.Append([]byte(`{"type":"object"`)), '}')
	default:
		t.ledger.Renamed(path+".parameters", "tools[].input_schema")
	}
	if f.GetStrict() {
		closed, changed := closeObjects(out.GetInputSchema())
		if out.InputSchema = closed; changed && len(f.GetParameters()) > 0 {
			t.ledger.Approximated(path+".parameters", "tools[].input_schema", whyClosed)
		}
	}
	if path != "functions[]" {
		if f != nil && f.Description != nil {
			t.ledger.Renamed(path+".description", "tools[].description")
		}
		if f != nil && f.Strict != nil {
			t.ledger.Renamed(path+".strict", "tools[].strict")
		}
		t.ledger.Dropped("tools[].type", "the type of a caller's own tool may be left out")
	}
	toolRest = members(toolRest)
	out.CacheControl, toolRest = t.cacheControl("tools[]", nil, toolRest)
	inner := members(f.GetRest())
	if out.CacheControl == nil {
		out.CacheControl, inner = t.cacheControl(path, nil, inner)
	}
	t.nestedLeftover("tools[]", toolRest, &out.Rest)
	t.nestedLeftover(path, inner, &out.Rest)
	if t.twice == nil && t.handedOn {
		// Without its type, a tool is any object to [translation.check].
		t.twice = wirejson.Unmarshal(wirejson.Marshal(out), new(anthropicpb.CallerTool), lenient)
	}
	t.body.Tools = append(t.body.Tools, &anthropicpb.Tool{Tool: &anthropicpb.Tool_Caller{Caller: out}})
}

func (t *translation) toolChoice() {
	if len(t.body.GetTools()) == 0 {
		t.noToolsToChoose()
		return
	}
	switch c := t.req.GetToolChoice().GetChoice().(type) {
	case *sluicev1.ToolChoice_Mode:
		t.chooseMode("tool_choice", c.Mode)
	case *sluicev1.ToolChoice_Function:
		t.chooseNamed("tool_choice.function.name", c.Function.GetFunction().GetName())
		t.ledger.Coerced("tool_choice.type", "tool_choice.type", "")
		t.nestedLeftover("tool_choice", c.Function.GetRest(), &t.body.ToolChoice.Rest)
		t.nestedLeftover("tool_choice.function", c.Function.GetFunction().GetRest(), &t.body.ToolChoice.Rest)
	case *sluicev1.ToolChoice_AllowedTools:
		t.chooseAmong(c.AllowedTools.GetAllowedTools())
		t.nestedLeftover("tool_choice", c.AllowedTools.GetRest(), nil)
	case *sluicev1.ToolChoice_Custom:
		t.unsupported("tool_choice", "its tools take objects, not free text", c.Custom.AppendWireJSON(nil))
	case *sluicev1.ToolChoice_Other:
		own := new(anthropicpb.ToolChoice)
		if wirejson.Unmarshal(c.Other, own, wirejson.Options{}) == nil && slices.Contains([]string{"auto", "any", "tool", "none"}, own.GetType()) {
			t.body.ToolChoice = own
			t.ledger.Passed("tool_choice")
		} else {
			t.unsupported("tool_choice", "there is no such choice", c.Other)
		}
	}
	if t.req.GetFunctionCall() != nil && t.req.GetToolChoice() != nil {
		t.ledger.Dropped("function_call", "tool_choice says it")
		t.parallel()
		return
	}
	switch c := t.req.GetFunctionCall().(type) {
	case *sluicev1.ChatCompletionRequest_FunctionCallMode:
		t.chooseMode("function_call", c.FunctionCallMode)
	case *sluicev1.ChatCompletionRequest_FunctionCallName:
		t.chooseNamed("function_call.name", c.FunctionCallName.GetName())
		t.nestedLeftover("function_call", c.FunctionCallName.GetRest(), &t.body.ToolChoice.Rest)
	}
	t.parallel()
}

func (t *translation) noToolsToChoose() {
	for name, there := range map[string]bool{
		"tool_choice": t.req.GetToolChoice() != nil, "function_call": t.req.GetFunctionCall() != nil, "parallel_tool_calls": t.req.ParallelToolCalls != nil,
	} {
		if there {
			t.ledger.Dropped(name, "there are no tools")
		}
	}
}

func (t *translation) chooseMode(member, mode string) {
	types := map[string]string{"auto": "auto", "none": "none", "required": "any"}
	kind, ok := types[mode]
	if !ok {
		t.unsupported(member, "there is no such choice", wirejson.AppendString(nil, mode))
		return
	}
	t.body.ToolChoice = &anthropicpb.ToolChoice{Type: kind}
	t.ledger.Coerced(member, "tool_choice.type", "")
}

func (t *translation) chooseNamed(member, name string) {
	t.body.ToolChoice = &anthropicpb.ToolChoice{Type: "tool", Name: &name}
	t.ledger.Renamed(member, "tool_choice.name")
}

// chooseAmong sends the allowed tools only, which means the same but is another prompt to
// the cache.
func (t *translation) chooseAmong(allowed *sluicev1.AllowedTools) {
	const member = "tool_choice.allowed_tools"
	var names []string
	for i, raw := range allowed.GetTools() {
		var tool struct {
			Type     string `json:"type"`
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
		}
		if json.Unmarshal(raw, &tool) != nil || tool.Type != "function" {
			t.cannot(translate.Item(member+".tools", i), "there is no such type of tool")
			continue
		}
		names = append(names, tool.Function.Name)
		at := translate.Item(member+".tools", i)
		function, others, _ := wirejson.Take(raw, "function")
		_, others, _ = wirejson.Take(others, "type")
		_, more, _ := wirejson.Take(function, "name")
		t.nestedLeftover(at, others, nil)
		t.nestedLeftover(at+".function", more, nil)
	}
	for i, tool := range t.req.GetTools() {
		if f := tool.GetFunction().GetFunction(); tool.GetFunction() != nil && !slices.Contains(names, f.GetName()) {
			t.ledger.Dropped(translate.Item("tools", i), "tool_choice does not allow it")
		}
	}
	t.body.Tools = slices.DeleteFunc(t.body.Tools, func(tool *anthropicpb.Tool) bool {
		return tool.GetCaller() != nil && !slices.Contains(names, tool.GetCaller().GetName())
	})
	t.ledger.Approximated(member, "tools", "only the tools that are allowed are sent, so that caches of the prompt miss")
	if len(t.body.GetTools()) > 0 {
		t.chooseMode(member+".mode", allowed.GetMode())
	}
	t.nestedLeftover(member, allowed.GetRest(), nil)
}

func (t *translation) parallel() {
	const member = "parallel_tool_calls"
	one := t.functions // the old form of an answer holds one call
	switch {
	case t.req.ParallelToolCalls == nil:
	case t.req.GetParallelToolCalls():
		t.ledger.Dropped(member, "true is the default")
	case t.body.GetToolChoice().GetType() == "none":
		t.ledger.Dropped(member, "no tool is called")
	default:
		t.ledger.Coerced(member, "tool_choice.disable_parallel_tool_use", "the opposite")
		one = true
	}
	_, passed := wirejson.Get(t.body.GetRest(), "tool_choice")
	if !one || passed || t.body.GetToolChoice().GetType() == "none" || len(t.body.GetTools()) == 0 {
		return
	}
	if t.body.ToolChoice == nil {
		t.body.ToolChoice = &anthropicpb.ToolChoice{Type: "auto"}
	}
	t.body.ToolChoice.DisableParallelToolUse = &one
}

// webSearch lets the provider search.
func (t *translation) webSearch() {
	o := t.req.GetWebSearchOptions()
	if o == nil {
		return
	}
	const member = "web_search_options"
	tool := &anthropicpb.WebSearchTool{Name: "web_search"}
	t.ledger.Coerced(member, "tools[]", "the provider's tool web_search_20250305")
	switch size := o.GetSearchContextSize(); {
	case o.SearchContextSize == nil:
	case size == "medium":
		t.ledger.Dropped(member+".search_context_size", "medium is the default")
	case t.ledger.Unsupported(member+".search_context_size", "how much a search brings is the provider's choice"):
		tool.Rest = wirejson.Set(tool.Rest, "search_context_size", wirejson.AppendString(nil, size))
	}
	if place := o.GetUserLocation().GetApproximate(); o.GetUserLocation() != nil {
		tool.UserLocation = &anthropicpb.UserLocation{}
		if place != nil {
			tool.UserLocation.City, tool.UserLocation.Country = place.City, place.Country
			tool.UserLocation.Region, tool.UserLocation.Timezone = place.Region, place.Timezone
		}
		t.ledger.Renamed(member+".user_location.approximate", "tools[].user_location")
		t.nestedLeftover(member+".user_location.approximate", place.GetRest(), &tool.UserLocation.Rest)
		t.nestedLeftover(member+".user_location", o.GetUserLocation().GetRest(), &tool.UserLocation.Rest)
	}
	t.nestedLeftover(member, o.GetRest(), &tool.Rest)
	t.body.Tools = append(t.body.Tools, &anthropicpb.Tool{Tool: &anthropicpb.Tool_WebSearch{WebSearch: tool}})
}

// fitID makes an id of a tool call one that the dialect takes: of letters, digits, _ and -.
// Those of other providers have more.
func fitID(id string) string {
	return strings.Map(func(r rune) rune {
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z', '0' <= r && r <= '9', r == '_', r == '-':
			return r
		}
		return '_'
	}, id)
}
