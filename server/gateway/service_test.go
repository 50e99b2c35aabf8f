package gateway

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/dispatch"
	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

// far is a scripted provider.
type far struct {
	chat   func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error)
	stream func(context.Context, *adapters.Call, func(*sluicev1.ChatCompletionChunk) error) error
	list   func(context.Context) (*sluicev1.ListModelsResponse, error)
	closed func()
}

func (f *far) Chat(ctx context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
	return f.chat(ctx, call, req)
}

func (f *far) StreamChat(ctx context.Context, call *adapters.Call, _ *sluicev1.ChatCompletionRequest, send func(*sluicev1.ChatCompletionChunk) error) error {
	return f.stream(ctx, call, send)
}

func (f *far) List(ctx context.Context, _ *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	return f.list(ctx)
}

func (f *far) Get(_ context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	return &sluicev1.Model{Id: call.Model, Object: "model"}, nil
}

func (f *far) provider(name string) adapters.Provider {
	p := adapters.Provider{Name: name, Chat: f}
	if f.list != nil {
		p.Models = f
	}
	if f.closed != nil {
		p.Close = func() error { f.closed(); return nil }
	}
	return p
}

// ledger keeps the receipts.
type ledger struct {
	mu       sync.Mutex
	receipts []*usage.Receipt // guarded by mu
}

func (l *ledger) Record(r *usage.Receipt) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.receipts = append(l.receipts, r)
}

// one returns the only receipt.
func (l *ledger) one(t *testing.T) *usage.Receipt {
	t.Helper()
	l.mu.Lock()
	defer l.mu.Unlock()
	if len(l.receipts) != 1 {
		t.Fatalf("%d receipts, want exactly 1", len(l.receipts))
	}
	return l.receipts[0]
}

func plan(t *testing.T, defaultProvider string, models []route.Model, providers ...adapters.Provider) *Plan {
	t.Helper()
	p := &Plan{Providers: map[string]adapters.Provider{}, DefaultProvider: defaultProvider}
	for _, provider := range providers {
		p.Providers[provider.Name] = provider
		p.Listed = append(p.Listed, provider.Name)
	}
	var err error
	if p.Routes, err = route.New(models, p.Listed, defaultProvider); err != nil {
		t.Fatal(err)
	}
	return p
}

func service(t *testing.T, p *Plan) (*Service, *ledger) {
	t.Helper()
	l := &ledger{}
	return New(p, l, slog.New(slog.DiscardHandler)), l
}

func question(model string) *sluicev1.ChatCompletionRequest {
	return &sluicev1.ChatCompletionRequest{Model: model, Messages: []*sluicev1.ChatMessage{{Message: &sluicev1.ChatMessage_User{
		User: &sluicev1.UserMessage{Content: &sluicev1.UserMessage_Text{Text: "hi"}},
	}}}}
}

func text(s string) *sluicev1.ChatCompletionChunk {
	return &sluicev1.ChatCompletionChunk{Model: "m-1", Choices: []*sluicev1.ChunkChoice{{Delta: &sluicev1.Delta{Content: &s}}}}
}

func end() *sluicev1.ChatCompletionChunk {
	return &sluicev1.ChatCompletionChunk{Choices: []*sluicev1.ChunkChoice{{Delta: &sluicev1.Delta{}, FinishReason: new("stop")}}}
}

func bill(in, out int64) *sluicev1.ChatCompletionChunk {
	return &sluicev1.ChatCompletionChunk{Usage: &sluicev1.Usage{PromptTokens: in, CompletionTokens: out, TotalTokens: in + out}}
}

func TestStreamChat_accounts_for_every_ending_once(t *testing.T) {
	broken := &adapters.Error{Kind: adapters.KindProtocol, Provider: "p", Message: "the stream broke off"}
	tests := map[string]struct {
		request   *sluicev1.ChatCompletionRequest
		chunks    []*sluicev1.ChatCompletionChunk
		err       error
		sendFails bool
		panics    bool
		reason    sluicev1.ErrorReason
		status    int
		tokens    usage.Tokens
		received  int
	}{
		"well":                     {chunks: []*sluicev1.ChatCompletionChunk{text("a"), end(), bill(3, 1)}, status: 200, tokens: usage.Tokens{Input: 3, Output: 1}, received: 2},
		"refused by the provider":  {err: &adapters.Error{Kind: adapters.KindRateLimited, Provider: "p", Status: 429}, reason: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_RATE_LIMITED, status: 429},
		"refused by us":            {request: question(""), reason: sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, status: 400},
		"no messages":              {request: &sluicev1.ChatCompletionRequest{Model: "p/m"}, reason: sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, status: 400},
		"raw parts are not JSON":   {request: &sluicev1.ChatCompletionRequest{Model: "p/m", Rest: []byte(`{"x":`)}, reason: sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, status: 400},
		"cut in the middle":        {chunks: []*sluicev1.ChatCompletionChunk{text("12345678")}, err: broken, reason: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_PROTOCOL, status: 502, tokens: usage.Tokens{Input: 1, Output: 2, Estimated: true}, received: 1},
		"the caller hung up":       {chunks: []*sluicev1.ChatCompletionChunk{text("12345678")}, sendFails: true, reason: sluicev1.ErrorReason_ERROR_REASON_CANCELED, status: 499, tokens: usage.Tokens{Input: 1, Output: 2, Estimated: true}},
		"a defect of the adapter":  {panics: true, reason: sluicev1.ErrorReason_ERROR_REASON_INTERNAL, status: 500},
		"a defect in the middle":   {chunks: []*sluicev1.ChatCompletionChunk{text("12345678")}, panics: true, reason: sluicev1.ErrorReason_ERROR_REASON_INTERNAL, status: 500, tokens: usage.Tokens{Input: 1, Output: 2, Estimated: true}, received: 1},
		"the provider told no use": {chunks: []*sluicev1.ChatCompletionChunk{text("1234"), end()}, status: 200, tokens: usage.Tokens{Input: 1, Output: 1, Estimated: true}, received: 2},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			f := &far{stream: func(_ context.Context, call *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
				call.Reply.Header.Add("x-request-id", "req-1")
				for _, c := range test.chunks {
					if err := send(c); err != nil {
						return err
					}
				}
				if test.panics {
					panic("prompt: hi")
				}
				return test.err
			}}
			s, l := service(t, plan(t, "", nil, f.provider("p")))
			req := test.request
			if req == nil {
				req = question("p/m")
			}
			call := &Call{ID: "c-1", Door: DoorREST, Start: time.Now()}
			received := 0
			err := s.StreamChat(WithCall(t.Context(), call), req, func(*sluicev1.ChatCompletionChunk) error {
				if call.Reply.Get("x-request-id") != "req-1" {
					t.Error("the headers come after the first chunk")
				}
				if test.sendFails {
					return errors.New("broken pipe")
				}
				received++
				return nil
			})
			r := l.one(t)
			if r.Reason != test.reason || r.Status != test.status || r.ID != "c-1" || received != test.received {
				t.Errorf("reason %v status %d id %q, %d chunks; want %v %d, %d chunks", r.Reason, r.Status, r.ID, received, test.reason, test.status, test.received)
			}
			if test.panics && (r.Provider != "p" || len(r.Attempts) != 1 || r.Attempts[0].Outcome != "internal") {
				t.Errorf("attempts %+v at %q", r.Attempts, r.Provider)
			}
			if r.Tokens != test.tokens {
				t.Errorf("tokens %+v, want %+v", r.Tokens, test.tokens)
			}
			if f := fault.From(err); (err == nil) != (test.reason == 0) || f != nil && f.Reason != test.reason {
				t.Errorf("got %v", err)
			}
			if err != nil && strings.Contains(err.Error(), "hi") {
				t.Errorf("the error quotes the prompt: %v", err)
			}
		})
	}
}

func TestStreamChat_shows_the_usage_only_to_who_asked(t *testing.T) {
	own := end()
	own.Usage = bill(1, 1).Usage // beside choices: the provider's own habit
	extra := bill(1, 1)
	extra.Rest = []byte(`{"x_groq":{"id":1}}`)
	for name, test := range map[string]struct {
		options *sluicev1.StreamOptions
		chunks  []*sluicev1.ChatCompletionChunk
		want    int
	}{
		"not asked":                          {nil, []*sluicev1.ChatCompletionChunk{text("a"), bill(1, 1)}, 1},
		"asked":                              {&sluicev1.StreamOptions{IncludeUsage: new(true)}, []*sluicev1.ChatCompletionChunk{text("a"), bill(1, 1)}, 2},
		"declined":                           {&sluicev1.StreamOptions{IncludeUsage: new(false)}, []*sluicev1.ChatCompletionChunk{text("a"), bill(1, 1)}, 1},
		"unknown members of the extra chunk": {nil, []*sluicev1.ChatCompletionChunk{text("a"), extra}, 2},
		"the provider's habit":               {nil, []*sluicev1.ChatCompletionChunk{text("a"), own}, 2},
	} {
		f := &far{stream: func(_ context.Context, _ *adapters.Call, send func(*sluicev1.ChatCompletionChunk) error) error {
			for _, c := range test.chunks {
				if err := send(c); err != nil {
					return err
				}
			}
			return nil
		}}
		s, l := service(t, plan(t, "", nil, f.provider("p")))
		req := question("p/m")
		req.StreamOptions = test.options
		got := 0
		if err := s.StreamChat(t.Context(), req, func(*sluicev1.ChatCompletionChunk) error { got++; return nil }); err != nil {
			t.Fatal(err)
		}
		if r := l.one(t); got != test.want || r.Tokens.Output != 1 || r.Tokens.Estimated {
			t.Errorf("%s: %d chunks, want %d; tokens %+v", name, got, test.want, r.Tokens)
		}
	}
}

func TestCreateChatCompletion_passes_the_targets_model_and_not_the_callers_message(t *testing.T) {
	var model string
	f := &far{chat: func(_ context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
		model = call.Model + " for " + req.GetModel() + " with " + call.Header.Get("openai-beta") + " " + call.Query
		return &sluicev1.ChatCompletion{Model: "gpt-4o-mini-2024", Usage: &sluicev1.Usage{PromptTokens: 5, CompletionTokens: 7}}, nil
	}}
	s, l := service(t, plan(t, "", []route.Model{{Name: "fast", Targets: []route.Target{{Provider: "p", Model: "gpt-4o-mini"}}}}, f.provider("p")))
	call := &Call{Header: adapters.Header{{Name: "openai-beta", Value: "x=v1"}}, Query: "beta=true"}
	if _, err := s.CreateChatCompletion(WithCall(t.Context(), call), question("fast")); err != nil {
		t.Fatal(err)
	}
	if model != "gpt-4o-mini for fast with x=v1 beta=true" {
		t.Error(model)
	}
	r := l.one(t)
	if r.Route != "fast" || r.Provider != "p" || r.ProviderModel != "gpt-4o-mini" || r.ResponseModel != "gpt-4o-mini-2024" || r.Tokens.Input != 5 || r.Tokens.Output != 7 {
		t.Errorf("%+v", r)
	}
}

func TestCreateEmbeddings_says_what_a_provider_lacks(t *testing.T) {
	s, l := service(t, plan(t, "", nil, (&far{}).provider("p")))
	_, err := s.CreateEmbeddings(t.Context(), &sluicev1.CreateEmbeddingsRequest{Model: "p/m", Input: &sluicev1.CreateEmbeddingsRequest_Text{Text: "x"}})
	if f := fault.From(err); f.Reason != sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED || !strings.Contains(f.Message(), "embeddings") {
		t.Error(err)
	}
	l.one(t)
}

func TestListModels_joins_what_there_is(t *testing.T) {
	list := func(ids ...string) *far {
		return &far{list: func(context.Context) (*sluicev1.ListModelsResponse, error) {
			out := &sluicev1.ListModelsResponse{Object: "list", Rest: []byte(`{"extra":1}`)}
			for _, id := range ids {
				out.Data = append(out.Data, &sluicev1.Model{Id: id})
			}
			return out, nil
		}}
	}
	hangs := &far{list: func(ctx context.Context) (*sluicev1.ListModelsResponse, error) { <-ctx.Done(); return nil, ctx.Err() }}
	refuses := &far{list: func(context.Context) (*sluicev1.ListModelsResponse, error) {
		return nil, &adapters.Error{Kind: adapters.KindAuth, Provider: "a", Status: 401}
	}}
	panics := &far{list: func(context.Context) (*sluicev1.ListModelsResponse, error) { panic("list") }}
	fast := []route.Model{{Name: "fast", Targets: []route.Target{{Provider: "a"}}}}
	for name, test := range map[string]struct {
		defaultProvider string
		models          []route.Model
		providers       []adapters.Provider
		want, rest      string
		reason          sluicev1.ErrorReason
	}{
		"one provider's answer is the answer": {defaultProvider: "a", providers: []adapters.Provider{list("x", "y").provider("a")}, want: "x y", rest: `{"extra":1}`},
		"others are prefixed":                 {defaultProvider: "a", models: fast, providers: []adapters.Provider{list("x", "fast").provider("a"), list("x").provider("b")}, want: "fast x b/x"},
		"one that hangs is left out":          {models: fast, providers: []adapters.Provider{hangs.provider("a"), list("x").provider("b")}, want: "fast b/x"},
		"nobody answers":                      {providers: []adapters.Provider{refuses.provider("a")}, reason: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAUTHENTICATED},
		"one that panics is left out":         {providers: []adapters.Provider{panics.provider("a"), list("x").provider("b")}, want: "b/x"},
		"everybody hangs":                     {providers: []adapters.Provider{hangs.provider("a"), hangs.provider("b")}, reason: sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				s, l := service(t, plan(t, test.defaultProvider, test.models, test.providers...))
				got, err := s.ListModels(t.Context(), nil)
				var ids []string
				for _, m := range got.GetData() {
					ids = append(ids, m.GetId())
				}
				if strings.Join(ids, " ") != test.want || string(got.GetRest()) != test.rest {
					t.Errorf("got %v %s, want %s %s", ids, got.GetRest(), test.want, test.rest)
				}
				if f := fault.From(err); (err == nil) != (test.reason == 0) || f != nil && f.Reason != test.reason {
					t.Errorf("got %v, want %v", err, test.reason)
				}
				l.one(t)
			})
		})
	}
}

func TestGetModel_answers_to_every_name_that_chat_takes(t *testing.T) {
	f := &far{list: func(context.Context) (*sluicev1.ListModelsResponse, error) {
		return &sluicev1.ListModelsResponse{}, nil
	}}
	s, _ := service(t, plan(t, "p", []route.Model{{Name: "fast", Targets: []route.Target{{Provider: "p"}}}, {Name: "gpt-*", Targets: []route.Target{{Provider: "q"}}}}, f.provider("p"), f.provider("q")))
	for name, want := range map[string]string{"fast": "fast", "x": "x", "p/x": "x", "q/x": "q/x", "q:x": "q/x", "gpt-9": "gpt-9"} {
		got, err := s.GetModel(t.Context(), &sluicev1.GetModelRequest{Model: name})
		if err != nil || got.GetId() != want {
			t.Errorf("%s: got %q, %v, want %q", name, got.GetId(), err, want)
		}
	}
}

func TestSwap_lets_running_calls_end_by_the_old_plan(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		closed := false
		release := make(chan struct{})
		old := &far{
			closed: func() { closed = true },
			chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
				<-release
				return &sluicev1.ChatCompletion{Id: "old"}, nil
			},
		}
		fresh := &far{chat: func(context.Context, *adapters.Call, *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			return &sluicev1.ChatCompletion{Id: "new"}, nil
		}}
		s, _ := service(t, plan(t, "", nil, old.provider("p")))
		var first *sluicev1.ChatCompletion
		go func() { first, _ = s.CreateChatCompletion(t.Context(), question("p/m")) }()
		synctest.Wait()

		s.Swap(plan(t, "", nil, fresh.provider("p")))
		second, err := s.CreateChatCompletion(t.Context(), question("p/m"))
		if err != nil || second.GetId() != "new" {
			t.Errorf("after the swap: %v, %v", second, err)
		}
		if closed {
			t.Error("the old plan was closed under a running call")
		}
		close(release)
		synctest.Wait()
		if first.GetId() != "old" || !closed {
			t.Errorf("the running call got %v; old plan closed: %t", first, closed)
		}

		s.Close()
		s.Close() // does no harm
		if _, err := s.CreateChatCompletion(t.Context(), question("p/m")); fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN {
			t.Errorf("after Close: %v", err)
		}
	})
}

func TestRefuse_accounts_for_what_never_became_a_call(t *testing.T) {
	s, l := service(t, plan(t, "", nil))
	s.Refuse(WithCall(t.Context(), &Call{ID: "c-2", Door: DoorREST, Start: time.Now()}), "", fault.New(sluicev1.ErrorReason_ERROR_REASON_NOT_FOUND, "no such path"))
	if r := l.one(t); r.ID != "c-2" || r.Status != 404 || r.Operation != usage.OperationNone || len(r.Attempts) != 0 {
		t.Errorf("%+v", r)
	}
}

func TestPolicy_reaches_dispatch(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hangs := &far{chat: func(ctx context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
			<-ctx.Done()
			return nil, ctx.Err()
		}}
		p := plan(t, "", nil, hangs.provider("p"))
		p.Policy = dispatch.Policy{TotalTimeout: time.Second}
		s, l := service(t, p)
		start := time.Now()
		_, err := s.CreateChatCompletion(t.Context(), question("p/m"))
		if fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_TIMEOUT || time.Since(start) != time.Second {
			t.Errorf("%v after %v", err, time.Since(start))
		}
		if r := l.one(t); r.Duration != time.Second || len(r.Attempts) != 1 || r.Attempts[0].Outcome != "timeout" {
			t.Errorf("%+v", r)
		}
	})
}
