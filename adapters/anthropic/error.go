package anthropic

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// statuses of the documented types of errors.
//
// Source: the documentation's "Errors" and the types in shared of the official Go SDK
// v1.84.0, 2026-11.
var statuses = map[string]int{
	"invalid_request_error": http.StatusBadRequest,
	"authentication_error":  http.StatusUnauthorized,
	"billing_error":         http.StatusPaymentRequired,
	"permission_error":      http.StatusForbidden,
	"not_found_error":       http.StatusNotFound,
	"request_too_large":     http.StatusRequestEntityTooLarge,
	"rate_limit_error":      http.StatusTooManyRequests,
	"api_error":             http.StatusInternalServerError,
	"timeout_error":         http.StatusGatewayTimeout,
	"overloaded_error":      statusOverloaded,
}

const statusOverloaded = 529

// returns tells Anthropic's own response headers that callers get: the id of the request
// and what is left of limits.
//
// Source: Anthropic's API reference, "Response headers" and "Rate limits", 2026-11.
func returns(name string) bool {
	return name == "request-id" || strings.HasPrefix(name, "anthropic-ratelimit-")
}

// decodeEnvelope reads {"type": "error", "error": {"type": ..., "message": ...},
// "request_id": ...}, whose outside has the contract's form, and Google's {"error":
// {"code": 429, "message": ..., "status": ...}}, which Vertex AI answers with and which may
// stand in an array.
func decodeEnvelope(body []byte) *sluicev1.ErrorEnvelope {
	body = translate.Alone(body)
	envelope := new(sluicev1.ErrorEnvelope)
	if wirejson.Unmarshal(body, envelope, lenient) != nil || envelope.GetError() == nil {
		return nil
	}
	e := envelope.GetError()
	if _, there := wirejson.Get(e.GetRest(), "param"); !there {
		_, e.Rest, _ = wirejson.Take(e.GetRest(), "param") // what is not there is null in the contract
	}
	if status, rest, ok := wirejson.Take(e.GetRest(), "status"); ok && e.Type == nil && json.Unmarshal(status, &e.Type) == nil {
		_, e.Rest, _ = wirejson.Take(rest, "type")
		e.Code = nil // the HTTP status once more
	}
	if e.Type == nil || e.GetCode() != nil {
		return envelope
	}
	code := e.GetType()
	switch {
	case outOfMoney(e):
		code = "insufficient_quota"
	case tooLong(e.GetMessage()):
		code = "context_length_exceeded"
	}
	_, e.Rest, _ = wirejson.Take(e.GetRest(), "code")
	e.Code = &sluicev1.Error_CodeString{CodeString: code}
	return envelope
}

func statusOf(envelope *sluicev1.ErrorEnvelope) int {
	word := envelope.GetError().GetType()
	return cmp.Or(statuses[word], translate.StatusOfGoogle(word)) // the second is Vertex AI's
}

// refineKind tells what the status alone does not.
func refineKind(failure *adapters.Error) adapters.Kind {
	e := failure.Envelope.GetError()
	switch kind := e.GetType(); {
	case e == nil:
		return failure.Kind
	case outOfMoney(e):
		return adapters.KindRateLimited
	case kind == "timeout_error" || kind == "DEADLINE_EXCEEDED":
		return adapters.KindTimeout
	case kind == "overloaded_error":
		return adapters.KindOverloaded
	case failure.Kind != adapters.KindInvalid && failure.Kind != adapters.KindTooLarge:
		return failure.Kind
	case tooLong(e.GetMessage()):
		return adapters.KindContextWindow
	case strings.Contains(strings.ToLower(e.GetMessage()), "content filtering policy"):
		return adapters.KindContentFiltered
	}
	return failure.Kind
}

// outOfMoney tells a limit that waiting does not end. The second form is older than the
// type: "Your credit balance is too low to access the Anthropic API".
func outOfMoney(e *sluicev1.Error) bool {
	return e.GetType() == "billing_error" || strings.Contains(e.GetMessage(), "credit balance is too low")
}

// tooLong knows the messages about prompts, or prompt and answer, that exceed the window:
// there is no type for it. Sources: issue reports of clients, 2024 to 2026, and the
// documentation's "Context windows".
func tooLong(message string) bool {
	message = strings.ToLower(message)
	return slices.ContainsFunc([]string{"prompt is too long", "exceed context limit", "exceeds the context window"}, func(words string) bool {
		return strings.Contains(message, words)
	})
}
