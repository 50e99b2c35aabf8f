package upstream

import (
	"bytes"
	"encoding/json"
	"errors"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/sluice-ai/sluice/adapters"
)

const (
	redacted = "[redacted]"
	// minSecretBytes: what is shorter hides nothing and would tear words apart.
	minSecretBytes = 4
	// maxEscapeLayers: servers quote the answer of a server that quotes one.
	maxEscapeLayers = 3
)

// secrets are the values that must not come back in what a provider says: some
// quote the key that they refuse.
type secrets []string

func newSecrets(keys []string, headers adapters.Header, more []adapters.Secret) secrets {
	var s secrets
	add := func(value string) {
		if len(value) >= minSecretBytes && !slices.Contains(s, value) {
			s = append(s, value)
		}
	}
	for _, key := range keys {
		add(key)
	}
	for _, value := range append(SecretsIn(headers), more...) {
		add(value.Reveal())
		// The token of "Bearer <token>".
		if _, token, ok := strings.Cut(value.Reveal(), " "); ok {
			add(strings.TrimSpace(token))
		}
	}
	// A key that begins with another must go first.
	slices.SortFunc(s, func(a, b string) int { return len(b) - len(a) })
	return s
}

// SecretsIn returns the values of the headers whose names say that they hold a
// credential, for [adapters.Settings]. The order is the headers'.
func SecretsIn(headers adapters.Header) []adapters.Secret {
	var out []adapters.Secret
	for _, f := range headers {
		if namesCredential(f.Name) {
			out = append(out, adapters.NewSecret(f.Value))
		}
	}
	return out
}

func namesCredential(header string) bool {
	header = strings.ToLower(header)
	return slices.ContainsFunc([]string{"auth", "key", "token", "secret", "cookie"}, func(word string) bool {
		return strings.Contains(header, word)
	})
}

func (s secrets) text(text string) string {
	for _, secret := range s {
		text = strings.ReplaceAll(text, secret, redacted)
	}
	return text
}

// redact replaces every secret in a body, also where JSON escapes hide it. A body
// that hides one where no JSON is, or behind several layers of escapes, is replaced
// as a whole.
func (s secrets) redact(body []byte) []byte {
	if len(s) == 0 {
		return body
	}
	if bytes.IndexByte(body, '\\') >= 0 {
		body = s.literals(body)
	}
	for _, secret := range s {
		if bytes.Contains(body, []byte(secret)) {
			body = bytes.ReplaceAll(body, []byte(secret), []byte(redacted))
		}
	}
	for layer, text := 0, body; layer < maxEscapeLayers && bytes.IndexByte(text, '\\') >= 0; layer++ {
		text = unescape(text)
		for _, secret := range s {
			if bytes.Contains(text, []byte(secret)) {
				return []byte(redacted)
			}
		}
	}
	return body
}

// unescape undoes JSON's escapes wherever they are, in what need not be JSON.
func unescape(text []byte) []byte {
	out := make([]byte, 0, len(text))
	for i := 0; i < len(text); i++ {
		if text[i] != '\\' || i+1 == len(text) {
			out = append(out, text[i])
			continue
		}
		i++
		if text[i] == 'u' && i+5 <= len(text) {
			if code, err := strconv.ParseUint(string(text[i+1:i+5]), 16, 16); err == nil {
				out = utf8.AppendRune(out, rune(code))
				i += 4
				continue
			}
		}
		out = append(out, text[i])
	}
	return out
}

// literals redacts the JSON string literals that hold a secret behind escapes,
// and leaves everything else as it is, be it JSON or not.
func (s secrets) literals(body []byte) []byte {
	var out []byte
	kept := 0
	for i := 0; i < len(body); i++ {
		if body[i] != '"' {
			continue
		}
		start, escaped := i, false
		for i++; i < len(body) && body[i] != '"'; i++ {
			if body[i] == '\\' {
				escaped = true
				i++
			}
		}
		if !escaped || i >= len(body) {
			continue
		}
		var text string
		if json.Unmarshal(body[start:i+1], &text) != nil {
			continue
		}
		clean := s.text(text)
		if clean == text {
			continue
		}
		literal, err := json.Marshal(clean)
		if err != nil {
			continue
		}
		out = append(append(out, body[kept:start]...), literal...)
		kept = i + 1
	}
	if out == nil {
		return body
	}
	return append(out, body[kept:]...)
}

func (s secrets) redactHeader(h adapters.Header) adapters.Header {
	for i, f := range h {
		if clean := s.text(f.Value); clean != f.Value {
			h = slices.Clone(h)
			h[i].Value = clean
		}
	}
	return h
}

// redactError keeps an error as it is unless its text holds a secret.
func (s secrets) redactError(err error) error {
	if err == nil {
		return nil
	}
	if text := err.Error(); s.text(text) != text {
		return errors.New(s.text(text))
	}
	return err
}
