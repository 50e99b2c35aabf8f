// Package supply tests the scripts that stand on this module's tools.
package supply

import (
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// checker builds govulncheck.
func checker(t *testing.T) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "govulncheck")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", path, "golang.org/x/vuln/cmd/govulncheck").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	return path
}

// write makes files below a new folder.
func write(t *testing.T, files map[string]string) (folder string) {
	t.Helper()
	folder = t.TempDir()
	for name, text := range files {
		path := filepath.Join(folder, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	return folder
}

// The database's form is that of Go's documentation, "Go Vulnerability Database", API
// and schema.
func TestVuln_fails_on_findings_and_says_when_there_was_no_look(t *testing.T) {
	program := write(t, map[string]string{
		"go.mod":  "module example.org/program\n\ngo 1.26.0\n",
		"main.go": "package main\n\nimport \"strings\"\n\nfunc main() { println(strings.Repeat(\"a\", 2)) }\n",
	})
	broken := write(t, map[string]string{"go.mod": "module example.org/broken\n\ngo 1.26.0\n", "main.go": "package main\n\nfunc main() { nothing() }\n"})
	database := func(symbol string) string {
		return "file://" + write(t, map[string]string{
			"index/db.json":      `{"modified":"2026-01-01T00:00:00Z"}`,
			"index/modules.json": `[{"path":"stdlib","vulns":[{"id":"GO-2099-0001","modified":"2026-01-01T00:00:00Z"}]}]`,
			"index/vulns.json":   `[{"id":"GO-2099-0001","modified":"2026-01-01T00:00:00Z"}]`,
			"ID/GO-2099-0001.json": `{"schema_version":"1.3.1","id":"GO-2099-0001","modified":"2026-01-01T00:00:00Z","published":"2026-01-01T00:00:00Z",` +
				`"summary":"made up","details":"made up","affected":[{"package":{"name":"stdlib","ecosystem":"Go"},"ranges":[{"type":"SEMVER","events":[{"introduced":"0"}]}],` +
				`"ecosystem_specific":{"imports":[{"path":"strings","symbols":["` + symbol + `"]}]}}]}`,
		})
	}
	vulnerable, harmless := database("Repeat"), database("Title")
	path := checker(t)
	tests := map[string]struct {
		env    []string
		module string
		fails  bool
		says   string
	}{
		"a finding":            {[]string{"GOVULNDB=" + vulnerable}, program, true, "GO-2099-0001"},
		"what nobody calls":    {[]string{"GOVULNDB=" + harmless}, program, false, "nothing known"},
		"no database":          {[]string{"GOVULNDB=http://127.0.0.1:1"}, program, false, "NOT DONE: "},
		"no database, release": {[]string{"GOVULNDB=http://127.0.0.1:1", "VULN_REQUIRED=1"}, program, true, "VULN_REQUIRED is set"},
		"no such database":     {[]string{"GOVULNDB=file://" + t.TempDir()}, program, false, "NOT DONE: "},
		"no database of any":   {[]string{"GOVULNDB=file://" + write(t, map[string]string{"index/db.json": "{}", "index/modules.json": "<html>"})}, program, true, "invalid character"},
		"no time":              {[]string{"GOVULNDB=" + harmless, "VULN_TIMEOUT=0.01"}, program, true, "not finished within 0.01 s"},
		"code that is broken":  {[]string{"GOVULNDB=" + harmless}, broken, true, "nothing"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			cmd := exec.CommandContext(t.Context(), "../../vuln.sh", test.module)
			cmd.Env = append(os.Environ(), append(test.env, "GOVULNCHECK="+path)...)
			out, err := cmd.CombinedOutput()
			if (err != nil) != test.fails || !strings.Contains(string(out), test.says) {
				t.Errorf("%v: %s", err, out)
			}
		})
	}
}
