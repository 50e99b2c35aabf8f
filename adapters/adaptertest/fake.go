package adaptertest

import (
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
)

// fake plays a provider and notes what it receives.
type fake struct {
	*httptest.Server

	mu       sync.Mutex
	requests []received // guarded by mu
}

// received is a request that reached the fake.
type received struct {
	method string
	// path is as sent, with its escapes.
	path   string
	query  string
	header http.Header
	body   []byte
}

// newFake starts a provider that answers with a function, which gets the body that
// was read.
func newFake(t *testing.T, answer func(http.ResponseWriter, *http.Request, []byte)) *fake {
	t.Helper()
	f := &fake{}
	f.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return // the caller left
		}
		f.mu.Lock()
		f.requests = append(f.requests, received{r.Method, r.URL.EscapedPath(), r.URL.RawQuery, r.Header.Clone(), body})
		f.mu.Unlock()
		answer(w, r, body)
	}))
	t.Cleanup(func() {
		// A handler may still wait for a caller that does not leave: do not hang on it.
		f.CloseClientConnections()
		f.Close()
	})
	return f
}

func (f *fake) all() []received {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.requests
}

// only returns the one request that must have come.
func (f *fake) only(t *testing.T) received { return f.first(t, 1) }

// first returns the first of as many requests as must have come. 0 stands for one.
func (f *fake) first(t *testing.T, of int) received {
	t.Helper()
	all := f.all()
	if len(all) != max(of, 1) {
		t.Fatalf("the provider got %d requests, want %d", len(all), max(of, 1))
	}
	return all[0]
}

// answer plays the recorded answer of a case.
func (f *Fixture) answer(w http.ResponseWriter, _ *http.Request, _ []byte) {
	f.head(w)
	write(w, f.body)
}

// head writes status and headers.
func (f *Fixture) head(w http.ResponseWriter) {
	maps.Copy(w.Header(), f.header)
	w.WriteHeader(f.status)
	flush(w)
}

func write(w http.ResponseWriter, data []byte) {
	_, _ = w.Write(data)
	flush(w)
}

func flush(w http.ResponseWriter) {
	_ = http.NewResponseController(w).Flush()
}
