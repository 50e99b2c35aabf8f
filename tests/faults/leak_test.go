package faults

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/server"
)

const (
	// repeatVariable says how often each fault is repeated. tests/run.sh sets it to 500.
	repeatVariable = "SLUICE_FAULT_REPEAT"
	repeatShort    = 16

	atOnce      = 16
	atOnceBulky = 4
	// One in so many repetitions of a bulky fault is an answer in one piece, which may
	// be eight times as large as an event.
	bulkyUnaryEvery = 50

	// leakTime stands in for the bounds of the provider: faults are waited for many times.
	leakTime = "100ms"

	// What may stay behind a fault that does not leak: goroutines and connections of the
	// test's own clients that are about to end, and pools.
	goroutinesMore  = 5
	descriptorsMore = 3
	heapMore        = 4 << 20
	// Of resident memory, what the heap spares for its next growth stays, and the pages of
	// stacks and of the test's own buffers.
	residentMore = 32 << 20

	settleTime = 10 * time.Second
)

// levels are what a process holds.
type levels struct {
	goroutines, descriptors int
	heap                    uint64
	resident                int64
}

func (l levels) String() string {
	return fmt.Sprintf("%d goroutines, %d descriptors, %.1f MiB of heap, %.1f MiB resident",
		l.goroutines, l.descriptors, float64(l.heap)/(1<<20), float64(l.resident)/(1<<20))
}

// resident returns how much memory the process has, after giving back what it can (RSS).
func resident(t *testing.T) int64 {
	t.Helper()
	debug.FreeOSMemory()
	statm, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		t.Skipf("resident memory cannot be read here: %v", err)
	}
	var size, pages int64
	if _, err := fmt.Sscan(string(statm), &size, &pages); err != nil {
		t.Fatalf("/proc/self/statm: %v", err)
	}
	return pages * int64(os.Getpagesize())
}

func measure(t *testing.T) levels {
	t.Helper()
	open, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Skipf("descriptors cannot be counted here: %v", err)
	}
	runtime.GC()
	runtime.GC() // the second empties the pools
	var memory runtime.MemStats
	runtime.ReadMemStats(&memory)
	return levels{goroutines: runtime.NumGoroutine(), descriptors: len(open), heap: memory.HeapAlloc}
}

func TestFaults_leave_nothing_behind(t *testing.T) {
	repeat := repeatShort
	if text := os.Getenv(repeatVariable); text != "" {
		var err error
		if repeat, err = strconv.Atoi(text); err != nil || repeat < 1 {
			t.Fatalf("%s=%q is no count", repeatVariable, text)
		}
	}
	muteStray(t)
	elsewhere, _ := countVisits(t)
	list := faults(elsewhere)
	up := newUpstream(t, scripts(list))
	c := startForLeaks(t, up.address)
	settle := func(enough func(levels) bool) levels {
		ticker := time.NewTicker(5 * time.Millisecond)
		defer ticker.Stop()
		deadline := time.Now().Add(settleTime)
		for {
			c.transport.CloseIdleConnections()
			up.dropIdle()
			<-ticker.C
			if l := measure(t); enough(l) || time.Now().After(deadline) {
				return l
			}
		}
	}

	for _, f := range list { // what is built once is built now
		c.repeat(t, f, 4)
	}
	last := levels{}
	before := settle(func(l levels) bool {
		same := l.goroutines == last.goroutines && l.descriptors == last.descriptors
		last = l
		return same
	})
	before.resident = resident(t)
	start, calls := time.Now(), 0
	after := before
	for _, f := range list {
		c.repeat(t, f, repeat)
		calls += repeat
		after = settle(func(l levels) bool {
			return l.goroutines <= before.goroutines+goroutinesMore && l.descriptors <= before.descriptors+descriptorsMore && l.heap <= before.heap+heapMore
		})
		if after.goroutines > before.goroutines+goroutinesMore || after.descriptors > before.descriptors+descriptorsMore || after.heap > before.heap+heapMore {
			stacks := make([]byte, 1<<20)
			t.Fatalf("%s leaves something behind after %d repetitions: %v, before all faults %v\n%s", f.name, repeat, after, before, stacks[:runtime.Stack(stacks, true)])
		}
	}
	after.resident = resident(t)
	// The race detector's own memory grows with what it has seen.
	if after.resident > before.resident+residentMore && !raceDetector {
		t.Errorf("resident memory did not come back: %v, before all faults %v", after, before)
	}
	c.works(t)
	if n := c.logged.Load(); n == 0 {
		t.Error("nothing was logged: the search for keys in the log finds nothing")
	}
	fmt.Printf("measured: faults      %d faults x %d: %d calls in %.1f s; before %v; after %v\n",
		len(list), repeat, calls, time.Since(start).Seconds(), before, after)
}

// caller calls a server whose log nobody keeps: it would look like a leak.
type caller struct {
	transport *http.Transport
	base      string
	chat      sluicev1.ChatServiceClient
	logged    atomic.Int64 // bytes
	told      atomic.Pointer[string]
}

// Write is the server's log.
func (c *caller) Write(line []byte) (int, error) {
	c.logged.Add(int64(len(line)))
	if bytes.Contains(line, []byte(markerKey)) || bytes.Contains(line, []byte(markerPrompt)) {
		text := string(line)
		c.told.Store(&text)
	}
	return len(line), nil
}

func startForLeaks(t *testing.T, flaky string) *caller {
	t.Helper()
	yaml := configuration(flaky, refusedAddress(t), fullAddress(t))
	for _, bound := range []time.Duration{connectTime, firstByteTime, firstTokenTime, totalTime} { // idle is as first byte
		yaml = strings.ReplaceAll(yaml, " "+bound.String(), " "+leakTime)
	}
	config, err := server.Loader().Parse("sluice.yaml", []byte("listen: {http: 127.0.0.1:0, grpc: 127.0.0.1:0, admin: off}\n"+yaml))
	if err != nil {
		t.Fatal(err)
	}
	c := &caller{transport: &http.Transport{DisableCompression: true, MaxIdleConnsPerHost: atOnce}}
	running, err := server.New(config, server.Options{Logger: slog.New(slog.NewJSONHandler(c, nil)), Version: "test"})
	if err != nil {
		t.Fatal(err)
	}
	if err := running.Start(t.Context()); err != nil {
		t.Fatal(err)
	}
	conn, err := grpc.NewClient(running.Addresses().GRPC, grpc.WithTransportCredentials(insecure.NewCredentials()), grpc.WithDisableRetry())
	if err != nil {
		t.Fatal(err)
	}
	c.base, c.chat = "http://"+running.Addresses().HTTP+"/v1/chat/completions", sluicev1.NewChatServiceClient(conn)
	t.Cleanup(func() {
		_ = conn.Close()
		c.transport.CloseIdleConnections()
		ctx, cancel := context.WithTimeout(context.Background(), settleTime)
		defer cancel()
		if err := running.Stop(ctx); err != nil {
			t.Errorf("the server did not stop: %v", err)
		}
		if told := c.told.Load(); told != nil {
			t.Errorf("the log tells a key or a prompt: %s", *told)
		}
	})
	return c
}

// repeat makes n calls of a fault, through every door and of every kind in turn.
func (c *caller) repeat(t *testing.T, f fault, n int) {
	t.Helper()
	places := make(chan struct{}, atOnce)
	if f.bulky {
		places = make(chan struct{}, atOnceBulky)
	}
	var running sync.WaitGroup
	for i := range n {
		places <- struct{}{}
		running.Go(func() {
			defer func() { <-places }()
			stream := f.unary == nil || i%2 == 1
			if f.bulky {
				stream = (i+1)%bulkyUnaryEvery != 0 || f.unary == nil
			}
			stream = stream && f.stream != nil
			w := f.unary
			if stream {
				w = f.stream
			}
			limit := w.within + 5*time.Second // the machine is busy
			ctx, cancel := context.WithTimeout(t.Context(), limit)
			defer cancel()
			text, err := c.call(ctx, i%4 < 2, stream, f.model()+"@"+strconv.Itoa(i))
			switch {
			case ctx.Err() != nil:
				t.Errorf("%s: no end within %v", f.name, limit)
			case f.spills():
			case w.whole() && !f.close && (err != nil || text != wholeText):
				t.Errorf("%s: %q, %v, want a whole answer", f.name, text, err)
			case !w.whole() && err == nil:
				t.Errorf("%s: %q and no error", f.name, text)
			}
		})
	}
	running.Wait()
	if t.Failed() {
		t.FailNow()
	}
}

// works makes one sound call of each kind.
func (c *caller) works(t *testing.T) {
	t.Helper()
	c.repeat(t, fault{name: "healthy", provider: "patient", unary: fine(), stream: fine()}, 4)
}

// call asks through a door and returns the text of the answer, also of one that broke.
func (c *caller) call(ctx context.Context, rest, stream bool, model string) (text string, err error) {
	req := &sluicev1.ChatCompletionRequest{}
	if err := wirejson.Unmarshal(request(model), req, wirejson.Options{}); err != nil {
		return "", err
	}
	switch {
	case rest:
		return c.rest(ctx, stream, request(model))
	case !stream:
		completion, err := c.chat.CreateChatCompletion(ctx, req)
		if err != nil {
			return "", err
		}
		return completion.GetChoices()[0].GetMessage().GetContent(), nil
	}
	chunks, err := c.chat.StreamChatCompletion(ctx, req)
	if err != nil {
		return "", err
	}
	for {
		chunk, err := chunks.Recv()
		switch {
		case errors.Is(err, io.EOF):
			return text, nil
		case err != nil:
			return text, err
		}
		for _, choice := range chunk.GetChoices() {
			text += choice.GetDelta().GetContent()
		}
	}
}

var errBroken = errors.New("no 200, or no end")

// rest goes by the pieces of the wire: a whole stream has a [DONE] and no error.
func (c *caller) rest(ctx context.Context, stream bool, body []byte) (string, error) {
	if stream {
		body = append([]byte(`{"stream":true,`), body[1:]...)
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.base, bytes.NewReader(body))
	if err != nil {
		return "", err
	}
	r.Header.Set("Content-Type", "application/json")
	response, err := (&http.Client{Transport: c.transport}).Do(r)
	if err != nil {
		return "", err
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil {
		return "", err
	}
	var text strings.Builder
	for _, piece := range strings.Split(string(answer), `"content":"`)[1:] {
		said, _, _ := strings.Cut(piece, `"`)
		text.WriteString(said)
	}
	done := strings.HasSuffix(string(answer), "data: [DONE]\n\n")
	if response.StatusCode != http.StatusOK || done != stream || strings.Contains(string(answer), `{"error"`) {
		return text.String(), errBroken
	}
	return text.String(), nil
}
