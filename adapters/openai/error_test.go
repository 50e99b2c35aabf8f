package openai

import (
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

func TestRefineKind_knows_a_prompt_that_is_too_long_by_code_or_words(t *testing.T) {
	withCode := func(text string) *sluicev1.ErrorEnvelope { return decodeEnvelope([]byte(`{"error":` + text + `}`)) }
	said := func(message string) *sluicev1.ErrorEnvelope {
		return &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{Message: message}}
	}
	for _, c := range []struct {
		source   string
		kind     adapters.Kind
		envelope *sluicev1.ErrorEnvelope
		message  string
		want     adapters.Kind
	}{
		{"OpenAI's code", adapters.KindInvalid, withCode(`{"message":"no","code":"context_length_exceeded"}`), "", adapters.KindContextWindow},
		{"the same with status 413", adapters.KindTooLarge, withCode(`{"message":"no","code":"context_length_exceeded"}`), "", adapters.KindContextWindow},
		{"llama.cpp, pull request 15780", adapters.KindInvalid, withCode(`{"message":"no","type":"exceed_context_size_error"}`), "", adapters.KindContextWindow},

		{
			"vLLM, finetunelab.ai's account of it", adapters.KindInvalid,
			said("'max_tokens' or 'max_completion_tokens' is too large: 2000. This model's maximum context length is 4096 tokens and your request has 2104 input tokens (2000 > 4096 - 2104)."), "", adapters.KindContextWindow,
		},
		{
			"OpenRouter, OpenHands issue 8149", adapters.KindInvalid,
			said("This endpoint's maximum context length is 40960 tokens. However, you requested about 42988 tokens (38892 of text input, 4096 in the output)."), "", adapters.KindContextWindow,
		},
		{"SGLang, Qwen3 issue 1321", adapters.KindInvalid, said("The input (61709 tokens) is longer than the model's context length (40960 tokens)."), "", adapters.KindContextWindow},
		{"SGLang, issue 4048", adapters.KindInvalid, said("Input length (160062 tokens) exceeds the maximum allowed length (59862 tokens)."), "", adapters.KindContextWindow},
		{"Gemini, gemini-cli issue 6678", adapters.KindInvalid, said("The input token count (1200293) exceeds the maximum number of tokens allowed (1048576)."), "", adapters.KindContextWindow},
		{"llama-cpp-python, logdetective-website's log", adapters.KindInvalid, said("Requested tokens (2285) exceed context window of 2048"), "", adapters.KindContextWindow},
		{
			"Anthropic, continue issue 6080", adapters.KindInvalid,
			said("input length and `max_tokens` exceed context limit: 199759 + 8192 > 200000, decrease input length or `max_tokens` and try again"), "", adapters.KindContextWindow,
		},
		{"Text Generation Inference, issue 695, no envelope", adapters.KindInvalid, nil, "Input validation error: `inputs` must have less than 1024 tokens. Given: 1168", adapters.KindContextWindow},

		{"another message", adapters.KindInvalid, said("Invalid value for 'temperature'"), "", adapters.KindInvalid},
		{"an answer that may not be as long", adapters.KindInvalid, said("max_tokens is too large: 99999. This model supports at most 16384 completion tokens"), "", adapters.KindInvalid},
		{"nothing said", adapters.KindInvalid, nil, "", adapters.KindInvalid},
		{"a rate limit of tokens", adapters.KindRateLimited, said("Request too large: maximum context length"), "", adapters.KindRateLimited},
		{"a provider that fails", adapters.KindUnavailable, said("maximum context length"), "", adapters.KindUnavailable},
		{"a quota that is used up", adapters.KindRateLimited, withCode(`{"message":"no","code":"insufficient_quota"}`), "", adapters.KindRateLimited},
		{"Azure's filter", adapters.KindInvalid, withCode(`{"message":"no","code":"content_filter"}`), "", adapters.KindContentFiltered},
		{"OpenAI's policy", adapters.KindInvalid, withCode(`{"message":"no","code":"content_policy_violation"}`), "", adapters.KindContentFiltered},
	} {
		if got := refineKind(&adapters.Error{Kind: c.kind, Envelope: c.envelope, Message: c.message}); got != c.want {
			t.Errorf("%s: %s, want %s", c.source, got, c.want)
		}
	}
}

// The bodies are the services' own words as users report them: cherry-studio issue 16790
// (Cerebras), the crate mindfork's tests (xAI), php-mistral issue 76 (Mistral).
func TestDecodeEnvelope_reads_errors_without_an_envelope(t *testing.T) {
	for body, want := range map[string]*sluicev1.Error{
		`{"message":"messages.2.assistant.reasoning_content: property is unsupported","type":"invalid_request_error","param":"validation_error","code":"wrong_api_format"}`: {
			Message: "messages.2.assistant.reasoning_content: property is unsupported", Type: new("invalid_request_error"), Code: &sluicev1.Error_CodeString{CodeString: "wrong_api_format"},
		},
		`{"code":"invalid-argument","error":"Model grok-build-0.1 does not support parameter reasoningEffort."}`: {
			Message: "Model grok-build-0.1 does not support parameter reasoningEffort.", Code: &sluicev1.Error_CodeString{CodeString: "invalid-argument"},
		},
		`{"object":"error","message":"boom","type":"x"}`: {Message: "boom", Type: new("x")},
		`{"message":"Forbidden"}`:                        nil,
		`{"error":"no"}`:                                 nil,
		`{"code":"x","error":{}}`:                        nil,
		`{"code":"x","error":7}`:                         nil,
	} {
		got := decodeEnvelope([]byte(body)).GetError()
		if got.GetMessage() != want.GetMessage() || got.GetType() != want.GetType() || got.GetCodeString() != want.GetCodeString() {
			t.Errorf("%s: %v, want %v", body, got, want)
		}
	}
}
