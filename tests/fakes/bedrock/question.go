package bedrock

import (
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/sluice-ai/sluice/tests/fakes"
)

// asked is a request.
type asked struct {
	*bedrockruntime.ConverseInput

	// own are the members for the model alone.
	own map[string]json.RawMessage
}

// decode reads a request by the SDK's types, and refuses what they do not know.
func decode(body []byte, model string) (*asked, *failure) {
	in, err := Input(body, model)
	if err != nil {
		return nil, &failure{400, "SerializationException", err.Error()}
	}
	copied, err := Body(in)
	if err != nil {
		return nil, invalid(err.Error())
	}
	lost, err := fakes.Lost(body, copied)
	if err != nil {
		return nil, invalid(err.Error())
	}
	if len(lost) > 0 {
		return nil, invalid("The model returned the following errors: Malformed input request: #: extraneous key [" + lost[0] +
			"] is not permitted, please reformat your input and try again.")
	}
	a := &asked{ConverseInput: in}
	if raw := in.AdditionalModelRequestFields; raw != nil {
		if err := json.Unmarshal(Document(raw), &a.own); err != nil {
			return nil, invalid("additionalModelRequestFields must be an object")
		}
	}
	for name := range a.own {
		// Those of Anthropic's models, as Amazon documents them.
		if !slices.Contains([]string{"thinking", "top_k", "anthropic_beta", "reasoning_config", "reasoningConfig", "inferenceConfig", "output_config", "tool_choice"}, name) {
			return nil, invalid("The model returned the following errors: Malformed input request: #: extraneous key [" + name +
				"] is not permitted, please reformat your input and try again.")
		}
	}
	return a, nil
}

// check refuses what the API refuses, in its words.
//
// Source: the API reference, and the messages as users of the API quote them.
func (a *asked) check() *failure {
	for _, rule := range []func() string{a.turns, a.blocks, a.config} {
		if message := rule(); message != "" {
			return invalid(message)
		}
	}
	return nil
}

func (a *asked) turns() string {
	if len(a.Messages) == 0 || a.Messages[0].Role != types.ConversationRoleUser {
		return "A conversation must start with a user message. Try again with a conversation that starts with a user message."
	}
	var open []string
	for i, m := range a.Messages {
		if i > 0 && m.Role == a.Messages[i-1].Role {
			return "A conversation must alternate between user and assistant roles. Make sure the conversation alternates between user and assistant roles and try again."
		}
		var called, answered []string
		for _, b := range m.Content {
			switch b := b.(type) {
			case *types.ContentBlockMemberToolUse:
				called = append(called, aws.ToString(b.Value.ToolUseId))
			case *types.ContentBlockMemberToolResult:
				answered = append(answered, aws.ToString(b.Value.ToolUseId))
			}
		}
		slices.Sort(open)
		slices.Sort(answered)
		if !slices.Equal(open, answered) {
			return fmt.Sprintf("Expected toolResult blocks at messages.%d.content for the following Ids: %s, but found: %s", i, strings.Join(open, ","), strings.Join(answered, ","))
		}
		if (len(called) > 0 || len(answered) > 0) && a.ToolConfig == nil {
			return "The toolConfig field must be defined when using toolUse and toolResult content blocks."
		}
		open = called
	}
	if len(open) > 0 || a.Messages[len(a.Messages)-1].Role != types.ConversationRoleUser {
		return "The model returned the following errors: a conversation must end with a user message."
	}
	return ""
}

var documentName = regexp.MustCompile(`^[a-zA-Z0-9 \-()\[\]]+$`)

func (a *asked) blocks() string {
	for i, m := range a.Messages {
		if len(m.Content) == 0 {
			return fmt.Sprintf("The content field in the Message object at messages.%d is empty. Add a ContentBlock object to the content field and try again.", i)
		}
		document, text := false, false
		for j, b := range m.Content {
			switch b := b.(type) {
			case *types.ContentBlockMemberText:
				text = true
				if strings.TrimSpace(b.Value) == "" {
					return fmt.Sprintf("The text field in the ContentBlock object at messages.%d.content.%d is blank. Add text to the text field, and try again.", i, j)
				}
			case *types.ContentBlockMemberDocument:
				document = true
				if name := aws.ToString(b.Value.Name); !documentName.MatchString(name) || strings.Contains(name, "  ") {
					return "The model returned the following errors: the document file name can only contain alphanumeric characters, whitespace characters, hyphens, parentheses, and square brackets."
				}
			case *types.ContentBlockMemberReasoningContent:
				if r, ok := b.Value.(*types.ReasoningContentBlockMemberReasoningText); ok && aws.ToString(r.Value.Signature) != fakes.Signature {
					return fmt.Sprintf("The model returned the following errors: messages.%d.content.%d: Invalid `signature` in `thinking` block", i, j)
				}
			}
		}
		if document && !text {
			return "The model returned the following errors: a text block must accompany a document"
		}
	}
	return ""
}

func (a *asked) thinks() bool {
	thinking := string(a.own["thinking"])
	return strings.Contains(thinking, `"enabled"`) || strings.Contains(thinking, `"adaptive"`)
}

func (a *asked) config() string {
	c := a.InferenceConfig
	if c != nil && c.Temperature != nil && (*c.Temperature < 0 || *c.Temperature > 1) {
		return "The value at inferenceConfig.temperature must be in the range of 0 to 1."
	}
	if a.ToolConfig != nil && len(a.ToolConfig.Tools) == 0 {
		return "The toolConfig.tools field must hold at least one tool."
	}
	if !a.thinks() {
		return ""
	}
	var thinking struct {
		Budget *int64 `json:"budget_tokens"`
	}
	if err := json.Unmarshal(a.own["thinking"], &thinking); err != nil {
		return err.Error()
	}
	switch {
	case thinking.Budget != nil && *thinking.Budget < 1024:
		return "The model returned the following errors: thinking.enabled.budget_tokens: Input should be greater than or equal to 1024"
	case thinking.Budget != nil && c != nil && c.MaxTokens != nil && int64(*c.MaxTokens) <= *thinking.Budget:
		return "The model returned the following errors: `max_tokens` must be greater than `thinking.budget_tokens`."
	case c != nil && c.Temperature != nil && *c.Temperature != 1:
		return "The model returned the following errors: `temperature` may only be set to 1 when thinking is enabled."
	}
	last := a.Messages[len(a.Messages)-1]
	if thinking.Budget == nil || !slices.ContainsFunc(last.Content, func(b types.ContentBlock) bool { _, ok := b.(*types.ContentBlockMemberToolResult); return ok }) {
		return ""
	}
	i := len(a.Messages) - 2
	if _, ok := a.Messages[i].Content[0].(*types.ContentBlockMemberReasoningContent); !ok {
		return fmt.Sprintf("The model returned the following errors: messages.%d.content.0.type: Expected `thinking` or `redacted_thinking`, but found `tool_use`. "+
			"When `thinking` is enabled, a final `assistant` message must start with a thinking block.", i)
	}
	return ""
}

func (a *asked) question() fakes.Question {
	q := fakes.Question{Settings: map[string]string{}, Thinks: a.thinks(), Turns: len(a.Messages)}
	for _, s := range a.System {
		if text, ok := s.(*types.SystemContentBlockMemberText); ok {
			q.System = append(q.System, text.Value)
		}
	}
	for _, m := range a.Messages {
		q.Results = nil
		if m.Role != types.ConversationRoleUser {
			continue
		}
		text, media, results := said(m)
		if len(results) > 0 {
			q.Results = results
			continue
		}
		q.Text, q.Media = text, media
	}
	if t := a.ToolConfig; t != nil {
		for _, tool := range t.Tools {
			if spec, ok := tool.(*types.ToolMemberToolSpec); ok {
				schema, _ := spec.Value.InputSchema.(*types.ToolInputSchemaMemberJson)
				if schema != nil {
					q.Tools = append(q.Tools, fakes.Tool{Name: aws.ToString(spec.Value.Name), Schema: Document(schema.Value)})
				}
			}
		}
		if one, ok := t.ToolChoice.(*types.ToolChoiceMemberTool); ok {
			q.Chosen = aws.ToString(one.Value.Name)
		}
	}
	q.Serial = strings.Contains(string(a.own["tool_choice"]), `"disable_parallel_tool_use":true`)
	if c := a.InferenceConfig; c != nil {
		q.Stops, q.MaxTokens = c.StopSequences, int64(aws.ToInt32(c.MaxTokens))
		if c.Temperature != nil {
			q.Settings["temperature"] = strconv.FormatFloat(float64(*c.Temperature), 'g', -1, 32)
		}
		if c.TopP != nil {
			q.Settings["top_p"] = strconv.FormatFloat(float64(*c.TopP), 'g', -1, 32)
		}
	}
	if o := a.OutputConfig; o != nil && o.TextFormat != nil {
		if s, ok := o.TextFormat.Structure.(*types.OutputFormatStructureMemberJsonSchema); ok {
			q.Schema = json.RawMessage(aws.ToString(s.Value.Schema))
		}
	}
	return q
}

func said(m types.Message) (text string, media []fakes.Medium, results []string) {
	var texts []string
	for _, b := range m.Content {
		switch b := b.(type) {
		case *types.ContentBlockMemberText:
			texts = append(texts, b.Value)
		case *types.ContentBlockMemberImage:
			if source, ok := b.Value.Source.(*types.ImageSourceMemberBytes); ok {
				media = append(media, fakes.Medium{Kind: "image", Type: "image/" + string(b.Value.Format), Size: len(source.Value)})
			}
		case *types.ContentBlockMemberDocument:
			if source, ok := b.Value.Source.(*types.DocumentSourceMemberBytes); ok {
				media = append(media, fakes.Medium{Kind: "document", Type: "application/" + string(b.Value.Format), Size: len(source.Value)})
			}
		case *types.ContentBlockMemberAudio:
			if source, ok := b.Value.Source.(*types.AudioSourceMemberBytes); ok {
				media = append(media, fakes.Medium{Kind: "sound", Type: "audio/" + string(b.Value.Format), Size: len(source.Value)})
			}
		case *types.ContentBlockMemberToolResult:
			results = append(results, result(b.Value))
		}
	}
	return strings.Join(texts, " "), media, results
}

func result(r types.ToolResultBlock) string {
	var texts []string
	for _, c := range r.Content {
		switch c := c.(type) {
		case *types.ToolResultContentBlockMemberText:
			texts = append(texts, c.Value)
		case *types.ToolResultContentBlockMemberJson:
			texts = append(texts, string(Document(c.Value)))
		case *types.ToolResultContentBlockMemberImage:
			texts = append(texts, "(an image)")
		}
	}
	return strings.Join(texts, " ")
}
