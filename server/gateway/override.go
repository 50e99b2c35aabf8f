package gateway

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// Override changes what callers ask for on the way to one target. It is immutable;
// nil changes nothing. Members are named as in OpenAI's API.
type Override struct {
	drop     []string
	defaults members
	set      members
}

// members are some members of a request, as a chat and as an embeddings request hold
// them.
type members struct {
	chat, embeddings shape
}

// shape is a message of which some members are there.
type shape struct {
	names   []string // in the order of the configuration
	message request
}

// request is a message that keeps what its fields cannot hold.
type request interface {
	wirejson.Message
	proto.Message
	GetRest() []byte
}

// fixed are the members that say what a call is, and that routing has decided by.
var fixed = []string{"model", "messages", "input", "stream"}

// NewOverride returns an override that takes the members of drop out of a request, puts
// in those of the JSON object defaults that the caller did not send, and those of the
// JSON object set in any case. Empty texts stand for no object. It fails for a member
// that cannot be changed, and for a value that is not of the member's type in a chat
// request.
func NewOverride(drop []string, defaults, set string) (*Override, error) {
	if len(drop) == 0 && defaults == "" && set == "" {
		return nil, nil //nolint:nilnil // nil is the override that changes nothing
	}
	o := &Override{drop: drop}
	for _, name := range drop {
		if slices.Contains(fixed, name) {
			return nil, fmt.Errorf("drop: %s cannot be changed", name)
		}
	}
	var err error
	if o.defaults, err = parseMembers(defaults); err != nil {
		return nil, fmt.Errorf("default: %w", err)
	}
	if o.set, err = parseMembers(set); err != nil {
		return nil, fmt.Errorf("set: %w", err)
	}
	return o, nil
}

func parseMembers(object string) (m members, err error) {
	if object == "" {
		return m, nil
	}
	if m.chat, err = parseShape(object, new(sluicev1.ChatCompletionRequest)); err != nil {
		return m, err
	}
	// A member may mean something else to embeddings, or nothing.
	if m.embeddings, err = parseShape(object, new(sluicev1.CreateEmbeddingsRequest)); err != nil {
		return m, err
	}
	return m, nil
}

func parseShape(object string, into request) (shape, error) {
	s := shape{message: into}
	if err := wirejson.Unmarshal([]byte(object), into, wirejson.Options{}); err != nil {
		return s, err
	}
	for name := range wirejson.Names([]byte(object)) {
		if slices.Contains(fixed, name) {
			return s, fmt.Errorf("%s cannot be changed", name)
		}
		s.names = append(s.names, name)
	}
	return s, nil
}

// chat returns the request to send: req itself when nothing changes, else a copy that
// shares with it what is the same.
func (o *Override) chat(req *sluicev1.ChatCompletionRequest) *sluicev1.ChatCompletionRequest {
	if o == nil {
		return req
	}
	out := new(sluicev1.ChatCompletionRequest)
	o.apply(out.ProtoReflect(), req.ProtoReflect(), o.defaults.chat, o.set.chat)
	return out
}

// embeddings is [Override.chat] for embeddings.
func (o *Override) embeddings(req *sluicev1.CreateEmbeddingsRequest) *sluicev1.CreateEmbeddingsRequest {
	if o == nil {
		return req
	}
	out := new(sluicev1.CreateEmbeddingsRequest)
	o.apply(out.ProtoReflect(), req.ProtoReflect(), o.defaults.embeddings, o.set.embeddings)
	return out
}

func (o *Override) apply(out, req protoreflect.Message, defaults, set shape) {
	share(out, req)
	for _, name := range o.drop {
		clearMember(out, name)
	}
	for _, name := range defaults.names {
		if !hasMember(out, name) {
			copyMember(out, defaults.message, name)
		}
	}
	for _, name := range set.names {
		clearMember(out, name)
		copyMember(out, set.message, name)
	}
}

// share makes out hold what in holds. What lies below the top is the same memory.
func share(out, in protoreflect.Message) {
	in.Range(func(field protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		out.Set(field, v)
		return true
	})
}

// restField holds the members that no field describes.
const restField = "rest"

// fields returns the fields that hold the member: one, those of a union, or none.
func fields(m protoreflect.MessageDescriptor, name string) []protoreflect.FieldDescriptor {
	if union := m.Oneofs().ByName(protoreflect.Name(name)); union != nil && !union.IsSynthetic() {
		list := make([]protoreflect.FieldDescriptor, union.Fields().Len())
		for i := range list {
			list[i] = union.Fields().Get(i)
		}
		return list
	}
	if field := m.Fields().ByName(protoreflect.Name(name)); field != nil && name != restField && !inUnion(field) {
		return []protoreflect.FieldDescriptor{field}
	}
	return nil
}

// inUnion tells a field that is a form of a member from one that is a member.
func inUnion(field protoreflect.FieldDescriptor) bool {
	return field.ContainingOneof() != nil && !field.ContainingOneof().IsSynthetic()
}

func restOf(m protoreflect.Message) (field protoreflect.FieldDescriptor, rest []byte) {
	field = m.Descriptor().Fields().ByName(restField)
	return field, m.Get(field).Bytes()
}

func hasMember(m protoreflect.Message, name string) bool {
	if slices.ContainsFunc(fields(m.Descriptor(), name), m.Has) {
		return true
	}
	_, rest := restOf(m)
	_, ok := wirejson.Get(rest, name)
	return ok
}

func clearMember(m protoreflect.Message, name string) {
	for _, field := range fields(m.Descriptor(), name) {
		m.Clear(field)
	}
	field, rest := restOf(m)
	if _, remaining, ok := wirejson.Take(rest, name); ok {
		m.Set(field, protoreflect.ValueOfBytes(remaining))
	}
}

// copyMember puts a member that out does not have into it.
func copyMember(out protoreflect.Message, from request, name string) {
	in := from.ProtoReflect()
	for _, field := range fields(in.Descriptor(), name) {
		if in.Has(field) {
			out.Set(field, in.Get(field))
			return
		}
	}
	// No field, or a value that its field cannot hold, as null.
	if value, ok := wirejson.Get(from.GetRest(), name); ok {
		field, rest := restOf(out)
		out.Set(field, protoreflect.ValueOfBytes(wirejson.Set(rest, name, value)))
	}
}
