package sandbox

import (
	"iter"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// progress says how far a stream is with a chunk.
type progress int

const (
	progressFrame progress = iota // no token: role, start of a call
	progressPiece                 // one token of the answer
	progressEnd                   // a finish reason, or what follows all of them
)

// step is a change to a choice, for one chunk.
type step struct {
	delta    *sluicev1.Delta
	progress progress
	// token is the piece of content or refusal, for its log probability.
	token  string
	finish string
}

// stream calls emit with each chunk in order: per choice the role, the tokens and
// the finish reason, choices in turn; then moderation when asked for, then the
// usage. emit says whether to go on. Whole tells that the stream came to its end.
func (a *answer) stream(emit func(*sluicev1.ChatCompletionChunk, progress) (bool, error)) (whole bool, err error) {
	next := make([]func() (step, bool), len(a.choices))
	for i, c := range a.choices {
		var stop func()
		next[i], stop = iter.Pull(c.steps())
		defer stop()
	}
	for running := len(next); running > 0; {
		for i, advance := range next {
			if advance == nil {
				continue
			}
			s, more := advance()
			if !more {
				next[i] = nil
				running--
				continue
			}
			if on, err := emit(a.stepChunk(a.choices[i], s), s.progress); err != nil || !on {
				return false, err
			}
		}
	}
	if m := a.moderate(); m != nil {
		chunk := a.chunk()
		chunk.Moderation = m
		if on, err := emit(chunk, progressEnd); err != nil || !on {
			return false, err
		}
	}
	last := a.chunk()
	last.Usage, last.Rest = a.usage(), nil
	return emit(last, progressEnd)
}

// chunk is an empty chunk of the stream.
func (a *answer) chunk() *sluicev1.ChatCompletionChunk {
	chunk := &sluicev1.ChatCompletionChunk{
		Id: a.id, Object: "chat.completion.chunk", Created: epoch, Model: a.model,
		ServiceTier: new(a.tier), SystemFingerprint: new(systemFingerprint),
	}
	if a.nullUsage {
		// OpenAI API reference, "stream_options": all other chunks have a null usage.
		chunk.Rest = []byte(`{"usage":null}`)
	}
	return chunk
}

func (a *answer) stepChunk(c *choice, s step) *sluicev1.ChatCompletionChunk {
	chunk := a.chunk()
	part := &sluicev1.ChunkChoice{Index: int64(c.index), Delta: s.delta}
	if s.token != "" && a.topLogprobs >= 0 {
		part.Logprobs = a.tokenLogprobs(s.token, s.delta.Refusal != nil)
	}
	if s.finish != "" {
		part.FinishReason = new(s.finish)
	}
	chunk.Choices = []*sluicev1.ChunkChoice{part}
	if a.obfuscate {
		chunk.Obfuscation = new(a.padding(s.token))
	}
	return chunk
}

// paddedTo is the size that obfuscation rounds a token up to.
const paddedTo = 16

func (a *answer) padding(token string) string {
	n := paddedTo - len(token)%paddedTo
	return a.digest.id("", len(token), n)
}

// steps are the changes that make the choice's message, its finish reason last.
func (c *choice) steps() iter.Seq[step] {
	return func(yield func(step) bool) {
		role := &sluicev1.Delta{Role: new("assistant")}
		if c.written {
			role.Content = new("")
		} else {
			role.Rest = []byte(`{"content":null}`)
		}
		_ = yield(step{delta: role}) &&
			c.writeSteps(yield) &&
			c.audioSteps(yield) &&
			c.callSteps(yield) &&
			c.citeSteps(yield) &&
			yield(step{delta: &sluicev1.Delta{}, finish: c.finish, progress: progressEnd})
	}
}

func (c *choice) writeSteps(yield func(step) bool) bool {
	if c.audio == nil {
		for token := range tokens(c.text) {
			if !yield(step{delta: &sluicev1.Delta{Content: new(token)}, token: token, progress: progressPiece}) {
				return false
			}
		}
	}
	for token := range tokens(c.refusal) {
		if !yield(step{delta: &sluicev1.Delta{Refusal: new(token)}, token: token, progress: progressPiece}) {
			return false
		}
	}
	return true
}

func (c *choice) audioSteps(yield func(step) bool) bool {
	if c.audio == nil {
		return true
	}
	speak := func(d *sluicev1.AudioDelta, p progress) bool {
		return yield(step{delta: &sluicev1.Delta{Audio: d}, progress: p})
	}
	if !speak(&sluicev1.AudioDelta{Id: new(c.audio.id)}, progressFrame) {
		return false
	}
	for token := range tokens(c.text) {
		if !speak(&sluicev1.AudioDelta{Transcript: new(token)}, progressPiece) {
			return false
		}
	}
	for piece := range c.audio.pieces() {
		if !speak(&sluicev1.AudioDelta{Data: new(piece)}, progressFrame) {
			return false
		}
	}
	return speak(&sluicev1.AudioDelta{ExpiresAt: new(audioExpiry)}, progressFrame)
}

func (c *choice) callSteps(yield func(step) bool) bool {
	for i, call := range c.calls {
		if !yield(step{delta: call.delta(i, "", true)}) {
			return false
		}
		for token := range tokens(call.input) {
			if !yield(step{delta: call.delta(i, token, false), progress: progressPiece}) {
				return false
			}
		}
	}
	return true
}

func (c *choice) citeSteps(yield func(step) bool) bool {
	cited := c.annotations()
	return cited == nil || yield(step{delta: &sluicev1.Delta{Annotations: cited}})
}

// delta adds a piece of input to the call at a position; the first one opens it.
func (t *toolCall) delta(index int, piece string, first bool) *sluicev1.Delta {
	var id, kind, name *string
	if first {
		id, name, kind = new(t.id), new(t.name), new("function")
		if t.custom {
			kind = new("custom")
		}
	}
	input := new(piece)
	if t.legacy {
		return &sluicev1.Delta{FunctionCall: &sluicev1.FunctionCallDelta{Name: name, Arguments: input}}
	}
	d := &sluicev1.ToolCallDelta{Index: int64(index), Id: id, Type: kind}
	if t.custom {
		d.Custom = &sluicev1.CustomCallDelta{Name: name, Input: input}
	} else {
		d.Function = &sluicev1.FunctionCallDelta{Name: name, Arguments: input}
	}
	return &sluicev1.Delta{ToolCalls: []*sluicev1.ToolCallDelta{d}}
}

// tokens splits a text.
func tokens(s string) iter.Seq[string] {
	return func(yield func(string) bool) {
		for s != "" {
			n := tokenEnd(s)
			if !yield(s[:n]) {
				return
			}
			s = s[n:]
		}
	}
}

// pieces counts the tokens that a stream would send one by one.
func (a *answer) pieces() int64 {
	n := int64(0)
	for _, c := range a.choices {
		n += countTokens(c.text) + countTokens(c.refusal)
		for _, call := range c.calls {
			n += countTokens(call.input)
		}
	}
	return n
}
