package wirejson_test

import (
	"bytes"
	"encoding/json"
	"testing"
	"unicode/utf8"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"
)

// checkDocument holds what decoding promises of any input: it never panics; what it
// accepts is JSON and encodes to the same value; that decodes again, to the same
// bytes; and a document that is no JSON is not accepted.
func checkDocument(t *testing.T, data []byte, o wirejson.Options, empty func() wirejson.Message) {
	t.Helper()
	before := bytes.Clone(data)
	m := empty()
	err := wirejson.Unmarshal(data, m, o)
	if !bytes.Equal(before, data) {
		t.Fatal("decoding changed the document")
	}
	if err != nil {
		e, ok := err.(*wirejson.Error)
		if !ok || e.Offset < 0 || e.Offset > len(data) || e.Reason == "" {
			t.Fatalf("error without place or reason: %#v", err)
		}
		return
	}
	if !json.Valid(data) || !utf8.Valid(data) {
		t.Fatalf("accepted what is no JSON: %q", data)
	}
	first := wirejson.Marshal(m)
	if !json.Valid(first) {
		t.Fatalf("encoded what is no JSON: %q from %q", first, data)
	}
	sameJSON(t, first, data)
	again := empty()
	if err := wirejson.Unmarshal(first, again, o); err != nil {
		t.Fatalf("does not read what it wrote: %v\n%s", err, first)
	}
	if second := wirejson.Marshal(again); !bytes.Equal(first, second) {
		t.Fatalf("encoding is not stable\n%s\n%s", first, second)
	}
}

func fuzzMessage(f *testing.F, empty func() wirejson.Message) {
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, o := range []wirejson.Options{{}, {Lenient: true}, {MaxDepth: 4, Lenient: true}} {
			checkDocument(t, data, o, empty)
		}
	})
}

func FuzzDecodeChatRequest(f *testing.F) {
	fuzzMessage(f, func() wirejson.Message { return new(sluicev1.ChatCompletionRequest) })
}

func FuzzDecodeChunk(f *testing.F) {
	fuzzMessage(f, func() wirejson.Message { return new(sluicev1.ChatCompletionChunk) })
}

func FuzzDecodeEmbeddings(f *testing.F) {
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, o := range []wirejson.Options{{}, {Lenient: true}} {
			checkDocument(t, data, o, func() wirejson.Message { return new(sluicev1.CreateEmbeddingsRequest) })
			checkDocument(t, data, o, func() wirejson.Message { return new(sluicev1.CreateEmbeddingsResponse) })
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	fuzzMessage(f, func() wirejson.Message { return new(sluicev1.ErrorEnvelope) })
}
