package upstream

import (
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// initialAnswerBytes bounds what is allocated on the word of a Content-Length.
const initialAnswerBytes = 1 << 20

// exchange is one request and its answer. One goroutine uses it.
type exchange struct {
	client *Client
	// caller is the caller's context, running the one that also ends by our timeouts.
	caller  context.Context
	running context.Context
	cancel  context.CancelCauseFunc
	// timeouts are those of this exchange.
	timeouts adapters.Timeouts
	// timer cancels running; armed only while something is being waited for.
	timer    *time.Timer
	silence  error
	response *http.Response
	body     io.Reader
	header   adapters.Header
	echo     echo
}

var (
	errNoFirstByte = errors.New("no response header in time")
	errIdle        = errors.New("no data in time")
)

// open sends a request and waits for a successful answer to begin.
func (c *Client) open(caller context.Context, r *Request) (*exchange, error) {
	if err := caller.Err(); err != nil {
		return nil, err
	}
	x := &exchange{client: c, caller: caller, timeouts: orElse(r.Timeouts, c.timeouts), silence: errNoFirstByte}
	x.running, x.cancel = context.WithCancelCause(caller)
	var got lease
	request, err := c.newRequest(got.watch(x.running), r)
	if err != nil {
		x.cancel(nil)
		return nil, c.unsendable(err)
	}
	x.echo = echoOf(request.Header)
	x.timer = time.AfterFunc(x.timeouts.FirstByte, func() { x.cancel(x.silence) })
	x.response, err = c.transport.RoundTrip(request)
	stopped := x.timer.Stop()
	if err != nil {
		x.cancel(nil)
		return nil, x.lost(err, false)
	}
	if !stopped {
		// The timer's function may still be running; only it reads silence.
		x.close()
		return nil, x.lost(errNoFirstByte, false)
	}
	if got.stale(x.response) {
		x.close()
		return nil, x.protocol("the provider sent an answer before it was asked", nil)
	}
	x.silence = errIdle
	x.header = returnedHeader(x.response.Header)
	if err := x.decodeContent(); err != nil {
		x.close()
		return nil, err
	}
	if status := x.response.StatusCode; status < 200 || status > 299 {
		err := x.refused()
		x.close()
		return nil, err
	}
	x.echo.cleanHeader(x.header)
	return x, nil
}

// decodeContent undoes a compression that was not asked for but came.
func (x *exchange) decodeContent() error {
	x.body = timedBody{x}
	switch encoding := strings.ToLower(x.response.Header.Get("Content-Encoding")); encoding {
	case "", "identity":
	case "gzip", "x-gzip":
		x.body = &gunzip{source: x.body}
	default:
		return x.protocol(fmt.Sprintf("the answer is compressed in a way that was not asked for (status %d)", x.response.StatusCode), nil)
	}
	return nil
}

// refuseDocument tells an answer that can hold no events by its type. A type that says
// little passes: there are servers that send events as plain text, or without a type.
func (x *exchange) refuseDocument() error {
	kind, _, _ := strings.Cut(strings.ToLower(x.response.Header.Get("Content-Type")), ";")
	kind = strings.TrimSpace(kind)
	family, _, _ := strings.Cut(kind, "/")
	switch {
	case kind == "text/html" || kind == "application/xhtml+xml":
		return x.protocol(fmt.Sprintf("the provider answered status %d with an HTML page where a stream was due", x.response.StatusCode), nil)
	case kind == "text/xml" || kind == "application/xml" || family == "image" || family == "audio" || family == "video":
		return x.protocol(fmt.Sprintf("the provider answered status %d with %.64q where a stream was due", x.response.StatusCode, kind), nil)
	}
	return nil
}

// timedBody reads the body and gives up when a read takes longer than the idle
// timeout. Time between reads, when the caller is slow, does not count.
type timedBody struct{ x *exchange }

func (b timedBody) Read(p []byte) (int, error) {
	b.x.timer.Reset(b.x.timeouts.Idle)
	n, err := b.x.response.Body.Read(p)
	b.x.timer.Stop()
	return n, err
}

// gunzip starts to decompress at the first read: a stream's header arrives late.
type gunzip struct {
	source io.Reader
	reader *gzip.Reader
}

func (g *gunzip) Read(p []byte) (int, error) {
	if g.reader == nil {
		reader, err := gzip.NewReader(g.source)
		if err != nil {
			return 0, err
		}
		g.reader = reader
	}
	return g.reader.Read(p)
}

// answer reads the rest of the body as an answer in one piece.
func (x *exchange) answer() (*Answer, error) {
	body, whole, err := x.read(x.client.maxAnswer)
	if err != nil {
		return nil, x.lost(err, true)
	}
	if !whole {
		return nil, x.protocol(fmt.Sprintf("the answer exceeds %d bytes", x.client.maxAnswer), nil)
	}
	return &Answer{
		Status:      x.response.StatusCode,
		Header:      x.header,
		ContentType: x.response.Header.Get("Content-Type"),
		Body:        x.echo.clean(body),
	}, nil
}

// read reads up to limit bytes of the body, and whether that was all of it.
func (x *exchange) read(limit int64) (body []byte, whole bool, err error) {
	size := int64(512)
	if x.response.ContentLength >= 0 {
		// One byte more, so that the read that finds the end needs no larger buffer.
		size = min(x.response.ContentLength, limit, initialAnswerBytes) + 1
	}
	body = make([]byte, 0, size)
	for {
		n, err := x.body.Read(body[len(body):cap(body)])
		body = body[:len(body)+n]
		if int64(len(body)) > limit {
			return body[:limit], false, nil
		}
		switch {
		case err == io.EOF:
			return body, true, nil
		case err != nil:
			return body, false, err
		}
		if len(body) == cap(body) {
			body = append(body, 0)[:len(body)]
		}
	}
}

// close ends the exchange. A body that was not read to its end takes its
// connection with it, which is how the provider learns that nobody listens.
func (x *exchange) close() {
	x.timer.Stop()
	x.cancel(nil)
	_ = x.response.Body.Close() // nothing is left to do with the answer
}
