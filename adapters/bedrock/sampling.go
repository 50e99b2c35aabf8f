package bedrock

import (
	"strings"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// inference returns Converse's own parameters.
func (r *request) inference() *bedrockpb.InferenceConfig {
	if r.body.InferenceConfig == nil {
		r.body.InferenceConfig = new(bedrockpb.InferenceConfig)
	}
	return r.body.InferenceConfig
}

// most says how many tokens to generate.
func (r *request) most(req *sluicev1.ChatCompletionRequest) {
	const to = "inferenceConfig.maxTokens"
	switch {
	case req.MaxCompletionTokens != nil:
		r.inference().MaxTokens = req.MaxCompletionTokens
		r.ledger.Renamed("max_completion_tokens", to)
		if req.MaxTokens != nil {
			r.ledger.Dropped("max_tokens", "max_completion_tokens says it")
		}
	case req.MaxTokens != nil:
		r.inference().MaxTokens = req.MaxTokens
		r.ledger.Renamed("max_tokens", to)
	}
}

// sampling says temperature, top_p and where to stop. Call it when it is known whether the
// model thinks.
//
// Source: Amazon Bedrock API reference, "InferenceConfiguration": a temperature is 1 at most.
func (r *request) sampling(req *sluicev1.ChatCompletionRequest) {
	const member, to = "temperature", "inferenceConfig.temperature"
	if t := req.Temperature; t != nil {
		switch {
		case *t != 1 && r.thinks():
			// Source: Anthropic's "Extended thinking", "Feature compatibility", 2026-11.
			if r.ledger.Unsupported(member, "with thinking, it can be nothing but 1") {
				r.inference().Temperature = t
			}
		case *t > 1:
			r.inference().Temperature = new(1.0)
			r.ledger.Approximated(member, to, "the range there ends at 1")
		default:
			r.inference().Temperature = t
			r.ledger.Renamed(member, to)
		}
	}
	if req.TopP != nil {
		r.inference().TopP = req.TopP
		r.ledger.Renamed("top_p", "inferenceConfig.topP")
	}
	r.stops(req)
}

// thinks tells that a model of Anthropic's is asked to think.
func (r *request) thinks() bool {
	thinking, _ := wirejson.Get(r.extra, "thinking")
	kind := text(thinking, "type")
	return r.family.isClaude() && (kind == "enabled" || kind == "adaptive")
}

func (r *request) stops(req *sluicev1.ChatCompletionRequest) {
	const member, to = "stop", "inferenceConfig.stopSequences"
	var own []string
	take := func(at, stop string) {
		switch {
		case stop == "":
			r.ledger.Dropped(at, "Converse refuses to stop at nothing")
		case !r.family.isClaude() || strings.TrimSpace(stop) != "" || r.ledger.Unsupported(at, "the model refuses to stop at white space alone"):
			// Source: Anthropic's own words, "each stop sequence must contain
			// non-whitespace", as users quote them, 2026-11.
			own = append(own, stop)
		}
	}
	switch stop := req.GetStop().(type) {
	case *sluicev1.ChatCompletionRequest_StopText:
		r.ledger.Coerced(member, to, "a list there")
		take(member, stop.StopText)
	case *sluicev1.ChatCompletionRequest_StopTexts:
		if len(stop.StopTexts.GetValues()) > 0 {
			r.ledger.Renamed(member, to)
		}
		for i, text := range stop.StopTexts.GetValues() {
			take(translate.Item(member, i), text)
		}
	}
	if len(own) > 0 {
		r.inference().StopSequences = own
	}
}
