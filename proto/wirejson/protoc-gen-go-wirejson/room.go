package main

import "google.golang.org/protobuf/compiler/protogen"

// A message refers to much that has no other owner: optional scalars, the wrappers
// of its oneofs, messages that are always there. Its room is a struct of all that,
// so that a message and its room come from one allocation.

// roomed is what of a message has a place in its room.
type roomed struct {
	field *protogen.Field
	kind  roomKind
}

type roomKind int

const (
	optionalValue roomKind = iota
	scalarWrapper          // of a oneof
	child                  // a message that callers must send, and its room
)

// room lists the members of a message's room; empty for bare messages.
func (w writer) room(m *message) []roomed {
	if m.bare {
		return nil
	}
	var all []roomed
	for _, p := range m.members {
		switch {
		case p.shape == scalar && p.field.Enum == nil && p.field.Desc.HasPresence():
			all = append(all, roomed{p.field, optionalValue})
		case p.shape == union:
			for _, a := range p.alternatives {
				if a.shape == scalar {
					all = append(all, roomed{a.field, scalarWrapper})
				}
			}
		case p.shape == single && p.rules.GetMustSend() && w.sharesRoom(p.field.Message) && !reaches(p.field.Message, m.Message, nil):
			all = append(all, roomed{p.field, child})
		}
	}
	return all
}

// sharesRoom reports whether a message can be decoded into a room of this Go
// package.
func (w writer) sharesRoom(m *protogen.Message) bool {
	return m.GoIdent.GoImportPath == w.path && !messageRules(m).GetBare()
}

// reaches reports whether from leads to a message through its fields: then neither
// can hold the other.
func reaches(from, to *protogen.Message, seen map[*protogen.Message]bool) bool {
	if from == to {
		return true
	}
	if seen == nil {
		seen = map[*protogen.Message]bool{}
	}
	if seen[from] {
		return false
	}
	seen[from] = true
	for _, f := range from.Fields {
		if f.Message != nil && reaches(f.Message, to, seen) {
			return true
		}
	}
	return false
}

func (w writer) hasRoom(m *protogen.Message) bool {
	if !w.sharesRoom(m) {
		return false
	}
	p, err := planMessage(m)
	return err == nil && len(w.room(p)) > 0
}

func roomName(m *protogen.Message) string { return "roomOf" + m.GoIdent.GoName }

func (w writer) roomType(m *message) {
	all := w.room(m)
	if len(all) == 0 {
		return
	}
	w.P()
	w.P("type ", roomName(m.Message), " struct {")
	for _, r := range all {
		name := r.field.GoName
		switch r.kind {
		case optionalValue:
			w.P("of", name, " ", goType(r.field.Desc.Kind()))
		case scalarWrapper:
			w.P("is", name, " ", r.field.GoIdent)
		case child:
			w.P("of", name, " ", r.field.Message.GoIdent)
			if w.hasRoom(r.field.Message) {
				w.P("room", name, " ", roomName(r.field.Message))
			}
		}
	}
	w.P("}")
}

// inRoom reports whether a field has a place in the room of its message.
func (w writer) inRoom(m *message, f *protogen.Field) bool {
	for _, r := range w.room(m) {
		if r.field == f {
			return true
		}
	}
	return false
}

// roomField adds the room of a message to a struct that holds the message as "of".
func (w writer) roomField(m *protogen.Message) string {
	if w.hasRoom(m) {
		return "; room " + roomName(m)
	}
	return ""
}

// read calls the decoder of a message; place and room are expressions for where it
// is and where its room is.
func (w writer) read(m *protogen.Message, place, room string) string {
	if w.hasRoom(m) {
		return place + ".decodeWireJSON(d, &" + room + ")"
	}
	return place + ".DecodeWireJSON(d)"
}
