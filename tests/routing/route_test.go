package routing

import (
	"bytes"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

const names = `
providers: [{name: a, @a}, {name: b, @b}, {name: c, @c}, {name: d, @d}]
models:
  - {name: fast, aliases: [quick, a/alias], targets: [{provider: b, model: real}]}
  - {name: a/exact, targets: [{provider: b}]}
  - {name: "gpt-*", targets: [{provider: c}]}
  - {name: "gpt-4*", targets: [{provider: d}]}
  - {name: "a*", targets: [{provider: d}]}
`

// modelSent is the model that a provider was asked for last.
func (s *stage) modelSent(t *testing.T, provider string) string {
	t.Helper()
	all := s.up[provider].Requests()
	if len(all) == 0 {
		t.Fatalf("%s was not asked", provider)
	}
	model, _ := harness.At(all[len(all)-1].Body, "model")
	return strings.Trim(string(model), `"`)
}

func TestA_name_leads_where_the_first_rule_that_applies_says(t *testing.T) {
	s := start(t, names+"routing: {default_provider: b}\n")
	tests := []struct{ why, name, provider, model, route string }{
		{"an entry", "fast", "b", "real", "fast"},
		{"an alias", "quick", "b", "real", "fast"},
		{"an alias in the form provider/model", "a/alias", "b", "real", "fast"},
		{"an entry in the form provider/model", "a/exact", "b", "a/exact", "a/exact"},
		{"provider/model, before the wildcard a*", "a/anything", "a", "anything", ""},
		{"provider:model", "a:anything", "a", "anything", ""},
		{"a model with separators of its own", "a/x/y:z", "a", "x/y:z", ""},
		{"a wildcard", "gpt-3.5", "c", "gpt-3.5", "gpt-*"},
		{"the longest wildcard", "gpt-4o", "d", "gpt-4o", "gpt-4*"},
		{"a wildcard before the default", "anything", "d", "anything", "a*"},
		{"the default provider", "other/model", "b", "other/model", ""},
	}
	for _, d := range []harness.Door{s.REST(), s.door(t, "grpc")} {
		for _, test := range tests {
			t.Run(d.Name+" "+test.why, func(t *testing.T) {
				r := s.ask(t, d, single, chatOf(test.name))
				answeredBy(t, r, test.provider)
				if got := s.modelSent(t, test.provider); got != test.model || r.Header.Get("X-Sluice-Model") != test.model {
					t.Errorf("the provider was asked for %q, the header says %q, want %q", got, r.Header.Get("X-Sluice-Model"), test.model)
				}
				if r.receipt.Route != test.route {
					t.Errorf("the receipt's route is %q, want %q", r.receipt.Route, test.route)
				}
			})
		}
	}
}

func TestA_name_that_nothing_serves_is_no_model(t *testing.T) {
	s := start(t, names)
	for _, d := range s.Doors(t) {
		for _, k := range []kind{single, streamed} {
			r := s.ask(t, d, k, chatOf("other"))
			failedFor(t, r, "model_not_found")
			if r.Failure != nil && (r.Failure.Reason != "model_not_found" || r.Failure.Status != http.StatusNotFound) {
				t.Errorf("%s %s: %+v", d.Name, k, r.Failure)
			}
		}
	}
}

func TestEvery_door_leads_to_the_same_place(t *testing.T) {
	s := start(t, names)
	for _, d := range s.Doors(t) {
		for _, k := range []kind{single, streamed} {
			answeredBy(t, s.ask(t, d, k, chatOf("quick")), "b")
		}
		answeredBy(t, s.ask(t, d, embedded, `{"model":"quick","input":"x"}`), "b")
	}
}

// post posts to any path of the HTTP port.
func (s *stage) post(t *testing.T, path, body string, header ...string) (status int, answer []byte, r result) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://"+s.HTTP+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	for i := 0; i < len(header); i += 2 {
		request.Header.Set(header[i], header[i+1])
	}
	response, err := s.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if answer, err = io.ReadAll(response.Body); err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, answer, result{Answer: harness.Answer{Header: response.Header}, receipt: s.Receipt(t)}
}

func TestA_path_prefix_leads_to_its_target(t *testing.T) {
	s := start(t, names+`
routing:
  caller_choice: true
  paths: [{path: /one, provider: a, model: fixed}, {path: /any, provider: a}, {path: /named, model: quick}, {path: /any/longer, provider: c}]
`)
	const embed = `"input":"x"`
	tests := []struct {
		why, path, body, provider, model string
	}{
		{"without a model", "/one", `{` + message + `}`, "a", "fixed"},
		{"with an empty model", "/one", `{"model":"",` + message + `}`, "a", "fixed"},
		{"with another model", "/one", chatOf("fast"), "a", "fixed"},
		{"as a base URL", "/one/v1/chat/completions", chatOf("fast"), "a", "fixed"},
		{"as a base URL without v1", "/one/chat/completions", chatOf("fast"), "a", "fixed"},
		{"as a stream", "/one", chatOf("fast", `"stream":true`), "a", "fixed"},
		{"for embeddings", "/one/v1/embeddings", `{` + embed + `}`, "a", "fixed"},
		{"of a provider", "/any", chatOf("fast"), "a", "fast"},
		{"of a provider, with an odd model", "/any", chatOf("b/c"), "a", "b/c"},
		{"the longest", "/any/longer", chatOf("fast"), "c", "fast"},
		{"of an alias", "/named", `{"model":"",` + message + `}`, "b", "real"},
		{"whatever the caller chooses", "/one", chatOf("fast", `"models":["c"]`), "a", "fixed"},
	}
	for _, test := range tests {
		t.Run(test.why, func(t *testing.T) {
			status, body, r := s.post(t, test.path, test.body)
			if status != http.StatusOK || r.provider() != test.provider {
				t.Fatalf("%d of %q: %s", status, r.provider(), body)
			}
			if got := s.modelSent(t, test.provider); got != test.model {
				t.Errorf("the provider was asked for %q, want %q", got, test.model)
			}
			if prefix := "/" + strings.Split(test.path, "/")[1]; !strings.HasPrefix(r.receipt.Route, prefix) {
				t.Errorf("the receipt's route is %q, want the prefix", r.receipt.Route)
			}
		})
	}
	for _, body := range []string{`{` + message + `}`, `{"model":"",` + message + `}`} {
		if status, answer, _ := s.post(t, "/any", body); status != http.StatusBadRequest || !bytes.Contains(answer, []byte("model is missing")) {
			t.Errorf("a path without a model of its own: %d %s", status, answer)
		}
	}
	if _, _, r := s.post(t, "/one", chatOf("m"), "x-sluice-route", "c"); r.provider() != "a" {
		t.Errorf("a header of choice moves a path's call to %q", r.provider())
	}
}

func TestCallers_who_may_choose_do(t *testing.T) {
	s := start(t, names+"routing: {caller_choice: true}\n")
	tests := []struct {
		why, member, header, provider, model string
	}{
		{"by the member", `"models":["nobody","quick"]`, "", "b", "real"},
		{"a provider alone", `"models":["c"]`, "", "c", "asked"},
		{"by the header", "", "nobody, a/x", "a", "x"},
		{"a provider alone by the header", "", "d", "d", "asked"},
		{"the header before the member", `"models":["c"]`, "a/x", "a", "x"},
		{"the first", "", "gpt-4o,gpt-3", "d", "gpt-4o"},
	}
	for _, d := range []harness.Door{s.REST(), s.door(t, "grpc"), s.door(t, "connect")} {
		for _, test := range tests {
			t.Run(d.Name+" "+test.why, func(t *testing.T) {
				var members, header []string
				if test.member != "" {
					members = append(members, test.member)
				}
				if test.header != "" {
					header = append(header, "x-sluice-route", test.header)
				}
				r := s.ask(t, d, single, chatOf("asked", members...), header...)
				answeredBy(t, r, test.provider)
				if got := s.modelSent(t, test.provider); got != test.model {
					t.Errorf("the provider was asked for %q, want %q", got, test.model)
				}
				all := s.up[test.provider].Requests()
				if _, sent := harness.At(all[len(all)-1].Body, "models"); sent {
					t.Error("the caller's choice went to the provider")
				}
			})
		}
		failedFor(t, s.ask(t, d, single, chatOf("m", `"models":["nobody","no one"]`)), "model_not_found")
		failedFor(t, s.ask(t, d, single, chatOf("m", `"models":"fast"`)), "invalid_request")
	}
	answeredBy(t, s.ask(t, s.REST(), embedded, `{"model":"m","input":"x"}`, "x-sluice-route", "c"), "c")
}

func TestChoices_are_tried_in_turn_when_they_fail(t *testing.T) {
	s := start(t, names+"routing: {caller_choice: true}\n")
	s.failed(500, "a", "c")
	r := s.chat(t, chatOf("m", `"models":["a/x","gpt-3","fast"]`))
	answeredBy(t, r, "b")
	if want := "a/x=upstream_unavailable(500), c/gpt-3=upstream_unavailable(500)"; r.tried() != want || r.attempts() != "3" {
		t.Errorf("%s attempts, tried %q, want 3 and %q", r.attempts(), r.tried(), want)
	}
}

func TestCallers_who_may_not_choose_are_refused_or_passed_on(t *testing.T) {
	s := start(t, names)
	for _, d := range s.Doors(t) {
		for _, k := range []kind{single, streamed} {
			r := s.ask(t, d, k, chatOf("fast"), "x-sluice-route", "a/x")
			failedFor(t, r, "permission_denied")
			if r.Failure != nil && r.Failure.Status != http.StatusForbidden {
				t.Errorf("%s: status %d", d.Name, r.Failure.Status)
			}
		}
		answeredBy(t, s.ask(t, d, single, chatOf("fast", `"models":["a/x", "c"]`)), "b")
		all := s.up["b"].Requests()
		if member, _ := harness.At(all[len(all)-1].Body, "models"); string(member) != `["a/x", "c"]` {
			t.Errorf("%s: the member arrived as %q", d.Name, member)
		}
	}
	s.wants(t, "a", 0)
}

func TestModels_and_aliases_are_listed_and_described(t *testing.T) {
	s := start(t, names+"routing: {default_provider: c}\n")
	for _, d := range s.Doors(t) {
		r := result{Answer: d.ListModels(t.Context(), harness.Call{}), receipt: s.Receipt(t)}
		if r.Failure != nil || r.Err != nil {
			t.Fatalf("%s: %s", d.Name, r.outcome())
		}
		if got, want := modelIDs(r), "fast quick a/alias a/exact of-c a/of-a b/of-b d/of-d"; got != want {
			t.Errorf("%s lists %q, want %q", d.Name, got, want)
		}
		for _, name := range []string{"fast", "quick", "a/alias"} {
			r := result{Answer: d.GetModel(t.Context(), harness.Call{Model: name}), receipt: s.Receipt(t)}
			if id, owner := modelIDs(r), ownerOf(r); id != name || owner != "sluice" {
				t.Errorf("%s: %s is %q of %q: %s", d.Name, name, id, owner, r.outcome())
			}
		}
	}
}
