// Package openaichat is a fake of APIs that speak OpenAI's dialect: OpenAI's own, Azure's in
// both forms, and others by their [Quirks]. It reads requests with the types of the official
// Go SDK, refuses what the API refuses, and answers as package fakes says.
//
// Source: OpenAI's API reference and the types of github.com/openai/openai-go v3.95;
// Microsoft Learn for Azure.
package openaichat

import (
	"encoding/json"
	"net/http"
	"slices"
	"strings"

	"github.com/sluice-ai/sluice/tests/fakes"
)

const (
	// Key is the one that is accepted.
	Key = "sk-good"
	// Token is the bearer token of Entra ID that Azure accepts.
	Token = "eyJ.entra.good"

	requestID = "req_9d1f0b3c"
)

// Quirks say how an API differs from OpenAI's. The zero value is OpenAI's own.
type Quirks struct {
	// Azure has the paths and the header of the key of Azure.
	Azure bool `yaml:"azure"`
	// Path is that of the chat below the root. Empty: "/v1/chat/completions".
	Path string `yaml:"path"`
	// Refuses are members of requests that it refuses, "messages.name",
	// "tools.function.strict" and "response_format.json_schema" among them.
	Refuses []string `yaml:"refuses"`
	// MaxTokens is the one of max_tokens and max_completion_tokens that it knows. Empty: both.
	MaxTokens string `yaml:"max_tokens"`
	// NoDeveloper refuses the role developer.
	NoDeveloper bool `yaml:"no_developer"`
	// Seed is what it calls seed. Empty: that.
	Seed string `yaml:"seed"`
	// Required is what it calls the tool_choice "required". Empty: that. "-": refuses it.
	Required string `yaml:"required"`
	// OneChoice refuses n above 1.
	OneChoice bool `yaml:"one_choice"`
	// Reasoning is where the thoughts stand in answers: "reasoning_content", "reasoning" or
	// "parts" of the content. Empty: nowhere.
	Reasoning string `yaml:"reasoning"`
	// TakesBack are the members of the assistant's messages that it knows beside OpenAI's.
	// NeedsBack is the one that it needs in loops of tools when it has thought.
	TakesBack []string `yaml:"takes_back"`
	NeedsBack string   `yaml:"needs_back"`
	// StreamUsage is "asked", the default, "always" without stream_options, "x_groq" in
	// x_groq.usage of the last chunk, "choice" in the choice of the last chunk, or "each" in
	// each chunk.
	StreamUsage string `yaml:"stream_usage"`
	// FinishReasons stand in for OpenAI's, as "stop": "eos".
	FinishReasons map[string]string `yaml:"finish_reasons"`
}

// Fake is the API.
type Fake struct {
	fakes.Recorder

	Quirks Quirks
}

// ServeHTTP serves chat completions.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := f.Take(r)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Request-Id", requestID)
	deployment, found := f.route(r)
	switch {
	case !found:
		refuse(w, failure{http.StatusNotFound, "invalid_request_error", "", "Unknown request URL: " + r.Method + " " + r.URL.Path, ""})
	case !f.admits(w, r):
	default:
		f.chat(w, r, body, deployment)
	}
}

func (f *Fake) route(r *http.Request) (deployment string, found bool) {
	if r.Method != http.MethodPost {
		return "", false
	}
	if !f.Quirks.Azure {
		path := f.Quirks.Path
		if path == "" {
			path = "/v1/chat/completions"
		}
		return "", r.URL.Path == path
	}
	if r.URL.Path == "/openai/v1/chat/completions" {
		return "", true
	}
	name, ok := strings.CutPrefix(r.URL.Path, "/openai/deployments/")
	if !ok || r.URL.Query().Get("api-version") == "" {
		return "", false
	}
	return strings.CutSuffix(name, "/chat/completions")
}

// admits checks the key.
func (f *Fake) admits(w http.ResponseWriter, r *http.Request) bool {
	key, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if f.Quirks.Azure {
		if r.Header.Get("Api-Key") == Key || bearer && key == Token {
			return true
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write([]byte(`{"error":{"code":"401","message":"Access denied due to invalid subscription key or wrong API endpoint. ` +
			`Make sure to provide a valid key for an active subscription and use a correct regional API endpoint for your resource."}}`))
		return false
	}
	switch {
	case key == Key:
		return true
	case !bearer || key == "":
		refuse(w, failure{http.StatusUnauthorized, "invalid_request_error", "", "You didn't provide an API key. You need to provide your API key in an " +
			"Authorization header using Bearer auth (i.e. Authorization: Bearer YOUR_KEY).", ""})
	default:
		refuse(w, failure{http.StatusUnauthorized, "invalid_request_error", "invalid_api_key", "Incorrect API key provided: " + key +
			". You can find your API key at https://platform.openai.com/account/api-keys.", ""})
	}
	return false
}

func (f *Fake) chat(w http.ResponseWriter, r *http.Request, body []byte, deployment string) {
	asked, failed := f.Quirks.decode(body)
	if failed != nil {
		refuse(w, *failed)
		return
	}
	model := asked.params.Model
	if deployment != "" {
		model = deployment
	}
	q := asked.question(f.Quirks)
	if name := q.Trigger("error"); name != "" {
		if known, ok := errors[name]; ok {
			if known.status == http.StatusTooManyRequests {
				w.Header().Set("Retry-After", "7")
			}
			refuse(w, known)
			return
		}
	}
	a := q.Answer()
	out := answer{quirks: f.Quirks, model: model, asked: asked, question: q, Answer: a}
	if asked.stream {
		f.stream(w, r, out)
		return
	}
	if a.Hangs {
		f.Hang(r)
		return
	}
	_, _ = w.Write(out.completion())
}

// failure is an error of the API.
type failure struct {
	status              int
	kind, code, message string
	param               string
}

func invalid(param, code, message string) *failure {
	return &failure{http.StatusBadRequest, "invalid_request_error", code, message, param}
}

// errors are the documented ones, by their codes.
//
// Source: OpenAI's "Error codes" and the messages as users of the API quote them.
var errors = map[string]failure{
	"invalid_api_key":          {http.StatusUnauthorized, "invalid_request_error", "invalid_api_key", "Incorrect API key provided.", ""},
	"unsupported_country":      {http.StatusForbidden, "request_forbidden", "unsupported_country_region_territory", "Country, region, or territory not supported", ""},
	"model_not_found":          {http.StatusNotFound, "invalid_request_error", "model_not_found", "The model `x` does not exist or you do not have access to it.", ""},
	"context_length_exceeded":  {http.StatusBadRequest, "invalid_request_error", "context_length_exceeded", "This model's maximum context length is 8192 tokens.", "messages"},
	"content_filter":           {http.StatusBadRequest, "invalid_request_error", "content_filter", "The response was filtered due to the prompt triggering the content management policy.", "prompt"},
	"rate_limit_exceeded":      {http.StatusTooManyRequests, "requests", "rate_limit_exceeded", "Rate limit reached for requests", ""},
	"insufficient_quota":       {http.StatusTooManyRequests, "insufficient_quota", "insufficient_quota", "You exceeded your current quota, please check your plan and billing details.", ""},
	"server_error":             {http.StatusInternalServerError, "server_error", "", "The server had an error while processing your request. Sorry about that!", ""},
	"overloaded":               {http.StatusServiceUnavailable, "server_error", "", "The engine is currently overloaded, please try again later", ""},
	"string_above_max_length":  {http.StatusBadRequest, "invalid_request_error", "string_above_max_length", "Invalid 'user': string too long.", "user"},
	"unsupported_value":        {http.StatusBadRequest, "invalid_request_error", "unsupported_value", "Unsupported value: 'temperature' does not support 0.2 with this model.", "temperature"},
	"billing_hard_limit_reach": {http.StatusBadRequest, "invalid_request_error", "billing_hard_limit_reached", "Billing hard limit has been reached", ""},
}

func refuse(w http.ResponseWriter, f failure) {
	null := func(text string) any {
		if text == "" {
			return nil
		}
		return text
	}
	w.WriteHeader(f.status)
	_, _ = w.Write(encode(object{"error": object{"message": f.message, "type": f.kind, "param": null(f.param), "code": null(f.code)}}))
}

type object = map[string]any

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers
	}
	return b
}

func (q Quirks) refuses(member string) bool { return slices.Contains(q.Refuses, member) }
