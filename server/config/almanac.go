package config

import (
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"

	"github.com/sluice-ai/sluice/adapters/almanac"
)

// almanac returns what is known of models: what Sluice knows by itself, with the file of
// the configuration put over it.
func (d *document) almanac(m *configv1.Catalog, kinds []Kind, s *secrets) *almanac.Almanac {
	known := almanac.Embedded()
	text, ok := d.named("catalog.file", m.GetFile(), s)
	if !ok || s.peek {
		return known
	}
	file := m.GetFile()
	if !filepath.IsAbs(file) {
		file = filepath.Join(s.folder, file)
	}
	var names []string
	for _, k := range kinds {
		names = append(names, k.Name)
	}
	with, err := known.With(file, text, names)
	if err != nil {
		broken, _ := errors.AsType[*almanac.Error](err)
		for _, p := range broken.Problems {
			d.report(Problem{file, p.Line, p.Column, p.Path, p.Message})
		}
		return known
	}
	return with
}

// checkPrices warns of targets of the strategy cheapest whose price nobody knows.
func (d *document) checkPrices(c *Config) {
	kinds := make(map[string]string, len(c.Providers))
	for _, p := range c.Providers {
		kinds[p.Name] = p.Kind
	}
	for i, m := range c.Models {
		if m.Strategy != "cheapest" || len(m.Targets) < 2 {
			continue
		}
		for j, t := range m.Targets {
			if t.Price == nil && !priced(c.Almanac, kinds[t.Provider], m.Name, t.Model) {
				d.warn(fmt.Sprintf("models[%d].targets[%d]", i, j), "strategy cheapest takes a target without a price after all others")
			}
		}
	}
}

// priced tells whether the price of a target's model is known. Of a wildcard's models it
// may be.
func priced(known *almanac.Almanac, kind, name, model string) bool {
	if model == "" && strings.Contains(name, "*") {
		return slices.Contains(known.Kinds(), kind)
	}
	if model == "" {
		model = name
	}
	found := known.Lookup(kind, model)
	return found != nil && found.Price != nil
}
