package adaptertest

import (
	"bytes"
	"compress/gzip"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// kindOfStatus is what the SPI's kinds mean in HTTP.
var kindOfStatus = map[int]adapters.Kind{
	300: adapters.KindProtocol, 301: adapters.KindProtocol, 304: adapters.KindProtocol,
	400: adapters.KindInvalid, 401: adapters.KindAuth, 402: adapters.KindInvalid, 403: adapters.KindPermission,
	404: adapters.KindNotFound, 405: adapters.KindInvalid, 408: adapters.KindTimeout, 409: adapters.KindConflict,
	413: adapters.KindTooLarge, 415: adapters.KindInvalid, 422: adapters.KindInvalid, 429: adapters.KindRateLimited,
	451: adapters.KindInvalid, 499: adapters.KindInvalid,
	500: adapters.KindUnavailable, 501: adapters.KindUnavailable, 502: adapters.KindUnavailable,
	503: adapters.KindOverloaded, 504: adapters.KindUnavailable, 520: adapters.KindUnavailable, 529: adapters.KindOverloaded,
}

func (s *suite) testFailures(t *testing.T) {
	for _, f := range s.operations(t) {
		t.Run(f.Operation, func(t *testing.T) {
			t.Run("every_status_has_its_kind", func(t *testing.T) { s.testStatuses(t, f) })
			t.Run("an_answer_that_is_none", func(t *testing.T) { s.testNoAnswer(t, f) })
			t.Run("a_provider_that_is_not_there", func(t *testing.T) { s.testUnreachable(t, f) })
			t.Run("redirects_are_not_followed", func(t *testing.T) { s.testRedirect(t, f) })
			t.Run("retry_hints", func(t *testing.T) { s.testRetryHints(t, f) })
		})
	}
}

func (s *suite) testStatuses(t *testing.T, f *Fixture) {
	t.Helper()
	for status, kind := range kindOfStatus {
		page := "<html><body>" + strings.Repeat("gateway ", 300) + "</body></html>"
		fake := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			w.Header().Set("Content-Type", "text/html")
			w.Header().Set("X-Request-ID", "req_1")
			w.Header().Set("Set-Cookie", "a=b")
			w.WriteHeader(status)
			if status != http.StatusNotModified {
				write(w, []byte(page))
			}
		})
		out := f.call(t.Context(), t, s.provider(t, fake), nil)
		e := asError(t, out.err)
		if e.Kind != kind || e.Status != status {
			t.Errorf("status %d: kind %s and status %d, want %s", status, e.Kind, e.Status, kind)
		}
		if e.Message == "" || len(e.Message) > 200 || strings.Contains(e.Message, "<") {
			t.Errorf("status %d: the message is %q, want a short one without the page", status, e.Message)
		}
		compareHeader(t, fmt.Sprintf("status %d: header", status), e.Header, map[string]string{"x-request-id": "req_1"})
		if len(out.chunks) > 0 || len(fake.all()) != 1 {
			t.Errorf("status %d: %d chunks and %d requests, want none and one", status, len(out.chunks), len(fake.all()))
		}
	}
}

func (s *suite) testNoAnswer(t *testing.T, f *Fixture) {
	t.Helper()
	for name, c := range map[string]struct {
		answer func(http.ResponseWriter)
		kind   adapters.Kind
	}{
		"an HTML page": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/html; charset=utf-8")
			write(w, []byte("<!doctype html><title>Welcome</title>"))
		}, adapters.KindProtocol},
		"plain text": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Type", "text/plain")
			write(w, []byte("hello"))
		}, adapters.KindProtocol},
		"nothing":          {func(http.ResponseWriter) {}, adapters.KindProtocol},
		"half of the JSON": {func(w http.ResponseWriter) { sendJSON(w, []byte(`{"id":"x","choices":[`)) }, adapters.KindProtocol},
		"an array":         {func(w http.ResponseWriter) { sendJSON(w, []byte(`[1,2]`)) }, adapters.KindProtocol},
		"less than its length": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Length", "1000")
			sendJSON(w, []byte(`{"id":"x"}`))
		}, adapters.KindProtocol},
		"a connection that breaks": {func(w http.ResponseWriter) {
			sendJSON(w, []byte(`{"id":"x"`))
			panic(http.ErrAbortHandler)
		}, adapters.KindProtocol},
		"a connection that breaks at once": {func(http.ResponseWriter) { panic(http.ErrAbortHandler) }, adapters.KindUnavailable},
		"a compression that nobody knows": {func(w http.ResponseWriter) {
			w.Header().Set("Content-Encoding", "br")
			sendJSON(w, []byte("\x0b\x02\x80"))
		}, adapters.KindProtocol},
	} {
		t.Run(name, func(t *testing.T) {
			fake := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) { c.answer(w) })
			out := f.call(t.Context(), t, s.provider(t, fake), nil)
			e := asError(t, out.err)
			if e.Kind != c.kind {
				t.Errorf("kind %s, want %s: %v", e.Kind, c.kind, out.err)
			}
			if e.Message == "" || strings.Contains(e.Message, fake.Listener.Addr().String()) {
				t.Errorf("the message is %q, want one without the address", e.Message)
			}
			if name == "an HTML page" && !strings.Contains(e.Message, name) {
				t.Errorf("the message is %q, want it to name %s", e.Message, name)
			}
			if len(out.chunks) > 0 {
				t.Errorf("%d chunks of no answer", len(out.chunks))
			}
		})
	}

	t.Run("more than its limit", func(t *testing.T) {
		for name, write := range map[string]func(http.ResponseWriter, []byte){"plain": sendJSON, "gzip": sendGzip} {
			body := append(bytes.Repeat([]byte(" "), 1<<20), f.body...)
			fake := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) { write(w, body) })
			p := s.provider(t, fake, func(s *adapters.Settings) { s.MaxResponseBytes = 1 << 19 })
			if e := asError(t, f.call(t.Context(), t, p, nil).err); e.Kind != adapters.KindProtocol {
				t.Errorf("%s: kind %s, want protocol", name, e.Kind)
			}
		}
	})
	t.Run("a compression that was not asked for", func(t *testing.T) {
		fake := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			maps.Copy(w.Header(), f.header)
			sendGzipAs(w, f.body, f.header.Get("Content-Type"))
		})
		out := f.call(t.Context(), t, s.provider(t, fake), nil)
		if out.err != nil {
			t.Fatal(out.err)
		}
		if f.Operation != opStream {
			compareJSON(t, "answer", out.message.AppendWireJSON(nil), f.want)
		}
		f.checkChunks(t, out.chunks)
	})
}

func sendJSON(w http.ResponseWriter, body []byte) {
	w.Header().Set("Content-Type", "application/json")
	write(w, body)
}

func sendGzip(w http.ResponseWriter, body []byte) { sendGzipAs(w, body, "application/json") }

func sendGzipAs(w http.ResponseWriter, body []byte, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Encoding", "gzip")
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	_, _ = z.Write(body)
	_ = z.Close()
	write(w, packed.Bytes())
}

func (s *suite) testUnreachable(t *testing.T, f *Fixture) {
	t.Helper()
	address := deadAddress(t)
	plain := newFake(t, f.answer)
	for name, base := range map[string]string{
		"no listener": "http://" + address,
		"no TLS":      "https://" + plain.Listener.Addr().String(),
	} {
		p := s.provider(t, &fake{Server: &httptest.Server{URL: base}})
		e := asError(t, f.call(t.Context(), t, p, nil).err)
		if e.Kind != adapters.KindUnavailable || e.Status != 0 || !e.Unsent {
			t.Errorf("%s: kind %s, status %d, unsent %t, want unavailable without one, unsent", name, e.Kind, e.Status, e.Unsent)
		}
		if strings.Contains(e.Error(), "127.0.0.1") || e.Cause == nil {
			t.Errorf("%s: the error %q must not name the address, its cause (%v) may", name, e, e.Cause)
		}
	}
}

// deadAddress returns one at which nobody listens. Its port stays taken for the time of the
// test, so that nobody else can come to listen there.
func deadAddress(t *testing.T) string {
	t.Helper()
	socket, err := syscall.Socket(syscall.AF_INET, syscall.SOCK_STREAM, 0)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = syscall.Close(socket) })
	if err := syscall.Bind(socket, &syscall.SockaddrInet4{Addr: [4]byte{127, 0, 0, 1}}); err != nil {
		t.Fatal(err)
	}
	bound, err := syscall.Getsockname(socket)
	if err != nil {
		t.Fatal(err)
	}
	local, ok := bound.(*syscall.SockaddrInet4)
	if !ok {
		t.Fatalf("the socket is bound to %T", bound)
	}
	return fmt.Sprintf("127.0.0.1:%d", local.Port)
}

func (s *suite) testRedirect(t *testing.T, f *Fixture) {
	elsewhere := newFake(t, f.answer)
	for _, status := range []int{301, 302, 303, 307, 308} {
		fake := newFake(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
			http.Redirect(w, r, elsewhere.URL+"/v1/other", status)
		})
		e := asError(t, f.call(t.Context(), t, s.provider(t, fake), nil).err)
		if e.Kind != adapters.KindProtocol || strings.Contains(e.Error(), elsewhere.URL) {
			t.Errorf("status %d: %v, want kind protocol without the place", status, e)
		}
	}
	if n := len(elsewhere.all()); n > 0 {
		t.Errorf("the adapter followed %d redirects", n)
	}
}

func (s *suite) testRetryHints(t *testing.T, f *Fixture) {
	for name, c := range map[string]struct {
		header map[string]string
		least  time.Duration
		most   time.Duration
	}{
		"none":            {nil, 0, 0},
		"seconds":         {map[string]string{"Retry-After": "20"}, 20 * time.Second, 20 * time.Second},
		"fractions":       {map[string]string{"Retry-After": "0.5"}, 500 * time.Millisecond, 500 * time.Millisecond},
		"milliseconds":    {map[string]string{"Retry-After-Ms": "150", "Retry-After": "1"}, 150 * time.Millisecond, 150 * time.Millisecond},
		"a date":          {map[string]string{"Retry-After": time.Now().Add(time.Hour).UTC().Format(http.TimeFormat)}, 59 * time.Minute, time.Hour},
		"a date gone by":  {map[string]string{"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0, 0},
		"what is no hint": {map[string]string{"Retry-After": "soon"}, 0, 0},
		"a negative one":  {map[string]string{"Retry-After": "-5"}, 0, 0},
		"an absurd one":   {map[string]string{"Retry-After": "1e300"}, time.Hour, 24 * time.Hour},
		"requests used up": {
			map[string]string{"x-ratelimit-remaining-requests": "0", "x-ratelimit-reset-requests": "1m30s"}, 90 * time.Second, 90 * time.Second,
		},
		"requests left": {map[string]string{"x-ratelimit-remaining-requests": "7", "x-ratelimit-reset-requests": "1m30s"}, 0, 0},
	} {
		fake := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
			for name, value := range c.header {
				w.Header().Set(name, value)
			}
			w.WriteHeader(http.StatusTooManyRequests)
		})
		e := asError(t, f.call(t.Context(), t, s.provider(t, fake), nil).err)
		if e.RetryAfter < c.least || e.RetryAfter > c.most {
			t.Errorf("%s: RetryAfter is %s, want %s to %s", name, e.RetryAfter, c.least, c.most)
		}
		want := map[string]string{}
		for name, value := range c.header {
			want[strings.ToLower(name)] = value
		}
		compareHeader(t, name, e.Header, want)
	}
}

// testSecrets has the provider quote the key that it got in every place it can.
func (s *suite) testSecrets(t *testing.T) {
	key := keyMarker + `/"one`
	escaped := `sk-\u004dARKER\/\"one`
	bodies := map[string]string{
		"an envelope": `{"error":{"message":"Incorrect API key provided: %s","type":"%s","param":"%s","code":"%s",` +
			`"extra":{"header":["Bearer %s"],"%s":1}},"outside":"%s"}`,
		"an envelope of odd types": `{"error":{"message":["%s"],"type":{"a":"%s"},"param":null,"code":{"b":"%s"}}}`,
		"a text in an envelope":    `{"error":"no %s"}`,
		"a detail":                 `{"detail":"no %s"}`,
		"a list of details":        `{"detail":[{"loc":["header","%s"],"msg":"no %s","input":"%s"}]}`,
		"a message":                `{"message":"no %s"}`,
		"other JSON":               `{"status":["%s"]}`,
		"text":                     `key %s is bad`,
		"a page":                   `<html>%s</html>`,
		"broken JSON":              `{"error":{"message":"%s`,
	}
	for _, f := range s.operations(t) {
		for name, body := range bodies {
			for how, echo := range map[string]string{"verbatim": key, "escaped": escaped, "quoted": strings.ReplaceAll(key, `"`, `\"`)} {
				if how == "verbatim" && strings.HasPrefix(body, "{") {
					continue // no JSON
				}
				for _, status := range []int{400, 401, 500} {
					fake := newFake(t, func(w http.ResponseWriter, _ *http.Request, _ []byte) {
						w.Header().Set("X-Request-ID", key)
						w.WriteHeader(status)
						write(w, []byte(strings.ReplaceAll(body, "%s", echo)))
					})
					p := s.provider(t, fake, func(s *adapters.Settings) { s.APIKeys = []adapters.Secret{adapters.NewSecret(key)} })
					noKey(t, fmt.Sprintf("%s: %s, %s, status %d", f.Operation, name, how, status), f.call(t.Context(), t, p, nil).err)
				}
			}
		}
	}
}

// noKey fails when anything in an error shows a key.
func noKey(t *testing.T, what string, err error) {
	t.Helper()
	e := asError(t, err)
	shown := []string{err.Error(), fmt.Sprintf("%+v", *e), e.Message}
	for cause := e.Cause; cause != nil; cause = errors.Unwrap(cause) {
		shown = append(shown, fmt.Sprintf("%v %+v", cause, cause))
	}
	if e.Envelope != nil {
		shown = append(shown, string(e.Envelope.AppendWireJSON(nil)), fmt.Sprint(e.Envelope))
		value, err := parse(e.Envelope.AppendWireJSON(nil))
		if err != nil {
			t.Errorf("%s: the envelope is no JSON: %v", what, err)
		}
		shown = append(shown, fmt.Sprint(value))
	}
	for _, text := range shown {
		if strings.Contains(text, "MARKER") || strings.Contains(text, "ARKER") {
			t.Errorf("%s: the key is in %s", what, clip(text))
			return
		}
	}
}
