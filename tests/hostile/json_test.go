package hostile

import (
	"strings"
	"testing"
	"time"

	"github.com/sluice-ai/sluice/tests/harness"
)

// document is a body of JSON and its stated treatment: docs/adr/0002 and the comments of
// proto/wirejson.
type document struct {
	name string
	body string
	// refused: 400, and the message says this. Empty: it passes.
	refused string
	// sent must stand in the provider's copy, as it does here.
	sent string
}

// TestJSON_has_a_stated_treatment. tests/badinput holds: broken syntax of every kind, two
// documents, a known member twice, invalid UTF-8 in known and unknown members, encoded
// surrogates, depth in arrays, objects, schemas and unknown roles, wrong types.
func TestJSON_has_a_stated_treatment(t *testing.T) {
	with := func(members string) string {
		return `{"model":"m","messages":[{"role":"user","content":"x"}]` + members + `}`
	}
	text := func(content string) string {
		return `{"model":"m","messages":[{"role":"user","content":"` + content + `"}]}`
	}
	long := strings.Repeat("9", 4000)
	g := open(t)
	for _, c := range []document{
		{name: "depth below the limit", body: with(`,"x":` + nested("[", "", "]", 90)), sent: nested("[", "", "]", 90)},
		{name: "depth of 2,000", body: with(`,"x":` + nested("[", "", "]", 2000)), refused: "deep"},
		{name: "depth in metadata", body: with(`,"metadata":{"a":` + nested("[", "", "]", 20_000) + `}`), refused: "(byte "},
		{name: "depth that alternates", body: with(`,"x":` + nested(`[{"a":`, "1", "}]", 5_000)), refused: "deep"},
		{name: "a number of 4,000 digits where nobody looks", body: with(`,"x":` + long), sent: `"x":` + long},
		{name: "a number of 4,000 digits for a count", body: with(`,"max_completion_tokens":` + long)},
		{name: "a number below every float", body: with(`,"x":1e-400`), sent: `"x":1e-400`},
		{name: "a number beyond every float where nobody looks", body: with(`,"x":1e999999999`), sent: `"x":1e999999999`},
		{name: "a number beyond every float as the temperature", body: with(`,"temperature":1e999`)},
		{name: "a seed of more than 64 bits", body: with(`,"seed":99999999999999999999`), sent: "99999999999999999999"},
		{name: "a seed of 2^53 + 1", body: with(`,"seed":9007199254740993`), sent: `"seed":9007199254740993`},
		{name: "minus nothing", body: with(`,"x":-0`), sent: `"x":-0`},
		{name: "an encoded NUL in a text", body: text(`a\u0000b`), sent: `a\u0000b`},
		{name: "a raw NUL in a text", body: text("a\x00b"), refused: "(byte "},
		{name: "a raw NUL between members", body: `{"model":"m",` + "\x00" + `"messages":[]}`, refused: "(byte "},
		{name: "a NUL behind", body: goodRequest + "\x00", refused: "(byte "},
		{name: "a raw escape in a text", body: text("a\x1b[31m"), refused: "(byte "},
		{name: "a lone high surrogate", body: text(`a\ud800b`), refused: "surrogate"},
		{name: "a lone low surrogate", body: text(`a\udc00b`), refused: "surrogate"},
		{name: "surrogates the wrong way round", body: text(`\udc00\ud800`), refused: "surrogate"},
		{name: "a surrogate and no other", body: text(`\ud83d\u0041`), refused: "surrogate"},
		{name: "a pair of surrogates", body: text(`\ud83d\ude00`), sent: "\U0001F600"},
		{name: "a lone surrogate where nobody looks", body: with(`,"x":"\ud800"`), sent: `"x":"\ud800"`},
		{name: "a known member twice where nobody looks", body: with(`,"x":{"a":1,"a":2}`), sent: `{"a":1,"a":2}`},
		{name: "a known member twice by an escape", body: `{"model":"m","m\u006fdel":"other","messages":[{"role":"user","content":"x"}]}`, refused: "duplicate"},
		{name: "the stream twice", body: with(`,"stream":false,"stream":true`), refused: "duplicate"},
		{name: "a role twice", body: `{"model":"m","messages":[{"role":"user","role":"system","content":"x"}]}`, refused: "duplicate"},
		{name: "a known member in capitals is another one", body: with(`,"MODEL":"other"`), sent: `"MODEL":"other"`},
		{name: "a known member of full width is another one", body: with(`,"ｍodel":"other"`), sent: `"ｍodel":"other"`},
		{name: "a byte order mark", body: "\xef\xbb\xbf" + goodRequest, refused: "(byte "},
		{name: "UTF-16", body: "\xff\xfe" + strings.Join(strings.Split(goodRequest, ""), "\x00"), refused: "(byte "},
		{name: "UTF-7", body: "+AHs-+AH0-", refused: "(byte "},
		{name: "a comment", body: "/* x */" + goodRequest, refused: "(byte "},
		{name: "overlong UTF-8", body: text("\xc0\x80"), refused: "UTF-8"},
		{name: "UTF-8 beyond the last character", body: text("\xf4\x90\x80\x80"), refused: "UTF-8"},
		{name: "10,000 unknown members", body: with(strings.Repeat(`,"a":1`, 1) + members(6_000)), sent: `"k5999":1`},
		{name: "a name of 60,000 bytes", body: with(`,"` + fill(60_000) + `":1`), sent: fill(60_000)},
		{name: "20,000 empty messages", body: `{"model":"m","messages":[` + strings.TrimSuffix(strings.Repeat("{},", 20_000), ",") + `]}`},
		{name: "the prototype of JavaScript", body: with(`,"__proto__":{"admin":true}`), sent: `"__proto__":{"admin":true}`},
		{name: "our own marks", body: with(`,"$absent":["model"]`), sent: `"$absent":["model"]`},
	} {
		run(t, c.name, func(t *testing.T) { g.document(t, c) })
	}
}

func members(n int) string {
	var s strings.Builder
	for i := range n {
		s.WriteString(`,"k`)
		s.WriteString(strings.TrimLeft(string([]byte{byte('0' + i/1000%10), byte('0' + i/100%10), byte('0' + i/10%10), byte('0' + i%10)}), "-"))
		s.WriteString(`":1`)
	}
	return s.String()
}

func (g *gate) document(t *testing.T, c document) {
	t.Helper()
	g.up.Answer(harness.JSON(200, goodAnswer))
	w := dial(t, g.HTTP)
	start := time.Now()
	w.send(post("", c.body))
	a, err := w.answer("POST")
	if err != nil {
		t.Fatal(err)
	}
	within(t, "the answer", time.Since(start), soon)
	want := wireCase{status: 200, shape: success, fate: kept}
	if c.refused != "" {
		want = wireCase{status: 400, shape: envelope, reason: "invalid_request", says: c.refused, fate: kept}
	}
	checkAnswer(t, want, a)
	w.checkFate(t, want)
	if c.refused != "" {
		if n := len(g.up.Requests()); n != 0 {
			t.Errorf("%d calls of what was refused", n)
		}
	} else if sent := string(g.up.Only(t).Body); !strings.Contains(sent, c.sent) {
		t.Errorf("the provider's copy lacks %.200q: %.500q", c.sent, sent)
	}
	_ = w.Close()
	g.healthy(t, g.REST())
}
