package fault

import (
	"net/http"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// StatusClientClosedRequest is the status under which a call that its caller left
// is accounted for. Nobody receives it. Source: nginx's convention.
const StatusClientClosedRequest = 499

// row is what a reason means on the REST door when Sluice itself speaks.
type row struct {
	status    int
	typ       string // OpenAI's error.type
	code      string // OpenAI's error.code; "" is null
	retryable bool
}

const (
	typeInvalid    = "invalid_request_error"
	typeAuth       = "authentication_error"
	typePermission = "permission_error"
	typeRateLimit  = "rate_limit_error"
	typeUpstream   = "upstream_error"
	typeServer     = "server_error"
)

// table holds every reason. Types and codes are OpenAI's where it has them
// (API reference, "Error codes", 2026-11).
var table = map[sluicev1.ErrorReason]row{
	sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST:        {http.StatusBadRequest, typeInvalid, "", false},
	sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE:      {http.StatusRequestEntityTooLarge, typeInvalid, "request_too_large", false},
	sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND:        {http.StatusNotFound, typeInvalid, "model_not_found", false},
	sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND:              {http.StatusNotFound, typeInvalid, "unknown_url", false},
	sluicev1.ErrorReason_ERROR_REASON_METHOD_NOT_ALLOWED:     {http.StatusMethodNotAllowed, typeInvalid, "method_not_allowed", false},
	sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED_MEDIA_TYPE: {http.StatusUnsupportedMediaType, typeInvalid, "unsupported_media_type", false},
	sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED:            {http.StatusBadRequest, typeInvalid, "unsupported", false},
	sluicev1.ErrorReason_ERROR_REASON_CANCELED:               {StatusClientClosedRequest, typeInvalid, "canceled", false},
	sluicev1.ErrorReason_ERROR_REASON_UNAUTHENTICATED:        {http.StatusUnauthorized, typeAuth, "invalid_api_key", false},
	sluicev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED:      {http.StatusForbidden, typePermission, "permission_denied", false},
	sluicev1.ErrorReason_ERROR_REASON_RATE_LIMITED:           {http.StatusTooManyRequests, typeRateLimit, "rate_limit_exceeded", true},

	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_INVALID_REQUEST:   {http.StatusBadRequest, typeInvalid, "", false},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAUTHENTICATED:   {http.StatusUnauthorized, typeAuth, "upstream_unauthenticated", false},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PERMISSION_DENIED: {http.StatusForbidden, typePermission, "upstream_permission_denied", false},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_NOT_FOUND:         {http.StatusNotFound, typeInvalid, "model_not_found", false},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONFLICT:          {http.StatusConflict, typeUpstream, "upstream_conflict", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TOO_LARGE:         {http.StatusRequestEntityTooLarge, typeInvalid, "request_too_large", false},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED:      {http.StatusTooManyRequests, typeRateLimit, "rate_limit_exceeded", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_OVERLOADED:        {http.StatusServiceUnavailable, typeUpstream, "upstream_overloaded", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAVAILABLE:       {http.StatusBadGateway, typeUpstream, "upstream_unavailable", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT:           {http.StatusGatewayTimeout, typeUpstream, "upstream_timeout", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTENT_FILTERED:  {http.StatusBadRequest, typeInvalid, "content_filter", false},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL:          {http.StatusBadGateway, typeUpstream, "upstream_protocol", true},
	sluicev1.ErrorReason_ERROR_REASON_CIRCUIT_OPEN:               {http.StatusServiceUnavailable, typeUpstream, "circuit_open", true},

	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONNECT_TIMEOUT:     {http.StatusGatewayTimeout, typeUpstream, "upstream_connect_timeout", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_BYTE_TIMEOUT:  {http.StatusGatewayTimeout, typeUpstream, "upstream_first_byte_timeout", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_FIRST_TOKEN_TIMEOUT: {http.StatusGatewayTimeout, typeUpstream, "upstream_first_token_timeout", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_IDLE_TIMEOUT:        {http.StatusGatewayTimeout, typeUpstream, "upstream_idle_timeout", true},
	sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_CONTEXT_WINDOW:      {http.StatusBadRequest, typeInvalid, "context_length_exceeded", false},
	sluicev1.ErrorReason_ERROR_REASON_TARGET_SATURATED:             {http.StatusServiceUnavailable, typeUpstream, "target_saturated", true},
	sluicev1.ErrorReason_ERROR_REASON_OVERLOADED:                   {http.StatusServiceUnavailable, typeServer, "overloaded", true},

	sluicev1.ErrorReason_ERROR_REASON_DEADLINE_EXCEEDED: {http.StatusGatewayTimeout, typeServer, "deadline_exceeded", false},
	sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN:     {http.StatusServiceUnavailable, typeServer, "shutting_down", true},
	sluicev1.ErrorReason_ERROR_REASON_INTERNAL:          {http.StatusInternalServerError, typeServer, "internal_error", false},
}

// ReasonName returns the reason without its prefix, in lower case, as headers,
// logs and metrics show it: "model_not_found".
func ReasonName(r sluicev1.ErrorReason) string {
	return strings.ToLower(strings.TrimPrefix(r.String(), "ERROR_REASON_"))
}

func object(r row, message string) *sluicev1.Error {
	e := &sluicev1.Error{Message: message, Type: &r.typ}
	if r.code != "" {
		e.Code = &sluicev1.Error_CodeString{CodeString: r.code}
	}
	return e
}
