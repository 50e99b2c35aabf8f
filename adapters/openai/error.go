package openai

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strconv"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// decodeEnvelope reads {"error": {...}}. Google's server of this dialect puts it
// into an array of one.
func decodeEnvelope(body []byte) *sluicev1.ErrorEnvelope {
	body = translate.Alone(body)
	envelope := new(sluicev1.ErrorEnvelope)
	if wirejson.Unmarshal(body, envelope, lenient) == nil && envelope.GetError() != nil {
		return envelope
	}
	bare := new(sluicev1.Error)
	if wirejson.Unmarshal(body, bare, lenient) != nil {
		return nil
	}
	object, _, err := wirejson.Peek(body, "object")
	isError := err == nil && string(object) == `"`+objectError+`"`
	// Cerebras has neither the envelope nor the mark, xAI the message as "error" beside its
	// code. A message without a type and a code may be anything.
	if text, rest, ok := take(bare.GetRest(), "error"); ok && bare.GetMessage() == "" && bare.GetCodeString() != "" {
		var message string
		if json.Unmarshal(text, &message) == nil {
			bare.Message, bare.Rest = message, rest
		}
	}
	if bare.GetMessage() != "" && (isError || bare.GetCodeString() != "" || bare.GetType() != "") {
		return &sluicev1.ErrorEnvelope{Error: bare}
	}
	return nil
}

// objectError marks the error object of vLLM and its kin, which have no envelope
// around it: {"object": "error", "message": ..., "type": ..., "code": 400}.
const objectError = "error"

var errorMember = []byte(`"error"`)

// reportsError tells whether an answer of status 200, or an event of a stream, says
// that the call failed. Several servers do so once the headers are out.
func reportsError(rest []byte) bool {
	if !bytes.Contains(rest, errorMember) {
		return false
	}
	value, ok := wirejson.Get(rest, "error")
	return ok && (value[0] == '{' || value[0] == '"' && len(value) > 2)
}

// statusOf says which status an error inside a stream stands for.
//
// Source: OpenAI's guide "Error codes" and the error types of its API reference,
// 2026-11; servers of the dialect send the status itself as code.
func statusOf(envelope *sluicev1.ErrorEnvelope) int {
	e := envelope.GetError()
	if status := int(e.GetCodeNumber()); status >= 400 && status <= 599 {
		return status
	}
	if status, err := strconv.Atoi(e.GetCodeString()); err == nil && status >= 400 && status <= 599 {
		return status
	}
	for _, word := range []string{e.GetCodeString(), e.GetType()} {
		if status, ok := statusByWord[word]; ok {
			return status
		}
	}
	return 0
}

var statusByWord = map[string]int{
	"invalid_request_error":     http.StatusBadRequest,
	"context_length_exceeded":   http.StatusBadRequest,
	"exceed_context_size_error": http.StatusBadRequest,
	"content_filter":            http.StatusBadRequest,
	"authentication_error":      http.StatusUnauthorized,
	"invalid_api_key":           http.StatusUnauthorized,
	"permission_error":          http.StatusForbidden,
	"not_found_error":           http.StatusNotFound,
	"model_not_found":           http.StatusNotFound,
	"rate_limit_error":          http.StatusTooManyRequests,
	"rate_limit_exceeded":       http.StatusTooManyRequests,
	"insufficient_quota":        http.StatusTooManyRequests,
	"requests":                  http.StatusTooManyRequests,
	"tokens":                    http.StatusTooManyRequests,
	"server_error":              http.StatusInternalServerError,
	"api_error":                 http.StatusInternalServerError,
	"internal_error":            http.StatusInternalServerError,
	"internal_server_error":     http.StatusInternalServerError,
	"overloaded_error":          http.StatusServiceUnavailable,
	"service_unavailable":       http.StatusServiceUnavailable,
}

// refineKind tells refusals of the content, and prompts that are too long for the
// model, from other invalid requests.
//
// Sources of the codes: Azure OpenAI ("content_filter"), OpenAI
// ("content_policy_violation", "context_length_exceeded"), llama.cpp's pull request
// 15780 ("exceed_context_size_error"), which began with status 500.
func refineKind(failure *adapters.Error) adapters.Kind {
	kind := failure.Kind
	switch e := failure.Envelope.GetError(); {
	case kind == adapters.KindUnavailable && e.GetType() == "exceed_context_size_error":
		return adapters.KindContextWindow
	case kind != adapters.KindInvalid && kind != adapters.KindTooLarge:
		return kind
	case e.GetCodeString() == "content_filter" || e.GetCodeString() == "content_policy_violation":
		return adapters.KindContentFiltered
	case e.GetCodeString() == "context_length_exceeded" || e.GetType() == "exceed_context_size_error":
		return adapters.KindContextWindow
	case tellsTooLong(e.GetMessage()) || e == nil && tellsTooLong(failure.Message):
		return adapters.KindContextWindow
	}
	return kind
}

// tellsTooLong knows the words of servers that have no code for it. All are about the
// prompt, or prompt and answer together; a limit of the answer alone is not among them,
// because no other window mends it.
func tellsTooLong(message string) bool {
	message = strings.ToLower(message)
	return slices.ContainsFunc(wordsOfTooLong, func(words string) bool { return strings.Contains(message, words) })
}

// The sources are messages that users of the servers reported, 2023 to 2026.
var wordsOfTooLong = []string{
	"maximum context length",                 // OpenAI's older models, vLLM (vllm issue 20409), OpenRouter (OpenHands issue 8149)
	"exceeds the context window",             // OpenAI's newer models (opencode issue 6071)
	"exceed context window of",               // llama-cpp-python (its issue 120)
	"exceeds the available context size",     // llama.cpp (its pull request 15780)
	"longer than the model's context length", // SGLang (Qwen3 issue 1321)
	"exceeds the maximum allowed length",     // SGLang (its issue 4048)
	"exceeds the maximum number of tokens",   // Gemini (gemini-cli issue 6678)
	"exceed context limit",                   // Anthropic (continue issue 6080)
	"tokens + `max_new_tokens` must be",      // Text Generation Inference (its issue 628)
	"`inputs` must have less than",           // Text Generation Inference (its issue 695)
}
