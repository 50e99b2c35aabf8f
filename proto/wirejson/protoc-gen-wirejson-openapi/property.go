package main

import (
	"encoding/json"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// property is one member of an object's schema.
type property struct {
	name     string
	schema   object
	required bool
}

// properties returns the members of m in the order of its fields; a union is one
// member, where its first field stands.
func (c *components) properties(m *protogen.Message, d direction) []property {
	var out []property
	for _, f := range m.Fields {
		if fieldRules(f).GetRest() {
			continue
		}
		if _, ok := unionRules(f.Oneof); !ok {
			out = append(out, c.property(f, d))
		} else if f == f.Oneof.Fields[0] {
			out = append(out, c.unionProperty(f.Oneof, d))
		}
	}
	return out
}

func (c *components) property(f *protogen.Field, d direction) property {
	rules := fieldRules(f)
	schema := c.value(f, d)
	alwaysWritten := rules.GetRequired() || rules.GetNullable() || rules.GetMustSend() ||
		!f.Desc.HasPresence() && f.Desc.Cardinality() != protoreflect.Repeated && !rules.GetRaw()
	mustSend := rules.GetMustSend() || validation(f).GetRequired()
	p := property{name: string(f.Desc.Name())}
	mayBeNull := rules.GetNullable()
	switch d {
	case request:
		p.required = mustSend
		mayBeNull = mayBeNull || !mustSend && hasRest(f.Parent)
		if rules.GetMustSend() && f.Desc.IsList() && schema.get("minItems") == nil {
			schema = append(schema, member{"minItems", 1})
		}
	case response:
		p.required = alwaysWritten && c.own[f.Parent.Desc.FullName()]
		mayBeNull = mayBeNull || !alwaysWritten && hasRest(f.Parent)
	}
	description := sentences(comment(f.Comments), documentedValues(rules.GetValues()))
	if rules.GetOpen() {
		schema = object{{"anyOf", []object{schema, {{"description", "Any other JSON value passes as it is."}}}}}
	} else if mayBeNull {
		schema = nullable(schema)
	}
	p.schema = described(schema, description)
	return p
}

func (c *components) unionProperty(union *protogen.Oneof, d direction) property {
	rules, _ := unionRules(union)
	schema := c.union(union, d, union.Parent.GoIdent.GoName+union.GoName)
	p := property{name: string(union.Desc.Name()), required: d == request && rules.GetMustSend()}
	if rules.GetNullable() || !rules.GetMustSend() && hasRest(union.Parent) {
		schema = nullable(schema)
	}
	p.schema = described(schema, sentences(comment(union.Comments), documentedValues(rules.GetValues())))
	return p
}

// documentedValues is how an open string says what is usual.
func documentedValues(values []string) string {
	if len(values) == 0 {
		return ""
	}
	quoted := make([]string, len(values))
	for i, value := range values {
		text, _ := json.Marshal(value) // a string always encodes
		quoted[i] = string(text)
	}
	return "Documented values: " + strings.Join(quoted, ", ") + "; others pass."
}

// value is the schema of a field's value, a list or map included.
func (c *components) value(f *protogen.Field, d direction) object {
	switch {
	case f.Desc.IsMap():
		return object{{"type", "object"}, {"additionalProperties", c.element(f.Message.Fields[1], d)}}
	case f.Desc.IsList():
		return c.list(f, d)
	}
	return constrained(c.element(f, d), validation(f))
}

// list is the schema of a repeated field's array.
func (c *components) list(f *protogen.Field, d direction) object {
	rules := validation(f)
	items := constrained(c.element(f, d), rules.GetRepeated().GetItems())
	return constrained(object{{"type", "array"}, {"items", items}}, rules)
}

// element is the schema of one value of a field, of a list's element.
func (c *components) element(f *protogen.Field, d direction) object {
	rules := fieldRules(f)
	if rules.GetRaw() {
		switch kind := rules.GetRawType(); kind {
		case "":
			return object{}
		case "object":
			return object{{"type", kind}, {"additionalProperties", true}}
		default:
			return object{{"type", kind}}
		}
	}
	var schema object
	switch f.Desc.Kind() {
	case protoreflect.MessageKind, protoreflect.GroupKind:
		if list := bareList(f.Message); list != nil {
			return described(c.list(list, d), comment(f.Message.Comments))
		}
		return c.ref(f.Message, d)
	case protoreflect.EnumKind:
		var names []string
		for _, value := range f.Enum.Values {
			names = append(names, string(value.Desc.Name()))
		}
		return object{{"type", "string"}, {"enum", names}}
	case protoreflect.BoolKind:
		return object{{"type", "boolean"}}
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return object{{"type", "number"}, {"format", f.Desc.Kind().String()}}
	case protoreflect.Int32Kind, protoreflect.Sint32Kind, protoreflect.Sfixed32Kind:
		return object{{"type", "integer"}, {"format", "int32"}}
	case protoreflect.Int64Kind, protoreflect.Sint64Kind, protoreflect.Sfixed64Kind:
		return object{{"type", "integer"}, {"format", "int64"}}
	case protoreflect.Uint32Kind, protoreflect.Fixed32Kind, protoreflect.Uint64Kind, protoreflect.Fixed64Kind:
		return object{{"type", "integer"}, {"minimum", 0}}
	case protoreflect.StringKind:
		schema = object{{"type", "string"}}
	default:
		c.fail("%s: a %s has no JSON form without the raw or rest option", f.Desc.FullName(), f.Desc.Kind())
		return object{}
	}
	if values := rules.GetValues(); len(values) > 0 {
		schema = append(schema, member{"examples", values})
	}
	return schema
}
