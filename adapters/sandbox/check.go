package sandbox

import (
	"fmt"
	"regexp"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// The ranges of OpenAI's API reference, "Create chat completion".
const (
	maxChoices     = 128
	maxStops       = 4
	maxTopLogprobs = 20
	maxTools       = 128
)

// toolName is what tools, functions and schemas may be called.
var toolName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// check refuses what OpenAI refuses and the sandbox cannot give a meaning. Unknown
// members, roles and kinds of parts are let through.
func (s *sandbox) check(req *sluicev1.ChatCompletionRequest) error {
	for _, check := range []func(*sluicev1.ChatCompletionRequest) error{
		s.checkMessages, s.checkNumbers, s.checkTools, s.checkToolChoice, s.checkFormat, s.checkAudio,
	} {
		if err := check(req); err != nil {
			return err
		}
	}
	return nil
}

// checkMessages holds tool messages to the calls that they answer.
func (s *sandbox) checkMessages(req *sluicev1.ChatCompletionRequest) error {
	messages := req.GetMessages()
	if len(messages) == 0 {
		return s.invalid("messages", "empty_array", "messages is empty: at least one is needed")
	}
	open := map[string]bool{}
	at := 0
	for i, m := range messages {
		if t := m.GetTool(); t != nil {
			answered, known := open[t.GetToolCallId()]
			if !known {
				return s.invalid(fmt.Sprintf("messages[%d].tool_call_id", i), "",
					"messages[%d] answers no tool call of the assistant message before it", i)
			}
			if !answered {
				open[t.GetToolCallId()] = true
			}
			continue
		}
		if err := s.answeredAll(open, at); err != nil {
			return err
		}
		clear(open)
		at = i
		for _, call := range m.GetAssistant().GetToolCalls() {
			id, _, _ := callParts(call)
			open[id] = false
		}
	}
	return s.answeredAll(open, at)
}

func (s *sandbox) answeredAll(calls map[string]bool, at int) error {
	for _, answered := range calls {
		if !answered {
			return s.invalid("messages", "",
				"messages[%d] has tool_calls, and not every one is answered by a tool message after it", at)
		}
	}
	return nil
}

// checkNumbers holds numbers to their documented ranges.
func (s *sandbox) checkNumbers(req *sluicev1.ChatCompletionRequest) error {
	integers := []struct {
		param       string
		value       *int64
		least, most int64
	}{
		{"n", req.N, 1, maxChoices},
		{"max_tokens", req.MaxTokens, 1, 1<<63 - 1},
		{"max_completion_tokens", req.MaxCompletionTokens, 1, 1<<63 - 1},
		{"top_logprobs", req.TopLogprobs, 0, maxTopLogprobs},
	}
	for _, is := range integers {
		switch {
		case is.value == nil:
		case *is.value < is.least:
			return s.invalid(is.param, "integer_below_min_value", "%s is %d: at least %d is needed", is.param, *is.value, is.least)
		case *is.value > is.most:
			return s.invalid(is.param, "integer_above_max_value", "%s is %d: at most %d is allowed", is.param, *is.value, is.most)
		}
	}
	decimals := []struct {
		param       string
		value       *float64
		least, most float64
	}{
		{"temperature", req.Temperature, 0, 2},
		{"top_p", req.TopP, 0, 1},
		{"frequency_penalty", req.FrequencyPenalty, -2, 2},
		{"presence_penalty", req.PresencePenalty, -2, 2},
	}
	for _, is := range decimals {
		switch {
		case is.value == nil:
		case !(*is.value >= is.least): // NaN, too
			return s.invalid(is.param, "decimal_below_min_value", "%s is %v: at least %v is needed", is.param, *is.value, is.least)
		case *is.value > is.most:
			return s.invalid(is.param, "decimal_above_max_value", "%s is %v: at most %v is allowed", is.param, *is.value, is.most)
		}
	}
	if req.TopLogprobs != nil && !req.GetLogprobs() {
		return s.invalid("top_logprobs", "invalid_value", "top_logprobs needs logprobs to be true")
	}
	if n := len(req.GetStopTexts().GetValues()); n > maxStops {
		return s.invalid("stop", "array_above_max_length", "stop has %d texts: at most %d are allowed", n, maxStops)
	}
	return nil
}

func (s *sandbox) checkTools(req *sluicev1.ChatCompletionRequest) error {
	if n := len(req.GetTools()); n > maxTools {
		return s.invalid("tools", "array_above_max_length", "tools has %d tools: at most %d are allowed", n, maxTools)
	}
	for i, t := range req.GetTools() {
		param := fmt.Sprintf("tools[%d]", i)
		if f := t.GetFunction(); f != nil {
			if err := s.checkFunction(f.GetFunction(), param+".function"); err != nil {
				return err
			}
		}
		if c := t.GetCustom(); c != nil && !toolName.MatchString(c.GetCustom().GetName()) {
			return s.badName(param + ".custom.name")
		}
	}
	for i, f := range req.GetFunctions() {
		if err := s.checkFunction(f, fmt.Sprintf("functions[%d]", i)); err != nil {
			return err
		}
	}
	return nil
}

func (s *sandbox) checkFunction(f *sluicev1.FunctionDefinition, param string) error {
	if !toolName.MatchString(f.GetName()) {
		return s.badName(param + ".name")
	}
	if len(f.GetParameters()) == 0 {
		return nil
	}
	schema, err := parseJSON(f.GetParameters())
	if err != nil || schema.kind != kindObject || !schema.allowsType("object") {
		return s.invalid(param+".parameters", "invalid_function_parameters",
			"the parameters of function %q are no JSON Schema of type object", f.GetName())
	}
	return nil
}

func (s *sandbox) badName(param string) error {
	return s.invalid(param, "invalid_value", "%s must have 1 to 64 letters, digits, underscores or hyphens", param)
}

// checkToolChoice holds the choice to the tools that there are.
func (s *sandbox) checkToolChoice(req *sluicev1.ChatCompletionRequest) error {
	choice := req.GetToolChoice()
	if choice.GetChoice() == nil {
		return nil
	}
	tools := toolsOf(req)
	if len(tools) == 0 {
		if choice.GetMode() == "none" || choice.GetMode() == "auto" {
			return nil
		}
		return s.invalid("tool_choice", "", "tool_choice needs tools")
	}
	switch c := choice.GetChoice().(type) {
	case *sluicev1.ToolChoice_Mode:
		if c.Mode != "none" && c.Mode != "auto" && c.Mode != "required" {
			return s.invalid("tool_choice", "invalid_value", "tool_choice is none, auto, required or an object")
		}
	case *sluicev1.ToolChoice_Function:
		return s.checkNamed(tools, c.Function.GetFunction().GetName(), false)
	case *sluicev1.ToolChoice_Custom:
		return s.checkNamed(tools, c.Custom.GetCustom().GetName(), true)
	}
	return nil
}

func (s *sandbox) checkNamed(tools []tool, name string, custom bool) error {
	for _, t := range tools {
		if t.name == name && t.custom == custom {
			return nil
		}
	}
	return s.invalid("tool_choice", "", "tool_choice names %q, and no tool is called so", clipRunes(name, 64))
}

func (s *sandbox) checkFormat(req *sluicev1.ChatCompletionRequest) error {
	format := req.GetResponseFormat().GetJsonSchema()
	if format == nil {
		return nil
	}
	if !toolName.MatchString(format.GetJsonSchema().GetName()) {
		return s.badName("response_format.json_schema.name")
	}
	raw := format.GetJsonSchema().GetSchema()
	if len(raw) == 0 {
		return nil
	}
	if schema, err := parseJSON(raw); err != nil || schema.kind != kindObject {
		return s.invalid("response_format.json_schema.schema", "invalid_value", "the schema of response_format is no JSON Schema")
	}
	return nil
}
