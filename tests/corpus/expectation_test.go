package corpus

import (
	"bytes"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/sluice-ai/sluice/proto/wirejson"
	"github.com/sluice-ai/sluice/tests/harness"
)

// check holds one door's outcome to what the case expects.
func check(t *testing.T, c Case, o outcome) {
	t.Helper()
	e, name := c.Expect, o.door.Name
	if e.Error == nil && o.answer.Failure != nil {
		t.Errorf("%s failed: %+v", name, *o.answer.Failure)
		return
	}
	if e.Error != nil {
		checkFailure(t, c, o)
	} else {
		checkAnswer(t, c, o)
	}
	for header, want := range e.Headers {
		if got := o.answer.Header.Get(header); got != want {
			t.Errorf("%s: header %s = %q, want %q", name, header, got, want)
		}
	}
	checkSent(t, c, o)
	checkReceipt(t, c, o)
}

func checkFailure(t *testing.T, c Case, o outcome) {
	t.Helper()
	want, f, name := c.Expect.Error, o.answer.Failure, o.door.Name
	if f == nil {
		t.Errorf("%s succeeded, want %s", name, want.Reason)
		return
	}
	inside := o.door.IsREST() && len(o.answer.Chunks) > 0
	if !inside && (f.Reason != want.Reason || f.Status != want.Status) {
		t.Errorf("%s: reason %s, status %d; want %s, %d", name, f.Reason, f.Status, want.Reason, want.Status)
	}
	if !o.door.IsREST() && f.Code.String() != want.Code {
		t.Errorf("%s: code %s, want %s", name, f.Code, want.Code)
	}
	if want.Attempts != nil && !o.door.IsREST() && !slices.EqualFunc(f.Attempts, want.Attempts, func(got harness.Tried, want Attempt) bool {
		return got == harness.Tried(want)
	}) {
		t.Errorf("%s: attempts %+v, want %+v", name, f.Attempts, want.Attempts)
	}
	if n := len(o.answer.Chunks); n != want.Chunks {
		t.Errorf("%s: %d chunks before the error, want %d", name, n, want.Chunks)
	}
	object := want.Object
	if object == "" && want.Message == "" {
		last := lastScript(c)
		data := last.Body
		if len(last.Events) > 0 {
			data = last.Events[len(last.Events)-1]
		}
		value, _ := harness.At([]byte(data), "error")
		object = string(value)
	}
	if object != "" {
		if err := harness.SameJSON([]byte(object), wirejson.Marshal(f.Error)); err != nil {
			t.Errorf("%s: the error object: %v", name, err)
		}
		return
	}
	if !strings.Contains(f.Error.GetMessage(), want.Message) || f.Error.GetType() != want.Type || f.Error.GetParam() != want.Param {
		t.Errorf("%s: error %s, want %q of type %q about %q", name, wirejson.Marshal(f.Error), want.Message, want.Type, want.Param)
	}
}

// lastScript is the upstream's last word.
func lastScript(c Case) Script {
	scripts := c.Upstream
	if len(c.Backup) > 0 {
		scripts = c.Backup
	}
	if len(scripts) == 0 {
		return Script{}
	}
	return scripts[len(scripts)-1]
}

func checkAnswer(t *testing.T, c Case, o outcome) {
	t.Helper()
	if o.door.IsREST() && !c.Expect.Any {
		if c.Call == KindStream {
			checkEvents(t, c, o)
		} else {
			checkBody(t, c, o)
		}
	}
	e, name := c.Expect, o.door.Name
	got := summary(t, o.answer)
	if e.Content != nil && !slices.Equal(got.Content, e.Content) {
		t.Errorf("%s: content %q, want %q", name, got.Content, e.Content)
	}
	if got.Refusal != e.Refusal {
		t.Errorf("%s: refusal %q, want %q", name, got.Refusal, e.Refusal)
	}
	if !slices.EqualFunc(got.ToolCalls, e.ToolCalls, sameTool) {
		t.Errorf("%s: tool calls %+v, want %+v", name, got.ToolCalls, e.ToolCalls)
	}
	if e.Finish != nil && !slices.Equal(got.Finish, e.Finish) {
		t.Errorf("%s: finish %q, want %q", name, got.Finish, e.Finish)
	}
	if e.Usage != nil && (got.Usage == nil || *got.Usage != *e.Usage) {
		t.Errorf("%s: usage %+v, want %+v", name, got.Usage, *e.Usage)
	}
	if got.Vectors != e.Vectors {
		t.Errorf("%s: %d vectors, want %d", name, got.Vectors, e.Vectors)
	}
	if e.Models != nil && !slices.Equal(got.Models, e.Models) {
		t.Errorf("%s: models %q, want %q", name, got.Models, e.Models)
	}
}

func sameTool(got, want Tool) bool {
	if want.ID == "*" && got.ID != "" {
		want.ID = got.ID
	}
	return got == want
}

func checkBody(t *testing.T, c Case, o outcome) {
	t.Helper()
	want := c.Expect.Answer
	if want == "" {
		want = lastScript(c).Body
	}
	if want == "" {
		want = standardReplies[c.Call].Body
	}
	if err := harness.SameJSON([]byte(want), o.answer.Body); err != nil {
		t.Errorf("%s: the answer differs from the upstream's: %v", o.door.Name, err)
	}
}

// checkEvents compares the events of the REST door with the upstream's. Without being
// asked for, the usage that the gateway wanted is not shown.
func checkEvents(t *testing.T, c Case, o outcome) {
	t.Helper()
	want := c.Expect.Events
	if want == nil {
		want = lastScript(c).Events
		if want == nil {
			want = standardEvents
		}
		if asked, _ := harness.At([]byte(c.Request), "stream_options", "include_usage"); string(asked) != "true" {
			want = withoutUsage(t, want)
		}
	}
	var got []string
	for _, chunk := range o.answer.Chunks {
		got = append(got, string(wirejson.Marshal(chunk)))
	}
	if len(got) != len(want) {
		t.Errorf("%s: %d events, want %d:\n%s", o.door.Name, len(got), len(want), o.answer.Body)
		return
	}
	for i := range want {
		if err := harness.SameJSON([]byte(want[i]), []byte(got[i])); err != nil {
			t.Errorf("%s: event %d: %v", o.door.Name, i, err)
		}
		if raw := "data: " + got[i] + "\n\n"; !bytes.Contains(o.answer.Body, []byte(raw)) {
			t.Errorf("%s: event %d does not stand so in the body: %s", o.door.Name, i, raw)
		}
	}
}

func withoutUsage(t *testing.T, events []string) []string {
	t.Helper()
	var shown []string
	for _, event := range events {
		var members map[string]json.RawMessage
		if err := json.Unmarshal([]byte(event), &members); err != nil {
			t.Fatal(err)
		}
		switch usage := string(members["usage"]); {
		case usage != "" && usage != "null" && string(members["choices"]) == "[]":
			continue
		case usage == "null":
			delete(members, "usage")
		}
		text, err := json.Marshal(members)
		if err != nil {
			t.Fatal(err)
		}
		shown = append(shown, string(text))
	}
	return shown
}

// checkSent holds what the upstream got to what the caller sent.
func checkSent(t *testing.T, c Case, o outcome) {
	t.Helper()
	calls := 1
	if c.Expect.Calls != nil {
		calls = *c.Expect.Calls
	}
	if len(o.sent) != calls {
		t.Errorf("%s: the upstreams were called %d times, want %d", o.door.Name, len(o.sent), calls)
		return
	}
	for _, r := range o.sent {
		if text := r.URI + string(r.Body) + header(r.Header); strings.Contains(text, "sk-caller-secret") {
			t.Errorf("%s: the caller's credentials went upstream: %s", o.door.Name, text)
		}
		if key := r.Header.Get("Authorization"); !strings.HasPrefix(key, "Bearer sk-upstream-") && c.Config == "" && c.Model == "" && !strings.HasPrefix(o.receipt.Provider, "slow") {
			t.Errorf("%s: the upstream got Authorization %q", o.door.Name, key)
		}
		if c.Expect.SentPath != "" && r.URI != c.Expect.SentPath {
			t.Errorf("%s: the upstream was asked for %s, want %s", o.door.Name, r.URI, c.Expect.SentPath)
		}
		if c.Request == "" {
			continue
		}
		if err := harness.SameJSON(wanted(t, c, r), r.Body); err != nil {
			t.Errorf("%s: the body that the upstream got: %v", o.door.Name, err)
		}
	}
}

func header(h http.Header) string {
	var b strings.Builder
	_ = h.Write(&b)
	return b.String()
}

// wanted is the body that the upstream shall get.
func wanted(t *testing.T, c Case, sent *harness.Request) []byte {
	t.Helper()
	if c.Expect.Sent != "" {
		return []byte(c.Expect.Sent)
	}
	var members map[string]json.RawMessage
	if err := json.Unmarshal([]byte(c.Request), &members); err != nil {
		t.Fatalf("the request of the case: %v", err)
	}
	switch {
	case c.Expect.SentModel == "*": // differs from call to call
		members["model"], _ = harness.At(sent.Body, "model")
	case c.Expect.SentModel != "":
		members["model"] = json.RawMessage(`"` + c.Expect.SentModel + `"`)
	}
	if c.Call == KindStream {
		members["stream"] = json.RawMessage("true")
		options := map[string]json.RawMessage{}
		if given, ok := members["stream_options"]; ok {
			if err := json.Unmarshal(given, &options); err != nil {
				t.Fatal(err)
			}
		}
		if options == nil {
			options = map[string]json.RawMessage{}
		}
		options["include_usage"] = json.RawMessage("true")
		text, err := json.Marshal(options)
		if err != nil {
			t.Fatal(err)
		}
		members["stream_options"] = text
	}
	text, err := json.Marshal(members)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func checkReceipt(t *testing.T, c Case, o outcome) {
	t.Helper()
	r, want := o.receipt, c.Expect.Receipt
	operation := map[Kind]string{
		KindChat: "chat", KindStream: "chat", KindEmbeddings: "embeddings", KindModels: "list_models", KindModel: "get_model",
	}[c.Call]
	reason, status := "", http.StatusOK
	if c.Expect.Error != nil {
		reason, status = c.Expect.Error.Reason, c.Expect.Error.Status
	}
	if r.Door != o.door.Receipt || r.Operation != operation || r.Stream != (c.Call == KindStream) || r.Reason != reason || r.Status != status {
		t.Errorf("%s: receipt %+v, want operation %s, reason %q, status %d", o.door.Name, r, operation, reason, status)
	}
	var outcomes []string
	for _, a := range r.Attempts {
		outcomes = append(outcomes, a.Outcome)
	}
	got := Receipt{
		Provider: r.Provider, ProviderModel: r.ProviderModel, ResponseModel: r.ResponseModel, Route: r.Route,
		Input: r.Input, Cached: r.CachedInput, Output: r.Output, Estimated: r.Estimated, Finish: r.Finish, Outcomes: outcomes,
	}
	if want.Estimated { // by our own rule: that there is something is what counts
		if got.Input == 0 {
			t.Errorf("%s: receipt without an estimate: %+v", o.door.Name, r)
		}
		got.Input, got.Output, want.Input, want.Output = 0, 0, 0, 0
	}
	if u := summary(t, o.answer).Usage; u != nil && want.FromUsage {
		want.Input, want.Output, want.FromUsage = u.Prompt, u.Completion, false
	}
	if g, w := text(t, got), text(t, want); g != w {
		t.Errorf("%s: receipt %s, want %s", o.door.Name, g, w)
	}
	if o.answer.Failure != nil && o.answer.Failure.RequestID != "" && o.answer.Failure.RequestID != r.ID {
		t.Errorf("%s: request id %s, receipt %s", o.door.Name, o.answer.Failure.RequestID, r.ID)
	}
	if id := o.answer.Header.Get("X-Sluice-Request-Id"); id != r.ID {
		t.Errorf("%s: x-sluice-request-id %q, receipt %q", o.door.Name, id, r.ID)
	}
}

func text(t *testing.T, v any) string {
	t.Helper()
	b, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}
