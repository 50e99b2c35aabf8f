package usage

import (
	"bytes"
	"encoding/json"
	"log/slog"
	"maps"
	"slices"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters/translate"
)

// What the contract calls its members may stand in the log, what a caller calls them not:
// a name may be a piece of a prompt.
func TestLog_names_changed_members_but_none_that_a_caller_invented(t *testing.T) {
	const secret = "the prompt"
	var notes []*sluicev1.TranslationNote
	note := func(side, fate string, members ...string) {
		for _, m := range members {
			notes = append(notes, &sluicev1.TranslationNote{Side: side, Fate: fate, Member: m})
		}
	}
	note(translate.SideRequest, translate.FateDropped, "seed", "messages[12].content[0].image_url.detail", "stream_options."+secret, secret, "user."+secret+".seed", "messages["+secret+"].name", "")
	note(translate.SideRequest, translate.FatePassed, secret, "seed")
	note(translate.SideRequest, translate.FateCoerced, "stop")
	note(translate.SideResponse, translate.FateDropped, secret)
	note(translate.SideResponse, translate.FateRenamed, slices.Repeat([]string{"usage"}, maxLoggedItems+1)...)
	var out bytes.Buffer
	r := receipt()
	r.Translation = notes
	NewLog(slog.New(slog.NewJSONHandler(&out, nil))).Record(r)
	var line struct{ Translation map[string][]string }
	if err := json.Unmarshal(out.Bytes(), &line); err != nil || strings.Contains(out.String(), secret) {
		t.Fatalf("%v in %s", err, out.String())
	}
	want := map[string][]string{
		"request_dropped":  {"seed", "messages[12].content[0].image_url.detail", "stream_options", "user"},
		"request_passed":   nil,
		"request_coerced":  {"stop"},
		"response_dropped": nil,
		"response_renamed": slices.Repeat([]string{"usage"}, maxLoggedItems),
	}
	if !maps.EqualFunc(line.Translation, want, slices.Equal) {
		t.Errorf("%v, want %v", line.Translation, want)
	}
}
