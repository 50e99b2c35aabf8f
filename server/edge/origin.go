package edge

import (
	"net"
	"net/http"
	"net/netip"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// foreign returns why a request of a web page is refused, nil when it is not, or when
// no page sent it. CORS alone keeps pages from reading answers: a request that needs
// no preflight would still be carried out, at the operator's expense.
func (d *httpDoor) foreign(r *http.Request) *fault.Error {
	origin := r.Header.Get("Origin")
	if origin == "" || r.Method == http.MethodOptions || d.cors.OriginAllowed(r) || sameOrigin(r, origin) {
		return nil
	}
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_PERMISSION_DENIED,
		"web origin %q may not call: name it in cors.origins", visible(origin, maxShownBytes))
}

// refuseForeign answers in the protocol that the path belongs to.
func (d *httpDoor) refuseForeign(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	at := place{endpoint: find(r.URL.Path)}
	if at.endpoint == nil && (d.connect.handler(r.URL.Path) != nil || d.connect.speaks(r)) {
		d.connect.refuse(w, r, f)
		return
	}
	if under, rest, ok := d.rest.service.Prefix(r.URL.Path); ok && at.endpoint == nil {
		at = placeUnder(under, rest)
	}
	d.rest.refuse(w, r, at, f)
}

// sameOrigin tells whether a page came from the address that it calls, as /docs does.
// A site can let its own name resolve to this machine (DNS rebinding), so a name
// counts on a loopback connection only when it is one of this machine's.
func sameOrigin(r *http.Request, origin string) bool {
	scheme, from, ok := strings.Cut(origin, "://")
	host := r.Host
	switch {
	case !ok:
		return false
	case scheme == "http":
		host = strings.TrimSuffix(host, ":80")
	case scheme == "https":
		host = strings.TrimSuffix(host, ":443")
	default:
		return false
	}
	return strings.EqualFold(from, host) && (!overLoopback(r) || loopbackName(r.Host))
}

func overLoopback(r *http.Request) bool {
	local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr)
	return ok && local.IP.IsLoopback()
}

// loopbackName tells whether the host of a Host header always means this machine.
func loopbackName(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	if strings.EqualFold(host, "localhost") {
		return true
	}
	address, err := netip.ParseAddr(strings.Trim(host, "[]"))
	return err == nil && address.IsLoopback()
}
