package config_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"

	"github.com/sluice-ai/sluice/adapters/catalog"
	"github.com/sluice-ai/sluice/server/config"
)

const (
	generatedSchema = "../../gen/jsonschema/sluice.config.v1.Config.schema.strict.bundle.json"
	docs            = "../../docs/config.md"
)

type object = map[string]any

// The generated schema lacks what only the fields' own options say. The completed
// one is written beside the code, from where it is embedded.
func TestSchema_is_that_of_the_proto(t *testing.T) {
	data, err := os.ReadFile(generatedSchema)
	if err != nil {
		t.Fatalf("make generate writes it: %v", err)
	}
	var bundle struct {
		Defs map[string]object `json:"$defs"`
	}
	if err := json.Unmarshal(data, &bundle); err != nil {
		t.Fatal(err)
	}
	root := (&configv1.Config{}).ProtoReflect().Descriptor()
	defs := object{}
	schema := completed(t, root, bundle.Defs, defs)
	schema["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	schema["title"] = "Configuration of Sluice"
	schema["$defs"] = defs
	var out bytes.Buffer
	encoder := json.NewEncoder(&out)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", "  ")
	if err := encoder.Encode(schema); err != nil {
		t.Fatal(err)
	}
	compareGolden(t, "schema.json", out.String())
	compareGolden(t, docs, manual(schema, defs, root))
	if !*update && !bytes.Equal(config.Schema(), out.Bytes()) {
		t.Error("Schema() is not schema.json")
	}
}

func rulesOf(field protoreflect.FieldDescriptor) *configv1.FieldRules {
	return proto.GetExtension(field.Options(), configv1.E_Field).(*configv1.FieldRules)
}

// completed returns the schema of one message, and puts those of its parts into
// defs under their short names.
func completed(t *testing.T, m protoreflect.MessageDescriptor, generated map[string]object, defs object) object {
	t.Helper()
	schema := generated[string(m.FullName())+".schema.strict.json"]
	if schema == nil {
		t.Fatalf("%s has no schema in %s", m.FullName(), generatedSchema)
	}
	delete(schema, "$schema")
	unwrap(schema)
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		property := schema["properties"].(object)[string(field.Name())].(object)
		unwrap(property)
		target := property
		if field.IsList() {
			target = property["items"].(object)
		}
		if part := field.Message(); part != nil && !field.IsMap() {
			target["$ref"] = "#/$defs/" + string(part.Name())
			if defs[string(part.Name())] == nil {
				defs[string(part.Name())] = completed(t, part, generated, defs)
			}
		}
		rules := rulesOf(field)
		if rules.GetDefault() != "" {
			var value any = rules.GetDefault()
			if field.Kind() != protoreflect.StringKind {
				if err := json.Unmarshal([]byte(rules.GetDefault()), &value); err != nil {
					t.Fatalf("default of %s: %v", field.FullName(), err)
				}
			}
			property["default"] = value
		}
		switch rules.GetForm() {
		case configv1.Form_FORM_SIZE:
			property["type"] = []string{"string", "integer"}
		case configv1.Form_FORM_JSON_OBJECT:
			property["type"] = "object"
		default: // as the generator has it
		}
	}
	return schema
}

// unwrap joins the lines of a comment.
func unwrap(schema object) {
	if text, ok := schema["description"].(string); ok {
		schema["description"] = strings.ReplaceAll(text, "\n ", " ")
	}
}

// manual prints docs/config.md.
func manual(schema, defs object, root protoreflect.MessageDescriptor) string {
	var b strings.Builder
	b.WriteString(manualHead)
	manualKinds(&b)
	for i := range root.Fields().Len() {
		field := root.Fields().Get(i)
		name := string(field.Name())
		property := schema["properties"].(object)[name].(object)
		if field.IsList() {
			fmt.Fprintf(&b, "\n## %s[]\n\n%s\n", name, property["description"])
		} else {
			fmt.Fprintf(&b, "\n## %s\n\n%s\n", name, property["description"])
		}
		b.WriteString("\n| key | value | default | meaning |\n|---|---|---|---|\n")
		manualRows(&b, "", field.Message(), defs)
	}
	return b.String()
}

func manualKinds(b *strings.Builder) {
	b.WriteString("\n## Kinds of providers\n\n| kind | talks to | base URL | key without a file |\n|---|---|---|---|\n")
	code := func(text string) string {
		if text == "" {
			return "none"
		}
		return "`" + text + "`"
	}
	for _, k := range catalog.Kinds() {
		base, key := code(k.BaseURL), "none"
		if k.BaseURLExample != "" {
			base = "**needed**, as " + code(k.BaseURLExample)
		}
		if k.Implicit {
			key = code(k.KeyEnv)
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.Name, cell(k.Description), base, key)
	}
}

func manualRows(b *strings.Builder, prefix string, m protoreflect.MessageDescriptor, defs object) {
	def := defs[string(m.Name())].(object)
	required, _ := def["required"].([]any)
	for i := range m.Fields().Len() {
		field := m.Fields().Get(i)
		key := prefix + string(field.Name())
		property := def["properties"].(object)[string(field.Name())].(object)
		if part := field.Message(); part != nil && !field.IsMap() {
			suffix := "."
			if field.IsList() {
				suffix = "[]."
				fmt.Fprintf(b, "| `%s` | list | %s | %s |\n", key, presence(field, required), cell(property["description"]))
			}
			manualRows(b, key+suffix, part, defs)
			continue
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", key, valueOf(field, property), presence(field, required), cell(property["description"]))
	}
}

func presence(field protoreflect.FieldDescriptor, required []any) string {
	for _, name := range required {
		if name == string(field.Name()) {
			return "**needed**"
		}
	}
	if text := rulesOf(field).GetDefault(); text != "" {
		return "`" + text + "`"
	}
	return ""
}

func cell(text any) string { return strings.ReplaceAll(fmt.Sprint(text), "|", "\\|") }

func valueOf(field protoreflect.FieldDescriptor, property object) string {
	rules := rulesOf(field)
	var kind string
	switch rules.GetForm() {
	case configv1.Form_FORM_DURATION:
		kind = "span of time"
	case configv1.Form_FORM_SIZE:
		kind = "size"
	case configv1.Form_FORM_ADDRESS:
		kind = "host:port"
	case configv1.Form_FORM_ADDRESS_OR_OFF:
		kind = "host:port or `off`"
	case configv1.Form_FORM_URL:
		kind = "URL"
	case configv1.Form_FORM_NAME:
		kind = "name"
	case configv1.Form_FORM_SECRET:
		kind = "secret"
	case configv1.Form_FORM_ORIGIN:
		kind = "origin"
	case configv1.Form_FORM_FILE:
		kind = "file"
	case configv1.Form_FORM_JSON_OBJECT:
		kind = "map of names to any values"
	default:
		kind = map[protoreflect.Kind]string{
			protoreflect.StringKind: "text", protoreflect.BoolKind: "`true` or `false`",
			protoreflect.Int32Kind: "whole number", protoreflect.Int64Kind: "whole number", protoreflect.DoubleKind: "number", protoreflect.MessageKind: "secret",
		}[field.Kind()]
	}
	enum := property
	if field.IsList() {
		enum = property["items"].(object)
	}
	if values, ok := enum["enum"].([]any); ok {
		quoted := make([]string, len(values))
		for i, v := range values {
			quoted[i] = fmt.Sprintf("`%s`", v)
		}
		kind = strings.Join(quoted, ", ")
	}
	switch _, values := enum["enum"]; {
	case field.IsList() && values:
		kind = "list of " + kind
	case field.IsList():
		kind = "list of " + kind + "s"
	}
	if field.IsMap() {
		kind = "map of names to " + kind + "s"
	}
	return kind + bounds(rules, property)
}

func bounds(rules *configv1.FieldRules, property object) string {
	lower, upper := rules.GetMin(), rules.GetMax()
	if v, ok := property["minimum"]; ok {
		lower = number(v)
	}
	if v, ok := property["exclusiveMinimum"]; ok {
		lower = "above " + number(v)
	}
	if v, ok := property["maximum"]; ok {
		upper = number(v)
	}
	switch {
	case lower != "" && upper != "":
		return ", " + lower + " to " + upper
	case upper != "":
		return ", at most " + upper
	}
	return ""
}

func number(v any) string { return fmt.Sprintf("%.10g", v) }

const manualHead = `# Configuration

<!-- Printed from proto/sluice/config/v1 by go test ./server/config -update. Edit the comments there. -->

One YAML file, given by ` + "`sluice serve --config FILE`" + `. Without one, Sluice serves its sandbox and each provider whose usual
key is in the environment.

- ` + "`sluice check --config FILE`" + ` says everything that is wrong with a file, with line and column, and starts nothing.
- ` + "`sluice schema`" + ` prints the JSON schema of the file; an editor that knows YAML completes and checks with it.
- A change of the file, or of a file that it names (secrets, certificates), is taken up without a restart, as is SIGHUP: running calls end by the old
  configuration, new ones begin by the new one. The circuit breakers of targets whose settings did not change keep their state. A
  file with errors changes nothing, and the log says why. So does a file that changes an
  address of ` + "`listen`, `limits.max_request_bytes`, `limits.max_concurrent_calls`, `cors` or `log.format`" + `: those need a restart.
- Unknown keys are refused. YAML's anchors and aliases work; merge keys (` + "`<<`" + `) do not.

A span of time is written with units, as ` + "`30s`, `1m30s` or `250ms`" + `; a size as ` + "`32MiB`, `1GB`" + ` or a number of bytes.

A secret is written as a reference: ` + "`${env:NAME}`" + ` is an environment variable, ` + "`${file:/run/secrets/key}`" + ` the content of a file. Text
around it stays, as in ` + "`Bearer ${env:TOKEN}`" + `; ` + "`$${`" + ` is a literal ` + "`${`" + `. Secrets print as ` + "`[redacted]`" + ` everywhere. A key that
stands in the file itself works, with a warning.

` + "```yaml" + `
listen:
  http: 127.0.0.1:8080
  grpc: 127.0.0.1:9090
  admin: 127.0.0.1:8081
providers:
  - name: openai
    kind: openai
    api_keys: ["${env:OPENAI_API_KEY}"]
  - name: local
    kind: openai
    base_url: http://127.0.0.1:11434/v1
models:
  - name: fast
    targets:
      - {provider: openai, model: gpt-4o-mini, weight: 9}
      - {provider: local, model: llama3.2, weight: 1}
      - {provider: sandbox, model: chat, priority: 1} # when both fail
routing:
  default_provider: openai
` + "```" + `

Where calls go when a provider is slow, full or down; [routing.md](routing.md) has the rules:

` + "```yaml" + `
providers:
  - name: openai
    kind: openai
    keys:
      - {name: team-a, key: "${env:OPENAI_API_KEY}", weight: 3}
      - {name: team-b, key: "${file:/run/secrets/openai}"}
    timeouts: {first_byte: 1m, first_token: 20s}
    concurrency: {max: 200, adaptive: true}
  - name: local
    kind: openai
    base_url: http://127.0.0.1:11434/v1
    health_check: {interval: 10s}
models:
  - name: fast
    aliases: [cheap, gpt-4o-mini]
    strategy: sticky
    sticky: {by: [session, prompt]}
    targets:
      - {provider: openai, model: gpt-4o-mini, context_window: 128000}
      - provider: openai
        model: gpt-5-mini
        canary_percent: 5
        parameters:
          drop: [temperature]
          set: {reasoning_effort: minimal}
      - {provider: local, model: llama3.2, priority: 1, lacks: [vision], timeouts: {first_token: 1m}}
    hedge: {enabled: true}
    on_disconnect: drain
routing:
  retries: {max_attempts: 4, budget: 0.1}
  caller_choice: true
  paths:
    - {path: /local, provider: local}
breaker: {slow_call: 30s}
limits: {max_concurrent_calls: 2000}
` + "```" + `
`

// examples returns the configurations that the manual shows.
func examples(t *testing.T) []*config.Config {
	t.Helper()
	l := loader("OPENAI_API_KEY", "k")
	l.ReadFile = func(name string) ([]byte, error) {
		if name != "/run/secrets/openai" {
			return nil, os.ErrNotExist
		}
		return []byte("k2\n"), nil
	}
	var list []*config.Config
	for rest := manualHead; ; {
		_, after, more := strings.Cut(rest, "```yaml\n")
		if !more {
			return list
		}
		var text string
		text, rest, _ = strings.Cut(after, "```")
		c, err := l.Parse("docs/config.md", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		if len(c.Warnings) > 0 {
			t.Errorf("warnings: %v", c.Warnings)
		}
		list = append(list, c)
	}
}

func TestDocs_show_configurations_that_work(t *testing.T) {
	list := examples(t)
	if len(list) != 2 {
		t.Fatalf("%d examples", len(list))
	}
	if c := list[0]; len(c.Models) != 1 || len(c.Models[0].Targets) != 3 {
		t.Errorf("got %+v", c.Models)
	}
	c := list[1]
	if keys := c.Providers[0].Keys; len(keys) != 2 || keys[0].Name != "team-a" || keys[1].Value.Reveal() != "k2" {
		t.Errorf("keys: got %+v", keys)
	}
	if got := c.Models[0].Targets[1].Parameters.Set; got != `{"reasoning_effort":"minimal"}` {
		t.Errorf("set: got %s", got)
	}
}
