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
		return t.only(ctx, &lists[0])
	}
	answer = &sluicev1.ListModelsResponse{Object: "list", Data: t.plan.RouteModels()}
	seen := make(map[string]bool)
	for _, m := range answer.GetData() {
		seen[m.GetId()] = true
	}
	var failed *Listing
	for i, l := range lists {
		if l.Err != nil {
			if failed == nil {
				failed = &lists[i]
			}
			continue
		}
		for _, m := range l.Answer.GetData() {
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

// Listing is what one provider said of its models.
type Listing struct {
	Provider string
	// Answer has the models under the names by which callers ask for them, with what is
	// known of them.
	Answer *sluicev1.ListModelsResponse
	// Err is that of the provider, or of its adapter.
	Err error

	call    adapters.Call
	attempt dispatch.Attempt
}

// List asks providers at once for their models, none for longer than 10 seconds, in the
// name of a call with these headers and this query. The order is that of the names;
// providers that have no list are left out.
func (p *Plan) List(ctx context.Context, names []string, header adapters.Header, query string) []Listing {
	ctx, cancel := context.WithTimeout(ctx, listTimeout)
	defer cancel()
	var lists []Listing
	for _, name := range names {
		if p.Providers[name].Models != nil {
			lists = append(lists, Listing{Provider: name, call: adapters.Call{Header: header, Query: query}})
		}
	}
	var wg sync.WaitGroup
	for i := range lists {
		wg.Go(func() {
			l, start := &lists[i], time.Now()
			l.ask(ctx, p.Providers[l.Provider])
			l.attempt = dispatch.Attempt{Provider: l.Provider, Err: l.Err, Start: start, Duration: time.Since(start)}
		})
	}
	wg.Wait()
	for _, l := range lists {
		for _, m := range l.Answer.GetData() {
			p.name(l.Provider, m)
		}
	}
	return lists
}

// ask fills in what the provider says. A panic of its adapter must not leave the
// goroutine that this runs on.
func (l *Listing) ask(ctx context.Context, p adapters.Provider) {
	defer func() {
		if value := recover(); value != nil {
			l.Answer, l.Err = nil, dispatch.Panicked(l.Provider, value)
		}
	}()
	l.Answer, l.Err = p.Models.List(ctx, &l.call)
}

// list asks all listed providers at once. The order is the plan's.
func (t *ticket) list(ctx context.Context) []Listing {
	lists := t.plan.List(ctx, t.plan.Listed, t.call.Header, t.call.Query)
	attempts := make([]dispatch.Attempt, len(lists))
	for i := range lists {
		attempts[i] = lists[i].attempt
	}
	t.took(dispatch.Outcome{Attempts: attempts})
	if len(lists) > 1 { // the answer is nobody's alone
		t.receipt.Provider, t.receipt.ProviderModel = "", ""
	}
	return lists
}

func (t *ticket) only(ctx context.Context, l *Listing) (*sluicev1.ListModelsResponse, error) {
	if l.Err != nil {
		return nil, l.fault(ctx)
	}
	t.call.Reply = append(t.call.Reply, l.call.Reply.Header...)
	return l.Answer, nil
}

// fault tells the provider's own timeout from the deadline of the caller, whose
// context ctx is.
func (l *Listing) fault(ctx context.Context) error {
	if ctx.Err() == nil && errors.Is(l.Err, context.DeadlineExceeded) {
		return dispatch.FromProvider(&adapters.Error{
			Kind: adapters.KindTimeout, Provider: l.Provider, Cause: l.Err,
			Message: "no list of models within " + listTimeout.String(),
		})
	}
	return dispatch.Fault(ctx, l.Err)
}

// name gives a provider's model the id by which callers name it, and says what is known of
// it.
func (p *Plan) name(provider string, m *sluicev1.Model) {
	if p.Known != nil {
		knownOf(p.Known(provider, m.GetId())).describe(m)
	}
	if provider != p.DefaultProvider {
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
		return t.plan.routeModel(req.GetModel()), nil
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
		t.plan.name(t.receipt.Provider, answer)
		return answer, nil
	}
	answer.Id = req.GetModel()
	for i := range t.decision.Targets {
		if to := &t.decision.Targets[i]; to.Provider == t.receipt.Provider && to.Model == t.receipt.ProviderModel {
			t.plan.knownOf(to).describe(answer)
			break
		}
	}
	return answer, nil
}

// RouteModels describes the names of the routing table, wildcards aside, in the order of
// the configuration.
func (p *Plan) RouteModels() []*sluicev1.Model {
	names := p.Routes.Names()
	out := make([]*sluicev1.Model, len(names))
	for i, name := range names {
		out[i] = p.routeModel(name)
	}
	return out
}

// routeModel describes a name of the routing table by what all of its targets have.
func (p *Plan) routeModel(name string) *sluicev1.Model {
	m := &sluicev1.Model{Id: name, Object: "model", OwnedBy: routeOwner}
	targets := p.Routes.TargetsOf(name)
	if len(targets) == 0 {
		return m
	}
	all := p.knownOf(&targets[0])
	for i := range targets[1:] {
		all = all.with(p.knownOf(&targets[i+1]))
	}
	all.describe(m)
	return m
}
