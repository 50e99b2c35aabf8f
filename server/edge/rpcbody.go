package edge

import (
	"context"
	"encoding/binary"
	"errors"
	"io"
	"net/http"
	"strings"

	"github.com/sluice-ai/sluice/server/fault"
)

// envelopeBytes is the prefix of a message in gRPC, gRPC-Web and Connect streams: a
// byte of flags and the length as a big-endian uint32.
const envelopeBytes = 5

// enveloped tells whether the messages of an RPC request have a length prefix. Only
// Connect's unary calls have none.
func enveloped(r *http.Request) bool {
	contentType := r.Header.Get("Content-Type")
	return strings.HasPrefix(contentType, "application/grpc") || strings.HasPrefix(contentType, "application/connect+")
}

// boundedRPCBody refuses a request that is too large or does not arrive before
// connect-go reads it, because connect-go's own refusal cannot carry our reason. What
// comes out of decompression is [boundedGzip]'s.
type boundedRPCBody struct {
	io.ReadCloser

	ctx       context.Context //nolint:containedctx // that of the call that the body belongs to
	limit     int64
	enveloped bool
	callID    string

	read    int64
	prefix  [envelopeBytes]byte
	refused *fault.Error
}

func (b *boundedRPCBody) Read(p []byte) (int, error) {
	if b.refused != nil {
		return 0, b.refusal()
	}
	n, err := b.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		b.refused = unreadable(b.ctx, err)
		return 0, b.refusal()
	}
	allowed := b.limit
	if b.enveloped {
		allowed += envelopeBytes
		for i := b.read; i < envelopeBytes && i-b.read < int64(n); i++ {
			b.prefix[i] = p[i-b.read]
		}
	}
	b.read += int64(n)
	switch {
	case b.enveloped && b.read >= envelopeBytes && b.announced() > b.limit:
		b.refused = tooLarge(b.announced(), b.limit)
	case b.read > allowed:
		b.refused = tooLarge(-1, b.limit)
	default:
		return n, err
	}
	return 0, b.refusal()
}

// refusal is the error that connect-go hands on as it is.
func (b *boundedRPCBody) refusal() error {
	failed := connectError(b.refused, b.callID)
	setHTTP(failed.Meta())(headerErrorReason, b.refused.Name())
	return failed
}

func (b *boundedRPCBody) announced() int64 { return int64(binary.BigEndian.Uint32(b.prefix[1:])) }
