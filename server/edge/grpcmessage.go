package edge

import (
	"context"
	"encoding/binary"
	"errors"
	"io"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/encoding/gzip"
	encodingproto "google.golang.org/grpc/encoding/proto"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/status"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// messageStream is what grpc-go's transport offers below [grpc.ServerStream]. The latter
// would not do: a message that is too large or does not arrive it answers by itself, in
// words that cannot carry our reason. The tests tell when grpc-go has it no more.
type messageStream interface {
	ReadMessageHeader(header []byte) error
	Read(n int) (mem.BufferSlice, error)
	RecvCompress() string
}

var protobuf = encoding.GetCodecV2(encodingproto.Name)

// RecvMsg reads the request: all methods take one message.
func (s *grpcCall) RecvMsg(message any) error {
	s.refused = s.receive(message)
	s.watch.wait(working)
	if s.refused != nil {
		return s.refused
	}
	return nil
}

func (s *grpcCall) receive(message any) *fault.Error {
	stream, ok := grpc.ServerTransportStreamFromContext(s.ctx).(messageStream)
	if !ok {
		return internal(errNoMessageStream)
	}
	var prefix [envelopeBytes]byte
	if err := stream.ReadMessageHeader(prefix[:]); errors.Is(err, io.EOF) {
		return noMessage()
	} else if err != nil {
		return s.notReceived(err)
	}
	size := int64(binary.BigEndian.Uint32(prefix[1:]))
	if size > s.limit {
		return tooLarge(size, s.limit)
	}
	data, err := stream.Read(int(size))
	if err != nil {
		return s.notReceived(err)
	}
	defer func() { data.Free() }()
	switch encoded := stream.RecvCompress(); {
	case prefix[0] == 0:
	case prefix[0] != flagCompressed:
		return unknownFlags(prefix[0])
	case encoded != gzip.Name: // others are refused before
		return unnamedCompression()
	default:
		unpacked, f := s.unpack(data)
		if f != nil {
			return f
		}
		data.Free()
		data = unpacked
	}
	switch err := stream.ReadMessageHeader(prefix[:1]); {
	case err == nil:
		return secondMessage()
	case !errors.Is(err, io.EOF):
		return s.notReceived(err)
	}
	if err := protobuf.Unmarshal(data, message); err != nil {
		return fault.Invalid("", notProtobuf).WithCause(err)
	}
	return nil
}

var errNoMessageStream = errors.New("grpc-go's stream does not let messages be read")

// unpack returns the message that was compressed.
func (s *grpcCall) unpack(packed mem.BufferSlice) (mem.BufferSlice, *fault.Error) {
	from := packed.Reader()
	defer from.Close() //nolint:errcheck // memory
	reader, err := encoding.GetCompressor(gzip.Name).Decompress(from)
	if err != nil {
		return nil, brokenGzip().WithCause(err)
	}
	unpacked, err := mem.ReadAll(io.LimitReader(reader, s.limit+1), mem.DefaultBufferPool())
	switch {
	case err != nil:
		unpacked.Free()
		return nil, brokenGzip().WithCause(err)
	case int64(unpacked.Len()) > s.limit:
		unpacked.Free()
		return nil, tooLarge(-1, s.limit)
	}
	return unpacked, nil
}

// notReceived explains why a message did not arrive.
func (s *grpcCall) notReceived(err error) *fault.Error {
	switch {
	case s.watch.tooLate():
		return tooSlow().WithCause(err)
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return fault.Invalid("", "request's message broke off before its end").WithCause(err)
	case status.Code(err) == codes.Canceled:
		return fault.From(context.Canceled)
	case status.Code(err) == codes.DeadlineExceeded:
		return fault.From(context.DeadlineExceeded)
	}
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, "request could not be read").WithCause(err)
}
