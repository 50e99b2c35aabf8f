package edge

import (
	"context"
	"errors"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

// keepingWriter fails after some writes and still reads what it was given then, as
// HTTP/2's frame writer may.
type keepingWriter struct {
	*httptest.ResponseRecorder

	good int
	kept []byte
}

func (w *keepingWriter) Write(p []byte) (int, error) {
	if w.good > 0 {
		w.good--
		return w.ResponseRecorder.Write(p)
	}
	if w.kept == nil {
		w.kept = p
	}
	return 0, errors.New("the stream was reset")
}

func TestWrite_that_failed_keeps_its_buffer_out_of_the_pool(t *testing.T) {
	broken := streaming(func(_ context.Context, call *adapters.Call, send sendChunk) error {
		call.More = true
		return errors.Join(send(chunk("hel")), send(chunk("lo")), refusal(adapters.KindProtocol, 502, "broke off"))
	})
	for name, test := range map[string]struct {
		far  *far
		body string
		good int
	}{
		"answer":              {&far{}, hello, 0},
		"refusal":             {&far{}, "{", 0},
		"first event":         {&far{}, helloStream, 0},
		"later event":         {&far{}, helloStream, 1},
		"events and an error": {broken, helloStream, 1},
	} {
		t.Run(name, func(t *testing.T) {
			service, _ := newService(t, test.far, Config{}.withDefaults().Logger)
			door := newHTTP(Config{}.withDefaults(), service, newHealth())
			for range 50 { // the pool may drop a buffer, and does so at random for the race detector
				w := &keepingWriter{ResponseRecorder: httptest.NewRecorder(), good: test.good}
				door.ServeHTTP(w, httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(test.body)))
				if len(w.kept) == 0 {
					t.Fatal("nothing was written")
				}
				want := string(w.kept)
				for range 3 {
					b := buffer()
					for range min(cap(b), len(want)) {
						b = append(b, '!')
					}
					release(b)
				}
				if string(w.kept) != want {
					t.Fatalf("the buffer was used again: %q", w.kept)
				}
			}
		})
	}
}
