// Package usage accounts for calls: one [Receipt] per call, whatever became of it,
// handed to every [Sink]. It decides nothing and knows no transport.
package usage

import (
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
)

// Operation names what was asked for, by the OpenTelemetry GenAI convention
// (gen_ai.operation.name) where it has a name.
type Operation string

// The operations.
const (
	OperationChat       Operation = "chat"
	OperationEmbeddings Operation = "embeddings"
	OperationCount      Operation = "count_tokens"
	OperationListModels Operation = "list_models"
	OperationGetModel   Operation = "get_model"
	// OperationNone is a call that was refused before it could be understood.
	OperationNone Operation = "none"
)

// Receipt is the account of one call. It is written once, when the call ended, and
// not changed after that. It holds no prompt, no answer and no key.
type Receipt struct {
	// ID is the call's id at Sluice.
	ID string
	// Trace is the caller's W3C traceparent; empty when there was none.
	Trace string
	// Door is where the call came in.
	Door string
	// Operation is what was asked for.
	Operation Operation
	// Streamed tells a stream from a single answer.
	Streamed bool
	// RequestModel is the model by the caller's name. Callers choose it freely: bound
	// it before it becomes a label.
	RequestModel string
	// Route is the entry of the routing table that served; empty when none did.
	Route string
	// Provider and ProviderModel are the target that answered, or that was tried
	// last. Empty when none was.
	Provider, ProviderModel string
	// ResponseModel is the model by the provider's own word.
	ResponseModel string
	// Attempts are the calls to providers, in order.
	Attempts []Attempt
	// BudgetSpent says that another attempt was not made because the route's budget for
	// them was used up.
	BudgetSpent bool
	// Reason is why the call failed; UNSPECIFIED when it did not.
	Reason sluicev1.ErrorReason
	// Status is the status of the REST door for this outcome, whichever door it was.
	Status int
	// Cause says what happened in detail, for logs only. Nil when all is said.
	Cause error
	// Tokens is what the call used.
	Tokens Tokens
	// Translation says what became of members on their way through the provider's dialect.
	// It names members and quotes no value. Nil: all went through as it was.
	Translation []*sluicev1.TranslationNote
	// FinishReasons are those of the choices, in order of arrival.
	FinishReasons []string
	// Start is when the call came in.
	Start time.Time
	// Duration is from Start to the end of the answer.
	Duration time.Duration
	// FirstToken is from Start to the first piece of a stream (TTFT). 0 when there was
	// none, or no stream.
	FirstToken time.Duration
}

// Attempt is one call to a provider.
type Attempt struct {
	Provider, Model string
	// Key names the provider's key that was used; empty when there was no choice.
	Key string
	// Outcome is "ok" or the kind of the failure in snake case.
	Outcome string
	// Step is the part of the attempt whose time ran out, as configurations name it.
	Step string
	// Status is the provider's HTTP status, 0 when it gave none.
	Status int
	// Start is when it began.
	Start    time.Time
	Duration time.Duration
	// FirstToken is from Start to the first piece of a stream. 0 when there was none.
	FirstToken time.Duration
	// Hedge says that it ran beside another one.
	Hedge bool
	// Spared says that the provider was not asked.
	Spared bool
}

// outcomeOK is the outcome of an attempt that did not fail.
const outcomeOK = "ok"

// failure is the outcome with the step whose time ran out: "timeout_first_byte".
func (a *Attempt) failure() string {
	if a.Step == "" {
		return a.Outcome
	}
	return a.Outcome + "_" + a.Step
}

// Tokens counts what a call used. Input includes what was read from a cache.
type Tokens struct {
	Input, CachedInput, CacheWriteInput int64
	Output, Reasoning                   int64
	// Estimated says that the provider told nothing and that the counts were
	// estimated from the text's length, as for a stream that broke off.
	Estimated bool
}

// TokensOf reads the usage that a provider reported. Nil gives the zero value; what is
// below 0 counts as 0.
func TokensOf(u *sluicev1.Usage) Tokens {
	return Tokens{
		Input:           max(u.GetPromptTokens(), 0),
		CachedInput:     max(u.GetPromptTokensDetails().GetCachedTokens(), 0),
		CacheWriteInput: max(u.GetPromptTokensDetails().GetCacheWriteTokens(), 0),
		Output:          max(u.GetCompletionTokens(), 0),
		Reasoning:       max(u.GetCompletionTokensDetails().GetReasoningTokens(), 0),
	}
}

// BytesPerToken is how many bytes of text a token has, roughly, for estimates.
// Source: OpenAI's help page on tokens, "1 token ~= 4 chars in English".
const BytesPerToken = 4

// EstimateTokens estimates the tokens of a text of that many bytes, at least 1 when
// there are any.
func EstimateTokens(textBytes int64) int64 {
	return (textBytes + BytesPerToken - 1) / BytesPerToken
}

// Sink reads receipts. Record is called once per call, possibly concurrently, on
// the caller's goroutine: it must be quick and must not keep the receipt's slices to
// change them.
type Sink interface {
	Record(r *Receipt)
}

// Sinks hands each receipt to all of them in order.
type Sinks []Sink

// Record implements [Sink].
func (s Sinks) Record(r *Receipt) {
	for _, sink := range s {
		sink.Record(r)
	}
}
