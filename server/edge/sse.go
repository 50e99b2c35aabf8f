package edge

import (
	"bytes"
	"net/http"
	"sync"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/gateway"
)

// stream answers a chat call with server-sent events.
func (x *exchange) stream(req *sluicev1.ChatCompletionRequest) {
	s := &eventStream{x: x}
	s.start()
	defer s.stop()
	defer func() {
		if value := recover(); value != nil {
			s.fail(recovered(x.ctx, x.door.log, x.call, value))
		}
	}()
	if err := x.door.service.StreamChat(x.ctx, req, s.send); err != nil {
		s.fail(fault.From(err))
		return
	}
	s.done()
}

// eventStream writes events, and comments while there are none. Nothing is committed
// before the first of both, so that an error until then is a plain answer.
type eventStream struct {
	x *exchange

	mu     sync.Mutex // guards all below, and the response writer between start and stop
	open   bool       // status and headers are sent
	ended  bool       // nothing is written any more
	broken error      // the write that failed
	last   time.Time  // of the last write, or the start
	timer  *time.Timer
	held   []byte // events that wait for the next one, see hold
}

const (
	// maxHeld bounds the bytes of events that wait.
	maxHeld = 16 << 10
	// holdTime bounds how long an event waits for one that was said to be at hand.
	holdTime = 2 * time.Millisecond
)

// The pieces of the wire. Source: HTML standard, "Server-sent events"; OpenAI API
// reference, "Chat completions streaming", for [DONE].
const (
	eventStart = "data: "
	eventEnd   = "\n\n"
	eventDone  = "data: [DONE]\n\n"
	comment    = ": keep-alive\n\n"
)

func (s *eventStream) start() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.last = time.Now()
	s.timer = time.AfterFunc(s.x.door.config.KeepAliveUnopened, s.keepAlive)
}

// stop ends the writing. The response writer is free when it returns.
func (s *eventStream) stop() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ended = true
	s.timer.Stop()
	release(s.held) // none is left after a failed write, see flush
	s.held = nil
}

// send writes one chunk. Its error is CANCELED: nobody reads any more.
func (s *eventStream) send(chunk *sluicev1.ChatCompletionChunk) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		s.x.head(nil)
	}
	s.hold(chunk)
	if s.open && s.x.call.More && len(s.held) < maxHeld && s.broken == nil {
		s.timer.Reset(holdTime)
		return nil
	}
	if err := s.flush(); err != nil {
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_CANCELED, "the caller left or stopped reading").WithCause(err)
	}
	return nil
}

// done ends a stream that is whole.
func (s *eventStream) done() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.open {
		s.x.head(nil)
	}
	s.tellTranslation()
	s.held = append(s.held, eventDone...)
	_ = s.flush() // the caller left with all chunks
	s.ended = true
}

// tellTranslation puts an event with what became of members behind the others, for callers
// that asked for it. It is a chunk without choices, which clients skip. The caller holds the
// lock.
func (s *eventStream) tellTranslation() {
	t := s.x.call.Translation
	if t == nil || s.x.call.Value == nil || s.x.call.Value(gateway.HeaderTranslation) == "" {
		return
	}
	told := append([]byte(`{"sluice":{"translation":`), t.AppendWireJSON(nil)...)
	s.hold(&sluicev1.ChatCompletionChunk{
		Id: s.x.call.ID, Object: "chat.completion.chunk", Created: s.x.call.Start.Unix(), Rest: append(told, "}}"...),
	})
}

// fail ends a stream that is not whole: by an answer of its own while nothing is
// written, else by an error event, which the SDKs raise, and no [DONE].
func (s *eventStream) fail(f *fault.Error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended {
		return
	}
	s.ended = true
	if !s.open {
		s.x.fail(f)
		return
	}
	s.hold(f.Envelope)
	_ = s.flush() // the caller left
}

// hold puts an event behind those that wait. The caller holds the lock.
func (s *eventStream) hold(m wirejson.Message) {
	if s.held == nil {
		s.held = buffer()
	}
	s.held = append(s.held, eventStart...)
	start := len(s.held)
	s.held = wirejson.Append(s.held, m)
	oneLine(s.held[start:])
	s.held = append(s.held, eventEnd...)
}

// oneLine makes JSON fit into one data line. Raw parts keep the white space that they
// came with; a line end in JSON is never anything else.
func oneLine(json []byte) {
	for _, end := range []byte{'\n', '\r'} {
		for rest := json; ; {
			i := bytes.IndexByte(rest, end)
			if i < 0 {
				break
			}
			rest[i] = ' '
			rest = rest[i+1:]
		}
	}
}

// flush writes what waits. The caller holds the lock. The buffer of a failed write is
// left to the garbage collector: HTTP/2 may still be reading it.
func (s *eventStream) flush() error {
	if err := s.write(s.held); err != nil {
		s.held = nil
		return err
	}
	s.held = s.held[:0]
	return nil
}

// keepAlive writes what waits too long, or a comment after a silence, on the timer's
// goroutine.
func (s *eventStream) keepAlive() {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.ended || s.broken != nil {
		return
	}
	if len(s.held) > 0 {
		if s.flush() == nil {
			s.timer.Reset(s.x.door.config.KeepAlive)
		}
		return
	}
	interval := s.x.door.config.KeepAlive
	if !s.open {
		// The provider's headers are not there yet, and belong to the call's goroutine:
		// this answer goes without them.
		s.x.headEarly()
		interval = 0
	}
	if quiet := time.Since(s.last); quiet < interval {
		s.timer.Reset(interval - quiet)
		return
	}
	if s.write([]byte(comment)) == nil {
		s.timer.Reset(s.x.door.config.KeepAlive)
	}
}

// write sends bytes at once, behind status and headers when they are the first. The
// caller holds the lock.
func (s *eventStream) write(b []byte) error {
	if s.broken != nil {
		return s.broken
	}
	w := s.x.ResponseWriter
	if !s.open {
		h := w.Header()
		h.Set("Content-Type", "text/event-stream; charset=utf-8")
		h.Set("Cache-Control", "no-cache")
		h.Set("X-Accel-Buffering", "no") // nginx would hold events back
		w.WriteHeader(http.StatusOK)
	}
	s.x.writes.begin()
	if _, s.broken = w.Write(b); s.broken == nil {
		s.broken = s.x.writes.control.Flush()
	}
	s.x.writes.end()
	if !s.open {
		s.open = true
		// From here on, silences are counted from this write.
		s.timer.Reset(s.x.door.config.KeepAlive)
	}
	s.last = time.Now()
	return s.broken
}
