package fakes

import (
	"bytes"
	"io"
	"net/http"
	"sync"
)

// Recorder keeps the requests that a fake receives. Safe for concurrent use. The zero value
// is ready.
type Recorder struct {
	mu   sync.Mutex
	last *Request      // guarded by mu
	all  int           // guarded by mu
	gone chan struct{} // guarded by mu
	next chan struct{} // guarded by mu
}

// Request is a request as it arrived.
type Request struct {
	Method, URI string
	Header      http.Header
	Body        []byte
}

// Take reads a request, keeps it, and gives the body back to be read again.
func (r *Recorder) Take(request *http.Request) ([]byte, error) {
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	request.Body = io.NopCloser(bytes.NewReader(body))
	r.mu.Lock()
	defer r.mu.Unlock()
	r.last = &Request{request.Method, request.RequestURI, request.Header.Clone(), body}
	r.all++
	if r.next != nil {
		close(r.next)
		r.next = nil
	}
	return body, nil
}

// Last returns the last request, nil when there was none.
func (r *Recorder) Last() *Request {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.last
}

// Next returns a channel that is closed when the next request is there.
func (r *Recorder) Next() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.next == nil {
		r.next = make(chan struct{})
	}
	return r.next
}

// Count returns how many requests there were.
func (r *Recorder) Count() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.all
}

// Hang waits until the caller is gone, and then closes what [Recorder.Gone] returned.
func (r *Recorder) Hang(request *http.Request) {
	<-request.Context().Done()
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone != nil {
		close(r.gone)
		r.gone = nil
	}
}

// Gone returns a channel that is closed when the caller of an answer that hangs leaves.
func (r *Recorder) Gone() <-chan struct{} {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.gone == nil {
		r.gone = make(chan struct{})
	}
	return r.gone
}
