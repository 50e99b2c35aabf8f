package main

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/google/licensecheck"
)

// allowed are the licences under which a module may be part of the program, by their
// SPDX names, with what an operator who ships it should know. None of them asks for
// the source of what is built with it.
var allowed = map[string]string{
	"Apache-2.0":   "",
	"MIT":          "",
	"BSD-2-Clause": "",
	"BSD-3-Clause": "",
	"ISC":          "",
	"MPL-2.0":      "changes of its own files must be published",
}

// licenceFile matches the names under which licences stand.
var licenceFile = regexp.MustCompile(`(?i)^(un)?(licen[cs]e|copying)(([-._].*)?)$|(?i)^mit-licen[cs]e`)

const (
	// minCoverage is the percentage of a licence file that must be text of licences known:
	// the rest are names, years and titles. With less, a condition of its own may hide.
	minCoverage = 70
	// maxLicenceBytes bounds a licence file; Apache's has 11 KiB.
	maxLicenceBytes = 1 << 20
)

// licences returns the SPDX names of the licences that stand in a module, each once and
// in alphabetical order. It is an error when there are none, or when a file says more
// than is known.
func (m *module) licences() ([]string, error) {
	var names []string
	for _, folder := range m.folders {
		entries, err := os.ReadDir(folder)
		if err != nil {
			return nil, err
		}
		for _, entry := range entries {
			if !entry.Type().IsRegular() || !licenceFile.MatchString(entry.Name()) || strings.HasSuffix(entry.Name(), ".go") {
				continue
			}
			found, err := licencesIn(filepath.Join(folder, entry.Name()))
			if err != nil {
				return nil, err
			}
			names = append(names, found...)
		}
	}
	if len(names) == 0 {
		return nil, errors.New("no licence file")
	}
	slices.Sort(names)
	return slices.Compact(names), nil
}

func licencesIn(path string) ([]string, error) {
	info, err := os.Stat(path) //nolint:gosec // G703: a file of a module that the program is built from
	if err != nil {
		return nil, err
	}
	if info.Size() > maxLicenceBytes {
		return nil, fmt.Errorf("%s has %d bytes, more than %d", filepath.Base(path), info.Size(), maxLicenceBytes)
	}
	text, err := os.ReadFile(path) //nolint:gosec // G304: as above
	if err != nil {
		return nil, err
	}
	coverage := licensecheck.Scan(text)
	if coverage.Percent < minCoverage {
		return nil, fmt.Errorf("%s is no licence that is known: %.0f%% of it are", filepath.Base(path), coverage.Percent)
	}
	var names []string
	for _, match := range coverage.Match {
		if !match.IsURL {
			names = append(names, match.ID)
		}
	}
	return names, nil
}

// refusal says why a module may not be part of the program; empty when it may.
func refusal(names []string, err error) string {
	if err != nil {
		return err.Error()
	}
	for _, name := range names {
		if _, ok := allowed[name]; !ok {
			return name + " is not on the list of licences allowed"
		}
	}
	return ""
}

// notes is what there is to know of licences that are allowed.
func notes(names []string) string {
	var list []string
	for _, name := range names {
		if allowed[name] != "" {
			list = append(list, allowed[name])
		}
	}
	return strings.Join(list, "; ")
}

// report writes the table of all modules when one is refused, or when it is asked for,
// and else a line.
func report(out io.Writer, modules []module, verbose bool) error {
	var rows strings.Builder
	table := tabwriter.NewWriter(&rows, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "\tMODULE\tVERSION\tLICENCE\tNOTE") // into memory, as all that follows
	refused, noted := 0, 0
	for i := range modules {
		m := &modules[i]
		names, err := m.licences()
		mark, note := "", refusal(names, err)
		if note != "" {
			mark = "REFUSED"
			refused++
		} else {
			if note = notes(names); note != "" {
				noted++
			}
		}
		_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%s\t%s\n", mark, m.path, m.version, strings.Join(names, ", "), note)
	}
	_ = table.Flush()
	if refused > 0 || verbose {
		if _, err := io.WriteString(out, rows.String()); err != nil {
			return err
		}
	}
	if refused > 0 {
		return fmt.Errorf("the licences of %d of %d modules in the program are not allowed", refused, len(modules))
	}
	_, err := fmt.Fprintf(out, "licences: %d modules in the program, all allowed, %d with a note\n", len(modules), noted)
	return err
}
