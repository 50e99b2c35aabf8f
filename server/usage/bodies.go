package usage

import (
	"bytes"
	"context"
	"log/slog"
	"unicode/utf8"

	"github.com/sluice-ai/sluice/server/redact"
)

// Bodies logs what was said in calls: one line for each call of the models and callers that
// it is told of, beside that of its receipt. Nil logs nothing. Safe for concurrent use.
type Bodies struct {
	logger   *slog.Logger
	redactor *redact.Redactor
	models   map[string]bool
	callers  map[string]bool
	all      bool
	maxBytes int
}

// AllModels stands for every model in the list of [NewBodies].
const AllModels = "*"

// NewBodies returns what logs the calls of models, by the callers' names for them, and of
// callers, by what the gateway knows them by, to logger: of each request, and of each
// answer, the first maxBytes bytes. The redactor masks them while they are whole; what
// masks the lines of logger may be the same one. Without models and callers it returns nil.
func NewBodies(logger *slog.Logger, redactor *redact.Redactor, models, callers []string, maxBytes int) *Bodies {
	if len(models)+len(callers) == 0 {
		return nil
	}
	b := &Bodies{
		logger: logger, redactor: redactor, maxBytes: maxBytes,
		models: make(map[string]bool, len(models)), callers: make(map[string]bool, len(callers)),
	}
	for _, caller := range callers {
		b.callers[caller] = true
	}
	for _, name := range models {
		b.models[name] = true
	}
	b.all = b.models[AllModels]
	return b
}

// Want tells whether a caller's calls of a model, by the caller's name for it, are logged.
func (b *Bodies) Want(ctx context.Context, model, caller string) bool {
	return b != nil && (b.all || b.models[model] || b.callers[caller]) && b.logger.Enabled(ctx, slog.LevelInfo)
}

// Room is how many bytes of an answer that comes in pieces are worth keeping: what is
// logged, and what a credential at its end may reach beyond it.
func (b *Bodies) Room() int {
	const maxCredentialBytes = 16 << 10 // a private key of any usual size
	return b.maxBytes + maxCredentialBytes
}

// Body is a request or an answer as JSON. The zero value is none.
type Body struct {
	JSON []byte
	// Lost is how many bytes there were beyond JSON.
	Lost int64
}

// Record writes the line of a call: its id, its model, its request and its answer.
func (b *Bodies) Record(ctx context.Context, r *Receipt, request, answer Body) {
	attrs := make([]slog.Attr, 0, 6)
	attrs = append(attrs, slog.String("request_id", r.ID), slog.String("model", clip(r.RequestModel)))
	attrs = b.add(attrs, "request", "request_bytes", request)
	attrs = b.add(attrs, "answer", "answer_bytes", answer)
	b.logger.LogAttrs(ctx, slog.LevelInfo, "body", attrs...)
}

// add adds a body, and how much there was of it when not all is shown.
func (b *Bodies) add(attrs []slog.Attr, name, size string, body Body) []slog.Attr {
	if len(body.JSON) == 0 {
		return attrs
	}
	masked := b.redactor.JSON(body.JSON)
	whole := len(masked) <= b.maxBytes && body.Lost == 0
	if whole {
		return append(attrs, slog.String(name, string(masked)))
	}
	end := min(len(masked), b.maxBytes)
	for end > 0 && end < len(masked) && !utf8.RuneStart(masked[end]) {
		end--
	}
	shown := string(bytes.ToValidUTF8(masked[:end], []byte("?"))) + "..."
	return append(attrs, slog.String(name, shown), slog.Int64(size, int64(len(body.JSON))+body.Lost))
}
