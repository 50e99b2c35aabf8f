// Package anthropic speaks Anthropic's Messages API, at Anthropic ([New]) and on Google's
// Vertex AI ([NewVertex]), and translates Sluice's contract into it and back.
//
// It knows that dialect and no HTTP beyond paths: see adapters/upstream. It never knows
// where credentials come from.
package anthropic

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// DefaultBaseURL is Anthropic's own API.
const DefaultBaseURL = "https://api.anthropic.com/v1"

const (
	// version of the API. Source: the documentation's "Versions", 2026-11.
	version       = "2023-06-01"
	headerVersion = "anthropic-version"
	headerBeta    = "anthropic-beta"

	mediaJSON   = "application/json"
	mediaEvents = "text/event-stream"
)

// New returns a provider that serves chat, counts tokens and lists models from s.BaseURL,
// by default Anthropic's own. It does not connect.
func New(s adapters.Settings) (adapters.Provider, error) {
	a, err := newAPI(s, upstream.Dialect{
		BaseURL:   DefaultBaseURL,
		Authorize: func(h http.Header, key string) { h["X-Api-Key"] = []string{key} },
		Envelope:  decodeEnvelope, Status: statusOf, Refine: refineKind, Returns: returns,
	})
	if err != nil {
		return adapters.Provider{}, err
	}
	return adapters.Provider{Name: s.Name, Chat: a, Models: a, Count: a, Close: a.client.Close}, nil
}

// api has the capabilities of a provider.
type api struct {
	name   string
	client *upstream.Client
	// betas are those of the settings' headers, which would hide what a call adds.
	betas []string
	// vertex is the place at Vertex AI. Nil: Anthropic's own API.
	vertex *place
}

func newAPI(s adapters.Settings, d upstream.Dialect) (*api, error) {
	a := &api{name: s.Name}
	s.Headers, a.betas = takeBetas(s.Headers)
	var err error
	a.client, err = upstream.New(s, d)
	return a, err
}

// takeBetas parts the beta features from other headers.
func takeBetas(h adapters.Header) (others adapters.Header, betas []string) {
	for _, f := range h {
		if !strings.EqualFold(f.Name, headerBeta) {
			others.Add(f.Name, f.Value)
			continue
		}
		for beta := range strings.SplitSeq(f.Value, ",") {
			if beta = strings.TrimSpace(beta); beta != "" {
				betas = append(betas, beta)
			}
		}
	}
	return others, betas
}

// Chat implements [adapters.Chatter].
func (a *api) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	t, request, err := a.request(call, req, false)
	if err != nil {
		return nil, err
	}
	answer, err := a.client.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	m, err := a.message(answer)
	if err != nil {
		return nil, err
	}
	call.Reply.Header = answer.Header
	return newAnswer(call, t.functions).completion(m), nil
}

// message reads an answer in one piece.
func (a *api) message(answer *upstream.Answer) (*anthropicpb.Message, error) {
	if reportsError(answer.Body) {
		return nil, a.client.Reported(answer.Header, answer.Body)
	}
	m := new(anthropicpb.Message)
	if err := wirejson.Unmarshal(answer.Body, m, lenient); err != nil {
		return nil, a.client.Undecodable(answer, err)
	}
	if m.GetType() != typeMessage && (m.Type != nil || m.StopReason == nil) {
		return nil, a.client.Undecodable(answer, nil)
	}
	return m, nil
}

// reportsError tells whether an answer of status 200 says that the call failed.
func reportsError(body []byte) bool {
	kind, ok, err := wirejson.Peek(body, "type")
	return err == nil && ok && string(kind) == `"`+typeError+`"`
}

// reportsGoogle tells whether an event without a type is an error of Vertex AI itself.
func reportsGoogle(rest []byte) bool {
	value, ok := wirejson.Get(rest, typeError)
	return ok && value[0] == '{'
}

// StreamChat implements [adapters.Chatter].
func (a *api) StreamChat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	t, request, err := a.request(call, req, true)
	if err != nil {
		return err
	}
	stream, err := a.client.Stream(ctx, request)
	if err != nil {
		return err
	}
	defer stream.Close()
	call.Reply.Header = stream.Header
	out := newAnswer(call, t.functions)
	if stream.IsJSON() {
		return a.sendWhole(stream, out, send)
	}
	s := newEvents(out)
	for {
		event, err := stream.Next()
		broken := errors.Is(err, upstream.ErrIncomplete)
		switch {
		case err == io.EOF: //nolint:errorlint // an EOF inside another error is a broken connection
			return a.client.Protocol(stream.Header, "the provider's stream ended without its terminal event", nil)
		case err != nil && !broken:
			return err
		}
		e := new(anthropicpb.StreamEvent)
		if err := wirejson.Unmarshal(event.Data, e, lenient); err != nil || broken && e.GetType() != eventMessageStop {
			message := "an event of the provider's stream cannot be understood"
			if broken {
				message = "the provider's stream broke off inside an event"
			}
			return a.client.Protocol(stream.Header, message, err)
		}
		if e.GetType() == typeError || event.Name == typeError || e.GetType() == "" && reportsGoogle(e.GetRest()) {
			return a.client.Reported(stream.Header, event.Data)
		}
		list, err := s.add(e)
		if err != nil {
			return a.client.Protocol(stream.Header, "the events of the provider's stream are out of order", err)
		}
		for i, chunk := range list {
			call.More = i+1 < len(list) || stream.Ready()
			if err := send(chunk); err != nil {
				return err
			}
		}
		if s.ended {
			stream.Drain()
			return nil
		}
	}
}

// sendWhole makes chunks out of an answer in one piece, which some servers give to who asks
// for a stream.
func (a *api) sendWhole(stream *upstream.Stream, out *answer, send func(*sluicev1.ChatCompletionChunk) error) error {
	answer, err := stream.Answer()
	if err != nil {
		return err
	}
	m, err := a.message(answer)
	if err != nil {
		return err
	}
	for _, chunk := range translate.Chunks(out.completion(m)) {
		if err := send(chunk); err != nil {
			return err
		}
	}
	return nil
}

// CountTokens implements [adapters.Counter].
func (a *api) CountTokens(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
	t, err := a.translate(call, req)
	if err != nil {
		return nil, err
	}
	path := "/messages/count_tokens"
	if a.vertex != nil {
		path = a.vertex.countPath()
		t.body.AnthropicVersion = &vertexVersion
	}
	model := t.body.GetModel()
	body, err := a.encode(t, countable(t.body))
	if err != nil {
		return nil, err
	}
	answer, err := a.client.Do(ctx, a.newRequest(call, http.MethodPost, path, body, t.betas))
	if err != nil {
		return nil, err
	}
	count := new(anthropicpb.TokensCount)
	if reportsError(answer.Body) {
		return nil, a.client.Reported(answer.Header, answer.Body)
	}
	if err := wirejson.Unmarshal(answer.Body, count, lenient); err != nil || count.InputTokens == nil {
		return nil, a.client.Undecodable(answer, err)
	}
	call.Reply.Header = answer.Header
	out := newAnswer(call, false)
	return &sluicev1.TokenCount{
		Object: "chat.completion.input_tokens", InputTokens: count.GetInputTokens(), Model: model,
		Rest: out.leftover("", count.GetRest()),
	}, nil
}

// countable keeps what the count takes. Source: MessageCountTokensParams of the official Go
// SDK v1.84.0.
func countable(body *anthropicpb.MessagesRequest) *anthropicpb.MessagesRequest {
	out := &anthropicpb.MessagesRequest{
		AnthropicVersion: body.AnthropicVersion, Model: body.Model, System: body.GetSystem(), Messages: body.GetMessages(),
		Tools: body.GetTools(), ToolChoice: body.GetToolChoice(), Thinking: body.GetThinking(), OutputConfig: body.GetOutputConfig(),
		CacheControl: body.GetCacheControl(),
	}
	for _, name := range []string{"speed", "mcp_servers", "context_management"} {
		if value, ok := wirejson.Get(body.GetRest(), name); ok {
			out.Rest = wirejson.Set(out.Rest, name, value)
		}
	}
	return out
}

// translate says a request in the dialect, or refuses it.
func (a *api) translate(call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*translation, error) {
	t := translateRequest(call, req, a.vertex == nil)
	if err := t.ledger.Refusal(a.name, kindOfAPI); err != nil {
		return nil, err
	}
	return t, nil
}

// encode refuses a body that the provider would have to guess about.
func (a *api) encode(t *translation, m *anthropicpb.MessagesRequest) ([]byte, error) {
	body := wirejson.Marshal(m)
	if err := t.check(body); err != nil {
		failure := a.client.Refusal(adapters.KindInvalid, "a member of the request says in the provider's words what another one says: "+err.Error())
		failure.Unsent = true
		return nil, failure
	}
	return body, nil
}

// request makes the request of a chat.
func (a *api) request(call *adapters.Call, req *sluicev1.ChatCompletionRequest, stream bool) (*translation, *upstream.Request, error) {
	t, err := a.translate(call, req)
	if err != nil {
		return nil, nil, err
	}
	if stream {
		t.body.Stream = &stream
	}
	path := "/messages"
	if a.vertex != nil {
		var ok bool
		if path, ok = a.vertex.modelPath(t.body.GetModel(), stream); !ok {
			return nil, nil, a.client.Refusal(adapters.KindNotFound, "no model can have this name")
		}
		t.body.AnthropicVersion, t.body.Model = &vertexVersion, nil
	}
	body, err := a.encode(t, t.body)
	if err != nil {
		return nil, nil, err
	}
	request := a.newRequest(call, http.MethodPost, path, body, t.betas)
	if stream {
		request.Accept = mediaEvents
	}
	return t, request, nil
}

// newRequest adds what goes with every request. Beta features come from the settings, the
// target and the caller, and are joined.
func (a *api) newRequest(call *adapters.Call, method, path string, body []byte, betas []string) *upstream.Request {
	request := &upstream.Request{
		Method: method, Path: path, Query: call.Query,
		Key: call.Key, Timeouts: call.Timeouts, Accept: mediaJSON, Body: body,
	}
	for _, f := range call.Header {
		// OpenAI's own headers say nothing here.
		if !strings.HasPrefix(f.Name, "openai-") && f.Name != headerVersion && f.Name != headerBeta {
			request.Header.Add(f.Name, f.Value)
		}
	}
	if a.vertex == nil {
		request.Header.Add(headerVersion, version)
	}
	_, callers := takeBetas(call.Header)
	var targets []string
	request.TargetHeader, targets = takeBetas(call.TargetHeader)
	if all := distinct(a.betas, targets, callers, betas); len(all) > 0 {
		request.Header.Add(headerBeta, strings.Join(all, ","))
	}
	if body != nil {
		request.ContentType = mediaJSON
	}
	return request
}

func distinct(lists ...[]string) []string {
	var out []string
	for _, beta := range slices.Concat(lists...) {
		if !slices.Contains(out, beta) {
			out = append(out, beta)
		}
	}
	return out
}
