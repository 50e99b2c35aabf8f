package gateway

import (
	"fmt"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
	"github.com/sluice-ai/sluice/server/fault"
)

// saidUnsupported reads what the caller's header says about members that a target cannot
// express. said is false without one, ok is false for a word that nobody knows.
func (t *ticket) saidUnsupported() (chosen adapters.Unsupported, said, ok bool) {
	if t.call.Value == nil {
		return 0, false, true
	}
	text := t.call.Value(HeaderUnsupported)
	if text == "" {
		return 0, false, true
	}
	chosen, ok = adapters.ParseUnsupported(strings.ToLower(strings.TrimSpace(text)))
	return chosen, true, ok
}

// chooseUnsupported lets the caller's header stand in for what the providers' settings say.
func (t *ticket) chooseUnsupported() error {
	chosen, said, ok := t.saidUnsupported()
	if !ok {
		return fault.Invalid(HeaderUnsupported, "the header %s is none of error, drop and pass", HeaderUnsupported)
	}
	for i := range t.targets {
		if said {
			t.targets[i].Unsupported = chosen
		}
	}
	return nil
}

// tries tells whether the caller would rather have an answer without what the provider
// does not have than none.
func (t *ticket) tries() bool {
	chosen, _, ok := t.saidUnsupported()
	return ok && chosen != adapters.UnsupportedError
}

// maxSummaryBytes bounds the header that says what became of members.
const maxSummaryBytes = 1 << 10

// fates are those of notes, the ones that matter most first: a summary may be cut.
var fates = [...]string{
	translate.FateDropped, translate.FateApproximated, translate.FatePassed, translate.FateCoerced, translate.FateRenamed,
}

// summary says in one line of printable ASCII what notes say, as
// "dropped=user; renamed=max_completion_tokens>max_tokens; response.coerced=...".
func summary(notes []*sluicev1.TranslationNote) string {
	var line strings.Builder
	left := 0
	for _, side := range [...]string{translate.SideRequest, translate.SideResponse} {
		for _, fate := range fates {
			begun := false
			for _, n := range notes {
				if n.GetSide() != side || n.GetFate() != fate {
					continue
				}
				item := n.GetMember()
				if n.GetTo() != "" {
					item += ">" + n.GetTo()
				}
				before := ","
				if !begun {
					before = "; " + fate + "="
					if side == translate.SideResponse {
						before = "; " + side + "." + fate + "="
					}
				}
				if line.Len()+len(before)+len(item) > maxSummaryBytes-len("; and 1000 more") {
					left++
					continue
				}
				begun = true
				line.WriteString(before)
				line.WriteString(strings.Map(visible, item))
			}
		}
	}
	if left > 0 {
		fmt.Fprintf(&line, "; and %d more", left)
	}
	return strings.TrimPrefix(line.String(), "; ")
}

// visible keeps names that callers chose from ending a header, or an element of the line.
func visible(r rune) rune {
	if r < '!' || r > '~' || r == ';' || r == ',' || r == '=' {
		return '?'
	}
	return r
}
