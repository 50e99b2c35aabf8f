package edge

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/gateway"
)

// rpcHead is where a protocol's requests say how to read them, in net/http's spelling.
type rpcHead struct{ encoding, accept, timeout string }

// headOf returns those of a request to an RPC path.
func headOf(r *http.Request) rpcHead {
	switch {
	case connectProtocol(r) != gateway.DoorConnect:
		return rpcHead{"Grpc-Encoding", "Grpc-Accept-Encoding", "Grpc-Timeout"}
	case enveloped(r):
		return rpcHead{"Connect-Content-Encoding", "Connect-Accept-Encoding", "Connect-Timeout-Ms"}
	}
	return rpcHead{"Content-Encoding", "Accept-Encoding", "Connect-Timeout-Ms"}
}

const (
	encodingGzip          = "gzip"
	headerConnectProtocol = "Connect-Protocol-Version"
)

// unfit returns why connect-go would refuse the head of a request, nil when it would not
// or says it by a status alone: its own words carry no reason of ours.
func (h rpcHead) unfit(r *http.Request) *fault.Error {
	encoding, version, inQuery := r.Header.Get(h.encoding), r.Header.Get(headerConnectProtocol), url.Values(nil)
	switch {
	case r.Method == http.MethodGet && r.URL.RawQuery != "":
		inQuery = r.URL.Query()
		encoding, version = inQuery.Get("compression"), strings.TrimPrefix(inQuery.Get("connect"), "v")
	case r.Method != http.MethodPost || !strings.HasPrefix(r.Header.Get("Content-Type"), "application/"):
		return nil
	}
	switch encoding {
	case "", "identity", encodingGzip:
	default: // UNIMPLEMENTED, by gRPC's compression.md and the Connect protocol
		return fault.New(sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED,
			"compression %q is not supported: send %s or none", visible(encoding, maxNameBytes), encodingGzip)
	}
	if timeout := r.Header.Get(h.timeout); timeout != "" && !h.validTimeout(timeout) {
		return fault.Invalid("", "header %s is %q: %s", strings.ToLower(h.timeout), visible(timeout, maxNameBytes), h.timeoutForm())
	}
	if connectProtocol(r) != gateway.DoorConnect {
		return nil
	}
	if version != "" && version != "1" {
		return fault.Invalid("", "version %q of the Connect protocol is not known: only 1 is", visible(version, maxNameBytes))
	}
	if inQuery != nil {
		return unfitQuery(inQuery)
	}
	return nil
}

// unfitQuery is for calls by GET, whose message stands in the query. Source: the Connect
// protocol, "Unary-Get-Request".
func unfitQuery(query url.Values) *fault.Error {
	const message = "message"
	if query.Get("encoding") == "" {
		return nil // no protocol's: connect-go answers 415
	}
	if !query.Has(message) {
		return fault.Invalid("", "query has no message")
	}
	if query.Get("base64") != "1" {
		return nil
	}
	if _, err := base64.RawURLEncoding.DecodeString(strings.TrimRight(query.Get(message), "=")); err != nil {
		return fault.Invalid("", "message in the query is no base64 for URLs")
	}
	return nil
}

// validTimeout goes by the Connect protocol, "Timeout", and by gRPC over HTTP/2,
// "TimeoutValue" and "TimeoutUnit".
func (h rpcHead) validTimeout(text string) bool {
	const maxConnectDigits, maxGRPCDigits = 10, 8
	digits, most := text, maxConnectDigits
	if h.timeout == "Grpc-Timeout" {
		last := len(text) - 1
		if strings.IndexByte("HMSmun", text[last]) < 0 {
			return false
		}
		digits, most = text[:last], maxGRPCDigits
	}
	return digits != "" && len(digits) <= most && strings.Trim(digits, "0123456789") == ""
}

func (h rpcHead) timeoutForm() string {
	if h.timeout == "Grpc-Timeout" {
		return "want at most 8 digits and a unit, one of H M S m u n"
	}
	return "want milliseconds, at most 10 digits"
}

// unread answers a request whose head connect-go would refuse.
func (d *connectDoor) unread(w http.ResponseWriter, r *http.Request, h rpcHead, f *fault.Error) {
	w.Header()[h.accept] = []string{encodingGzip}
	if f.Reason == sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST {
		r.Header.Del(headerConnectProtocol) // an odd one makes connect-go answer in another protocol
	}
	d.refuse(w, r, f)
}
