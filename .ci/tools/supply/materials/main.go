// Command materials says what the program is made of: whether the licence of each
// module in it may be used, and as a bill of materials.
//
//	materials licences [-v] PACKAGE     the modules that PACKAGE is built from
//	materials sbom -version V BINARY    a CycloneDX bill of BINARY, as JSON
//
// It runs in the folder of the main module and asks nobody over the network.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
)

const usage = "usage: materials licences [-v] PACKAGE | materials sbom -version VERSION BINARY"

func main() {
	if err := run(context.Background(), os.Args[1:], os.Stdout); err != nil {
		_, _ = fmt.Fprintf(os.Stderr, "materials: %v\n", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string, out io.Writer) error {
	if len(args) == 0 {
		return fmt.Errorf("%s", usage)
	}
	flags := flag.NewFlagSet(args[0], flag.ContinueOnError)
	verbose := flags.Bool("v", false, "print the table also when all is well")
	version := flags.String("version", "", "the version of the program")
	if err := flags.Parse(args[1:]); err != nil {
		return err
	}
	if flags.NArg() != 1 {
		return fmt.Errorf("%s", usage)
	}
	switch args[0] {
	case "licences":
		modules, err := modulesOf(ctx, flags.Arg(0))
		if err != nil {
			return err
		}
		return report(out, modules, *verbose)
	case "sbom":
		return writeBill(ctx, out, flags.Arg(0), *version)
	}
	return fmt.Errorf("%s", usage)
}
