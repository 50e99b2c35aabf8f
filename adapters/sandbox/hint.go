package sandbox

import (
	"regexp"
	"strings"
	"unicode"
)

// hints are the pieces of a user's text that can fill in arguments.
type hints struct {
	text string
	// quoted are pieces between quotation marks.
	quoted []string
	// names are capitalised words ("San Francisco, CA"); without any, what follows
	// a preposition.
	names                       []string
	numbers, emails, urls, days []string
	// words are all words in lower case.
	words map[string]bool
}

// maxHintRunes bounds the part of the text that is searched for hints.
const maxHintRunes = 4000

var (
	quotedText = regexp.MustCompile(`"([^"\n]+)"|“([^”\n]+)”|‘([^’\n]+)’|(?:^|[\s(])'([^'\n]+)'`)
	properName = regexp.MustCompile(`\p{Lu}[\p{L}\p{N}'’-]*(?: +\p{Lu}[\p{L}\p{N}'’-]*)*(?:, \p{Lu}{2}\b)?`)
	afterPlace = regexp.MustCompile(`(?i)(?:^|\s)(?:in|at|for|near|from|to|of|about) +([\p{L}\p{N}-]+)`)
	numberText = regexp.MustCompile(`-?\b\d+(?:\.\d+)?\b`)
	emailText  = regexp.MustCompile(`[\w.+-]+@[\w-]+(?:\.[\w-]+)+`)
	urlText    = regexp.MustCompile(`https?://[^\s"'<>)]+`)
	dayText    = regexp.MustCompile(`\b\d{4}-(?:0[1-9]|1[0-2])-(?:0[1-9]|[12]\d|3[01])\b`)
)

func readHints(text string) *hints {
	h := &hints{text: strings.TrimSpace(clipRunes(text, maxHintRunes)), words: map[string]bool{}}
	for _, m := range quotedText.FindAllStringSubmatch(h.text, -1) {
		h.quoted = append(h.quoted, strings.TrimSpace(m[1]+m[2]+m[3]+m[4]))
	}
	var opening []string // one word at the head of a sentence: capital by rule
	for _, at := range properName.FindAllStringIndex(h.text, -1) {
		name := trimName(h.text[at[0]:at[1]])
		before := strings.TrimRight(h.text[:at[0]], " \n\t\"“'")
		switch {
		case name == "":
		case !strings.Contains(name, " ") && (before == "" || strings.ContainsAny(before[len(before)-1:], ".!?:")):
			opening = append(opening, name)
		default:
			h.names = append(h.names, name)
		}
	}
	h.names = append(h.names, opening...)
	if len(h.names) == 0 {
		for _, m := range afterPlace.FindAllStringSubmatch(h.text, -1) {
			if !silent[strings.ToLower(m[1])] {
				h.names = append(h.names, m[1])
			}
		}
	}
	h.numbers = numberText.FindAllString(h.text, -1)
	h.emails = emailText.FindAllString(h.text, -1)
	for _, u := range urlText.FindAllString(h.text, -1) {
		h.urls = append(h.urls, strings.TrimRight(u, ".,;:!?"))
	}
	h.days = dayText.FindAllString(h.text, -1)
	for _, w := range splitWords(h.text) {
		h.words[w] = true
	}
	return h
}

// trimName takes the words that say nothing off the front of a name ("What's
// Boston" at the head of a sentence) and the possessive off its end.
func trimName(name string) string {
	words := strings.Fields(name)
	for len(words) > 0 {
		first := strings.ToLower(strings.TrimRight(words[0], ","))
		first, _, _ = strings.Cut(strings.ReplaceAll(first, "’", "'"), "'")
		if !silent[first] {
			break
		}
		words = words[1:]
	}
	name = strings.Join(words, " ")
	for _, possessive := range []string{"'s", "’s"} {
		name = strings.TrimSuffix(name, possessive)
	}
	return strings.TrimRight(name, "'’-")
}

// silent are words that tell nothing about which tool or value is meant.
var silent = wordSet(`
	a about all also am an and any are as ask at be been book but by call can could current currently data
	do does each find for from function get getting give given has have hello hey hi how i if in information
	into is it its just let like list look make me my name need now of off ok on one or our out please provide
	return returned returns run set she should show so some tell than thank thanks that the their them then
	there these they this those to tool up us use used useful user uses using value want was we were what when
	where which who whose why will with would yes you your`)

func wordSet(list string) map[string]bool {
	set := map[string]bool{}
	for w := range strings.FieldsSeq(list) {
		set[w] = true
	}
	return set
}

// splitWords are the words of a text or an identifier in lower case, parts of
// snake_case and camelCase apart.
func splitWords(s string) []string {
	var (
		words []string
		word  strings.Builder
		last  rune
	)
	end := func() {
		if word.Len() > 0 {
			words = append(words, word.String())
			word.Reset()
		}
	}
	for _, r := range s {
		switch {
		case !unicode.IsLetter(r) && !unicode.IsDigit(r) && !unicode.IsMark(r):
			end()
		case unicode.IsUpper(r) && unicode.IsLower(last):
			end()
			fallthrough
		default:
			word.WriteRune(unicode.ToLower(r))
		}
		last = r
	}
	end()
	return words
}

// telling are the words of a text that are not silent, in the singular.
func telling(s string) []string {
	var out []string
	for _, w := range splitWords(s) {
		if silent[w] || len(w) < 3 {
			continue
		}
		if len(w) > 3 && strings.HasSuffix(w, "s") && !strings.HasSuffix(w, "ss") {
			w = w[:len(w)-1]
		}
		out = append(out, w)
	}
	return out
}
