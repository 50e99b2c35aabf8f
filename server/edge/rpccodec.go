package edge

import (
	"bytes"
	"crypto/rand"
	"errors"
	"fmt"

	"connectrpc.com/connect"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/encoding/protowire"
	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// connect-go refuses a request that it cannot read before any interceptor runs, and
// without the details that every error of ours has. So its codecs are replaced by ones
// that never fail to read: what was wrong rides in the message, see [undecoded], and
// the interceptor refuses the call.

// protoCodec is binary protobuf. MarshalAppend is what connect-go looks for to save a
// copy.
type protoCodec struct {
	// limit bounds a message that was compressed: see [boundedGzip].
	limit int64
}

var _ connect.Codec = protoCodec{}

// Name returns the content subtype.
func (protoCodec) Name() string { return "proto" }

// Marshal encodes a message.
func (c protoCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend encodes a message behind dst.
func (protoCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	m, err := message(v)
	if err != nil {
		return nil, err
	}
	return proto.MarshalOptions{}.MarshalAppend(dst, m)
}

// Unmarshal reads a message, or makes it one that [undecoded] knows.
func (c protoCodec) Unmarshal(data []byte, v any) error {
	m, err := message(v)
	switch {
	case err != nil:
		return err
	case notUnpacked(data):
		markUndecoded(m, brokenGzip())
	case int64(len(data)) > c.limit:
		markUndecoded(m, tooLarge(-1, c.limit))
	case proto.Unmarshal(data, m) != nil: // its text says nothing that helps
		markUndecoded(m, fault.Invalid("", notProtobuf))
	}
	return nil
}

// notProtobuf is what the doors of protobuf say to bytes that are none.
const notProtobuf = "request is no valid protobuf message of its type"

// jsonCodec is proto3 JSON under one of its names.
type jsonCodec struct {
	name  string
	limit int64 // see [protoCodec]
}

var _ connect.Codec = jsonCodec{}

// Name returns the content subtype.
func (c jsonCodec) Name() string { return c.name }

// Marshal encodes a message.
func (c jsonCodec) Marshal(v any) ([]byte, error) { return c.MarshalAppend(nil, v) }

// MarshalAppend encodes a message behind dst.
func (jsonCodec) MarshalAppend(dst []byte, v any) ([]byte, error) {
	m, err := message(v)
	if err != nil {
		return nil, err
	}
	return protojson.MarshalOptions{}.MarshalAppend(dst, m)
}

// Unmarshal reads a message, or makes it one that [undecoded] knows.
func (c jsonCodec) Unmarshal(data []byte, v any) error {
	m, err := message(v)
	switch {
	case err != nil:
		return err
	case notUnpacked(data):
		markUndecoded(m, brokenGzip())
		return nil
	case int64(len(data)) > c.limit:
		markUndecoded(m, tooLarge(-1, c.limit))
		return nil
	case len(data) == 0:
		markUndecoded(m, emptyBody())
		return nil
	}
	// connect-go's own codec skips what it does not know: a misspelt member, or OpenAI's
	// form of a message, would be lost without a word.
	if err := protojson.Unmarshal(data, m); err != nil {
		markUndecoded(m, fault.Invalid("", "request is no valid JSON of its message: %s", jsonFailure(err)))
	}
	return nil
}

func message(v any) (proto.Message, error) {
	m, ok := v.(proto.Message)
	if !ok {
		return nil, fmt.Errorf("%T is no protobuf message", v)
	}
	return m, nil
}

// The mark of a message that could not be read is an unknown field of the highest number
// with a secret in front of the reason and its text, which no caller can send.
var (
	markTag    = protowire.AppendTag(nil, protowire.MaxValidNumber, protowire.BytesType)
	markSecret = []byte(rand.Text())
)

func markUndecoded(m proto.Message, f *fault.Error) {
	why := protowire.AppendVarint(bytes.Clone(markSecret), uint64(f.Reason))
	why = append(why, f.Message()...)
	proto.Reset(m)
	m.ProtoReflect().SetUnknown(protowire.AppendBytes(bytes.Clone(markTag), why))
}

// undecoded returns why a request could not be read, nil when it was.
func undecoded(v any) *fault.Error {
	m, ok := v.(proto.Message)
	if !ok {
		return nil
	}
	mark, ok := bytes.CutPrefix(m.ProtoReflect().GetUnknown(), markTag)
	if !ok {
		return nil
	}
	value, n := protowire.ConsumeBytes(mark)
	if n < 0 {
		return nil
	}
	why, ok := bytes.CutPrefix(value, markSecret)
	if !ok {
		return nil
	}
	reason, n := protowire.ConsumeVarint(why)
	if n < 0 {
		return nil
	}
	return fault.New(sluicev1.ErrorReason(reason), "%s", why[n:]).WithCause(errUndecoded)
}

var errUndecoded = errors.New("request could not be decoded")
