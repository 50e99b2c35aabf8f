package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"runtime"
	"runtime/debug"
	"strings"

	"github.com/alecthomas/kong"

	"github.com/sluice-ai/sluice/server"
	"github.com/sluice-ai/sluice/server/config"
)

// Exit codes.
const (
	exitOK      = 0
	exitFailure = 1
	exitUsage   = 2
)

// process is what a command has of its process.
type process struct {
	stdout, stderr io.Writer
	lookupEnv      func(string) (string, bool)
	signals        <-chan os.Signal
}

// complain writes to stderr, whose failure there is nobody to tell of.
func (p process) complainf(format string, args ...any) { _, _ = fmt.Fprintf(p.stderr, format, args...) }

// commands is the command line.
type commands struct {
	Serve   serveCommand   `cmd:"" help:"Serve until SIGTERM. SIGHUP and a changed file take up the configuration anew."`
	Check   checkCommand   `cmd:"" help:"Say everything that is wrong with a configuration, and start nothing."`
	Models  modelsCommand  `cmd:"" help:"List what can be called: the configuration's names, and what its providers list."`
	Status  statusCommand  `cmd:"" help:"Ask a running Sluice how its targets, providers and keys are."`
	Schema  schemaCommand  `cmd:"" help:"Print the JSON schema of the configuration file."`
	Version versionCommand `cmd:"" help:"Print the version."`
}

// source says where the configuration comes from.
type source struct {
	Config   string `help:"Configuration file, YAML. Without one: the sandbox, and each provider whose usual key is in the environment ($$SLUICE_CONFIG)." placeholder:"FILE" short:"c"`
	HTTP     string `help:"Listen here for REST and Connect, in place of listen.http ($$SLUICE_HTTP)."                                                     name:"http"        placeholder:"ADDR"`
	GRPC     string `help:"Listen here for gRPC, in place of listen.grpc; off for none ($$SLUICE_GRPC)."                                                   name:"grpc"        placeholder:"ADDR"`
	Admin    string `help:"Listen here for health, metrics and status, in place of listen.admin; off for none ($$SLUICE_ADMIN)."                           name:"admin"       placeholder:"ADDR"`
	Insecure bool   `help:"Let everybody call who reaches the address, as auth.insecure ($$SLUICE_INSECURE)."`
}

// load reads the configuration.
func (s *source) load(p process) (*config.Config, error) {
	loader := server.Loader()
	loader.LookupEnv = p.lookupEnv
	loader.Overrides = config.Overrides{HTTP: s.HTTP, GRPC: s.GRPC, Admin: s.Admin, Insecure: s.Insecure}
	if s.Config == "" {
		return loader.Default()
	}
	return loader.Load(s.Config)
}

// exit ends the parsing of the command line.
type exit int

// run runs the command that args name and returns the exit code.
func run(ctx context.Context, args []string, p process) (code int) {
	defer func() {
		if r := recover(); r != nil {
			e, ok := r.(exit)
			if !ok {
				panic(r)
			}
			code = int(e)
		}
	}()
	var c commands
	parser, err := kong.New(&c,
		kong.Name("sluice"),
		kong.Description("An LLM gateway: OpenAI's API, gRPC and Connect in front of any model provider."),
		kong.Writers(p.stdout, p.stderr),
		kong.Exit(func(code int) { panic(exit(code)) }),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true, WrapUpperBound: 100}),
		kong.Resolvers(environment(p.lookupEnv)),
	)
	if err != nil {
		p.complainf("sluice: %v\n", err)
		return exitFailure
	}
	if len(args) == 0 {
		args = []string{"--help"}
	}
	chosen, err := parser.Parse(args)
	if err != nil {
		p.complainf("sluice: %v\nsluice --help shows the commands and flags\n", err)
		return exitUsage
	}
	if err := chosen.Run(bound{ctx, p}); err != nil {
		for _, problem := range config.Problems(err) {
			if problem.File == "" {
				p.complainf("sluice: ") // no place that an editor could jump to
			}
			p.complainf("%s\n", problem)
		}
		return exitFailure
	}
	return exitOK
}

// bound is what kong hands to a command's Run.
type bound struct {
	context.Context //nolint:containedctx // it lives as long as the call it is handed to

	process process
}

// environment takes a flag's value from SLUICE_<FLAG> where the command line has
// none.
func environment(lookupEnv func(string) (string, bool)) kong.Resolver {
	return kong.ResolverFunc(func(_ *kong.Context, _ *kong.Path, flag *kong.Flag) (any, error) {
		if flag.Name == "help" {
			return nil, nil // no value
		}
		if value, _ := lookupEnv("SLUICE_" + strings.ToUpper(flag.Name)); value != "" {
			return value, nil
		}
		return nil, nil // no value
	})
}

type checkCommand struct{ source }

// Run loads and builds everything.
func (c *checkCommand) Run(b bound) error {
	loaded, err := c.load(b.process)
	if err != nil {
		return err
	}
	for _, w := range loaded.Warnings {
		b.process.complainf("warning: %s\n", w)
	}
	if err := server.Check(loaded); err != nil {
		return err
	}
	names := make([]string, len(loaded.Providers))
	for i, p := range loaded.Providers {
		names[i] = p.Name
	}
	_, err = fmt.Fprintf(b.process.stdout, "%s: ok: providers %s; %d models; default provider %s\n",
		cmp.Or(loaded.Source, "no file"), strings.Join(names, ", "), len(loaded.Models), cmp.Or(loaded.Routing.DefaultProvider, "none"))
	return err
}

type schemaCommand struct{}

// Run prints the schema.
func (schemaCommand) Run(b bound) error {
	_, err := b.process.stdout.Write(config.Schema())
	return err
}

type versionCommand struct{}

// Run prints one line.
func (versionCommand) Run(b bound) error {
	_, err := fmt.Fprintf(b.process.stdout, "sluice %s (commit %s, %s, %s/%s)\n",
		versionName(), commitName(), runtime.Version(), runtime.GOOS, runtime.GOARCH)
	return err
}

// versionName is the linker's version, else what the Go tool recorded.
func versionName() string {
	if version != "" {
		return version
	}
	if build, ok := debug.ReadBuildInfo(); ok && build.Main.Version != "" && build.Main.Version != "(devel)" {
		return build.Main.Version
	}
	return "dev"
}

// commitName is the linker's commit, else what the Go tool recorded.
func commitName() string {
	if commit != "" {
		return commit
	}
	if build, ok := debug.ReadBuildInfo(); ok {
		for _, s := range build.Settings {
			if s.Key == "vcs.revision" {
				return s.Value
			}
		}
	}
	return "unknown"
}
