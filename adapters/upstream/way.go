package upstream

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
)

// way is how connections come to the provider.
type way struct {
	proxy func(*http.Request) (*url.URL, error)
	// encrypted is for the provider and for nobody else: a proxy must not see Sluice's
	// certificate, nor be taken for the provider.
	encrypted *tls.Config
	// tlsProxy says that the proxy itself speaks TLS.
	tlsProxy bool
	secrets  []adapters.Secret
}

func newWay(s adapters.Settings, base *url.URL) (way, error) {
	w := way{
		encrypted: &tls.Config{
			MinVersion:   tls.VersionTLS12,
			NextProtos:   []string{"h2", "http/1.1"},
			RootCAs:      s.TLS.RootCAs,
			Certificates: s.TLS.Certificates,
			ServerName:   s.TLS.ServerName,
		},
	}
	switch text := s.Proxy.Reveal(); text {
	case "", "env":
		w.proxy = environmentProxy
		// The provider has one address, and what the environment says of it does not change.
		u, err := environmentProxy(&http.Request{URL: base})
		w.tlsProxy = err == nil && u != nil && u.Scheme == "https"
	case "none":
	default:
		u, err := parseProxy(text)
		if err != nil {
			return way{}, fmt.Errorf("proxy: %w", err)
		}
		w.proxy, w.tlsProxy = http.ProxyURL(u), u.Scheme == "https"
		if password, ok := u.User.Password(); ok {
			credentials := u.User.Username() + ":" + password
			w.secrets = []adapters.Secret{
				adapters.NewSecret(text),
				adapters.NewSecret(password),
				adapters.NewSecret(base64.StdEncoding.EncodeToString([]byte(credentials))),
			}
		}
	}
	return w, nil
}

// parseProxy never repeats the URL: it may hold a password.
func parseProxy(text string) (*url.URL, error) {
	u, err := url.Parse(text)
	switch {
	case err != nil:
		return nil, errors.New("not a URL")
	case u.Scheme != "http" && u.Scheme != "https" && u.Scheme != "socks5" && u.Scheme != "socks5h":
		return nil, errors.New("needs http://, https://, socks5:// or socks5h://")
	case u.Hostname() == "":
		return nil, errors.New("has no host")
	}
	return u, nil
}

// environmentProxy is what HTTPS_PROXY, HTTP_PROXY and NO_PROXY say. The error of a broken
// one quotes it, and it may hold a password.
func environmentProxy(r *http.Request) (*url.URL, error) {
	u, err := http.ProxyFromEnvironment(r)
	if err != nil {
		return nil, errEnvironmentProxy
	}
	return u, nil
}

var errEnvironmentProxy = errors.New("HTTPS_PROXY or HTTP_PROXY of the environment is no URL of a proxy")

// dialTLS connects to the provider or, when that speaks TLS, to the proxy in front of it,
// behind which net/http speaks TLS to the provider. Whom the system trusts is a proxy.
func (w way) dialTLS(ctx context.Context, network, address string) (net.Conn, error) {
	if !w.tlsProxy {
		return dialOver(ctx, w.encrypted, network, address)
	}
	conn, err := dialOver(ctx, &tls.Config{MinVersion: tls.VersionTLS12}, network, address)
	if err != nil {
		return nil, &proxyTLSError{err}
	}
	return conn, nil
}

// dialOver connects and shakes hands, over a connection that is watched.
func dialOver(ctx context.Context, config *tls.Config, network, address string) (net.Conn, error) {
	var dialer net.Dialer
	plain, err := dialFunc(dialer.DialContext).watched()(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if config.ServerName == "" {
		config = config.Clone()
		if config.ServerName, _, err = net.SplitHostPort(address); err != nil {
			config.ServerName = address
		}
	}
	conn := tls.Client(plain, config)
	if err := conn.HandshakeContext(ctx); err != nil {
		_ = plain.Close() // the handshake says why
		return nil, err
	}
	return conn, nil
}

// proxyTLSError is about the proxy rather than the provider.
type proxyTLSError struct{ error }

// Unwrap returns what it is about.
func (e *proxyTLSError) Unwrap() error { return e.error }

// proxyError says that a proxy would not connect to the provider.
type proxyError struct{ status int }

// Error tells the status.
func (e *proxyError) Error() string {
	return fmt.Sprintf("the proxy answered CONNECT with %d", e.status)
}

func refusedByProxy(_ context.Context, _ *url.URL, _ *http.Request, answer *http.Response) error {
	if answer.StatusCode != http.StatusOK {
		return &proxyError{answer.StatusCode}
	}
	return nil
}

// distrust tells in a few words what came between two sides that did not believe each
// other, without a name or an address; empty when nothing did. inside says that an answer
// had begun.
func distrust(err error, inside bool) string {
	whose := "the provider's certificate"
	if _, ok := errors.AsType[*proxyTLSError](err); ok {
		whose = "the proxy's certificate"
	}
	if _, ok := errors.AsType[x509.HostnameError](err); ok {
		return whose + " is for another name"
	}
	if _, ok := errors.AsType[x509.UnknownAuthorityError](err); ok {
		return whose + " comes from nobody who is trusted"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](err); ok && invalid.Reason == x509.Expired {
		return whose + " has expired, or is not valid yet"
	}
	if _, ok := errors.AsType[*tls.CertificateVerificationError](err); ok {
		return whose + " is not valid"
	}
	if op, ok := errors.AsType[*net.OpError](err); ok && op.Op == "remote error" && !inside {
		return aboutCertificate(op.Err.Error())
	}
	return ""
}

// aboutCertificate goes by the texts of crypto/tls, Go 1.26, alert.go: its type is not
// exported. A provider that speaks TLS 1.3 refuses after the handshake, and has then taken
// no request.
func aboutCertificate(alert string) string {
	for _, text := range []string{"certificate required", "bad certificate", "unsupported certificate", "revoked certificate", "expired certificate", "unknown certificate", "access denied"} {
		if strings.Contains(alert, text) {
			return "the provider refused Sluice's certificate, or the lack of one"
		}
	}
	if strings.Contains(alert, "handshake failure") { // TLS 1.2 has no alert of its own for the lack of one
		return "the provider refused the TLS handshake, as when it wants a certificate"
	}
	return ""
}
