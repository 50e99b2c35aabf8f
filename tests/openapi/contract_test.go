package openapi

import (
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/openai/openai-go/v3"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	wirejsonpb "github.com/sluice-ai/sluice/gen/go/wirejson"
)

// untyped are the members of the SDK's types that the contract does not type, each
// with its reason. They pass through the rest fields.
var untyped = map[string]string{}

// The fields that the official SDK has are those that applications use: what the
// contract does not type reaches gRPC clients only as JSON in a rest field.
func TestContract_types_every_field_of_the_official_SDK(t *testing.T) {
	walk := contractWalk{seen: map[string]bool{}, missing: map[string]string{}, members: map[string]bool{}}
	for _, pair := range []struct {
		sdk     any
		message proto.Message
	}{
		{openai.ChatCompletionNewParams{}, &sluicev1.ChatCompletionRequest{}},
		{openai.ChatCompletion{}, &sluicev1.ChatCompletion{}},
		{openai.ChatCompletionChunk{}, &sluicev1.ChatCompletionChunk{}},
		{openai.CompletionUsage{}, &sluicev1.Usage{}},
		{openai.EmbeddingNewParams{}, &sluicev1.CreateEmbeddingsRequest{}},
		{openai.CreateEmbeddingResponse{}, &sluicev1.CreateEmbeddingsResponse{}},
		{openai.Embedding{}, &sluicev1.Embedding{}},
		{openai.Model{}, &sluicev1.Model{}},
	} {
		var to shape
		to.addMessage(pair.message.ProtoReflect().Descriptor())
		walk.value(reflect.TypeOf(pair.sdk), to, reflect.TypeOf(pair.sdk).Name())
	}
	for _, member := range slices.Sorted(maps.Keys(walk.missing)) {
		if untyped[member] == "" {
			t.Errorf("%s: %s", member, walk.missing[member])
		}
	}
	for member := range untyped {
		if walk.missing[member] == "" {
			t.Errorf("%s is typed now: take it out of the exceptions", member)
		}
	}
	// Each depth of each endpoint: a walk that stops early misses one of them.
	for _, member := range []string{
		"ChatCompletionContentPartImageImageURLParam.detail",
		"ChatCompletionCustomToolCustomFormatGrammarGrammarParam.syntax",
		"ChatCompletionNewParamsWebSearchOptionsUserLocationApproximate.timezone",
		"ChatCompletionMessageFunctionToolCallFunction.arguments",
		"ChatCompletionTokenLogprobTopLogprob.bytes",
		"ChatCompletionChunkChoiceDeltaToolCallFunction.arguments",
		"CompletionUsageCompletionTokensDetails.reasoning_tokens",
		"CreateEmbeddingResponseUsage.prompt_tokens",
	} {
		if !walk.members[member] {
			t.Errorf("the walk did not come to %s", member)
		}
	}
}

func TestContract_walk_notices_what_the_contract_lacks(t *testing.T) {
	type part struct {
		Type string `default:"hologram" json:"type"`
	}
	type message struct {
		Role    string   `default:"user" json:"role"`
		Content []part   `json:"content"`
		Name    *float64 `json:"name"`
	}
	type request struct {
		Messages []message      `json:"messages"`
		Mood     string         `json:"mood"`
		Metadata map[string]int `json:"metadata"`
		Seed     int64          `json:"seed"`
	}
	walk := contractWalk{seen: map[string]bool{}, missing: map[string]string{}, members: map[string]bool{}}
	var to shape
	to.addMessage((&sluicev1.ChatCompletionRequest{}).ProtoReflect().Descriptor())
	walk.value(reflect.TypeFor[request](), to, "request")
	want := []string{"message.content", "message.name", "request.metadata", "request.mood"}
	if got := slices.Sorted(maps.Keys(walk.missing)); !slices.Equal(got, want) {
		t.Errorf("missing %v, want %v", got, want)
	}
}

// shape is what the contract lets a JSON value be.
type shape struct {
	objects []protoreflect.MessageDescriptor
	scalars []string // "string", "number", "boolean"
	raw     bool     // any JSON, among others
}

func (s *shape) addMessage(m protoreflect.MessageDescriptor) {
	if rules := messageRules(m); !rules.GetBare() {
		s.objects = append(s.objects, m)
		return
	}
	for i := range m.Fields().Len() {
		s.addField(m.Fields().Get(i))
	}
}

func (s *shape) addField(f protoreflect.FieldDescriptor) {
	if f.IsMap() {
		f = f.MapValue()
	}
	switch {
	case fieldRules(f).GetRaw():
		s.raw = true
	case f.Message() != nil:
		s.addMessage(f.Message())
	case f.Kind() == protoreflect.StringKind, f.Kind() == protoreflect.BytesKind:
		s.scalars = append(s.scalars, "string")
	case f.Kind() == protoreflect.BoolKind:
		s.scalars = append(s.scalars, "boolean")
	default:
		s.scalars = append(s.scalars, "number")
	}
}

func messageRules(m protoreflect.MessageDescriptor) *wirejsonpb.MessageRules {
	return proto.GetExtension(m.Options(), wirejsonpb.E_Message).(*wirejsonpb.MessageRules)
}

func fieldRules(f protoreflect.FieldDescriptor) *wirejsonpb.FieldRules {
	return proto.GetExtension(f.Options(), wirejsonpb.E_Field).(*wirejsonpb.FieldRules)
}

// member returns what the member of this name can be in one of the objects.
func (s *shape) member(name string) (out shape, found bool) {
	for _, m := range s.objects {
		if messageRules(m).GetConstant().GetName() == name {
			out.scalars, found = append(out.scalars, "string"), true
		}
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			called := string(f.Name())
			if union := f.ContainingOneof(); union != nil && !union.IsSynthetic() {
				called = string(union.Name())
			}
			if called == name && !fieldRules(f).GetRest() {
				out.addField(f)
				found = true
			}
		}
	}
	return out, found
}

// narrow keeps the objects whose constant has this value, when there are such with a
// constant of this name.
func (s *shape) narrow(name, value string) shape {
	out := shape{scalars: s.scalars, raw: s.raw}
	named := false
	for _, m := range s.objects {
		constant := messageRules(m).GetConstant()
		named = named || constant.GetName() == name
		if constant.GetName() == name && constant.GetValue() == value {
			out.objects = append(out.objects, m)
		}
	}
	if !named {
		return *s
	}
	return out
}

// contractWalk goes through the SDK's types beside the contract's.
type contractWalk struct {
	seen    map[string]bool
	missing map[string]string
	members map[string]bool
}

func (w *contractWalk) value(is reflect.Type, to shape, at string) {
	switch is.Kind() {
	case reflect.Pointer, reflect.Slice, reflect.Map:
		if is.Elem().Kind() != reflect.Uint8 {
			w.value(is.Elem(), to, at)
		}
	case reflect.Struct:
		if strings.HasPrefix(is.Name(), "Opt[") { // param.Opt
			w.value(is.Field(0).Type, to, at)
			return
		}
		w.object(is, to, at)
	case reflect.String:
		w.scalar("string", to, at)
	case reflect.Bool:
		w.scalar("boolean", to, at)
	case reflect.Int, reflect.Int32, reflect.Int64, reflect.Float32, reflect.Float64:
		w.scalar("number", to, at)
	default: // any: nothing to compare
	}
}

func (w *contractWalk) scalar(kind string, to shape, at string) {
	typed := len(to.objects)+len(to.scalars) > 0
	if typed && !slices.Contains(to.scalars, kind) {
		w.missing[at] = "the contract has no " + kind + " here"
	}
}

func (w *contractWalk) object(is reflect.Type, to shape, at string) {
	if to.raw && len(to.objects)+len(to.scalars) == 0 {
		return
	}
	variants := responseVariants(is)
	for field := range is.Fields() {
		if name, constant := jsonName(field), field.Tag.Get("default"); name != "" && constant != "" {
			if to = to.narrow(name, constant); len(to.objects) == 0 {
				w.missing[at] = "the contract has no object with " + name + " " + constant + " here"
				return
			}
		}
	}
	key := is.String()
	for _, m := range to.objects {
		key += " " + string(m.FullName())
	}
	if w.seen[key] {
		return
	}
	w.seen[key] = true
	for _, variant := range variants {
		w.value(variant, to, is.Name()+" as "+variant.String())
	}
	for field := range is.Fields() {
		w.field(is, field, to, at)
	}
}

func (w *contractWalk) field(of reflect.Type, field reflect.StructField, to shape, at string) {
	tag, tagged := field.Tag.Lookup("json")
	inline := tagged && strings.Contains(tag, ",inline") || field.Anonymous && field.IsExported() && !tagged
	name := jsonName(field)
	switch {
	case inline: // an alternative of a union
		w.value(field.Type, to, at+" as "+strings.TrimPrefix(field.Name, "Of"))
	case name != "":
		member := of.Name() + "." + name
		w.members[member] = true
		if is, found := to.member(name); found {
			w.value(field.Type, is, member)
		} else {
			w.missing[member] = "the contract has no such member"
		}
	}
}

// jsonName is the member that a field of the SDK's stands for; "" for none.
func jsonName(field reflect.StructField) string {
	name, _, _ := strings.Cut(field.Tag.Get("json"), ",")
	if !field.IsExported() || name == "-" {
		return ""
	}
	return name
}

// responseVariants are the types that a union of an answer can be read as: it has a
// method AsX for each, beside all their fields in one.
func responseVariants(is reflect.Type) []reflect.Type {
	var out []reflect.Type
	for method := range is.Methods() {
		if strings.HasPrefix(method.Name, "As") && method.Type.NumIn() == 1 && method.Type.NumOut() == 1 &&
			method.Type.Out(0).Kind() == reflect.Struct {
			out = append(out, method.Type.Out(0))
		}
	}
	return out
}
