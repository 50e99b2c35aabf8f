package redact

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strings"
	"testing"
	"time"

	"github.com/lmittmann/tint"

	"github.com/sluice-ai/sluice/adapters"
)

const marker = "marker-1f9a"

// sinks are the handlers that a server writes with.
var sinks = map[string]func(io.Writer) slog.Handler{
	"json": func(w io.Writer) slog.Handler { return slog.NewJSONHandler(w, nil) },
	"text": func(w io.Writer) slog.Handler { return slog.NewTextHandler(w, nil) },
	"tint": func(w io.Writer) slog.Handler { return tint.NewTextHandler(w, &tint.Options{NoColor: true}) },
}

type valuer struct{ value slog.Value }

func (v valuer) LogValue() slog.Value { return v.value }

type stringer struct{ secret string }

func (s stringer) String() string { return "I am " + s.secret }

type brokenError struct{ text *string }

func (e *brokenError) Error() string { return *e.text }

type nested struct {
	Name   string            `json:"name"`
	Header map[string]string `json:"header"`
	Inner  *nested           `json:"inner,omitempty"`
}

func crash() (stack string) {
	defer func() {
		stack = fmt.Sprint(recover(), "\n", string(debug.Stack()))
	}()
	panic(errors.New("no such key: " + marker))
}

func TestHandler_masks_a_secret_wherever_it_stands(t *testing.T) {
	lines := map[string]func(*slog.Logger){
		"message":       func(l *slog.Logger) { l.Info("refused " + marker) },
		"text":          func(l *slog.Logger) { l.Info("x", "a", marker) },
		"group":         func(l *slog.Logger) { l.Info("x", slog.Group("g", "n", 1, slog.Group("h", "a", "is "+marker))) },
		"inlined group": func(l *slog.Logger) { l.Info("x", slog.Group("", "a", marker)) },
		"error":         func(l *slog.Logger) { l.Info("x", "error", errors.New(marker)) },
		"wrapped error": func(l *slog.Logger) {
			l.Info("x", "error", fmt.Errorf("a: %w", errors.Join(errors.New(marker), io.EOF)))
		},
		"quoting error":      func(l *slog.Logger) { l.Info("x", "error", fmt.Errorf("got %q", marker)) },
		"value that is made": func(l *slog.Logger) { l.Info("x", "a", valuer{slog.StringValue(marker)}) },
		"made of made": func(l *slog.Logger) {
			l.Info("x", "a", valuer{slog.AnyValue(valuer{slog.AnyValue(errors.New(marker))})})
		},
		"made group": func(l *slog.Logger) {
			l.Info("x", "a", valuer{slog.GroupValue(slog.Any("b", valuer{slog.StringValue(marker)}))})
		},
		"bytes":            func(l *slog.Logger) { l.Info("x", "a", []byte("a "+marker)) },
		"raw JSON":         func(l *slog.Logger) { l.Info("x", "a", json.RawMessage(`{"a":["`+marker+`"]}`)) },
		"list":             func(l *slog.Logger) { l.Info("x", "a", []string{"b", marker}) },
		"list of anything": func(l *slog.Logger) { l.Info("x", "a", []any{1, map[string]any{"b": marker}}) },
		"map":              func(l *slog.Logger) { l.Info("x", "a", map[string]int{marker: 1}) },
		"struct":           func(l *slog.Logger) { l.Info("x", "a", nested{Name: "n", Inner: &nested{Name: marker}}) },
		"pointer":          func(l *slog.Logger) { l.Info("x", "a", &nested{Name: marker}) },
		"hidden from JSON": func(l *slog.Logger) { l.Info("x", "a", struct{ hidden string }{marker}) },
		"stringer":         func(l *slog.Logger) { l.Info("x", "a", stringer{marker}) },
		"stack of a panic": func(l *slog.Logger) { l.Error("panic", slog.String("stack", crash())) },
		"with":             func(l *slog.Logger) { l.With("a", marker).Info("x") },
		"with in group": func(l *slog.Logger) {
			l.WithGroup("g").With("a", errors.New(marker)).WithGroup("h").Info("x", "b", marker)
		},
		"clipped":              func(l *slog.Logger) { l.Info("x", "a", "key "+marker[:len(marker)-1]) },
		"name of a credential": func(l *slog.Logger) { l.Info("x", "authorization", "unknown-marker") },
		"name in group":        func(l *slog.Logger) { l.Info("x", slog.Group("header", "X-Api-Key", "unknown-marker")) },
		"name of a group":      func(l *slog.Logger) { l.Info("x", slog.Group("cookies", "a", "unknown-marker")) },
		"name of a number":     func(l *slog.Logger) { l.Info("x", "session_token", 1777777) },
		"name of anything":     func(l *slog.Logger) { l.Info("x", "session_token", []int{1777777}) },
		"name in with":         func(l *slog.Logger) { l.With("password", "unknown-marker").Info("x") },
		"name of with's group": func(l *slog.Logger) {
			l.With("n", 1).WithGroup("secrets").With("a", "unknown-marker").Info("x", "b", "unknown-marker")
		},
		"name in a map": func(l *slog.Logger) {
			l.Info("x", "a", nested{Header: map[string]string{"Set-Cookie": "unknown-marker"}})
		},
		"headers": func(l *slog.Logger) {
			l.Info("x", "a", http.Header{"Authorization": {"unknown-marker"}, "Accept": {"*/*"}})
		},
		"form":             func(l *slog.Logger) { l.Info("x", "a", "Bearer unknown-marker") },
		"form in an error": func(l *slog.Logger) { l.Info("x", "a", errors.New("401: sk-unknown-marker-1234")) },
	}
	for name, write := range lines {
		for sink, open := range sinks {
			t.Run(name+"/"+sink, func(t *testing.T) {
				var out bytes.Buffer
				r := new(Redactor)
				r.Set(secrets(marker))
				write(slog.New(r.Handler(open(&out))))
				if text := out.String(); strings.Contains(text, "marker") || strings.Contains(text, "1777777") || !strings.Contains(text, "[redacted]") || strings.Count(text, "\n") == 0 {
					t.Error(text)
				}
			})
		}
	}
}

// Everything that is no secret is written as without the net.
func TestHandler_leaves_clean_lines_as_they_are(t *testing.T) {
	var absent *brokenError
	lines := map[string]func(*slog.Logger){
		"plain": func(l *slog.Logger) {
			l.Info("call", "id", "req_1", "status", 200, "ms", 1.25, "ok", true, "d", time.Second)
		},
		"usage": func(l *slog.Logger) {
			l.Info("call", "gen_ai.usage.input_tokens", 7, "tokens_estimated", true, "key", "key-1")
		},
		"groups": func(l *slog.Logger) {
			l.WithGroup("g").With("a", 1).Info("x", slog.Group("h", "b", "c"), slog.Group("empty"))
		},
		"values": func(l *slog.Logger) {
			l.Info("x", "list", []string{"a"}, "s", nested{Name: "n"}, "nil", nil, "bytes", json.RawMessage(`{"b":1,"a":2}`))
		},
		"error":    func(l *slog.Logger) { l.Info("x", "error", fmt.Errorf("a: %w", io.EOF), "nil", error(absent)) },
		"made":     func(l *slog.Logger) { l.Info("x", "a", valuer{slog.IntValue(3)}) },
		"unprint":  func(l *slog.Logger) { l.Info("x", "a", map[string]any{"f": func() {}} == nil) },
		"stringer": func(l *slog.Logger) { l.Info("x", "a", stringer{"me"}, "t", time.Unix(1, 0)) },
	}
	for name, write := range lines {
		for sink, open := range sinks {
			var with, without bytes.Buffer
			r := new(Redactor)
			r.Set(secrets(marker))
			write(slog.New(noTime{r.Handler(open(&with))}))
			write(slog.New(noTime{open(&without)}))
			if with.String() != without.String() || with.Len() == 0 {
				t.Errorf("%s, %s: got  %swant %s", name, sink, &with, &without)
			}
		}
	}
}

// noTime leaves out when a line was written.
type noTime struct{ slog.Handler }

func (h noTime) Handle(ctx context.Context, r slog.Record) error {
	r.Time = time.Time{}
	return h.Handler.Handle(ctx, r)
}

func (h noTime) WithAttrs(a []slog.Attr) slog.Handler { return noTime{h.Handler.WithAttrs(a)} }
func (h noTime) WithGroup(n string) slog.Handler      { return noTime{h.Handler.WithGroup(n)} }

func TestHandler_masks_by_the_secrets_of_now_what_With_took_before(t *testing.T) {
	var out bytes.Buffer
	r := new(Redactor)
	logger := slog.New(r.Handler(slog.NewJSONHandler(&out, nil))).With("a", marker)
	for _, set := range []struct {
		secret string
		want   bool
	}{{"other", false}, {marker, true}, {"other", false}, {marker, true}} {
		out.Reset()
		r.Set(secrets(set.secret))
		logger.Info("x")
		logger.Info("y")
		if masked := !strings.Contains(out.String(), marker); masked != set.want {
			t.Errorf("with %s: %s", set.secret, out.String())
		}
	}
}

func TestHandler_branches_share_nothing(t *testing.T) {
	var out bytes.Buffer
	root := slog.New(new(Redactor).Handler(slog.NewJSONHandler(&out, nil))).With("a", 1).With("b", 2)
	left, right := root.With("c", "left"), root.With("c", "right")
	left.Info("x")
	right.Info("y")
	root.Info("z")
	text := out.String()
	if strings.Count(text, "left") != 1 || strings.Count(text, "right") != 1 || strings.Count(text, `"b":2`) != 3 {
		t.Error(text)
	}
}

func TestHandler_may_be_set_while_lines_are_written(t *testing.T) {
	r := new(Redactor)
	logger := slog.New(r.Handler(slog.DiscardHandler)).With("a", marker)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for range 200 {
			logger.Info("x", "a", marker)
		}
	}()
	for i := range 200 {
		r.Set(secrets(fmt.Sprint(marker, i)))
	}
	<-done
}

func TestHandler_is_enabled_as_its_inner_one_is(t *testing.T) {
	logger := slog.New(new(Redactor).Handler(slog.NewJSONHandler(new(bytes.Buffer), &slog.HandlerOptions{Level: slog.LevelWarn})))
	if logger.Enabled(t.Context(), slog.LevelInfo) || !logger.Enabled(t.Context(), slog.LevelWarn) {
		t.Error("another level")
	}
}

// counting is a handler that writes nothing, so that the net alone is measured.
type counting struct{ lines int }

func (c *counting) Enabled(context.Context, slog.Level) bool  { return true }
func (c *counting) Handle(context.Context, slog.Record) error { c.lines++; return nil }
func (c *counting) WithAttrs([]slog.Attr) slog.Handler        { return c }
func (c *counting) WithGroup(string) slog.Handler             { return c }

// receiptLine is a call's line as usage writes it.
var receiptLine = []slog.Attr{
	slog.String("id", "req_01jd0v3k2m4n5p6q7r8s9t"), slog.String("door", "rest"), slog.String("gen_ai.operation.name", "chat"),
	slog.Int("status", 200), slog.Float64("duration_ms", 812.25), slog.Bool("stream", true), slog.String("gen_ai.request.model", "fast"),
	slog.String("route", "fast"), slog.String("gen_ai.provider.name", "openai"), slog.String("provider_model", "gpt-4o-mini"),
	slog.String("gen_ai.response.model", "gpt-4o-mini-2024-07-18"), slog.Int64("gen_ai.usage.input_tokens", 1021), slog.Int64("gen_ai.usage.output_tokens", 312),
	slog.Float64("ttft_ms", 211.5), slog.Any("gen_ai.response.finish_reasons", []string{"stop"}),
}

func twentySecrets() []adapters.Secret {
	list := make([]string, 20)
	for i := range list {
		list[i] = fmt.Sprintf("sk-proj-%02d-0123456789abcdefghijklmnopqrstuvwxyz", i)
	}
	return secrets(list...)
}

func BenchmarkHandler(b *testing.B) {
	r := new(Redactor)
	r.Set(twentySecrets())
	for name, h := range map[string]slog.Handler{"with": r.Handler(&counting{}), "without": &counting{}} {
		b.Run(name, func(b *testing.B) {
			logger := slog.New(h)
			b.ReportAllocs()
			for b.Loop() {
				logger.LogAttrs(context.Background(), slog.LevelInfo, "call", receiptLine...)
			}
		})
	}
}
