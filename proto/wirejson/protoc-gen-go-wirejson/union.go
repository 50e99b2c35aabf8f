package main

import (
	"fmt"
	"strconv"
	"strings"
)

// alternatives reads the value at hand into the alternative of its kind; done is
// what follows then. Otherwise the decoder knows why not.
func (w writer) alternatives(p *member, done string) {
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
			w.take(a, p.oneof.GoName, done)
		}
	}
	if len(lists) > 0 {
		w.P("case ", w.goKinds(array), ":")
		w.takeList(p, lists, done)
	}
	if len(objects) > 0 {
		w.P("case ", w.goKinds(object), ":")
		w.takeObject(p, objects, done)
	}
	w.P("default:")
	w.P("d.Unfit(", w.goKinds(taken), ")")
	w.P("}")
}

// take reads one alternative.
func (w writer) take(a *member, oneof, done string) {
	f := a.field
	switch {
	case a.shape == raw:
		w.P("if v, ok := d.Raw(); ok { m.", oneof, " = &", f.GoIdent, "{", f.GoName, ": v}; ", done, " }")
	case f.Message != nil:
		// The wrapper and the message come in one piece.
		w.P("v := new(struct { is ", f.GoIdent, "; of ", f.Message.GoIdent, " })")
		w.P("if v.of.DecodeWireJSON(d) {")
		w.P("v.is.", f.GoName, " = &v.of")
		w.P("m.", oneof, " = &v.is")
		w.P(done)
		w.P("}")
	case f.Enum != nil:
		w.P("if v, ok := ", w.scalarRead(a), "; ok { m.", oneof, " = &", f.GoIdent, "{", f.GoName, ": ", f.Enum.GoIdent, "(v)}; ", done, " }")
	default:
		w.P("if v, ok := ", w.scalarRead(a), "; ok { m.", oneof, " = &", f.GoIdent, "{", f.GoName, ": v}; ", done, " }")
	}
}

// takeList chooses among lists by the kind of the first element. An empty array is
// the first of them.
func (w writer) takeList(p *member, lists []*member, done string) {
	if len(lists) == 1 {
		w.take(lists[0], p.oneof.GoName, done)
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
		w.take(a, p.oneof.GoName, done)
	}
	w.P("default:")
	w.P(`d.Mismatch("unexpected kind of the first element")`)
	w.P("}")
}

// takeObject chooses among objects by the discriminator.
func (w writer) takeObject(p *member, objects []*member, done string) {
	if p.discriminator == "" {
		w.take(objects[0], p.oneof.GoName, done)
		return
	}
	var tags []string
	w.P("switch string(d.Discriminator(", strconv.Quote(p.discriminator), ")) {")
	for _, a := range objects {
		tag := constantOf(a.field.Message, p.discriminator)
		tags = append(tags, strconv.Quote(tag))
		w.P("case ", strconv.Quote(tag), ":")
		w.take(a, p.oneof.GoName, done)
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
