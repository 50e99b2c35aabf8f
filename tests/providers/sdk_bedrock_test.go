package providers_test

import (
	"context"
	"encoding/json"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/document"
	"github.com/aws/aws-sdk-go-v2/service/bedrockruntime/types"

	"github.com/sluice-ai/sluice/tests/fakes/bedrock"
)

const claudeAtBedrock = "anthropic.claude-sonnet-4-5-20250929-v1:0"

func bedrockSDK(url string) official {
	client := bedrockruntime.New(bedrockruntime.Options{
		Region: bedrock.Region, BaseEndpoint: aws.String(url), RetryMaxAttempts: 1,
		Credentials: credentials.NewStaticCredentialsProvider(bedrock.AccessKeyID, bedrock.SecretAccessKey, ""),
	})
	return official{
		name: "bedrock", input: 11, thoughts: true, signed: true,
		stops: [4]string{"end_turn", "max_tokens", "stop_sequence", "tool_use"},
		unary: func(ctx context.Context, a asked) (told, error) {
			r, err := client.Converse(ctx, bedrockParams(a))
			if err != nil {
				return told{}, err
			}
			out := told{stop: string(r.StopReason), usage: bedrockUsage(r.Usage)}
			message, ok := r.Output.(*types.ConverseOutputMemberMessage)
			if !ok {
				return out, nil
			}
			for _, b := range message.Value.Content {
				switch b := b.(type) {
				case *types.ContentBlockMemberText:
					out.text += b.Value
				case *types.ContentBlockMemberToolUse:
					out.calls = append(out.calls, calledTool{aws.ToString(b.Value.Name), string(bedrock.Document(b.Value.Input))})
				case *types.ContentBlockMemberReasoningContent:
					if thought, ok := b.Value.(*types.ReasoningContentBlockMemberReasoningText); ok {
						out.thought, out.signature = aws.ToString(thought.Value.Text), aws.ToString(thought.Value.Signature)
					}
				}
			}
			return out, nil
		},
		stream: func(ctx context.Context, a asked) (told, error) {
			in := bedrockParams(a)
			r, err := client.ConverseStream(ctx, &bedrockruntime.ConverseStreamInput{
				ModelId: in.ModelId, Messages: in.Messages, ToolConfig: in.ToolConfig, InferenceConfig: in.InferenceConfig,
				OutputConfig: in.OutputConfig, AdditionalModelRequestFields: in.AdditionalModelRequestFields,
			})
			if err != nil {
				return told{}, err
			}
			defer func() { _ = r.GetStream().Close() }()
			var out told
			for event := range r.GetStream().Events() {
				bedrockEvent(&out, event)
			}
			return out, r.GetStream().Err()
		},
	}
}

func bedrockEvent(out *told, event types.ConverseStreamOutput) {
	switch e := event.(type) {
	case *types.ConverseStreamOutputMemberContentBlockStart:
		if tool, ok := e.Value.Start.(*types.ContentBlockStartMemberToolUse); ok {
			out.calls = append(out.calls, calledTool{name: aws.ToString(tool.Value.Name)})
		}
	case *types.ConverseStreamOutputMemberContentBlockDelta:
		switch d := e.Value.Delta.(type) {
		case *types.ContentBlockDeltaMemberText:
			out.text += d.Value
		case *types.ContentBlockDeltaMemberToolUse:
			out.calls[len(out.calls)-1].arguments += aws.ToString(d.Value.Input)
		case *types.ContentBlockDeltaMemberReasoningContent:
			switch r := d.Value.(type) {
			case *types.ReasoningContentBlockDeltaMemberText:
				out.thought += r.Value
			case *types.ReasoningContentBlockDeltaMemberSignature:
				out.signature += r.Value
			}
		}
	case *types.ConverseStreamOutputMemberMessageStop:
		out.stop = string(e.Value.StopReason)
	case *types.ConverseStreamOutputMemberMetadata:
		out.usage = bedrockUsage(e.Value.Usage)
	}
}

func bedrockUsage(u *types.TokenUsage) usage {
	return usage{input: int64(*u.InputTokens), cached: int64(*u.CacheReadInputTokens), output: int64(*u.OutputTokens)}
}

func bedrockParams(a asked) *bedrockruntime.ConverseInput {
	user := func(blocks ...types.ContentBlock) types.Message {
		return types.Message{Role: types.ConversationRoleUser, Content: blocks}
	}
	content := []types.ContentBlock{&types.ContentBlockMemberText{Value: a.text}}
	if a.image {
		content = append(content, &types.ContentBlockMemberImage{Value: types.ImageBlock{Format: types.ImageFormatPng, Source: &types.ImageSourceMemberBytes{Value: []byte(pixel)}}})
	}
	in := &bedrockruntime.ConverseInput{ModelId: aws.String(claudeAtBedrock), Messages: []types.Message{user(content...)}, InferenceConfig: &types.InferenceConfiguration{}}
	if a.maxTokens > 0 {
		in.InferenceConfig.MaxTokens = aws.Int32(int32(a.maxTokens))
	}
	if a.stop != "" {
		in.InferenceConfig.StopSequences = []string{a.stop}
	}
	if a.tools {
		var schema any
		if err := json.Unmarshal([]byte(weatherSchema), &schema); err != nil {
			panic(err) // a constant
		}
		in.ToolConfig = &types.ToolConfiguration{Tools: []types.Tool{&types.ToolMemberToolSpec{Value: types.ToolSpecification{
			Name: aws.String("get_weather"), InputSchema: &types.ToolInputSchemaMemberJson{Value: document.NewLazyDocument(schema)},
		}}}}
	}
	if a.results {
		call := func(id, city string) types.ContentBlock {
			return &types.ContentBlockMemberToolUse{Value: types.ToolUseBlock{
				ToolUseId: &id, Name: aws.String("get_weather"), Input: document.NewLazyDocument(map[string]any{"city": city}),
			}}
		}
		result := func(id, text string) types.ContentBlock {
			return &types.ContentBlockMemberToolResult{Value: types.ToolResultBlock{
				ToolUseId: &id, Content: []types.ToolResultContentBlock{&types.ToolResultContentBlockMemberText{Value: text}},
			}}
		}
		in.Messages = append(in.Messages,
			types.Message{Role: types.ConversationRoleAssistant, Content: []types.ContentBlock{call("a", "Paris"), call("b", "Rome")}},
			user(result("a", "Paris: sunny"), result("b", "Rome: rain")))
	}
	if a.thinks {
		in.AdditionalModelRequestFields = document.NewLazyDocument(map[string]any{"thinking": map[string]any{"type": "enabled", "budget_tokens": 1024}})
	}
	if a.schema {
		in.OutputConfig = &types.OutputConfig{TextFormat: &types.OutputFormat{
			Type: types.OutputFormatTypeJsonSchema, Structure: &types.OutputFormatStructureMemberJsonSchema{Value: types.JsonSchemaDefinition{Schema: aws.String(weatherSchema)}},
		}}
	}
	return in
}
