package edge

import (
	"bytes"
	"compress/gzip"
	"crypto/rand"
	"errors"
	"io"

	"connectrpc.com/connect"

	"github.com/sluice-ai/sluice/server/fault"
)

// boundedGzip decompresses up to a limit and one byte more, and then says that it is
// the end: the codec behind it sees what is too large and refuses it with our reason.
// connect-go would decompress all the rest, to tell its size.
//
// Nor does it fail: connect-go's own refusal cannot carry our reason either. What is no
// gzip ends in [gzipMark], which the codecs know.
type boundedGzip struct {
	gzip.Reader

	limit, left int64
	broken      bool
	mark        []byte // what is to be read of it
}

var _ connect.Decompressor = (*boundedGzip)(nil)

// gzipMark is a secret, so that no caller can send it.
var gzipMark = []byte(rand.Text())

// maxUnpackedBytes is what comes out of [boundedGzip] at most, for a limit.
func maxUnpackedBytes(limit int64) int64 { return limit + 1 + int64(len(gzipMark)) }

// notUnpacked tells whether a message came out of a gzip that broke off.
func notUnpacked(data []byte) bool { return bytes.HasSuffix(data, gzipMark) }

func brokenGzip() *fault.Error {
	return fault.Invalid("", "request is compressed, but not whole and valid gzip")
}

func withBoundedGzip(limit int64) connect.HandlerOption {
	return connect.WithCompression("gzip",
		func() connect.Decompressor { return &boundedGzip{limit: limit} },
		func() connect.Compressor { return gzip.NewWriter(io.Discard) })
}

// Reset begins with the next message.
func (z *boundedGzip) Reset(from io.Reader) error {
	z.left, z.broken, z.mark = z.limit+1, false, nil
	if z.Reader.Reset(from) != nil {
		z.breaks()
	}
	return nil
}

func (z *boundedGzip) breaks() { z.broken, z.mark = true, gzipMark }

// Read decompresses.
func (z *boundedGzip) Read(p []byte) (int, error) {
	if z.broken {
		n := copy(p, z.mark)
		if z.mark = z.mark[n:]; len(z.mark) == 0 {
			return n, io.EOF
		}
		return n, nil
	}
	if z.left == 0 {
		return 0, io.EOF
	}
	n, err := z.Reader.Read(p[:min(int64(len(p)), z.left)])
	z.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		z.breaks()
		return n, nil
	}
	return n, err
}

// Close ends a message. There is nothing to close in a reader that never opened.
func (z *boundedGzip) Close() error {
	if z.broken {
		return nil
	}
	return z.Reader.Close()
}
