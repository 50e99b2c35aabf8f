package gemini

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// vertexAt plays Vertex AI and returns what it was asked, path and body in a line each.
func vertexAt(t *testing.T, s adapters.Settings, sign func(context.Context, *http.Request, []byte) error, answer string) (adapters.Provider, *[]string) {
	t.Helper()
	asked := &[]string{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		*asked = append(*asked, r.URL.Path+" "+r.Header.Get("Authorization")+r.Header.Get("X-Goog-Api-Key")+" "+string(body))
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, answer)
	}))
	t.Cleanup(server.Close)
	s.Name, s.BaseURL = "v", server.URL+"/v1"
	p, err := NewVertex(s, sign)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = p.Close() })
	return p, asked
}

const hello = `{"candidates":[{"content":{"parts":[{"text":"Hi"}],"role":"model"},"finishReason":"STOP"}]}`

// Source: Vertex AI, "Vertex AI in express mode": a key, and neither project nor location.
func TestVertex_takes_a_key_without_a_project(t *testing.T) {
	p, asked := vertexAt(t, adapters.Settings{APIKeys: []adapters.Secret{adapters.NewSecret("key")}}, nil, hello)
	if _, err := p.Chat.Chat(t.Context(), &adapters.Call{Model: "gemini-2.5-flash"}, chatRequest(t, `{"messages":[{"role":"user","content":"x"}]}`)); err != nil {
		t.Fatal(err)
	}
	if got := (*asked)[0]; !strings.HasPrefix(got, "/v1/publishers/google/models/gemini-2.5-flash:generateContent key ") {
		t.Errorf("asked for %s", got)
	}
}

func TestVertex_signs_what_has_no_key(t *testing.T) {
	refused := false
	sign := func(_ context.Context, r *http.Request, _ []byte) error {
		if refused {
			return &adapters.Error{Kind: adapters.KindAuth, Unsent: true, Message: "no token"}
		}
		r.Header.Set("Authorization", "Bearer token")
		return nil
	}
	p, asked := vertexAt(t, adapters.Settings{Google: adapters.Google{Project: "p-1"}}, sign, hello)
	request := chatRequest(t, `{"messages":[{"role":"user","content":"x"}]}`)
	if _, err := p.Chat.Chat(t.Context(), &adapters.Call{Model: "projects/9/locations/global/endpoints/1"}, request); err != nil {
		t.Fatal(err)
	}
	if got := (*asked)[0]; !strings.HasPrefix(got, "/v1/projects/9/locations/global/endpoints/1:generateContent Bearer token ") {
		t.Errorf("asked for %s", got)
	}
	refused = true
	_, err := p.Chat.Chat(t.Context(), &adapters.Call{Model: "gemini-2.5-flash"}, request)
	e, ok := errors.AsType[*adapters.Error](err)
	if !ok || e.Kind != adapters.KindAuth || e.Provider != "v" || !e.Unsent || e.Message != "no token" || len(*asked) != 1 {
		t.Errorf("%+v, want the signer's error under the provider's name, and nothing sent", err)
	}
}

// Source: Models.EmbedContent of google.golang.org/genai v1.77, and Vertex AI, "Get text
// embeddings": one instance per request of gemini-embedding-001.
func TestVertex_embeds_text_by_text_where_a_model_takes_one(t *testing.T) {
	for model, c := range map[string]struct{ path, answer string }{
		"gemini-embedding-001": {"gemini-embedding-001:predict", `{"predictions":[{"embeddings":{"values":[1],"statistics":{"token_count":2}}}]}`},
		"gemini-embedding-2":   {"gemini-embedding-2:embedContent", `{"embedding":{"values":[1]},"usageMetadata":{"promptTokenCount":2}}`},
	} {
		p, asked := vertexAt(t, adapters.Settings{Google: adapters.Google{Project: "p-1"}}, nil, c.answer)
		got, err := p.Embed.Embed(t.Context(), &adapters.Call{Model: model}, &sluicev1.CreateEmbeddingsRequest{
			Input: &sluicev1.CreateEmbeddingsRequest_Texts{Texts: &sluicev1.StringList{Values: []string{"a", "b", "c"}}},
		})
		if err != nil {
			t.Fatal(err)
		}
		if len(*asked) != 3 || len(got.GetData()) != 3 || got.GetData()[2].GetIndex() != 2 || got.GetUsage().GetPromptTokens() != 6 {
			t.Errorf("%s: %d requests, answer %v", model, len(*asked), got)
		}
		for i, line := range *asked {
			if !strings.Contains(line, "/locations/global/publishers/google/models/"+c.path) || !strings.Contains(line, fmt.Sprintf("%q", "abc"[i:i+1])) {
				t.Errorf("%s: asked for %s", model, line)
			}
		}
	}
}

func TestNewVertex_refuses_settings_that_cannot_work(t *testing.T) {
	for _, c := range []struct {
		about  string
		google adapters.Google
	}{
		{"google.project", adapters.Google{}},
		{"google.project", adapters.Google{Project: "p/../q"}},
		{"google.location", adapters.Google{Project: "p", Location: "evil.example/"}},
	} {
		if _, err := NewVertex(adapters.Settings{Name: "v", Google: c.google}, nil); err == nil || !strings.Contains(err.Error(), c.about) {
			t.Errorf("%v, want an error about %s", err, c.about)
		}
	}
}

// Source: Vertex AI, "Locations", 2026-11.
func TestVertexBaseURL_is_that_of_the_location(t *testing.T) {
	for location, want := range map[string]string{
		"global":       "https://aiplatform.googleapis.com/v1",
		"us-central1":  "https://us-central1-aiplatform.googleapis.com/v1",
		"europe-west4": "https://europe-west4-aiplatform.googleapis.com/v1",
		"eu":           "https://aiplatform.eu.rep.googleapis.com/v1",
	} {
		if got := VertexBaseURL(location); got != want {
			t.Errorf("%s: %s, want %s", location, got, want)
		}
	}
}
