package upstream

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
)

// Request is what an adapter sends.
type Request struct {
	Method string
	// Path goes behind the base URL. It begins with a slash; what came from a caller
	// is escaped (see [PathSegment]).
	Path string
	// Query is a raw query string without "?". What cannot stand in one is escaped.
	Query string
	// Header holds the caller's headers, with lower-case names. Those of the settings
	// and the adapter's own win.
	Header adapters.Header
	// TargetHeader holds headers of the target's configuration, for which [CheckHeader]
	// holds. They replace all others of the same name.
	TargetHeader adapters.Header
	// Key is the credential to send. Zero: the next one of the settings. What a provider
	// says is cleaned of it only if it is among the settings' keys.
	Key adapters.Secret
	// Timeouts stand in for those of the settings; a zero one does not.
	Timeouts adapters.Timeouts
	// Accept is the content type that the adapter reads.
	Accept string
	// ContentType is the type of Body.
	ContentType string
	// Body is sent from memory, with its length. It must not change any more: the
	// transport may read it after the call returned. Empty: no body.
	Body []byte
}

// PathSegment escapes an id as one segment of a path. It refuses those that no
// escape keeps from being read as a step up or an empty segment.
func PathSegment(id string) (segment string, ok bool) {
	// A server that decodes %2F before it tidies the path would step up from within.
	for part := range strings.SplitSeq(id, "/") {
		if part == "." || part == ".." {
			return "", false
		}
	}
	if id == "" {
		return "", false
	}
	return url.PathEscape(id), true
}

var errBadKey = errors.New("the key holds a character that no HTTP header can carry")

func (c *Client) newRequest(ctx context.Context, r *Request) (*http.Request, error) {
	target := *c.base
	target.RawPath = c.base.RawPath + r.Path
	path, err := url.PathUnescape(target.RawPath)
	if err != nil {
		return nil, err
	}
	target.Path = path
	if r.Query != "" {
		if target.RawQuery != "" {
			target.RawQuery += "&"
		}
		target.RawQuery += queryEscape(r.Query)
	}

	header := make(http.Header, len(r.Header)+len(c.header)+3)
	for _, f := range r.Header {
		if !validFieldName(f.Name) || !validFieldValue(f.Value) {
			return nil, c.Refusal(adapters.KindInvalid, fmt.Sprintf("header %q holds a character that HTTP does not allow", f.Name))
		}
		name := textproto.CanonicalMIMEHeaderKey(f.Name)
		header[name] = append(header[name], f.Value)
	}
	if r.Accept != "" {
		header["Accept"] = []string{r.Accept}
	}
	if r.ContentType != "" {
		header["Content-Type"] = []string{r.ContentType}
	}
	sign := false
	switch key := r.Key.Reveal(); {
	case key != "" && !validFieldValue(key):
		return nil, errBadKey
	case key != "":
		c.dialect.Authorize(header, key)
	case len(c.keys) > 0:
		// Modulo on the unsigned counter stays in range when it wraps.
		c.dialect.Authorize(header, c.keys[(c.turn.Add(1)-1)%uint64(len(c.keys))])
	default:
		sign = c.dialect.Sign != nil && !hasCredential(r.TargetHeader) && !hasAuthorization(c.header)
	}
	maps.Copy(header, c.header)

	request := &http.Request{
		Method: r.Method,
		URL:    &target,
		Host:   c.host,
		Header: header,
	}
	host, err := replaceHeaders(header, r.TargetHeader)
	if err != nil {
		return nil, err
	}
	if host != "" {
		request.Host = host
	}
	sendOnce(header)
	if body := r.Body; len(body) > 0 {
		request.ContentLength = int64(len(body))
		request.Body = io.NopCloser(bytes.NewReader(body))
		request.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	if sign {
		if err := c.sign(ctx, request, r.Body); err != nil {
			return nil, err
		}
	}
	return request.WithContext(withConnect(ctx, r.Timeouts.Connect)), nil
}

// sign has the dialect sign a request. What signs does not know for which provider.
func (c *Client) sign(ctx context.Context, request *http.Request, body []byte) error {
	err := c.dialect.Sign(ctx, request, body)
	if err == nil {
		return nil
	}
	if failure, classified := errors.AsType[*adapters.Error](err); classified {
		if failure.Provider != "" {
			return err
		}
		named := *failure
		named.Provider = c.name
		return &named
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	return &adapters.Error{
		Kind: adapters.KindAuth, Provider: c.name, Unsent: true,
		Message: "no credentials for the provider could be had: see the log", Cause: c.secrets.redactError(err),
	}
}

func hasCredential(h adapters.Header) bool {
	return slices.ContainsFunc(h, func(f adapters.Field) bool { return slices.Contains(adapters.CredentialHeaders, f.Name) })
}

// hasAuthorization tells whether the settings' headers bring a credential of their own.
func hasAuthorization(h http.Header) bool {
	return slices.ContainsFunc(adapters.CredentialHeaders, func(name string) bool { return h.Get(name) != "" })
}

// sendOnce keeps net/http from sending a request again by itself, over one idle connection
// after the other, when these break: it does so for what has an idempotency key, by these
// names as they stand here. One attempt is one request; who repeats it is not decided here.
func sendOnce(header http.Header) {
	for _, name := range [...]string{"Idempotency-Key", "X-Idempotency-Key"} {
		if values, ok := header[name]; ok {
			delete(header, name)
			header[strings.ToLower(name)] = values
		}
	}
}

// queryEscape escapes the bytes that would end a query string or a request line,
// and leaves everything else, escapes included, as it is.
func queryEscape(query string) string {
	clean := func(b byte) bool { return b > ' ' && b < 0x7f && b != '#' }
	for i := 0; i < len(query); i++ {
		if clean(query[i]) {
			continue
		}
		var out strings.Builder
		out.WriteString(query[:i])
		for ; i < len(query); i++ {
			if clean(query[i]) {
				out.WriteByte(query[i])
			} else {
				fmt.Fprintf(&out, "%%%02X", query[i])
			}
		}
		return out.String()
	}
	return query
}
