package edge

import (
	"encoding/binary"
	"errors"
	"io"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// Flags of a message's prefix. Source: gRPC over HTTP/2, gRPC-Web and the Connect
// protocol, "Length-Prefixed-Message" and "Enveloped-Message".
const (
	flagCompressed  = 1
	flagWebTrailers = 0x80
)

// singleMessage refuses the body of a request that is not exactly one message with its
// prefix, before connect-go does so in words that cannot carry our reason. All methods
// take one message.
type singleMessage struct {
	io.ReadCloser

	call       *connectCall
	web        bool // gRPC-Web: trailers may follow
	compressed bool // the header names a compression

	prefix   [envelopeBytes]byte
	got      int   // of the prefix
	size     int64 // of the message
	left     int64 // of it
	whole    bool  // it has come
	trailers bool  // and these follow
}

// Read reads what the request holds.
func (m *singleMessage) Read(p []byte) (int, error) {
	if m.call.refused != nil {
		return 0, m.call.unread()
	}
	n, err := m.ReadCloser.Read(p)
	refused := m.follow(p[:n])
	if refused == nil && errors.Is(err, io.EOF) {
		refused = m.ended()
	}
	if refused == nil {
		return n, err
	}
	m.call.refused = refused
	return 0, m.call.unread()
}

// follow reads along.
func (m *singleMessage) follow(data []byte) *fault.Error {
	for len(data) > 0 && !m.trailers {
		if m.got == envelopeBytes {
			n := min(m.left, int64(len(data)))
			m.left, data = m.left-n, data[n:]
			m.full()
			continue
		}
		n := copy(m.prefix[m.got:], data)
		data = data[n:]
		if m.got == 0 {
			if refused := m.flags(m.prefix[0]); refused != nil || m.trailers {
				return refused
			}
		}
		if m.got += n; m.got == envelopeBytes {
			m.size = int64(binary.BigEndian.Uint32(m.prefix[1:]))
			m.left = m.size
			m.full()
		}
	}
	return nil
}

// full goes on to what follows a message that has come.
func (m *singleMessage) full() {
	if m.left == 0 {
		m.whole, m.got = true, 0
	}
}

func (m *singleMessage) flags(flags byte) *fault.Error {
	switch {
	case m.web && flags&flagWebTrailers != 0:
		m.trailers = true
		return nil
	case m.whole:
		return secondMessage()
	case flags&^flagCompressed != 0:
		return unknownFlags(flags)
	case flags&flagCompressed != 0 && !m.compressed:
		return unnamedCompression()
	}
	return nil
}

// ended tells whether the body may end here.
func (m *singleMessage) ended() *fault.Error {
	switch {
	case m.got == envelopeBytes:
		return fault.Invalid("", "message of %d bytes ends after %d", m.size, m.size-m.left)
	case m.got > 0:
		return fault.Invalid("", "message ends in its prefix, after %d bytes", m.got)
	case !m.whole:
		return noMessage()
	}
	return nil
}

// What every door of framed messages says of them. gRPC's word for a wrong number of
// messages is UNIMPLEMENTED.

func noMessage() *fault.Error {
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED, "request holds no message")
}

func secondMessage() *fault.Error {
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED, "request holds more than one message")
}

func unknownFlags(flags byte) *fault.Error {
	return fault.Invalid("", "message has the unknown flags %#x", flags)
}

func unnamedCompression() *fault.Error {
	return fault.Invalid("", "message says that it is compressed, and the header does not say how")
}
