package edge

import (
	"bytes"
	"io"
	"net/http"
	"net/http/httptest"
	"runtime"
	"testing"
	"testing/synctest"
	"time"
)

func TestPace_gives_time_for_what_moved(t *testing.T) {
	start := time.Unix(1000, 0)
	for name, test := range map[string]struct {
		moved int64
		want  time.Duration
	}{
		"nothing":                   {0, 30 * time.Second},
		"less than a second's":      {minBytesPerSecond - 1, 30 * time.Second},
		"a second's":                {minBytesPerSecond, 31 * time.Second},
		"the usual limit of a body": {32 * mib, 30*time.Second + 2048*time.Second},
		"a terabyte":                {1 << 40, 30*time.Second + (1<<26)*time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			p := pace{start: start, free: 30 * time.Second, moved: test.moved}
			if got := p.deadline().Sub(start); got != test.want {
				t.Errorf("got %v, want %v", got, test.want)
			}
		})
	}
}

// However short the pauses are, a body as a whole must keep its pace.
func TestArrivingBody_reads_no_longer_than_each_nor_than_the_whole(t *testing.T) {
	const each, whole, dawdled = 10 * time.Second, time.Minute, 55 * time.Second
	synctest.Test(t, func(t *testing.T) {
		w := &deadlineWriter{ResponseRecorder: httptest.NewRecorder()}
		r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/", bytes.NewReader(make([]byte, 4*minBytesPerSecond)))
		body := arriving(r, http.NewResponseController(w), each, whole)
		start := time.Now()
		read := func(bytes int, want time.Duration) {
			t.Helper()
			if _, err := io.ReadFull(body, make([]byte, bytes)); err != nil {
				t.Fatal(err)
			}
			if got := w.read.Sub(start); got != want {
				t.Errorf("the deadline is after %v, want %v", got, want)
			}
		}
		read(1, each)
		time.Sleep(dawdled)
		read(2*minBytesPerSecond, whole) // of the time before they came
		read(1, whole+2*time.Second)
		time.Sleep(time.Minute)
		read(1, whole+2*time.Second) // which is over
	})
}

// What is announced is not what came: see [maxTrustedBytes].
func TestREST_holds_no_more_than_comes_of_a_body(t *testing.T) {
	const announced = 30 * mib
	service, _ := newService(t, &far{}, Config{}.withDefaults().Logger)
	door := newHTTP(Config{}.withDefaults(), service, newHealth())
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, "/v1/chat/completions", io.MultiReader(bytes.NewReader([]byte("{")), broken{}))
	r.ContentLength = announced
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	door.ServeHTTP(httptest.NewRecorder(), r)
	runtime.ReadMemStats(&after)
	if took := after.TotalAlloc - before.TotalAlloc; took > 2*maxTrustedBytes {
		t.Errorf("%d bytes were taken for a body of one", took)
	}
}

// broken is a body that breaks off.
type broken struct{}

func (broken) Read([]byte) (int, error) { return 0, io.ErrUnexpectedEOF }
