package gemini

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"testing"

	geminipb "github.com/sluice-ai/sluice/gen/go/gemini"
	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

func FuzzRequest_becomes_JSON_whatever_it_holds(f *testing.F) {
	files, err := filepath.Glob("testdata/*/*/request.json")
	if err != nil || len(files) == 0 {
		f.Fatalf("no examples (%v)", err)
	}
	for _, file := range files {
		text, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(text, 2)
	}
	odd, err := os.ReadFile("../adaptertest/requests/odd.jsonl")
	if err != nil {
		f.Fatal(err)
	}
	for line := range bytes.Lines(odd) {
		f.Add(line, 1)
	}
	f.Fuzz(func(t *testing.T, text []byte, how int) {
		req := new(sluicev1.ChatCompletionRequest)
		if wirejson.Unmarshal(text, req, wirejson.Options{}) != nil {
			return
		}
		for _, model := range []string{"gemini-2.5-flash", "gemini-3-pro-preview"} {
			call := &adapters.Call{Unsupported: adapters.Unsupported(how % 3)}
			r := newRequest(call, developer{base: DefaultBaseURL}, model)
			r.translate(req)
			if body := wirejson.Marshal(r.out); !json.Valid(body) || wirejson.ValidObject(body) != nil {
				t.Fatalf("%s became %s", text, body)
			}
		}
	})
}

func FuzzAnswer_becomes_JSON_whatever_it_holds(f *testing.F) {
	for _, example := range []string{
		hello, `{"promptFeedback":{"blockReason":"SAFETY"}}`,
		`{"candidates":[{"content":{"parts":[{"text":"Größe","thought":true,"thoughtSignature":"a"},{"functionCall":{"name":"f","args":{"a":1}}},{"inlineData":{"mimeType":"image/png","data":"AA"}},{"inlineData":{"mimeType":"audio/L16","data":"AA=="}},{"executableCode":{}}]},"groundingMetadata":{"groundingChunks":[{"web":{"uri":"u"}}],"groundingSupports":[{"segment":{"startIndex":1,"endIndex":4},"groundingChunkIndices":[0,7,-1]}]},"logprobsResult":{"chosenCandidates":[{"token":"a"}]}}],"usageMetadata":{"promptTokensDetails":[{"modality":"X"}]}}`,
	} {
		f.Add([]byte(example))
	}
	f.Fuzz(func(t *testing.T, text []byte) {
		response := new(geminipb.GenerateContentResponse)
		if wirejson.Unmarshal(text, response, lenient) != nil {
			return
		}
		r := newRequest(&adapters.Call{}, developer{}, "m")
		r.grounded = true
		whole := newTeller(&adapters.Call{}, r)
		if c, _ := whole.completion(response); !json.Valid(wirejson.Marshal(c)) {
			t.Fatalf("%s became %s", text, wirejson.Marshal(c))
		}
		pieces := newTeller(&adapters.Call{}, r)
		for range 2 {
			if c := pieces.chunk(response); c != nil && !json.Valid(wirejson.Marshal(c)) {
				t.Fatalf("%s became %s", text, wirejson.Marshal(c))
			}
		}
	})
}

func FuzzEnvelope_becomes_JSON_whatever_it_holds(f *testing.F) {
	f.Add([]byte(`[{"error":{"code":"x","message":["a"],"status":"S","type":1,"param":"p","details":[{"@type":"a/google.rpc.ErrorInfo","reason":"R"}]}}]`))
	f.Fuzz(func(t *testing.T, text []byte) {
		if e := decodeEnvelope(text); e != nil && !json.Valid(wirejson.Marshal(e)) {
			t.Fatalf("%s became %s", text, wirejson.Marshal(e))
		}
	})
}
