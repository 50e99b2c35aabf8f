package frame

import (
	"fmt"
	"net/http"
)

// Refusal says why a request was refused. Its values are few, and name no part of what
// was sent, so that they suit metrics.
type Refusal string

// Every [Refusal]. The zero value means that nothing was refused.
const (
	BadRequestLine      Refusal = "request_line"
	BadTarget           Refusal = "target"
	Connect             Refusal = "connect"
	BadVersion          Refusal = "version"
	BadLineEnd          Refusal = "line_end"
	BadField            Refusal = "field"
	Folded              Refusal = "folded"
	BadHost             Refusal = "host"
	BadLength           Refusal = "content_length"
	BadTransferEncoding Refusal = "transfer_encoding"
	UnknownEncoding     Refusal = "unknown_encoding"
	LengthAndEncoding   Refusal = "length_and_encoding"
	BadExpect           Refusal = "expect"
	TargetTooLong       Refusal = "target_too_long"
	HeadTooLarge        Refusal = "head_too_large"
	TooManyFields       Refusal = "too_many_fields"
	BadChunk            Refusal = "chunk"
	BadTrailer          Refusal = "trailer"
)

type refusalRow struct {
	status  int
	message string
}

var refusals = map[Refusal]refusalRow{
	BadRequestLine:      {http.StatusBadRequest, "the request line is not METHOD SP TARGET SP HTTP-VERSION of HTTP/1.1"},
	BadTarget:           {http.StatusBadRequest, "the request target must be a path that begins with one slash, with other characters than those of URLs percent-encoded; whole URLs are for proxies"},
	Connect:             {http.StatusBadRequest, "CONNECT is for proxies"},
	BadVersion:          {http.StatusHTTPVersionNotSupported, "the HTTP version must be 1.0 or 1.1, or 2 by its preface"},
	BadLineEnd:          {http.StatusBadRequest, "a line of the header ends in something else than CR LF"},
	BadField:            {http.StatusBadRequest, "a line of the header is not NAME: VALUE, or has characters that may not stand there"},
	Folded:              {http.StatusBadRequest, "a header field goes over several lines"},
	BadHost:             {http.StatusBadRequest, "there must be one Host header with a host name or address, and perhaps a port"},
	BadLength:           {http.StatusBadRequest, "there must be at most one Content-Length header, with one decimal number"},
	BadTransferEncoding: {http.StatusBadRequest, "there must be at most one Transfer-Encoding header, on HTTP/1.1"},
	UnknownEncoding:     {http.StatusNotImplemented, `the only transfer encoding here is "chunked"`},
	LengthAndEncoding:   {http.StatusBadRequest, "Content-Length and Transfer-Encoding exclude each other"},
	BadExpect:           {http.StatusExpectationFailed, "the only expectation here is 100-continue, once"},
	TargetTooLong:       {http.StatusRequestURITooLong, "the request target is too long"},
	HeadTooLarge:        {http.StatusRequestHeaderFieldsTooLarge, "the header is too large"},
	TooManyFields:       {http.StatusRequestHeaderFieldsTooLarge, "the header has too many fields"},
	BadChunk:            {http.StatusBadRequest, "the body is not chunked as HTTP/1.1 says"},
	BadTrailer:          {http.StatusBadRequest, "a trailer field may not stand behind a body, or has characters that may not stand there"},
}

// Refusals returns all of them, in no order.
func Refusals() []Refusal {
	all := make([]Refusal, 0, len(refusals))
	for r := range refusals {
		all = append(all, r)
	}
	return all
}

// Status returns the status of the answer.
func (r Refusal) Status() int { return refusals[r].status }

// Message says what was wrong, without a word of the request.
func (r Refusal) Message() string { return refusals[r].message }

func bareAnswer(r Refusal) string {
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Length: 0\r\n\r\n", r.Status(), http.StatusText(r.Status()))
}
