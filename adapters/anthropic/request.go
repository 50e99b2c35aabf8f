package anthropic

import (
	"encoding/json"
	"fmt"
	"slices"

	anthropicpb "github.com/sluice-ai/sluice/gen/go/anthropic"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

const kindOfAPI = "Anthropic's Messages API"

// translation is a request on its way into the dialect.
type translation struct {
	req    *sluicev1.ChatCompletionRequest
	ledger *translate.Ledger
	model  traits
	body   *anthropicpb.MessagesRequest
	// own says that this goes to Anthropic's own API, not to Vertex AI.
	own bool
	// betas are those that the caller asks for in the member of that name, which is the
	// official SDKs'.
	betas []string
	// functions says that the caller speaks of functions, as before there were tools, and
	// wants the answer so.
	functions bool
	// handedOn says that there are members which the translation does not know.
	handedOn bool
	// passes says that the call wants unsupported members passed.
	passes bool
	// twice says that a tool says a member twice.
	twice error
}

// translateRequest says a request in the dialect. A member that cannot be said is in the
// ledger, which refuses it. Own says that it goes to Anthropic's own API, not to Vertex AI.
func translateRequest(call *adapters.Call, req *sluicev1.ChatCompletionRequest, own bool) *translation {
	model := call.Model
	if model == "" {
		model = req.GetModel()
	}
	t := &translation{
		req: req, ledger: translate.Request(call), model: traitsOf(model), passes: call.Unsupported == adapters.UnsupportedPass,
		body: &anthropicpb.MessagesRequest{Model: &model}, own: own,
	}
	// Vertex AI takes no instructions inside of the conversation.
	t.model.systemTurns = t.model.systemTurns && own
	t.functions = len(req.GetFunctions()) > 0 && len(req.GetTools()) == 0
	t.leftover()
	t.length()
	t.messages()
	t.tools()
	t.webSearch()
	t.toolChoice()
	t.thinking()
	t.sampling()
	t.stops()
	t.format()
	t.about()
	t.caching()
	t.others()
	return t
}

// unsupported asks the ledger about a top-level member, and sends it as it came when that
// says so.
func (t *translation) unsupported(name, why string, value []byte) {
	if t.ledger.Unsupported(name, why) {
		t.handedOn = true
		t.body.Rest = wirejson.Set(t.body.Rest, name, value)
	}
}

// leftover takes the members that the contract does not know. Those of the dialect go to
// their places, all others are handed on.
func (t *translation) leftover() {
	rest := members(t.req.GetRest())
	for _, name := range []string{"stream", "model"} {
		_, rest, _ = wirejson.Take(rest, name)
	}
	rest = t.withoutEmpty(rest)
	own := func(name string, into func(value []byte) error) {
		value, remaining, ok := wirejson.Take(rest, name)
		if ok && string(value) != "null" && into(value) == nil {
			rest = remaining
		}
	}
	own("betas", func(value []byte) error { // as the official SDKs name it
		t.ledger.Renamed("betas", "the header "+headerBeta)
		return json.Unmarshal(value, &t.betas)
	})
	own("thinking", func(value []byte) error {
		m := new(anthropicpb.Thinking)
		err := wirejson.Unmarshal(value, m, wirejson.Options{})
		if err == nil {
			t.body.Thinking = m
		}
		return err
	})
	own("output_config", func(value []byte) error {
		m := new(anthropicpb.OutputConfig)
		err := wirejson.Unmarshal(value, m, wirejson.Options{})
		if err == nil {
			t.body.OutputConfig = m
		}
		return err
	})
	own("cache_control", func(value []byte) error {
		m, err := cacheControlOf(value)
		if err == nil {
			t.body.CacheControl = m
		}
		return err
	})
	own("system", func(value []byte) error {
		m := new(anthropicpb.System)
		err := wirejson.Unmarshal(value, m, wirejson.Options{})
		if err == nil {
			t.body.System = m
		}
		return err
	})
	own("stop_sequences", func(value []byte) error { return json.Unmarshal(value, &t.body.StopSequences) })
	// What the typed members above could not hold is the provider's to refuse, and a name
	// must not stand twice.
	for _, name := range []string{"thinking", "output_config", "cache_control", "system", "stop_sequences", "anthropic_version"} {
		if _, remaining, ok := wirejson.Take(rest, name); ok {
			rest = remaining
			t.cannot(name, "its value is not of the form that it has there")
		}
	}
	t.ledger.Leftover("", rest)
	t.body.Rest, t.handedOn = rest, len(rest) > 0
}

// check tells whether an encoded body says nothing twice, which members that the
// translation does not know could make it do.
func (t *translation) check(body []byte) error {
	if !t.handedOn || t.twice != nil {
		return t.twice
	}
	return wirejson.Unmarshal(body, new(anthropicpb.MessagesRequest), lenient)
}

// length says max_tokens, which the dialect must have.
func (t *translation) length() {
	switch most := t.req.GetMaxTokens(); {
	case t.req.MaxCompletionTokens != nil:
		most = t.req.GetMaxCompletionTokens()
		t.body.MaxTokens = &most
		t.ledger.Renamed("max_completion_tokens", "max_tokens")
		if t.req.MaxTokens != nil {
			t.ledger.Dropped("max_tokens", "max_completion_tokens, which is there too, replaces it")
		}
	case t.req.MaxTokens != nil:
		t.body.MaxTokens = &most
	default:
		t.body.MaxTokens = &t.model.maxTokens
		t.ledger.Coerced("max_completion_tokens", "max_tokens", fmt.Sprintf("absent: the dialect must have one, and gets the model's bound of %d", t.model.maxTokens))
	}
}

// sampling says temperature and top_p. Values above 1 become 1, as in Anthropic's own
// compatibility API ("OpenAI SDK compatibility", 2026-11).
func (t *translation) sampling() {
	// Thinking allows no temperature but 1, and no top_p below 0.95.
	thinks := t.body.GetThinking() != nil && slices.Contains([]string{"enabled", "adaptive"}, t.body.GetThinking().GetType())
	if temperature := t.req.Temperature; temperature != nil {
		value := *temperature
		switch {
		case value == 1:
			t.ledger.Dropped("temperature", "1 is the default")
		case !t.model.samples:
			t.unsupported("temperature", "the model has no sampling parameters", wirejson.AppendDouble(nil, value))
		case thinks:
			t.unsupported("temperature", "with thinking, it can be nothing but 1", wirejson.AppendDouble(nil, value))
		case value > 1:
			one := 1.0
			t.body.Temperature = &one
			t.ledger.Approximated("temperature", "temperature", "the dialect's range ends at 1")
		default:
			t.body.Temperature = &value
		}
	}
	if topP := t.req.TopP; topP != nil {
		value := *topP
		switch {
		case value == 1:
			t.ledger.Dropped("top_p", "1 is the default")
		case !t.model.samples:
			t.unsupported("top_p", "the model has no sampling parameters", wirejson.AppendDouble(nil, value))
		case thinks && value < 0.95:
			t.unsupported("top_p", "with thinking, it cannot be below 0.95", wirejson.AppendDouble(nil, value))
		default:
			t.body.TopP = &value
		}
	}
}

func (t *translation) stops() {
	var own []string
	take := func(member, text string) {
		switch {
		case text == "":
			t.ledger.Dropped(member, saysNothing)
		case !blank(text):
			own = append(own, text)
		case t.ledger.Unsupported(member, "it refuses to stop at white space alone"):
			// Source: the API's own words, "each stop sequence must contain non-whitespace",
			// as users quote them, 2026-11.
			own = append(own, text)
		}
	}
	switch stop := t.req.GetStop().(type) {
	case *sluicev1.ChatCompletionRequest_StopText:
		t.ledger.Coerced("stop", "stop_sequences", "an array of one")
		take("stop", stop.StopText)
	case *sluicev1.ChatCompletionRequest_StopTexts:
		t.ledger.Renamed("stop", "stop_sequences")
		for i, text := range stop.StopTexts.GetValues() {
			take(translate.Item("stop", i), text)
		}
	}
	t.body.StopSequences = slices.Concat(own, t.body.GetStopSequences())
}

// format says response_format. The dialect has schemas, to which it always holds.
func (t *translation) format() {
	const member, schemaMember = "response_format", "response_format.json_schema"
	switch f := t.req.GetResponseFormat().GetFormat().(type) {
	case *sluicev1.ResponseFormat_Text:
		t.ledger.Dropped(member, "text is the default")
		t.nestedLeftover(member, f.Text.GetRest(), nil)
	case *sluicev1.ResponseFormat_JsonObject:
		t.unsupported(member, "it has JSON of a schema only (type json_schema)", f.JsonObject.AppendWireJSON(nil))
	case *sluicev1.ResponseFormat_Other:
		t.unsupported(member, "it has JSON of a schema only (type json_schema)", f.Other)
	case *sluicev1.ResponseFormat_JsonSchema:
		if len(f.JsonSchema.GetJsonSchema().GetSchema()) == 0 {
			t.unsupported(member, "it has JSON of a schema only, and this has none", f.JsonSchema.AppendWireJSON(nil))
			return
		}
		if t.body.OutputConfig == nil {
			t.body.OutputConfig = &anthropicpb.OutputConfig{}
		}
		if t.body.GetOutputConfig().GetFormat() != nil {
			t.ledger.Dropped(member, "the request's own output_config.format says it")
			return
		}
		s := f.JsonSchema.GetJsonSchema()
		schema, closed := closeObjects(s.GetSchema())
		format := &anthropicpb.OutputFormat{Schema: schema}
		t.body.OutputConfig.Format = format
		if closed {
			t.ledger.Approximated(schemaMember+".schema", "output_config.format.schema", whyClosed)
		}
		if described := s.GetDescription() != "" && t.describe(format, s.GetDescription()); !described && !closed {
			t.ledger.Renamed(schemaMember+".schema", "output_config.format.schema")
		}
		t.ledger.Coerced(member+".type", "output_config.format.type", "")
		t.ledger.Dropped(schemaMember+".name", "formats have no names")
		switch {
		case s.GetStrict():
			t.ledger.Dropped(schemaMember+".strict", "the dialect always holds to the schema")
		case s.Strict != nil:
			t.ledger.Approximated(schemaMember+".strict", "", "the dialect always holds to the schema")
		}
		t.nestedLeftover(member, f.JsonSchema.GetRest(), &format.Rest)
		t.nestedLeftover(schemaMember, s.GetRest(), &format.Rest)
	}
}

// describe puts the description of a form where the dialect has it: into its schema. changed
// says that this is another one now.
func (t *translation) describe(format *anthropicpb.OutputFormat, description string) (changed bool) {
	const member, schema = "response_format.json_schema.description", "response_format.json_schema.schema"
	if described, ok := translate.DescribeSchema(format.GetSchema(), description); ok {
		format.Schema = described
		t.ledger.Renamed(member, "output_config.format.schema.description")
		t.ledger.Coerced(schema, "output_config.format.schema", "with the form's description")
		return true
	}
	if _, own, _ := wirejson.Peek(format.GetSchema(), "description"); own {
		t.ledger.Dropped(member, "the schema's own description stands")
	} else if t.ledger.Unsupported(member, "formats have no description but that of their schema") {
		t.handedOn = true
		format.Rest = wirejson.Set(format.Rest, "description", wirejson.AppendString(nil, description))
	}
	return false
}

// about says whose call it is, and how it is to be served.
func (t *translation) about() {
	user, from := "", ""
	for name, value := range map[string]*string{"safety_identifier": t.req.SafetyIdentifier, "user": t.req.User} {
		if value != nil && (from == "" || name == "safety_identifier") {
			user, from = *value, name
		}
	}
	if own, there := t.req.GetMetadata()["user_id"]; there {
		user, from = own, "metadata.user_id"
	}
	if from != "" {
		t.body.Metadata = &anthropicpb.Metadata{UserId: &user}
		if from != "metadata.user_id" {
			t.ledger.Renamed(from, "metadata.user_id")
		}
	}
	if t.req.SafetyIdentifier != nil && from != "safety_identifier" {
		t.ledger.Dropped("safety_identifier", from+" is the user's id")
	}
	if t.req.User != nil && from != "user" {
		t.ledger.Dropped("user", from+" is the user's id")
	}
	for name := range t.req.GetMetadata() {
		if name != "user_id" {
			t.ledger.Dropped("metadata", "the provider keeps nothing to attach it to")
			break
		}
	}
	t.tier()
}

// tier says service_tier. Source: the documentation's "Service tiers", 2026-11.
func (t *translation) tier() {
	if t.req.ServiceTier == nil {
		return
	}
	tier := t.req.GetServiceTier()
	switch tier {
	case "auto", "standard_only":
	case "default":
		tier = "standard_only"
		t.ledger.Coerced("service_tier", "service_tier", "default is the provider's standard_only")
	case "priority":
		tier = "auto"
		t.ledger.Approximated("service_tier", "service_tier", "auto uses priority capacity where the account has it")
	default:
		t.unsupported("service_tier", "its tiers are auto and standard_only", wirejson.AppendString(nil, tier))
		return
	}
	t.body.ServiceTier = &tier
}
