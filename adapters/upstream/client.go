package upstream

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"
	"sync/atomic"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	// DefaultMaxResponseBytes bounds an answer in one piece. The largest that OpenAI
	// documents is one of embeddings: 2048 vectors of 3072 numbers, 34 MB as base64, which
	// the official SDKs ask for, and 80 MB as numbers, which needs a higher bound. A body
	// that is refused costs what its bound is, and that shall be less than 64 MiB.
	DefaultMaxResponseBytes = 40 << 20
	// DefaultMaxEventBytes bounds one event of a stream. The largest in use hold an image
	// of some megabytes as base64. Its reader takes up to twice as much.
	DefaultMaxEventBytes = 16 << 20
	// DefaultMaxStreamBytes bounds a whole stream: five times 128,000 tokens, the longest
	// answers in use, in chunks of 400 bytes each.
	DefaultMaxStreamBytes = 256 << 20

	defaultUserAgent = "sluice"
)

// Dialect is what an adapter tells a [Client] about its provider's wire.
type Dialect struct {
	// BaseURL stands in when the settings have none.
	BaseURL string
	// Authorize puts a key where the provider looks for it.
	Authorize func(h http.Header, key string)
	// Sign puts on a finished request what depends on the whole of it, or must be fetched
	// first: a signature, a token. It is called for requests that bring no key, none of the
	// settings being there either, and no credential of the target. It may change the
	// header only. An [*adapters.Error] of it is the call's; any other is one of
	// [adapters.KindAuth] whose text stays in the log. Nil: nothing is signed.
	Sign func(ctx context.Context, r *http.Request, body []byte) error
	// Returns tells which further response headers, by their lower-case names, the provider
	// has that may reach the adapter and the caller, beside
	// [adapters.ReturnedResponseHeader]. Nil: none.
	Returns func(name string) bool
	// Envelope reads an error body, whose bytes it may keep. It returns nil when the
	// body is not in a form that holds an error.
	Envelope func(body []byte) *sluicev1.ErrorEnvelope
	// Status says which HTTP status an error that came inside a successful answer or
	// a stream stands for. 0: it does not say.
	Status func(*sluicev1.ErrorEnvelope) int
	// Refine may say a better kind than the one that follows from the status, by the
	// error's envelope or, where there is none, by its message. Nil: there is none better.
	Refine func(*adapters.Error) adapters.Kind
}

// Client calls one provider. Make it with [New]. It is safe for concurrent use.
type Client struct {
	name      string
	base      *url.URL
	dialect   Dialect
	transport *http.Transport
	timeouts  adapters.Timeouts
	header    http.Header
	host      string
	keys      []string
	turn      atomic.Uint64
	secrets   secrets

	maxAnswer int64
	maxEvent  int64
	maxStream int64
}

// New checks the settings and returns a client for them. It does not connect. A
// setting that cannot work is an error that names it, and never shows a secret.
func New(s adapters.Settings, d Dialect) (*Client, error) {
	return newClient(s, d, nil)
}

func newClient(s adapters.Settings, d Dialect, dial dialFunc) (*Client, error) {
	base, err := parseBase(cmp.Or(s.BaseURL, d.BaseURL))
	if err != nil {
		return nil, fmt.Errorf("provider %q: base_url: %w", s.Name, err)
	}
	if s.Timeouts.Connect < 0 || s.Timeouts.FirstByte < 0 || s.Timeouts.Idle < 0 {
		return nil, fmt.Errorf("provider %q: timeouts: a timeout is negative", s.Name)
	}
	if s.MaxResponseBytes < 0 || s.MaxStreamBytes < 0 {
		return nil, fmt.Errorf("provider %q: a bound of its answers is negative: %d bytes in one piece, %d as a stream", s.Name, s.MaxResponseBytes, s.MaxStreamBytes)
	}
	c := &Client{
		name:      s.Name,
		base:      base,
		dialect:   d,
		timeouts:  orElse(s.Timeouts, defaultTimeouts),
		header:    http.Header{},
		maxAnswer: cmp.Or(s.MaxResponseBytes, DefaultMaxResponseBytes),
		maxStream: cmp.Or(s.MaxStreamBytes, DefaultMaxStreamBytes),
	}
	c.maxEvent = min(c.maxAnswer, DefaultMaxEventBytes)
	for i, key := range s.APIKeys {
		if key.Reveal() == "" || !validFieldValue(key.Reveal()) {
			return nil, fmt.Errorf("provider %q: api_keys[%d]: empty, or holds a character that no HTTP header can carry", s.Name, i)
		}
		c.keys = append(c.keys, key.Reveal())
	}
	c.header.Set("User-Agent", cmp.Or(s.UserAgent, defaultUserAgent))
	c.header.Set("Accept-Encoding", "identity")
	if c.host, err = replaceHeaders(c.header, s.Headers); err != nil {
		return nil, fmt.Errorf("provider %q: headers: %w", s.Name, err)
	}
	way, err := newWay(s, base)
	if err != nil {
		return nil, fmt.Errorf("provider %q: %w", s.Name, err)
	}
	c.secrets = newSecrets(c.keys, s.Headers, slices.Concat(s.Secrets, way.secrets))
	c.transport = newTransport(c.timeouts.Connect, way, dial)
	return c, nil
}

func parseBase(raw string) (*url.URL, error) {
	base, err := url.Parse(raw)
	if err != nil {
		// The parser's error quotes the URL, which may hold a password.
		return nil, errors.New("not a URL")
	}
	switch {
	case base.Scheme != "http" && base.Scheme != "https":
		return nil, errors.New("needs http:// or https://")
	case base.Host == "":
		return nil, errors.New("has no host")
	case base.User != nil:
		return nil, errors.New("must not hold credentials: use api_keys")
	case base.Fragment != "":
		return nil, errors.New("must not have a fragment")
	}
	// Both forms are kept so that an escaped slash in a base path stays one.
	base.RawPath = strings.TrimRight(base.EscapedPath(), "/")
	if base.Path, err = url.PathUnescape(base.RawPath); err != nil {
		return nil, errors.New("has a path with a broken escape")
	}
	return base, nil
}

// Close closes the connections that no call uses.
func (c *Client) Close() error {
	c.transport.CloseIdleConnections()
	return nil
}

// Answer is a provider's successful answer in one piece.
type Answer struct {
	Status int
	// Header holds the response headers that may reach the caller.
	Header adapters.Header
	// ContentType is the answer's own, unchecked.
	ContentType string
	// Body belongs to the receiver.
	Body []byte
}

// Do sends a request and reads the whole answer.
//
// Any status but 2xx is an [*adapters.Error]. So is everything that keeps the answer
// from arriving whole. When ctx ended, its error is returned.
func (c *Client) Do(ctx context.Context, r *Request) (*Answer, error) {
	x, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	defer x.close()
	return x.answer()
}

// Stream sends a request and returns as soon as a successful answer begins. The
// caller closes the stream. Errors are as for [Client.Do]. An answer whose type says
// that it is a document, such as an HTML page, is one of [adapters.KindProtocol]; any
// other type may hold events, because servers call them many things.
func (c *Client) Stream(ctx context.Context, r *Request) (*Stream, error) {
	x, err := c.open(ctx, r)
	if err != nil {
		return nil, err
	}
	if err := x.refuseDocument(); err != nil {
		x.close()
		return nil, err
	}
	return newStream(x), nil
}
