package sandbox

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

const (
	finishStop     = "stop"
	finishLength   = "length"
	finishFilter   = "content_filter"
	finishTools    = "tool_calls"
	finishFunction = "function_call"
)

// answer is a finished answer before it takes the form of a completion or of
// chunks: both are made from it alone, so that they say the same.
type answer struct {
	digest  digest
	id      string
	model   string
	tier    string
	choices []*choice

	promptTokens, promptAudio int64
	accepted, rejected        int64 // tokens of the prediction

	// topLogprobs is the number of alternatives per token, negative for no log
	// probabilities at all.
	topLogprobs int
	moderation  *sluicev1.ModerationOptions
	input       string // what is moderated beside the output

	nullUsage, obfuscate bool // of a stream
}

// choice is one choice of an answer.
type choice struct {
	index int
	// text is the content when written, the transcript when audio is set.
	text string
	// written tells content "" from no content.
	written  bool
	refusal  string
	calls    []toolCall
	audio    *sound
	citation *sluicev1.UrlCitation
	finish   string
	// tokens of all parts, reasoning included.
	tokens, reasoning int64
}

// toolCall is a call of a tool, or of a function in the deprecated form.
type toolCall struct {
	id, name, input string
	custom, legacy  bool
}

// turn is a request being answered.
type turn struct {
	req          *sluicev1.ChatCompletionRequest
	model        *model
	digest       digest
	conversation *conversation
	tools        []tool
	called       []tool // those that the answer calls
	read         *hints // see hints
}

// hints are those of the last user text, read once and only when needed.
func (t *turn) hints() *hints {
	if t.read == nil {
		t.read = readHints(t.conversation.last)
	}
	return t.read
}

// compose answers a request that [sandbox.check] let through.
func compose(req *sluicev1.ChatCompletionRequest, m *model, d digest) *answer {
	t := &turn{req: req, model: m, digest: d, conversation: readConversation(req.GetMessages()), tools: toolsOf(req)}
	if m.voice == voiceChat {
		t.called = t.choose()
	}
	a := &answer{
		digest: d, id: d.id("chatcmpl-", 0, 29), model: m.id, tier: tierOf(req),
		promptTokens: promptTokens(t.conversation, req, t.tools), promptAudio: t.conversation.audioTokens,
		topLogprobs: -1,
		moderation:  req.GetModeration(), input: t.conversation.last,
		nullUsage: req.GetStreamOptions().GetIncludeUsage(), obfuscate: req.GetStreamOptions().GetIncludeObfuscation(),
	}
	if req.GetLogprobs() {
		a.topLogprobs = int(req.GetTopLogprobs())
	}
	for i := range choiceCount(req) {
		c := t.choice(i)
		a.choices = append(a.choices, c)
		accepted, rejected := predicted(req.GetPrediction(), c.text)
		a.accepted += accepted
		a.rejected += rejected
	}
	a.block()
	return a
}

func choiceCount(req *sluicev1.ChatCompletionRequest) int { return int(max(req.GetN(), 1)) }

// tierOf is the tier that serves the request.
//
// Source: OpenAI API reference, "service_tier": auto becomes default, fast is
// answered as priority.
func tierOf(req *sluicev1.ChatCompletionRequest) string {
	switch tier := req.GetServiceTier(); tier {
	case "", "auto":
		return "default"
	case "fast":
		return "priority"
	default:
		return tier
	}
}

func (t *turn) choice(index int) *choice {
	c := &choice{index: index, finish: finishStop, reasoning: t.reasoning()}
	switch {
	case t.model.voice == voiceRefuse:
		c.refusal = "I am the sandbox's model for refusals, so I decline."
	case len(t.called) > 0:
		t.call(c)
	default:
		t.write(c)
	}
	if t.model.finish != "" {
		c.bound(t.model.length + c.reasoning)
	}
	if c.bound(outputBound(t.req)); t.model.finish != "" {
		c.finish = t.model.finish
	}
	if c.audio != nil {
		c.audio.record(c.text)
	}
	return c
}

// write gives the choice its text.
func (t *turn) write(c *choice) {
	c.text, c.written = t.text(c.index), true
	if t.req.GetWebSearchOptions() != nil && !t.inJSON() {
		c.cite(t.conversation.last)
	}
	c.text = cutAtStop(t.req, c.text)
	if wantsAudio(t.req) {
		c.written = false
		c.audio = newSound(t.req.GetAudio(), t.digest.id("audio_", c.index, 24))
	}
}

// cutAtStop cuts the text before the stop text that is complete first, as a model
// that writes from left to right would.
func cutAtStop(req *sluicev1.ChatCompletionRequest, text string) string {
	stops := req.GetStopTexts().GetValues()
	if stop := req.GetStopText(); stop != "" {
		stops = []string{stop}
	}
	cut, end := len(text), len(text)+1
	for _, stop := range stops {
		at := strings.Index(text, stop)
		if stop == "" || at < 0 || at+len(stop) > end || at+len(stop) == end && at > cut {
			continue
		}
		cut, end = at, at+len(stop)
	}
	return text[:cut]
}

// outputBound is how many tokens a choice may have.
func outputBound(req *sluicev1.ChatCompletionRequest) int64 {
	most := int64(maxOutputTokens)
	if req.GetLogprobs() {
		most = maxLogprobTokens
	}
	most /= int64(choiceCount(req))
	if req.MaxTokens != nil {
		most = min(most, req.GetMaxTokens())
	}
	if req.MaxCompletionTokens != nil {
		most = min(most, req.GetMaxCompletionTokens())
	}
	return most
}

// bound cuts the choice to at most most tokens and counts those that are left.
func (c *choice) bound(most int64) {
	left, whole := most, true
	spend := func(s string) string {
		kept, n := clipTokens(s, left)
		left -= n
		whole = whole && len(kept) == len(s)
		return kept
	}
	if c.reasoning > left {
		c.reasoning, whole = left, false
	}
	left -= c.reasoning
	c.text = spend(c.text)
	c.refusal = spend(c.refusal)
	for i := range c.calls {
		if spend(c.calls[i].name) != c.calls[i].name {
			c.calls = c.calls[:i]
			break
		}
		c.calls[i].input = spend(c.calls[i].input)
	}
	c.tokens = most - left
	if !whole {
		c.finish = finishLength
	}
	if c.citation != nil && int64(utf8.RuneCountInString(c.text)) <= c.citation.GetEndIndex() {
		c.citation = nil
	}
}

// cite adds a source to the text.
func (c *choice) cite(about string) {
	at := int64(utf8.RuneCountInString(c.text)) + 1
	address := "https://example.com/search?q=" + url.QueryEscape(clipLine(about, 40))
	mark := "([example.com](" + address + "))"
	c.text += " " + mark
	c.citation = &sluicev1.UrlCitation{
		Url: address, Title: "An example",
		StartIndex: at, EndIndex: at + int64(utf8.RuneCountInString(mark)) - 1,
	}
}

// reasoning is how many tokens the model thinks.
func (t *turn) reasoning() int64 {
	switch t.req.GetReasoningEffort() {
	case "none":
		return 0
	case "minimal":
		return 8
	case "low":
		return 32
	case "medium":
		return 64
	case "high":
		return 128
	case "xhigh":
		return 256
	case "max":
		return 512
	}
	return t.model.reasoning
}

// predicted counts which tokens of the prediction are in the text.
func predicted(p *sluicev1.Prediction, text string) (accepted, rejected int64) {
	if p == nil {
		return 0, 0
	}
	have := map[string]int64{}
	for text != "" {
		n := tokenEnd(text)
		have[text[:n]]++
		text = text[n:]
	}
	guess := new(conversation).read(p)
	for guess != "" {
		n := tokenEnd(guess)
		if have[guess[:n]] > 0 {
			have[guess[:n]]--
			accepted++
		} else {
			rejected++
		}
		guess = guess[n:]
	}
	return accepted, rejected
}

// usage counts the whole answer. A new message each time: a receiver owns it.
func (a *answer) usage() *sluicev1.Usage {
	completion, reasoning, spoken := a.rejected, int64(0), int64(0)
	for _, c := range a.choices {
		completion += c.tokens
		reasoning += c.reasoning
		if c.audio != nil {
			spoken += c.tokens - c.reasoning
		}
	}
	return &sluicev1.Usage{
		PromptTokens: a.promptTokens, CompletionTokens: completion, TotalTokens: a.promptTokens + completion,
		PromptTokensDetails: &sluicev1.PromptTokensDetails{
			CachedTokens: proto.Int64(0), AudioTokens: new(a.promptAudio),
		},
		CompletionTokensDetails: &sluicev1.CompletionTokensDetails{
			ReasoningTokens: new(reasoning), AudioTokens: new(spoken),
			AcceptedPredictionTokens: new(a.accepted), RejectedPredictionTokens: new(a.rejected),
		},
	}
}
