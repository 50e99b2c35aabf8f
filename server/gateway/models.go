package gateway

import (
	"context"
	"errors"
	"sync"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/usage"
)

// listTimeout bounds how long a provider may take to list its models, so that one
// that hangs does not take the whole list with it.
const listTimeout = 10 * time.Second

// routeOwner is the owned_by of models of the routing table.
const routeOwner = "sluice"

// ListModels lists the models that calls may name.
func (s *Service) ListModels(ctx context.Context, _ *sluicev1.ListModelsRequest) (answer *sluicev1.ListModelsResponse, err error) {
	ctx, t := s.begin(ctx, usage.OperationListModels, "")
	defer t.settle(&err)
	if t.plan == nil {
		return nil, fault.New(sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "Sluice is stopping")
	}
	if err := t.enter(); err != nil { // it asks every provider
		return nil, err
	}
	lists := t.list(ctx)
	if names := t.plan.Routes.Names(); len(names) == 0 && len(lists) == 1 {
		// One provider and nothing of our own: its answer is the answer, to the last
		// member.
		return t.only(ctx, lists[0])
	}
	answer = &sluicev1.ListModelsResponse{Object: "list"}
	seen := make(map[string]bool)
	for _, name := range t.plan.Routes.Names() {
		answer.Data = append(answer.Data, routeModel(name))
		seen[name] = true
	}
	var failed *listed
	for i, l := range lists {
		if l.err != nil {
			if failed == nil {
				failed = &lists[i]
			}
			continue
		}
		for _, m := range l.answer.GetData() {
			t.name(l.provider, m)
			if !seen[m.GetId()] {
				seen[m.GetId()] = true
				answer.Data = append(answer.Data, m)
			}
		}
	}
	if len(answer.GetData()) == 0 && failed != nil {
		return nil, failed.fault(ctx)
	}
	return answer, nil
}

// listed is what one provider said of its models.
type listed struct {
	provider string
	answer   *sluicev1.ListModelsResponse
	call     adapters.Call
	err      error
}

// list asks all listed providers at once. The order is the plan's.
func (t *ticket) list(ctx context.Context) []listed {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var lists []listed
	for _, name := range t.plan.Listed {
		if t.plan.Providers[name].Models != nil {
			lists = append(lists, listed{provider: name, call: adapters.Call{Header: t.call.Header, Query: t.call.Query}})
		}
	}
	attempts := make([]dispatch.Attempt, len(lists))
	var wg sync.WaitGroup
	for i := range lists {
		wg.Go(func() {
			l, start := &lists[i], time.Now()
			l.ask(ctx, t.plan.Providers[l.provider])
			attempts[i] = dispatch.Attempt{Provider: l.provider, Err: l.err, Start: start, Duration: time.Since(start)}
		})
	}
	wg.Wait()
	t.took(dispatch.Outcome{Attempts: attempts})
	if len(lists) > 1 { // the answer is nobody's alone
		t.receipt.Provider, t.receipt.ProviderModel = "", ""
	}
	return lists
}

// ask fills in what the provider says. A panic of its adapter must not leave the
// goroutine that this runs on.
func (l *listed) ask(ctx context.Context, p adapters.Provider) {
	defer func() {
		if value := recover(); value != nil {
			l.err = dispatch.Panicked(l.provider, value)
		}
	}()
	l.answer, l.err = p.Models.List(ctx, &l.call)
}

func (t *ticket) only(ctx context.Context, l listed) (*sluicev1.ListModelsResponse, error) {
	if l.err != nil {
		return nil, l.fault(ctx)
	}
	t.call.Reply = append(t.call.Reply, l.call.Reply.Header...)
	for _, m := range l.answer.GetData() {
		t.name(l.provider, m)
	}
	return l.answer, nil
}

// fault tells the provider's own timeout from the deadline of the caller, whose
// context ctx is.
func (l listed) fault(ctx context.Context) error {
	if ctx.Err() == nil && errors.Is(l.err, context.DeadlineExceeded) {
		return dispatch.FromProvider(&adapters.Error{
			Kind: adapters.KindTimeout, Provider: l.provider, Cause: l.err,
			Message: "no list of models within " + listTimeout.String(),
		})
	}
	return dispatch.Fault(ctx, l.err)
}

// name gives a provider's model the id by which callers name it.
func (t *ticket) name(provider string, m *sluicev1.Model) {
	if provider != t.plan.DefaultProvider {
		m.Id = provider + "/" + m.GetId()
	}
}

// GetModel describes one model.
func (s *Service) GetModel(ctx context.Context, req *sluicev1.GetModelRequest) (answer *sluicev1.Model, err error) {
	ctx, t := s.begin(ctx, usage.OperationGetModel, req.GetModel())
	defer t.settle(&err)
	if t.plan == nil {
		return nil, fault.New(sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "Sluice is stopping")
	}
	if t.plan.Routes.Has(req.GetModel()) {
		t.receipt.Route = req.GetModel()
		return routeModel(req.GetModel()), nil
	}
	if err := t.route(t.query(req.GetModel())); err != nil {
		return nil, err
	}
	answer, outcome, err := dispatch.Unary(ctx, t.plan.Policy, t.targets, t.request(),
		func(ctx context.Context, at int, call *adapters.Call) (*sluicev1.Model, error) {
			to := t.place(at)
			if to.Provider.Models == nil {
				return nil, unsupported(to, "a list of models")
			}
			return to.Provider.Models.Get(ctx, call)
		})
	t.took(outcome)
	t.served(outcome)
	if err != nil {
		return nil, err
	}
	if t.receipt.Route == "" {
		t.name(t.receipt.Provider, answer)
	} else {
		answer.Id = req.GetModel()
	}
	return answer, nil
}

func routeModel(name string) *sluicev1.Model {
	return &sluicev1.Model{Id: name, Object: "model", OwnedBy: routeOwner}
}
