// Package bedrock speaks Amazon Bedrock's API: Converse and ConverseStream for chat,
// InvokeModel for the embeddings of Amazon and Cohere, and the lists of models. Requests
// are signed by the standard chain of AWS credentials, or carry a Bedrock API key.
//
// It knows Bedrock's members and no HTTP beyond paths: see adapters/upstream, and
// adapters/identity for credentials.
package bedrock

import (
	"context"
	"net/http"
	"sync/atomic"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// kind is what refusals call the API.
const kind = "Amazon Bedrock's Converse API"

const (
	mediaJSON   = "application/json"
	mediaEvents = "application/vnd.amazon.eventstream"
)

// lenient: an answer that is a little off is worth more to a caller than an error.
var lenient = wirejson.Options{Lenient: true}

// New returns a provider that serves chat, embeddings and models of Amazon Bedrock, at
// s.BaseURL or in the region that s.AWS, the environment or the profile names. Without
// keys in s, and without any other credentials there, a Bedrock API key of the environment
// (AWS_BEARER_TOKEN_BEDROCK) is used, and without that the standard chain. It does not
// connect.
func New(s adapters.Settings) (adapters.Provider, error) { return open(s, randomID) }

// open is New with the source of the answers' ids: Bedrock's have none.
func open(s adapters.Settings, newID func() string) (adapters.Provider, error) {
	a, err := connect(s)
	if err != nil {
		return adapters.Provider{}, err
	}
	a.newID = newID
	return adapters.Provider{Name: s.Name, Chat: a, Embed: a, Models: a, Count: a, Close: a.close}, nil
}

// api has the capabilities of a provider.
type api struct {
	name string
	// runtime answers, control lists models.
	runtime, control *upstream.Client
	newID            func() string

	keys []adapters.Secret
	turn atomic.Uint64
}

func (a *api) close() error {
	if a.control != a.runtime {
		_ = a.control.Close() // closes idle connections, and cannot fail
	}
	return a.runtime.Close()
}

// id is that of an answer: AWS's of the request, since Bedrock's bodies hold none.
func (a *api) id(h adapters.Header) string {
	if id := h.Get(headerRequestID); id != "" {
		return id
	}
	return a.newID()
}

// key chooses the key of a call that sends several requests: they carry the same one.
func (a *api) key(call *adapters.Call) adapters.Secret {
	if call.Key.Reveal() != "" || len(a.keys) == 0 {
		return call.Key
	}
	return a.keys[(a.turn.Add(1)-1)%uint64(len(a.keys))]
}

// Chat implements [adapters.Chatter].
func (a *api) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	asked, err := a.translate(call, req)
	if err != nil {
		return nil, err
	}
	request, err := a.invoke(call, asked.model, "/converse", wirejson.Marshal(asked.body))
	if err != nil {
		return nil, err
	}
	answer, err := a.runtime.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	response := new(bedrockpb.ConverseResponse)
	if err := a.decode(answer, response); err != nil {
		return nil, err
	}
	if response.GetOutput().GetMessage() == nil {
		return nil, a.runtime.Protocol(answer.Header, "the provider's answer holds no message", nil)
	}
	call.Reply.Header = answer.Header
	return completionOf(asked.answering(translate.Response(call), a.id(answer.Header)), response), nil
}

// StreamChat implements [adapters.Chatter].
func (a *api) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	asked, err := a.translate(call, req)
	if err != nil {
		return err
	}
	request, err := a.invoke(call, asked.model, "/converse-stream", wirejson.Marshal(asked.body))
	if err != nil {
		return err
	}
	request.Accept = mediaEvents
	body, err := a.runtime.Open(ctx, request)
	if err != nil {
		return err
	}
	defer body.Close()
	call.Reply.Header = body.Header
	return a.stream(call, body, newStreamed(asked.answering(translate.Response(call), a.id(body.Header))), send)
}

// CountTokens implements [adapters.Counter].
//
// Source: Amazon Bedrock API reference, "CountTokens".
func (a *api) CountTokens(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
	asked, err := a.translate(call, req)
	if err != nil {
		return nil, err
	}
	// Of a request, only what the model reads can be counted.
	body := &bedrockpb.CountTokensRequest{Input: &bedrockpb.CountTokensInput{Converse: &bedrockpb.ConverseRequest{
		Messages:                     asked.body.GetMessages(),
		System:                       asked.body.GetSystem(),
		ToolConfig:                   asked.body.GetToolConfig(),
		AdditionalModelRequestFields: asked.body.GetAdditionalModelRequestFields(),
	}}}
	request, err := a.invoke(call, asked.model, "/count-tokens", wirejson.Marshal(body))
	if err != nil {
		return nil, err
	}
	answer, err := a.runtime.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	response := new(bedrockpb.CountTokensResponse)
	if err := a.decode(answer, response); err != nil {
		return nil, err
	}
	if rest := wirejson.OpenRest(response.GetRest()); rest.Lacks("inputTokens") {
		return nil, a.runtime.Protocol(answer.Header, "the provider's answer holds no count", nil)
	}
	translate.Response(call).Renamed("inputTokens", "input_tokens")
	call.Reply.Header = answer.Header
	count := &sluicev1.TokenCount{Object: "chat.completion.input_tokens", InputTokens: response.GetInputTokens(), Model: asked.model}
	count.Rest = graft(count, response.GetRest())
	return count, nil
}

// translate makes Bedrock's request, or refuses.
func (a *api) translate(call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*request, error) {
	asked := newRequest(call, req)
	if err := asked.ledger.Refusal(a.name, kind); err != nil {
		return nil, err
	}
	return asked, nil
}

// invoke is a request to a model.
func (a *api) invoke(call *adapters.Call, model, operation string, body []byte) (*upstream.Request, error) {
	segment, ok := pathSegment(model)
	if !ok {
		return nil, a.runtime.Refusal(adapters.KindNotFound, "no model can have this name")
	}
	request := newUpstream(call, http.MethodPost, "/model/"+segment+operation)
	request.ContentType, request.Body = mediaJSON, body
	return request, nil
}

func newUpstream(call *adapters.Call, method, path string) *upstream.Request {
	return &upstream.Request{
		Method: method, Path: path, Query: call.Query,
		Header: call.Header, TargetHeader: call.TargetHeader, Key: call.Key, Timeouts: call.Timeouts,
		Accept: mediaJSON,
	}
}

func (a *api) decode(answer *upstream.Answer, m wirejson.Message) error {
	if err := wirejson.Unmarshal(answer.Body, m, lenient); err != nil {
		return a.runtime.Undecodable(answer, err)
	}
	return nil
}
