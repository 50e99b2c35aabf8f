package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
)

// module is one that a program is built from.
type module struct {
	// path is the module's, "std" for Go's own library.
	path, version string
	// dir holds its source.
	dir string
	// folders are those of its packages that the program uses, and all that are above
	// them up to dir: a licence may stand in each.
	folders []string
}

// modulesOf returns the modules of a package and of everything that it imports, in
// the order of their paths. The main module, whose licence is ours, is left out.
// environment, as "GOOS=linux", says for what the package is built.
func modulesOf(ctx context.Context, pkg string, environment ...string) ([]module, error) {
	type listed struct {
		Dir      string
		Standard bool
		Module   *struct {
			Path, Version, Dir string
			Main               bool
			Replace            *struct{ Path, Version, Dir string }
		}
	}
	found := map[string]*module{}
	err := goList(ctx, environment, func(p *listed) error {
		path, version, dir := "std", runtime.Version(), runtime.GOROOT() //nolint:staticcheck // built and run on the same machine
		switch {
		case p.Standard:
			// The library has one licence; what is vendored in it is the same authors' own.
			p.Dir = dir
		case p.Module == nil:
			return fmt.Errorf("the package in %s belongs to no module", p.Dir)
		case p.Module.Main:
			return nil
		default:
			path, version, dir = p.Module.Path, p.Module.Version, p.Module.Dir
			if r := p.Module.Replace; r != nil {
				version, dir = cmp.Or(r.Version, "replaced"), r.Dir
			}
		}
		m := found[path]
		if m == nil {
			m = &module{path: path, version: version, dir: dir}
			found[path] = m
		}
		m.use(p.Dir)
		return nil
	}, "-deps", "-json=Dir,Standard,Module", pkg)
	if err != nil {
		return nil, err
	}
	list := make([]module, 0, len(found))
	for _, path := range slices.Sorted(maps.Keys(found)) {
		list = append(list, *found[path])
	}
	return list, nil
}

// use adds the folder of a package and those above it.
func (m *module) use(folder string) {
	for {
		if slices.Contains(m.folders, folder) {
			return
		}
		m.folders = append(m.folders, folder)
		if folder == m.dir || !strings.HasPrefix(folder, m.dir+string(filepath.Separator)) {
			return
		}
		folder = filepath.Dir(folder)
	}
}

// goList runs go list and hands each of the objects that it prints to each.
func goList[T any](ctx context.Context, environment []string, each func(*T) error, args ...string) error {
	cmd := exec.CommandContext(ctx, "go", append([]string{"list"}, args...)...) //nolint:gosec // G204: packages of this repository
	cmd.Env = append(os.Environ(), environment...)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return fmt.Errorf("go list: %w: %s", err, strings.TrimSpace(complaint.String()))
	}
	decoder := json.NewDecoder(strings.NewReader(string(out)))
	for {
		object := new(T)
		if err := decoder.Decode(object); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("go list: %w", err)
		}
		if err := each(object); err != nil {
			return err
		}
	}
}
