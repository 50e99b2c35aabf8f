package main

import (
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
	"google.golang.org/protobuf/reflect/protoreflect"
)

// kind is a set of JSON kinds: the runtime's Kind.
type kind uint8

const (
	str kind = 1 << iota
	number
	boolean
	array
	object
	null
	anything = str | number | boolean | array | object | null
)

var kindNames = [...]string{"KindString", "KindNumber", "KindBool", "KindArray", "KindObject", "KindNull"}

// goKinds writes a set of kinds.
func (w writer) goKinds(k kind) string {
	var names []string
	for i, name := range kindNames {
		if k&(1<<i) != 0 {
			names = append(names, w.rt(name))
		}
	}
	if names == nil {
		return "0"
	}
	return strings.Join(names, "|")
}

// kinds that a member's value may have, null for nullable ones included.
func (m *member) kinds() kind {
	var k kind
	switch m.shape {
	case constant:
		k = str
	case raw:
		k = anything &^ null
	case list:
		k = array
	case mapping:
		k = object
	case union, alternative:
		for _, a := range m.alternatives {
			k |= a.kinds()
		}
		if m.other != nil {
			k |= anything &^ null
		}
	case single:
		k = messageKinds(m.field.Message)
	case scalar:
		k = scalarKind(m.field.Desc.Kind())
	}
	if m.nullable {
		k |= null
	}
	return k
}

func messageKinds(m *protogen.Message) kind {
	if !messageRules(m).GetBare() {
		return object
	}
	if p, err := planMessage(m); err == nil {
		return p.members[0].kinds()
	}
	return 0
}

func scalarKind(k protoreflect.Kind) kind {
	switch k {
	case protoreflect.StringKind, protoreflect.EnumKind:
		return str
	case protoreflect.BoolKind:
		return boolean
	}
	return number
}

// elementKinds of a bare list message.
func elementKinds(m *protogen.Message) kind {
	f := m.Fields[0]
	switch {
	case fieldRules(f).GetRaw():
		return anything
	case f.Message != nil:
		return messageKinds(f.Message)
	}
	return scalarKind(f.Desc.Kind())
}

// readers of scalars: methods of the runtime's Decoder.
var readers = map[protoreflect.Kind]string{
	protoreflect.StringKind: "String",
	protoreflect.BoolKind:   "Bool",
	protoreflect.Int32Kind:  "Int32",
	protoreflect.Int64Kind:  "Int64",
	protoreflect.Uint32Kind: "Uint32",
	protoreflect.Uint64Kind: "Uint64",
	protoreflect.DoubleKind: "Double",
}

// mapReaders by the kind of the values; bytes are raw.
var mapReaders = map[protoreflect.Kind]string{
	protoreflect.StringKind: "StringMap",
	protoreflect.BoolKind:   "BoolMap",
	protoreflect.Int32Kind:  "Int32Map",
	protoreflect.Int64Kind:  "Int64Map",
	protoreflect.DoubleKind: "DoubleMap",
	protoreflect.BytesKind:  "RawMap",
}

// goType of a scalar.
func goType(k protoreflect.Kind) string {
	if k == protoreflect.DoubleKind {
		return "float64"
	}
	return k.String() // string, bool, int32, ...
}
