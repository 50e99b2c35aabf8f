package sandbox

import (
	"unicode"
	"unicode/utf8"
)

// The tokenizer: an approximation of what models count, fixed for good.
//
//   - a word is a token, with the one space before it; at most 12 letters, longer
//     words go on in further tokens;
//   - a run of digits is a token, with the one space before it, at most three;
//   - a run of other white space is a token, at most 32 characters;
//   - a Chinese, Japanese or Korean character, a punctuation mark, a symbol or an
//     emoji is a token of its own.
//
// Tokens put together give the text again, no token splits a character, and a text
// cut after some token has the same tokens up to there.
const (
	maxWordRunes  = 12
	maxDigitRunes = 3
	maxSpaceRunes = 32
)

type class int

const (
	classOther class = iota
	classWord
	classDigit
	classSpace
)

func classOf(r rune) class {
	switch {
	case r < utf8.RuneSelf:
		switch {
		case 'a' <= r && r <= 'z', 'A' <= r && r <= 'Z':
			return classWord
		case '0' <= r && r <= '9':
			return classDigit
		case r == ' ', '\t' <= r && r <= '\r':
			return classSpace
		}
		return classOther
	case unicode.In(r, unicode.Han, unicode.Hiragana, unicode.Katakana, unicode.Hangul):
		return classOther
	case unicode.IsLetter(r), unicode.IsMark(r):
		return classWord
	case unicode.IsDigit(r):
		return classDigit
	case unicode.IsSpace(r):
		return classSpace
	}
	return classOther
}

// tokenEnd returns the length of the first token of s in bytes; 0 for "".
func tokenEnd(s string) int {
	r, size := utf8.DecodeRuneInString(s)
	if size == 0 {
		return 0
	}
	at, kind := 0, classOf(r)
	if r == ' ' {
		after, _ := utf8.DecodeRuneInString(s[1:])
		if c := classOf(after); len(s) > 1 && (c == classWord || c == classDigit) {
			at, kind = 1, c
		}
	}
	most := 1
	switch kind {
	case classWord:
		most = maxWordRunes
	case classDigit:
		most = maxDigitRunes
	case classSpace:
		return spaceEnd(s)
	case classOther: // each stands alone
	}
	for range most {
		r, size = utf8.DecodeRuneInString(s[at:])
		if size == 0 || kind != classOther && classOf(r) != kind {
			break
		}
		at += size
	}
	return at
}

// spaceEnd ends a run of white space, but leaves a last ' ' to the word after it.
func spaceEnd(s string) int {
	at, last := 0, 0
	for range maxSpaceRunes {
		r, size := utf8.DecodeRuneInString(s[at:])
		if size == 0 {
			return at
		}
		if c := classOf(r); c != classSpace {
			if (c == classWord || c == classDigit) && last > 0 && s[last] == ' ' {
				return last
			}
			return at
		}
		last = at
		at += size
	}
	return at
}

// countTokens returns the number of tokens of s.
func countTokens(s string) int64 {
	n := int64(0)
	for s != "" {
		s = s[tokenEnd(s):]
		n++
	}
	return n
}

// clipTokens returns the part of s that has at most most tokens, and how many.
func clipTokens(s string, most int64) (string, int64) {
	at, n := 0, int64(0)
	for at < len(s) && n < most {
		at += tokenEnd(s[at:])
		n++
	}
	return s[:at], n
}
