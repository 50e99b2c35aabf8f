package config_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/server/config"
)

// certify writes NAME.pem and NAME.key for a certificate that is valid from then on for an
// hour, and vouches for itself.
func certify(t *testing.T, dir, name string, from time.Time) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: name}, NotBefore: from, NotAfter: from.Add(time.Hour)}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		t.Fatal(err)
	}
	private, err := x509.MarshalECPrivateKey(key)
	if err != nil {
		t.Fatal(err)
	}
	put(t, dir, name+".pem", string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})))
	put(t, dir, name+".key", string(pem.EncodeToMemory(&pem.Block{Type: "EC PRIVATE KEY", Bytes: private})))
}

func put(t *testing.T, dir, name, text string) string {
	t.Helper()
	path := filepath.Join(dir, name)
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

func TestLoad_reads_certificates_beside_the_file_and_watches_them(t *testing.T) {
	dir := t.TempDir()
	for _, name := range []string{"server", "ca", "own"} {
		certify(t, dir, name, time.Now().Add(-time.Minute))
	}
	put(t, dir, "token", "t0ken\n")
	file := put(t, dir, "sluice.yml", `
listen:
  admin: 0.0.0.0:8081
  tls: {cert: server.pem, key: server.key, client_ca: ca.pem}
  admin_tls: {cert: server.pem, key: server.key}
  admin_token: "${file:token}"
providers:
  - {name: a, kind: openai, tls: {ca: ca.pem, cert: own.pem, key: own.key, server_name: a.test}, proxy: "http://u:${file:token}@proxy.test:3128"}
`)
	load := func() *config.Config {
		t.Helper()
		c, err := loader().Load(file)
		if err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := load()
	if len(c.Warnings) > 0 {
		t.Errorf("warnings: %v", c.Warnings)
	}
	for _, name := range []string{"sluice.yml", "server.pem", "server.key", "ca.pem", "own.pem", "own.key", "token"} {
		if !slices.Contains(c.Files, filepath.Join(dir, name)) {
			t.Errorf("%s is not among %q", name, c.Files)
		}
	}
	if c.Listen.TLS.ClientAuth != config.ClientAuthRequire || c.Listen.AdminTLS.ClientAuth != config.ClientAuthNone || c.Listen.AdminToken.Reveal() != "t0ken" {
		t.Errorf("listen: %+v, %+v", c.Listen.TLS.ClientAuth, c.Listen.AdminTLS.ClientAuth)
	}
	p := c.Providers[0]
	certificate, err := p.TLS.Certificate()
	if err != nil || certificate.Leaf.Subject.CommonName != "own" || p.TLS.CA.Pool() == nil || p.TLS.ServerName != "a.test" {
		t.Errorf("provider: %v, %+v", err, p.TLS.ServerName)
	}
	if p.Proxy.Reveal() != "http://u:t0ken@proxy.test:3128" {
		t.Error("the proxy's password is missing")
	}
	if text := fmt.Sprintf("%v %+v %#v", c.Listen, p, p); strings.Contains(text, "t0ken") || strings.Contains(text, "PRIVATE KEY") {
		t.Error("a secret is printed")
	}
	// What did not change compares equal, so that its targets keep what they have learnt.
	if !reflect.DeepEqual(p, load().Providers[0]) {
		t.Error("the same provider is another one")
	}
	certify(t, dir, "own", time.Now().Add(-time.Minute))
	if reflect.DeepEqual(p, load().Providers[0]) {
		t.Error("a provider with another certificate is the same")
	}
}

func TestLoad_names_what_is_wrong_with_certificates(t *testing.T) {
	dir := t.TempDir()
	now := time.Now().Add(-time.Minute)
	certify(t, dir, "good", now)
	certify(t, dir, "other", now)
	certify(t, dir, "old", now.Add(-48*time.Hour))
	certify(t, dir, "early", now.Add(48*time.Hour))
	put(t, dir, "broken.pem", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n")
	put(t, dir, "text.pem", "hello")
	put(t, dir, "huge.pem", strings.Repeat("x", 5<<20))
	tests := map[string]struct{ yaml, want, warning string }{
		"good":              {yaml: "cert: good.pem, key: good.key"},
		"another key":       {yaml: "cert: good.pem, key: other.key", want: "1:37: listen.tls.key: other.key and good.pem do not go together: private key does not match public key"},
		"no certificate":    {yaml: "cert: text.pem, key: good.key", want: "1:22: listen.tls.cert: text.pem holds no certificate in PEM"},
		"a key for it":      {yaml: "cert: good.key, key: good.key", want: "1:22: listen.tls.cert: good.key holds no certificate in PEM"},
		"a broken one":      {yaml: "cert: broken.pem, key: good.key", want: "1:22: listen.tls.cert: the 1. certificate in broken.pem is broken: "},
		"no key":            {yaml: "cert: good.pem, key: text.pem", want: "1:37: listen.tls.key: text.pem and good.pem do not go together: "},
		"a file too large":  {yaml: "cert: huge.pem, key: good.key", want: "1:22: listen.tls.cert: the file "},
		"no authority":      {yaml: "cert: good.pem, key: good.key, client_ca: text.pem", want: "1:58: listen.tls.client_ca: text.pem holds no certificate"},
		"nobody to ask":     {yaml: "cert: good.pem, key: good.key, client_auth: request", want: "1:60: listen.tls.client_auth: request needs client_ca"},
		"an old one":        {yaml: "cert: old.pem, key: old.key", warning: "the certificate expired at "},
		"one of the future": {yaml: "cert: early.pem, key: early.key", warning: "the certificate is not valid before "},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			file := put(t, dir, "sluice.yml", "listen: {tls: {"+test.yaml+"}}\n")
			c, err := loader().Load(file)
			if test.want == "" {
				if err != nil {
					t.Fatal(err)
				}
				if len(c.Warnings) != 0 != (test.warning != "") || test.warning != "" && !strings.Contains(c.Warnings[0].String(), test.warning) {
					t.Errorf("warnings: %v", c.Warnings)
				}
				return
			}
			if list := config.Problems(err); len(list) != 1 || !strings.HasPrefix(list[0].String(), file+":"+test.want) {
				t.Errorf("got  %v\nwant %s:%s", err, file, test.want)
			}
		})
	}
}

func TestParse_lets_admin_be_reached_with_a_token_or_when_told(t *testing.T) {
	for text, ok := range map[string]bool{
		"listen: {admin: 0.0.0.0:1}":                                false,
		"listen: {admin: \":1\"}":                                   false,
		"listen: {admin: 0.0.0.0:1, admin_token: abc}":              true,
		"listen: {admin: 0.0.0.0:1}\nauth: {insecure: true}":        true,
		"listen: {admin: 127.0.0.1:1}":                              true,
		"listen: {admin: \"[::1]:1\"}":                              true,
		"listen: {admin: off}":                                      true,
		"listen: {admin: 0.0.0.0:1, admin_token: \"${env:UNSET}\"}": false,
	} {
		if _, err := loader().Parse("c.yml", []byte(text)); (err == nil) != ok {
			t.Errorf("%q: %v", text, err)
		}
	}
}

func TestLoader_peeks_without_private_keys(t *testing.T) {
	dir := t.TempDir()
	certify(t, dir, "server", time.Now().Add(-time.Minute))
	file := put(t, dir, "sluice.yml", "listen: {admin: 127.0.0.1:1, admin_tls: {cert: server.pem, key: no-such.key}}\n")
	l := loader()
	l.Peek = true
	c, err := l.Load(file)
	if err != nil || c.Listen.AdminTLS == nil || len(c.Listen.AdminTLS.Cert) == 0 {
		t.Errorf("%+v, %v", c, err)
	}
}
