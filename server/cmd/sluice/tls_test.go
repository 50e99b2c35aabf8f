package main

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

// certify writes server.pem and server.key into a folder, for this machine, under a name.
func certify(t *testing.T, dir, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Minute), NotAfter: time.Now().Add(time.Hour),
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalPKCS8PrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	for file, block := range map[string]*pem.Block{"server.pem": {Type: "CERTIFICATE", Bytes: der}, "server.key": {Type: "PRIVATE KEY", Bytes: private}} {
		if err := os.WriteFile(filepath.Join(dir, file), pem.EncodeToMemory(block), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

func TestServe_says_in_one_line_what_keeps_it_from_starting(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "a.test")
	other := t.TempDir()
	certify(t, other, "b.test")
	config := func(text string) string {
		t.Helper()
		path := filepath.Join(dir, "sluice.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	tests := map[string]struct{ yaml, want string }{
		"a key of another certificate": {
			"listen: {http: 127.0.0.1:0, tls: {cert: server.pem, key: " + other + "/server.key}}\n",
			":1:58: listen.tls.key: " + other + "/server.key and server.pem do not go together: private key does not match public key\n",
		},
		"no certificate": {
			"listen: {http: 127.0.0.1:0, tls: {cert: no-such.pem, key: server.key}}\n",
			":1:41: listen.tls.cert: the file cannot be read: open " + dir + "/no-such.pem: no such file or directory\n",
		},
		"a certificate that is none": {
			"listen: {http: 127.0.0.1:0, tls: {cert: server.key, key: server.key}}\n",
			":1:41: listen.tls.cert: server.key holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----\n",
		},
		"a secret that cannot be read": {
			"providers: [{name: a, kind: openai, api_keys: [\"${file:" + dir + "}\"]}]\n",
			":1:48: providers[0].api_keys[0]: the secret's file cannot be read: read " + dir + ": is a directory\n",
		},
		"an authority that cannot be read": {
			"providers: [{name: a, kind: openai, tls: {ca: no-such.pem}}]\n",
			":1:47: providers[0].tls.ca: the file cannot be read: open " + dir + "/no-such.pem: no such file or directory\n",
		},
		"an admin port for everybody": {
			"listen: {http: 127.0.0.1:0, grpc: off, admin: \"0.0.0.0:0\"}\n",
			":1:47: listen.admin: other machines can reach 0.0.0.0:0 and listen.admin_token is not set, so that everybody there could read status and profiles: " +
				"set it, listen on 127.0.0.1, or set auth.insecure: true (or --insecure) when something in front decides who may ask\n",
		},
	}
	for name, test := range tests {
		for _, command := range []string{"check", "serve"} {
			path := config(test.yaml)
			code, stdout, stderr := call(t, nil, command, "-c", path)
			if code != exitFailure || stdout != "" || stderr != path+test.want {
				t.Errorf("%s, %s: exit code %d, stdout %q\nstderr %q\nwant   %q", name, command, code, stdout, stderr, path+test.want)
			}
		}
	}
}

func TestProgram_takes_up_new_certificates_and_tells_its_status_over_TLS(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "one.test")
	path := filepath.Join(dir, "sluice.yml")
	const ports = "listen: {http: 127.0.0.1:0, grpc: off, admin: %q, admin_token: \"${file:token}\", tls: {cert: server.pem, key: server.key}, admin_tls: {cert: server.pem, key: server.key}}\n"
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("t0ken\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(path, fmt.Appendf(nil, ports, "127.0.0.1:0"), 0o600); err != nil {
		t.Fatal(err)
	}
	p := startProgram(t, "serve", "-c", path)
	serving := p.await(t, "serving", 1)
	seen := func() string {
		t.Helper()
		trusted, err := os.ReadFile(filepath.Join(dir, "server.pem"))
		if err != nil {
			t.Fatal(err)
		}
		roots := x509.NewCertPool()
		roots.AppendCertsFromPEM(trusted)
		block, _ := pem.Decode(trusted)
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			t.Fatal(err)
		}
		dialer := tls.Dialer{Config: &tls.Config{RootCAs: roots, ServerName: certificate.DNSNames[0]}}
		conn, err := dialer.DialContext(context.Background(), "tcp", fmt.Sprint(serving["http"]))
		if err != nil {
			return err.Error()
		}
		defer conn.Close()
		return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
	}
	if got := seen(); got != "one.test" {
		t.Fatalf("at the start: %s", got)
	}
	certify(t, dir, "two.test")
	p.await(t, "configuration taken up", 1)
	if got := seen(); got != "two.test" {
		t.Errorf("after the files changed: %s", got)
	}
	if err := os.WriteFile(filepath.Join(dir, "server.pem"), []byte("half a fi"), 0o600); err != nil {
		t.Fatal(err)
	}
	refused := p.await(t, "configuration not taken up", 1)
	if problem := fmt.Sprint(refused["problem"]); !strings.Contains(problem, "listen.tls.cert: server.pem holds no certificate") {
		t.Errorf("a bad file: %s", problem)
	}
	if conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", fmt.Sprint(serving["http"])); err != nil {
		t.Errorf("after a bad file: %v", err)
	} else {
		conn.Close()
	}
	certify(t, dir, "three.test")
	p.await(t, "configuration taken up", 2)

	// The file that status reads says where the listener is; the server took any port.
	asked := filepath.Join(dir, "asked.yml")
	if err := os.WriteFile(asked, fmt.Appendf(nil, ports, serving["admin"]), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, test := range map[string]struct {
		env  map[string]string
		args []string
		code int
	}{
		"by the file":           {nil, []string{"-c", asked}, exitOK},
		"by the flag":           {nil, []string{"-c", asked, "--admin", fmt.Sprintf("https://%s", serving["admin"])}, exitOK},
		"with a wrong token":    {map[string]string{tokenEnv: "other"}, []string{"-c", asked}, exitFailure},
		"with its token":        {map[string]string{tokenEnv: "t0ken"}, []string{"-c", asked}, exitOK},
		"without a certificate": {map[string]string{tokenEnv: "t0ken"}, []string{"--admin", fmt.Sprintf("https://%s", serving["admin"])}, exitFailure},
	} {
		code, stdout, stderr := call(t, test.env, append([]string{"status"}, test.args...)...)
		if code != test.code || (code == exitOK) != strings.HasPrefix(stdout, "Sluice ") || strings.Contains(stderr, "t0ken") {
			t.Errorf("status %s: exit code %d: %s%s", name, code, stdout, stderr)
		}
	}
	if err := p.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	p.await(t, "stopped", 1)
	if err := p.Wait(); err != nil {
		t.Errorf("exit: %v", err)
	}
}

func TestProgram_goes_through_the_proxy_of_the_environment(t *testing.T) {
	defer http.DefaultClient.CloseIdleConnections()
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Host != "provider.invalid" { // RFC 2606: no name server knows it
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"id":"chatcmpl-1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,` +
			`"message":{"role":"assistant","content":"hi","refusal":null},"logprobs":null,"finish_reason":"stop"}]}`))
	}))
	defer proxy.Close()
	for _, name := range []string{"HTTP_PROXY", "http_proxy"} {
		t.Setenv(name, proxy.URL)
	}
	for _, name := range []string{"NO_PROXY", "no_proxy"} {
		t.Setenv(name, "")
	}
	const provider = "{name: %s, kind: openai, base_url: \"http://provider.invalid/v1\", api_keys: [k]%s}"
	p := startProgram(t, "serve", "-c", file(t, "listen: {http: 127.0.0.1:0, grpc: off, admin: off}\nrouting: {retries: {max_attempts: 1}}\nproviders:\n"+
		"- "+fmt.Sprintf(provider, "usual", "")+"\n- "+fmt.Sprintf(provider, "named", ", proxy: env")+"\n"+
		"- "+fmt.Sprintf(provider, "own", fmt.Sprintf(", proxy: %q", proxy.URL))+"\n"))
	address := p.await(t, "serving", 1)["http"]
	for model, want := range map[string]int{"usual/m": 200, "named/m": 200, "own/m": 200} {
		if got := chat(t, address, model); got != want {
			t.Errorf("%s: status %d, want %d", model, got, want)
		}
	}
}
