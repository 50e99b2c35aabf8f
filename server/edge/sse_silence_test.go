package edge

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// clockedWriter is a response writer whose bytes carry the second of their arrival.
type clockedWriter struct {
	*httptest.ResponseRecorder

	mu    sync.Mutex
	start time.Time
	log   strings.Builder // guarded by mu
}

func (w *clockedWriter) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	line, _, _ := strings.Cut(string(p), "\n")
	if strings.HasPrefix(line, frameHead) {
		line = "chunk"
	}
	w.log.WriteString(time.Since(w.start).String() + " " + line + "\n")
	return w.ResponseRecorder.Write(p)
}

func TestSSE_comments_break_the_silence(t *testing.T) {
	wait := func(ctx context.Context, seconds int) {
		select {
		case <-ctx.Done():
		case <-time.After(time.Duration(seconds) * time.Second):
		}
	}
	for name, test := range map[string]struct {
		stream func(ctx context.Context, call *adapters.Call, send sendChunk) error
		log    string
		status int
	}{
		"none while chunks come": {
			stream: func(ctx context.Context, _ *adapters.Call, send sendChunk) error {
				for range 4 {
					wait(ctx, 14)
					_ = send(chunk("a"))
				}
				return nil
			},
			log: "14s chunk\n28s chunk\n42s chunk\n56s chunk\n56s data: [DONE]\n", status: 200,
		},
		"after 15 s behind a chunk": {
			stream: func(ctx context.Context, _ *adapters.Call, send sendChunk) error {
				wait(ctx, 29)
				_ = send(chunk("a"))
				wait(ctx, 40)
				_ = send(chunk("a"))
				wait(ctx, 16)
				return nil
			},
			log: "29s chunk\n44s : keep-alive\n59s : keep-alive\n1m9s chunk\n1m24s : keep-alive\n1m25s data: [DONE]\n", status: 200,
		},
		"after 30 s before the first chunk": {
			stream: func(ctx context.Context, call *adapters.Call, send sendChunk) error {
				wait(ctx, 50)
				call.Reply.Header.Add("x-request-id", "too late") // for the race detector
				return send(chunk("a"))
			},
			log: "30s : keep-alive\n45s : keep-alive\n50s chunk\n50s data: [DONE]\n", status: 200,
		},
		"and an error after it is an event": {
			stream: func(ctx context.Context, _ *adapters.Call, _ sendChunk) error {
				wait(ctx, 31)
				return refusal(adapters.KindInvalid, 400, "no")
			},
			log:    "30s : keep-alive\n31s data: {\"error\":{\"message\":\"no\",\"type\":\"far_error\",\"param\":null,\"code\":null}}\n",
			status: 200,
		},
		"an error in time keeps its status": {
			stream: func(ctx context.Context, _ *adapters.Call, _ sendChunk) error {
				wait(ctx, 29)
				return refusal(adapters.KindInvalid, 400, "no")
			},
			log:    "29s {\"error\":{\"message\":\"no\",\"type\":\"far_error\",\"param\":null,\"code\":null}}\n",
			status: 400,
		},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				service, _ := newService(t, streaming(test.stream), Config{}.withDefaults().Logger)
				w := &clockedWriter{ResponseRecorder: httptest.NewRecorder(), start: time.Now()}
				newHTTP(Config{}.withDefaults(), service, newHealth()).ServeHTTP(w,
					httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", strings.NewReader(helloStream)))
				if w.log.String() != test.log || w.Code != test.status {
					t.Errorf("got %d\n%swant %d\n%s", w.Code, w.log.String(), test.status, test.log)
				}
				if w.Header().Get("X-Sluice-Request-Id") == "" {
					t.Error("no request id")
				}
			})
		})
	}
}
