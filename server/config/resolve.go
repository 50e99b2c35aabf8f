package config

import (
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// localOrigins are those of pages served by the same machine. Not every origin:
// with auth.mode none, any page that a developer visits could then spend the keys.
var localOrigins = []string{
	"http://localhost", "http://localhost:*", "https://localhost", "https://localhost:*",
	"http://127.0.0.1", "http://127.0.0.1:*", "http://[::1]", "http://[::1]:*",
}

// resolve turns the message into the value. It runs on broken messages, too, to
// find broken secrets; the result counts only when d has no problems.
func (d *document) resolve(m *configv1.Config, s *secrets) *Config {
	c := &Config{
		Source: d.file,
		Listen: Listen{m.Listen.GetHttp(), unlessOff(m.Listen.GetGrpc()), unlessOff(m.Listen.GetAdmin())},
		Routing: Routing{
			DefaultProvider: m.Routing.GetDefaultProvider(),
			AttemptTimeout:  duration(m.Routing.GetTimeouts().GetAttempt()),
			TotalTimeout:    duration(m.Routing.GetTimeouts().GetTotal()),
			MaxAttempts:     int(m.Routing.GetRetries().GetMaxAttempts()),
		},
		Auth: Auth{m.Auth.GetMode(), m.Auth.GetInsecure()},
		Breaker: Breaker{
			Enabled:      m.Breaker.GetEnabled(),
			FailureRatio: m.Breaker.GetFailureRatio(),
			MinCalls:     int(m.Breaker.GetMinCalls()),
			Window:       duration(m.Breaker.GetWindow()),
			CoolDown:     duration(m.Breaker.GetCoolDown()),
		},
		Log:           Log{m.Log.GetFormat(), level(m.Log.GetLevel())},
		ShutdownGrace: duration(m.Shutdown.GetGrace()),
		CORSOrigins:   m.Cors.GetOrigins(),
		document:      d,
	}
	if len(c.CORSOrigins) == 0 {
		c.CORSOrigins = slices.Clone(localOrigins)
	}
	c.MaxRequestBytes, _ = parseSize(m.Limits.GetMaxRequestBytes())
	for i, p := range m.GetProviders() {
		c.Providers = append(c.Providers, d.provider(c, fmt.Sprintf("providers[%d]", i), p, s))
	}
	if !slices.ContainsFunc(c.Providers, func(p Provider) bool { return p.Name == Sandbox }) {
		c.Providers = append(c.Providers, Provider{Name: Sandbox, Kind: Sandbox, Implicit: true})
	}
	for _, model := range m.GetModels() {
		c.Models = append(c.Models, modelOf(model))
	}
	if d.file != "" {
		c.Files = append(c.Files, d.file)
	}
	c.Files = append(c.Files, s.files...)
	return c
}

func (d *document) provider(c *Config, path string, p *configv1.Provider, s *secrets) Provider {
	out := Provider{
		Name:    p.GetName(),
		Kind:    p.GetKind(),
		BaseURL: p.GetBaseUrl(),
		Timeouts: adapters.Timeouts{
			Connect:   duration(p.GetTimeouts().GetConnect()),
			FirstByte: duration(p.GetTimeouts().GetFirstByte()),
			Idle:      duration(p.GetTimeouts().GetIdle()),
		},
	}
	for i, text := range p.GetApiKeys() {
		at := path + ".api_keys[" + strconv.Itoa(i) + "]"
		if text == "" {
			continue // an empty or broken entry has been reported
		}
		key, literal, err := s.resolve(text)
		if err != nil {
			d.addf(at, "%v", err)
			continue
		}
		if literal {
			c.Warnings = append(c.Warnings, d.problem(at, "literal secret in the file; use ${env:NAME} or ${file:/path}"))
		}
		d.checkHeaderText(at, key)
		out.APIKeys = append(out.APIKeys, key)
	}
	given := p.GetHeaders()
	for _, name := range slices.Sorted(maps.Keys(given)) {
		at := child(path+".headers", "[", name)
		value, literal, err := s.resolve(given[name])
		if err != nil {
			d.addf(at, "%v", err)
			continue
		}
		if literal && isCredential(name) {
			c.Warnings = append(c.Warnings, d.problem(at, "literal secret in the file; use ${env:NAME} or ${file:/path}"))
		}
		d.checkHeaderText(at, value)
		out.Headers = append(out.Headers, Header{strings.ToLower(name), value})
	}
	return out
}

// checkHeaderText refuses what no HTTP header may hold.
func (d *document) checkHeaderText(path string, s adapters.Secret) {
	if strings.ContainsFunc(s.Reveal(), func(r rune) bool { return r < ' ' && r != '\t' || r == 0x7f }) {
		d.addf(path, "the value has a line break or another control character")
	}
}

// isCredential reports whether a header of that name usually carries a secret.
func isCredential(name string) bool {
	name = http.CanonicalHeaderKey(name)
	if name == "Authorization" || name == "Proxy-Authorization" || name == "Cookie" {
		return true
	}
	name = strings.ToLower(name)
	return strings.HasSuffix(name, "-key") || strings.HasSuffix(name, "-token") || strings.HasSuffix(name, "-secret")
}

func modelOf(m *configv1.Model) Model {
	out := Model{Name: m.GetName()}
	for _, t := range m.GetTargets() {
		out.Targets = append(out.Targets, Target{t.GetProvider(), t.GetModel(), int(t.GetWeight()), int(t.GetPriority())})
	}
	return out
}

func unlessOff(address string) string {
	if address == off {
		return ""
	}
	return address
}

// duration reads a text that has been checked.
func duration(text string) time.Duration {
	d, _ := parseDuration(text)
	return d
}

func level(text string) slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(text)) // one of the texts that protovalidate lets through
	return l
}
