package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// operation is one method behind one path; stream is the method that the same path
// becomes when the body asks for events, or nil.
func (b *builder) operation(method, stream *protogen.Method, binding *httpBinding, tag string) (object, error) {
	if method.Desc.IsStreamingClient() || method.Desc.IsStreamingServer() {
		return nil, errors.New("a streaming method has no path of its own: see sse_of")
	}
	if !strings.HasPrefix(binding.path, "/") {
		return nil, fmt.Errorf("path %q does not begin with a slash", binding.path)
	}
	name := string(method.Desc.Name())
	description := comment(method.Comments)
	if stream != nil {
		description = strings.TrimSpace(description + "\n\nWith `\"stream\": true`: " + comment(stream.Comments))
		b.components.extra[method.Input.Desc.FullName()] = []member{streamMember}
	}
	out := object{
		{"operationId", strings.ToLower(name[:1]) + name[1:]},
		{"summary", spaced(name)},
		{"tags", []string{tag}},
	}
	if description != "" {
		out = append(out, member{"description", description})
	}
	parameters, err := b.parameters(method, binding)
	if err != nil {
		return nil, err
	}
	if len(parameters) > 0 {
		out = append(out, member{"parameters", parameters})
	}
	if binding.body != "" {
		body, err := b.requestBody(method, binding)
		if err != nil {
			return nil, err
		}
		out = append(out, member{"requestBody", body})
	}
	return append(out, member{"responses", b.responses(method, stream)}), nil
}

// spaced is CreateChatCompletion as "Create chat completion".
func spaced(name string) string {
	var out strings.Builder
	for i, r := range name {
		if i > 0 && r >= 'A' && r <= 'Z' {
			out.WriteByte(' ')
			r += 'a' - 'A'
		}
		out.WriteRune(r)
	}
	return out.String()
}

// parameters are the fields in the path and, without a body, the others as query.
func (b *builder) parameters(method *protogen.Method, binding *httpBinding) ([]object, error) {
	var out []object
	inPath := map[string]bool{}
	for _, p := range binding.parameters() {
		field := fieldNamed(method.Input, p.field)
		if field == nil || field.Message != nil || field.Desc.IsList() {
			return nil, fmt.Errorf("path variable %q is no plain field of %s", p.field, method.Input.Desc.Name())
		}
		inPath[p.field] = true
		description := comment(field.Comments)
		if p.segments {
			description = sentences(description, multiSegmentNote)
		}
		parameter := b.parameter(field, "path", true, description)
		if example, ok := parameterExamples[string(method.Desc.Name())]; ok {
			parameter = append(parameter, member{"example", example})
		}
		out = append(out, parameter)
	}
	if binding.body != "" {
		return out, nil
	}
	for _, field := range method.Input.Fields {
		if inPath[string(field.Desc.Name())] || fieldRules(field).GetRest() {
			continue
		}
		if field.Message != nil {
			return nil, fmt.Errorf("field %q is a message, which a query cannot hold", field.Desc.Name())
		}
		required := validation(field).GetRequired() || fieldRules(field).GetMustSend()
		out = append(out, b.parameter(field, "query", required, comment(field.Comments)))
	}
	return out, nil
}

func (b *builder) parameter(field *protogen.Field, in string, required bool, description string) object {
	out := object{{"name", string(field.Desc.Name())}, {"in", in}, {"required", required}}
	if description != "" {
		out = append(out, member{"description", description})
	}
	return append(out, member{"schema", b.components.value(field, request)})
}

func fieldNamed(m *protogen.Message, name string) *protogen.Field {
	for _, f := range m.Fields {
		if f.Desc.Name() == protoreflect.Name(name) {
			return f
		}
	}
	return nil
}

// lazySchema is a reference whose name is known once all messages are reached.
type lazySchema struct {
	components *components
	message    *protogen.Message
	direction  direction
}

func (l lazySchema) MarshalJSON() ([]byte, error) {
	return appendJSON(nil, l.components.ref(l.message, l.direction))
}

func (b *builder) schemaOf(m *protogen.Message, d direction) lazySchema {
	b.components.reach(m, d)
	return lazySchema{b.components, m, d}
}

func (b *builder) requestBody(method *protogen.Method, binding *httpBinding) (object, error) {
	message := method.Input
	if binding.body != "*" {
		field := fieldNamed(method.Input, binding.body)
		if field == nil || field.Message == nil {
			return nil, fmt.Errorf("body %q is no message field of %s", binding.body, method.Input.Desc.Name())
		}
		message = field.Message
	}
	content := object{{"schema", b.schemaOf(message, request)}}
	text, err := examples.ReadFile("examples/" + string(method.Desc.Name()) + ".json")
	switch {
	case errors.Is(err, fs.ErrNotExist):
	case err != nil:
		return nil, err
	case !json.Valid(text):
		return nil, fmt.Errorf("examples/%s.json is not JSON", method.Desc.Name())
	default:
		content = append(content, member{"examples", json.RawMessage(text)})
	}
	return object{{"required", true}, {"content", object{{"application/json", content}}}}, nil
}

func (b *builder) responses(method, stream *protogen.Method) object {
	content := object{{"application/json", object{{"schema", b.schemaOf(method.Output, response)}}}}
	description := "The answer."
	if text := comment(method.Output.Comments); text != "" {
		description = text
	}
	if stream != nil {
		event := object{
			{"description", streamNotes},
			{"anyOf", []any{b.schemaOf(stream.Output, response), b.schemaOf(b.envelope, response)}},
		}
		content = append(content, member{"text/event-stream", object{{"schema", event}}})
	}
	out := object{{"200", object{{"description", description}, {"headers", headerRefs(false)}, {"content", content}}}}
	for _, s := range errorStatuses {
		code := fmt.Sprint(s.code)
		out = append(out, member{code, refTo("responses", errorResponseName(code))})
	}
	return append(out, member{"default", refTo("responses", errorResponseName("default"))})
}
