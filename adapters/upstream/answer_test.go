package upstream

import (
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

func TestClient_keeps_headers_of_the_upstream_connection_to_itself(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"X-Request-Id": "req_1", "X-Ratelimit-Limit-Requests": "10", "Openai-Version": "v", "Openai-Hop": "h", "Keep-Alive": "timeout=5",
		} {
			w.Header().Set(name, value)
		}
		w.Header()["Connection"] = []string{"keep-alive, OpenAI-Hop", " x-ratelimit-limit-requests ,,"}
		if _, err := io.WriteString(w, "{}"); err != nil {
			t.Error(err)
		}
	}))
	defer server.Close()
	answer, err := testClient(t, server.URL).Do(t.Context(), &Request{Method: http.MethodGet, Path: "/"})
	if err != nil {
		t.Fatal(err)
	}
	want := adapters.Header{{Name: "openai-version", Value: "v"}, {Name: "x-request-id", Value: "req_1"}}
	if !slices.Equal(answer.Header, want) {
		t.Errorf("the header is %v, want %v", answer.Header, want)
	}
}

func TestClient_tells_a_document_from_a_stream(t *testing.T) {
	for contentType, want := range map[string]string{
		"text/html":                 "the provider answered status 200 with an HTML page where a stream was due",
		"Text/HTML ; charset=utf-8": "the provider answered status 200 with an HTML page where a stream was due",
		"application/xhtml+xml":     "the provider answered status 200 with an HTML page where a stream was due",
		"application/xml":           `the provider answered status 200 with "application/xml" where a stream was due`,
		"image/png":                 `the provider answered status 200 with "image/png" where a stream was due`,
		"":                          "",
		"text/plain; charset=utf-8": "",
		"text/event-stream":         "",
		"application/x-ndjson":      "",
		"application/octet-stream":  "",
		"nonsense":                  "",
	} {
		server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header()["Content-Type"] = []string{contentType}
			if contentType == "" {
				w.Header()["Content-Type"] = nil
			}
			_, _ = io.WriteString(w, "data: a\n\n")
		}))
		stream, err := testClient(t, server.URL).Stream(t.Context(), &Request{Method: http.MethodPost, Path: "/", Body: []byte("{}")})
		switch {
		case want == "" && err != nil:
			t.Errorf("%q: %v", contentType, err)
		case want == "":
			if event, err := stream.Next(); err != nil || string(event.Data) != "a" {
				t.Errorf("%q: %q and %v, want a", contentType, event.Data, err)
			}
			stream.Close()
		default:
			if e := asError(t, err); e.Kind != adapters.KindProtocol || e.Message != want || e.Status != 200 {
				t.Errorf("%q: %+v, want %q", contentType, e, want)
			}
		}
		server.Close()
	}
}

func TestRetryAfter_reads_every_form_in_use(t *testing.T) {
	at := func(wait time.Duration) string { return time.Now().Add(wait).UTC().Format(http.TimeFormat) }
	const day = 24 * time.Hour
	type header map[string]string
	synctest.Test(t, func(t *testing.T) {
		// The bubble's clock begins at 2000-01-01T00:00:00Z.
		for _, c := range []struct {
			source string
			status int
			header header
			want   time.Duration
		}{
			{"nothing said", 429, nil, 0},

			{"RFC 9110, 10.2.3: delay-seconds", 429, header{"Retry-After": "120"}, 2 * time.Minute},
			{"RFC 9110, 10.2.3: HTTP-date", 503, header{"Retry-After": at(time.Hour)}, time.Hour},
			{"RFC 9110, 5.6.7: the obsolete form of RFC 850", 503, header{"Retry-After": "Saturday, 01-Jan-00 00:01:00 GMT"}, time.Minute},
			{"openai-go v3: fractions of a second", 429, header{"Retry-After": "0.25"}, 250 * time.Millisecond},
			{"openai-go v3: retry-after-ms goes before", 429, header{"Retry-After-Ms": "125", "Retry-After": "1"}, 125 * time.Millisecond},
			{"openai-go v3: a broken retry-after-ms is skipped", 429, header{"Retry-After-Ms": "-1", "Retry-After": "0.5"}, 500 * time.Millisecond},
			{"any status may ask", 500, header{"Retry-After": "3"}, 3 * time.Second},

			{"a date gone by", 429, header{"Retry-After": "Fri, 31 Dec 1999 23:59:59 GMT"}, 0},
			{"negative", 429, header{"Retry-After": "-5"}, 0},
			{"no number", 429, header{"Retry-After": "soon"}, 0},
			{"not a number", 429, header{"Retry-After": "NaN"}, 0},
			{"infinite", 429, header{"Retry-After": "Inf"}, 0},
			{"more than a day", 429, header{"Retry-After": "86401"}, day},
			{"more than a duration holds", 429, header{"Retry-After": "1e300"}, day},
			{"a date in years", 429, header{"Retry-After": at(1000 * day)}, day},

			{
				"OpenAI, guide Rate limits: requests are used up", 429,
				header{
					"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "1s",
					"X-Ratelimit-Remaining-Tokens": "149984", "X-Ratelimit-Reset-Tokens": "6m0s",
				},
				time.Second,
			},
			{"OpenAI, guide Rate limits: tokens", 429, header{"X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "6m0s"}, 6 * time.Minute},
			{"OpenAI's community, topic 1268905: milliseconds", 429, header{"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "12ms"}, 12 * time.Millisecond},
			{"Groq, Rate limits: with fractions", 429, header{"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "2m59.56s"}, 179560 * time.Millisecond},
			{"Azure OpenAI: whole seconds", 429, header{"X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "17"}, 17 * time.Second},
			{
				"both used up: the later one", 429,
				header{
					"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "1s",
					"X-Ratelimit-Remaining-Tokens": "0", "X-Ratelimit-Reset-Tokens": "3s",
				},
				3 * time.Second,
			},
			{"Retry-After goes before", 429, header{"Retry-After": "1", "X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "9s"}, time.Second},
			{"Retry-After of 0 goes before", 429, header{"Retry-After": "0", "X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "9s"}, 0},
			{"a broken Retry-After does not", 429, header{"Retry-After": "soon", "X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "9s"}, 9 * time.Second},
			{"nothing is used up", 429, header{"X-Ratelimit-Remaining-Requests": "5", "X-Ratelimit-Reset-Requests": "9s"}, 0},
			{"nobody knows whether it is used up", 429, header{"X-Ratelimit-Reset-Requests": "9s"}, 0},
			{"another status", 503, header{"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "9s"}, 0},
			{"a broken reset", 429, header{"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "later"}, 0},
			{"a negative reset", 429, header{"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "-9s"}, 0},
			{"a reset in a week", 429, header{"X-Ratelimit-Remaining-Requests": "0", "X-Ratelimit-Reset-Requests": "168h"}, day},

			{"draft-ietf-httpapi-ratelimit-headers-06: seconds", 429, header{"Ratelimit-Remaining": "0", "Ratelimit-Reset": "50"}, 50 * time.Second},
			{"the same with the older prefix", 429, header{"X-Ratelimit-Reset": "50"}, 50 * time.Second},
			{"not used up", 429, header{"X-Ratelimit-Remaining": "3", "X-Ratelimit-Reset": "50"}, 0},
			{"negative", 429, header{"X-Ratelimit-Reset": "-1"}, 0},
			{"no number", 429, header{"X-Ratelimit-Reset": "Tue Feb 16 2021"}, 0},
		} {
			h := http.Header{}
			for name, value := range c.header {
				h.Set(name, value)
			}
			if got := retryAfter(c.status, h); got != c.want {
				t.Errorf("%s: %s, want %s", c.source, got, c.want)
			}
		}
	})
}

func TestRetryAfter_reads_times_since_1970(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		// Ten digits are seconds (pyannote, "Rate limits", and GitHub), thirteen milliseconds
		// (OpenRouter).
		time.Sleep(time.Until(time.Unix(1_746_057_500, 0)))
		for value, want := range map[string]time.Duration{
			"1746057600":     100 * time.Second,
			"1746057600.5":   100*time.Second + 500*time.Millisecond,
			"1746057600000":  100 * time.Second,
			"1746057400":     0,
			"1746057400000":  0,
			"17460576000000": 24 * time.Hour,
			"999999999":      24 * time.Hour,
		} {
			h := http.Header{"X-Ratelimit-Remaining": {"0"}, "X-Ratelimit-Reset": {value}}
			if got := retryAfter(http.StatusTooManyRequests, h); got != want {
				t.Errorf("%s: %s, want %s", value, got, want)
			}
		}
	})
}
