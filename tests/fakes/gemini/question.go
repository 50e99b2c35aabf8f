package gemini

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/genai"

	"github.com/sluice-ai/sluice/tests/fakes"
)

// asked is a request.
type asked struct{ Request }

// Read reads a request into the SDK's types; strict, it refuses what they do not know. The
// API takes both alphabets of base64, the SDK's types one.
func Read(body []byte, strict bool) (*Request, error) {
	var document any
	plain := json.NewDecoder(bytes.NewReader(body))
	plain.UseNumber()
	if err := plain.Decode(&document); err != nil {
		return nil, err
	}
	r := new(Request)
	d := json.NewDecoder(bytes.NewReader(encode(oneAlphabet(document))))
	if strict {
		d.DisallowUnknownFields()
	}
	return r, d.Decode(r)
}

var alphabet = strings.NewReplacer("-", "+", "_", "/")

func oneAlphabet(v any) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = oneAlphabet(v[i])
		}
	case map[string]any:
		for name, value := range v {
			if text, ok := value.(string); ok && name == "thoughtSignature" {
				v[name] = alphabet.Replace(text)
			} else {
				v[name] = oneAlphabet(value)
			}
		}
	}
	return v
}

func decode(body []byte) (*asked, *failure) {
	r, err := Read(body, true)
	if err != nil {
		text := err.Error()
		if name, ok := strings.CutPrefix(text, "json: unknown field "); ok {
			text = fmt.Sprintf("Unknown name %s: Cannot find field.", name)
		}
		return nil, invalid("Invalid JSON payload received. " + text)
	}
	if r.GenerationConfig == nil {
		r.GenerationConfig = &genai.GenerationConfig{}
	}
	return &asked{*r}, nil
}

// skipped is the signature of calls that another model made.
//
// Source: ai.google.dev/gemini-api/docs/thought-signatures, "FAQ".
var skipped = alphabet.Replace("skip_thought_signature_validator")

// check refuses what the API refuses, in its words.
//
// Source: the API reference, "Thought signatures", and the messages as users of the API
// quote them.
func (a *asked) check(model string) *failure {
	for _, rule := range []func(string) string{a.turns, a.calls, a.config} {
		if message := rule(model); message != "" {
			return invalid(message)
		}
	}
	return nil
}

func (a *asked) turns(string) string {
	if len(a.Contents) == 0 {
		return "* GenerateContentRequest.contents: contents is not specified\n"
	}
	for i, c := range a.Contents {
		if c.Role != "user" && c.Role != "model" && (c.Role != "" || len(a.Contents) > 1) {
			return "Please use a valid role: user, model."
		}
		if len(c.Parts) == 0 {
			return fmt.Sprintf("* GenerateContentRequest.contents[%d].parts: contents.parts must not be empty.\n", i)
		}
		for j, p := range c.Parts {
			if p.Text == "" && p.InlineData == nil && p.FileData == nil && p.FunctionCall == nil && p.FunctionResponse == nil &&
				p.ExecutableCode == nil && p.CodeExecutionResult == nil && len(p.ThoughtSignature) == 0 && p.ToolCall == nil && p.ToolResponse == nil {
				return fmt.Sprintf("* GenerateContentRequest.contents[%d].parts[%d].data: required oneof field 'data' must have one initialized field\n", i, j)
			}
		}
	}
	return ""
}

// calls checks that each call is answered, and that those since the user's last words bring
// their signatures where the model wants them.
func (a *asked) calls(model string) string {
	begin := 0 // of the turn under way
	for i, c := range a.Contents {
		if c.Role == "user" && slices.ContainsFunc(c.Parts, func(p *genai.Part) bool { return p.FunctionResponse == nil }) {
			begin = i
		}
	}
	for i, c := range a.Contents {
		called, answered := count(c)
		if called > 0 {
			if i == 0 || c.Role != "model" {
				return "Please ensure that function call turn comes immediately after a user turn or after a function response turn."
			}
			if i+1 == len(a.Contents) {
				return "Please ensure that function response turn comes immediately after a function call turn."
			}
			if _, n := count(a.Contents[i+1]); n != called {
				return "Please ensure that the number of function response parts is equal to the number of function call parts of the function call turn."
			}
		}
		if answered > 0 {
			if i > 0 {
				if before, _ := count(a.Contents[i-1]); before == 0 {
					return "Please ensure that function response turn comes immediately after a function call turn."
				}
			}
		}
		if called > 0 && i > begin && strings.HasPrefix(model, "gemini-3") {
			for _, p := range c.Parts {
				if p.FunctionCall == nil {
					continue
				}
				if len(p.ThoughtSignature) == 0 {
					return fmt.Sprintf("Function call is missing a thought_signature in functionCall parts. This is required for tools to work correctly, "+
						"and missing thought_signature may lead to degraded model performance. Additional data, function call `default_api:%s` , position %d. "+
						"Please refer to https://ai.google.dev/gemini-api/docs/thought-signatures for more details.", p.FunctionCall.Name, i+1)
				}
				if given := base64.StdEncoding.EncodeToString(p.ThoughtSignature); given != fakes.Signature && given != skipped {
					return "Thought signature is not valid"
				}
				break // the first of parallel calls alone has one
			}
		}
	}
	return ""
}

func count(c *genai.Content) (called, answered int) {
	for _, p := range c.Parts {
		if p.FunctionCall != nil {
			called++
		}
		if p.FunctionResponse != nil {
			answered++
		}
	}
	return called, answered
}

func (a *asked) config(model string) string {
	c := a.GenerationConfig
	if len(c.StopSequences) > 5 {
		return "* GenerateContentRequest.generation_config.stop_sequences: the number of stop sequences must be at most 5\n"
	}
	if c.Temperature != nil && (*c.Temperature < 0 || *c.Temperature > 2) {
		return "* GenerateContentRequest.generation_config.temperature: temperature must be in the range [0.0, 2.0].\n"
	}
	if t := c.ThinkingConfig; t != nil {
		if t.ThinkingBudget != nil && t.ThinkingLevel != "" {
			return "You can only set only one of thinking budget and thinking level."
		}
		if t.ThinkingLevel != "" && !strings.HasPrefix(model, "gemini-3") {
			return "Thinking level is not supported for this model."
		}
		if t.ThinkingLevel != "" && !slices.Contains([]genai.ThinkingLevel{"MINIMAL", "LOW", "MEDIUM", "HIGH"}, t.ThinkingLevel) {
			return "Invalid value at 'generation_config.thinking_config.thinking_level'"
		}
	}
	if (c.ResponseJsonSchema != nil || c.ResponseSchema != nil) && c.ResponseMIMEType != "application/json" {
		return "Response schema requires response_mime_type application/json"
	}
	if c.ResponseJsonSchema != nil && c.ResponseSchema != nil {
		return "only one of response_schema and response_json_schema may be set"
	}
	return ""
}

func (a *asked) question() fakes.Question {
	c := a.GenerationConfig
	q := fakes.Question{
		Stops: c.StopSequences, MaxTokens: int64(c.MaxOutputTokens), Settings: map[string]string{},
		Thinks: c.ThinkingConfig != nil && c.ThinkingConfig.IncludeThoughts,
		JSON:   c.ResponseMIMEType == "application/json",
	}
	if a.SystemInstruction != nil {
		for _, p := range a.SystemInstruction.Parts {
			q.System = append(q.System, p.Text)
		}
	}
	for _, content := range a.Contents {
		q.Turns++
		q.Results = nil
		if content.Role == "model" {
			continue
		}
		text, media, results := said(content)
		if len(results) > 0 {
			q.Results = results
			continue
		}
		q.Text, q.Media = text, media
	}
	a.tools(&q)
	switch {
	case c.ResponseJsonSchema != nil:
		q.Schema = encode(c.ResponseJsonSchema)
	case c.ResponseSchema != nil:
		q.Schema = encode(c.ResponseSchema)
	}
	for name, value := range map[string]*float32{
		"temperature": c.Temperature, "top_p": c.TopP, "frequency_penalty": c.FrequencyPenalty, "presence_penalty": c.PresencePenalty,
	} {
		if value != nil {
			q.Settings[name] = strconv.FormatFloat(float64(*value), 'g', -1, 32)
		}
	}
	if c.Seed != nil {
		q.Settings["seed"] = strconv.Itoa(int(*c.Seed))
	}
	return q
}

func (a *asked) tools(q *fakes.Question) {
	mode := genai.FunctionCallingConfigModeAuto
	if a.ToolConfig != nil && a.ToolConfig.FunctionCallingConfig != nil {
		mode = a.ToolConfig.FunctionCallingConfig.Mode
		if names := a.ToolConfig.FunctionCallingConfig.AllowedFunctionNames; len(names) > 0 {
			q.Chosen = names[0]
		}
	}
	if mode == genai.FunctionCallingConfigModeNone {
		return
	}
	for _, t := range a.Tools {
		for _, f := range t.FunctionDeclarations {
			tool := fakes.Tool{Name: f.Name}
			if f.ParametersJsonSchema != nil {
				tool.Schema = encode(f.ParametersJsonSchema)
			} else if f.Parameters != nil {
				tool.Schema = encode(f.Parameters)
			}
			q.Tools = append(q.Tools, tool)
		}
	}
}

func said(c *genai.Content) (text string, media []fakes.Medium, results []string) {
	var texts []string
	for _, p := range c.Parts {
		switch {
		case p.FunctionResponse != nil:
			results = append(results, result(p.FunctionResponse))
		case p.InlineData != nil:
			kind, _, _ := strings.Cut(p.InlineData.MIMEType, "/")
			media = append(media, fakes.Medium{Kind: kinds[kind], Type: p.InlineData.MIMEType, Size: len(p.InlineData.Data)})
		case p.FileData != nil:
			media = append(media, fakes.Medium{Kind: "image", URL: p.FileData.FileURI})
		case p.Text != "":
			texts = append(texts, p.Text)
		}
	}
	return strings.Join(texts, " "), media, results
}

var kinds = map[string]string{"image": "image", "application": "document", "audio": "sound"}

// result is the text of a result, which stands under "output" or "result" by the SDK's own
// words: "use output to specify function output, else the whole is treated as the output".
func result(r *genai.FunctionResponse) string {
	for _, name := range []string{"output", "result"} {
		if text, ok := r.Response[name].(string); ok {
			return text
		}
	}
	return string(encode(r.Response))
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // what was JSON before
	}
	return b
}
