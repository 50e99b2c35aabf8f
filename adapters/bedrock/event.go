package bedrock

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"

	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream"
	"github.com/aws/aws-sdk-go-v2/aws/protocol/eventstream/eventstreamapi"
)

const (
	// preludeBytes are the lengths of a message and of its headers, and their checksum.
	//
	// Source: Amazon Transcribe developer guide, "Event stream encoding".
	preludeBytes = 12
	// leastMessageBytes is a message without headers and payload: prelude and checksum.
	leastMessageBytes = preludeBytes + 4
	readAheadBytes    = 32 << 10
)

var (
	errTooLarge  = errors.New("an event of the provider's stream is too large")
	errBroken    = errors.New("the provider's stream ended inside an event")
	errMalformed = errors.New("an event of the provider's stream is damaged")
)

// event is a message of an event stream.
type event struct {
	// kind is "event", "exception" or "error", name which one, and message what an error
	// says beside its payload.
	kind, name, message string
	payload             []byte
}

// eventReader reads an event stream. The library reads messages; this bounds them, and
// tells where a stream ends.
type eventReader struct {
	source  *bufio.Reader
	limit   int64
	decoder *eventstream.Decoder
}

func newEventReader(source io.Reader, limit int64) *eventReader {
	return &eventReader{source: bufio.NewReaderSize(source, readAheadBytes), limit: limit, decoder: eventstream.NewDecoder()}
}

// next returns the next event. It returns [io.EOF] at the end of the stream. Errors that
// are not the source's wrap one of those above.
func (r *eventReader) next() (event, error) {
	prelude, err := r.source.Peek(preludeBytes)
	if err != nil {
		if err == io.EOF && len(prelude) > 0 { //nolint:errorlint // an EOF inside another error is a broken connection
			return event{}, errBroken
		}
		return event{}, err
	}
	// Checked first: a damaged length must not be waited for.
	if crc32.ChecksumIEEE(prelude[:8]) != binary.BigEndian.Uint32(prelude[8:]) {
		return event{}, fmt.Errorf("%w: the checksum of its lengths differs", errMalformed)
	}
	size := int64(binary.BigEndian.Uint32(prelude))
	switch {
	case size < leastMessageBytes:
		return event{}, fmt.Errorf("%w: its length is %d bytes", errMalformed, size)
	case size > r.limit:
		return event{}, fmt.Errorf("%w: %d bytes", errTooLarge, size)
	}
	// Memory is taken as bytes come, not on the word of a length.
	var message bytes.Buffer
	if n, err := io.CopyN(&message, r.source, size); err != nil {
		if err == io.EOF && n < size { //nolint:errorlint // as above
			return event{}, errBroken
		}
		return event{}, err
	}
	decoded, err := r.decoder.Decode(&message, nil)
	if err != nil {
		return event{}, fmt.Errorf("%w: %w", errMalformed, err)
	}
	return eventOf(decoded)
}

func eventOf(m eventstream.Message) (event, error) {
	header := func(name string) string {
		text, _ := m.Headers.Get(name).(eventstream.StringValue)
		return string(text)
	}
	e := event{kind: header(eventstreamapi.MessageTypeHeader), payload: m.Payload}
	switch e.kind {
	case eventstreamapi.ExceptionMessageType:
		e.name = header(eventstreamapi.ExceptionTypeHeader)
	case eventstreamapi.ErrorMessageType:
		e.name, e.message = header(eventstreamapi.ErrorCodeHeader), header(eventstreamapi.ErrorMessageHeader)
	case eventstreamapi.EventMessageType:
		e.name = header(eventstreamapi.EventTypeHeader)
	default:
		return event{}, fmt.Errorf("%w: it is neither event, exception nor error", errMalformed)
	}
	return e, nil
}

// ready tells whether the next event is here already.
func (r *eventReader) ready() bool {
	if r.source.Buffered() < preludeBytes {
		return false
	}
	prelude, err := r.source.Peek(preludeBytes)
	return err == nil && int64(r.source.Buffered()) >= int64(binary.BigEndian.Uint32(prelude))
}
