package route

import (
	"errors"
	"math/rand/v2"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/server/fault"
)

// FuzzResolve asks for any name, as the model and as a choice beside another.
func FuzzResolve(f *testing.F) {
	for _, name := range []string{"fast", "quick", "openai/gpt-4o", "openai:gpt-4o", "gpt-4o-mini", "gpt-4", "openai/", "/", ":", "*", "", "azure/openai/x", "openai", "fast,ordered", "\xff\x00\r\n", "ГПТ"} {
		f.Add(name, false, uint16(0))
		f.Add(name, true, uint16(FeatureVision))
	}
	models := append([]Model{{Name: "*-blind", Targets: []Target{{Provider: "local", Lacks: FeatureVision, Weight: 1}}}}, names...)
	strict, lenient := build(f, models, ""), build(f, models, "azure")
	f.Fuzz(func(t *testing.T, name string, byDefault bool, features uint16) {
		table := strict
		if byDefault {
			table = lenient
		}
		for _, q := range []*Query{
			{Model: name, Features: Feature(features)},
			{Choices: []string{name, "ordered"}, Features: Feature(features)},
			{Model: name, Choices: []string{"openai", name}, Features: Feature(features)},
		} {
			d, err := table.Resolve(q, nil, rand.Float64)
			if err != nil {
				refusedWell(t, err)
				if byDefault && name != "" && !strings.HasSuffix(name, "-blind") {
					t.Fatalf("%q: %v, though there is a default provider", name, err)
				}
				continue
			}
			if len(d.Targets) == 0 {
				t.Fatalf("%q goes nowhere", name)
			}
			for i, target := range d.Targets {
				if !table.providers[target.Provider] || target.Model == "" || target.Lacks&q.Features != 0 {
					t.Fatalf("%q: %+v", name, target)
				}
				for _, other := range d.Targets[:i] {
					if other.Provider == target.Provider && other.Model == target.Model && other.ID == target.ID {
						t.Fatalf("%q: %+v stands twice", name, target)
					}
				}
			}
		}
		// What is explicit goes there under any name, unless an entry has it.
		if name != "" && !table.Has("openai:"+name) {
			if d, err := table.Resolve(&Query{Model: "openai:" + name}, nil, nil); err != nil || list(d.Targets) != "openai="+name || d.Route != "" {
				t.Fatalf("openai:%q: %v %v", name, d, err)
			}
		}
		if table.Has(name) {
			if d, err := table.Resolve(&Query{Model: name}, nil, rand.Float64); err != nil || d.Route == "" {
				t.Fatalf("%q: %v %v", name, d, err)
			}
		}
	})
}

// refusedWell checks that an error can be shown to anybody.
func refusedWell(t *testing.T, err error) {
	t.Helper()
	f, ok := errors.AsType[*fault.Error](err)
	if !ok {
		t.Fatalf("%v is no fault", err)
	}
	switch f.Reason {
	case sluicev1.ErrorReason_ERROR_REASON_INVALID_REQUEST, sluicev1.ErrorReason_ERROR_REASON_MODEL_NOT_FOUND, sluicev1.ErrorReason_ERROR_REASON_UNSUPPORTED:
	default:
		t.Fatalf("%v", err)
	}
	if len(f.Message()) > 2000 || strings.ContainsFunc(f.Message(), func(r rune) bool { return r < ' ' || r > '~' }) {
		t.Fatalf("message of %d bytes: %q", len(f.Message()), f.Message())
	}
}
