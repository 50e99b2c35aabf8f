package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/sluice-ai/sluice/server"
	"github.com/sluice-ai/sluice/server/config"
)

type statusCommand struct {
	Admin  string `help:"Where the running Sluice's admin listener is, or a URL that leads there; in place of listen.admin ($$SLUICE_ADMIN)." name:"admin"       placeholder:"ADDR"`
	Config string `help:"Configuration file to take listen.admin from. Without one: 127.0.0.1:8081 ($$SLUICE_CONFIG)."                        placeholder:"FILE" short:"c"`
	JSON   bool   `help:"Print JSON, as GET /status of the admin listener."                                                                   name:"json"`
}

// Run asks and prints tables.
func (c *statusCommand) Run(b bound) error {
	address, err := c.address(b.process)
	if err != nil {
		return err
	}
	status, err := server.AskStatus(b, address)
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

// address returns where to ask.
func (c *statusCommand) address(p process) (string, error) {
	address := c.Admin
	if address == "" {
		loaded, err := c.load(p)
		if err != nil {
			return "", err
		}
		address = loaded.Listen.Admin
	}
	switch {
	case address == "" || address == "off":
		return "", errors.New("listen.admin is off, so that nobody tells the status: --admin names another address")
	case strings.HasSuffix(address, ":0"):
		return "", fmt.Errorf("listen.admin is %s, a port that is chosen at the start: --admin names the one that the log tells", address)
	}
	return address, nil
}

// load reads the configuration for the sake of an address. Secrets that only the server
// can read must not keep anybody from it, nor what the server's flags allow.
func (c *statusCommand) load(p process) (*config.Config, error) {
	const unread = "unread"
	loader := config.Loader{
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
