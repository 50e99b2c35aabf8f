package main

import "google.golang.org/protobuf/reflect/protoreflect"

// Optional scalars are pointers. Those of a message come from one allocation each
// for texts and for the rest, which the garbage collector need not look into.

func (m *message) optional(texts bool) []*member {
	var found []*member
	for _, p := range m.members {
		if p.shape == scalar && p.field.Enum == nil && p.field.Desc.HasPresence() &&
			(p.field.Desc.Kind() == protoreflect.StringKind) == texts {
			found = append(found, p)
		}
	}
	if m.bare || len(found) < 2 {
		return nil
	}
	return found
}

func (w writer) optionalTypes(m *message) {
	for prefix, found := range m.optionals() {
		if found == nil {
			continue
		}
		w.P()
		w.P("type ", prefix, "Of", m.GoIdent.GoName, " struct {")
		for _, p := range found {
			w.P(p.field.GoName, " ", goType(p.field.Desc.Kind()))
		}
		w.P("}")
	}
}

func (m *message) optionals() func(func(string, []*member) bool) {
	return func(yield func(string, []*member) bool) {
		_ = yield("texts", m.optional(true)) && yield("values", m.optional(false))
	}
}

func (w writer) optionalVars(m *message) {
	for prefix, found := range m.optionals() {
		if found != nil {
			w.P("var ", prefix, " *", prefix, "Of", m.GoIdent.GoName)
		}
	}
}

// setOptional stores the variable v.
func (w writer) setOptional(m *message, p *member) {
	name := p.field.GoName
	for prefix, found := range m.optionals() {
		for _, q := range found {
			if q == p {
				w.P("if ", prefix, " == nil { ", prefix, " = new(", prefix, "Of", m.GoIdent.GoName, ") }")
				w.P(prefix, ".", name, " = v")
				w.P("m.", name, " = &", prefix, ".", name)
				return
			}
		}
	}
	w.P("m.", name, " = &v")
}
