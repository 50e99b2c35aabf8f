package sandbox_test

import (
	"errors"
	"os"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

func listed(t *testing.T) []*sluicev1.Model {
	t.Helper()
	out, err := provider(t).Models.List(t.Context(), &adapters.Call{})
	if err != nil {
		t.Fatal(err)
	}
	return out.GetData()
}

func TestList_has_every_model_in_openai_form(t *testing.T) {
	have := map[string]bool{}
	for _, m := range listed(t) {
		if m.GetObject() != "model" || m.GetOwnedBy() != "sluice" || m.GetCreated() == 0 || have[m.GetId()] {
			t.Errorf("model %v", m)
		}
		if text, ok := wirejson.Get(m.GetRest(), "description"); !ok || len(text) < 20 {
			t.Errorf("%s: description %s", m.GetId(), text)
		}
		have[m.GetId()] = true
		got, err := provider(t).Models.Get(t.Context(), &adapters.Call{Model: m.GetId()})
		if err != nil || string(wirejson.Marshal(got)) != string(wirejson.Marshal(m)) {
			t.Errorf("Get(%s) is %v, error %v; the list says %v", m.GetId(), got, err, m)
		}
	}
	for _, id := range []string{"chat", "echo", "embed", "slow", "hang", "cut-stream", "error-429", "error-529", "long"} {
		if !have[id] {
			t.Errorf("%s is not listed", id)
		}
	}
}

func TestGet_knows_names_with_arguments_and_no_others(t *testing.T) {
	for _, id := range []string{"slow-250ms", "error-418", "error-503-10s", "long-1", "cut-stream-0", "hang-mid-stream-5", "flaky-30", "length-100000"} {
		if m, err := provider(t).Models.Get(t.Context(), &adapters.Call{Model: id}); err != nil || m.GetId() != id {
			t.Errorf("%s: %v, error %v", id, m, err)
		}
	}
	for _, id := range []string{
		"", "gpt-4o", "Chat", "chat-2", "chat-", "slow-", "slow-x", "slow--1s", "slow-11m", "slow-0s", "error", "error-200",
		"error-600", "error-0429", "error-429-", "long-0", "long-100001", "long-+5", "flaky-101", "echo-1", strings.Repeat("x", 5000),
	} {
		_, err := provider(t).Models.Get(t.Context(), &adapters.Call{Model: id})
		var e *adapters.Error
		if !errors.As(err, &e) || e.Kind != adapters.KindNotFound || e.Status != 404 || len(e.Message) > 300 ||
			e.Envelope.GetError().GetCodeString() != "model_not_found" || e.Envelope.GetError().GetParam() != "model" {
			t.Errorf("%.20q: error %v", id, err)
		}
	}
}

func TestChat_does_not_know_other_models(t *testing.T) {
	for model, code := range map[string]string{"gpt-4o": "model_not_found", "embed": ""} {
		_, err := provider(t).Chat.Chat(t.Context(), &adapters.Call{}, request(t, hello(model)))
		var e *adapters.Error
		if !errors.As(err, &e) || e.Kind != adapters.KindNotFound || e.Envelope.GetError().GetCodeString() != code {
			t.Errorf("%s: %v", model, err)
		}
	}
}

// The manual names every model as the list does.
func TestManual_describes_every_model(t *testing.T) {
	manual, err := os.ReadFile("../../docs/sandbox.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, m := range listed(t) {
		text, _ := wirejson.Get(m.GetRest(), "description")
		name := m.GetId()
		if strings.HasPrefix(name, "error-") && name != "error-mid-stream" {
			name = "error-STATUS"
		}
		if !strings.Contains(string(manual), "`"+name) || !strings.Contains(string(manual), strings.Trim(string(text), `"`)) {
			t.Errorf("docs/sandbox.md does not say: %s: %s", name, text)
		}
	}
}
