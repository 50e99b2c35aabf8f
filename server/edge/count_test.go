package edge

import (
	"context"
	"encoding/json"
	"net/http"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc/codes"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/gateway"
	"github.com/sluice-ai/sluice/server/route"
	"github.com/sluice-ai/sluice/server/usage"
)

// teller counts one token per message.
type teller struct{ far }

func (*teller) CountTokens(_ context.Context, call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
	call.Reply.Header.Set("x-request-id", "req_far")
	return &sluicev1.TokenCount{Object: "chat.completion.input_tokens", InputTokens: int64(len(req.GetMessages())), Model: "m-1"}, nil
}

func TestCountTokens_is_the_same_through_every_door(t *testing.T) {
	h := open(t, Config{}, &far{})
	table, err := route.New(nil, []string{"far", "silent"}, "far")
	if err != nil {
		t.Fatal(err)
	}
	h.service.Swap(&gateway.Plan{
		Routes: table, DefaultProvider: "far",
		Providers: map[string]adapters.Provider{
			"far":    {Name: "far", Chat: &far{}, Count: &teller{}},
			"silent": {Name: "silent", Chat: &far{}},
		},
	})
	overHTTP := sluicev1connect.NewChatServiceClient(h.client, h.http)
	overJSON := sluicev1connect.NewChatServiceClient(h.client, h.http, connect.WithProtoJSON())
	web := sluicev1connect.NewChatServiceClient(h.client, h.http, connect.WithGRPCWeb())
	native := sluicev1.NewChatServiceClient(h.grpc)
	doors := map[string]func(*sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error){
		"grpc": func(r *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
			return native.CountTokens(t.Context(), r)
		},
		"connect": func(r *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
			return overHTTP.CountTokens(t.Context(), r)
		},
		"connect with JSON": func(r *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
			return overJSON.CountTokens(t.Context(), r)
		},
		"gRPC-Web": func(r *sluicev1.ChatCompletionRequest) (*sluicev1.TokenCount, error) {
			return web.CountTokens(t.Context(), r)
		},
	}
	for door, count := range doors {
		got, err := count(question())
		if err != nil || got.GetInputTokens() != int64(len(question().GetMessages())) || got.GetModel() != "m-1" {
			t.Errorf("%s: %v, %v", door, got, err)
		}
		if r := h.ledger.next(t); r.Operation != usage.OperationCount || r.Tokens != (usage.Tokens{}) || r.Status != http.StatusOK {
			t.Errorf("%s: receipt %+v, want a count that used no tokens", door, r)
		}
		refused := question()
		refused.Model = "silent/m"
		_, err = count(refused)
		if code, reason, _ := reasonOf(err); code != codes.Unimplemented || reason != sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED {
			t.Errorf("%s: a provider that does not count: %v, %v", door, code, reason)
		}
		h.ledger.next(t)
	}

	a := h.do(t, "POST", "/v1/chat/completions/input_tokens", `{"model":"m","messages":[{"role":"user","content":"a"},{"role":"user","content":"b"}]}`)
	var got struct {
		Object string `json:"object"`
		Tokens int64  `json:"input_tokens"`
		Model  string `json:"model"`
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 || got.Tokens != 2 || got.Object != "chat.completion.input_tokens" || got.Model != "m-1" {
		t.Errorf("rest: status %d, %s (%v)", a.status, a.body, err)
	}
	if a.header.Get("X-Request-Id") != "req_far" || a.header.Get("X-Sluice-Provider") != "far" {
		t.Errorf("rest: headers %v", a.header)
	}
	a = h.do(t, "POST", "/v1/chat/completions/input_tokens", `{"model":"silent/m","messages":[{"role":"user","content":"a"}]}`)
	if e := a.failure(t); a.status != 400 || e.Type == nil {
		t.Errorf("rest: a provider that does not count: status %d, %s", a.status, a.body)
	}
	if a := h.do(t, "GET", "/v1/chat/completions/input_tokens", ""); a.status != 405 || a.header.Get("Allow") == "" {
		t.Errorf("rest: GET has status %d, Allow %q", a.status, a.header.Get("Allow"))
	}
}
