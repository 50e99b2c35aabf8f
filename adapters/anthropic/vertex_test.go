package anthropic

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/adaptertest"
)

func TestVertex(t *testing.T) {
	adaptertest.Run(t, func(s adapters.Settings) (adapters.Provider, error) {
		s.Google = adapters.Google{Project: "acme", Location: "europe-west1"}
		return NewVertex(s, nil)
	}, "testdata/vertex")
}

// Source: package vertex of the official Go SDK v1.84.0.
func TestVertex_is_where_its_location_is(t *testing.T) {
	for location, want := range map[string]string{
		"global":       "https://aiplatform.googleapis.com/v1",
		"us":           "https://aiplatform.us.rep.googleapis.com/v1",
		"eu":           "https://aiplatform.eu.rep.googleapis.com/v1",
		"europe-west1": "https://europe-west1-aiplatform.googleapis.com/v1",
	} {
		if got := (&place{location: location, segment: location}).baseURL(); got != want {
			t.Errorf("%s: %s, want %s", location, got, want)
		}
	}
}

func TestVertex_needs_a_project_and_a_place(t *testing.T) {
	for _, google := range []adapters.Google{{}, {Project: ".."}, {Project: "p", Location: "."}} {
		if _, err := NewVertex(adapters.Settings{Name: "p", Google: google}, nil); err == nil || !strings.Contains(err.Error(), "google.") {
			t.Errorf("%+v: %v", google, err)
		}
	}
}

func TestVertex_signs_what_has_no_key(t *testing.T) {
	var got http.Header
	s := serve(t, func(_ http.ResponseWriter, r *http.Request) { got = r.Header })
	s.Google.Project = "acme"
	var signErr error
	p, err := NewVertex(s, func(_ context.Context, r *http.Request, body []byte) error {
		if !strings.Contains(string(body), "vertex-2023-10-16") || !strings.HasSuffix(r.URL.Path, "/projects/acme/locations/global/publishers/anthropic/models/claude-x:rawPredict") {
			t.Errorf("%s with %s is to be signed", r.URL.Path, body)
		}
		r.Header.Set("Authorization", "Bearer token")
		return signErr
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	req := readRequest(t, `{"model":"claude-x","messages":[{"role":"user","content":"Hi"}]}`)
	_, _ = p.Chat.Chat(t.Context(), &adapters.Call{}, req)
	if got.Get("Authorization") != "Bearer token" {
		t.Errorf("the provider got %q", got.Get("Authorization"))
	}
	signErr = errors.New("expired")
	if _, err := p.Chat.Chat(t.Context(), &adapters.Call{}, req); adapters.KindOf(err) != adapters.KindAuth || strings.Contains(err.Error(), "expired") {
		t.Errorf("%v, want kind auth without the cause", err)
	}
}

func TestVertex_does_not_ask_for_models_that_would_be_another_path(t *testing.T) {
	s := serve(t, func(http.ResponseWriter, *http.Request) { t.Error("the provider was asked") })
	s.Google.Project = "acme"
	p, err := NewVertex(s, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	if _, err := p.Chat.Chat(t.Context(), &adapters.Call{Model: ".."}, readRequest(t, `{"model":"x","messages":[{"role":"user","content":"Hi"}]}`)); adapters.KindOf(err) != adapters.KindNotFound {
		t.Errorf("%v, want not_found", err)
	}
}
