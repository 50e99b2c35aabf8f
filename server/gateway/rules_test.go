package gateway

import (
	"testing"

	"buf.build/go/protovalidate"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

// The rules of the contract stand in the proto, where callers see them; on the way of
// a call they are checked by hand, because protovalidate's reflection would cost more
// than all the rest of the admission. This holds the two together.
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
	for name, c := range calls {
		broken := protovalidate.Validate(c.request) != nil
		// The provider offers nothing, so what is admitted fails as UNSUPPORTED.
		refused := fault.From(c.call(c.request)).Reason == sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST
		if broken != refused {
			t.Errorf("%s: against the proto's rules: %t, refused: %t", name, broken, refused)
		}
	}
}
