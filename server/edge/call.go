package edge

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"
	"net/http"
	"net/textproto"
	"slices"
	"strings"
	"time"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/gateway"
)

// Names of headers that Sluice itself sets, in lower case.
const (
	// headerRequestID is the provider's id of the request when it gave one, since that
	// is what the provider's support asks for; else Sluice's.
	headerRequestID = "x-request-id"
	// headerSluiceRequestID is always Sluice's id of the call, as in its receipts.
	headerSluiceRequestID = "x-sluice-request-id"
	// headerErrorReason is the name of the [sluicev1.ErrorReason], in lower case.
	headerErrorReason = "x-sluice-error-reason"
)

// newCall returns the call of a door. Its id is always made here: an x-request-id of
// the caller is not taken, because receipts are found by id and two callers could
// choose the same. A caller that wants an id of its own on the call sends
// x-client-request-id, which goes to the provider.
func newCall(door gateway.Door) *gateway.Call {
	return &gateway.Call{ID: newID(), Door: door, Start: time.Now()}
}

// newID returns 128 random bits in the form of OpenAI's request ids.
func newID() string {
	const prefix = "req_"
	var bits [16]byte
	// Ids are no secrets, and crypto/rand would cost a system call.
	binary.LittleEndian.PutUint64(bits[:8], rand.Uint64()) //nolint:gosec // see above
	binary.LittleEndian.PutUint64(bits[8:], rand.Uint64()) //nolint:gosec // see above
	var id [len(prefix) + 2*len(bits)]byte
	copy(id[:], prefix)
	hex.Encode(id[len(prefix):], bits[:])
	return string(id[:])
}

var forwardedCanonical = func() []string {
	names := make([]string, len(adapters.ForwardedRequestHeaders))
	for i, name := range adapters.ForwardedRequestHeaders {
		names[i] = textproto.CanonicalMIMEHeaderKey(name)
	}
	return names
}()

// forwarded reduces a caller's HTTP headers to those that go to the provider.
func forwarded(from http.Header) adapters.Header {
	var kept adapters.Header
	for i, name := range forwardedCanonical {
		for _, value := range from[name] {
			kept.Add(adapters.ForwardedRequestHeaders[i], value)
		}
	}
	return kept
}

// replyHeader calls set with every header of the answer to call, lower-case names,
// each name's values together and none of them twice.
func replyHeader(call *gateway.Call, set func(name string, values ...string)) {
	set(headerSluiceRequestID, call.ID)
	if call.Reply.Get(headerRequestID) == "" {
		set(headerRequestID, call.ID)
	}
	h := call.Reply
	for i, field := range h {
		if has(h[:i], field.Name) || reserved(field.Name) {
			continue
		}
		values := make([]string, 0, 1)
		for _, other := range h[i:] {
			if other.Name == field.Name && printable(other.Value) && !slices.Contains(values, other.Value) {
				values = append(values, other.Value)
			}
		}
		if len(values) > 0 {
			set(field.Name, values...)
		}
	}
}

func has(h adapters.Header, name string) bool {
	for i := range h {
		if h[i].Name == name {
			return true
		}
	}
	return false
}

// reserved tells whether a header belongs to a transport, so that a value from
// elsewhere would break the answer's frame.
func reserved(name string) bool {
	switch name {
	case "", "content-length", "content-type", "content-encoding", "transfer-encoding",
		"connection", "trailer", "te", "upgrade", headerSluiceRequestID:
		return true
	}
	return strings.HasPrefix(name, "grpc-") || strings.HasPrefix(name, "connect-") ||
		strings.HasSuffix(name, "-bin") || strings.HasPrefix(name, ":")
}

// printable tells whether a value may stand in HTTP headers and gRPC metadata alike.
func printable(value string) bool {
	for i := range len(value) {
		if value[i] < 0x20 || value[i] > 0x7e {
			return false
		}
	}
	return true
}

// setHTTP returns a setter for [replyHeader].
func setHTTP(h http.Header) func(name string, values ...string) {
	return func(name string, values ...string) { h[canonicalName(name)] = values }
}

// canonicalName is net/http's form of a lower-case name, without allocating for those
// of every answer.
func canonicalName(name string) string {
	switch name {
	case headerRequestID:
		return "X-Request-Id"
	case headerSluiceRequestID:
		return "X-Sluice-Request-Id"
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}
