package anthropic

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// vertexVersion stands in the body there, instead of the header. Source: package vertex of
// the official Go SDK v1.84.0.
var vertexVersion = "vertex-2023-10-16"

const globalLocation = "global"

// Sign puts a token on a finished request: see [upstream.Dialect].
type Sign = func(ctx context.Context, r *http.Request, body []byte) error

// NewVertex returns a provider that serves chat and counts tokens with Anthropic's models on
// Vertex AI, in s.Google.Location (empty: "global") of s.Google.Project, which must be
// there. sign brings the token where the settings have no key; a key is sent as a bearer
// token. It does not connect. Models are not listed: Vertex AI has no list of those that a
// project may use.
func NewVertex(s adapters.Settings, sign Sign) (adapters.Provider, error) {
	at := &place{location: cmp.Or(s.Google.Location, globalLocation)}
	var ok bool
	if at.project, ok = upstream.PathSegment(s.Google.Project); !ok {
		return adapters.Provider{}, fmt.Errorf("provider %q: google.project: %w", s.Name, errNoProject)
	}
	if at.segment, ok = upstream.PathSegment(at.location); !ok {
		return adapters.Provider{}, fmt.Errorf("provider %q: google.location: no such place", s.Name)
	}
	a, err := newAPI(s, upstream.Dialect{
		BaseURL:   at.baseURL(),
		Authorize: func(h http.Header, key string) { h["Authorization"] = []string{"Bearer " + key} },
		Sign:      sign,
		Envelope:  decodeEnvelope, Status: statusOf, Refine: refineKind, Returns: returns,
	})
	if err != nil {
		return adapters.Provider{}, err
	}
	a.vertex = at
	return adapters.Provider{Name: s.Name, Chat: a, Count: a, Close: a.client.Close}, nil
}

var errNoProject = errors.New("it names the project that is billed, and must be there")

// place is where the models are.
type place struct {
	// project and segment, the location, are escaped for paths.
	project, segment string
	location         string
}

// baseURL is the endpoint of the location. Source: Google's documentation of Claude on
// Vertex AI and package vertex of the official Go SDK v1.84.0, 2026-11.
func (p *place) baseURL() string {
	switch p.location {
	case globalLocation:
		return "https://aiplatform.googleapis.com/v1"
	case "us", "eu":
		return "https://aiplatform." + p.segment + ".rep.googleapis.com/v1"
	}
	return "https://" + p.segment + "-aiplatform.googleapis.com/v1"
}

func (p *place) modelPath(model string, stream bool) (path string, ok bool) {
	segment, ok := upstream.PathSegment(model)
	verb := "rawPredict"
	if stream {
		verb = "streamRawPredict"
	}
	return p.models() + segment + ":" + verb, ok
}

func (p *place) countPath() string { return p.models() + "count-tokens:rawPredict" }

func (p *place) models() string {
	return "/projects/" + p.project + "/locations/" + p.segment + "/publishers/anthropic/models/"
}
