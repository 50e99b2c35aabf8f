package edge

import (
	"compress/gzip"
	"io"

	"connectrpc.com/connect"
)

// boundedGzip decompresses up to a limit and one byte more, and then says that it is
// the end: the codec behind it sees what is too large and refuses it with our reason.
// connect-go would decompress all the rest, to tell its size.
type boundedGzip struct {
	gzip.Reader

	limit, left int64
}

var _ connect.Decompressor = (*boundedGzip)(nil)

func withBoundedGzip(limit int64) connect.HandlerOption {
	return connect.WithCompression("gzip",
		func() connect.Decompressor { return &boundedGzip{limit: limit} },
		func() connect.Compressor { return gzip.NewWriter(io.Discard) })
}

// Reset begins with the next message.
func (z *boundedGzip) Reset(from io.Reader) error {
	z.left = z.limit + 1
	return z.Reader.Reset(from)
}

// Read decompresses.
func (z *boundedGzip) Read(p []byte) (int, error) {
	if z.left == 0 {
		return 0, io.EOF
	}
	n, err := z.Reader.Read(p[:min(int64(len(p)), z.left)])
	z.left -= int64(n)
	return n, err
}
