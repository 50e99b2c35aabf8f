package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

// ticket follows one call from admission to settlement. One goroutine uses it.
type ticket struct {
	service *Service
	plan    *Plan
	call    *Call
	receipt *usage.Receipt

	decision route.Decision
	rule     *Rule
	targets  []dispatch.Target // one for each of the decision
	ctx      context.Context   //nolint:containedctx // lives as long as the call
	cancel   context.CancelCauseFunc
	entered  bool // it counts among the running calls
	named    bool // the answer's headers say what served
	said     *said
}

// begin returns a context that also ends when the service is cut off, and the ticket, which
// the caller settles.
func (s *Service) begin(ctx context.Context, operation usage.Operation, model string) (context.Context, *ticket) {
	call := CallFrom(ctx)
	ctx, cancel := context.WithCancelCause(ctx)
	t := &ticket{
		service: s,
		ctx:     ctx,
		cancel:  cancel,
		plan:    s.current(),
		call:    call,
		rule:    noRule,
		receipt: &usage.Receipt{
			ID: call.ID, Door: string(call.Door), Operation: operation, RequestModel: model, Start: call.Start, Trace: call.Trace,
		},
	}
	s.running.enter(t)
	return ctx, t
}

// admitChat decides whether a conversation may be sent, and where to. It returns the
// request to send.
func (t *ticket) admitChat(req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletionRequest, error) {
	if err := t.check(req); err != nil {
		return nil, err
	}
	if len(req.GetMessages()) == 0 {
		return nil, fault.Invalid("messages", "messages is missing: at least one message is needed")
	}
	q := t.chatQuery(req)
	req, err := t.choose(q, req)
	if err != nil {
		return nil, err
	}
	return req, t.route(q)
}

func (t *ticket) admitEmbeddings(req *sluicev1.CreateEmbeddingsRequest) error {
	if err := t.check(req); err != nil {
		return err
	}
	if req.GetInput() == nil {
		return fault.Invalid("input", "input is missing: a text, an array of texts or tokens is needed")
	}
	q := t.embeddingsQuery(req)
	if err := t.chooseByHeader(q); err != nil {
		return err
	}
	return t.route(q)
}

// check refuses a message whose raw parts are not JSON. Those that came as JSON were
// checked by the decoder.
func (t *ticket) check(req wirejson.Message) error {
	if t.plan == nil {
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "Sluice is stopping")
	}
	if t.call.Checked {
		return nil
	}
	if err := wirejson.Check(req); err != nil {
		if at, ok := errors.AsType[*wirejson.Error](err); ok {
			return fault.Invalid(at.Path, "%s", at.Error())
		}
		return fault.Invalid("", "%s", err.Error())
	}
	return nil
}

// route is where authentication, policy and limits will stand too: whatever admits a
// call does so between check and here.
func (t *ticket) route(q *route.Query) error {
	if err := t.enter(); err != nil {
		return err
	}
	var err error
	if t.decision, err = t.plan.Routes.Resolve(q, t.plan.look, rand.Float64); err != nil {
		return err
	}
	t.receipt.Route = t.decision.Route
	t.rule = t.plan.rule(&t.decision)
	t.targets = make([]dispatch.Target, len(t.decision.Targets))
	for i := range t.targets {
		t.targets[i] = t.place(i).Target
		t.targets[i].Model = t.decision.Targets[i].Model
		t.targets[i].ContextWindow = t.decision.Targets[i].Window()
	}
	return t.chooseUnsupported()
}

// enter counts the call among the running ones, unless there is no room for it.
func (t *ticket) enter() error {
	if t.plan.Shed == nil {
		return nil
	}
	if f := t.plan.Shed.Enter(); f != nil {
		return f
	}
	t.entered = true
	return nil
}

// place is what stands for a target of the decision.
func (t *ticket) place(at int) *Target { return t.plan.target(&t.decision.Targets[at]) }

func (t *ticket) policy() dispatch.Policy {
	p := t.plan.Policy
	p.Drain = t.rule.Drain
	p.Stop = t.service.open
	p.HedgeDelay = t.rule.HedgeDelay
	return p
}

func (t *ticket) request() dispatch.Request {
	return dispatch.Request{
		Header: t.call.Header, Query: t.call.Query, Caller: t.call.Caller,
		RepeatsItself: t.call.RepeatsItself, Budget: t.rule.Budget,
	}
}

// begun makes the headers of a stream complete, before its first chunk.
func (t *ticket) begun(outcome dispatch.Outcome) {
	t.served(outcome)
	t.receipt.FirstToken = time.Since(t.call.Start)
}

// Headers of the answer that say what happened on the way, in lower case: who answered,
// with which of its models, after how many requests, and what failed before.
const (
	HeaderProvider = "x-sluice-provider"
	HeaderModel    = "x-sluice-model"
	HeaderAttempts = "x-sluice-attempts"
	HeaderTried    = "x-sluice-tried"
	// HeaderTranslation says in short what became of members on their way through the
	// provider's dialect. In a request for a stream it asks, with any value, for an event
	// that says it in full.
	HeaderTranslation = "x-sluice-translation"
)

// HeaderUnsupported is the header of a request that says what becomes of members which
// the provider cannot express: error, drop or pass.
const HeaderUnsupported = "x-sluice-unsupported-params"

// served puts the headers of an answer where the door finds them: the provider's, and
// who it is. Of several calls, only the first counts: an answer has one head.
func (t *ticket) served(outcome dispatch.Outcome) {
	if t.named || len(outcome.Attempts) == 0 {
		return
	}
	t.named = true
	t.call.Reply = append(t.call.Reply, outcome.Reply.Header...)
	last := outcome.Attempts[len(outcome.Attempts)-1]
	if outcome.Answered >= 0 {
		last = outcome.Attempts[outcome.Answered]
	}
	asked := 0
	failed := false
	for i := range outcome.Attempts {
		if outcome.Attempts[i].Asked() {
			asked++
		}
		failed = failed || outcome.Attempts[i].Err != nil
	}
	t.call.Reply.Add(HeaderProvider, last.Provider)
	t.call.Reply.Add(HeaderModel, last.Model)
	t.call.Reply.Add(HeaderAttempts, strconv.Itoa(asked))
	if failed {
		t.call.Reply.Add(HeaderTried, dispatch.Tried(outcome.Attempts))
	}
	if notes := outcome.Reply.Notes; len(notes) > 0 {
		t.call.Reply.Add(HeaderTranslation, summary(notes))
	}
}

// took enters the attempts into the receipt.
func (t *ticket) took(outcome dispatch.Outcome) {
	t.receipt.BudgetSpent = outcome.BudgetSpent
	if notes := outcome.Reply.Notes; len(notes) > 0 {
		t.receipt.Translation = notes
		t.call.Translation = &sluicev1.Translation{Notes: notes}
	}
	for i, a := range outcome.Attempts {
		entry := usage.Attempt{
			Provider: a.Provider, Model: a.Model, Key: a.Key, Outcome: "ok", Status: http.StatusOK,
			Start: a.Start, Duration: a.Duration, FirstToken: a.FirstToken, Hedge: a.Hedge, Spared: !a.Asked(),
		}
		if p, ok := errors.AsType[*dispatch.PanicError](a.Err); ok {
			t.service.logger.Error("panic", slog.String("id", t.call.ID), slog.String("provider", a.Provider), slog.String("type", p.Type), slog.String("stack", string(p.Stack)))
		}
		if a.Err != nil {
			entry.Outcome, entry.Status = adapters.KindOf(a.Err).String(), 0
			if e, ok := errors.AsType[*adapters.Error](a.Err); ok {
				entry.Status = e.Status
				if e.Kind == adapters.KindTimeout {
					entry.Step = e.Step.String()
				}
			} else if left(a.Err) {
				entry.Outcome = adapters.KindCanceled.String()
			}
		}
		t.receipt.Attempts = append(t.receipt.Attempts, entry)
		if i == outcome.Answered || outcome.Answered < 0 {
			t.receipt.Provider, t.receipt.ProviderModel = a.Provider, a.Model
		}
	}
}

// abandoned tells whether the caller left while a target worked on the call, so that
// the prompt was used although nothing came of it.
func (t *ticket) abandoned(outcome dispatch.Outcome, err error) bool {
	if err == nil || len(outcome.Attempts) == 0 {
		return false
	}
	last := &outcome.Attempts[len(outcome.Attempts)-1]
	return last.Err != nil && last.Asked() && left(last.Err)
}

// left tells whether an attempt ended because its caller did.
func left(err error) bool {
	if _, failed := errors.AsType[*adapters.Error](err); failed {
		return false
	}
	_, gone := errors.AsType[*dispatch.SendError](err)
	return gone || errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

func (t *ticket) finished(reason string) {
	if reason != "" {
		t.receipt.FinishReasons = append(t.receipt.FinishReasons, reason)
	}
}

// estimate stands in when the provider did not say what was used.
func (t *ticket) estimate(inputBytes, outputBytes int64) {
	t.receipt.Tokens = usage.Tokens{
		Input:     usage.EstimateTokens(inputBytes),
		Output:    usage.EstimateTokens(outputBytes),
		Estimated: true,
	}
}

// tell adds the headers of a failure to those of the answer that had begun.
func (t *ticket) tell(header adapters.Header) {
	begun := len(t.call.Reply)
	for _, field := range header {
		if t.call.Reply[:begun].Get(field.Name) == "" {
			t.call.Reply = append(t.call.Reply, field)
		}
	}
}

// cutOff returns what to tell the caller of a call that failed with f: when it did because
// the service was cut off, that, for it is not the caller who left.
func (t *ticket) cutOff(f *fault.Error) *fault.Error {
	if f.Reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED || !errors.Is(context.Cause(t.ctx), errCutOff) {
		return f
	}
	cut := fault.New(sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN, "Sluice is stopping and could not wait for the end of the answer: send the call again").WithCause(f)
	cut.Provider, cut.Attempts, cut.Header = f.Provider, f.Attempts, f.Header
	return cut
}

// settle ends the call: it makes *err a fault, turns a panic into one, hands out the
// headers of an error and records the receipt. Deferred, so that every way out
// passes here once.
func (t *ticket) settle(err *error) {
	if p := recover(); p != nil {
		// The panic's value may quote a prompt: only its type and the stack are logged.
		t.service.logger.Error("panic", slog.String("id", t.call.ID), slog.String("type", fmt.Sprintf("%T", p)), slog.String("stack", string(debug.Stack())))
		*err = fault.New(sluicev1.ErrorReason_ERROR_REASON_INTERNAL, "internal error")
	}
	r := t.receipt
	r.Status = http.StatusOK
	if *err != nil {
		f := t.cutOff(fault.From(*err))
		*err = f
		t.tell(f.Header)
		r.Reason, r.Status, r.Cause = f.Reason, f.Status, f.Unwrap()
		if r.Provider == "" {
			r.Provider = f.Provider
		}
	}
	r.Duration = time.Since(r.Start)
	t.service.running.leave(t)
	t.service.sink.Record(r)
	if t.entered {
		t.plan.Shed.Leave()
	}
	if t.plan != nil {
		t.service.drop(t.plan)
	}
	if t.said != nil {
		t.said.log(t.ctx, t.plan.Bodies, r)
	}
}
