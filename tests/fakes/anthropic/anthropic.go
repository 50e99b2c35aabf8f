// Package anthropic is a fake of Anthropic's Messages API, and of the same at Vertex AI. It
// reads requests with the types of the official Go SDK, refuses what the API refuses in its
// own words, and answers as package fakes says.
//
// Source: the API reference, "Errors", "Streaming messages", "Extended thinking", and the
// types of github.com/anthropics/anthropic-sdk-go v1.84.
package anthropic

import (
	"encoding/json"
	"net/http"
	"strings"

	sdk "github.com/anthropics/anthropic-sdk-go"

	"github.com/sluice-ai/sluice/tests/fakes"
)

const (
	// Key is the one that is accepted.
	Key = "sk-ant-good"
	// Token is the bearer token that is accepted at Vertex AI.
	Token = "ya29.good"
	// ExpiredToken is one that was.
	ExpiredToken = "ya29.expired"

	requestID = "req_011CSHoEeqs5C35K2UUqR7Fy"
)

// Fake is the API. The zero value is ready.
type Fake struct{ fakes.Recorder }

// ServeHTTP serves /v1/messages, /v1/messages/count_tokens, and their forms at Vertex AI.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := f.Take(r)
	if err != nil {
		return
	}
	w.Header().Set("Request-Id", requestID)
	w.Header().Set("Content-Type", "application/json")
	if r.Method != http.MethodPost {
		refuse(w, failure{http.StatusMethodNotAllowed, "invalid_request_error", "Method Not Allowed"})
		return
	}
	if model, verb, ok := vertexModel(r.URL.Path); ok {
		f.vertex(w, r, body, model, verb)
		return
	}
	switch key := r.Header.Get("X-Api-Key"); {
	case key == "":
		refuse(w, failure{http.StatusUnauthorized, "authentication_error", "x-api-key header is required"})
	case key != Key:
		refuse(w, failure{http.StatusUnauthorized, "authentication_error", "invalid x-api-key"})
	case r.Header.Get("Anthropic-Version") == "":
		refuse(w, invalid("anthropic-version: header is required"))
	case r.URL.Path == "/v1/messages":
		f.messages(w, r, body, false)
	case r.URL.Path == "/v1/messages/count_tokens":
		count(w, body)
	default:
		refuse(w, failure{http.StatusNotFound, "not_found_error", "Not Found"})
	}
}

func vertexModel(path string) (model, verb string, ok bool) {
	_, name, ok := strings.Cut(path, "/publishers/anthropic/models/")
	if !ok || !strings.Contains(path, "/projects/") {
		return "", "", false
	}
	model, verb, ok = strings.Cut(name, ":")
	return model, verb, ok
}

func (f *Fake) vertex(w http.ResponseWriter, r *http.Request, body []byte, model, verb string) {
	switch r.Header.Get("Authorization") {
	case "Bearer " + Token:
	default:
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`[{"error":{"code":401,"message":"Request had invalid authentication credentials. Expected OAuth 2 access token, ` +
			`login cookie or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",` +
			`"status":"UNAUTHENTICATED"}}]`))
		return
	}
	var object map[string]json.RawMessage
	if json.Unmarshal(body, &object) != nil {
		refuse(w, invalid("the request body is not valid JSON"))
		return
	}
	if string(object["anthropic_version"]) != `"vertex-2023-10-16"` {
		refuse(w, invalid("anthropic_version: Field required"))
		return
	}
	if _, there := object["model"]; there {
		refuse(w, invalid("model: Extra inputs are not permitted"))
		return
	}
	delete(object, "anthropic_version")
	object["model"], _ = json.Marshal(model)
	if (verb == "streamRawPredict") != (string(object["stream"]) == "true") {
		refuse(w, invalid("stream: does not fit the method "+verb))
		return
	}
	again, err := json.Marshal(object)
	if err != nil {
		refuse(w, invalid(err.Error()))
		return
	}
	f.messages(w, r, again, true)
}

func (f *Fake) messages(w http.ResponseWriter, r *http.Request, body []byte, vertex bool) {
	params, stream, failed := decode(body)
	if failed == nil {
		failed = check(params, vertex)
	}
	if failed != nil {
		refuse(w, *failed)
		return
	}
	q := question(params)
	if name := q.Trigger("error"); name != "" {
		if known, ok := errors[name]; ok {
			if known.kind == "rate_limit_error" {
				w.Header().Set("Retry-After", "7")
			}
			refuse(w, known)
			return
		}
	}
	a := q.Answer()
	if stream {
		f.stream(w, r, params, q, a)
		return
	}
	if a.Hangs {
		f.Hang(r)
		return
	}
	_, _ = w.Write(message(params, a))
}

func count(w http.ResponseWriter, body []byte) {
	var p sdk.MessageCountTokensParams
	if err := json.Unmarshal(body, &p); err != nil || len(p.Messages) == 0 {
		refuse(w, invalid("messages: Field required"))
		return
	}
	copied, err := json.Marshal(p)
	if err != nil {
		refuse(w, invalid(err.Error()))
		return
	}
	if lost, err := fakes.Lost(body, copied); err != nil || len(lost) > 0 {
		refuse(w, invalid(strings.Join(lost, ", ")+": Extra inputs are not permitted"))
		return
	}
	_, _ = w.Write([]byte(`{"input_tokens":21}`))
}

// failure is an error of the API.
type failure struct {
	status        int
	kind, message string
}

func invalid(message string) failure {
	return failure{http.StatusBadRequest, "invalid_request_error", message}
}

// errors are the documented ones, by their types.
//
// Source: platform.claude.com/docs/en/api/errors.
var errors = map[string]failure{
	"invalid_request_error": invalid("There was an issue with the format or content of your request."),
	"authentication_error":  {http.StatusUnauthorized, "authentication_error", "There's an issue with your API key."},
	"billing_error":         {http.StatusPaymentRequired, "billing_error", "There's an issue with your billing or payment information."},
	"permission_error":      {http.StatusForbidden, "permission_error", "Your API key does not have permission to use the specified resource."},
	"not_found_error":       {http.StatusNotFound, "not_found_error", "The requested resource was not found."},
	"request_too_large":     {http.StatusRequestEntityTooLarge, "request_too_large", "Request exceeds the maximum allowed number of bytes."},
	"rate_limit_error":      {http.StatusTooManyRequests, "rate_limit_error", "Your account has hit a rate limit."},
	"api_error":             {http.StatusInternalServerError, "api_error", "An unexpected error has occurred internal to Anthropic's systems."},
	"timeout_error":         {http.StatusGatewayTimeout, "timeout_error", "The request timed out while processing."},
	"overloaded_error":      {529, "overloaded_error", "The API is temporarily overloaded."},
}

func refuse(w http.ResponseWriter, f failure) {
	w.WriteHeader(f.status)
	_, _ = w.Write(envelope(f))
}

func envelope(f failure) []byte {
	return encode(map[string]any{
		"type":       "error",
		"error":      map[string]any{"type": f.kind, "message": f.message},
		"request_id": requestID,
	})
}

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers
	}
	return b
}
