package server

import (
	"fmt"
	"net/http"
	"runtime/pprof"
	"runtime/trace"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	usualProfile   = 30 * time.Second
	longestProfile = 5 * time.Minute
)

// handleProfiles serves what "go tool pprof" and "go tool trace" ask for, under the paths
// that they know. net/http/pprof would do, but it adds itself to http.DefaultServeMux of
// every program that this package is embedded in, and tells the command line.
func handleProfiles(mux *http.ServeMux) {
	mux.HandleFunc("GET /debug/pprof/{$}", func(w http.ResponseWriter, _ *http.Request) {
		var text strings.Builder
		text.WriteString("profile?seconds=30   CPU\ntrace?seconds=1      execution trace\n")
		for _, p := range profiles() {
			fmt.Fprintf(&text, "%-20s %d\n", p.Name(), p.Count())
		}
		answer(w, http.StatusOK, text.String())
	})
	mux.HandleFunc("GET /debug/pprof/profile", func(w http.ResponseWriter, r *http.Request) {
		record(w, r, usualProfile, func() error { return pprof.StartCPUProfile(w) }, pprof.StopCPUProfile)
	})
	mux.HandleFunc("GET /debug/pprof/trace", func(w http.ResponseWriter, r *http.Request) {
		record(w, r, time.Second, func() error { return trace.Start(w) }, trace.Stop)
	})
	mux.HandleFunc("GET /debug/pprof/{name}", func(w http.ResponseWriter, r *http.Request) {
		p := pprof.Lookup(r.PathValue("name"))
		if p == nil {
			answer(w, http.StatusNotFound, "there is no profile of that name\n")
			return
		}
		debug := 0
		if text := r.FormValue("debug"); text == "1" || text == "2" {
			debug = int(text[0] - '0')
			w.Header().Set("Content-Type", "text/plain; charset=utf-8")
		} else {
			attach(w, p.Name())
		}
		_ = p.WriteTo(w, debug) // the reader left
	})
}

func profiles() []*pprof.Profile {
	list := pprof.Profiles()
	slices.SortFunc(list, func(a, b *pprof.Profile) int { return strings.Compare(a.Name(), b.Name()) })
	return list
}

func attach(w http.ResponseWriter, name string) {
	w.Header().Set("Content-Type", "application/octet-stream")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
}

// record runs what start begins for as long as the request says. One runs at a time.
func record(w http.ResponseWriter, r *http.Request, usual time.Duration, start func() error, stop func()) {
	length := usual
	if text := r.FormValue("seconds"); text != "" {
		seconds, err := strconv.ParseFloat(text, 64)
		if length = time.Duration(seconds * float64(time.Second)); err != nil || length <= 0 || length > longestProfile {
			answer(w, http.StatusBadRequest, fmt.Sprintf("seconds is a number above 0 and up to %.0f\n", longestProfile.Seconds()))
			return
		}
	}
	// The server's own bound is for what is at hand.
	if err := http.NewResponseController(w).SetWriteDeadline(time.Now().Add(length + usualProfile)); err != nil {
		answer(w, http.StatusInternalServerError, "the time for the profile cannot be set\n")
		return
	}
	attach(w, "profile")
	if err := start(); err != nil {
		w.Header().Del("Content-Disposition")
		answer(w, http.StatusConflict, "another recording runs\n")
		return
	}
	defer stop()
	timer := time.NewTimer(length)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-r.Context().Done():
	}
}
