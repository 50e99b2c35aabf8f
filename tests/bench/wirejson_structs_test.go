package bench

import (
	"bytes"
	"encoding/json"

	"github.com/bytedance/sonic"
)

// The chat request as Go structs that a careful developer writes by hand: pointers
// where absence counts, json.RawMessage for schemas, UnmarshalJSON for what is a
// string or something else. Unlike Sluice's messages they lose what they do not
// know. The codec is a type parameter, so that the unions of each use their own.

type codec interface {
	Unmarshal(data []byte, v any) error
	Marshal(v any) ([]byte, error)
}

type standard struct{}

func (standard) Unmarshal(data []byte, v any) error { return json.Unmarshal(data, v) }
func (standard) Marshal(v any) ([]byte, error)      { return json.Marshal(v) }

type sonicDefault struct{}

func (sonicDefault) Unmarshal(data []byte, v any) error {
	return sonic.ConfigDefault.Unmarshal(data, v)
}
func (sonicDefault) Marshal(v any) ([]byte, error) { return sonic.ConfigDefault.Marshal(v) }

type chatRequest[C codec] struct {
	Model               string             `json:"model"`
	Messages            []chatMessage[C]   `json:"messages"`
	FrequencyPenalty    *float64           `json:"frequency_penalty,omitempty"`
	PresencePenalty     *float64           `json:"presence_penalty,omitempty"`
	Temperature         *float64           `json:"temperature,omitempty"`
	TopP                *float64           `json:"top_p,omitempty"`
	LogitBias           map[string]float64 `json:"logit_bias,omitempty"`
	Logprobs            *bool              `json:"logprobs,omitempty"`
	TopLogprobs         *int64             `json:"top_logprobs,omitempty"`
	MaxCompletionTokens *int64             `json:"max_completion_tokens,omitempty"`
	MaxTokens           *int64             `json:"max_tokens,omitempty"`
	N                   *int64             `json:"n,omitempty"`
	Seed                *int64             `json:"seed,omitempty"`
	Stop                *textOr[C]         `json:"stop,omitempty"`
	Metadata            map[string]string  `json:"metadata,omitempty"`
	ReasoningEffort     *string            `json:"reasoning_effort,omitempty"`
	ResponseFormat      json.RawMessage    `json:"response_format,omitempty"`
	ServiceTier         *string            `json:"service_tier,omitempty"`
	StreamOptions       *streamOptions     `json:"stream_options,omitempty"`
	Tools               []tool             `json:"tools,omitempty"`
	ToolChoice          *textOr[C]         `json:"tool_choice,omitempty"`
	ParallelToolCalls   *bool              `json:"parallel_tool_calls,omitempty"`
	User                *string            `json:"user,omitempty"`
}

type chatMessage[C codec] struct {
	Role       string      `json:"role"`
	Content    *content[C] `json:"content"`
	Name       *string     `json:"name,omitempty"`
	Refusal    *string     `json:"refusal,omitempty"`
	ToolCalls  []toolCall  `json:"tool_calls,omitempty"`
	ToolCallID string      `json:"tool_call_id,omitempty"`
}

type content[C codec] struct {
	text  string
	parts []part
}

func (c *content[C]) UnmarshalJSON(data []byte) error {
	var codec C
	if bytes.HasPrefix(data, []byte(`"`)) {
		return codec.Unmarshal(data, &c.text)
	}
	return codec.Unmarshal(data, &c.parts)
}

func (c *content[C]) MarshalJSON() ([]byte, error) {
	var codec C
	if c.parts != nil {
		return codec.Marshal(c.parts)
	}
	return codec.Marshal(c.text)
}

type textOr[C codec] struct {
	text  string
	other json.RawMessage
}

func (s *textOr[C]) UnmarshalJSON(data []byte) error {
	if bytes.HasPrefix(data, []byte(`"`)) {
		var codec C
		return codec.Unmarshal(data, &s.text)
	}
	s.other = append(s.other[:0], data...)
	return nil
}

func (s *textOr[C]) MarshalJSON() ([]byte, error) {
	if s.other != nil {
		return s.other, nil
	}
	var codec C
	return codec.Marshal(s.text)
}

type part struct {
	Type       string    `json:"type"`
	Text       *string   `json:"text,omitempty"`
	ImageURL   *imageURL `json:"image_url,omitempty"`
	InputAudio *struct {
		Data   string `json:"data"`
		Format string `json:"format"`
	} `json:"input_audio,omitempty"`
	Refusal *string `json:"refusal,omitempty"`
}

type imageURL struct {
	URL    string  `json:"url"`
	Detail *string `json:"detail,omitempty"`
}

type toolCall struct {
	ID       string `json:"id"`
	Type     string `json:"type"`
	Function struct {
		Name      string `json:"name"`
		Arguments string `json:"arguments"`
	} `json:"function"`
}

type tool struct {
	Type     string `json:"type"`
	Function struct {
		Name        string          `json:"name"`
		Description *string         `json:"description,omitempty"`
		Parameters  json.RawMessage `json:"parameters,omitempty"`
		Strict      *bool           `json:"strict,omitempty"`
	} `json:"function"`
}

type streamOptions struct {
	IncludeUsage *bool `json:"include_usage,omitempty"`
}

type chatChunk struct {
	ID                string  `json:"id"`
	Object            string  `json:"object"`
	Created           int64   `json:"created"`
	Model             string  `json:"model"`
	ServiceTier       *string `json:"service_tier,omitempty"`
	SystemFingerprint *string `json:"system_fingerprint,omitempty"`
	Choices           []struct {
		Index int64 `json:"index"`
		Delta struct {
			Role      *string    `json:"role,omitempty"`
			Content   *string    `json:"content,omitempty"`
			Refusal   *string    `json:"refusal,omitempty"`
			ToolCalls []toolCall `json:"tool_calls,omitempty"`
		} `json:"delta"`
		Logprobs     json.RawMessage `json:"logprobs,omitempty"`
		FinishReason *string         `json:"finish_reason"`
	} `json:"choices"`
	Usage       json.RawMessage `json:"usage,omitempty"`
	Obfuscation *string         `json:"obfuscation,omitempty"`
}

type embeddings struct {
	Object string `json:"object"`
	Data   []struct {
		Object    string    `json:"object"`
		Index     int64     `json:"index"`
		Embedding []float64 `json:"embedding"`
	} `json:"data"`
	Model string `json:"model"`
	Usage struct {
		PromptTokens int64 `json:"prompt_tokens"`
		TotalTokens  int64 `json:"total_tokens"`
	} `json:"usage"`
}
