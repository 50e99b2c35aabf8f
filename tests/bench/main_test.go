// Package bench measures what Sluice costs, always beside a baseline in the same
// run: absolute times of a shared machine mean nothing.
package bench

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// The test binary plays the far ends itself, each as a process of its own, so that
// CPU time can be told apart.
const (
	roleVariable = "SLUICE_BENCH_ROLE"
	roleUpstream = "upstream"
	roleProxy    = "reverse-proxy"
	farVariable  = "SLUICE_BENCH_FAR"

	goDefault = "100" // GOGC when nobody sets it
)

func TestMain(m *testing.M) {
	switch os.Getenv(roleVariable) {
	case roleUpstream:
		serve(http.HandlerFunc(upstream))
	case roleProxy:
		far, err := url.Parse(os.Getenv(farVariable))
		if err != nil {
			panic(err)
		}
		proxy := httputil.NewSingleHostReverseProxy(far)
		transport := http.DefaultTransport.(*http.Transport).Clone()
		transport.MaxIdleConnsPerHost = 256
		proxy.Transport = transport
		serve(proxy)
	default:
		goleak.VerifyTestMain(m)
	}
}

// serve listens on a free port, says where on stdout, and serves until its stdin
// closes, which happens when the parent ends, however it ends.
func serve(h http.Handler) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		panic(err)
	}
	fmt.Println("http://" + listener.Addr().String())
	go func() { _, _ = bufio.NewReader(os.Stdin).ReadByte(); os.Exit(0) }()
	panic(http.Serve(listener, h))
}

// process is one of the processes under test.
type process struct {
	name string
	base string // http://host:port
	cmd  *exec.Cmd
}

func role(b *testing.B, name, far string) process {
	b.Helper()
	cmd := exec.CommandContext(b.Context(), os.Args[0])
	cmd.Env = append(withoutGC(os.Environ()), "GOGC="+goDefault, roleVariable+"="+name, farVariable+"="+far)
	cmd.Stderr = os.Stderr
	stdin, err := cmd.StdinPipe()
	if err != nil {
		b.Fatal(err)
	}
	stdout, err := cmd.StdoutPipe()
	if err != nil {
		b.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { stdin.Close(); _ = cmd.Wait() })
	line, err := bufio.NewReader(stdout).ReadString('\n')
	if err != nil {
		b.Fatal(err)
	}
	return process{name, strings.TrimSpace(line), cmd}
}

// sluice builds the binary and starts it in front of the upstream, everything on
// as an operator gets it, logs to a file. gogc is the environment variable of that
// name; "" leaves Sluice to its own setting.
func sluice(b *testing.B, far, gogc string) process {
	b.Helper()
	dir := b.TempDir()
	binary := filepath.Join(dir, "sluice")
	build := exec.CommandContext(b.Context(), "go", "build", "-o", binary, "./server/cmd/sluice")
	build.Dir = "../.." // the program belongs to the main module
	if out, err := build.CombinedOutput(); err != nil {
		b.Fatalf("go build: %v\n%s", err, out)
	}
	config := filepath.Join(dir, "sluice.yaml")
	text := fmt.Sprintf("listen: {http: %[1]q, grpc: %[1]q, admin: %[1]q}\nproviders: [{name: openai, kind: openai, base_url: %[2]q, api_keys: [\"${env:BENCH_KEY}\"]}]\nrouting: {default_provider: openai}\n",
		"127.0.0.1:0", far+"/v1")
	if err := os.WriteFile(config, []byte(text), 0o600); err != nil {
		b.Fatal(err)
	}
	log, err := os.Create(filepath.Join(dir, "log"))
	if err != nil {
		b.Fatal(err)
	}
	cmd := exec.CommandContext(b.Context(), binary, "serve", "--config", config)
	cmd.Env = append(withoutGC(os.Environ()), "BENCH_KEY=sk-bench")
	if gogc != "" {
		cmd.Env = append(cmd.Env, "GOGC="+gogc)
	}
	cmd.Stdout, cmd.Stderr = log, log
	if err := cmd.Start(); err != nil {
		b.Fatal(err)
	}
	ended := make(chan struct{})
	go func() { _ = cmd.Wait(); close(ended) }()
	b.Cleanup(func() { _ = cmd.Process.Signal(os.Interrupt); <-ended; log.Close() })
	return process{"sluice", "http://" + serving(b, log.Name(), ended), cmd}
}

// withoutGC is the environment without what sets the garbage collector, so that the
// bench alone does.
func withoutGC(environment []string) []string {
	return slices.DeleteFunc(environment, func(variable string) bool {
		return strings.HasPrefix(variable, "GOGC=") || strings.HasPrefix(variable, "GOMEMLIMIT=")
	})
}

// serving waits until the log says where Sluice serves HTTP and returns host:port.
func serving(b *testing.B, log string, ended <-chan struct{}) string {
	b.Helper()
	deadline := time.After(20 * time.Second)
	for look := time.NewTicker(10 * time.Millisecond); ; {
		text, err := os.ReadFile(log)
		if err != nil {
			b.Fatal(err)
		}
		for line := range bytes.Lines(text) {
			var at struct{ Msg, HTTP string }
			if json.Unmarshal(line, &at) == nil && at.Msg == "serving" {
				look.Stop()
				return at.HTTP
			}
		}
		select {
		case <-look.C:
		case <-ended:
			b.Fatalf("sluice ended:\n%s", text)
		case <-deadline:
			b.Fatalf("sluice did not say where it serves:\n%s", text)
		}
	}
}

// cpu returns the CPU time that a process has used. Linux only: the files of proc
// are the one source that counts a living child.
func (p process) cpu(b *testing.B) time.Duration {
	b.Helper()
	text, err := os.ReadFile("/proc/" + strconv.Itoa(p.cmd.Process.Pid) + "/stat")
	if err != nil {
		b.Skipf("no /proc to read CPU times from: %v", err)
	}
	// Fields 14 and 15 (proc(5)), counted after the command's closing parenthesis.
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	user, _ := strconv.ParseInt(fields[11], 10, 64)
	system, _ := strconv.ParseInt(fields[12], 10, 64)
	const tick = 10 * time.Millisecond // USER_HZ is 100 on every Linux that Go runs on
	return time.Duration(user+system) * tick
}
