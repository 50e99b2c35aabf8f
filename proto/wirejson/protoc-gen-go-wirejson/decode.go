package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

func (w writer) decoder(m *message) {
	w.listReaders(m)
	w.roomType(m)
	if !m.bare && m.rest != nil && len(m.members) > 0 {
		w.P()
		w.P("var ", names(m), " = [...]string{")
		for _, p := range m.members {
			w.P(fmt.Sprintf("%q", p.name), ",")
		}
		w.P("}")
	}
	method := func(body func()) {
		w.P()
		w.P("// DecodeWireJSON reads the message from JSON.")
		w.P("func (m *", m.GoIdent, ") DecodeWireJSON(d *", w.rt("Decoder"), ") bool {")
		body()
		w.P("}")
	}
	switch {
	case m.bare && m.members[0].shape == list:
		method(func() { w.decodeList(m.members[0]) })
	case m.bare:
		method(func() {
			w.P("v := ", newName(m.Message), "(d)")
			w.P("if v == nil { return false }")
			w.P("m.", m.members[0].oneof.GoName, " = v.", m.members[0].oneof.GoName)
			w.P("return true")
		})
		w.newUnion(m)
	case w.hasRoom(m.Message):
		method(func() { w.P("return m.decodeWireJSON(d, new(", roomName(m.Message), "))") })
		w.P()
		w.P("func (m *", m.GoIdent, ") decodeWireJSON(d *", w.rt("Decoder"), ", room *", roomName(m.Message), ") bool {")
		w.decodeObject(m)
		w.P("}")
	default:
		method(func() { w.decodeObject(m) })
	}
}

func names(m *message) string { return "namesOf" + m.GoIdent.GoName }

// listReaders writes a function per message of which the message has lists.
func (w writer) listReaders(m *message) {
	for _, p := range m.members {
		if p.shape != list || p.field.Message == nil || w.lists[p.field.Message.GoIdent] {
			continue
		}
		e := p.field.Message
		w.lists[e.GoIdent] = true
		w.P()
		w.P("func listOf", e.GoIdent.GoName, "(d *", w.rt("Decoder"), ") ([]*", e.GoIdent, ", bool) {")
		w.P("if !d.Array() { return nil, false }")
		w.P("var list []*", e.GoIdent)
		w.P("for d.Element(len(list)) {")
		w.newMessage(e, "return nil, d.Lost()")
		w.P("if list == nil { list = make([]*", e.GoIdent, ", 0, 4) }")
		w.P("list = append(list, v)")
		w.P("}")
		w.P("return list, d.OK()")
		w.P("}")
	}
}

// newMessage reads a new message into the variable v.
func (w writer) newMessage(m *protogen.Message, failed string) {
	switch {
	case w.isUnionHere(m):
		w.P("v := ", newName(m), "(d)")
		w.P("if v == nil { ", failed, " }")
	case w.hasRoom(m):
		w.P("p := new(struct { of ", m.GoIdent, w.roomField(m), " })")
		w.P("v := &p.of")
		w.P("if !", w.read(m, "v", "p.room"), " { ", failed, " }")
	default:
		w.P("v := new(", m.GoIdent, ")")
		w.P("if !v.DecodeWireJSON(d) { ", failed, " }")
	}
}

// isUnionHere reports whether a message is a bare union of this Go package, which
// has a function that makes it.
func (w writer) isUnionHere(m *protogen.Message) bool {
	if m.GoIdent.GoImportPath != w.path || !messageRules(m).GetBare() {
		return false
	}
	p, err := planMessage(m)
	return err == nil && p.members[0].shape == union
}

func newName(m *protogen.Message) string { return "new" + m.GoIdent.GoName }

// newUnion writes the function that makes a bare union together with its
// alternative.
func (w writer) newUnion(m *message) {
	p := m.members[0]
	w.P()
	w.P("func ", newName(m.Message), "(d *", w.rt("Decoder"), ") *", m.GoIdent, " {")
	if p.other != nil {
		w.P("at := d.Mark()")
	}
	if p.nullable {
		w.P("if d.Null() { return new(", m.GoIdent, ") }")
	}
	t := target{oneof: p.oneof, whole: m.Message}
	w.alternatives(p, t)
	if p.other != nil {
		w.takeOther(p, t, "d.RawFrom(at)")
	}
	w.P("return nil")
	w.P("}")
}

func (w writer) decodeList(p *member) {
	w.P("list, ok := ", w.listRead(p))
	w.P("m.", p.field.GoName, " = list")
	w.P("return ok")
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

// always returns the set of the members that are written without being set.
func (m *message) always() []uint64 {
	set := make([]uint64, words(len(m.members)))
	for i, p := range m.members {
		if p.always() {
			set[word(i)] |= 1 << (i % 64)
		}
	}
	return set
}

func (w writer) decodeObject(m *message) {
	w.P("var o ", w.rt("Object"))
	w.P("if !d.Object(&o, ", m.rest != nil, ") { return false }")
	need := m.always()
	for i := range need {
		w.P("var seen", i, " uint64")
		if m.rest != nil && need[i] != 0 {
			w.P("var rode", i, " uint64")
		}
	}
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
		t := target{oneof: p.oneof, in: m}
		w.alternatives(p, t)
		if p.other != nil {
			w.takeOther(p, t, "d.RawOf(&o)")
		}
	case alternative:
		w.P("if m.", p.oneof.GoName, " != nil {")
		w.P("d.Inexact()")
		w.P("} else if !d.AtNull() {")
		w.take(p.alternatives[0], target{oneof: p.oneof, in: m})
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
		w.single(m, p)
		w.P("}")
	case scalar:
		w.decodeScalar(m, p)
	}
	w.ride(m, i, p)
}

func (w writer) single(m *message, p *member) {
	name, e := p.field.GoName, p.field.Message
	switch {
	case w.inRoom(m, p.field):
		w.P("if ", w.read(e, "room.of"+name, "room.room"+name), " { m.", name, " = &room.of", name, "; continue }")
	case w.isUnionHere(e):
		w.P("if v := ", newName(e), "(d); v != nil { m.", name, " = v; continue }")
	case w.hasRoom(e):
		w.P("v := new(struct { of ", e.GoIdent, w.roomField(e), " })")
		w.P("if ", w.read(e, "v.of", "v.room"), " { m.", name, " = &v.of; continue }")
	default:
		w.P("v := new(", e.GoIdent, ")")
		w.P("if v.DecodeWireJSON(d) { m.", name, " = v; continue }")
	}
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
	if w.inRoom(m, p.field) {
		w.P("room.of", name, " = v")
		w.P("m.", name, " = &room.of", name)
	} else {
		w.P("m.", name, " = &v")
	}
	w.P("continue")
	w.P("}")
}
