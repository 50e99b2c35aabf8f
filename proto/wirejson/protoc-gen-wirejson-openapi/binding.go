package main

import (
	"regexp"
	"strings"

	"google.golang.org/genproto/googleapis/api/annotations"
)

// httpBinding is one HTTP method and path of an RPC.
type httpBinding struct {
	method string // in lower case, as OpenAPI has it
	path   string // as annotated: /v1/models/{model=**}
	body   string // "*", a field, or empty
}

func bindingOf(rule *annotations.HttpRule) *httpBinding {
	b := &httpBinding{body: rule.GetBody()}
	switch pattern := rule.GetPattern().(type) {
	case *annotations.HttpRule_Get:
		b.method, b.path = "get", pattern.Get
	case *annotations.HttpRule_Put:
		b.method, b.path = "put", pattern.Put
	case *annotations.HttpRule_Post:
		b.method, b.path = "post", pattern.Post
	case *annotations.HttpRule_Delete:
		b.method, b.path = "delete", pattern.Delete
	case *annotations.HttpRule_Patch:
		b.method, b.path = "patch", pattern.Patch
	case *annotations.HttpRule_Custom:
		b.method, b.path = strings.ToLower(pattern.Custom.GetKind()), pattern.Custom.GetPath()
	}
	return b
}

func additionalBindings(rule *annotations.HttpRule) []*httpBinding {
	var out []*httpBinding
	for _, more := range rule.GetAdditionalBindings() {
		out = append(out, bindingOf(more))
	}
	return out
}

// {field}, {field=*}, {field=a/*}, {field=**}
var pathVariable = regexp.MustCompile(`\{([^={}]+)(?:=([^{}]*))?\}`)

// pathParameter is a field that the path carries.
type pathParameter struct {
	field string
	// segments reports whether its value may hold slashes.
	segments bool
}

func (b *httpBinding) parameters() []pathParameter {
	var out []pathParameter
	for _, match := range pathVariable.FindAllStringSubmatch(b.path, -1) {
		out = append(out, pathParameter{field: match[1], segments: strings.ContainsAny(match[2], "/") || match[2] == "**"})
	}
	return out
}

func (b *httpBinding) openAPIPath() string {
	return pathVariable.ReplaceAllString(b.path, "{$1}")
}
