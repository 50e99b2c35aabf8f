// Package gemini speaks Google's dialect of generative models, at the Gemini API, which
// takes keys, and at Vertex AI, which takes the credentials of Google Cloud. Both have the
// same messages; where they differ is told by [site].
//
// It knows Google's fields and no HTTP beyond paths: see adapters/upstream. Where tokens
// come from is known by adapters/identity.
package gemini

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"net/http"
	"strings"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// DefaultBaseURL is the Gemini API.
const DefaultBaseURL = "https://generativelanguage.googleapis.com/v1beta"

const (
	mediaJSON   = "application/json"
	mediaEvents = "text/event-stream"
	keyHeader   = "X-Goog-Api-Key"
)

// New returns a provider that serves chat, embeddings, models and counts from the Gemini
// API at s.BaseURL, by default Google's own. It does not connect.
func New(s adapters.Settings) (adapters.Provider, error) {
	d := dialect
	d.BaseURL = DefaultBaseURL
	client, err := upstream.New(s, d)
	if err != nil {
		return adapters.Provider{}, err
	}
	return provider(s.Name, &api{name: s.Name, client: client, site: developer{base: cmp.Or(s.BaseURL, DefaultBaseURL)}}), nil
}

func provider(name string, a *api) adapters.Provider {
	return adapters.Provider{Name: name, Chat: a, Embed: a, Models: a, Count: a, Close: a.client.Close}
}

var dialect = upstream.Dialect{
	Authorize: func(h http.Header, key string) { h[keyHeader] = []string{key} },
	Envelope:  decodeEnvelope,
	Status:    statusOf,
	Refine:    refineKind,
}

// lenient: an answer that is a little off is worth more to a caller than an error.
var lenient = wirejson.Options{Lenient: true}

// site is what differs between the Gemini API and Vertex AI.
type site interface {
	// kind names the API in refusals.
	kind() string
	// model returns the path of a model, and false when no model can have this name.
	model(name string) (path string, ok bool)
	// list returns the path of the list of models, and the query of a page of it.
	list(pageToken string) (path, query string)
	// describe returns the path that describes a model.
	describe(name string) (path string, ok bool)
	// count returns the body that counts what a request holds.
	count(model string, request *geminipb.GenerateContentRequest) wirejson.Message
	// file returns the address of an uploaded file by its id, and false when there are
	// none.
	file(id string) (uri string, ok bool)
	// embed plans the requests for the vectors of some texts.
	embed(model string, texts []string, o embedOptions) []embedCall
}

// api has the capabilities of a provider.
type api struct {
	name   string
	client *upstream.Client
	site   site
}

// Chat implements [adapters.Chatter].
func (a *api) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	request, path, err := a.prepare(call, req)
	if err != nil {
		return nil, err
	}
	answer, err := a.post(ctx, call, path+":generateContent", request.out)
	if err != nil {
		return nil, err
	}
	response := new(geminipb.GenerateContentResponse)
	if err := a.decode(answer, response, &response.Error); err != nil {
		return nil, err
	}
	t := newTeller(call, request)
	completion, ok := t.completion(response)
	if !ok {
		return nil, a.client.Protocol(answer.Header, "the provider's answer has no candidate and no reason for it", nil)
	}
	call.Reply.Header = answer.Header
	return completion, nil
}

// CountTokens implements [adapters.Counter].
func (a *api) CountTokens(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
	request, path, err := a.prepare(call, req)
	if err != nil {
		return nil, err
	}
	answer, err := a.post(ctx, call, path+":countTokens", a.site.count(request.model, request.out))
	if err != nil {
		return nil, err
	}
	response := new(geminipb.CountTokensResponse)
	if err := a.decode(answer, response, &response.Error); err != nil {
		return nil, err
	}
	if response.TotalTokens == nil {
		// Zero is left out: an empty text has no tokens.
		if len(response.GetRest()) == 0 && strings.TrimSpace(string(answer.Body)) != "{}" {
			return nil, a.client.Undecodable(answer, nil)
		}
	}
	ledger := translate.Response(call)
	ledger.Renamed("totalTokens", "input_tokens")
	ledger.Leftover("", response.GetRest())
	call.Reply.Header = answer.Header
	return &sluicev1.TokenCount{
		Object: "chat.completion.input_tokens", InputTokens: response.GetTotalTokens(), Model: request.model, Rest: response.GetRest(),
	}, nil
}

// prepare translates a request and says where it goes.
func (a *api) prepare(call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*request, string, error) {
	model := cmp.Or(call.Model, req.GetModel())
	path, ok := a.site.model(model)
	if !ok {
		return nil, "", a.client.Refusal(adapters.KindNotFound, "no model can have this name")
	}
	r := newRequest(call, a.site, model)
	dropQuery(r.ledger, call)
	r.translate(req)
	if err := r.ledger.Refusal(a.name, a.site.kind()); err != nil {
		return nil, "", err
	}
	return r, path, nil
}

func (a *api) upstreamRequest(call *adapters.Call, method, path, query string, body []byte) *upstream.Request {
	request := &upstream.Request{
		Method: method, Path: path, Query: query,
		Header: ownHeaders(call.Header), TargetHeader: call.TargetHeader, Key: call.Key, Timeouts: call.Timeouts,
		Accept: mediaJSON, Body: body,
	}
	if body != nil {
		request.ContentType = mediaJSON
	}
	return request
}

// dropQuery is about the query of the caller's URL: Google refuses parameters that it does
// not know.
func dropQuery(ledger *translate.Ledger, call *adapters.Call) {
	if call.Query != "" {
		ledger.Dropped("?", "the query of the URL is of OpenAI's dialect")
	}
}

// ownHeaders leaves out those that are for OpenAI.
func ownHeaders(all adapters.Header) adapters.Header {
	var out adapters.Header
	for _, f := range all {
		if !strings.HasPrefix(f.Name, "openai-") {
			out = append(out, f)
		}
	}
	return out
}

func (a *api) post(ctx context.Context, call *adapters.Call, path string, body wirejson.Message) (*upstream.Answer, error) {
	answer, err := a.client.Do(ctx, a.upstreamRequest(call, http.MethodPost, path, "", wirejson.Marshal(body)))
	return answer, withDelay(err)
}

// decode reads an answer. failure is the message's member that holds an error instead.
func (a *api) decode(answer *upstream.Answer, m wirejson.Message, failure *[]byte) error {
	if err := wirejson.Unmarshal(answer.Body, m, lenient); err != nil {
		return a.client.Undecodable(answer, err)
	}
	if len(*failure) > 0 {
		return withDelay(a.client.Reported(answer.Header, answer.Body))
	}
	return nil
}

// developer is the Gemini API.
type developer struct{ base string }

func (developer) kind() string { return "Google's Gemini API" }

func (developer) model(name string) (string, bool) { return developer{}.describe(name) }

func (developer) list(pageToken string) (path, query string) {
	return "/models", pageQuery(pageToken)
}

func (developer) describe(name string) (string, bool) {
	folder := "models"
	for _, known := range []string{"models", "tunedModels", "dynamic"} {
		if rest, ok := strings.CutPrefix(name, known+"/"); ok {
			folder, name = known, rest
			break
		}
	}
	segment, ok := upstream.PathSegment(name)
	return "/" + folder + "/" + segment, ok
}

func (developer) count(model string, request *geminipb.GenerateContentRequest) wirejson.Message {
	inner := request
	name := resourceName(model)
	inner.Model = &name
	return &geminipb.CountTokensRequest{GenerateContentRequest: inner}
}

// resourceName is the name of a model in a body.
func resourceName(model string) string {
	if strings.Contains(model, "/") {
		return model
	}
	return "models/" + model
}

func (d developer) file(id string) (string, bool) {
	name, ok := strings.CutPrefix(id, "files/")
	segment, valid := upstream.PathSegment(name)
	return strings.TrimRight(d.base, "/") + "/files/" + segment, ok && valid
}

// compact takes the white space out of a JSON value: Google prints answers in many lines.
func compact(raw []byte) string {
	var out bytes.Buffer
	out.Grow(len(raw))
	if json.Compact(&out, raw) != nil {
		return string(raw)
	}
	return out.String()
}
