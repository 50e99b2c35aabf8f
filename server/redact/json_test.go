package redact

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestJSON_masks_strings_as_they_are_meant(t *testing.T) {
	r := new(Redactor)
	r.Set(secrets("marker-one", `mar"ker\3`))
	const key = "sk-proj-1234567890abcdef"
	for text, want := range map[string]string{
		`{}`:                             `{}`,
		` { "a" : [ 1.50 , null ] } `:    ` { "a" : [ 1.50 , null ] } `,
		`{"b":1,"a":"marker-one","c":2}`: `{"b":1,"a":"[redacted]","c":2}`,
		// A break before a key is an n before it, as it is written.
		`{"content":"my key:\n` + key + `\nis it safe?"}`:      `{"content":"my key:\nsk-[redacted]\nis it safe?"}`,
		`["\u006darker-one"]`:                                  `["[redacted]"]`,
		`["mar\"ker\\3 <b>"]`:                                  `["[redacted] <b>"]`,
		`["é\u00e9 marker-one"]`:                               `["éé [redacted]"]`,
		`["é\u00e9"]`:                                          `["é\u00e9"]`,
		`{"marker-one":1}`:                                     `{"[redacted]":1}`,
		`{"api_key":"hunter2","max_tokens":5}`:                 `{"api_key":"[redacted]","max_tokens":5}`,
		`{"password":{"a":[1,"marker-one"]},"b":"marker-one"}`: `{"password":"[redacted]","b":"[redacted]"}`,
		`{"pass\u0077ord": 1 ,"b":2}`:                          `{"pass\u0077ord": "[redacted]" ,"b":2}`,
		`{"arguments":"{\"api_key\":\"hunter2\",\"q\":1}"}`:    `{"arguments":"{\"api_key\":\"[redacted]\",\"q\":1}"}`,
		`{"arguments":"[\"x\\n` + key + `\"]"}`:                `{"arguments":"[\"x\\nsk-[redacted]\"]"}`,
		`{"arguments":"{\"api_key\": ` + key + `"}`:            `{"arguments":"{\"api_key\": sk-[redacted]"}`,
		`{"content":"{see marker-one}"}`:                       `{"content":"{see [redacted]}"}`,
		`no JSON, marker-one`:                                  `no JSON, [redacted]`,
		`{"a":"marker-one"`:                                    `{"a":"[redacted]"`,
		`{"a":"marker-one"} more`:                              `{"a":"[redacted]"} more`,
		`{"a":marker-one}`:                                     `{"a":[redacted]}`,
		`{"a" "marker-one"}`:                                   `{"a" "[redacted]"}`,
		`["\q marker-one"]`:                                    `["\\q [redacted]"]`,
		``:                                                     ``,
		strings.Repeat("[", 700) + `"marker-one"` + strings.Repeat("]", 700): strings.Repeat("[", 700) + `"[redacted]"` + strings.Repeat("]", 700),
	} {
		if got := string(r.JSON([]byte(text))); got != want {
			t.Errorf("%.80s: got %.120s, want %.120s", text, got, want)
		}
	}
}

// What is masked is JSON when it was, holds no secret, and is as it was when it held none.
func FuzzJSON(f *testing.F) {
	for _, text := range []string{`{"a":"marker-one","b":[1,{"password":2}]}`, `"\n\u006darker-one"`, `{"x":"{\"token\":[]}"}`, `[`, `{"a":`} {
		f.Add([]byte(text))
	}
	r := new(Redactor)
	r.Set(secrets("marker-one"))
	f.Fuzz(func(t *testing.T, text []byte) {
		masked := r.JSON(text)
		if bytes.Contains(masked, []byte("marker-one")) {
			t.Errorf("%q: %q holds the secret", text, masked)
		}
		if json.Valid(text) && !json.Valid(masked) {
			t.Errorf("%q: %q is no JSON any more", text, masked)
		}
		if again := r.JSON(masked); !bytes.Equal(again, masked) && json.Valid(text) {
			t.Errorf("%q: once %q, twice %q", text, masked, again)
		}
	})
}
