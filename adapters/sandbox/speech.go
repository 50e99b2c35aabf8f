package sandbox

import (
	"fmt"
	"strings"
)

// text is what the model says, before stops and bounds.
func (t *turn) text(index int) string {
	switch t.model.voice {
	case voiceEcho:
		return t.conversation.last
	case voiceEmpty:
		return ""
	case voiceLong:
		// One more than the bound shows that there was more.
		return longText(min(t.model.length, outputBound(t.req)+1), index)
	case voiceUnicode:
		return unicodeText
	case voiceChat, voiceRefuse, voiceVector:
	}
	plain := t.sentence(index)
	if t.model.spoil && !t.inJSON() {
		return spoiled(t.object(plain))
	}
	if !t.inJSON() {
		return plain
	}
	text := t.object(plain)
	if schema := t.req.GetResponseFormat().GetJsonSchema(); schema != nil {
		text = generateJSON(schema.GetJsonSchema().GetSchema(), t.hints(), plain)
	}
	if t.model.spoil {
		return spoiled(text)
	}
	return text
}

func (t *turn) inJSON() bool {
	format := t.req.GetResponseFormat()
	return t.model.voice == voiceChat && (format.GetJsonObject() != nil || format.GetJsonSchema() != nil)
}

// object is a JSON object for those who ask for any.
func (t *turn) object(answer string) string { return `{"answer":` + quoteJSON(answer) + `}` }

// spoiled cuts JSON so that it does not parse.
func spoiled(text string) string { return strings.TrimRight(text, "]} \n") }

const clipChars = 120

// sentence is the answer of the chat model: a fixed form around the last user
// text, so that tests can expect it.
func (t *turn) sentence(index int) string {
	var b strings.Builder
	c := t.conversation
	switch {
	case len(c.results) > 0:
		for i, r := range c.results {
			if i > 0 {
				b.WriteByte(' ')
			}
			tool := r.tool
			if tool == "" {
				tool = "the tool"
			}
			fmt.Fprintf(&b, "According to %s: %s.", tool, clipLine(r.text, clipChars))
		}
	case strings.TrimSpace(c.last) == "":
		b.WriteString("You said nothing.")
	default:
		fmt.Fprintf(&b, "You said: \"%s\".", clipLine(c.last, clipChars))
	}
	for _, with := range []struct {
		n    int
		noun string
	}{{c.images, "image"}, {c.sounds, "sound"}, {c.files, "file"}} {
		if with.n > 0 {
			fmt.Fprintf(&b, " It came with %s.", plural(with.n, with.noun))
		}
	}
	switch t.req.GetVerbosity() {
	case "low":
	case "high":
		fmt.Fprintf(&b, " I am the sandbox: I know nothing, and answer by rule. This is turn %d of the conversation.", c.turns)
		if c.instructions != "" {
			fmt.Fprintf(&b, " My instructions begin: \"%s\".", clipLine(c.instructions, clipChars))
		}
	default:
		b.WriteString(" I am the sandbox: I know nothing, and answer by rule.")
	}
	if t.req.Seed != nil {
		fmt.Fprintf(&b, " Seed %d.", t.req.GetSeed())
	}
	if index > 0 {
		fmt.Fprintf(&b, " Choice %d.", index)
	}
	return b.String()
}

func plural(n int, noun string) string {
	if n == 1 {
		return "1 " + noun
	}
	return fmt.Sprintf("%d %ss", n, noun)
}

// longText has exactly n tokens.
func longText(n int64, index int) string {
	var b strings.Builder
	for line, tokens := 1+index, int64(0); tokens < n; line++ {
		s := fmt.Sprintf("Line %d of a long answer goes on for as long as the name of the model says.\n", line)
		tokens += countTokens(s)
		b.WriteString(s)
	}
	text, _ := clipTokens(b.String(), n)
	return text
}

// unicodeText has what breaks byte counters, escapers and line splitters.
const unicodeText = "Ünïcödé: 你好，世界。 こんにちは 안녕하세요 Привет שלום مرحبا नमस्ते " +
	"😀 👩‍👩‍👧‍👦 🇪🇺 👍🏽 e\u0301 \u2028 \u2029 \u200b \ufeff <b>&amp;</b> \"quoted\" back\\slash \t tab \r\n 𝔘𝔫𝔦𝔠𝔬𝔡𝔢"
