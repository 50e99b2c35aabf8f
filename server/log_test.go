package server_test

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/server"
)

func TestCaptureStandardLog_keeps_no_text(t *testing.T) {
	flags, output := log.Flags(), log.Writer()
	t.Cleanup(func() { log.SetFlags(flags); log.SetOutput(output) })
	var out bytes.Buffer
	server.CaptureStandardLog(server.NewLogger(&out, "json", slog.LevelDebug))
	// What net/http's client says of bytes that nobody asked for.
	log.Print("Unsolicited response received on idle HTTP channel starting with \"marker-prompt\"")
	if strings.Contains(out.String(), "marker") || !strings.HasPrefix(out.String(), "{") || strings.Count(out.String(), "\n") != 1 {
		t.Error(out.String())
	}
}
