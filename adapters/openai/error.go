package openai

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// decodeEnvelope reads {"error": {...}}. Google's server of this dialect puts it
// into an array of one.
func decodeEnvelope(body []byte) *sluicev1.ErrorEnvelope {
	if body = bytes.TrimSpace(body); len(body) > 0 && body[0] == '[' {
		var list []json.RawMessage
		if json.Unmarshal(body, &list) != nil || len(list) != 1 {
			return nil
		}
		body = list[0]
	}
	envelope := new(sluicev1.ErrorEnvelope)
	if wirejson.Unmarshal(body, envelope, lenient) == nil && envelope.GetError() != nil {
		return envelope
	}
	if object, _, err := wirejson.Peek(body, "object"); err == nil && string(object) == `"`+objectError+`"` {
		bare := new(sluicev1.Error)
		if wirejson.Unmarshal(body, bare, lenient) == nil && bare.GetMessage() != "" {
			return &sluicev1.ErrorEnvelope{Error: bare}
		}
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
	"invalid_request_error":   http.StatusBadRequest,
	"context_length_exceeded": http.StatusBadRequest,
	"content_filter":          http.StatusBadRequest,
	"authentication_error":    http.StatusUnauthorized,
	"invalid_api_key":         http.StatusUnauthorized,
	"permission_error":        http.StatusForbidden,
	"not_found_error":         http.StatusNotFound,
	"model_not_found":         http.StatusNotFound,
	"rate_limit_error":        http.StatusTooManyRequests,
	"rate_limit_exceeded":     http.StatusTooManyRequests,
	"insufficient_quota":      http.StatusTooManyRequests,
	"requests":                http.StatusTooManyRequests,
	"tokens":                  http.StatusTooManyRequests,
	"server_error":            http.StatusInternalServerError,
	"api_error":               http.StatusInternalServerError,
	"internal_error":          http.StatusInternalServerError,
	"internal_server_error":   http.StatusInternalServerError,
	"overloaded_error":        http.StatusServiceUnavailable,
	"service_unavailable":     http.StatusServiceUnavailable,
}

// refineKind tells a refusal of the content from other invalid requests, by the
// codes that Azure OpenAI ("content_filter") and OpenAI ("content_policy_violation")
// document.
func refineKind(kind adapters.Kind, envelope *sluicev1.ErrorEnvelope) adapters.Kind {
	if kind != adapters.KindInvalid {
		return kind
	}
	switch envelope.GetError().GetCodeString() {
	case "content_filter", "content_policy_violation":
		return adapters.KindContentFiltered
	}
	return kind
}
