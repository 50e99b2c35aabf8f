package wirejson

import "iter"

// Member is a member of a rest: its name and its value.
type Member struct {
	Name  string
	Value []byte
}

// All returns the members of a rest, which must be valid, in their order. The values refer
// to rest. It reads the rest once, where [Get] for each of [Names] does so for each member.
func All(rest []byte) iter.Seq2[string, []byte] {
	return func(yield func(string, []byte) bool) {
		r := OpenRest(rest)
		r.each(func(e entry) bool { return yield(e.name, e.value) })
	}
}

// SetAll is [Set] for several members at once.
func SetAll(rest []byte, more []Member) []byte {
	if len(more) == 0 {
		return rest
	}
	absent, members := entries(rest)
	places := make(map[string]int, len(members)+len(more))
	for i, e := range members {
		places[e.name] = i
	}
	for _, m := range more {
		if i, there := places[m.Name]; there {
			members[i].value = m.Value
			continue
		}
		places[m.Name] = len(members)
		members = append(members, entry{m.Name, AppendString(nil, m.Name), m.Value})
	}
	return build(absent, members)
}

// Keep returns the members of a rest that keep wants, without the note of those that were
// absent. Nil when none remains. A rest whose members all remain, and that has no such
// note, is returned as it is.
func Keep(rest []byte, keep func(name string, value []byte) bool) []byte {
	absent, members := entries(rest)
	kept := members[:0:0]
	for _, e := range members {
		if keep(e.name, e.value) {
			kept = append(kept, e)
		}
	}
	if len(kept) == len(members) && len(absent) == 0 && len(members) > 0 {
		return rest
	}
	return build(nil, kept)
}
