package config

import (
	"fmt"
	"slices"
	"strings"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"
)

var (
	// reserved are the first segments of paths that Sluice serves itself.
	reserved = []string{"v1", "docs", "openapi.json", "healthz", "readyz", "metrics"}
	// services is what the names of gRPC and Connect services begin with, which are first
	// segments, too.
	services = []string{"sluice.", "grpc."}
	// apiSegments are what the paths of the API begin with below a prefix.
	apiSegments = []string{"v1", "chat", "embeddings", "models"}
)

func (d *document) checkPaths(c *configv1.Config, providers map[string]bool) {
	first := make(map[string]int)
	for i, p := range c.GetRouting().GetPaths() {
		at := fmt.Sprintf("routing.paths[%d]", i)
		if path := p.GetPath(); path != "" && !d.has(at+".path") {
			if j, twice := first[path]; twice {
				d.addf(at+".path", "the path %s stands here for the second time, first at routing.paths[%d]", path, j)
			} else {
				first[path] = i
				d.checkPath(at+".path", path)
			}
		}
		switch {
		case p.GetProvider() != "": // the model is the provider's
		case p.GetModel() == "":
			d.addf(at, "a path needs a provider, a model or both")
		case !resolves(c, providers, p.GetModel()):
			d.addf(at+".model", "no entry of models and no provider has the name %q", p.GetModel())
		}
	}
	for i, p := range c.GetRouting().GetPaths() {
		for j, other := range c.GetRouting().GetPaths() {
			below, ok := strings.CutPrefix(p.GetPath(), other.GetPath()+"/")
			if ok && slices.Contains(apiSegments, firstSegment(below)) {
				at := fmt.Sprintf("routing.paths[%d].path", i)
				d.addf(at, "%s is a path of the API below routing.paths[%d]", p.GetPath(), j)
				break
			}
		}
	}
}

func (d *document) checkPath(at, path string) {
	segment := firstSegment(path[1:])
	switch taken := func(start string) bool { return strings.HasPrefix(segment, start) }; {
	case slices.Contains(reserved, segment) || slices.ContainsFunc(services, taken):
		d.addf(at, "Sluice serves /%s itself: choose another path", segment)
	case slices.ContainsFunc(strings.Split(path, "/"), func(s string) bool { return s == "." || s == ".." }):
		d.addf(at, "no request can have the path %s: clients resolve . and ..", path)
	}
}

func firstSegment(path string) string {
	segment, _, _ := strings.Cut(path, "/")
	return segment
}

// resolves reports whether a call for that model finds a way, as package route decides
// it.
func resolves(c *configv1.Config, providers map[string]bool, name string) bool {
	if c.GetRouting().GetDefaultProvider() != "" {
		return true
	}
	if i := strings.IndexAny(name, "/:"); i > 0 && i < len(name)-1 && providers[name[:i]] {
		return true
	}
	return slices.ContainsFunc(c.GetModels(), func(m *configv1.Model) bool {
		before, after, wildcard := strings.Cut(m.GetName(), "*")
		return m.GetName() == name || slices.Contains(m.GetAliases(), name) ||
			wildcard && len(name) >= len(before)+len(after) && strings.HasPrefix(name, before) && strings.HasSuffix(name, after)
	})
}
