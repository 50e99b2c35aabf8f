package redact

import (
	"bytes"
	"encoding/json"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/sluice-ai/sluice/adapters"
)

// mask stands where a credential stood.
const mask = "[redacted]"

const (
	// minSecretBytes: what is shorter hides nothing.
	minSecretBytes = 4
	// minTornBytes: a shorter secret is found only as a word of its own, since it would
	// tear others apart.
	minTornBytes = 8
)

// Redactor knows what must not be written. The zero value knows the names and forms of
// credentials alone. Safe for concurrent use; not to be copied.
type Redactor struct{ rules atomic.Pointer[rules] }

// Set makes these the secrets that are masked, in place of those before. What is
// shorter than 4 bytes is left out. Lines that are written from now on are without
// them, also those of loggers that were made before.
func (r *Redactor) Set(secrets []adapters.Secret) {
	values := make([]string, 0, len(secrets))
	for _, s := range secrets {
		values = append(values, s.Reveal())
	}
	r.rules.Store(newRules(values))
}

// Text returns text with every secret and every form of a credential masked. Text
// without any is returned as it is, without an allocation.
func (r *Redactor) Text(text string) string { return r.current().text(text) }

func (r *Redactor) current() *rules {
	if current := r.rules.Load(); current != nil {
		return current
	}
	return formsAlone
}

var formsAlone = newRules(nil)

// rules find in one pass over a text: a pair of bytes with which nothing begins costs
// one look into starts, whatever the number of secrets.
type rules struct {
	// starts has a bit for each pair of bytes that a secret or a form begins with.
	starts [1 << 16 / 64]uint64
	// secrets by their first byte, the longest first.
	secrets [256][]string
}

func newRules(values []string) *rules {
	r := new(rules)
	for _, value := range values {
		for _, written := range spellings(value) {
			if first := written[0]; !slices.Contains(r.secrets[first], written) {
				r.secrets[first] = append(r.secrets[first], written)
				r.start(written)
			}
		}
	}
	for i := range r.secrets {
		slices.SortFunc(r.secrets[i], func(a, b string) int { return len(b) - len(a) })
	}
	for i := range forms {
		begin := forms[i].begin
		r.start(begin)
		if forms[i].anyCase {
			r.start(strings.ToUpper(begin))
			r.start(strings.ToUpper(begin[:1]) + begin[1:])
			r.start(begin[:1] + strings.ToUpper(begin[1:]))
		}
	}
	return r
}

func (r *rules) start(text string) {
	pair := int(text[0])<<8 | int(text[1])
	r.starts[pair/64] |= 1 << (pair % 64)
}

// spellings are the ways in which a secret is written: as it is, as Go and JSON quote
// it and as URLs escape it, and that without the scheme of an Authorization header.
func spellings(value string) (list []string) {
	values := []string{value}
	if scheme, token, ok := strings.Cut(value, " "); ok && !strings.Contains(token, " ") && len(scheme) < minTornBytes {
		values = append(values, token)
	}
	add := func(text string) {
		if len(text) >= minSecretBytes && !slices.Contains(list, text) {
			list = append(list, text)
		}
	}
	for _, v := range values {
		if v = strings.TrimSpace(v); len(v) < minSecretBytes {
			continue
		}
		add(v)
		quoted := strconv.Quote(v)
		add(quoted[1 : len(quoted)-1])
		var asJSON bytes.Buffer
		for _, html := range []bool{true, false} {
			asJSON.Reset()
			encoder := json.NewEncoder(&asJSON)
			encoder.SetEscapeHTML(html)
			if err := encoder.Encode(v); err != nil {
				continue
			}
			text := strings.TrimSuffix(asJSON.String(), "\n")
			add(text[1 : len(text)-1])
		}
		add(url.QueryEscape(v))
		add(url.PathEscape(v))
	}
	return list
}

// text masks what it finds. The text is copied once something was found.
func (r *rules) text(text string) string {
	var out strings.Builder
	kept := 0
	for i := 0; i+1 < len(text); {
		pair := int(text[i])<<8 | int(text[i+1])
		if r.starts[pair/64]&(1<<(pair%64)) == 0 {
			i++
			continue
		}
		from, to := r.found(text, i)
		if to == 0 {
			i++
			continue
		}
		out.WriteString(text[kept:from])
		out.WriteString(mask)
		kept, i = to, to
	}
	if kept == 0 {
		return text
	}
	out.WriteString(text[kept:])
	return out.String()
}

// holds tells whether text would change.
func (r *rules) holds(text string) bool {
	for i := 0; i+1 < len(text); i++ {
		pair := int(text[i])<<8 | int(text[i+1])
		if r.starts[pair/64]&(1<<(pair%64)) != 0 {
			if _, to := r.found(text, i); to != 0 {
				return true
			}
		}
	}
	return false
}

// found returns what is to be masked of what begins at i; to is 0 when nothing is.
func (r *rules) found(text string, i int) (from, to int) {
	rest := text[i:]
	for _, secret := range r.secrets[text[i]] {
		switch {
		case strings.HasPrefix(rest, secret):
			if len(secret) >= minTornBytes || standsAlone(text, i, i+len(secret)) {
				return i, i + len(secret)
			}
		case len(rest) < len(secret)+len(cut):
			// Lines are clipped: the beginning of a secret at the end of a text is one, too.
			if begin := strings.TrimSuffix(rest, cut); len(begin) >= minTornBytes && strings.HasPrefix(secret, begin) {
				return i, i + len(begin)
			}
		}
	}
	for f := range forms {
		if from, to = forms[f].found(text, i); to != 0 {
			return from, to
		}
	}
	return 0, 0
}

// cut is what stands at the end of a clipped text.
const cut = "..."

func standsAlone(text string, from, to int) bool {
	return (from == 0 || !isWord(text[from-1])) && (to == len(text) || !isWord(text[to]))
}

func isWord(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
}
