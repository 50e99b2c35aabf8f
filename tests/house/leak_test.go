package house

import (
	"encoding/json"
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// starters are what tests import to have something run beside them.
var starters = []string{"net/http/httptest", module + "tests/harness", module + "tests/live"}

// file is what a Go file says of goroutines.
type file struct {
	starts bool // one, or a server
	looks  bool // for those that stayed: its TestMain has goleak
}

func readFile(path, source string) (file, error) {
	var text any
	if source != "" {
		text = source
	}
	parsed, err := parser.ParseFile(token.NewFileSet(), path, text, parser.SkipObjectResolution)
	if err != nil {
		return file{}, err
	}
	var f file
	for _, imported := range parsed.Imports {
		name, _ := strconv.Unquote(imported.Path.Value)
		f.starts = f.starts || slices.Contains(starters, name)
	}
	ast.Inspect(parsed, func(n ast.Node) bool {
		switch n := n.(type) {
		case *ast.GoStmt:
			f.starts = true
		case *ast.CallExpr: // sync.WaitGroup's and errgroup's way to say it
			method, ok := n.Fun.(*ast.SelectorExpr)
			f.starts = f.starts || ok && method.Sel.Name == "Go"
		case *ast.FuncDecl:
			if n.Name.Name == "TestMain" && n.Recv == nil && n.Body != nil {
				f.looks = f.looks || callsGoleak(n.Body)
			}
		}
		return true
	})
	return f, nil
}

func callsGoleak(body *ast.BlockStmt) (found bool) {
	ast.Inspect(body, func(n ast.Node) bool {
		if method, ok := n.(*ast.SelectorExpr); ok && method.Sel.Name == "VerifyTestMain" {
			from, ok := method.X.(*ast.Ident)
			found = found || ok && from.Name == "goleak"
		}
		return true
	})
	return found
}

func TestFiles_that_start_goroutines_are_told_from_others(t *testing.T) {
	for source, want := range map[string]file{
		`func f() {}`:                                  {},
		`func f() { go f() }`:                          {starts: true},
		`func f() { w.Go(f) }`:                         {starts: true},
		`import _ "net/http/httptest"`:                 {starts: true},
		`import _ "` + starters[2] + `"`:               {starts: true},
		`import _ "net/http"`:                          {},
		`func TestMain() { m.Run() }`:                  {},
		`func f() { goleak.VerifyTestMain(m) }`:        {},
		`func TestMain() { goleak.VerifyTestMain(m) }`: {looks: true},
		`func TestMain() { other.VerifyTestMain(m) }`:  {},
	} {
		if got, err := readFile("x.go", "package x\n"+source); err != nil || got != want {
			t.Errorf("%s: %+v, %v, want %+v", source, got, err, want)
		}
	}
}

// What a test started and left running is found where goleak looks for it, and there
// alone.
func TestPackages_that_start_goroutines_look_for_leaks(t *testing.T) {
	checked := 0
	for _, root := range []string{"../..", ".."} {
		cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Dir,GoFiles,TestGoFiles,XTestGoFiles", "./...")
		cmd.Dir = root
		out, err := cmd.Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
			var p struct {
				ImportPath, Dir                    string
				GoFiles, TestGoFiles, XTestGoFiles []string
			}
			if err := dec.Decode(&p); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				t.Fatal(err)
			}
			if len(p.TestGoFiles)+len(p.XTestGoFiles) == 0 {
				continue
			}
			var all file
			for _, name := range slices.Concat(p.GoFiles, p.TestGoFiles, p.XTestGoFiles) {
				f, err := readFile(filepath.Join(p.Dir, name), "")
				if err != nil {
					t.Fatal(err)
				}
				all = file{all.starts || f.starts, all.looks || f.looks}
			}
			if all.starts {
				checked++
			}
			if all.starts && !all.looks {
				t.Errorf("%s starts goroutines and no TestMain calls goleak.VerifyTestMain", p.ImportPath)
			}
		}
	}
	if checked < 20 {
		t.Errorf("only %d packages with tests start goroutines", checked)
	}
}
