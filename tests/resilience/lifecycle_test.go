package resilience

import (
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/live"
)

const (
	reloads     = 5
	reloadRate  = 200
	liveStreams = 200
)

func TestReloads_under_load_drop_nothing(t *testing.T) {
	live.Require(t)
	f := newFleet(t)
	odd, even := f.configuration(""), f.configuration("breaker: {cool_down: 3s}\n")
	g := live.Start(t, odd)
	// live.Start writes the file into a folder of the test's.
	files, err := filepath.Glob(filepath.Join(filepath.Dir(t.TempDir()), "*", "sluice.yaml"))
	if err != nil || len(files) != 1 {
		t.Fatalf("the configuration's file: %v %v", files, err)
	}
	l := newLoad(t, g.HTTP, "shared", reloadRate)
	l.run(t, time.Second)
	const marker = "configuration taken up"
	if strings.Contains(g.Log(), marker) {
		t.Fatal("it was reloaded before anything changed")
	}
	var r *result
	done := make(chan struct{})
	go func() {
		defer close(done)
		r = l.run(t, sickTime)
	}()
	ticker := time.NewTicker(sickTime / (reloads + 1))
	defer ticker.Stop()
	for i := range reloads {
		<-ticker.C
		content := even
		if i%2 == 1 {
			content = odd
		}
		replacement := files[0] + ".new"
		if err := os.WriteFile(replacement, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(replacement, files[0]); err != nil {
			t.Fatal(err)
		}
	}
	<-done
	noFailures(t, r)
	waitFor(t, "the last reload", func() bool { return strings.Count(g.Log(), marker) >= reloads })
	reportf("200 calls a second and 5 reloads", r, "%d reloads", strings.Count(g.Log(), marker))
}

func TestSIGTERM_lets_live_streams_end(t *testing.T) {
	live.Require(t)
	f := newFleet(t)
	transport := &http.Transport{MaxIdleConnsPerHost: liveStreams}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: 30 * time.Second}
	var (
		begun, whole, late atomic.Int64
		told               atomic.Bool
		running            sync.WaitGroup
		r                  result
		mu                 sync.Mutex // guards r
	)
	// The gateway gets its SIGTERM, and must end with 0, at the end of the inner test.
	t.Run("while 200 streams run", func(t *testing.T) {
		g := live.Start(t, f.configuration(""))
		t.Cleanup(func() { told.Store(true) }) // before the signal
		for range liveStreams {
			running.Go(func() {
				start := time.Now()
				ok := stream(client, g.HTTP, func() { begun.Add(1) })
				mu.Lock()
				defer mu.Unlock()
				r.calls++
				r.took = append(r.took, time.Since(start))
				if !ok {
					r.failed++
					return
				}
				whole.Add(1)
				if told.Load() {
					late.Add(1)
				}
			})
		}
		waitFor(t, "all streams to begin", func() bool { return begun.Load() == liveStreams })
	})
	running.Wait()
	if whole.Load() != liveStreams {
		t.Errorf("%d of %d streams ended whole", whole.Load(), liveStreams)
	}
	if late.Load() != liveStreams {
		t.Errorf("%d of %d streams ended after the signal: the others prove nothing", late.Load(), liveStreams)
	}
	slices.Sort(r.took)
	reportf("SIGTERM with 200 live streams", &r, "%d ended whole after it", late.Load())
}

// stream reads a stream to its end and tells whether it is whole.
func stream(client *http.Client, base string, begins func()) bool {
	response, err := client.Post(base+"/v1/chat/completions", "application/json", strings.NewReader(request("other", true)))
	if err != nil {
		return false
	}
	defer response.Body.Close()
	first := make([]byte, 1)
	if _, err := io.ReadFull(response.Body, first); err != nil || response.StatusCode != http.StatusOK {
		return false
	}
	begins()
	body, err := io.ReadAll(response.Body)
	text := string(first) + string(body)
	return err == nil && strings.HasSuffix(text, "data: [DONE]\n\n") && strings.Count(text, `"content":"x"`) == slowEvents
}

// TestLog_tells_nothing_of_an_answer_that_nobody_asked_for: net/http's client prints what
// it finds on an idle connection by way of the standard library's own logger.
func TestLog_tells_nothing_of_an_answer_that_nobody_asked_for(t *testing.T) {
	live.Require(t)
	const secret = "a-secret-of-another-caller"
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	dropped := make(chan struct{})
	go func() {
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		defer conn.Close()
		request := make([]byte, 64<<10)
		if _, err := conn.Read(request); err != nil {
			return
		}
		_, _ = conn.Write([]byte("HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: " + strconv.Itoa(len(completion)) + "\r\n\r\n" + completion + secret))
		_, _ = io.Copy(io.Discard, conn)
		close(dropped)
	}()
	g := live.Start(t, "providers: [{name: p, kind: openai, base_url: \"http://"+listener.Addr().String()+"/v1\"}]\nrouting: {default_provider: p}\n")
	if failure := newLoad(t, g.HTTP, "m", 1).call(); failure != "" {
		t.Fatal(failure)
	}
	select {
	case <-dropped: // which is when it is printed
	case <-time.After(15 * time.Second):
		t.Fatal("the gateway keeps a connection with bytes that nobody asked for")
	}
	if log := g.Log(); strings.Contains(log, secret) {
		t.Errorf("the log holds what a provider answered to nobody: %s", log[max(0, strings.Index(log, secret)-200):])
	}
}
