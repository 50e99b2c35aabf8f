// Package gemini is a fake of Google's generateContent API, at the Gemini API and at Vertex
// AI. It reads requests with the types of the official Go SDK, refuses what the API refuses
// in its own words, and answers as package fakes says.
//
// Source: ai.google.dev's API reference, "Troubleshooting", "Thought signatures", and the
// types of google.golang.org/genai v1.77.
package gemini

import (
	"encoding/json"
	"net/http"
	"strings"

	"google.golang.org/genai"

	"github.com/sluice-ai/sluice/tests/fakes"
)

const (
	// Key is the one that the Gemini API accepts.
	Key = "AIza-good"
	// ExpiredKey is one that it did.
	ExpiredKey = "AIza-expired"
	// Token is the bearer token that Vertex AI accepts.
	Token = "ya29.good"
)

// Fake is the API. The zero value is ready.
type Fake struct{ fakes.Recorder }

// ServeHTTP serves models/M:generateContent, :streamGenerateContent and :countTokens.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := f.Take(r)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json; charset=UTF-8")
	vertex := strings.Contains(r.URL.Path, "/publishers/google/models/")
	if failed := admits(r, vertex); failed != nil {
		refuse(w, *failed)
		return
	}
	model, verb, ok := route(r.URL.Path, vertex)
	if !ok || r.Method != http.MethodPost {
		refuse(w, failure{http.StatusNotFound, "NOT_FOUND", "Requested entity was not found.", nil})
		return
	}
	switch verb {
	case "generateContent", "streamGenerateContent":
		f.generate(w, r, body, model, verb == "streamGenerateContent")
	case "countTokens":
		_, _ = w.Write([]byte(`{"totalTokens":21,"promptTokensDetails":[{"modality":"TEXT","tokenCount":21}]}`))
	default:
		refuse(w, failure{http.StatusNotFound, "NOT_FOUND", "Requested entity was not found.", nil})
	}
}

func route(path string, vertex bool) (model, verb string, ok bool) {
	prefix := "/v1beta/models/"
	if vertex {
		_, path, _ = strings.Cut(path, "/publishers/google/models/")
		prefix = ""
	}
	name, ok := strings.CutPrefix(path, prefix)
	model, verb, colon := strings.Cut(name, ":")
	return model, verb, ok && colon
}

func admits(r *http.Request, vertex bool) *failure {
	if vertex {
		if r.Header.Get("Authorization") == "Bearer "+Token {
			return nil
		}
		return &failure{
			http.StatusUnauthorized, "UNAUTHENTICATED", "Request had invalid authentication credentials. Expected OAuth 2 access token, login cookie " +
				"or other valid authentication credential. See https://developers.google.com/identity/sign-in/web/devconsole-project.",
			[]any{info("ACCESS_TOKEN_EXPIRED")},
		}
	}
	switch r.Header.Get("X-Goog-Api-Key") {
	case Key:
		return nil
	case "":
		return &failure{http.StatusForbidden, "PERMISSION_DENIED", "Method doesn't allow unregistered callers (callers without established identity). " +
			"Please use API Key or other form of API consumer identity to call this API.", nil}
	case ExpiredKey:
		return &failure{http.StatusBadRequest, "INVALID_ARGUMENT", "API key expired. Please renew the API key.", []any{info("API_KEY_INVALID")}}
	default:
		return &failure{http.StatusBadRequest, "INVALID_ARGUMENT", "API key not valid. Please pass a valid API key.", []any{info("API_KEY_INVALID")}}
	}
}

func info(reason string) any {
	return object{"@type": "type.googleapis.com/google.rpc.ErrorInfo", "reason": reason, "domain": "googleapis.com"}
}

func (f *Fake) generate(w http.ResponseWriter, r *http.Request, body []byte, model string, stream bool) {
	asked, failed := decode(body)
	if failed == nil {
		failed = asked.check(model)
	}
	if failed != nil {
		refuse(w, *failed)
		return
	}
	q := asked.question()
	if name := q.Trigger("error"); name != "" {
		if known, ok := errors[name]; ok {
			refuse(w, known)
			return
		}
	}
	out := answer{Answer: q.Answer(), asked: asked, question: q, model: model}
	switch {
	case stream:
		f.stream(w, r, out)
	case out.Hangs:
		f.Hang(r)
	default:
		// Google prints answers in many lines.
		printed, err := json.MarshalIndent(out.whole(), "", "  ")
		if err != nil {
			panic(err) // the SDK's own types
		}
		_, _ = w.Write(printed)
	}
}

// failure is an error of the API.
type failure struct {
	code            int
	status, message string
	details         []any
}

func invalid(message string) *failure {
	return &failure{http.StatusBadRequest, "INVALID_ARGUMENT", message, nil}
}

// errors are the documented ones, by their status.
//
// Source: ai.google.dev/gemini-api/docs/troubleshooting.
var errors = map[string]failure{
	"INVALID_ARGUMENT":    {http.StatusBadRequest, "INVALID_ARGUMENT", "The request body is malformed.", nil},
	"FAILED_PRECONDITION": {http.StatusBadRequest, "FAILED_PRECONDITION", "User location is not supported for the API use.", nil},
	"PERMISSION_DENIED":   {http.StatusForbidden, "PERMISSION_DENIED", "Your API key doesn't have the required permissions.", nil},
	"NOT_FOUND":           {http.StatusNotFound, "NOT_FOUND", "The requested resource wasn't found.", nil},
	"RESOURCE_EXHAUSTED": {
		http.StatusTooManyRequests, "RESOURCE_EXHAUSTED", "You exceeded your current quota, please check your plan and billing details.",
		[]any{object{"@type": "type.googleapis.com/google.rpc.RetryInfo", "retryDelay": "7s"}},
	},
	"INTERNAL":          {http.StatusInternalServerError, "INTERNAL", "An unexpected error occurred on Google's side.", nil},
	"UNAVAILABLE":       {http.StatusServiceUnavailable, "UNAVAILABLE", "The model is overloaded. Please try again later.", nil},
	"DEADLINE_EXCEEDED": {http.StatusGatewayTimeout, "DEADLINE_EXCEEDED", "The service is unable to finish processing within the deadline.", nil},
}

func refuse(w http.ResponseWriter, f failure) {
	status := object{"code": f.code, "message": f.message, "status": f.status}
	if f.details != nil {
		status["details"] = f.details
	}
	printed, err := json.MarshalIndent(object{"error": status}, "", "  ")
	if err != nil {
		panic(err) // texts and numbers
	}
	w.WriteHeader(f.code)
	_, _ = w.Write(printed)
}

type object = map[string]any

// Request is the body of generateContent, of the SDK's types.
type Request struct {
	Contents          []*genai.Content        `json:"contents"`
	SystemInstruction *genai.Content          `json:"systemInstruction,omitempty"`
	Tools             []*genai.Tool           `json:"tools,omitempty"`
	ToolConfig        *genai.ToolConfig       `json:"toolConfig,omitempty"`
	SafetySettings    []*genai.SafetySetting  `json:"safetySettings,omitempty"`
	GenerationConfig  *genai.GenerationConfig `json:"generationConfig,omitempty"`
	CachedContent     string                  `json:"cachedContent,omitempty"`
	ServiceTier       genai.ServiceTier       `json:"serviceTier,omitempty"`
	Labels            map[string]string       `json:"labels,omitempty"`
	ModelArmorConfig  *genai.ModelArmorConfig `json:"modelArmorConfig,omitempty"`
}
