package providers_test

import (
	"context"
	"encoding/base64"
	"encoding/json"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/azure"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"

	"github.com/sluice-ai/sluice/tests/fakes/openaichat"
)

func openaiSDK(name, url string) official {
	return openaiClient(name, openai.NewClient(option.WithBaseURL(url+"/v1"), option.WithAPIKey(openaichat.Key), option.WithMaxRetries(0)))
}

// azureSDK is the same SDK with its options for Azure. Without an api-version it speaks the
// v1 API, which is OpenAI's at another address with another header.
func azureSDK(name, url, apiVersion string) official {
	if apiVersion == "" {
		return openaiClient(name, openai.NewClient(option.WithBaseURL(url+"/openai/v1"), option.WithHeader("api-key", openaichat.Key),
			option.WithAPIKey("unused"), option.WithMaxRetries(0)))
	}
	return openaiClient(name, openai.NewClient(azure.WithEndpoint(url, apiVersion), azure.WithAPIKey(openaichat.Key), azure.WithUnsafeAllowHTTP(), option.WithMaxRetries(0)))
}

func openaiClient(name string, client openai.Client) official {
	return official{
		name: name, input: 21, counted: true,
		stops: [4]string{"stop", "length", "stop", "tool_calls"},
		unary: func(ctx context.Context, a asked) (told, error) {
			r, err := client.Chat.Completions.New(ctx, openaiParams(a))
			if err != nil {
				return told{}, err
			}
			return openaiTold(r), nil
		},
		stream: func(ctx context.Context, a asked) (told, error) {
			p := openaiParams(a)
			p.StreamOptions.IncludeUsage = param.NewOpt(true)
			stream := client.Chat.Completions.NewStreaming(ctx, p)
			var whole openai.ChatCompletionAccumulator
			for stream.Next() {
				whole.AddChunk(stream.Current())
			}
			if err := stream.Err(); err != nil {
				return told{}, err
			}
			return openaiTold(&whole.ChatCompletion), nil
		},
	}
}

func openaiParams(a asked) openai.ChatCompletionNewParams {
	p := openai.ChatCompletionNewParams{Model: "gpt-5"}
	if a.maxTokens > 0 {
		p.MaxCompletionTokens = param.NewOpt(int64(a.maxTokens))
	}
	user := openai.UserMessage(a.text)
	if a.image {
		user = openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
			openai.TextContentPart(a.text),
			openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64," + base64.StdEncoding.EncodeToString([]byte(pixel))}),
		})
	}
	p.Messages = []openai.ChatCompletionMessageParamUnion{user}
	var schema map[string]any
	if err := json.Unmarshal([]byte(weatherSchema), &schema); err != nil {
		panic(err) // a constant
	}
	if a.tools {
		p.Tools = []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "get_weather", Parameters: schema})}
	}
	if a.results {
		call := func(id, city string) openai.ChatCompletionMessageToolCallUnionParam {
			return openai.ChatCompletionMessageToolCallUnionParam{OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{
				ID: id, Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{Name: "get_weather", Arguments: `{"city":"` + city + `"}`},
			}}
		}
		p.Messages = append(p.Messages,
			openai.ChatCompletionMessageParamUnion{OfAssistant: &openai.ChatCompletionAssistantMessageParam{
				ToolCalls: []openai.ChatCompletionMessageToolCallUnionParam{call("a", "Paris"), call("b", "Rome")},
			}},
			openai.ToolMessage("Paris: sunny", "a"), openai.ToolMessage("Rome: rain", "b"))
	}
	if a.schema {
		p.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "place", Schema: schema}}
	}
	if a.stop != "" {
		p.Stop.OfStringArray = []string{a.stop}
	}
	return p
}

func openaiTold(r *openai.ChatCompletion) told {
	c := r.Choices[0]
	out := told{text: c.Message.Content, stop: c.FinishReason, usage: usage{
		input: r.Usage.PromptTokens, cached: r.Usage.PromptTokensDetails.CachedTokens, output: r.Usage.CompletionTokens, thought: r.Usage.CompletionTokensDetails.ReasoningTokens,
	}}
	for _, call := range c.Message.ToolCalls {
		out.calls = append(out.calls, calledTool{call.Function.Name, call.Function.Arguments})
	}
	return out
}
