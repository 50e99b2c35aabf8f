package upstream

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

func TestSecrets_replace_a_key_wherever_JSON_hides_it(t *testing.T) {
	const key = `sk-"ab/cd`
	s := newSecrets([]string{key, "x"}, adapters.Header{
		{Name: "x-api-token", Value: "token-1234"}, {Name: "x-team", Value: "platform"}, {Name: "authorization", Value: "Basic dXNlcg=="},
	}, nil)
	nested, err := json.Marshal(`{"error":"` + `sk-\"ab\/cd` + `"}`)
	if err != nil {
		t.Fatal(err)
	}
	for body, want := range map[string]string{
		`{"a":"no secret \u00e4 \/ here","b":1.50}`:    `{"a":"no secret \u00e4 \/ here","b":1.50}`,
		`{"a":"x sk-\"ab/cd y","b":1.50}`:              `{"a":"x [redacted] y","b":1.50}`,
		`{"a":"sk-\u0022ab\/cd"}`:                      `{"a":"[redacted]"}`,
		`{"sk-\"ab\/cd":["\u0073k-\"ab/cd",{"b":""}]}`: `{"[redacted]":["[redacted]",{"b":""}]}`,
		`text sk-"ab/cd text`:                          `text [redacted] text`,
		`text sk-\"ab\/cd text`:                        redacted,
		`{"a":` + string(nested) + `}`:                 redacted,
		`{"a":"token-1234 dXNlcg== platform x"}`:       `{"a":"[redacted] [redacted] platform x"}`,
		`{"broken":"\`:                                 `{"broken":"\`,
		`"\u12`:                                        `"\u12`,
	} {
		if got := string(s.redact([]byte(body))); got != want {
			t.Errorf("%s\nbecame %s\nwant   %s", body, got, want)
		}
	}
}

func TestSecrets_replace_the_longer_of_two_keys_first(t *testing.T) {
	s := newSecrets([]string{"sk-abc", "sk-abcdef"}, nil, nil)
	if got := s.text("sk-abcdef sk-abc"); got != "[redacted] [redacted]" {
		t.Errorf("became %q", got)
	}
}

func FuzzRedact(f *testing.F) {
	f.Add(`{"a":"sk-\u0022secret"}`, "sk-secret")
	f.Add(`\\\"sk`, `"sk\`)
	f.Fuzz(func(t *testing.T, body, key string) {
		if len(key) < minSecretBytes || strings.Contains(redacted, key) || strings.ContainsAny(key, "[]") {
			t.Skip()
		}
		s := newSecrets([]string{key}, nil, nil)
		got := s.redact([]byte(body))
		if strings.Contains(string(got), key) {
			t.Errorf("%q became %q with %q in it", body, got, key)
		}
		var value any
		if json.Unmarshal(got, &value) == nil && strings.Contains(flat(value), key) {
			t.Errorf("%q became %q, which holds %q", body, got, key)
		}
	})
}

func flat(value any) string {
	switch v := value.(type) {
	case string:
		return v
	case []any:
		var parts []string
		for _, e := range v {
			parts = append(parts, flat(e))
		}
		return strings.Join(parts, "\x00")
	case map[string]any:
		var parts []string
		for k, e := range v {
			parts = append(parts, k, flat(e))
		}
		return strings.Join(parts, "\x00")
	}
	return ""
}
