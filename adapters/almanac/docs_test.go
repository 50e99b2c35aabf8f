package almanac

import (
	"flag"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
	"testing"
)

var update = flag.Bool("update", false, "write the table of docs/models.md anew")

const (
	document   = "../../docs/models.md"
	tableBegin = "<!-- table: begin -->\n"
	tableEnd   = "<!-- table: end -->"
)

func TestDocument_has_the_table_of_the_catalog(t *testing.T) {
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	before, rest, ok := strings.Cut(string(data), tableBegin)
	old, after, found := strings.Cut(rest, tableEnd)
	if !ok || !found {
		t.Fatalf("%s has no place for the table", document)
	}
	table := table(Embedded())
	if old == table {
		return
	}
	if !*update {
		t.Fatalf("the table of %s is out of date: go test ./adapters/almanac -update", document)
	}
	if err := os.WriteFile(document, []byte(before+tableBegin+table+tableEnd+after), 0o644); err != nil {
		t.Fatal(err)
	}
}

func TestDocument_shows_a_file_that_works(t *testing.T) {
	data, err := os.ReadFile(document)
	if err != nil {
		t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(data), "```yaml\n# models.yaml\n")
	file, _, ok := strings.Cut(rest, "```")
	if !ok {
		t.Fatal("there is no file in the document")
	}
	a, err := Embedded().With("models.yaml", []byte(file), nil)
	if err != nil {
		t.Fatal(err)
	}
	if m := a.Lookup("custom", "my-llama"); m == nil || m.ContextWindow != a.Lookup("groq", "llama-3.3-70b-versatile").ContextWindow {
		t.Errorf("got %+v", m)
	}
	if m := a.Lookup("custom", "house-model"); m == nil || m.Source != "https://wiki.example.com/models" || m.EmbeddingDimensions != 1024 {
		t.Errorf("got %+v", m)
	}
	if here, there := a.Lookup("groq", "llama-3.3-70b-versatile"), a.Lookup("cerebras", "llama-3.3-70b"); here.Price.Input != 0.5 || there.Price.Input == 0.5 {
		t.Errorf("got %+v and %+v", here.Price, there.Price)
	}
}

// table has a row for each model, and one more for each kind of provider where something
// else holds of it.
func table(a *Almanac) string {
	kinds := make(map[string][]string) // by row
	var rows []string
	for _, e := range a.entries {
		var own []string
		for _, m := range a.Models() {
			if m.Name != e.name {
				continue
			}
			row := row(m)
			if !slices.Contains(own, row) {
				own = append(own, row)
			}
			if !slices.Contains(kinds[row], m.Kind) {
				kinds[row] = append(kinds[row], m.Kind)
			}
		}
		rows = append(rows, own...)
	}
	var b strings.Builder
	b.WriteString("| model | kinds | window | answer | in | cached | write | out | can | lacks | as of |\n|---|---|--:|--:|--:|--:|--:|--:|---|---|---|\n")
	for _, row := range rows {
		b.WriteString(strings.Replace(row, "KINDS", strings.Join(kinds[row], ", "), 1))
	}
	return b.String()
}

func row(m *Model) string {
	tokens := func(n int64) string {
		if n == 0 {
			return ""
		}
		return strconv.FormatInt(n, 10)
	}
	var in, cached, write, out string
	if p := m.Price; p != nil {
		in, out = dollars(&p.Input), dollars(&p.Output)
		cached, write = dollars(p.CachedInput), dollars(p.CacheWrite)
	}
	can := m.Can.String()
	if m.EmbeddingDimensions > 0 {
		can += fmt.Sprintf(" (%d)", m.EmbeddingDimensions)
	}
	return fmt.Sprintf("| `%s` | KINDS | %s | %s | %s | %s | %s | %s | %s | %s | [%s](%s) |\n",
		m.Name, tokens(m.ContextWindow), tokens(m.MaxOutputTokens), in, cached, write, out, can, m.Lacks, m.AsOf, m.Source)
}

func dollars(price *float64) string {
	if price == nil {
		return ""
	}
	return strconv.FormatFloat(*price, 'f', -1, 64)
}
