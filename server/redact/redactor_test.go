package redact

import (
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

func secrets(values ...string) []adapters.Secret {
	list := make([]adapters.Secret, len(values))
	for i, v := range values {
		list[i] = adapters.NewSecret(v)
	}
	return list
}

func TestText_masks_the_secrets_of_the_configuration(t *testing.T) {
	r := new(Redactor)
	r.Set(secrets("marker-one", "marker-one-two", `mar"ker\3 &<`, "Bearer 1marker4", "four", "abc", "", "wörd-märker"))
	for text, want := range map[string]string{
		"":                                 "",
		"nothing here":                     "nothing here",
		"marker-one":                       "[redacted]",
		"marker-one-two":                   "[redacted]",
		"xmarker-onex":                     "x[redacted]x",
		"a marker-one b marker-one c":      "a [redacted] b [redacted] c",
		"marker-onemarker-one":             "[redacted][redacted]",
		"marker-on":                        "[redacted]",           // clipped
		"key marker-o...":                  "key [redacted]...",    // clipped, and said so
		"marker-":                          "marker-",              // too little to tell
		"marker-on and on":                 "marker-on and on",     // not clipped
		`said "mar\"ker\\3 &<"`:            `said "[redacted]"`,    // quoted
		`{"k":"mar\"ker\\3 \u0026\u003c"}`: `{"k":"[redacted]"}`,   // as encoding/json escapes
		"?q=mar%22ker%5C3+%26%3C&x":        "?q=[redacted]&x",      // as a query
		"/mar%22ker%5C3%20&%3C/x":          "/[redacted]/x",        // as a path
		"1marker4":                         "[redacted]",           // without its scheme
		"four by fourth":                   "[redacted] by fourth", // short ones stand alone
		"abc":                              "abc",                  // hides nothing
		"wörd-märker":                      "[redacted]",
		strings.Repeat("m", 9999):          strings.Repeat("m", 9999),
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%.60q: got %.60q, want %q", text, got, want)
		}
		if holds := r.current().holds(text); holds != (want != text) {
			t.Errorf("%.60q holds something: %t", text, holds)
		}
	}
}

func TestText_masks_what_has_the_form_of_a_credential(t *testing.T) {
	r := new(Redactor)
	for text, want := range map[string]string{
		"Incorrect API key provided: sk-proj-1234567890abcdef.":       "Incorrect API key provided: sk-[redacted]",
		"sk-ant-api03-abcdefghijkl_mn":                                "sk-[redacted]",
		"risk-assessments-of-all":                                     "risk-assessments-of-all",
		"the task-1234567890abcdef":                                   "the task-1234567890abcdef",
		"sk-learn":                                                    "sk-learn",
		"Authorization: Bearer abc.def-ghi":                           "Authorization: Bearer [redacted]",
		"authorization: bearer abcdefgh, x":                           "authorization: bearer [redacted], x",
		"BEARER ABCDEFGH":                                             "BEARER [redacted]",
		"bearer of news":                                              "bearer of news",
		"Basic dXNlcjpwYXNz":                                          "Basic [redacted]",
		"basic authentication fails":                                  "basic authentication fails",
		"AIzaSyA1234567890abcdefghijklmnopqrstuv":                     "AIza[redacted]",
		"AKIAIOSFODNN7EXAMPLE":                                        "AKIA[redacted]",
		"ghp_1234567890abcdef1234":                                    "ghp_[redacted]",
		"gsk_1234567890abcdef1234":                                    "gsk_[redacted]",
		"eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.abcdef":                 "eyJ[redacted]",
		"GET /v1beta/models?key=abcdefgh12 failed":                    "GET /v1beta/models?key=[redacted] failed",
		"GET /x?a=1&access_token=abcdefgh12":                          "GET /x?a=1&access_token=[redacted]",
		"dial http://user:pass@proxy:3128/x: refused":                 "dial http://[redacted]@proxy:3128/x: refused",
		"dial http://user@proxy:3128/x: refused":                      "dial http://user@proxy:3128/x: refused",
		"https://host/path:with@signs":                                "https://host/path:with@signs",
		"-----BEGIN PRIVATE KEY-----\nMII\n-----END PRIVATE KEY-----": "-----BEGIN [redacted]-----END PRIVATE KEY-----",
		"-----BEGIN EC PRIVATE KEY-----\nMII":                         "-----BEGIN [redacted]",
		"-----BEGIN CERTIFICATE-----\nMII":                            "-----BEGIN CERTIFICATE-----\nMII",
		"req_0123456789abcdef gpt-4o-mini chatcmpl-123 ft:gpt-4o:org": "req_0123456789abcdef gpt-4o-mini chatcmpl-123 ft:gpt-4o:org",
	} {
		if got := r.Text(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestNamesCredential_knows_names_by_their_last_words(t *testing.T) {
	for name, want := range map[string]bool{
		"authorization": true, "Proxy-Authorization": true, "cookie": true, "Set-Cookie": true, "api_key": true, "x-api-key": true, "apiKey": true,
		"API Keys": true, "x-goog-api-key": true, "token": true, "access-token": true, "X-Amz-Security-Token": true, "password": true, "client_secret": true, "private.key": true,
		"db_passwd": true, "credentials": true, "admin_token": true, "jwt": true, "x-auth": true,
		"": false, "key": false, "keys": false, "tokens": false, "input_tokens": false, "gen_ai.usage.output_tokens": false, "token_count": false, "ttft_ms": false,
		"monkey": false, "sticky.key": false, "model": false, "authorized": false, "secretary": false, "cookies_seen": false, "error": false,
	} {
		if NamesCredential(name) != want {
			t.Errorf("%q: %t", name, !want)
		}
	}
}

func TestSet_replaces_what_was_set_before(t *testing.T) {
	r := new(Redactor)
	r.Set(secrets("first-marker"))
	r.Set(secrets("second-marker"))
	if got := r.Text("first-marker second-marker"); got != "first-marker [redacted]" {
		t.Error(got)
	}
}

func FuzzText(f *testing.F) {
	f.Add("the key marker-1234 of it", "marker-1234")
	f.Add("Bearer marker-1234...", "marker-1234-5678")
	f.Add("\"\\u0026", "&&&&\"<")
	f.Add("http://a:b@c", "b@cd")
	f.Fuzz(func(t *testing.T, text, secret string) {
		r := new(Redactor)
		r.Set(secrets(secret))
		got := r.Text(text)
		if r.current().holds(text) != (got != text) && !strings.Contains(text, mask) {
			t.Errorf("%q: holds says otherwise of %q", text, got)
		}
		// What is left may hold a secret only when a mask made it, or part of one.
		if len(secret) >= minTornBytes && strings.TrimSpace(secret) == secret && !strings.Contains(mask, secret[:1]) && !strings.Contains(mask, secret[len(secret)-1:]) &&
			strings.Contains(got, secret) {
			t.Errorf("%q: %q still holds %q", text, got, secret)
		}
	})
}
