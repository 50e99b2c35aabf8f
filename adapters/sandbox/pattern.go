package sandbox

import (
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// The bounds of what is tried for a pattern.
const (
	maxPatternBytes = 2000
	maxPatternTries = 64
	maxPatternRunes = 10_000
)

// matching returns a text of least to most characters that matches the pattern: a
// piece of the user's text when one does, else the plainest that the pattern
// allows. False when the pattern is not one of Go's (look-ahead, back references)
// or no such text was found with the effort there is.
func matching(pattern string, h *hints, least, most int64, e *effort) (string, bool) {
	// Compiling costs about a microsecond per byte.
	if e.spend(16 * len(pattern)); len(pattern) > maxPatternBytes || e.spent() {
		return "", false
	}
	re, err := regexp.Compile(pattern)
	if err != nil {
		return "", false
	}
	tree, err := syntax.Parse(pattern, syntax.Perl)
	if err != nil {
		return "", false
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return "", false
	}
	fits := func(s string) bool {
		// At worst each character meets each instruction.
		if e.spend(1 + len(s)*len(program.Inst)/64); e.spent() {
			return false
		}
		n := int64(utf8.RuneCountInString(s))
		return least <= n && n <= most && re.MatchString(s)
	}
	for _, said := range [][]string{h.quoted, h.names, h.emails, h.urls, h.days, h.numbers, strings.Fields(h.text)} {
		for _, s := range said {
			if fits(s) {
				return s, true
			}
			if s = strings.Trim(s, ".,;:!?()\"'"); fits(s) {
				return s, true
			}
		}
	}
	for extra := range maxPatternTries {
		if e.spent() {
			break
		}
		g := plainest{extra: extra, left: maxPatternRunes}
		if g.write(tree); fits(g.out.String()) {
			return g.out.String(), true
		}
	}
	return "", false
}

// plainest writes the plainest text of a pattern.
type plainest struct {
	out strings.Builder
	// extra is how often what may repeat is repeated beyond its least number.
	extra int
	// left is how many characters may still be written.
	left int
}

func (g *plainest) write(re *syntax.Regexp) {
	switch re.Op {
	case syntax.OpLiteral:
		for _, r := range re.Rune {
			g.put(r)
		}
	case syntax.OpCharClass:
		g.put(plainRune(re.Rune))
	case syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		g.put('a')
	case syntax.OpCapture:
		g.write(re.Sub[0])
	case syntax.OpStar:
		g.repeat(re.Sub[0], g.extra)
	case syntax.OpPlus:
		g.repeat(re.Sub[0], 1+g.extra)
	case syntax.OpQuest:
		g.repeat(re.Sub[0], min(1, g.extra))
	case syntax.OpRepeat:
		n := re.Min + g.extra
		if re.Max >= 0 {
			n = min(n, re.Max)
		}
		g.repeat(re.Sub[0], n)
	case syntax.OpConcat:
		for _, sub := range re.Sub {
			g.write(sub)
		}
	case syntax.OpAlternate:
		g.write(re.Sub[0])
	default: // what matches between characters, or nothing
	}
}

func (g *plainest) repeat(re *syntax.Regexp, n int) {
	for range n {
		if g.left <= 0 {
			return
		}
		g.write(re)
	}
}

func (g *plainest) put(r rune) {
	if g.left > 0 {
		g.out.WriteRune(r)
		g.left--
	}
}

// plainRune picks a character of a class, which is pairs of first and last: a
// letter or digit when it has one.
func plainRune(class []rune) rune {
	for _, span := range [...][2]rune{{'a', 'z'}, {'A', 'Z'}, {'0', '9'}, {'!', '~'}, {' ', ' '}} {
		for i := 0; i+1 < len(class); i += 2 {
			if first := max(class[i], span[0]); first <= min(class[i+1], span[1]) {
				return first
			}
		}
	}
	if len(class) > 0 {
		return class[0]
	}
	return 'a'
}
