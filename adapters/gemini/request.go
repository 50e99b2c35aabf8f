package gemini

import (
	"bytes"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// request translates one conversation into Google's form.
type request struct {
	ledger *translate.Ledger
	site   site
	// model is the caller's or the target's name of it, series the 3 of "gemini-3-pro".
	model  string
	series int

	out    *geminipb.GenerateContentRequest
	config *geminipb.GenerationConfig

	// legacy says that functions, not tools, were offered: the answer has their form.
	legacy bool
	// grounded says that a tool of Google's own may cite sources.
	grounded bool
	// strict says that a function wants its schema held exactly.
	strict bool
	// passes and drops say that the call wants unsupported members passed, or dropped.
	passes, drops bool
	// expected is how many candidates were asked for.
	expected int64

	calls map[string]madeCall
}

func newRequest(call *adapters.Call, s site, model string) *request {
	return &request{
		ledger: translate.Request(call), site: s,
		passes: call.Unsupported == adapters.UnsupportedPass, drops: call.Unsupported == adapters.UnsupportedDrop,
		model: model, series: seriesOf(model), expected: 1,
		out: &geminipb.GenerateContentRequest{}, config: &geminipb.GenerationConfig{},
	}
}

var seriesInName = regexp.MustCompile(`gemini-(\d+)`)

// seriesOf returns the number in the name of a Gemini model, and 0 when there is none.
//
// Source: Gemini API, "Models", where the names that end in -latest are those of the
// newest release, which is of series 3 or later, 2026-11.
func seriesOf(model string) int {
	if m := seriesInName.FindStringSubmatch(model); m != nil {
		n, _ := strconv.Atoi(m[1])
		return n
	}
	if strings.Contains(model, "gemini-") && strings.HasSuffix(model, "-latest") {
		return 3
	}
	return 0
}

// translate fills r.out. What cannot be said stands in the ledger.
func (r *request) translate(req *sluicev1.ChatCompletionRequest) {
	rest := r.dialectMembers(req)
	r.conversation(req.GetMessages())
	r.tools(req)
	r.sampling(req)
	r.length(req)
	r.reasoning(req)
	r.format(req)
	r.speech(req)
	r.bookkeeping(req)
	if !proto.Equal(r.config, &geminipb.GenerationConfig{}) {
		r.out.GenerationConfig = r.config
	}
	r.handOn("", req, r.out, rest)
}

// put sets an optional member of the wire. The contract's own member wins over the same
// one of the dialect that the caller wrote beside it.
func put[T any](r *request, field **T, value T, member, to string) {
	if *field != nil {
		r.ledger.Dropped(to, "the contract's own member "+member+" stands in its place")
	}
	*field = &value
	r.ledger.Renamed(member, to)
}

// handOn hands members that the contract does not know on, into the rest of the message
// that their object became. Two objects may become one: of members of the same name, the
// first stands.
func (r *request) handOn(path string, from, to proto.Message, rest []byte) {
	if len(rest) == 0 {
		return
	}
	target := to.ProtoReflect()
	fields := target.Descriptor().Fields()
	restField := fields.ByNumber(100)
	taken := maps.Collect(wirejson.All(target.Get(restField).Bytes()))
	var more []wirejson.Member
	for name, value := range wirejson.All(rest) {
		member := translate.Path(path, name)
		if says := emptiness(from, name, value); says != "" {
			r.ledger.Dropped(member, says)
			continue
		}
		field := fields.ByJSONName(name)
		if snake := fields.ByName(protoreflect.Name(name)); field == nil && snake != nil && snake != restField {
			field = snake
		}
		own := name
		if field != nil {
			own = field.JSONName()
		}
		before, there := taken[own]
		switch {
		case there && bytes.Equal(before, value):
			r.ledger.Dropped(member, "another member says the same")
			continue
		case there || field != nil && (target.Has(field) || !field.HasPresence() && !field.IsList() && field.Kind() != protoreflect.BytesKind):
			r.cannot(member, "another member took this place")
			continue
		case own != name:
			r.ledger.Renamed(member, own)
		default:
			r.ledger.Passed(member)
		}
		taken[own] = value
		more = append(more, wirejson.Member{Name: own, Value: value})
	}
	if len(more) > 0 {
		target.Set(restField, protoreflect.ValueOfBytes(wirejson.SetAll(target.Get(restField).Bytes(), more)))
	}
}

// cannot asks the ledger about what cannot even be passed, because there is no place for
// it.
func (r *request) cannot(member, why string) {
	if r.passes {
		r.ledger.Dropped(member, why)
		return
	}
	r.ledger.Unsupported(member, why)
}

// emptiness says why a value needs not be sent, and "" when it must be.
func emptiness(from proto.Message, name string, value []byte) string {
	if string(value) == "null" {
		return "null says the same as leaving it out"
	}
	if from == nil || len(value) == 0 || value[0] != '[' && value[0] != '{' {
		return ""
	}
	fields := from.ProtoReflect().Descriptor()
	known := fields.Fields().ByName(protoreflect.Name(name)) != nil || fields.Oneofs().ByName(protoreflect.Name(name)) != nil
	if known && len(compact(value)) == 2 {
		return "what is empty says the same as leaving it out"
	}
	return ""
}

// Members of Google's that callers may write beside the contract's, in either spelling.
//
// Source: the types GenerateContentConfig and GenerationConfig of google.golang.org/genai
// v1.77 and their translation for both APIs, 2026-11.
var (
	topMembers = []string{"safetySettings", "cachedContent", "labels", "modelArmorConfig", "continuationToken", "outputConfig"}

	configMembers = []string{
		"topK", "thinkingConfig", "responseSchema", "responseJsonSchema", "responseMimeType", "responseModalities",
		"mediaResolution", "imageConfig", "speechConfig", "audioTimestamp", "routingConfig", "modelConfig",
		"candidateCount", "maxOutputTokens", "stopSequences", "enableEnhancedCivicAnswers", "enableAffectiveDialog",
		"audioTranscriptionConfig", "translationConfig",
	}
)

// dialectMembers takes what Google knows under its name out of a request's rest and puts
// it in its place: they are the ground on which the contract's members are laid. It
// returns what remains.
func (r *request) dialectMembers(req *sluicev1.ChatCompletionRequest) (rest []byte) {
	var config, top, others []wirejson.Member
	var visit func(path string, all []byte)
	visit = func(path string, all []byte) {
		for name, value := range wirejson.All(all) {
			camel, member := camelCase(name), translate.Path(path, name)
			switch {
			case string(value) == "null":
				r.ledger.Dropped(member, "null says the same as leaving it out")
			case name == "stream" && path == "":
				r.ledger.Dropped(member, "a path of its own says it")
			case name == "model" && path == "":
				r.ledger.Dropped(member, "the path names the model")
			case name == "extra_body" && path == "":
				// The form of Google's own endpoint for OpenAI's dialect.
				google, remaining, ok := wirejson.Take(value, "google")
				if ok && isObject(google) {
					visit("extra_body.google", google)
				} else if ok {
					remaining = value
				}
				if len(remaining) > 0 {
					others = append(others, wirejson.Member{Name: name, Value: remaining})
				}
			case camel == "generationConfig" && isObject(value):
				for inner, v := range wirejson.All(value) {
					config = append(config, wirejson.Member{Name: camelCase(inner), Value: v})
				}
				r.spelled(member, name, camel)
			case camel == "toolConfig" && isObject(value):
				tc := new(geminipb.ToolConfig)
				if wirejson.Unmarshal(camelKeys(value), tc, lenient) == nil {
					r.out.ToolConfig = tc
					r.spelled(member, name, camel)
					r.wholeArguments(member, tc.GetFunctionCallingConfig())
				}
			case slices.Contains(topMembers, camel):
				top = append(top, wirejson.Member{Name: camel, Value: value})
				r.spelled(member, name, camel)
			case slices.Contains(configMembers, camel):
				if isObject(value) && !strings.HasSuffix(camel, "Schema") {
					value = camelKeys(value)
				}
				config = append(config, wirejson.Member{Name: camel, Value: value})
				r.ledger.Renamed(member, "generationConfig."+camel)
			case path != "":
				top = append(top, wirejson.Member{Name: camel, Value: value})
				r.ledger.Passed(member)
			default:
				others = append(others, wirejson.Member{Name: name, Value: value})
			}
		}
	}
	visit("", req.GetRest())
	r.out.Rest = wirejson.SetAll(r.out.GetRest(), top)
	if body := wirejson.SetAll(nil, config); len(config) > 0 && wirejson.Unmarshal(body, r.config, lenient) != nil {
		r.config = &geminipb.GenerationConfig{Rest: body}
	}
	return wirejson.SetAll(nil, others)
}

// wholeArguments keeps calls from coming in Vertex AI's pieces, which are values by their
// JSON paths: the contract's are pieces of a text, which cannot be made of them in time.
func (r *request) wholeArguments(member string, c *geminipb.FunctionCallingConfig) {
	const piecewise = "streamFunctionCallArguments"
	if _, rest, ok := wirejson.Take(c.GetRest(), piecewise); ok {
		c.Rest = rest
		r.ledger.Dropped(member+".functionCallingConfig."+piecewise, "calls come whole here")
	}
}

func (r *request) spelled(member, name, camel string) {
	if name != camel {
		r.ledger.Renamed(member, camel)
	} else {
		r.ledger.Passed(member)
	}
}

func isObject(value []byte) bool { return len(value) > 0 && value[0] == '{' }

// camelKeys spells the names of an object's members as Google's JSON does.
func camelKeys(object []byte) []byte {
	var out []wirejson.Member
	for name, value := range wirejson.All(object) {
		if isObject(value) {
			value = camelKeys(value)
		}
		out = append(out, wirejson.Member{Name: camelCase(name), Value: value})
	}
	if out == nil {
		return []byte("{}")
	}
	return wirejson.SetAll(nil, out)
}

func camelCase(name string) string {
	parts := strings.Split(name, "_")
	for i, p := range parts {
		if i > 0 && p != "" {
			parts[i] = strings.ToUpper(p[:1]) + p[1:]
		}
	}
	return strings.Join(parts, "")
}
