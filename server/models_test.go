package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters/almanac"
	"github.com/sluice-ai/sluice/adapters/catalog"
	"github.com/sluice-ai/sluice/server"
)

// listedModel is what GET /v1/models says of a model.
type listedModel struct {
	ID              string   `json:"id"`
	ContextWindow   int64    `json:"context_window"`
	MaxOutputTokens int64    `json:"max_output_tokens"`
	Capabilities    []string `json:"capabilities"`
	Price           *struct {
		Input       float64  `json:"input"`
		CachedInput *float64 `json:"cached_input"`
		Output      float64  `json:"output"`
		Currency    string   `json:"currency"`
	} `json:"price"`
	AsOf   string `json:"as_of"`
	Source string `json:"source"`
}

func (h *house) model(t *testing.T, id string) (m listedModel) {
	t.Helper()
	status, body := h.get(t, h.http+"/v1/models/"+id)
	if err := json.Unmarshal([]byte(body), &m); err != nil || status != http.StatusOK || m.ID != id {
		t.Fatalf("%s: status %d, %v: %s", id, status, err, body)
	}
	return m
}

// ask posts a chat and returns the status and the body.
func (h *house) ask(t *testing.T, body string) (status int, answer string) {
	t.Helper()
	resp, err := h.client.Post(h.http+"/v1/chat/completions", "application/json", strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, string(data)
}

const catalogRoutes = `
models:
  - {name: fast, targets: [{provider: a, model: gpt-4o-mini}]}
  - {name: own, targets: [{provider: a, model: house-model}]}
  - name: cheap
    strategy: cheapest
    targets: [{provider: a, model: gpt-4-turbo}, {provider: b, model: gpt-4o-mini-2024-07-18}]
`

func TestModels_show_what_the_catalog_knows_and_what_a_file_puts_over_it(t *testing.T) {
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	chats := a.Config.Handler
	a.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, id, ok := strings.Cut(r.URL.Path, "/models/"); ok {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprintf(w, `{"id":%q,"object":"model","created":1,"owned_by":"upstream"}`, id)
			return
		}
		chats.ServeHTTP(w, r)
	})
	text := freePorts + "providers: [" + a.provider("a") + ", " + b.provider("b") + "]" + catalogRoutes
	h := startWith(t, text)
	m := h.model(t, "fast")
	known := almanac.Embedded().Lookup("openai", "gpt-4o-mini")
	if m.ContextWindow != 128000 || m.MaxOutputTokens != 16384 || m.Price == nil || m.Price.Input != known.Price.Input || m.Price.Currency != "USD" ||
		!slices.Contains(m.Capabilities, "vision") || m.AsOf != known.AsOf || m.Source != known.Source {
		t.Errorf("got %+v", m)
	}
	if m = h.model(t, "own"); m.ContextWindow != 0 || m.Price != nil || m.Capabilities != nil || m.Source != "" {
		t.Errorf("of a model that nobody knows: %+v", m)
	}
	if m = h.model(t, "a/gpt-4o-mini"); m.ContextWindow != 128000 {
		t.Errorf("of a provider's: %+v", m)
	}
	if _, answer := h.chat(t, "cheap"); answer != "from b" {
		t.Errorf("the cheapest: %q", answer)
	}

	file := filepath.Join(t.TempDir(), "mine.yaml")
	mine := `
models:
  - {name: gpt-4o-mini, price: {input: 50, output: 100}}
  - {name: house-model, at: [openai], context_window: 4096, can: [tools], price: {input: 0, output: 0}}
`
	if err := os.WriteFile(file, []byte(mine), 0o600); err != nil {
		t.Fatal(err)
	}
	c := parse(t, text+"catalog: {file: "+file+"}\n")
	if !slices.Contains(c.Files, file) {
		t.Errorf("%s is not watched: %q", file, c.Files)
	}
	if err := h.Reload(c); err != nil {
		t.Fatal(err)
	}
	if m = h.model(t, "fast"); m.Price.Input != 50 || m.Price.CachedInput != nil || m.ContextWindow != 128000 || m.Source != "mine.yaml" || m.AsOf != "" {
		t.Errorf("got %+v", m)
	}
	if m = h.model(t, "own"); m.ContextWindow != 4096 || m.Price == nil || m.Price.Input != 0 || !slices.Equal(m.Capabilities, []string{"tools"}) {
		t.Errorf("got %+v", m)
	}
	if _, answer := h.chat(t, "cheap"); answer != "from a" {
		t.Errorf("the cheapest by the file: %q", answer)
	}
}

func TestModels_refuse_what_they_are_known_to_lack_and_nothing_else(t *testing.T) {
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	lenient := strings.TrimSuffix(b.provider("lenient"), "}") + ", unsupported_params: drop}"
	h := start(t, "providers: ["+a.provider("a")+", "+lenient+`]
models:
  - {name: blind, targets: [{provider: a, model: gpt-4}]}
  - {name: sees, targets: [{provider: a, model: gpt-4}, {provider: a, model: gpt-4o, priority: 1}]}
`)
	picture := `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"https://x.example/y.png"}}]}]}`
	for model, status := range map[string]int{
		"a/gpt-4":       http.StatusBadRequest,
		"blind":         http.StatusBadRequest,
		"sees":          http.StatusOK,
		"a/gpt-4o":      http.StatusOK,
		"a/my-model":    http.StatusOK,
		"lenient/gpt-4": http.StatusOK,
	} {
		got, answer := h.ask(t, strings.Replace(picture, "MODEL", model, 1))
		if got != status || status == http.StatusBadRequest && !strings.Contains(answer, "a/gpt-4 lacks vision (so the catalog of models") {
			t.Errorf("%s: status %d: %s", model, got, answer)
		}
	}
	// gpt-4 takes 8192 tokens, of which these are about 20,000; a call that has no choice
	// goes there all the same.
	long := `","messages":[{"role":"user","content":"` + strings.Repeat("abc ", 20_000) + `"}]}`
	for model, want := range map[string]string{"a/gpt-4": "gpt-4", "blind": "gpt-4", "sees": "gpt-4o"} {
		resp, err := h.client.Post(h.http+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"`+model+long))
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		if got := resp.Header.Get("x-sluice-model"); resp.StatusCode != http.StatusOK || got != want {
			t.Errorf("a long prompt to %s: status %d from %q, want %q", model, resp.StatusCode, got, want)
		}
	}
}

func TestTakeInventory_is_what_the_door_lists(t *testing.T) {
	a, b := newUpstream(t, "a"), newUpstream(t, "b")
	broken := newUpstream(t, "broken")
	broken.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTeapot) })
	text := "providers: [" + a.provider("a") + ", " + b.provider("b") + ", " + broken.provider("c") + "]\nrouting: {default_provider: b}" + catalogRoutes +
		"  - {name: \"wild-*\", targets: [{provider: a}]}\n"
	inventory, err := server.TakeInventory(t.Context(), parse(t, text), "1")
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, r := range inventory.Routes {
		names = append(names, r.Name)
	}
	for _, m := range inventory.Models {
		if m.Provider != "sandbox" {
			names = append(names, m.ID)
		}
	}
	if want := []string{"fast", "own", "cheap", "wild-*", "a/m", "m"}; !slices.Equal(names, want) {
		t.Errorf("got %q, want %q", names, want)
	}
	fast := inventory.Routes[0]
	if fast.ContextWindow != 128000 || fast.Price == nil || *fast.Price.Input != 0.15 || !slices.Equal(fast.Targets, []string{"a/gpt-4o-mini"}) {
		t.Errorf("got %+v", fast)
	}
	if len(inventory.Failed) != 1 || inventory.Failed[0].Provider != "c" || inventory.Failed[0].Error == "" {
		t.Errorf("got %+v", inventory.Failed)
	}
	h := start(t, text)
	_, body := h.get(t, h.http+"/v1/models")
	var list struct {
		Data []listedModel `json:"data"`
	}
	if err := json.Unmarshal([]byte(body), &list); err != nil {
		t.Fatal(err)
	}
	var shown []string
	for _, m := range list.Data {
		shown = append(shown, m.ID)
	}
	if want := []string{"fast", "own", "cheap", "m", "a/m"}; !slices.Equal(shown, want) {
		t.Errorf("the door lists %q, want %q", shown, want)
	}
}

func TestCatalog_names_kinds_that_there_are(t *testing.T) {
	var kinds []string
	for _, k := range catalog.Kinds() {
		kinds = append(kinds, k.Name)
	}
	for _, kind := range almanac.Embedded().Kinds() {
		if !slices.Contains(kinds, kind) {
			t.Errorf("the almanac knows models of the kind %q, which no provider has", kind)
		}
	}
}
