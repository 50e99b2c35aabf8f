package wirejson_test

import (
	"fmt"
	"math"
	"math/rand/v2"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	wirejsonpb "github.com/sluice-ai/sluice/gen/go/wirejson"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// filler makes random messages of those values that JSON gives back: not an unset
// bare union, an empty optional list, or a raw alternative that another takes.
type filler struct{ *rand.Rand }

func (f filler) text() string {
	pieces := []string{"", "a", "\"", "\\", "\n", "\x00", "\x1f", "\u2028", "<&>", "é", "東京", "🙂", "\x7f", strings.Repeat("long ", 9)}
	var b strings.Builder
	for range f.IntN(5) {
		b.WriteString(pieces[f.IntN(len(pieces))])
	}
	return b.String()
}

func (f filler) double() float64 {
	switch f.IntN(4) {
	case 0:
		return float64(f.IntN(2000) - 1000)
	case 1:
		return float64(float32(f.NormFloat64()))
	case 2:
		return math.Copysign(0, -1)
	}
	for {
		if v := math.Float64frombits(f.Uint64()); !math.IsNaN(v) && !math.IsInf(v, 0) {
			return v
		}
	}
}

func (f filler) raw() []byte {
	values := []string{`{"b":1,"a":[1.0,2e5]}`, `[null, "x\ud800"]`, `"text"`, `12345678901234567890`, `true`, `{ }`}
	return []byte(values[f.IntN(len(values))])
}

func (f filler) fill(m protoreflect.Message, depth int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		fd := fields.Get(i)
		if o := fd.ContainingOneof(); o != nil && !o.IsSynthetic() {
			continue
		}
		rules := proto.GetExtension(fd.Options(), wirejsonpb.E_Field).(*wirejsonpb.FieldRules)
		switch {
		case rules.GetRest():
			if f.IntN(4) == 0 {
				m.Set(fd, protoreflect.ValueOfBytes(fmt.Appendf(nil, `{"x_%d":%s,"x":null}`, f.IntN(9), f.raw())))
			}
		case fd.IsMap():
			for range f.IntN(4) {
				m.Mutable(fd).Map().Set(protoreflect.ValueOfString(f.text()).MapKey(), f.scalar(fd.MapValue(), rules))
			}
		case fd.IsList():
			list := m.Mutable(fd).List()
			for range f.IntN(4) {
				if fd.Kind() == protoreflect.MessageKind {
					f.fill(list.AppendMutable().Message(), depth+1)
				} else {
					list.Append(f.scalar(fd, rules))
				}
			}
		case fd.HasPresence() && f.IntN(2) == 0:
		case fd.Kind() == protoreflect.MessageKind:
			f.fill(m.Mutable(fd).Message(), depth+1)
		default:
			m.Set(fd, f.scalar(fd, rules))
		}
	}
	oneofs := m.Descriptor().Oneofs()
	for i := range oneofs.Len() {
		o := oneofs.Get(i)
		bare := proto.GetExtension(m.Descriptor().Options(), wirejsonpb.E_Message).(*wirejsonpb.MessageRules).GetBare()
		if o.IsSynthetic() || !bare && f.IntN(4) == 0 {
			continue
		}
		fd := o.Fields().Get(f.IntN(o.Fields().Len()))
		rules := proto.GetExtension(fd.Options(), wirejsonpb.E_Field).(*wirejsonpb.FieldRules)
		switch {
		case rules.GetRaw(): // of a form that no alternative takes
			m.Set(fd, protoreflect.ValueOfBytes([]byte(`[{"type":"alien","role":"alien","a": 1}, 7.5]`)))
		case fd.Kind() == protoreflect.MessageKind:
			f.fill(m.Mutable(fd).Message(), depth+1)
			if fd.Message().Name() == "TokenLists" || fd.Message().Name() == "TokenList" {
				// An empty array is an empty list of texts.
				list := m.Mutable(fd).Message().Mutable(fd.Message().Fields().Get(0)).List()
				for list.Len() == 0 {
					if fd.Message().Name() == "TokenLists" {
						list.AppendMutable()
					} else {
						list.Append(protoreflect.ValueOfInt64(1))
					}
				}
			}
		default:
			m.Set(fd, f.scalar(fd, rules))
		}
	}
}

func (f filler) scalar(fd protoreflect.FieldDescriptor, rules *wirejsonpb.FieldRules) protoreflect.Value {
	switch fd.Kind() {
	case protoreflect.StringKind:
		return protoreflect.ValueOfString(f.text())
	case protoreflect.BoolKind:
		return protoreflect.ValueOfBool(f.IntN(2) == 0)
	case protoreflect.Int32Kind:
		return protoreflect.ValueOfInt32(int32(f.Uint32()))
	case protoreflect.Int64Kind:
		return protoreflect.ValueOfInt64(int64(f.Uint64() >> f.IntN(64)))
	case protoreflect.DoubleKind:
		return protoreflect.ValueOfFloat64(f.double())
	case protoreflect.BytesKind:
		return protoreflect.ValueOfBytes(f.raw())
	default:
		panic("no value for " + string(fd.FullName()))
	}
}

func TestRandom_messages_come_back(t *testing.T) {
	const rounds = 400
	for kind, empty := range messages {
		f := filler{rand.New(rand.NewPCG(1, 2))}
		for range rounds {
			want, got := empty(), empty()
			f.fill(want.(proto.Message).ProtoReflect(), 0)
			if err := wirejson.Check(want); err != nil {
				t.Fatalf("%s: %v\n%v", kind, err, want)
			}
			data := wirejson.Marshal(want)
			if err := wirejson.Unmarshal(data, got, wirejson.Options{}); err != nil {
				t.Fatalf("%s: %v\n%s", kind, err, data)
			}
			if !proto.Equal(want.(proto.Message), got.(proto.Message)) {
				t.Fatalf("%s\nwant %v\n got %v\n via %s", kind, want, got, data)
			}
		}
	}
}
