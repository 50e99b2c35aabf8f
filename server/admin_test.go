package server_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"

	"github.com/sluice-ai/sluice/server"
)

// askAdmin returns what a path answers to a value of Authorization.
func (h *house) askAdmin(t *testing.T, path, authorization string) (*http.Response, []byte) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, h.admin+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if authorization != "" {
		req.Header.Set("Authorization", authorization)
	}
	resp, err := h.client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp, body
}

func TestAdmin_asks_for_its_token_but_not_who_checks_health(t *testing.T) {
	const ports = "listen: {http: 127.0.0.1:0, grpc: off, admin: 127.0.0.1:0, admin_token: %s}\n"
	h := startWith(t, fmt.Sprintf(ports, "t0ken-one"))
	all := []string{"/", "/metrics", "/status", "/debug/pprof/", "/debug/pprof/heap", "/debug/pprof/profile", "/no-such", "//healthz", "/healthz/", "/healthz/../status"}
	for _, path := range all {
		for _, wrong := range []string{"", "Bearer t0ken-two", "Bearer", "t0ken-one", "Basic t0ken-one", "Bearer t0ken-one1", "Bearer t0ken-on"} {
			resp, body := h.askAdmin(t, path, wrong)
			if resp.StatusCode != http.StatusUnauthorized || resp.Header.Get("WWW-Authenticate") == "" || !strings.Contains(string(body), "listen.admin_token") || strings.Contains(string(body), "t0ken") {
				t.Errorf("%s with %q: %d %q", path, wrong, resp.StatusCode, body)
			}
		}
	}
	for _, path := range []string{"/", "/metrics", "/status", "/debug/pprof/"} {
		if resp, _ := h.askAdmin(t, path, "Bearer t0ken-one"); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	for _, path := range []string{"/healthz", "/readyz"} {
		if resp, _ := h.askAdmin(t, path, ""); resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
		}
	}
	if err := h.Reload(parse(t, fmt.Sprintf(ports, "t0ken-two"))); err != nil {
		t.Fatal(err)
	}
	for token, want := range map[string]int{"t0ken-one": http.StatusUnauthorized, "t0ken-two": http.StatusOK} {
		if resp, _ := h.askAdmin(t, "/status", "bearer "+token); resp.StatusCode != want {
			t.Errorf("after the reload, %s: %d", token, resp.StatusCode)
		}
	}
	if strings.Contains(h.log.String(), "t0ken") {
		t.Error("the token is in the log")
	}
}

func TestAskStatus_shows_the_token_and_trusts_the_configured_certificate(t *testing.T) {
	a := newAuthority(t)
	cert, key := a.issue(t, "admin", "*.sluice.test")
	text := fmt.Sprintf("listen: {http: 127.0.0.1:0, grpc: off, admin: 127.0.0.1:0, admin_token: t0ken, admin_tls: {cert: %q, key: %q}}\n", cert, key)
	h := startWith(t, text)
	_, operator := server.AdminOf(h.Config())
	address := strings.Replace(h.admin, "http://", "https://", 1)
	if _, err := server.AskStatus(t.Context(), address, operator); err != nil {
		t.Error(err)
	}
	for name, test := range map[string]struct {
		address  string
		operator server.Operator
		want     string
	}{
		"a wrong token":    {address, server.Operator{Token: adapters.NewSecret("other"), Trusted: operator.Trusted}, "SLUICE_ADMIN_TOKEN"},
		"no certificate":   {address, server.Operator{Token: operator.Token}, "is not trusted"},
		"another one":      {address, server.Operator{Token: operator.Token, Trusted: mustRead(t, newAuthority(t).file)}, "is not trusted"},
		"without https://": {strings.TrimPrefix(address, "https://"), operator, "answers /status with 400"},
	} {
		_, err := server.AskStatus(t.Context(), test.address, test.operator)
		if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "t0ken") {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func mustRead(t *testing.T, file string) []byte {
	t.Helper()
	data, err := os.ReadFile(filepath.Clean(file))
	if err != nil {
		t.Fatal(err)
	}
	return data
}

// The forms are those that go tool pprof and go tool trace read: gzip, and "go 1." first.
func TestAdmin_gives_profiles(t *testing.T) {
	h := start(t, "")
	for _, path := range []string{"/debug/pprof/heap", "/debug/pprof/goroutine", "/debug/pprof/allocs", "/debug/pprof/profile?seconds=0.05"} {
		resp, body := h.askAdmin(t, path, "")
		if resp.StatusCode != http.StatusOK {
			t.Errorf("%s: %d", path, resp.StatusCode)
			continue
		}
		if _, err := gzip.NewReader(bytes.NewReader(body)); err != nil {
			t.Errorf("%s: %v", path, err)
		}
	}
	if _, body := h.askAdmin(t, "/debug/pprof/trace?seconds=0.01", ""); !bytes.HasPrefix(body, []byte("go 1.")) {
		t.Errorf("trace begins with %.20q", body)
	}
	if _, body := h.askAdmin(t, "/debug/pprof/goroutine?debug=1", ""); !bytes.HasPrefix(body, []byte("goroutine profile:")) {
		t.Errorf("text begins with %.20q", body)
	}
	for path, want := range map[string]int{"no-such": 404, "profile?seconds=-1": 400, "profile?seconds=NaN": 400, "trace?seconds=1000000": 400, "profile?seconds=x": 400} {
		if resp, _ := h.askAdmin(t, "/debug/pprof/"+path, ""); resp.StatusCode != want {
			t.Errorf("%s: %d, want %d", path, resp.StatusCode, want)
		}
	}
	if resp, err := h.client.Get(h.http + "/debug/pprof/heap"); err != nil || resp.StatusCode != http.StatusNotFound {
		t.Errorf("the callers' port has profiles: %v, %v", resp, err)
	} else {
		resp.Body.Close()
	}
}

func TestServer_is_ready_although_health_checks_fail(t *testing.T) {
	hung, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0") // accepts, never answers
	if err != nil {
		t.Fatal(err)
	}
	defer hung.Close()
	h := start(t, fmt.Sprintf("providers: [{name: hung, kind: openai, base_url: \"http://%s\", health_check: {interval: 10ms, timeout: 10ms, failures: 1}}]\nrouting: {default_provider: hung}\n", hung.Addr()))
	if status, body := h.get(t, h.admin+"/readyz"); status != http.StatusOK {
		t.Errorf("at the start: %d %s", status, body)
	}
	eventually(t, "the health check fails", func() bool { return !*h.status(t).Providers[0].Up })
	if status, body := h.get(t, h.admin+"/readyz"); status != http.StatusOK {
		t.Errorf("while the provider is down: %d %s", status, body)
	}
}
