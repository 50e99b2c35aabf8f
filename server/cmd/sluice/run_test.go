package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"go.uber.org/goleak"
)

// asProgram makes the test binary be the program.
const asProgram = "SLUICE_TEST_AS_PROGRAM"

func TestMain(m *testing.M) {
	if os.Getenv(asProgram) != "" {
		main()
		return
	}
	goleak.VerifyTestMain(m)
}

const patience = 20 * time.Second

// call runs a command in this process.
func call(t *testing.T, env map[string]string, args ...string) (code int, stdout, stderr string) {
	t.Helper()
	var out, err bytes.Buffer
	code = run(t.Context(), args, process{
		stdout: &out, stderr: &err,
		lookupEnv: func(name string) (string, bool) { v, ok := env[name]; return v, ok },
	})
	return code, out.String(), err.String()
}

func file(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sluice.yml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestRun_exits_with_what_happened(t *testing.T) {
	good := file(t, "models: [{name: fast, targets: [{provider: sandbox, model: echo}]}]\n")
	bad := file(t, "auth: {mode: keys}\nlisten: {http: nowhere}\n")
	tests := map[string]struct {
		args           []string
		env            map[string]string
		code           int
		stdout, stderr []string // texts that must stand there
	}{
		"nothing":          {nil, nil, 0, []string{"Usage: sluice <command>", "serve", "check", "models", "status", "schema", "version"}, nil},
		"help":             {[]string{"serve", "--help"}, nil, 0, []string{"--config=FILE", "$SLUICE_CONFIG"}, nil},
		"unknown command":  {[]string{"srve"}, nil, 2, nil, []string{"sluice: unexpected argument srve", "--help"}},
		"unknown flag":     {[]string{"serve", "--prot"}, nil, 2, nil, []string{"unknown flag --prot"}},
		"version":          {[]string{"version"}, nil, 0, []string{"sluice ", "(commit ", "go1."}, nil},
		"check":            {[]string{"check", "--config", good}, nil, 0, []string{good + ": ok: providers sandbox; 1 models; default provider none"}, nil},
		"check, no file":   {[]string{"check"}, map[string]string{"OPENAI_API_KEY": "k"}, 0, []string{"providers openai, sandbox", "default provider openai"}, nil},
		"check, variable":  {[]string{"check"}, map[string]string{"SLUICE_CONFIG": good}, 0, []string{"1 models"}, nil},
		"check, warning":   {[]string{"check", "-c", file(t, "providers: [{name: a, kind: openai, api_keys: [k]}]\n")}, nil, 0, nil, []string{"warning: ", "literal secret"}},
		"check, broken":    {[]string{"check", "-c", bad}, nil, 1, nil, []string{bad + ":1:14: auth.mode: ", "\n" + bad + ":2:16: listen.http: "}},
		"check, container": {[]string{"check"}, map[string]string{"SLUICE_HTTP": "0.0.0.0:8080", "SLUICE_GRPC": "off", "SLUICE_INSECURE": "true"}, 0, []string{"ok"}, nil},
		"check, missing":   {[]string{"check", "-c", bad + "x"}, nil, 1, nil, []string{"sluice: the configuration cannot be read: open "}},
		"serve, broken":    {[]string{"serve", "-c", bad}, nil, 1, nil, []string{bad + ":1:14: auth.mode: "}},
		"serve, open":      {[]string{"serve", "--http", "0.0.0.0:0"}, nil, 1, nil, []string{"--http: listen.http: other machines can reach", "--insecure"}},
		"serve, no secret": {[]string{"serve", "-c", file(t, "providers: [{name: a, kind: openai, api_keys: [\"${env:NO}\"]}]\n")}, nil, 1, nil, []string{":1:48: providers[0].api_keys[0]: the environment variable NO is not set"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := call(t, test.env, test.args...)
			if code != test.code {
				t.Errorf("exit code %d, want %d", code, test.code)
			}
			for _, want := range test.stdout {
				if !strings.Contains(stdout, want) {
					t.Errorf("stdout lacks %q:\n%s", want, stdout)
				}
			}
			for _, want := range test.stderr {
				if !strings.Contains(stderr, want) {
					t.Errorf("stderr lacks %q:\n%s", want, stderr)
				}
			}
			if test.stderr == nil && stderr != "" {
				t.Errorf("stderr: %s", stderr)
			}
		})
	}
}

func TestServe_says_in_one_line_that_a_port_is_taken(t *testing.T) {
	taken, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	code, stdout, stderr := call(t, nil, "serve", "--http", taken.Addr().String(), "--grpc", "off", "--admin", "off")
	want := fmt.Sprintf("--http: listen.http: the port cannot be opened: listen tcp %s: bind: address already in use\n", taken.Addr())
	if code != exitFailure || stdout != "" || stderr != want {
		t.Errorf("exit code %d, stdout %q\nstderr %q\nwant   %q", code, stdout, stderr, want)
	}
}

func TestSchema_prints_the_schema_of_the_file(t *testing.T) {
	code, stdout, _ := call(t, nil, "schema")
	var schema struct {
		Properties map[string]any `json:"properties"`
	}
	if err := json.Unmarshal([]byte(stdout), &schema); code != 0 || err != nil || schema.Properties["providers"] == nil {
		t.Errorf("exit code %d, %v: %.200s", code, err, stdout)
	}
}

func TestModels_lists_names_and_what_providers_have(t *testing.T) {
	path := file(t, "models: [{name: fast, targets: [{provider: sandbox, model: echo}]}]\n")
	code, stdout, stderr := call(t, nil, "models", "-c", path)
	if code != 0 || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	lines := strings.Split(stdout, "\n")
	if !strings.HasPrefix(lines[0], "MODEL") || strings.Join(strings.Fields(lines[1]), " ") != "fast sandbox/echo - - - - -" || !strings.Contains(stdout, "\nsandbox/chat ") {
		t.Errorf("got\n%s", stdout)
	}
	_, stdout, _ = call(t, nil, "models", "-c", path, "--json")
	var got struct {
		Routes []any `json:"routes"`
		Models []any `json:"models"`
	}
	if err := json.Unmarshal([]byte(stdout), &got); err != nil || len(got.Routes) != 1 || len(got.Models) == 0 {
		t.Errorf("%v: %s", err, stdout)
	}
}

// program is the binary, running.
type program struct {
	*exec.Cmd

	mu  sync.Mutex
	log []map[string]any
}

func startProgram(t *testing.T, args ...string) *program {
	t.Helper()
	p := &program{Cmd: exec.Command(os.Args[0], args...)}
	p.Env = append(os.Environ(), asProgram+"=1")
	stderr, err := p.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := p.Start(); err != nil {
		t.Fatal(err)
	}
	read := make(chan struct{})
	go func() {
		defer close(read)
		for in := bufio.NewScanner(stderr); in.Scan(); {
			var entry map[string]any
			if json.Unmarshal(in.Bytes(), &entry) != nil {
				entry = map[string]any{"msg": in.Text()}
			}
			p.mu.Lock()
			p.log = append(p.log, entry)
			p.mu.Unlock()
		}
	}()
	t.Cleanup(func() {
		_ = p.Process.Kill()
		<-read
		_ = p.Wait()
	})
	return p
}

// await returns the n-th log entry with the message.
func (p *program) await(t *testing.T, message string, n int) map[string]any {
	t.Helper()
	deadline := time.NewTimer(patience)
	defer deadline.Stop()
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	for {
		if entry := p.find(message, n); entry != nil {
			return entry
		}
		select {
		case <-tick.C:
		case <-deadline.C:
			t.Fatalf("not within %v: %q for the %d. time", patience, message, n)
		}
	}
}

func (p *program) find(message string, n int) map[string]any {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, entry := range p.log {
		if entry["msg"] == message {
			if n--; n == 0 {
				return entry
			}
		}
	}
	return nil
}

func chat(t *testing.T, address any, model string) int {
	t.Helper()
	resp, err := http.Post(fmt.Sprintf("http://%s/v1/chat/completions", address), "application/json",
		strings.NewReader(fmt.Sprintf(`{"model":%q,"messages":[{"role":"user","content":"Hello"}]}`, model)))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, resp.Body)
	return resp.StatusCode
}

func TestProgram_reloads_by_signal_and_by_file_and_ends_with_0(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	const ports = "listen: {http: 127.0.0.1:0, grpc: 127.0.0.1:0, admin: 127.0.0.1:0}\n"
	path := file(t, ports)
	write := func(text string) {
		t.Helper()
		if err := os.WriteFile(path, []byte(ports+text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	p := startProgram(t, "serve", "--config", path)
	address := p.await(t, "serving", 1)["http"]
	if status := chat(t, address, "fast"); status != http.StatusNotFound {
		t.Errorf("before: %d", status)
	}

	write("models: [{name: fast, targets: [{provider: sandbox, model: echo}]}]\n")
	taken := p.await(t, "configuration taken up", 1)
	if taken["why_now"] != "a file changed" {
		t.Errorf("got %v", taken)
	}
	if status := chat(t, address, "fast"); status != http.StatusOK {
		t.Errorf("after the file changed: %d", status)
	}

	write("models: [{name: fast, targets: [{provider: nobody}]}]\n")
	refused := p.await(t, "configuration not taken up", 1)
	if problem := fmt.Sprint(refused["problem"]); !strings.HasPrefix(problem, path+":2:44: models[0].targets[0].provider: ") {
		t.Errorf("got %v", refused)
	}
	if status := chat(t, address, "fast"); status != http.StatusOK {
		t.Errorf("after a bad file: %d", status)
	}

	if err := p.Process.Signal(syscall.SIGHUP); err != nil {
		t.Fatal(err)
	}
	if refused := p.await(t, "configuration not taken up", 2); refused["why_now"] != "SIGHUP" {
		t.Errorf("got %v", refused)
	}

	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await(t, "stopped", 1)
	if err := p.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

func TestProgram_ends_at_once_on_the_second_signal(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	reached := make(chan struct{})
	upstream, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer upstream.Close()
	go func() { // a provider that takes the call and never answers
		conn, err := upstream.Accept()
		if err == nil {
			defer conn.Close()
			close(reached)
			_, _ = io.Copy(io.Discard, conn)
		}
	}()
	path := file(t, fmt.Sprintf("listen: {http: 127.0.0.1:0, grpc: off, admin: off}\nproviders: [{name: a, kind: openai, base_url: \"http://%s\"}]\n", upstream.Addr()))
	p := startProgram(t, "serve", "-c", path)
	address := p.await(t, "serving", 1)["http"]
	told := make(chan string, 1)
	go func() {
		resp, err := http.Post(fmt.Sprintf("http://%s/v1/chat/completions", address), "application/json",
			strings.NewReader(`{"model":"a/m","messages":[{"role":"user","content":"Hello"}]}`))
		if err != nil {
			told <- err.Error()
			return
		}
		defer resp.Body.Close()
		told <- fmt.Sprint(resp.StatusCode, " ", resp.Header.Get("X-Sluice-Error-Reason"))
	}()
	<-reached
	for range 2 {
		if err := p.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		p.await(t, "stopping", 1)
	}
	p.await(t, "stopped at once; running calls were cut off", 1)
	if err := p.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
	if receipt := p.await(t, "call", 1); receipt["status"] != 503.0 || receipt["error.type"] != "shutting_down" {
		t.Errorf("receipt: %v", receipt)
	}
	if got := <-told; got != "503 shutting_down" {
		t.Errorf("the caller was told %q", got)
	}
}
