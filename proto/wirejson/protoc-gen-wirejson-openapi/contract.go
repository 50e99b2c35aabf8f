package main

import "embed"

// What the proto files cannot say of Sluice's REST surface stands here.

const (
	title   = "Sluice"
	version = "v1"
	about   = "One API for all model providers, compatible with OpenAI's.\n\n" +
		"Sluice loses nothing: members that this document does not name pass in both directions, an explicit null " +
		"stays null, and a provider's answer arrives with the members that it has. So no schema here is closed, " +
		"members of relayed answers are not required, and the documented values of an open string are not the only ones.\n\n" +
		"The same services speak gRPC, Connect and gRPC-Web."

	// errorEnvelope is the message that every error answer on this surface is.
	errorEnvelope = "sluice.v1.ErrorEnvelope"
	// errorReason is the enum whose values the x-sluice-error-reason header carries,
	// without their prefix and in lower case.
	errorReason = "sluice.v1.ErrorReason"
)

// ownAnswers are the messages that Sluice itself writes, so that what the contract
// always writes is always there. All others may be a provider's words.
var ownAnswers = []string{"sluice.v1.ListModelsResponse"}

// multiSegmentNote is added to the description of a path parameter that may hold slashes.
const multiSegmentNote = "Slashes may be sent as they are or as %2F."

// streamMember is the member by which a request asks for server-sent events.
var streamMember = member{"stream", object{
	{"description", "Answer with server-sent events, as the answer is written. Null and absent: false."},
	{"type", []string{"boolean", "null"}},
	{"default", false},
}}

const streamNotes = "The answer as server-sent events, when the request says `\"stream\": true`. Each event is `data: ` and one " +
	"JSON object of this schema, then an empty line; lines that begin with a colon are keep-alive comments. " +
	"The stream ends with `data: [DONE]`. A call that fails before its first event is answered with a status and a JSON error " +
	"instead; one that breaks later sends `data: {\"error\": {...}}` as its last event, and no `[DONE]`."

// status is an HTTP status that errors come with.
type status struct {
	code int
	text string
}

var errorStatuses = []status{
	{400, "The request is not valid."},
	{401, "No valid key."},
	{403, "The key may not do this."},
	{404, "The model, resource or path does not exist."},
	{405, "The path does not take this HTTP method."},
	{408, "The request took too long to arrive, or the provider says so."},
	{409, "The provider reports a conflict."},
	{413, "The request is too large."},
	{415, "The path does not read this content type."},
	{422, "The provider cannot process the request."},
	{429, "A limit or quota is used up, the caller's at Sluice or Sluice's at the provider."},
	{499, "The caller cancelled the call."},
	{500, "A defect of Sluice, or the provider failed."},
	{502, "The provider could not be reached, or its answer could not be understood."},
	{503, "Overloaded, spared after failures, or shutting down."},
	{504, "The provider did not answer in time, or the deadline passed."},
}

// header is a response header; errorsOnly ones are left out of successes.
type header struct {
	name, component string
	errorsOnly      bool
	schema          object
	description     string
}

var headers = []header{
	{"x-request-id", "RequestId", false, object{{"type", "string"}},
		"Id of the call, to be named in questions about it."},
	{"x-sluice-error-reason", "ErrorReason", true, refTo("schemas", reasonSchema),
		"Why the call failed, in one word that is the same through every door. Branch on it, not on messages."},
	{"retry-after", "RetryAfter", true, object{{"type", "string"}},
		"How long to wait before another try: whole seconds, or an HTTP date that a provider sent. Absent: no advice."},
	{"x-should-retry", "ShouldRetry", true, object{{"type", "string"}, {"enum", []string{"true", "false"}}},
		"Whether sending the same again may succeed. The official SDKs obey it."},
}

const reasonSchema = "ErrorReason"

// examples holds <Method>.json: the OpenAPI examples of that method's request body.
// Each works against the built-in sandbox provider.
//
//go:embed examples
var examples embed.FS

// parameterExamples are examples of path parameters, by method.
var parameterExamples = map[string]string{"GetModel": "sandbox/chat"}
