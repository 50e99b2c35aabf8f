package upstream

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"unicode"
	"unicode/utf8"
)

// maxMessageRunes bounds what is quoted of an error body that is no envelope.
const maxMessageRunes = 500

// describe says in one line what an error body that is no envelope says.
func describe(status int, body []byte, contentType string) string {
	answered := "the provider answered"
	if status != 0 {
		answered = fmt.Sprintf("the provider answered status %d", status)
	}
	body = bytes.TrimSpace(body)
	switch {
	case len(body) == 0:
		return answered + " without a body"
	case looksHTML(body, contentType):
		return answered + " with an HTML page"
	}
	text := oneLine(jsonMessage(body))
	if text == "" {
		text = oneLine(string(body))
	}
	if text == "" {
		return answered + " without a readable body"
	}
	return text
}

// jsonMessage finds the message in the JSON that common servers answer errors
// with: {"error": "..."}, {"message": "..."}, and FastAPI's {"detail": "..."} or
// {"detail": [{"loc": [...], "msg": "..."}]}. It returns "" for anything else.
func jsonMessage(body []byte) string {
	var known struct {
		Error   json.RawMessage `json:"error"`
		Message json.RawMessage `json:"message"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(body, &known) != nil {
		var text string
		if json.Unmarshal(body, &text) == nil {
			return text
		}
		return ""
	}
	for _, member := range []json.RawMessage{known.Message, known.Error, known.Detail} {
		var text string
		if json.Unmarshal(member, &text) == nil && text != "" {
			return text
		}
		var object struct {
			Message string `json:"message"`
		}
		if json.Unmarshal(member, &object) == nil && object.Message != "" {
			return object.Message
		}
	}
	// FastAPI repeats the input beside each finding: only its place and words are
	// taken.
	var findings []struct {
		Location []any  `json:"loc"`
		Message  string `json:"msg"`
	}
	if json.Unmarshal(known.Detail, &findings) != nil {
		return ""
	}
	var lines []string
	for _, f := range findings {
		var place []string
		for _, step := range f.Location {
			place = append(place, fmt.Sprint(step))
		}
		lines = append(lines, strings.Join(place, ".")+": "+f.Message)
	}
	return strings.Join(lines, "; ")
}

func looksHTML(body []byte, contentType string) bool {
	return strings.Contains(strings.ToLower(contentType), "html") || bytes.HasPrefix(bytes.TrimSpace(body), []byte("<"))
}

// oneLine makes a text fit for a message: valid, printable, short.
func oneLine(text string) string {
	var out strings.Builder
	runes, space := 0, false
	for _, r := range text {
		if r == utf8.RuneError || unicode.IsSpace(r) || !unicode.IsPrint(r) {
			space = out.Len() > 0
			continue
		}
		if runes++; runes > maxMessageRunes {
			return out.String() + "…"
		}
		if space {
			out.WriteByte(' ')
			space = false
		}
		out.WriteRune(r)
	}
	return out.String()
}
