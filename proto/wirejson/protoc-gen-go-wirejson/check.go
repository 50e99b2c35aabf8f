package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func (w writer) checker(m *message) {
	w.P()
	w.P("// CheckWireJSON tells whether the message can be written as JSON.")
	w.P("func (m *", m.GoIdent, ") CheckWireJSON(c *", w.rt("Checker"), ") bool {")
	w.P("if m == nil { return true }")
	if m.bare && m.members[0].shape == union {
		w.checkUnion(m, m.members[0])
		w.P("return true")
		w.P("}")
		return
	}
	w.P("if !c.Enter() { return false }")
	for _, p := range m.members {
		w.checkMember(m, p)
	}
	if m.rest != nil {
		w.checkRest(m)
	}
	w.P("return c.Leave()")
	w.P("}")
}

func (w writer) checkRest(m *message) {
	w.P("if len(m.", m.rest.GoName, ") > 0 {")
	n := max(words(len(m.members)), 1)
	w.P("var set [", n, "]uint64")
	for i, p := range m.members {
		var condition string
		switch p.shape {
		case constant:
			continue
		case union:
			condition = "m." + p.oneof.GoName + " != nil"
		case alternative:
			w.P("if _, ok := m.", p.oneof.GoName, ".(*", p.alternatives[0].field.GoIdent, "); ok { set[", word(i), "] |= ", bit(i), " }")
			continue
		case list, mapping, raw:
			condition = "len(m." + p.field.GoName + ") > 0"
		default:
			if !p.field.Desc.HasPresence() {
				continue
			}
			condition = "m." + p.field.GoName + " != nil"
		}
		w.P("if ", condition, " { set[", word(i), "] |= ", bit(i), " }")
	}
	name := "nil"
	if len(m.members) > 0 {
		name = names(m) + "[:]"
	}
	always := make([]string, n)
	for i := range always {
		always[i] = "0"
	}
	for i, mask := range m.always() {
		always[i] = fmt.Sprintf("%#x", mask)
	}
	w.P("if !c.Rest(m.", m.rest.GoName, ", ", name, ", set[:], []uint64{", strings.Join(always, ", "), "}, func(d *", w.rt("Decoder"), ") []byte {")
	w.P("var fresh ", m.GoIdent)
	w.P("fresh.DecodeWireJSON(d)")
	w.P("return fresh.", m.rest.GoName)
	w.P("}) { return false }")
	w.P("}")
}

func (w writer) checkMember(m *message, p *member) {
	name := fmt.Sprintf("%q", p.name)
	if m.bare {
		name = `""`
	}
	switch p.shape {
	case union, alternative:
		w.checkUnion(m, p)
	case list:
		v := "v"
		var check string
		switch {
		case p.field.Message != nil:
			check = v + ".CheckWireJSON(c)"
		case p.field.Desc.Kind() == protoreflect.BytesKind:
			check = "c.Raw(" + v + ")"
		case p.field.Desc.Kind() == protoreflect.DoubleKind:
			check = "c.Double(" + v + ")"
		default:
			return
		}
		w.P("for i, v := range m.", p.field.GoName, " { if !", check, " { return c.At(", name, ", i) } }")
	case mapping:
		switch p.field.Message.Fields[1].Desc.Kind() {
		case protoreflect.BytesKind:
			w.P("for _, v := range m.", p.field.GoName, " { if !c.Raw(v) { return c.In(", name, ") } }")
		case protoreflect.DoubleKind:
			w.P("for _, v := range m.", p.field.GoName, " { if !c.Double(v) { return c.In(", name, ") } }")
		}
	case raw:
		w.P("if !c.Raw(m.", p.field.GoName, ") { return c.In(", name, ") }")
	case single:
		w.P("if !m.", p.field.GoName, ".CheckWireJSON(c) { return c.In(", name, ") }")
	case scalar:
		if p.field.Desc.Kind() != protoreflect.DoubleKind {
			return
		}
		if p.field.Desc.HasPresence() {
			w.P("if m.", p.field.GoName, " != nil && !c.Double(*m.", p.field.GoName, ") { return c.In(", name, ") }")
		} else {
			w.P("if !c.Double(m.", p.field.GoName, ") { return c.In(", name, ") }")
		}
	}
}

// checkUnion checks the alternative that is set.
func (w writer) checkUnion(m *message, p *member) {
	fail, name := fmt.Sprintf("return c.In(%q)", p.name), p.name
	if m.bare {
		fail, name = "return false", ""
	}
	var checked []string
	for _, a := range p.all() {
		f := a.field
		var check string
		switch {
		case a == p.other:
			check = fmt.Sprintf("c.Other(%q, v.%s, func(d *%s) bool {\nvar fresh %s\nfresh.DecodeWireJSON(d)\n_, ok := fresh.%s.(*%s)\nreturn ok\n})",
				name, f.GoName, w.rt("Decoder"), w.QualifiedGoIdent(m.GoIdent), p.oneof.GoName, w.QualifiedGoIdent(f.GoIdent))
		case a.shape == raw:
			check = "c.Raw(v." + f.GoName + ")"
		case f.Message != nil:
			check = "v." + f.GoName + ".CheckWireJSON(c)"
		case f.Desc.Kind() == protoreflect.DoubleKind:
			check = "c.Double(v." + f.GoName + ")"
		default:
			continue
		}
		checked = append(checked, fmt.Sprintf("case *%s:\nif !%s { %s }", w.QualifiedGoIdent(f.GoIdent), check, fail))
	}
	if m.bare {
		// Written, it would be a null that nobody sent.
		checked = append(checked, "case nil:\nreturn c.Unset()")
	}
	if checked == nil {
		return
	}
	w.P("switch v := m.", p.oneof.GoName, ".(type) {")
	for _, c := range checked {
		w.P(c)
	}
	w.P("}")
}
