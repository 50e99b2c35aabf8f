package edge

import (
	"errors"
	"fmt"
	"io"
	"sync"

	"github.com/grpc-ecosystem/grpc-gateway/v2/runtime"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/server/fault"
)

// wireMarshaler gives grpc-gateway OpenAI's JSON. It works for [exchange] alone.
type wireMarshaler struct{}

// ContentType returns JSON's.
func (wireMarshaler) ContentType(any) string { return contentTypeJSON }

// Marshal encodes an answer into a pooled buffer, which [exchange.send] releases.
func (wireMarshaler) Marshal(v any) ([]byte, error) {
	m, ok := v.(wirejson.Message)
	if !ok {
		return nil, fmt.Errorf("%T has no JSON", v)
	}
	return wirejson.Append(buffer(), m), nil
}

// NewDecoder returns the decoder of a request's body.
func (wireMarshaler) NewDecoder(r io.Reader) runtime.Decoder {
	if held, ok := r.(heldBody); ok {
		return held
	}
	return runtime.DecoderFunc(func(any) error { return errUnused })
}

// Unmarshal is not used by generated code.
func (wireMarshaler) Unmarshal([]byte, any) error { return errUnused }

// NewEncoder is not used by unary calls.
func (wireMarshaler) NewEncoder(io.Writer) runtime.Encoder {
	return runtime.EncoderFunc(func(any) error { return errUnused })
}

var errUnused = errors.New("not a way of this door")

// errStreamed leaves grpc-gateway, which has no event streams, for [failExchange].
var errStreamed = errors.New("the body asks for a stream")

// heldBody is a request's body that has been read already.
type heldBody struct{ *exchange }

// Read has nothing: [heldBody.Decode] takes the bytes as they are.
func (heldBody) Read([]byte) (int, error) { return 0, io.EOF }

// Close does nothing.
func (heldBody) Close() error { return nil }

// Decode reads the body into an empty message. Generated code keeps only the text of
// an error, so the fault stays in the exchange.
func (b heldBody) Decode(v any) error {
	m, ok := v.(wirejson.Message)
	if !ok {
		return fmt.Errorf("%T has no JSON", v)
	}
	if err := wirejson.Unmarshal(b.body, m, wirejson.Options{MaxDepth: b.door.config.MaxDepth}); err != nil {
		b.refused = notDecoded(err)
		return err
	}
	if req, ok := v.(*sluicev1.ChatCompletionRequest); ok && b.endpoint.stream {
		streamed, f := takeStream(req)
		if f != nil {
			b.refused = f
			return f
		}
		if streamed {
			b.streamed = req
			return errStreamed
		}
	}
	return nil
}

// takeStream tells whether the body asked for events. The member then leaves the
// message: it says which method is meant, not what. "stream": false stays, as the
// caller sent it.
func takeStream(req *sluicev1.ChatCompletionRequest) (bool, *fault.Error) {
	if req.Rest == nil {
		return false, nil
	}
	value, ok := wirejson.Get(req.Rest, "stream")
	if ok {
		times := 0
		for name := range wirejson.Names(req.Rest) {
			if name == "stream" {
				times++
			}
		}
		if times > 1 {
			return false, fault.Invalid("stream", "stream: duplicate member")
		}
	}
	switch {
	case !ok || string(value) == "false" || string(value) == "null":
		return false, nil
	case string(value) == "true":
		_, req.Rest, _ = wirejson.Take(req.Rest, "stream")
		return true, nil
	}
	return false, fault.Invalid("stream", "stream: expected true or false")
}

func notDecoded(err error) *fault.Error {
	var at *wirejson.Error
	if !errors.As(err, &at) {
		return internal(err)
	}
	if at.Path == "" {
		return fault.Invalid("", "request body: %s", at.Error())
	}
	return fault.Invalid(at.Path, "%s", at.Error())
}

// maxPooledBytes bounds what a buffer keeps between uses: few answers are longer.
const maxPooledBytes = 64 << 10

var buffers = sync.Pool{New: func() any { return new([]byte) }}

// buffer returns an empty buffer. Give what became of it to [release].
func buffer() []byte { return (*buffers.Get().(*[]byte))[:0] }

func release(b []byte) {
	if cap(b) == 0 || cap(b) > maxPooledBytes {
		return
	}
	buffers.Put(&b)
}
