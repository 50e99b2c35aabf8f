package config_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/config"
)

// everything sets each key about routing to a value that is not its default.
const everything = `
providers:
  - name: openai
    kind: openai
    api_keys: ["${env:OPENAI_API_KEY}a", "${env:OPENAI_API_KEY}b"]
    keys:
      - {key: "${env:OPENAI_API_KEY}c", weight: 3, name: spare}
      - {key: "${env:OPENAI_API_KEY}d", weight: 0}
    timeouts: {connect: 1s, first_byte: 2s, idle: 3s, first_token: 4s, total: 5s}
    concurrency: {max: 7, adaptive: true, queue: 8, queue_timeout: 9s}
    health_check: {interval: 10s, timeout: 11s, failures: 12}
models:
  - name: fast*
    aliases: [quick, swift]
    strategy: sticky
    sticky: {by: [prompt, user], header: X-Chat, prompt_bytes: 1KiB}
    hedge: {enabled: true, delay: 300ms, max_output_tokens: 64, budget: 0.5}
    on_disconnect: cancel
    targets:
      - provider: openai
        model: gpt-4o-mini
        weight: 5
        priority: 6
        canary_percent: 12.5
        headers: {X-Team: "${env:OPENAI_API_KEY}", a-b: c}
        parameters: {drop: [seed, n], default: {temperature: 0.50}, set: {user: u, top_k: 3}}
        timeouts: {connect: 1ms, first_byte: 2ms, first_token: 3ms, idle: 4ms, total: 5ms}
        concurrency: {max: 1, queue: 0, queue_timeout: 1m}
        lacks: [vision, tools]
        context_window: 128000
        price: {input: 0.15, output: 0}
      - provider: sandbox
  - name: plain
    targets: [{provider: sandbox, canary_percent: 0}, {provider: sandbox, canary_percent: 100}, {provider: openai}]
routing:
  default_provider: openai
  timeouts: {attempt: 1m, total: 2m}
  retries: {max_attempts: 4, budget: 0, min_per_second: 5, same_target: failed, first_pause: 0ms, max_pause: 6s, max_wait: 7s}
  paths:
    - {path: /openai, provider: openai}
    - {path: /openai/mini, provider: openai, model: gpt-4o-mini}
    - {path: /quick, model: quick}
  caller_choice: true
  on_disconnect: drain
  drain_cap: 8s
limits: {max_concurrent_calls: 9}
breaker: {slow_call: 10s, probes: 11}
`

func TestParse_reads_every_key_about_routing(t *testing.T) {
	c, err := loader("OPENAI_API_KEY", "k").Parse("c.yml", []byte(everything))
	if err != nil {
		t.Fatal(err)
	}
	secret := adapters.NewSecret
	compare(t, "provider", c.Providers[0], config.Provider{
		Name: "openai", Kind: "openai",
		Keys: []config.Key{
			{Name: "key-1", Value: secret("ka"), Weight: 1},
			{Name: "key-2", Value: secret("kb"), Weight: 1},
			{Name: "spare", Value: secret("kc"), Weight: 3},
			{Name: "key-4", Value: secret("kd"), Weight: 0},
		},
		APIKeys:           []adapters.Secret{secret("ka"), secret("kb"), secret("kc"), secret("kd")},
		Timeouts:          adapters.Timeouts{Connect: time.Second, FirstByte: 2 * time.Second, Idle: 3 * time.Second},
		FirstTokenTimeout: 4 * time.Second,
		TotalTimeout:      5 * time.Second,
		Concurrency:       config.Concurrency{Max: 7, Adaptive: true, Queue: 8, QueueTimeout: 9 * time.Second},
		HealthCheck:       config.HealthCheck{Interval: 10 * time.Second, Timeout: 11 * time.Second, Failures: 12},
		Google:            adapters.Google{Location: "global"},
	})
	m := c.Models[0]
	target := m.Targets[0]
	compare(t, "canary", *target.Canary, 12.5)
	target.Canary = nil
	compare(t, "target", target, config.Target{
		Provider: "openai", Model: "gpt-4o-mini", Weight: 5, Priority: 6,
		Headers: []config.Header{{Name: "a-b", Value: secret("c")}, {Name: "x-team", Value: secret("k")}},
		Parameters: config.Parameters{
			Drop: []string{"seed", "n"}, Default: `{"temperature":0.50}`, Set: `{"user":"u","top_k":3}`,
		},
		Timeouts: config.TargetTimeouts{
			Connect: time.Millisecond, FirstByte: 2 * time.Millisecond, FirstToken: 3 * time.Millisecond,
			Idle: 4 * time.Millisecond, Total: 5 * time.Millisecond,
		},
		Concurrency:   config.Concurrency{Max: 1, QueueTimeout: time.Minute},
		Lacks:         []string{"vision", "tools"},
		ContextWindow: 128000,
		Price:         &config.Price{Input: 0.15},
	})
	m.Targets = nil
	compare(t, "model", m, config.Model{
		Name: "fast*", Aliases: []string{"quick", "swift"}, Strategy: "sticky",
		Sticky:       config.Sticky{By: []string{"prompt", "user"}, Header: "x-chat", PromptBytes: 1024},
		Hedge:        config.Hedge{Enabled: true, Delay: 300 * time.Millisecond, MaxOutputTokens: 64, Budget: 0.5},
		OnDisconnect: "cancel",
	})
	compare(t, "the model without a word of its own", c.Models[1].OnDisconnect, "drain")
	compare(t, "canaries", []float64{*c.Models[1].Targets[0].Canary, *c.Models[1].Targets[1].Canary}, []float64{0, 100})
	compare(t, "routing", c.Routing, config.Routing{
		DefaultProvider: "openai", AttemptTimeout: time.Minute, TotalTimeout: 2 * time.Minute,
		MaxAttempts: 4, MinPerSecond: 5, SameTarget: "failed", MaxPause: 6 * time.Second, MaxWait: 7 * time.Second,
		Paths: []config.Path{
			{Path: "/openai", Provider: "openai"},
			{Path: "/openai/mini", Provider: "openai", Model: "gpt-4o-mini"},
			{Path: "/quick", Model: "quick"},
		},
		CallerChoice: true, OnDisconnect: "drain", DrainCap: 8 * time.Second,
	})
	compare(t, "calls", c.MaxConcurrentCalls, 9)
	compare(t, "slow call", c.Breaker.SlowCall, 10*time.Second)
	compare(t, "probes", c.Breaker.Probes, 11)
	compare(t, "warnings", c.Warnings, []config.Problem(nil))
}

func TestParse_takes_paths_whose_model_finds_a_way(t *testing.T) {
	const models = "models:\n  - name: fast\n    aliases: [quick]\n    targets: [{provider: sandbox}]\n" +
		"  - name: gpt-*-mini\n    targets: [{provider: sandbox}]\n"
	for model, want := range map[string]bool{
		"fast": true, "quick": true, "gpt-4o-mini": true, "sandbox/chat": true, "sandbox:chat": true,
		"slow": false, "gpt-mini": false, "openai/gpt-4o": false, "sandbox/": false, "/chat": false, "sandbox": false,
	} {
		for defaultProvider, ok := range map[string]bool{"": want, "sandbox": true} {
			text := models + "routing:\n  default_provider: \"" + defaultProvider + "\"\n  paths: [{path: /a, model: \"" + model + "\"}]\n"
			_, err := loader().Parse("c.yml", []byte(text))
			if (err == nil) != ok {
				t.Errorf("%s, default provider %q: got %v", model, defaultProvider, err)
			}
		}
	}
}

func TestParse_takes_percentages_that_only_rounding_puts_above_100(t *testing.T) {
	for percents, ok := range map[string]bool{
		"33.3 33.3 33.3 0.1": true, "10 20 70": true, "100 0": true, "33.4 33.3 33.3 0.1": false, "100 0.001": false,
	} {
		text := "models:\n  - name: a\n    targets:\n      - {provider: sandbox}\n"
		for percent := range strings.FieldsSeq(percents) {
			text += "      - {provider: sandbox, canary_percent: " + percent + "}\n"
		}
		if _, err := loader().Parse("c.yml", []byte(text)); (err == nil) != ok {
			t.Errorf("%s: got %v", percents, err)
		}
	}
}

func TestParse_warns_of_what_is_doubtful_in_targets(t *testing.T) {
	c, err := loader().Parse("c.yml", []byte(`
providers:
  - name: a
    kind: openai
    keys: [{key: sk-literal}]
models:
  - name: b
    strategy: cheapest
    targets:
      - {provider: a, price: {input: 1, output: 2}}
      - {provider: a, headers: {x-api-key: abc, x-team: search}}
  - name: c
    strategy: cheapest
    targets: [{provider: a}]
`))
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, w := range c.Warnings {
		got = append(got, w.String())
	}
	const hint = ": literal secret in the file; use ${env:NAME} or ${file:/path}"
	want := []string{
		"c.yml:5:18: providers[0].keys[0].key" + hint,
		"c.yml:11:9: models[0].targets[1]: strategy cheapest takes a target without a price after all others",
		`c.yml:11:44: models[0].targets[1].headers["x-api-key"]` + hint,
	}
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func TestParse_takes_what_changes_nothing(t *testing.T) {
	for name, text := range map[string]string{
		"sticky without a word":     "models:\n  - {name: a, sticky: {}, targets: [{provider: sandbox}]}\n",
		"sticky with nothing in it": "models:\n  - {name: a, sticky: , targets: [{provider: sandbox}]}\n",
		"hedge with one target":     "models:\n  - {name: a, hedge: {enabled: true}, targets: [{provider: sandbox}]}\n",
		"queue without a bound":     "models:\n  - {name: a, targets: [{provider: sandbox, concurrency: {queue: 5}}]}\n",
		"adaptive without max":      "models:\n  - {name: a, targets: [{provider: sandbox, concurrency: {adaptive: true}}]}\n",
		"wildcard with aliases":     "models:\n  - {name: \"a*\", aliases: [b], targets: [{provider: sandbox}]}\n",
		"member nobody knows":       string(withSet("{top_k: {a: [1]}}")),
		"member that is null":       string(withSet("{temperature: null}")),
	} {
		if _, err := loader().Parse("c.yml", []byte(text)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
}
