package sandbox

import (
	"crypto/sha256"
	"encoding/binary"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// digest stands for a request: whatever has to differ between requests and agree
// between equal ones is derived from it.
type digest [sha256.Size]byte

// digestOf digests a request to a model. The caller's own name of the model, the
// options of the stream and members that nobody knows are left out, so that an
// alias, a stream and a unary call get the same answer.
func digestOf(req proto.Message, model string) digest {
	from := req.ProtoReflect()
	kept := from.New()
	from.Range(func(field protoreflect.FieldDescriptor, value protoreflect.Value) bool {
		switch field.Name() {
		case "model", "stream_options", "rest":
		default:
			kept.Set(field, value)
		}
		return true
	})
	encoded, err := proto.MarshalOptions{Deterministic: true}.Marshal(kept.Interface())
	if err != nil {
		// Only invalid UTF-8, which no door lets in. The answer needs no digest.
		encoded = nil
	}
	h := sha256.New()
	h.Write([]byte(model))
	h.Write([]byte{0})
	h.Write(encoded)
	return digest(h.Sum(nil))
}

const idAlphabet = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"

// id returns prefix and n (at most 32) letters and digits, different for each
// ordinal and prefix.
func (d digest) id(prefix string, ordinal, n int) string {
	sum := d.derive(prefix, ordinal)
	b := make([]byte, 0, len(prefix)+n)
	b = append(b, prefix...)
	for _, c := range sum[:n] {
		b = append(b, idAlphabet[int(c)%len(idAlphabet)])
	}
	return string(b)
}

// derive returns bytes for one purpose of the request.
func (d digest) derive(purpose string, ordinal int) digest {
	b := make([]byte, 0, len(d)+len(purpose)+8)
	b = append(b, d[:]...)
	b = append(b, purpose...)
	b = binary.BigEndian.AppendUint64(b, uint64(ordinal))
	return sha256.Sum256(b)
}

// number returns the first eight bytes as a number.
func (d digest) number() uint64 { return binary.BigEndian.Uint64(d[:]) }

// hash64 is FNV-1a over a text, inlined because answers hash every token.
func hash64(seed uint64, s string) uint64 {
	h := seed ^ 14695981039346656037
	for i := range len(s) {
		h ^= uint64(s[i])
		h *= 1099511628211
	}
	return mix64(h)
}

// mix64 spreads the bits of x (the finaliser of splitmix64).
func mix64(x uint64) uint64 {
	x ^= x >> 30
	x *= 0xbf58476d1ce4e5b9
	x ^= x >> 27
	x *= 0x94d049bb133111eb
	return x ^ x>>31
}
