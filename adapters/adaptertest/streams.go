package adaptertest

import (
	"bytes"
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// maxCutBytes bounds the streams that are cut at every byte; larger ones, and all
	// of them with -short, are cut at some.
	maxCutBytes = 2 << 10
	cuts        = 40
	// leaveWithin is how soon a provider must notice that its caller left.
	leaveWithin = time.Second
)

// recordedStreams returns the cases of streams that end well.
func (s *suite) recordedStreams() []*Fixture {
	var out []*Fixture
	for _, f := range s.fixtures {
		if f.Operation == opStream && f.failure == nil && f.isStream() {
			out = append(out, f)
		}
	}
	return out
}

func (s *suite) testStreams(t *testing.T) {
	for _, f := range s.recordedStreams() {
		t.Run(f.Name, func(t *testing.T) {
			t.Run("cut_into_writes", func(t *testing.T) { s.testCuts(t, f) })
			t.Run("broken_off", func(t *testing.T) { s.testTruncated(t, f) })
			t.Run("a_receiver_that_has_enough", func(t *testing.T) { s.testSendError(t, f) })
			t.Run("an_event_that_is_too_large", func(t *testing.T) { s.testLargeEvent(t, f) })
		})
	}
}

// cutPlaces returns where to cut a stream: at every byte when it is no longer than
// most, else at some.
func cutPlaces(body []byte, most int) []int {
	step := 1
	if len(body) > most {
		step = len(body)/cuts + 1
	}
	var out []int
	for at := 0; at < len(body); at += step {
		out = append(out, at)
	}
	return out
}

func (s *suite) testCuts(t *testing.T, f *Fixture) {
	var at int
	fake := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		place := at // the next call may be under way when this one's last byte is out
		f.head(w)
		if place < 0 {
			for i := range f.body {
				write(w, f.body[i:i+1])
			}
			return
		}
		write(w, f.body[:place])
		write(w, f.body[place:])
	})
	p := s.provider(t, fake)
	most := maxCutBytes
	if testing.Short() {
		most = 0
	}
	places := cutPlaces(f.body, most)
	if len(f.body) <= maxCutBytes {
		places = append(places, -1) // every byte in a write of its own
	}
	for _, at = range places {
		out := f.call(t.Context(), t, p, nil)
		if out.err != nil {
			t.Fatalf("cut at %d: %v", at, out.err)
		}
		if f.checkChunks(t, out.chunks); t.Failed() {
			t.Fatalf("cut at %d", at)
		}
	}
}

// testTruncated breaks the stream off, once with the connection and once with a
// proper end of the body.
func (s *suite) testTruncated(t *testing.T, f *Fixture) {
	var at int
	var abort bool
	fake := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
		place, breaks := at, abort // as in testCuts
		f.head(w)
		write(w, f.body[:place])
		if breaks {
			panic(http.ErrAbortHandler)
		}
	})
	p := s.provider(t, fake)
	last := f.lastEvent()
	places := append(cutPlaces(f.body, 0), last, max(last-1, 0))
	for _, abort = range []bool{true, false} {
		for _, at = range places {
			out := f.call(t.Context(), t, p, nil)
			if len(out.chunks) > len(f.chunks) {
				t.Fatalf("cut at %d: %d chunks, the whole has %d", at, len(out.chunks), len(f.chunks))
			}
			for i, chunk := range out.chunks {
				compareJSON(t, "chunk", chunk.AppendWireJSON(nil), f.chunks[i])
			}
			// All of the terminal event is there but the blank line; or a dialect knows from
			// the content that a body which ends properly, and behind an event, is whole
			// without one.
			mayBeWhole := len(bytes.TrimRight(f.body[at:], "\r\n")) == 0 ||
				!abort && f.behindEvent(at) && f.allEnded(len(out.chunks))
			if out.err == nil && !mayBeWhole {
				t.Fatalf("cut at %d of %d (aborted: %t): no error", at, len(f.body), abort)
			}
			if out.err == nil {
				continue
			}
			switch e := asError(t, out.err); e.Kind {
			case adapters.KindProtocol, adapters.KindUnavailable:
			default:
				t.Fatalf("cut at %d: kind %s, want protocol or unavailable", at, e.Kind)
			}
		}
	}
}

// lastEvent returns where the last event of a stream begins.
func lastEvent(body []byte) int {
	trimmed := bytes.TrimRight(body, "\r\n")
	return max(bytes.LastIndex(trimmed, []byte("\ndata")), bytes.LastIndex(trimmed, []byte("\rdata")),
		bytes.LastIndex(trimmed, []byte("\nevent"))) + 1
}

// behindEvent tells whether no event is incomplete.
func behindEvent(body []byte) bool {
	lines := strings.NewReplacer("\r\n", "\n", "\r", "\n").Replace(string(body))
	return strings.HasSuffix(lines, "\n\n")
}

// allEnded tells whether no choice has more to come behind the first n chunks.
func (f *Fixture) allEnded(n int) bool {
	for _, chunk := range f.chunks[n:] {
		if bytes.Contains(chunk, []byte(`"delta"`)) {
			return false
		}
	}
	return true
}

func (s *suite) testSendError(t *testing.T, f *Fixture) {
	left := make(chan struct{})
	fake := newFake(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		f.head(w)
		write(w, f.body[:f.lastEvent()])
		// Goes on for ever unless the caller leaves.
		<-r.Context().Done()
		close(left)
	})
	enough := errors.New("enough")
	sent := 0
	out := f.call(t.Context(), t, s.provider(t, fake), func(*sluicev1.ChatCompletionChunk) error {
		sent++
		return enough
	})
	if out.err != enough { //nolint:errorlint // it must be the error itself
		t.Errorf("error %v, want that of send as it is", out.err)
	}
	if sent != 1 {
		t.Errorf("send was called %d times, want no more after its error", sent)
	}
	within(t, left, "the provider was not told that the receiver has enough")
}

func (s *suite) testLargeEvent(t *testing.T, f *Fixture) {
	fake := newFake(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		f.head(w)
		write(w, f.largeEvent())
		line := bytes.Repeat([]byte("x"), 1<<16)
		for r.Context().Err() == nil {
			write(w, line)
		}
	})
	p := s.provider(t, fake, func(s *adapters.Settings) { s.MaxResponseBytes = 1 << 20 })
	if e := asError(t, f.call(t.Context(), t, p, nil).err); e.Kind != adapters.KindProtocol {
		t.Errorf("kind %s, want protocol", e.Kind)
	}
}

// testLeaving has the caller go at every stage.
func (s *suite) testLeaving(t *testing.T) {
	for _, f := range s.operations(t) {
		t.Run(f.Operation+"_before_the_first_byte", func(t *testing.T) {
			s.testLeave(t, f, func(http.ResponseWriter) {}, context.Canceled)
		})
		t.Run(f.Operation+"_inside_the_answer", func(t *testing.T) {
			s.testLeave(t, f, func(w http.ResponseWriter) {
				f.head(w)
				write(w, f.body[:len(f.body)/2])
			}, context.Canceled)
		})
		t.Run(f.Operation+"_inside_an_error", func(t *testing.T) {
			s.testLeave(t, f, func(w http.ResponseWriter) {
				w.WriteHeader(http.StatusInternalServerError)
				write(w, []byte(`{"error":`))
			}, context.Canceled)
		})
		t.Run(f.Operation+"_before_the_call", func(t *testing.T) {
			fake := newFake(t, f.answer)
			ctx, cancel := context.WithCancel(t.Context())
			cancel()
			if out := f.call(ctx, t, s.provider(t, fake), nil); !errors.Is(out.err, context.Canceled) {
				t.Errorf("error %v, want the context's", out.err)
			}
			if n := len(fake.all()); n > 0 {
				t.Errorf("the provider got %d requests of a caller that had left", n)
			}
		})
		t.Run(f.Operation+"_by_its_deadline", func(t *testing.T) {
			fake := newFake(t, func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() })
			ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
			defer cancel()
			if out := f.call(ctx, t, s.provider(t, fake), nil); !errors.Is(out.err, context.DeadlineExceeded) {
				t.Errorf("error %v, want the context's", out.err)
			}
		})
		t.Run(f.Operation+"_is_not_the_provider_being_slow", func(t *testing.T) {
			fake := newFake(t, func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() })
			p := s.provider(t, fake, func(s *adapters.Settings) { s.Timeouts.FirstByte = 20 * time.Millisecond })
			if e := asError(t, f.call(t.Context(), t, p, nil).err); e.Kind != adapters.KindTimeout || e.Step != adapters.StepFirstByte {
				t.Errorf("kind %s of %s, want timeout of %s", e.Kind, e.Step, adapters.StepFirstByte)
			}
		})
		t.Run(f.Operation+"_is_not_the_provider_falling_silent", func(t *testing.T) {
			fake := newFake(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
				f.head(w)
				write(w, f.body[:len(f.body)/2])
				<-r.Context().Done()
			})
			p := s.provider(t, fake, func(s *adapters.Settings) { s.Timeouts.Idle = 20 * time.Millisecond })
			if e := asError(t, f.call(t.Context(), t, p, nil).err); e.Kind != adapters.KindTimeout || e.Step != adapters.StepIdle {
				t.Errorf("kind %s of %s, want timeout of %s", e.Kind, e.Step, adapters.StepIdle)
			}
		})
	}
}

// testLeave cancels a call once the provider has begun, and wants both sides to
// notice.
func (s *suite) testLeave(t *testing.T, f *Fixture, begin func(http.ResponseWriter), want error) {
	begun, left := make(chan struct{}), make(chan struct{})
	fake := newFake(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		begin(w)
		close(begun)
		<-r.Context().Done()
		close(left)
	})
	p := s.provider(t, fake)
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	returned := make(chan error, 1)
	go func() { returned <- f.call(ctx, t, p, nil).err }()
	within(t, begun, "the call did not reach the provider")
	cancel()
	within(t, left, "the provider was not told that the caller left")
	select {
	case err := <-returned:
		if !errors.Is(err, want) {
			t.Errorf("error %v, want %v", err, want)
		}
	case <-time.After(leaveWithin):
		t.Error("the call did not return")
	}
}

func within(t *testing.T, done <-chan struct{}, otherwise string) {
	t.Helper()
	select {
	case <-done:
	case <-time.After(leaveWithin):
		t.Error(otherwise)
	}
}
