package usage

import (
	"context"
	"errors"
	"log/slog"
	"time"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/fault"
)

// Log writes one line per call. Attribute names are OpenTelemetry's GenAI ones
// where they exist (semantic conventions 1.37, "gen_ai.*").
type Log struct{ logger *slog.Logger }

// NewLog returns a sink that writes to logger.
func NewLog(logger *slog.Logger) *Log { return &Log{logger} }

// What callers and providers can put into a log line is bounded: the bytes of a text
// and the items of a list.
const (
	maxLoggedName  = 128
	maxLoggedItems = 16
)

// Record implements [Sink]. Failures of Sluice's own are errors, of providers
// warnings, of callers and successes information.
func (l *Log) Record(r *Receipt) {
	level := levelOf(r.Reason)
	ctx := context.Background()
	if !l.logger.Enabled(ctx, level) {
		return
	}
	attrs := make([]slog.Attr, 0, 24)
	attrs = append(attrs,
		slog.String("id", r.ID),
		slog.String("door", r.Door),
		slog.String("gen_ai.operation.name", string(r.Operation)),
		slog.Int("status", r.Status),
		slog.Float64("duration_ms", milliseconds(r.Duration)),
	)
	text := func(key, value string) {
		if value != "" {
			attrs = append(attrs, slog.String(key, clip(value)))
		}
	}
	number := func(key string, value int64) {
		if value != 0 {
			attrs = append(attrs, slog.Int64(key, value))
		}
	}
	if r.Streamed {
		attrs = append(attrs, slog.Bool("stream", true))
	}
	text("gen_ai.request.model", r.RequestModel)
	text("route", r.Route)
	text("gen_ai.provider.name", r.Provider)
	if r.ProviderModel != r.RequestModel {
		text("provider_model", r.ProviderModel)
	}
	text("gen_ai.response.model", r.ResponseModel)
	number("gen_ai.usage.input_tokens", r.Tokens.Input)
	number("gen_ai.usage.cache_read.input_tokens", r.Tokens.CachedInput)
	number("gen_ai.usage.cache_creation.input_tokens", r.Tokens.CacheWriteInput)
	number("gen_ai.usage.output_tokens", r.Tokens.Output)
	number("gen_ai.usage.reasoning.output_tokens", r.Tokens.Reasoning)
	if r.Tokens.Estimated {
		attrs = append(attrs, slog.Bool("tokens_estimated", true))
	}
	if r.FirstToken > 0 {
		attrs = append(attrs, slog.Float64("ttft_ms", milliseconds(r.FirstToken)))
	}
	if len(r.FinishReasons) > 0 {
		attrs = append(attrs, slog.Any("gen_ai.response.finish_reasons", clipAll(r.FinishReasons)))
	}
	if len(r.Attempts) > 1 || (len(r.Attempts) == 1 && r.Attempts[0].Outcome != outcomeOK) {
		attrs = append(attrs, slog.Any("attempts", loggedAttempts(r.Attempts)))
	}
	if len(r.Translation) > 0 {
		attrs = append(attrs, slog.Any("translation", loggedNotes(r.Translation)))
	}
	if r.BudgetSpent {
		attrs = append(attrs, slog.Bool("retry_budget_spent", true))
	}
	if r.Reason != sluicev1.ErrorReason_ERROR_REASON_UNSPECIFIED {
		attrs = append(attrs, slog.String("error.type", fault.ReasonName(r.Reason)))
	}
	if r.Cause != nil {
		text("cause", causeText(r.Cause))
	}
	l.logger.LogAttrs(ctx, level, "call", attrs...)
}

// loggedAttempt is an attempt as lines show it.
type loggedAttempt struct {
	Provider   string  `json:"provider"`
	Model      string  `json:"model"`
	Key        string  `json:"key,omitempty"`
	Outcome    string  `json:"outcome"`
	Status     int     `json:"status"`
	DurationMS float64 `json:"duration_ms"`
	Hedge      bool    `json:"hedge,omitempty"`
}

func loggedAttempts(list []Attempt) []loggedAttempt {
	out := make([]loggedAttempt, min(len(list), maxLoggedItems))
	for i := range out {
		a := list[i]
		out[i] = loggedAttempt{clip(a.Provider), clip(a.Model), a.Key, a.failure(), a.Status, milliseconds(a.Duration), a.Hedge}
	}
	return out
}

// causeText leaves out what a provider said, which may quote the prompt.
func causeText(cause error) string {
	if e, ok := errors.AsType[*adapters.Error](cause); ok {
		return e.LogText()
	}
	return cause.Error()
}

func clipAll(list []string) []string {
	out := make([]string, min(len(list), maxLoggedItems))
	for i := range out {
		out[i] = clip(list[i])
	}
	return out
}

func levelOf(r sluicev1.ErrorReason) slog.Level {
	switch {
	case r == sluicev1.ErrorReason_ERROR_REASON_INTERNAL:
		return slog.LevelError
	case r >= sluicev1.ErrorReason_ERROR_REASON_UPSTREAM_UNAUTHENTICATED && r != sluicev1.ErrorReason_ERROR_REASON_SHUTTING_DOWN:
		return slog.LevelWarn
	}
	return slog.LevelInfo
}

// milliseconds has two decimals: enough for a sandbox, and readable in JSON, where
// slog would print a duration as a count of nanoseconds.
func milliseconds(d time.Duration) float64 {
	return float64(d.Round(10*time.Microsecond).Microseconds()) / 1000
}

func clip(s string) string {
	if len(s) > maxLoggedName {
		return s[:maxLoggedName] + "..."
	}
	return s
}
