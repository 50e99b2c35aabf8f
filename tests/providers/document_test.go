package providers_test

import (
	"fmt"
	"os"
	"slices"
	"strings"
	"testing"
)

const (
	documentPath = "../../docs/providers.md"

	honoured, translated, refused = "=", "~", "-"
)

func (o outcome) sign() string {
	switch {
	case o == "":
		return honoured
	case o.refused():
		return refused
	}
	return translated
}

// dialects are the rows that have a column in the document; the others speak OpenAI's
// dialect, and of them only what differs is told.
var dialects = []string{
	"openai", "azure (v1)", "azure (deployments)", "anthropic", "anthropic (newest)", "vertex (claude)", "gemini", "gemini 3", "vertex (gemini)", "bedrock (claude)", "bedrock (nova)",
}

// grid is the whole matrix, a line per provider and a sign per case.
func grid(w *world, table map[string]map[string]outcome) string {
	var b strings.Builder
	for i, c := range cases {
		fmt.Fprintf(&b, "%s%s\n", strings.Repeat("| ", i)+"+-", c.name)
	}
	for _, to := range w.targets {
		for _, c := range cases {
			b.WriteString(table[to.Name][c.name].sign() + " ")
		}
		b.WriteString(" " + to.Name + "\n")
	}
	return b.String()
}

// page is docs/providers.md.
func page(w *world, table map[string]map[string]outcome) string {
	var b strings.Builder
	b.WriteString(`# Chats, provider by provider

Every chat comes in by OpenAI's contract, whoever serves it. This page says what becomes of its
members on the way: it is written by a test, which asks each provider's fake the same questions
through REST and gRPC, whole and streamed, and looks at the answers
(` + "`cd tests && go test ./providers -update`" + ` writes it; the fakes are held against the
providers' official SDKs). The models stand for their kind: what a model can do differs.

- **=** honoured: all of the request arrives as it was.
- **~** translated: members have another name, place or form there, or are left out where that
  says the same. The answer is right, and the header ` + "`x-sluice-translation`" + ` names them all.
- **–** refused: the API cannot say it, and the error (reason ` + "`UNSUPPORTED`" + `) names the member and
  the target. The provider's setting ` + "`unsupported_params`" + `, or the header
  ` + "`x-sluice-unsupported-params`" + ` of a call, has it dropped or passed instead.

## Dialects

`)
	b.WriteString("| |")
	for _, row := range dialects {
		fmt.Fprintf(&b, " %s |", row)
	}
	b.WriteString("\n|---|" + strings.Repeat(":-:|", len(dialects)) + "\n")
	for _, c := range cases {
		fmt.Fprintf(&b, "| %s |", c.name)
		for _, row := range dialects {
			fmt.Fprintf(&b, " %s |", strings.ReplaceAll(table[row][c.name].sign(), "-", "–"))
		}
		b.WriteString("\n")
	}
	b.WriteString("\n## Providers of OpenAI's dialect\n\nWhat is not named here is honoured.\n\n| provider | translated | refused |\n|---|---|---|\n")
	for _, to := range w.targets {
		if slices.Contains(dialects, to.Name) {
			continue
		}
		fmt.Fprintf(&b, "| %s | %s | %s |\n", to.Name, changes(table[to.Name]), refusals(table[to.Name]))
	}
	for _, row := range []string{"anthropic", "anthropic (newest)", "gemini", "gemini 3", "bedrock (claude)", "bedrock (nova)"} {
		fmt.Fprintf(&b, "\n## What becomes of what: %s\n\n| chat | request |\n|---|---|\n", row)
		for _, c := range cases {
			if o := table[row][c.name]; o != "" {
				fmt.Fprintf(&b, "| %s | %s |\n", c.name, spaced(o))
			}
		}
	}
	b.WriteString("\n## Sources\n\n")
	told := map[string]bool{}
	for _, to := range w.targets {
		key := strings.Join(to.Want.Rows, ", ")
		if told[key] {
			continue
		}
		told[key] = true
		fmt.Fprintf(&b, "- %s: %s\n", key, strings.Join(to.Want.Sources, ", "))
	}
	return b.String()
}

// spaced lets lines break.
func spaced(o outcome) string {
	if o.refused() {
		return string(o)
	}
	var parts []string
	for part := range strings.SplitSeq(string(o), "; ") {
		fate, list, _ := strings.Cut(part, "=")
		var items []string
		for item := range strings.SplitSeq(list, ",") {
			from, to, moved := strings.Cut(item, ">")
			text := "`" + from + "`"
			if moved && to != from {
				text += " → `" + to + "`"
			}
			items = append(items, text)
		}
		parts = append(parts, fate+" "+strings.Join(items, ", "))
	}
	return strings.Join(parts, "; ")
}

// changes are those of all cases, each once.
func changes(row map[string]outcome) string {
	var all []string
	for _, c := range cases {
		if o := row[c.name]; o != "" && !o.refused() {
			for part := range strings.SplitSeq(spaced(o), "; ") {
				if !slices.Contains(all, part) {
					all = append(all, part)
				}
			}
		}
	}
	return strings.Join(all, "; ")
}

func refusals(row map[string]outcome) string {
	var all []string
	for _, c := range cases {
		if o := row[c.name]; o.refused() {
			for member := range strings.SplitSeq(strings.TrimPrefix(string(o), refusedPrefix), ", ") {
				if item := "`" + member + "`"; !slices.Contains(all, item) {
					all = append(all, item)
				}
			}
		}
	}
	return strings.Join(all, ", ")
}

// checkDocument holds docs/providers.md to the matrix, or writes it.
func checkDocument(t *testing.T, text string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(documentPath, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	have, err := os.ReadFile(documentPath)
	if err != nil {
		t.Fatal(err)
	}
	if string(have) != text {
		t.Error("docs/providers.md is not what the matrix says: run this test with -update")
	}
}
