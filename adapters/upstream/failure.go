package upstream

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"slices"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
)

// maxErrorBytes bounds an error body. What exceeds it is not read, or not looked at where
// it came as a success.
const maxErrorBytes = pieceBytes

// KindOfStatus says what a status that is no success means.
func KindOfStatus(status int) adapters.Kind {
	switch status {
	case http.StatusUnauthorized:
		return adapters.KindAuth
	case http.StatusForbidden:
		return adapters.KindPermission
	case http.StatusNotFound:
		return adapters.KindNotFound
	case http.StatusRequestTimeout:
		return adapters.KindTimeout
	case http.StatusConflict:
		return adapters.KindConflict
	case http.StatusRequestEntityTooLarge:
		return adapters.KindTooLarge
	case http.StatusTooManyRequests:
		return adapters.KindRateLimited
	case http.StatusServiceUnavailable, 529: // 529: Anthropic's and others' "overloaded"
		return adapters.KindOverloaded
	}
	switch status / 100 {
	case 4:
		return adapters.KindInvalid
	case 5:
		return adapters.KindUnavailable
	}
	return adapters.KindProtocol
}

// refused reads the body of an answer that is no success and says what it means.
func (x *exchange) refused() error {
	status := x.response.StatusCode
	// A body that breaks off takes nothing from what the status says.
	body, _, err := x.read(maxErrorBytes)
	if err != nil && x.caller.Err() != nil {
		return x.caller.Err()
	}
	failure := x.client.reported(status, x.header, body, x.response.Header.Get("Content-Type"))
	failure.RetryAfter = retryAfter(status, x.response.Header)
	if status/100 == 3 {
		// Following it could carry the key to another host.
		failure.Message = fmt.Sprintf("the provider answered with a redirect (status %d), which is not followed", status)
		failure.Envelope = nil
	}
	return failure
}

// reported makes an error of a body that the provider sent as one. A status of 0
// is one that nobody knows.
func (c *Client) reported(status int, header adapters.Header, body []byte, contentType string) *adapters.Error {
	failure := &adapters.Error{Kind: KindOfStatus(status), Provider: c.name, Status: status, Header: c.secrets.redactHeader(header)}
	body = body[:min(len(body), maxErrorBytes)]
	// One broken byte in a message must not cost its type and code.
	body = c.secrets.redact(bytes.ToValidUTF8(body, []byte("\uFFFD")))
	if c.dialect.Envelope != nil {
		failure.Envelope = c.dialect.Envelope(body)
	}
	if failure.Envelope == nil {
		failure.Message = describe(status, body, contentType)
	} else if failure.Envelope.GetError().GetMessage() == "" {
		failure.Message = "the provider reported an error without a message"
	}
	c.refine(failure)
	return failure
}

func (c *Client) refine(failure *adapters.Error) {
	if c.dialect.Refine != nil {
		failure.Kind = c.dialect.Refine(failure)
	}
}

// Reported makes an error of an error body that came where a success was due: in
// an answer of status 200, or as an event of a stream. The dialect says which
// status it stands for; without one it is of [adapters.KindUnavailable].
func (c *Client) Reported(header adapters.Header, body []byte) *adapters.Error {
	failure := c.reported(0, header, body, "application/json")
	if failure.Envelope != nil && c.dialect.Status != nil {
		failure.Status = c.dialect.Status(failure.Envelope)
	}
	failure.Kind = adapters.KindUnavailable
	if failure.Status != 0 {
		failure.Kind = KindOfStatus(failure.Status)
	}
	c.refine(failure)
	return failure
}

// Protocol is the error of an answer that cannot be understood or broke off. The
// message reaches callers, the cause does not.
func (c *Client) Protocol(header adapters.Header, message string, cause error) *adapters.Error {
	return &adapters.Error{
		Kind: adapters.KindProtocol, Provider: c.name, Header: header,
		Message: message, Cause: c.secrets.redactError(cause),
	}
}

// Undecodable is the error of an answer whose body is not what the adapter reads.
func (c *Client) Undecodable(a *Answer, cause error) *adapters.Error {
	message := fmt.Sprintf("the provider's answer cannot be understood (status %d)", a.Status)
	switch {
	case len(a.Body) == 0:
		message = fmt.Sprintf("the provider answered status %d without a body", a.Status)
	case looksHTML(a.Body, a.ContentType):
		message = fmt.Sprintf("the provider answered status %d with an HTML page", a.Status)
	}
	failure := c.Protocol(a.Header, message, cause)
	failure.Status = a.Status
	return failure
}

// Refusal is the error of a call that the adapter does not send.
func (c *Client) Refusal(kind adapters.Kind, message string) *adapters.Error {
	return &adapters.Error{Kind: kind, Provider: c.name, Message: message, Cause: errNotSent}
}

var errNotSent = errors.New("request not sent")

// unsendable is the error of a request that could not be built.
func (c *Client) unsendable(err error) error {
	if failure, ok := errors.AsType[*adapters.Error](err); ok {
		return failure
	}
	return &adapters.Error{
		Kind: adapters.KindInternal, Provider: c.name,
		Message: "the request to the provider could not be built", Cause: c.secrets.redactError(err),
	}
}

func (x *exchange) protocol(message string, cause error) error {
	failure := x.client.Protocol(x.header, message, cause)
	if x.response != nil {
		failure.Status = x.response.StatusCode
	}
	return failure
}

// lost says what it means that the transport gave up, before the answer began or
// inside of it.
func (x *exchange) lost(err error, inside bool) error {
	if left := x.caller.Err(); left != nil {
		return left
	}
	if failure, ok := errors.AsType[*adapters.Error](err); ok {
		return failure
	}
	failure := &adapters.Error{Provider: x.client.name, Header: x.header, Cause: x.client.secrets.redactError(err)}
	if inside {
		failure.Status = x.response.StatusCode
	}
	unconnected, isUnconnected := errors.AsType[*connectError](err)
	distrusted := distrust(err, inside)
	proxy, refusedByProxy := errors.AsType[*proxyError](err)
	switch cause := context.Cause(x.running); {
	case errors.Is(cause, errNoFirstByte) || errors.Is(err, errNoFirstByte):
		failure.Kind, failure.Step = adapters.KindTimeout, adapters.StepFirstByte
		failure.Message = fmt.Sprintf("the provider did not answer within %s", x.timeouts.FirstByte)
	case errors.Is(cause, errIdle):
		failure.Kind, failure.Step = adapters.KindTimeout, adapters.StepIdle
		failure.Message = fmt.Sprintf("the provider sent nothing for %s in the middle of its answer", x.timeouts.Idle)
	case errors.Is(err, errTooDense):
		failure.Kind = adapters.KindProtocol
		failure.Message = fmt.Sprintf("the provider's answer is compressed to less than 1/%d of its size", maxRatio)
	case isUnconnected && unconnected.late:
		failure.Kind, failure.Step, failure.Unsent = adapters.KindTimeout, adapters.StepConnect, true
		failure.Message = fmt.Sprintf("the provider could not be reached within %s", unconnected.within)
	case distrusted != "":
		failure.Kind, failure.Unsent = adapters.KindUnavailable, true
		failure.Message = "the provider could not be reached: " + distrusted
	case refusedByProxy:
		failure.Kind, failure.Unsent = adapters.KindUnavailable, true
		failure.Message = fmt.Sprintf("the provider could not be reached: the proxy refused to connect (status %d)", proxy.status)
	case isUnconnected || isUnreachable(err):
		failure.Kind, failure.Unsent = adapters.KindUnavailable, true
		failure.Message = "the provider could not be reached"
	case isHandshakeTimeout(err):
		failure.Kind, failure.Step, failure.Unsent = adapters.KindTimeout, adapters.StepConnect, true
		failure.Message = fmt.Sprintf("the provider could not be reached within %s", x.client.timeouts.Connect)
	case isMalformed(err):
		failure.Kind = adapters.KindProtocol
		failure.Message = "the provider's answer is not proper HTTP"
	case inside && isCutShort(err):
		failure.Kind = adapters.KindProtocol
		failure.Message = "the provider's answer broke off"
	case inside:
		failure.Kind = adapters.KindUnavailable
		failure.Message = "the connection to the provider broke in the middle of its answer"
	default:
		failure.Kind = adapters.KindUnavailable
		failure.Message = "the connection to the provider broke before it answered"
	}
	return failure
}

// isUnreachable tells whether no connection came to be for a reason that our dialler
// does not see: what happens between a proxy and the provider.
func isUnreachable(err error) bool {
	if op, ok := errors.AsType[*net.OpError](err); ok && (op.Op == "dial" || op.Op == "proxyconnect") {
		return true
	}
	// The second is of net/http, h2_bundle.go, whose error has no type: the connection died
	// before anything came, and took no request.
	if errors.Is(err, errEnvironmentProxy) || strings.Contains(err.Error(), "http2: client conn could not be established") {
		return true
	}
	_, ok := errors.AsType[tls.RecordHeaderError](err)
	return ok
}

// isHandshakeTimeout goes by the text because net/http has no type for the one of TLS
// behind a proxy.
func isHandshakeTimeout(err error) bool {
	return strings.Contains(err.Error(), "TLS handshake timeout")
}

// isMalformed goes by texts because net/http has no types for these errors.
func isMalformed(err error) bool {
	text := err.Error()
	return slices.ContainsFunc(malformed, func(part string) bool { return strings.Contains(text, part) })
}

// malformed are parts of the texts of net/http, Go 1.26: transfer.go, response.go,
// transport.go and internal/chunked.go.
var malformed = []string{
	"malformed", "response headers exceeded", "unsupported transfer encoding", "chunk length", "too much non-data",
	"bad Content-Length", "empty Content-Length", "multiple Content-Length headers",
}

// isCutShort tells whether a body ended before its framing said so.
func isCutShort(err error) bool {
	if _, ok := errors.AsType[flate.CorruptInputError](err); ok {
		return true
	}
	return errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, gzip.ErrHeader) || errors.Is(err, gzip.ErrChecksum)
}
