package server

import "reflect"

// kept is what outlives a reload: what targets have learnt about themselves, by a name
// that says what it is.
type kept map[string]keptEntry

type keptEntry struct{ settings, value any }

// keep returns what was kept under the name if it was made by the same settings, else
// what build returns; from now on that is kept.
func keep[T any](from, to kept, name string, settings any, build func() T) T {
	if entry, ok := to[name]; ok && reflect.DeepEqual(entry.settings, settings) {
		return entry.value.(T) //nolint:forcetypeassert // a name has one type
	}
	if entry, ok := from[name]; ok && reflect.DeepEqual(entry.settings, settings) {
		to[name] = entry
		return entry.value.(T) //nolint:forcetypeassert // a name has one type
	}
	value := build()
	to[name] = keptEntry{settings, value}
	return value
}
