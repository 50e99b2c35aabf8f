package openapi

import (
	"encoding/json"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/shared"
)

// What the official SDK sends is the measure, not our own examples.
func TestSDK_requests_satisfy_the_document(t *testing.T) {
	v := newValidator(t)
	parameters := shared.FunctionParameters{"type": "object", "properties": map[string]any{"city": map[string]any{"type": "string"}}}
	chat := openai.ChatCompletionNewParams{
		Model: "gpt-4o-mini",
		Messages: []openai.ChatCompletionMessageParamUnion{
			openai.DeveloperMessage("short answers"),
			openai.SystemMessage("shorter"),
			openai.UserMessage([]openai.ChatCompletionContentPartUnionParam{
				openai.TextContentPart("what is this?"),
				openai.ImageContentPart(openai.ChatCompletionContentPartImageImageURLParam{URL: "data:image/png;base64,AA=="}),
			}),
			openai.AssistantMessage("a lock"),
			openai.ToolMessage("42", "call_1"),
		},
		Tools:         []openai.ChatCompletionToolUnionParam{openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{Name: "weather", Parameters: parameters})},
		ToolChoice:    openai.ToolChoiceOptionFunctionToolChoice(openai.ChatCompletionNamedToolChoiceFunctionParam{Name: "weather"}),
		Stop:          openai.ChatCompletionNewParamsStopUnion{OfStringArray: []string{"END"}},
		Temperature:   openai.Float(0.2),
		Seed:          openai.Int(9007199254740993),
		LogitBias:     map[string]int64{"50256": -100},
		Metadata:      shared.Metadata{"team": "locks"},
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
		ResponseFormat: openai.ChatCompletionNewParamsResponseFormatUnion{OfJSONSchema: &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{Name: "answer", Schema: parameters, Strict: openai.Bool(true)},
		}},
	}
	embeddings := openai.EmbeddingNewParams{
		Model:          openai.EmbeddingModelTextEmbedding3Small,
		Input:          openai.EmbeddingNewParamsInputUnion{OfArrayOfTokenArrays: [][]int64{{1, 2}, {3}}},
		EncodingFormat: openai.EmbeddingNewParamsEncodingFormatBase64,
	}
	for path, params := range map[string]any{"/v1/chat/completions": chat, "/v1/embeddings": embeddings} {
		body, err := json.Marshal(params)
		if err != nil {
			t.Fatal(err)
		}
		if errs := validateRequest(t, v, path, body); errs != "" {
			t.Errorf("%s: %s\n%s", path, errs, body)
		}
	}
}
