package upstream

import (
	"bytes"
	"errors"
	"io"
	"testing"
)

// FuzzEvents reads any bytes in pieces of any sizes under a small limit: the events are
// those that one piece gives, and what the reader keeps is bounded by the limit,
// whatever the stream.
func FuzzEvents(f *testing.F) {
	for _, c := range eventCases {
		f.Add([]byte(c.stream), []byte{1, 2, 0, 7}, uint16(64))
	}
	long := bytes.Repeat([]byte("x"), 300)
	for _, begin := range []string{"data: ", ": ", "id: ", "event: ", "retry: ", "unknown", "data: a\ndata: "} {
		stream := append(append([]byte(begin), long...), "\n\ndata: b\n\n"...)
		f.Add(stream, []byte{255, 1}, uint16(100))
		f.Add(stream, []byte{}, uint16(1000))
	}
	f.Fuzz(func(t *testing.T, stream, sizes []byte, limit uint16) {
		bound := int64(limit)%2048 + 1
		want, wantEnd := boundedEvents(t, bytes.NewReader(stream), bound)
		got, end := boundedEvents(t, &pieces{rest: stream, sizes: sizes}, bound)
		if !errors.Is(end, wantEnd) && (!errors.Is(end, ErrEventTooLarge) || !errors.Is(wantEnd, ErrEventTooLarge)) {
			t.Errorf("ended with %v, want %v", end, wantEnd)
		}
		compareEvents(t, "pieces", got, want)
	})
}

// boundedEvents reads to the end and looks at what the reader keeps meanwhile.
func boundedEvents(t *testing.T, source io.Reader, limit int64) (events []Event, err error) {
	t.Helper()
	r := NewEventReader(source, limit)
	for {
		event, err := r.Next()
		if most := max(eventBufferBytes, 4*int(limit)); cap(r.buf) > most {
			t.Fatalf("a buffer of %d bytes with a limit of %d", cap(r.buf), limit)
		}
		if int64(len(event.Data)) > limit || int64(len(event.Name)) > limit {
			t.Fatalf("an event of %d bytes with a limit of %d", len(event.Data), limit)
		}
		if err != nil {
			return events, err
		}
		events = append(events, event)
	}
}

// pieces gives a stream in pieces of the given sizes, again and again; size 0 gives
// nothing, once in a row. Without sizes all comes at once.
type pieces struct {
	rest, sizes []byte
	at          int
	gaveNothing bool
}

func (p *pieces) Read(buf []byte) (int, error) {
	if len(p.rest) == 0 {
		return 0, io.EOF
	}
	size := len(p.rest)
	if len(p.sizes) > 0 {
		size = int(p.sizes[p.at%len(p.sizes)])
		p.at++
	}
	if size == 0 && !p.gaveNothing {
		p.gaveNothing = true
		return 0, nil
	}
	p.gaveNothing = false
	n := copy(buf, p.rest[:min(max(size, 1), len(p.rest))])
	p.rest = p.rest[n:]
	return n, nil
}
