package server

import (
	"log/slog"
	"testing"
	"time"
)

func TestBuilder_gives_a_path_the_rule_of_the_entry_that_it_leads_to(t *testing.T) {
	c, err := Loader().Parse("sluice.yml", []byte(`
models:
  - {name: fast, aliases: [quick], on_disconnect: drain, targets: [{provider: sandbox, model: echo}]}
  - {name: "gpt-*", on_disconnect: drain, targets: [{provider: sandbox, model: echo}]}
routing:
  drain_cap: 7s
  paths:
    - {path: /name, model: fast}
    - {path: /alias, model: quick}
    - {path: /wildcard, model: gpt-5}
    - {path: /explicit, model: sandbox/echo}
    - {path: /provider, provider: sandbox, model: fast}
`))
	if err != nil {
		t.Fatal(err)
	}
	p, err := (&builder{logger: slog.New(slog.DiscardHandler)}).build(c)
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if err := p.closeProviders(); err != nil {
			t.Error(err)
		}
	}()
	for path, entry := range map[string]string{"/name": "fast", "/alias": "fast", "/wildcard": "gpt-*"} {
		if rule := p.Rules[path]; rule != p.Rules[entry] || rule.Drain != 7*time.Second {
			t.Errorf("%s has the rule %+v, want that of %s", path, rule, entry)
		}
	}
	for _, path := range []string{"/explicit", "/provider"} {
		rule := p.Rules[path]
		if rule == nil || rule.Drain != 0 || rule.Budget == nil || rule == p.Rules["sandbox/"] {
			t.Errorf("%s has the rule %+v, want one of its own", path, rule)
		}
	}
}
