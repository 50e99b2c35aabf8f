package edge

import (
	"strings"
	"unicode/utf8"
)

// maxNameBytes bounds what an error shows of a member's name.
const maxNameBytes = 64

// jsonFailure says where and why protobuf's JSON decoder refused a request. The decoder
// quotes what it did not expect, which may be the prompt: of its text only what is
// known to hold no value is told. Its words are not promised, so what is not known is
// told as its place alone.
func jsonFailure(err error) string {
	// The package varies the space behind its name, so that nobody relies on the text.
	text := strings.TrimSpace(strings.ReplaceAll(strings.TrimPrefix(err.Error(), "proto:"), "\u00a0", " "))
	text = strings.TrimPrefix(text, "syntax error ")
	place, why := "", text
	if end := strings.IndexByte(text, ')'); end > 0 && isPlace(text[:end+1]) {
		place, why = text[:end+1], strings.TrimPrefix(strings.TrimSpace(text[end+1:]), ": ")
	}
	why = strings.TrimSpace(strings.TrimPrefix(why, ":"))
	told := "it does not read"
	for _, known := range jsonFailures {
		rest, ok := strings.CutPrefix(why, known.begins)
		if !ok {
			continue
		}
		told = known.begins
		if known.told != nil {
			told += known.told(rest)
		}
		break
	}
	told = strings.TrimRight(told, " ")
	if place == "" {
		return told
	}
	return place + ": " + told
}

// isPlace tells whether text is "(line 1:2)" with any digits.
func isPlace(text string) bool {
	digits, ok := strings.CutPrefix(text, "(line ")
	return ok && len(digits) < 32 && strings.Trim(digits, "0123456789:") == ")"
}

// jsonFailures are the beginnings of what google.golang.org/protobuf says, and what of the
// rest of each is told. Source: its v1.36, encoding/protojson/decode.go and
// internal/encoding/json/decode*.go.
var jsonFailures = []struct {
	begins string
	// told returns what is shown of what follows. Nil: nothing is.
	told func(rest string) string
}{
	{begins: "unexpected token"},
	{begins: "unexpected EOF"},
	{begins: "unexpected character", told: func(rest string) string {
		if strings.HasSuffix(rest, `missing ":" after field name`) {
			return `, missing ":" after field name`
		}
		return ""
	}},
	{begins: "unknown field ", told: quotedName},
	{begins: "duplicate field ", told: quotedName},
	{begins: "duplicate map key"},
	{begins: "error parsing ", told: func(rest string) string {
		name := quotedName(rest)
		if _, group, ok := strings.Cut(rest, ", oneof "); ok && strings.HasSuffix(group, " is already set") {
			return name + ", another member of its kind is already set"
		}
		return name
	}},
	// "invalid value for string field user: ..": kind and name are the contract's own.
	{begins: "invalid value for ", told: func(rest string) string {
		what, _, _ := strings.Cut(rest, ":")
		if strings.Trim(what, ownName) != "" {
			return "a field"
		}
		return visible(what, 2*maxNameBytes)
	}},
	{begins: "invalid value"},
	{begins: "invalid UTF-8 in string"},
	{begins: "invalid character", told: inString},
	{begins: "invalid escape code", told: inString},
	{begins: "exceeded max recursion depth"},
}

// ownName are the characters of the names of the contract.
const ownName = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_ "

func inString(rest string) string {
	if strings.HasSuffix(rest, " at start of string") {
		return " at the start of a string"
	}
	return " in a string"
}

// quotedName is the member's name that a text begins with, as the decoder shows it: as JSON
// that the caller wrote.
func quotedName(text string) string {
	if !strings.HasPrefix(text, `"`) {
		return ""
	}
	name := text[1:]
	for i := 0; i < len(name); i++ {
		if name[i] == '\\' {
			i++
		} else if name[i] == '"' {
			name = name[:i]
			break
		}
	}
	if !utf8.ValidString(name) {
		return "of an odd name"
	}
	return `"` + visible(name, maxNameBytes) + `"`
}
