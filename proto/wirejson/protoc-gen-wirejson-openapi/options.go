package main

import (
	"strings"

	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/genproto/googleapis/api/annotations"
	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	wirejsonpb "github.com/sluice-ai/sluice/gen/go/wirejson"
)

// The options of each kind of element; never nil, except httpRule and validation.

func messageRules(m *protogen.Message) *wirejsonpb.MessageRules {
	return extension[*wirejsonpb.MessageRules](m.Desc, wirejsonpb.E_Message)
}

func fieldRules(f *protogen.Field) *wirejsonpb.FieldRules {
	return extension[*wirejsonpb.FieldRules](f.Desc, wirejsonpb.E_Field)
}

// unionRules reports whether the oneof is a union at all.
func unionRules(o *protogen.Oneof) (*wirejsonpb.UnionRules, bool) {
	if o == nil || o.Desc.IsSynthetic() || !proto.HasExtension(o.Desc.Options(), wirejsonpb.E_Union) {
		return nil, false
	}
	return extension[*wirejsonpb.UnionRules](o.Desc, wirejsonpb.E_Union), true
}

func methodRules(m *protogen.Method) *wirejsonpb.MethodRules {
	return extension[*wirejsonpb.MethodRules](m.Desc, wirejsonpb.E_Method)
}

func httpRule(m *protogen.Method) *annotations.HttpRule {
	return extension[*annotations.HttpRule](m.Desc, annotations.E_Http)
}

func validation(f *protogen.Field) *validate.FieldRules {
	return extension[*validate.FieldRules](f.Desc, validate.E_Field)
}

func extension[T any](d protoreflect.Descriptor, e protoreflect.ExtensionType) T {
	value, _ := proto.GetExtension(d.Options(), e).(T)
	return value
}

// hasRest reports whether objects of m may hold members that it does not name.
func hasRest(m *protogen.Message) bool {
	for _, f := range m.Fields {
		if fieldRules(f).GetRest() {
			return true
		}
	}
	return false
}

// bareList returns the only field of a message whose JSON is an array.
func bareList(m *protogen.Message) *protogen.Field {
	if messageRules(m).GetBare() && len(m.Fields) == 1 && m.Fields[0].Desc.IsList() {
		return m.Fields[0]
	}
	return nil
}

// bareUnion returns the only oneof of a message whose JSON is one of several.
func bareUnion(m *protogen.Message) *protogen.Oneof {
	if messageRules(m).GetBare() && len(m.Oneofs) == 1 {
		if _, ok := unionRules(m.Oneofs[0]); ok {
			return m.Oneofs[0]
		}
	}
	return nil
}

// comment is a leading comment with its lines joined; empty lines stay as breaks
// between paragraphs.
func comment(c protogen.CommentSet) string {
	var paragraphs []string
	var words []string
	flush := func() {
		if len(words) > 0 {
			paragraphs = append(paragraphs, strings.Join(words, " "))
			words = nil
		}
	}
	for line := range strings.Lines(string(c.Leading)) {
		if line = strings.TrimSpace(line); line == "" {
			flush()
		} else {
			words = append(words, line)
		}
	}
	flush()
	return strings.Join(paragraphs, "\n\n")
}

// sentences joins texts that are each a sentence or empty.
func sentences(texts ...string) string {
	var out []string
	for _, text := range texts {
		if text != "" {
			out = append(out, text)
		}
	}
	return strings.Join(out, " ")
}
