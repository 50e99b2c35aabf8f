// Package live starts the real binary for tests, and the programs that test it.
//
// Everything it starts listens on ports that the kernel chose, lives in a process
// group of its own, and is gone when the test that started it ends.
package live

import (
	"bytes"
	"encoding/json"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"
)

// BinaryVariable names the environment variable with the path of the binary.
// tests/run.sh builds it and sets this.
const BinaryVariable = "SLUICE_BIN"

const (
	startTimeout = 20 * time.Second
	stopTimeout  = 20 * time.Second
)

// Gateway is a running binary.
type Gateway struct {
	// HTTP and Admin are base URLs, as "http://127.0.0.1:40123"; GRPC is host:port.
	HTTP, Admin, GRPC string

	log *logBuffer
}

// Require skips the test when there is no binary to test.
func Require(tb testing.TB) string {
	tb.Helper()
	binary := os.Getenv(BinaryVariable)
	if binary == "" {
		tb.Skipf("%s is not set: tests/run.sh builds the binary and runs this", BinaryVariable)
	}
	return binary
}

// Start runs the binary until the test ends and returns when it serves. The
// configuration says nothing of listen; empty, there is no file at all, and the
// gateway runs on its built-in default. A gateway that does not stop in time, or not
// well, fails the test.
func Start(tb testing.TB, configuration string) *Gateway {
	tb.Helper()
	binary := Require(tb)
	arguments := []string{"serve", "--http=127.0.0.1:0", "--grpc=127.0.0.1:0", "--admin=127.0.0.1:0"}
	if configuration != "" {
		file := filepath.Join(tb.TempDir(), "sluice.yaml")
		if err := os.WriteFile(file, []byte(configuration), 0o600); err != nil {
			tb.Fatal(err)
		}
		arguments = append(arguments, "--config="+file)
	}

	g := &Gateway{log: newLogBuffer()}
	process := exec.Command(binary, arguments...) // no context: stop ends it, gently first
	process.Env = environment()
	process.Stdout, process.Stderr = g.log, g.log
	process.SysProcAttr = ownGroup()
	if err := process.Start(); err != nil {
		tb.Fatalf("starting %s: %v", binary, err)
	}
	exited := make(chan error, 1)
	go func() { exited <- process.Wait() }()
	tb.Cleanup(func() { stop(tb, process, exited, g.log) })

	select {
	case at := <-g.log.serving:
		g.HTTP, g.GRPC, g.Admin = "http://"+at.HTTP, at.GRPC, "http://"+at.Admin
	case err := <-exited:
		exited <- err
		tb.Fatalf("the gateway did not start (%v):\n%s", err, g.log)
	case <-time.After(startTimeout):
		tb.Fatalf("the gateway did not say within %v where it listens:\n%s", startTimeout, g.log)
	}
	return g
}

// Log returns what the gateway wrote so far.
func (g *Gateway) Log() string { return g.log.String() }

func stop(tb testing.TB, process *exec.Cmd, exited chan error, log *logBuffer) {
	tb.Helper()
	_ = process.Process.Signal(syscall.SIGTERM)
	select {
	case err := <-exited:
		if err != nil {
			tb.Errorf("the gateway ended badly (%v):\n%s", err, log)
		}
	case <-time.After(stopTimeout):
		err := errors.Join(killGroup(process), <-exited)
		tb.Errorf("the gateway did not stop within %v of SIGTERM (%v):\n%s", stopTimeout, err, log)
	}
	if tb.Failed() {
		keep(tb, log)
	}
}

// keep writes the log of a failed test to .bin/logs, where CI finds it.
func keep(tb testing.TB, log *logBuffer) {
	tb.Helper()
	folder := filepath.Join(Repository(), ".bin", "logs")
	if err := os.MkdirAll(folder, 0o750); err != nil {
		tb.Log(err)
		return
	}
	file, err := os.CreateTemp(folder, strings.ReplaceAll(tb.Name(), "/", "_")+"-*.log")
	if err != nil {
		tb.Log(err)
		return
	}
	defer file.Close()
	if _, err := file.WriteString(log.String()); err != nil {
		tb.Log(err)
	}
	tb.Logf("the gateway's log is in %s", file.Name())
}

// environment is this process's without what would change the gateway or its
// clients: keys of providers, and proxies.
func environment() []string {
	kept := []string{"NO_PROXY=127.0.0.1,localhost", "no_proxy=127.0.0.1,localhost"}
	for _, variable := range os.Environ() {
		name, _, _ := strings.Cut(variable, "=")
		if upper := strings.ToUpper(name); strings.HasSuffix(upper, "_API_KEY") || strings.HasSuffix(upper, "_PROXY") ||
			strings.HasPrefix(upper, "OPENAI_") || strings.HasPrefix(upper, "SLUICE_") {
			continue
		}
		kept = append(kept, variable)
	}
	return kept
}

// serving is the line of the log that says where the gateway listens.
type serving struct {
	Msg   string `json:"msg"`
	HTTP  string `json:"http"`
	GRPC  string `json:"grpc"`
	Admin string `json:"admin"`
}

// logBuffer keeps the log and finds that line in it.
type logBuffer struct {
	serving chan serving // yields once

	mu   sync.Mutex
	text bytes.Buffer // guarded by mu
	said bool         // guarded by mu
}

func newLogBuffer() *logBuffer { return &logBuffer{serving: make(chan serving, 1)} }

func (b *logBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.text.Write(p)
	if b.said {
		return len(p), nil
	}
	for line := range bytes.Lines(b.text.Bytes()) {
		var at serving
		if json.Unmarshal(line, &at) != nil || at.Msg != "serving" {
			continue
		}
		b.said = true
		b.serving <- at
		break
	}
	return len(p), nil
}

func (b *logBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}
