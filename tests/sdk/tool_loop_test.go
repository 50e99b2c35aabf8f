package sdk_test

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/fakes/fleet"
	"github.com/sluice-ai/sluice/tests/live"
)

// looped is what toolloop/tool_loop.py prints of a loop.
type looped struct {
	Model     string   `json:"model"`
	Way       string   `json:"way"`
	Reasoning bool     `json:"reasoning"`
	Answer    string   `json:"answer"`
	Called    []any    `json:"called"`
	Thoughts  []string `json:"thoughts"`
	Error     string   `json:"error"`
}

// TestTool_loops_end_alike_at_every_provider runs one loop, written with the official Python
// SDK, against every provider.
func TestTool_loops_end_alike_at_every_provider(t *testing.T) {
	live.Require(t)
	all := fleet.Start(t, "")
	gateway := live.Start(t, all.Config)
	var models []string
	rows := map[string]fleet.Row{}
	for _, row := range all.Rows {
		models = append(models, row.Model)
		rows[row.Model] = row
	}
	list, err := json.Marshal(models)
	if err != nil {
		t.Fatal(err)
	}
	program := exec.CommandContext(t.Context(), filepath.Join(live.Repository(), ".bin/venv/bin/python"), "tool_loop.py")
	program.Dir = filepath.Join(live.Repository(), "tests/sdk/toolloop")
	program.Env = append(os.Environ(), "SLUICE_URL="+gateway.HTTP, "SLUICE_MODELS="+string(list), "PYTHONDONTWRITEBYTECODE=1", "NO_PROXY=127.0.0.1")
	var out, said bytes.Buffer
	program.Stdout, program.Stderr, program.WaitDelay = &out, &said, 5*time.Second
	err = program.Run()
	var loops []looped
	for line := range strings.Lines(out.String()) {
		var l looped
		if err := json.Unmarshal([]byte(line), &l); err != nil {
			t.Fatalf("%v in %s", err, line)
		}
		loops = append(loops, l)
	}
	if len(loops) != 4*len(models) {
		t.Errorf("%d loops ended, want %d: %v\n%s", len(loops), 4*len(models), err, said.String())
	}
	wantCalls := []any{
		[]any{"get_weather", map[string]any{"city": "Paris"}}, []any{"get_weather", map[string]any{"city": "Rome"}},
	}
	for _, l := range loops {
		row := rows[l.Model]
		if l.Error != "" || l.Answer != "Paris: sunny. Rome: rain." || !reflect.DeepEqual(l.Called, wantCalls) {
			sent := ""
			if last := row.Received.Last(); last != nil {
				sent = string(last.Body)
			}
			t.Errorf("%s, %s, reasoning %v: answered %q, called %v: %s\nlast sent %s", row.Name, l.Way, l.Reasoning, l.Answer, l.Called, l.Error, sent)
			continue
		}
		thinks := l.Reasoning && row.Thinks
		for i, thought := range l.Thoughts {
			if (thought != "") != thinks {
				t.Errorf("%s, %s, reasoning %v: the thought of turn %d is %q", row.Name, l.Way, l.Reasoning, i, thought)
			}
		}
	}
}
