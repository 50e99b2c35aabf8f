package providers_test

import (
	"encoding/base64"
	"encoding/json"
	"flag"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/tests/fakes/anthropic"
	"github.com/sluice-ai/sluice/tests/fakes/bedrock"
	"github.com/sluice-ai/sluice/tests/fakes/fleet"
	"github.com/sluice-ai/sluice/tests/fakes/gemini"
	"github.com/sluice-ai/sluice/tests/fakes/openaichat"
	"github.com/sluice-ai/sluice/tests/harness"
)

var update = flag.Bool("update", false, "write docs/providers.md")

// outcome is what became of a request: "" when everything arrived as it was, "refused n,
// seed", or the notes of the request in the form of the header x-sluice-translation.
type outcome string

const refusedPrefix = "refused "

func (o outcome) refused() bool { return strings.HasPrefix(string(o), refusedPrefix) }

// short is the form of fakes/fleet/matrix.yaml: of what was translated, it names the members of
// the request itself.
func (o outcome) short() string {
	if o == "" || o.refused() {
		return string(o)
	}
	var members []string
	for part := range strings.SplitSeq(string(o), "; ") {
		_, list, _ := strings.Cut(part, "=")
		for item := range strings.SplitSeq(list, ",") {
			member, _, _ := strings.Cut(item, ">")
			if end := strings.IndexAny(member, ".["); end > 0 {
				member = member[:end]
			}
			members = append(members, member)
		}
	}
	slices.Sort(members)
	return "translated " + strings.Join(slices.Compact(members), ", ")
}

// TestEvery_provider_honours_translates_or_refuses_every_chat is the matrix.
func TestEvery_provider_honours_translates_or_refuses_every_chat(t *testing.T) {
	w := newWorld(t, "", "")
	table := map[string]map[string]outcome{}
	for _, to := range w.targets {
		table[to.Name] = map[string]outcome{}
		for _, c := range cases {
			t.Run(to.Name+"/"+c.name, func(t *testing.T) {
				got := w.try(t, to, c)
				table[to.Name][c.name] = got
				if want := to.Want.Cases[c.name]; got.short() != want {
					t.Errorf("got  %q\nwant %q\nall of it: %q", got.short(), want, got)
				}
			})
		}
		for name := range to.Want.Cases {
			if !slices.ContainsFunc(cases, func(c chatCase) bool { return c.name == name }) {
				t.Errorf("fakes/fleet/matrix.yaml expects of %s something about %q, which is no case", to.Name, name)
			}
		}
	}
	for _, key := range []string{anthropic.Key, gemini.Key, gemini.Token, bedrock.SecretAccessKey, openaichat.Key} {
		if strings.Contains(w.server.Log(), key) {
			t.Errorf("the log shows the key %q", key)
		}
	}
	t.Log("\n" + grid(w, table))
	if !t.Failed() {
		checkDocument(t, page(w, table))
	}
}

// try makes the request through REST and gRPC, whole and streamed, and returns the outcome,
// which is the same in all four ways.
func (w *world) try(t *testing.T, to fleet.Row, c chatCase) outcome {
	t.Helper()
	call := harness.Call{JSON: c.request(to.Model)}
	var outcomes []outcome
	var ways []string
	for _, door := range w.server.Doors(t) {
		if door.Name != "rest" && door.Name != "grpc" {
			continue
		}
		for _, streamed := range []bool{false, true} {
			way := door.Name
			var a harness.Answer
			if streamed {
				way += " stream"
				a = door.StreamChat(t.Context(), call, nil)
			} else {
				a = door.Chat(t.Context(), call)
			}
			receipt := w.server.Receipt(t)
			if a.Err != nil {
				t.Fatalf("%s: %v", way, a.Err)
			}
			ways = append(ways, way)
			if f := a.Failure; f != nil {
				if f.Reason != "unsupported" {
					t.Fatalf("%s: %s, status %d: %s\nsent %s", way, f.Reason, f.Status, f.Error.GetMessage(), sent(to))
				}
				outcomes = append(outcomes, refusal(t, to, f))
				continue
			}
			answer := gather(a)
			checkAnswer(t, way, to, c, answer)
			if !streamed {
				checkUsage(t, way, to, c, a)
			}
			if len(receipt.Finish) == 0 {
				t.Errorf("%s: the receipt has no finish reason: %+v", way, receipt)
			}
			outcomes = append(outcomes, reported(t, way, a))
		}
	}
	for i, o := range outcomes {
		if o != outcomes[0] {
			t.Errorf("%s says %q, and %s says %q", ways[0], outcomes[0], ways[i], o)
		}
	}
	return outcomes[0]
}

// sent is the last request that the provider received.
func sent(to fleet.Row) string {
	if r := to.Received.Last(); r != nil {
		return r.Method + " " + r.URI + " " + string(r.Body)
	}
	return "nothing"
}

// refusal checks that an error names the target and the members.
func refusal(t *testing.T, to fleet.Row, f *harness.Failure) outcome {
	t.Helper()
	message := f.Error.GetMessage()
	// What a model cannot do at all, the catalog of models knows before a target is asked.
	if _, lacks, ok := strings.Cut(message, "no target of the model "); ok && f.Error.GetCodeString() == "unsupported" {
		_, what, _ := strings.Cut(lacks, " lacks ")
		what, _, _ = strings.Cut(what, " (so the catalog")
		return outcome(refusedPrefix + what + ", says the catalog of models")
	}
	if f.Status != http.StatusBadRequest || f.Error.GetCodeString() != "unsupported_parameter" {
		t.Errorf("a refusal with status %d and code %q", f.Status, f.Error.GetCodeString())
	}
	if !strings.Contains(message, fmt.Sprintf("target %q", to.Model)) {
		t.Errorf("the refusal does not name the target %q: %s", to.Model, message)
	}
	_, list, ok := strings.Cut(message, "cannot express ")
	list, _, ended := strings.Cut(list, ": leave it out")
	if !ok || !ended || f.Error.GetParam() == "" {
		t.Fatalf("the refusal does not say what cannot be expressed: %s", message)
	}
	var members []string
	for rest := list; ; {
		_, after, found := strings.Cut(rest, `"`)
		name, behind, closed := strings.Cut(after, `" (`)
		if !found || !closed {
			break
		}
		members = append(members, name)
		_, rest, _ = strings.Cut(behind, "), ")
	}
	if members[0] != f.Error.GetParam() {
		t.Errorf("param is %q, and the message begins with %q", f.Error.GetParam(), members[0])
	}
	return outcome(refusedPrefix + strings.Join(members, ", "))
}

// reported reads the translation report of an answer. What the header says of the answer is
// not looked at: that of a stream comes before the answer.
func reported(t *testing.T, way string, a harness.Answer) outcome {
	t.Helper()
	short := a.Header.Get("X-Sluice-Translation")
	request, _, _ := strings.Cut("; "+short, "; response.")
	request = strings.TrimPrefix(strings.TrimPrefix(request, ";"), " ")
	raw := a.Header.Get("X-Sluice-Translation-Bin")
	if raw == "" {
		return outcome(request)
	}
	data := []byte(raw)
	if strings.HasPrefix(way, "connect") {
		decoded, err := base64.RawStdEncoding.DecodeString(raw)
		if err != nil {
			t.Fatalf("%s: %v", way, err)
		}
		data = decoded
	}
	report := new(sluicev1.Translation)
	if err := proto.Unmarshal(data, report); err != nil {
		t.Fatalf("%s: the trailer: %v", way, err)
	}
	for _, n := range report.GetNotes() {
		if n.GetSide() == "request" && !strings.Contains(request, n.GetMember()) {
			t.Errorf("%s: the header does not name %s: %s", way, n.GetMember(), short)
		}
	}
	return outcome(request)
}

// answered is an answer put together, whichever way it came. All choices are the same.
type answered struct {
	text, thought string
	calls         []calledTool
	ids           []string
	finish        []string
	spoken        bool
}

func gather(a harness.Answer) answered {
	if whole, ok := a.Message.(*sluicev1.ChatCompletion); ok {
		return gatherWhole(whole)
	}
	var out answered
	for _, chunk := range a.Chunks {
		for _, choice := range chunk.GetChoices() {
			if choice.FinishReason != nil {
				out.finish = append(out.finish, choice.GetFinishReason())
			}
			if choice.GetIndex() > 0 {
				continue
			}
			d := choice.GetDelta()
			out.text += d.GetContent()
			out.thought += d.GetReasoningContent()
			out.spoken = out.spoken || d.GetAudio().GetData() != ""
			for _, piece := range d.GetToolCalls() {
				for int(piece.GetIndex()) >= len(out.calls) {
					out.calls, out.ids = append(out.calls, calledTool{}), append(out.ids, "")
				}
				call := &out.calls[piece.GetIndex()]
				call.name += piece.GetFunction().GetName()
				call.arguments += piece.GetFunction().GetArguments()
				out.ids[piece.GetIndex()] += piece.GetId()
			}
		}
	}
	return out
}

func gatherWhole(whole *sluicev1.ChatCompletion) answered {
	var out answered
	for i, choice := range whole.GetChoices() {
		out.finish = append(out.finish, choice.GetFinishReason())
		if i > 0 {
			continue
		}
		m := choice.GetMessage()
		out.text, out.thought, out.spoken = m.GetContent(), m.GetReasoningContent(), m.GetAudio().GetData() != ""
		for _, call := range m.GetToolCalls() {
			f := call.GetFunction()
			out.calls = append(out.calls, calledTool{f.GetFunction().GetName(), f.GetFunction().GetArguments()})
			out.ids = append(out.ids, f.GetId())
		}
	}
	return out
}

func checkAnswer(t *testing.T, way string, to fleet.Row, c chatCase, got answered) {
	t.Helper()
	if got.text != c.want.text && !c.want.spoken {
		t.Errorf("%s: the text is %q, want %q; sent %s", way, got.text, c.want.text, sent(to))
	}
	wantThought := ""
	if c.want.thought && to.Thinks {
		wantThought = thoughtText
	}
	if got.thought != wantThought {
		t.Errorf("%s: the thought is %q, want %q; sent %s", way, got.thought, wantThought, sent(to))
	}
	if len(got.finish) != c.want.choices || got.finish[0] != c.want.finish {
		t.Errorf("%s: the ends are %q, want %q %d times", way, got.finish, c.want.finish, c.want.choices)
	}
	if got.spoken != c.want.spoken {
		t.Errorf("%s: spoken is %v", way, got.spoken)
	}
	if len(got.calls) != len(c.want.calls) {
		t.Fatalf("%s: the calls are %v, want %v; sent %s", way, got.calls, c.want.calls, sent(to))
	}
	for i, call := range got.calls {
		if call.name != c.want.calls[i].name || harness.SameJSON([]byte(c.want.calls[i].arguments), []byte(call.arguments)) != nil {
			t.Errorf("%s: call %d is %v, want %v", way, i, call, c.want.calls[i])
		}
		if got.ids[i] == "" || slices.Index(got.ids, got.ids[i]) != i {
			t.Errorf("%s: the ids of the calls are %q", way, got.ids)
		}
	}
}

// checkUsage: all fakes have the same usage, and count it in their own ways.
func checkUsage(t *testing.T, way string, to fleet.Row, c chatCase, a harness.Answer) {
	t.Helper()
	whole, ok := a.Message.(*sluicev1.ChatCompletion)
	if !ok {
		t.Fatalf("%s: no completion", way)
	}
	compareUsage(t, way, to, c.want.thought && to.Thinks, whole.GetUsage())
}

func compareUsage(t *testing.T, way string, to fleet.Row, thought bool, u *sluicev1.Usage) {
	t.Helper()
	output, reasoning, written := int64(4), int64(0), int64(0)
	if thought {
		output = 9
		if to.Counts {
			reasoning = 5
		}
	}
	if to.Writes {
		written = 3
	}
	got, err := json.Marshal([]int64{
		u.GetPromptTokens(), u.GetPromptTokensDetails().GetCachedTokens(), u.GetPromptTokensDetails().GetCacheWriteTokens(),
		u.GetCompletionTokens(), u.GetCompletionTokensDetails().GetReasoningTokens(), u.GetTotalTokens(),
	})
	if err != nil {
		t.Fatal(err)
	}
	want, err := json.Marshal([]int64{21, 7, written, output, reasoning, 21 + output})
	if err != nil {
		t.Fatal(err)
	}
	if string(got) != string(want) {
		t.Errorf("%s: input, cached, written, output, reasoning and total tokens are %s, want %s", way, got, want)
	}
}
