package openai

import (
	"bytes"
	"context"
	"net/http"
	"slices"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// List implements [adapters.Lister].
func (a *api) List(ctx context.Context, call *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	list := new(sluicev1.ListModelsResponse)
	return list, a.get(ctx, call, a.modelsPath, list)
}

// Get implements [adapters.Lister].
func (a *api) Get(ctx context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	segment, ok := upstream.PathSegment(call.Model)
	if !ok {
		return nil, a.client.Refusal(adapters.KindNotFound, "no model can have this name")
	}
	if a.onlyLists {
		return a.find(ctx, call)
	}
	model := new(sluicev1.Model)
	return model, a.get(ctx, call, a.modelsPath+"/"+segment, model)
}

// find looks a model up in the list.
func (a *api) find(ctx context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	list, err := a.List(ctx, call)
	if err != nil {
		return nil, err
	}
	i := slices.IndexFunc(list.GetData(), func(m *sluicev1.Model) bool { return m.GetId() == call.Model })
	if i < 0 {
		return nil, a.client.Refusal(adapters.KindNotFound, "the provider's list of models does not have this one")
	}
	return list.GetData()[i], nil
}

// relayed is an answer that keeps what its fields cannot hold.
type relayed interface {
	wirejson.Message
	GetRest() []byte
}

func (a *api) get(ctx context.Context, call *adapters.Call, path string, m relayed) error {
	request := newRequest(call, http.MethodGet, path, nil)
	a.restrict(request)
	answer, err := a.client.Do(ctx, request)
	if err != nil {
		return err
	}
	if body := bytes.TrimSpace(answer.Body); a.bareList && path == a.modelsPath && len(body) > 0 && body[0] == '[' {
		answer.Body = slices.Concat([]byte(`{"object":"list","data":`), body, []byte(`}`))
		translate.Response(call).Coerced("[]", "data", "the provider lists its models without an object around them")
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
