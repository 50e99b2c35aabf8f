package openai

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// ReasoningBack says what of an earlier answer's reasoning an API takes back.
type ReasoningBack string

// The values of [ReasoningBack].
const (
	// ReasoningKept sends all of it, as it came. It is the zero value, for servers of which
	// nothing is known.
	ReasoningKept ReasoningBack = ""
	// ReasoningText sends the text and not the pieces in reasoning_details.
	ReasoningText ReasoningBack = "text"
	// ReasoningNone sends nothing of it.
	ReasoningNone ReasoningBack = "none"
)

// Dialect says how an API differs from OpenAI's: its quirks, by name. The zero value is
// OpenAI's own API as its reference describes it; members that nobody names here go through
// as they are.
type Dialect struct {
	adapters.OpenAIDialect

	// API is what refusals call it, as "Groq's API". Empty: "OpenAI's API".
	API string
	// BaseURL stands in when the settings have none.
	BaseURL string
	// ChatPath and EmbeddingsPath stand below the base URL. Empty: "/chat/completions" and
	// "/embeddings".
	ChatPath, EmbeddingsPath string
	// DeploymentPaths puts "/deployments/" and the model before these paths.
	DeploymentPaths bool
	// OwnQuery is a parameter of the query that callers do not choose. Empty: none.
	OwnQuery string
	// NoEmbeddings and NoModels say what it does not offer.
	NoEmbeddings, NoModels bool
	// OnlyListsModels says that a single model must be looked up in the list, and
	// BareModelList that the list has no object around it.
	OnlyListsModels, BareModelList bool

	// MaxChoices is the largest n that it takes. 0: it says so itself.
	MaxChoices int64
	// Dimensions is what it calls the embeddings' dimensions. Empty: that.
	Dimensions string
	// ReasoningBack is what it takes back of an earlier answer's reasoning.
	ReasoningBack ReasoningBack
	// ThinkingParts says that reasoning stands in the content of answers, as parts of the
	// type "thinking".
	ThinkingParts bool
	// FinishReasons are its own words for OpenAI's.
	FinishReasons map[string]string
	// UsageMember is where a stream's usage stands if it is not in its place:
	// "x_groq.usage" is a member of a member of a chunk, "choices[].usage" one of a choice.
	UsageMember string
	// RepeatsUsage says that each chunk of a stream tells the usage so far.
	RepeatsUsage bool

	// Sign puts credentials on requests that have none: see upstream.Dialect. Nil: nothing
	// is signed.
	Sign func(ctx context.Context, r *http.Request, body []byte) error
}

// over returns the dialect with the members that a configuration says over its own.
func (d Dialect) over(said adapters.OpenAIDialect) Dialect {
	d.MaxTokens = cmp.Or(said.MaxTokens, d.MaxTokens)
	d.Reasoning = cmp.Or(said.Reasoning, d.Reasoning)
	d.Seed = cmp.Or(said.Seed, d.Seed)
	d.DeveloperRole = cmp.Or(said.DeveloperRole, d.DeveloperRole)
	d.ToolChoiceRequired = cmp.Or(said.ToolChoiceRequired, d.ToolChoiceRequired)
	d.StreamUsage = cmp.Or(said.StreamUsage, d.StreamUsage)
	d.KeyHeader = cmp.Or(said.KeyHeader, d.KeyHeader)
	if len(said.Unsupported) > 0 {
		d.Unsupported = said.Unsupported
	}
	if said.ModelsPath != "" {
		d.ModelsPath, d.NoModels = said.ModelsPath, false
	}
	return d
}

// The members of objects inside a request that can be unsupported. All others are members
// of the request itself.
const (
	memberName       = "messages[].name"
	memberToolStrict = "tools[].function.strict"
	memberSchema     = "response_format.json_schema"
)

var nestedMembers = []string{memberName, memberToolStrict, memberSchema}

// check tells what is wrong with a dialect, and what to write in its place.
func (d *Dialect) check() error {
	for name, word := range map[string]struct {
		value string
		known []string
	}{
		"max_tokens":     {d.MaxTokens, []string{"", memberMaxTokens, memberMaxCompletionTokens}},
		"developer_role": {d.DeveloperRole, []string{"", roleDeveloper, roleSystem, roleUser}},
		"stream_usage":   {d.StreamUsage, []string{"", adapters.StreamUsageAsked, adapters.StreamUsageAlways, adapters.StreamUsageNone}},
		"reasoning_back": {string(d.ReasoningBack), []string{"", string(ReasoningText), string(ReasoningNone)}},
	} {
		if !slices.Contains(word.known, word.value) {
			return fmt.Errorf("dialect.%s: %q is none of %s", name, word.value, strings.Join(word.known[1:], ", "))
		}
	}
	for _, name := range d.Unsupported {
		switch {
		case name == "model" || name == "messages" || name == "stream" || name == "input":
			return fmt.Errorf("dialect.unsupported: no request is one without %s: leave it out of the list", name)
		case strings.ContainsAny(name, ".[]") && !slices.Contains(nestedMembers, name):
			return fmt.Errorf("dialect.unsupported: %q cannot be taken out: write a member of the request itself, as logit_bias, or one of %s",
				name, strings.Join(nestedMembers, ", "))
		}
	}
	if d.ModelsPath != "" && d.ModelsPath[0] != '/' {
		return errors.New("dialect.models_path: a path begins with /, as /models")
	}
	if d.UsageMember != "" && len(strings.Split(d.UsageMember, ".")) != 2 {
		return fmt.Errorf("dialect.usage_member: %q has not two steps, as x_groq.usage", d.UsageMember)
	}
	return nil
}

// quirks is a [Dialect] made ready. A nil one stands for OpenAI's own.
type quirks struct {
	Dialect

	provider    string
	chat, embed []removal
	names       bool // messages[].name is unsupported
	strict      bool // tools[].function.strict is unsupported
	schema      bool // response_format.json_schema is unsupported
}

// removal is a member of a request that is unsupported.
type removal struct {
	name string
	// fields are those of the contract that hold it; none for a member that it does not
	// know.
	fields []protoreflect.FieldDescriptor
}

// newQuirks returns nil for a dialect that translates nothing.
func newQuirks(provider string, d Dialect) *quirks {
	q := &quirks{Dialect: d, provider: provider}
	q.API = cmp.Or(d.API, "OpenAI's API")
	chat := new(sluicev1.ChatCompletionRequest).ProtoReflect().Descriptor()
	embed := new(sluicev1.CreateEmbeddingsRequest).ProtoReflect().Descriptor()
	for _, name := range d.Unsupported {
		switch name {
		case memberName:
			q.names = true
		case memberToolStrict:
			q.strict = true
		case memberSchema:
			q.schema = true
		default:
			q.chat = append(q.chat, removal{name, fieldsOf(chat, name)})
			if fields := fieldsOf(embed, name); fields != nil {
				q.embed = append(q.embed, removal{name, fields})
			}
		}
	}
	if !q.asks() && !q.answers() && q.Dimensions == "" {
		return nil
	}
	return q
}

// asks tells whether requests for chat may have to be changed.
func (q *quirks) asks() bool {
	return len(q.chat) > 0 || q.names || q.strict || q.schema ||
		q.MaxTokens != "" || q.renames() || q.Seed != "" && q.Seed != memberSeed ||
		q.DeveloperRole != "" && q.DeveloperRole != roleDeveloper ||
		q.ToolChoiceRequired != nil && *q.ToolChoiceRequired != choiceRequired ||
		q.blindToStreamOptions() || q.MaxChoices > 0 || q.ReasoningBack != ReasoningKept
}

// answers tells whether answers may have to be changed.
func (q *quirks) answers() bool {
	return q.renames() || q.ThinkingParts || len(q.FinishReasons) > 0 || q.keepsUsage()
}

// keepsUsage tells whether a stream's usage has to be put into its place.
func (q *quirks) keepsUsage() bool {
	return q.UsageMember != "" || q.RepeatsUsage || q.StreamUsage == adapters.StreamUsageAlways
}

// renames tells whether reasoning_content has another name.
func (q *quirks) renames() bool { return q.Reasoning != "" && q.Reasoning != memberReasoning }

// blindToStreamOptions tells whether stream_options must not be sent.
func (q *quirks) blindToStreamOptions() bool {
	return q != nil && (q.StreamUsage == adapters.StreamUsageAlways || q.StreamUsage == adapters.StreamUsageNone)
}

// fieldsOf returns the fields that hold a member by its JSON name: one, or the
// alternatives of a union.
func fieldsOf(m protoreflect.MessageDescriptor, member string) (fields []protoreflect.FieldDescriptor) {
	name := protoreflect.Name(member)
	if union := m.Oneofs().ByName(name); union != nil && !union.IsSynthetic() {
		for i := range union.Fields().Len() {
			fields = append(fields, union.Fields().Get(i))
		}
		return fields
	}
	field := m.Fields().ByName(name)
	if field == nil || name == "rest" || field.ContainingOneof() != nil && !field.ContainingOneof().IsSynthetic() {
		return nil
	}
	return []protoreflect.FieldDescriptor{field}
}
