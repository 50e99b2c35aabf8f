// Package lossless holds what gateways get wrong on OpenAI's wire, one test per line of
// the list, numbered as there. The bytes are recorded on both sides of a Sluice that has
// one OpenAI-compatible upstream and nothing else.
package lossless

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/tests/harness"
)

const (
	upstreamKey = "sk-upstream-1234567890"
	callerKey   = "sk-caller-0987654321"
)

// wire is a Sluice between a client and an upstream.
type wire struct {
	*harness.Server

	up *harness.Upstream
}

func open(t *testing.T) wire { t.Helper(); return openWith(t, "", "") }

// openPatient has no breaker, for tests in which more calls fail than one puts up with.
func openPatient(t *testing.T) wire { t.Helper(); return openWith(t, "", "breaker: {enabled: false}") }

// openWith adds lines to the provider's entry of the configuration, and to the whole.
func openWith(t *testing.T, provider, more string) wire {
	t.Helper()
	up := harness.NewUpstream(t)
	return wire{up: up, Server: harness.Start(t, fmt.Sprintf(`
providers:
  - name: openai
    kind: openai
    base_url: %s
    api_keys: [%s]
%s
routing: {default_provider: openai}
%s
`, up.URL, upstreamKey, provider, more))}
}

// reply is an answer as it came over the wire.
type reply struct {
	status int
	header http.Header
	body   []byte
}

func (r reply) String() string { return fmt.Sprintf("status %d: %.800s", r.status, r.body) }

// send makes a request and reads the answer and the receipt.
func (w wire) send(t *testing.T, method, pathAndQuery, body string, header ...string) (reply, harness.Receipt) {
	t.Helper()
	r := w.start(t, t.Context(), method, pathAndQuery, body, header...)
	defer r.Body.Close()
	content, err := io.ReadAll(r.Body)
	if err != nil {
		t.Fatalf("%s %s: %v", method, pathAndQuery, err)
	}
	return reply{r.StatusCode, r.Header, content}, w.Receipt(t)
}

func (w wire) start(t *testing.T, ctx context.Context, method, pathAndQuery, body string, header ...string) *http.Response {
	t.Helper()
	request, err := http.NewRequestWithContext(ctx, method, w.Base()+pathAndQuery, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	if body != "" {
		request.Header.Set("Content-Type", "application/json")
	}
	request.Header.Set("Authorization", "Bearer "+callerKey)
	for i := 0; i+1 < len(header); i += 2 {
		request.Header.Add(header[i], header[i+1])
	}
	response, err := w.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	return response
}

// chat posts a chat request that must succeed and returns what the upstream got.
func (w wire) chat(t *testing.T, body string) (sent *harness.Request, answer reply) {
	t.Helper()
	answer, _ = w.send(t, http.MethodPost, "/chat/completions", body)
	if answer.status != http.StatusOK {
		t.Fatalf("%s for %.300s", answer, body)
	}
	return w.up.Only(t), answer
}

// events are the data of the answer's events.
func events(t *testing.T, body []byte) []string {
	t.Helper()
	var all []string
	if err := harness.ReadEvents(bytes.NewReader(body), func(e harness.Event) {
		if e.Name != "" {
			t.Errorf("an event is named %q", e.Name)
		}
		all = append(all, e.Data)
	}); err != nil {
		t.Errorf("%v in %s", err, body)
	}
	return all
}

func sameJSON(t *testing.T, what string, want, got []byte) {
	t.Helper()
	if err := harness.SameJSON(want, got); err != nil {
		t.Errorf("%s: %v", what, err)
	}
}

// sameBytes compares the bytes of the value at a path.
func sameBytes(t *testing.T, want, got []byte, path ...any) {
	t.Helper()
	w, ok := harness.At(want, path...)
	if !ok {
		t.Fatalf("the test's own document has nothing at %v", path)
	}
	g, _ := harness.At(got, path...)
	if !bytes.Equal(w, g) {
		t.Errorf("%v:\n got %s\nwant %s", path, g, w)
	}
}

// everywhere returns the document with a member put into each of its objects, and how
// many objects there are. Values differ from object to object.
func everywhere(t *testing.T, document string) (string, int) {
	t.Helper()
	values := []string{
		`null`, `""`, `[]`, `{}`, `false`, `0`, `9007199254740993`, `{"b":[1,{"d":1.0,"c":1e3}],"a":"<&>\u2028"}`, `[null,[[]],"x"]`,
		`123456789012345678901234567890.5`, `"\ud83d\ude00\u0000"`,
	}
	n := 0
	var walk func(v any) any
	walk = func(v any) any {
		switch v := v.(type) {
		case map[string]any:
			for name := range v {
				v[name] = walk(v[name])
			}
			v["x_unknown"] = json.RawMessage(values[n%len(values)])
			n++
		case []any:
			for i := range v {
				v[i] = walk(v[i])
			}
		}
		return v
	}
	d := json.NewDecoder(strings.NewReader(document))
	d.UseNumber()
	var v any
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%v in %s", err, document)
	}
	out, err := json.Marshal(walk(v))
	if err != nil {
		t.Fatal(err)
	}
	return string(out), n
}

// with returns a JSON object with one member replaced, or removed for "".
func with(t *testing.T, object, name, value string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(object), &members); err != nil {
		t.Fatal(err)
	}
	if delete(members, name); value != "" {
		members[name] = json.RawMessage(value)
	}
	out, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return string(out)
}

// quote returns a text as a JSON string, without Go's HTML escapes.
func quote(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	e := json.NewEncoder(&b)
	e.SetEscapeHTML(false)
	if err := e.Encode(text); err != nil {
		t.Fatal(err)
	}
	return strings.TrimSpace(b.String())
}
