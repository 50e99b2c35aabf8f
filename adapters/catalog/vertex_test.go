package catalog

import (
	"context"
	"net/http"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// Paths: Vertex AI's REST reference, projects.locations.publishers.models: generateContent,
// streamGenerateContent, rawPredict and streamRawPredict, 2026-11.
func TestVertex_speaks_the_dialect_of_the_models_publisher(t *testing.T) {
	r := newResource(t)
	r.status, r.answer = http.StatusNotFound, `{"error":{"code":404,"message":"no","status":"NOT_FOUND"}}`
	p, err := New("vertex", adapters.Settings{
		Name: "v", BaseURL: r.URL + "/v1", Google: adapters.Google{Project: "p-1", Location: "us-east5"},
		APIKeys: []adapters.Secret{adapters.NewSecret("key")},
	})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	const at = "/v1/projects/p-1/locations/us-east5/publishers/"
	for _, c := range []struct{ target, own, chat, stream string }{
		{"gemini-2.5-pro", "", "google/models/gemini-2.5-pro:generateContent", "google/models/gemini-2.5-pro:streamGenerateContent"},
		{"", "gemini-2.5-pro", "google/models/gemini-2.5-pro:generateContent", "google/models/gemini-2.5-pro:streamGenerateContent"},
		{"claude-sonnet-4-5@20250929", "fast", "anthropic/models/claude-sonnet-4-5@20250929:rawPredict", "anthropic/models/claude-sonnet-4-5@20250929:streamRawPredict"},
		{"anthropic/claude-opus-4-1", "", "anthropic/models/claude-opus-4-1:rawPredict", "anthropic/models/claude-opus-4-1:streamRawPredict"},
		{"", "claude-opus-4-1", "anthropic/models/claude-opus-4-1:rawPredict", "anthropic/models/claude-opus-4-1:streamRawPredict"},
	} {
		req := question()
		req.Model = c.own
		call := &adapters.Call{Model: c.target}
		_, err := p.Chat.Chat(t.Context(), call, req)
		check := func(want string) {
			t.Helper()
			if adapters.KindOf(err) != adapters.KindNotFound || strings.ReplaceAll(r.path, "%40", "@") != at+want {
				t.Errorf("%q, %q: asked %s (%v), want %s", c.target, c.own, r.path, err, at+want)
			}
			if call.Model != c.target {
				t.Errorf("the call's model became %q", call.Model)
			}
		}
		check(c.chat)
		err = p.Chat.StreamChat(t.Context(), call, req, func(*sluicev1.ChatCompletionChunk) error { return nil })
		check(c.stream)
	}
}

func TestVertex_with_a_key_alone_has_no_models_of_Anthropic(t *testing.T) {
	r := newResource(t)
	p, err := New("vertex", adapters.Settings{Name: "v", BaseURL: r.URL, APIKeys: []adapters.Secret{adapters.NewSecret("key")}})
	if err != nil {
		t.Fatal(err)
	}
	defer p.Close()
	refuse := map[string]func(context.Context, *adapters.Call) error{
		"chat": func(ctx context.Context, call *adapters.Call) error {
			_, err := p.Chat.Chat(ctx, call, question())
			return err
		},
		"stream": func(ctx context.Context, call *adapters.Call) error {
			return p.Chat.StreamChat(ctx, call, question(), nil)
		},
		"count": func(ctx context.Context, call *adapters.Call) error {
			_, err := p.Count.CountTokens(ctx, call, question())
			return err
		},
	}
	for name, ask := range refuse {
		err := ask(t.Context(), &adapters.Call{Model: "claude-opus-4-1"})
		if adapters.KindOf(err) != adapters.KindNotFound || !strings.Contains(err.Error(), "google.project") || r.path != "" {
			t.Errorf("%s: %v, asked %q", name, err, r.path)
		}
	}
}

func TestVertex_says_what_is_missing(t *testing.T) {
	// Credentials of a person name no project, and none is in the environment.
	t.Setenv("GOOGLE_CLOUD_PROJECT", "")
	for want, g := range map[string]adapters.Google{
		"google.project": {Credentials: adapters.NewSecret(`{"type":"authorized_user","client_id":"i","client_secret":"s3cret","refresh_token":"s3cret"}`)},
		"google":         {Credentials: adapters.NewSecret("s3cret")},
	} {
		_, err := New("vertex", adapters.Settings{Name: "v", Google: g})
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%v, want an error that says %q", err, want)
		}
	}
}
