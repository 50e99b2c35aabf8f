package gateway

import (
	"errors"
	"testing"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

// The rules of the contract stand in the proto, where callers see them; on the way of
// a call they are checked by hand, because protovalidate's reflection would cost more
// than all the rest of the admission. This holds the two together: every rule of a
// request needs a case here that breaks it.
func TestAdmission_refuses_what_the_rules_of_the_proto_refuse(t *testing.T) {
	s, _ := service(t, plan(t, "", nil, adapters.Provider{Name: "p"}))
	calls := map[string]struct {
		request proto.Message
		call    func(proto.Message) error
	}{
		"chat": {question("p/m"), func(m proto.Message) error {
			_, err := s.CreateChatCompletion(t.Context(), m.(*sluicev1.ChatCompletionRequest))
			return err
		}},
		"chat without messages": {&sluicev1.ChatCompletionRequest{Model: "p/m"}, func(m proto.Message) error {
			return s.StreamChat(t.Context(), m.(*sluicev1.ChatCompletionRequest), func(*sluicev1.ChatCompletionChunk) error { return nil })
		}},
		"embeddings": {&sluicev1.CreateEmbeddingsRequest{Model: "p/m", Input: &sluicev1.CreateEmbeddingsRequest_Text{}}, func(m proto.Message) error {
			_, err := s.CreateEmbeddings(t.Context(), m.(*sluicev1.CreateEmbeddingsRequest))
			return err
		}},
		"embeddings without input": {&sluicev1.CreateEmbeddingsRequest{Model: "p/m"}, func(m proto.Message) error {
			_, err := s.CreateEmbeddings(t.Context(), m.(*sluicev1.CreateEmbeddingsRequest))
			return err
		}},
		"a model": {&sluicev1.GetModelRequest{Model: "p/m"}, func(m proto.Message) error {
			_, err := s.GetModel(t.Context(), m.(*sluicev1.GetModelRequest))
			return err
		}},
		"a model without a name": {&sluicev1.GetModelRequest{}, func(m proto.Message) error {
			_, err := s.GetModel(t.Context(), m.(*sluicev1.GetModelRequest))
			return err
		}},
	}
	tested := map[protoreflect.FullName]bool{}
	for name, c := range calls {
		violated := violations(t, c.request)
		for _, rule := range violated {
			tested[rule] = true
		}
		// The provider offers nothing, so what is admitted fails as UNSUPPORTED.
		refused := fault.From(c.call(c.request)).Reason == sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST
		if broken := len(violated) > 0; broken != refused {
			t.Errorf("%s: against the proto's rules: %t, refused: %t", name, broken, refused)
		}
	}
	rules := map[protoreflect.FullName]bool{}
	for _, request := range []proto.Message{&sluicev1.ChatCompletionRequest{}, &sluicev1.CreateEmbeddingsRequest{}, &sluicev1.GetModelRequest{}} {
		findRules(request.ProtoReflect().Descriptor(), rules, map[protoreflect.FullName]bool{})
	}
	if len(rules) < 3 {
		t.Errorf("only %d rules found", len(rules))
	}
	for rule := range rules {
		if !tested[rule] {
			t.Errorf("no case breaks the rule of %s: is it checked on the way of a call?", rule)
		}
	}
}

// violations names the fields, oneofs and messages whose rules the request breaks.
func violations(t *testing.T, request proto.Message) []protoreflect.FullName {
	t.Helper()
	err := protovalidate.Validate(request)
	if err == nil {
		return nil
	}
	broken := new(protovalidate.ValidationError)
	if !errors.As(err, &broken) {
		t.Fatal(err)
	}
	var names []protoreflect.FullName
	message := request.ProtoReflect().Descriptor().FullName()
	for _, v := range broken.Violations {
		switch path := protovalidate.FieldPathString(v.Proto.GetField()); {
		case v.FieldDescriptor != nil:
			names = append(names, v.FieldDescriptor.FullName())
		case path != "":
			names = append(names, message.Append(protoreflect.Name(path))) // a oneof
		default:
			names = append(names, message)
		}
	}
	return names
}

// findRules collects what carries rules in a message and all that it holds.
func findRules(m protoreflect.MessageDescriptor, rules, seen map[protoreflect.FullName]bool) {
	if seen[m.FullName()] {
		return
	}
	seen[m.FullName()] = true
	note := func(d protoreflect.Descriptor, has bool) {
		if has {
			rules[d.FullName()] = true
		}
	}
	note(m, proto.HasExtension(m.Options(), validate.E_Message))
	for i := range m.Oneofs().Len() {
		o := m.Oneofs().Get(i)
		note(o, proto.HasExtension(o.Options(), validate.E_Oneof))
	}
	for i := range m.Fields().Len() {
		f := m.Fields().Get(i)
		note(f, proto.HasExtension(f.Options(), validate.E_Field))
		if f.Message() != nil {
			findRules(f.Message(), rules, seen)
		}
	}
}
