package bench

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

const (
	connections    = 32
	rounds         = 5
	unaryPerRound  = 6000
	streamPerRound = 600
	chunksPerReply = 200
)

var answer = []byte(`{"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion","created":1741569952,"model":"gpt-4.1-2025-04-14","choices":[{"index":0,"message":{"role":"assistant","content":"` +
	strings.Repeat("Hello there, how may I assist you today? ", 14) +
	`","refusal":null,"annotations":[]},"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":19,"completion_tokens":10,"total_tokens":29,"prompt_tokens_details":{"cached_tokens":0,"audio_tokens":0},"completion_tokens_details":{"reasoning_tokens":0,"audio_tokens":0,"accepted_prediction_tokens":0,"rejected_prediction_tokens":0}},"service_tier":"default","system_fingerprint":null}`)

const (
	chunkHead = `data: {"id":"chatcmpl-B9MBs8CjcvOU2jLn4n570S5qMJKcT","object":"chat.completion.chunk","created":1741569952,"model":"gpt-4.1-2025-04-14","service_tier":"default","system_fingerprint":"fp_44709d6fcb","choices":[{"index":0,"delta":`
	chunkTail = `}]}` + "\n\n"
)

// upstream answers like OpenAI, as cheaply as net/http can.
func upstream(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	if !bytes.Contains(body, []byte(`"stream":true`)) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write(answer)
		return
	}
	w.Header().Set("Content-Type", "text/event-stream; charset=utf-8")
	flush := http.NewResponseController(w)
	for i := range chunksPerReply {
		fmt.Fprintf(w, `%s{"content":"token%d "},"logprobs":null,"finish_reason":null%s`, chunkHead, i, chunkTail)
		_ = flush.Flush()
	}
	fmt.Fprintf(w, `%s{},"logprobs":null,"finish_reason":"stop"%s`, chunkHead, chunkTail)
	_, _ = io.WriteString(w, "data: [DONE]\n\n")
}

var (
	unaryBody = []byte(`{"model":"gpt-4.1","messages":[{"role":"system","content":"You are a helpful assistant."},{"role":"user","content":"` +
		strings.Repeat("Tell me something about the sea. ", 27) + `"}],"temperature":0.7,"max_tokens":500}`)
	streamBody = append(unaryBody[:len(unaryBody)-1:len(unaryBody)-1], `,"stream":true}`...)
)

// load sends n calls over the connections and returns how many answers were not
// whole, and what was wrong with one of them.
func load(base string, body []byte, n int, ended string) (broken int, example error) {
	transport := &http.Transport{MaxIdleConnsPerHost: connections, MaxConnsPerHost: connections}
	defer transport.CloseIdleConnections()
	client := &http.Client{Transport: transport}
	var left atomic.Int64
	left.Store(int64(n))
	errs := make(chan error, n)
	var wg sync.WaitGroup
	for range connections {
		wg.Go(func() {
			for left.Add(-1) >= 0 {
				response, err := client.Post(base+"/v1/chat/completions", "application/json", bytes.NewReader(body))
				if err != nil {
					errs <- err
					continue
				}
				text, err := io.ReadAll(response.Body)
				response.Body.Close()
				switch {
				case err != nil:
					errs <- fmt.Errorf("status %d, after %d bytes: %w", response.StatusCode, len(text), err)
				case response.StatusCode != http.StatusOK || !bytes.HasSuffix(bytes.TrimSpace(text), []byte(ended)):
					errs <- fmt.Errorf("status %d, %d bytes that do not end with %q", response.StatusCode, len(text), ended)
				}
			}
		})
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		broken++
		example = err
	}
	return broken, example
}

// compare measures the CPU time per unit of sluice and of the reverse proxy in
// alternating rounds and reports the medians and their ratio. The reverse proxy runs
// at Go's default GOGC, Sluice at gogc, or when that is "" at what it sets itself.
func compare(b *testing.B, gogc string, body []byte, calls, unitsPerCall int, ended, unit string) {
	far := role(b, roleUpstream, "")
	rivals := []process{role(b, roleProxy, far.base), sluice(b, far.base, gogc)}
	costs := map[string][]float64{}
	truncated := 0
	for round := range rounds + 1 {
		for _, p := range rivals {
			before := p.cpu(b)
			broken, err := load(p.base, body, calls, ended)
			if broken > 0 && p.name == "sluice" {
				b.Fatalf("sluice: %d of %d answers not whole: %v", broken, calls, err)
			}
			truncated += broken
			if round > 0 { // the first warms up
				costs[p.name] = append(costs[p.name], float64(p.cpu(b)-before)/float64(time.Microsecond)/float64(calls*unitsPerCall))
			}
		}
	}
	median := func(name string) float64 { slices.Sort(costs[name]); return costs[name][rounds/2] }
	ours, baseline := median("sluice"), median(roleProxy)
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(ours, "cpu-us/"+unit)
	b.ReportMetric(baseline, "baseline-cpu-us/"+unit)
	b.ReportMetric(ours/baseline, "ratio")
	if truncated > 0 {
		// http.Transport gives up on an answer that comes before it has seen the end of
		// a streamed request body.
		b.Logf("httputil.ReverseProxy cut %d of %d answers short", truncated, (rounds+1)*calls)
	}
	b.Logf("CPU per %s: sluice %.1f us (rounds %.1f to %.1f), httputil.ReverseProxy %.1f us (%.1f to %.1f): ratio %.2f",
		unit, ours, costs["sluice"][0], costs["sluice"][rounds-1], baseline, costs[roleProxy][0], costs[roleProxy][rounds-1], ours/baseline)
}

// BenchmarkGateway compares Sluice, with all that is on by default, to
// httputil.ReverseProxy before the same upstream: CPU time of the process per call
// of 1 KB and per streamed chunk, 32 connections. "own-gc" is Sluice as an operator
// gets it, which collects garbage less often than Go's default; "same-gc" gives both
// GOGC=100, so that only the code differs.
func BenchmarkGateway(b *testing.B) {
	for _, gc := range [...]struct{ name, gogc string }{{"own-gc", ""}, {"same-gc", goDefault}} {
		b.Run("unary/"+gc.name, func(b *testing.B) { compare(b, gc.gogc, unaryBody, unaryPerRound, 1, "}", "request") })
		b.Run("stream/"+gc.name, func(b *testing.B) {
			compare(b, gc.gogc, streamBody, streamPerRound, chunksPerReply, "[DONE]", "chunk")
		})
	}
}
