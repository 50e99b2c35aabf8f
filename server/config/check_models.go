package config

import (
	"errors"
	"fmt"
	"slices"

	"google.golang.org/protobuf/proto"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// checkNames refuses a name or alias that stands twice.
func (d *document) checkNames(models []*configv1.Model) {
	first := make(map[string]string)
	check := func(path, at, name string) {
		where, twice := first[name]
		switch {
		case name == "": // has been reported
		case twice:
			d.addf(path, "the name %q stands here for the second time, first at %s", name, where)
		default:
			first[name] = at
		}
	}
	for i, m := range models {
		at := fmt.Sprintf("models[%d]", i)
		check(at+".name", at, m.GetName())
		for j, alias := range m.GetAliases() {
			path := fmt.Sprintf("%s.aliases[%d]", at, j)
			check(path, path, alias)
		}
	}
}

// checkModel finds what concerns more than one field of a model.
func (d *document) checkModel(path string, m *configv1.Model) {
	d.checkCanaries(path, m.GetTargets())
	if m.GetStrategy() != "sticky" && d.says(path+".sticky", m.GetSticky()) {
		d.addf(path+".sticky", "sticky needs strategy: sticky; the strategy is %s", m.GetStrategy())
	}
	for i, t := range m.GetTargets() {
		at := fmt.Sprintf("%s.targets[%d]", path, i)
		d.checkHeaderNames(at+".headers", t.GetHeaders())
		d.checkParameters(at+".parameters", t.GetParameters())
	}
}

// says reports whether the file, and not the defaults alone, has a key below path.
func (d *document) says(path string, m proto.Message) bool {
	fields := m.ProtoReflect().Descriptor().Fields()
	for i := range fields.Len() {
		if _, ok := d.positions[child(path, ".", string(fields.Get(i).Name()))]; ok {
			return true
		}
	}
	return false
}

// roundingError is what sums of percentages as 33.3 may be above 100.
const roundingError = 1e-9

func (d *document) checkCanaries(path string, targets []*configv1.Target) {
	sum, canaries := 0.0, 0
	for i, t := range targets {
		if t.CanaryPercent == nil {
			continue
		}
		canaries++
		before := sum
		if sum += t.GetCanaryPercent(); sum > 100+roundingError && before <= 100+roundingError {
			d.addf(fmt.Sprintf("%s.targets[%d].canary_percent", path, i), "the canaries of the model have %.6g percent together, more than 100", sum)
		}
	}
	if canaries > 0 && canaries == len(targets) {
		d.addf(path+".targets", "every target is a canary: one without canary_percent must be there for all other calls")
	}
}

// fixed are the members that say what a call is, and by which it was routed.
var fixed = []string{"model", "messages", "input", "stream"}

func (d *document) checkParameters(path string, p *configv1.Parameters) {
	for i, name := range p.GetDrop() {
		if slices.Contains(fixed, name) {
			d.addf(fmt.Sprintf("%s.drop[%d]", path, i), "%s cannot be changed", name)
		}
	}
	for _, key := range []string{"default", "set"} {
		for _, m := range d.members[path+"."+key] {
			switch {
			case slices.Contains(fixed, m.name):
				d.addf(m.path, "%s cannot be changed", m.name)
			case m.name == "$absent": // see proto/wirejson/options.proto
				d.addf(m.path, "no member can have the name %s", m.name)
			default:
				d.checkMember(path+"."+key, m)
			}
		}
	}
}

// checkMember refuses a value that no chat or no embeddings request takes under that
// name. Members that neither knows may have any.
func (d *document) checkMember(path string, m member) {
	for _, request := range []wirejson.Message{&sluicev1.ChatCompletionRequest{}, &sluicev1.CreateEmbeddingsRequest{}} {
		object := append(wirejson.AppendString([]byte{'{'}, m.name), ':')
		object = append(append(object, m.value...), '}')
		var invalid *wirejson.Error
		switch err := wirejson.Unmarshal(object, request, wirejson.Options{}); {
		case err == nil:
			continue
		case !errors.As(err, &invalid):
			d.addf(m.path, "%v", err)
		case invalid.Path == "" || invalid.Path[0] == '[':
			d.addf(path+invalid.Path, "%s", invalid.Reason)
		default:
			d.addf(path+"."+invalid.Path, "%s", invalid.Reason)
		}
		return
	}
}
