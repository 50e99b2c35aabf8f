package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"io"
	"net/http"
	"runtime/debug"
	"strings"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"github.com/sluice-ai/sluice/adapters"
)

// newRegistry returns a registry with what every Go process tells of itself.
func newRegistry(version string) *prometheus.Registry {
	revision, goVersion := "", ""
	if build, ok := debug.ReadBuildInfo(); ok {
		goVersion = build.GoVersion
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" {
				revision = s.Value
			}
		}
	}
	info := prometheus.NewGauge(prometheus.GaugeOpts{
		Name:        "sluice_build_info",
		Help:        "Always 1; the labels say what is running.",
		ConstLabels: prometheus.Labels{"version": version, "revision": revision, "go_version": goVersion},
	})
	info.Set(1)
	registry := prometheus.NewRegistry()
	registry.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}), info)
	return registry
}

// adminIndex is what GET / answers on the admin listener.
const adminIndex = `Sluice: for operators

GET /healthz       200 as long as the process lives
GET /readyz        200 while calls are welcome
GET /metrics       metrics for Prometheus
GET /status        providers, keys and targets as JSON; "sluice status" prints it as a table
GET /debug/pprof/  profiles of the process for "go tool pprof"
`

// newAdminServer answers operators: /healthz as long as the process lives, /readyz
// while calls are welcome, /metrics, /status with what status returns, and profiles. None
// of them asks a provider, so that one that hangs delays none of them. All but the first
// two want the token, unless that is empty.
//
// Providers that are down do not make a replica unready: calls are tried all the same,
// which is how their return is noticed, and every other replica would see the same and
// leave the service without any. Callers get the reason, which a load balancer could not
// tell them.
func newAdminServer(registry *prometheus.Registry, ready *atomic.Bool, status func() Status, token func() adapters.Secret) *http.Server {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, adminIndex)
	})
	mux.HandleFunc("GET /status", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		w.Header().Set("Cache-Control", "no-store")
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")  // people read it with curl
		_ = encoder.Encode(status()) // the reader left
	})
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, "ok\n")
	})
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) {
		if ready.Load() {
			answer(w, http.StatusOK, "ready\n")
			return
		}
		answer(w, http.StatusServiceUnavailable, "not ready: starting or stopping\n")
	})
	mux.Handle("GET /metrics", promhttp.HandlerFor(registry, promhttp.HandlerOpts{Registry: registry}))
	handleProfiles(mux)
	return &http.Server{
		Handler:           guarded(mux, token),
		ReadHeaderTimeout: 5 * time.Second,
		ReadTimeout:       10 * time.Second,
		WriteTimeout:      30 * time.Second,
		IdleTimeout:       time.Minute,
		MaxHeaderBytes:    64 << 10,
	}
}

// guarded asks for the token, but not whoever checks health: Kubernetes' kubelet has none.
func guarded(next http.Handler, token func() adapters.Secret) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		wanted := token().Reveal()
		if wanted == "" || r.URL.Path == "/healthz" || r.URL.Path == "/readyz" || brings(r, wanted) {
			next.ServeHTTP(w, r)
			return
		}
		w.Header().Set("WWW-Authenticate", `Bearer realm="Sluice's admin listener"`)
		answer(w, http.StatusUnauthorized, "send listen.admin_token of the configuration as Authorization: Bearer TOKEN\n")
	})
}

// brings compares digests, so that the time it takes tells not even a length.
func brings(r *http.Request, wanted string) bool {
	scheme, given, _ := strings.Cut(r.Header.Get("Authorization"), " ")
	a, b := sha256.Sum256([]byte(strings.TrimSpace(given))), sha256.Sum256([]byte(wanted))
	return subtle.ConstantTimeCompare(a[:], b[:]) == 1 && strings.EqualFold(scheme, "Bearer")
}

func answer(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	_, _ = io.WriteString(w, text) // the prober left
}
