package resilience

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// mood is how a provider does.
type mood int32

const (
	well    mood = iota
	failing      // 500 at once
	hung         // no answer until the gateway gives up
)

// thinking is how long a provider that is well takes for an answer: long against the
// noise of a small machine, short against what a call may take.
const thinking = 40 * time.Millisecond

// provider answers by its mood and counts what it is asked.
type provider struct {
	url     string
	stopped chan struct{} // closed: nothing hangs any more
	release func()        // closes it
	mood    atomic.Int32
	asked   atomic.Int64
	running atomic.Int64
}

func newProvider(t testing.TB) *provider {
	t.Helper()
	stopped := make(chan struct{})
	p := &provider{stopped: stopped, release: sync.OnceFunc(func() { close(stopped) })}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		p.asked.Add(1)
		p.running.Add(1)
		defer p.running.Add(-1)
		switch mood(p.mood.Load()) {
		case failing:
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusInternalServerError)
			_, _ = w.Write([]byte(`{"error":{"message":"down","type":"server_error","param":null,"code":null}}`))
		case hung:
			select {
			case <-r.Context().Done():
			case <-p.stopped:
			}
		case well:
			p.answer(w, r)
		}
	}))
	p.url = server.URL + "/v1"
	t.Cleanup(func() {
		p.release()
		server.CloseClientConnections()
		server.Close()
	})
	return p
}

func (p *provider) set(m mood) { p.mood.Store(int32(m)) }

const (
	completion = `{"id":"c","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":1,"completion_tokens":1,"total_tokens":2}}`
	event      = `data: {"id":"c","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{"content":"x"},"finish_reason":%s}]}` + "\n\n"

	slowEvents = 30
	slowEvery  = 100 * time.Millisecond
)

// answer is a completion, or a stream of about three seconds.
func (p *provider) answer(w http.ResponseWriter, r *http.Request) {
	body := make([]byte, 4<<10)
	n, _ := r.Body.Read(body) // requests here are small
	wait := func(d time.Duration) bool {
		timer := time.NewTimer(d)
		defer timer.Stop()
		select {
		case <-timer.C:
			return true
		case <-r.Context().Done():
		case <-p.stopped:
		}
		return false
	}
	if !strings.Contains(string(body[:n]), `"stream":true`) {
		if wait(thinking) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = w.Write([]byte(completion))
		}
		return
	}
	w.Header().Set("Content-Type", "text/event-stream")
	for i := range slowEvents {
		finish := "null"
		if i == slowEvents-1 {
			finish = `"stop"`
		}
		_, _ = fmt.Fprintf(w, event, finish)
		_ = http.NewResponseController(w).Flush()
		if !wait(slowEvery) {
			return
		}
	}
	_, _ = w.Write([]byte("data: [DONE]\n\n"))
}
