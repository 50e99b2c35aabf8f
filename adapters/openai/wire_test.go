package openai

import (
	"encoding/json"
	"maps"
	"math"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/reflect/protoreflect"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters/adaptertest"
	"github.com/sluice-ai/sluice/adapters/translate"
)

// fill sets every field of a message, one alternative of each oneof at a time.
func fill(m protoreflect.Message, alternative int) {
	fields := m.Descriptor().Fields()
	for i := range fields.Len() {
		field := fields.Get(i)
		if union := field.ContainingOneof(); union != nil && !union.IsSynthetic() &&
			field != union.Fields().Get(alternative%union.Fields().Len()) {
			continue
		}
		switch {
		case field.IsMap():
			m.Mutable(field).Map().Set(protoreflect.ValueOfString("k").MapKey(), m.Mutable(field).Map().NewValue())
		case field.IsList():
			m.Mutable(field).List().Append(m.Mutable(field).List().NewElement())
		case field.Kind() == protoreflect.MessageKind:
			m.Mutable(field)
		case field.Kind() == protoreflect.BytesKind:
			m.Set(field, protoreflect.ValueOfBytes([]byte(`{"a":1}`)))
		case field.Kind() == protoreflect.StringKind:
			m.Set(field, protoreflect.ValueOfString("text"))
		case field.Kind() == protoreflect.BoolKind:
			m.Set(field, protoreflect.ValueOfBool(true))
		case field.Kind() == protoreflect.Int64Kind:
			m.Set(field, protoreflect.ValueOfInt64(7))
		case field.Kind() == protoreflect.DoubleKind:
			m.Set(field, protoreflect.ValueOfFloat64(0.5))
		default:
			panic("a kind of field that this test does not know: " + field.Kind().String())
		}
	}
}

func TestEncode_leaves_out_no_field_of_the_contract(t *testing.T) {
	for alternative := range 6 {
		chat := new(sluicev1.ChatCompletionRequest)
		fill(chat.ProtoReflect(), alternative)
		if got := shareChat(chat); !proto.Equal(got, chat) {
			t.Errorf("a field of the chat request is missing in shareChat: it has\n%v\nwant\n%v", got, chat)
		}
		embed := new(sluicev1.CreateEmbeddingsRequest)
		fill(embed.ProtoReflect(), alternative)
		if got := shareEmbeddings(embed); !proto.Equal(got, embed) {
			t.Errorf("a field of the embeddings request is missing in shareEmbeddings: it has\n%v\nwant\n%v", got, embed)
		}
		turn := new(sluicev1.AssistantMessage)
		fill(turn.ProtoReflect(), alternative)
		if got := shareAssistant(turn); !proto.Equal(got, turn) {
			t.Errorf("a field of an assistant's turn is missing in shareAssistant: it has\n%v\nwant\n%v", got, turn)
		}
		want := strings.Replace(string(encode(embed)), `"model":"text"`, `"model":"other"`, 1)
		if got := encodeEmbeddings("other", embed); string(got) != want {
			t.Errorf("the embeddings request became\n%s\nwant\n%s", got, want)
		}
	}
}

func TestStatusOf_reads_what_an_error_in_a_stream_stands_for(t *testing.T) {
	for envelope, want := range map[string]int{
		`{"error":{"code":429}}`:                                   429,
		`{"error":{"code":"503"}}`:                                 503,
		`{"error":{"code":200}}`:                                   0,
		`{"error":{"code":"rate_limit_exceeded","type":"tokens"}}`: 429,
		`{"error":{"type":"server_error","code":null}}`:            500,
		`{"error":{"type":"invalid_request_error"}}`:               400,
		`{"error":{"type":"unheard_of"}}`:                          0,
		`{"error":{}}`:                                             0,
	} {
		if got := statusOf(decodeEnvelope([]byte(envelope))); got != want {
			t.Errorf("%s: %d, want %d", envelope, got, want)
		}
	}
}

func TestProgress_is_complete_when_all_choices_that_were_asked_for_ended(t *testing.T) {
	began, ended := `{"choices":[{"index":0,"delta":{}}]}`, `{"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}`
	second, secondEnded := strings.ReplaceAll(began, `"index":0`, `"index":1`), strings.ReplaceAll(ended, `"index":0`, `"index":1`)
	for _, c := range []struct {
		name   string
		n      int64
		chunks []string
		want   bool
	}{
		{"nothing", 0, nil, false},
		{"only a beginning", 0, []string{began}, false},
		{"one choice", 0, []string{began, ended}, true},
		{"one choice, ended twice", 1, []string{began, ended, ended}, true},
		{"one of two that began", 1, []string{began, second, ended}, false},
		{"one of two that were asked for", 2, []string{began, ended}, false},
		{"two choices", 2, []string{began, second, secondEnded, ended}, true},
		{"odd indexes", 1, []string{`{"choices":[{"index":-1,"finish_reason":"stop"},{"index":9999999,"finish_reason":"stop"}]}`}, false},
		{"an n that nobody can ask for", math.MaxInt64, []string{ended}, false},
	} {
		p := newProgress(c.n)
		for _, text := range c.chunks {
			chunk := new(sluicev1.ChatCompletionChunk)
			if err := wirejson.Unmarshal([]byte(text), chunk, lenient); err != nil {
				t.Fatal(err)
			}
			p.add(chunk)
		}
		if p.complete() != c.want {
			t.Errorf("%s: complete is %t", c.name, p.complete())
		}
	}
}

// seed adds the recorded files of a name to a fuzz target.
func seed(f *testing.F, name string) {
	f.Helper()
	files, err := filepath.Glob(filepath.Join("testdata", "*", name))
	if err != nil || len(files) == 0 {
		f.Fatalf("no %s in testdata (%v)", name, err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
}

// FuzzRequest: whatever the contract takes reaches the provider, with one model,
// and with exactly one stream flag when it must have one.
func FuzzRequest(f *testing.F) {
	seed(f, "request.json")
	f.Fuzz(func(t *testing.T, data []byte) {
		if adaptertest.Difference(data, data) != "" {
			t.Skip() // no JSON, or a member twice
		}
		req := new(sluicev1.ChatCompletionRequest)
		if wirejson.Unmarshal(data, req, wirejson.Options{}) != nil {
			t.Skip()
		}
		before := proto.Clone(req)
		var want map[string]json.RawMessage
		if err := json.Unmarshal(data, &want); err != nil {
			t.Skip()
		}

		sameRequest(t, encodeChat("", req), want, func(m map[string]json.RawMessage) {
			if string(m["stream"]) == "true" {
				delete(m, "stream")
			}
		})
		sameRequest(t, encodeChat("target", req), want, func(m map[string]json.RawMessage) {
			if string(m["stream"]) == "true" {
				delete(m, "stream")
			}
			m["model"] = json.RawMessage(`"target"`)
		})
		body, usageAsked := encodeStream("target", req, true)
		sameRequest(t, body, want, func(m map[string]json.RawMessage) {
			m["model"], m["stream"] = json.RawMessage(`"target"`), json.RawMessage(`true`)
			if usageAsked {
				return
			}
			options := map[string]json.RawMessage{}
			_ = json.Unmarshal(m["stream_options"], &options)
			if options == nil {
				options = map[string]json.RawMessage{}
			}
			options["include_usage"] = json.RawMessage(`true`)
			m["stream_options"], _ = json.Marshal(options)
		})
		if !proto.Equal(before, req) {
			t.Error("the request was changed")
		}
	})
}

func sameRequest(t *testing.T, got []byte, in map[string]json.RawMessage, change func(map[string]json.RawMessage)) {
	t.Helper()
	want := map[string]json.RawMessage{}
	maps.Copy(want, in)
	change(want)
	data, err := json.Marshal(want)
	if err != nil {
		t.Skip() // encoding/json is stricter about some text
	}
	if where := adaptertest.Difference(got, data); where != "" {
		t.Errorf("%s\nsent %s\nwant %s", where, got, data)
	}
}

// FuzzAnswer: an answer in one piece says the same as the chunks that are made of
// it.
func FuzzAnswer(f *testing.F) {
	seed(f, "response.json")
	f.Add([]byte(`{"id":"x","object":"chat.completion","choices":[{"index":0,"message":{"role":"assistant","content":"Hi"}}],"usage":{}}`))
	f.Add([]byte(`{"choices":[{"message":{"content":[{"text":"a"}],"tool_calls":[{"type":"x","index":9},{"type":"function"}]}}]}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		completion := new(sluicev1.ChatCompletion)
		if wirejson.Unmarshal(data, completion, lenient) != nil {
			t.Skip()
		}
		chunks := translate.Chunks(completion)
		whole := chunks[0]
		if len(whole.GetChoices()) != len(completion.GetChoices()) || (len(chunks) == 2) != (completion.GetUsage() != nil) {
			t.Fatalf("%d choices and %d chunks of %s", len(whole.GetChoices()), len(chunks), data)
		}
		for i, choice := range completion.GetChoices() {
			delta := whole.GetChoices()[i].GetDelta()
			if delta.GetContent() != choice.GetMessage().GetContent() || len(delta.GetToolCalls()) != len(choice.GetMessage().GetToolCalls()) {
				t.Errorf("choice %d of %s became %v", i, data, delta)
			}
		}
		for _, chunk := range chunks {
			back := new(sluicev1.ChatCompletionChunk)
			if err := wirejson.Unmarshal(chunk.AppendWireJSON(nil), back, wirejson.Options{Lenient: true}); err != nil {
				t.Errorf("%s became %s, which is no chunk: %v", data, chunk.AppendWireJSON(nil), err)
			}
			reportsError(chunk.GetRest())
			dropNullUsage(chunk)
		}
	})
}

// FuzzEmbeddingEncoding: there and back, vectors keep every bit.
func FuzzEmbeddingEncoding(f *testing.F) {
	f.Add(float32(0.0023064255), float32(math.Copysign(0, -1)))
	f.Add(float32(math.SmallestNonzeroFloat32), float32(math.MaxFloat32))
	f.Fuzz(func(t *testing.T, a, b float32) {
		for _, v := range []float32{a, b} {
			if math.IsNaN(float64(v)) || math.IsInf(float64(v), 0) {
				t.Skip()
			}
		}
		e := &sluicev1.Embedding{Embedding: &sluicev1.Embedding_Floats{Floats: &sluicev1.FloatList{Values: []float64{float64(a), float64(b)}}}}
		want := proto.Clone(e)
		toBase64(e)
		if e.GetBase64() == "" {
			t.Fatalf("no base64: %v", e)
		}
		if err := toFloats(e); err != nil || !proto.Equal(e, want) {
			t.Errorf("%v (%v), want %v", e, err, want)
		}
	})
}
