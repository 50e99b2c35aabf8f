package edge

import (
	"errors"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// readBody returns the whole JSON body, or why it is refused. Messages keep
// references into it, so it is not pooled.
func (x *exchange) readBody() ([]byte, *fault.Error) {
	r := x.request
	if f := checkContentType(r.Header); f != nil {
		return nil, f
	}
	limit := x.door.config.MaxRequestBytes
	size := r.ContentLength
	if size > limit {
		x.lingering()
		return nil, tooLarge(size, limit)
	}
	if size == 0 || r.Body == nil || r.Body == http.NoBody {
		return nil, emptyBody()
	}
	return x.readAll(size, limit)
}

func emptyBody() *fault.Error { return fault.Invalid("", "request body is empty: send a JSON object") }

// firstReadBytes is room for most requests whose length is not announced.
const firstReadBytes = 4 << 10

// maxTrustedBytes bounds the room that an announced length alone takes: a caller that
// announces much and sends nothing shall not hold it.
const maxTrustedBytes = 1 * mib

// readAll reads size bytes, or with a negative size up to the limit.
func (x *exchange) readAll(size, limit int64) ([]byte, *fault.Error) {
	room := int64(firstReadBytes)
	if size > 0 {
		room = min(size, maxTrustedBytes) + 1 // one more, to meet the end without growing
	}
	body := make([]byte, 0, room)
	from := arriving(x.request, x.writes.control, x.door.config.ReadTimeout, x.door.config.BodyTimeout)
	for {
		n, err := from.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			x.lingering()
			return nil, tooLarge(-1, limit)
		}
		if err != nil && !errors.Is(err, io.EOF) {
			return nil, unreadable(x.ctx, err)
		}
		if err != nil {
			if len(body) == 0 {
				return nil, emptyBody()
			}
			return body, nil
		}
		if len(body) == cap(body) {
			grown := make([]byte, len(body), min(2*int64(cap(body)), limit+1))
			copy(grown, body)
			body = grown
		}
	}
}

// readDeadline is [boundNextRead]. A refused request keeps a deadline, because net/http
// reads what is left of it before it answers.
func (x *exchange) readDeadline(timeout time.Duration) { boundNextRead(x.writes.control, timeout) }

// lingering lets a refused caller finish what it is sending: many clients look for
// the answer only then, and see a broken connection instead of it when the server
// closes first. What it sends is thrown away, for a bounded time and amount.
func (x *exchange) lingering() {
	const (
		most    = 64 * mib
		longest = 2 * time.Second
	)
	if x.request.Header.Get("Expect") != "" {
		return // it waits for our word before it sends
	}
	if x.request.ProtoMajor >= 2 {
		return // the stream is reset without harm to the answer
	}
	if x.writes.control.EnableFullDuplex() != nil {
		return
	}
	x.Header().Set("Connection", "close")
	x.linger = func() {
		_ = x.writes.control.Flush()
		x.readDeadline(longest)
		_, _ = io.CopyN(io.Discard, x.request.Body, most)
	}
}

// checkContentType refuses what is not JSON. A missing type passes: simple clients send
// none. Web pages can leave it out, too, and thereby avoid a preflight: see
// [httpDoor.foreign] for what keeps them off.
func checkContentType(h http.Header) *fault.Error {
	const reason = sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED_MEDIA_TYPE
	for _, encoding := range h["Content-Encoding"] {
		if encoding != "" && !strings.EqualFold(encoding, "identity") {
			return fault.New(reason, "content encoding %q is not supported: send the body as it is", visible(encoding, 64))
		}
	}
	sent := h.Get("Content-Type")
	if sent == "" || sent == contentTypeJSON {
		return nil
	}
	mediaType, parameters, err := mime.ParseMediaType(sent)
	charset, named := parameters["charset"]
	switch {
	case err != nil || mediaType != contentTypeJSON && !strings.HasSuffix(mediaType, "+json"):
		return fault.New(reason, "content type %q is not supported: send %s", visible(sent, 64), contentTypeJSON)
	case named && !strings.EqualFold(charset, "utf-8"):
		return fault.New(reason, "charset %q is not supported: JSON is UTF-8", visible(charset, 64))
	}
	return nil
}
