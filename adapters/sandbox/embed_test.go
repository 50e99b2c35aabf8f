package sandbox_test

import (
	"encoding/base64"
	"encoding/binary"
	"errors"
	"math"
	"strings"
	"testing"

	sluicev1 "github.com/sluice-ai/sluice/gen/go/sluice/v1"
	"github.com/sluice-ai/sluice/proto/wirejson"

	"github.com/sluice-ai/sluice/adapters"
)

func tryEmbed(t *testing.T, body string) (*sluicev1.CreateEmbeddingsResponse, error) {
	t.Helper()
	req := &sluicev1.CreateEmbeddingsRequest{}
	if err := wirejson.Unmarshal([]byte(body), req, wirejson.Options{}); err != nil {
		t.Fatalf("request %s: %v", body, err)
	}
	return provider(t).Embed.Embed(t.Context(), &adapters.Call{}, req)
}

func embed(t *testing.T, body string) *sluicev1.CreateEmbeddingsResponse {
	t.Helper()
	out, err := tryEmbed(t, body)
	if err != nil {
		t.Fatalf("Embed(%s): %v", body, err)
	}
	return out
}

func vector(t *testing.T, text string) []float64 {
	t.Helper()
	return embed(t, `{"model":"embed","input":"`+text+`"}`).GetData()[0].GetFloats().GetValues()
}

func cosine(a, b []float64) float64 {
	sum := 0.0
	for i := range a {
		sum += a[i] * b[i]
	}
	return sum
}

func TestEmbed_returns_normalised_vectors_of_the_length_asked_for(t *testing.T) {
	for members, want := range map[string]int{``: 1536, `,"dimensions":1`: 1, `,"dimensions":256`: 256, `,"dimensions":3072`: 3072} {
		for _, text := range []string{"A text", "😀", " ", "the"} {
			out := embed(t, `{"model":"embed","input":"`+text+`"`+members+`}`)
			v := out.GetData()[0].GetFloats().GetValues()
			if len(v) != want || math.Abs(cosine(v, v)-1) > 1e-5 {
				t.Errorf("%q%s: %d values of length %v", text, members, len(v), cosine(v, v))
			}
		}
	}
}

func TestEmbed_says_the_same_in_base64_as_in_floats(t *testing.T) {
	const input = `{"model":"embed","input":["one text","another"],"dimensions":64`
	floats, encoded := embed(t, input+`,"encoding_format":"float"}`), embed(t, input+`,"encoding_format":"base64"}`)
	for i, e := range encoded.GetData() {
		raw, err := base64.StdEncoding.DecodeString(e.GetBase64())
		if err != nil || len(raw) != 4*64 {
			t.Fatalf("%d bytes, error %v", len(raw), err)
		}
		for j, want := range floats.GetData()[i].GetFloats().GetValues() {
			if got := float64(math.Float32frombits(binary.LittleEndian.Uint32(raw[4*j:]))); got != want {
				t.Errorf("value %d of input %d: %v in base64, %v in floats", j, i, got, want)
			}
		}
	}
}

func TestEmbed_puts_similar_texts_closer(t *testing.T) {
	tests := []struct{ text, near, far string }{
		{"I like cats", "I like my cat", "The quarterly revenue grew"},
		{"How do I reset my password?", "resetting a password", "Bananas are rich in potassium"},
		{"The weather in Boston is sunny", "Boston weather: sun", "Invoices are due in thirty days"},
		{"Der Hund schläft im Garten", "Ein Hund schlief in den Gärten", "Steuererklärung für Kleinbetriebe"},
		{"机器学习模型", "学习模型训练", "今天天气很好"},
	}
	for _, tt := range tests {
		a := vector(t, tt.text)
		near, far := cosine(a, vector(t, tt.near)), cosine(a, vector(t, tt.far))
		if near < far+0.15 {
			t.Errorf("%q: %.3f to %q, %.3f to %q", tt.text, near, tt.near, far, tt.far)
		}
		if same := cosine(a, vector(t, tt.text)); math.Abs(same-1) > 1e-5 {
			t.Errorf("%q to itself: %v", tt.text, same)
		}
	}
}

func TestEmbed_answers_each_input_in_order(t *testing.T) {
	out := embed(t, `{"model":"embed","input":["first text","second","third one here"]}`)
	for i, text := range []string{"first text", "second", "third one here"} {
		e := out.GetData()[i]
		if e.GetIndex() != int64(i) || e.GetObject() != "embedding" || math.Abs(cosine(e.GetFloats().GetValues(), vector(t, text))-1) > 1e-5 {
			t.Errorf("entry %d is not that of %q", i, text)
		}
	}
	if u := out.GetUsage(); u.GetPromptTokens() != 6 || u.GetTotalTokens() != 6 || out.GetObject() != "list" || out.GetModel() != "embed" {
		t.Errorf("usage %v, object %q, model %q", u, out.GetObject(), out.GetModel())
	}
}

func TestEmbed_takes_token_ids(t *testing.T) {
	one := embed(t, `{"model":"embed","input":[1,2,3]}`)
	many := embed(t, `{"model":"embed","input":[[1,2,3],[4]]}`)
	a := one.GetData()[0].GetFloats().GetValues()
	if len(one.GetData()) != 1 || one.GetUsage().GetPromptTokens() != 3 || many.GetUsage().GetPromptTokens() != 4 {
		t.Errorf("usages %v and %v", one.GetUsage(), many.GetUsage())
	}
	if cosine(a, many.GetData()[0].GetFloats().GetValues()) < 0.999 || cosine(a, many.GetData()[1].GetFloats().GetValues()) > 0.5 {
		t.Error("the same ids differ, or other ids do not")
	}
}

func TestEmbed_refuses_invalid_requests(t *testing.T) {
	tests := []struct {
		body, param string
		kind        adapters.Kind
	}{
		{`{"model":"embed","input":""}`, "input", adapters.KindInvalid},
		{`{"model":"embed","input":[]}`, "input", adapters.KindInvalid},
		{`{"model":"embed","input":["a",""]}`, "input", adapters.KindInvalid},
		{`{"model":"embed","input":{"image":"x"}}`, "input", adapters.KindInvalid},
		{`{"model":"embed","input":"` + strings.Repeat("a ", 8193) + `"}`, "input", adapters.KindInvalid},
		{`{"model":"embed","input":"a","dimensions":0}`, "dimensions", adapters.KindInvalid},
		{`{"model":"embed","input":"a","dimensions":3073}`, "dimensions", adapters.KindInvalid},
		{`{"model":"embed","input":"a","encoding_format":"int8"}`, "encoding_format", adapters.KindInvalid},
		{`{"model":"chat","input":"a"}`, "model", adapters.KindNotFound},
		{`{"model":"nobody","input":"a"}`, "model", adapters.KindNotFound},
	}
	for _, tt := range tests {
		_, err := tryEmbed(t, tt.body)
		var e *adapters.Error
		if !errors.As(err, &e) || e.Kind != tt.kind || e.Envelope.GetError().GetParam() != tt.param || e.Envelope.GetError().GetType() != "invalid_request_error" {
			t.Errorf("%.60s: %v", tt.body, err)
		}
	}
}

func TestEmbed_misbehaves_as_the_name_says(t *testing.T) {
	if _, err := tryEmbed(t, `{"model":"error-429","input":"a"}`); adapters.KindOf(err) != adapters.KindRateLimited {
		t.Errorf("error-429: %v", err)
	}
	if out := embed(t, `{"model":"slow-1ms","input":"a"}`); len(out.GetData()) != 1 {
		t.Errorf("slow-1ms: %v", out)
	}
}
