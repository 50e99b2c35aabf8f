package bedrock

import (
	"cmp"
	"net/http"
	"slices"
	"strings"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// decodeEnvelope reads {"__type": ..., "message": ...}, and the "Message" of the gateways in
// front of the service.
func decodeEnvelope(body []byte) *sluicev1.ErrorEnvelope {
	f := new(bedrockpb.Failure)
	if wirejson.Unmarshal(body, f, lenient) != nil || f.Type == nil && f.Message == nil && f.CapitalMessage == nil {
		return nil
	}
	e := &sluicev1.Error{Message: f.GetMessage()}
	e.Rest = graft(e, f.GetRest())
	if f.Message == nil {
		e.Message = f.GetCapitalMessage()
	}
	// A bad signature is explained by quoting what was signed, the session's token included.
	e.Message, _, _ = strings.Cut(e.Message, "\n\nThe Canonical String for this request")
	if name := cmp.Or(f.GetType(), text(f.GetRest(), "code"), text(f.GetRest(), "type")); name != "" {
		setType(e, typeName(name))
	}
	return &sluicev1.ErrorEnvelope{Error: e}
}

const (
	// headerErrorType is where AWS's JSON protocols name an error's type, with a link
	// behind it.
	//
	// Source: Smithy, "AWS restJson1 protocol", "Operation error serialization".
	headerErrorType = "x-amzn-errortype"
	// headerRequestID is the id that AWS's support asks for.
	headerRequestID = "x-amzn-requestid"
)

// setType says the error's type in both places where callers look.
func setType(e *sluicev1.Error, name string) {
	e.Type = &name
	e.Code = &sluicev1.Error_CodeString{CodeString: name}
}

// typeName is the name of an error's type without its namespace, "com.amazon.x#Name", and
// with the first letter that it has outside of streams.
func typeName(name string) string {
	name = name[strings.LastIndexByte(name, '#')+1:]
	name, _, _ = strings.Cut(name, ":")
	if name != "" && name[0] >= 'a' && name[0] <= 'z' {
		name = strings.ToUpper(name[:1]) + name[1:]
	}
	return name
}

// statuses are those that the types of errors have.
//
// Sources: the errors of Converse in the Amazon Bedrock API reference; "Troubleshooting
// Amazon Bedrock API Error Codes" in its user guide; "Common Error Types" of AWS.
var statuses = map[string]int{
	"ValidationException":                 http.StatusBadRequest,
	"ServiceQuotaExceededException":       http.StatusBadRequest,
	"IncompleteSignature":                 http.StatusBadRequest,
	"AccessDeniedException":               http.StatusForbidden,
	"ExpiredTokenException":               http.StatusForbidden,
	"UnrecognizedClientException":         http.StatusForbidden,
	"InvalidSignatureException":           http.StatusForbidden,
	"IncompleteSignatureException":        http.StatusForbidden,
	"MissingAuthenticationToken":          http.StatusForbidden,
	"InvalidClientTokenId":                http.StatusForbidden,
	"ResourceNotFoundException":           http.StatusNotFound,
	"ModelTimeoutException":               http.StatusRequestTimeout,
	"ConflictException":                   http.StatusConflict,
	"ModelErrorException":                 http.StatusFailedDependency,
	"ModelStreamErrorException":           http.StatusFailedDependency,
	"ThrottlingException":                 http.StatusTooManyRequests,
	"ModelNotReadyException":              http.StatusTooManyRequests,
	"InternalServerException":             http.StatusInternalServerError,
	"InternalFailure":                     http.StatusInternalServerError,
	"ServiceUnavailableException":         http.StatusServiceUnavailable,
	"MissingAuthenticationTokenException": http.StatusForbidden,
}

func statusOf(envelope *sluicev1.ErrorEnvelope) int { return statuses[envelope.GetError().GetType()] }

// typeOfStatus is the type of errors whose body does not say it, where only one has the
// status.
var typeOfStatus = map[int]string{
	http.StatusNotFound:            "ResourceNotFoundException",
	http.StatusRequestTimeout:      "ModelTimeoutException",
	http.StatusFailedDependency:    "ModelErrorException",
	http.StatusTooManyRequests:     "ThrottlingException",
	http.StatusInternalServerError: "InternalServerException",
	http.StatusServiceUnavailable:  "ServiceUnavailableException",
}

// typeOfWords are the types of refused credentials by the words that AWS has for them.
var typeOfWords = []struct{ words, name string }{
	{"security token included in the request is expired", "ExpiredTokenException"},
	{"security token included in the request is invalid", "UnrecognizedClientException"},
	{"signature we calculated does not match", "InvalidSignatureException"},
	{"Signature expired", "InvalidSignatureException"},
	{"Credential should be scoped to", "InvalidSignatureException"},
	{"Missing Authentication Token", "MissingAuthenticationTokenException"},
}

// nameType gives an error that came without its type the one that it must have.
func nameType(failure *adapters.Error) {
	e := failure.Envelope.GetError()
	for _, known := range typeOfWords {
		if strings.Contains(e.GetMessage(), known.words) {
			setType(e, known.name)
			return
		}
	}
	name := typeOfStatus[failure.Status]
	switch failure.Status {
	case http.StatusBadRequest:
		name = "ValidationException"
	case http.StatusForbidden:
		name = "AccessDeniedException"
	}
	if name != "" {
		setType(e, name)
	}
}

// refineKind says what the types mean where the status does not: the model is not the
// request's fault.
func refineKind(failure *adapters.Error) adapters.Kind {
	e := failure.Envelope.GetError()
	if e == nil {
		return failure.Kind
	}
	if name := typeName(failure.Header.Get(headerErrorType)); e.Type == nil && name != "" {
		setType(e, name)
	} else if e.Type == nil {
		nameType(failure)
	}
	switch e.GetType() {
	case "ExpiredTokenException", "UnrecognizedClientException", "InvalidSignatureException", "IncompleteSignature",
		"IncompleteSignatureException", "MissingAuthenticationToken", "MissingAuthenticationTokenException", "InvalidClientTokenId":
		return adapters.KindAuth
	case "AccessDeniedException":
		if strings.Contains(e.GetMessage(), "API Key") || strings.Contains(e.GetMessage(), "api key") {
			return adapters.KindAuth
		}
	case "ServiceQuotaExceededException", "ThrottlingException":
		return adapters.KindRateLimited
	case "ModelNotReadyException", "ServiceUnavailableException":
		return adapters.KindOverloaded
	case "ModelErrorException", "ModelStreamErrorException":
		if tellsTooLong(e.GetMessage()) {
			return adapters.KindContextWindow
		}
		return adapters.KindUnavailable
	case "ModelTimeoutException":
		return adapters.KindTimeout
	case "ValidationException":
		switch message := e.GetMessage(); {
		case tellsTooLong(message):
			return adapters.KindContextWindow
		case strings.Contains(message, "model identifier is invalid"):
			return adapters.KindNotFound
		case strings.Contains(message, "blocked by") && strings.Contains(message, "polic"):
			return adapters.KindContentFiltered
		}
	}
	return failure.Kind
}

// tellsTooLong knows the words of models for a prompt that is too long for them: Bedrock
// hands them on.
func tellsTooLong(message string) bool {
	message = strings.ToLower(message)
	return slices.ContainsFunc(wordsOfTooLong, func(words string) bool { return strings.Contains(message, words) })
}

// The sources are messages that users reported.
var wordsOfTooLong = []string{
	"input is too long for requested model", // Anthropic on Bedrock (bedrock-chat issue 95, continue issue 6005)
	"prompt is too long",                    // Anthropic on Bedrock (goose pull request 7504, strands pull request 1663)
	"exceed context limit",                  // Anthropic (strands pull request 1663)
	"too many total text bytes",             // Anthropic on Bedrock (strands)
	"maximum context length",                // OpenAI, Mistral and Meta on Bedrock
	"too many input tokens",                 // Titan ("Too many input tokens. Max input tokens: 8192")
	"input tokens exceeded",                 // Nova
	"exceeds the context window",            // OpenAI
}
