package main

import (
	"buf.build/gen/go/bufbuild/protovalidate/protocolbuffers/go/buf/validate"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// constrained adds the protovalidate rules that JSON Schema can say. Rules that it
// cannot (CEL expressions) are Sluice's to report.
func constrained(schema object, rules *validate.FieldRules) object {
	if rules == nil || schema.get("$ref") != nil {
		return schema
	}
	if list := rules.GetRepeated(); list != nil {
		schema = withRules(schema, list, map[string]string{"min_items": "minItems", "max_items": "maxItems", "unique": "uniqueItems"})
	}
	if pairs := rules.GetMap(); pairs != nil {
		schema = withRules(schema, pairs, map[string]string{"min_pairs": "minProperties", "max_pairs": "maxProperties"})
	}
	if text := rules.GetString(); text != nil {
		schema = withRules(schema, text, map[string]string{
			"min_len": "minLength", "max_len": "maxLength", "pattern": "pattern", "const": "const", "in": "enum",
		})
	}
	for _, number := range []interface{ ProtoReflect() protoreflect.Message }{
		rules.GetInt32(), rules.GetInt64(), rules.GetUint32(), rules.GetUint64(), rules.GetFloat(), rules.GetDouble(),
	} {
		if number.ProtoReflect().IsValid() {
			schema = withRules(schema, number, map[string]string{
				"gt": "exclusiveMinimum", "gte": "minimum", "lt": "exclusiveMaximum", "lte": "maximum", "const": "const", "in": "enum",
			})
		}
	}
	return schema
}

// withRules copies the rules that are set, in the order of their declaration.
func withRules(schema object, rules interface{ ProtoReflect() protoreflect.Message }, keywords map[string]string) object {
	message := rules.ProtoReflect()
	fields := message.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		keyword, ok := keywords[string(field.Name())]
		if !ok || !message.Has(field) {
			continue
		}
		value := message.Get(field)
		if !field.IsList() {
			schema = schema.with(keyword, value.Interface())
			continue
		}
		var list []any
		for j := range value.List().Len() {
			list = append(list, value.List().Get(j).Interface())
		}
		schema = schema.with(keyword, list)
	}
	return schema
}
