// Package openai speaks OpenAI's API, and that of the many servers that took it
// over. Since Sluice's own contract is this dialect, it translates little: which
// model, how a stream is asked for and ends, what an error means, and the form of
// vectors.
//
// It knows OpenAI's fields and no HTTP beyond paths: see adapters/upstream.
package openai

import (
	"context"
	"errors"
	"io"
	"net/http"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
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
func New(s adapters.Settings) (adapters.Provider, error) {
	client, err := upstream.New(s, dialect)
	if err != nil {
		return adapters.Provider{}, err
	}
	a := &api{client}
	return adapters.Provider{Name: s.Name, Chat: a, Embed: a, Models: a, Close: client.Close}, nil
}

var dialect = upstream.Dialect{
	BaseURL:   DefaultBaseURL,
	Authorize: func(h http.Header, key string) { h["Authorization"] = []string{"Bearer " + key} },
	Envelope:  decodeEnvelope,
	Status:    statusOf,
	Refine:    refineKind,
}

// api has the capabilities of a provider.
type api struct{ client *upstream.Client }

// Chat implements [adapters.Chatter].
func (a *api) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	answer, err := a.post(ctx, call, "/chat/completions", encodeChat(call.Model, req))
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
	return completion, nil
}

// StreamChat implements [adapters.Chatter].
func (a *api) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	body, usageAsked := encodeStream(call.Model, req)
	request := newRequest(call, http.MethodPost, "/chat/completions", body)
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
	for _, chunk := range chunksOf(completion) {
		if err := send(chunk); err != nil {
			return err
		}
	}
	return nil
}

// Embed implements [adapters.Embedder].
func (a *api) Embed(ctx context.Context, call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	answer, err := a.post(ctx, call, "/embeddings", encodeEmbeddings(call.Model, req))
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

// List implements [adapters.Lister].
func (a *api) List(ctx context.Context, call *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	list := new(sluicev1.ListModelsResponse)
	return list, a.get(ctx, call, "/models", list)
}

// Get implements [adapters.Lister].
func (a *api) Get(ctx context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	segment, ok := upstream.PathSegment(call.Model)
	if !ok {
		return nil, a.client.Refusal(adapters.KindNotFound, "no model can have this name")
	}
	model := new(sluicev1.Model)
	return model, a.get(ctx, call, "/models/"+segment, model)
}

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

func (a *api) post(ctx context.Context, call *adapters.Call, path string, body []byte) (*upstream.Answer, error) {
	return a.client.Do(ctx, newRequest(call, http.MethodPost, path, body))
}

// relayed is an answer that keeps what its fields cannot hold.
type relayed interface {
	wirejson.Message
	GetRest() []byte
}

func (a *api) get(ctx context.Context, call *adapters.Call, path string, m relayed) error {
	answer, err := a.client.Do(ctx, newRequest(call, http.MethodGet, path, nil))
	if err != nil {
		return err
	}
	if err := a.decode(answer, m); err != nil {
		return err
	}
	if reportsError(m.GetRest()) {
		return a.client.Reported(answer.Header, answer.Body)
	}
	call.Reply.Header = answer.Header
	return nil
}

func (a *api) decode(answer *upstream.Answer, m wirejson.Message) error {
	if err := wirejson.Unmarshal(answer.Body, m, lenient); err != nil {
		return a.client.Undecodable(answer, err)
	}
	return nil
}
