package server

import (
	"io"
	"log"
	"log/slog"
	"os"
	"time"

	"github.com/lmittmann/tint"
	"google.golang.org/grpc/grpclog"

	"github.com/sluice-ai/sluice/server/redact"
)

// NewLogger returns a logger that writes to w in the format of the configuration:
// "text", "json", or "auto" for text on a terminal and JSON elsewhere. Level may
// change later, and so may what redactor knows: it masks credentials in every line.
func NewLogger(w io.Writer, format string, level slog.Leveler, redactor *redact.Redactor) *slog.Logger {
	terminal := IsTerminal(w)
	if format == "text" || format == "auto" && terminal {
		return slog.New(redactor.Handler(tint.NewTextHandler(w, &tint.Options{Level: level, TimeFormat: time.TimeOnly, NoColor: !terminal})))
	}
	return slog.New(redactor.Handler(slog.NewJSONHandler(w, &slog.HandlerOptions{Level: level})))
}

// CaptureStandardLog takes over what packages print through package log. net/http's
// client does, and quotes bytes of answers, so only that it had something to say is
// logged, at the debug level. It changes the whole process: call it from main.
func CaptureStandardLog(logger *slog.Logger) {
	log.SetFlags(0)
	log.SetOutput(standardLog{logger})
	// The same for gRPC's libraries: what matters of a call is in its receipt.
	grpclog.SetLoggerV2(grpclog.NewLoggerV2(standardLog{logger}, standardLog{logger}, standardLog{logger}))
}

type standardLog struct{ logger *slog.Logger }

// Write counts the text and forgets it.
func (l standardLog) Write(text []byte) (int, error) {
	l.logger.Debug("a library had something to say of a connection", slog.Int("bytes", len(text)))
	return len(text), nil
}

// IsTerminal reports whether w is a terminal, as far as files tell: a character
// device that is not the null device.
func IsTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	if err != nil || info.Mode()&os.ModeCharDevice == 0 {
		return false
	}
	null, err := os.Stat(os.DevNull)
	return err != nil || !os.SameFile(info, null)
}
