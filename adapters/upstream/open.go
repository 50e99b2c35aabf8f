package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"

	"github.com/sluice-ai/sluice/adapters"
)

// Body is a successful answer whose framing the adapter reads itself. One goroutine uses
// it, and closes it.
type Body struct {
	// Header holds the response headers that may reach the caller.
	Header adapters.Header

	x *exchange
}

// Open sends a request and returns as soon as a successful answer begins, for streams that
// are not server-sent events. The caller closes the body. Errors are as for
// [Client.Stream].
func (c *Client) Open(ctx context.Context, r *Request) (*Body, error) {
	x, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := x.refuseDocument(); err != nil {
		x.close()
		return nil, err
	}
	x.most = c.maxStream
	return &Body{Header: x.header, x: x}, nil
}

// Read implements [io.Reader]. It returns [io.EOF] at the end of the body. All other
// errors are an [*adapters.Error] or the caller's context's.
func (b *Body) Read(p []byte) (int, error) {
	n, err := b.x.body.Read(p)
	switch {
	case err == nil:
		return n, nil
	case err == io.EOF:
		if left := b.x.caller.Err(); left != nil {
			return n, left
		}
		return n, io.EOF
	case errors.Is(err, errTooLong):
		return n, b.x.protocol(fmt.Sprintf("the provider's stream exceeds %d bytes", b.x.client.maxStream), err)
	}
	return n, b.x.lost(err, true)
}

// MaxEventBytes bounds one event of a stream.
func (b *Body) MaxEventBytes() int64 { return b.x.client.maxEvent }

// Clean returns a whole event's data without the credential of the request.
func (b *Body) Clean(data []byte) []byte { return b.x.echo.clean(data) }

// Protocol is [Client.Protocol] with what is known of this answer.
func (b *Body) Protocol(message string, cause error) error { return b.x.protocol(message, cause) }

// Drain reads what is behind the last event, as [Stream.Drain] does.
func (b *Body) Drain() { (&Stream{x: b.x}).Drain() }

// Close ends the answer. When it was not read to its end, the provider's work on it ends
// too.
func (b *Body) Close() { b.x.close() }
