package providers_test

import (
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/tests/harness"
)

const (
	// manyMembers is a request of which Anthropic's API can say all but seed.
	manyMembers = `"max_completion_tokens":50,"stop":"never","user":"u1","store":false,` +
		`"messages":[{"role":"developer","content":"Be brief."},{"role":"user","content":"Which settings do you have?"}]`
	manyShort = "dropped=store; coerced=stop>stop_sequences; renamed=max_completion_tokens>max_tokens,messages[0]>system[0],user>metadata.user_id"
)

func anthropicCall(body string, header ...string) harness.Call {
	c := harness.Call{JSON: []byte(`{"model":"anthropic/claude-sonnet-4-5",` + body + `}`), Header: http.Header{}}
	for i := 0; i+1 < len(header); i += 2 {
		c.Header.Set(header[i], header[i+1])
	}
	return c
}

// noteSet is the notes of a side, as "fate member>to", sorted.
func noteSet(notes []*sluicev1.TranslationNote, side string) []string {
	var out []string
	for _, n := range notes {
		if n.GetSide() == side {
			text := n.GetFate() + " " + n.GetMember()
			if n.To != nil {
				text += ">" + n.GetTo()
			}
			out = append(out, text)
		}
	}
	slices.Sort(out)
	return out
}

var manyNotes = []string{
	"coerced stop>stop_sequences", "dropped store", "renamed max_completion_tokens>max_tokens", "renamed messages[0]>system[0]", "renamed user>metadata.user_id",
}

func trailer(t *testing.T, door harness.Door, h http.Header) *sluicev1.Translation {
	t.Helper()
	data := []byte(h.Get("X-Sluice-Translation-Bin"))
	if len(data) == 0 {
		t.Fatalf("%s: no trailer x-sluice-translation-bin: %v", door.Name, h)
	}
	if !strings.HasPrefix(door.Name, "grpc") || door.Name == "grpc-web" {
		decoded, err := base64.RawStdEncoding.DecodeString(strings.TrimRight(string(data), "="))
		if err != nil {
			t.Fatal(err)
		}
		data = decoded
	}
	report := new(sluicev1.Translation)
	if err := proto.Unmarshal(data, report); err != nil {
		t.Fatalf("%s: %v", door.Name, err)
	}
	return report
}

func TestTranslation_is_reported_at_every_door(t *testing.T) {
	w := newWorld(t, "", "")
	for _, door := range w.server.Doors(t) {
		for _, streamed := range []bool{false, true} {
			var a harness.Answer
			if call := anthropicCall(manyMembers); streamed {
				a = door.StreamChat(t.Context(), call, nil)
			} else {
				a = door.Chat(t.Context(), call)
			}
			w.server.Receipt(t)
			if a.Err != nil || a.Failure != nil {
				t.Fatalf("%s: %v %+v", door.Name, a.Err, a.Failure)
			}
			short := a.Header.Get("X-Sluice-Translation")
			request, _, _ := strings.Cut(short, "; response.")
			if request != manyShort {
				t.Errorf("%s, streamed %v: the header says %q, want %q", door.Name, streamed, request, manyShort)
			}
			if door.IsREST() {
				continue
			}
			report := trailer(t, door, a.Header)
			if got := noteSet(report.GetNotes(), "request"); !slices.Equal(got, manyNotes) {
				t.Errorf("%s: the trailer says %q, want %q", door.Name, got, manyNotes)
			}
			if got := noteSet(report.GetNotes(), "response"); !slices.ContainsFunc(got, func(n string) bool {
				return strings.HasPrefix(n, "renamed usage.input_tokens") || strings.Contains(n, "usage")
			}) {
				t.Errorf("%s: the trailer says nothing of the answer's usage, which has other names: %q", door.Name, got)
			}
		}
	}
	// The log line of each call says it, too.
	for line := range strings.Lines(w.server.Log()) {
		if !strings.Contains(line, `"msg":"call"`) {
			continue
		}
		var logged struct {
			Translation map[string][]string `json:"translation"`
		}
		if err := json.Unmarshal([]byte(line), &logged); err != nil {
			t.Fatal(err)
		}
		if got := logged.Translation["request_renamed"]; !slices.Equal(got, []string{"max_completion_tokens", "messages[0]", "user"}) {
			t.Errorf("the log says %q of what was renamed: %s", got, line)
		}
		if got := logged.Translation["request_dropped"]; !slices.Equal(got, []string{"store"}) {
			t.Errorf("the log says %q of what was dropped", got)
		}
	}
}

func TestTranslation_is_the_last_event_of_a_stream_that_asks_for_it(t *testing.T) {
	w := newWorld(t, "", "")
	plain := w.server.REST().StreamChat(t.Context(), anthropicCall(manyMembers), nil)
	w.server.Receipt(t)
	if strings.Contains(string(plain.Body), `"translation"`) {
		t.Errorf("a stream that did not ask has the event: %s", plain.Body)
	}
	asked := w.server.REST().StreamChat(t.Context(), anthropicCall(manyMembers, "X-Sluice-Translation", "1"), nil)
	w.server.Receipt(t)
	events := strings.Split(strings.TrimSpace(string(asked.Body)), "\n\n")
	if len(events) < 3 || events[len(events)-1] != "data: [DONE]" {
		t.Fatalf("the stream does not end: %s", asked.Body)
	}
	var last struct {
		Object  string          `json:"object"`
		Choices json.RawMessage `json:"choices"`
		Sluice  struct {
			Translation struct {
				Notes []struct{ Side, Fate, Member, To string } `json:"notes"`
			} `json:"translation"`
		} `json:"sluice"`
	}
	if err := json.Unmarshal([]byte(strings.TrimPrefix(events[len(events)-2], "data: ")), &last); err != nil {
		t.Fatal(err)
	}
	if last.Object != "chat.completion.chunk" || string(last.Choices) != "[]" {
		t.Errorf("clients cannot skip the event: %s", events[len(events)-2])
	}
	var got []string
	answers := 0
	for _, n := range last.Sluice.Translation.Notes {
		if n.Side != "request" {
			answers++
			continue
		}
		text := n.Fate + " " + n.Member
		if n.To != "" {
			text += ">" + n.To
		}
		got = append(got, text)
	}
	if slices.Sort(got); !slices.Equal(got, manyNotes) || answers == 0 {
		t.Errorf("the event says %q, and %d notes of the answer; want %q", got, answers, manyNotes)
	}
}

func TestA_provider_that_translates_nothing_reports_nothing(t *testing.T) {
	w := newWorld(t, "", "")
	call := harness.Call{JSON: []byte(`{"model":"openai/gpt-5",` + manyMembers + `}`), Header: http.Header{"X-Sluice-Translation": {"1"}}}
	for _, door := range w.server.Doors(t) {
		a := door.StreamChat(t.Context(), call, nil)
		w.server.Receipt(t)
		if a.Failure != nil || a.Header.Get("X-Sluice-Translation") != "" || a.Header.Get("X-Sluice-Translation-Bin") != "" || strings.Contains(string(a.Body), `"translation"`) {
			t.Errorf("%s: %+v %v %s", door.Name, a.Failure, a.Header, a.Body)
		}
	}
}

// TestUnsupported_members asks for a seed, which Anthropic's API does not have, by what the
// configuration and the caller say about such members.
func TestUnsupported_members_are_refused_dropped_or_passed_as_wanted(t *testing.T) {
	const body = `"seed":7,"max_tokens":50,"messages":[{"role":"user","content":"Hi"}]`
	for _, c := range []struct {
		configured, header string
		// reason is that of the failure, "" when there is none; summary begins the report.
		reason, message, summary string
		status                   int
	}{
		{"", "", "unsupported", `"seed"`, "", 400},
		{"error", "", "unsupported", `"seed"`, "", 400},
		{"drop", "", "", "", "dropped=seed", 0},
		{"pass", "", "upstream_invalid_request", "seed: Extra inputs are not permitted", "", 400},
		{"", "drop", "", "", "dropped=seed", 0},
		{"", "DROP", "", "", "dropped=seed", 0},
		{"drop", "error", "unsupported", `"seed"`, "", 400},
		{"drop", "pass", "upstream_invalid_request", "seed: Extra inputs are not permitted", "", 400},
		{"pass", "drop", "", "", "dropped=seed", 0},
		{"drop", "maybe", "invalid_request", "x-sluice-unsupported-params is none of error, drop and pass", "", 400},
	} {
		t.Run(c.configured+"/"+c.header, func(t *testing.T) {
			more := ""
			if c.configured != "" {
				more = ", unsupported_params: " + c.configured
			}
			w := newWorld(t, more, "")
			to := w.target(t, "anthropic")
			call := anthropicCall(body)
			if c.header != "" {
				call.Header.Set("X-Sluice-Unsupported-Params", c.header)
			}
			for _, door := range w.server.Doors(t) {
				before := to.Received.Count()
				a := door.Chat(t.Context(), call)
				w.server.Receipt(t)
				if a.Err != nil {
					t.Fatal(a.Err)
				}
				if c.reason == "" {
					if a.Failure != nil || !strings.HasPrefix(a.Header.Get("X-Sluice-Translation"), c.summary) {
						t.Errorf("%s: %+v, report %q", door.Name, a.Failure, a.Header.Get("X-Sluice-Translation"))
					}
					continue
				}
				if f := a.Failure; f == nil || f.Reason != c.reason || f.Status != c.status || !strings.Contains(f.Error.GetMessage(), c.message) {
					t.Errorf("%s: %+v, want %s: %s", door.Name, f, c.reason, c.message)
				}
				if asked := to.Received.Count() > before; asked != strings.HasPrefix(c.reason, "upstream") {
					t.Errorf("%s: the provider was asked: %v", door.Name, asked)
				}
			}
		})
	}
}

// TestUsage_is_told_once_at_the_end_of_a_stream holds for every provider, however it counts.
func TestUsage_is_told_once_at_the_end_of_a_stream_that_asks_for_it(t *testing.T) {
	w := newWorld(t, "", "")
	for _, to := range w.targets {
		t.Run(to.Name, func(t *testing.T) {
			for _, asks := range []bool{true, false} {
				body := `{"model":"` + to.Model + `","messages":[{"role":"user","content":"Hi"}]`
				if asks {
					body += `,"stream_options":{"include_usage":true}`
				}
				a := w.server.REST().StreamChat(t.Context(), harness.Call{JSON: []byte(body + "}")}, nil)
				receipt := w.server.Receipt(t)
				if a.Err != nil || a.Failure != nil {
					t.Fatalf("%v %+v", a.Err, a.Failure)
				}
				var told []*sluicev1.Usage
				for _, chunk := range a.Chunks {
					if chunk.GetUsage() != nil {
						told = append(told, chunk.GetUsage())
					}
				}
				if last := a.Chunks[len(a.Chunks)-1]; asks && (len(told) != 1 || last.GetUsage() == nil || len(last.GetChoices()) != 0) {
					t.Fatalf("the usage is told %d times: %s", len(told), a.Body)
				}
				if asks {
					compareUsage(t, "stream", to, false, told[0])
				} else if len(told) != 0 {
					t.Errorf("the usage is told and nobody asked: %s", a.Body)
				}
				if receipt.Input != 21 || receipt.CachedInput != 7 || receipt.Output != 4 || receipt.Estimated {
					t.Errorf("the receipt has %d input, %d of them cached, and %d output tokens, estimated: %v", receipt.Input, receipt.CachedInput, receipt.Output, receipt.Estimated)
				}
			}
		})
	}
}

// TestCapabilities: who has what cannot be said dropped gets it dropped, also where the
// catalog of models knows that the model cannot do it.
func TestCapabilities_that_a_model_lacks_are_dropped_on_request(t *testing.T) {
	w := newWorld(t, "", "")
	call := anthropicCall(`"max_tokens":50,"modalities":["text","audio"],"audio":{"voice":"alloy","format":"wav"},"messages":[{"role":"user","content":"Hi"}]`,
		"X-Sluice-Unsupported-Params", "drop")
	for _, door := range w.server.Doors(t) {
		a := door.Chat(t.Context(), call)
		w.server.Receipt(t)
		if a.Err != nil || a.Failure != nil {
			t.Errorf("%s: %v %+v", door.Name, a.Err, a.Failure)
			continue
		}
		if got := a.Header.Get("X-Sluice-Translation"); !strings.Contains(got, "modalities") || !strings.Contains(got, "audio") {
			t.Errorf("%s: the report names neither: %q", door.Name, got)
		}
	}
}
