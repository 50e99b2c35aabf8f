package edge

import (
	"net/http"
	"time"
)

// boundNextRead puts a deadline on the next read of a request's body; 0 lifts it.
// That must happen at the body's end, before the call begins: net/http goes on
// reading, to notice a caller that leaves, and would take a deadline for one.
func boundNextRead(control *http.ResponseController, timeout time.Duration) {
	deadline := time.Time{}
	if timeout > 0 {
		deadline = time.Now().Add(timeout)
	}
	_ = control.SetReadDeadline(deadline) // not every test writer has one
}

// boundLeftover bounds how long net/http waits for what is left of a body that nobody
// wants: it does so before it answers, within the time that the answer's write has.
func boundLeftover(control *http.ResponseController, read, write time.Duration) {
	const share = 2 // of the write's time
	boundNextRead(control, min(read, write/share))
}

// boundedWrites puts a deadline on single writes to an HTTP client, so that one who
// stopped reading does not hold a call, while a stream may last as long as it likes.
type boundedWrites struct {
	control *http.ResponseController
	timeout time.Duration
	lift    bool
}

func boundWrites(w http.ResponseWriter, r *http.Request, timeout time.Duration) boundedWrites {
	// HTTP/2 resets a stream whose deadline passes, also while nothing is written.
	// HTTP/1.1 fails the next write alone, and net/http lifts it after the answer.
	return boundedWrites{control: http.NewResponseController(w), timeout: timeout, lift: r.ProtoMajor >= 2}
}

// begin bounds the next write.
func (b boundedWrites) begin() {
	// An error means a writer without deadlines, as httptest's recorder.
	_ = b.control.SetWriteDeadline(time.Now().Add(b.timeout))
}

// end says that the write is done and others may follow any time later.
func (b boundedWrites) end() {
	if b.lift {
		_ = b.control.SetWriteDeadline(time.Time{})
	}
}
