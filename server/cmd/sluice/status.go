package main

import (
	"cmp"
	"crypto/tls"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sluice-ai/sluice/adapters"

	"github.com/sluice-ai/sluice/server"
	"github.com/sluice-ai/sluice/server/config"
)

type statusCommand struct {
	Admin  string `help:"Where the running Sluice's admin listener is, or a URL that leads there, https:// if it speaks TLS; in place of listen.admin ($$SLUICE_ADMIN)."                                             name:"admin"       placeholder:"ADDR"`
	Config string `help:"Configuration file to take listen.admin, admin_tls and admin_token from. Without one: 127.0.0.1:8081, and the token of $$SLUICE_ADMIN_TOKEN, which wins over the file's ($$SLUICE_CONFIG)." placeholder:"FILE" short:"c"`
	Cert   string `help:"Certificate to show, PEM, when the listener asks for one ($$SLUICE_CERT)."                                                                                                                  name:"cert"        placeholder:"FILE"`
	Key    string `help:"Its private key, PEM ($$SLUICE_KEY)."                                                                                                                                                       name:"key"         placeholder:"FILE"`
	JSON   bool   `help:"Print JSON, as GET /status of the admin listener."                                                                                                                                          name:"json"`
}

// tokenEnv holds the token. There is no flag: a command line is no place for a secret.
const tokenEnv = "SLUICE_ADMIN_TOKEN" //nolint:gosec // G101: the name, not the token

// Run asks and prints tables.
func (c *statusCommand) Run(b bound) error {
	address, operator, err := c.address(b.process)
	if err != nil {
		return err
	}
	if c.Cert != "" || c.Key != "" {
		own, err := tls.LoadX509KeyPair(c.Cert, c.Key)
		if err != nil {
			return fmt.Errorf("--cert and --key: %w", err)
		}
		operator.Certificates = []tls.Certificate{own}
	}
	status, err := server.AskStatus(b, address, operator)
	if err != nil {
		return err
	}
	if c.JSON {
		encoder := json.NewEncoder(b.process.stdout)
		encoder.SetIndent("", "  ")
		return encoder.Encode(status)
	}
	return printStatus(b.process.stdout, status)
}

// address returns where to ask, and what to show there. A file that cannot be read need
// not keep anybody from a server that runs by a better one, if its address is given.
func (c *statusCommand) address(p process) (address string, o server.Operator, err error) {
	if c.Admin == "" || c.Config != "" {
		loaded, err := c.load(p)
		if err != nil && c.Admin == "" {
			return "", o, err
		}
		if err == nil {
			address, o = server.AdminOf(loaded)
		}
	}
	if c.Admin != "" {
		address = c.Admin
	}
	if token, _ := p.lookupEnv(tokenEnv); token != "" {
		o.Token = adapters.NewSecret(token)
	} else if o.Token.Reveal() == unread {
		o.Token = adapters.Secret{}
	}
	switch {
	case address == "" || address == "off":
		return "", o, errors.New("listen.admin is off, so that nobody tells the status: --admin names another address")
	case strings.HasSuffix(address, ":0"):
		return "", o, fmt.Errorf("listen.admin is %s, a port that is chosen at the start: --admin names the one that the log tells", address)
	}
	return address, o, nil
}

// unread stands for secrets that the caller may not read.
const unread = "unread"

// load reads the configuration for the sake of an address. Secrets that only the server
// can read must not keep anybody from it, nor what the server's flags allow.
func (c *statusCommand) load(p process) (*config.Config, error) {
	loader := config.Loader{
		Peek:      true,
		Overrides: config.Overrides{Insecure: true},
		LookupEnv: func(name string) (string, bool) {
			value, _ := p.lookupEnv(name)
			return cmp.Or(value, unread), true
		},
		ReadFile: func(name string) ([]byte, error) {
			data, err := os.ReadFile(name) //nolint:gosec // G304: the operator names it
			if err != nil && name != c.Config {
				return []byte(unread), nil
			}
			return data, err
		},
	}
	if c.Config == "" {
		return loader.Default()
	}
	return loader.Load(c.Config)
}

// printStatus writes what people want to see first, first.
func printStatus(out io.Writer, s *server.Status) error {
	var text strings.Builder
	fmt.Fprintf(&text, "Sluice %s, %s, up %s, config %s", s.Version, readiness(s.Ready), short(seconds(s.UptimeSeconds)), cmp.Or(s.Config.Source, "none"))
	if at := s.Config.ReloadedAt; at != nil {
		fmt.Fprintf(&text, " (reloaded %s ago)", short(s.At.Sub(*at)))
	}
	fmt.Fprintf(&text, ", %s calls\n\n", share(s.RunningCalls, s.MaxCalls))

	rows := make([][]string, 0, 1+len(s.Targets))
	rows = append(rows, []string{"TARGET", "STATE", "BUSY", "WAITING", "LATENCY", "P95", "FAILED", "ROUTES"})
	for i := range s.Targets {
		rows = append(rows, targetRow(s, &s.Targets[i]))
	}
	tabulate(&text, rows)
	text.WriteByte('\n')
	rows = [][]string{{"PROVIDER", "KIND", "HEALTH", "BUSY", "WAITING", "KEYS"}}
	for i := range s.Providers {
		rows = append(rows, providerRow(&s.Providers[i]))
	}
	tabulate(&text, rows)
	if rows = benchRows(s); len(rows) > 1 {
		text.WriteByte('\n')
		tabulate(&text, rows)
	}
	_, err := io.WriteString(out, text.String())
	return err
}

func targetRow(s *server.Status, t *server.TargetStatus) []string {
	state := strings.ReplaceAll(t.State, "_", "-")
	switch {
	case t.Until != nil:
		state += ", probes in " + short(max(t.Until.Sub(s.At), 0))
	case t.State == "half_open" && t.Spared:
		state += ", probing"
	case t.Spared:
		state += ", spared"
	}
	busy, waiting := share(t.Busy, 0), "-"
	if c := t.Concurrency; c != nil {
		busy, waiting = share(t.Busy, c.Limit), share(c.Waiting, c.Queue)
	}
	failures := "-"
	if t.Calls > 0 {
		failures = fmt.Sprintf("%d of %d", t.Failures, t.Calls)
	}
	return []string{t.Target, state, busy, waiting, latency(t.LatencyMS), latency(t.P95MS), failures, list(t.Routes)}
}

func providerRow(p *server.ProviderStatus) []string {
	health := "-"
	if p.Up != nil {
		health = map[bool]string{true: "up", false: "down"}[*p.Up]
	}
	busy, waiting := "-", "-"
	if c := p.Concurrency; c != nil {
		busy, waiting = share(c.Running, c.Limit), share(c.Waiting, c.Queue)
	}
	benched := 0
	for _, k := range p.Keys {
		if len(k.Benched) > 0 {
			benched++
		}
	}
	keys := "-"
	switch {
	case benched > 0:
		keys = fmt.Sprintf("%d, %d benched", len(p.Keys), benched)
	case len(p.Keys) > 0:
		keys = strconv.Itoa(len(p.Keys))
	}
	return []string{p.Name, p.Kind, health, busy, waiting, keys}
}

// benchRows lists the keys that are left alone.
func benchRows(s *server.Status) [][]string {
	rows := [][]string{{"BENCHED KEY", "MODEL", "REASON", "FOR"}}
	for _, p := range s.Providers {
		for _, k := range p.Keys {
			for _, b := range k.Benched {
				rows = append(rows, []string{p.Name + " " + k.Name, cmp.Or(b.Model, "all"), b.Reason, short(max(b.Until.Sub(s.At), 0))})
			}
		}
	}
	return rows
}

// tabulate writes rows as a table.
func tabulate(out io.Writer, rows [][]string) {
	table := tabwriter.NewWriter(out, 0, 0, 2, ' ', 0)
	for _, row := range rows {
		_, _ = fmt.Fprintln(table, strings.Join(row, "\t")) // into memory
	}
	_ = table.Flush()
}

func readiness(ready bool) string {
	if ready {
		return "ready"
	}
	return "not ready"
}

// share is a number and its bound, if there is one.
func share(n, of int) string {
	if of == 0 {
		return strconv.Itoa(n)
	}
	return fmt.Sprintf("%d/%d", n, of)
}

func latency(ms float64) string {
	switch {
	case ms == 0:
		return "-"
	case ms < 10:
		return fmt.Sprintf("%.1fms", ms)
	case ms < 10_000:
		return fmt.Sprintf("%.0fms", ms)
	}
	return fmt.Sprintf("%.1fs", ms/1000)
}

// someRoutes is how many names fit on a line.
const someRoutes = 3

func list(names []string) string {
	if len(names) == 0 {
		return "-"
	}
	if len(names) > someRoutes {
		return fmt.Sprintf("%s and %d more", strings.Join(names[:someRoutes], ", "), len(names)-someRoutes)
	}
	return strings.Join(names, ", ")
}

func seconds(s float64) time.Duration { return time.Duration(s * float64(time.Second)) }

// short is a duration with the two units that matter, rounded up to seconds.
func short(d time.Duration) string {
	if rest := d % time.Second; rest > 0 {
		d += time.Second - rest
	}
	const day = 24 * time.Hour
	switch {
	case d >= day:
		return fmt.Sprintf("%dd%dh", d/day, d%day/time.Hour)
	case d >= time.Hour:
		return fmt.Sprintf("%dh%dm", d/time.Hour, d%time.Hour/time.Minute)
	case d >= time.Minute:
		return fmt.Sprintf("%dm%ds", d/time.Minute, d%time.Minute/time.Second)
	}
	return fmt.Sprintf("%ds", d/time.Second)
}
