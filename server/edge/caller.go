package edge

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net"
	"net/http"
	"net/textproto"
	"slices"
	"strings"

	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"

	"github.com/sluice-ai/sluice/adapters"

	"github.com/sluice-ai/sluice/server/gateway"
)

// callerHeaders names the headers that say something about a call beside its message,
// in the form in which a transport has them.
type callerHeaders struct {
	// credentials in the order in which they count.
	credentials [3]string
	// route is the caller's wish where the call goes.
	route string
	// trace is W3C Trace Context's.
	trace string
	// retryCount comes with every attempt of the official OpenAI SDKs, "0" with the
	// first. Source: openai-go v3, internal/requestconfig; openai-python,
	// _base_client.py; openai-node, client.ts.
	retryCount string
	// previousAttempts comes with every attempt of a gRPC client but the first. Source:
	// gRFC A6, "Exposed Retry Metadata".
	previousAttempts string
}

var metadataHeaders = callerHeaders{
	credentials:      [...]string{"authorization", "x-api-key", "api-key"},
	route:            "x-sluice-route",
	trace:            "traceparent",
	retryCount:       "x-stainless-retry-count",
	previousAttempts: "grpc-previous-rpc-attempts",
}

var httpHeaders = func() callerHeaders {
	c := metadataHeaders
	for _, name := range []*string{
		&c.credentials[0], &c.credentials[1], &c.credentials[2], &c.route, &c.trace, &c.retryCount, &c.previousAttempts,
	} {
		*name = textproto.CanonicalMIMEHeaderKey(*name)
	}
	return c
}()

// newHTTPCall returns the call of a request on the HTTP port.
func newHTTPCall(door gateway.Door, r *http.Request) *gateway.Call {
	call := newCall(door)
	call.Header = forwarded(r.Header)
	call.Value = httpValues(r.Header).get
	httpHeaders.tell(call, r.Header)
	if call.Caller == "" {
		call.Caller = opaque(kindAddress, hostOf(r.RemoteAddr))
	}
	return call
}

// newGRPCCall returns the call of a stream on the native gRPC port.
func newGRPCCall(ctx context.Context) *gateway.Call {
	call := newCall(gateway.DoorGRPC)
	if md, ok := metadata.FromIncomingContext(ctx); ok {
		call.Header = forwardedMetadata(md)
		call.Value = metadataValues(md).get
		metadataHeaders.tell(call, md)
	}
	if p, ok := peer.FromContext(ctx); ok && call.Caller == "" && p.Addr != nil {
		call.Caller = opaque(kindAddress, hostOf(p.Addr.String()))
	}
	return call
}

// tell enters into the call what its headers say.
func (c *callerHeaders) tell(call *gateway.Call, h map[string][]string) {
	switch lines := h[c.route]; len(lines) {
	case 0:
	case 1:
		call.Route = lines[0]
	default:
		call.Route = strings.Join(lines, ", ")
	}
	if lines := h[c.trace]; len(lines) == 1 && isTraceparent(lines[0]) {
		call.Trace = lines[0]
	}
	call.RepeatsItself = len(h[c.retryCount]) > 0 || repeated(h[c.previousAttempts])
	for _, name := range c.credentials {
		if lines := h[name]; len(lines) > 0 {
			if secret := bare(lines[0]); secret != "" {
				call.Caller = CallerOfKey(secret)
				return
			}
		}
	}
}

// CallerOfKey returns the [gateway.Call]'s Caller of those who bring the key.
func CallerOfKey(key string) string { return opaque(kindKey, bare(key)) }

// repeated tells whether grpc-previous-rpc-attempts is a positive number.
func repeated(lines []string) bool { return len(lines) > 0 && strings.Trim(lines[0], "0") != "" }

// bare returns a credential without the scheme of bearer tokens, so that a key is the
// same in every header.
func bare(credential string) string {
	const scheme = "bearer"
	if len(credential) >= len(scheme) && strings.EqualFold(credential[:len(scheme)], scheme) {
		rest := credential[len(scheme):]
		if rest == "" || rest[0] == ' ' {
			credential = rest
		}
	}
	return strings.TrimSpace(credential)
}

// What [opaque] tells apart, so that nobody who sends an address as a key becomes the
// caller at that address.
const (
	kindKey     = "key\x00"
	kindAddress = "address\x00"
)

// opaque returns 16 hexadecimal digits that stand for a text, the same at every replica
// and after every start, since sticky routes go by them. Nothing shows them.
func opaque(kind, text string) string {
	var buffer [128]byte // most keys fit, and then nothing is allocated
	sum := sha256.Sum256(append(append(buffer[:0], kind...), text...))
	var digits [16]byte
	hex.Encode(digits[:], sum[:len(digits)/2])
	return string(digits[:])
}

// hostOf returns the host of a peer's address. Headers that name another one, as
// X-Forwarded-For, are anybody's to write.
func hostOf(address string) string {
	if host, _, err := net.SplitHostPort(address); err == nil {
		return host
	}
	return address
}

// httpValues are a request's headers.
type httpValues http.Header

func (h httpValues) get(name string) string {
	if isSecret(strings.ToLower(name)) {
		return ""
	}
	if lines := h[canonicalName(name)]; len(lines) > 0 {
		return lines[0]
	}
	return ""
}

// metadataValues are a stream's.
type metadataValues metadata.MD

func (h metadataValues) get(name string) string {
	if lines := h[name]; len(lines) > 0 && !isSecret(name) {
		return lines[0]
	}
	return ""
}

// isSecret tells whether a header is a credential by its name, which is in lower case.
func isSecret(name string) bool {
	return slices.Contains(adapters.CredentialHeaders, name) || name == "proxy-authorization" || name == "cookie"
}

// isTraceparent tells whether a value is valid: version, trace, parent and flags in
// lower-case hexadecimal; versions after 00 may have more behind. Source: W3C Trace
// Context, "traceparent Header Field Values".
func isTraceparent(value string) bool {
	const form = "00-00000000000000000000000000000000-0000000000000000-00"
	if len(value) < len(form) || len(value) > 256 {
		return false
	}
	for i := range len(form) {
		c := value[i]
		if form[i] == '-' && c != '-' || form[i] != '-' && (c < '0' || c > '9') && (c < 'a' || c > 'f') {
			return false
		}
	}
	version, trace, parent, more := value[:2], value[3:35], value[36:52], value[len(form):]
	return version != "ff" && trace != form[3:35] && parent != form[36:52] &&
		(more == "" || version != "00" && more[0] == '-' && printable(more))
}
