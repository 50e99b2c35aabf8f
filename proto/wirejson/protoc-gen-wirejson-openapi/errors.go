package main

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"google.golang.org/protobuf/compiler/protogen"
)

func headerComponents() object {
	var out object
	for _, h := range headers {
		out = append(out, member{h.component, object{{"description", h.description}, {"schema", h.schema}}})
	}
	return out
}

func headerRefs(failed bool) object {
	var out object
	for _, h := range headers {
		if failed || !h.errorsOnly {
			out = append(out, member{h.name, refTo("headers", h.component)})
		}
	}
	return out
}

func errorResponseName(code string) string {
	if code == "default" {
		return "ErrorOther"
	}
	return "Error" + code
}

// errorResponses are the responses that operations share. Each says which reasons
// come with its status, as the comments of the reasons have it.
func (b *builder) errorResponses() object {
	answer := func(text string) object {
		return object{
			{"description", text},
			{"headers", headerRefs(true)},
			{"content", object{{"application/json", object{{"schema", b.schemaOf(b.envelope, response)}}}}},
		}
	}
	var out object
	for _, s := range errorStatuses {
		var names []string
		for _, value := range b.reason.Values {
			if reasonHasStatus(comment(value.Comments), s.code) {
				names = append(names, "`"+b.reasonName(value)+"`")
			}
		}
		text := s.text
		if len(names) > 0 {
			text += " Reasons: " + strings.Join(names, ", ") + "."
		}
		out = append(out, member{errorResponseName(fmt.Sprint(s.code)), answer(text)})
	}
	return append(out, member{errorResponseName("default"), answer("Any other status that a provider answers with; 529 is an overloaded provider's.")})
}

// reasonName is the value as the header carries it: model_not_found.
func (b *builder) reasonName(value *protogen.EnumValue) string {
	prefix := "ERROR_REASON_"
	return strings.ToLower(strings.TrimPrefix(string(value.Desc.Name()), prefix))
}

var (
	httpSentence = regexp.MustCompile(`HTTP ([^.]*)\.`)
	statusRange  = regexp.MustCompile(`(\d{3})(?: to (\d{3}))?`)
)

// reasonHasStatus reads "HTTP 503, 529." and "HTTP 500 to 599, else 502.".
func reasonHasStatus(text string, code int) bool {
	for _, sentence := range httpSentence.FindAllStringSubmatch(text, -1) {
		for _, match := range statusRange.FindAllStringSubmatch(sentence[1], -1) {
			first, _ := strconv.Atoi(match[1]) // three digits
			last := first
			if match[2] != "" {
				last, _ = strconv.Atoi(match[2])
			}
			if first <= code && code <= last {
				return true
			}
		}
	}
	return false
}

// reasons is the schema of the header's value: each reason with its meaning.
func (b *builder) reasons() object {
	var values []object
	for _, value := range b.reason.Values {
		if value.Desc.Number() == 0 {
			continue // no answer carries the zero value
		}
		values = append(values, described(object{{"const", b.reasonName(value)}}, comment(value.Comments)))
	}
	return described(object{{"type", "string"}, {"oneOf", values}}, comment(b.reason.Comments))
}
