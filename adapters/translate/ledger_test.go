package translate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/adapters"
)

func TestRefusal_names_some_members_and_counts_the_others(t *testing.T) {
	call := &adapters.Call{Model: "m"}
	l := Request(call)
	for range 2 { // the same member is refused once
		for i := range 1000 {
			if l.Unsupported(Item("messages", i)+".name", "there are no names") {
				t.Fatal("the member is to be passed")
			}
		}
	}
	err := l.Refusal("p", "its API")
	if err == nil || !strings.Contains(err.Error(), `"messages[7].name" (there are no names) and `) || strings.Contains(err.Error(), "messages[8]") {
		t.Errorf("%v", err)
	}
	if len(l.refused) != maxNotes {
		t.Errorf("%d refusals are remembered", len(l.refused))
	}
	if len(call.Reply.Notes) != 0 {
		t.Errorf("%d notes of what was refused", len(call.Reply.Notes))
	}
}

func TestNotes_are_kept_once_and_bounded(t *testing.T) {
	call := &adapters.Call{}
	l := Request(call)
	for range 3 {
		l.Renamed("a", "b")
		l.Dropped("a", "why")
	}
	if len(call.Reply.Notes) != 2 {
		t.Errorf("%d notes, want 2", len(call.Reply.Notes))
	}
	for i := range 2 * maxNotes {
		l.Passed(fmt.Sprint(i))
	}
	last := call.Reply.Notes[len(call.Reply.Notes)-1]
	if len(call.Reply.Notes) != maxNotes+1 || last.GetMember() != "..." || last.GetWhy() != "more notes were left out" {
		t.Errorf("%d notes, the last is %v", len(call.Reply.Notes), last)
	}
}

func TestRequest_forgets_what_an_earlier_try_noted(t *testing.T) {
	call := &adapters.Call{}
	Request(call).Passed("a")
	Request(call).Passed("b")
	Response(call).Passed("c")
	if len(call.Reply.Notes) != 2 || call.Reply.Notes[0].GetMember() != "b" || call.Reply.Notes[1].GetSide() != SideResponse {
		t.Errorf("%v", call.Reply.Notes)
	}
}

func TestUnsupported_does_what_the_call_says(t *testing.T) {
	for mode, want := range map[adapters.Unsupported]struct {
		fate    string
		pass    bool
		refused bool
	}{
		adapters.UnsupportedDrop:  {fate: FateDropped},
		adapters.UnsupportedPass:  {fate: FatePassed, pass: true},
		adapters.UnsupportedError: {refused: true},
	} {
		call := &adapters.Call{Unsupported: mode}
		l := Request(call)
		fate := ""
		if pass := l.Unsupported("seed", "it has no seed"); pass != want.pass {
			t.Errorf("%s: pass is %t", mode, pass)
		}
		if len(call.Reply.Notes) > 0 {
			fate = call.Reply.Notes[0].GetFate()
		}
		if fate != want.fate || (l.Refusal("p", "it") != nil) != want.refused {
			t.Errorf("%s: %q, %v", mode, fate, l.Refusal("p", "it"))
		}
	}
}

func TestHandOn_keeps_the_first_of_a_name_and_says_so(t *testing.T) {
	call := &adapters.Call{}
	l := Response(call)
	got := l.HandOn("b", []byte(`{"x":1}`), []byte(`{"$absent":["type"],"x":2,"y":3}`))
	if string(got) != `{"x":1,"y":3}` {
		t.Errorf("%s", got)
	}
	notes := call.Reply.Notes
	if len(notes) != 2 || notes[0].GetMember() != "b.x" || notes[0].GetFate() != FateDropped || notes[1].GetMember() != "b.y" || notes[1].GetFate() != FatePassed {
		t.Errorf("%v", notes)
	}
	if got := l.HandOn("b", nil, nil); got != nil {
		t.Errorf("%s out of nothing", got)
	}
}

// Source: RFC 2397 and its examples.
func TestDataURL_is_parted(t *testing.T) {
	for url, want := range map[string][2]string{
		"data:image/png;base64,iVBO":                {"image/png", "iVBO"},
		"DATA:image/JPG;base64,/9j/":                {"image/jpeg", "/9j/"},
		"data:text/plain;charset=utf-8;base64,SGk=": {"text/plain", "SGk="},
		"data:,A%20brief%20note":                    {"text/plain", "QSBicmllZiBub3Rl"},
	} {
		if media, data, ok := DataURL(url); !ok || media != want[0] || data != want[1] {
			t.Errorf("%s: %s, %s, %t", url, media, data, ok)
		}
	}
	for _, url := range []string{"", "data:", "https://example.com/a.png", "data:image/png;base64", "data:,%zz", "data:png;base64,iVBO", "data:a b/c;base64,iVBO"} {
		if _, _, ok := DataURL(url); ok {
			t.Errorf("%s was taken", url)
		}
	}
}

func TestDescribeSchema_adds_to_what_has_no_description(t *testing.T) {
	for _, c := range []struct{ schema, want string }{
		{`{"type":"object"}`, `{"description":"d\"","type":"object"}`},
		{` { } `, `{"description":"d\"" }`},
		{`{"description":null}`, ""},
		{`{"$ref":"#/$defs/a"}`, ""},
		{`[]`, ""},
		{``, ""},
		{`true`, ""},
	} {
		got, ok := DescribeSchema([]byte(c.schema), `d"`)
		if string(got) != c.want || ok != (c.want != "") {
			t.Errorf("%s: %s, %t", c.schema, got, ok)
		}
	}
}

func TestAlone_takes_one_element_out(t *testing.T) {
	for _, c := range []struct{ document, want string }{
		{` {"a":1} `, `{"a":1}`},
		{`[{"a":1}]`, `{"a":1}`},
		{`[1,2]`, ""},
		{`[]`, ""},
		{`[`, ""},
		{``, ""},
		{`text`, "text"},
	} {
		if got := Alone([]byte(c.document)); string(got) != c.want {
			t.Errorf("%s: %s", c.document, got)
		}
	}
}
