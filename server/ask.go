package server

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"syscall"
	"time"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/server/config"
)

const (
	// askTimeout bounds how long a server may take to tell its status.
	askTimeout = 5 * time.Second
	// maxStatusBytes is far above what a thousand providers with a thousand keys need.
	maxStatusBytes = 256 << 20
)

// Operator is who asks an admin listener. The zero value has nothing to show.
type Operator struct {
	// Token is that of listen.admin_token. Empty: none is sent.
	Token adapters.Secret
	// Trusted is the certificate of the listener, PEM, which counts beside those that the
	// system trusts, whatever names it is for. Empty: there is none.
	Trusted []byte
	// Certificates are shown when the listener asks for one. Empty: none is.
	Certificates []tls.Certificate
}

// AdminOf returns where the admin listener of c is, as a URL if it speaks TLS, and what c
// knows of how to ask it. The address is empty when there is none.
func AdminOf(c *config.Config) (address string, o Operator) {
	address = c.Listen.Admin
	o.Token = c.Listen.AdminToken
	if encrypted := c.Listen.AdminTLS; encrypted != nil {
		o.Trusted = encrypted.Cert
		if address != "" {
			address = baseOf(address, encrypted)
		}
	}
	return address, o
}

// AskStatus asks the admin listener at an address, as 127.0.0.1:8081 or as a URL with
// the path that leads to it. The error is a sentence for whoever gave the address.
func AskStatus(ctx context.Context, address string, o Operator) (*Status, error) {
	base := address
	if !strings.Contains(address, "://") {
		base = "http://" + dialable(address)
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, strings.TrimSuffix(base, "/")+"/status", http.NoBody)
	if err != nil {
		return nil, fmt.Errorf("%q is no address: host:port is needed", address)
	}
	if token := o.Token.Reveal(); token != "" {
		req.Header.Set("Authorization", "Bearer "+token)
	}
	// No proxy of the environment: the listener is inside. No redirect: the token is for it.
	transport := &http.Transport{DisableKeepAlives: true, TLSClientConfig: o.tls(req.URL.Hostname())}
	resp, err := transport.RoundTrip(req)
	if err != nil {
		return nil, unreachable(address, err)
	}
	defer resp.Body.Close()
	switch resp.StatusCode {
	case http.StatusOK:
	case http.StatusUnauthorized:
		return nil, fmt.Errorf("%s wants another token: give that of its listen.admin_token by SLUICE_ADMIN_TOKEN or --config", address)
	default:
		return nil, fmt.Errorf("what listens at %s does not tell the status of a Sluice: it answers /status with %d", address, resp.StatusCode)
	}
	status := new(Status)
	if err := json.NewDecoder(io.LimitReader(resp.Body, maxStatusBytes)).Decode(status); err != nil {
		if ctx.Err() != nil {
			return nil, unreachable(address, ctx.Err())
		}
		return nil, fmt.Errorf("what listens at %s does not tell the status of a Sluice: %w", address, err)
	}
	return status, nil
}

// tls trusts the system's authorities and the one certificate. That one need not be for the
// host: on the machine itself, an operator asks at 127.0.0.1.
func (o Operator) tls(host string) *tls.Config {
	c := &tls.Config{MinVersion: tls.VersionTLS12, Certificates: o.Certificates}
	block, _ := pem.Decode(o.Trusted)
	if block == nil {
		return c
	}
	trusted, err := x509.ParseCertificate(block.Bytes)
	if err != nil {
		return c
	}
	if c.RootCAs, err = x509.SystemCertPool(); err != nil {
		c.RootCAs = x509.NewCertPool()
	}
	c.RootCAs.AddCert(trusted)
	if trusted.VerifyHostname(host) == nil {
		return c
	}
	switch {
	case len(trusted.DNSNames) > 0:
		c.ServerName = strings.Replace(trusted.DNSNames[0], "*", "sluice", 1)
	case len(trusted.IPAddresses) > 0:
		c.ServerName = trusted.IPAddresses[0].String()
	}
	return c
}

func unreachable(address string, err error) error {
	var dns *net.DNSError
	_, distrusted := errors.AsType[*tls.CertificateVerificationError](err)
	_, notTLS := errors.AsType[tls.RecordHeaderError](err)
	switch {
	case errors.Is(err, syscall.ECONNREFUSED):
		return fmt.Errorf("nothing listens at %s: is Sluice running? --admin names another address", address)
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Errorf("%s does not answer within %s", address, askTimeout)
	case errors.As(err, &dns):
		return fmt.Errorf("the host of %s is not known: --admin names another address", address)
	case distrusted:
		return fmt.Errorf("the certificate at %s is not trusted; --config names the file with its listen.admin_tls: %w", address, err)
	case notTLS:
		return fmt.Errorf("what listens at %s speaks no TLS: use http://", address)
	}
	return fmt.Errorf("%s cannot be asked: %w", address, err)
}
