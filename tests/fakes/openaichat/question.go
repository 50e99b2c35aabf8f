package openaichat

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/packages/param"

	"github.com/sluice-ai/sluice/tests/fakes"
)

// asked is a request.
type asked struct {
	params openai.ChatCompletionNewParams
	stream bool
	// seed is by whatever name.
	seed json.RawMessage
	// chosen is the function of tool_choice, when it names one.
	chosen string
}

// decode reads a request by the SDK's types, and refuses what they do not know.
func (q Quirks) decode(body []byte) (*asked, *failure) {
	var top map[string]json.RawMessage
	if err := json.Unmarshal(body, &top); err != nil {
		return nil, invalid("", "", "We could not parse the JSON body of your request.")
	}
	a := new(asked)
	if json.Unmarshal(orNull(top["stream"]), &a.stream) != nil {
		return nil, invalid("stream", "invalid_type", "Invalid type for 'stream': expected a boolean.")
	}
	delete(top, "stream")
	if q.Seed != "" {
		a.seed = top[q.Seed]
		delete(top, q.Seed)
	} else {
		a.seed = top["seed"]
	}
	if failed := q.refusals(top); failed != nil {
		return nil, failed
	}
	var failed *failure
	if a.chosen, failed = choice(top); failed != nil {
		return nil, failed
	}
	if len(q.TakesBack) > 0 {
		top["messages"] = without(top["messages"], q.TakesBack)
	}
	rest := encode(top)
	if err := json.Unmarshal(rest, &a.params); err != nil {
		return nil, invalid("", "", err.Error())
	}
	copied, err := json.Marshal(a.params)
	if err != nil {
		return nil, invalid("", "", err.Error())
	}
	lost, err := fakes.Lost(rest, copied)
	if err != nil || len(lost) > 0 {
		return nil, invalid(lost[0], "unknown_parameter", fmt.Sprintf("Unknown parameter: '%s'.", lost[0]))
	}
	if message := turns(a.params.Messages); message != "" {
		return nil, invalid("messages", "", message)
	}
	if q.NeedsBack != "" && !hasBack(body, q.NeedsBack) {
		return nil, invalid("messages", "", "Missing `"+q.NeedsBack+"` field in the assistant message: in thinking mode it must be passed back")
	}
	return a, nil
}

// choice takes a named function out of a request: the SDK's union cannot read it back.
func choice(top map[string]json.RawMessage) (string, *failure) {
	raw := top["tool_choice"]
	if len(raw) == 0 || raw[0] != '{' {
		return "", nil
	}
	var named struct {
		Type     string `json:"type"`
		Function struct {
			Name string `json:"name"`
		} `json:"function"`
	}
	d := json.NewDecoder(bytes.NewReader(raw))
	d.DisallowUnknownFields()
	if d.Decode(&named) != nil || named.Type != "function" {
		return "", nil // another kind of choice
	}
	if named.Function.Name == "" {
		return "", invalid("tool_choice.function.name", "missing_required_parameter", "Missing required parameter: 'tool_choice.function.name'.")
	}
	delete(top, "tool_choice")
	return named.Function.Name, nil
}

func orNull(raw json.RawMessage) json.RawMessage {
	if raw == nil {
		return json.RawMessage("null")
	}
	return raw
}

// refusals are those that this API has beside OpenAI's.
func (q Quirks) refusals(top map[string]json.RawMessage) *failure {
	unknown := func(name string) *failure {
		return invalid(name, "unsupported_parameter", fmt.Sprintf("Unsupported parameter: '%s' is not supported by this API.", name))
	}
	for _, name := range q.Refuses {
		if _, there := top[name]; there {
			return unknown(name)
		}
	}
	for _, name := range []string{"max_tokens", "max_completion_tokens"} {
		if _, there := top[name]; there && q.MaxTokens != "" && q.MaxTokens != name {
			return unknown(name)
		}
	}
	if _, there := top["seed"]; there && q.Seed != "" {
		return unknown("seed")
	}
	if q.StreamUsage == "always" {
		if _, there := top["stream_options"]; there {
			return unknown("stream_options")
		}
	}
	if string(top["tool_choice"]) == `"required"` && q.Required != "" {
		return invalid("tool_choice", "invalid_value", "Invalid value for 'tool_choice': required")
	}
	if q.Required != "" && string(top["tool_choice"]) == strconv.Quote(q.Required) {
		top["tool_choice"] = json.RawMessage(`"required"`)
	}
	var n int64
	if json.Unmarshal(orNull(top["n"]), &n) == nil && n > 1 && q.OneChoice {
		return invalid("n", "invalid_value", "Invalid value for 'n': only 1 is supported")
	}
	var messages []map[string]json.RawMessage
	if json.Unmarshal(orNull(top["messages"]), &messages) == nil {
		for _, m := range messages {
			if q.NoDeveloper && string(m["role"]) == `"developer"` {
				return invalid("messages", "invalid_value", "role 'developer' is not a valid role")
			}
			// That of a function is its identity.
			if _, there := m["name"]; there && q.refuses("messages.name") && string(m["role"]) != `"function"` {
				return unknown("messages.name")
			}
		}
	}
	var format struct {
		Type string `json:"type"`
	}
	if json.Unmarshal(orNull(top["response_format"]), &format) == nil && format.Type == "json_schema" && q.refuses("response_format.json_schema") {
		return invalid("response_format", "invalid_value", "This response_format type is unavailable now")
	}
	return nil
}

// without takes members out of the assistant's messages.
func without(messages json.RawMessage, names []string) json.RawMessage {
	var list []map[string]json.RawMessage
	if json.Unmarshal(messages, &list) != nil {
		return messages
	}
	for _, m := range list {
		if string(m["role"]) == `"assistant"` {
			for _, name := range names {
				delete(m, name)
			}
		}
	}
	return encode(list)
}

// hasBack tells whether each of the assistant's messages with calls behind the user's last
// one has a member. A conversation without such is fine.
func hasBack(body []byte, name string) bool {
	var r struct {
		Messages []map[string]json.RawMessage `json:"messages"`
		Effort   string                       `json:"reasoning_effort"`
	}
	if json.Unmarshal(body, &r) != nil || r.Effort == "" {
		return true
	}
	for i := len(r.Messages) - 1; i >= 0 && string(r.Messages[i]["role"]) != `"user"`; i-- {
		m := r.Messages[i]
		if string(m["role"]) == `"assistant"` && len(m["tool_calls"]) > 0 && len(m[name]) == 0 {
			return false
		}
	}
	return true
}

// turns checks that each call has its result.
func turns(messages []openai.ChatCompletionMessageParamUnion) string {
	if len(messages) == 0 {
		return "Invalid 'messages': empty array. Expected an array with minimum length 1, but got an empty array instead."
	}
	var open []string
	for _, m := range messages {
		if m.OfTool != nil {
			at := slices.Index(open, m.OfTool.ToolCallID)
			if at < 0 {
				return "Invalid parameter: messages with role 'tool' must be a response to a preceeding message with 'tool_calls'."
			}
			open = slices.Delete(open, at, at+1)
			continue
		}
		if len(open) > 0 {
			break
		}
		if m.OfAssistant != nil {
			for _, c := range m.OfAssistant.ToolCalls {
				open = append(open, *c.GetID())
			}
		}
	}
	if len(open) > 0 {
		return "An assistant message with 'tool_calls' must be followed by tool messages responding to each 'tool_call_id'. " +
			"The following tool_call_ids did not have response messages: " + strings.Join(open, ", ")
	}
	return ""
}

func (a *asked) question(quirks Quirks) fakes.Question {
	p := &a.params
	q := fakes.Question{Settings: map[string]string{}, Thinks: quirks.Reasoning != "" && p.ReasoningEffort != "" && p.ReasoningEffort != "none"}
	for _, m := range p.Messages {
		switch {
		case m.OfSystem != nil:
			q.System = append(q.System, texts(m.OfSystem.Content.OfString, m.OfSystem.Content.OfArrayOfContentParts))
			continue
		case m.OfDeveloper != nil:
			q.System = append(q.System, texts(m.OfDeveloper.Content.OfString, m.OfDeveloper.Content.OfArrayOfContentParts))
			continue
		case m.OfUser != nil:
			q.Text, q.Media = said(m.OfUser.Content)
			q.Results = nil
		case m.OfAssistant != nil:
			q.Results = nil
		case m.OfTool != nil:
			q.Results = append(q.Results, texts(m.OfTool.Content.OfString, m.OfTool.Content.OfArrayOfContentParts))
		}
		q.Turns++
	}
	if p.ToolChoice.OfAuto.Value != "none" {
		for _, t := range p.Tools {
			if t.OfFunction != nil {
				q.Tools = append(q.Tools, fakes.Tool{Name: t.OfFunction.Function.Name, Schema: encode(t.OfFunction.Function.Parameters)})
			}
		}
	}
	q.Chosen = a.chosen
	q.Serial = p.ParallelToolCalls.Valid() && !p.ParallelToolCalls.Value
	switch f := p.ResponseFormat; {
	case f.OfJSONSchema != nil:
		q.Schema = encode(f.OfJSONSchema.JSONSchema.Schema)
	case f.OfJSONObject != nil:
		q.JSON = true
	}
	q.MaxTokens = max(p.MaxTokens.Value, p.MaxCompletionTokens.Value)
	q.Stops = p.Stop.OfStringArray
	if p.Stop.OfString.Valid() {
		q.Stops = []string{p.Stop.OfString.Value}
	}
	for name, value := range map[string]param.Opt[float64]{
		"temperature": p.Temperature, "top_p": p.TopP, "frequency_penalty": p.FrequencyPenalty, "presence_penalty": p.PresencePenalty,
	} {
		if value.Valid() {
			q.Settings[name] = strconv.FormatFloat(value.Value, 'g', -1, 64)
		}
	}
	if a.seed != nil {
		q.Settings["seed"] = string(a.seed)
	}
	if len(p.LogitBias) > 0 {
		q.Settings["logit_bias"] = string(encode(p.LogitBias))
	}
	return q
}

func texts(text param.Opt[string], parts []openai.ChatCompletionContentPartTextParam) string {
	list := []string{}
	if text.Valid() {
		list = append(list, text.Value)
	}
	for _, p := range parts {
		list = append(list, p.Text)
	}
	return strings.Join(list, " ")
}

func said(content openai.ChatCompletionUserMessageParamContentUnion) (text string, media []fakes.Medium) {
	if content.OfString.Valid() {
		return content.OfString.Value, nil
	}
	var list []string
	for _, p := range content.OfArrayOfContentParts {
		switch {
		case p.OfText != nil:
			list = append(list, p.OfText.Text)
		case p.OfImageURL != nil:
			media = append(media, medium("image", p.OfImageURL.ImageURL.URL))
		case p.OfFile != nil:
			media = append(media, medium("document", p.OfFile.File.FileData.Value))
		case p.OfInputAudio != nil:
			media = append(media, medium("sound", "data:audio/"+p.OfInputAudio.InputAudio.Format+";base64,"+p.OfInputAudio.InputAudio.Data))
		}
	}
	return strings.Join(list, " "), media
}

func medium(kind, url string) fakes.Medium {
	data, ok := strings.CutPrefix(url, "data:")
	head, encoded, isBase64 := strings.Cut(data, ";base64,")
	raw, err := base64.StdEncoding.DecodeString(encoded)
	if !ok || !isBase64 || err != nil {
		return fakes.Medium{Kind: kind, URL: url}
	}
	return fakes.Medium{Kind: kind, Type: head, Size: len(raw)}
}
