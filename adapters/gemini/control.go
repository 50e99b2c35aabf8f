package gemini

import (
	"math"
	"slices"
	"strings"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// sampling says how tokens are chosen.
func (r *request) sampling(req *sluicev1.ChatCompletionRequest) {
	c := r.config
	if req.Temperature != nil {
		put(r, &c.Temperature, req.GetTemperature(), "temperature", "generationConfig.temperature")
	}
	if req.TopP != nil {
		put(r, &c.TopP, req.GetTopP(), "top_p", "generationConfig.topP")
	}
	if req.FrequencyPenalty != nil {
		put(r, &c.FrequencyPenalty, req.GetFrequencyPenalty(), "frequency_penalty", "generationConfig.frequencyPenalty")
	}
	if req.PresencePenalty != nil {
		put(r, &c.PresencePenalty, req.GetPresencePenalty(), "presence_penalty", "generationConfig.presencePenalty")
	}
	if req.Seed != nil {
		if seed := req.GetSeed(); seed >= math.MinInt32 && seed <= math.MaxInt32 || r.ledger.Unsupported("seed", "seeds have 32 bits there") {
			put(r, &c.Seed, seed, "seed", "generationConfig.seed")
		}
	}
	switch {
	case req.N == nil:
	case req.GetN() == 1 && c.CandidateCount == nil:
		r.ledger.Dropped("n", "1 is what happens without it")
	default:
		put(r, &c.CandidateCount, req.GetN(), "n", "generationConfig.candidateCount")
	}
	r.expected = max(c.GetCandidateCount(), 1)
	switch stop := req.GetStop().(type) {
	case *sluicev1.ChatCompletionRequest_StopText:
		c.StopSequences = append([]string{stop.StopText}, c.GetStopSequences()...)
		r.ledger.Coerced("stop", "generationConfig.stopSequences", "a text is a list of one there")
	case *sluicev1.ChatCompletionRequest_StopTexts:
		c.StopSequences = slices.Concat(stop.StopTexts.GetValues(), c.GetStopSequences())
		r.ledger.Renamed("stop", "generationConfig.stopSequences")
	}
	if len(req.GetLogitBias()) > 0 && r.ledger.Unsupported("logit_bias", "single tokens cannot be favoured") {
		c.Rest = wirejson.Set(c.Rest, "logit_bias", wirejson.AppendDoubleMap(nil, req.GetLogitBias()))
	}
	switch {
	case req.GetLogprobs():
		put(r, &c.ResponseLogprobs, true, "logprobs", "generationConfig.responseLogprobs")
	case req.Logprobs != nil:
		r.ledger.Dropped("logprobs", "false is what happens without it")
	}
	if req.TopLogprobs != nil {
		if req.GetTopLogprobs() == 0 {
			r.ledger.Dropped("top_logprobs", "0 is what happens without it")
		} else {
			put(r, &c.Logprobs, req.GetTopLogprobs(), "top_logprobs", "generationConfig.logprobs")
		}
	}
}

func (r *request) length(req *sluicev1.ChatCompletionRequest) {
	const to = "generationConfig.maxOutputTokens"
	if req.MaxCompletionTokens != nil {
		put(r, &r.config.MaxOutputTokens, req.GetMaxCompletionTokens(), "max_completion_tokens", to)
		if req.MaxTokens != nil {
			r.ledger.Dropped("max_tokens", "max_completion_tokens says it")
		}
	} else if req.MaxTokens != nil {
		put(r, &r.config.MaxOutputTokens, req.GetMaxTokens(), "max_tokens", to)
	}
}

// budgets are the tokens of thought that Google gives the efforts with its own server of
// OpenAI's dialect, for Gemini 2.5.
//
// Source: Gemini API, "OpenAI compatibility", thinking, 2026-11. The efforts above high,
// which Google does not name, get the most that all models of that series take.
var budgets = map[string]int64{"none": 0, "minimal": 1024, "low": 1024, "medium": 8192, "high": 24576, "xhigh": 24576, "max": 24576}

// levels are the same since Gemini 3, where thinking cannot be switched off.
var levels = map[string]string{"none": "MINIMAL", "minimal": "MINIMAL", "low": "LOW", "medium": "MEDIUM", "high": "HIGH", "xhigh": "HIGH", "max": "HIGH"}

// reasoning says how long to think. Who asks for an effort is told the thoughts.
func (r *request) reasoning(req *sluicev1.ChatCompletionRequest) {
	if req.ReasoningEffort == nil {
		return
	}
	effort := req.GetReasoningEffort()
	if own := r.config.GetThinkingConfig(); own != nil && (own.ThinkingBudget != nil || own.ThinkingLevel != nil) {
		r.ledger.Dropped("reasoning_effort", "thinking_config says it")
		return
	}
	if _, known := levels[effort]; !known && !r.ledger.Unsupported("reasoning_effort", "there is no such measure of thinking") {
		return
	}
	if r.config.ThinkingConfig == nil {
		r.config.ThinkingConfig = &geminipb.ThinkingConfig{}
	}
	thinking := r.config.ThinkingConfig
	if effort != "none" && thinking.IncludeThoughts == nil {
		include := true
		thinking.IncludeThoughts = &include
	}
	if r.series >= signedSeries {
		level, known := levels[effort]
		if level == "MINIMAL" && strings.Contains(r.model, "-pro") {
			level = "LOW" // the least that models called pro take
		}
		if !known {
			thinking.ThinkingLevel = &effort
			return
		}
		thinking.ThinkingLevel = &level
		r.effort(strings.EqualFold(level, effort), "generationConfig.thinkingConfig.thinkingLevel", "levels of thinking are "+strings.ToLower(level)+" here at the nearest")
		return
	}
	budget, known := budgets[effort]
	if effort == "none" && strings.Contains(r.model, "2.5-pro") {
		budget = 128 // the least that Gemini 2.5 Pro takes: it cannot but think
	}
	if !known {
		thinking.Rest = wirejson.Set(thinking.Rest, "reasoning_effort", wirejson.AppendString(nil, effort))
		return
	}
	thinking.ThinkingBudget = &budget
	r.effort(false, "generationConfig.thinkingConfig.thinkingBudget", "efforts are budgets of tokens there")
}

func (r *request) effort(same bool, to, why string) {
	if same {
		r.ledger.Coerced("reasoning_effort", to, "levels of thinking have other names")
	} else {
		r.ledger.Approximated("reasoning_effort", to, why)
	}
}

// format is the form of the answer. The member for JSON Schema is used, not the one for
// OpenAPI's subset, so that nothing of a schema is lost.
func (r *request) format(req *sluicev1.ChatCompletionRequest) {
	c := r.config
	const asJSON = "generationConfig.responseMimeType"
	switch f := req.GetResponseFormat().GetFormat().(type) {
	case *sluicev1.ResponseFormat_Text:
		r.ledger.Dropped("response_format", "text is what comes without it")
		r.handOn("response_format", f.Text, c, f.Text.GetRest())
	case *sluicev1.ResponseFormat_JsonObject:
		put(r, &c.ResponseMimeType, mediaJSON, "response_format", asJSON)
		r.handOn("response_format", f.JsonObject, c, f.JsonObject.GetRest())
	case *sluicev1.ResponseFormat_JsonSchema:
		r.schema(f.JsonSchema)
	case *sluicev1.ResponseFormat_Other:
		if r.ledger.Unsupported("response_format", "there is no such form") {
			c.Rest = wirejson.Set(c.Rest, "response_format", f.Other)
		}
	}
}

func (r *request) schema(f *sluicev1.ResponseFormatJsonSchema) {
	c, schema := r.config, f.GetJsonSchema()
	put(r, &c.ResponseMimeType, mediaJSON, "response_format.type", "generationConfig.responseMimeType")
	if len(schema.GetSchema()) > 0 {
		c.ResponseJsonSchema = schema.GetSchema()
		r.ledger.Renamed("response_format.json_schema.schema", "generationConfig.responseJsonSchema")
	}
	if schema.GetName() != "" {
		r.ledger.Dropped("response_format.json_schema.name", "schemas have no names there")
	}
	if schema.Description != nil {
		r.describeSchema(schema.GetDescription())
	}
	switch {
	case schema.GetStrict():
		r.ledger.Dropped("response_format.json_schema.strict", "a schema always binds there")
	case schema.Strict != nil:
		r.ledger.Approximated("response_format.json_schema.strict", "generationConfig.responseJsonSchema", "a schema always binds there")
	}
	r.handOn("response_format.json_schema", schema, c, schema.GetRest())
	r.handOn("response_format", f, c, f.GetRest())
}

// describeSchema puts the description of a form where models read it: into its schema.
func (r *request) describeSchema(description string) {
	const member = "response_format.json_schema.description"
	schema := r.config.GetResponseJsonSchema()
	if described, ok := translate.DescribeSchema(schema, description); ok {
		r.config.ResponseJsonSchema = described
		r.ledger.Renamed(member, "generationConfig.responseJsonSchema.description")
		r.ledger.Coerced("response_format.json_schema.schema", "generationConfig.responseJsonSchema", "with the form's description")
		return
	}
	if _, own, _ := wirejson.Peek(schema, "description"); own {
		r.ledger.Dropped(member, "the schema's own description stands")
	} else if r.ledger.Unsupported(member, "forms have no description there but that of their schema") {
		r.config.Rest = wirejson.Set(r.config.Rest, "description", wirejson.AppendString(nil, description))
	}
}

// speech says in which kinds to answer, and how it sounds.
//
// Source: Gemini API, "Speech generation": 16 bits at 24 kHz, which OpenAI calls pcm16,
// 2026-11.
func (r *request) speech(req *sluicev1.ChatCompletionRequest) {
	c := r.config
	if modalities := req.GetModalities(); len(modalities) == 1 && modalities[0] == "text" {
		r.ledger.Dropped("modalities", "text is what comes without it")
	} else if len(modalities) > 0 {
		c.ResponseModalities = nil
		for _, m := range modalities {
			c.ResponseModalities = append(c.ResponseModalities, strings.ToUpper(m))
		}
		r.ledger.Coerced("modalities", "generationConfig.responseModalities", "the kinds have other names")
	}
	audio := req.GetAudio()
	if audio == nil {
		return
	}
	if c.SpeechConfig == nil {
		c.SpeechConfig = &geminipb.SpeechConfig{}
	}
	if name := audio.GetVoiceName(); name != "" {
		c.SpeechConfig.VoiceConfig = &geminipb.VoiceConfig{PrebuiltVoiceConfig: &geminipb.PrebuiltVoiceConfig{VoiceName: name}}
		r.ledger.Renamed("audio.voice", "generationConfig.speechConfig.voiceConfig.prebuiltVoiceConfig.voiceName")
	} else if audio.GetVoiceId() != nil && r.ledger.Unsupported("audio.voice", "voices are known by their names there") {
		c.SpeechConfig.Rest = wirejson.Set(c.SpeechConfig.Rest, "voice", wirejson.Marshal(audio.GetVoiceId()))
	}
	switch format := audio.GetFormat(); {
	case format == "pcm16" || format == "":
		r.ledger.Dropped("audio.format", "pcm16 is what comes")
	case r.ledger.Unsupported("audio.format", "speech is pcm16 there"):
		c.SpeechConfig.Rest = wirejson.Set(c.SpeechConfig.Rest, "format", wirejson.AppendString(nil, format))
	}
	r.handOn("audio", audio, c.SpeechConfig, audio.GetRest())
}

// bookkeeping is what remains: most of it is not the model's affair.
func (r *request) bookkeeping(req *sluicev1.ChatCompletionRequest) {
	for _, m := range []struct {
		there  bool
		member string
		why    string
	}{
		{req.Store != nil, "store", "answers are not kept for later there"},
		{len(req.GetMetadata()) > 0, "metadata", "it belongs to stored answers; labels go by their own name"},
		{req.GetPrediction() != nil, "prediction", "it makes answers faster elsewhere and changes none"},
		{req.PromptCacheKey != nil, "prompt_cache_key", "prefixes are cached without a key"},
		{req.PromptCacheRetention != nil, "prompt_cache_retention", "prefixes are cached without a term"},
		{req.GetPromptCacheOptions() != nil, "prompt_cache_options", "prefixes are cached without options"},
		{req.SafetyIdentifier != nil, "safety_identifier", "end users are not told apart there"},
		{req.User != nil, "user", "end users are not told apart there"},
		{req.GetStreamOptions() != nil, "stream_options", "streams always tell the usage and are not padded"},
	} {
		if m.there {
			r.ledger.Dropped(m.member, m.why)
		}
	}
	if m := req.GetModeration(); m != nil && r.ledger.Unsupported("moderation", "there is no such moderation: safety_settings go by their own name") {
		r.out.Rest = wirejson.Set(r.out.Rest, "moderation", wirejson.Marshal(m))
	}
	switch v := req.GetVerbosity(); {
	case v == "medium":
		r.ledger.Dropped("verbosity", "medium is what happens without it")
	case v != "" && r.ledger.Unsupported("verbosity", "the length of answers has no such measure"):
		r.out.Rest = wirejson.Set(r.out.Rest, "verbosity", wirejson.AppendString(nil, v))
	}
	r.tier(req)
}

// tier says how soon the answer is wanted.
//
// Source: ServiceTier of google.golang.org/genai v1.77: flex, standard, priority.
func (r *request) tier(req *sluicev1.ChatCompletionRequest) {
	tier := req.GetServiceTier()
	switch tier {
	case "":
		return
	case "auto":
		r.ledger.Dropped("service_tier", "auto is what happens without it")
		return
	case "default":
		tier = "standard"
		r.ledger.Coerced("service_tier", "serviceTier", "default is called standard")
	case "flex", "priority":
		r.ledger.Renamed("service_tier", "serviceTier")
	default:
		if !r.ledger.Unsupported("service_tier", "the tiers are flex, standard and priority") {
			return
		}
	}
	r.out.ServiceTier = &tier
}
