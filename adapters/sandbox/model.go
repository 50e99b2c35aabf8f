package sandbox

import (
	"context"
	"encoding/json"
	"strconv"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// voice is what a model says when nothing goes wrong.
type voice int

const (
	voiceChat    voice = iota // a short answer, tools and forms obeyed
	voiceEcho                 // the last user text
	voiceEmpty                // nothing
	voiceLong                 // a given number of tokens
	voiceRefuse               // a refusal
	voiceUnicode              // many scripts
	voiceVector               // no chat: embeddings
)

// breaking is how a stream ends when it does not end well.
type breaking int

const (
	breakNone breaking = iota
	breakCut
	breakError
	breakHang
)

// model is what a model's name says. Built per call from the name: any number of
// names are models.
type model struct {
	id, doc string
	voice   voice
	// length is the number of tokens of voiceLong, or where finish cuts.
	length int64
	// finish replaces the finish reason, after length tokens.
	finish string
	// reasoning is the number of reasoning tokens unless the request says otherwise.
	reasoning int64
	// spoil makes JSON invalid.
	spoil bool
	// fail answers with an error instead, for percent of all requests.
	fail    *failure
	percent uint64
	// first is the wait before the answer, between the one before each further token.
	first, between time.Duration
	hang           bool
	// breakAfter is the number of tokens before the stream breaks.
	breaking   breaking
	breakAfter int64
}

// family is a group of models of one form of name.
type family struct {
	name string
	// argument names what may follow the name and "-"; empty when nothing may.
	argument string
	doc      string
	// listed are the arguments under which ListModels shows the family; nil means
	// the bare name.
	listed []string
	// build returns the model of an argument, "" for the bare name.
	build func(argument string) (model, bool)
}

// The bounds of what a name may ask for.
const (
	maxOutputTokens  = 100_000
	maxLogprobTokens = 10_000
	maxDelay         = 10 * time.Minute
)

// DefaultModel answers calls that name no model.
const DefaultModel = "chat"

var families = []family{
	{
		name: "chat", doc: "Answers in a sentence or two; calls tools, obeys JSON schemas. The default.",
		build: only(model{}),
	},
	{
		name: "echo", doc: "Answers with the text of the last user message, unchanged; ignores tools and response_format.",
		build: only(model{voice: voiceEcho}),
	},
	{
		name: "embed", doc: "Embeds: 1536 dimensions, or 1 to 3072 as asked.",
		build: only(model{voice: voiceVector}),
	},
	{
		name: "reason", doc: "As chat, with 64 reasoning tokens unless reasoning_effort says otherwise.",
		build: only(model{reasoning: 64}),
	},
	{
		name: "long", argument: "TOKENS", doc: "Answers with 4000 tokens, or as many as the name says, up to 100000.",
		build: counted(4000, 1, maxOutputTokens, func(n int64) model { return model{voice: voiceLong, length: n} }),
	},
	{
		name: "unicode", doc: "Answers in many scripts, with emoji, joiners, right-to-left text and JSON's awkward characters.",
		build: only(model{voice: voiceUnicode}),
	},
	{
		name: "empty", doc: "Answers with empty content.",
		build: only(model{voice: voiceEmpty}),
	},
	{
		name: "refuse", doc: "Answers with a refusal instead of content.",
		build: only(model{voice: voiceRefuse}),
	},
	{
		name: "length", argument: "TOKENS", doc: "As chat, cut after 8 tokens, or as many as the name says: finish_reason length.",
		build: counted(8, 0, maxOutputTokens, func(n int64) model { return model{length: n, finish: finishLength} }),
	},
	{
		name: "filtered", argument: "TOKENS", doc: "As chat, cut after 4 tokens, or as many as the name says: finish_reason content_filter.",
		build: counted(4, 0, maxOutputTokens, func(n int64) model { return model{length: n, finish: finishFilter} }),
	},
	{
		name: "filtered-input", doc: "Refuses the input by policy: status 400, code content_filter.",
		build: only(model{fail: &failure{status: 400, code: "content_filter"}}),
	},
	{
		name: "bad-json", doc: "As chat, but tool arguments and answers are JSON that is cut short and does not parse.",
		build: only(model{spoil: true}),
	},
	{
		name: "slow", argument: "DURATION", doc: "As chat, after 1s, then a tenth of that between tokens; slow-2s doubles both. Also for embeddings.",
		build: timed(time.Second, func(d time.Duration) model { return model{first: d, between: d / 10} }),
	},
	{
		name: "hang", doc: "Never answers: the call ends when the caller gives up. Also for embeddings.",
		build: only(model{hang: true}),
	},
	{
		name: "hang-mid-stream", argument: "TOKENS", doc: "Streams 3 tokens, or as many as the name says, then nothing more; a unary call hangs.",
		build: broken(breakHang),
	},
	{
		name: "cut-stream", argument: "TOKENS", doc: "Streams 3 tokens, or as many as the name says, then breaks off without an end.",
		build: broken(breakCut),
	},
	{
		name: "error-mid-stream", argument: "TOKENS", doc: "Streams 3 tokens, or as many as the name says, then reports a server error.",
		build: broken(breakError),
	},
	{
		name: "error", argument: "STATUS[-DURATION]", doc: "Fails with the status, 400 to 599; with a duration, asks to retry after it (429: 1s).",
		listed: []string{"400", "401", "403", "404", "408", "409", "413", "422", "429", "500", "502", "503", "504", "529"},
		build:  failing,
	},
	{
		name: "out-of-quota", doc: "Fails with status 429, code insufficient_quota, and no time to retry.",
		build: only(model{fail: &failure{status: 429, code: "insufficient_quota"}}),
	},
	{
		name: "flaky", argument: "PERCENT", doc: "As chat, but 50 percent of all different requests, or as many as the name says, fail with status 503.",
		build: counted(50, 0, 100, func(n int64) model {
			return model{fail: &failure{status: 503}, percent: uint64(n)}
		}),
	},
	{
		name: "unreachable", doc: "Fails as a provider that cannot be reached: no status.",
		build: only(model{fail: &failure{kind: adapters.KindUnavailable}}),
	},
	{
		name: "timeout", doc: "Fails as a provider that did not answer in time: no status, no wait.",
		build: only(model{fail: &failure{kind: adapters.KindTimeout}}),
	},
}

func only(m model) func(string) (model, bool) {
	return func(argument string) (model, bool) { return m, argument == "" }
}

func counted(standard, least, most int64, of func(int64) model) func(string) (model, bool) {
	return func(argument string) (model, bool) {
		if argument == "" {
			return of(standard), true
		}
		n, ok := parseCount(argument, least, most)
		return of(n), ok
	}
}

func broken(how breaking) func(string) (model, bool) {
	return counted(3, 0, maxOutputTokens, func(n int64) model { return model{breaking: how, breakAfter: n} })
}

func timed(standard time.Duration, of func(time.Duration) model) func(string) (model, bool) {
	return func(argument string) (model, bool) {
		if argument == "" {
			return of(standard), true
		}
		d, ok := parseDelay(argument)
		return of(d), ok
	}
}

// parseCount reads digits only: no sign, no leading zero, so that one model has
// one name.
func parseCount(s string, least, most int64) (int64, bool) {
	n, err := strconv.ParseInt(s, 10, 64)
	return n, err == nil && least <= n && n <= most && strconv.FormatInt(n, 10) == s
}

func parseDelay(s string) (time.Duration, bool) {
	d, err := time.ParseDuration(s)
	return d, err == nil && 0 < d && d <= maxDelay && s[0] != '+'
}

// findModel returns the model of a name, or false when no model has it.
func findModel(id string) (model, bool) {
	for _, f := range families {
		argument := ""
		if id != f.name {
			n := len(f.name)
			if len(id) < n+2 || id[:n] != f.name || id[n] != '-' {
				continue
			}
			argument = id[n+1:]
		}
		if m, ok := f.build(argument); ok {
			m.id, m.doc = id, f.doc
			return m, true
		}
	}
	return model{}, false
}

// modelFor finds the model of a call and of the model that its request names.
func (s *sandbox) modelFor(call *adapters.Call, named string) (*model, error) {
	id := call.Model
	if id == "" {
		id = named
	}
	if id == "" {
		id = DefaultModel
	}
	m, ok := findModel(id)
	if !ok {
		return nil, s.unknownModel(id)
	}
	return &m, nil
}

func describe(id, doc string) *sluicev1.Model {
	text, err := json.Marshal(doc)
	if err != nil {
		text = []byte(`""`)
	}
	return &sluicev1.Model{
		Id: id, Object: "model", Created: epoch, OwnedBy: "sluice",
		Rest: append(append([]byte(`{"description":`), text...), '}'),
	}
}

// List returns every model that needs no argument, and the errors by their usual
// statuses. Each carries a description.
func (s *sandbox) List(ctx context.Context, call *adapters.Call) (*sluicev1.ListModelsResponse, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	out := &sluicev1.ListModelsResponse{Object: "list"}
	for _, f := range families {
		if f.listed == nil {
			out.Data = append(out.Data, describe(f.name, f.doc))
		}
		for _, argument := range f.listed {
			out.Data = append(out.Data, describe(f.name+"-"+argument, f.doc))
		}
	}
	call.Reply.Header = replyHeader(digest{}, 0)
	return out, nil
}

// Get describes a model, also one whose name carries an argument ("slow-250ms").
func (s *sandbox) Get(ctx context.Context, call *adapters.Call) (*sluicev1.Model, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	m, ok := findModel(call.Model)
	if !ok {
		return nil, s.unknownModel(call.Model)
	}
	call.Reply.Header = replyHeader(digest{}, 0)
	return describe(m.id, m.doc), nil
}
