package upstream

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"
)

const (
	// eventBufferBytes holds a dozen usual chunks and is what an open stream costs.
	eventBufferBytes = 4 << 10
	// lineWindowBytes bounds how far a search for one kind of line end looks beyond
	// the other kind.
	lineWindowBytes = 256
	// aheadBytes is how far [EventReader.Ready] looks, which it does for each event: over a
	// buffer that grew with one large event, that would cost the square of it.
	aheadBytes = 4 << 10
	// maxIdleBytes bounds what says nothing between two events: comments, empty events and
	// fields that nobody reads. Servers send a comment every few seconds to keep a
	// connection open; as many as fit in here would last for days.
	maxIdleBytes = 1 << 20
)

// ErrIncomplete says that a stream ended inside an event.
var ErrIncomplete = errors.New("the stream ended inside an event")

// ErrEventTooLarge says that an event exceeds the limit of its reader.
var ErrEventTooLarge = errors.New("an event of the stream is too large")

// ErrNoEvents says that a stream goes on without an event.
var ErrNoEvents = errors.New("the stream goes on without an event")

// Event is one server-sent event.
type Event struct {
	// Name is the event's type. Empty when it has none, which means "message".
	Name string
	// ID is the last id that the stream gave, in this event or before.
	ID string
	// Data belongs to the receiver: the reader never writes to it again.
	Data []byte
}

// EventReader splits a stream into server-sent events as the WHATWG's HTML standard,
// "Server-sent events", says. One goroutine uses it.
//
// retry fields are skipped: a broken stream of a model cannot be resumed.
type EventReader struct {
	source io.Reader
	limit  int

	// buf holds what was read. Its bytes before pos are handed out and never written
	// again while an event is part of it: then a full buffer is left behind for a new one.
	buf []byte
	pos int
	// shared says that an event holds a part of buf.
	shared bool
	// searched is how far behind pos no line end is.
	searched int
	// err is what the source ended with.
	err error

	begun  bool // past the byte order mark
	skipLF bool // the last line ended in CR: a LF now belongs to it

	name    string
	id      string
	data    []byte
	hasData bool
	ownData bool // data is a buffer of its own, for several data lines
	size    int  // bytes of the event so far
	idle    int  // bytes since the last event that are not of this one
}

// NewEventReader reads events of at most limit bytes each from source.
func NewEventReader(source io.Reader, limit int64) *EventReader {
	return &EventReader{source: source, limit: int(limit)}
}

// Next returns the next event. It returns [io.EOF] at the end of the stream, and
// [ErrIncomplete] when that comes inside an event; the event then holds what
// arrived of it, for a caller that knows better. Any other error is the source's,
// or wraps [ErrEventTooLarge], or is [ErrNoEvents], behind a megabyte that holds none.
func (r *EventReader) Next() (Event, error) {
	for {
		line, err := r.line()
		if err == io.EOF { //nolint:errorlint // an EOF inside another error is a broken connection
			return r.end(line)
		}
		if err != nil {
			return Event{}, err
		}
		if len(line) > 0 {
			// Whatever the line says: how it was cut on its way must not decide.
			if r.size+len(line) > r.limit {
				return Event{}, r.tooLarge()
			}
			r.field(line)
			if r.idle > maxIdleBytes {
				return Event{}, ErrNoEvents
			}
			continue
		}
		if len(r.data) > 0 {
			r.idle = 0
		} else if r.idle += r.size + 1; r.idle > maxIdleBytes {
			return Event{}, ErrNoEvents
		}
		event, complete := r.event(), r.hasData
		r.reset()
		if complete {
			return event, nil
		}
	}
}

// Ready tells whether what was read already holds the end of another event, so that
// [EventReader.Next] will not wait. It may miss one, and take a comment for one.
func (r *EventReader) Ready() bool {
	ahead := r.buf[r.pos:min(r.pos+aheadBytes, len(r.buf))]
	return bytes.Contains(ahead, lfBlank) || bytes.Contains(ahead, crlfBlank)
}

var lfBlank, crlfBlank = []byte("\n\n"), []byte("\r\n\r\n")

func (r *EventReader) event() Event {
	return Event{Name: r.name, ID: r.id, Data: slices.Clip(r.data)}
}

func (r *EventReader) reset() {
	r.name, r.data, r.hasData, r.ownData, r.size = "", nil, false, false, 0
}

// end says how the stream ended, given the line that has no end.
func (r *EventReader) end(line []byte) (Event, error) {
	if len(line) > 0 && line[0] != ':' {
		r.field(line)
		event := r.event()
		r.reset()
		return event, ErrIncomplete
	}
	if !r.hasData && r.name == "" {
		return Event{}, io.EOF
	}
	event := r.event()
	r.reset()
	return event, ErrIncomplete
}

// field takes one line that is not empty.
func (r *EventReader) field(line []byte) {
	name, value, _ := bytes.Cut(line, []byte{':'})
	value = bytes.TrimPrefix(value, []byte{' '})
	switch string(name) {
	case "data":
		r.size += len(line)
		r.addData(value)
	case "event":
		r.size += len(line)
		r.name = string(value)
	case "id":
		r.idle += len(line) + 1
		if bytes.IndexByte(value, 0) < 0 {
			r.id = string(value)
		}
	default:
		r.idle += len(line) + 1
	}
}

func (r *EventReader) addData(value []byte) {
	if !r.hasData {
		r.data, r.hasData, r.shared = value, true, true
		return
	}
	if need := len(r.data) + 1 + len(value); !r.ownData || need > cap(r.data) {
		// The first line is a part of the buffer and has no room behind it.
		size := need
		if r.ownData {
			size = max(need, min(2*cap(r.data), r.limit))
		}
		r.data, r.ownData = append(make([]byte, 0, size), r.data...), true
	}
	r.data = append(append(r.data, '\n'), value...)
}

// line returns the next line without its end. At the end of the source it
// returns what is left, with io.EOF.
func (r *EventReader) line() ([]byte, error) {
	for {
		if !r.begin() {
			if err := r.fill(); err != nil {
				return r.rest(err)
			}
			continue
		}
		if i := lineEnd(r.buf[r.pos+r.searched:]); i >= 0 {
			end := r.pos + r.searched + i
			line := r.buf[r.pos:end:end]
			r.skipLF = r.buf[end] == '\r'
			r.pos, r.searched = end+1, 0
			return line, nil
		}
		r.searched = len(r.buf) - r.pos
		if r.size+r.searched > r.limit {
			return nil, r.tooLarge()
		}
		if err := r.fill(); err != nil {
			return r.rest(err)
		}
	}
}

func (r *EventReader) rest(err error) ([]byte, error) {
	if err != io.EOF { //nolint:errorlint // an EOF inside another error is a broken connection
		return nil, err
	}
	line := r.buf[r.pos:]
	if !r.begun && bytes.HasPrefix(byteOrderMark, line) && len(line) == len(byteOrderMark) {
		line = nil
	}
	r.pos, r.searched = len(r.buf), 0
	return line, io.EOF
}

var byteOrderMark = []byte("\xef\xbb\xbf")

// begin takes what is no part of a line: the byte order mark at the start, and
// the LF of a CRLF. It tells whether enough was read to know.
func (r *EventReader) begin() bool {
	ahead := r.buf[r.pos:]
	if !r.begun {
		if len(ahead) < len(byteOrderMark) && bytes.HasPrefix(byteOrderMark, ahead) {
			return false
		}
		r.begun = true
		if bytes.HasPrefix(ahead, byteOrderMark) {
			r.pos += len(byteOrderMark)
			ahead = r.buf[r.pos:]
		}
	}
	if r.skipLF {
		if len(ahead) == 0 {
			return false
		}
		r.skipLF = false
		if ahead[0] == '\n' {
			r.pos++
		}
	}
	return true
}

// fill reads once. It returns the source's error only when nothing was read.
func (r *EventReader) fill() error {
	if r.err != nil {
		return r.err
	}
	if len(r.buf) == cap(r.buf) {
		r.makeRoom()
	}
	for empty := 0; ; empty++ {
		n, err := r.source.Read(r.buf[len(r.buf):cap(r.buf)])
		r.buf = r.buf[:len(r.buf)+n]
		r.err = err
		switch {
		case n > 0:
			return nil
		case err != nil:
			return err
		case empty == 100:
			r.err = io.ErrNoProgress
			return r.err
		}
	}
}

// makeRoom makes a full buffer one that has room, the same if no event holds a part of it.
func (r *EventReader) makeRoom() {
	unread := len(r.buf) - r.pos
	if !r.shared && 2*unread <= cap(r.buf) && cap(r.buf) > 0 {
		r.buf, r.pos = r.buf[:copy(r.buf, r.buf[r.pos:])], 0
		return
	}
	size := eventBufferBytes
	for size < 2*unread {
		size *= 2
	}
	// A line that exceeds the limit is refused: room for it would be for nothing.
	if left := r.limit - r.size; left <= size && size > eventBufferBytes {
		size = left + lineWindowBytes
	}
	r.buf, r.pos, r.shared = append(make([]byte, 0, size), r.buf[r.pos:]...), 0, false
}

func (r *EventReader) tooLarge() error {
	return fmt.Errorf("%w: more than %d bytes", ErrEventTooLarge, r.limit)
}

// lineEnd returns the index of the first CR or LF, or -1. It looks in windows: a
// search for one of them over the whole buffer, for each line, would cost the
// square of its length in streams that use the other.
func lineEnd(b []byte) int {
	for offset := 0; offset < len(b); offset += lineWindowBytes {
		window := b[offset:min(offset+lineWindowBytes, len(b))]
		i := bytes.IndexByte(window, '\n')
		if i >= 0 {
			window = window[:i]
		}
		if j := bytes.IndexByte(window, '\r'); j >= 0 {
			return offset + j
		}
		if i >= 0 {
			return offset + i
		}
	}
	return -1
}
