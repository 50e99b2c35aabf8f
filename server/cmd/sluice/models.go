package main

import (
	"encoding/json"
	"fmt"
	"io"
	"strconv"
	"strings"
	"text/tabwriter"

	"github.com/sluice-ai/sluice/server"
)

type modelsCommand struct {
	source

	JSON bool `help:"Print JSON." name:"json"`
}

// Run asks the providers and prints a table.
func (c *modelsCommand) Run(b bound) error {
	loaded, err := c.load(b.process)
	if err != nil {
		return err
	}
	inventory, err := server.TakeInventory(b, loaded, versionName())
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(b.process.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(inventory)
	}
	if err := printModels(b.process.stdout, inventory); err != nil {
		return err
	}
	for _, f := range inventory.Failed {
		b.process.complainf("sluice: the models of %s are not known: %s\n", f.Provider, f.Error)
	}
	return nil
}

// unknown stands in the table for what nobody knows.
const unknown = "-"

func printModels(w io.Writer, inventory *server.Inventory) error {
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	row := func(cells ...string) { _, _ = fmt.Fprintln(table, strings.Join(cells, "\t")) } // Flush tells
	model := func(name, goesTo string, f *server.ModelFacts) {
		var input, output *float64
		if f.Price != nil {
			input, output = f.Price.Input, f.Price.Output
		}
		can := strings.Join(f.Capabilities, " ")
		if f.EmbeddingDimensions > 0 {
			can += fmt.Sprintf(" (%d dimensions)", f.EmbeddingDimensions)
		}
		if can == "" {
			can = unknown
		}
		row(name, goesTo, tokens(f.ContextWindow), tokens(f.MaxOutputTokens), dollars(input), dollars(output), can)
	}
	row("MODEL", "PROVIDER", "WINDOW", "MAX OUT", "$/M IN", "$/M OUT", "CAN")
	for _, r := range inventory.Routes {
		model(r.Name, strings.Join(r.Targets, ", "), &r.ModelFacts)
	}
	for _, m := range inventory.Models {
		model(m.ID, m.Provider, &m.ModelFacts)
	}
	return table.Flush()
}

// tokens writes a number with its digits in groups of three.
func tokens(n int64) string {
	if n == 0 {
		return unknown
	}
	text := strconv.FormatInt(n, 10)
	for i := len(text) - 3; i > 0; i -= 3 {
		text = text[:i] + "," + text[i:]
	}
	return text
}

// dollars writes a price with cents, and smaller parts of them when there are some.
func dollars(price *float64) string {
	if price == nil {
		return unknown
	}
	text := strconv.FormatFloat(*price, 'f', -1, 64)
	if _, fraction, _ := strings.Cut(text, "."); len(fraction) < 2 {
		text = strconv.FormatFloat(*price, 'f', 2, 64)
	}
	return text
}
