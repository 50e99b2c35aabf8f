package wirejson_test

import (
	"bytes"
	"os"
	"path/filepath"
	"testing"

	"google.golang.org/protobuf/proto"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// messages by the folder of their examples in testdata/examples, which follow the
// shapes of OpenAI's API reference (2026-11) and of its Go SDK v3.95; azure_* those
// of Azure's reference, reasoning that of OpenRouter's.
var messages = map[string]func() wirejson.Message{
	"chat_request":        request,
	"chat_completion":     answer,
	"chunk":               chunk,
	"embeddings_request":  embed,
	"embeddings_response": vectors,
	"error":               envelope,
	"models":              func() wirejson.Message { return new(sluicev1.ListModelsResponse) },
}

func eachExample(t testing.TB, run func(name string, empty func() wirejson.Message, data []byte)) {
	t.Helper()
	for kind, empty := range messages {
		files, err := filepath.Glob(filepath.Join("testdata", "examples", kind, "*.json"))
		if err != nil || len(files) == 0 {
			t.Fatalf("no examples of %s: %v", kind, err)
		}
		for _, file := range files {
			data, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			run(filepath.Join(kind, filepath.Base(file)), empty, data)
		}
	}
}

func TestExamples_encode_to_what_they_were(t *testing.T) {
	eachExample(t, func(name string, empty func() wirejson.Message, data []byte) {
		t.Run(name, func(t *testing.T) {
			for _, o := range []wirejson.Options{{}, {Lenient: true}} {
				m := empty()
				if err := wirejson.Unmarshal(data, m, o); err != nil {
					t.Fatal(err)
				}
				sameJSON(t, wirejson.Marshal(m), data)
				if err := wirejson.Check(m); err != nil {
					t.Errorf("a decoded message does not pass the check: %v", err)
				}
			}
		})
	})
}

// A decoded message goes through protobuf, as it does behind the gRPC door, without
// a change to its JSON.
func TestExamples_survive_protobuf(t *testing.T) {
	eachExample(t, func(name string, empty func() wirejson.Message, data []byte) {
		m, again := empty(), empty()
		if err := wirejson.Unmarshal(data, m, wirejson.Options{}); err != nil {
			t.Fatal(err)
		}
		wire, err := proto.Marshal(m.(proto.Message))
		if err != nil {
			t.Fatal(err)
		}
		if err := proto.Unmarshal(wire, again.(proto.Message)); err != nil {
			t.Fatal(err)
		}
		if a, b := wirejson.Marshal(m), wirejson.Marshal(again); !bytes.Equal(a, b) {
			t.Errorf("%s\n%s\n%s", name, a, b)
		}
	})
}

func TestExamples_cut_anywhere_are_refused(t *testing.T) {
	eachExample(t, func(name string, empty func() wirejson.Message, data []byte) {
		data = bytes.TrimSpace(data)
		for n := range data {
			if err := wirejson.Unmarshal(bytes.Clone(data[:n]), empty(), wirejson.Options{Lenient: true}); err == nil {
				t.Errorf("%s cut to %d bytes was accepted", name, n)
			}
		}
	})
}

func TestRaw_values_stay_verbatim(t *testing.T) {
	data, err := os.ReadFile("testdata/examples/chat_request/functions.json")
	if err != nil {
		t.Fatal(err)
	}
	m := new(sluicev1.ChatCompletionRequest)
	if err := wirejson.Unmarshal(data, m, wirejson.Options{}); err != nil {
		t.Fatal(err)
	}
	schema := m.Tools[0].GetFunction().GetFunction().GetParameters()
	if len(schema) < 100 || !bytes.Contains(data, schema) || !bytes.Contains(wirejson.Marshal(m), schema) {
		t.Errorf("schema changed: %s", schema)
	}
	if cap(schema) != len(schema) {
		t.Error("appending to a raw value would write into the document")
	}
}

// Typed access to what the examples say: that fields are filled, not only carried.
func TestExamples_fill_typed_fields(t *testing.T) {
	read := func(file string, m wirejson.Message) {
		t.Helper()
		data, err := os.ReadFile(filepath.Join("testdata", "examples", file))
		if err != nil {
			t.Fatal(err)
		}
		if err := wirejson.Unmarshal(data, m, wirejson.Options{}); err != nil {
			t.Fatal(err)
		}
	}
	r := new(sluicev1.ChatCompletionRequest)
	read("chat_request/every_option.json", r)
	parts := r.Messages[0].GetUser().GetParts().GetParts()
	if r.GetTopP() != 0.95 || r.GetMaxCompletionTokens() != 1024 || !r.GetLogprobs() || r.GetStopTexts().GetValues()[0] != "\n\n" ||
		r.GetLogitBias()["50256"] != -100 || r.GetAudio().GetVoiceName() != "alloy" || parts[0].GetInputAudio().GetInputAudio().GetFormat() != "wav" ||
		r.GetWebSearchOptions().GetUserLocation().GetApproximate().GetTimezone() != "Europe/London" || r.GetResponseFormat().GetText() == nil ||
		string(r.Rest) != `{"stream":true}` {
		t.Errorf("got %v", r)
	}
	a := new(sluicev1.ChatCompletion)
	read("chat_completion/logprobs.json", a)
	token := a.Choices[0].Logprobs.Content[0]
	if token.Logprob != -0.31725305 || len(token.Bytes) != 5 || token.TopLogprobs[1].Token != "Hi" || a.Usage.TotalTokens != 18 || a.Choices[0].Message.GetContent() != "Hello" {
		t.Errorf("got %v", a)
	}
	c := new(sluicev1.ChatCompletionChunk)
	read("chunk/content.json", c)
	if c.Choices[0].Delta.GetContent() != "Hello 🙂" || c.Choices[0].FinishReason != nil || c.GetObfuscation() != "x3" {
		t.Errorf("got %v", c)
	}
	v := new(sluicev1.CreateEmbeddingsResponse)
	read("embeddings_response/floats.json", v)
	if got := v.Data[0].GetFloats().GetValues(); len(got) != 5 || got[3] != -1.2e-5 {
		t.Errorf("got %v", got)
	}
	e := new(sluicev1.ErrorEnvelope)
	read("error/integer_code.json", e)
	if e.Error.GetCodeNumber() != 429 || string(e.Error.Rest) != `{"$absent":["type","param"],"metadata":{"raw": "x"}}` {
		t.Errorf("got %v", e)
	}
}
