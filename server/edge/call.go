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

	"google.golang.org/grpc/metadata"

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
	// headerOwn is what all of them begin with.
	headerOwn = "x-sluice-"
)

// maxOwnBytes bounds the value of a header of ours.
const maxOwnBytes = 1 << 10

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

// forwardedMetadata is [forwarded] for gRPC's metadata.
func forwardedMetadata(from metadata.MD) adapters.Header {
	var kept adapters.Header
	for _, name := range adapters.ForwardedRequestHeaders {
		for _, value := range from[name] {
			kept.Add(name, value)
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
	all := make([]string, 0, len(h)) // the values of all names
	for i, field := range h {
		if has(h[:i], field.Name) || reserved(field.Name) {
			continue
		}
		from := len(all)
		for _, other := range h[i:] {
			switch {
			case other.Name != field.Name:
			case strings.HasPrefix(field.Name, headerOwn):
				// The gateway puts its own behind a provider's: the last one counts. A model's
				// name may have any characters.
				all = append(all[:from], visible(other.Value, maxOwnBytes))
			case printable(other.Value) && !slices.Contains(all[from:], other.Value):
				all = append(all, other.Value)
			}
		}
		if values := all[from:len(all):len(all)]; len(values) > 0 {
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
// elsewhere would break the answer's frame, or to the door.
func reserved(name string) bool {
	switch name {
	case gateway.HeaderProvider, gateway.HeaderModel, gateway.HeaderAttempts, gateway.HeaderTried, gateway.HeaderTranslation:
		return false
	case "", "content-length", "content-type", "content-encoding", "transfer-encoding",
		"connection", "trailer", "te", "upgrade":
		return true
	}
	return strings.HasPrefix(name, headerOwn) || strings.HasPrefix(name, "grpc-") || strings.HasPrefix(name, "connect-") ||
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
// of every call.
func canonicalName(name string) string {
	switch name {
	case headerRequestID:
		return "X-Request-Id"
	case headerSluiceRequestID:
		return "X-Sluice-Request-Id"
	case gateway.HeaderProvider:
		return "X-Sluice-Provider"
	case gateway.HeaderModel:
		return "X-Sluice-Model"
	case gateway.HeaderAttempts:
		return "X-Sluice-Attempts"
	case gateway.HeaderTried:
		return "X-Sluice-Tried"
	case gateway.HeaderTranslation:
		return "X-Sluice-Translation"
	case gateway.HeaderUnsupported:
		return "X-Sluice-Unsupported-Params"
	}
	return textproto.CanonicalMIMEHeaderKey(name)
}
