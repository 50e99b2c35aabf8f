package edge

import (
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/gateway"
)

// trailerTranslation carries a [sluicev1.Translation] behind answers of the RPC doors.
const trailerTranslation = "x-sluice-translation-bin"

// maxTranslationBytes bounds the trailer: several gRPC clients refuse larger ones.
const maxTranslationBytes = 3 << 10

// translation returns what the trailer of a call says; nil when there is nothing to say.
// What does not fit is left out from its end.
func translation(call *gateway.Call) []byte {
	if call.Translation == nil {
		return nil
	}
	t := call.Translation
	for proto.Size(t) > maxTranslationBytes {
		t = &sluicev1.Translation{Notes: t.GetNotes()[:len(t.GetNotes())*3/4]}
	}
	told, err := proto.Marshal(t)
	if err != nil {
		return nil // a name that is no UTF-8
	}
	return told
}
