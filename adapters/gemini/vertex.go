package gemini

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"regexp"
	"strings"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/upstream"
)

// NewVertex returns a provider that serves the same from Vertex AI, at s.BaseURL, by
// default the endpoint of s.Google.Location. Sign puts the credentials of Google Cloud on
// requests that bring no key: see adapters/identity. With a key and without a project, it
// is what Google calls the express mode. NewVertex does not connect.
func NewVertex(s adapters.Settings, sign func(ctx context.Context, r *http.Request, body []byte) error) (adapters.Provider, error) {
	location := cmp.Or(s.Google.Location, "global")
	if !nameOfPlace.MatchString(location) {
		return adapters.Provider{}, fmt.Errorf("provider %q: google.location: %q is no name of a region", s.Name, location)
	}
	project := s.Google.Project
	if project == "" && len(s.APIKeys) == 0 {
		return adapters.Provider{}, fmt.Errorf("provider %q: google.project: the credentials name no project, so it must be given", s.Name)
	}
	if project != "" && !nameOfProject.MatchString(project) {
		return adapters.Provider{}, fmt.Errorf("provider %q: google.project: %q is no id of a project", s.Name, project)
	}
	v := vertex{project: project, location: location}
	s.BaseURL, v.version = splitVersion(cmp.Or(s.BaseURL, VertexBaseURL(location)))
	d := dialect
	if sign != nil {
		d.Sign = func(ctx context.Context, r *http.Request, body []byte) error {
			return named(s.Name, sign(ctx, r, body))
		}
	}
	client, err := upstream.New(s, d)
	if err != nil {
		return adapters.Provider{}, err
	}
	return provider(s.Name, &api{name: s.Name, client: client, site: v}), nil
}

// VertexBaseURL returns the root of Vertex AI's API in a region, or in "global".
//
// Source: Vertex AI, "Locations": the multi-regions have endpoints of a name of their own,
// 2026-11.
func VertexBaseURL(location string) string {
	switch location {
	case "global":
		return "https://aiplatform.googleapis.com/v1"
	case "us", "eu":
		return "https://aiplatform." + location + ".rep.googleapis.com/v1"
	}
	return "https://" + location + "-aiplatform.googleapis.com/v1"
}

var (
	nameOfPlace = regexp.MustCompile(`^[a-z][a-z0-9-]*$`)
	// Ids, numbers and ids with the domain of their organisation, as "example.com:p".
	nameOfProject = regexp.MustCompile(`^[a-z0-9][a-z0-9.:-]*$`)
	versionInPath = regexp.MustCompile(`/v1(beta1)?$`)
)

// splitVersion parts the version from a base URL: the list of models has another one.
func splitVersion(base string) (root, version string) {
	base = strings.TrimRight(base, "/")
	if version = versionInPath.FindString(base); version != "" {
		base = strings.TrimSuffix(base, version)
	}
	return base, version
}

// named gives the error of a signer the name of its provider.
func named(name string, err error) error {
	failure, ok := errors.AsType[*adapters.Error](err)
	if !ok || failure.Provider != "" {
		return err
	}
	return &adapters.Error{
		Kind: failure.Kind, Provider: name, Message: failure.Message, Unsent: failure.Unsent, Cause: failure.Cause,
	}
}

// vertex is Vertex AI.
type vertex struct{ project, location, version string }

func (vertex) kind() string { return "Google's Gemini API at Vertex AI" }

// model takes the short name of a model of Google's, "publisher/model" of another one's,
// an endpoint of the project, and whole names of resources.
func (v vertex) model(name string) (string, bool) {
	home := v.version
	if v.project != "" {
		home += "/projects/" + v.project + "/locations/" + v.location
	}
	parts := strings.Split(name, "/")
	switch {
	case parts[0] == "projects":
		home = v.version
	case parts[0] == "publishers" || parts[0] == "endpoints" && len(parts) == 2:
	case parts[0] == "models" && len(parts) == 2:
		parts = []string{"publishers", "google", "models", parts[1]}
	case len(parts) == 2:
		parts = []string{"publishers", parts[0], "models", parts[1]}
	default:
		parts = []string{"publishers", "google", "models", name}
	}
	return joinPath(home, parts)
}

func joinPath(path string, parts []string) (string, bool) {
	for i, part := range parts {
		segment, ok := upstream.PathSegment(part)
		if !ok {
			return "", false
		}
		parts[i] = segment
	}
	return path + "/" + strings.Join(parts, "/"), true
}

// list is that of the models in Google's garden, which this version alone has.
//
// Source: Vertex AI, v1beta1 publishers.models.list, 2026-11.
func (v vertex) list(pageToken string) (path, query string) {
	version := v.version
	if version != "" {
		version = "/v1beta1"
	}
	query = strings.Replace(pageQuery(pageToken), "1000", "300", 1) // the most that a page holds
	return version + "/publishers/google/models", query + "&listAllVersions=true"
}

// describe is in the garden as well.
func (v vertex) describe(name string) (string, bool) {
	path, ok := vertex{version: v.version}.model(name)
	return path, ok
}

// count takes what Vertex AI counts: what else a request says has no tokens.
//
// Source: Vertex AI, countTokens, request body, 2026-11.
func (vertex) count(_ string, request *geminipb.GenerateContentRequest) wirejson.Message {
	return &geminipb.GenerateContentRequest{
		Contents: request.GetContents(), SystemInstruction: request.GetSystemInstruction(),
		Tools: request.GetTools(), GenerationConfig: request.GetGenerationConfig(),
	}
}

func (vertex) file(string) (string, bool) { return "", false }

// embed asks the way that the model knows: Gemini's take one content, the others instances.
//
// Source: Models.EmbedContent of google.golang.org/genai v1.77; Vertex AI, "Get text
// embeddings": gemini-embedding-001 takes one instance per request, 2026-11.
func (v vertex) embed(model string, texts []string, o embedOptions) (calls []embedCall) {
	name := model[strings.LastIndex(model, "/")+1:]
	whole := strings.Contains(name, "gemini") && name != "gemini-embedding-001" || strings.Contains(name, "maas")
	if whole {
		for _, text := range texts {
			body := &geminipb.EmbedContentRequest{Content: textContent(text)}
			if o.taskType != nil || o.title != nil || o.dimensions != nil || o.rest != nil {
				body.EmbedContentConfig = &geminipb.EmbedContentConfig{
					TaskType: o.taskType, Title: o.title, OutputDimensionality: o.dimensions, Rest: o.rest,
				}
			}
			calls = append(calls, embedCall{":embedContent", body, 1})
		}
		return calls
	}
	most := len(texts)
	if name == "gemini-embedding-001" {
		most = 1
	}
	for len(texts) > 0 {
		n := min(most, len(texts))
		body := &geminipb.PredictRequest{}
		for _, text := range texts[:n] {
			body.Instances = append(body.Instances, &geminipb.EmbeddingInstance{Content: text, TaskType: o.taskType, Title: o.title})
		}
		if o.dimensions != nil || o.rest != nil {
			body.Parameters = &geminipb.EmbeddingParameters{OutputDimensionality: o.dimensions, Rest: o.rest}
		}
		calls = append(calls, embedCall{":predict", body, n})
		texts = texts[n:]
	}
	return calls
}
