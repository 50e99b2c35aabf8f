package config_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	"github.com/sluice-ai/sluice/server/config"
)

func FuzzParse(f *testing.F) {
	f.Add([]byte(example))
	f.Add([]byte(everything))
	f.Add([]byte("a: &a [*a]\n"))
	f.Add([]byte("? [complex]\n: x\n<<: {}\n"))
	f.Add(withSet("{a: &v [*v, {b: *v}], 1: 0x1F, c: [.5, 1., -0b11, 1_0, +1e3, 010, ~, \"\\x01\"]}"))
	files, _ := filepath.Glob("testdata/conf.*.yml")
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		l := loader("OPENAI_API_KEY", "k")
		l.ReadFile = func(string) ([]byte, error) { return nil, os.ErrNotExist }
		c, err := l.Parse("c.yml", data)
		if (c == nil) == (err == nil) {
			t.Fatalf("config %v and error %v", c, err)
		}
		if err == nil {
			checkPromises(t, c)
		}
	})
}

// checkPromises checks what the types say of every configuration.
func checkPromises(t *testing.T, c *config.Config) {
	t.Helper()
	taken := make(map[string]bool)
	for _, m := range c.Models {
		for _, name := range append([]string{m.Name}, m.Aliases...) {
			if name == "" || taken[name] {
				t.Errorf("the name %q is empty or stands twice", name)
			}
			taken[name] = true
		}
		if m.Strategy == "" || m.OnDisconnect == "" || len(m.Sticky.By) == 0 || len(m.Targets) == 0 {
			t.Errorf("incomplete: %+v", m)
		}
		share, ordinary := 0.0, 0
		for _, target := range m.Targets {
			if target.Canary != nil {
				share += *target.Canary
			} else {
				ordinary++
			}
			for _, text := range []string{target.Parameters.Default, target.Parameters.Set} {
				if text != "" && (text[0] != '{' || !json.Valid([]byte(text))) {
					t.Errorf("no JSON object: %s", text)
				}
			}
		}
		if share > 100.001 || ordinary == 0 {
			t.Errorf("canaries: %+v", m.Targets)
		}
	}
	for _, p := range c.Providers {
		names := make(map[string]bool)
		for _, k := range p.Keys {
			if k.Name == "" || names[k.Name] || k.Value.Reveal() == "" {
				t.Errorf("key %q of %s", k.Name, p.Name)
			}
			names[k.Name] = true
		}
		if len(p.Keys) != len(p.APIKeys) {
			t.Errorf("%d keys, %d values", len(p.Keys), len(p.APIKeys))
		}
	}
}
