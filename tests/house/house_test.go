// Package house holds the rules about who may import whom.
package house

import (
	"encoding/json"
	"errors"
	"io"
	"os/exec"
	"path"
	"slices"
	"strings"
	"testing"
)

const module = "github.com/sluice-ai/sluice/"

// ban forbids packages under from to import packages under to. Both are one path or
// several with spaces between, relative to the module; each stands for everything
// below it, and with "/." at its end for that package alone. to may also be a path
// of the standard library or of a third party.
type ban struct {
	from, to string
	note     string
}

// What several bans name.
const (
	rooms    = "server/route server/usage server/dispatch server/shed"
	wire     = "google.golang.org/grpc connectrpc.com/connect"
	down     = "imports go down"
	sideways = "rooms of one floor do not call each other; gateway does"
)

// bans is the floor plan: cmd -> server -> edge -> gateway -> {route dispatch usage shed}
// -> {fault, adapters} -> gen.
var bans = []ban{
	{from: "adapters", to: "server", note: "adapters never know a server, a route or a caller"},
	{from: "adapters server", to: "clients", note: "clients are for callers"},
	{from: "adapters", to: wire, note: "no transport of ours below the doors"},
	{from: "adapters/upstream", to: "gen/go/sluice/config", note: "an adapter is built from Settings, not from the file's shape"},
	{from: "adapters/breaker adapters/keyring adapters/limiter adapters/prober", to: "adapters/upstream net/http", note: "what stands around an adapter never knows HTTP"},
	{from: "adapters/sandbox", to: "adapters/upstream", note: "the sandbox needs no network"},
	{from: "proto", to: "server adapters clients", note: "wirejson knows JSON and descriptors, nothing of Sluice"},
	{from: "clients", to: "server adapters", note: "a client's users must not get the server"},

	{from: "server/fault", to: "server", note: "fault is the ground floor of the server"},
	{from: "server/config", to: "server", note: "the file knows nobody"},
	{from: rooms, to: "server/. server/edge server/gateway", note: down},
	{from: rooms, to: "server/config", note: "rooms work by a Plan, not by the file's shape"},
	{from: rooms, to: wire, note: "no transport type crosses the gateway"},
	{from: "server/route", to: "server/dispatch server/usage server/shed", note: sideways},
	{from: "server/dispatch", to: "server/route server/usage server/shed", note: sideways},
	{from: "server/usage", to: "server/route server/dispatch server/shed", note: sideways},
	{from: "server/shed", to: "server/route server/dispatch server/usage", note: sideways},
	{from: "server/shed", to: "adapters", note: "shed counts calls and knows none of them"},
	{from: "server/route", to: "time net", note: "routing is pure"},

	{from: "server/gateway", to: "server/. server/edge", note: down},
	{from: "server/gateway", to: "server/config", note: "the use case works by a Plan, not by the file's shape"},
	{from: "server/gateway", to: wire, note: "no transport type crosses the gateway"},
	{from: "server/gateway", to: "adapters/catalog", note: "the use case knows providers by the Plan alone"},

	{from: "server/redact", to: "server", note: "the second net knows texts alone"},
	{from: "server/edge/frame", to: "server gen adapters proto", note: "framing knows no call"},
	{from: "server/edge", to: "server/.", note: down},
	{from: "server/edge", to: "server/route server/dispatch", note: "a door decides nothing"},
	{from: "server/edge", to: "server/config", note: "doors get their own Config"},
	{from: "server/edge", to: "adapters/catalog", note: "a door knows no provider"},
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
	if alone, ok := strings.CutSuffix(root, "/."); ok {
		return p == alone
	}
	return p == root || strings.HasPrefix(p, root+"/")
}

// breaches says which imports the bans forbid.
func breaches(list []pkg) (out []string) {
	for _, b := range bans {
		for from := range strings.FieldsSeq(b.from) {
			for _, p := range list {
				if !under(p.ImportPath, from) {
					continue
				}
				for _, imported := range p.Imports {
					for to := range strings.FieldsSeq(b.to) {
						// A ban on a parent does not ban a package from its own folder.
						if under(imported, to) && !under(imported, from) {
							out = append(out, p.ImportPath+" imports "+imported+": "+b.note)
						}
					}
				}
			}
		}
	}
	return out
}

func TestImports_go_down_the_house(t *testing.T) {
	list := packages(t)
	if len(list) < 10 {
		t.Fatalf("only %d packages found", len(list))
	}
	for _, breach := range breaches(list) {
		t.Error(breach)
	}
}

// A ban on a path that nobody has bans nothing.
func TestBans_name_what_there_is(t *testing.T) {
	list := packages(t)
	for _, b := range bans {
		for root := range strings.FieldsSeq(b.from + " " + b.to) {
			first, _, _ := strings.Cut(root, "/")
			ours := slices.Contains([]string{"adapters", "clients", "gen", "proto", "server"}, first)
			if ours && !slices.ContainsFunc(list, func(p pkg) bool { return under(p.ImportPath, root) }) {
				t.Errorf("no package under %s: %s", root, b.note)
			}
		}
	}
}

func TestBans_forbid_every_import_that_goes_up_or_sideways(t *testing.T) {
	// From the top; those of one line are side by side.
	floors := [][]string{
		{"server"},
		{"server/edge", "server/config"},
		{"server/gateway"},
		{"server/route", "server/dispatch", "server/usage", "server/shed"},
		{"server/fault"},
	}
	for i, floor := range floors {
		for _, from := range floor {
			for above, others := range floors[:i+1] {
				for _, to := range others {
					if from != to && len(breaches([]pkg{{module + from, []string{module + to}}})) == 0 {
						t.Errorf("nothing bans %s (floor %d) from %s (floor %d)", from, i, to, above)
					}
				}
			}
		}
	}
	for _, allowed := range [][2]string{
		{"server", "server/edge"},
		{"server", "server/config"},
		{"server/edge", "server/gateway"},
		{"server/edge", "server/edge/docs"},
		{"server/gateway", "server/route"},
		{"server/dispatch", "server/fault"},
		{"server/shed", "server/fault"},
		{"server/dispatch", "adapters"},
	} {
		if found := breaches([]pkg{{module + allowed[0], []string{module + allowed[1]}}}); len(found) > 0 {
			t.Error(found)
		}
	}
}

func TestAdapters_never_import_each_other(t *testing.T) {
	shared := []string{"adapters", "adapters/upstream", "adapters/translate", "adapters/identity"}
	for _, p := range packages(t) {
		if !under(p.ImportPath, "adapters") || under(p.ImportPath, "adapters/catalog") || under(p.ImportPath, "adapters/adaptertest") {
			continue
		}
		for _, imported := range p.Imports {
			if under(imported, "adapters") && imported != p.ImportPath && !slices.Contains(shared, strings.TrimPrefix(imported, module)) {
				t.Errorf("%s imports %s: adapters share the SPI, upstream, translate and identity alone", p.ImportPath, imported)
			}
		}
	}
}

func TestPackages_are_no_drawers(t *testing.T) {
	for _, p := range packages(t) {
		switch path.Base(p.ImportPath) {
		case "util", "utils", "common", "helpers", "types", "models", "misc", "shared":
			t.Errorf("%s: packages are named for the noun they own", p.ImportPath)
		}
	}
}
