package route

import (
	"fmt"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

func TestResolve_says_why_it_cannot(t *testing.T) {
	var many []Target
	for i := range 11 {
		many = append(many, Target{Provider: "a", Model: fmt.Sprintf("m%d", i), Lacks: FeatureVision})
	}
	models := []Model{
		{Name: "fast", Targets: []Target{
			{Provider: "local", Model: "llama", ContextWindow: 8192, Priority: -1},
			{Provider: "openai", Model: "gpt-3.5-turbo", Lacks: FeatureVision | FeatureTools},
		}},
		{Name: "blind", Targets: []Target{{Provider: "local", Model: "llama", Lacks: FeatureVision, ContextWindow: 10}}},
		{Name: "any*", Targets: []Target{{Provider: "openai", Lacks: FeatureVision}}},
		{Name: "many", Targets: many},
	}
	const (
		invalid     = sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST
		notFound    = sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND
		unsupported = sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED
	)
	var choices []string
	for i := range MaxChoices + 1 {
		choices = append(choices, fmt.Sprintf("x%d", i))
	}
	for name, test := range map[string]struct {
		q           Query
		reason      sluicev1.ErrorReason
		status      int
		param, text string
	}{
		"no model":              {Query{}, invalid, 400, "model", `model is missing: name a model, as "gpt-4o-mini" or "provider/model"`},
		"no such model":         {Query{Model: "gpt\n4"}, notFound, 404, "model", `the model "gpt\n4" does not exist: GET /v1/models lists what there is`},
		"no such choice":        {Query{Model: "fast", Choices: []string{"x"}}, notFound, 404, "models", `the model "x" does not exist: GET /v1/models lists what there is`},
		"no such choices":       {Query{Choices: []string{"x", ""}}, notFound, 404, "models", `none of the models "x", "" exists: GET /v1/models lists what there is`},
		"many that are nothing": {Query{Choices: choices[:10]}, notFound, 404, "models", `none of the models "x0", "x1", "x2", "x3", "x4", "x5", "x6", "x7" and 2 more exists: GET /v1/models lists what there is`},
		"too many choices":      {Query{Choices: choices}, invalid, 400, "models", `33 models to choose from exceed 32`},
		"a provider, no model":  {Query{Choices: []string{"x", "openai"}}, invalid, 400, "model", `model is missing: name a model, as "gpt-4o-mini" or "provider/model"`},
		"features and a window": {
			Query{Model: "fast", Features: FeatureVision, PromptTokens: 12000},
			unsupported, 400, "model",
			`no target of the model "fast" can serve this call: local/llama has a context window of 8192 tokens and the prompt is about 12000; openai/gpt-3.5-turbo lacks vision`,
		},
		"a bounded answer": {
			Query{Model: "fast", Features: FeatureTools | FeatureVision | FeatureJSONSchema, PromptTokens: 8000, OutputTokens: 500},
			unsupported, 400, "model",
			`no target of the model "fast" can serve this call: local/llama has a context window of 8192 tokens, the prompt is about 8000 and the answer may have 500; openai/gpt-3.5-turbo lacks tools, vision`,
		},
		"two things at one target": {
			Query{Model: "blind", Features: FeatureVision, PromptTokens: 10},
			unsupported, 400, "model",
			`no target of the model "blind" can serve this call: local/llama lacks vision and has a context window of 10 tokens and the prompt is about 10`,
		},
		"choices, one of them nothing": {
			Query{Choices: []string{"blind", "x", "any", "blind"}, Features: FeatureVision},
			unsupported, 400, "models",
			`no target of the models "blind", "x", "any", "blind" can serve this call: local/llama lacks vision; openai/any lacks vision`,
		},
		"a caller's text as the model": {
			Query{Model: "any\x1b[31m\"; é" + strings.Repeat("x", 100), Features: FeatureVision},
			unsupported, 400, "model",
			`no target of the model "any\x1b[31m\"; \u00e9` + strings.Repeat("x", 51) + `..." can serve this call: openai/"any\x1b[31m\"; \u00e9` + strings.Repeat("x", 51) + `..." lacks vision`,
		},
		"many targets": {
			Query{Model: "many", Features: FeatureVision},
			unsupported, 400, "model",
			`no target of the model "many" can serve this call: a/m0 lacks vision; a/m1 lacks vision; a/m2 lacks vision; a/m3 lacks vision; a/m4 lacks vision; a/m5 lacks vision; a/m6 lacks vision; a/m7 lacks vision; and 3 more`,
		},
	} {
		f := refused(t, build(t, models, ""), &test.q)
		if f.Reason != test.reason || f.Status != test.status || f.Envelope.GetError().GetParam() != test.param || f.Message() != test.text {
			t.Errorf("%s: got %v %d %q\n%s\nwant %v %d %q\n%s", name, f.Reason, f.Status, f.Envelope.GetError().GetParam(), f.Message(), test.reason, test.status, test.param, test.text)
		}
	}
	// A path's model is named, not the caller's.
	f := refused(t, build(t, models, "", Path{Prefix: "/p", Model: "blind"}), &Query{Path: "/p", Model: "mine", Features: FeatureVision})
	if want := `no target of the model "blind" can serve this call: local/llama lacks vision`; f.Message() != want {
		t.Errorf("got %s, want %s", f.Message(), want)
	}
}
