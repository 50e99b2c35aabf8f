package main

import (
	"fmt"
	"strconv"

	"google.golang.org/protobuf/reflect/protoreflect"
)

func (w writer) encoder(m *message) {
	w.P()
	w.P("// AppendWireJSON appends the message as JSON.")
	w.P("func (m *", m.GoIdent, ") AppendWireJSON(b []byte) []byte {")
	if m.bare {
		w.encodeBare(m.members[0])
		w.P("}")
		return
	}
	w.P("if m == nil { return append(b, \"{}\"...) }")
	if m.rest != nil {
		w.P("var rest ", w.rt("Rest"))
		w.P("if len(m.", m.rest.GoName, ") > 0 { rest = ", w.rt("OpenRest"), "(m.", m.rest.GoName, ") }")
	}
	w.P("start := len(b)")
	for _, p := range m.members {
		w.encodeMember(m, p)
	}
	if m.rest != nil {
		w.P("b = rest.Append(b)")
	}
	w.P("return ", w.rt("CloseObject"), "(b, start)")
	w.P("}")
}

func (w writer) encodeBare(p *member) {
	if p.shape == list {
		w.P("if m == nil { return append(b, \"[]\"...) }")
		w.value(p, "m."+p.field.GoName)
		w.P("return b")
		return
	}
	w.P("if m == nil { return append(b, \"null\"...) }")
	w.P("switch v := m.", p.oneof.GoName, ".(type) {")
	for _, a := range p.all() {
		w.P("case *", a.field.GoIdent, ":")
		w.value(a, "v."+a.field.GoName)
	}
	w.P("default:")
	w.P("b = append(b, \"null\"...)")
	w.P("}")
	w.P("return b")
}

// all alternatives of a union.
func (m *member) all() []*member {
	if m.other == nil {
		return m.alternatives
	}
	return append(m.alternatives[:len(m.alternatives):len(m.alternatives)], m.other)
}

// key writes the name of a member, behind a comma.
func (w writer) key(p *member) {
	w.P("b = append(b, ", quote(`,"`+p.name+`":`), "...)")
}

func quote(s string) string {
	if strconv.CanBackquote(s) {
		return "`" + s + "`"
	}
	return strconv.Quote(s)
}

// unlessLacking opens the condition that the member was not noted as absent.
func (w writer) unlessLacking(m *message, p *member, more string) bool {
	switch {
	case m.rest == nil && more == "":
		return false
	case m.rest == nil:
		w.P("if ", more, " {")
	case more == "":
		w.P("if !rest.Lacks(", strconv.Quote(p.name), ") {")
	default:
		w.P("if ", more, " && !rest.Lacks(", strconv.Quote(p.name), ") {")
	}
	return true
}

func (w writer) encodeMember(m *message, p *member) {
	switch p.shape {
	case constant:
		open := w.unlessLacking(m, p, "")
		w.P("b = append(b, ", quote(`,"`+p.name+`":"`+p.text+`"`), "...)")
		w.closeIf(open)
	case union, alternative:
		w.encodeUnion(m, p)
	case list, mapping:
		if p.always() {
			open := w.unlessLacking(m, p, "")
			w.key(p)
			w.value(p, "m."+p.field.GoName)
			w.closeIf(open)
			return
		}
		w.whenSet(p, "len(m."+p.field.GoName+") > 0", "m."+p.field.GoName)
	case raw:
		w.whenSet(p, "len(m."+p.field.GoName+") > 0", "m."+p.field.GoName)
	default:
		value := "m." + p.field.GoName
		if !p.field.Desc.HasPresence() {
			open := w.unlessLacking(m, p, "")
			w.key(p)
			w.value(p, value)
			w.closeIf(open)
			return
		}
		set := value + " != nil"
		if p.shape == scalar {
			value = "*" + value
		}
		if !p.nullable {
			w.whenSet(p, set, value)
			return
		}
		w.P("if ", set, " {")
		w.key(p)
		w.value(p, value)
		w.P("} else ", w.lacks(m, p), "{")
		w.P("b = append(b, ", quote(`,"`+p.name+`":null`), "...)")
		w.P("}")
	}
}

func (w writer) lacks(m *message, p *member) string {
	if m.rest == nil {
		return ""
	}
	return fmt.Sprintf("if !rest.Lacks(%q) ", p.name)
}

func (w writer) closeIf(open bool) {
	if open {
		w.P("}")
	}
}

func (w writer) whenSet(p *member, condition, value string) {
	w.P("if ", condition, " {")
	w.key(p)
	w.value(p, value)
	w.P("}")
}

func (w writer) encodeUnion(m *message, p *member) {
	if p.shape == alternative {
		a := p.alternatives[0]
		w.P("if v, ok := m.", p.oneof.GoName, ".(*", a.field.GoIdent, "); ok {")
		w.key(p)
		w.value(a, "v."+a.field.GoName)
		w.P("}")
		return
	}
	w.P("switch v := m.", p.oneof.GoName, ".(type) {")
	for _, a := range p.all() {
		w.P("case *", a.field.GoIdent, ":")
		w.key(p)
		w.value(a, "v."+a.field.GoName)
	}
	if p.nullable {
		w.P("default:")
		open := w.unlessLacking(m, p, "")
		w.P("b = append(b, ", quote(`,"`+p.name+`":null`), "...)")
		w.closeIf(open)
	}
	w.P("}")
}

// value appends a value that a Go expression gives.
func (w writer) value(p *member, v string) {
	switch {
	case p.shape == list && p.field.Message != nil:
		w.P("b = append(b, '[')")
		w.P("for i, v := range ", v, " {")
		w.P("if i > 0 { b = append(b, ',') }")
		w.P("b = v.AppendWireJSON(b)")
		w.P("}")
		w.P("b = append(b, ']')")
	case p.shape == list:
		w.P("b = ", w.rt(listWriter(p.field.Desc.Kind())), "(b, ", v, ")")
	case p.shape == mapping:
		w.P("b = ", w.rt(mapWriter(p.field.Message.Fields[1].Desc.Kind())), "(b, ", v, ")")
	case p.shape == raw:
		w.P("b = ", w.rt("AppendRaw"), "(b, ", v, ")")
	case p.field.Message != nil:
		w.P("b = ", v, ".AppendWireJSON(b)")
	default:
		w.scalar(p.field.Desc.Kind(), v)
	}
}

func (w writer) scalar(k protoreflect.Kind, v string) {
	switch k {
	case protoreflect.StringKind:
		w.P("b = ", w.rt("AppendString"), "(b, ", v, ")")
	case protoreflect.EnumKind:
		w.P("b = ", w.rt("AppendString"), "(b, (", v, ").String())")
	case protoreflect.BoolKind:
		w.P("b = ", w.rt("AppendBool"), "(b, ", v, ")")
	case protoreflect.DoubleKind:
		w.P("b = ", w.rt("AppendDouble"), "(b, ", v, ")")
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		w.P("b = ", w.rt("AppendUint"), "(b, uint64(", v, "))")
	default:
		w.P("b = ", w.rt("AppendInt"), "(b, int64(", v, "))")
	}
}

func listWriter(k protoreflect.Kind) string {
	switch k {
	case protoreflect.StringKind:
		return "AppendStrings"
	case protoreflect.BoolKind:
		return "AppendBools"
	case protoreflect.DoubleKind:
		return "AppendDoubles"
	case protoreflect.Uint32Kind, protoreflect.Uint64Kind:
		return "AppendUints"
	case protoreflect.BytesKind:
		return "AppendRaws"
	}
	return "AppendInts"
}

func mapWriter(k protoreflect.Kind) string {
	switch k {
	case protoreflect.StringKind:
		return "AppendStringMap"
	case protoreflect.BoolKind:
		return "AppendBoolMap"
	case protoreflect.DoubleKind:
		return "AppendDoubleMap"
	case protoreflect.BytesKind:
		return "AppendRawMap"
	}
	return "AppendIntMap"
}
