package config

import (
	"cmp"
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
		Listen: Listen{
			HTTP: m.Listen.GetHttp(), GRPC: unlessOff(m.Listen.GetGrpc()), Admin: unlessOff(m.Listen.GetAdmin()),
			TLS:        d.listenTLS("listen.tls", m.Listen.GetTls(), s),
			AdminTLS:   d.listenTLS("listen.admin_tls", m.Listen.GetAdminTls(), s),
			AdminToken: d.adminToken(m.Listen.GetAdminToken(), s),
		},
		Routing: routing(m.GetRouting()),
		Auth:    Auth{m.Auth.GetMode(), m.Auth.GetInsecure()},
		Breaker: Breaker{
			Enabled:      m.Breaker.GetEnabled(),
			FailureRatio: m.Breaker.GetFailureRatio(),
			MinCalls:     int(m.Breaker.GetMinCalls()),
			Window:       duration(m.Breaker.GetWindow()),
			CoolDown:     duration(m.Breaker.GetCoolDown()),
			SlowCall:     duration(m.Breaker.GetSlowCall()),
			Probes:       int(m.Breaker.GetProbes()),
		},
		Log:           Log{m.Log.GetFormat(), level(m.Log.GetLevel()), d.logBodies(m.Log.GetBodies(), s)},
		ShutdownGrace: duration(m.Shutdown.GetGrace()),
		CORSOrigins:   m.Cors.GetOrigins(),
		document:      d,
	}
	if len(c.CORSOrigins) == 0 {
		c.CORSOrigins = slices.Clone(localOrigins)
	}
	c.MaxRequestBytes, _ = parseSize(m.Limits.GetMaxRequestBytes())
	c.MaxAnswerBytes, _ = parseSize(m.Limits.GetMaxAnswerBytes())
	c.MaxStreamBytes, _ = parseSize(m.Limits.GetMaxStreamBytes())
	c.MaxConcurrentCalls = int(m.Limits.GetMaxConcurrentCalls())
	for i, p := range m.GetProviders() {
		c.Providers = append(c.Providers, d.provider(fmt.Sprintf("providers[%d]", i), p, s))
	}
	if !slices.ContainsFunc(c.Providers, func(p Provider) bool { return p.Name == Sandbox }) {
		c.Providers = append(c.Providers, Provider{Name: Sandbox, Kind: Sandbox, Implicit: true})
	}
	for i, model := range m.GetModels() {
		c.Models = append(c.Models, d.model(c.Routing.OnDisconnect, fmt.Sprintf("models[%d]", i), model, s))
	}
	if d.file != "" {
		c.Files = append(c.Files, d.file)
	}
	c.Files = append(c.Files, s.files...)
	c.Warnings = d.warnings
	return c
}

func (d *document) provider(path string, p *configv1.Provider, s *secrets) Provider {
	out := Provider{
		Name:    p.GetName(),
		Kind:    p.GetKind(),
		BaseURL: p.GetBaseUrl(),
		Timeouts: adapters.Timeouts{
			Connect:   duration(p.GetTimeouts().GetConnect()),
			FirstByte: duration(p.GetTimeouts().GetFirstByte()),
			Idle:      duration(p.GetTimeouts().GetIdle()),
		},
		FirstTokenTimeout: duration(p.GetTimeouts().GetFirstToken()),
		TotalTimeout:      duration(p.GetTimeouts().GetTotal()),
		Concurrency:       concurrency(p.GetConcurrency()),
		HealthCheck: HealthCheck{
			Interval: duration(p.GetHealthCheck().GetInterval()),
			Timeout:  duration(p.GetHealthCheck().GetTimeout()),
			Failures: int(p.GetHealthCheck().GetFailures()),
		},
		TLS:     d.providerTLS(path+".tls", p, s),
		Proxy:   d.proxy(path+".proxy", p.GetProxy(), s),
		Headers: d.headers(path+".headers", p.GetHeaders(), s),
		Google:  d.google(path+".google", p.GetGoogle(), s),
		AWS:     d.aws(path+".aws", p.GetAws(), s),
		Azure:   d.azure(path+".azure", p.GetAzure(), s),
		Dialect: dialect(p.GetDialect()),
	}
	out.Unsupported, _ = adapters.ParseUnsupported(p.GetUnsupportedParams())
	add := func(at, name, text string, weight int) {
		key, ok := d.key(at, text, s)
		if ok {
			out.Keys = append(out.Keys, Key{name, key, weight})
			out.APIKeys = append(out.APIKeys, key)
		}
	}
	for i, text := range p.GetApiKeys() {
		add(path+".api_keys["+strconv.Itoa(i)+"]", keyName(p, i), text, 1)
	}
	for i, k := range p.GetKeys() {
		add(fmt.Sprintf("%s.keys[%d].key", path, i), keyName(p, len(p.GetApiKeys())+i), k.GetKey(), int(k.GetWeight()))
	}
	return out
}

// keyName returns the name of the i-th key, those of api_keys first.
func keyName(p *configv1.Provider, i int) string {
	if i >= len(p.GetApiKeys()) {
		if name := p.GetKeys()[i-len(p.GetApiKeys())].GetName(); name != "" {
			return name
		}
	}
	return "key-" + strconv.Itoa(i+1)
}

func (d *document) key(at, text string, s *secrets) (key adapters.Secret, ok bool) {
	if text == "" {
		return key, false // an empty or broken entry has been reported
	}
	key, literal, err := s.resolve(text)
	if err != nil {
		d.addf(at, "%v", err)
		return key, false
	}
	if literal {
		d.warn(at, literalSecret)
	}
	d.checkHeaderText(at, key)
	return key, true
}

const literalSecret = "literal secret in the file; use ${env:NAME} or ${file:/path}"

func (d *document) headers(path string, given map[string]string, s *secrets) []Header {
	var out []Header
	for _, name := range slices.Sorted(maps.Keys(given)) {
		at := child(path, "[", name)
		value, literal, err := s.resolve(given[name])
		if err != nil {
			d.addf(at, "%v", err)
			continue
		}
		if literal && isCredential(name) {
			d.warn(at, literalSecret)
		}
		d.checkHeaderText(at, value)
		out = append(out, Header{strings.ToLower(name), value})
	}
	slices.SortStableFunc(out, func(a, b Header) int { return cmp.Compare(a.Name, b.Name) })
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

// stickyBy is what a sticky route goes by when the file does not say.
var stickyBy = []string{"session", "user", "key"}

func (d *document) model(onDisconnect, path string, m *configv1.Model, s *secrets) Model {
	promptBytes, _ := parseSize(m.GetSticky().GetPromptBytes())
	out := Model{
		Name:     m.GetName(),
		Aliases:  m.GetAliases(),
		Strategy: m.GetStrategy(),
		Sticky: Sticky{
			By:          m.GetSticky().GetBy(),
			Header:      strings.ToLower(m.GetSticky().GetHeader()),
			PromptBytes: int(promptBytes),
		},
		Hedge: Hedge{
			Enabled:         m.GetHedge().GetEnabled(),
			Delay:           duration(m.GetHedge().GetDelay()),
			MaxOutputTokens: int(m.GetHedge().GetMaxOutputTokens()),
			Budget:          m.GetHedge().GetBudget(),
		},
		OnDisconnect: cmp.Or(m.GetOnDisconnect(), onDisconnect),
	}
	if len(out.Sticky.By) == 0 {
		out.Sticky.By = slices.Clone(stickyBy)
	}
	for i, t := range m.GetTargets() {
		out.Targets = append(out.Targets, d.target(fmt.Sprintf("%s.targets[%d]", path, i), t, s))
	}
	return out
}

func (d *document) target(path string, t *configv1.Target, s *secrets) Target {
	out := Target{
		Provider:   t.GetProvider(),
		Model:      t.GetModel(),
		Weight:     int(t.GetWeight()),
		Priority:   int(t.GetPriority()),
		Canary:     t.CanaryPercent,
		Headers:    d.headers(path+".headers", t.GetHeaders(), s),
		Parameters: Parameters{t.GetParameters().GetDrop(), t.GetParameters().GetDefault(), t.GetParameters().GetSet()},
		Timeouts: TargetTimeouts{
			Connect:    duration(t.GetTimeouts().GetConnect()),
			FirstByte:  duration(t.GetTimeouts().GetFirstByte()),
			FirstToken: duration(t.GetTimeouts().GetFirstToken()),
			Idle:       duration(t.GetTimeouts().GetIdle()),
			Total:      duration(t.GetTimeouts().GetTotal()),
		},
		Concurrency:   concurrency(t.GetConcurrency()),
		Lacks:         t.GetLacks(),
		ContextWindow: t.GetContextWindow(),
	}
	if p := t.GetPrice(); p != nil {
		out.Price = &Price{p.GetInput(), p.GetOutput()}
	}
	return out
}

func routing(m *configv1.Routing) Routing {
	out := Routing{
		DefaultProvider: m.GetDefaultProvider(),
		AttemptTimeout:  duration(m.GetTimeouts().GetAttempt()),
		TotalTimeout:    duration(m.GetTimeouts().GetTotal()),
		MaxAttempts:     int(m.GetRetries().GetMaxAttempts()),
		Budget:          m.GetRetries().GetBudget(),
		MinPerSecond:    int(m.GetRetries().GetMinPerSecond()),
		SameTarget:      m.GetRetries().GetSameTarget(),
		FirstPause:      duration(m.GetRetries().GetFirstPause()),
		MaxPause:        duration(m.GetRetries().GetMaxPause()),
		MaxWait:         duration(m.GetRetries().GetMaxWait()),
		CallerChoice:    m.GetCallerChoice(),
		OnDisconnect:    m.GetOnDisconnect(),
		DrainCap:        duration(m.GetDrainCap()),
	}
	for _, p := range m.GetPaths() {
		out.Paths = append(out.Paths, Path{p.GetPath(), p.GetProvider(), p.GetModel()})
	}
	return out
}

func concurrency(m *configv1.Concurrency) Concurrency {
	return Concurrency{
		Max:          int(m.GetMax()),
		Adaptive:     m.GetAdaptive(),
		Queue:        int(m.GetQueue()),
		QueueTimeout: duration(m.GetQueueTimeout()),
	}
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

func (d *document) logBodies(b *configv1.LogBodies, s *secrets) LogBodies {
	maxBytes, _ := parseSize(b.GetMaxBytes())
	out := LogBodies{Models: b.GetModels(), MaxBytes: int(maxBytes)}
	for i, key := range b.GetKeys() {
		out.Keys = append(out.Keys, d.credential(fmt.Sprintf("log.bodies.keys[%d]", i), key, s.resolve))
	}
	return out
}

func level(text string) slog.Level {
	var l slog.Level
	_ = l.UnmarshalText([]byte(text)) // one of the texts that protovalidate lets through
	return l
}
