package edge

import (
	"net/http"
	"strings"

	connectcors "connectrpc.com/cors"
	"github.com/rs/cors"

	"github.com/sluice-ai/sluice/server/fault"
	"github.com/sluice-ai/sluice/server/gateway"
)

// httpDoor is the handler of the HTTP port: it tells the doors behind it apart by
// path.
type httpDoor struct {
	cors    *cors.Cors
	connect *connectDoor
	rest    *restDoor
	docs    http.Handler
}

func newHTTP(config Config, service *gateway.Service, health *health) *httpDoor {
	return &httpDoor{
		cors:    newCORS(config.AllowedOrigins),
		connect: newConnect(config, service, health),
		rest:    newREST(config, service),
		docs:    config.Docs,
	}
}

// newCORS lets scripts of web pages call and read the answers. SDKs send headers of
// their own, so every request header is allowed; there are no cookies to abuse.
func newCORS(origins []string) *cors.Cors {
	options := cors.Options{
		AllowedOrigins: origins,
		AllowedMethods: append([]string{http.MethodHead}, connectcors.AllowedMethods()...),
		AllowedHeaders: []string{"*"},
		// "*" covers the rest, such as x-ratelimit-*, where browsers know it.
		ExposedHeaders: append(connectcors.ExposedHeaders(),
			headerRequestID, headerSluiceRequestID, headerErrorReason,
			gateway.HeaderProvider, gateway.HeaderModel, gateway.HeaderAttempts, gateway.HeaderTried,
			"retry-after", "retry-after-ms", "x-should-retry", "*"),
		MaxAge: 7200, // the most that Chromium takes
	}
	if len(origins) == 0 { // to the package, that means every origin
		options.AllowOriginFunc = func(string) bool { return false }
	}
	return cors.New(options)
}

func (d *httpDoor) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if f := odd(r); f != nil {
		w.Header().Set("Connection", "close")
		d.refuse(w, r, f)
		return
	}
	if r.Method != http.MethodPost && r.ContentLength != 0 {
		boundLeftover(http.NewResponseController(w), d.rest.config.ReadTimeout, d.rest.config.WriteTimeout) // net/http reads what nobody wants
	}
	if r.Header["Origin"] != nil || r.Method == http.MethodOptions {
		next := d.route
		if f := d.foreign(r); f != nil {
			next = func(w http.ResponseWriter, r *http.Request) { d.refuseForeign(w, r, f) }
		}
		d.cors.ServeHTTP(w, r, next)
		return
	}
	d.route(w, r)
}

func (d *httpDoor) route(w http.ResponseWriter, r *http.Request) {
	path := r.URL.Path
	if f := d.checkSpelling(r); f != nil {
		d.refuse(w, r, f)
		return
	}
	if e := find(path); e != nil {
		d.rest.serve(w, r, place{endpoint: e, path: path})
		return
	}
	if d.docs != nil && (path == "/docs" || path == "/openapi.json" || strings.HasPrefix(path, "/docs/")) {
		if r.ContentLength != 0 {
			boundLeftover(http.NewResponseController(w), d.rest.config.ReadTimeout, d.rest.config.WriteTimeout)
		}
		d.docs.ServeHTTP(w, r)
		return
	}
	if handler := d.connect.handler(path); handler != nil {
		handler.ServeHTTP(w, r)
		return
	}
	if path == "/" || path == prefix || path == prefix+"/" {
		d.index(w, r)
		return
	}
	if d.connect.speaks(r) {
		d.connect.unknown(w, r)
		return
	}
	under, rest, _ := d.rest.service.Prefix(path)
	if under != "" {
		if at := placeUnder(under, rest); at.endpoint != nil {
			d.rest.serve(w, r, at)
			return
		}
	}
	d.rest.refuse(w, r, place{under: under}, unknownPath(r, under))
}

// refuse answers in the protocol that the request speaks.
func (d *httpDoor) refuse(w http.ResponseWriter, r *http.Request, f *fault.Error) {
	if d.connect.speaks(r) {
		d.connect.refuse(w, r, f)
		return
	}
	d.rest.refuse(w, r, place{}, f)
}

func (d *httpDoor) index(w http.ResponseWriter, r *http.Request) {
	const methods = "GET, HEAD, OPTIONS"
	switch r.Method {
	case http.MethodGet, http.MethodHead:
		serveIndex(w, r, d.docs != nil)
	case http.MethodOptions:
		allow(w, methods)
	default:
		w.Header().Set("Allow", methods)
		d.rest.refuse(w, r, place{}, methodNotAllowed(r, http.MethodGet))
	}
}
