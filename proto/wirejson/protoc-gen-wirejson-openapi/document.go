package main

import (
	"fmt"
	"slices"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// builder turns one plugin request into one document.
type builder struct {
	components *components
	envelope   *protogen.Message
	reason     *protogen.Enum
	paths      object
	tags       []object
}

func document(plugin *protogen.Plugin) (object, error) {
	b := &builder{components: newComponents()}
	for _, name := range ownAnswers {
		b.components.own[protoreflect.FullName(name)] = true
	}
	var services []*protogen.Service
	for _, file := range plugin.Files {
		for _, m := range file.Messages {
			if m.Desc.FullName() == errorEnvelope {
				b.envelope = m
			}
		}
		for _, e := range file.Enums {
			if e.Desc.FullName() == errorReason {
				b.reason = e
			}
		}
	}
	// By file name: the order of the request is an accident of the imports.
	for _, name := range slices.Sorted(slices.Values(plugin.Request.GetFileToGenerate())) {
		services = append(services, plugin.FilesByPath[name].Services...)
	}
	if b.envelope == nil || b.reason == nil {
		return nil, fmt.Errorf("the input lacks %s or %s: add the files that declare them", errorEnvelope, errorReason)
	}
	b.components.reach(b.envelope, response)
	for _, service := range services {
		if err := b.service(service); err != nil {
			return nil, err
		}
	}
	schemas, err := b.components.schemas()
	if err != nil {
		return nil, err
	}
	schemas = append(schemas, member{reasonSchema, b.reasons()})
	slices.SortFunc(schemas, func(x, y member) int { return strings.Compare(x.name, y.name) })
	return object{
		{"openapi", "3.1.0"},
		{"info", object{
			{"title", title},
			{"description", about},
			{"license", object{{"name", "Apache-2.0"}, {"identifier", "Apache-2.0"}}},
			{"version", version},
		}},
		{"servers", []object{{{"url", "/"}, {"description", "The Sluice that serves this document."}}}},
		{"tags", b.tags},
		// The empty requirement: a Sluice without keys takes calls without one.
		{"security", []object{{}, {{"bearer", []string{}}}}},
		{"paths", b.paths},
		{"components", object{
			{"securitySchemes", object{{"bearer", object{
				{"type", "http"},
				{"scheme", "bearer"},
				{"description", "The caller's key at Sluice. Not needed where Sluice runs without keys."},
			}}}},
			{"headers", headerComponents()},
			{"responses", b.errorResponses()},
			{"schemas", schemas},
		}},
	}, nil
}

// service adds the operations of one service. Those without an HTTP rule have none.
func (b *builder) service(service *protogen.Service) error {
	streams := map[string]*protogen.Method{}
	for _, method := range service.Methods {
		of := methodRules(method).GetSseOf()
		if of == "" {
			continue
		}
		unary := slices.IndexFunc(service.Methods, func(m *protogen.Method) bool { return string(m.Desc.Name()) == of })
		switch {
		case unary < 0:
			return fmt.Errorf("%s: sse_of names %q, which %s lacks", method.Desc.FullName(), of, service.Desc.Name())
		case service.Methods[unary].Input != method.Input:
			return fmt.Errorf("%s and %s do not take the same message", method.Desc.FullName(), of)
		}
		streams[of] = method
	}
	tag := strings.TrimSuffix(string(service.Desc.Name()), "Service")
	used := false
	for _, method := range service.Methods {
		rule := httpRule(method)
		if rule == nil {
			continue
		}
		for i, binding := range append([]*httpBinding{bindingOf(rule)}, additionalBindings(rule)...) {
			operation, err := b.operation(method, streams[string(method.Desc.Name())], binding, tag)
			if err != nil {
				return fmt.Errorf("%s: %w", method.Desc.FullName(), err)
			}
			if i > 0 { // ids are unique in a document
				operation = operation.with("operationId", fmt.Sprintf("%s%d", operation.get("operationId"), i+1))
			}
			if err := b.addPath(binding, operation); err != nil {
				return fmt.Errorf("%s: %w", method.Desc.FullName(), err)
			}
			used = true
		}
	}
	if used {
		b.tags = append(b.tags, tagObject(tag, comment(service.Comments)))
	}
	return nil
}

// tagObject names a group of operations.
func tagObject(name, description string) object {
	out := object{{"name", name}}
	if description != "" {
		out = append(out, member{"description", description})
	}
	return out
}

func (b *builder) addPath(binding *httpBinding, operation object) error {
	path := binding.openAPIPath()
	item, _ := b.paths.get(path).(object)
	if item.get(binding.method) != nil {
		return fmt.Errorf("%s %s is already another method's", binding.method, path)
	}
	b.paths = b.paths.with(path, append(item, member{binding.method, operation}))
	return nil
}
