package wirejson_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"slices"
	"strings"
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
		var e *wirejson.Error
		if !errors.As(err, &e) || e.Offset < 0 || e.Offset > len(data) || e.Reason == "" {
			t.Fatalf("error without place or reason: %#v", err)
		}
		if o.Lenient && o.MaxDepth == 0 && e.Reason != "duplicate member" && !strings.HasPrefix(e.Reason, "nested deeper") &&
			json.Valid(data) && utf8.Valid(data) && bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("{")) {
			t.Fatalf("a provider's object was refused: %v\n%s", err, data)
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
	if err := wirejson.Check(m); err != nil && !o.Lenient {
		t.Fatalf("what was decoded does not pass the check: %v\n%s", err, data)
	}
	again := empty()
	if err := wirejson.Unmarshal(first, again, o); err != nil {
		t.Fatalf("does not read what it wrote: %v\n%s", err, first)
	}
	if second := wirejson.Marshal(again); !bytes.Equal(first, second) {
		t.Fatalf("encoding is not stable\n%s\n%s", first, second)
	}
}

// seed adds the examples to the corpus in testdata/fuzz.
func seed(f *testing.F, kinds ...string) {
	eachExample(f, func(name string, _ func() wirejson.Message, data []byte) {
		if kind, _, _ := strings.Cut(filepath.ToSlash(name), "/"); slices.Contains(kinds, kind) {
			f.Add(data)
		}
	})
}

func fuzzMessage(f *testing.F, empty func() wirejson.Message) {
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, o := range []wirejson.Options{{}, {Lenient: true}, {MaxDepth: 4, Lenient: true}} {
			checkDocument(t, data, o, empty)
		}
	})
}

func FuzzDecodeChatRequest(f *testing.F) {
	seed(f, "chat_request")
	fuzzMessage(f, func() wirejson.Message { return new(sluicev1.ChatCompletionRequest) })
}

func FuzzDecodeChunk(f *testing.F) {
	seed(f, "chunk", "chat_completion")
	fuzzMessage(f, func() wirejson.Message { return new(sluicev1.ChatCompletionChunk) })
}

func FuzzDecodeEmbeddings(f *testing.F) {
	seed(f, "embeddings_request", "embeddings_response")
	f.Fuzz(func(t *testing.T, data []byte) {
		for _, o := range []wirejson.Options{{}, {Lenient: true}} {
			checkDocument(t, data, o, func() wirejson.Message { return new(sluicev1.CreateEmbeddingsRequest) })
			checkDocument(t, data, o, func() wirejson.Message { return new(sluicev1.CreateEmbeddingsResponse) })
		}
	})
}

func FuzzDecodeError(f *testing.F) {
	seed(f, "error")
	fuzzMessage(f, func() wirejson.Message { return new(sluicev1.ErrorEnvelope) })
}
