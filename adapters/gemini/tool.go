package gemini

import (
	"encoding/json"
	"strconv"
	"strings"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// tools fills what the model may call, and whether it does.
func (r *request) tools(req *sluicev1.ChatCompletionRequest) {
	functions := &geminipb.Tool{}
	var own []*geminipb.Tool
	for i, tool := range req.GetTools() {
		path := translate.Item("tools", i)
		switch tool := tool.GetTool().(type) {
		case *sluicev1.Tool_Function:
			d := r.declaration(translate.Path(path, "function"), "tools[].function", tool.Function.GetFunction())
			r.handOn(path, tool.Function, d, tool.Function.GetRest())
			functions.FunctionDeclarations = append(functions.FunctionDeclarations, d)
		case *sluicev1.Tool_Custom:
			if r.ledger.Unsupported(path, "tools of free text do not exist there") {
				own = append(own, &geminipb.Tool{Rest: wirejson.Marshal(tool.Custom)})
			}
		case *sluicev1.Tool_Other:
			if isObject(tool.Other) && stringMember(tool.Other, "type") == "" {
				// A tool without a type is one of Google's own, as {"google_search": {}}.
				r.ledger.Passed(path)
				r.grounded = true
				own = append(own, &geminipb.Tool{Rest: tool.Other})
			} else if r.ledger.Unsupported(path, "there is no such kind of tool") {
				own = append(own, &geminipb.Tool{Rest: tool.Other})
			}
		}
	}
	for i, f := range req.GetFunctions() {
		r.legacy = true
		functions.FunctionDeclarations = append(functions.FunctionDeclarations, r.declaration(translate.Item("functions", i), "functions[]", f))
	}
	if len(functions.GetFunctionDeclarations()) > 0 {
		r.out.Tools = append(r.out.Tools, functions)
	}
	if req.GetWebSearchOptions() != nil {
		own = append(own, r.search(req.GetWebSearchOptions()))
	}
	r.out.Tools = append(r.out.Tools, own...)
	r.choice(req)
	if req.ParallelToolCalls != nil {
		switch {
		case req.GetParallelToolCalls():
			r.ledger.Dropped("parallel_tool_calls", "several calls in one answer are what happens without it")
		case r.ledger.Unsupported("parallel_tool_calls", "several calls in one answer cannot be switched off"):
			r.out.Rest = wirejson.Set(r.out.Rest, "parallel_tool_calls", []byte("false"))
		}
	}
}

func (r *request) declaration(path, generic string, f *sluicev1.FunctionDefinition) *geminipb.FunctionDeclaration {
	if f == nil {
		f = &sluicev1.FunctionDefinition{}
	}
	d := &geminipb.FunctionDeclaration{Name: f.GetName(), Description: f.Description, ParametersJsonSchema: f.GetParameters()}
	r.ledger.Renamed(generic, "tools[].functionDeclarations[]")
	if len(f.GetParameters()) > 0 {
		r.ledger.Renamed(generic+".parameters", "tools[].functionDeclarations[].parametersJsonSchema")
	}
	switch {
	case f.GetStrict():
		r.strict = true
		r.ledger.Approximated(generic+".strict", "toolConfig.functionCallingConfig.mode", "the mode holds all functions to their schemas")
	case f.Strict != nil:
		r.ledger.Dropped(generic+".strict", "false is what happens without it")
	}
	r.handOn(path, f, d, f.GetRest())
	return d
}

// search makes Google's search a tool of the call.
func (r *request) search(o *sluicev1.WebSearchOptions) *geminipb.Tool {
	r.grounded = true
	r.ledger.Approximated("web_search_options", "tools[].googleSearch", "Google's search stands in, and the model decides when to use it")
	out := &geminipb.Tool{GoogleSearch: []byte("{}")}
	if size := o.GetSearchContextSize(); size == "medium" {
		r.ledger.Dropped("web_search_options.search_context_size", "medium is what happens without it")
	} else if size != "" && r.ledger.Unsupported("web_search_options.search_context_size", "Google's search has no such measure") {
		out.Rest = wirejson.Set(out.Rest, "search_context_size", wirejson.AppendString(nil, size))
	}
	if o.GetUserLocation() != nil && r.ledger.Unsupported("web_search_options.user_location", "places are degrees there, in toolConfig.retrievalConfig.latLng") {
		out.Rest = wirejson.Set(out.Rest, "user_location", wirejson.Marshal(o.GetUserLocation()))
	}
	r.handOn("web_search_options", o, out, o.GetRest())
	return out
}

// choice says whether, and which, functions are called.
//
// Source: Gemini API, "Function calling", modes: AUTO, ANY with the names that are
// allowed, NONE, and VALIDATED, which is AUTO with calls that keep to their schema and
// takes names as well, 2026-11.
func (r *request) choice(req *sluicev1.ChatCompletionRequest) {
	mode, names := "", []string(nil)
	const to = "toolConfig.functionCallingConfig"
	byName := func(member, word string) {
		switch word {
		case "none":
			mode = "NONE"
		case "auto":
			mode = "AUTO"
		case "required":
			mode = "ANY"
		default:
			if r.ledger.Unsupported(member, "there is no such mode") {
				mode = word
			}
			return
		}
		r.ledger.Coerced(member, to+".mode", "the modes have other names")
	}
	switch c := req.GetToolChoice().GetChoice().(type) {
	case *sluicev1.ToolChoice_Mode:
		byName("tool_choice", c.Mode)
	case *sluicev1.ToolChoice_Function:
		mode, names = "ANY", []string{c.Function.GetFunction().GetName()}
		r.ledger.Coerced("tool_choice", to, "a function is called by allowing no other")
		r.dropRest("tool_choice", c.Function.GetRest())
		r.dropRest("tool_choice.function", c.Function.GetFunction().GetRest())
	case *sluicev1.ToolChoice_AllowedTools:
		mode, names = r.allowed(c.AllowedTools)
	case *sluicev1.ToolChoice_Custom:
		if r.ledger.Unsupported("tool_choice", "tools of free text do not exist there") {
			r.out.Rest = wirejson.Set(r.out.Rest, "tool_choice", wirejson.Marshal(c.Custom))
		}
	case *sluicev1.ToolChoice_Other:
		if r.ledger.Unsupported("tool_choice", "there is no such choice") {
			r.out.Rest = wirejson.Set(r.out.Rest, "tool_choice", c.Other)
		}
	}
	if req.GetFunctionCall() != nil && req.GetToolChoice() != nil {
		r.ledger.Dropped("function_call", "tool_choice says it")
		req = &sluicev1.ChatCompletionRequest{}
	}
	switch c := req.GetFunctionCall().(type) {
	case *sluicev1.ChatCompletionRequest_FunctionCallMode:
		byName("function_call", c.FunctionCallMode)
	case *sluicev1.ChatCompletionRequest_FunctionCallName:
		mode, names = "ANY", []string{c.FunctionCallName.GetName()}
		r.ledger.Coerced("function_call", to, "a function is called by allowing no other")
		r.dropRest("function_call", c.FunctionCallName.GetRest())
	}
	if r.strict {
		if mode == "" || mode == "AUTO" {
			mode = "VALIDATED"
		}
	}
	if mode == "" {
		return
	}
	if r.out.ToolConfig == nil {
		r.out.ToolConfig = &geminipb.ToolConfig{}
	}
	config := r.out.ToolConfig.GetFunctionCallingConfig()
	if config == nil {
		config = &geminipb.FunctionCallingConfig{}
		r.out.ToolConfig.FunctionCallingConfig = config
	}
	config.Mode = &mode
	if names != nil {
		config.AllowedFunctionNames = names
	}
}

func (r *request) dropRest(path string, rest []byte) {
	for name := range wirejson.Names(rest) {
		r.ledger.Dropped(translate.Path(path, name), "there is no place for it")
	}
}

func (r *request) allowed(c *sluicev1.AllowedToolsChoice) (mode string, names []string) {
	mode = "VALIDATED"
	if c.GetAllowedTools().GetMode() == "required" {
		mode = "ANY"
	}
	const member = "tool_choice.allowed_tools"
	r.ledger.Approximated(member, "toolConfig.functionCallingConfig", "names are allowed in the modes that hold calls to their schemas")
	for i, raw := range c.GetAllowedTools().GetTools() {
		at := translate.Item(member+".tools", i)
		function, others, _ := wirejson.Take(raw, "function")
		name := stringMember(function, "name")
		if name == "" {
			r.cannot(at, "only functions can be allowed by name")
			continue
		}
		names = append(names, name)
		_, others, _ = wirejson.Take(others, "type")
		r.dropRest(at, others)
		_, others, _ = wirejson.Take(function, "name")
		r.dropRest(at+".function", others)
	}
	r.dropRest("tool_choice", c.GetRest())
	r.dropRest(member, c.GetAllowedTools().GetRest())
	return mode, names
}

// nameID stands for the id of a call in the form that had none.
func nameID(name string) string { return "\x00" + name }

// toolCalls gives the calls of an earlier answer back.
func (r *request) toolCalls(path string, m *sluicev1.AssistantMessage, current bool) (out []*geminipb.Part) {
	signed := false
	for i, call := range m.GetToolCalls() {
		at := translate.Item(translate.Path(path, "tool_calls"), i)
		c := call.GetFunction()
		if c == nil {
			if r.ledger.Unsupported(at, "only functions can be called") {
				raw := wirejson.Marshal(call)
				out = append(out, &geminipb.Part{Rest: raw})
			}
			continue
		}
		part := r.functionCall(translate.Path(at, "function"), "messages[].tool_calls[].function", c.GetFunction())
		r.calls[c.GetId()] = madeCall{c.GetFunction().GetName(), i}
		if id := c.GetId(); strings.HasPrefix(id, madePrefix) || id == "" {
			r.ledger.Dropped("messages[].tool_calls[].id", "the model gave none: it knows its calls by name and order")
		} else {
			part.FunctionCall.Id = &id
			r.ledger.Renamed("messages[].tool_calls[].id", "contents[].parts[].functionCall.id")
		}
		extra, rest, ok := wirejson.Take(c.GetRest(), "extra_content")
		if ok {
			if s := r.google("messages[].tool_calls[].extra_content", extra).signature; s != "" {
				part.ThoughtSignature, signed = &s, true
				r.ledger.Renamed("messages[].tool_calls[].extra_content.google.thought_signature", "contents[].parts[].thoughtSignature")
			}
		}
		r.handOn(at, c, part.FunctionCall, rest)
		out = append(out, part)
	}
	if f := m.GetFunctionCall(); f != nil {
		out = append(out, r.functionCall(translate.Path(path, "function_call"), "messages[].function_call", f))
		r.calls[nameID(f.GetName())] = madeCall{f.GetName(), len(m.GetToolCalls())}
	}
	// The first of parallel calls has the signature of all.
	if len(out) > 0 && !signed && current && r.series >= signedSeries && out[0].GetFunctionCall() != nil {
		s := skipSignature
		out[0].ThoughtSignature = &s
		r.ledger.Approximated("messages[].tool_calls[].extra_content.google.thought_signature", "contents[].parts[].thoughtSignature",
			"the signature of the call is missing: the value that is documented for such calls stands in")
	}
	return out
}

func (r *request) functionCall(path, generic string, f *sluicev1.FunctionCall) *geminipb.Part {
	name := f.GetName()
	call := &geminipb.FunctionCall{Name: &name}
	r.ledger.Renamed(generic+".name", "contents[].parts[].functionCall.name")
	args := f.GetArguments()
	switch trimmed := strings.TrimSpace(args); {
	case trimmed == "":
		r.ledger.Coerced(generic+".arguments", "contents[].parts[].functionCall.args", "arguments are an object there")
		call.Args = []byte("{}")
	case trimmed[0] == '{' && json.Valid([]byte(trimmed)):
		r.ledger.Coerced(generic+".arguments", "contents[].parts[].functionCall.args", "arguments are an object there")
		call.Args = []byte(trimmed)
	case r.ledger.Unsupported(translate.Path(path, "arguments"), "arguments are a JSON object there, which this is not"):
		call.Args = wirejson.AppendString(nil, args)
	default:
		call.Args = []byte("{}")
	}
	r.handOn(path, f, call, f.GetRest())
	return &geminipb.Part{FunctionCall: call}
}

// result gives the result of a call, and the place of the call among its likes.
func (r *request) result(path string, m *sluicev1.ToolMessage) (place int, parts []*geminipb.Part) {
	r.ledger.Coerced("messages[].role", "contents[].parts[].functionResponse", "results of tools are parts of a turn of the user")
	made, known := r.calls[m.GetToolCallId()]
	if !known {
		if r.ledger.Unsupported(translate.Path(path, "tool_call_id"), "a result names its function, and no earlier call has this id") {
			made.name = m.GetToolCallId()
		}
	}
	response := &geminipb.FunctionResponse{Name: &made.name}
	if id := m.GetToolCallId(); strings.HasPrefix(id, madePrefix) || id == "" {
		r.ledger.Coerced("messages[].tool_call_id", "contents[].parts[].functionResponse.name", "the call had no id: its name and its order tell which it was")
	} else {
		response.Id = &id
		r.ledger.Renamed("messages[].tool_call_id", "contents[].parts[].functionResponse.id")
	}
	parts = []*geminipb.Part{{FunctionResponse: response}}
	r.ledger.Coerced("messages[].content", "contents[].parts[].functionResponse.response", "a result is an object there: what is none stands in its member output")
	if m.GetParts() == nil {
		response.Response = output(m.GetText())
		r.handOn(path, m, response, m.GetRest())
		return made.place, parts
	}
	var texts []string
	for i, p := range m.GetParts().GetParts() {
		at := translate.Item(translate.Path(path, "content"), i)
		if t := p.GetText(); t != nil {
			r.ledger.Coerced("messages[].content[].text", "contents[].parts[].functionResponse.response", "the texts of a result stand in its member output")
			r.dropRest(at, t.GetRest())
			r.breakpoint(t.GetPromptCacheBreakpoint())
			texts = append(texts, t.GetText())
			continue
		}
		media := r.part(at, p)
		switch {
		case media == nil:
		case r.series >= signedSeries:
			response.Parts = append(response.Parts, media)
		default:
			r.ledger.Approximated(at, "contents[].parts[]", "results hold media since Gemini 3: it stands beside the result")
			parts = append(parts, media)
		}
	}
	switch len(texts) {
	case 0:
		response.Response = []byte("{}")
	case 1:
		response.Response = output(texts[0])
	default:
		response.Response = append(wirejson.AppendStrings([]byte(`{"output":`), texts), '}')
	}
	r.handOn(path, m, response, m.GetRest())
	return made.place, parts
}

func (r *request) functionResult(path string, m *sluicev1.FunctionMessage) *geminipb.Part {
	name := m.GetName()
	r.ledger.Coerced("messages[].role", "contents[].parts[].functionResponse", "results of functions are parts of a turn of the user")
	r.ledger.Renamed("messages[].name", "contents[].parts[].functionResponse.name")
	r.ledger.Coerced("messages[].content", "contents[].parts[].functionResponse.response", "a result is an object there: what is none stands in its member output")
	response := &geminipb.FunctionResponse{Name: &name, Response: output(m.GetContent())}
	r.handOn(path, m, response, m.GetRest())
	return &geminipb.Part{FunctionResponse: response}
}

// output makes an object of the text of a result. A JSON object goes as it is, unless it
// has numbers that Google's Struct, which knows doubles alone, would not keep.
func output(text string) []byte {
	trimmed := []byte(strings.TrimSpace(text))
	if len(trimmed) > 0 && trimmed[0] == '{' && json.Valid(trimmed) && doublesKeep(trimmed) && wirejson.ValidObject(trimmed) == nil {
		return trimmed
	}
	return append(wirejson.AppendString([]byte(`{"output":`), text), '}')
}

// doublesKeep tells whether all numbers of a document have the digits that a double keeps.
func doublesKeep(document []byte) bool {
	const digitsOfDouble = 15
	decoder := json.NewDecoder(strings.NewReader(string(document)))
	decoder.UseNumber()
	for {
		token, err := decoder.Token()
		if err != nil {
			return true
		}
		n, ok := token.(json.Number)
		if !ok {
			continue
		}
		digits := 0
		for _, c := range string(n) {
			if c >= '0' && c <= '9' {
				digits++
			}
		}
		if f, err := strconv.ParseFloat(string(n), 64); digits > digitsOfDouble || err != nil && f != 0 {
			return false
		}
	}
}
