// Command sluice is the gateway.
package main

import (
	"context"
	"os"
	"os/signal"
	"syscall"
)

// version and commit are set by the linker: make build.
var version, commit string

func main() {
	signals := make(chan os.Signal, 2)
	signal.Notify(signals, os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	os.Exit(run(context.Background(), os.Args[1:], process{
		stdout: os.Stdout, stderr: os.Stderr, lookupEnv: os.LookupEnv, signals: signals,
	}))
}
