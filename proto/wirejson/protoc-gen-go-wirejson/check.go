package main

import (
	"fmt"
	"strings"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func (w writer) checker(m *message) {
	if m.rest != nil {
		w.known(m)
	}
	w.P()
	w.P("// CheckWireJSON tells whether the message can be written as JSON.")
	w.P("func (m *", m.GoIdent, ") CheckWireJSON(c *", w.rt("Checker"), ") bool {")
	w.P("if m == nil { return true }")
	if m.bare && m.members[0].shape == union {
		w.checkUnion(m.members[0], false)
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

var numbers = map[protoreflect.Kind]string{
	protoreflect.Int32Kind:  "NumberInt32",
	protoreflect.Int64Kind:  "NumberInt64",
	protoreflect.Uint32Kind: "NumberUint32",
	protoreflect.Uint64Kind: "NumberUint64",
	protoreflect.DoubleKind: "NumberDouble",
}

// known writes what the members with fields take.
func (w writer) known(m *message) {
	w.P()
	w.P("var knownOf", m.GoIdent.GoName, " = [...]", w.rt("Known"), "{")
	for _, p := range m.members {
		entry := []string{fmt.Sprintf("Name: %q", p.name)}
		if p.shape == constant {
			entry = append(entry, "Never: true")
			w.P("{", strings.Join(entry, ", "), "},")
			continue
		}
		entry = append(entry, "Kinds: "+w.goKinds(p.kinds()))
		holders := append(p.all(), p)
		for _, h := range holders {
			if h.shape == scalar && numbers[h.field.Desc.Kind()] != "" && p.other == nil {
				entry = append(entry, "Number: "+w.rt(numbers[h.field.Desc.Kind()]))
			}
		}
		if p.always() {
			entry = append(entry, "Always: true")
		}
		if (p.shape != list && p.shape != mapping) || p.always() {
			entry = append(entry, "Empty: true")
		}
		if p.rules.GetOpen() {
			entry = append(entry, "Open: true")
		}
		w.P("{", strings.Join(entry, ", "), "},")
	}
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
	w.P("if !c.Rest(m.", m.rest.GoName, ", knownOf", m.GoIdent.GoName, "[:], set[:]...) { return false }")
	w.P("}")
}

func (w writer) checkMember(m *message, p *member) {
	name := fmt.Sprintf("%q", p.name)
	if m.bare {
		name = `""`
	}
	switch p.shape {
	case union, alternative:
		w.checkUnion(p, true)
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

// checkUnion checks the alternative that is set. named says that the union is a
// member, whose name belongs to the path.
func (w writer) checkUnion(p *member, named bool) {
	fail := "return false"
	if named {
		fail = fmt.Sprintf("return c.In(%q)", p.name)
	}
	var checked []string
	for _, a := range p.all() {
		f := a.field
		var check string
		switch {
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
	if checked == nil {
		return
	}
	w.P("switch v := m.", p.oneof.GoName, ".(type) {")
	for _, c := range checked {
		w.P(c)
	}
	w.P("}")
}
