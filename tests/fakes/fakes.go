// Package fakes says what the fake providers below it have in common: what they answer, so
// that a question has the same answer in every dialect, and how they keep what they
// received. A fake knows its dialect's wire, by the types of the provider's official SDK,
// and nothing of Sluice.
package fakes

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Question is what a request comes to, whatever dialect it was asked in.
type Question struct {
	// System are the instructions, in order, wherever they stood.
	System []string
	// Text is that of the last turn of the user, its parts joined.
	Text string
	// Media are the parts of that turn that are no text.
	Media []Medium
	// Turns is how many turns the conversation has, instructions left out.
	Turns int
	// Tools are what may be called; empty also when the request forbids calls.
	Tools []Tool
	// Chosen is the tool that must be called. Empty: whichever.
	Chosen string
	// Serial forbids several calls at once.
	Serial bool
	// Results are those of tools behind the last turn of the assistant.
	Results []string
	// Schema is the JSON Schema that the answer must satisfy. Nil: none.
	Schema json.RawMessage
	// JSON asks for JSON of any form.
	JSON bool
	// Thinks asks to tell the thoughts.
	Thinks bool
	// MaxTokens bounds the answer. 0: nothing does.
	MaxTokens int64
	// Stops end the answer where one of them would stand.
	Stops []string
	// Settings are other members that say how to answer, by names that all dialects share.
	Settings map[string]string
}

// Tool is a function that the model may call.
type Tool struct {
	Name   string
	Schema json.RawMessage
}

// Medium is a part of a turn that is no text.
type Medium struct {
	// Kind is "image", "document" or "sound".
	Kind string
	// Type is its media type, or what the dialect has instead.
	Type string
	// Size is in bytes. URL stands in where there are none.
	Size int
	URL  string
}

// Answer is what comes back, whatever dialect it is told in.
type Answer struct {
	// Thought is what was thought before, and Signature what the provider wants to see
	// again beside it. Empty: nothing was.
	Thought, Signature string
	Text               string
	Calls              []Call
	End                End
	// Stopped is the stop sequence that ended it.
	Stopped string
	// Native is the dialect's own reason for the end, where a question asked for one.
	Native string
	// Hangs says that nothing comes behind the first piece.
	Hangs bool
	Usage Usage
}

// Call is the call of a tool.
type Call struct {
	ID, Name  string
	Arguments json.RawMessage
}

// End is why an answer ended.
type End int

// The ends.
const (
	EndTurn End = iota
	EndLength
	EndStop
	EndCalls
)

// Usage is what an answer costs in tokens. Its numbers differ from each other, so that none
// can be taken for another.
type Usage struct {
	// Fresh, Cached and Written are the parts of the input; Visible and Thought those of the
	// output.
	Fresh, Cached, Written, Visible, Thought int64
}

// Input is the whole input.
func (u Usage) Input() int64 { return u.Fresh + u.Cached + u.Written }

// Output is the whole output.
func (u Usage) Output() int64 { return u.Visible + u.Thought }

const (
	thought   = "The user wants something, and I know what."
	signature = "c2lnbmF0dXJlIG9mIHRoZSB0aG91Z2h0" // base64, as all dialects have it
)

// Signature is that of all thoughts.
const Signature = signature

// Trigger returns the name behind a word like "error" or "stop" in a question that consists
// of both, and "" in all others.
func (q Question) Trigger(word string) string {
	name, ok := strings.CutPrefix(q.Text, word+" ")
	if !ok || strings.Contains(name, " ") {
		return ""
	}
	return name
}

// Answer returns the answer.
func (q Question) Answer() Answer {
	a := Answer{Usage: Usage{Fresh: 11, Cached: 7, Written: 3, Visible: 4}}
	if q.Thinks {
		a.Thought, a.Signature, a.Usage.Thought = thought, signature, 5
	}
	switch {
	case q.Text == "hang" && len(q.Results) == 0:
		a.Text, a.Hangs = "One moment", true
	case q.Trigger("stop") != "":
		a.Text, a.Native = "Stopped.", q.Trigger("stop")
	case len(q.Results) > 0:
		a.Text = strings.Join(q.Results, ". ") + "."
	case len(q.Tools) > 0:
		a.Calls, a.End = q.calls(), EndCalls
		return a
	case q.Schema != nil:
		a.Text = string(Fitting(q.Schema, "Paris"))
	case q.JSON:
		a.Text = `{"said":` + quote(q.Text) + `}`
	case len(q.Media) > 0:
		a.Text = describe(q.Media)
	case q.Text == "Which instructions do you have?":
		a.Text = "Mine are: " + strings.Join(q.System, " | ")
	case q.Text == "Which settings do you have?":
		a.Text = "Mine are:"
		for _, name := range slices.Sorted(maps.Keys(q.Settings)) {
			a.Text += " " + name + "=" + q.Settings[name]
		}
	case q.Text == "How many turns?":
		a.Text = fmt.Sprintf("This is turn %d.", q.Turns)
	case q.Text == "long":
		a.Text = strings.TrimSpace(strings.Repeat("and so on ", 40))
	default:
		a.Text = "You said: " + q.Text
	}
	q.cut(&a)
	return a
}

// cut ends an answer where the question wants it to end. A word is a token.
func (q Question) cut(a *Answer) {
	for _, stop := range q.Stops {
		if at := strings.Index(a.Text, stop); at >= 0 && stop != "" {
			a.Text, a.End, a.Stopped = a.Text[:at], EndStop, stop
		}
	}
	if words := strings.SplitAfter(a.Text, " "); q.MaxTokens > 0 && int64(len(words)) > q.MaxTokens {
		a.Text, a.End, a.Stopped = strings.TrimSpace(strings.Join(words[:q.MaxTokens], "")), EndLength, ""
	}
}

// calls asks for one call, or two when the question is about two cities.
func (q Question) calls() []Call {
	tool := q.Tools[0]
	for _, t := range q.Tools {
		if t.Name == q.Chosen {
			tool = t
		}
	}
	cities := []string{"Paris"}
	if strings.Contains(q.Text, "Paris and Rome") && !q.Serial {
		cities = []string{"Paris", "Rome"}
	}
	calls := make([]Call, len(cities))
	for i, city := range cities {
		calls[i] = Call{ID: fmt.Sprintf("call_%d", i+1), Name: tool.Name, Arguments: Fitting(tool.Schema, city)}
	}
	return calls
}

func describe(media []Medium) string {
	var said []string
	for _, m := range media {
		if m.URL != "" {
			said = append(said, fmt.Sprintf("the %s at %s", m.Kind, m.URL))
		} else {
			said = append(said, fmt.Sprintf("the %s of %d bytes (%s)", m.Kind, m.Size, m.Type))
		}
	}
	return "I see " + strings.Join(said, " and ")
}

func quote(text string) string {
	b, err := json.Marshal(text)
	if err != nil {
		panic(err) // a string
	}
	return string(b)
}

// Pieces cuts a text as a stream does, at the borders of runes.
func Pieces(text string) []string {
	const size = 7
	var pieces []string
	for runes := []rune(text); len(runes) > 0; {
		n := min(size, len(runes))
		pieces = append(pieces, string(runes[:n]))
		runes = runes[n:]
	}
	return pieces
}
