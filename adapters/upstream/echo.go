package upstream

import (
	"bytes"
	"net/http"
	"net/textproto"
	"strings"

	"github.com/sluice-ai/sluice/adapters"
)

// echo is the credential that a request carries, which must not come back in its answer:
// a provider, or a debugging proxy in front of it, may repeat what it got. Errors are
// cleaned of all secrets; answers, which are long and many, of this one.
type echo []byte

// credentialHeaders are [adapters.CredentialHeaders] in net/http's form.
var credentialHeaders = func() []string {
	names := make([]string, len(adapters.CredentialHeaders))
	for i, name := range adapters.CredentialHeaders {
		names[i] = textproto.CanonicalMIMEHeaderKey(name)
	}
	return names
}()

// echoOf returns the credential of a request. Nil when it has none.
func echoOf(h http.Header) echo {
	for _, name := range credentialHeaders {
		if values := h[name]; len(values) > 0 {
			value := values[0]
			if _, token, ok := strings.Cut(value, " "); ok {
				value = strings.TrimSpace(token)
			}
			if len(value) >= minSecretBytes {
				return echo(value)
			}
		}
	}
	return nil
}

// clean returns a piece of an answer without the credential.
func (e echo) clean(piece []byte) []byte {
	if len(e) == 0 || !bytes.Contains(piece, e) {
		return piece
	}
	return bytes.ReplaceAll(piece, e, []byte(redacted))
}

// cleanHeader is [echo.clean] for the headers of an answer, in place.
func (e echo) cleanHeader(h adapters.Header) {
	if len(e) == 0 {
		return
	}
	for i := range h {
		if strings.Contains(h[i].Value, string(e)) {
			h[i].Value = strings.ReplaceAll(h[i].Value, string(e), redacted)
		}
	}
}
