package edge

import (
	"errors"
	"io"
	"net/http"
	"time"
)

// minBytesPerSecond is how fast bytes move at the least, once the time is over that they
// have in any case. The slowest lines that anybody still calls from carry several times
// as much, and a body of the usual limit, 32 MiB, cannot hold its call for much longer
// than half an hour, at the price of sending it all.
const minBytesPerSecond = 16 << 10

// pace bounds how long bytes may take as a whole.
type pace struct {
	start time.Time
	free  time.Duration // beside a second for each [minBytesPerSecond] that moved
	moved int64
}

// deadline is when the next byte is too late.
func (p *pace) deadline() time.Time {
	return p.start.Add(p.free + time.Duration(p.moved/minBytesPerSecond)*time.Second)
}

// arrivingBody is a request's body that must go on arriving: no single read may take
// longer than each, and the whole must keep its pace.
type arrivingBody struct {
	io.ReadCloser

	control *http.ResponseController
	each    time.Duration
	pace    pace
}

// arriving returns the body of r, whose time begins now: see [Config.ReadTimeout] for each
// and [Config.BodyTimeout] for whole.
func arriving(r *http.Request, control *http.ResponseController, each, whole time.Duration) *arrivingBody {
	return &arrivingBody{r.Body, control, each, pace{start: time.Now(), free: whole}}
}

// Read reads what is there. The deadline is lifted at the body's end, since net/http
// goes on reading, to notice a caller that leaves, and would take it for one. A body
// that is not read to its end keeps it: net/http reads the rest before it answers.
func (b *arrivingBody) Read(p []byte) (int, error) {
	deadline := time.Now().Add(b.each)
	if whole := b.pace.deadline(); whole.Before(deadline) {
		deadline = whole
	}
	_ = b.control.SetReadDeadline(deadline) // not every test writer has one
	n, err := b.ReadCloser.Read(p)
	b.pace.moved += int64(n)
	if errors.Is(err, io.EOF) {
		_ = b.control.SetReadDeadline(time.Time{})
	}
	return n, err
}
