package sdk_test

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"
)

func openaiGo(t *testing.T, g *gateways) {
	options := []option.RequestOption{option.WithAPIKey("anything"), option.WithMaxRetries(0)}
	sandbox := openai.NewClient(append(options, option.WithBaseURL(g.sandbox.HTTP+"/v1"))...)
	routed := openai.NewClient(append(options, option.WithBaseURL(g.routed.HTTP+"/v1"))...)

	t.Run("a completion has text and usage", func(t *testing.T) {
		answer, err := routed.Chat.Completions.New(t.Context(), ask("gpt-4o-mini", "Hello, how are you?"))
		if err != nil {
			t.Fatal(err)
		}
		if text := answer.Choices[0].Message.Content; !strings.Contains(text, "Hello, how are you?") {
			t.Errorf("the answer is %q", text)
		}
		if u := answer.Usage; u.PromptTokens == 0 || u.PromptTokens+u.CompletionTokens != u.TotalTokens {
			t.Errorf("the usage does not add up: %+v", u)
		}
	})

	t.Run("a stream accumulates to the completion", func(t *testing.T) {
		request := ask("sandbox/chat", "Write a short story")
		request.StreamOptions = openai.ChatCompletionStreamOptionsParam{IncludeUsage: param.NewOpt(true)}
		stream := sandbox.Chat.Completions.NewStreaming(t.Context(), request)
		var whole openai.ChatCompletionAccumulator
		for stream.Next() {
			if !whole.AddChunk(stream.Current()) {
				t.Fatalf("the SDK cannot place the chunk %s", stream.Current().RawJSON())
			}
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		answer, err := sandbox.Chat.Completions.New(t.Context(), ask("sandbox/chat", "Write a short story"))
		if err != nil {
			t.Fatal(err)
		}
		if got, want := whole.Choices[0].Message.Content, answer.Choices[0].Message.Content; got != want {
			t.Errorf("streamed %q, answered %q", got, want)
		}
		if got, want := whole.Usage.TotalTokens, answer.Usage.TotalTokens; got != want {
			t.Errorf("streamed a usage of %d tokens, answered %d", got, want)
		}
	})

	t.Run("streamed tool calls add up to the whole ones", func(t *testing.T) {
		request := ask("sandbox/chat", "What's the weather in Boston?")
		request.Tools = []openai.ChatCompletionToolUnionParam{
			openai.ChatCompletionFunctionTool(shared.FunctionDefinitionParam{
				Name: "get_weather",
				Parameters: shared.FunctionParameters{
					"type":       "object",
					"properties": map[string]any{"location": map[string]any{"type": "string"}},
					"required":   []string{"location"},
				},
			}),
		}
		answer, err := sandbox.Chat.Completions.New(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		stream := sandbox.Chat.Completions.NewStreaming(t.Context(), request)
		var whole openai.ChatCompletionAccumulator
		for stream.Next() {
			whole.AddChunk(stream.Current())
		}
		if err := stream.Err(); err != nil {
			t.Fatal(err)
		}
		want, got := answer.Choices[0].Message.ToolCalls, whole.Choices[0].Message.ToolCalls
		if len(want) != 1 || len(got) != 1 {
			t.Fatalf("answered %d calls, streamed %d, want one each", len(want), len(got))
		}
		if got[0].ID != want[0].ID || got[0].Function.Arguments != want[0].Function.Arguments ||
			got[0].Function.Name != "get_weather" {
			t.Errorf("streamed %+v, answered %+v", got[0], want[0])
		}
		var arguments struct {
			Location *string `json:"location"`
		}
		if err := json.Unmarshal([]byte(want[0].Function.Arguments), &arguments); err != nil || arguments.Location == nil {
			t.Errorf("the arguments %q do not satisfy the schema: %v", want[0].Function.Arguments, err)
		}
	})

	t.Run("a JSON schema is obeyed, members in its order", func(t *testing.T) {
		request := ask("sandbox/chat", "Invent a person")
		request.ResponseFormat.OfJSONSchema = &shared.ResponseFormatJSONSchemaParam{
			JSONSchema: shared.ResponseFormatJSONSchemaJSONSchemaParam{
				Name:   "person",
				Strict: param.NewOpt(true),
				Schema: json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"},"age":{"type":"integer"}},` +
					`"required":["name","age"],"additionalProperties":false}`),
			},
		}
		answer, err := sandbox.Chat.Completions.New(t.Context(), request)
		if err != nil {
			t.Fatal(err)
		}
		var person struct {
			Name *string `json:"name"`
			Age  *int    `json:"age"`
		}
		text := answer.Choices[0].Message.Content
		if err := json.Unmarshal([]byte(text), &person); err != nil || person.Name == nil || person.Age == nil {
			t.Errorf("the answer %q does not satisfy the schema: %v", text, err)
		}
		if strings.Index(text, `"name"`) > strings.Index(text, `"age"`) {
			t.Errorf("the answer %q does not keep the schema's order", text)
		}
	})

	t.Run("embeddings are floats", func(t *testing.T) {
		answer, err := routed.Embeddings.New(t.Context(), openai.EmbeddingNewParams{
			Model:      "text-embedding-3-small",
			Input:      openai.EmbeddingNewParamsInputUnion{OfArrayOfStrings: []string{"one", "two"}},
			Dimensions: param.NewOpt[int64](32),
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(answer.Data) != 2 || len(answer.Data[1].Embedding) != 32 || answer.Data[1].Index != 1 {
			t.Errorf("got %s", answer.RawJSON())
		}
	})

	t.Run("models are listed and found", func(t *testing.T) {
		var ids []string
		pager := routed.Models.ListAutoPaging(t.Context())
		for pager.Next() {
			ids = append(ids, pager.Current().ID)
		}
		if err := pager.Err(); err != nil {
			t.Fatal(err)
		}
		for _, id := range []string{"gpt-4o-mini", "sandbox/chat"} {
			if !slices.Contains(ids, id) {
				t.Errorf("%q is not listed in %q", id, ids)
			}
			if model, err := routed.Models.Get(t.Context(), id); err != nil || model.ID != id {
				t.Errorf("Get(%q) is %v, %v", id, model, err)
			}
		}
	})

	t.Run("errors carry status, code and request id", func(t *testing.T) {
		for _, c := range []struct {
			client *openai.Client
			model  string
			status int
			code   string
		}{
			{&routed, "no-such-model", http.StatusNotFound, "model_not_found"},
			{&sandbox, "sandbox/error-401", http.StatusUnauthorized, "invalid_api_key"},
			{&sandbox, "sandbox/error-429", http.StatusTooManyRequests, "rate_limit_exceeded"},
			{&sandbox, "sandbox/error-500", http.StatusInternalServerError, ""},
		} {
			_, unary := c.client.Chat.Completions.New(t.Context(), ask(c.model, "Hello!"))
			stream := c.client.Chat.Completions.NewStreaming(t.Context(), ask(c.model, "Hello!"))
			for stream.Next() {
				t.Errorf("%s streamed %s before its error", c.model, stream.Current().RawJSON())
			}
			for call, err := range map[string]error{"unary": unary, "stream": stream.Err()} {
				e, ok := errors.AsType[*openai.Error](err)
				if !ok {
					t.Errorf("%s, %s: %v is no error of the API", c.model, call, err)
				} else if e.StatusCode != c.status || e.Code != c.code || e.Response.Header.Get("x-request-id") == "" {
					t.Errorf("%s, %s: got status %d, code %q, request id %q", c.model, call, e.StatusCode, e.Code,
						e.Response.Header.Get("x-request-id"))
				}
			}
		}
	})

	t.Run("a stream that breaks ends with an error", func(t *testing.T) {
		for _, model := range []string{"sandbox/cut-stream", "sandbox/error-mid-stream"} {
			stream := sandbox.Chat.Completions.NewStreaming(t.Context(), ask(model, "Hello!"))
			text := ""
			for stream.Next() {
				text += stream.Current().Choices[0].Delta.Content
			}
			if stream.Err() == nil || text == "" {
				t.Errorf("%s gave %q and %v, want text and then an error", model, text, stream.Err())
			}
		}
	})
}

func ask(model, question string) openai.ChatCompletionNewParams {
	return openai.ChatCompletionNewParams{
		Model:    model,
		Messages: []openai.ChatCompletionMessageParamUnion{openai.UserMessage(question)},
	}
}
