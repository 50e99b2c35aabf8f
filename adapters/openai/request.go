package openai

import (
	"bytes"
	"fmt"
	"net/url"
	"slices"
	"strconv"
	"strings"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

const (
	memberMaxTokens           = "max_tokens"
	memberMaxCompletionTokens = "max_completion_tokens"
	memberReasoning           = "reasoning_content"
	memberReasoningDetails    = "reasoning_details"
	memberSeed                = "seed"
	memberStreamOptions       = "stream_options"

	roleDeveloper  = "developer"
	roleSystem     = "system"
	roleUser       = "user"
	choiceRequired = "required"

	whyNull = "null says the same as leaving it out"
)

// edit is a request on its way through quirks. The caller's is copied, as far as it has to,
// with the first change.
type edit struct {
	call   *adapters.Call
	req    *sluicev1.ChatCompletionRequest
	copied bool
	books  *translate.Ledger
}

// change returns a request that may be changed, fields as a whole.
func (e *edit) change() *sluicev1.ChatCompletionRequest {
	if !e.copied {
		e.req, e.copied = shareChat(e.req), true
	}
	return e.req
}

func (e *edit) ledger() *translate.Ledger {
	if e.books == nil {
		e.books = translate.Request(e.call)
	}
	return e.books
}

// request returns what is sent for a request: itself, when no quirk concerns it. An error
// is that of members that the dialect cannot express.
func (q *quirks) request(call *adapters.Call, req *sluicev1.ChatCompletionRequest) (*sluicev1.ChatCompletionRequest, error) {
	if q == nil || !q.asks() {
		return req, nil
	}
	call.Reply.Notes = nil
	e := &edit{call: call, req: req}
	q.remove(e)
	q.maxTokens(e)
	q.seed(e)
	q.toolChoice(e)
	q.choices(e)
	q.streamOptions(e)
	q.messages(e)
	q.tools(e)
	q.responseFormat(e)
	if e.books == nil {
		return e.req, nil
	}
	return e.req, e.books.Refusal(q.provider, q.API)
}

// take is [wirejson.Take], without looking into a rest that cannot have the member.
func take(rest []byte, member string) (value, remaining []byte, ok bool) {
	if !bytes.Contains(rest, []byte(member)) && bytes.IndexByte(rest, '\\') < 0 {
		return nil, rest, false
	}
	return wirejson.Take(rest, member)
}

// dropNull takes a null out of the rest, where the dialect does not know the member.
func (e *edit) dropNull(member string) {
	if value, rest, ok := take(e.req.GetRest(), member); ok && string(value) == "null" {
		e.change().Rest = rest
		e.ledger().Dropped(member, whyNull)
	}
}

// maxTokens gives the bound of the answer the one name that the dialect knows.
func (q *quirks) maxTokens(e *edit) {
	var known, other string
	var have, lack *int64
	switch q.MaxTokens {
	case memberMaxTokens:
		known, other = memberMaxTokens, memberMaxCompletionTokens
		have, lack = e.req.MaxTokens, e.req.MaxCompletionTokens
	case memberMaxCompletionTokens:
		known, other = memberMaxCompletionTokens, memberMaxTokens
		have, lack = e.req.MaxCompletionTokens, e.req.MaxTokens
	default:
		return
	}
	e.dropNull(other)
	switch {
	case lack == nil:
		return
	case have == nil:
		e.dropNull(known)
		have = lack
		e.ledger().Renamed(other, known)
	case *have == *lack:
		e.ledger().Dropped(other, known+" says the same")
	case e.ledger().Unsupported(other, fmt.Sprintf("it has %s in its place, which says something else", known)):
		return
	}
	out := e.change()
	out.MaxTokens, out.MaxCompletionTokens = nil, nil
	if known == memberMaxTokens {
		out.MaxTokens = have
	} else {
		out.MaxCompletionTokens = have
	}
}

func (q *quirks) seed(e *edit) {
	if q.Seed == "" || q.Seed == memberSeed {
		return
	}
	e.dropNull(memberSeed)
	if e.req.Seed == nil {
		return
	}
	value := wirejson.AppendInt(nil, e.req.GetSeed())
	own, said := wirejson.Get(e.req.GetRest(), q.Seed)
	switch {
	case !said:
		e.ledger().Renamed(memberSeed, q.Seed)
		out := e.change()
		out.Rest = wirejson.Set(out.GetRest(), q.Seed, value)
	case string(own) == string(value):
		e.ledger().Dropped(memberSeed, q.Seed+" says the same")
	case e.ledger().Unsupported(memberSeed, fmt.Sprintf("it has %s in its place, which says something else", q.Seed)):
		return
	}
	e.change().Seed = nil
}

func (q *quirks) toolChoice(e *edit) {
	if q.ToolChoiceRequired == nil || *q.ToolChoiceRequired == choiceRequired || e.req.GetToolChoice().GetMode() != choiceRequired {
		return
	}
	if *q.ToolChoiceRequired == "" {
		if !e.ledger().Unsupported("tool_choice", `it has no tool_choice "required"`) {
			e.change().ToolChoice = nil
		}
		return
	}
	e.ledger().Coerced("tool_choice", "tool_choice", fmt.Sprintf("it says %q for %q", *q.ToolChoiceRequired, choiceRequired))
	e.change().ToolChoice = &sluicev1.ToolChoice{Choice: &sluicev1.ToolChoice_Mode{Mode: *q.ToolChoiceRequired}}
}

func (q *quirks) choices(e *edit) {
	if q.MaxChoices == 0 || e.req.GetN() <= q.MaxChoices {
		return
	}
	why := "it answers with one choice only"
	if q.MaxChoices > 1 {
		why = "it answers with at most " + strconv.FormatInt(q.MaxChoices, 10) + " choices"
	}
	if !e.ledger().Unsupported("n", why) {
		e.change().N = nil
	}
}

// streamOptions takes them out where the dialect does not know them.
func (q *quirks) streamOptions(e *edit) {
	if !q.blindToStreamOptions() {
		return
	}
	e.dropNull(memberStreamOptions)
	options := e.req.GetStreamOptions()
	if options == nil {
		return
	}
	why := "the provider does not know stream_options"
	if proto.Equal(options, &sluicev1.StreamOptions{}) {
		e.ledger().Dropped(memberStreamOptions, why)
	}
	if options.IncludeUsage != nil {
		usage := "the provider tells no usage in streams"
		if q.StreamUsage == adapters.StreamUsageAlways {
			usage = "the provider tells the usage of every stream"
		}
		e.ledger().Dropped("stream_options.include_usage", usage)
	}
	if options.IncludeObfuscation != nil {
		e.ledger().Dropped("stream_options.include_obfuscation", why)
	}
	for name := range wirejson.Names(options.GetRest()) {
		e.ledger().Dropped(translate.Path(memberStreamOptions, name), why)
	}
	e.change().StreamOptions = nil
}

// tools takes out what the dialect refuses in definitions of functions.
func (q *quirks) tools(e *edit) {
	if !q.strict {
		return
	}
	copied := false
	for i, tool := range e.req.GetTools() {
		f := tool.GetFunction()
		d := f.GetFunction()
		if d.GetStrict() && e.ledger().Unsupported(memberToolStrict, "it does not hold arguments to a schema") || d == nil || d.Strict == nil {
			continue
		}
		if !d.GetStrict() {
			e.ledger().Dropped(memberToolStrict, "false says the same as leaving it out")
		}
		if !copied {
			copied = true
			e.change().Tools = append([]*sluicev1.Tool(nil), e.req.GetTools()...)
		}
		e.req.Tools[i] = &sluicev1.Tool{Tool: &sluicev1.Tool_Function{Function: &sluicev1.FunctionTool{
			Function: &sluicev1.FunctionDefinition{Name: d.GetName(), Description: d.Description, Parameters: d.GetParameters(), Rest: d.GetRest()},
			Rest:     f.GetRest(),
		}}}
	}
}

func (q *quirks) responseFormat(e *edit) {
	if !q.schema || e.req.GetResponseFormat().GetJsonSchema() == nil {
		return
	}
	if !e.ledger().Unsupported(memberSchema, `it has no response_format "json_schema"`) {
		for name := range wirejson.Names(e.req.GetResponseFormat().GetJsonSchema().GetRest()) {
			e.ledger().Dropped(translate.Path("response_format", name), "it goes with the schema")
		}
		e.change().ResponseFormat = nil
	}
}

// remove takes out the members of a request that are unsupported.
func (q *quirks) remove(e *edit) {
	for _, r := range q.chat {
		if set := r.in(e.req); set >= 0 {
			if why := meansNothing(r.name, e.req); why != "" {
				e.ledger().Dropped(r.name, why)
			} else if e.ledger().Unsupported(r.name, "it does not take it") {
				continue
			}
			e.change().ProtoReflect().Clear(r.fields[set])
		}
		e.removeRest(r.name)
	}
}

// in returns which of the fields a message has, or -1.
func (r *removal) in(m proto.Message) int {
	for i, field := range r.fields {
		if m.ProtoReflect().Has(field) {
			return i
		}
	}
	return -1
}

// removeRest takes out a member that rides in the rest: one that the contract does not
// know, or one that is as good as absent.
func (e *edit) removeRest(member string) {
	value, rest, ok := take(e.req.GetRest(), member)
	if !ok {
		return
	}
	switch string(value) {
	case "null":
		e.ledger().Dropped(member, whyNull)
	case "[]", "{}":
		e.ledger().Dropped(member, "an empty value says the same as leaving it out")
	default:
		if e.ledger().Unsupported(member, "it does not take it") {
			return
		}
	}
	e.change().Rest = rest
}

// meansNothing tells why a request means the same without a member, or "".
func meansNothing(member string, req *sluicev1.ChatCompletionRequest) string {
	same := false
	switch member {
	case "user", "safety_identifier", "metadata", "prompt_cache_key", "prompt_cache_retention", "prompt_cache_options":
		return "it is for the provider's books and changes no answer"
	case "prediction":
		return "it changes how soon the answer comes, not what it is"
	case "stream_options":
		return "it changes what a stream tells beside the answer"
	case "n":
		same = req.GetN() == 1
	case "logprobs":
		same = !req.GetLogprobs()
	case "top_logprobs":
		same = req.GetTopLogprobs() == 0
	case "frequency_penalty":
		same = req.GetFrequencyPenalty() == 0
	case "presence_penalty":
		same = req.GetPresencePenalty() == 0
	case "stop":
		same = req.GetStopText() == "" && len(req.GetStopTexts().GetValues()) == 0
	case "top_p":
		same = req.GetTopP() == 1
	case "store":
		same = !req.GetStore()
	case "parallel_tool_calls":
		same = req.GetParallelToolCalls()
	case "service_tier":
		same = req.GetServiceTier() == "auto" || req.GetServiceTier() == "default"
	case "verbosity":
		same = req.GetVerbosity() == "medium"
	case "tool_choice":
		mode := req.GetToolChoice().GetMode()
		same = mode == "auto" || mode == "none" && len(req.GetTools()) == 0
	case "response_format":
		same = req.GetResponseFormat().GetText() != nil
	case "modalities":
		same = len(req.GetModalities()) == 1 && req.GetModalities()[0] == "text"
	}
	if same {
		return "the value says the same as leaving it out"
	}
	return ""
}

// embeddings is request for embeddings.
func (q *quirks) embeddings(call *adapters.Call, req *sluicev1.CreateEmbeddingsRequest) (*sluicev1.CreateEmbeddingsRequest, error) {
	if q == nil || len(q.embed) == 0 && q.Dimensions == "" {
		return req, nil
	}
	ledger := translate.Request(call)
	out := shareEmbeddings(req)
	for _, r := range q.embed {
		set := r.in(req)
		if set < 0 {
			continue
		}
		switch {
		case r.name == "user":
			ledger.Dropped(r.name, "it is for the provider's books and changes no answer")
		case r.name == "encoding_format":
			ledger.Dropped(r.name, "the answer gets this form on its way back")
		case ledger.Unsupported(r.name, "it does not take it"):
			continue
		}
		out.ProtoReflect().Clear(r.fields[set])
	}
	if q.Dimensions != "" && out.Dimensions != nil {
		ledger.Renamed("dimensions", q.Dimensions)
		out.Rest = wirejson.Set(out.GetRest(), q.Dimensions, wirejson.AppendInt(nil, out.GetDimensions()))
		out.Dimensions = nil
	}
	return out, ledger.Refusal(q.provider, q.API)
}

// withoutParameter takes a parameter out of a raw query.
func withoutParameter(query, name string) string {
	if query == "" {
		return ""
	}
	kept := slices.DeleteFunc(strings.Split(query, "&"), func(pair string) bool {
		key, _, _ := strings.Cut(pair, "=")
		key, err := url.QueryUnescape(key)
		return err == nil && key == name
	})
	return strings.Join(kept, "&")
}
