package main

import (
	"errors"
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	wirejsonpb "github.com/sluice-ai/sluice/gen/go/wirejson"
)

// message is what the generator knows of a proto message.
type message struct {
	*protogen.Message
	bare    bool
	members []*member
	rest    *protogen.Field // nil: unknown members are dropped
}

// shape of a member: how its field holds it.
type shape int

const (
	constant    shape = iota
	scalar            // enums too
	raw               // bytes with raw
	single            // a message
	list              // repeated
	mapping           // map
	union             // a oneof with the union option
	alternative       // a field of a oneof without it
)

// member is a member of the message's JSON object, or the only value of a bare
// message.
type member struct {
	shape shape
	name  string
	text  string          // of a constant
	field *protogen.Field // nil for constants and unions
	rules *wirejsonpb.FieldRules

	oneof         *protogen.Oneof // for unions and alternatives
	alternatives  []*member       // of a union, the raw one excluded
	other         *member         // of a union: the raw alternative
	discriminator string
	nullable      bool
}

func fieldRules(f *protogen.Field) *wirejsonpb.FieldRules {
	return proto.GetExtension(f.Desc.Options(), wirejsonpb.E_Field).(*wirejsonpb.FieldRules)
}

func messageRules(m *protogen.Message) *wirejsonpb.MessageRules {
	return proto.GetExtension(m.Desc.Options(), wirejsonpb.E_Message).(*wirejsonpb.MessageRules)
}

// always reports whether the member is written without being set.
func (m *member) always() bool {
	switch m.shape {
	case constant:
		return true
	case union:
		return m.nullable
	case scalar:
		return m.nullable || !m.field.Desc.HasPresence()
	case single:
		return m.nullable
	case list, mapping:
		return m.rules.GetRequired()
	}
	return false
}

func plan(file *protogen.File) ([]*message, error) {
	var all []*message
	var errs []error
	var walk func([]*protogen.Message)
	walk = func(messages []*protogen.Message) {
		for _, pm := range messages {
			if pm.Desc.IsMapEntry() {
				continue
			}
			m, err := planMessage(pm)
			if err != nil {
				errs = append(errs, fmt.Errorf("%s: %s: %w", file.Desc.Path(), pm.Desc.FullName(), err))
			}
			all = append(all, m)
			walk(pm.Messages)
		}
	}
	walk(file.Messages)
	return all, errors.Join(errs...)
}

func planMessage(pm *protogen.Message) (*message, error) {
	rules := messageRules(pm)
	m := &message{Message: pm, bare: rules.GetBare()}
	if c := rules.GetConstant(); c != nil {
		m.members = append(m.members, &member{shape: constant, name: c.GetName(), text: c.GetValue()})
	}
	done := map[*protogen.Oneof]bool{}
	for _, f := range pm.Fields {
		fr := fieldRules(f)
		if fr.GetRest() {
			if m.rest != nil || f.Desc.Kind() != protoreflect.BytesKind || f.Desc.IsList() {
				return nil, fmt.Errorf("field %s: a rest is one bytes field", f.Desc.Name())
			}
			m.rest = f
			continue
		}
		if f.Oneof != nil && !f.Oneof.Desc.IsSynthetic() && isUnion(f.Oneof) {
			if !done[f.Oneof] {
				done[f.Oneof] = true
				u, err := planUnion(f.Oneof)
				if err != nil {
					return nil, fmt.Errorf("oneof %s: %w", f.Oneof.Desc.Name(), err)
				}
				m.members = append(m.members, u)
			}
			continue
		}
		p, err := planField(f)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Desc.Name(), err)
		}
		if f.Oneof != nil && !f.Oneof.Desc.IsSynthetic() {
			p = &member{shape: alternative, name: p.name, rules: p.rules, oneof: f.Oneof, alternatives: []*member{p}}
		}
		m.members = append(m.members, p)
	}
	return m, m.validate()
}

func (m *message) validate() error {
	names := map[string]bool{}
	for _, p := range m.members {
		if names[p.name] {
			return fmt.Errorf("two members are named %q", p.name)
		}
		names[p.name] = true
	}
	if m.bare {
		if len(m.members) != 1 || m.rest != nil {
			return errors.New("a bare message has one repeated field or one union, and nothing else")
		}
		if s := m.members[0].shape; s != list && s != union {
			return errors.New("a bare message is a list or a union")
		}
	}
	return nil
}

func isUnion(o *protogen.Oneof) bool {
	return proto.HasExtension(o.Desc.Options(), wirejsonpb.E_Union)
}

// memberName returns what a field is called in JSON.
func memberName(f *protogen.Field) string {
	if proto.GetExtension(f.Desc.ParentFile().Options(), wirejsonpb.E_JsonNames).(bool) {
		return f.Desc.JSONName()
	}
	return string(f.Desc.Name())
}

// unionName returns what a union is called in JSON: a oneof has no JSON name, so that it is
// made as protobuf makes those of fields.
func unionName(o *protogen.Oneof) string {
	name := string(o.Desc.Name())
	if !proto.GetExtension(o.Desc.ParentFile().Options(), wirejsonpb.E_JsonNames).(bool) {
		return name
	}
	parts := strings.Split(name, "_")
	for i, part := range parts[1:] {
		if part != "" {
			parts[i+1] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "")
}

func planField(f *protogen.Field) (*member, error) {
	fr := fieldRules(f)
	p := &member{name: memberName(f), field: f, rules: fr, nullable: fr.GetNullable()}
	if k := f.Desc.Kind(); !f.Desc.IsMap() && !supported(k, fr.GetRaw()) {
		return nil, fmt.Errorf("type %s has no place in JSON here", k)
	}
	switch {
	case f.Desc.IsMap():
		p.shape = mapping
		key, value := f.Message.Fields[0].Desc.Kind(), f.Message.Fields[1].Desc.Kind()
		if _, ok := mapReaders[value]; key != protoreflect.StringKind || !ok || (value == protoreflect.BytesKind) != fr.GetRaw() {
			return nil, fmt.Errorf("map of %s to %s is not supported", key, value)
		}
	case f.Desc.IsList():
		p.shape = list
		if f.Desc.Kind() == protoreflect.EnumKind {
			return nil, errors.New("a list of enums is not supported")
		}
	case fr.GetRaw():
		p.shape = raw
	case f.Message != nil:
		p.shape = single
	default:
		p.shape = scalar
	}
	switch {
	case p.nullable && (p.shape == list || p.shape == mapping || p.shape == raw):
		return nil, errors.New("nullable is for scalars and messages")
	case p.nullable && !f.Desc.HasPresence():
		return nil, errors.New("nullable needs presence")
	case fr.GetRequired() && p.shape != list && p.shape != mapping:
		return nil, errors.New("required is for lists and maps")
	}
	return p, nil
}

func supported(k protoreflect.Kind, raw bool) bool {
	if k == protoreflect.BytesKind {
		return raw
	}
	return !raw && (k == protoreflect.EnumKind || k == protoreflect.MessageKind || readers[k] != "")
}

func planUnion(o *protogen.Oneof) (*member, error) {
	rules := proto.GetExtension(o.Desc.Options(), wirejsonpb.E_Union).(*wirejsonpb.UnionRules)
	u := &member{
		shape: union, name: unionName(o), oneof: o,
		discriminator: rules.GetDiscriminator(), nullable: rules.GetNullable(),
	}
	var taken kind
	objects := 0
	for _, f := range o.Fields {
		p, err := planField(f)
		if err != nil {
			return nil, fmt.Errorf("field %s: %w", f.Desc.Name(), err)
		}
		if p.shape == raw {
			if u.other != nil {
				return nil, errors.New("two raw alternatives")
			}
			u.other = p
			continue
		}
		k := p.kinds()
		switch {
		case k == object:
			objects++
			if u.discriminator != "" && constantOf(f.Message, u.discriminator) == "" {
				return nil, fmt.Errorf("alternative %s has no constant %q", f.Desc.Name(), u.discriminator)
			}
		case k&taken&^array != 0 || k&(k-1) != 0:
			return nil, fmt.Errorf("alternative %s: its JSON kind does not tell it apart", f.Desc.Name())
		}
		taken |= k
		u.alternatives = append(u.alternatives, p)
	}
	if objects > 1 && u.discriminator == "" {
		return nil, errors.New("several objects need a discriminator")
	}
	return u, nil
}

// constantOf returns the text of a message's constant of that name, or "".
func constantOf(m *protogen.Message, name string) string {
	if c := messageRules(m).GetConstant(); c.GetName() == name {
		return c.GetValue()
	}
	return ""
}
