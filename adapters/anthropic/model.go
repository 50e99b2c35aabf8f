package anthropic

import (
	"regexp"
	"strconv"
	"strings"
)

// traits is what the dialect needs to know about a model, because the API refuses, and
// does not ignore, what a model does not have.
//
// Sources: platform.claude.com/docs, "Thinking", "Effort", "Mid-conversation system
// messages", "What's new" of Opus 5.5 and the migration guides; model ids of the official
// Go SDK v1.84.0; 2026-11.
type traits struct {
	// adaptive: thinking is {"type": "adaptive"}, and output_config.effort says how much.
	// Otherwise it has a budget of tokens.
	adaptive bool
	// thinks: there is thinking at all.
	thinks bool
	// off is the type of thinking that turns it off. Empty: it is off unless asked for.
	// "-": it cannot be turned off.
	off string
	// xhigh and max: output_config.effort has these.
	xhigh, max bool
	// samples: temperature, top_p and top_k may differ from their defaults.
	samples bool
	// systemTurns: system messages may stand inside of the conversation.
	systemTurns bool
	// maxTokens is the largest max_tokens.
	maxTokens int64
}

// always stands in traits.off for models that cannot but think.
const always = "-"

// fallbackMaxTokens is the largest max_tokens of the oldest models (Claude 3), so that any
// takes it.
const fallbackMaxTokens = 4096

var (
	newStyle = regexp.MustCompile(`claude-([a-z]+)-(\d{1,2})(?:[-.](\d{1,2}))?(?:$|[^\d])`)
	oldStyle = regexp.MustCompile(`claude-(\d)(?:[-.](\d))?-([a-z]+)`)
)

// traitsOf goes by the name. Names that nobody knows are those of newer models, or of
// somebody's own, and get what the newest have.
func traitsOf(model string) traits {
	model = strings.ToLower(model)
	var family string
	var version int
	if m := newStyle.FindStringSubmatch(model); m != nil {
		family, version = m[1], number(m[2])*100+number(m[3])
	} else if m := oldStyle.FindStringSubmatch(model); m != nil {
		family, version = m[3], number(m[1])*100+number(m[2])
	} else if strings.Contains(model, "claude-mythos-preview") {
		return traits{adaptive: true, thinks: true, off: always, max: true, samples: true, maxTokens: 128000}
	} else {
		return traits{adaptive: true, thinks: true, off: "disabled", xhigh: true, max: true, samples: true, maxTokens: fallbackMaxTokens}
	}
	always5 := family == "fable" || family == "mythos"
	t := traits{
		adaptive:    version >= 406,
		thinks:      version >= 307,
		max:         version >= 406,
		xhigh:       version >= 407,
		samples:     version < 407,
		systemTurns: version >= 505 || family == "opus" && version >= 408 || always5 && version >= 501,
		maxTokens:   maxTokensOf(family, version),
	}
	switch {
	case version < 500: // off unless asked for
	case always5 || family == "opus" && version >= 505:
		t.off = always
	case family == "sonnet" && version >= 505:
		t.off = "between_tools"
	default:
		t.off = "disabled"
	}
	return t
}

// maxTokensOf is the models' page of the documentation, 2026-11, and its older versions.
func maxTokensOf(family string, version int) int64 {
	switch {
	case version >= 406:
		return 128000
	case version >= 405:
		return 64000
	case version >= 400 && family == "opus":
		return 32000
	case version >= 307:
		return 64000
	case version >= 305:
		return 8192
	}
	return fallbackMaxTokens
}

func number(digits string) int {
	n, _ := strconv.Atoi(digits)
	return n
}
