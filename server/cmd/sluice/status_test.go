package main

import (
	"encoding/json"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/server"
)

// at is the clock of the server whose status the tests show.
var at = time.Date(2026, 11, 20, 12, 0, 0, 0, time.UTC)

func in(d time.Duration) *time.Time { return new(at.Add(d)) }

// sick is a server with a bit of everything.
func sick() *server.Status {
	return &server.Status{
		Version: "1.2.3", At: at, Started: at.Add(-3*time.Hour - 12*time.Minute), UptimeSeconds: 11520.4, Ready: true,
		Config:       server.ConfigStatus{Source: "/etc/sluice.yml", ReloadedAt: in(-90 * time.Second)},
		RunningCalls: 12, MaxCalls: 1000,
		Providers: []server.ProviderStatus{
			{Name: "openai", Kind: "openai", Up: new(true), Concurrency: &server.ConcurrencyStatus{Running: 7, Limit: 20, Queue: 100}, Keys: []server.KeyStatus{
				{Name: "key-1"},
				{Name: "key-2", Benched: []server.BenchStatus{
					{Model: "gpt-4o", Reason: "rate_limited", Until: at.Add(11500 * time.Millisecond)},
					{Reason: "auth", Until: at.Add(26 * time.Hour)},
				}},
			}},
			{Name: "spare", Kind: "openai", Up: new(false), Keys: []server.KeyStatus{{Name: "key-1"}}},
			{Name: "sandbox", Kind: "sandbox"},
		},
		Targets: []server.TargetStatus{
			{Target: "openai", State: "closed"},
			{Target: "openai/gpt-4o", Routes: []string{"fast", "smart"}, State: "open", Until: in(12 * time.Second), Calls: 20, Failures: 15, LatencyMS: 812.4, P95MS: 12400, Spared: true},
			{
				Target: "openai/gpt-4o-mini", Routes: []string{"a", "b", "c", "d"}, State: "closed", Calls: 40, Failures: 1, Busy: 7, LatencyMS: 3.25,
				Concurrency: &server.ConcurrencyStatus{Running: 7, Limit: 10, Waiting: 3, Queue: 100, Refused: 2},
			},
			{Target: "sandbox", State: "off"},
			{Target: "spare", State: "half_open", Calls: 10, Failures: 10, Busy: 1, Spared: true},
			{Target: "spare/m", Routes: []string{"fast"}, State: "closed", Spared: true},
		},
	}
}

const sickTable = `Sluice 1.2.3, ready, up 3h12m, config /etc/sluice.yml (reloaded 1m30s ago), 12/1000 calls

TARGET              STATE                BUSY  WAITING  LATENCY  P95    FAILED    ROUTES
openai              closed               0     -        -        -      -         -
openai/gpt-4o       open, probes in 12s  0     -        812ms    12.4s  15 of 20  fast, smart
openai/gpt-4o-mini  closed               7/10  3/100    3.2ms    -      1 of 40   a, b, c and 1 more
sandbox             off                  0     -        -        -      -         -
spare               half-open, probing   1     -        -        -      10 of 10  -
spare/m             closed, spared       0     -        -        -      -         fast

PROVIDER  KIND     HEALTH  BUSY  WAITING  KEYS
openai    openai   up      7/20  0/100    2, 1 benched
spare     openai   down    -     -        1
sandbox   sandbox  -       -     -        -

BENCHED KEY   MODEL   REASON        FOR
openai key-2  gpt-4o  rate_limited  12s
openai key-2  all     auth          1d2h
`

// admin serves a status, as a running server's admin listener does, and returns its
// address.
func admin(t *testing.T, s *server.Status) (address string) {
	t.Helper()
	srv := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet || r.URL.Path != "/status" && r.URL.Path != "/below/status" {
			http.NotFound(w, r)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_ = json.NewEncoder(w).Encode(s)
	}))
	t.Cleanup(srv.Close)
	return strings.TrimPrefix(srv.URL, "http://")
}

func TestStatus_prints_tables(t *testing.T) {
	code, stdout, stderr := call(t, nil, "status", "--admin", admin(t, sick()))
	if code != exitOK || stderr != "" {
		t.Fatalf("exit code %d, %s", code, stderr)
	}
	if stdout != sickTable {
		t.Errorf("got\n%s\nwant\n%s", stdout, sickTable)
	}
}

func TestStatus_of_a_fresh_server_is_short(t *testing.T) {
	s := &server.Status{Version: "dev", At: at, UptimeSeconds: 0.2, Providers: []server.ProviderStatus{{Name: "sandbox", Kind: "sandbox"}}}
	_, stdout, _ := call(t, nil, "status", "--admin", admin(t, s))
	want := `Sluice dev, not ready, up 1s, config none, 0 calls

TARGET  STATE  BUSY  WAITING  LATENCY  P95  FAILED  ROUTES

PROVIDER  KIND     HEALTH  BUSY  WAITING  KEYS
sandbox   sandbox  -       -     -        -
`
	if stdout != want {
		t.Errorf("got\n%s\nwant\n%s", stdout, want)
	}
}

func TestStatus_prints_the_JSON_of_the_server(t *testing.T) {
	code, stdout, _ := call(t, nil, "status", "--json", "--admin", admin(t, sick()))
	var got server.Status
	if err := json.Unmarshal([]byte(stdout), &got); code != exitOK || err != nil {
		t.Fatalf("exit code %d, %v: %s", code, err, stdout)
	}
	was, _ := json.Marshal(sick())
	if is, _ := json.Marshal(got); string(is) != string(was) {
		t.Errorf("got  %s\nwant %s", is, was)
	}
}

func TestStatus_finds_the_admin_listener(t *testing.T) {
	address := admin(t, sick())
	// Neither the secrets nor what only the server's own flags allow are of any matter.
	path := file(t, "listen: {http: 0.0.0.0:8080, admin: \""+address+"\"}\n"+
		"providers: [{name: a, kind: of-another-version, api_keys: [\"${env:NO_SUCH}\", \"${file:/no/such}\"]}]\n")
	_, port, _ := net.SplitHostPort(address)
	tests := map[string]struct {
		env  map[string]string
		args []string
	}{
		"by the file":                 {nil, []string{"--config", path}},
		"by the file of the variable": {map[string]string{"SLUICE_CONFIG": path}, nil},
		"by the variable":             {map[string]string{"SLUICE_ADMIN": address}, nil},
		"by a URL":                    {nil, []string{"--admin", "http://" + address + "/below/"}},
		"by the server's own address": {nil, []string{"--admin", "0.0.0.0:" + port}},
		"by the flag over the file":   {nil, []string{"--admin", address, "--config", "no-such-file"}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := call(t, test.env, append([]string{"status"}, test.args...)...)
			if code != exitOK || !strings.Contains(stdout, "openai/gpt-4o-mini") {
				t.Errorf("exit code %d: %s%s", code, stdout, stderr)
			}
		})
	}
}

func TestStatus_says_in_one_line_why_there_is_none(t *testing.T) {
	closed, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	nobody := closed.Addr().String()
	closed.Close()
	stranger := httptest.NewServer(http.NotFoundHandler())
	defer stranger.Close()
	strange := strings.TrimPrefix(stranger.URL, "http://")
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<html>")) }))
	defer web.Close()
	tests := map[string]struct {
		args []string
		want string
	}{
		"nobody":           {[]string{"--admin", nobody}, "sluice: nothing listens at " + nobody + ": is Sluice running? --admin names another address\n"},
		"a stranger":       {[]string{"--admin", strange}, "sluice: what listens at " + strange + " does not tell the status of a Sluice: it answers /status with 404\n"},
		"a web page":       {[]string{"--admin", web.URL}, "sluice: what listens at " + web.URL + " does not tell the status of a Sluice: invalid character '<' looking for beginning of value\n"},
		"no address":       {[]string{"--admin", "a b:1"}, "sluice: \"a b:1\" is no address: host:port is needed\n"},
		"off":              {[]string{"--admin", "off"}, "sluice: listen.admin is off, so that nobody tells the status: --admin names another address\n"},
		"off in the file":  {[]string{"-c", file(t, "listen: {admin: off}\n")}, "sluice: listen.admin is off, so that nobody tells the status: --admin names another address\n"},
		"any port":         {[]string{"-c", file(t, "listen: {admin: 127.0.0.1:0}\n")}, "sluice: listen.admin is 127.0.0.1:0, a port that is chosen at the start: --admin names the one that the log tells\n"},
		"no such file":     {[]string{"-c", "/no/such"}, "sluice: the configuration cannot be read: open /no/such: no such file or directory\n"},
		"an unknown shape": {[]string{"--admin", "ftp://127.0.0.1"}, "sluice: ftp://127.0.0.1 cannot be asked: unsupported protocol scheme \"ftp\"\n"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			code, stdout, stderr := call(t, nil, append([]string{"status"}, test.args...)...)
			if code != exitFailure || stdout != "" || stderr != test.want {
				t.Errorf("exit code %d, stdout %q\nstderr %q\nwant   %q", code, stdout, stderr, test.want)
			}
		})
	}
}
