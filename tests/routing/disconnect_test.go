package routing

import (
	"context"
	"io"
	"net/http"
	"testing"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/tests/harness"
)

// slowly is a provider that sends a first chunk, waits to be told, and sends the rest;
// a single answer only waits.
func (s *stage) slowly(name string) (release chan<- struct{}, completed <-chan bool) {
	released, done := make(chan struct{}), make(chan bool, 1)
	s.up[name].Handle(func(w http.ResponseWriter, r *http.Request, request *harness.Request) {
		_, stream := harness.At(request.Body, "stream")
		if stream {
			w.Header().Set("Content-Type", "text/event-stream")
			_, _ = io.WriteString(w, "data: "+chunk("twelve bytes", "")+"\n\n")
			_ = http.NewResponseController(w).Flush()
		}
		select {
		case <-released:
		case <-r.Context().Done():
			done <- false
			return
		}
		if stream {
			for _, event := range []string{chunk("", "stop"), usageChunk, "[DONE]"} {
				_, _ = io.WriteString(w, "data: "+event+"\n\n")
			}
		} else {
			answer(w, request, name)
		}
		done <- r.Context().Err() == nil
	})
	return released, done
}

// leave makes a call and hangs up as soon as the provider works on it: a stream after its
// first chunk.
func (s *stage) leave(t *testing.T, d harness.Door, k kind, body string) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	over := make(chan struct{})
	go func() {
		defer close(over)
		c := harness.Call{JSON: []byte(body)}
		if k == streamed {
			d.StreamChat(ctx, c, func(*sluicev1.ChatCompletionChunk) { cancel() })
			return
		}
		d.Chat(ctx, c)
	}()
	s.up["a"].Next(t)
	if k != streamed {
		cancel()
	}
	harness.Within(t, harness.Patience, over, "the caller's leaving")
}

// left makes a call, hangs up, and lets the provider go on if that is wanted. whole says
// that it could finish.
func (s *stage) left(t *testing.T, d harness.Door, k kind, body string, goOn bool) (r harness.Receipt, whole bool) {
	t.Helper()
	// Nothing tells when the server has heard that its caller is gone. When the answer was
	// over before that, it is another call's turn.
	for pause := 10 * time.Millisecond; pause < harness.Patience; pause *= 2 {
		release, completed := s.slowly("a")
		s.leave(t, d, k, body)
		if goOn {
			time.Sleep(pause)
			close(release)
		}
		whole = <-completed
		if r = s.Receipt(t); r.Reason != "" {
			break
		}
	}
	return r, whole
}

func TestWhen_the_caller_hangs_up_the_answer_ends_or_is_drained(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}]
models:
  - {name: usual, targets: [{provider: a}]}
  - {name: drains, targets: [{provider: a}], on_disconnect: drain}
  - {name: cancels, targets: [{provider: a}], on_disconnect: cancel}
`)
	drainsAll := start(t, `
providers: [{name: a, @a}]
models:
  - {name: usual, targets: [{provider: a}]}
  - {name: cancels, targets: [{provider: a}], on_disconnect: cancel}
routing: {on_disconnect: drain}
`)
	tests := []struct {
		why   string
		stage *stage
		model string
		drain bool
	}{
		{"by default", s, "usual", false},
		{"where the model drains", s, "drains", true},
		{"where the model cancels", drainsAll, "cancels", false},
		{"where everything drains", drainsAll, "usual", true},
		{"where everything drains, of a provider's model", drainsAll, "a/x", true},
	}
	for _, test := range tests {
		for _, name := range []string{"rest", "grpc", "connect", "grpc-web"} {
			for _, k := range []kind{single, streamed} {
				t.Run(test.why+" "+name+" "+string(k), func(t *testing.T) {
					r, whole := test.stage.left(t, test.stage.door(t, name), k, chatOf(test.model), test.drain)
					if whole != test.drain {
						t.Errorf("the provider could finish: %t", whole)
					}
					if r.Reason != "canceled" || r.Status != 499 {
						t.Errorf("the receipt says %q, %d", r.Reason, r.Status)
					}
					switch {
					case test.drain && (r.Estimated || r.Input != 21 || r.Output != 34):
						t.Errorf("drained, the receipt has %d and %d tokens, estimated %t; want the provider's 21 and 34", r.Input, r.Output, r.Estimated)
					case !test.drain && (!r.Estimated || r.Input != 2):
						t.Errorf("the prompt of 5 bytes counts as %d tokens, estimated %t", r.Input, r.Estimated)
					case !test.drain && k == streamed && r.Output != 3:
						t.Errorf("12 bytes of the answer count as %d tokens", r.Output)
					}
				})
			}
		}
	}
}

func TestDraining_ends_at_its_cap(t *testing.T) {
	s := start(t, "providers: [{name: a, @a}]\nrouting: {on_disconnect: drain, drain_cap: 50ms}\n")
	for _, k := range []kind{single, streamed} {
		_, completed := s.slowly("a")
		s.leave(t, s.REST(), k, chatOf("a/x"))
		if <-completed {
			t.Errorf("%s: the provider could finish", k)
		}
		if r := s.Receipt(t); !r.Estimated || r.Input != 2 {
			t.Errorf("%s: the receipt has %+v", k, r)
		}
	}
}

func TestA_stream_that_has_begun_is_never_continued_by_another_target(t *testing.T) {
	s := start(t, two+unguarded)
	s.up["a"].Answer(harness.EventsWithoutEnd(chunk("half", "")))
	for _, d := range s.Doors(t) {
		r := s.ask(t, d, streamed, chatOf("m"))
		// The REST door's client reads an error event here, and no [DONE] behind it.
		failedFor(t, r, "upstream_protocol")
		if text(r) != "half" || r.provider() != "a" {
			t.Errorf("%s: %q of %s", d.Name, text(r), r.provider())
		}
	}
	s.wants(t, "b", 0)
}

func TestWhat_fails_before_its_first_event_is_answered_by_another_target(t *testing.T) {
	s := start(t, two+unguarded)
	for _, reply := range []harness.Reply{
		harness.EventsWithoutEnd(),
		harness.EventsWithoutEnd("nonsense"),
		harness.EventsWithoutEnd(`{"error":{"message":"later","type":"server_error","param":null,"code":null}}`),
		failing(500),
	} {
		s.up["a"].Answer(reply)
		for _, d := range []harness.Door{s.REST(), s.door(t, "grpc")} {
			r := s.ask(t, d, streamed, chatOf("m"))
			answeredBy(t, r, "b")
			if text(r) != "from b" {
				t.Errorf("%s: %q", d.Name, text(r))
			}
		}
	}
	s.failed(503, "a", "b")
	r := s.ask(t, s.REST(), streamed, chatOf("m"))
	if r.Failure == nil || r.Failure.Status != http.StatusServiceUnavailable {
		t.Errorf("an error before the stream is not a plain answer: %+v", r.Failure)
	}
}
