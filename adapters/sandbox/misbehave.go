package sandbox

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// failure is an error that a model's name asks for.
type failure struct {
	// status is the HTTP status; 0 for a provider that gave no answer, and then kind
	// says what happened.
	status int
	kind   adapters.Kind
	// code picks one of several errors of a status; "" the usual one.
	code string
	// retryAfter is how long the caller shall wait. 0: the status's own.
	retryAfter time.Duration
}

// shape is the error that OpenAI sends with a status.
type shape struct {
	kind       adapters.Kind
	errorType  string
	param      string
	code       string
	message    string
	retryAfter time.Duration
}

const (
	typeInvalid = "invalid_request_error"
	typeServer  = "server_error"
)

// shapes are the errors by status.
//
// Source: OpenAI API guide "Error codes", and the objects that its API sends with
// them; 413, 529 and the 5xx of proxies have no object of OpenAI's own.
var shapes = map[int]shape{
	400: {kind: adapters.KindInvalid, errorType: typeInvalid, param: "messages", code: "invalid_value", message: "the request is invalid"},
	401: {kind: adapters.KindAuth, errorType: typeInvalid, code: "invalid_api_key", message: "the API key is not valid"},
	403: {kind: adapters.KindPermission, errorType: "request_forbidden", code: "unsupported_country_region_territory", message: "the country, region or territory is not served"},
	404: {kind: adapters.KindNotFound, errorType: typeInvalid, param: "model", code: "model_not_found", message: "the model does not exist"},
	408: {kind: adapters.KindTimeout, errorType: typeInvalid, code: "request_timeout", message: "the request did not arrive in time"},
	409: {kind: adapters.KindConflict, errorType: typeInvalid, code: "conflict", message: "another request changed the resource"},
	413: {kind: adapters.KindTooLarge, errorType: typeInvalid, code: "request_too_large", message: "the request is too large"},
	422: {kind: adapters.KindInvalid, errorType: typeInvalid, code: "unprocessable_entity", message: "the request is well-formed and cannot be processed"},
	429: {kind: adapters.KindRateLimited, errorType: "requests", code: "rate_limit_exceeded", message: "the rate limit is used up", retryAfter: time.Second},
	500: {kind: adapters.KindUnavailable, errorType: typeServer, message: "the server had an error"},
	502: {kind: adapters.KindUnavailable, errorType: typeServer, code: "bad_gateway", message: "the server behind the server had an error"},
	503: {kind: adapters.KindOverloaded, errorType: typeServer, code: "service_unavailable", message: "the server is overloaded"},
	504: {kind: adapters.KindTimeout, errorType: typeServer, code: "gateway_timeout", message: "the server behind the server did not answer in time"},
	529: {kind: adapters.KindOverloaded, errorType: "overloaded_error", code: "overloaded", message: "the server is overloaded"},
}

// named are the further errors of a status, by code.
var named = map[string]shape{
	"content_filter":     {kind: adapters.KindContentFiltered, errorType: typeInvalid, param: "prompt", code: "content_filter", message: "the input was refused by the content policy"},
	"insufficient_quota": {kind: adapters.KindRateLimited, errorType: "insufficient_quota", code: "insufficient_quota", message: "the quota is used up: plan and billing decide"},
}

// shape returns the error of f.
func (f *failure) shape() shape {
	if f.code != "" {
		return named[f.code]
	}
	if s, ok := shapes[f.status]; ok {
		return s
	}
	text := strings.ToLower(http.StatusText(f.status))
	if text == "" {
		text = "no text for this status"
	}
	if f.status >= 500 {
		return shape{kind: adapters.KindUnavailable, errorType: typeServer, message: text}
	}
	return shape{kind: adapters.KindInvalid, errorType: typeInvalid, message: text}
}

// failing reads "429" and "429-30s".
func failing(argument string) (model, bool) {
	code, delay, delayed := strings.Cut(argument, "-")
	status, ok := parseCount(code, 400, 599)
	if !ok {
		return model{}, false
	}
	f := &failure{status: int(status)}
	if delayed {
		if f.retryAfter, ok = parseDelay(delay); !ok {
			return model{}, false
		}
	}
	return model{fail: f}, true
}

// failed is the error of a model that fails, or nil when this request goes well.
func (s *sandbox) failed(m *model, d digest) error {
	f := m.fail
	if f == nil {
		return nil
	}
	if m.isFlaky() && d.derive("flaky", 0).number()%100 >= m.percent {
		return nil
	}
	return s.failure(m, f, d)
}

func (m *model) isFlaky() bool { return m.fail != nil && strings.HasPrefix(m.id, "flaky") }

func (s *sandbox) failure(m *model, f *failure, d digest) *adapters.Error {
	if f.status == 0 {
		message := "the provider cannot be reached"
		if f.kind == adapters.KindTimeout {
			message = "the provider did not answer in time"
		}
		return &adapters.Error{Kind: f.kind, Provider: s.name, Message: asked(message, m.id)}
	}
	is := f.shape()
	e := s.refusal(f.status, is.kind, asked(is.message, m.id), is.errorType, is.param, is.code)
	e.Header = replyHeader(d, 0)
	if e.RetryAfter = is.retryAfter; f.retryAfter != 0 {
		e.RetryAfter = f.retryAfter
	}
	if f.status == http.StatusTooManyRequests {
		e.Header.Set("x-ratelimit-remaining-requests", "0")
		if e.RetryAfter != 0 {
			e.Header.Set("x-ratelimit-reset-requests", e.RetryAfter.String())
		}
	}
	if e.RetryAfter != 0 {
		seconds := int64(math.Ceil(e.RetryAfter.Seconds()))
		e.Header.Add("retry-after", strconv.FormatInt(seconds, 10))
		e.Header.Add("retry-after-ms", strconv.FormatInt(e.RetryAfter.Milliseconds(), 10))
	}
	return e
}

// asked says in an error's message that nothing is wrong but the model's name.
func asked(message, id string) string {
	return message + " (model " + id + " of the sandbox answers so on demand)"
}

// refusal builds an error with OpenAI's envelope. Empty param and code are null.
func (s *sandbox) refusal(status int, kind adapters.Kind, message, errorType, param, code string) *adapters.Error {
	e := &sluicev1.Error{Message: message, Type: new(errorType)}
	if param != "" {
		e.Param = new(param)
	}
	if code != "" {
		e.Code = &sluicev1.Error_CodeString{CodeString: code}
	}
	return &adapters.Error{
		Kind: kind, Provider: s.name, Status: status, Message: message,
		Envelope: &sluicev1.ErrorEnvelope{Error: e},
	}
}

// invalid is the refusal of a request by its own fault.
func (s *sandbox) invalid(param, code, format string, args ...any) *adapters.Error {
	return s.refusal(http.StatusBadRequest, adapters.KindInvalid, fmt.Sprintf(format, args...), typeInvalid, param, code)
}

func (s *sandbox) unknownModel(id string) *adapters.Error {
	message := fmt.Sprintf("the sandbox has no model %q: list the models for those it has", clipRunes(id, 64))
	return s.refusal(http.StatusNotFound, adapters.KindNotFound, message, typeInvalid, "model", "model_not_found")
}

// wrongModel refuses a model that exists and does something else.
func (s *sandbox) wrongModel(id, does, instead string) *adapters.Error {
	message := fmt.Sprintf("the model %q of the sandbox does not %s: %q does", id, does, instead)
	return s.refusal(http.StatusNotFound, adapters.KindNotFound, message, typeInvalid, "model", "")
}

// brokenOff is the error of a stream that ends as the model's name asks for, or of
// the unary call in its place.
func (s *sandbox) brokenOff(ctx context.Context, m *model, d digest) error {
	switch m.breaking {
	case breakHang:
		<-ctx.Done()
		return ctx.Err()
	case breakError:
		return s.failure(m, &failure{status: http.StatusInternalServerError}, d)
	case breakNone, breakCut:
	}
	return &adapters.Error{
		Kind: adapters.KindProtocol, Provider: s.name,
		Message: asked("the answer broke off before its end", m.id),
	}
}

// wait ends after d, or at once with the context's error.
func wait(ctx context.Context, d time.Duration) error {
	if d <= 0 {
		return ctx.Err()
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// begin does what a model does before it answers: wait, hang or fail.
func (s *sandbox) begin(ctx context.Context, m *model, d digest) error {
	if m.hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if err := wait(ctx, m.first); err != nil {
		return err
	}
	return s.failed(m, d)
}
