package providers_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"testing"

	"google.golang.org/genai"

	"github.com/sluice-ai/sluice/tests/fakes/gemini"
)

func geminiSDK(t *testing.T, url string) official {
	t.Helper()
	client, err := genai.NewClient(t.Context(), &genai.ClientConfig{
		APIKey: gemini.Key, Backend: genai.BackendGeminiAPI, HTTPOptions: genai.HTTPOptions{BaseURL: url},
	})
	if err != nil {
		t.Fatal(err)
	}
	return official{
		name: "gemini", input: 21, thoughts: true, signed: false, counted: true,
		stops: [4]string{"STOP", "MAX_TOKENS", "STOP", "STOP"},
		unary: func(ctx context.Context, a asked) (told, error) {
			contents, config := geminiParams(a)
			r, err := client.Models.GenerateContent(ctx, "gemini-2.5-flash", contents, config)
			if err != nil {
				return told{}, err
			}
			var out told
			geminiTold(&out, r)
			return out, nil
		},
		stream: func(ctx context.Context, a asked) (told, error) {
			contents, config := geminiParams(a)
			var out told
			for r, err := range client.Models.GenerateContentStream(ctx, "gemini-2.5-flash", contents, config) {
				if err != nil {
					return out, err
				}
				geminiTold(&out, r)
			}
			out.signature = "" // signed or not: the model decides without calls
			return out, nil
		},
	}
}

func geminiParams(a asked) ([]*genai.Content, *genai.GenerateContentConfig) {
	config := &genai.GenerateContentConfig{MaxOutputTokens: int32(a.maxTokens)}
	parts := []*genai.Part{genai.NewPartFromText(a.text)}
	if a.image {
		parts = append(parts, genai.NewPartFromBytes([]byte(pixel), "image/png"))
	}
	contents := []*genai.Content{genai.NewContentFromParts(parts, genai.RoleUser)}
	var schema any
	if err := json.Unmarshal([]byte(weatherSchema), &schema); err != nil {
		panic(err) // a constant
	}
	if a.tools {
		config.Tools = []*genai.Tool{{FunctionDeclarations: []*genai.FunctionDeclaration{{Name: "get_weather", ParametersJsonSchema: schema}}}}
	}
	if a.results {
		contents = append(contents,
			genai.NewContentFromParts([]*genai.Part{
				genai.NewPartFromFunctionCall("get_weather", map[string]any{"city": "Paris"}), genai.NewPartFromFunctionCall("get_weather", map[string]any{"city": "Rome"}),
			}, genai.RoleModel),
			genai.NewContentFromParts([]*genai.Part{
				genai.NewPartFromFunctionResponse("get_weather", map[string]any{"output": "Paris: sunny"}),
				genai.NewPartFromFunctionResponse("get_weather", map[string]any{"output": "Rome: rain"}),
			}, genai.RoleUser))
	}
	if a.thinks {
		config.ThinkingConfig = &genai.ThinkingConfig{IncludeThoughts: true}
	}
	if a.schema {
		config.ResponseMIMEType, config.ResponseJsonSchema = "application/json", schema
	}
	if a.stop != "" {
		config.StopSequences = []string{a.stop}
	}
	return contents, config
}

func geminiTold(out *told, r *genai.GenerateContentResponse) {
	u := r.UsageMetadata
	out.usage = usage{
		input: int64(u.PromptTokenCount), cached: int64(u.CachedContentTokenCount),
		output: int64(u.CandidatesTokenCount + u.ThoughtsTokenCount), thought: int64(u.ThoughtsTokenCount),
	}
	c := r.Candidates[0]
	out.stop = string(c.FinishReason)
	if c.Content == nil {
		return
	}
	for _, p := range c.Content.Parts {
		switch {
		case p.FunctionCall != nil:
			arguments, err := json.Marshal(p.FunctionCall.Args)
			if err != nil {
				panic(err) // was JSON
			}
			out.calls = append(out.calls, calledTool{p.FunctionCall.Name, string(arguments)})
		case p.Thought:
			out.thought += p.Text
		default:
			out.text += p.Text
		}
		if len(p.ThoughtSignature) > 0 {
			out.signature = base64.StdEncoding.EncodeToString(p.ThoughtSignature)
		}
	}
}
