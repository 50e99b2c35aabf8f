// Package faults runs Sluice against a provider that does everything wrong that a
// provider can do wrong on a wire: each call ends within its bound, whole or with a
// well-formed error of the right reason; what arrived before is delivered; nothing of
// it stays behind.
//
// What must come out follows from the issue "Dispatch", the comments of
// sluice/v1/error.proto, and the table of server/fault.
package faults

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Bounds in the configurations below, and what a busy machine may add to them.
const (
	connectTime    = 200 * time.Millisecond
	firstByteTime  = 600 * time.Millisecond
	firstTokenTime = 300 * time.Millisecond
	idleTime       = 600 * time.Millisecond
	totalTime      = 400 * time.Millisecond
	farTime        = 5 * time.Second // of the bounds that a case is not about
	slack          = time.Second
	soon           = slack           // for what needs no bound to end
	bulkyTime      = 8 * time.Second // for 50 MB, under the race detector

	// far is how many times its bound a call must take to be more than a busy machine: what
	// is over a bound is printed, and judged by people.
	far = 3

	markerKey    = "sk-marker-8f3a91c0d5e7"
	markerPrompt = "prompt-marker-the-quick-brown-fox"
)

// Reasons, as x-sluice-error-reason and receipts name them.
const (
	unavailable = "upstream_unavailable"
	overloaded  = "upstream_overloaded"
	rateLimited = "upstream_rate_limited"
	garbled     = "upstream_protocol"
	tooLong     = "upstream_timeout"
	noConnect   = "upstream_connect_timeout"
	noFirstByte = "upstream_first_byte_timeout"
	noToken     = "upstream_first_token_timeout"
	silent      = "upstream_idle_timeout"
)

// fault is one way to go wrong.
type fault struct {
	name string
	// provider is how the configuration names the one to call: "flaky" when empty.
	provider string
	// script is nil for what fails before there is a connection.
	script script
	// unary and stream say what must come of each kind of call; nil: it is not made.
	unary, stream *want
	// bulky faults move so many bytes that the leak test does not run many at once.
	bulky bool
	// close runs up to a bound: with many at once and shorter bounds, it may miss it.
	close bool
}

// want is what a caller must get.
type want struct {
	// status is that of the REST door, or of the ErrorDetail; 200 for a whole answer. A
	// broken stream has it in the detail alone. Several: any of them.
	status []int
	// reasons: any of them. Empty for a whole answer.
	reasons []string
	// chunks arrive before the error event.
	chunks int
	// says is the provider's own error message, which passes. Empty: Sluice's own.
	says string
	// header holds fields that the REST door must show.
	header map[string]string
	within time.Duration
}

func (w *want) whole() bool { return len(w.reasons) == 0 }

// fine is a whole answer.
func fine() *want { return &want{status: []int{200}, chunks: nWhole, within: soon} }

// fails is an error before anything of the answer reached the caller.
func fails(status int, reasons ...string) *want {
	return &want{status: []int{status}, reasons: reasons, within: soon}
}

func (w *want) in(bound time.Duration) *want { w.within = bound + slack; return w }

func (w *want) orStatus(status int) *want { w.status = append(w.status, status); return w }

func (w *want) behind(chunks int) *want { w.chunks = chunks; return w }

func (w *want) saying(message string) *want { w.says = message; return w }

func (w *want) withHeader(name, value string) *want {
	w.header = map[string]string{name: value}
	return w
}

// both makes one of an answer in one piece and one of a stream.
func both(f func() *want) (unary, stream *want) { return f(), f() }

// faults are all of them.
func faults(elsewhere string) []fault {
	var all []fault
	for _, some := range [][]fault{
		connectionFaults(), timeFaults(), statusFaults(elsewhere), headFaults(), framingFaults(), bodyFaults(), streamFaults(),
	} {
		all = append(all, some...)
	}
	for i := range all {
		if all[i].provider == "" && !all[i].timed() {
			all[i].provider = "patient" // a busy machine misses short bounds
		}
	}
	return all
}

// spills tells whether bytes of the answer may come to the next call on the connection:
// net/http hands a connection out again before it looks whether anything is left on it.
// Such faults have a provider of their own, and the leak test, which makes many calls at
// once, does not look at what they get.
func (f fault) spills() bool { return f.provider == "split" }

// timed tells whether a bound of time decides what comes of it.
func (f fault) timed() bool {
	for _, w := range []*want{f.unary, f.stream} {
		if w != nil && slices.ContainsFunc(w.reasons, func(reason string) bool { return strings.HasSuffix(reason, "_timeout") }) {
			return true
		}
	}
	return f.close
}

// model is what the fault's script is called.
func (f fault) model() string {
	if f.provider == "" {
		return "flaky/" + f.name
	}
	return f.provider + "/" + f.name
}

// configuration has one provider per set of bounds. Retries and breakers are off, so
// that every fault shows itself.
func configuration(flaky, closed, full string) string {
	within := func(connect time.Duration, name, address, timeouts string) string {
		return fmt.Sprintf("  - {name: %s, kind: openai, base_url: \"http://%s/v1\", api_keys: [%s], timeouts: {connect: %s, %s}}\n",
			name, address, markerKey, connect, timeouts)
	}
	provider := func(name, address, timeouts string) string { return within(connectTime, name, address, timeouts) }
	return "breaker: {enabled: false}\nrouting: {retries: {max_attempts: 1}}\nproviders:\n" +
		provider("flaky", flaky, fmt.Sprintf("first_byte: %s, idle: %s", firstByteTime, idleTime)) +
		provider("split", flaky, fmt.Sprintf("first_byte: %s, idle: %s", firstByteTime, idleTime)) +
		within(farTime, "patient", flaky, fmt.Sprintf("first_byte: %s, idle: %s", farTime, farTime)) +
		provider("closed", closed, fmt.Sprintf("first_byte: %s", farTime)) +
		provider("full", full, fmt.Sprintf("first_byte: %s", farTime)) +
		provider("eager", flaky, fmt.Sprintf("first_byte: %s, idle: %s, first_token: %s", farTime, farTime, firstTokenTime)) +
		provider("hurried", flaky, fmt.Sprintf("first_byte: %s, idle: %s, total: %s", farTime, farTime, totalTime))
}
