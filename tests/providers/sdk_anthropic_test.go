package providers_test

import (
	"context"
	"encoding/base64"
	"encoding/json"

	sdk "github.com/anthropics/anthropic-sdk-go"
	"github.com/anthropics/anthropic-sdk-go/option"

	"github.com/sluice-ai/sluice/tests/fakes/anthropic"
)

func anthropicSDK(url string) official {
	client := sdk.NewClient(option.WithBaseURL(url), option.WithAPIKey(anthropic.Key), option.WithMaxRetries(0))
	return official{
		name: "anthropic", input: 11, thoughts: true, signed: true, counted: true,
		stops: [4]string{"end_turn", "max_tokens", "stop_sequence", "tool_use"},
		unary: func(ctx context.Context, a asked) (told, error) {
			m, err := client.Messages.New(ctx, anthropicParams(a))
			if err != nil {
				return told{}, err
			}
			return anthropicTold(m), nil
		},
		stream: func(ctx context.Context, a asked) (told, error) {
			stream := client.Messages.NewStreaming(ctx, anthropicParams(a))
			var m sdk.Message
			for stream.Next() {
				if err := m.Accumulate(stream.Current()); err != nil {
					return told{}, err
				}
			}
			return anthropicTold(&m), stream.Err()
		},
	}
}

func anthropicParams(a asked) sdk.MessageNewParams {
	p := sdk.MessageNewParams{Model: "claude-sonnet-4-5", MaxTokens: 1000}
	if a.maxTokens > 0 {
		p.MaxTokens = int64(a.maxTokens)
	}
	content := []sdk.ContentBlockParamUnion{sdk.NewTextBlock(a.text)}
	if a.image {
		content = append(content, sdk.NewImageBlockBase64("image/png", base64.StdEncoding.EncodeToString([]byte(pixel))))
	}
	p.Messages = []sdk.MessageParam{sdk.NewUserMessage(content...)}
	if a.tools {
		p.Tools = []sdk.ToolUnionParam{{OfTool: &sdk.ToolParam{Name: "get_weather", InputSchema: sdk.ToolInputSchemaParam{
			Properties: map[string]any{"city": map[string]any{"type": "string"}}, Required: []string{"city"},
		}}}}
	}
	if a.results {
		p.Messages = append(p.Messages,
			sdk.NewAssistantMessage(sdk.NewToolUseBlock("a", map[string]any{"city": "Paris"}, "get_weather"), sdk.NewToolUseBlock("b", map[string]any{"city": "Rome"}, "get_weather")),
			sdk.NewUserMessage(sdk.NewToolResultBlock("a", "Paris: sunny", false), sdk.NewToolResultBlock("b", "Rome: rain", false)))
	}
	if a.thinks {
		p.Thinking = sdk.ThinkingConfigParamOfEnabled(1024)
	}
	if a.schema {
		var schema map[string]any
		if err := json.Unmarshal([]byte(weatherSchema), &schema); err != nil {
			panic(err) // a constant
		}
		p.OutputConfig.Format.Schema = schema
	}
	if a.stop != "" {
		p.StopSequences = []string{a.stop}
	}
	return p
}

func anthropicTold(m *sdk.Message) told {
	out := told{stop: string(m.StopReason), usage: usage{
		input: m.Usage.InputTokens, cached: m.Usage.CacheReadInputTokens, output: m.Usage.OutputTokens, thought: m.Usage.OutputTokensDetails.ThinkingTokens,
	}}
	for _, b := range m.Content {
		switch b := b.AsAny().(type) {
		case sdk.ThinkingBlock:
			out.thought, out.signature = out.thought+b.Thinking, b.Signature
		case sdk.TextBlock:
			out.text += b.Text
		case sdk.ToolUseBlock:
			out.calls = append(out.calls, calledTool{b.Name, string(b.Input)})
		}
	}
	return out
}
