package redact

import "strings"

// form is how a kind of credential looks: after begin, which is written down, come at
// least min bytes of a token, which are not.
type form struct {
	begin string
	// anyCase says that begin, in lower case here, is written in any.
	anyCase bool
	min     int
	// inside: begin may stand in a word. Else it must begin one.
	inside bool
	// token returns how many bytes of what follows begin are to be masked. Nil: those of
	// a token, letters and digits with - _ . ~ + / and =.
	token func(text string) int
}

// forms are the well-known ones.
//
// Sources, 2026-11: the providers' pages on API keys (OpenAI, Anthropic, OpenRouter and
// DeepSeek sk-, Google AIza and ya29., Groq gsk_, xAI xai-, Perplexity pplx-, NVIDIA nvapi-,
// Hugging Face hf_, Replicate r8_, AWS "IAM identifiers"), GitHub's and GitLab's on token
// prefixes, Slack's on token types, RFC 6750 and 7617 for Authorization, RFC 7519 for JWT,
// RFC 7468 for PEM, RFC 3986 section 3.2.1 for user information.
var forms = []form{
	{begin: "sk-", min: 12},
	{begin: "bearer ", anyCase: true, min: 8},
	{begin: "basic ", anyCase: true, min: 12, token: basicToken},
	{begin: "AIza", min: 30},
	{begin: "ya29.", min: 20},
	{begin: "gsk_", min: 20},
	{begin: "xai-", min: 20},
	{begin: "pplx-", min: 20},
	{begin: "nvapi-", min: 20},
	{begin: "hf_", min: 20},
	{begin: "r8_", min: 20},
	{begin: "AKIA", min: 16},
	{begin: "ASIA", min: 16},
	{begin: "ghp_", min: 20},
	{begin: "gho_", min: 20},
	{begin: "ghu_", min: 20},
	{begin: "ghs_", min: 20},
	{begin: "ghr_", min: 20},
	{begin: "github_pat_", min: 20},
	{begin: "glpat-", min: 16},
	{begin: "xoxb-", min: 16},
	{begin: "xoxp-", min: 16},
	{begin: "xoxa-", min: 16},
	{begin: "eyJ", min: 32, token: jwtToken},
	{begin: "api_key=", anyCase: true, min: 6, inside: true},
	{begin: "api-key=", anyCase: true, min: 6, inside: true},
	{begin: "apikey=", anyCase: true, min: 6, inside: true},
	{begin: "token=", anyCase: true, min: 8, inside: true},
	{begin: "secret=", anyCase: true, min: 6, inside: true},
	{begin: "password=", anyCase: true, min: 1, inside: true},
	{begin: "?key=", min: 8, inside: true},
	{begin: "&key=", min: 8, inside: true},
	{begin: "://", min: 1, inside: true, token: userInformation},
	{begin: "-----BEGIN ", min: 1, inside: true, token: privateKey},
}

// found returns what of text is to be masked when the form begins at i; to is 0 when it
// does not.
func (f *form) found(text string, i int) (from, to int) {
	rest := text[i:]
	if len(rest) < len(f.begin)+f.min {
		return 0, 0
	}
	if f.anyCase && !strings.EqualFold(rest[:len(f.begin)], f.begin) || !f.anyCase && rest[:len(f.begin)] != f.begin {
		return 0, 0
	}
	if !f.inside && i > 0 && isWord(text[i-1]) {
		return 0, 0
	}
	rest = rest[len(f.begin):]
	count := tokenBytes
	if f.token != nil {
		count = f.token
	}
	masked := count(rest)
	if masked < f.min {
		return 0, 0
	}
	return i + len(f.begin), i + len(f.begin) + masked
}

// tokenBytes is how many bytes of a token text begins with.
func tokenBytes(text string) int {
	for i := range len(text) {
		if c := text[i]; !isWord(c) && strings.IndexByte("-_.~+/=%", c) < 0 {
			return i
		}
	}
	return len(text)
}

// basicToken leaves words behind "basic" alone: what is encoded has a capital, a digit
// or padding.
func basicToken(text string) int {
	n := tokenBytes(text)
	if strings.ContainsAny(text[:n], "0123456789=") || strings.ToLower(text[:n]) != text[:n] {
		return n
	}
	return 0
}

// maxJWTHeaderBytes bounds the first part of a JWT, so that a text that begins many
// costs no search through the whole for each.
const maxJWTHeaderBytes = 1 << 10

// jwtToken is three parts of base64, or two when it is not signed.
func jwtToken(text string) int {
	if head := tokenBytes(text[:min(len(text), maxJWTHeaderBytes)]); !strings.Contains(text[:head], ".") {
		return 0
	}
	return tokenBytes(text)
}

// userInformation is what stands before the @ of a URL, with a password in it.
func userInformation(text string) int {
	end := strings.IndexAny(text, "/?# \"\n")
	if end < 0 {
		end = len(text)
	}
	at := strings.LastIndexByte(text[:end], '@')
	if at < 0 || strings.IndexByte(text[:at], ':') < 0 {
		return 0
	}
	return at
}

// privateKey is the rest of a PEM block of a private key.
func privateKey(text string) int {
	label, body, ok := strings.Cut(text, "-----")
	if !ok || !strings.HasSuffix(label, "PRIVATE KEY") {
		return 0
	}
	if end := strings.Index(body, "-----END "); end >= 0 {
		return len(text) - len(body) + end
	}
	return len(text)
}
