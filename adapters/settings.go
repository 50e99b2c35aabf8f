package adapters

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log/slog"
	"time"
)

// Settings is what an adapter is built from: one entry of the configuration,
// with its secrets resolved. An adapter's New checks it and fails early.
type Settings struct {
	// Name is the configured name of the provider, never empty.
	Name string
	// BaseURL is the root of the provider's API, as "https://api.openai.com/v1",
	// without a trailing slash. Empty: the adapter's own default.
	BaseURL string
	// APIKeys are the provider's keys, used in turn unless a call brings its own. Those
	// that calls bring are among them, so that they can be cleaned out of what the
	// provider says. Empty: no credential is sent.
	APIKeys []Secret
	// Headers are added to every request to the provider.
	Headers Header
	// Secrets are further values that must not come back in what the provider says:
	// those that a [Call] brings, in its TargetHeader.
	Secrets []Secret
	// Timeouts bound single steps of a call. The zero value means the defaults of
	// adapters/upstream.
	Timeouts Timeouts
	// MaxResponseBytes bounds an answer that is not a stream, and a single event of one
	// that is, where it is less than the 16 MiB of adapters/upstream. 0: the default of
	// adapters/upstream, 40 MiB.
	MaxResponseBytes int64
	// MaxStreamBytes bounds a whole stream, before and after decompression. 0: the default
	// of adapters/upstream, 256 MiB.
	MaxStreamBytes int64
	// UserAgent is sent to the provider. Empty: "sluice".
	UserAgent string
	// TLS says how Sluice and an https BaseURL prove to each other who they are.
	TLS TLS
	// Proxy is the way to the provider: "env", or empty, by HTTPS_PROXY, HTTP_PROXY and
	// NO_PROXY of the environment; "none" directly; else the URL of a proxy, whose scheme is
	// http, https, socks5 or socks5h. It may hold a password.
	Proxy Secret
	// Google, AWS and Azure are for the kinds that run there; others ignore them.
	Google Google
	AWS    AWS
	Azure  Azure
	// Dialect stands in for what is known of a kind that speaks OpenAI's dialect; others
	// ignore it.
	Dialect OpenAIDialect
}

// TLS is how a client speaks it. The zero value is what the system has it. A provider's
// certificate is checked in any case.
type TLS struct {
	// RootCAs are of whom the provider's certificate must come. Nil: whom the system
	// trusts.
	RootCAs *x509.CertPool
	// Certificates are shown when the provider asks for one. Empty: none is.
	Certificates []tls.Certificate
	// ServerName is asked for, and is what the provider's certificate must be for. Empty:
	// the host of the base URL.
	ServerName string
}

// Timeouts bound the steps of a call to a provider. Zero: the default. The
// caller's context bounds the whole.
type Timeouts struct {
	// Connect bounds dialling and the TLS handshake together.
	Connect time.Duration
	// FirstByte bounds the wait for the response's status line.
	FirstByte time.Duration
	// Idle bounds the wait between two reads of a body.
	Idle time.Duration
}

const redacted = "[redacted]"

// Secret is a text that cannot be printed by accident: every formatter, encoder and
// logger sees "[redacted]". The zero value is the empty secret.
type Secret struct{ value string }

// NewSecret wraps a value.
func NewSecret(value string) Secret { return Secret{value} }

// Reveal returns the value. Call it only where the secret goes on the wire.
func (s Secret) Reveal() string { return s.value }

// String returns "[redacted]".
func (s Secret) String() string { return redacted }

// Format prints "[redacted]" for every verb: without it, %d would print the fields.
func (s Secret) Format(f fmt.State, _ rune) { _, _ = io.WriteString(f, redacted) }

// MarshalText returns "[redacted]", for JSON, YAML and other encoders.
func (s Secret) MarshalText() ([]byte, error) { return []byte(redacted), nil }

// LogValue returns "[redacted]".
func (s Secret) LogValue() slog.Value { return slog.StringValue(redacted) }
