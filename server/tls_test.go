package server_test

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os/exec"
	"strings"
	"testing"

	"connectrpc.com/connect"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/gen/go/sluice/v1/sluicev1connect"

	"github.com/sluice-ai/sluice/server"
)

// encryptedPorts is the head of a configuration whose ports speak TLS. more goes into
// listen.tls.
func encryptedPorts(cert, key, more string) string {
	return fmt.Sprintf("listen: {http: 127.0.0.1:0, grpc: 127.0.0.1:0, admin: 127.0.0.1:0, tls: {cert: %q, key: %q%s}, admin_tls: {cert: %q, key: %q}}\n", cert, key, more, cert, key)
}

// client returns a client of the house that knows the authority.
func client(t *testing.T, a *authority, http2 bool, own ...tls.Certificate) *http.Client {
	t.Helper()
	protocols := new(http.Protocols)
	protocols.SetHTTP1(!http2)
	protocols.SetHTTP2(http2)
	transport := &http.Transport{Protocols: protocols, TLSClientConfig: &tls.Config{RootCAs: a.pool, Certificates: own}}
	t.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

func startEncrypted(t *testing.T, a *authority, more, text string) *house {
	t.Helper()
	cert, key := a.issue(t, "server", "sluice.test")
	h := startWith(t, encryptedPorts(cert, key, more)+text)
	h.client = client(t, a, false)
	h.http, h.admin = strings.Replace(h.http, "http://", "https://", 1), strings.Replace(h.admin, "http://", "https://", 1)
	return h
}

func dialEncrypted(t *testing.T, a *authority, address string, own ...tls.Certificate) sluicev1.ChatServiceClient {
	t.Helper()
	conn, err := grpc.NewClient(strings.TrimPrefix(address, "https://"),
		grpc.WithTransportCredentials(credentials.NewTLS(&tls.Config{RootCAs: a.pool, Certificates: own})))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { conn.Close() })
	return sluicev1.NewChatServiceClient(conn)
}

func TestTLS_serves_every_door_on_both_ports(t *testing.T) {
	a := newAuthority(t)
	h := startEncrypted(t, a, "", "routing: {paths: [{path: /local, provider: sandbox}]}\n")
	for _, http2 := range []bool{false, true} {
		h.client = client(t, a, http2)
		resp, err := h.client.Get(h.http + "/v1/models")
		if err != nil {
			t.Fatal(err)
		}
		resp.Body.Close()
		want := map[bool]string{false: "HTTP/1.1", true: "HTTP/2.0"}[http2]
		if resp.StatusCode != http.StatusOK || resp.Proto != want || resp.TLS.Version != tls.VersionTLS13 {
			t.Errorf("%s: %s over %s with TLS %x", want, resp.Status, resp.Proto, resp.TLS.Version)
		}
		if status, text := h.chat(t, "sandbox/echo"); status != http.StatusOK || text == "" {
			t.Errorf("%s: %d %q", want, status, text)
		}
		_, rest := h.stream(t, "sandbox/chat")
		if text, err := rest(); err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") {
			t.Errorf("%s: events end with %q, %v", want, text, err)
		}
		if _, body := h.get(t, h.http+"/local"); !strings.Contains(body, h.http+"/local/v1") {
			t.Errorf("%s: the base URL is not https: %s", want, body)
		}
		if !http2 {
			if status, _ := h.get(t, h.admin+"/readyz"); status != http.StatusOK {
				t.Errorf("admin: %d", status)
			}
		}
		for name, options := range map[string][]connect.ClientOption{"Connect": nil, "gRPC-Web": {connect.WithGRPCWeb()}} {
			answer, err := sluicev1connect.NewChatServiceClient(h.client, h.http, options...).CreateChatCompletion(t.Context(), helloTo("sandbox/echo"))
			if err != nil || len(answer.GetChoices()) != 1 {
				t.Errorf("%s, %s: %v", want, name, err)
			}
		}
	}
	for _, address := range []string{h.grpc, h.http} {
		in, err := dialEncrypted(t, a, address).StreamChatCompletion(t.Context(), helloTo("sandbox/chat"))
		if err != nil {
			t.Fatal(err)
		}
		chunks := 0
		for err == nil {
			_, err = in.Recv()
			chunks++
		}
		if !errors.Is(err, io.EOF) || chunks < 3 {
			t.Errorf("gRPC at %s: %d chunks and %v", address, chunks, err)
		}
	}
}

func TestTLS_speaks_with_curl(t *testing.T) {
	curl, err := exec.LookPath("curl")
	if err != nil {
		t.Skip("curl is missing")
	}
	a := newAuthority(t)
	h := startEncrypted(t, a, "", "")
	for option, want := range map[string]string{"--http1.1": "200 1.1", "--http2": "200 2"} {
		out, err := exec.CommandContext(t.Context(), curl, "-sS", option, "--noproxy", "*", "--cacert", a.file, "-o", t.TempDir()+"/out", "-w", "%{http_code} %{http_version}",
			h.http+"/v1/chat/completions", "-H", "content-type: application/json", "-d", `{"model":"sandbox/echo","messages":[{"role":"user","content":"Hello"}]}`).CombinedOutput()
		if err != nil || string(out) != want {
			t.Errorf("%s: %q, %v", option, out, err)
		}
	}
}

func TestTLS_refuses_what_is_old_and_tells_who_speaks_none(t *testing.T) {
	a := newAuthority(t)
	h := startEncrypted(t, a, "", "")
	old := &tls.Config{RootCAs: a.pool, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
	for _, address := range []string{h.http, h.grpc, h.admin} {
		address = strings.TrimPrefix(address, "https://")
		if conn, err := (&tls.Dialer{Config: old}).DialContext(t.Context(), "tcp", address); err == nil {
			conn.Close()
			t.Errorf("%s speaks TLS 1.1", address)
		}
		twelve := &tls.Config{RootCAs: a.pool, MaxVersion: tls.VersionTLS12, NextProtos: []string{"h2", "http/1.1"}}
		conn, err := (&tls.Dialer{Config: twelve}).DialContext(t.Context(), "tcp", address)
		if err != nil {
			t.Errorf("%s speaks no TLS 1.2: %v", address, err)
			continue
		}
		conn.Close()
	}
	for _, base := range []string{h.http, h.admin} {
		status, body := h.get(t, strings.Replace(base, "https://", "http://", 1)+"/v1/models")
		if status != http.StatusBadRequest || !strings.Contains(body, "https://") {
			t.Errorf("plain HTTP: %d %q", status, body)
		}
	}
}

func TestTLS_does_not_let_a_silent_caller_delay_others(t *testing.T) {
	a := newAuthority(t)
	h := startEncrypted(t, a, "", "")
	for range 20 {
		for _, address := range []string{h.http, "https://" + h.grpc, h.admin} {
			conn, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "https://"))
			if err != nil {
				t.Fatal(err)
			}
			defer conn.Close()
		}
	}
	if status, _ := h.chat(t, "sandbox/echo"); status != http.StatusOK {
		t.Errorf("status %d", status)
	}
	if _, err := dialEncrypted(t, a, h.grpc).CreateChatCompletion(t.Context(), helloTo("sandbox/echo")); err != nil {
		t.Error(err)
	}
	if status, _ := h.get(t, h.admin+"/readyz"); status != http.StatusOK {
		t.Errorf("admin: status %d", status)
	}
}

func TestTLS_asks_callers_for_certificates(t *testing.T) {
	a, others := newAuthority(t), newAuthority(t)
	known, stranger := a.pair(t, "caller.test"), others.pair(t, "stranger.test")
	type caller struct {
		name string
		own  []tls.Certificate
	}
	nobody, friend, other := caller{"nobody", nil}, caller{"a known caller", []tls.Certificate{known}}, caller{"a stranger", []tls.Certificate{stranger}}
	for _, test := range []struct {
		more string
		ok   map[string]bool
	}{
		{"", map[string]bool{friend.name: true}},
		{", client_auth: require", map[string]bool{friend.name: true}},
		{", client_auth: request", map[string]bool{friend.name: true, nobody.name: true}},
		{", client_auth: none", map[string]bool{friend.name: true, nobody.name: true, other.name: true}},
	} {
		h := startEncrypted(t, a, fmt.Sprintf(", client_ca: %q%s", a.file, test.more), "")
		for _, c := range []caller{nobody, friend, other} {
			// A client shows no certificate of an authority that it was not asked for.
			own := c.own
			forced := func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
				if len(own) == 0 {
					return &tls.Certificate{}, nil
				}
				return &own[0], nil
			}
			config := &tls.Config{RootCAs: a.pool, GetClientCertificate: forced}
			transport := &http.Transport{TLSClientConfig: config, ForceAttemptHTTP2: true}
			resp, err := (&http.Client{Transport: transport}).Get(h.http + "/v1/models")
			if err == nil {
				resp.Body.Close()
			}
			transport.CloseIdleConnections()
			if want := test.ok[c.name]; (err == nil) != want {
				t.Errorf("%q, HTTP, %s: %v, want it to work: %v", test.more, c.name, err, want)
			}
			conn, err := grpc.NewClient(h.grpc, grpc.WithTransportCredentials(credentials.NewTLS(config.Clone())))
			if err != nil {
				t.Fatal(err)
			}
			_, err = sluicev1.NewChatServiceClient(conn).CreateChatCompletion(t.Context(), helloTo("sandbox/echo"))
			conn.Close()
			if want := test.ok[c.name]; (err == nil) != want {
				t.Errorf("%q, gRPC, %s: %v, want it to work: %v", test.more, c.name, err, want)
			}
		}
	}
}

// seen returns the name in the certificate that a port shows.
func seen(t *testing.T, a *authority, address string) string {
	t.Helper()
	conn, err := (&tls.Dialer{Config: &tls.Config{RootCAs: a.pool, NextProtos: []string{"h2", "http/1.1"}}}).DialContext(t.Context(), "tcp", strings.TrimPrefix(address, "https://"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	return conn.(*tls.Conn).ConnectionState().PeerCertificates[0].Subject.CommonName
}

func TestReload_takes_new_certificates_for_new_connections(t *testing.T) {
	a := newAuthority(t)
	h := startEncrypted(t, a, "", "")
	_, rest := h.stream(t, "sandbox/slow")
	cert, key := a.issue(t, "server", "renewed.test") // over the old ones
	for _, file := range []string{cert, key} {
		if !strings.Contains(strings.Join(h.Config().Files, " "), file) {
			t.Errorf("%s is not watched", file)
		}
	}
	if err := h.Reload(parse(t, encryptedPorts(cert, key, ""))); err != nil {
		t.Fatal(err)
	}
	for _, address := range []string{h.http, h.grpc, h.admin} {
		if got := seen(t, a, address); got != "renewed.test" {
			t.Errorf("%s shows %s", address, got)
		}
	}
	if text, err := rest(); err != nil || !strings.HasSuffix(text, "data: [DONE]\n\n") {
		t.Errorf("the stream of before: %q, %v", text, err)
	}

	other := newAuthority(t)
	wrong, _ := other.issue(t, "server", "wrong.test")
	_, err := server.Loader().Parse("sluice.yml", []byte(encryptedPorts(wrong, key, "")))
	if err == nil || !strings.Contains(err.Error(), "sluice.yml:1:") || !strings.Contains(err.Error(), "listen.tls.key: ") || !strings.Contains(err.Error(), "do not go together") {
		t.Errorf("a key of another certificate: %v", err)
	}
	if got := seen(t, a, h.http); got != "renewed.test" {
		t.Errorf("after a bad one, %s is shown", got)
	}
	if err := h.Reload(parse(t, freePorts)); err == nil || !strings.Contains(err.Error(), "listen.tls: a change needs a restart") || !strings.Contains(err.Error(), "listen.admin_tls: ") {
		t.Errorf("TLS was turned off: %v", err)
	}
}

func TestWelcome_says_https(t *testing.T) {
	a := newAuthority(t)
	h := startEncrypted(t, a, "", "")
	var out strings.Builder
	if err := h.Welcome().Write(&out); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{h.http + "/v1", h.http + "/docs", h.admin, "curl -N -k " + h.http} {
		if !strings.Contains(out.String(), want) {
			t.Errorf("%q is missing in\n%s", want, out.String())
		}
	}
}

func TestProviders_are_rebuilt_when_their_certificates_change(t *testing.T) {
	a, before := newAuthority(t), newAuthority(t)
	u := newUpstream(t, "a")
	certFile, keyFile := a.issue(t, "upstream", "upstream.test")
	cert, err := tls.LoadX509KeyPair(certFile, keyFile)
	if err != nil {
		t.Fatal(err)
	}
	encrypted := http.Server{Handler: http.HandlerFunc(u.serve)}
	l, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{
		Certificates: []tls.Certificate{cert}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: a.pool, NextProtos: []string{"http/1.1"},
	})
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = encrypted.Serve(l) }()
	defer encrypted.Close()
	ownCert, ownKey := a.issue(t, "own", "sluice.test")
	text := func(ca string) string {
		return freePorts + fmt.Sprintf("providers: [{name: a, kind: openai, base_url: \"https://%s\", api_keys: [k], tls: {ca: %q, cert: %q, key: %q}, proxy: none}]\nrouting: {retries: {max_attempts: 1}}\n",
			l.Addr(), ca, ownCert, ownKey)
	}
	h := startWith(t, text(before.file))
	resp, err := h.client.Post(h.http+"/v1/chat/completions", "application/json", strings.NewReader(`{"model":"a/m","messages":[{"role":"user","content":"Hello"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	body, _ := io.ReadAll(resp.Body)
	resp.Body.Close()
	if resp.StatusCode != http.StatusBadGateway || !strings.Contains(string(body), "upstream_unavailable") || !strings.Contains(string(body), "certificate comes from nobody who is trusted") || strings.Contains(string(body), "127.0.0.1") {
		t.Errorf("the wrong authority: %d %s", resp.StatusCode, body)
	}
	if err := h.Reload(parse(t, text(a.file))); err != nil {
		t.Fatal(err)
	}
	if status, text := h.chat(t, "a/m"); status != http.StatusOK || text != "from a" {
		t.Errorf("the right authority: %d %q", status, text)
	}
}
