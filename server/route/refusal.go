package route

import (
	"cmp"
	"fmt"
	"math"
	"strings"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// maxNamed bounds how many names, or targets, a message lists.
const maxNamed = 8

func missing() error {
	return fault.Invalid("model", "model is missing: name a model, as \"gpt-4o-mini\" or \"provider/model\"")
}

// unknown says that none of the names stands for anything.
func unknown(names []string, param string) error {
	text := "the model %s does not exist: GET /v1/models lists what there is"
	if len(names) > 1 {
		text = "none of the models %s exists: GET /v1/models lists what there is"
	}
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND, text, quoted(names)).WithParam(param)
}

// unsupported says of each target that the choices stand for what it lacks.
func (s *search) unsupported(names []string) error {
	var targets []Target
	for _, name := range names {
		if p, ok := s.choice(name); ok {
			targets = append(targets, s.table.all(p, name)...)
		}
	}
	return s.refuse(targets, names, "models")
}

// refuse says of each target what it lacks.
func (s *search) refuse(targets []Target, names []string, param string) error {
	noun := "model "
	if len(names) > 1 {
		noun = "models "
	}
	var reasons []string
	seen := make(map[string]bool)
	for i := range targets {
		if reason := targets[i].refusal(s.q); !seen[reason] {
			seen[reason] = true
			reasons = append(reasons, reason)
		}
	}
	return fault.New(sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED, "no target of the %s can serve this call: %s",
		noun+quoted(names), clipped(reasons, "; ")).WithParam(param)
}

// needs is how many tokens of the context window the call takes at least. An answer
// that the caller does not bound counts as one token, as its length is anybody's guess.
func (q *Query) needs() int64 {
	prompt, output := max(q.PromptTokens, 0), max(q.OutputTokens, 0)
	switch {
	case prompt == 0 && output == 0: // nothing is known
		return 0
	case output == 0:
		output = 1
	}
	if prompt > math.MaxInt64-output {
		return math.MaxInt64
	}
	return prompt + output
}

// doubt is how many times the prompt must be longer than a window of [Facts], by an
// estimate at 4 bytes per token, before that says anything: there are texts with 8 bytes
// per token, hardly any with more, and a provider that finds the prompt too long says so.
const doubt = 2

// serves tells whether t is able to serve the call.
func (t *Target) serves(q *Query) bool {
	return t.missing(q) == 0 && (t.ContextWindow == 0 || q.needs() <= t.ContextWindow)
}

// tooLong tells whether the prompt does not fit by what is only known of t.
func (t *Target) tooLong(q *Query) bool {
	return t.ContextWindow == 0 && t.Facts.ContextWindow > 0 && q.PromptTokens/doubt > t.Facts.ContextWindow
}

// missing are the features that the call needs and t lacks.
func (t *Target) missing(q *Query) Feature {
	lacks := t.Lacks
	if lacks == 0 && !q.Unverified {
		lacks = t.Facts.Lacks
	}
	return lacks & q.Features
}

// Window is how many tokens prompt and answer may have together. 0: not known.
func (t *Target) Window() int64 { return cmp.Or(t.ContextWindow, t.Facts.ContextWindow) }

// price returns that of t. ok is false when it is not known.
func (t *Target) price() (p Price, ok bool) {
	if t.Price != nil {
		return *t.Price, true
	}
	return t.Facts.Price, t.Facts.Priced
}

// refusal says why t, whose model is resolved, does not serve the call.
func (t *Target) refusal(q *Query) string {
	model := t.Model
	if !plain(model) {
		model = fault.Quote(model)
	}
	text := t.Provider + "/" + model
	lacks := t.missing(q)
	if lacks != 0 {
		text += " lacks " + lacks.String()
		if t.Lacks == 0 {
			text += " (so the catalog of models, which catalog.file of the configuration changes)"
		}
	}
	if t.ContextWindow == 0 || q.needs() <= t.ContextWindow {
		return text
	}
	if lacks != 0 {
		text += " and"
	}
	if q.OutputTokens > 0 {
		return text + fmt.Sprintf(" has a context window of %d tokens, the prompt is about %d and the answer may have %d", t.ContextWindow, max(q.PromptTokens, 0), q.OutputTokens)
	}
	return text + fmt.Sprintf(" has a context window of %d tokens and the prompt is about %d", t.ContextWindow, q.PromptTokens)
}

// plain tells whether a model's id may stand in a message as it is: it may be the
// caller's text.
func plain(model string) bool {
	const longest = 64 // as fault.Quote's
	for i := range len(model) {
		if model[i] <= ' ' || model[i] > '~' || model[i] == '"' {
			return false
		}
	}
	return len(model) <= longest
}

func quoted(names []string) string {
	list := make([]string, 0, min(len(names), maxNamed+1))
	for _, name := range names {
		if list = append(list, fault.Quote(name)); len(list) > maxNamed {
			break
		}
	}
	if len(names) > maxNamed {
		return strings.Join(list[:maxNamed], ", ") + fmt.Sprintf(" and %d more", len(names)-maxNamed)
	}
	return strings.Join(list, ", ")
}

func clipped(reasons []string, separator string) string {
	if len(reasons) > maxNamed {
		return strings.Join(reasons[:maxNamed], separator) + fmt.Sprintf("%sand %d more", separator, len(reasons)-maxNamed)
	}
	return strings.Join(reasons, separator)
}
