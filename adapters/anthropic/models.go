package anthropic

import (
	"context"
	"fmt"
	"net/http"
	"net/url"
	"time"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

const (
	// pageSize is the largest that the API gives. Source: ModelListParams of the official
	// Go SDK v1.84.0.
	pageSize = 1000
	// maxPages bounds what a server that always has more can make us ask for.
	maxPages = 100
)

// List implements [adapters.Lister], page by page.
func (a *api) List(ctx context.Context, call *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	out := &sluicev1.ListModelsResponse{Object: "list"}
	after := ""
	for range maxPages {
		query := fmt.Sprintf("limit=%d", pageSize)
		if after != "" {
			query += "&after_id=" + url.QueryEscape(after)
		}
		page := new(anthropicpb.ModelPage)
		answer, err := a.get(ctx, call, "/models", query, page)
		if err != nil {
			return nil, err
		}
		if opened := wirejson.OpenRest(page.GetRest()); opened.Lacks("data") {
			return nil, a.client.Undecodable(answer, nil)
		}
		ledger := translate.Response(call)
		for _, m := range page.GetData() {
			out.Data = append(out.Data, modelOf(ledger, m))
		}
		if !page.GetHasMore() || page.GetLastId() == "" || page.GetLastId() == after {
			return out, nil
		}
		after = page.GetLastId()
	}
	return out, nil
}

// Get implements [adapters.Lister].
func (a *api) Get(ctx context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	segment, ok := upstream.PathSegment(call.Model)
	if !ok {
		return nil, a.client.Refusal(adapters.KindNotFound, "no model can have this name")
	}
	m := new(anthropicpb.ModelInfo)
	answer, err := a.get(ctx, call, "/models/"+segment, "", m)
	if err != nil {
		return nil, err
	}
	if m.GetId() == "" {
		return nil, a.client.Undecodable(answer, nil)
	}
	return modelOf(translate.Response(call), m), nil
}

// modelOf says a model. What the contract has no member for stands beside it by its name.
func modelOf(ledger *translate.Ledger, m *anthropicpb.ModelInfo) *sluicev1.Model {
	out := &sluicev1.Model{Id: m.GetId(), Object: "model", OwnedBy: "anthropic", Rest: said(m.GetRest())}
	ledger.Leftover("data[]", out.GetRest())
	if at, err := time.Parse(time.RFC3339, m.GetCreatedAt()); err == nil {
		out.Created = max(at.Unix(), 0)
		ledger.Coerced("data[].created_at", "data[].created", "seconds since 1970")
	}
	if at, err := time.Parse(time.RFC3339, m.GetRetiresAt()); err == nil {
		day := at.UTC().Format(time.DateOnly)
		out.ShutdownDate = &day
		ledger.Coerced("data[].retires_at", "data[].shutdown_date", "the day")
	}
	if m.Type != nil {
		ledger.Renamed("data[].type", "data[].object")
	}
	return out
}

func (a *api) get(ctx context.Context, call *adapters.Call, path, query string, m wirejson.Message) (*upstream.Answer, error) {
	request := a.newRequest(call, http.MethodGet, path, nil, nil)
	request.Query = query
	answer, err := a.client.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	if reportsError(answer.Body) {
		return nil, a.client.Reported(answer.Header, answer.Body)
	}
	if err := wirejson.Unmarshal(answer.Body, m, lenient); err != nil {
		return nil, a.client.Undecodable(answer, err)
	}
	call.Reply.Header = answer.Header
	return answer, nil
}
