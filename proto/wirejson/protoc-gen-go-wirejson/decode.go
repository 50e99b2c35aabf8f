package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func (w writer) decoder(m *message) {
	w.listReaders(m)
	w.optionalTypes(m)
	if !m.bare && m.rest != nil && len(m.members) > 0 {
		w.P()
		w.P("var ", names(m), " = [...]string{")
		for _, p := range m.members {
			w.P(fmt.Sprintf("%q", p.name), ",")
		}
		w.P("}")
	}
	w.P()
	w.P("// DecodeWireJSON reads the message from JSON.")
	w.P("func (m *", m.GoIdent, ") DecodeWireJSON(d *", w.rt("Decoder"), ") bool {")
	if m.bare {
		w.decodeBare(m.members[0])
	} else {
		w.decodeObject(m)
	}
	w.P("}")
}

func names(m *message) string { return "namesOf" + m.GoIdent.GoName }

// listReaders writes a function per message of which the message has lists.
func (w writer) listReaders(m *message) {
	for _, p := range m.members {
		if p.shape != list || p.field.Message == nil || w.lists[p.field.Message.GoIdent] {
			continue
		}
		e := p.field.Message.GoIdent
		w.lists[e] = true
		w.P()
		w.P("func listOf", e.GoName, "(d *", w.rt("Decoder"), ") ([]*", e, ", bool) {")
		w.P("if !d.Array() { return nil, false }")
		w.P("var list []*", e)
		w.P("for d.Element(len(list)) {")
		w.P("v := new(", e, ")")
		w.P("if !v.DecodeWireJSON(d) { return nil, d.Lost() }")
		w.P("list = append(list, v)")
		w.P("}")
		w.P("return list, d.OK()")
		w.P("}")
	}
}

func (w writer) decodeBare(p *member) {
	if p.shape == list {
		w.P("list, ok := ", w.listRead(p))
		w.P("m.", p.field.GoName, " = list")
		w.P("return ok")
		return
	}
	if p.other != nil {
		w.P("at := d.Mark()")
	}
	if p.nullable {
		w.P("if d.Null() { return true }")
	}
	w.alternatives(p, "return true")
	if p.other != nil {
		f := p.other.field
		w.P("raw, ok := d.RawFrom(at)")
		w.P("if ok { m.", p.oneof.GoName, " = &", f.GoIdent, "{", f.GoName, ": raw} }")
		w.P("return ok")
		return
	}
	w.P("return false")
}

func (w writer) listRead(p *member) string {
	if p.field.Message != nil {
		return "listOf" + p.field.Message.GoIdent.GoName + "(d)"
	}
	if p.field.Desc.Kind() == protoreflect.BytesKind {
		return "d.Raws()"
	}
	return "d." + readers[p.field.Desc.Kind()] + "s()"
}

// word and bit of a member in the sets of the generated code.
func word(i int) int   { return i / 64 }
func bit(i int) string { return fmt.Sprintf("1<<%d", i%64) }
func words(n int) int  { return (n + 63) / 64 }

func (w writer) decodeObject(m *message) {
	w.P("var o ", w.rt("Object"))
	w.P("if !d.Object(&o, ", m.rest != nil, ") { return false }")
	need := make([]uint64, words(len(m.members)))
	for i, p := range m.members {
		if p.always() {
			need[word(i)] |= 1 << (i % 64)
		}
	}
	for i := range need {
		w.P("var seen", i, " uint64")
		if m.rest != nil && need[i] != 0 {
			w.P("var rode", i, " uint64")
		}
	}
	w.optionalVars(m)
	w.P("for d.Member(&o) {")
	w.P("switch string(o.Name) {")
	for i, p := range m.members {
		w.P("case ", fmt.Sprintf("%q", p.name), ":")
		w.P("if seen", word(i), "&(", bit(i), ") != 0 { return d.Duplicate(&o) }")
		w.P("seen", word(i), " |= ", bit(i))
		w.decodeMember(m, i, p)
	}
	w.P("default:")
	w.P("if !d.Unknown(&o) { return false }")
	w.P("}")
	w.P("}")
	if m.rest == nil {
		w.P("return d.OK()")
		return
	}
	w.P("if !d.OK() { return false }")
	w.decodeRest(m, need)
	w.P("return true")
}

func (w writer) decodeRest(m *message, need []uint64) {
	var absent, some []string
	needed := false
	for i, mask := range need {
		name := fmt.Sprintf("absent%d", i)
		if mask == 0 {
			absent = append(absent, "0")
			continue
		}
		needed = true
		w.P(name, " := ", fmt.Sprintf("%#x", mask), "&^seen", i, " | rode", i)
		absent = append(absent, name)
		some = append(some, name+" != 0")
	}
	condition := strings.Join(append(some, "o.Kept()"), " || ")
	if !needed {
		w.P("if ", condition, " { m.", m.rest.GoName, " = d.Rest(&o, nil) }")
		return
	}
	w.P("if ", condition, " { m.", m.rest.GoName, " = d.Rest(&o, ", names(m), "[:], ", strings.Join(absent, ", "), ") }")
}

// ride ends the reading of a member that did not succeed.
func (w writer) ride(m *message, i int, p *member) {
	open := p.rules.GetOpen()
	if m.rest == nil || !p.always() {
		w.P("if !d.Ride(&o, ", open, ") { return false }")
		return
	}
	w.P("if !d.Ride(&o, ", open, ") { return false }")
	w.P("rode", word(i), " |= ", bit(i))
}

func (w writer) decodeMember(m *message, i int, p *member) {
	if p.nullable {
		w.P("if d.Null() { continue }")
	}
	switch p.shape {
	case constant:
		w.P("if !d.Constant(", fmt.Sprintf("%q", p.text), ") { return false }")
		return
	case union:
		w.alternatives(p, "continue")
		if p.other != nil {
			f := p.other.field
			w.P("if raw, ok := d.RawOf(&o); ok {")
			w.P("m.", p.oneof.GoName, " = &", f.GoIdent, "{", f.GoName, ": raw}")
			w.P("continue")
			w.P("}")
		}
	case alternative:
		w.P("if m.", p.oneof.GoName, " != nil {")
		w.P("d.Inexact()")
		w.P("} else if !d.AtNull() {")
		a := p.alternatives[0]
		w.take(a, p.oneof.GoName, "continue")
		w.P("}")
	case list:
		empty := " && len(v) > 0"
		if p.rules.GetRequired() {
			empty = ""
		}
		w.P("if v, ok := ", w.listRead(p), "; ok", empty, " { m.", p.field.GoName, " = v; continue }")
	case mapping:
		empty := " && len(v) > 0"
		if p.rules.GetRequired() {
			empty = ""
		}
		w.P("if v, ok := d.", mapReaders[p.field.Message.Fields[1].Desc.Kind()], "(); ok", empty, " { m.", p.field.GoName, " = v; continue }")
	case raw:
		if m.rest != nil {
			w.P("if !d.AtNull() {")
			w.P("if v, ok := d.Raw(); ok { m.", p.field.GoName, " = v; continue }")
			w.P("}")
		} else {
			w.P("if v, ok := d.Raw(); ok { m.", p.field.GoName, " = v; continue }")
		}
	case single:
		w.P("if !d.AtNull() {")
		w.P("v := new(", p.field.Message.GoIdent, ")")
		w.P("if v.DecodeWireJSON(d) { m.", p.field.GoName, " = v; continue }")
		w.P("}")
	case scalar:
		w.decodeScalar(m, p)
	}
	w.ride(m, i, p)
}

func (w writer) scalarRead(p *member) string {
	if p.field.Enum != nil {
		return "d.Enum(" + w.QualifiedGoIdent(p.field.Enum.GoIdent) + "_value)"
	}
	return "d." + readers[p.field.Desc.Kind()] + "()"
}

func (w writer) decodeScalar(m *message, p *member) {
	name := p.field.GoName
	value := "v"
	if p.field.Enum != nil {
		value = w.QualifiedGoIdent(p.field.Enum.GoIdent) + "(v)"
	}
	if !p.field.Desc.HasPresence() {
		w.P("if v, ok := ", w.scalarRead(p), "; ok { m.", name, " = ", value, "; continue }")
		return
	}
	if p.field.Enum != nil {
		w.P("if v, ok := ", w.scalarRead(p), "; ok { m.", name, " = ", value, ".Enum(); continue }")
		return
	}
	w.P("if v, ok := ", w.scalarRead(p), "; ok {")
	w.setOptional(m, p)
	w.P("continue")
	w.P("}")
}
