package upstream

import (
	"bufio"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/adapters"
)

// authority signs certificates for a test.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
	pool        *x509.CertPool
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority of a test"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	a := &authority{key: key, pool: x509.NewCertPool()}
	if a.certificate, err = x509.ParseCertificate(der); err != nil {
		t.Fatal(err)
	}
	a.pool.AddCert(a.certificate)
	return a
}

// issue returns a certificate for a name or an IP address, valid until an hour after
// from.
func (a *authority) issue(t *testing.T, name string, from time.Time) tls.Certificate {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name},
		NotBefore: from, NotAfter: from.Add(time.Hour),
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	if ip := net.ParseIP(name); ip != nil {
		template.IPAddresses = []net.IP{ip}
	} else {
		template.DNSNames = []string{name}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, key.Public(), a.key)
	if err != nil {
		t.Fatal(err)
	}
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}
}

// encryptedServer answers as the tests' provider does, and tells which protocol it spoke and
// whose certificate it saw.
func encryptedServer(t *testing.T, config *tls.Config, http2 bool) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		who := ""
		if list := r.TLS.PeerCertificates; len(list) > 0 {
			who = list[0].Subject.CommonName
		}
		_, _ = io.WriteString(w, r.Proto+" "+r.TLS.ServerName+" "+who)
	}))
	server.TLS = config
	server.EnableHTTP2 = http2
	server.Config.ErrorLog = nil
	server.StartTLS()
	t.Cleanup(server.Close)
	return server
}

func ask(t *testing.T, s adapters.Settings) (string, error) {
	t.Helper()
	s.Name = "p"
	client, err := New(s, Dialect{})
	if err != nil {
		t.Fatal(err)
	}
	defer client.Close()
	answer, err := client.Do(t.Context(), &Request{Method: http.MethodGet, Path: "/models"})
	if err != nil {
		return "", err
	}
	return string(answer.Body), nil
}

const refusal = "the provider refused Sluice's certificate, or the lack of one"

// says tells whether a failure has the message. In TLS 1.3 a server refuses when the client
// may have written its request already, and closes: what the client meets first is chance.
func says(f *adapters.Error, message string) bool {
	if message == refusal {
		switch f.Message {
		case "the connection to the provider broke before it answered":
			return true
		case "the provider could not be reached":
			return f.Unsent
		}
	}
	return f.Unsent && strings.Contains(f.Message, message)
}

func TestClient_proves_and_checks_identities_as_it_is_told(t *testing.T) {
	ours, theirs := newAuthority(t), newAuthority(t)
	now := time.Now().Add(-time.Minute)
	local, named := ours.issue(t, "127.0.0.1", now), ours.issue(t, "provider.test", now)
	me, stranger := ours.issue(t, "sluice", now), theirs.issue(t, "stranger", now)
	asks := func(server tls.Certificate, most uint16) *tls.Config {
		return &tls.Config{Certificates: []tls.Certificate{server}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool, MaxVersion: most}
	}
	plain := &tls.Config{Certificates: []tls.Certificate{local}}
	tests := map[string]struct {
		server  *tls.Config
		client  adapters.TLS
		http2   bool
		answer  string
		message string
	}{
		"its authority":                    {server: plain, client: adapters.TLS{RootCAs: ours.pool}, answer: "HTTP/1.1  "},
		"its authority, HTTP/2":            {server: plain, client: adapters.TLS{RootCAs: ours.pool}, http2: true, answer: "HTTP/2.0  "},
		"the system's":                     {server: plain, message: "the provider's certificate comes from nobody who is trusted"},
		"another authority":                {server: plain, client: adapters.TLS{RootCAs: theirs.pool}, message: "the provider's certificate comes from nobody who is trusted"},
		"another name":                     {server: &tls.Config{Certificates: []tls.Certificate{named}}, client: adapters.TLS{RootCAs: ours.pool}, message: "the provider's certificate is for another name"},
		"the name that is given":           {server: &tls.Config{Certificates: []tls.Certificate{named}}, client: adapters.TLS{RootCAs: ours.pool, ServerName: "provider.test"}, answer: "HTTP/1.1 provider.test "},
		"a name that it is not":            {server: plain, client: adapters.TLS{RootCAs: ours.pool, ServerName: "provider.test"}, message: "the provider's certificate is for another name"},
		"a certificate of the past":        {server: &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "127.0.0.1", now.Add(-2*time.Hour))}}, client: adapters.TLS{RootCAs: ours.pool}, message: "the provider's certificate has expired, or is not valid yet"},
		"a client's certificate":           {server: asks(local, 0), client: adapters.TLS{RootCAs: ours.pool, Certificates: []tls.Certificate{me}}, answer: "HTTP/1.1  sluice"},
		"a client's certificate, HTTP/2":   {server: asks(local, 0), client: adapters.TLS{RootCAs: ours.pool, Certificates: []tls.Certificate{me}}, http2: true, answer: "HTTP/2.0  sluice"},
		"no certificate":                   {server: asks(local, 0), client: adapters.TLS{RootCAs: ours.pool}, message: refusal},
		"no certificate, HTTP/2":           {server: asks(local, 0), client: adapters.TLS{RootCAs: ours.pool}, http2: true, message: refusal},
		"no certificate, TLS 1.2":          {server: asks(local, tls.VersionTLS12), client: adapters.TLS{RootCAs: ours.pool}, message: "the provider refused the TLS handshake"},
		"a stranger's certificate":         {server: asks(local, 0), client: adapters.TLS{RootCAs: ours.pool, Certificates: []tls.Certificate{stranger}}, message: refusal},
		"a stranger's, asked for by force": {server: &tls.Config{Certificates: []tls.Certificate{local}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: theirs.pool}, client: adapters.TLS{RootCAs: ours.pool, Certificates: []tls.Certificate{stranger}}, answer: "HTTP/1.1  stranger"},
		"TLS 1.1":                          {server: &tls.Config{Certificates: []tls.Certificate{local}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}, client: adapters.TLS{RootCAs: ours.pool}, message: "the provider could not be reached"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			server := encryptedServer(t, test.server, test.http2)
			answer, err := ask(t, adapters.Settings{BaseURL: server.URL, TLS: test.client, Proxy: adapters.NewSecret("none")})
			if test.message == "" {
				if err != nil || answer != test.answer {
					t.Errorf("%q and %v, want %q", answer, err, test.answer)
				}
				return
			}
			failure, ok := errors.AsType[*adapters.Error](err)
			if !ok || failure.Kind != adapters.KindUnavailable || !says(failure, test.message) {
				t.Fatalf("%v", err)
			}
			if strings.Contains(failure.Message, "127.0.0.1") || strings.Contains(failure.Message, "provider.test") || strings.Contains(failure.Message, "authority of a test") {
				t.Errorf("the message tells too much: %s", failure.Message)
			}
		})
	}
}

// tunnel is a proxy that connects where CONNECT says. Source: RFC 9110, section 9.3.6.
type tunnel struct {
	*httptest.Server

	credentials string // asked for; empty: none
	connects    atomic.Int64
	peers       atomic.Int64 // certificates that clients showed
	seen        atomic.Value // the last Proxy-Authorization
}

func newTunnel(t *testing.T, credentials string, encrypted *tls.Config) *tunnel {
	t.Helper()
	p := &tunnel{credentials: credentials}
	p.Server = httptest.NewUnstartedServer(http.HandlerFunc(p.serve))
	if encrypted != nil {
		p.TLS = encrypted
		p.StartTLS()
	} else {
		p.Start()
	}
	t.Cleanup(p.Close)
	return p
}

func (p *tunnel) serve(w http.ResponseWriter, r *http.Request) {
	if r.TLS != nil {
		p.peers.Add(int64(len(r.TLS.PeerCertificates)))
	}
	p.seen.Store(r.Header.Get("Proxy-Authorization"))
	if p.credentials != "" && r.Header.Get("Proxy-Authorization") != "Basic "+base64.StdEncoding.EncodeToString([]byte(p.credentials)) {
		w.Header().Set("Proxy-Authenticate", "Basic")
		http.Error(w, "you said "+r.Header.Get("Proxy-Authorization"), http.StatusProxyAuthRequired)
		return
	}
	if r.Method != http.MethodConnect {
		w.Header().Set("Content-Type", "application/json")
		_, _ = io.WriteString(w, "through the proxy to "+r.URL.Host)
		return
	}
	p.connects.Add(1)
	there, err := (&net.Dialer{}).DialContext(r.Context(), "tcp", r.Host)
	if err != nil {
		w.WriteHeader(http.StatusBadGateway)
		return
	}
	here, _, err := http.NewResponseController(w).Hijack()
	if err != nil {
		there.Close()
		return
	}
	_, _ = io.WriteString(here, "HTTP/1.1 200 OK\r\n\r\n")
	go func() {
		_, _ = io.Copy(there, here)
		there.Close()
	}()
	go func() {
		_, _ = io.Copy(here, there)
		here.Close()
	}()
}

func TestClient_goes_through_the_proxy_that_it_is_told(t *testing.T) {
	ours := newAuthority(t)
	now := time.Now().Add(-time.Minute)
	encrypted := &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "127.0.0.1", now)}, ClientAuth: tls.RequireAndVerifyClientCert, ClientCAs: ours.pool}
	mine := adapters.TLS{RootCAs: ours.pool, Certificates: []tls.Certificate{ours.issue(t, "sluice", now)}}
	far := encryptedServer(t, encrypted, true)

	open, closed := newTunnel(t, "", nil), newTunnel(t, "user:pa55word", nil)
	withPassword := strings.Replace(closed.URL, "http://", "http://user:pa55word@", 1)
	socks := newSOCKS(t)
	tests := map[string]struct {
		base, proxy string
		tls         adapters.TLS
		answer      string
		message     string
		through     *atomic.Int64
	}{
		"https":                           {base: far.URL, proxy: open.URL, tls: mine, answer: "HTTP/2.0  sluice", through: &open.connects},
		"https, with a password":          {base: far.URL, proxy: withPassword, tls: mine, answer: "HTTP/2.0  sluice", through: &closed.connects},
		"http":                            {base: "http://provider.test/v1", proxy: open.URL, answer: "through the proxy to provider.test"},
		"socks5":                          {base: far.URL, proxy: "socks5://" + socks.address, tls: mine, answer: "HTTP/2.0  sluice", through: &socks.connects},
		"directly":                        {base: far.URL, proxy: "none", tls: mine, answer: "HTTP/2.0  sluice"},
		"no certificate behind it":        {base: far.URL, proxy: open.URL, tls: adapters.TLS{RootCAs: ours.pool}, message: refusal},
		"an authority behind it":          {base: far.URL, proxy: open.URL, tls: adapters.TLS{}, message: "the provider's certificate comes from nobody who is trusted"},
		"without the password":            {base: far.URL, proxy: closed.URL, tls: mine, message: "the proxy refused to connect (status 407)"},
		"with a wrong one":                {base: far.URL, proxy: strings.Replace(closed.URL, "http://", "http://user:wr0ng-word@", 1), tls: mine, message: "the proxy refused to connect (status 407)"},
		"a proxy that is not there":       {base: far.URL, proxy: "http://user:pa55word@127.0.0.1:1", tls: mine, message: "the provider could not be reached"},
		"a proxy that nobody vouches for": {base: far.URL, proxy: newTunnel(t, "", &tls.Config{Certificates: encrypted.Certificates}).URL, tls: mine, message: "the proxy's certificate comes from nobody who is trusted"},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var before int64
			if test.through != nil {
				before = test.through.Load()
			}
			answer, err := ask(t, adapters.Settings{BaseURL: test.base, TLS: test.tls, Proxy: adapters.NewSecret(test.proxy)})
			if test.message != "" {
				failure, ok := errors.AsType[*adapters.Error](err)
				if !ok || failure.Kind != adapters.KindUnavailable || !says(failure, test.message) {
					t.Fatalf("%v", err)
				}
				if all := failure.Error() + failure.Message + failure.Cause.Error(); strings.Contains(all, "pa55word") || strings.Contains(all, "wr0ng-word") {
					t.Errorf("the password is in %s", all)
				}
				return
			}
			if err != nil || answer != test.answer {
				t.Fatalf("%q and %v, want %q", answer, err, test.answer)
			}
			if test.through != nil && test.through.Load() == before {
				t.Error("the proxy was not asked")
			}
		})
	}
}

// An https proxy is trusted by the system's authorities alone, which a test cannot change;
// so the way's own dial is asked.
func TestWay_shows_its_certificate_to_the_provider_alone(t *testing.T) {
	ours := newAuthority(t)
	now := time.Now().Add(-time.Minute)
	settings := adapters.Settings{
		Proxy: adapters.NewSecret("https://proxy.test:3128"),
		TLS:   adapters.TLS{RootCAs: ours.pool, Certificates: []tls.Certificate{ours.issue(t, "sluice", now)}, ServerName: "provider.test"},
	}
	w, err := newWay(settings, &url.URL{Scheme: "https", Host: "provider.test"})
	if err != nil {
		t.Fatal(err)
	}
	hello := make(chan *tls.ClientHelloInfo, 1)
	proxy := encryptedServer(t, &tls.Config{
		Certificates: []tls.Certificate{ours.issue(t, "127.0.0.1", now)},
		GetConfigForClient: func(h *tls.ClientHelloInfo) (*tls.Config, error) {
			hello <- h
			return &tls.Config{Certificates: []tls.Certificate{ours.issue(t, "127.0.0.1", now)}}, nil
		},
	}, false)
	_, err = w.dialTLS(t.Context(), "tcp", proxy.Listener.Addr().String())
	if said := <-hello; said.ServerName == "provider.test" || len(said.SupportedProtos) != 0 {
		t.Errorf("the proxy was asked for %q and offered %q", said.ServerName, said.SupportedProtos)
	}
	if got := distrust(err, false); got != "the proxy's certificate comes from nobody who is trusted" {
		t.Errorf("got %q: the provider's authority vouches for a proxy", got)
	}
}

func TestNew_refuses_a_proxy_that_is_none_and_does_not_repeat_it(t *testing.T) {
	for _, proxy := range []string{"ftp://u:pa55word@host", "http://u:pa55word@", "http://u:pa55word@h:x", "pa55word", "%zz"} {
		_, err := New(adapters.Settings{Name: "p", BaseURL: "https://provider.test", Proxy: adapters.NewSecret(proxy)}, Dialect{})
		if err == nil || !strings.HasPrefix(err.Error(), `provider "p": proxy: `) || strings.Contains(err.Error(), "pa55word") {
			t.Errorf("%s: %v", proxy, err)
		}
	}
}

// socks is the smallest proxy that speaks SOCKS5. Source: RFC 1928.
type socks struct {
	address  string
	connects atomic.Int64
}

func newSOCKS(t *testing.T) *socks {
	t.Helper()
	l, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { l.Close() })
	s := &socks{address: l.Addr().String()}
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go s.serve(conn)
		}
	}()
	return s
}

func (s *socks) serve(here net.Conn) {
	defer here.Close()
	in := bufio.NewReader(here)
	head := make([]byte, 2)
	if _, err := io.ReadFull(in, head); err != nil || head[0] != 5 {
		return
	}
	if _, err := in.Discard(int(head[1])); err != nil {
		return
	}
	_, _ = here.Write([]byte{5, 0})
	request := make([]byte, 10) // CONNECT to an IPv4 address
	if _, err := io.ReadFull(in, request); err != nil || request[1] != 1 || request[3] != 1 {
		return
	}
	address := net.TCPAddr{IP: request[4:8], Port: int(request[8])<<8 | int(request[9])}
	there, err := (&net.Dialer{}).DialContext(context.Background(), "tcp", address.String())
	if err != nil {
		return
	}
	defer there.Close()
	s.connects.Add(1)
	_, _ = here.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	go func() {
		_, _ = io.Copy(there, in)
		there.Close()
	}()
	_, _ = io.Copy(here, there)
}
