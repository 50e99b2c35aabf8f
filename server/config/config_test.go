package config_test

import (
	"bytes"
	"encoding/json"
	"flag"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/config"
)

var update = flag.Bool("update", false, "write the goldens")

func environment(pairs ...string) func(string) (string, bool) {
	return func(name string) (string, bool) {
		for i := 0; i < len(pairs); i += 2 {
			if pairs[i] == name {
				return pairs[i+1], true
			}
		}
		return "", false
	}
}

func loader(env ...string) config.Loader {
	return config.Loader{
		Kinds: []config.Kind{
			{Name: "openai", KeyEnv: "OPENAI_API_KEY", Sections: []string{"dialect"}},
			{Name: "groq", KeyEnv: "GROQ_API_KEY", Sections: []string{"dialect"}},
			{Name: "clouds", KeyEnv: "CLOUDS_KEY", Explicit: true, Sections: []string{"google", "aws", "azure"}},
			{Name: "gone", Retired: "2026-07-30", Sections: []string{"dialect"}},
			{Name: "sandbox"},
		},
		LookupEnv: environment(env...),
	}
}

// TestLoad_refuses_each_broken_rule reads testdata/conf.<rule>.yml, one broken rule
// each, and compares everything that is said about it.
func TestLoad_refuses_each_broken_rule(t *testing.T) {
	files, err := filepath.Glob("testdata/conf.*.yml")
	if err != nil || len(files) == 0 {
		t.Fatalf("no files: %v", err)
	}
	var got strings.Builder
	for _, file := range files {
		_, err := loader("SLUICE_TEST_EMPTY", "", "SLUICE_TEST_SET", "k").Load(file)
		if err == nil {
			t.Errorf("%s: accepted", file)
			continue
		}
		for _, p := range config.Problems(err) {
			if p.Line == 0 || p.Column == 0 {
				t.Errorf("%s: no position: %s", file, p)
			}
			fmt.Fprintln(&got, p)
		}
	}
	compareGolden(t, "testdata/refused.golden", got.String())
	for _, secret := range []string{"pa55word", "918273645"} {
		if strings.Contains(got.String(), secret) {
			t.Errorf("the secret %s stands in a message", secret)
		}
	}
}

func compareGolden(t *testing.T, path, got string) {
	t.Helper()
	if *update {
		if err := os.WriteFile(path, []byte(got), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if string(want) != got {
		t.Errorf("%s is out of date (go test ./server/config -update):\n%s", path, firstDifference(string(want), got))
	}
}

func firstDifference(want, got string) string {
	w, g := strings.Split(want, "\n"), strings.Split(got, "\n")
	for i := range max(len(w), len(g)) {
		var a, b string
		if i < len(w) {
			a = w[i]
		}
		if i < len(g) {
			b = g[i]
		}
		if a != b {
			return fmt.Sprintf("line %d\nwant: %s\ngot:  %s", i+1, a, b)
		}
	}
	return ""
}

func TestLoad_reports_everything_at_once_in_the_order_of_the_file(t *testing.T) {
	_, err := loader().Parse("c.yml", []byte(`
auth: {mode: keys}
listen: {admin: nowhere}
providers:
  - name: a
    kind: openai
    api_keys: ["${env:NOT_SET}"]
routing: {default_provider: b}
`))
	var got []string
	for _, p := range config.Problems(err) {
		got = append(got, fmt.Sprintf("%d:%d %s", p.Line, p.Column, p.Path))
	}
	want := []string{"2:14 auth.mode", "3:17 listen.admin", "7:16 providers[0].api_keys[0]", "8:29 routing.default_provider"}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

// The file of the design, section 6, with a target's priority.
const example = `
listen:   {http: 127.0.0.1:8080, grpc: 127.0.0.1:9090, admin: 127.0.0.1:8081}
providers:
  - name: openai
    kind: openai
    base_url: https://api.openai.com/v1
    api_keys: ["${env:OPENAI_API_KEY}"]
    headers: {X-Trace: "plain", authorization: "Bearer ${env:OPENAI_API_KEY}!"}
    timeouts: {connect: 1s500ms}
models:
  - name: fast
    targets: [{provider: openai, model: gpt-4o-mini, weight: 1, priority: 0}, {provider: sandbox, priority: 1}]
  - name: gpt-4o*
    targets: [{provider: openai}]
routing:  {default_provider: openai, retries: {max_attempts: 2}}
auth:     {mode: none}
limits:   {max_request_bytes: 32MiB}
`

func TestParse_reads_the_keys_of_the_first_file(t *testing.T) {
	c, err := loader("OPENAI_API_KEY", "sk-1").Parse("dir/c.yml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	check := func(what string, got, want any) { t.Helper(); compare(t, what, got, want) }
	target := config.Target{Weight: 1, Concurrency: config.Concurrency{Queue: 100, QueueTimeout: 5 * time.Second}}
	fast, local, wild := target, target, target
	fast.Provider, fast.Model = "openai", "gpt-4o-mini"
	local.Provider, local.Priority = "sandbox", 1
	wild.Provider = "openai"
	model := config.Model{
		Strategy:     "weighted",
		Sticky:       config.Sticky{By: []string{"session", "user", "key"}, Header: "x-session-id", PromptBytes: 4096},
		Hedge:        config.Hedge{MaxOutputTokens: 512, Budget: 0.05},
		OnDisconnect: "cancel",
	}
	first, second := model, model
	first.Name, first.Targets = "fast", []config.Target{fast, local}
	second.Name, second.Targets = "gpt-4o*", []config.Target{wild}
	check("listen", c.Listen, config.Listen{HTTP: "127.0.0.1:8080", GRPC: "127.0.0.1:9090", Admin: "127.0.0.1:8081"})
	check("models", c.Models, []config.Model{first, second})
	check("routing", c.Routing, config.Routing{
		DefaultProvider: "openai", TotalTimeout: 10 * time.Minute, MaxAttempts: 2,
		Budget: 0.2, MinPerSecond: 10, SameTarget: "refused",
		FirstPause: 100 * time.Millisecond, MaxPause: 2 * time.Second, MaxWait: 10 * time.Second,
		OnDisconnect: "cancel", DrainCap: time.Minute,
	})
	check("bytes", c.MaxRequestBytes, int64(32<<20))
	check("calls", c.MaxConcurrentCalls, 0)
	check("grace", c.ShutdownGrace, 30*time.Second)
	check("log", c.Log, config.Log{Format: "auto", Level: slog.LevelInfo, Bodies: config.LogBodies{MaxBytes: 16 << 10}})
	check("breaker", c.Breaker, config.Breaker{
		Enabled: true, FailureRatio: 0.5, MinCalls: 10, Window: 30 * time.Second, CoolDown: 15 * time.Second, Probes: 1,
	})
	check("providers", c.Providers, []config.Provider{
		{
			Name: "openai", Kind: "openai", BaseURL: "https://api.openai.com/v1",
			Keys:    []config.Key{{Name: "key-1", Value: adapters.NewSecret("sk-1"), Weight: 1}},
			APIKeys: []adapters.Secret{adapters.NewSecret("sk-1")},
			Google:  adapters.Google{Location: "global"},
			Headers: []config.Header{
				{Name: "authorization", Value: adapters.NewSecret("Bearer sk-1!")},
				{Name: "x-trace", Value: adapters.NewSecret("plain")},
			},
			Timeouts:          adapters.Timeouts{Connect: 1500 * time.Millisecond, FirstByte: 10 * time.Minute, Idle: 5 * time.Minute},
			FirstTokenTimeout: 10 * time.Minute,
			Concurrency:       config.Concurrency{Queue: 100, QueueTimeout: 5 * time.Second},
			HealthCheck:       config.HealthCheck{Timeout: 5 * time.Second, Failures: 3},
		},
		{Name: "sandbox", Kind: "sandbox", Implicit: true},
	})
	check("warnings", c.Warnings, []config.Problem(nil))
}

// compare does not print what differs in secrets: they print the same.
func compare(t *testing.T, what string, got, want any) {
	t.Helper()
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s:\ngot  %+v\nwant %+v", what, got, want)
	}
}

func TestParse_reads_whose_bodies_are_logged(t *testing.T) {
	c, err := loader().Parse("c.yml", []byte("log: {level: warn, bodies: {models: [fast, \"*\"], max_bytes: 1KiB}}\n"))
	if err != nil {
		t.Fatal(err)
	}
	compare(t, "log", c.Log, config.Log{Format: "auto", Level: slog.LevelWarn, Bodies: config.LogBodies{Models: []string{"fast", "*"}, MaxBytes: 1 << 10}})
}

func TestParse_of_nothing_gives_the_defaults(t *testing.T) {
	for _, text := range []string{"", "# only a comment\n", "providers:\nlisten:\n  http:\n", "{}"} {
		c, err := loader().Parse("c.yml", []byte(text))
		if err != nil {
			t.Errorf("%q: %v", text, err)
			continue
		}
		if c.Listen.HTTP != "127.0.0.1:8080" || len(c.Providers) != 1 || c.Providers[0].Name != config.Sandbox || c.Routing.DefaultProvider != "" {
			t.Errorf("%q: %+v", text, c)
		}
	}
}

func TestDefault_has_the_sandbox_and_what_has_a_key(t *testing.T) {
	tests := []struct {
		env             []string
		providers       []string
		defaultProvider string
	}{
		{nil, []string{"sandbox"}, ""},
		{[]string{"OPENAI_API_KEY", ""}, []string{"sandbox"}, ""},
		{[]string{"GROQ_API_KEY", "g"}, []string{"groq", "sandbox"}, "groq"},
		{[]string{"CLOUDS_KEY", "c"}, []string{"sandbox"}, ""},
		{[]string{"GROQ_API_KEY", "g", "OPENAI_API_KEY", "o"}, []string{"openai", "groq", "sandbox"}, "openai"},
	}
	for _, test := range tests {
		c, err := loader(test.env...).Default()
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, p := range c.Providers {
			names = append(names, p.Name)
		}
		if !slices.Equal(names, test.providers) || c.Routing.DefaultProvider != test.defaultProvider {
			t.Errorf("%q: providers %q, default %q", test.env, names, c.Routing.DefaultProvider)
		}
	}
}

func TestConfig_never_prints_a_secret(t *testing.T) {
	const key = "sk-very-secret"
	for _, text := range []string{example + "cors: {origins: []}\n", everything} {
		c, err := loader("OPENAI_API_KEY", key).Parse("c.yml", []byte(text))
		if err != nil {
			t.Fatal(err)
		}
		var out bytes.Buffer
		fmt.Fprintf(&out, "%v %+v %#v %v", c, c, c, c.Providers)
		if err := json.NewEncoder(&out).Encode(any(c)); err != nil {
			t.Fatal(err)
		}
		slog.New(slog.NewJSONHandler(&out, nil)).Info("x", "config", c, "providers", c.Providers)
		slog.New(slog.NewTextHandler(&out, nil)).Info("x", "config", c, "providers", c.Providers)
		if strings.Contains(out.String(), key) {
			t.Errorf("the key is in %s", out.String())
		}
		if n := strings.Count(out.String(), "[redacted]"); n < 20 {
			t.Errorf("[redacted] stands there %d times only: %s", n, out.String())
		}
	}
}

func TestParse_takes_a_literal_key_with_a_warning(t *testing.T) {
	c, err := loader().Parse("c.yml", []byte("providers:\n  - name: a\n    kind: openai\n    api_keys: [sk-literal, \"a$${b\"]\n    headers: {x-api-key: abc, x-team: search}\n"))
	if err != nil {
		t.Fatal(err)
	}
	if got := c.Providers[0].APIKeys[1].Reveal(); got != "a${b" {
		t.Errorf("escaped: got %q", got)
	}
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.String())
	}
	const hint = ": literal secret in the file; use ${env:NAME} or ${file:/path}"
	want := []string{
		"c.yml:4:16: providers[0].api_keys[0]" + hint,
		"c.yml:4:28: providers[0].api_keys[1]" + hint,
		`c.yml:5:26: providers[0].headers["x-api-key"]` + hint,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestParse_reads_secrets_from_files_beside_the_configuration(t *testing.T) {
	dir := t.TempDir()
	for name, text := range map[string]string{
		"key":        "sk-file\r\n",
		"sluice.yml": "providers:\n  - {name: a, kind: openai, api_keys: [\"${file:key}\", \"${file:" + filepath.ToSlash(dir) + "/key}\"]}\n",
	} {
		if err := os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, "sluice.yml")
	c, err := loader().Load(path)
	if err != nil {
		t.Fatal(err)
	}
	for i, key := range c.Providers[0].APIKeys {
		if key.Reveal() != "sk-file" {
			t.Errorf("key %d: got %q", i, key.Reveal())
		}
	}
	if want := []string{path, filepath.Join(dir, "key"), filepath.Join(dir, "key")}; !slices.Equal(c.Files, want) {
		t.Errorf("files: got %q, want %q", c.Files, want)
	}
}

func TestParse_refuses_secrets_that_no_header_can_hold(t *testing.T) {
	for name, file := range map[string]string{
		"two lines": "one\ntwo", "empty": "", "only a line break": "\n", "too large": strings.Repeat("x", 64<<10+1),
	} {
		l := loader()
		l.ReadFile = func(string) ([]byte, error) { return []byte(file), nil }
		_, err := l.Parse("c.yml", []byte("providers:\n  - {name: a, kind: openai, api_keys: [\"${file:/k}\"]}\n"))
		if err == nil || !strings.HasPrefix(err.Error(), "c.yml:2:40: providers[0].api_keys[0]: ") {
			t.Errorf("%s: got %v", name, err)
		}
	}
}

func TestOverrides_go_over_the_file_and_are_checked_like_it(t *testing.T) {
	l := loader()
	l.Overrides = config.Overrides{HTTP: "0.0.0.0:80", GRPC: "off"}
	text := []byte("listen: {http: 127.0.0.1:1, grpc: 127.0.0.1:2, admin: off}\n")
	_, err := l.Parse("c.yml", text)
	if err == nil || !strings.HasPrefix(err.Error(), "--http: listen.http: other machines can reach 0.0.0.0:80") {
		t.Errorf("got %v", err)
	}
	l.Overrides.Insecure = true
	c, err := l.Parse("c.yml", text)
	if err != nil {
		t.Fatal(err)
	}
	if want := (config.Listen{HTTP: "0.0.0.0:80"}); c.Listen != want {
		t.Errorf("got %+v, want %+v", c.Listen, want)
	}
}

func TestParse_tells_addresses_of_this_machine_from_others(t *testing.T) {
	for address, open := range map[string]bool{
		"127.0.0.1:1": false, "127.9.9.9:1": false, "[::1]:1": false, "localhost:1": false,
		":1": true, "0.0.0.0:1": true, "[::]:1": true, "192.168.0.1:1": true, "sluice.example.com:1": true,
	} {
		_, err := loader().Parse("c.yml", []byte(fmt.Sprintf("listen: {http: %q}\n", address)))
		if (err != nil) != open {
			t.Errorf("%s: got %v", address, err)
		}
		_, err = loader().Parse("c.yml", []byte(fmt.Sprintf("listen: {http: %q, grpc: %q, admin: %q}\nauth: {insecure: true}\n", address, address, address)))
		if err != nil {
			t.Errorf("%s, insecure: %v", address, err)
		}
	}
}

func TestParse_bounds_what_aliases_grow_to(t *testing.T) {
	text := "models:\n  - &m\n    name: a\n    targets: [&t {provider: sandbox}" + strings.Repeat(", *t", 20_000) + "]\n" + strings.Repeat("  - *m\n", 20_000)
	_, err := loader().Parse("c.yml", []byte(text))
	if err == nil || !strings.Contains(err.Error(), "aliases of the file grow beyond") {
		t.Errorf("got %.300v", err)
	}
}

func TestParse_takes_aliases_and_sizes_without_a_unit(t *testing.T) {
	c, err := loader().Parse("c.yml", []byte(`
providers:
  - {name: a, kind: openai, timeouts: &t {connect: 1s}}
  - {name: b, kind: openai, timeouts: *t}
limits: {max_request_bytes: 4096}
`))
	if err != nil {
		t.Fatal(err)
	}
	if c.Providers[1].Timeouts.Connect != time.Second || c.MaxRequestBytes != 4096 {
		t.Errorf("got %+v", c)
	}
}

func TestFail_points_into_the_file(t *testing.T) {
	c, err := loader("OPENAI_API_KEY", "k").Parse("c.yml", []byte(example))
	if err != nil {
		t.Fatal(err)
	}
	want := "c.yml:6:15: providers[0].base_url: no"
	if got := c.Fail("providers[0].base_url", "no").Error(); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
