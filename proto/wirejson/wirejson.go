// Package wirejson is the runtime of the codecs that protoc-gen-go-wirejson
// generates: proto messages as the JSON of somebody else's API, in one pass,
// without reflection. What a message looks like as JSON is said by the options in
// options.proto.
//
// Decoding loses nothing. A member that no field describes, or whose value its
// field cannot hold, goes verbatim into the message's rest and is written back by
// the encoder; see FieldRules.rest in options.proto for the one reserved name,
// "$absent".
//
// The package knows JSON's grammar and these options. It must never know an API.
package wirejson

import (
	"bytes"
	"sync"
)

// DefaultMaxDepth is the nesting of arrays and objects that a document may have
// when [Options] says nothing. Real requests stay below 50: JSON Schemas nest
// deepest.
const DefaultMaxDepth = 512

// Message is implemented by generated code.
type Message interface {
	// AppendWireJSON appends the message as JSON. It allocates only to grow b. A nil
	// message is {}, as a bare list [], as a bare union null.
	AppendWireJSON(b []byte) []byte
	// DecodeWireJSON reads one JSON value into the message, which must be empty. It
	// reports whether it did; the decoder knows why not.
	DecodeWireJSON(d *Decoder) bool
	// CheckWireJSON tells whether the message, as a gRPC caller sent it, can be
	// written as JSON that says the same: see [Check].
	CheckWireJSON(c *Checker) bool
}

// Options of [Unmarshal]. The zero value is strict with the default depth.
type Options struct {
	// MaxDepth bounds the nesting of the whole document, raw values included. 0 means
	// DefaultMaxDepth.
	MaxDepth int
	// Lenient is for answers of providers: a known member whose JSON kind does not
	// fit its field rides in the rest instead of being an error.
	Lenient bool
}

var decoders = sync.Pool{New: func() any { return new(Decoder) }}

// Unmarshal reads one JSON document into m, which must be empty. Errors are
// [*Error].
//
// m keeps references into data: the caller must not change or reuse it
// afterwards. After an error m holds a part of the document.
func Unmarshal(data []byte, m Message, o Options) error {
	d := decoders.Get().(*Decoder)
	d.reset(data, o)
	var err error
	if !d.document(m) {
		err = d.failure()
	}
	d.release()
	return err
}

// Append appends m as JSON to b.
func Append(b []byte, m Message) []byte { return m.AppendWireJSON(b) }

// buffers for Marshal, which does not know how long a document gets.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

const maxPooledBytes = 1 << 20

// Marshal returns m as JSON, in a slice of its own.
func Marshal(m Message) []byte {
	buffer := buffers.Get().(*[]byte)
	b := m.AppendWireJSON((*buffer)[:0])
	out := bytes.Clone(b)
	if cap(b) <= maxPooledBytes {
		*buffer = b
		buffers.Put(buffer)
	}
	return out
}
