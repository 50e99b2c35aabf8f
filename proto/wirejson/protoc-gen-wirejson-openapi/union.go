package main

import (
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// union is the schema of a oneof that is written as the bare alternative: oneOf
// with a discriminator where a member of the object decides, anyOf where the JSON
// kind does. The raw alternative, which takes whatever no other one takes, says so
// in what it excludes; name is what its schema is called after.
func (c *components) union(union *protogen.Oneof, d direction, name string) object {
	rules, _ := unionRules(union)
	var plain, tagged []object
	var mapping object
	var tags []string
	var raw *protogen.Field
	left := leftover{types: []string{"array", "boolean", "null", "number", "object", "string"}}
	for _, f := range union.Fields {
		if fieldRules(f).GetRaw() {
			raw = f
			continue
		}
		alternative := described(c.value(f, d), comment(f.Comments))
		if f.Message != nil && bareList(f.Message) == nil && rules.GetDiscriminator() != "" {
			constant := messageRules(f.Message).GetConstant()
			if constant.GetName() != rules.GetDiscriminator() {
				c.fail("%s: no constant %q to tell it apart", f.Desc.FullName(), rules.GetDiscriminator())
			}
			tags = append(tags, constant.GetValue())
			ref, _ := c.ref(f.Message, d).get("$ref").(string)
			mapping = append(mapping, member{constant.GetValue(), ref})
			tagged = append(tagged, alternative)
			continue
		}
		if f.Desc.Kind() == protoreflect.StringKind && len(rules.GetValues()) > 0 {
			alternative = append(alternative, member{"examples", rules.GetValues()})
		}
		left.take(f)
		plain = append(plain, alternative)
	}
	var other object
	if raw != nil {
		if !messageRules(union.Parent).GetBare() {
			left.drop("null") // null is the member's absence, not an alternative
		}
		schema := described(left.schema(rules.GetDiscriminator(), tags), comment(raw.Comments))
		if len(tags) > 0 {
			if c.others != nil {
				c.others[name+"Other"] = schema
			}
			schema = refTo("schemas", name+"Other")
		}
		other = schema
	}
	if len(tagged) == 0 {
		if raw != nil {
			plain = append(plain, other)
		}
		if len(plain) == 1 {
			return plain[0]
		}
		return object{{"anyOf", plain}}
	}
	if raw != nil && len(plain) == 0 {
		tagged = append(tagged, other)
	}
	choice := object{
		{"oneOf", tagged},
		{"discriminator", object{{"propertyName", rules.GetDiscriminator()}, {"mapping", mapping}}},
	}
	if len(plain) == 0 {
		return choice
	}
	plain = append(plain, choice)
	if raw != nil {
		plain = append(plain, other)
	}
	return object{{"anyOf", plain}}
}

// leftover is what a union's other alternatives leave to its raw one.
type leftover struct {
	types []string
}

func (l *leftover) drop(kind string) {
	l.types = slices.DeleteFunc(slices.Clone(l.types), func(t string) bool { return t == kind })
}

func (l *leftover) take(f *protogen.Field) {
	if f.Message == nil {
		if kind := scalarType(f); kind != "integer" { // other numbers are still left
			l.drop(kind)
		}
		return
	}
	list := bareList(f.Message)
	switch {
	case list == nil:
		l.drop("object")
	case anyElement(list):
		l.drop("array")
	}
	// Lists of other elements than the typed ones take are still left.
}

func (l *leftover) schema(discriminator string, tags []string) object {
	var schema object
	if len(l.types) < 6 {
		schema = append(schema, member{"type", l.types})
	}
	if len(tags) > 0 {
		known := object{{"not", object{{"enum", tags}}}}
		schema = append(schema, member{"properties", object{{discriminator, known}}})
	}
	return schema
}

// anyElement reports whether a list takes elements of every JSON type.
func anyElement(list *protogen.Field) bool {
	if fieldRules(list).GetRaw() {
		return true
	}
	if list.Message == nil || bareUnion(list.Message) == nil {
		return false
	}
	return slices.ContainsFunc(list.Message.Fields, func(f *protogen.Field) bool { return fieldRules(f).GetRaw() })
}

// scalarType is the JSON type of a field that is no message.
func scalarType(f *protogen.Field) string {
	switch f.Desc.Kind() {
	case protoreflect.StringKind, protoreflect.EnumKind, protoreflect.BytesKind:
		return "string"
	case protoreflect.BoolKind:
		return "boolean"
	case protoreflect.DoubleKind, protoreflect.FloatKind:
		return "number"
	}
	return "integer"
}
