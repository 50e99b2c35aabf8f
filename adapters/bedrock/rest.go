package bedrock

import (
	"slices"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// relayed is a message with a rest.
type relayed interface {
	proto.Message
	GetRest() []byte
}

// known tells whether a message of the contract has a member.
func known(m proto.Message, name string) bool {
	d := m.ProtoReflect().Descriptor()
	return d.Fields().ByName(protoreflect.Name(name)) != nil || d.Oneofs().ByName(protoreflect.Name(name)) != nil
}

// means tells whether a member in a rest says anything: one that the contract knows and
// that is null or empty does not.
func (r *request) means(of proto.Message, path, name string, value []byte) bool {
	switch string(value) {
	case "null", "[]", "{}", `""`:
		if known(of, name) {
			r.ledger.Dropped(translate.Path(path, name), "an empty value means the same as none")
			return false
		}
	}
	return true
}

// leftover adds the members of a rest to another one, those aside that are translated. Two
// objects may become one: of members of the same name, the first stands.
func (r *request) leftover(into []byte, path string, m relayed, translated ...string) []byte {
	for name := range wirejson.Names(m.GetRest()) {
		value, _ := wirejson.Get(m.GetRest(), name)
		if slices.Contains(translated, name) || !r.means(m, path, name, value) {
			continue
		}
		if _, taken := wirejson.Get(into, name); taken {
			r.ledger.Dropped(translate.Path(path, name), "a member of this name is there already")
			continue
		}
		r.ledger.Passed(translate.Path(path, name))
		into = wirejson.Set(into, name, value)
		r.relays = true
	}
	return into
}

// settle takes out of all rests below a message of Bedrock's the members that it has
// itself: an object cannot have two of a name.
func (r *request) settle(m protoreflect.Message) {
	fields := m.Descriptor().Fields()
	if rest := fields.ByName("rest"); rest != nil {
		value := m.Get(rest).Bytes()
		for name := range wirejson.Names(value) {
			f := fields.ByJSONName(name)
			if f != nil && f != rest && (m.Has(f) || !f.HasPresence() && !f.IsMap()) {
				_, value, _ = wirejson.Take(value, name)
				r.ledger.Dropped(name, "Bedrock's member of that name is set otherwise")
				m.Set(rest, protoreflect.ValueOfBytes(value))
			}
		}
	}
	m.Range(func(f protoreflect.FieldDescriptor, v protoreflect.Value) bool {
		switch {
		case f.IsList() && f.Message() != nil:
			for i := range v.List().Len() {
				r.settle(v.List().Get(i).Message())
			}
		case !f.IsMap() && f.Message() != nil:
			r.settle(v.Message())
		}
		return true
	})
}

// graft is what of a rest of Bedrock's can stand in a message of the contract: members whose
// names the contract has for something else cannot.
func graft(m proto.Message, rest []byte) []byte {
	var out []byte
	for name := range wirejson.Names(rest) {
		if name == "type" || name == "role" || known(m, name) {
			continue
		}
		value, _ := wirejson.Get(rest, name)
		out = wirejson.Set(out, name, value)
	}
	return out
}

// handOn is [graft] with the notes that belong to it.
func (a *answering) handOn(path string, m proto.Message, rest []byte) []byte {
	if len(rest) == 0 {
		return nil
	}
	out := graft(m, rest)
	for name := range wirejson.Names(rest) {
		if _, stays := wirejson.Get(out, name); stays {
			a.ledger.Passed(translate.Path(path, name))
		} else {
			a.ledger.Dropped(translate.Path(path, name), "the name means something else here")
		}
	}
	return out
}

// merge puts the members of one rest behind those of another.
func merge(rest, more []byte) []byte {
	for name := range wirejson.Names(more) {
		value, _ := wirejson.Get(more, name)
		rest = wirejson.Set(rest, name, value)
	}
	return rest
}
