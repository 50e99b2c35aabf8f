package gateway

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"runtime/debug"
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
}

func (s *Service) begin(ctx context.Context, operation usage.Operation, model string) *ticket {
	call := CallFrom(ctx)
	return &ticket{
		service: s,
		plan:    s.current(),
		call:    call,
		receipt: &usage.Receipt{
			ID: call.ID, Door: string(call.Door), Operation: operation, RequestModel: model, Start: call.Start,
		},
	}
}

// admitChat decides whether a conversation may be sent, and where to.
func (t *ticket) admitChat(req *sluicev1.ChatCompletionRequest) ([]dispatch.Target, error) {
	if err := t.check(req); err != nil {
		return nil, err
	}
	if len(req.GetMessages()) == 0 {
		return nil, fault.Invalid("messages", "messages is missing: at least one message is needed")
	}
	return t.route(req.GetModel())
}

func (t *ticket) admitEmbeddings(req *sluicev1.CreateEmbeddingsRequest) ([]dispatch.Target, error) {
	if err := t.check(req); err != nil {
		return nil, err
	}
	if req.GetInput() == nil {
		return nil, fault.Invalid("input", "input is missing: a text, an array of texts or tokens is needed")
	}
	return t.route(req.GetModel())
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
func (t *ticket) route(model string) ([]dispatch.Target, error) {
	decision, err := t.plan.Routes.Resolve(&route.Query{Model: model}, nil, rand.Float64)
	if err != nil {
		return nil, err
	}
	t.receipt.Route = decision.Route
	targets := make([]dispatch.Target, len(decision.Targets))
	for i, d := range decision.Targets {
		targets[i] = t.plan.target(d)
	}
	return targets, nil
}

func (t *ticket) request() dispatch.Request {
	return dispatch.Request{Header: t.call.Header, Query: t.call.Query}
}

// answered puts the provider's headers where the door finds them.
func (t *ticket) answered(outcome dispatch.Outcome) {
	t.call.Reply = append(t.call.Reply, outcome.Reply.Header...)
}

// begun is [ticket.answered] for a stream, before its first chunk.
func (t *ticket) begun(outcome dispatch.Outcome) {
	t.answered(outcome)
	t.receipt.FirstToken = time.Since(t.call.Start)
}

// took enters the attempts into the receipt.
func (t *ticket) took(outcome dispatch.Outcome) {
	for _, a := range outcome.Attempts {
		entry := usage.Attempt{Provider: a.Provider, Model: a.Model, Outcome: "ok", Status: http.StatusOK, Duration: a.Duration}
		if p, ok := errors.AsType[*dispatch.PanicError](a.Err); ok {
			t.service.logger.Error("panic", slog.String("id", t.call.ID), slog.String("provider", a.Provider), slog.String("type", p.Type), slog.String("stack", string(p.Stack)))
		}
		if a.Err != nil {
			entry.Outcome, entry.Status = adapters.KindOf(a.Err).String(), 0
			if e, ok := errors.AsType[*adapters.Error](a.Err); ok {
				entry.Status = e.Status
			} else if left(a.Err) {
				entry.Outcome = adapters.KindCanceled.String()
			}
		}
		t.receipt.Attempts = append(t.receipt.Attempts, entry)
		t.receipt.Provider, t.receipt.ProviderModel = a.Provider, a.Model
	}
}

// left tells whether an attempt ended because its caller did.
func left(err error) bool {
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
		f := fault.From(*err)
		*err = f
		t.tell(f.Header)
		r.Reason, r.Status, r.Cause = f.Reason, f.Status, f.Unwrap()
		if r.Provider == "" {
			r.Provider = f.Provider
		}
	}
	r.Duration = time.Since(r.Start)
	t.service.sink.Record(r)
	if t.plan != nil {
		t.service.drop(t.plan)
	}
}
