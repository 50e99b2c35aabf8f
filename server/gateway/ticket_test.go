package gateway

import (
	"context"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/shed"
)

func TestReceipt_charges_nothing_for_a_call_whose_caller_left_before_it_was_sent(t *testing.T) {
	for name, test := range map[string]struct {
		unsent bool
		asked  string
		input  bool
	}{
		"in a queue":               {true, "0", false},
		"while the target answers": {false, "1", true},
	} {
		t.Run(name, func(t *testing.T) {
			ctx, leave := context.WithCancel(t.Context())
			f := &far{chat: func(ctx context.Context, _ *adapters.Call, _ *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletion, error) {
				leave()
				if test.unsent { // as a limiter says it
					return nil, &adapters.Error{Kind: adapters.KindCanceled, Provider: "p", Unsent: true, Cause: ctx.Err()}
				}
				return nil, ctx.Err()
			}}
			s, l := service(t, plan(t, "", nil, f.provider("p")))
			call := &Call{}
			_, _ = s.CreateChatCompletion(WithCall(ctx, call), question("p/m-1"))
			r := l.one(t)
			if r.Reason != sluicev1.ErrorReason_ERROR_REASON_CANCELED {
				t.Errorf("the reason is %v, want canceled", r.Reason)
			}
			if got := call.Reply.Get(HeaderAttempts); got != test.asked {
				t.Errorf("%s attempts, want %s", got, test.asked)
			}
			if (r.Tokens.Input > 0) != test.input || len(r.Attempts) != 1 || r.Attempts[0].Spared != test.unsent || r.Attempts[0].Outcome != "canceled" {
				t.Errorf("%d tokens, attempts %+v", r.Tokens.Input, r.Attempts)
			}
		})
	}
}

// vectors is a provider of embeddings.
type vectors struct{ asked func(call *adapters.Call) }

func (v vectors) Embed(_ context.Context, call *adapters.Call, _ *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsResponse, error) {
	v.asked(call)
	return &sluicev1.CreateEmbeddingsResponse{}, nil
}

func TestCreateEmbeddings_go_by_the_price_and_the_window_of_the_longest_text(t *testing.T) {
	const dear, cheap = "dear", "cheap"
	long := strings.Repeat("word", 100) // 100 tokens, as they are estimated
	for name, test := range map[string]struct {
		texts []string
		want  string
	}{
		"the cheapest":             {[]string{"hi"}, cheap},
		"each text has the window": {[]string{long, long, long}, cheap},
		"a text beyond the window": {[]string{"hi", long + long}, dear},
	} {
		t.Run(name, func(t *testing.T) {
			asked := ""
			p := adapters.Provider{Name: "p", Embed: vectors{func(call *adapters.Call) { asked = call.Model }}}
			s, _ := service(t, plan(t, "", []route.Model{{
				Name: "fast", Strategy: route.StrategyCheapest, Targets: []route.Target{
					{Provider: "p", Model: dear, Weight: 1_000_000, Price: &route.Price{Input: 2}},
					{Provider: "p", Model: cheap, Weight: 1, Price: &route.Price{Input: 1}, ContextWindow: 150},
				},
			}}, p))
			_, err := s.CreateEmbeddings(t.Context(), &sluicev1.CreateEmbeddingsRequest{
				Model: "fast", Input: &sluicev1.CreateEmbeddingsRequest_Texts{Texts: &sluicev1.StringList{Values: test.texts}},
			})
			if err != nil || asked != test.want {
				t.Errorf("asked %q, %v, want %q", asked, err, test.want)
			}
		})
	}
}

func TestShed_counts_lists_of_models_too(t *testing.T) {
	asked := 0
	f := &far{list: func(context.Context) (*sluicev1.ListModelsResponse, error) {
		asked++
		return &sluicev1.ListModelsResponse{Object: "list"}, nil
	}}
	p := plan(t, "", nil, f.provider("p"))
	p.Shed = shed.New(shed.Settings{MaxCalls: 1})
	s, _ := service(t, p)
	if refused := p.Shed.Enter(); refused != nil {
		t.Fatal(refused)
	}
	if _, err := s.ListModels(t.Context(), nil); fault.From(err).Reason != sluicev1.ErrorReason_ERROR_REASON_OVERLOADED || asked != 0 {
		t.Errorf("without room: %v, the provider was asked %d times", err, asked)
	}
	p.Shed.Leave()
	if _, err := s.ListModels(t.Context(), nil); err != nil || asked != 1 || p.Shed.Running() != 0 {
		t.Errorf("with room: %v, asked %d times, %d calls run afterwards", err, asked, p.Shed.Running())
	}
}
