package upstream

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strconv"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

// clientWithin returns a client with bounds and the server that it asks.
func clientWithin(t *testing.T, answer, stream int64, serve http.HandlerFunc) *Client {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	client, err := New(adapters.Settings{Name: "p", BaseURL: server.URL, MaxResponseBytes: answer, MaxStreamBytes: stream}, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = client.Close() })
	return client
}

// bytesOf returns bytes that do not repeat and do not compress.
func bytesOf(n int) []byte {
	random := rand.New(rand.NewPCG(1, 2))
	out := make([]byte, n)
	for i := range out {
		out[i] = byte(random.Uint32())
	}
	return out
}

func zip(t *testing.T, text []byte) []byte {
	t.Helper()
	var out bytes.Buffer
	writer := gzip.NewWriter(&out)
	if _, err := writer.Write(text); err != nil {
		t.Fatal(err)
	}
	if err := writer.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestAnswer_is_whole_at_every_size_up_to_its_bound(t *testing.T) {
	const limit = 2*pieceBytes + 100
	// A tenth of it is noise, of which each part is another.
	all := bytes.Repeat(append(bytesOf(11), []byte(strings.Repeat("=", 100))...), limit/111+1)[:limit+1]
	for i := 0; i < len(all); i += 111 {
		all[i], all[i+1] = byte(i>>8), byte(i>>16)
	}
	for _, size := range []int{0, 1, 511, 512, 513, pieceBytes - 1, pieceBytes, pieceBytes + 1, pieceBytes + 2, 2 * pieceBytes, 2*pieceBytes + 1, 2*pieceBytes + 2, limit, limit + 1} {
		for _, how := range []string{"announced", "chunked", "gzip"} {
			client := clientWithin(t, limit, 0, func(w http.ResponseWriter, _ *http.Request) {
				body := all[:size]
				switch how {
				case "announced":
					w.Header().Set("Content-Length", strconv.Itoa(size))
				case "gzip":
					w.Header().Set("Content-Encoding", "gzip")
					body = zip(t, body)
				}
				_, _ = w.Write(body[:len(body)/2])
				if how == "chunked" {
					w.(http.Flusher).Flush() //nolint:forcetypeassert // net/http's is
				}
				_, _ = w.Write(body[len(body)/2:])
			})
			answer, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
			if size > limit {
				if e := asError(t, err); e.Kind != adapters.KindProtocol || e.Message != fmt.Sprintf("the answer exceeds %d bytes", limit) {
					t.Errorf("%d bytes, %s: %v", size, how, err)
				}
				continue
			}
			if err != nil || !bytes.Equal(answer.Body, all[:size]) {
				t.Errorf("%d bytes, %s: %v, and another body", size, how, err)
			}
		}
	}
}

func TestAnswer_that_announces_too_much_is_refused_unread(t *testing.T) {
	client := clientWithin(t, 1<<20, 0, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(1<<20+1))
		w.WriteHeader(http.StatusOK)
		w.(http.Flusher).Flush() //nolint:forcetypeassert // net/http's is
		<-r.Context().Done()     // nothing of it ever comes
	})
	_, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
	if e := asError(t, err); e.Kind != adapters.KindProtocol || e.Message != "the answer exceeds 1048576 bytes" || e.Status != 200 {
		t.Errorf("%+v", e)
	}
}

func TestAnswer_without_end_takes_no_more_than_its_bound(t *testing.T) {
	const limit = 24 << 20
	client := clientWithin(t, limit, 0, func(w http.ResponseWriter, r *http.Request) {
		for line := make([]byte, 64<<10); r.Context().Err() == nil; {
			_, _ = w.Write(line)
		}
	})
	for range 3 { // the fake provider and net/http have their share, once
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
		runtime.ReadMemStats(&after)
		if e := asError(t, err); e.Kind != adapters.KindProtocol {
			t.Errorf("%+v", e)
		}
		if taken := after.TotalAlloc - before.TotalAlloc; taken > limit+6<<20 {
			t.Errorf("it took %d bytes", taken)
		}
	}
}

func TestAnswer_that_is_a_bomb_is_refused_by_its_ratio(t *testing.T) {
	const bomb = "the provider's answer is compressed to less than 1/100 of its size"
	// A fiftieth of it is noise.
	half := append(bytesOf(2<<10), make([]byte, 98<<10)...)
	for _, c := range []struct {
		name   string
		packed []byte
		want   string
	}{
		{"all zeros", bytes.Repeat(zip(t, make([]byte, 1<<20)), 2), bomb},
		{"all zeros, less than a megabyte", zip(t, make([]byte, 1<<20-1)), ""},
		{"a fiftieth", bytes.Repeat(zip(t, half), 15), ""},
		{"a fiftieth, and more than its bound", bytes.Repeat(zip(t, half), 30), "the answer exceeds 2097152 bytes"},
		{"nothing, many times", bytes.Repeat(zip(t, nil), 100_000), "the answer exceeds 2097152 bytes"},
	} {
		for _, status := range []int{200, 500} {
			client := clientWithin(t, 2<<20, 0, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Encoding", "gzip")
				w.WriteHeader(status)
				_, _ = w.Write(c.packed)
			})
			_, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
			switch {
			case status == 500:
				if e := asError(t, err); e.Status != 500 || e.Kind != adapters.KindUnavailable {
					t.Errorf("%s: %+v, want what the status says", c.name, e)
				}
			case c.want == "" && err != nil:
				t.Errorf("%s: %v", c.name, err)
			case c.want != "":
				if e := asError(t, err); e.Kind != adapters.KindProtocol || e.Message != c.want {
					t.Errorf("%s: %+v, want %q", c.name, e, c.want)
				}
			}
		}
	}
}

func TestStream_is_cut_at_each_of_its_bounds(t *testing.T) {
	const event = "data: {\"n\": 1}\n\n"
	noise := func(n int) string { return fmt.Sprintf("%x", bytesOf(n)) }
	for _, c := range []struct {
		name, pieces string
		packed       bool
		want         string
		events       int // at least; 0: none
	}{
		{"events without end", strings.Repeat(event, 1000), false, "the provider's stream exceeds 2097152 bytes", 100_000},
		{"compressed events without end", "data: " + noise(4<<10) + "\n\n", true, "the provider's stream exceeds 2097152 bytes", 200},
		{"a bomb of events", strings.Repeat("data: "+strings.Repeat("0", 10_000)+"\n\n", 200), true, "the provider's answer is compressed to less than 1/100 of its size", 1},
		{"files of gzip that hold nothing", "", true, "the provider's stream exceeds 2097152 bytes", 0},
		{"an event without end", strings.Repeat("x", 1<<10), false, "an event of the provider's stream exceeds 131072 bytes", 0},
		{"comments without end", ": still thinking\n\n", false, "the provider's stream goes on with comments only", 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			text := []byte(c.pieces)
			client := clientWithin(t, 128<<10, 2<<20, func(w http.ResponseWriter, r *http.Request) {
				w.Header().Set("Content-Type", "text/event-stream")
				out := text
				if c.packed {
					w.Header().Set("Content-Encoding", "gzip")
					out = zip(t, text)
				}
				if len(out) < 1<<10 {
					out = bytes.Repeat(out, 1000)
				}
				for r.Context().Err() == nil {
					_, _ = w.Write(out)
				}
			})
			stream, err := client.Stream(t.Context(), &Request{Method: http.MethodPost, Path: "/", Body: []byte("{}")})
			if err != nil {
				t.Fatal(err)
			}
			defer stream.Close()
			events, came := 0, 0
			for err == nil {
				var event Event
				if event, err = stream.Next(); err == nil {
					events++
					came += len(event.Data)
				}
			}
			if came > 2<<20 {
				t.Errorf("%d bytes came, unpacked", came)
			}
			if e := asError(t, err); e.Kind != adapters.KindProtocol || e.Message != c.want || e.Status != 200 {
				t.Errorf("%+v, want %q", e, c.want)
			}
			if events < c.events || c.events == 0 && events != 0 {
				t.Errorf("%d events came, want %d", events, c.events)
			}
		})
	}
}

// A length that is announced costs nothing until some of it came.
func TestAnswer_takes_no_memory_on_the_word_of_its_length(t *testing.T) {
	const announced = 32 << 20
	client := clientWithin(t, announced, 0, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", strconv.Itoa(announced))
		_, _ = w.Write([]byte("{")) // and then it breaks off
	})
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
	runtime.ReadMemStats(&after)
	if e := asError(t, err); e.Kind != adapters.KindProtocol {
		t.Errorf("%+v", e)
	}
	if took := after.TotalAlloc - before.TotalAlloc; took > 4*pieceBytes {
		t.Errorf("%d bytes were taken", took)
	}
}

func TestStream_as_long_as_its_bound_is_whole(t *testing.T) {
	const event = "data: 12345678\n\n"
	client := clientWithin(t, 0, 1<<20, func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, strings.Repeat(event, 1<<20/len(event)))
	})
	stream, err := client.Stream(t.Context(), &Request{Method: http.MethodPost, Path: "/", Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	defer stream.Close()
	events := 0
	for err == nil {
		if _, err = stream.Next(); err == nil {
			events++
		}
	}
	if !errors.Is(err, io.EOF) || events != 1<<20/len(event) {
		t.Errorf("%d events and %v", events, err)
	}
}

func TestNew_refuses_negative_bounds(t *testing.T) {
	for _, s := range []adapters.Settings{{MaxResponseBytes: -1}, {MaxStreamBytes: -1}} {
		s.Name, s.BaseURL = "p", "https://example.com"
		if _, err := New(s, Dialect{}); err == nil || !strings.Contains(err.Error(), "negative") {
			t.Errorf("%+v: %v", s, err)
		}
	}
}
