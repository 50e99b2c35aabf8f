package adaptertest

import (
	"bytes"
	"embed"
	"encoding/json"
	"fmt"
	"path"
	"regexp"
	"slices"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"

	"github.com/sluice-ai/sluice/adapters"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// requests has, in several files because unions have several forms, every member that
// Sluice's contract knows, and some that it does not, each with a value of its own. A file
// of lines has one request in each: the odd forms, apart from each other because the note
// of one member would cover the loss of another.
//
//go:embed requests
var requests embed.FS

// testSilence holds the adapter to saying what becomes of every member: what a caller
// sends arrives at the provider or is named by a note, and so is what a provider answers.
func (s *suite) testSilence(t *testing.T) {
	f := s.first(opChat)
	if f == nil {
		return
	}
	files, err := requests.ReadDir("requests")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := requests.ReadFile(path.Join("requests", file.Name()))
		if err != nil {
			t.Fatal(err)
		}
		list, name := [][]byte{content}, strings.TrimSuffix(file.Name(), path.Ext(file.Name()))
		if path.Ext(file.Name()) == ".jsonl" {
			list = bytes.Split(bytes.TrimSpace(content), []byte("\n"))
		}
		for i, request := range list {
			for _, mode := range []adapters.Unsupported{adapters.UnsupportedDrop, adapters.UnsupportedPass, adapters.UnsupportedError} {
				t.Run(fmt.Sprintf("%s_%d_%s", name, i+1, mode), func(t *testing.T) { s.testRequestSilence(t, f, request, mode) })
			}
		}
	}
	for _, f := range s.fixtures {
		if (f.Operation == opChat || f.Operation == opStream) && f.failure == nil {
			t.Run("answer_"+f.Name, func(t *testing.T) { s.testAnswerSilence(t, f) })
		}
	}
}

func (s *suite) testRequestSilence(t *testing.T, f *Fixture, request []byte, mode adapters.Unsupported) {
	asked := *f
	asked.request, asked.Header, asked.Query = request, nil, ""
	fake := newFake(t, f.answer)
	var call *adapters.Call
	out := asked.callAs(t.Context(), t, s.provider(t, fake), nil, func(c *adapters.Call) {
		c.Unsupported = mode
		call = c
	})
	value, err := parse(request)
	if err != nil {
		t.Fatal(err)
	}
	if mode == adapters.UnsupportedError && adapters.KindOf(out.err) == adapters.KindUnsupported {
		s.testRefusal(t, f, request, asError(t, out.err))
		return
	}
	if out.err != nil {
		t.Fatalf("the request was refused: %v", out.err)
	}
	got := fake.only(t)
	arrived := scalars(got.body)
	for text := range strings.SplitSeq(got.path, "/") {
		arrived = append(arrived, text)
	}
	for _, values := range got.header {
		arrived = append(arrived, values...)
	}
	for _, l := range leaves("", value) {
		if l.name() == "type" || l.name() == "role" || l.path == "model" || l.empty() {
			continue
		}
		if !l.found(arrived) && !noted(call.Reply.Notes, translate.SideRequest, l) {
			t.Errorf("%s (%s) neither arrived nor was named", l.path, clip(l.text))
		}
	}
}

// testRefusal wants the error to name members of the request.
func (s *suite) testRefusal(t *testing.T, f *Fixture, request []byte, e *adapters.Error) {
	t.Helper()
	param := e.Envelope.GetError().GetParam()
	if param == "" || !strings.Contains(e.Message, param) || !strings.Contains(e.Message, providerName) {
		t.Errorf("the refusal names the member %q: %s", param, e.Message)
	}
	if !e.Unsent || e.Envelope.GetError().GetCodeString() != "unsupported_parameter" {
		t.Errorf("unsent is %t, the code %q", e.Unsent, e.Envelope.GetError().GetCodeString())
	}
	// Without saying so, nothing may be left out that the refusal of one mode names.
	first, _, _ := strings.Cut(param, "[")
	first, _, _ = strings.Cut(first, ".")
	if !bytes.Contains(request, []byte(`"`+first+`"`)) {
		t.Errorf("the refusal names %q, which the request does not have", param)
	}
}

// testAnswerSilence looks for each value of what the provider answered.
func (s *suite) testAnswerSilence(t *testing.T, f *Fixture) {
	fake := newFake(t, f.answer)
	var call *adapters.Call
	out := f.callAs(t.Context(), t, s.provider(t, fake), nil, func(c *adapters.Call) {
		call = c
		if call.Unsupported == adapters.UnsupportedError {
			call.Unsupported = adapters.UnsupportedDrop // it is the answer that is looked at
		}
	})
	if out.err != nil {
		t.Fatal(out.err)
	}
	var arrived []string
	if f.Operation == opChat {
		arrived = scalars(out.message.AppendWireJSON(nil))
	}
	for _, chunk := range out.chunks {
		arrived = append(arrived, scalars(chunk.AppendWireJSON(nil))...)
	}
	for _, document := range f.documents() {
		value, err := parse(document)
		if err != nil {
			continue // "[DONE]" and the like
		}
		for _, l := range leaves("", value) {
			if structural(l) || l.found(arrived) || noted(call.Reply.Notes, translate.SideResponse, l) {
				continue
			}
			t.Errorf("%s (%s) of the provider's answer neither arrived nor was named", l.path, clip(l.text))
		}
	}
}

// structural tells a value that says how the answer is put together, or nothing.
func structural(l leaf) bool {
	switch l.name() {
	case "type", "index", "role", "object":
		return true
	}
	return slices.Contains([]string{"", "0", "0.0", "false", "true", "null", "{}", "[]"}, l.text)
}

// documents returns the JSON documents of a recorded answer: its body, or the data of its
// events.
func (f *Fixture) documents() [][]byte {
	if isBinaryStream(f.header) {
		return f.payloads()
	}
	if !isEventStream(f.header) {
		return [][]byte{f.body}
	}
	var out [][]byte
	for line := range bytes.SplitSeq(bytes.ReplaceAll(f.body, []byte("\r"), []byte("\n")), []byte("\n")) {
		if data, ok := bytes.CutPrefix(line, []byte("data:")); ok {
			out = append(out, bytes.TrimSpace(data))
		}
	}
	return out
}

// leaf is a value that is neither object nor array, or an empty one.
type leaf struct{ path, text string }

func (l leaf) name() string {
	name := l.path[strings.LastIndexByte(l.path, '.')+1:]
	name, _, _ = strings.Cut(name, "[")
	return name
}

// empty tells a value that says what leaving it out says.
func (l leaf) empty() bool { return l.text == "null" || l.text == "[]" }

// bare tells a value that says something together with its name alone.
func (l leaf) bare() bool {
	switch l.text {
	case "true", "false", "null", "{}", "[]":
		return true
	}
	return false
}

// found tells whether the value is among those that arrived. A text may have become part
// of another.
func (l leaf) found(arrived []string) bool {
	if l.bare() {
		return slices.Contains(arrived, l.name()+"="+l.text)
	}
	return slices.ContainsFunc(arrived, func(a string) bool {
		return a == l.text || len(l.text) > 3 && strings.Contains(a, l.text) || sameNumbers(a, l.text)
	})
}

func sameNumbers(a, b string) bool {
	return json.Valid([]byte(a)) && json.Valid([]byte(b)) && a != "" && strings.ContainsAny(a[:1], "-0123456789") &&
		strings.ContainsAny(b[:1], "-0123456789") && sameNumber(a, b)
}

// leaves returns the values of a document, with their paths.
func leaves(at string, value any) []leaf {
	var out []leaf
	switch v := value.(type) {
	case map[string]any:
		for name, member := range v {
			out = append(out, leaves(translate.Path(at, name), member)...)
		}
		if len(v) == 0 {
			out = append(out, leaf{at, "{}"})
		}
	case []any:
		for i, item := range v {
			out = append(out, leaves(translate.Item(at, i), item)...)
		}
		if len(v) == 0 {
			out = append(out, leaf{at, "[]"})
		}
	case nil:
		out = append(out, leaf{at, "null"})
	default:
		out = append(out, leaf{at, fmt.Sprint(v)})
	}
	return out
}

// scalars returns the texts of all values of a document, those of JSON within texts
// included. A bare one has its name before it.
func scalars(document []byte) []string {
	value, err := parse(document)
	if err != nil {
		return []string{string(document)}
	}
	var out []string
	for _, l := range leaves("", value) {
		if l.bare() {
			out = append(out, l.name()+"="+l.text)
			continue
		}
		out = append(out, l.text)
		if strings.HasPrefix(l.text, "{") && json.Valid([]byte(l.text)) {
			out = append(out, scalars([]byte(l.text))...)
		}
	}
	return out
}

var indices = regexp.MustCompile(`\[\d+\]`)

// noted tells whether a note says why a value did not arrive: one about the value or the
// object or list that it stands in directly, or one that anything which holds it was
// dropped. What only changed its name or was handed on has to arrive; a bare value does so
// under another name.
func noted(notes []*sluicev1.TranslationNote, side string, l leaf) bool {
	general := leaf{indices.ReplaceAllString(l.path, "[]"), l.text}
	return slices.ContainsFunc(notes, func(n *sluicev1.TranslationNote) bool {
		name := n.GetMember()
		switch {
		case n.GetSide() != side || n.GetFate() == translate.FatePassed:
			return false
		case n.GetFate() == translate.FateDropped, n.GetFate() == translate.FateRenamed && l.bare():
			return below(l.path, name) || below(general.path, name)
		case n.GetFate() == translate.FateRenamed:
			return false
		}
		return l.path == name || l.holder() == name || general.path == name || general.holder() == name
	})
}

// holder is the path of what the value stands in.
func (l leaf) holder() string { return l.path[:max(strings.LastIndexAny(l.path, ".["), 0)] }

// below tells whether a path is the other or lies below it.
func below(member, of string) bool {
	rest, ok := strings.CutPrefix(member, of)
	return ok && (rest == "" || rest[0] == '.' || rest[0] == '[')
}
