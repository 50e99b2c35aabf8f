// Package gateway is the use case: a call comes in, is admitted, dispatched to a
// provider and settled, in that order, once, for every door.
//
// It knows no transport and no provider's dialect. The doors in server/edge call
// it; it calls route, dispatch and usage.
package gateway

import (
	"context"
	"log/slog"
	"sync"
	"sync/atomic"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/usage"
)

// Service implements the unary methods of every service of sluice.v1 as they are,
// and streams through [Service.StreamChat], to which each door gives its own send.
// All errors are [*fault.Error]. Safe for concurrent use.
type Service struct {
	plan   atomic.Pointer[Plan]
	closed sync.Once
	sink   usage.Sink
	logger *slog.Logger

	running running
	// open ends when the calls that still run are cut off.
	open context.Context //nolint:containedctx // it lives as long as the service
	shut context.CancelFunc
}

// New returns a service that works by plan, hands receipts to sink, and logs what no
// receipt can say (panics). The service owns the plan from here on.
func New(plan *Plan, sink usage.Sink, logger *slog.Logger) *Service {
	s := &Service{sink: sink, logger: logger}
	s.open, s.shut = context.WithCancel(context.Background())
	plan.refs.Store(1)
	s.plan.Store(plan)
	return s
}

// Swap puts a new plan in force. Running calls end by the old one, whose providers
// are closed after the last of them.
func (s *Service) Swap(plan *Plan) {
	plan.refs.Store(1)
	s.drop(s.plan.Swap(plan))
}

// Close lets go of the plan. Calls that still run end by it; new ones are refused as
// SHUTTING_DOWN. A second Close does nothing.
func (s *Service) Close() { s.closed.Do(func() { s.drop(s.plan.Load()) }) }

// CutOff ends the calls that still run, as SHUTTING_DOWN, and returns how many. It does not
// wait for them. Calls after it end at once, likewise.
func (s *Service) CutOff() int {
	defer s.shut() // after the calls: what they drain is not what they are told of
	return s.running.cutOff()
}

func (s *Service) drop(p *Plan) {
	if err := p.release(); err != nil {
		s.logger.Warn("closing a provider failed", slog.Any("error", err))
	}
}

// current returns the plan in force, kept open until it is dropped. Nil once the
// service is closed.
func (s *Service) current() *Plan {
	for {
		p := s.plan.Load()
		if p.acquire() {
			return p
		}
		if s.plan.Load() == p {
			return nil
		}
	}
}

// CreateChatCompletion answers a conversation in one piece.
func (s *Service) CreateChatCompletion(ctx context.Context, req *sluicev1.ChatCompletionRequest) (answer *sluicev1.ChatCompletion, err error) {
	ctx, t := s.begin(ctx, usage.OperationChat, req.GetModel())
	defer t.settle(&err)
	t.hear(req)
	if req, err = t.admitChat(req); err != nil {
		return nil, err
	}
	r := t.request()
	if limit := outputLimit(req); limit > 0 && limit <= t.rule.HedgeTokens {
		r.Hedge = t.rule.Hedge
	}
	answer, outcome, err := dispatch.Unary(ctx, t.policy(), t.targets, r,
		func(ctx context.Context, at int, call *adapters.Call) (*sluicev1.ChatCompletion, error) {
			to := t.place(at)
			if to.Provider.Chat == nil {
				return nil, unsupported(to, "chat")
			}
			return to.Provider.Chat.Chat(ctx, call, to.Override.chat(req))
		})
	t.took(outcome)
	t.served(outcome)
	if answer == nil {
		if t.abandoned(outcome, err) {
			t.estimate(chatBytes(req), 0)
		}
		return nil, err
	}
	// Beside an error, the answer is one that its caller did not wait for.
	t.said.answered(answer)
	t.receipt.ResponseModel = answer.GetModel()
	for _, c := range answer.GetChoices() {
		t.finished(c.GetFinishReason())
	}
	if answer.GetUsage() != nil {
		t.receipt.Tokens = usage.TokensOf(answer.GetUsage())
	} else {
		t.estimate(chatBytes(req), outputBytes(answer))
	}
	return answer, err
}

// StreamChat answers a conversation piece by piece. It calls send from one
// goroutine; an error of send ends the call. Call.Reply is complete before the first
// send.
func (s *Service) StreamChat(ctx context.Context, req *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) (err error) {
	ctx, t := s.begin(ctx, usage.OperationChat, req.GetModel())
	t.receipt.Streamed = true
	defer t.settle(&err)
	t.hear(req)
	if req, err = t.admitChat(req); err != nil {
		return err
	}
	meter := meter{ticket: t, show: req.GetStreamOptions().GetIncludeUsage(), send: send}
	outcome, err := dispatch.Stream(ctx, t.policy(), t.targets, t.request(), t.begun, meter.chunk, meter.drained,
		func(ctx context.Context, at int, call *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
			to := t.place(at)
			if to.Provider.Chat == nil {
				return unsupported(to, "chat")
			}
			return to.Provider.Chat.StreamChat(ctx, call, to.Override.chat(req), send)
		})
	t.took(outcome)
	t.served(outcome)
	if !meter.told && (meter.begun || t.abandoned(outcome, err)) {
		t.estimate(chatBytes(req), meter.bytes)
	}
	return err
}

// CountTokens counts the input that a conversation would be. It uses no tokens.
func (s *Service) CountTokens(ctx context.Context, req *sluicev1.ChatCompletionRequest) (count *sluicev1.TokenCount, err error) {
	ctx, t := s.begin(ctx, usage.OperationCount, req.GetModel())
	defer t.settle(&err)
	t.hear(req)
	if req, err = t.admitChat(req); err != nil {
		return nil, err
	}
	count, outcome, err := dispatch.Unary(ctx, t.policy(), t.targets, t.request(),
		func(ctx context.Context, at int, call *adapters.Call) (*sluicev1.TokenCount, error) {
			to := t.place(at)
			if to.Provider.Count == nil {
				return nil, unsupported(to, "counting tokens")
			}
			return to.Provider.Count.CountTokens(ctx, call, to.Override.chat(req))
		})
	t.took(outcome)
	t.served(outcome)
	if count != nil {
		t.said.answered(count)
		t.receipt.ResponseModel = count.GetModel()
	}
	return count, err
}

// CreateEmbeddings turns texts into vectors.
func (s *Service) CreateEmbeddings(ctx context.Context, req *sluicev1.CreateEmbeddingsRequest) (answer *sluicev1.CreateEmbeddingsResponse, err error) {
	ctx, t := s.begin(ctx, usage.OperationEmbeddings, req.GetModel())
	defer t.settle(&err)
	t.hear(req)
	if err = t.admitEmbeddings(req); err != nil {
		return nil, err
	}
	r := t.request()
	r.Hedge = t.rule.Hedge
	answer, outcome, err := dispatch.Unary(ctx, t.policy(), t.targets, r,
		func(ctx context.Context, at int, call *adapters.Call) (*sluicev1.CreateEmbeddingsResponse, error) {
			to := t.place(at)
			if to.Provider.Embed == nil {
				return nil, unsupported(to, "embeddings")
			}
			return to.Provider.Embed.Embed(ctx, call, to.Override.embeddings(req))
		})
	t.took(outcome)
	t.served(outcome)
	if answer == nil {
		if t.abandoned(outcome, err) {
			t.estimate(embeddingBytes(req), 0)
		}
		return nil, err
	}
	t.said.answered(answer)
	t.receipt.ResponseModel = answer.GetModel()
	if answer.GetUsage() != nil {
		t.receipt.Tokens.Input = max(answer.GetUsage().GetPromptTokens(), 0)
	} else {
		t.estimate(embeddingBytes(req), 0)
	}
	return answer, err
}

// Prefix returns the configured path prefix that a path of the REST door lies under,
// and the rest of the path, which is empty or begins with a slash. ok is false when
// there is none.
func (s *Service) Prefix(path string) (prefix, rest string, ok bool) {
	return s.plan.Load().Routes.Prefix(path)
}

// Refuse accounts for a call that a door refused before it could be understood:
// wrong path, broken JSON, too large. Operation is that of the path;
// [usage.OperationNone], or "", when it has none.
func (s *Service) Refuse(ctx context.Context, operation usage.Operation, f *fault.Error) {
	if operation == "" {
		operation = usage.OperationNone
	}
	var err error = f
	_, t := s.begin(ctx, operation, "")
	t.settle(&err)
}

func unsupported(t *Target, what string) error {
	return &adapters.Error{
		Kind: adapters.KindUnsupported, Provider: t.Provider.Name,
		Message: "does not offer " + what,
	}
}
