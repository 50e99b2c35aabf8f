// Package house holds the rules about who may import whom.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"strings"
	"testing"
)

const module = "github.com/sluice-ai/sluice/"

// ban forbids packages under from to import packages under to.
type ban struct {
	from, to string
	except   []string // packages under from that may
	note     string
}

// bans is the floor plan: cmd -> server -> edge -> gateway -> {auth policy limit
// route dispatch usage} -> {fault, adapters} -> gen. Paths are relative to the
// module and stand for everything below them; to may also be a third-party path.
var bans = []ban{
	{from: "adapters", to: "server", note: "adapters never know a server, a route or a caller"},
	{from: "adapters", to: "clients", note: "clients are for callers"},
	{from: "proto", to: "server", note: "wirejson knows JSON and descriptors, nothing of Sluice"},
	{from: "proto", to: "adapters", note: "wirejson knows JSON and descriptors, nothing of Sluice"},
	{from: "clients", to: "server", note: "a client's users must not get the server"},
	{from: "clients", to: "adapters", note: "a client's users must not get the server"},

	{from: "adapters/upstream", to: "gen/go/sluice/config", note: "an adapter is built from Settings, not from the file's shape"},
	{from: "adapters/breaker", to: "adapters/upstream", note: "the breaker never knows HTTP"},
	{from: "adapters/breaker", to: "net/http", note: "the breaker never knows HTTP"},
	{from: "adapters/sandbox", to: "adapters/upstream", note: "the sandbox needs no network"},
	{from: "adapters", to: "google.golang.org/grpc", note: "no transport of ours below the doors"},
	{from: "adapters", to: "connectrpc.com/connect", note: "no transport of ours below the doors"},

	{from: "server/fault", to: "server", except: nil, note: "fault is the ground floor of the server"},
	{from: "server/route", to: "server/dispatch", note: "rooms of one floor do not call each other; gateway does"},
	{from: "server/route", to: "server/usage", note: "rooms of one floor do not call each other; gateway does"},
	{from: "server/route", to: "server/gateway", note: "imports go down"},
	{from: "server/route", to: "time", note: "routing is pure"},
	{from: "server/route", to: "net", note: "routing is pure"},
	{from: "server/dispatch", to: "server/route", note: "rooms of one floor do not call each other; gateway does"},
	{from: "server/dispatch", to: "server/usage", note: "rooms of one floor do not call each other; gateway does"},
	{from: "server/dispatch", to: "server/gateway", note: "imports go down"},
	{from: "server/usage", to: "server/route", note: "rooms of one floor do not call each other; gateway does"},
	{from: "server/usage", to: "server/dispatch", note: "rooms of one floor do not call each other; gateway does"},
	{from: "server/usage", to: "server/gateway", note: "imports go down"},
	{from: "server/gateway", to: "server/edge", note: "the use case knows no door"},
	{from: "server/gateway", to: "server/config", note: "the use case works by a Plan, not by the file's shape"},
	{from: "server/gateway", to: "google.golang.org/grpc", note: "no transport type crosses the gateway"},
	{from: "server/gateway", to: "connectrpc.com/connect", note: "no transport type crosses the gateway"},
	{from: "server/edge", to: "server/route", note: "a door decides nothing"},
	{from: "server/edge", to: "server/dispatch", note: "a door decides nothing"},
	{from: "server/edge", to: "server/config", note: "doors get their own Config"},
	{from: "server/edge", to: "adapters/catalog", note: "a door knows no provider"},
	{from: "server/config", to: "server/edge", note: "the file knows nobody"},
	{from: "server/config", to: "server/gateway", note: "the file knows nobody"},
}

type pkg struct {
	ImportPath string
	Imports    []string
}

func packages(t *testing.T) []pkg {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), "go", "list", "-json=ImportPath,Imports", "./...")
	cmd.Dir = "../.."
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var list []pkg
	for dec := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return list
		} else if err != nil {
			t.Fatal(err)
		}
		list = append(list, p)
	}
}

func under(importPath, root string) bool {
	p := strings.TrimPrefix(importPath, module)
	return p == root || strings.HasPrefix(p, root+"/")
}

func TestImports_go_down_the_house(t *testing.T) {
	list := packages(t)
	if len(list) < 10 {
		t.Fatalf("only %d packages found", len(list))
	}
	for _, b := range bans {
		for _, p := range list {
			if !under(p.ImportPath, b.from) || excepted(p.ImportPath, b.except) {
				continue
			}
			for _, imported := range p.Imports {
				// A ban on a parent does not ban a package from its own folder.
				if under(imported, b.to) && !under(imported, b.from) {
					t.Errorf("%s imports %s: %s", p.ImportPath, imported, b.note)
				}
			}
		}
	}
}

func TestAdapters_never_import_each_other(t *testing.T) {
	shared := []string{"adapters", "adapters/upstream"}
	for _, p := range packages(t) {
		if !under(p.ImportPath, "adapters") || under(p.ImportPath, "adapters/catalog") || under(p.ImportPath, "adapters/adaptertest") {
			continue
		}
		for _, imported := range p.Imports {
			if under(imported, "adapters") && imported != p.ImportPath && !excepted(imported, shared) {
				t.Errorf("%s imports %s: adapters share only the SPI and upstream", p.ImportPath, imported)
			}
		}
	}
}

func excepted(importPath string, except []string) bool {
	for _, e := range except {
		if strings.TrimPrefix(importPath, module) == e {
			return true
		}
	}
	return false
}

func TestPackages_are_no_drawers(t *testing.T) {
	for _, p := range packages(t) {
		switch path.Base(p.ImportPath) {
		case "util", "utils", "common", "helpers", "types", "models", "misc", "shared":
			t.Errorf("%s: packages are named for the noun they own", p.ImportPath)
		}
	}
}
