package redact

import "strings"

// NamesCredential tells whether a value under this name is a credential whatever it
// looks like: the name of a header, an attribute or a JSON member, in any case and
// with any of - _ and . between its words. It goes by the last words: x-api-key and
// session_token are, token_count and key are not; input_tokens is none either.
func NamesCredential(name string) bool {
	if name == "" {
		return false
	}
	for _, ending := range credentialEndings[name[len(name)-1]|0x20] {
		if hasSuffixFold(name, ending) {
			return true
		}
	}
	before, isKey := cutSuffixFold(name, "key")
	if !isKey {
		if before, isKey = cutSuffixFold(name, "keys"); !isKey {
			return false
		}
	}
	before = strings.TrimRight(before, "-_. ")
	for _, kind := range keyKinds {
		if hasSuffixFold(before, kind) {
			return true
		}
	}
	return false
}

// credentialEndings are by their last letter.
var credentialEndings = endings("authorization", "cookie", "cookies", "password", "passwords", "passwd", "passphrase",
	"secret", "secrets", "token", "credential", "credentials", "bearer", "jwt", "x-auth")

// keyKinds are the words before "key" that make it a credential.
var keyKinds = []string{"api", "access", "secret", "private", "signing", "encryption", "master", "admin", "auth", "subscription", "provider", "gateway"}

func endings(list ...string) (by [256][]string) {
	for _, ending := range list {
		last := ending[len(ending)-1]
		by[last] = append(by[last], ending)
	}
	return by
}

func hasSuffixFold(text, suffix string) bool {
	_, ok := cutSuffixFold(text, suffix)
	return ok
}

func cutSuffixFold(text, suffix string) (before string, ok bool) {
	at := len(text) - len(suffix)
	if at < 0 || !strings.EqualFold(text[at:], suffix) {
		return text, false
	}
	return text[:at], true
}
