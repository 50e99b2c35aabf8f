package main

import (
	"fmt"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

// target is where an alternative of a union goes.
type target struct {
	oneof *protogen.Oneof
	// whole is the bare message that is made with its alternative; nil when the union
	// is a member of the message m.
	whole *protogen.Message
	in    *message
}

func (t target) done() string {
	if t.whole != nil {
		return "return &v.whole"
	}
	return "continue"
}

// alternatives reads the value at hand into the alternative of its kind. If that
// does not succeed, the decoder knows why not.
func (w writer) alternatives(p *member, t target) {
	var lists, objects []*member
	var taken kind
	w.P("switch d.Kind() {")
	for _, a := range p.alternatives {
		k := a.kinds()
		taken |= k
		switch k {
		case array:
			lists = append(lists, a)
		case object:
			objects = append(objects, a)
		default:
			w.P("case ", w.goKinds(k), ":")
			w.take(a, t)
		}
	}
	if len(lists) > 0 {
		w.P("case ", w.goKinds(array), ":")
		w.takeList(lists, t)
	}
	if len(objects) > 0 {
		w.P("case ", w.goKinds(object), ":")
		w.takeObject(p, objects, t)
	}
	w.P("default:")
	w.P("d.Unfit(", w.goKinds(taken), ")")
	w.P("}")
}

// wrapper opens the allocation of an alternative, which ends with what more says.
func (w writer) wrapper(a *member, t target, more string) {
	whole := ""
	if t.whole != nil {
		whole = "whole " + w.QualifiedGoIdent(t.whole.GoIdent) + "; "
	}
	w.P("v := new(struct {", whole, "is ", a.field.GoIdent, more, "})")
}

// put sets the union to the alternative.
func (w writer) put(t target) {
	if t.whole != nil {
		w.P("v.whole.", t.oneof.GoName, " = &v.is")
	} else {
		w.P("m.", t.oneof.GoName, " = &v.is")
	}
	w.P(t.done())
}

// take reads one alternative.
func (w writer) take(a *member, t target) {
	f := a.field
	if f.Message != nil {
		w.wrapper(a, t, "; of "+w.QualifiedGoIdent(f.Message.GoIdent)+w.roomField(f.Message))
		w.P("if ", w.read(f.Message, "v.of", "v.room"), " {")
		w.P("v.is.", f.GoName, " = &v.of")
		w.put(t)
		w.P("}")
		return
	}
	read, value := "d.Raw()", "s"
	if a.shape != raw {
		read = w.scalarRead(a)
	}
	if f.Enum != nil {
		value = w.QualifiedGoIdent(f.Enum.GoIdent) + "(s)"
	}
	w.P("if s, ok := ", read, "; ok {")
	if t.in != nil && w.inRoom(t.in, f) {
		w.P("room.is", f.GoName, ".", f.GoName, " = ", value)
		w.P("m.", t.oneof.GoName, " = &room.is", f.GoName)
		w.P(t.done())
	} else {
		w.wrapper(a, t, "")
		w.P("v.is.", f.GoName, " = ", value)
		w.put(t)
	}
	w.P("}")
}

// takeOther takes a value that did not fit, verbatim; read is how.
func (w writer) takeOther(p *member, t target, read string) {
	w.P("if raw, ok := ", read, "; ok {")
	w.wrapper(p.other, t, "")
	w.P("v.is.", p.other.field.GoName, " = raw")
	w.put(t)
	w.P("}")
}

// takeList chooses among lists by the kind of the first element. An empty array is
// the first of them.
func (w writer) takeList(lists []*member, t target) {
	if len(lists) == 1 {
		w.take(lists[0], t)
		return
	}
	w.P("switch d.First() {")
	var taken kind
	for i, a := range lists {
		k := elementKinds(a.field.Message) &^ taken
		taken |= k
		first := ""
		if i == 0 {
			first = ", 0"
		}
		w.P("case ", strings.ReplaceAll(w.goKinds(k), "|", ", "), first, ":")
		w.take(a, t)
	}
	w.P("default:")
	w.P("d.UnfitElements(", w.goKinds(taken), ")")
	w.P("}")
}

// takeObject chooses among objects by the discriminator.
func (w writer) takeObject(p *member, objects []*member, t target) {
	if p.discriminator == "" {
		w.take(objects[0], t)
		return
	}
	var tags []string
	w.P("switch string(d.Discriminator(", strconv.Quote(p.discriminator), ")) {")
	for _, a := range objects {
		tag := constantOf(a.field.Message, p.discriminator)
		tags = append(tags, strconv.Quote(tag))
		w.P("case ", strconv.Quote(tag), ":")
		w.take(a, t)
	}
	w.P("default:")
	w.P("d.Mismatch(", strconv.Quote(fmt.Sprintf("expected an object whose %q is %s", p.discriminator, or(tags))), ")")
	w.P("}")
}

func or(names []string) string {
	if n := len(names); n > 1 {
		return strings.Join(names[:n-1], ", ") + " or " + names[n-1]
	}
	return strings.Join(names, "")
}
