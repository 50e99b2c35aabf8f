package routing

import (
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

// last is the last request that a provider got.
func (s *stage) last(t *testing.T, provider string) *harness.Request {
	t.Helper()
	all := s.up[provider].Requests()
	if len(all) == 0 {
		t.Fatalf("%s was not asked", provider)
	}
	return all[len(all)-1]
}

func TestParameters_change_what_one_target_receives(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}, {name: b, @b}]
models:
  - name: m
    targets:
      - provider: a
        model: other
        parameters:
          drop: [temperature, x_own, stop]
          default: {top_p: 0.25, user: nobody, x_new: {deep: [1, 2.50]}}
          set: {reasoning_effort: minimal, max_completion_tokens: 7, metadata: {k: v}, x_vendor: [true, null], seed: null}
      - {provider: b, priority: 1}
`+unguarded)
	const members = `"temperature":0.70,"user":"me","x_own":1.0,"stop":["a"],"x_vendor":"mine","x_stays":{"z":1e2,"a":1}`
	const changed = `{"model":"other",` + message + `,"user":"me","x_stays":{"z":1e2,"a":1},"top_p":0.25,"x_new":{"deep":[1,2.5]},
		"reasoning_effort":"minimal","max_completion_tokens":7,"metadata":{"k":"v"},"x_vendor":[true,null],"seed":null}`
	s.failed(500, "a")
	for _, d := range s.Doors(t) {
		for _, k := range []kind{single, streamed} {
			answeredBy(t, s.ask(t, d, k, chatOf("m", members)), "b")
			want, untouched := changed, chatOf("m", members)
			if k == streamed {
				// The usage is asked for so that receipts know it.
				const more = `"stream":true,"stream_options":{"include_usage":true}`
				want, untouched = string(harness.WithMember([]byte(want), more)), string(harness.WithMember([]byte(untouched), more))
			}
			if err := harness.SameJSON([]byte(want), s.last(t, "a").Body); err != nil {
				t.Errorf("%s %s, the changed target: %v", d.Name, k, err)
			}
			if err := harness.SameJSON([]byte(untouched), s.last(t, "b").Body); err != nil {
				t.Errorf("%s %s, the other target: %v", d.Name, k, err)
			}
		}
		if d.IsREST() {
			// What passes does so in the caller's own spelling.
			if value, _ := harness.At(s.last(t, "a").Body, "x_stays"); string(value) != `{"z":1e2,"a":1}` {
				t.Errorf("x_stays arrived as %s", value)
			}
		}
	}
}

func TestParameters_change_embeddings_as_well(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a}]
models: [{name: m, targets: [{provider: a, model: e, parameters: {drop: [user], default: {encoding_format: float}, set: {dimensions: 8, x: y}}}]}]
`)
	for _, d := range s.Doors(t) {
		answeredBy(t, s.ask(t, d, embedded, `{"model":"m","input":["x","y"],"user":"me","dimensions":16}`), "a")
		if err := harness.SameJSON([]byte(`{"model":"e","input":["x","y"],"encoding_format":"float","dimensions":8,"x":"y"}`), s.last(t, "a").Body); err != nil {
			t.Errorf("%s: %v", d.Name, err)
		}
	}
}

func TestA_call_without_overrides_arrives_byte_for_byte(t *testing.T) {
	s := start(t, "providers: [{name: a, @a}]\nmodels: [{name: m, targets: [{provider: a}]}]\n")
	const body = `{"model":"m","messages":[{"role":"user","content":"Hello"}],"temperature":0.70,"x":[1.0,1e2]}`
	answeredBy(t, s.chat(t, body), "a")
	for _, part := range []string{`"messages":[{"role":"user","content":"Hello"}]`, `"x":[1.0,1e2]`} {
		if got := string(s.last(t, "a").Body); !strings.Contains(got, part) {
			t.Errorf("%s does not hold %s", got, part)
		}
	}
	if err := harness.SameJSON([]byte(body), s.last(t, "a").Body); err != nil {
		t.Error(err)
	}
}

func TestHeaders_of_a_target_go_to_it_alone_and_over_the_providers(t *testing.T) {
	t.Setenv("SLUICE_TEST_TARGET_KEY", "Bearer of-the-target")
	s := start(t, `
providers:
  - {name: a, @a, api_keys: [key-of-a], headers: {X-Team: provider, X-Both: provider}}
  - {name: b, @b, api_keys: [key-of-b]}
models:
  - name: m
    targets:
      - {provider: a, headers: {X-Both: target, X-Own: target, Authorization: "${env:SLUICE_TEST_TARGET_KEY}"}}
      - {provider: b, priority: 1}
  - {name: plain, targets: [{provider: a}]}
`)
	s.failed(500, "a")
	answeredBy(t, s.chat(t, chatOf("m"), "authorization", "Bearer of-the-caller"), "b")
	s.chat(t, chatOf("plain"))
	all := s.up["a"].Requests()
	if len(all) != 2 {
		t.Fatalf("a was asked %d times", len(all))
	}
	tests := []struct {
		request *harness.Request
		header  string
		want    string
	}{
		{all[0], "X-Team", "provider"},
		{all[0], "X-Both", "target"},
		{all[0], "X-Own", "target"},
		{all[0], "Authorization", "Bearer of-the-target"},
		{all[1], "X-Team", "provider"},
		{all[1], "X-Both", "provider"},
		{all[1], "X-Own", ""},
		{all[1], "Authorization", "Bearer key-of-a"},
		{s.last(t, "b"), "X-Own", ""},
		{s.last(t, "b"), "X-Team", ""},
		{s.last(t, "b"), "Authorization", "Bearer key-of-b"},
	}
	for i, test := range tests {
		if got := strings.Join(test.request.Header.Values(test.header), "|"); got != test.want {
			t.Errorf("%d: %s is %q, want %q", i, test.header, got, test.want)
		}
	}
	if log := s.Log(); strings.Contains(log, "of-the-target") || strings.Contains(log, "key-of-a") {
		t.Error("the log shows a credential")
	}
}

func TestA_credential_of_a_target_is_not_held_against_the_providers_keys(t *testing.T) {
	s := start(t, `
providers: [{name: a, @a, api_keys: [one, two]}]
models:
  - {name: own, targets: [{provider: a, model: x, headers: {Authorization: Bearer bad}}]}
  - {name: plain, targets: [{provider: a, model: x}]}
`)
	s.up["a"].Handle(func(w http.ResponseWriter, _ *http.Request, r *harness.Request) {
		if r.Header.Get("Authorization") == "Bearer bad" {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(http.StatusUnauthorized)
			_, _ = w.Write([]byte(`{"error":{"message":"bad","type":"x","param":null,"code":null}}`))
			return
		}
		answer(w, r, "a")
	})
	r := s.chat(t, chatOf("own"))
	failedFor(t, r, "upstream_unauthenticated")
	s.wants(t, "a", 1)
	for _, key := range s.status(t).Providers[0].Keys {
		if len(key.Benched) > 0 {
			t.Errorf("%s is benched: %+v", key.Name, key.Benched)
		}
	}
	answeredBy(t, s.chat(t, chatOf("plain")), "a")
}
