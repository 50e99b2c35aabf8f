package providers_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/tests/fakes/anthropic"
	"github.com/sluice-ai/sluice/tests/fakes/bedrock"
	"github.com/sluice-ai/sluice/tests/fakes/fleet"
	"github.com/sluice-ai/sluice/tests/fakes/gemini"
	"github.com/sluice-ai/sluice/tests/fakes/openaichat"
	"github.com/sluice-ai/sluice/tests/harness"
)

// once makes no second attempt, and keeps no provider away: each error shows as it is.
const once = "routing: {retries: {max_attempts: 1, max_wait: 0ms}}\nbreaker: {min_calls: 1000000}\n"

// documented is an error as its provider documents it, and what the caller sees of it.
type documented struct {
	row, name string
	status    int
	reason    string
	message   string
	// kind and code are the members of the error object.
	kind, code string
}

// Sources: those of the tables "errors" of the fakes.
var documentedErrors = []documented{
	{"anthropic", "invalid_request_error", 400, "upstream_invalid_request", "There was an issue with the format or content of your request.", "invalid_request_error", "invalid_request_error"},
	{"anthropic", "authentication_error", 401, "upstream_unauthenticated", "There's an issue with your API key.", "authentication_error", "authentication_error"},
	{"anthropic", "billing_error", 402, "upstream_rate_limited", "There's an issue with your billing or payment information.", "billing_error", "insufficient_quota"},
	{"anthropic", "permission_error", 403, "upstream_permission_denied", "Your API key does not have permission to use the specified resource.", "permission_error", "permission_error"},
	{"anthropic", "not_found_error", 404, "upstream_not_found", "The requested resource was not found.", "not_found_error", "not_found_error"},
	{"anthropic", "request_too_large", 413, "upstream_too_large", "Request exceeds the maximum allowed number of bytes.", "request_too_large", "request_too_large"},
	{"anthropic", "rate_limit_error", 429, "upstream_rate_limited", "Your account has hit a rate limit.", "rate_limit_error", "rate_limit_error"},
	{"anthropic", "api_error", 500, "upstream_unavailable", "An unexpected error has occurred internal to Anthropic's systems.", "api_error", "api_error"},
	{"anthropic", "timeout_error", 504, "upstream_timeout", "The request timed out while processing.", "timeout_error", "timeout_error"},
	{"anthropic", "overloaded_error", 529, "upstream_overloaded", "The API is temporarily overloaded.", "overloaded_error", "overloaded_error"},

	{"gemini", "INVALID_ARGUMENT", 400, "upstream_invalid_request", "The request body is malformed.", "INVALID_ARGUMENT", "400"},
	{"gemini", "FAILED_PRECONDITION", 400, "upstream_permission_denied", "User location is not supported for the API use.", "FAILED_PRECONDITION", "400"},
	{"gemini", "PERMISSION_DENIED", 403, "upstream_permission_denied", "Your API key doesn't have the required permissions.", "PERMISSION_DENIED", "403"},
	{"gemini", "NOT_FOUND", 404, "upstream_not_found", "The requested resource wasn't found.", "NOT_FOUND", "404"},
	{"gemini", "RESOURCE_EXHAUSTED", 429, "upstream_rate_limited", "You exceeded your current quota, please check your plan and billing details.", "RESOURCE_EXHAUSTED", "429"},
	{"gemini", "INTERNAL", 500, "upstream_unavailable", "An unexpected error occurred on Google's side.", "INTERNAL", "500"},
	{"gemini", "UNAVAILABLE", 503, "upstream_overloaded", "The model is overloaded. Please try again later.", "UNAVAILABLE", "503"},
	{"gemini", "DEADLINE_EXCEEDED", 504, "upstream_timeout", "The service is unable to finish processing within the deadline.", "DEADLINE_EXCEEDED", "504"},

	{"bedrock (claude)", "AccessDeniedException", 403, "upstream_permission_denied", "You don't have access to the model with the specified model ID.", "AccessDeniedException", "AccessDeniedException"},
	{"bedrock (claude)", "ExpiredTokenException", 403, "upstream_unauthenticated", "The security token included in the request is expired", "ExpiredTokenException", "ExpiredTokenException"},
	{"bedrock (claude)", "UnrecognizedClientException", 403, "upstream_unauthenticated", "The security token included in the request is invalid.", "UnrecognizedClientException", "UnrecognizedClientException"},
	{"bedrock (claude)", "ValidationException", 400, "upstream_invalid_request", "The input fails to satisfy the constraints specified by Amazon Bedrock.", "ValidationException", "ValidationException"},
	{"bedrock (claude)", "ResourceNotFoundException", 404, "upstream_not_found", "The specified resource ARN was not found.", "ResourceNotFoundException", "ResourceNotFoundException"},
	{"bedrock (claude)", "ModelTimeoutException", 408, "upstream_timeout", "The request took too long to process. Processing time exceeded the model timeout length.", "ModelTimeoutException", "ModelTimeoutException"},
	{"bedrock (claude)", "ModelErrorException", 424, "upstream_unavailable", "The request failed due to an error while processing the model.", "ModelErrorException", "ModelErrorException"},
	{"bedrock (claude)", "ThrottlingException", 429, "upstream_rate_limited", "Too many requests, please wait before trying again.", "ThrottlingException", "ThrottlingException"},
	{"bedrock (claude)", "ModelNotReadyException", 429, "upstream_overloaded", "The model specified in the request is not ready to serve inference requests.", "ModelNotReadyException", "ModelNotReadyException"},
	{"bedrock (claude)", "InternalServerException", 500, "upstream_unavailable", "An internal server error occurred. Retry your request.", "InternalServerException", "InternalServerException"},
	{"bedrock (claude)", "ServiceUnavailableException", 503, "upstream_overloaded", "The service isn't currently available.", "ServiceUnavailableException", "ServiceUnavailableException"},
	{"bedrock (claude)", "ServiceQuotaExceededException", 400, "upstream_rate_limited", "Your request exceeds the service quota for your account.", "ServiceQuotaExceededException", "ServiceQuotaExceededException"},

	{"openai", "invalid_api_key", 401, "upstream_unauthenticated", "Incorrect API key provided.", "invalid_request_error", "invalid_api_key"},
	{"openai", "unsupported_country", 403, "upstream_permission_denied", "Country, region, or territory not supported", "request_forbidden", "unsupported_country_region_territory"},
	{"openai", "model_not_found", 404, "upstream_not_found", "The model `x` does not exist or you do not have access to it.", "invalid_request_error", "model_not_found"},
	{"openai", "context_length_exceeded", 400, "upstream_context_window", "This model's maximum context length is 8192 tokens.", "invalid_request_error", "context_length_exceeded"},
	{"openai", "content_filter", 400, "upstream_content_filtered", "The response was filtered due to the prompt triggering the content management policy.", "invalid_request_error", "content_filter"},
	{"openai", "rate_limit_exceeded", 429, "upstream_rate_limited", "Rate limit reached for requests", "requests", "rate_limit_exceeded"},
	{"openai", "insufficient_quota", 429, "upstream_rate_limited", "You exceeded your current quota, please check your plan and billing details.", "insufficient_quota", "insufficient_quota"},
	{"openai", "server_error", 500, "upstream_unavailable", "The server had an error while processing your request. Sorry about that!", "server_error", ""},
	{"openai", "overloaded", 503, "upstream_overloaded", "The engine is currently overloaded, please try again later", "server_error", ""},
}

func TestDocumented_errors_reach_the_caller_in_the_providers_own_words(t *testing.T) {
	w := newWorld(t, "", once)
	for _, d := range documentedErrors {
		to := w.target(t, d.row)
		call := harness.Call{JSON: []byte(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"error %s"}]}`, to.Model, d.name))}
		t.Run(d.row+"/"+d.name, func(t *testing.T) {
			// What a provider says of its key is remembered, so each error has a server of its own.
			server := harness.Start(t, w.yaml)
			for _, door := range server.Doors(t) {
				for _, streamed := range []bool{false, true} {
					var a harness.Answer
					if streamed {
						a = door.StreamChat(t.Context(), call, nil)
					} else {
						a = door.Chat(t.Context(), call)
					}
					server.Receipt(t)
					checkError(t, door.Name, d, a)
				}
			}
		})
	}
}

func checkError(t *testing.T, way string, d documented, a harness.Answer) {
	t.Helper()
	f := a.Failure
	if a.Err != nil || f == nil {
		t.Fatalf("%s: no failure: %v", way, a.Err)
	}
	code := f.Error.GetCodeString()
	if n := f.Error.GetCodeNumber(); n != 0 {
		code = fmt.Sprint(n)
	}
	got := documented{d.row, d.name, f.Status, f.Reason, f.Error.GetMessage(), f.Error.GetType(), code}
	if got != d {
		t.Errorf("%s:\ngot  %+v\nwant %+v", way, got, d)
	}
	if wait, err := strconv.Atoi(a.Header.Get("Retry-After")); waits[d.name] && (err != nil || wait < 1 || wait > 7) {
		t.Errorf("%s: Retry-After is %q, want 7, or what remains of it", way, a.Header.Get("Retry-After"))
	}
}

// waits are the errors that come with a time to wait, in a header or in the body.
var waits = map[string]bool{"rate_limit_error": true, "RESOURCE_EXHAUSTED": true, "rate_limit_exceeded": true}

// marker stands in every credential that must not be seen.
const marker = "MARKER4711"

func TestRefused_credentials_say_why_and_never_what_they_are(t *testing.T) {
	serve := func(handler http.Handler) string {
		server := httptest.NewServer(handler)
		t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
		return server.URL
	}
	claude, google, amazon := serve(&anthropic.Fake{}), serve(&gemini.Fake{}), serve(&bedrock.Fake{})
	openai, azure := serve(&openaichat.Fake{}), serve(&openaichat.Fake{Quirks: openaichat.Quirks{Azure: true}})
	vertex := serve(&fleet.Vertex{})
	tokens := serve(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write([]byte(`{"error":"invalid_grant","error_description":"Invalid JWT Signature."}`))
	}))
	aws := func(region, id, secret, session string) string {
		s := "kind: bedrock, base_url: " + amazon + ", aws: {region: " + region + ", access_key_id: " + id + ", secret_access_key: " + secret
		if session != "" {
			s += ", session_token: " + session
		}
		return s + "}"
	}
	const auth, denied = "upstream_unauthenticated", "upstream_permission_denied"
	type refusedCredential struct {
		name, settings, model string
		status                int
		reason, message       string
	}
	tests := []refusedCredential{
		{"anthropic-bad", "kind: anthropic, base_url: " + claude + "/v1, api_keys: [sk-ant-" + marker + "]", "claude-sonnet-4-5", 401, auth, "invalid x-api-key"},
		{"anthropic-none", "kind: anthropic, base_url: " + claude + "/v1", "claude-sonnet-4-5", 401, auth, "x-api-key header is required"},
		{"gemini-bad", "kind: gemini, base_url: " + google + "/v1beta, api_keys: [AIza" + marker + "]", "gemini-2.5-flash", 400, auth, "API key not valid. Please pass a valid API key."},
		{"gemini-expired", "kind: gemini, base_url: " + google + "/v1beta, api_keys: [" + gemini.ExpiredKey + "]", "gemini-2.5-flash", 400, auth, "API key expired. Please renew the API key."},
		{"gemini-none", "kind: gemini, base_url: " + google + "/v1beta", "gemini-2.5-flash", 403, denied, "Method doesn't allow unregistered callers"},
		{
			"vertex-expired", "kind: vertex, base_url: " + vertex + "/v1, google: {project: p1, location: us-central1, credentials: '" + fleet.ServiceAccount(t, "ya29."+marker) + "'}",
			"gemini-2.5-flash", 401, auth, "Request had invalid authentication credentials.",
		},
		{
			"vertex-claude-expired", "kind: vertex, base_url: " + vertex + "/v1, google: {project: p1, location: us-central1, credentials: '" + fleet.ServiceAccount(t, "ya29."+marker) + "'}",
			"claude-sonnet-4-5", 401, auth, "Request had invalid authentication credentials.",
		},
		{
			"vertex-no-token", "kind: vertex, base_url: " + vertex + "/v1, google: {project: p1, location: us-central1, credentials: '" + strings.Replace(fleet.ServiceAccount(t, ""), `"token_uri":"`, `"token_uri":"`+tokens+`/?`, 1) + "'}",
			"gemini-2.5-flash", 401, auth, "",
		},
		{"bedrock-unknown", aws(bedrock.Region, "AKIA"+marker, bedrock.SecretAccessKey, ""), claudeAtBedrock, 403, auth, "The security token included in the request is invalid."},
		{"bedrock-secret", aws(bedrock.Region, bedrock.AccessKeyID, "secret"+marker, ""), claudeAtBedrock, 403, auth, "The request signature we calculated does not match the signature you provided."},
		{"bedrock-expired", aws(bedrock.Region, bedrock.AccessKeyID, bedrock.SecretAccessKey, bedrock.ExpiredToken), claudeAtBedrock, 403, auth, "The security token included in the request is expired"},
		{"bedrock-region", aws("eu-central-1", bedrock.AccessKeyID, bedrock.SecretAccessKey, ""), claudeAtBedrock, 403, auth, "Credential should be scoped to a valid region."},
		{"bedrock-key", "kind: bedrock, base_url: " + amazon + ", api_keys: [bedrock-api-key-" + marker + "]", claudeAtBedrock, 403, auth, "Authentication failed: Please make sure your API Key is valid."},
		{"openai-bad", "kind: openai, base_url: " + openai + "/v1, api_keys: [sk-" + marker + "]", "gpt-5", 401, auth, "Incorrect API key provided: "},
		{"azure-bad", "kind: azure, base_url: " + azure + ", api_keys: [" + marker + "]", "gpt-5", 401, auth, "Access denied due to invalid subscription key or wrong API endpoint."},
		{"bedrock-model", aws(bedrock.Region, bedrock.AccessKeyID, bedrock.SecretAccessKey, ""), "no-such.model-v1:0", 400, "upstream_not_found", "The provided model identifier is invalid."},
	}
	config := "providers:\n"
	for _, c := range tests {
		config += "  - {name: " + c.name + ", " + c.settings + "}\n"
	}
	server := harness.Start(t, config+once)
	for _, c := range tests {
		t.Run(c.name, func(t *testing.T) {
			call := harness.Call{JSON: []byte(fmt.Sprintf(`{"model":"%s/%s","messages":[{"role":"user","content":"Hi"}]}`, c.name, c.model))}
			for _, door := range server.Doors(t) {
				for _, streamed := range []bool{false, true} {
					var a harness.Answer
					if streamed {
						a = door.StreamChat(t.Context(), call, nil)
					} else {
						a = door.Chat(t.Context(), call)
					}
					server.Receipt(t)
					f := a.Failure
					if a.Err != nil || f == nil {
						t.Fatalf("%s: no failure: %v", door.Name, a.Err)
					}
					if f.Status != c.status || f.Reason != c.reason || !strings.Contains(f.Error.GetMessage(), c.message) {
						t.Errorf("%s: status %d, %s: %s\nwant   status %d, %s: %s", door.Name, f.Status, f.Reason, f.Error.GetMessage(), c.status, c.reason, c.message)
					}
					if said := f.Error.String() + fmt.Sprint(a.Header) + string(a.Body); strings.Contains(said, marker) {
						t.Errorf("%s: the error shows the credential: %s", door.Name, said)
					}
				}
			}
		})
	}
	for _, secret := range []string{marker, bedrock.SecretAccessKey, bedrock.ExpiredToken, gemini.ExpiredKey, "BEGIN PRIVATE"} {
		if strings.Contains(server.Log(), secret) {
			t.Errorf("the log shows the credential %q", secret)
		}
	}
}

func TestErrors_inside_of_streams_end_them_with_the_providers_words(t *testing.T) {
	w := newWorld(t, "", once)
	for row, want := range map[string]string{
		"anthropic": "Overloaded", "vertex (claude)": "Overloaded", "bedrock (claude)": "An error occurred while streaming the response.",
		"openai": "The server had an error while processing your request.", "gemini": "The model is overloaded. Please try again later.",
	} {
		to := w.target(t, row)
		call := harness.Call{JSON: []byte(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"error in the stream"}]}`, to.Model))}
		t.Run(row, func(t *testing.T) {
			for _, door := range w.server.Doors(t) {
				a := door.StreamChat(t.Context(), call, nil)
				w.server.Receipt(t)
				if a.Err != nil || a.Failure == nil || a.Failure.Error.GetMessage() != want {
					t.Errorf("%s: %+v, %v; want %q", door.Name, a.Failure, a.Err, want)
				}
			}
		})
	}
}

func TestA_caller_who_leaves_ends_the_call_at_the_provider_within_a_second(t *testing.T) {
	w := newWorld(t, "", once)
	w.server.LeaveReceipts()
	for _, row := range dialects {
		to := w.target(t, row)
		call := harness.Call{JSON: []byte(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"hang"}]}`, to.Model))}
		for _, streamed := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/streamed %v", row, streamed), func(t *testing.T) {
				gone, arrived := to.Received.Gone(), to.Received.Next()
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				ended := make(chan struct{})
				began := make(chan struct{}, 1)
				go func() {
					defer close(ended)
					if streamed {
						w.server.REST().StreamChat(ctx, call, func(*sluicev1.ChatCompletionChunk) {
							select {
							case began <- struct{}{}:
							default:
							}
						})
					} else {
						w.server.REST().Chat(ctx, call)
					}
				}()
				if streamed {
					harness.Within(t, harness.Patience, began, "the first chunk")
				} else {
					harness.Within(t, harness.Patience, arrived, "the request at the provider")
				}
				leave()
				harness.Within(t, time.Second, gone, "the end of the call at the provider")
				harness.Within(t, harness.Patience, ended, "the end of the caller")
			})
		}
	}
}
