package redact

import (
	"context"
	"log/slog"
	"slices"
	"sync/atomic"
)

// Handler returns a handler that hands every record to inner, masked: its message, and
// the values of its attributes, in groups and in those of [slog.Logger.With] too. Names
// are written as they are: they are the program's. What is clean passes as it is.
func (r *Redactor) Handler(inner slog.Handler) slog.Handler {
	return &handler{redactor: r, inner: inner}
}

// handler is a slog.Handler with the groups and attributes of With. They are handed to
// inner by the rules in force when a line is written, not when With was called.
type handler struct {
	redactor *Redactor
	inner    slog.Handler
	with     []with
	// ready is inner with with, by the rules of the last line.
	ready atomic.Pointer[ready]
}

// with is a call of WithGroup, or of WithAttrs when group is empty.
type with struct {
	group string
	attrs []slog.Attr
}

type ready struct {
	rules *rules
	inner slog.Handler
}

// Enabled implements [slog.Handler].
func (h *handler) Enabled(ctx context.Context, level slog.Level) bool {
	return h.inner.Enabled(ctx, level)
}

// WithAttrs implements [slog.Handler].
func (h *handler) WithAttrs(attrs []slog.Attr) slog.Handler {
	if len(attrs) == 0 {
		return h
	}
	return &handler{redactor: h.redactor, inner: h.inner, with: append(slices.Clip(h.with), with{attrs: attrs})}
}

// WithGroup implements [slog.Handler].
func (h *handler) WithGroup(name string) slog.Handler {
	if name == "" {
		return h
	}
	return &handler{redactor: h.redactor, inner: h.inner, with: append(slices.Clip(h.with), with{group: name})}
}

// Handle implements [slog.Handler].
func (h *handler) Handle(ctx context.Context, record slog.Record) error {
	rules := h.redactor.current()
	inner, masked := h.prepared(rules)
	if masked {
		// What stands above is a credential by its name: so is all that is in it.
		return inner.Handle(ctx, slog.NewRecord(record.Time, record.Level, rules.text(record.Message), record.PC))
	}
	message := rules.text(record.Message)
	clean := message == record.Message
	if clean {
		record.Attrs(func(a slog.Attr) bool {
			clean = rules.clean(a)
			return clean
		})
	}
	if clean {
		return inner.Handle(ctx, record)
	}
	attrs := make([]slog.Attr, 0, record.NumAttrs())
	record.Attrs(func(a slog.Attr) bool {
		attrs = append(attrs, rules.attr(a))
		return true
	})
	record = slog.NewRecord(record.Time, record.Level, message, record.PC)
	record.AddAttrs(attrs...)
	return inner.Handle(ctx, record)
}

// prepared returns inner with the groups and attributes of With. masked says that one
// of the groups has the name of a credential.
func (h *handler) prepared(rules *rules) (inner slog.Handler, masked bool) {
	if len(h.with) == 0 {
		return h.inner, false
	}
	if r := h.ready.Load(); r != nil && r.rules == rules {
		return r.inner, h.hasMaskedGroup()
	}
	inner = h.inner
	for _, w := range h.with {
		if w.group != "" {
			if NamesCredential(w.group) {
				inner = inner.WithAttrs([]slog.Attr{slog.String(w.group, mask)})
				h.ready.Store(&ready{rules, inner})
				return inner, true
			}
			inner = inner.WithGroup(w.group)
			continue
		}
		attrs := make([]slog.Attr, len(w.attrs))
		for i, a := range w.attrs {
			attrs[i] = rules.attr(a)
		}
		inner = inner.WithAttrs(attrs)
	}
	h.ready.Store(&ready{rules, inner})
	return inner, false
}

func (h *handler) hasMaskedGroup() bool {
	return slices.ContainsFunc(h.with, func(w with) bool { return w.group != "" && NamesCredential(w.group) })
}
