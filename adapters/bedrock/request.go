package bedrock

import (
	"bytes"
	"cmp"
	"encoding/json"
	"strconv"

	bedrockpb "github.com/sluice-ai/sluice/gen/go/bedrock"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// extraFields is where Converse takes what it has no member for.
const extraFields = "additionalModelRequestFields"

// request is one on its way into Bedrock's form.
type request struct {
	ledger *translate.Ledger
	model  string
	family family
	body   *bedrockpb.ConverseRequest
	// extra are the additional model request fields, as a rest.
	extra []byte
	// legacy says that the caller's tools are functions, so that its answers have to be.
	legacy bool
	// functionCalls counts the calls of functions, which have no ids.
	functionCalls int
	// relays says that members were handed on.
	relays bool
	// names are those of documents so far: they must differ.
	names map[string]bool
}

// newRequest translates a request. What cannot be said is in the ledger.
func newRequest(call *adapters.Call, req *sluicev1.ChatCompletionRequest) *request {
	r := &request{
		ledger: translate.Request(call),
		model:  cmp.Or(call.Model, req.GetModel()),
		body:   new(bedrockpb.ConverseRequest),
		legacy: len(req.GetFunctions()) > 0 && len(req.GetTools()) == 0,
	}
	r.family = familyOf(r.model)
	r.dialect(req)
	r.messages(req.GetMessages())
	r.most(req)
	r.tools(req)
	r.reasoning(req)
	r.sampling(req)
	r.responseFormat(req.GetResponseFormat())
	r.bookkeeping(req)
	r.impossible(req)
	if len(r.extra) > 0 {
		r.body.AdditionalModelRequestFields = r.extra
	}
	if r.relays || len(r.body.GetRest()) > 0 {
		r.settle(r.body.ProtoReflect())
	}
	return r
}

// dialect takes the members that the contract does not know: those of Converse go to their
// places, all others to the model.
func (r *request) dialect(req *sluicev1.ChatCompletionRequest) {
	for name := range wirejson.Names(req.GetRest()) {
		value, _ := wirejson.Get(req.GetRest(), name)
		b, ok := r.body, true
		switch name {
		case "stream": // is the method's affair
		case "guardrailConfig", "promptVariables", "additionalModelResponseFieldPaths", "performanceConfig":
			b.Rest = wirejson.Set(b.Rest, name, value)
		case extraFields:
			for member := range wirejson.Names(value) {
				inner, _ := wirejson.Get(value, member)
				r.extra = wirejson.Set(r.extra, member, inner)
			}
			ok = value[0] == '{'
		case "inferenceConfig":
			b.InferenceConfig = new(bedrockpb.InferenceConfig)
			ok = read(value, b.InferenceConfig)
		case "outputConfig":
			b.OutputConfig = new(bedrockpb.OutputConfig)
			ok = read(value, b.OutputConfig)
		case "toolConfig":
			b.ToolConfig = new(bedrockpb.ToolConfig)
			ok = read(value, b.ToolConfig)
		case "serviceTier":
			b.ServiceTier = new(bedrockpb.ServiceTier)
			ok = read(value, b.ServiceTier)
		default:
			if r.means(req, "", name, value) {
				r.ledger.Passed(name)
				r.extra = wirejson.Set(r.extra, name, value)
			}
		}
		if !ok {
			r.ledger.Passed(name)
			r.extra = wirejson.Set(r.extra, name, value)
		}
	}
}

func read(value []byte, m wirejson.Message) bool {
	return wirejson.Unmarshal(value, m, wirejson.Options{}) == nil
}

// orEmpty stands in for an object that is not there.
func orEmpty[T any](m *T) *T {
	if m == nil {
		return new(T)
	}
	return m
}

// unsupported is for members at the top: passed ones go to the model.
func (r *request) unsupported(name, why string, value []byte) {
	if r.ledger.Unsupported(name, why) {
		r.extra = wirejson.Set(r.extra, name, value)
	}
}

// forModel is for members that the model itself takes under OpenAI's name.
func (r *request) forModel(name string, value []byte) {
	r.ledger.Renamed(name, extraFields+"."+name)
	r.extra = wirejson.Set(r.extra, name, value)
}

func (r *request) responseFormat(f *sluicev1.ResponseFormat) {
	const why = "Converse has no such form of answers"
	switch format := f.GetFormat().(type) {
	case *sluicev1.ResponseFormat_Text:
		r.ledger.Dropped("response_format", "text is what comes without it")
		for name := range wirejson.Names(format.Text.GetRest()) {
			r.ledger.Dropped("response_format."+name, "text is what comes without it")
		}
	case *sluicev1.ResponseFormat_JsonObject:
		r.unsupported("response_format", "Converse holds answers to a schema, and cannot without one", wirejson.Marshal(f))
	case *sluicev1.ResponseFormat_Other:
		r.unsupported("response_format", why, format.Other)
	case *sluicev1.ResponseFormat_JsonSchema:
		s := format.JsonSchema.GetJsonSchema()
		if len(s.GetSchema()) == 0 {
			r.unsupported("response_format", "it holds no schema", wirejson.Marshal(f))
			return
		}
		const from, to = "response_format.json_schema", "outputConfig.textFormat.structure.jsonSchema"
		var compact bytes.Buffer
		_ = json.Compact(&compact, s.GetSchema()) // it is JSON
		schema := &bedrockpb.JsonSchema{Schema: compact.String(), Description: s.Description, Rest: r.leftover(nil, from, s)}
		r.ledger.Coerced(from+".schema", to+".schema", "a text that holds the schema there")
		if s.GetName() != "" {
			schema.Name = &s.Name
			r.ledger.Renamed(from+".name", to+".name")
		}
		if s.Description != nil {
			r.ledger.Renamed(from+".description", to+".description")
		}
		switch {
		case s.GetStrict():
			r.ledger.Dropped(from+".strict", "Bedrock always holds the answer to the schema")
		case s.Strict != nil:
			r.ledger.Approximated(from+".strict", to, "Bedrock always holds the answer to the schema")
		}
		r.output().TextFormat = &bedrockpb.TextFormat{
			Type:      "json_schema",
			Structure: &bedrockpb.TextStructure{JsonSchema: schema},
			Rest:      r.leftover(nil, "response_format", format.JsonSchema),
		}
	}
}

func (r *request) output() *bedrockpb.OutputConfig {
	if r.body.OutputConfig == nil {
		r.body.OutputConfig = new(bedrockpb.OutputConfig)
	}
	return r.body.OutputConfig
}

// bookkeeping translates what is about the call and not about the answer.
func (r *request) bookkeeping(req *sluicev1.ChatCompletionRequest) {
	if len(req.GetMetadata()) > 0 {
		r.body.RequestMetadata = req.GetMetadata()
		r.ledger.Renamed("metadata", "requestMetadata")
	}
	if req.ServiceTier != nil {
		switch tier := req.GetServiceTier(); tier {
		case "auto":
			r.ledger.Dropped("service_tier", "auto is what comes without it")
		case "default", "flex", "priority", "reserved":
			r.body.ServiceTier = &bedrockpb.ServiceTier{Type: tier}
			r.ledger.Renamed("service_tier", "serviceTier.type")
		default:
			if r.ledger.Unsupported("service_tier", "Bedrock's tiers are default, flex, priority and reserved") {
				r.body.ServiceTier = &bedrockpb.ServiceTier{Type: tier}
			}
		}
	}
	const notTheirs = "Bedrock has no place for it, and the answer does not depend on it"
	for _, m := range []struct {
		name string
		set  bool
		why  string
	}{
		{"user", req.User != nil, notTheirs},
		{"safety_identifier", req.SafetyIdentifier != nil, notTheirs},
		{"prompt_cache_key", req.PromptCacheKey != nil, "Bedrock finds cached prefixes by itself"},
		{"prompt_cache_retention", req.PromptCacheRetention != nil, "Bedrock takes it at each breakpoint"},
		{"prompt_cache_options", req.PromptCacheOptions != nil, "Bedrock caches where breakpoints are"},
		{"prediction", req.Prediction != nil, "it saves time where models know it, and the answer does not depend on it"},
		{"stream_options", req.StreamOptions != nil, "Bedrock always sends the usage"},
	} {
		if m.set {
			r.ledger.Dropped(m.name, m.why)
		}
	}
	if req.Store != nil {
		if req.GetStore() {
			r.unsupported("store", "Bedrock keeps no answers", []byte("true"))
		} else {
			r.ledger.Dropped("store", "Bedrock keeps no answers")
		}
	}
}

// impossible takes the members that change answers and that Converse has no word for. The
// models of OpenAI take some of them all the same.
//
// Source: Amazon Bedrock user guide, "OpenAI models": "Include any other fields in the
// additionalModelRequestFields object".
func (r *request) impossible(req *sluicev1.ChatCompletionRequest) {
	const none = "Converse has none"
	own := func(name string, value []byte) {
		if r.family == familyOpenAI {
			r.forModel(name, value)
		} else {
			r.unsupported(name, none, value)
		}
	}
	number := func(name string, v *float64) {
		switch {
		case v == nil:
		case *v == 0:
			r.ledger.Dropped(name, "0 is what comes without it")
		default:
			own(name, wirejson.AppendDouble(nil, *v))
		}
	}
	number("frequency_penalty", req.FrequencyPenalty)
	number("presence_penalty", req.PresencePenalty)
	if len(req.GetLogitBias()) > 0 {
		own("logit_bias", wirejson.AppendDoubleMap(nil, req.GetLogitBias()))
	}
	if req.Seed != nil {
		own("seed", wirejson.AppendInt(nil, req.GetSeed()))
	}
	if req.Verbosity != nil {
		if req.GetVerbosity() == "medium" && r.family != familyOpenAI {
			r.ledger.Dropped("verbosity", "medium is what comes without it")
		} else {
			own("verbosity", wirejson.AppendString(nil, req.GetVerbosity()))
		}
	}
	if req.Logprobs != nil {
		if req.GetLogprobs() {
			r.unsupported("logprobs", "Converse returns none", []byte("true"))
		} else {
			r.ledger.Dropped("logprobs", "Converse returns none")
		}
	}
	if req.TopLogprobs != nil {
		if req.GetTopLogprobs() > 0 {
			r.unsupported("top_logprobs", "Converse returns none", wirejson.AppendInt(nil, req.GetTopLogprobs()))
		} else {
			r.ledger.Dropped("top_logprobs", "Converse returns none")
		}
	}
	if req.N != nil {
		if req.GetN() == 1 {
			r.ledger.Dropped("n", "Converse gives one answer")
		} else {
			r.unsupported("n", "Converse gives one answer", []byte(strconv.FormatInt(req.GetN(), 10)))
		}
	}
	if list := req.GetModalities(); len(list) == 1 && list[0] == "text" {
		r.ledger.Dropped("modalities", "text is what comes without it")
	} else if len(list) > 0 {
		r.unsupported("modalities", "Converse answers in text", wirejson.AppendStrings(nil, list))
	}
	if req.Audio != nil {
		r.unsupported("audio", "Converse answers in text", wirejson.Marshal(req.GetAudio()))
	}
	if req.Moderation != nil {
		r.unsupported("moderation", "Bedrock's guardrails are configured there, see guardrailConfig", wirejson.Marshal(req.GetModeration()))
	}
	if req.WebSearchOptions != nil {
		r.unsupported("web_search_options", none, wirejson.Marshal(req.GetWebSearchOptions()))
	}
}
