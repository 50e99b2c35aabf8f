package gemini

import (
	"context"
	"net/http"
	"net/url"
	"strings"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// maxPages bounds a list of models: a provider that always has one more is broken.
const maxPages = 100

func pageQuery(token string) string {
	// The most that a page holds.
	//
	// Source: Gemini API, models.list, pageSize, 2026-11.
	query := "pageSize=1000"
	if token != "" {
		query += "&pageToken=" + url.QueryEscape(token)
	}
	return query
}

// List implements [adapters.Lister]. All pages are read.
func (a *api) List(ctx context.Context, call *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	out := &sluicev1.ListModelsResponse{Object: "list", Data: []*sluicev1.Model{}}
	ledger := translate.Response(call)
	token := ""
	for range maxPages {
		path, query := a.site.list(token)
		answer, err := a.client.Do(ctx, a.upstreamRequest(call, http.MethodGet, path, query, nil))
		if err != nil {
			return nil, withDelay(err)
		}
		page := new(geminipb.ListModelsResponse)
		if err := a.decode(answer, page, &page.Error); err != nil {
			return nil, err
		}
		for _, models := range [][]*geminipb.Model{page.GetModels(), page.GetPublisherModels()} {
			for _, m := range models {
				out.Data = append(out.Data, describeModel(ledger, m))
			}
		}
		out.Rest = ledger.HandOn("", out.GetRest(), page.GetRest())
		call.Reply.Header = answer.Header
		next := page.GetNextPageToken()
		if next == "" {
			return out, nil
		}
		if next == token {
			break
		}
		token = next
	}
	return nil, a.client.Protocol(call.Reply.Header, "the provider's list of models has no end", nil)
}

// Get implements [adapters.Lister].
func (a *api) Get(ctx context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	path, ok := a.site.describe(call.Model)
	if !ok {
		return nil, a.client.Refusal(adapters.KindNotFound, "no model can have this name")
	}
	answer, err := a.client.Do(ctx, a.upstreamRequest(call, http.MethodGet, path, "", nil))
	if err != nil {
		return nil, withDelay(err)
	}
	model := new(geminipb.Model)
	if err := a.decode(answer, model, &model.Error); err != nil {
		return nil, err
	}
	if model.GetName() == "" {
		return nil, a.client.Undecodable(answer, nil)
	}
	call.Reply.Header = answer.Header
	return describeModel(translate.Response(call), model), nil
}

// describeModel keeps what Google says of a model beside the contract's members.
func describeModel(ledger *translate.Ledger, m *geminipb.Model) *sluicev1.Model {
	ledger.Coerced("models[].name", "data[].id", "an id is the end of the name")
	for name := range wirejson.Names(m.GetRest()) {
		ledger.Passed("models[]." + name)
	}
	id, owner := m.GetName(), "google"
	if publisher, model, ok := publisherModel(id); ok {
		owner = publisher
		if id = model; publisher != "google" {
			id = publisher + "/" + model
		}
	}
	return &sluicev1.Model{Id: strings.TrimPrefix(id, "models/"), Object: "model", OwnedBy: owner, Rest: m.GetRest()}
}

// publisherModel takes the name of a model at Vertex AI apart.
func publisherModel(name string) (publisher, model string, ok bool) {
	rest, ok := strings.CutPrefix(name, "publishers/")
	if !ok {
		return "", "", false
	}
	return strings.Cut(rest, "/models/")
}
