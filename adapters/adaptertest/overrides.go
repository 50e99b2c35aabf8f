package adaptertest

import (
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// testOverrides has each operation obey what a call brings beside its request.
func (s *suite) testOverrides(t *testing.T) {
	for _, f := range s.operations(t) {
		t.Run(f.Operation, func(t *testing.T) {
			t.Run("the_key", func(t *testing.T) { s.testKey(t, f) })
			t.Run("the_headers_of_the_target", func(t *testing.T) { s.testTargetHeader(t, f) })
			t.Run("the_secrets_of_the_target", func(t *testing.T) { s.testTargetSecret(t, f) })
			t.Run("the_timeouts", func(t *testing.T) { s.testTimeouts(t, f) })
		})
	}
}

func (s *suite) testKey(t *testing.T, f *Fixture) {
	first, second := keyMarker+"-one", keyMarker+"-two"
	fake := newFake(t, f.answer)
	p := s.provider(t, fake, func(s *adapters.Settings) {
		s.APIKeys = []adapters.Secret{adapters.NewSecret(first), adapters.NewSecret(second)}
	})
	// Neither in their turn, nor does it change whose turn it is.
	for _, key := range []string{second, second, "", first, ""} {
		f.callAs(t.Context(), t, p, nil, func(c *adapters.Call) { c.Key = adapters.NewSecret(key) })
	}
	var got []string
	for i, r := range fake.all() {
		if i%max(f.Requests, 1) != 0 {
			continue
		}
		for _, values := range r.header {
			for _, value := range values {
				if i := strings.Index(value, keyMarker); i >= 0 {
					got = append(got, value[i:])
				}
			}
		}
	}
	if want := []string{second, second, first, first, second}; !slices.Equal(got, want) {
		t.Errorf("the keys came in the order %q, want %q", got, want)
	}
}

func (s *suite) testTargetHeader(t *testing.T, f *Fixture) {
	fake := newFake(t, f.answer)
	p := s.provider(t, fake, func(s *adapters.Settings) { s.Headers.Add("x-team", "provider") })
	f.callAs(t.Context(), t, p, nil, func(c *adapters.Call) {
		c.Header.Set("idempotency-key", "caller")
		c.TargetHeader = adapters.Header{
			{Name: "authorization", Value: "Bearer target"},
			{Name: "idempotency-key", Value: "target"},
			{Name: "user-agent", Value: "target"},
			{Name: "x-team", Value: "target"},
		}
	})
	got := fake.first(t, f.Requests).header
	for name, want := range map[string]string{
		"Authorization": "Bearer target", "Idempotency-Key": "target", "User-Agent": "target", "X-Team": "target",
	} {
		if values := got.Values(name); len(values) != 1 || values[0] != want {
			t.Errorf("the provider got %s: %q, want %q alone", name, values, want)
		}
	}
}

// testTargetSecret has the provider quote a credential of the target.
func (s *suite) testTargetSecret(t *testing.T, f *Fixture) {
	const secret = keyMarker + "-target"
	fake := newFake(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		w.Header().Set("X-Request-ID", r.Header.Get("Authorization"))
		w.WriteHeader(http.StatusUnauthorized)
		write(w, []byte(`{"error":{"message":"no `+secret+`","code":"`+secret+`"}}`))
	})
	p := s.provider(t, fake, func(s *adapters.Settings) { s.Secrets = []adapters.Secret{adapters.NewSecret("Bearer " + secret)} })
	noKey(t, "the target's", f.callAs(t.Context(), t, p, nil, func(c *adapters.Call) {
		c.TargetHeader = adapters.Header{{Name: "authorization", Value: "Bearer " + secret}}
	}).err)
}

func (s *suite) testTimeouts(t *testing.T, f *Fixture) {
	const soon = 20 * time.Millisecond
	silent := newFake(t, func(_ http.ResponseWriter, r *http.Request, _ []byte) { <-r.Context().Done() })
	half := newFake(t, func(w http.ResponseWriter, r *http.Request, _ []byte) {
		f.head(w)
		write(w, f.body[:len(f.body)/2])
		<-r.Context().Done()
	})
	// Takes connections and never speaks TLS.
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	deaf := &fake{Server: &httptest.Server{URL: "https://" + listener.Addr().String()}}
	for _, c := range []struct {
		fake *fake
		own  adapters.Timeouts
		step adapters.Step
	}{
		{deaf, adapters.Timeouts{Connect: soon}, adapters.StepConnect},
		{silent, adapters.Timeouts{FirstByte: soon}, adapters.StepFirstByte},
		{half, adapters.Timeouts{Idle: soon}, adapters.StepIdle},
	} {
		out := f.callAs(t.Context(), t, s.provider(t, c.fake), nil, func(call *adapters.Call) { call.Timeouts = c.own })
		e := asError(t, out.err)
		if e.Kind != adapters.KindTimeout || e.Step != c.step || e.Unsent != (c.step == adapters.StepConnect) {
			t.Errorf("kind %s of %s, unsent %t, want timeout of %s", e.Kind, e.Step, e.Unsent, c.step)
		}
		if !strings.Contains(e.Message, soon.String()) {
			t.Errorf("the message is %q, want it to say %s", e.Message, soon)
		}
	}
}
