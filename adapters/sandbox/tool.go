package sandbox

import (
	"encoding/json"
	"slices"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// tool is something that a request lets the model call.
type tool struct {
	name, description string
	// parameters is the JSON Schema of a function's arguments. Empty: none.
	parameters []byte
	// grammar is the form of a custom tool's input. Nil: free text.
	grammar        *sluicev1.Grammar
	custom, legacy bool
}

// toolsOf are the tools of a request, or its functions when it has no tools. Tools
// of kinds that nobody knows are never called.
func toolsOf(req *sluicev1.ChatCompletionRequest) []tool {
	var out []tool
	for _, t := range req.GetTools() {
		if f := t.GetFunction().GetFunction(); f != nil {
			out = append(out, tool{name: f.GetName(), description: f.GetDescription(), parameters: f.GetParameters()})
		}
		if c := t.GetCustom().GetCustom(); c != nil {
			out = append(out, tool{
				name: c.GetName(), description: c.GetDescription(), custom: true,
				grammar: c.GetFormat().GetGrammar().GetGrammar(),
			})
		}
	}
	if len(req.GetTools()) > 0 {
		return out
	}
	for _, f := range req.GetFunctions() {
		out = append(out, tool{name: f.GetName(), description: f.GetDescription(), parameters: f.GetParameters(), legacy: true})
	}
	return out
}

// choose returns the tools that the answer calls; none for an answer in text.
func (t *turn) choose() []tool {
	mode, tools := t.offered()
	if len(tools) == 0 || mode == "none" {
		return nil
	}
	var chosen []tool
	if t.conversation.fromUser {
		chosen = mentioned(tools, t.conversation.last)
	}
	if mode == "required" && len(chosen) == 0 {
		chosen = tools[:1]
	}
	one := t.req.ParallelToolCalls != nil && !t.req.GetParallelToolCalls()
	if len(chosen) > 1 && (one || chosen[0].legacy) {
		chosen = chosen[:1]
	}
	return chosen
}

// offered narrows the tools to those that tool_choice allows, and tells whether one
// of them may, must or must not be called.
func (t *turn) offered() (mode string, tools []tool) {
	if choice := t.req.GetToolChoice(); choice.GetChoice() != nil {
		switch c := choice.GetChoice().(type) {
		case *sluicev1.ToolChoice_Mode:
			return c.Mode, t.tools
		case *sluicev1.ToolChoice_Function:
			return "required", t.named(c.Function.GetFunction().GetName(), false)
		case *sluicev1.ToolChoice_Custom:
			return "required", t.named(c.Custom.GetCustom().GetName(), true)
		case *sluicev1.ToolChoice_AllowedTools:
			allowed := c.AllowedTools.GetAllowedTools()
			return allowed.GetMode(), t.allowed(allowed.GetTools())
		}
	}
	switch f := t.req.GetFunctionCall().(type) {
	case *sluicev1.ChatCompletionRequest_FunctionCallMode:
		return f.FunctionCallMode, t.tools
	case *sluicev1.ChatCompletionRequest_FunctionCallName:
		return "required", t.named(f.FunctionCallName.GetName(), false)
	}
	return "auto", t.tools
}

func (t *turn) named(name string, custom bool) []tool {
	for _, is := range t.tools {
		if is.name == name && is.custom == custom {
			return []tool{is}
		}
	}
	return nil
}

// allowed are the tools that a list of allowed_tools names, in the request's order.
func (t *turn) allowed(list [][]byte) []tool {
	var names []string
	for _, raw := range list {
		var entry struct {
			Name     string `json:"name"`
			Function struct {
				Name string `json:"name"`
			} `json:"function"`
			Custom struct {
				Name string `json:"name"`
			} `json:"custom"`
		}
		if json.Unmarshal(raw, &entry) == nil {
			names = append(names, entry.Name, entry.Function.Name, entry.Custom.Name)
		}
	}
	return slices.DeleteFunc(slices.Clone(t.tools), func(is tool) bool { return !slices.Contains(names, is.name) })
}

// mentioned are the tools whose name has a word of the text, or else whose
// description has. Words that say nothing (the, get, current, ...) do not count.
func mentioned(tools []tool, text string) []tool {
	said := map[string]bool{}
	for _, w := range telling(text) {
		said[w] = true
	}
	pick := func(words func(tool) string) []tool {
		return slices.DeleteFunc(slices.Clone(tools), func(is tool) bool {
			return !slices.ContainsFunc(telling(words(is)), func(w string) bool { return said[w] })
		})
	}
	if byName := pick(func(is tool) string { return is.name }); len(byName) > 0 {
		return byName
	}
	return pick(func(is tool) string { return is.description })
}

// call makes the choice call the chosen tools.
func (t *turn) call(c *choice) {
	c.finish = finishTools
	for i, is := range t.called {
		made := toolCall{
			id:   t.digest.id("call_", c.index*maxTools+i, 24),
			name: is.name, custom: is.custom, legacy: is.legacy,
		}
		if is.custom {
			made.input = t.customInput(is)
		} else {
			made.input = generateJSON(is.parameters, t.hints(), t.conversation.last)
		}
		if t.model.spoil {
			made.input = spoiled(made.input)
		}
		if is.legacy {
			c.finish = finishFunction
		}
		c.calls = append(c.calls, made)
	}
}

const maxInputRunes = 2000

// customInput is what a custom tool is called with: text of its regular expression
// when it has one that can be followed, else what the user quoted, else all that
// the user said. Lark grammars are not followed.
func (t *turn) customInput(is tool) string {
	said := t.conversation.last
	if len(t.hints().quoted) > 0 {
		said = t.hints().quoted[0]
	}
	if is.grammar.GetSyntax() == "regex" {
		if text, ok := matching("^(?:"+is.grammar.GetDefinition()+")$", t.hints(), 0, maxInputRunes, &effort{left: maxSchemaSteps}); ok {
			return text
		}
	}
	return clipRunes(strings.TrimSpace(said), maxInputRunes)
}
