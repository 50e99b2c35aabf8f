package edge

import (
	"net/http"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/usage"
)

// endpoint is a path of the REST door.
type endpoint struct {
	// path below the prefix; when it ends in "/", an id follows.
	path      string
	method    string
	operation usage.Operation
	// stream: "stream": true in the body asks for events.
	stream bool
}

// prefix is what every path of the REST door begins with, and how base URLs end.
const prefix = "/v1"

const chatPath = "/chat/completions"

// endpoints holds every path of the google.api.http options of sluice.v1.
var endpoints = []endpoint{
	{path: chatPath, method: http.MethodPost, operation: usage.OperationChat, stream: true},
	{path: "/chat/completions/input_tokens", method: http.MethodPost, operation: usage.OperationCount},
	{path: "/embeddings", method: http.MethodPost, operation: usage.OperationEmbeddings},
	{path: "/models", method: http.MethodGet, operation: usage.OperationListModels},
	{path: "/models/", method: http.MethodGet, operation: usage.OperationGetModel},
}

var operations = map[string]usage.Operation{
	sluicev1connect.ChatServiceCreateChatCompletionProcedure:   usage.OperationChat,
	sluicev1connect.ChatServiceStreamChatCompletionProcedure:   usage.OperationChat,
	sluicev1connect.ChatServiceCountTokensProcedure:            usage.OperationCount,
	sluicev1connect.EmbeddingsServiceCreateEmbeddingsProcedure: usage.OperationEmbeddings,
	sluicev1connect.ModelsServiceListModelsProcedure:           usage.OperationListModels,
	sluicev1connect.ModelsServiceGetModelProcedure:             usage.OperationGetModel,
}

// operationOf returns the operation of an RPC method; empty when there is none.
func operationOf(service, method string) usage.Operation { return operations["/"+service+"/"+method] }

func (e *endpoint) matches(path string) bool {
	if strings.HasSuffix(e.path, "/") {
		return len(path) > len(e.path) && path[:len(e.path)] == e.path
	}
	return path == e.path
}

// allow returns the methods of the endpoint as the Allow header lists them.
func (e *endpoint) allow() string {
	if e.method == http.MethodGet {
		return "GET, HEAD, OPTIONS"
	}
	return e.method + ", OPTIONS"
}

// find returns the endpoint of a decoded path, nil when it has none.
func find(path string) *endpoint {
	below, ok := strings.CutPrefix(path, prefix)
	if !ok {
		return nil
	}
	for i := range endpoints {
		if endpoints[i].matches(below) {
			return &endpoints[i]
		}
	}
	return nil
}

// place is where a path of the REST door leads.
type place struct {
	// endpoint is nil when the path names none.
	endpoint *endpoint
	// path is the endpoint's own, as it is without a prefix of the routing table.
	path string
	// under is that prefix. Empty: none.
	under string
	// bare says that the path is the prefix alone.
	bare bool
}

// placeUnder returns the place of a path that lies under a prefix of the routing table.
// The prefix alone is where chats are posted to; what is behind it may begin with /v1
// or not, since clients' base URLs end in either.
func placeUnder(under, rest string) place {
	p := place{under: under}
	switch {
	case rest == "" || rest == "/":
		p.bare = true
		p.path = prefix + chatPath
	case find(rest) != nil:
		p.path = rest
	default:
		p.path = prefix + rest
	}
	p.endpoint = find(p.path)
	return p
}

// maxShownBytes bounds what an error shows of a path or a method.
const maxShownBytes = 200

// unknownPath is the fault of a path that names nothing, at most a prefix of the routing
// table. A path that ends like an endpoint comes from a wrong base URL, and then the
// message says the right one.
func unknownPath(r *http.Request, under string) *fault.Error {
	const reason = sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND
	shown := visible(r.URL.EscapedPath(), maxShownBytes)
	if meant := meantPath(strings.TrimPrefix(r.URL.Path, under)); meant != "" {
		return fault.New(reason, "unknown path %s: it should be %s; the base URL must end in %s once, as %s",
			shown, visible(under+meant, maxShownBytes), prefix, baseURL(r, under))
	}
	return fault.New(reason, "unknown path %s: the API is below %s", shown, baseURL(r, under))
}

// meantPath returns the path that a caller with a wrong base URL wanted: the prefix
// missing, doubled, behind another one, or with slashes too many. "" when the path
// resembles nothing, or is longer than an error shows: the search is quadratic.
func meantPath(path string) string {
	if len(path) > maxShownBytes {
		return ""
	}
	segments := strings.FieldsFunc(path, func(c rune) bool { return c == '/' })
	for start := range segments {
		candidate := prefix + "/" + strings.Join(segments[start:], "/")
		if find(candidate) != nil {
			return candidate
		}
	}
	return ""
}

// baseURL returns the base URL under which the client of r reaches the REST door, or
// what of it lies under a prefix of the routing table.
func baseURL(r *http.Request, under string) string {
	scheme := "http"
	if r.TLS != nil || r.Header.Get("X-Forwarded-Proto") == "https" {
		scheme = "https"
	}
	return scheme + "://" + visible(r.Host, maxShownBytes) + under + prefix
}

// methodNotAllowed is the fault of a request whose path wants another method.
func methodNotAllowed(r *http.Request, use string) *fault.Error {
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_METHOD_NOT_ALLOWED, "method %s is not allowed on %s: use %s",
		visible(r.Method, 32), visible(r.URL.EscapedPath(), maxShownBytes), use)
}
