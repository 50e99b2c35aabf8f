package main

import (
	"context"
	"crypto/sha256"
	"debug/buildinfo"
	"encoding/hex"
	"fmt"
	"io"
	"net/url"
	"os"
	"path"
	"runtime/debug"
	"strings"

	cdx "github.com/CycloneDX/cyclonedx-go"
)

// writeBill writes the bill of a binary. It says what the binary itself says of the
// modules in it, so it is of this binary and no other: the same bytes, the same bill.
func writeBill(ctx context.Context, out io.Writer, binary, version string) error {
	info, err := buildinfo.ReadFile(binary)
	if err != nil {
		return err
	}
	content, err := os.ReadFile(binary) //nolint:gosec // G304: whose bill is asked for
	if err != nil {
		return err
	}
	from, err := sources(ctx, info)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(content)
	program := cdx.Component{
		BOMRef: "program", Type: cdx.ComponentTypeApplication, Name: path.Base(info.Path), Version: version,
		PackageURL: packageURL(info.Main.Path, version),
		Hashes:     &[]cdx.Hash{{Algorithm: cdx.HashAlgoSHA256, Value: hex.EncodeToString(sum[:])}},
		Properties: &[]cdx.Property{{Name: "go:version", Value: info.GoVersion}},
	}
	for _, s := range info.Settings {
		*program.Properties = append(*program.Properties, cdx.Property{Name: "go:build:" + s.Key, Value: s.Value})
	}
	// Go's own library is no module, but in every program.
	deps := append([]*debug.Module{{Path: "std", Version: strings.TrimPrefix(info.GoVersion, "go")}}, info.Deps...)
	components := make([]cdx.Component, 0, len(deps))
	for _, dep := range deps {
		c, err := component(dep, from[dep.Path])
		if err != nil {
			return err
		}
		components = append(components, c)
	}
	refs := make([]string, len(components))
	for i, c := range components {
		refs[i] = c.BOMRef
	}
	bill := cdx.NewBOM()
	bill.Metadata = &cdx.Metadata{Component: &program}
	bill.Components = &components
	bill.Dependencies = &[]cdx.Dependency{{Ref: "program", Dependencies: &refs}}
	return cdx.NewBOMEncoder(out, cdx.BOMFileFormatJSON).SetPretty(true).EncodeVersion(bill, cdx.SpecVersion1_6)
}

// component is a module of the binary, whose source is from.
func component(dep *debug.Module, from *module) (cdx.Component, error) {
	c := cdx.Component{Type: cdx.ComponentTypeLibrary, Name: dep.Path, Version: dep.Version, PackageURL: packageURL(dep.Path, dep.Version)}
	c.BOMRef = c.PackageURL
	names, err := from.licences()
	if err != nil {
		return c, fmt.Errorf("%s: %w", dep.Path, err)
	}
	c.Licenses = chosen(names)
	if dep.Sum != "" {
		// No hash of CycloneDX's: go.sum's is over the hashes of the module's files.
		c.Properties = &[]cdx.Property{{Name: "go:sum", Value: dep.Sum}}
	}
	return c, nil
}

// sources finds the sources of the modules of a binary, by their paths. They must be
// those that the main module here would be built from: of others nothing is known.
func sources(ctx context.Context, info *debug.BuildInfo) (map[string]*module, error) {
	var platform []string
	for _, s := range info.Settings {
		if s.Key == "GOOS" || s.Key == "GOARCH" || s.Key == "CGO_ENABLED" {
			platform = append(platform, s.Key+"="+s.Value)
		}
	}
	list, err := modulesOf(ctx, info.Path, platform...)
	if err != nil {
		return nil, err
	}
	found := map[string]*module{}
	for i := range list {
		found[list[i].path] = &list[i]
	}
	for _, dep := range info.Deps {
		switch m := found[dep.Path]; {
		case dep.Replace != nil:
			return nil, fmt.Errorf("%s was replaced when the program was built", dep.Path)
		case m == nil:
			return nil, fmt.Errorf("the program holds %s, which its source does not use: build it first", dep.Path)
		case m.version != dep.Version:
			return nil, fmt.Errorf("the program holds %s %s, its source names %s: build it first", dep.Path, dep.Version, m.version)
		}
	}
	return found, nil
}

// packageURL is the name of a module in the language of package URLs. Slashes part
// its namespace and stay.
func packageURL(module, version string) string {
	segments := strings.Split(module, "/")
	for i := range segments {
		segments[i] = url.PathEscape(segments[i])
	}
	return "pkg:golang/" + strings.Join(segments, "/") + "@" + url.PathEscape(version)
}

func chosen(names []string) *cdx.Licenses {
	list := make(cdx.Licenses, 0, len(names))
	for _, name := range names {
		list = append(list, cdx.LicenseChoice{License: &cdx.License{ID: name}})
	}
	return &list
}
