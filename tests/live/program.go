package live

import (
	"context"
	"os/exec"
	"path/filepath"
	"runtime"
	"testing"
	"time"
)

// Program is a test in another language.
type Program struct {
	// Dir is where it runs: absolute, or relative to the repository.
	Dir string
	// Command is the program and its arguments. A program with a "/" is relative to the
	// repository, another one is looked for in PATH.
	Command []string
	// Env is added to the environment, as "NAME=value".
	Env []string
	// Timeout bounds the run; the program and all that it started are then killed.
	Timeout time.Duration
}

// Run runs the program with its output in the test's, and fails the test when it
// fails.
func (p Program) Run(tb testing.TB) {
	tb.Helper()
	ctx, cancel := context.WithTimeout(tb.Context(), p.Timeout)
	defer cancel()
	name := p.Command[0]
	if filepath.Base(name) != name {
		name = filepath.Join(Repository(), name)
	}
	command := exec.CommandContext(ctx, name, p.Command[1:]...)
	if command.Dir = p.Dir; !filepath.IsAbs(p.Dir) {
		command.Dir = filepath.Join(Repository(), p.Dir)
	}
	command.Env = append(environment(), p.Env...)
	command.Stdout, command.Stderr = tb.Output(), tb.Output()
	command.SysProcAttr = ownGroup()
	command.Cancel = func() error { return killGroup(command) }
	command.WaitDelay = 5 * time.Second
	err := command.Run()
	if ctx.Err() != nil {
		tb.Fatalf("%s did not end within %v", p.Command[0], p.Timeout)
	}
	if err != nil {
		tb.Fatalf("%s: %v", p.Command[0], err)
	}
}

// Repository returns the root of the repository.
func Repository() string {
	_, here, _, _ := runtime.Caller(0) //nolint:dogsled // the file is all that is wanted
	return filepath.Join(filepath.Dir(here), "..", "..")
}
