package hostile

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/live"
)

// crowd is how many hold connections and how many call.
type crowd struct {
	idle, rate int
	lasts      time.Duration
}

// crowdOf is what the issue demands, or a share of it.
func crowdOf() crowd {
	if long() {
		return crowd{2000, 500, 30 * time.Second}
	}
	return crowd{200, 100, time.Second}
}

// TestCrowd_of_idle_connections holds connections that are silent, some in the middle of
// a head, while others call: no call fails.
func TestCrowd_of_idle_connections(t *testing.T) {
	c := crowdOf()
	var files syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &files); err != nil {
		t.Skipf("the limit of open files cannot be read: %v", err)
	}
	if need := uint64(2*c.idle + 1500); files.Cur < need {
		t.Skipf("this machine lets a process open %d files; %d connections and their calls need %d", files.Cur, c.idle, need)
	}
	upstream := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, goodAnswer)
	}))
	t.Cleanup(upstream.Close)
	address := ""
	if long() {
		live.Require(t)
		address = strings.TrimPrefix(live.Start(t, "providers: [{name: p, kind: openai, base_url: \""+upstream.URL+"/v1\"}]\nrouting: {default_provider: p}\n").HTTP, "http://")
	} else {
		address = open(t).HTTP
	}
	for i := range c.idle {
		conn, err := net.Dial("tcp", address)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = conn.Close() })
		if i%4 == 0 { // these are kept alive behind a request
			_, _ = io.WriteString(conn, "GET /v1/models/m HTTP/1.1\r\nHost: x\r\n\r\n")
		}
	}
	transport := &http.Transport{MaxIdleConnsPerHost: 256}
	t.Cleanup(transport.CloseIdleConnections)
	client := &http.Client{Transport: transport, Timeout: 10 * time.Second}
	run(t, "no call fails", func(t *testing.T) {
		var (
			mu      sync.Mutex // guards took and failed
			took    []time.Duration
			failed  []string
			running sync.WaitGroup
		)
		ticker := time.NewTicker(time.Second / time.Duration(c.rate))
		defer ticker.Stop()
		want := int(float64(c.rate) * c.lasts.Seconds())
		start := time.Now()
		for range want {
			<-ticker.C // late ticks of a busy machine are dropped: the rate is then less, the number the same
			running.Go(func() {
				start := time.Now()
				failure := callOnce(client, address)
				mu.Lock()
				defer mu.Unlock()
				if took = append(took, time.Since(start)); failure != "" {
					failed = append(failed, failure)
				}
			})
		}
		running.Wait()
		if len(failed) > 0 {
			t.Errorf("%d of %d calls failed, the first: %s", len(failed), len(took), failed[0])
		}
		within(t, "the crowd", time.Since(start), c.lasts+soon)
		slices.Sort(took)
		fmt.Printf("measured: %-44s %d calls, %d failed, p50 %v, p99 %v\n", fmt.Sprintf("%d idle connections, %d calls a second, %v", c.idle, c.rate, c.lasts),
			len(took), len(failed), took[len(took)/2].Round(10*time.Microsecond), took[len(took)*99/100].Round(10*time.Microsecond))
	})
}

func callOnce(client *http.Client, address string) (failure string) {
	response, err := client.Post("http://"+address+chatPath, "application/json", strings.NewReader(goodRequest))
	if err != nil {
		return err.Error()
	}
	defer response.Body.Close()
	if body, err := io.ReadAll(response.Body); err != nil || response.StatusCode != http.StatusOK {
		return fmt.Sprintf("%v, status %d: %.200s", err, response.StatusCode, body)
	}
	return ""
}
