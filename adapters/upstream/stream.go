package upstream

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// A connection is reused only when its answer was read to the end, which comes a
	// moment after the last event. The wait for it is bounded because the caller's
	// answer ends behind it.
	drainTimeout  = 25 * time.Millisecond
	maxDrainBytes = 4 << 10
)

// Stream is a successful answer that arrives in events. One goroutine uses it, and
// closes it.
type Stream struct {
	// Header holds the response headers that may reach the caller.
	Header adapters.Header

	x      *exchange
	events *EventReader
}

func newStream(x *exchange) *Stream {
	x.most = x.client.maxStream
	return &Stream{Header: x.header, x: x, events: NewEventReader(x.body, x.client.maxEvent)}
}

// IsJSON tells whether the provider answers in one piece although a stream was
// asked for. [Stream.Answer] reads that.
func (s *Stream) IsJSON() bool {
	return strings.Contains(strings.ToLower(s.x.response.Header.Get("Content-Type")), "json")
}

// Answer reads an answer that is no stream. Call it instead of Next.
func (s *Stream) Answer() (*Answer, error) { return s.x.answer() }

// Next returns the next event. It returns [io.EOF] at the end of the stream, and
// [ErrIncomplete] with what arrived when that comes inside an event. All other
// errors are an [*adapters.Error] or the caller's context's.
func (s *Stream) Next() (Event, error) {
	event, err := s.events.Next()
	switch {
	case err == nil || err == io.EOF || err == ErrIncomplete: //nolint:errorlint // an EOF inside another error is a broken connection
		if err != nil && s.x.caller.Err() != nil {
			return Event{}, s.x.caller.Err()
		}
		event.Data = s.x.echo.clean(event.Data)
		return event, err
	case errors.Is(err, ErrEventTooLarge):
		return Event{}, s.x.protocol(fmt.Sprintf("an event of the provider's stream exceeds %d bytes", s.x.client.maxEvent), err)
	case errors.Is(err, ErrNoEvents):
		return Event{}, s.x.protocol("the provider's stream goes on with comments only", err)
	case errors.Is(err, errTooLong):
		return Event{}, s.x.protocol(fmt.Sprintf("the provider's stream exceeds %d bytes", s.x.client.maxStream), err)
	}
	return Event{}, s.x.lost(err, true)
}

// Ready tells whether the next event is here already, as far as can be seen cheaply.
func (s *Stream) Ready() bool { return s.events.Ready() }

// Drain reads what is behind the last event, so that the connection can serve
// another call. Call it when the dialect says that nothing follows.
func (s *Stream) Drain() {
	s.x.timer.Reset(drainTimeout)
	_, _ = io.CopyN(io.Discard, s.x.response.Body, maxDrainBytes)
	s.x.timer.Stop()
}

// Close ends the stream. When it was not read to its end, the provider's work on
// it ends too.
func (s *Stream) Close() { s.x.close() }
