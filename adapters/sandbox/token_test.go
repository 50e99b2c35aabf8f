package sandbox

import (
	"slices"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTokens_split_as_documented(t *testing.T) {
	tests := []struct {
		text string
		want []string
	}{
		{"", nil},
		{"Hello, world!", []string{"Hello", ",", " world", "!"}},
		{"a  b", []string{"a", " ", " b"}},
		{"12345 67", []string{"123", "45", " 67"}},
		{"internationalization", []string{"internationa", "lization"}},
		{"你好", []string{"你", "好"}},
		{"naïve", []string{"naïve"}},
		{"😀👍", []string{"😀", "👍"}},
		{"{\"a\": 1}\n", []string{"{", "\"", "a", "\"", ":", " 1", "}", "\n"}},
		{" ", []string{" "}},
		{"x \n", []string{"x", " \n"}},
	}
	for _, tt := range tests {
		if got := slices.Collect(tokens(tt.text)); !slices.Equal(got, tt.want) {
			t.Errorf("%q: got %q, want %q", tt.text, got, tt.want)
		}
	}
}

func FuzzTokens(f *testing.F) {
	for _, seed := range []string{"", "Hello, world", "a   b", "\u2028 \xff", unicodeText, strings.Repeat(" ", 70) + "x"} {
		f.Add(seed, 3)
	}
	f.Fuzz(func(t *testing.T, text string, most int) {
		all := slices.Collect(tokens(text))
		if strings.Join(all, "") != text {
			t.Fatalf("%q: the tokens %q are another text", text, all)
		}
		if int64(len(all)) != countTokens(text) || slices.Contains(all, "") {
			t.Fatalf("%q: %d tokens, counted %d, %q", text, len(all), countTokens(text), all)
		}
		for _, token := range all {
			if utf8.ValidString(text) && !utf8.ValidString(token) {
				t.Fatalf("%q splits a character at %q", text, token)
			}
		}
		most = max(0, min(most, len(all)))
		cut, n := clipTokens(text, int64(most))
		if n != int64(most) || !slices.Equal(slices.Collect(tokens(cut)), append([]string(nil), all[:most]...)) {
			t.Fatalf("%q cut after %d tokens is %q", text, most, cut)
		}
	})
}
