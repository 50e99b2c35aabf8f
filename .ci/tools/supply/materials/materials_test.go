package main

import (
	"bytes"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// bsd is a licence as it stands in Go's own distribution of this machine.
func bsd(t *testing.T) string {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "env", "GOROOT").Output()
	if err != nil {
		t.Fatal(err)
	}
	text, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(out)), "LICENSE"))
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// isc is the text of opensource.org/license/isc-license-txt, as SPDX names it ISC.
const isc = `Copyright 2026 Somebody

Permission to use, copy, modify, and/or distribute this software for any purpose with or without fee is hereby granted,
provided that the above copyright notice and this permission notice appear in all copies.

THE SOFTWARE IS PROVIDED "AS IS" AND THE AUTHOR DISCLAIMS ALL WARRANTIES WITH REGARD TO THIS SOFTWARE INCLUDING ALL
IMPLIED WARRANTIES OF MERCHANTABILITY AND FITNESS. IN NO EVENT SHALL THE AUTHOR BE LIABLE FOR ANY SPECIAL, DIRECT,
INDIRECT, OR CONSEQUENTIAL DAMAGES OR ANY DAMAGES WHATSOEVER RESULTING FROM LOSS OF USE, DATA OR PROFITS, WHETHER IN AN
ACTION OF CONTRACT, NEGLIGENCE OR OTHER TORTIOUS ACTION, ARISING OUT OF OR IN CONNECTION WITH THE USE OR PERFORMANCE OF
THIS SOFTWARE.
`

// agpl is the notice that the licence itself asks to put into files.
const agpl = `This program is free software: you can redistribute it and/or modify it under the terms of the GNU Affero General
Public License as published by the Free Software Foundation, either version 3 of the License, or (at your option) any
later version.

This program is distributed in the hope that it will be useful, but WITHOUT ANY WARRANTY; without even the implied
warranty of MERCHANTABILITY or FITNESS FOR A PARTICULAR PURPOSE. See the GNU Affero General Public License for more
details.

You should have received a copy of the GNU Affero General Public License along with this program. If not, see
<https://www.gnu.org/licenses/>.
`

func TestLicences_are_refused_unless_they_are_known_and_allowed(t *testing.T) {
	tests := map[string]struct {
		files  map[string]string
		used   string // the folder of the package that the program uses
		refuse string // "" for none
		names  string
	}{
		"BSD":                   {map[string]string{"LICENSE": bsd(t)}, ".", "", "BSD-3-Clause"},
		"ISC":                   {map[string]string{"COPYING.md": isc}, ".", "", "ISC"},
		"two":                   {map[string]string{"LICENSE": bsd(t), "licence.isc": isc}, ".", "", "BSD-3-Clause, ISC"},
		"none":                  {map[string]string{"README": isc, "license.go": isc}, ".", "no licence file", ""},
		"a licence of no list":  {map[string]string{"LICENSE": agpl}, ".", "not on the list", "AGPL-3.0-or-later"},
		"something else":        {map[string]string{"LICENSE": "All rights are ours. " + strings.Repeat("Nobody may use this. ", 20)}, ".", "no licence that is known", ""},
		"a condition beside it": {map[string]string{"LICENSE": isc + strings.Repeat("It shall be used by good people for good deeds alone. ", 20)}, ".", "no licence that is known", ""},
		"beside what is used":   {map[string]string{"LICENSE": isc, "a/LICENSE": agpl, "b/x.go": ""}, "b", "", "ISC"},
		"above what is used":    {map[string]string{"LICENSE": isc, "a/LICENSE": agpl, "a/b/x.go": ""}, "a/b", "not on the list", "AGPL-3.0-or-later, ISC"},
		"one allowed, one not":  {map[string]string{"LICENSE": isc, "LICENSE.docs": agpl}, ".", "not on the list", "AGPL-3.0-or-later, ISC"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			for file, text := range test.files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			m := module{path: "example.org/m", version: "v1.0.0", dir: dir}
			m.use(filepath.Join(dir, test.used))
			names, err := m.licences()
			if got := strings.Join(names, ", "); got != test.names {
				t.Errorf("got %q, want %q", got, test.names)
			}
			why := refusal(names, err)
			if (why == "") != (test.refuse == "") || !strings.Contains(why, test.refuse) {
				t.Errorf("refused with %q, want %q", why, test.refuse)
			}
			var out bytes.Buffer
			err = report(&out, []module{m}, false)
			if (err != nil) != (test.refuse != "") || strings.Contains(out.String(), "REFUSED") != (test.refuse != "") {
				t.Errorf("%v: %s", err, out.String())
			}
		})
	}
}

func TestSbom_is_of_the_binary(t *testing.T) {
	binary := filepath.Join(t.TempDir(), "materials")
	if out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, out)
	}
	var first, second bytes.Buffer
	for _, out := range []*bytes.Buffer{&first, &second} {
		if err := run(t.Context(), []string{"sbom", "-version", "v1.2.3", binary}, out); err != nil {
			t.Fatal(err)
		}
	}
	if first.String() != second.String() {
		t.Error("two bills of one binary differ")
	}
	// The members are those of CycloneDX's JSON reference, 1.6.
	var bill struct {
		BOMFormat, SpecVersion string
		Metadata               struct {
			Component struct {
				Name, Version string
				Hashes        []struct{ Alg, Content string }
			}
		}
		Components []struct {
			Name, Version, Purl string
			Licenses            []struct{ License struct{ ID string } }
		}
	}
	if err := json.Unmarshal(first.Bytes(), &bill); err != nil {
		t.Fatal(err)
	}
	if c := bill.Metadata.Component; bill.BOMFormat != "CycloneDX" || bill.SpecVersion != "1.6" || c.Name != "materials" || c.Version != "v1.2.3" || len(c.Hashes) != 1 || len(c.Hashes[0].Content) != 64 {
		t.Errorf("got %+v", bill)
	}
	found := map[string]string{}
	for _, c := range bill.Components {
		for _, l := range c.Licenses {
			found[c.Name] = c.Purl + " " + l.License.ID
		}
	}
	for name, want := range map[string]string{
		"std":                               "pkg:golang/std@" + strings.TrimPrefix(runtime.Version(), "go") + " BSD-3-Clause",
		"github.com/google/licensecheck":    "pkg:golang/github.com/google/licensecheck@v0.3.1 BSD-3-Clause",
		"github.com/CycloneDX/cyclonedx-go": "pkg:golang/github.com/CycloneDX/cyclonedx-go@v0.12.0 Apache-2.0",
	} {
		if found[name] != want {
			t.Errorf("%s: got %q, want %q", name, found[name], want)
		}
	}
}
