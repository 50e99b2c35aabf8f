// Package fleet starts a fake of every provider, and says how a Sluice in front of all of
// them is configured. What its rows are expected to do is in matrix.yaml.
package fleet

import (
	"bytes"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	_ "embed"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"

	"github.com/sluice-ai/sluice/tests/fakes"
	"github.com/sluice-ai/sluice/tests/fakes/anthropic"
	"github.com/sluice-ai/sluice/tests/fakes/bedrock"
	"github.com/sluice-ai/sluice/tests/fakes/gemini"
	"github.com/sluice-ai/sluice/tests/fakes/openaichat"

	"github.com/sluice-ai/sluice/adapters/catalog"
)

//go:embed matrix.yaml
var matrix []byte

// Expectation is what is expected of some rows.
type Expectation struct {
	// Rows are those that it is for.
	Rows []string `yaml:"rows"`
	// Sources are where it is known from.
	Sources []string `yaml:"sources"`
	// Fake is how the fake of OpenAI's dialect differs for these rows.
	Fake openaichat.Quirks `yaml:"fake"`
	// Cases are the outcomes, by the case's name, of those that are not honoured: "refused
	// n, seed", or "translated max_tokens, stop" with the request's own members.
	Cases map[string]string `yaml:"cases"`
}

// Row is a provider with one of its models.
type Row struct {
	Name string
	// Model is "provider/model".
	Model string
	// Received keeps the requests of its fake.
	Received *fakes.Recorder
	Want     Expectation
	// Thinks says that it tells thoughts, Signed that it signs them, Counts that it counts
	// their tokens by themselves, Writes that it tells what was written to its cache.
	Thinks, Signed, Counts, Writes bool
}

// Fleet is all of them.
type Fleet struct {
	Rows []Row
	// Config is the section "providers" of a configuration.
	Config string
}

func expectations(t testing.TB) []Expectation {
	t.Helper()
	var all []Expectation
	d := yaml.NewDecoder(bytes.NewReader(matrix))
	d.KnownFields(true)
	if err := d.Decode(&all); err != nil {
		t.Fatal(err)
	}
	return all
}

func expected(t testing.TB, all []Expectation, row string) Expectation {
	t.Helper()
	for _, e := range all {
		if slices.Contains(e.Rows, row) {
			return e
		}
	}
	t.Fatalf("matrix.yaml says nothing about %s", row)
	return Expectation{}
}

// claudeAtBedrock is the id of a model there.
const claudeAtBedrock = "anthropic.claude-sonnet-4-5-20250929-v1:0"

// Start starts everything until the test ends. More is added to the configuration of each
// provider, as ", unsupported_params: drop".
func Start(t testing.TB, more string) *Fleet {
	t.Helper()
	fleet := &Fleet{}
	wanted := expectations(t)
	var config strings.Builder
	config.WriteString("providers:\n")
	add := func(row, provider, model, settings string, handler http.Handler, received *fakes.Recorder, facts Row) {
		if handler != nil {
			server := httptest.NewServer(handler)
			t.Cleanup(func() { server.CloseClientConnections(); server.Close() })
			fmt.Fprintf(&config, "  - {name: %s, %s%s}\n", provider, strings.ReplaceAll(settings, "URL", server.URL), more)
		}
		facts.Name, facts.Model, facts.Received, facts.Want = row, provider+"/"+model, received, expected(t, wanted, row)
		fleet.Rows = append(fleet.Rows, facts)
	}
	claude, google, amazon := &anthropic.Fake{}, &gemini.Fake{}, &bedrock.Fake{}
	add("anthropic", "anthropic", "claude-sonnet-4-5", "kind: anthropic, base_url: URL/v1, api_keys: ["+anthropic.Key+"]", claude, &claude.Recorder,
		Row{Thinks: true, Signed: true, Counts: true, Writes: true})
	add("anthropic (newest)", "anthropic", "claude-opus-5-5", "", nil, &claude.Recorder, Row{Thinks: true, Signed: true, Counts: true, Writes: true})
	add("gemini", "gemini", "gemini-2.5-flash", "kind: gemini, base_url: URL/v1beta, api_keys: ["+gemini.Key+"]", google, &google.Recorder,
		Row{Thinks: true, Counts: true})
	add("gemini 3", "gemini", "gemini-3-pro-preview", "", nil, &google.Recorder, Row{Thinks: true, Signed: true, Counts: true})

	both := &Vertex{}
	add("vertex (gemini)", "vertex", "gemini-2.5-flash", "kind: vertex, base_url: URL/v1, google: {project: p1, location: us-central1, credentials: '"+ServiceAccount(t, gemini.Token)+"'}",
		both, &both.Google.Recorder, Row{Thinks: true, Counts: true})
	add("vertex (claude)", "vertex", "claude-sonnet-4-5", "", nil, &both.Claude.Recorder, Row{Thinks: true, Signed: true, Counts: true, Writes: true})
	add("bedrock (claude)", "bedrock", claudeAtBedrock, "kind: bedrock, base_url: URL, aws: {region: "+bedrock.Region+", access_key_id: "+bedrock.AccessKeyID+
		", secret_access_key: "+bedrock.SecretAccessKey+"}", amazon, &amazon.Recorder, Row{Thinks: true, Signed: true, Writes: true})
	add("bedrock (nova)", "bedrock", "amazon.nova-pro-v1:0", "", nil, &amazon.Recorder, Row{Writes: true})

	v1, deployments := &openaichat.Fake{Quirks: openaichat.Quirks{Azure: true}}, &openaichat.Fake{Quirks: openaichat.Quirks{Azure: true}}
	add("azure (v1)", "azure", "gpt-5", "kind: azure, base_url: URL, api_keys: ["+openaichat.Key+"]", v1, &v1.Recorder, Row{Counts: true})
	add("azure (deployments)", "azure-deployments", "gpt-5", "kind: azure, base_url: URL, azure: {deployments: true, api_version: \"2024-10-21\"}, api_keys: ["+openaichat.Key+"]",
		deployments, &deployments.Recorder, Row{Counts: true})
	for _, kind := range catalog.Kinds() {
		if slices.Contains([]string{"anthropic", "gemini", "vertex", "bedrock", "azure", "sandbox"}, kind.Name) {
			continue
		}
		quirks := expected(t, wanted, kind.Name).Fake
		fake := &openaichat.Fake{Quirks: quirks}
		add(kind.Name, kind.Name, "some-model", "kind: "+kind.Name+", base_url: URL/v1, api_keys: ["+openaichat.Key+"]", fake, &fake.Recorder,
			Row{Thinks: quirks.Reasoning != "", Counts: true})
	}
	fleet.Config = config.String()
	return fleet
}

// Vertex is both dialects of Vertex AI at one address. The zero value is ready.
type Vertex struct {
	Google gemini.Fake
	Claude anthropic.Fake
}

// ServeHTTP serves both.
func (f *Vertex) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if strings.Contains(r.URL.Path, "/publishers/anthropic/") {
		f.Claude.ServeHTTP(w, r)
		return
	}
	f.Google.ServeHTTP(w, r)
}

// ServiceAccount returns a key of Google's, as the JSON of a file, whose tokens come from a
// server of the test: always the given one.
func ServiceAccount(t testing.TB, token string) string {
	t.Helper()
	tokens := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		_, _ = fmt.Fprintf(w, `{"access_token":%q,"token_type":"Bearer","expires_in":3600}`, token)
	}))
	t.Cleanup(func() { tokens.CloseClientConnections(); tokens.Close() })
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	file, err := json.Marshal(map[string]string{
		"type": "service_account", "project_id": "p1", "private_key_id": "k1", "client_email": "s@p1.iam.gserviceaccount.com", "client_id": "1",
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})), "token_uri": tokens.URL,
	})
	if err != nil {
		t.Fatal(err)
	}
	return string(file)
}
