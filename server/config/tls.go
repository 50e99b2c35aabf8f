package config

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net/url"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	configv1 "github.com/sluice-ai/sluice/gen/go/sluice/config/v1"

	"github.com/sluice-ai/sluice/adapters"
)

// KeyPair is a certificate, with those behind it, and its private key. Both are PEM that
// has been checked, or empty: texts compare, which what they hold does not.
type KeyPair struct {
	Cert []byte
	Key  adapters.Secret
}

// Certificate returns what the texts hold; nil when there are none.
func (p KeyPair) Certificate() (*tls.Certificate, error) {
	if len(p.Cert) == 0 {
		return nil, nil //nolint:nilnil // absence is no error
	}
	certificate, err := tls.X509KeyPair(p.Cert, []byte(p.Key.Reveal()))
	if err != nil {
		return nil, err
	}
	return &certificate, nil
}

// Authorities are certificates, PEM that has been checked, or empty.
type Authorities []byte

// Pool returns them; nil when there are none.
func (a Authorities) Pool() *x509.CertPool {
	if len(a) == 0 {
		return nil
	}
	pool := x509.NewCertPool()
	pool.AppendCertsFromPEM(a)
	return pool
}

// ListenTLS is how a listener speaks TLS.
type ListenTLS struct {
	KeyPair

	// ClientCA is not empty unless ClientAuth is "none".
	ClientCA Authorities
	// ClientAuth is "none", "request" or "require".
	ClientAuth string
}

// ProviderTLS is how Sluice speaks TLS to a provider. The zero value is what the system
// has it.
type ProviderTLS struct {
	KeyPair

	CA Authorities
	// ServerName is empty for the host of the URL.
	ServerName string
}

// Values of client_auth.
const (
	ClientAuthNone    = "none"
	ClientAuthRequest = "request"
	ClientAuthRequire = "require"
)

// maxPEMBytes bounds a file of certificates: those of all public authorities have some
// 250 KB.
const maxPEMBytes = 4 * mib

func (d *document) listenTLS(path string, m *configv1.ListenTls, s *secrets) *ListenTLS {
	if m == nil {
		return nil
	}
	out := &ListenTLS{
		KeyPair:    d.keyPair(path, m.GetCert(), m.GetKey(), s),
		ClientCA:   d.authorities(path+".client_ca", m.GetClientCa(), s),
		ClientAuth: m.GetClientAuth(),
	}
	switch {
	case out.ClientAuth == "" && m.GetClientCa() != "":
		out.ClientAuth = ClientAuthRequire
	case out.ClientAuth == "":
		out.ClientAuth = ClientAuthNone
	case out.ClientAuth != ClientAuthNone && m.GetClientCa() == "" && !d.has(path+".client_auth"):
		d.addf(path+".client_auth", "%s needs client_ca: without it no certificate of a caller can be checked", out.ClientAuth)
	}
	return out
}

func (d *document) providerTLS(path string, p *configv1.Provider, s *secrets) ProviderTLS {
	m := p.GetTls()
	if m == nil {
		return ProviderTLS{}
	}
	if strings.HasPrefix(p.GetBaseUrl(), "http://") {
		d.warn(path, "base_url is not https, so that this means nothing")
	}
	switch {
	case m.GetCert() != "" && m.GetKey() == "":
		d.addf(path, "cert needs key: Sluice must prove that the certificate is its own")
	case m.GetCert() == "" && m.GetKey() != "":
		d.addf(path, "key needs cert")
	}
	return ProviderTLS{
		KeyPair:    d.keyPair(path, m.GetCert(), m.GetKey(), s),
		CA:         d.authorities(path+".ca", m.GetCa(), s),
		ServerName: m.GetServerName(),
	}
}

// keyPair reads a certificate and its key. What is wrong with them is reported, and then
// nothing is returned.
func (d *document) keyPair(path, cert, key string, s *secrets) (pair KeyPair) {
	certPEM, certOK := d.named(path+".cert", cert, s)
	keyPEM, keyOK := d.named(path+".key", key, s)
	switch {
	case certOK && s.peek:
		return KeyPair{Cert: certPEM}
	case certOK && !keyOK:
		d.certificates(path+".cert", cert, certPEM)
		return pair
	case !certOK:
		return pair
	}
	before := len(d.problems)
	list := d.certificates(path+".cert", cert, certPEM)
	if len(d.problems) > before {
		return pair
	}
	if _, err := tls.X509KeyPair(certPEM, keyPEM); err != nil {
		d.addf(path+".key", "%s and %s do not go together: %s", key, cert, strings.TrimPrefix(err.Error(), "tls: "))
		return pair
	}
	switch leaf, now := list[0], time.Now(); {
	case now.After(leaf.NotAfter):
		d.warn(path+".cert", "the certificate expired at "+leaf.NotAfter.UTC().Format(time.RFC3339))
	case now.Before(leaf.NotBefore):
		d.warn(path+".cert", "the certificate is not valid before "+leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	return KeyPair{certPEM, adapters.NewSecret(string(keyPEM))}
}

func (d *document) authorities(path, name string, s *secrets) Authorities {
	text, ok := d.named(path, name, s)
	if !ok || s.peek {
		return nil
	}
	d.certificates(path, name, text)
	return text
}

// certificates returns those of a file, and reports when one is broken or there is none.
func (d *document) certificates(path, name string, text []byte) (list []*x509.Certificate) {
	for rest := text; ; {
		var block *pem.Block
		if block, rest = pem.Decode(rest); block == nil {
			break
		}
		if block.Type != "CERTIFICATE" {
			continue
		}
		certificate, err := x509.ParseCertificate(block.Bytes)
		if err != nil {
			d.addf(path, "the %d. certificate in %s is broken: %s", len(list)+1, name, strings.TrimPrefix(err.Error(), "x509: "))
			return nil
		}
		list = append(list, certificate)
	}
	if len(list) == 0 {
		d.addf(path, "%s holds no certificate in PEM, which begins with -----BEGIN CERTIFICATE-----", name)
	}
	return list
}

// named reads a file that the configuration names. ok is false when none is named, or it
// cannot be read, which is reported.
func (d *document) named(path, name string, s *secrets) (text []byte, ok bool) {
	if name == "" {
		return nil, false
	}
	text, err := s.readWhole(name)
	switch {
	case err == nil:
		return text, true
	case !s.peek:
		d.addf(path, "%v", err)
	}
	return nil, false
}

// readWhole reads a file of certificates or keys.
func (s *secrets) readWhole(name string) ([]byte, error) {
	if !filepath.IsAbs(name) {
		name = filepath.Join(s.folder, name)
	}
	if !slices.Contains(s.files, name) {
		s.files = append(s.files, name)
	}
	text, err := s.readFile(name)
	if err != nil {
		return nil, fmt.Errorf("the file cannot be read: %w", err)
	}
	if len(text) > maxPEMBytes {
		return nil, fmt.Errorf("the file %s has %d bytes, more than %d", name, len(text), maxPEMBytes)
	}
	return text, nil
}

// Values of proxy that are no URL.
const (
	ProxyEnv  = "env"
	ProxyNone = "none"
)

func (d *document) proxy(path, text string, s *secrets) adapters.Secret {
	if text == "" || s.peek {
		return adapters.Secret{}
	}
	proxy, literal, err := s.resolve(text)
	if err != nil {
		d.addf(path, "%v", err)
		return proxy
	}
	if proxy.Reveal() == ProxyEnv || proxy.Reveal() == ProxyNone {
		return proxy
	}
	hasPassword, err := checkProxy(proxy.Reveal())
	if err != nil {
		d.addf(path, "%v", err)
	}
	if literal && hasPassword {
		d.warn(path, literalSecret)
	}
	return proxy
}

// checkProxy never repeats the URL: it may hold a password.
func checkProxy(text string) (hasPassword bool, err error) {
	u, err := url.Parse(text)
	if err != nil {
		return false, errors.New("this is no URL: write env, none or a URL as http://host:3128")
	}
	_, hasPassword = u.User.Password()
	switch {
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		return hasPassword, errors.New("a proxy is env, none or a URL with the scheme http, https, socks5 or socks5h, as http://host:3128")
	case u.Hostname() == "":
		return hasPassword, errors.New("the URL of the proxy has no host")
	case u.Port() != "" && !isPort(u.Port()):
		return hasPassword, errors.New("the URL of the proxy has no port from 1 to 65535")
	case u.Path != "" && u.Path != "/" || u.RawQuery != "" || u.Fragment != "":
		return hasPassword, errors.New("the URL of a proxy ends after its host and port")
	}
	return hasPassword, nil
}

func isPort(text string) bool {
	n, err := strconv.ParseUint(text, 10, 16)
	return err == nil && n > 0
}

// adminToken is empty when nothing is asked.
func (d *document) adminToken(text string, s *secrets) adapters.Secret {
	const path = "listen.admin_token"
	if text == "" {
		return adapters.Secret{}
	}
	token, literal, err := s.resolve(text)
	switch {
	case err != nil:
		d.addf(path, "%v", err)
	case strings.ContainsFunc(token.Reveal(), func(r rune) bool { return r <= ' ' || r > '~' }):
		d.addf(path, "the token has white space or a character beyond ASCII")
	case literal:
		d.warn(path, literalSecret)
	}
	return token
}
