// Package openapi holds the published OpenAPI document to the specification and to
// what OpenAI's clients and servers send.
package openapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/pb33f/libopenapi"
	validator "github.com/pb33f/libopenapi-validator"
	"github.com/santhosh-tekuri/jsonschema/v6"

	document "github.com/sluice-ai/sluice/gen/openapi"
)

func newValidator(t *testing.T) validator.Validator {
	t.Helper()
	parsed, err := libopenapi.NewDocument(document.JSON)
	if err != nil {
		t.Fatal(err)
	}
	v, errs := validator.NewValidator(parsed)
	if len(errs) > 0 {
		t.Fatal(errs)
	}
	return v
}

// schema compiles one of the document's component schemas, as JSON Schema 2020-12.
func schema(t *testing.T, pointer string) *jsonschema.Schema {
	t.Helper()
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(document.JSON))
	if err != nil {
		t.Fatal(err)
	}
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	if err := compiler.AddResource("openapi.json", doc); err != nil {
		t.Fatal(err)
	}
	compiled, err := compiler.Compile("openapi.json#" + pointer)
	if err != nil {
		t.Fatal(err)
	}
	return compiled
}

func value(t *testing.T, text []byte) any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return v
}

func TestDocument_is_valid_OpenAPI_3_1(t *testing.T) {
	if ok, errs := newValidator(t).ValidateDocument(); !ok {
		for _, err := range errs {
			t.Errorf("%s: %s %v", err.Message, err.Reason, err.SchemaValidationErrors)
		}
	}
}

func TestDocument_validator_refuses_a_broken_document(t *testing.T) {
	broken := bytes.Replace(document.JSON, []byte(`"operationId": "createChatCompletion"`), []byte(`"operationId": 5`), 1)
	parsed, err := libopenapi.NewDocument(broken)
	if err != nil {
		return // refused even earlier
	}
	v, errs := validator.NewValidator(parsed)
	if len(errs) > 0 {
		return
	}
	if ok, _ := v.ValidateDocument(); ok {
		t.Error("a document with a numeric operationId is accepted: the test above proves nothing")
	}
}

func TestDocument_every_schema_is_valid_JSON_Schema(t *testing.T) {
	var doc struct {
		Components struct {
			Schemas map[string]json.RawMessage `json:"schemas"`
		} `json:"components"`
	}
	if err := json.Unmarshal(document.JSON, &doc); err != nil {
		t.Fatal(err)
	}
	if len(doc.Components.Schemas) == 0 {
		t.Fatal("no schemas")
	}
	for name := range doc.Components.Schemas {
		schema(t, "/components/schemas/"+name)
	}
}

// The bodies in testdata have the form that OpenAI's API reference shows ("Create
// chat completion", "Create embeddings", "List models", "Error codes", 2026-11) or,
// where their names say so, the form in which other providers deviate from it.
func TestSchemas_accept_and_refuse(t *testing.T) {
	for _, verdict := range []string{"accepted", "refused"} {
		files, err := filepath.Glob("testdata/" + verdict + "/*/*.json")
		if err != nil || len(files) == 0 {
			t.Fatal(files, err)
		}
		for _, file := range files {
			name := filepath.Base(filepath.Dir(file))
			t.Run(strings.TrimSuffix(file, ".json"), func(t *testing.T) {
				text, err := os.ReadFile(file)
				if err != nil {
					t.Fatal(err)
				}
				err = schema(t, "/components/schemas/"+name).Validate(value(t, text))
				if verdict == "accepted" && err != nil {
					t.Error(err)
				}
				if verdict == "refused" && err == nil {
					t.Error("accepted")
				}
			})
		}
	}
}

func TestRequest_members_may_be_null_except_those_that_must_be_sent(t *testing.T) {
	for name, minimal := range map[string]string{
		"ChatCompletionRequest":   `{"messages": [{"role": "user", "content": "x"}]}`,
		"CreateEmbeddingsRequest": `{"input": "x"}`,
	} {
		compiled := schema(t, "/components/schemas/"+name)
		for member := range compiled.Properties {
			body, _ := value(t, []byte(minimal)).(map[string]any)
			_, mustSend := body[member]
			body[member] = nil
			if err := compiled.Validate(body); (err != nil) != mustSend {
				t.Errorf("%s.%s: null: %v", name, member, err)
			}
		}
	}
}

func TestExamples_satisfy_their_schemas(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			RequestBody struct {
				Content map[string]struct {
					Examples map[string]struct{ Value json.RawMessage }
				}
			}
		}
	}
	if err := json.Unmarshal(document.JSON, &doc); err != nil {
		t.Fatal(err)
	}
	v := newValidator(t)
	count := 0
	for path, item := range doc.Paths {
		for name, example := range item["post"].RequestBody.Content["application/json"].Examples {
			count++
			if errs := validateRequest(t, v, path, example.Value); errs != "" {
				t.Errorf("%s, example %s: %s", path, name, errs)
			}
		}
	}
	if count == 0 {
		t.Error("no examples")
	}
}

func validateRequest(t *testing.T, v validator.Validator, path string, body []byte) string {
	t.Helper()
	r := httptest.NewRequestWithContext(t.Context(), http.MethodPost, path, bytes.NewReader(body))
	r.Header.Set("Content-Type", "application/json")
	ok, errs := v.ValidateHttpRequest(r)
	if ok {
		return ""
	}
	var text strings.Builder
	for _, err := range errs {
		fmt.Fprintf(&text, "%s: %s %v\n", err.Message, err.Reason, err.SchemaValidationErrors)
	}
	return text.String()
}

func TestOperations_are_those_of_the_REST_surface(t *testing.T) {
	var doc struct {
		Paths map[string]map[string]struct {
			OperationID string `json:"operationId"`
			Responses   map[string]json.RawMessage
		}
	}
	if err := json.Unmarshal(document.JSON, &doc); err != nil {
		t.Fatal(err)
	}
	for path, want := range map[string][2]string{
		"/v1/chat/completions": {"post", "createChatCompletion"},
		"/v1/embeddings":       {"post", "createEmbeddings"},
		"/v1/models":           {"get", "listModels"},
		"/v1/models/{model}":   {"get", "getModel"},
	} {
		operation := doc.Paths[path][want[0]]
		if operation.OperationID != want[1] {
			t.Errorf("%s %s: operationId %q, want %q", want[0], path, operation.OperationID, want[1])
		}
		for code := range strings.FieldsSeq("200 400 401 403 404 405 408 409 413 415 422 429 499 500 502 503 504 default") {
			if operation.Responses[code] == nil {
				t.Errorf("%s %s: no response %s", want[0], path, code)
			}
		}
	}
}
