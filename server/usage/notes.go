package usage

import (
	"strings"
	"sync"

	"google.golang.org/protobuf/reflect/protoreflect"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// loggedNotes says which members changed, by side and fate. Names that callers or providers
// chose are not shown: nobody knows what they write into them. Of what was passed, all are
// such; of what was dropped, those that are none of the contract's.
func loggedNotes(notes []*sluicev1.TranslationNote) map[string][]string {
	out := make(map[string][]string, 4)
	for _, n := range notes {
		key, member := n.GetSide()+"_"+n.GetFate(), n.GetMember()
		switch n.GetFate() {
		case translate.FatePassed:
			member = ""
		case translate.FateDropped:
			member = knownPath(member)
		}
		list := out[key]
		if member != "" && len(list) < maxLoggedItems {
			list = append(list, clip(member))
		}
		out[key] = list // none, if nothing can be shown, says that there was something
	}
	return out
}

// knownPath is a member's path up to the first name that is not the contract's.
func knownPath(path string) string {
	known := contractNames()
	for at := 0; at < len(path); {
		name, _, _ := strings.Cut(path[at:], ".")
		bare, index, _ := strings.Cut(name, "[")
		if !known[bare] || strings.Trim(index, "0123456789[]") != "" {
			return strings.TrimSuffix(path[:at], ".")
		}
		at += len(name) + 1
	}
	return path
}

// contractNames are those of all members of the contract's requests.
var contractNames = sync.OnceValue(func() map[string]bool {
	names := make(map[string]bool)
	seen := make(map[protoreflect.FullName]bool)
	var visit func(protoreflect.MessageDescriptor)
	visit = func(m protoreflect.MessageDescriptor) {
		if seen[m.FullName()] {
			return
		}
		seen[m.FullName()] = true
		for i := range m.Fields().Len() {
			f := m.Fields().Get(i)
			names[string(f.Name())] = true
			if f.Message() != nil {
				visit(f.Message())
			}
		}
	}
	visit((&sluicev1.ChatCompletionRequest{}).ProtoReflect().Descriptor())
	visit((&sluicev1.CreateEmbeddingsRequest{}).ProtoReflect().Descriptor())
	return names
})
