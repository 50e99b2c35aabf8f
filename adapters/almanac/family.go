package almanac

import "strings"

// Kinds of providers whose ids have a form of their own.
const (
	bedrock = "bedrock"
	vertex  = "vertex"
)

// relatives goes from an id to those of its relatives of which the same holds, from the
// nearest to the farthest:
//
//	ft:gpt-4o-mini:acme:tone:Bx1              gpt-4o-mini, at another price
//	gpt-4o-2024-08-06, claude-opus-4-5-20251101, mistral-large-latest,
//	gemini-2.5-flash-001, gemini-2.5-flash-preview-05-20, grok-4-0709
//	                                          the id without that
//	claude-sonnet-4-5@20250929                the same at vertex
//	publishers/google/models/gemini-2.5-pro   what follows models/
//	openai/gpt-oss-120b:free                  the id without the variant, at another price
//	us.anthropic.claude-sonnet-4-5-20250929-v1:0, and the ARN of a model or inference
//	profile                                   anthropic.claude-sonnet-4-5 at bedrock
//
// It never goes from one model to another: gpt-4-32k is none of gpt-4's.
type relatives struct {
	kind, id string
	// repriced says that id may have another price than the one that was asked for.
	repriced bool
	// inside says that what stands around the id was taken off.
	inside bool
}

// next goes on to the next relative. It reports whether there is one.
func (r *relatives) next() bool {
	if !r.inside {
		r.inside = true
		before := r.id
		r.unwrap()
		if r.id != before {
			return r.id != ""
		}
	}
	id, repriced, ok := r.shorter()
	if !ok || id == "" {
		return false
	}
	r.id, r.repriced = id, r.repriced || repriced
	return true
}

// unwrap takes off what stands around an id.
func (r *relatives) unwrap() {
	if base, ok := strings.CutPrefix(r.id, "ft:"); ok {
		r.id, _, _ = strings.Cut(base, ":")
		r.repriced = true
		return
	}
	switch r.kind {
	case bedrock:
		if strings.HasPrefix(r.id, "arn:") {
			r.id = r.id[strings.LastIndexByte(r.id, '/')+1:]
		}
		if area, model, ok := strings.Cut(r.id, "."); ok && isArea(area) {
			r.id = model
		}
	default:
		const folder = "models/"
		if i := strings.LastIndex(r.id, folder); i == 0 || i > 0 && r.id[i-1] == '/' {
			r.id = r.id[i+len(folder):]
		}
	}
}

// isArea tells whether that is where an inference profile of Bedrock sends its calls.
func isArea(text string) bool {
	switch text {
	case "us", "eu", "apac", "global", "jp", "au", "ca", "sa", "us-gov":
		return true
	}
	return false
}

// shorter returns the id without the last thing that says which of several alike ones it
// is. ok is false when there is none.
func (r *relatives) shorter() (id string, repriced, ok bool) {
	id = r.id
	if i := strings.LastIndexByte(id, ':'); i > 0 {
		// At Bedrock the second half of a version, or a size of the window.
		return id[:i], r.kind != bedrock, true
	}
	if i := strings.LastIndexByte(id, '@'); i > 0 && r.kind == vertex {
		return id[:i], false, true
	}
	i := strings.LastIndexByte(id, '-')
	if i <= 0 {
		return "", false, false
	}
	head, tail := id[:i], id[i+1:]
	if r.kind == bedrock && len(tail) > 1 && tail[0] == 'v' && digits(tail[1:]) {
		return head, false, true
	}
	switch {
	case tail == "latest" || tail == "preview":
		return head, false, true
	case !digits(tail):
		return "", false, false
	case len(tail) == 8 && isDate(tail[:4], tail[4:6], tail[6:]): // 20250929
		return head, false, true
	case len(tail) == 3 && tail[0] == '0': // 001
		return head, false, true
	case len(tail) == 4 && isDay(tail[:2], tail[2:]): // 0709
		return head, false, true
	case len(tail) == 4 && tail >= "2020" && tail < "2100": // 09-2025
		if j := strings.LastIndexByte(head, '-'); j > 0 && isDay(head[j+1:], "01") {
			return head[:j], false, true
		}
	case len(tail) == 2: // 2024-08-06, 05-20
		j := strings.LastIndexByte(head, '-')
		if j <= 0 || !isDay(head[j+1:], tail) {
			return "", false, false
		}
		if k := strings.LastIndexByte(head[:j], '-'); k > 0 && isDate(head[k+1:j], head[j+1:], tail) {
			return head[:k], false, true
		}
		// Without a year only behind "preview": claude-opus-4-10 is a version.
		if strings.HasSuffix(head[:j], "-preview") {
			return head[:j], false, true
		}
	}
	return "", false, false
}

func digits(text string) bool {
	for i := range len(text) {
		if text[i] < '0' || text[i] > '9' {
			return false
		}
	}
	return text != ""
}

// isDay tells whether that is a month and a day, of two digits each.
func isDay(month, day string) bool {
	return len(month) == 2 && len(day) == 2 && digits(month) && digits(day) &&
		month >= "01" && month <= "12" && day >= "01" && day <= "31"
}

func isDate(year, month, day string) bool {
	return len(year) == 4 && digits(year) && year >= "2020" && year < "2100" && isDay(month, day)
}
