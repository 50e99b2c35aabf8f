package bedrock

import (
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"time"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

const (
	pathModels   = "/foundation-models"
	pathProfiles = "/inference-profiles"
	// pageSize is the most that a page may have, and maxPages bounds how many are read.
	pageSize = "1000"
	maxPages = 100
)

// List implements [adapters.Lister]: the models, and the inference profiles under which
// newer ones run. A credential that may not list profiles lists the models alone.
func (a *api) List(ctx context.Context, call *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	list, key := new(bedrockpb.FoundationModelList), a.key(call)
	answer, err := a.get(ctx, call, key, pathModels, "", list)
	if err != nil {
		return nil, err
	}
	if rest := list.GetRest(); list.ModelSummaries == nil {
		if _, empty := wirejson.Get(rest, "modelSummaries"); !empty {
			return nil, a.control.Protocol(answer.Header, "the provider's answer holds no list of models", nil)
		}
	}
	call.Reply.Header = answer.Header
	out := &sluicev1.ListModelsResponse{Object: "list"}
	for _, m := range list.GetModelSummaries() {
		out.Data = append(out.Data, modelOf(m))
	}
	profiles, err := a.profiles(ctx, call, key)
	if kind := adapters.KindOf(err); err != nil && kind != adapters.KindPermission && kind != adapters.KindNotFound {
		return nil, err
	}
	out.Data = append(out.Data, profiles...)
	return out, nil
}

// profiles lists the inference profiles, all pages.
func (a *api) profiles(ctx context.Context, call *adapters.Call, key adapters.Secret) ([]*sluicev1.Model, error) {
	var out []*sluicev1.Model
	token := ""
	for range maxPages {
		query := "maxResults=" + pageSize
		if token != "" {
			query += "&nextToken=" + url.QueryEscape(token)
		}
		page := new(bedrockpb.InferenceProfileList)
		if _, err := a.get(ctx, call, key, pathProfiles, query, page); err != nil {
			return nil, err
		}
		for _, p := range page.GetInferenceProfileSummaries() {
			out = append(out, profileOf(p))
		}
		if token = page.GetNextToken(); token == "" {
			return out, nil
		}
	}
	return out, nil
}

// Get implements [adapters.Lister].
func (a *api) Get(ctx context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	segment, ok := pathSegment(call.Model)
	if !ok {
		return nil, a.control.Refusal(adapters.KindNotFound, "no model can have this name")
	}
	if isProfile(call.Model) {
		profile := new(bedrockpb.InferenceProfile)
		answer, err := a.get(ctx, call, call.Key, pathProfiles+"/"+segment, "", profile)
		if err != nil {
			return nil, err
		}
		if profile.GetInferenceProfileId() == "" {
			return nil, a.control.Protocol(answer.Header, "the provider's answer holds no inference profile", nil)
		}
		call.Reply.Header = answer.Header
		return profileOf(profile), nil
	}
	model := new(bedrockpb.FoundationModelAnswer)
	answer, err := a.get(ctx, call, call.Key, pathModels+"/"+segment, "", model)
	if err != nil {
		return nil, err
	}
	if model.GetModelDetails().GetModelId() == "" {
		return nil, a.control.Protocol(answer.Header, "the provider's answer holds no model", nil)
	}
	call.Reply.Header = answer.Header
	return modelOf(model.GetModelDetails()), nil
}

func (a *api) get(ctx context.Context, call *adapters.Call, key adapters.Secret, path, query string, m wirejson.Message) (*upstream.Answer, error) {
	request := newUpstream(call, http.MethodGet, path)
	request.Key = key
	if query != "" {
		request.Query = strings.TrimPrefix(request.Query+"&"+query, "&")
	}
	answer, err := a.control.Do(ctx, request)
	if err != nil {
		return nil, err
	}
	if err := wirejson.Unmarshal(answer.Body, m, lenient); err != nil {
		return nil, a.control.Undecodable(answer, err)
	}
	return answer, nil
}

// profileRegions begin the ids of profiles that AWS defines: where a call may run.
//
// Source: Amazon Bedrock user guide, "Supported Regions and models for inference profiles".
var profileRegions = []string{"us", "us-gov", "eu", "apac", "jp", "au", "ca", "global"}

func isProfile(model string) bool {
	if strings.HasPrefix(model, "arn:") {
		return strings.Contains(model, "inference-profile/")
	}
	region, rest, _ := strings.Cut(model, ".")
	return slices.Contains(profileRegions, region) && strings.Contains(rest, ".")
}

func modelOf(m *bedrockpb.FoundationModel) *sluicev1.Model {
	out := &sluicev1.Model{Id: m.GetModelId(), Object: "model", OwnedBy: m.GetProviderName()}
	out.Rest = graft(out, m.GetRest())
	return out
}

// profileOf is a profile as a model. AWS defines some, the account's owner the others, which
// are called by their ARNs.
func profileOf(p *bedrockpb.InferenceProfile) *sluicev1.Model {
	m := &sluicev1.Model{Id: p.GetInferenceProfileId(), Object: "model", OwnedBy: "Amazon"}
	m.Rest = graft(m, p.GetRest())
	if p.InferenceProfileArn != nil {
		m.Rest = wirejson.Set(m.Rest, "inferenceProfileArn", wirejson.AppendString(nil, p.GetInferenceProfileArn()))
	}
	if p.Type != nil {
		m.Rest = wirejson.Set(m.Rest, "type", wirejson.AppendString(nil, p.GetType()))
	}
	if p.GetType() == "APPLICATION" && p.GetInferenceProfileArn() != "" {
		m.Id, m.OwnedBy = p.GetInferenceProfileArn(), "customer"
	}
	if at, err := time.Parse(time.RFC3339, p.GetCreatedAt()); err == nil {
		m.Created = at.Unix()
	}
	return m
}
