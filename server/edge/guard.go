package edge

import (
	"fmt"
	"net"
	"net/http"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/server/edge/frame"
	"github.com/sluice-ai/sluice/server/fault"
)

// Bounds of a request's header, the same for HTTP/1 and HTTP/2.
const (
	maxHeaderBytes  = frame.DefaultMaxHeadBytes
	maxHeaderFields = frame.DefaultMaxFields
	maxURLBytes     = frame.DefaultMaxTargetBytes
)

// GuardHTTP returns l with a guard around each connection that refuses HTTP/1 requests
// whose framing is not strictly that of RFC 9112, before net/http sees them, and closes
// behind an answer in OpenAI's envelope. They are no calls, and no receipt counts them:
// refused, which may be nil, is told of each, by one of few fixed names, and must be
// quick and safe for concurrent use. l must speak plain text: TLS ends below it.
func GuardHTTP(l net.Listener, refused func(why string)) net.Listener {
	settings := frame.Settings{
		HeadTimeout: readHeaderTimeout,
		Answer:      func(r frame.Refusal) string { return unframed[r] },
	}
	if refused != nil {
		settings.Refused = func(r frame.Refusal) { refused(string(r)) }
	}
	return frame.Listen(l, settings)
}

// unframed holds the answers to refused requests.
var unframed = func() map[frame.Refusal]string {
	answers := map[frame.Refusal]string{}
	for _, r := range frame.Refusals() {
		f := badRequest(r.Status(), "request refused: %s", r.Message())
		answers[r] = bareAnswer(f, "X-Should-Retry: false\r\n")
	}
	return answers
}()

// bareAnswer is the answer of a fault on a connection that net/http does not serve, and
// that is closed behind it. more are further header lines, each with its end.
func bareAnswer(f *fault.Error, more string) string {
	body := wirejson.Marshal(f.Envelope)
	return fmt.Sprintf("HTTP/1.1 %d %s\r\nConnection: close\r\nContent-Type: %s\r\nContent-Length: %d\r\n%sX-Sluice-Error-Reason: %s\r\n\r\n%s",
		f.Status, http.StatusText(f.Status), contentTypeJSON, len(body), more, f.Name(), body)
}

// badRequest is the fault of a request that breaks HTTP's rules or the bounds of its
// header.
func badRequest(status int, format string, args ...any) *fault.Error {
	reason := sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST
	if status == http.StatusRequestURITooLong || status == http.StatusRequestHeaderFieldsTooLarge {
		reason = sluicev1.ErrorReason_ERROR_REASON_REQUEST_TOO_LARGE
	}
	f := fault.New(reason, format, args...)
	f.Status = status
	return f
}

// odd returns why a request is refused whatever its path, nil when it is not. On HTTP/1
// the guard refuses the same before; HTTP/2 has no guard.
func odd(r *http.Request) *fault.Error {
	switch {
	case r.Method == http.MethodConnect:
		return badRequest(http.StatusBadRequest, "request refused: %s", frame.Connect.Message())
	case len(r.RequestURI) > maxURLBytes:
		return badRequest(http.StatusRequestURITooLong, "path and query of %d bytes exceed the limit of %d bytes", len(r.RequestURI), maxURLBytes)
	case r.URL.Host != "" && r.ProtoMajor == 1 || r.URL.Path == "" || r.URL.Path[0] != '/':
		return badRequest(http.StatusBadRequest, "request refused: %s", frame.BadTarget.Message())
	case !frame.ValidHost(r.Host) && (r.Host != "" || r.ProtoAtLeast(1, 1)), hasOtherHost(r):
		return badRequest(http.StatusBadRequest, "request refused: %s", frame.BadHost.Message())
	}
	fields := 0
	for _, values := range r.Header {
		fields += len(values)
	}
	if fields > maxHeaderFields {
		return badRequest(http.StatusRequestHeaderFieldsTooLarge, "header of %d fields exceeds the limit of %d fields", fields, maxHeaderFields)
	}
	return nil
}

// hasOtherHost tells whether HTTP/2's :authority and a header field differ: whoever
// stands in front may have gone by the other one. net/http takes the field out on HTTP/1.
func hasOtherHost(r *http.Request) bool {
	for _, host := range r.Header["Host"] {
		if host != r.Host {
			return true
		}
	}
	return false
}
