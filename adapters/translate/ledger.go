// Package translate keeps the books of a translation between Sluice's contract and a
// provider's dialect: what was renamed, coerced, approximated, dropped or passed, and what
// cannot be said at all. Every adapter of a dialect uses it, so that silence has no place.
// Beside the books, it has what several translations do in the same way.
package translate

import (
	"fmt"
	"slices"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

// The values of [sluicev1.TranslationNote]'s side and fate.
const (
	SideRequest  = "request"
	SideResponse = "response"

	FateRenamed      = "renamed"
	FateCoerced      = "coerced"
	FateApproximated = "approximated"
	FateDropped      = "dropped"
	FatePassed       = "passed"
)

// maxNotes bounds what one call can make Sluice remember, of notes and of refusals each. One
// note more says that there were others.
const maxNotes = 256

// Ledger notes what becomes of the members of one call. Make one per call and side with
// [Request] and [Response]. One goroutine uses it.
type Ledger struct {
	call    *adapters.Call
	side    string
	refused []refusal
	// more counts the refusals that were not remembered.
	more int
}

type refusal struct{ member, why string }

// Request returns the ledger of a call's request. It forgets what an earlier try of the
// same call noted.
func Request(call *adapters.Call) *Ledger {
	call.Reply.Notes = nil
	return &Ledger{call: call, side: SideRequest}
}

// Response returns the ledger of a call's answer.
func Response(call *adapters.Call) *Ledger { return &Ledger{call: call, side: SideResponse} }

// Renamed notes a value that stands in another place. The same note is kept once.
func (l *Ledger) Renamed(member, to string) { l.note(FateRenamed, member, to, "") }

// Coerced notes a value whose form changed and whose meaning did not.
func (l *Ledger) Coerced(member, to, why string) { l.note(FateCoerced, member, to, why) }

// Approximated notes a value that became one of nearly the same meaning.
func (l *Ledger) Approximated(member, to, why string) { l.note(FateApproximated, member, to, why) }

// Dropped notes a value that the other side does not get, and need not: leaving it out
// means the same, or it is not the other side's affair. What matters and cannot be said is
// [Ledger.Unsupported].
func (l *Ledger) Dropped(member, why string) { l.note(FateDropped, member, "", why) }

// Passed notes a member that the translation does not know and that was handed on as it
// came.
func (l *Ledger) Passed(member string) { l.note(FatePassed, member, "", "") }

// Unsupported decides about a member that the dialect cannot express: what is said about
// the request's unsupported_params decides. It returns true when the member is to be sent
// as it came; otherwise the adapter leaves it out, and [Ledger.Refusal] may refuse the
// call. Why is a half sentence without the member's name, as "the Messages API has no
// seed".
func (l *Ledger) Unsupported(member, why string) (pass bool) {
	switch l.call.Unsupported {
	case adapters.UnsupportedPass:
		l.Passed(member)
		return true
	case adapters.UnsupportedDrop:
		l.Dropped(member, why)
	default:
		if slices.ContainsFunc(l.refused, func(r refusal) bool { return r.member == member }) {
			break
		}
		if len(l.refused) == maxNotes {
			l.more++
			break
		}
		l.refused = append(l.refused, refusal{member, why})
	}
	return false
}

// Leftover notes each member of a rest (see proto/wirejson) under the path of its object as
// one that was handed on. An empty path is the request's own.
func (l *Ledger) Leftover(path string, rest []byte) {
	for name := range wirejson.Names(rest) {
		l.Passed(Path(path, name))
	}
}

// HandOn adds the members of a rest to another one and notes each under the path of its
// object. Two objects may become one: of members of the same name, the first stands.
func (l *Ledger) HandOn(path string, into, rest []byte) []byte {
	if len(rest) == 0 {
		return into
	}
	taken := map[string]bool{}
	for name := range wirejson.Names(into) {
		taken[name] = true
	}
	var more []wirejson.Member
	for name, value := range wirejson.All(rest) {
		if taken[name] {
			l.Dropped(Path(path, name), "a member of this name is there already")
			continue
		}
		more = append(more, wirejson.Member{Name: name, Value: value})
		l.Passed(Path(path, name))
	}
	return wirejson.SetAll(into, more)
}

// Path joins a member's name to the path of its object. An empty path is the root.
func Path(path, name string) string {
	if path == "" {
		return name
	}
	return path + "." + name
}

// Item is the path of an element of an array.
func Item(path string, index int) string { return fmt.Sprintf("%s[%d]", path, index) }

// maxNamed bounds how many members a refusal names.
const maxNamed = 8

// Refusal returns the error of a call that has members which the dialect cannot express,
// or nil. Kind says which API that is, as "Anthropic's Messages API".
func (l *Ledger) Refusal(provider, kind string) error {
	if len(l.refused) == 0 {
		return nil
	}
	var members strings.Builder
	for i, r := range l.refused {
		switch {
		case i == maxNamed:
			fmt.Fprintf(&members, " and %d more", len(l.refused)-maxNamed+l.more)
		case i > maxNamed:
			continue
		case i > 0:
			members.WriteString(", ")
		}
		if i < maxNamed {
			fmt.Fprintf(&members, "%q (%s)", clip(r.member), r.why)
		}
	}
	target := provider
	if l.call.Model != "" {
		target += "/" + l.call.Model
	}
	message := fmt.Sprintf("target %q speaks %s, which cannot express %s: leave it out, or choose by unsupported_params, or the header x-sluice-unsupported-params, to drop or to pass it",
		target, kind, members.String())
	class, param := "invalid_request_error", clip(l.refused[0].member)
	return &adapters.Error{
		Kind: adapters.KindUnsupported, Provider: provider, Unsent: true,
		Message: message,
		Envelope: &sluicev1.ErrorEnvelope{Error: &sluicev1.Error{
			Message: message, Type: &class, Param: &param,
			Code: &sluicev1.Error_CodeString{CodeString: "unsupported_parameter"},
		}},
	}
}

// clip bounds a path: the names in it are the caller's.
func clip(path string) string {
	const most = 200
	if len(path) <= most {
		return path
	}
	return strings.ToValidUTF8(path[:most], "") + "..."
}

func (l *Ledger) note(fate, member, to, why string) {
	notes := l.call.Reply.Notes
	if len(notes) > maxNotes {
		return
	}
	member, to = clip(member), clip(to)
	for _, n := range notes {
		if n.GetMember() == member && n.GetFate() == fate && n.GetSide() == l.side && n.GetTo() == to {
			return
		}
	}
	if len(notes) == maxNotes {
		member, to, why = "...", "", "more notes were left out"
		fate = FateDropped
	}
	n := &sluicev1.TranslationNote{Side: l.side, Fate: fate, Member: member}
	if to != "" {
		n.To = &to
	}
	if why != "" {
		n.Why = &why
	}
	l.call.Reply.Notes = append(l.call.Reply.Notes, n)
}
