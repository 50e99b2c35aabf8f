package upstream

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

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
	// received are the bytes that came of the body, most those that may, before and after
	// decompression.
	received, most int64

	header adapters.Header
	echo   echo
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
	x.header = returnedHeader(x.response.Header, c.dialect.Returns)
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
		x.body = &gunzip{x: x}
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

// answer reads the rest of the body as an answer in one piece.
func (x *exchange) answer() (*Answer, error) {
	tooLong := func(cause error) error {
		return x.protocol(fmt.Sprintf("the answer exceeds %d bytes", x.client.maxAnswer), cause)
	}
	if x.response.ContentLength > x.client.maxAnswer {
		return nil, tooLong(nil)
	}
	body, whole, err := x.read(x.client.maxAnswer)
	if errors.Is(err, errTooLong) {
		return nil, tooLong(err)
	}
	if err != nil {
		return nil, x.lost(err, true)
	}
	if !whole {
		return nil, tooLong(nil)
	}
	return &Answer{
		Status:      x.response.StatusCode,
		Header:      x.header,
		ContentType: x.response.Header.Get("Content-Type"),
		Body:        x.echo.clean(body),
	}, nil
}

// close ends the exchange. A body that was not read to its end takes its
// connection with it, which is how the provider learns that nobody listens.
func (x *exchange) close() {
	x.timer.Stop()
	x.cancel(nil)
	_ = x.response.Body.Close() // nothing is left to do with the answer
}
