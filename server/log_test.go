package server_test

import (
	"bytes"
	"log"
	"log/slog"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server"
	"github.com/sluice-ai/sluice/server/redact"
)

func TestCaptureStandardLog_keeps_no_text(t *testing.T) {
	flags, output := log.Flags(), log.Writer()
	t.Cleanup(func() { log.SetFlags(flags); log.SetOutput(output) })
	var out bytes.Buffer
	server.CaptureStandardLog(server.NewLogger(&out, "json", slog.LevelDebug, new(redact.Redactor)))
	// What net/http's client says of bytes that nobody asked for.
	log.Print("Unsolicited response received on idle HTTP channel starting with \"marker-prompt\"")
	if strings.Contains(out.String(), "marker") || !strings.HasPrefix(out.String(), "{") || strings.Count(out.String(), "\n") != 1 {
		t.Error(out.String())
	}
}

// What callers send is logged in part: a model's name, for one. Here it is a secret.
func TestLog_shows_no_secret_of_the_configuration_whoever_writes_it(t *testing.T) {
	a := newUpstream(t, "a")
	configuration := func(secret string) string {
		return `
providers:
  - {name: p, kind: openai, base_url: "` + a.URL + `", api_keys: ["` + secret + `-key-1", "` + secret + `-key-2"], headers: {x-more: "` + secret + `-long-enough", authorization: "Bearer ` + secret + `-bearer"}}
  - {name: q, kind: openai, base_url: "` + a.URL + `", proxy: "http://user:` + secret + `-password@127.0.0.1:1"}
models:
  - {name: fast, targets: [{provider: p, headers: {x-token: "` + secret + `-target"}}]}
`
	}
	var lines int
	h := start(t, configuration("old-marker"))
	silent := func(secret string) {
		t.Helper()
		for _, text := range []string{"-key-1", "-key-2", "-long-enough", "-bearer", "-target", "-password"} {
			h.chat(t, "fast/"+secret+text)
			lines++
		}
		eventually(t, "all calls are accounted for", func() bool { return len(h.log.calls(t)) == lines })
		if log := h.log.String(); strings.Contains(log, "marker") || strings.Count(log, "fast/[redacted]") != lines {
			t.Errorf("%s: %s", secret, log)
		}
	}
	silent("old-marker")
	// A stream runs by the old secrets while the new ones come.
	_, rest := h.stream(t, "fast")
	if err := h.Reload(parse(t, freePorts+configuration("new-marker"))); err != nil {
		t.Fatal(err)
	}
	silent("new-marker")
	silent("old-marker")
	close(a.finish)
	if _, err := rest(); err != nil {
		t.Fatal(err)
	}
}

func TestNewLogger_masks_in_every_format(t *testing.T) {
	redactor := new(redact.Redactor)
	redactor.Set([]adapters.Secret{adapters.NewSecret("marker-1234")})
	for _, format := range []string{"text", "json", "auto"} {
		var out bytes.Buffer
		server.NewLogger(&out, format, slog.LevelInfo, redactor).With("a", "marker-1234").Info("marker-1234", "cookie", "marker")
		if text := out.String(); strings.Contains(text, "marker") || strings.Count(text, "[redacted]") != 3 {
			t.Errorf("%s: %s", format, text)
		}
	}
}
