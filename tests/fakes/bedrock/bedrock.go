// Package bedrock is a fake of Amazon Bedrock's Converse and ConverseStream. It reads
// requests with the types of the official Go SDK, checks their signature with the SDK's
// signer, refuses what the API refuses in its own words, and answers as package fakes says.
//
// Source: Amazon Bedrock's API reference and user guide ("Troubleshooting Amazon Bedrock API
// Error Codes"), and the types of aws-sdk-go-v2/service/bedrockruntime v1.63.
package bedrock

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluice-ai/sluice/tests/fakes"
)

const (
	// AccessKeyID is the one that signatures are checked with.
	AccessKeyID = "AKIAGOOD000000000000"
	// SecretAccessKey belongs to it.
	SecretAccessKey = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYgoodgoodgo"
	// Region is that of signatures.
	Region = "us-east-1"
	// ExpiredToken is a session token that was good.
	ExpiredToken = "IQoJb3JpZ2luX2VjEXPIRED"
	// APIKey is a Bedrock API key, accepted as a bearer token.
	APIKey = "bedrock-api-key-good"
)

// Fake is the API. The zero value is ready.
type Fake struct{ fakes.Recorder }

// ServeHTTP serves /model/{id}/converse and /model/{id}/converse-stream.
func (f *Fake) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := f.Take(r)
	if err != nil {
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Amzn-Requestid", "5c0b1ab5-5d6e-4c3b-9a4c-0f6f3a9f1a11")
	if failed := admits(r, body); failed != nil {
		refuse(w, *failed)
		return
	}
	escaped, ok := strings.CutPrefix(r.URL.EscapedPath(), "/model/")
	segment, operation, slash := strings.Cut(escaped, "/")
	model, err := url.PathUnescape(segment)
	switch {
	case !ok || !slash || err != nil || r.Method != http.MethodPost:
		refuse(w, failure{http.StatusNotFound, "UnknownOperationException", ""})
	case strings.HasPrefix(model, "no-such"):
		refuse(w, *invalid("The provided model identifier is invalid."))
	case operation == "count-tokens":
		_, _ = w.Write([]byte(`{"inputTokens":21}`))
	case operation == "converse", operation == "converse-stream":
		f.converse(w, r, body, model, operation == "converse-stream")
	default:
		refuse(w, failure{http.StatusNotFound, "UnknownOperationException", ""})
	}
}

func (f *Fake) converse(w http.ResponseWriter, r *http.Request, body []byte, model string, stream bool) {
	asked, failed := decode(body, model)
	if failed == nil {
		failed = asked.check()
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
	a := q.Answer()
	switch {
	case stream:
		f.stream(w, r, q, a)
	case a.Hangs:
		f.Hang(r)
	default:
		_, _ = w.Write(message(a))
	}
}

// failure is an error of the API.
type failure struct {
	status        int
	kind, message string
}

func invalid(message string) *failure {
	return &failure{http.StatusBadRequest, "ValidationException", message}
}

// errors are the documented ones, by their names.
//
// Source: API reference of Converse, "Errors"; user guide, "Troubleshooting Amazon Bedrock
// API Error Codes".
var errors = map[string]failure{
	"AccessDeniedException":         {http.StatusForbidden, "AccessDeniedException", "You don't have access to the model with the specified model ID."},
	"ExpiredTokenException":         {http.StatusForbidden, "ExpiredTokenException", "The security token included in the request is expired"},
	"UnrecognizedClientException":   {http.StatusForbidden, "UnrecognizedClientException", "The security token included in the request is invalid."},
	"ValidationException":           {http.StatusBadRequest, "ValidationException", "The input fails to satisfy the constraints specified by Amazon Bedrock."},
	"ResourceNotFoundException":     {http.StatusNotFound, "ResourceNotFoundException", "The specified resource ARN was not found."},
	"ModelTimeoutException":         {http.StatusRequestTimeout, "ModelTimeoutException", "The request took too long to process. Processing time exceeded the model timeout length."},
	"ModelErrorException":           {http.StatusFailedDependency, "ModelErrorException", "The request failed due to an error while processing the model."},
	"ThrottlingException":           {http.StatusTooManyRequests, "ThrottlingException", "Too many requests, please wait before trying again."},
	"ModelNotReadyException":        {http.StatusTooManyRequests, "ModelNotReadyException", "The model specified in the request is not ready to serve inference requests."},
	"InternalServerException":       {http.StatusInternalServerError, "InternalServerException", "An internal server error occurred. Retry your request."},
	"ServiceUnavailableException":   {http.StatusServiceUnavailable, "ServiceUnavailableException", "The service isn't currently available."},
	"ServiceQuotaExceededException": {http.StatusBadRequest, "ServiceQuotaExceededException", "Your request exceeds the service quota for your account."},
}

// refuse says the type in the header and not in the body, as AWS's REST protocols do.
func refuse(w http.ResponseWriter, f failure) {
	w.Header().Set("X-Amzn-Errortype", f.kind+":http://internal.amazon.com/coral/com.amazon.bedrock/")
	w.WriteHeader(f.status)
	_, _ = w.Write(encode(object{"message": f.message}))
}

type object = map[string]any

func encode(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err) // texts and numbers
	}
	return b
}
