// Package openai speaks OpenAI's API, and that of the many servers that took it
// over. Since Sluice's own contract is this dialect, it translates little: which
// model, how a stream is asked for and ends, what an error means, and the form of
// vectors. How a server differs from OpenAI's is said by a [Dialect], as data.
//
// It knows OpenAI's fields and no HTTP beyond paths: see adapters/upstream.
package openai

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// DefaultBaseURL is OpenAI's own API.
const DefaultBaseURL = "https://api.openai.com/v1"

const (
	mediaJSON   = "application/json"
	mediaEvents = "text/event-stream"
)

// New returns a provider that serves chat, embeddings and models from
// s.BaseURL, by default OpenAI's own. It does not connect.
func New(s adapters.Settings) (adapters.Provider, error) { return Open(s, Dialect{}) }

// Open is New for a server that differs from OpenAI's. What the settings say of the dialect
// goes over d. A dialect that cannot be is an error that says what to write.
func Open(s adapters.Settings, d Dialect) (adapters.Provider, error) {
	d = d.over(s.Dialect)
	if err := d.check(); err != nil {
		return adapters.Provider{}, fmt.Errorf("provider %q: %w", s.Name, err)
	}
	wire := upstream.Dialect{
		BaseURL:   cmp.Or(d.BaseURL, DefaultBaseURL),
		Authorize: func(h http.Header, key string) { h["Authorization"] = []string{"Bearer " + key} },
		Sign:      d.Sign,
		Envelope:  decodeEnvelope,
		Status:    statusOf,
		Refine:    refineKind,
	}
	if d.KeyHeader != "" && d.KeyHeader != "authorization" {
		name := http.CanonicalHeaderKey(d.KeyHeader)
		wire.Authorize = func(h http.Header, key string) { h[name] = []string{key} }
	}
	client, err := upstream.New(s, wire)
	if err != nil {
		return adapters.Provider{}, err
	}
	a := &api{
		client:         client,
		quirks:         newQuirks(s.Name, d),
		chatPath:       cmp.Or(d.ChatPath, "/chat/completions"),
		embeddingsPath: cmp.Or(d.EmbeddingsPath, "/embeddings"),
		modelsPath:     cmp.Or(d.ModelsPath, "/models"),
		deployments:    d.DeploymentPaths,
		ownQuery:       d.OwnQuery,
		onlyLists:      d.OnlyListsModels,
		bareList:       d.BareModelList,
	}
	p := adapters.Provider{Name: s.Name, Chat: a, Close: client.Close}
	if !d.NoEmbeddings {
		p.Embed = a
	}
	if !d.NoModels {
		p.Models = a
	}
	return p, nil
}

// api has the capabilities of a provider.
type api struct {
	client *upstream.Client
	quirks *quirks // nil: OpenAI's own dialect

	chatPath, embeddingsPath, modelsPath string
	// What follows is of the [Dialect].
	deployments         bool
	ownQuery            string
	onlyLists, bareList bool
}

// Chat implements [adapters.Chatter].
func (a *api) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	req, err := a.quirks.request(call, req)
	if err != nil {
		return nil, err
	}
	path, err := a.path(a.chatPath, call.Model, req.GetModel())
	if err != nil {
		return nil, err
	}
	answer, err := a.post(ctx, call, path, encodeChat(call.Model, req))
	if err != nil {
		return nil, err
	}
	completion := new(sluicev1.ChatCompletion)
	if err := a.decode(answer, completion); err != nil {
		return nil, err
	}
	if reportsError(completion.Rest) || completion.GetObject() == objectError {
		return nil, a.client.Reported(answer.Header, answer.Body)
	}
	call.Reply.Header = answer.Header
	a.quirks.answer(call, completion)
	return completion, nil
}

// StreamChat implements [adapters.Chatter].
func (a *api) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	req, err := a.quirks.request(call, req)
	if err != nil {
		return err
	}
	path, err := a.path(a.chatPath, call.Model, req.GetModel())
	if err != nil {
		return err
	}
	translation := a.quirks.stream(call, send)
	if translation == nil {
		return a.stream(ctx, call, path, req, send)
	}
	if err := a.stream(ctx, call, path, req, translation.send); err != nil {
		return err
	}
	call.More = false
	return translation.end()
}

// stream is StreamChat for a request in the dialect.
func (a *api) stream(ctx context.Context, call *adapters.Call, path string, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	body, usageAsked := encodeStream(call.Model, req, !a.quirks.blindToStreamOptions())
	request := newRequest(call, http.MethodPost, path, body)
	a.restrict(request)
	request.Accept = mediaEvents
	stream, err := a.client.Stream(ctx, request)
	if err != nil {
		return err
	}
	defer stream.Close()
	call.Reply.Header = stream.Header
	if stream.IsJSON() {
		return a.sendWhole(stream, send)
	}

	progress := newProgress(req.GetN())
	empty := true // no chunk came
	for {
		event, err := stream.Next()
		ended := err == io.EOF //nolint:errorlint // an EOF inside another error is a broken connection
		switch {
		case ended && progress.complete():
			return nil
		case ended:
			return a.client.Protocol(stream.Header, "the provider's stream ended without its terminal event", nil)
		case errors.Is(err, upstream.ErrIncomplete) && isDone(event.Data) && !empty:
			// All of the terminal event is there but the blank line behind it.
			return nil
		case errors.Is(err, upstream.ErrIncomplete):
			return a.client.Protocol(stream.Header, "the provider's stream broke off inside an event", err)
		case err != nil:
			return err
		}
		if isDone(event.Data) {
			stream.Drain()
			if empty {
				return a.client.Protocol(stream.Header, "the provider's stream ended without an answer", nil)
			}
			return nil
		}
		if isBlank(event.Data) {
			continue
		}
		if event.Name == "error" {
			return a.client.Reported(stream.Header, event.Data)
		}
		chunk := new(sluicev1.ChatCompletionChunk)
		if err := wirejson.Unmarshal(event.Data, chunk, lenient); err != nil {
			return a.client.Protocol(stream.Header, "an event of the provider's stream cannot be understood", err)
		}
		if reportsError(chunk.Rest) || chunk.GetObject() == objectError {
			return a.client.Reported(stream.Header, event.Data)
		}
		if !usageAsked {
			dropNullUsage(chunk)
		}
		empty = false
		progress.add(chunk)
		call.More = stream.Ready()
		if err := send(chunk); err != nil {
			return err
		}
	}
}

// sendWhole makes the chunks of a stream out of an answer in one piece, which
// servers give that do not know streams.
func (a *api) sendWhole(stream *upstream.Stream, send func(*sluicev1.ChatCompletionChunk) error) error {
	answer, err := stream.Answer()
	if err != nil {
		return err
	}
	completion := new(sluicev1.ChatCompletion)
	if err := a.decode(answer, completion); err != nil {
		return err
	}
	if reportsError(completion.Rest) {
		return a.client.Reported(answer.Header, answer.Body)
	}
	if completion.GetObject() != "chat.completion" {
		return a.client.Protocol(answer.Header, "the provider answered a request for a stream with something else", nil)
	}
	for _, chunk := range translate.Chunks(completion) {
		if err := send(chunk); err != nil {
			return err
		}
	}
	return nil
}

// Embed implements [adapters.Embedder].
func (a *api) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	adapted, err := a.quirks.embeddings(call, req)
	if err != nil {
		return nil, err
	}
	path, err := a.path(a.embeddingsPath, call.Model, req.GetModel())
	if err != nil {
		return nil, err
	}
	answer, err := a.post(ctx, call, path, encodeEmbeddings(call.Model, adapted))
	if err != nil {
		return nil, err
	}
	response := new(sluicev1.CreateEmbeddingsResponse)
	if err := a.decode(answer, response); err != nil {
		return nil, err
	}
	if reportsError(response.Rest) {
		return nil, a.client.Reported(answer.Header, answer.Body)
	}
	if err := matchEncoding(response, req); err != nil {
		return nil, a.client.Protocol(answer.Header, "a vector of the provider's answer cannot be understood", err)
	}
	call.Reply.Header = answer.Header
	return response, nil
}

// path is one below the base URL, for a model: the target's, or else the request's own.
func (a *api) path(path, target, own string) (string, error) {
	if !a.deployments {
		return path, nil
	}
	segment, ok := upstream.PathSegment(cmp.Or(target, own))
	if !ok {
		return "", a.client.Refusal(adapters.KindNotFound, "no deployment can have this name")
	}
	return "/deployments/" + segment + path, nil
}

// newRequest is small enough to be inlined, which keeps requests off the heap.
func newRequest(call *adapters.Call, method, path string, body []byte) *upstream.Request {
	request := &upstream.Request{
		Method: method, Path: path, Query: call.Query,
		Header: call.Header, TargetHeader: call.TargetHeader, Key: call.Key, Timeouts: call.Timeouts,
		Accept: mediaJSON, Body: body,
	}
	if body != nil {
		request.ContentType = mediaJSON
	}
	return request
}

// restrict takes out of a caller's query what callers do not choose.
func (a *api) restrict(request *upstream.Request) {
	if a.ownQuery != "" {
		request.Query = withoutParameter(request.Query, a.ownQuery)
	}
}

func (a *api) post(ctx context.Context, call *adapters.Call, path string, body []byte) (*upstream.Answer, error) {
	request := newRequest(call, http.MethodPost, path, body)
	a.restrict(request)
	return a.client.Do(ctx, request)
}

func (a *api) decode(answer *upstream.Answer, m wirejson.Message) error {
	if err := wirejson.Unmarshal(answer.Body, m, lenient); err != nil {
		return a.client.Undecodable(answer, err)
	}
	return nil
}
