package main

import (
	"fmt"
	"slices"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// direction says who writes a message. What holds differs: a request's required
// members are those that callers must send, and every other one may be null,
// because Sluice passes a null as it is; a response is mostly a provider's, which
// may lack any member, so that only Sluice's own answers promise some.
type direction int

const (
	request direction = iota
	response
)

// The document is written once for both directions where they agree; else the
// request's schema has this suffix.
const requestSuffix = "Input"

// components are the schemas of all messages that operations reach.
type components struct {
	order []*protogen.Message
	seen  map[protoreflect.FullName][2]bool
	// differs holds the messages that need one schema per direction.
	differs map[protoreflect.FullName]bool
	// extra holds members that a request has on the REST surface only.
	extra map[protoreflect.FullName][]member
	// own holds the messages that Sluice itself writes, never a provider.
	own map[protoreflect.FullName]bool
	// others collects the schemas of unions' unknown alternatives, by name.
	others map[string]object
	err    error
}

func newComponents() *components {
	return &components{
		seen:    map[protoreflect.FullName][2]bool{},
		differs: map[protoreflect.FullName]bool{},
		extra:   map[protoreflect.FullName][]member{},
		own:     map[protoreflect.FullName]bool{},
	}
}

// reach adds m, and all that it refers to, in one direction.
func (c *components) reach(m *protogen.Message, d direction) {
	seen := c.seen[m.Desc.FullName()]
	if seen[d] {
		return
	}
	if seen == [2]bool{} {
		c.order = append(c.order, m)
	}
	seen[d] = true
	c.seen[m.Desc.FullName()] = seen
	for _, f := range m.Fields {
		if f.Message != nil && !f.Desc.IsMap() {
			c.reach(f.Message, d)
		}
		if f.Desc.IsMap() {
			if value := f.Message.Fields[1].Message; value != nil {
				c.reach(value, d)
			}
		}
	}
}

// schemas returns the components.schemas object, sorted by name. Call it last.
func (c *components) schemas() (object, error) {
	// A message whose own members agree still differs when it refers to one that does.
	for changed := true; changed; {
		changed = false
		for _, m := range c.order {
			name := m.Desc.FullName()
			if c.seen[name] != [2]bool{true, true} || c.differs[name] {
				continue
			}
			asked, err := appendJSON(nil, c.message(m, request))
			if err != nil {
				return nil, err
			}
			answered, err := appendJSON(nil, c.message(m, response))
			if err != nil {
				return nil, err
			}
			if string(asked) != string(answered) {
				c.differs[name], changed = true, true
			}
		}
	}
	c.others = map[string]object{}
	byName := map[string]object{}
	add := func(name string, schema object) {
		if _, taken := byName[name]; taken {
			c.fail("two schemas are named %s", name)
		}
		byName[name] = schema
	}
	for _, m := range c.order {
		if bareList(m) != nil {
			continue // written where it is used
		}
		seen := c.seen[m.Desc.FullName()]
		if seen[request] && (c.differs[m.Desc.FullName()] || !seen[response]) {
			add(c.name(m, request), c.message(m, request))
		}
		if seen[response] {
			add(c.name(m, response), c.message(m, response))
		}
	}
	for name, schema := range c.others {
		add(name, schema)
	}
	var out object
	names := make([]string, 0, len(byName))
	for name := range byName {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		out = append(out, member{name, byName[name]})
	}
	return out, c.err
}

func (c *components) fail(format string, args ...any) {
	if c.err == nil {
		c.err = fmt.Errorf(format, args...)
	}
}

// name is the component's name: the message's, without its package.
func (c *components) name(m *protogen.Message, d direction) string {
	name := m.GoIdent.GoName
	if d == request && c.differs[m.Desc.FullName()] {
		name += requestSuffix
	}
	return name
}

func (c *components) ref(m *protogen.Message, d direction) object {
	return refTo("schemas", c.name(m, d))
}

func refTo(section, name string) object {
	return object{{"$ref", "#/components/" + section + "/" + name}}
}

// message is the schema of a message that is not a bare list.
func (c *components) message(m *protogen.Message, d direction) object {
	description := comment(m.Comments)
	if union := bareUnion(m); union != nil {
		return described(c.union(union, d, m.GoIdent.GoName), description)
	}
	if list := bareList(m); list != nil {
		return described(c.list(list, d), description)
	}
	var properties object
	required := []string{}
	if constant := messageRules(m).GetConstant(); constant != nil {
		properties = append(properties, member{constant.GetName(), object{{"type", "string"}, {"const", constant.GetValue()}}})
		required = append(required, constant.GetName())
	}
	for _, p := range c.properties(m, d) {
		properties = append(properties, member{p.name, p.schema})
		if p.required {
			required = append(required, p.name)
		}
	}
	if d == request {
		properties = append(properties, c.extra[m.Desc.FullName()]...)
	}
	schema := described(object{{"type", "object"}}, description)
	if len(properties) > 0 {
		schema = append(schema, member{"properties", properties})
	}
	if len(required) > 0 {
		schema = append(schema, member{"required", required})
	}
	if hasRest(m) {
		schema = append(schema, member{"additionalProperties", true})
	}
	return schema
}

// described puts the description first.
func described(schema object, description string) object {
	if description == "" {
		return schema
	}
	return append(object{{"description", description}}, schema.without("description")...)
}

// nullable lets the schema take null as well.
func nullable(schema object) object {
	if len(schema.without("description")) == 0 {
		return schema // takes any value
	}
	switch kind := schema.get("type").(type) {
	case string:
		return schema.with("type", []string{kind, "null"})
	case []string:
		if slices.Contains(kind, "null") {
			return schema
		}
		return schema.with("type", append(slices.Clone(kind), "null"))
	}
	null := object{{"type", "null"}}
	if alternatives, ok := schema.get("anyOf").([]object); ok {
		return schema.with("anyOf", append(slices.Clone(alternatives), null))
	}
	description, _ := schema.get("description").(string)
	return described(object{{"anyOf", []object{schema.without("description"), null}}}, description)
}
